/*
 * Probabilistic best fit: the tuned heuristic that a learner must beat. A node whose forecast
 * mean + k·sd exceeds its cores is relieved; what moves goes to the fullest node that still holds
 * it with the same certainty; where nodes may sleep, those below a load of .4 are drained.
 */
#pragma once

#include "base/rng.h"
#include "model/decision.h"

struct plan;
struct policy;

void pbf_decide(const struct snapshot *s, const struct policy *p, struct rng *rng,
                struct decision *d);

/* The same where many moves are made at once (policy/plan.h). Relief opens a sleeping node last. */
void pbf_plan(struct plan *p, double sds, double fit_sds, double drain_below);
