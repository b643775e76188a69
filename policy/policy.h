/* What is inside a policy. For policy/ only; others use policy/decide.h. */
#pragma once

#include "policy/decide.h"
#include "policy/fallback.h"
#include "policy/linear.h"
#include "policy/stayed.h"

/* An algorithm is a way to decide; learning and saving are the same for all that have weights. */
struct algorithm {
	const char *name;
	bool learns;
	void (*decide)(const struct snapshot *s, const struct policy *p, struct rng *rng,
	               struct decision *d);
};

/* The last residual of a node's row, to see how alike successive rows are. */
struct residual {
	char node_id[SWARM_ID_SIZE];
	double value;
};

struct policy {
	const struct algorithm *algorithm;
	struct policy_options options; /* .algorithm: the table's name */
	struct linear linear;
	struct fallback fallback;
	struct stayed stayed;       /* not saved: a restart begins a new account */
	struct residual *residuals; /* sorted by node id */
	size_t n_residuals;
	bool frozen; /* policy_freeze */
	/* Over a plan. More than one shows no half-empty nodes to learn from. */
	int passes;
};

/* NULL: there is none of that name. */
const struct algorithm *policy_algorithm_named(const char *name);

/* The θ that decides now: the posterior mean, or the sample that is held at this time. */
void policy_theta(const struct policy *p, int64_t wall_ms, double ret[static BASIS_N]);
