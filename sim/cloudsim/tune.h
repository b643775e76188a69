/*
 * Thresholds and prices, found on training days alone: pbf's thresholds by least cost_j; linear's
 * price of overload as the lowest at which it overloads at most .6 of what the tuned pbf does
 * there, once for plans of one pass and once for several, and of the two the one that takes less
 * energy, unless it costs over 2 % more by cost_j. All in the files' sorted order: they must not
 * follow a shuffle.
 */
#pragma once

#include "sim/cloudsim/product.h"

struct tune_request {
	struct day *const *days;
	size_t n_days; /* 0: nothing is tuned */
	bool keep_idle, linear;
	unsigned threads; /* 0: one a processor */
	/* Called as each step is done; NULL: nobody watches. */
	void (*done)(void *data, size_t count);
	void *data;
};

/* How many steps tune_run reports. */
size_t tune_steps(const struct tune_request *q);

void tune_run(const struct tune_request *q, struct product_tuning *ret);
