/*
 * What the scheduler's files share: a round over all that waits, and a group of it, tasks of one
 * service and spec version, that are placed together. Private to scheduler, pipeline and tree.
 */
#pragma once

#include "test/fake/rules.h"

#include "swarm/order.h"

struct round {
	struct world *w;
	struct resources *reserved; /* of each node */
	uint32_t *active;
};

/* In the order of Swarm's filters. */
enum refusal { NOT_READY, NO_RESOURCES, NO_CONSTRAINT, NO_PLATFORM, NO_PORT, TOO_MANY, REFUSAL_N };

struct group {
	struct round *r;
	const struct snapshot *snap; /* the group's service is number 0 */
	struct world_task **tasks;   /* in the order that chance gave them */
	size_t n_tasks, next;
	uint32_t *copies, *extra, *failures; /* of each node; extra: since the snapshot */
	unsigned refused[REFUSAL_N];         /* since a node passed */
};

/* ---- scheduler.c ---- */

/* Gives the group's next task to the node. */
void group_assign(struct group *g, uint32_t node);

/* ---- pipeline.c: the filters, and what Swarm says when no node passes ---- */

bool pipeline_passes(struct group *g, uint32_t node);
/* Most refusals first, equal ones in the filters' order; "" = none. The caller frees. */
char *pipeline_explain(const struct group *g);

/* ---- tree.c: which nodes get how many ---- */

/* Places as many of the group's tasks as there is room for. */
void tree_fill(struct group *g);
