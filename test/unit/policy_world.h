/*
 * A small world for the policy's tests: nodes and one-replica services with a true demand, that CPU
 * is shared fairly among, and the snapshot that an observer would make of it. A decision can be
 * carried out, and time passes in steps.
 */
#pragma once

#include <stdio.h>

#include "policy/decide.h"
#include "policy/power.h"

#define WORLD_NODES    1000
#define WORLD_SERVICES 3000
#define WORLD_GIB      ((int64_t) 1024 * 1024 * 1024)

struct world {
	struct snapshot s;
	double demand[WORLD_SERVICES]; /* cores; INFINITY: all that it can get */
	double used[WORLD_SERVICES];
};

static inline struct world *
world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct snapshot *s = &w->s;

	s->arena = arena_new();
	s->nodes = ARENA_NEW(s->arena, struct snap_node, WORLD_NODES);
	s->services = ARENA_NEW(s->arena, struct snap_service, WORLD_SERVICES);
	s->tasks = ARENA_NEW(s->arena, struct snap_task, WORLD_SERVICES);
	s->images = ARENA_NEW(s->arena, struct snap_image, WORLD_NODES);
	s->edges = ARENA_NEW(s->arena, struct edge, WORLD_SERVICES);
	s->wall_ms = 1700000000000;
	s->step_ms = 10000;
	s->allow = (struct allowance){.actions = 1, .budget_left = 100, .warm = true};
	s->bounds = (struct bounds){.sustain_ms = 30000,
	                            .cooldown_ms = 0,
	                            .deploy_quiet_ms = 1000,
	                            .min_gain = 0.10,
	                            .relief_line = 0.85};
	return w;
}

static inline void
world_free(struct world *w)
{
	arena_free(w->s.arena);
	free(w);
}

static inline uint32_t
world_node(struct world *w, const char *name, double cores)
{
	uint32_t i = (uint32_t) w->s.n_nodes++;
	struct snap_node *n = &w->s.nodes[i];

	n->id = arena_printf(w->s.arena, "%04u-%s", i, name);
	n->hostname = n->attrs.hostname = arena_strdup(w->s.arena, name);
	n->attrs.os = "linux";
	n->attrs.arch = "x86_64";
	n->attrs.role = "worker";
	n->attrs.addr = "10.0.0.1";
	n->capacity = (struct resources){(int64_t) (cores * 1e9), 4 * WORLD_GIB};
	n->usable_cores = cores;
	n->flags = NODE_READY | NODE_ACTIVE;
	power_default(&n->power);
	w->s.images[w->s.n_images++] =
	    (struct snap_image){.node = i, .image = "image", .present = true};
	return i;
}

/* limit 0 = none. called: others wait for its answers. */
static inline uint32_t
world_service(struct world *w, const char *name, uint32_t node, double demand, double limit,
              bool called)
{
	uint32_t i = (uint32_t) w->s.n_services++;
	struct snap_service *v = &w->s.services[i];
	struct snap_task *t = &w->s.tasks[w->s.n_tasks++];

	v->id = arena_printf(w->s.arena, "%05u-%s", i, name);
	v->name = arena_strdup(w->s.arena, name);
	v->image = "image";
	v->replicas = v->n_tasks = 1;
	v->first_task = i;
	v->act = ACT_AUTO;
	v->limit.cpu_nano = (int64_t) (limit * 1e9);
	v->traits = TRAIT_PLACEMENT | TRAIT_START_FIRST | TRAIT_HEALTHCHECK | TRAIT_DIGEST |
	            TRAIT_MAY_PULL | (called ? TRAIT_PORTS : 0u);
	v->foreign_ms = INT64_MAX;
	v->slo = v->seen = (struct latency){NAN, NAN};
	w->demand[i] = limit > 0 ? MIN(demand, limit) : demand;
	*t = (struct snap_task){.id = arena_printf(w->s.arena, "%05u-t", i),
	                        .service = i,
	                        .node = node,
	                        .slot = 1,
	                        .state = TASK_RUNNING,
	                        .desired = TASK_RUNNING,
	                        .running_ms = 3600000};
	t->forecast.mem_bytes.mean = 64e6;
	t->forecast.confidence = 0.9;
	return i;
}

/* CFS among one node's tasks: nobody gets more than it wants, the rest is shared evenly. */
static inline void
world_share(struct world *w, uint32_t node)
{
	double left = w->s.nodes[node].usable_cores, level;
	size_t wanting = 0, before;

	for (size_t i = 0; i < w->s.n_tasks; i++) {
		w->used[i] = w->s.tasks[i].node == node ? -1 : w->used[i];
		wanting += w->s.tasks[i].node == node;
	}
	do {
		before = wanting;
		level = wanting > 0 ? left / (double) wanting : 0;
		for (size_t i = 0; i < w->s.n_tasks; i++) {
			if (w->s.tasks[i].node != node || w->used[i] >= 0 || w->demand[i] > level)
				continue;
			w->used[i] = w->demand[i];
			left -= w->used[i];
			wanting--;
		}
	} while (wanting != before);
	for (size_t i = 0; i < w->s.n_tasks; i++)
		if (w->s.tasks[i].node == node && w->used[i] < 0)
			w->used[i] = level;
}

/* What an observer sees after one more step. */
static inline void
world_step(struct world *w)
{
	struct snapshot *s = &w->s;

	s->wall_ms += s->step_ms;
	s->mono_ms += s->step_ms;
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		world_share(w, i);
		s->nodes[i].n_tasks = 0;
		s->nodes[i].cpu_cores = s->nodes[i].mem_bytes = 0;
	}
	for (size_t i = 0; i < s->n_tasks; i++) {
		struct snap_task *t = &s->tasks[i];
		double used = w->used[i];

		t->running_ms += s->step_ms;
		t->forecast.cpu_now_cores = used;
		t->forecast.cpu_cores = (struct moments){.mean = used, .var = used * used * 0.0025};
		t->forecast.cpu_slow_cores = t->forecast.cpu_cores;
		for (int k = 0; k < FORECAST_STEPS; k++)
			t->forecast.cpu_last_cores[k] = (float) used;
		s->nodes[t->node].n_tasks++;
		s->nodes[t->node].cpu_cores += used;
		s->nodes[t->node].mem_bytes += t->forecast.mem_bytes.mean;
	}
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		struct snap_node *n = &s->nodes[i];
		bool hot = n->cpu_cores > s->bounds.relief_line * n->usable_cores;

		n->hot_ms = hot ? n->hot_ms + s->step_ms : 0;
	}
}

/* Carries a decision out; true when something moved. */
static inline bool
world_apply(struct world *w, const struct decision *d)
{
	const struct action *a = &d->shortlist[d->chosen].action;

	if (a->kind != ACTION_MOVE)
		return false;
	for (size_t i = 0; i < w->s.n_tasks; i++)
		if (w->s.tasks[i].service == a->service && w->s.tasks[i].node == a->from) {
			w->s.tasks[i].node = a->to;
			w->s.tasks[i].running_ms = 0;
		}
	return true;
}
