/*
 * Thresholds and prices, found on training days alone, in orders of the files that nothing else
 * sees.
 *
 * pbf's thresholds: the point of a grid with the least cost_j. linear's price of overload: the
 * lowest at which it is expected to overload at most TUNE_OF_PBF of what that pbf does, and
 * TUNE_OF_LR of what LR-MMT does, for energy and overload go opposite ways with it. What is
 * expected comes from days that the policy has not learnt on: each training day is judged by what
 * learnt on the others (a single one by itself, in other orders), at every price of a grid, and a
 * line through all of them on a log scale says where the limit is met. The lowest price that kept
 * to it would be a lucky one.
 */
#pragma once

#include "sim/cloudsim/product.h"

/*
 * The aims are .6 and .2 (docs/evaluation.md). What a line through some twelve noisy judgements
 * says of a new day is off by a tenth or so: the margin.
 */
#define TUNE_OF_PBF 0.55
#define TUNE_OF_LR  0.18

struct tune_request {
	struct day *const *days; /* in the order of their names' bytes */
	size_t n_days;           /* 0: nothing is tuned */
	bool keep_idle, linear;
	unsigned threads; /* 0: one a processor */
	/* Called as each step is done; NULL: nobody watches. */
	void (*done)(void *data, size_t count);
	void *data;
};

/* How many steps tune_run reports. */
size_t tune_steps(const struct tune_request *q);

void tune_run(const struct tune_request *q, struct product_tuning *ret);

/*
 * Where the line through (log price, log overload) meets most, between the first and the last price
 * (ascending); the last where the line does not fall, or most is not above 0.
 */
double tune_price(const double *prices, const double *overload, size_t n, double most);
