/* All that the policy sees of a behaviour profile. features/profile.h makes it. */
#pragma once

#include <math.h>
#include <stdint.h>

#include "model/resources.h"

/* The order is stored in the database and in weights: append only. */
enum behaviour {
	BEHAVIOUR_UNKNOWN,
	BEHAVIOUR_IDLE,
	BEHAVIOUR_STEADY,
	BEHAVIOUR_BURSTY,
	BEHAVIOUR_CPU_BOUND,
	BEHAVIOUR_MEMORY_HEAVY,
	BEHAVIOUR_IO_BOUND,
	BEHAVIOUR_NETWORK_CHATTY,
	BEHAVIOUR_N
};

extern const char *const behaviour_names[BEHAVIOUR_N]; /* "cpu-bound", … */

#define FORECAST_STEPS 12

struct forecast {
	struct moments cpu_cores;      /* the next policy step */
	struct moments cpu_slow_cores; /* the long run */
	struct moments mem_bytes;      /* working set, the next step */
	double cpu_now_cores; /* the newest step; demand: a throttled task counts at its limit or
	                         above */
	float cpu_last_cores[FORECAST_STEPS]; /* oldest first, NAN = gap */
	double throttled_ratio;               /* share of periods throttled, 0 … 1 */
	double net_bytes_per_s;
	double confidence; /* 0 (nothing known) … 1 */
	enum behaviour behaviour;
};
