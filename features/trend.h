/*
 * One quantity's forecast for the next policy step: a fast and a slow level, how far each of them
 * missed lately, and from both the mean and the variance to expect. Plain data.
 */
#pragma once

#include "features/options.h"
#include "model/resources.h"

struct trend {
	double fast, slow;             /* levels with tau_fast and tau_slow */
	double slow_var;               /* around the slow level */
	double fast_miss2, slow_miss2; /* mean square of what each level missed the next step by */
	double miss2;                  /* the same of the forecast itself */
	double newest;                 /* value of the newest step */
	double n;                      /* steps seen (whole numbers, unless merged) */
};

/* One step's value; steps that are gaps are simply not pushed. Not finite: ignored. */
void trend_push(struct trend *t, double value, const struct features_options *options);

/* The next step: {0, 0} when nothing was seen. The mean is never negative. */
struct moments trend_next(const struct trend *t);
struct moments trend_slow(const struct trend *t);

/* Averages levels by steps seen; their distance adds to the variance. */
void trend_merge(struct trend *t, const struct trend *from);
