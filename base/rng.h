/*
 * Our own random numbers, so that a seed gives the same bytes on every machine: xoshiro256**,
 * seeded by splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 47(4), 2021). Not for secrets.
 */
#pragma once

#include "base/util.h"

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
/* Seeds by hash(seed, stream): independent streams of one seed, e.g. one a decision. */
void rng_seed_stream(struct rng *r, uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);
double rng_double(struct rng *r);              /* [0, 1), 53 bits */
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 … n−1 without bias; n > 0 */
/* Every order of these n items of size bytes is as likely (Fisher and Yates; Knuth's algorithm P).
 */
void rng_shuffle(struct rng *r, void *items, size_t n, size_t size);
double rng_normal(struct rng *r); /* mean 0, variance 1 (Marsaglia's polar method) */
