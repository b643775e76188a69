/* A small Swarm to test rules on: nodes, services and tasks added one by one. */
#pragma once

#include "model/snapshot.h"

#include <stdio.h>

enum { WORLD_NODES = 80, WORLD_SERVICES = 12, WORLD_TASKS = 96, WORLD_IMAGES = 16 };

#define WORLD_GIB ((int64_t) 1 << 30)

struct world {
	struct snapshot s;
	struct snap_node nodes[WORLD_NODES];
	struct snap_service services[WORLD_SERVICES];
	struct snap_task tasks[WORLD_TASKS];
	struct snap_image images[WORLD_IMAGES];
	char ids[WORLD_NODES][24];
};

/*
 * n nodes n00, n01, … that are ready, equal and empty: 4 CPUs and 8 GiB each. One more stands
 * behind them that nobody may look at: it would be the best of all.
 */
static inline void
world_init(struct world *w, size_t n)
{
	memset(w, 0, sizeof(*w));
	w->s.nodes = w->nodes;
	w->s.services = w->services;
	w->s.tasks = w->tasks;
	w->s.images = w->images;
	w->s.n_nodes = n;
	for (size_t i = 0; i < MIN(n + 1, (size_t) WORLD_NODES); i++) {
		struct snap_node *node = &w->nodes[i];

		(void) snprintf(w->ids[i], sizeof(w->ids[i]), "n%02zu", i);
		node->id = node->hostname = node->attrs.hostname = w->ids[i];
		node->attrs.role = "worker";
		node->attrs.os = "linux";
		node->attrs.arch = "x86_64";
		node->capacity = (struct resources){4000000000, 8 * WORLD_GIB};
		node->flags = NODE_READY | NODE_ACTIVE;
	}
}

/* A service that eligibility has nothing against; its tasks follow by world_task. */
static inline struct snap_service *
world_service(struct world *w, const char *name)
{
	struct snap_service *v = &w->services[w->s.n_services++];

	v->id = v->name = name;
	v->image = "web:1";
	v->act = ACT_AUTO;
	v->traits = TRAIT_PLACEMENT | TRAIT_START_FIRST | TRAIT_HEALTHCHECK | TRAIT_PORTS;
	v->foreign_ms = INT64_MAX;
	v->first_task = (uint32_t) w->s.n_tasks;
	return v;
}

/* A running task of the newest service on the node. */
static inline struct snap_task *
world_task(struct world *w, uint32_t node)
{
	uint32_t service = (uint32_t) w->s.n_services - 1;
	struct snap_service *v = &w->services[service];
	struct snap_task *t = &w->tasks[w->s.n_tasks++];

	*t = (struct snap_task){.id = "t",
	                        .service = service,
	                        .node = node,
	                        .slot = ++v->n_tasks,
	                        .state = TASK_RUNNING,
	                        .desired = TASK_RUNNING,
	                        .running_ms = 60000};
	v->replicas++;
	w->nodes[node].n_tasks++;
	w->nodes[node].reserved.cpu_nano += v->reserve.cpu_nano;
	w->nodes[node].reserved.mem_bytes += v->reserve.mem_bytes;
	return t;
}

static inline void
world_image(struct world *w, uint32_t node, const char *image, bool present)
{
	w->images[w->s.n_images++] = (struct snap_image){node, image, present};
}
