/*
 * Forecasts that many containers learn together: each keeps a fast and a slow level of its own, and
 * what these say about the next step's mean and variance is one regression over all of them. So a
 * container is forecast well from its third step on. Plain data.
 */
#pragma once

#include "model/forecast.h"

#define POOLED_TERMS 5

/* One container. */
struct pooled_level {
	double newest, fast, slow;   /* levels: EWMA .3; a mean that forgets over 9 steps */
	double slow_var, slow_third; /* mean of (newest − slow)² and ³ over 60; first a guess */
	double last[FORECAST_STEPS]; /* oldest first */
	double n;                    /* steps seen */
};

/* Least squares of one quantity on POOLED_TERMS terms: the sums over all rows, and their solution.
 */
struct pooled_fit {
	double a[POOLED_TERMS][POOLED_TERMS], b[POOLED_TERMS], x[POOLED_TERMS];
};

/*
 * What all share: least squares of the mean on [newest, fast, slow, 1, slow · trend], of the
 * variance on [(newest − slow)², slow_var, slow·(1 − slow), 1] and of the third central moment on
 * [slow_third, slow·(1 − slow)·(1 − 2 slow)], what is on or off, with a prior. The trend: a slow
 * level lags behind when all go down together, as at night, and one container's newest values are
 * too noisy to show it; those of all together do.
 */
struct pooled {
	struct pooled_fit mean, var, third;
	double sum_fast, sum_slow; /* of what was pushed in this step */
	double trend;              /* Σ fast / Σ slow − 1 of the last one */
};

/* At the prior: .2 fast + .8 slow + half of the trend, and most of the slow variance. */
void pooled_init(struct pooled *p);

/*
 * The next step's value of a container, as a share of what it may have (0 … 1): teaches the pool
 * how well it was forecast and moves the container's own levels. Not finite: ignored.
 */
void pooled_push(struct pooled *p, struct pooled_level *l, double value);

/* Takes what was pushed into the coefficients; once a step. */
void pooled_solve(struct pooled *p);

/* The next step, and the long run. Means 0 … 1, variances and third moments at least 0. */
struct moments pooled_next(const struct pooled *p, const struct pooled_level *l);
struct moments pooled_slow(const struct pooled *p, const struct pooled_level *l);
