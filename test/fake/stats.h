/*
 * What the tasks do: each service has a load shape, nodes have only so many cores, counters grow by
 * what the tasks really got. Pure but for the counters kept in the tasks.
 */
#pragma once

#include "test/fake/world.h"

/* The answer to GET /containers/{id}/stats at the world's time; the caller frees. */
char *stats_text(struct world *w, struct world_task *t);

/* Cores that the task would use now if it could, and those that all tasks of the node get. */
double stats_demand(const struct world *w, const struct world_task *t);
double stats_node_cores(const struct world *w, const struct world_node *n);
