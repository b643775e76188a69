/*
 * Swarm's order of nodes for one more task (swarmkit manager/scheduler nodeLess): fewest tasks of
 * this service, then fewest active tasks of all; equal ones are ordered at random. Swarm's first
 * criterion, five or more recent failures, counts per service AND spec version, so for the tasks
 * of a new spec version (each of our changes makes one) it is always zero; it is left out here.
 * Placement preferences are not modelled: eligibility keeps away from services that have them.
 */
#pragma once

#include "swarm/filter.h"

/* What is asked about: a task of a service, among the nodes that the filters pass. */
struct order_ask {
	const struct snapshot *snapshot;
	uint32_t service;
	enum filter_view view;
	const bool *excluded; /* per node, ruled out by terms yet to be written; NULL: none */
	const uint32_t
	    *extra; /* per node, tasks of the service beyond the snapshot's; NULL: none */
};

struct order_landing {
	uint32_t node; /* NO_INDEX: no node is feasible, the task would stay pending */
	bool certain;  /* it was strictly first; else Swarm chooses among equals (node: least index)
	                */
};

/* Per node, how many of the snapshot's tasks of the service it holds; ret has n_nodes entries. */
void order_counts(const struct snapshot *s, uint32_t service, uint32_t *ret);

/*
 * The nodes that stand first, in index order: one, or several among which Swarm chooses at random.
 * ret has room for n_nodes. Returns how many; 0 = no node is feasible.
 */
size_t order_best(const struct order_ask *ask, uint32_t *ret);

/* Whether the node is feasible and comes before every other feasible one. */
bool order_strictly_first(const struct order_ask *ask, uint32_t node);

/*
 * Predicts k landings one after another: each counts those before it. ret has k entries. Returns
 * how many of them are certain, up to the first that is not.
 */
size_t order_land(const struct order_ask *ask, size_t k, struct order_landing *ret);
