/*
 * The benchmark behind `forager bench`: contenders × days × orders, as a table of rows. The door of
 * sim/cloudsim/ for everybody else.
 */
#pragma once

#include "base/error.h"

struct bench_request {
	const char *traces; /* a folder that holds one folder a day */
	const char *const *days;
	size_t n_days;
	const char *const *policies; /* NAME[:PARAM] */
	size_t n_policies;
	const char *const
	    *train; /* days to learn and tune on, in this order; never reported ones */
	size_t n_train;
	uint32_t seeds; /* shuffled orders of the files, seeds 1 …; 0: their sorted order alone */
	bool keep_idle;
	unsigned threads;                                     /* 0: one a processor */
	void (*progress)(void *data, size_t done, size_t of); /* NULL: nobody watches */
	void *data;
};

/* Percentages are of 100. cost_j: policy/reward.h's unit. */
struct bench_row {
	char *day, *policy;
	uint64_t seed, moves;
	double energy_kwh, slatah_pct, pdm_pct, slav_pct, overall_sla_pct, overload_pct, unmet_pct;
	double cost_j, mean_active_hosts, decide_ms_mean, decide_ms_max, wall_s;
	uint64_t host_shutdowns;
};

/*
 * Rows by day, policy and seed, in the order asked for. limited-mmt, pbf, packing and fluid join if
 * they were not named: the controls and bounds that every table needs. -EINVAL: an unknown policy,
 * a day that is both trained on and reported, a trace that is none (the text names file and line);
 * or the errno of reading. bench_rows_free frees the rows.
 */
int bench_run(const struct bench_request *request, struct bench_row **ret, size_t *ret_n,
              struct error *err);
void bench_rows_free(struct bench_row *rows, size_t n);

/* day_write_synthetic of sim/cloudsim/day.h, with 1,050 VMs a day. */
int bench_synthetic(const char *dir, uint32_t n_days, uint64_t seed, struct error *err);
