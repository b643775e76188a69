/*
 * What staying would have cost: the same moment, the same demand, with the moves of the last day
 * taken back. Both sides of "predicted cost of staying − observed cost" come from one formula and
 * one snapshot, so that a wrong forecast cannot be mistaken for harm done.
 */
#pragma once

#include "model/decision.h"
#include "policy/reward.h"

#define STAYED_MS   ((int64_t) 24 * 3600 * 1000)
#define STAYED_MOST 64 /* more moves a day than any budget allows; the oldest are forgotten */

struct stayed_move {
	char service_id[SWARM_ID_SIZE], from_id[SWARM_ID_SIZE], to_id[SWARM_ID_SIZE];
	int64_t wall_ms;
};

struct stayed {
	struct stayed_move list[STAYED_MOST]; /* oldest first */
	size_t n;
};

/* Remembers a move; indices are s's. Anything but a MOVE is ignored. */
void stayed_add(struct stayed *x, const struct snapshot *s, const struct action *moved);

/* Forgets what is older than a day. Returns how many moves are left. */
size_t stayed_expire(struct stayed *x, int64_t wall_ms);

/*
 * The cost of dt_ms of s had the remembered moves not been made. A service or node that is gone,
 * and copies that someone has moved elsewhere since, are left as they are.
 */
double stayed_cost(const struct stayed *x, const struct snapshot *s, const struct objective *o,
                   int64_t dt_ms);
