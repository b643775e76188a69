/* The figures of one trial: CloudSim's own metrics (examples/power/Helper.java) and ours beside. */
#pragma once

#include "sim/cloudsim/cloud.h"

/* Units of cost_j: policy/reward.h's, a published benchmark's prices. */
#define SCORE_UNIT_J        30000.0 /* what 100 W burn in 5 min: 8.333 Wh */
#define SCORE_PER_OVERLOAD  15.0
#define SCORE_PER_MIGRATION 3.0

struct score {
	double energy_kwh;
	uint64_t moves;
	double slatah_pct, pdm_pct, slav_pct, overall_sla_pct;
	/* Of host-steps that are on: those that want more than there is. Of all that is wanted at
	 * ticks: what is not given. */
	double overload_pct, unmet_pct;
	uint64_t overloaded_steps;
	double cost_j;
	uint32_t shutdowns;
	double mean_active_hosts; /* active time / 86,400 s */
	double decide_ms_mean, decide_ms_max, wall_s;
};

/* Of a day that has ended (cloud_end). The times are the caller's. */
void score_of(const struct cloud *c, struct score *ret);
