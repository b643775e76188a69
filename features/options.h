/* The clocks of a profile: everything that depends on how often we look, in one place. */
#pragma once

#include <stdint.h>

/*
 * Rates are time constants (α = 1 − exp(−Δt/τ)), so that 15 s / 5 min and a demonstration's
 * 1 s / 5 s run the same code. The forecast looks one policy step ahead, therefore its constants
 * are counted in steps; how long a percentile remembers is counted in hours.
 */
struct features_options {
	int64_t step_ms;   /* a policy step ([agent] decide-every) */
	int64_t sample_ms; /* how often a container is read ([agent] sample-every) */
	int64_t min_dt_ms; /* two readings closer than this are one: their difference is noise */
	int64_t gap_ms; /* two readings farther apart than this tell nothing of what was between */
	int64_t half_life_ms; /* of a histogram's weights */
	int64_t tau_fast_ms;  /* forecast: the recent level */
	int64_t tau_slow_ms; /* forecast: the long run, its variance and the forecast's own error */
	double max_cores;    /* a rate above this is a broken clock or counter, not a load */
};

/* Sensible values for a step and a sampling interval; either ≤ 0 means 5 min / 15 s. */
struct features_options features_options_for(int64_t step_ms, int64_t sample_ms);

/* α = 1 − exp(−dt/τ), 0 … 1; τ ≤ 0 gives 1, dt ≤ 0 gives 0. */
double features_alpha(int64_t dt_ms, int64_t tau_ms);
