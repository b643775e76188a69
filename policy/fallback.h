/*
 * Never worse while learning: compares what staying was predicted to cost with what acting did
 * cost, over 24 h, and suspends acting when it is likely to be worse by more than 5 %.
 */
#pragma once

#include "base/util.h"

struct fallback {
	/* The hour that is being filled. */
	double stay, observed, filled_ms;
	/* Whole hours, fading over 24 h: relative advantage of acting. */
	double n, mean, squares;
	int64_t suspended_wall_ms; /* 0 = not suspended */
};

void fallback_init(struct fallback *f);

/*
 * One step of dt_ms that ended at wall_ms with moves of the last day in effect: what staying would
 * have cost (stayed.h) and what was observed, the cost of a move started in it included. Numbers
 * that are not finite or negative are ignored.
 */
void fallback_add(struct fallback *f, int64_t wall_ms, int64_t dt_ms, double stay, double observed);

/* For a day after it was suspended; then acting is tried anew. */
bool fallback_suspended(const struct fallback *f, int64_t wall_ms);

/* Mean relative advantage of acting, and its lower 95 % bound; NAN = fewer than 6 hours seen. */
double fallback_advantage(const struct fallback *f);
double fallback_lower(const struct fallback *f);
