/*
 * A decaying histogram with logarithmic buckets, as the Kubernetes Vertical Pod Autoscaler keeps:
 * percentiles that are small to store, mergeable over replicas, and forget with a half-life.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Bucket 0 is [0, first); each next one is `ratio` times as wide; the last takes everything above.
 */
enum histogram_kind {
	HISTOGRAM_CPU_CORES, /* 0.001 … 1,024 cores, 5 % */
	HISTOGRAM_MEM_BYTES, /* 64 KiB … 16 TiB, 5 % */
	HISTOGRAM_RATE,      /* 16 B/s … 1 TB/s, 20 %: order of magnitude is what matters */
	HISTOGRAM_KIND_N
};

struct histogram {
	double *weights;   /* of buckets lo … lo+n−1; NULL when empty. Owned. */
	double total, sum; /* Σ weight, Σ weight·value: the mean is exact */
	int64_t ref_ms;    /* a weight of 1 at this time is stored as 1 */
	int64_t half_life_ms;
	enum histogram_kind kind;
	uint16_t lo, n;
};

void histogram_init(struct histogram *h, enum histogram_kind kind, int64_t half_life_ms);
void histogram_done(struct histogram *h); /* an all-zero one is fine */

/*
 * Counts value, seen at t_ms, with weight (seconds that it lasted). NAN, infinite and negative
 * values and weights ≤ 0 are ignored. Times may come in any order.
 */
void histogram_add(struct histogram *h, double value, double weight, int64_t t_ms);

/* The value below which `share` (0 … 1) of the weight lies, interpolated; NAN when empty. */
double histogram_percentile(const struct histogram *h, double share);
double histogram_mean(const struct histogram *h); /* exact; NAN when empty */
bool histogram_empty(const struct histogram *h);
/* The weight as of t_ms: how much is remembered, decayed. */
double histogram_weight(const struct histogram *h, int64_t t_ms);

/* Adds scale × from to h. -EINVAL when kinds or half-lives differ. */
int histogram_merge(struct histogram *h, const struct histogram *from, double scale,
                    struct error *err);
/* Replaces h (which must be initialised) by a copy of from. */
void histogram_copy(struct histogram *h, const struct histogram *from);

/* Compact, versioned, one line of ASCII without quotes; weights to 1/10,000 of the largest. */
char *histogram_save(const struct histogram *h); /* free() it */
/* Replaces h by what text says; -EINVAL (h untouched) when it is not ours or damaged. */
int histogram_load(struct histogram *h, const char *text, struct error *err);
