/* The linear policy's way to decide. For policy/ only. */
#pragma once

#include "base/rng.h"
#include "model/decision.h"

struct policy;

void decide_linear(const struct snapshot *s, const struct policy *p, struct rng *rng,
                   struct decision *d);
