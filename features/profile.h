/*
 * The behaviour profile of a container: what it used, how it varies, what it will want next. One
 * per container; a service's pools its replicas' and outlives them, so that a new task starts with
 * what is known of its kind.
 */
#pragma once

#include "base/error.h"
#include "features/options.h"
#include "features/sample.h"
#include "model/forecast.h"

struct profile;

/* For storage and people: everything that a profile knows, units in names. NAN = not known. */
struct profile_summary {
	double cpu_mean_cores, cpu_p50_cores, cpu_p90_cores, cpu_p95_cores, cpu_p99_cores;
	double cpu_peak_cores; /* of one sample, ever since the profile began */
	double cpu_var_cores2; /* of the policy steps' means */
	double cpu_now_cores;  /* demand in the newest step */
	double burst_ratio; /* p95 / mean of CPU (mean not below 0.01 core); 1 = perfectly even */
	double throttled_ratio; /* share of CFS periods, 0 … 1 */
	double mem_mean_bytes, mem_p50_bytes, mem_p95_bytes, mem_peak_bytes;
	double mem_growth_bytes_per_h;                 /* slope over the last steps */
	double net_rx_bytes_per_s, net_tx_bytes_per_s; /* means */
	double net_rx_p95_bytes_per_s, net_tx_p95_bytes_per_s;
	double blk_read_bytes_per_s, blk_write_bytes_per_s;
	double blk_read_p95_bytes_per_s, blk_write_p95_bytes_per_s;
	double forecast_mean_cores, forecast_var_cores2;
	double forecast_error_cores; /* root mean square of what forecasts missed by */
	double startup_ms;           /* longest seen of the remembered; NAN = never seen */
	double confidence;           /* 0 … 1 */
	uint64_t n_samples, oom_kills;
	uint32_t pids_max, restarts;
	enum behaviour behaviour;
	int64_t first_ms, last_ms; /* wall clock of the first and newest sample; 0 = none */
};

/* What bounds a container; 0 = no limit. */
struct profile_limits {
	double cpu_cores, mem_bytes;
};

/* Never NULL. Options are copied. */
struct profile *profile_new(const struct features_options *options);
void profile_free(struct profile *p); /* NULL is fine */
void profile_freep(struct profile **p);

/*
 * Takes one sample. limits may be NULL. A container throttled in half of its CFS periods counts
 * with a demand of at least its limit: what it uses no longer tells what it wants. A sample older
 * than the newest one is ignored, unless it is older by more than a gap: then the clock was set
 * back, and the steps start anew.
 */
void profile_push(struct profile *p, const struct sample *s, const struct profile_limits *limits);

void profile_restarted(struct profile *p); /* the container was started again or recreated */
/* It took so long from created to running (healthy, where there is a check). ≤ 0 is ignored. */
void profile_started(struct profile *p, int64_t startup_ms);
/* The deadline of a move needs it: the longest start-up remembered; 0 = never seen. */
int64_t profile_startup_ms(const struct profile *p);

/*
 * What the policy sees, at now_ms: forecasts for the next step, the last steps aligned to the
 * clock, confidence lowered by the time since the newest sample. A profile without samples gives
 * zeros with confidence 0 and gaps.
 */
void profile_forecast(const struct profile *p, int64_t now_ms, struct forecast *ret);
void profile_summarise(const struct profile *p, int64_t now_ms, struct profile_summary *ret);

/* Bytes per second of the last steps before now_ms, oldest first, NAN = gap (for traffic.h). */
void profile_net_steps(const struct profile *p, int64_t now_ms, float rx[static FORECAST_STEPS],
                       float tx[static FORECAST_STEPS]);

/*
 * Pools from into p: a typical replica of both. Histograms are added, levels averaged by how much
 * each has seen, peaks and counts kept. -EINVAL when their options differ (p untouched).
 */
int profile_merge(struct profile *p, const struct profile *from, struct error *err);

/*
 * A new profile for a task of a service that is known already: the service's figures at half the
 * confidence until the task has shown its own behaviour. service NULL gives an empty one.
 */
struct profile *profile_inherit(const struct profile *service,
                                const struct features_options *options);

/*
 * Sums two summaries as if both ran on one node: levels and rates add, variances add, percentiles
 * add about the mean as independent deviations do. sum starts as {0}; n_samples 0 = nothing yet.
 */
void profile_summary_add(struct profile_summary *sum, const struct profile_summary *x);

/* Versioned JSON, one line, for the database; free() it. */
char *profile_save(const struct profile *p);
/*
 * -EINVAL: not ours, damaged, or of another version; then start with a new one. The options
 * given replace the stored ones; when the step differs the forecast's step values start anew and
 * the histograms are kept.
 */
int profile_load(const char *text, const struct features_options *options, struct profile **ret,
                 struct error *err);
