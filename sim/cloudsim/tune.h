/*
 * Thresholds and prices, found on training days alone, in orders of the files that nothing else
 * sees.
 *
 * pbf's thresholds: the point of a grid with the least cost_j. linear's price of overload: the
 * lowest at which it is expected to overload at most TUNE_OF_PBF of what that pbf does, and
 * TUNE_OF_LR of what LR-MMT does, for energy and overload go opposite ways with it; where that
 * costs more than TUNE_COST of pbf's cost_j, or no price of the grid does it, the one of the least
 * cost_j that keeps to LR-MMT's line. What is expected comes from days that the policy has not
 * learnt on: each training day is judged by what learnt on the others (a single one by itself, in
 * other orders), at every price of a grid, and a line through all of them on a log scale says where
 * the limit is met. The lowest price that kept to it would be a lucky one.
 */
#pragma once

#include "sim/cloudsim/product.h"

/*
 * The aims are .6 and .2 (docs/evaluation.md). What a line through some twelve noisy judgements
 * says of a new day is off by a tenth or so: the margin.
 */
#define TUNE_OF_PBF 0.55
#define TUNE_OF_LR  0.18
/* Costs vary by a per cent from order to order: less than this would not show over ten of them. */
#define TUNE_COST 0.99

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

/* What linear does at some prices, ascending; at least two. */
struct tune_prices {
	const double *price, *overload, *cost;
	size_t n;
};

/* What its rivals do on the same days. */
struct tune_limits {
	double pbf_pct, pbf_cost, lr_pct;
};

/* Between the first and the last price. */
double tune_price(const struct tune_prices *p, const struct tune_limits *limits);
