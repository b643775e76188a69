/*
 * Resampling: samples of any spacing become the values of policy steps, aligned to the clock, so
 * that the steps of different containers can be compared and added.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/forecast.h"

/* A step needs this share of it covered by samples, else it is a gap. */
#define WINDOW_COVERAGE_MIN 0.25

struct window_step {
	double mean; /* time-weighted; NAN = gap */
	double max;  /* of the samples that touch it; NAN = gap */
};

struct window {
	int64_t step_ms;
	int64_t current;                         /* number of the open step = floor(t / step_ms) */
	struct window_step last[FORECAST_STEPS]; /* ring: step k stands at k mod FORECAST_STEPS */
	double sum, max;                         /* of the open step: Σ value·ms, largest value */
	int64_t covered_ms;                      /* of the open step */
	bool started;
};

void window_init(struct window *w, int64_t step_ms); /* step_ms ≤ 0 counts as 1 ms */

/*
 * Closes the steps that end at or before t_ms. Returns how many were closed (0 when t_ms lies
 * before the open step); only the newest FORECAST_STEPS of them can still be read.
 */
int64_t window_advance(struct window *w, int64_t t_ms);

/*
 * Spreads value over t_ms − dt_ms … t_ms. Steps that it goes beyond are closed; what lies in steps
 * already closed is dropped. NAN covers nothing. Returns how many steps were closed.
 */
int64_t window_push(struct window *w, int64_t t_ms, int64_t dt_ms, double value);

/* Closed step `back` steps ago: 0 = newest closed. A gap when there is none. */
struct window_step window_at(const struct window *w, size_t back);

/* Means of the closed steps, oldest first, NAN = gap. */
void window_last(const struct window *w, float ret[static FORECAST_STEPS]);

/*
 * Pools from into w step by step, each weighted by the replicas that it stands for; a gap in one
 * leaves the other's value. -EINVAL when their steps differ.
 */
int window_merge(struct window *w, double weight, const struct window *from, double from_weight);

/* Mean of the open step so far; NAN when too little of it is covered. */
double window_open_mean(const struct window *w);
