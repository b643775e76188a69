/* What the rules read in a service's spec, as Swarm would: with its defaults, lenient. Pure. */
#pragma once

#include "test/fake/world.h"

/* The value at "A.B.C"; NULL = not there. */
json_t *shape_at(const json_t *doc, const char *path);
int64_t shape_int(const json_t *doc, const char *path, int64_t otherwise);
const char *shape_text(const json_t *doc, const char *path, const char *otherwise);

enum service_mode shape_mode(const json_t *spec);
uint64_t shape_replicas(const json_t *spec);

enum shape_action { SHAPE_PAUSE, SHAPE_CONTINUE, SHAPE_ROLLBACK };

struct shape_update {
	uint64_t parallelism; /* 0 = all at once */
	int64_t delay_ns, monitor_ns;
	bool start_first;
	enum shape_action action;
	double max_failure;
};

/* UpdateConfig, or RollbackConfig for a rollback. */
void shape_update(const json_t *spec, bool rollback, struct shape_update *ret);

struct shape_restart {
	enum { SHAPE_ANY, SHAPE_ON_FAILURE, SHAPE_NEVER } condition;
	int64_t delay_ns, window_ns;
	uint64_t max_attempts;
};

void shape_restart(const json_t *task_spec, struct shape_restart *ret);

struct resources shape_reserve(const json_t *task_spec);

/* As Swarm's gRPC hop leaves a task's spec: empty lists and maps count as absent. New reference. */
json_t *shape_normal(const json_t *doc);
bool shape_equal(const json_t *a, const json_t *b); /* NULL is absent */

/* Constraints of a task's spec against a node. */
bool shape_node_matches(const json_t *task_spec, const struct world_node *n);

/* The node as swarm/ sees it, strings borrowed; arena for lists. */
void shape_snap_node(const struct world_node *n, struct arena *arena, struct snap_node *ret);
