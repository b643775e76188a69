/*
 * A node as sums over its tasks, so that the state after a move costs O(1), whatever the size of
 * the cluster: (demand now, forecast mean, variance and third central moment of the next step, the
 * same of the long run, the last steps, memory, tasks, who waits). Variances and third moments add
 * as if tasks were independent; what they share shows in the sum of their last steps.
 */
#pragma once

#include "model/snapshot.h"

/* A service that nobody calls still wants its CPU, but nobody waits for an answer. */
#define NODE_STATE_UNCALLED 0.25

/* What one task, or all copies that would move together, brings to a node. */
struct task_load {
	double now, mean, var;            /* cores, cores² */
	double slow, slow_var;            /* the long run */
	double third, slow_third;         /* third central moments, cores³, at least 0 */
	double last[FORECAST_STEPS];      /* cores, oldest first, no gaps */
	double mem_bytes, mem_var_bytes2; /* working set */
	double callers;                   /* 1 a task with callers, NODE_STATE_UNCALLED else */
	double n, n_called;
	double confidence; /* the least of its tasks */
	/*
	 * On a saturated node a task that takes about as much as the greediest one is held back:
	 * what it uses is only a lower bound of what it wants. held: some task is, and no limit
	 * bounds it.
	 */
	bool held;
	int64_t running_ms; /* of the youngest */
};

struct node_state {
	/* What the node is. */
	double cores, mem_capacity_bytes;
	double size; /* cores relative to the cluster's mean */
	double line; /* relief line, share of cores */
	double watts_idle;
	const struct power_curve *power; /* the snapshot's */
	bool may_sleep;
	bool known; /* its load is measured: neither blind nor stale */
	/* What is on it. */
	double now, mean, var, slow, slow_var, last[FORECAST_STEPS];
	double third, slow_third; /* loads that jump up now and then */
	double mem_bytes, mem_var_bytes2;
	double n;                  /* tasks, without those of global services */
	double n_called, callers;  /* of all tasks */
	double n_held, held_cores; /* tasks held back, and what they use together */
	double cross_bytes_per_s;  /* half of the traffic to and from other nodes */
};

/* All nodes of a snapshot, and the load of each of its tasks. */
struct node_states {
	struct node_state *nodes; /* n_nodes */
	struct task_load *tasks;  /* n_tasks */
	uint32_t *first_edge;     /* n_services + 1: each service's run of edges */
	uint32_t *edges;          /* indices into the snapshot's edges */
	const struct snapshot *snapshot;
};

/* Everything in the arena. The snapshot must outlive it. */
struct node_states *node_states_new(const struct snapshot *s, struct arena *arena);

/* Puts a load on a node or takes it away; the inverse gives the same sums up to rounding. */
void node_state_add(struct node_state *n, const struct task_load *load);
void node_state_remove(struct node_state *n, const struct task_load *load);

/* The same node if the long run came now: what a sustained need must show in too. */
struct node_state node_state_slow(const struct node_state *n);

/* The sum of a service's running tasks on a node: what a move would carry. n = 0: none. */
void node_states_carried(const struct node_states *w, uint32_t service, uint32_t node,
                         struct task_load *ret);

/*
 * By how much the node's half of the cross-node traffic changes when the service's copies on from
 * go to to, bytes/s: *ret_from and *ret_to, may be negative. Other nodes' halves do not change.
 */
void node_states_traffic(const struct node_states *w, uint32_t service, uint32_t from, uint32_t to,
                         double *ret_from, double *ret_to);

/* Demand of the next step or now, whichever is more, as a share of its cores. */
double node_state_load(const struct node_state *n);
