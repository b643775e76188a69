/* forager's policies as contenders: their options in this world, training and tuning. */
#pragma once

#include "sim/cloudsim/trial.h"

/* What is found on training days (tune.h); plain data. */
struct product_tuning {
	double pbf_sds, pbf_fit_sds, pbf_drain_below;
	double overload; /* the price that linear learns by */
	/* linear: through the training days so often; over its plans so often, once trained. */
	int rounds, passes;
	/* What only studies vary (test/bench/ablation.c). */
	double move, kappa, horizon_s;
	uint32_t without;
	bool samples; /* draws while learning; else the posterior mean */
};

void product_tuning_init(struct product_tuning *ret);

/* A fresh policy. policy_free it. */
struct policy *product_new(const struct contender *c, const struct product_tuning *tuning,
                           uint64_t seed);

/*
 * Lets the policy decide and learn through the days, in their order, so often (tuning->rounds),
 * each time in another order of the files, which follows from the seed: what is learnt of one order
 * alone is half luck. Then freezes it (policy_freeze). Nothing without days, and for those that do
 * not learn.
 */
void product_train(struct policy *p, const struct contender *c, const struct product_tuning *tuning,
                   struct day *const *days, size_t n_days, uint64_t seed, bool keep_idle);
