/*
 * Deciding many moves at once, where a world carries out whatever is decided (allowance.direct):
 * relief first, then drains, each judged by the states that the moves before it leave behind. It
 * asks nothing of Swarm, whose one change at a time decide_linear.c is for.
 */
#pragma once

#include "policy/linear.h"

/* A node whose tasks are being moved about, with what it is worth. */
struct plan {
	const struct snapshot *snapshot;
	const struct objective *objective;
	struct node_states *states; /* as they are after the moves so far; ours to change */
	uint32_t *node_of;          /* of each task */
	uint32_t **tasks;           /* of each node */
	uint32_t *n_tasks, *room;
	struct planned *list;
	size_t n, size, most;
	struct arena *arena;
};

/* Everything in the arena. Only services of one task are moved. */
struct plan *plan_new(const struct snapshot *s, const struct objective *o, struct arena *arena);

/* Moves a task in the states and notes the action. */
void plan_move(struct plan *p, uint32_t task, uint32_t to, double gain);
/* Takes back everything noted after the first n. */
void plan_undo(struct plan *p, size_t n);

/* (mean + sd) / cores */
double plan_heat(const struct node_state *n);
/* Nodes by descending heat; returns how many hold something. In the arena. */
size_t plan_by_heat(const struct plan *p, uint32_t **ret);
/* The node's tasks, the greediest first: it has the fewest places to go to. free() it. */
uint32_t *plan_by_mean(const struct plan *p, uint32_t node);

/*
 * The plan of the linear value with this θ. A pass empties no node that got something in it; in a
 * second one it may, and a task that moves on costs no second move.
 */
void plan_linear(struct plan *p, const double theta[static BASIS_N], int passes);
