/* forager's policies as contenders: their options in this world, training and tuning. */
#pragma once

#include "sim/cloudsim/trial.h"

/* What is found on training days (tune.h); plain data. */
struct product_tuning {
	double pbf_sds, pbf_fit_sds, pbf_drain_below;
	double overload; /* the price that linear learns by */
	int passes;      /* over linear's plans, once trained */
};

void product_tuning_init(struct product_tuning *ret);

/* A fresh policy. policy_free it. */
struct policy *product_new(const struct contender *c, const struct product_tuning *tuning,
                           uint64_t seed);

/*
 * Lets the policy decide and learn through the days, in their order, and freezes it (policy_freeze)
 * if there were any. Nothing for those that do not learn.
 */
void product_train(struct policy *p, const struct contender *c, const struct product_tuning *tuning,
                   struct day *const *days, size_t n_days, uint64_t seed, bool keep_idle);
