/* forager's policies as contenders: their options in this world, training and tuning. */
#pragma once

#include "sim/cloudsim/trial.h"

/* What training found for one contender; plain data. */
struct product_tuning {
	double pbf_sds, pbf_fit_sds, pbf_drain_below;
};

void product_tuning_init(struct product_tuning *ret);

/* A fresh policy. policy_free it. */
struct policy *product_new(const struct contender *c, const struct product_tuning *tuning,
                           uint64_t seed, bool keep_idle);

/* Lets the policy decide and learn through the days, in their order. */
void product_train(struct policy *p, const struct contender *c, struct day *const *days,
                   size_t n_days, uint64_t seed, bool keep_idle);

/* The points that PBF is tried at, and the one of least mean cost_j over the days. */
size_t product_grid_size(void);
struct product_tuning product_grid(size_t i);
