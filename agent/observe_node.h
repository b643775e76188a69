/* observe.c's part for nodes. */
#pragma once

#include "agent/observe.h"

/* Everything but reserved and n_tasks, which come with the tasks. */
void observe_make_node(const struct observe_input *in, struct arena *arena,
                       const struct docker_node *from, struct snap_node *ret);

/*
 * For how long a node's newest load may be acted upon: three readings, each of sample-every or as
 * long as one really takes there. Later the node is stale: neither source nor target.
 */
int64_t observe_stale_ms(const struct config *c, const struct facts_node *f);

/* The cores that load is held against: label forager.cpus, else what the engine reports. */
double observe_usable_cores(const struct docker_node *node);

/* The power curve of a node: its own option, else its labels, else [power]'s. */
void observe_power(const struct config *c, const struct docker_node *node, struct power_curve *ret);
