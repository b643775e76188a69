/*
 * The control: Swarm's own idea of balance, applied after the fact. One task at a time goes from
 * the node with the most active tasks (that holds something movable) to the feasible one with the
 * fewest, while they differ by two or more. It knows nothing of load.
 */
#pragma once

#include "base/rng.h"
#include "model/decision.h"

struct policy;

void spread_decide(const struct snapshot *s, const struct policy *p, struct rng *rng,
                   struct decision *d);
