/* What a profile remembers. Only profile.c and profile_state.c look inside. */
#pragma once

#include "features/histogram.h"
#include "features/profile.h"
#include "features/trend.h"
#include "features/window.h"

#define PROFILE_STARTUPS 8 /* so many starts are remembered */

struct profile {
	struct features_options options;
	struct profile_limits limits;
	struct histogram cpu, mem, net_rx, net_tx, blk_read, blk_write;
	struct window cpu_steps, mem_steps, rx_steps, tx_steps; /* cpu_steps: demand, not use */
	struct trend cpu_trend, mem_trend;
	double cpu_peak_cores, mem_peak_bytes;
	double throttled_ratio, net_bytes_per_s; /* recent, tau_fast */
	double inherited;                        /* confidence taken over from the service */
	int64_t inherited_ms;                    /* as of when */
	double own_steps;                        /* steps that this profile has seen itself */
	double replicas;                         /* that are pooled in it; 1 = a container's */
	int64_t first_ms, last_ms;
	int64_t startups_ms[PROFILE_STARTUPS]; /* ring */
	uint64_t n_samples, n_startups, oom_kills;
	uint32_t pids_max, restarts;
	enum behaviour behaviour;
};

/* Closes the steps up to now_ms and lets forecasts and class follow. Touches no histogram. */
void profile_advance(struct profile *p, int64_t now_ms);
