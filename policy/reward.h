/*
 * What a step cost: one definition for learning, for the simulator and for people.
 *
 * The unit is that of the published consolidation benchmarks: 1 = 8.333 Wh, what 100 W burn in
 * 5 min. Costs are amounts, not rates: a step of 10 s costs a thirtieth of one of 5 min, so figures
 * of different steps can be compared and added.
 */
#pragma once

#include "model/snapshot.h"

#define REWARD_UNIT_WATTS 100.0
#define REWARD_UNIT_MS    (300 * 1000)

/*
 * [objective] of the configuration; all ≥ 0. overload: units a step of a node whose demand exceeds
 * its cores, whoever waits there; for worlds that know no callers (published consolidation
 * benchmarks charge 15), 0 in a Swarm, where response says it better.
 */
struct objective {
	double energy, response, reserved, move, traffic, overload;
};

/* energy 1, response 1, reserved .1, move 3 (units for one move), traffic 1. */
void objective_init(struct objective *ret);

/* The parts of a cost, weights included. */
struct cost {
	double energy, response, reserved, moves, traffic;
};

double cost_total(const struct cost *c);
void cost_add(struct cost *sum, const struct cost *x);

/*
 * The cost of what a snapshot shows, had it lasted for dt_ms, one entry a node (ret holds n_nodes).
 *
 *   energy    w · watts / 100 W; an empty node that may sleep draws nothing
 *   response  w · Σ (2 + severity) / replicas over the tasks of services beyond their objective.
 *             With a latency objective: seen p95 above it, severity = p95 / objective − 1. Without:
 *             the node's demand above its cores (or its throttled share above a quarter), severity
 *             = demand / cores − 1, and a service that nobody calls counts a quarter. Severity is
 *             at most 8.
 *             overload adds its weight once a node with a demand above its cores
 *   reserved  w · cores reserved but unused / 8
 *   traffic   w · half of the bytes to other nodes / (1 Gbit/s)
 *   moves     0: charged by the mover of them, see reward_move
 *
 * A blind or stale node's load is taken from reservations. Never NAN.
 */
void reward_nodes(const struct snapshot *s, const struct objective *o, int64_t dt_ms,
                  struct cost *ret);
/* The same of states at hand (node_state.h), which may be others than their snapshot's own. */
struct node_states;
void reward_states(const struct node_states *w, const struct objective *o, int64_t dt_ms,
                   struct cost *ret);
/* Σ of reward_nodes. */
void reward_cluster(const struct snapshot *s, const struct objective *o, int64_t dt_ms,
                    struct cost *ret);
/* What moving n copies costs by itself; charged to the source. */
double reward_move(const struct objective *o, uint32_t n_tasks);
