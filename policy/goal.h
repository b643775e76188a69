/*
 * What a decision is for. A goal is read from the snapshot anew each step: a hot node stays the
 * first goal until it is not hot, and a half-drained node is the cheapest one to drain.
 */
#pragma once

#include "policy/moves.h"

/* Nodes tried for draining, emptiest first. */
#define GOAL_DRAINS 16

/* Emptying a node that may sleep: all its services move, one decision at a time. */
struct goal_plan {
	uint32_t node;
	size_t first; /* in moves->list: the move to begin with */
	uint32_t n_moves;
	bool observed;         /* one of them is in observe mode: only to be shown */
	double delta[BASIS_N]; /* Δφ of all moves together */
	double move_cost;
};

/*
 * The nodes to relieve (guard_is_hot), by forecast mean + sd a core, then index. Returns how many;
 * *ret is in the arena.
 */
size_t goal_hot_nodes(const struct moves *m, struct arena *arena, uint32_t **ret);

/*
 * Drains that the guard lets pass as a whole: nodes that may sleep, hold something, and of which
 * every service has somewhere to go. Targets are chosen by theta. Returns how many; *ret is in the
 * arena.
 */
size_t goal_drains(const struct moves *m, const struct objective *o,
                   const double theta[static BASIS_N], struct arena *arena, struct goal_plan **ret);
