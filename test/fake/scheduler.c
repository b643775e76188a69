/*
 * Swarm's scheduler: unassigned tasks, a group at a time, through the project's own filters and
 * order (swarm/), which are the rule; plus what those leave out: recent failures, spread
 * preferences, generic resources; see rules.h.
 */
#include "test/fake/rules.h"

#include "swarm/constraint.h"
#include "swarm/order.h"

#define DEBOUNCE_NS    (50 * NS_PER_MS)
#define FAILURE_WINDOW (300 * NS_PER_S)
#define FAILURES       5

struct round {
	struct world *w;
	struct resources *reserved; /* of each node */
	uint32_t *active;
};

static void
count(struct round *r, const struct world_task *t)
{
	struct resources reserve;

	if (t->node == NULL)
		return;
	r->active[t->node->index] += t->desired <= TASK_COMPLETE;
	if (t->state < TASK_ASSIGNED || t->state > TASK_RUNNING)
		return;
	reserve = shape_reserve(t->spec);
	r->reserved[t->node->index].cpu_nano += reserve.cpu_nano;
	r->reserved[t->node->index].mem_bytes += reserve.mem_bytes;
}

/* ---- the group's picture of the Swarm ---- */

static void
snap_ports(const json_t *endpoint, struct arena *arena, struct snap_service *ret)
{
	const json_t *list = json_object_get(endpoint, "Ports");
	uint16_t *ports = ARENA_NEW(arena, uint16_t, json_array_size(list) + 1);
	json_t *port;
	size_t i;

	json_array_foreach (list, i, port) {
		if (streq(shape_text(port, "PublishMode", ""), "host") &&
		    shape_int(port, "PublishedPort", 0) > 0)
			ports[ret->n_host_ports++] = (uint16_t) shape_int(port, "PublishedPort", 0);
	}
	ret->host_ports = ports;
}

static void
snap_placement(const json_t *spec, struct arena *arena, struct snap_service *ret)
{
	const json_t *list = shape_at(spec, "Placement.Constraints");
	size_t n = json_array_size(list), i;
	const char **texts = ARENA_NEW(arena, const char *, n + 1);
	const json_t *platforms = shape_at(spec, "Placement.Platforms");
	struct platform *p = ARENA_NEW(arena, struct platform, json_array_size(platforms) + 1);
	json_t *value;

	json_array_foreach (list, i, value)
		texts[i] = json_string_value(value);
	ret->n_constraints = n;
	ret->constraints = constraint_parse_list(arena, texts, n, NULL, 0);
	json_array_foreach (platforms, i, value)
		p[i] = (struct platform){shape_text(value, "OS", ""),
		                         shape_text(value, "Architecture", "")};
	ret->platforms = p;
	ret->n_platforms = i;
	ret->max_replicas = (uint64_t) shape_int(spec, "Placement.MaxReplicas", 0);
}

static void
snap_tasks(const struct world_service *s, struct snapshot *snap, uint32_t index)
{
	struct snap_service *v = &snap->services[index];

	v->first_task = (uint32_t) snap->n_tasks;
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct world_task *t = s->tasks[i];

		if (t->desired > TASK_COMPLETE)
			continue;
		snap->tasks[snap->n_tasks++] =
		    (struct snap_task){.id = t->id,
		                       .service = index,
		                       .node = t->node != NULL ? t->node->index : NO_INDEX,
		                       .slot = t->slot,
		                       .state = t->state,
		                       .desired = t->desired};
	}
	v->n_tasks = (uint32_t) snap->n_tasks - v->first_task;
}

/* The service of the group is number 0; others stand there only for their host ports. */
static struct snapshot *
snapshot_of(struct round *r, const struct world_task *t, struct arena *arena)
{
	struct world *w = r->w;
	struct snapshot *snap = ARENA_NEW(arena, struct snapshot, 1);
	struct snap_service *v;

	snap->n_nodes = w->n_nodes;
	snap->nodes = ARENA_NEW(arena, struct snap_node, w->n_nodes);
	snap->services = ARENA_NEW(arena, struct snap_service, w->n_services + 1);
	snap->tasks = ARENA_NEW(arena, struct snap_task, w->n_tasks + 1);
	for (size_t i = 0; i < w->n_nodes; i++) {
		shape_snap_node(w->nodes[i], arena, &snap->nodes[i]);
		snap->nodes[i].reserved = r->reserved[i];
		snap->nodes[i].n_tasks = r->active[i];
	}
	v = &snap->services[snap->n_services++];
	v->reserve = shape_reserve(t->spec);
	snap_placement(t->spec, arena, v);
	snap_ports(t->endpoint, arena, v);
	snap_tasks(t->service, snap, 0);
	for (size_t i = 0; v->n_host_ports > 0 && i < w->n_services; i++) {
		if (w->services[i] == t->service)
			continue;
		snap_ports(json_object_get(w->services[i]->spec, "EndpointSpec"), arena,
		           &snap->services[snap->n_services]);
		snap_tasks(w->services[i], snap, (uint32_t) snap->n_services++);
	}
	return snap;
}

/* ---- what swarm/order.h leaves out ---- */

/* Five recent failures of this service and spec version send a node to the end of the line. */
static void
exclude_failing(struct round *r, const struct world_task *t, bool *excluded)
{
	uint32_t *n = xcalloc(r->w->n_nodes + 1, sizeof(*n));

	for (size_t i = 0; i < t->service->n_tasks; i++) {
		const struct world_task *o = t->service->tasks[i];

		if (o->node != NULL && o->spec_version == t->spec_version &&
		    (o->state == TASK_FAILED || o->state == TASK_REJECTED) &&
		    o->status_ns > r->w->now_ns - FAILURE_WINDOW)
			n[o->node->index]++;
	}
	for (size_t i = 0; i < r->w->n_nodes; i++)
		excluded[i] |= n[i] >= FAILURES;
	free(n);
}

static int64_t
generic_of(const json_t *list, const char *kind)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (streq(shape_text(one, "DiscreteResourceSpec.Kind", ""), kind))
			return shape_int(one, "DiscreteResourceSpec.Value", 0);
	}
	return 0;
}

static bool
generic_fits(const struct world *w, const struct world_task *t, const struct world_node *n)
{
	const json_t *wants = shape_at(t->spec, "Resources.Reservations.GenericResources");
	json_t *one;
	size_t k;

	json_array_foreach (wants, k, one) {
		const char *kind = shape_text(one, "DiscreteResourceSpec.Kind", "");
		int64_t left = generic_of(n->generic, kind);

		for (size_t s = 0; s < w->n_services; s++) {
			for (size_t i = 0; i < w->services[s]->n_tasks; i++) {
				const struct world_task *o = w->services[s]->tasks[i];

				if (o->node == n && o->state <= TASK_RUNNING)
					left -= generic_of(
					    shape_at(o->spec,
					             "Resources.Reservations.GenericResources"),
					    kind);
			}
		}
		if (left < shape_int(one, "DiscreteResourceSpec.Value", 0))
			return false;
	}
	return true;
}

/* The value that a spread preference sees; "" where there is none. */
static const char *
branch_of(const struct world_node *n, const char *descriptor)
{
	if (str_has_prefix(descriptor, "node.labels."))
		return shape_text(n->labels, descriptor + strlen("node.labels."), "");
	if (str_has_prefix(descriptor, "engine.labels."))
		return shape_text(n->engine_labels, descriptor + strlen("engine.labels."), "");
	return "";
}

/* Spread, one level: leaves the feasible branch with the fewest of the service's tasks. */
static void
exclude_branches(struct round *r, const struct order_ask *ask, const char *descriptor,
                 const uint32_t *extra, bool *excluded)
{
	struct world *w = r->w;
	_cleanup_(freep) uint32_t *counts = xcalloc(w->n_nodes + 1, sizeof(*counts));
	const char *best = NULL;
	uint64_t fewest = UINT64_MAX;

	order_counts(ask->snapshot, 0, counts);
	for (size_t i = 0; i < w->n_nodes; i++) {
		const char *branch = branch_of(w->nodes[i], descriptor);
		uint64_t n = 0;

		if (excluded[i] || filter_node(ask->snapshot, 0, (uint32_t) i, FILTER_SPEC,
		                               extra[i]) != VERDICT_OK)
			continue;
		for (size_t k = 0; k < w->n_nodes; k++) {
			if (streq(branch_of(w->nodes[k], descriptor), branch))
				n += counts[k] + extra[k];
		}
		if (n < fewest) {
			fewest = n;
			best = branch;
		}
	}
	for (size_t i = 0; best != NULL && i < w->n_nodes; i++)
		excluded[i] |= !streq(branch_of(w->nodes[i], descriptor), best);
}

/* L10: a tree of two levels that is out of balance never ends on these engines. */
static void
spin_if_nested(struct world *w, const struct world_task *t)
{
	const json_t *list = shape_at(t->spec, "Placement.Preferences");

	if (json_array_size(list) < 2 || w->api_minor >= 51 || w->spinning)
		return;
	w->spinning = true;
	w->who = t->service->last_who;
	world_landmine(w, 10, "'%s': %zu spread preferences: the scheduler never ends",
	               t->service->name, json_array_size(list));
}

/* ---- choosing ---- */

static struct world_node *
choose(struct round *r, const struct world_task *t, const struct snapshot *snap,
       const uint32_t *extra)
{
	struct world *w = r->w;
	_cleanup_(freep) uint32_t *best = xcalloc(w->n_nodes + 1, sizeof(*best));
	_cleanup_(freep) bool *excluded = xcalloc(w->n_nodes + 1, sizeof(*excluded));
	_cleanup_(freep) bool *hard = xcalloc(w->n_nodes + 1, sizeof(*hard));
	struct order_ask ask = {.snapshot = snap, .view = FILTER_SPEC, .extra = extra};
	const json_t *preferences = shape_at(t->spec, "Placement.Preferences");
	size_t n;

	for (size_t i = 0; i < w->n_nodes; i++)
		hard[i] =
		    !generic_fits(w, t, w->nodes[i]) || (t->node != NULL && t->node != w->nodes[i]);
	memcpy(excluded, hard, w->n_nodes * sizeof(*hard));
	ask.excluded = excluded;
	exclude_failing(r, t, excluded);
	if (json_array_size(preferences) > 0)
		exclude_branches(
		    r, &ask,
		    shape_text(json_array_get(preferences, 0), "Spread.SpreadDescriptor", ""),
		    extra, excluded);
	n = order_best(&ask, best);
	if (n == 0) {
		ask.excluded = hard;
		n = order_best(&ask, best);
	}
	return n == 0 ? NULL : w->nodes[best[rng_below(&w->rng, n)]];
}

static void
assign(struct round *r, struct world_task *t, struct world_node *n)
{
	t->node = n;
	world_task_state(r->w, t, TASK_ASSIGNED, "scheduler assigned task to node", NULL);
	count(r, t);
}

/* L7: a task of an older spec that is not replaced is forgotten. */
static void
no_node(struct world *w, struct world_task *t)
{
	_cleanup_(freep) char *error = xasprintf(
	    "no suitable node (scheduling constraints not satisfied on %zu nodes)", w->n_nodes);

	if (t->spec_version < t->service->spec_version &&
	    !orchestrator_is_dirty(w, t->service, t)) {
		t->dropped = true;
		w->who = t->service->last_who;
		world_landmine(w, 7, "'%s': a pending task is forgotten by the scheduler",
		               t->service->name);
	}
	if (!streq(t->error, error))
		world_task_state(w, t, TASK_PENDING, "pending task scheduling", error);
}

static bool
is_waiting(const struct world_task *t)
{
	return t->state == TASK_PENDING && t->desired <= TASK_RUNNING && !t->dropped &&
	       !t->service->removed;
}

/* All waiting tasks of this one's service and spec. */
static void
schedule_group(struct round *r, struct world_service *s, size_t first)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct snapshot *snap = snapshot_of(r, s->tasks[first], arena);
	uint32_t *extra = ARENA_NEW(arena, uint32_t, r->w->n_nodes + 1);
	const json_t *spec = s->tasks[first]->spec;

	spin_if_nested(r->w, s->tasks[first]);
	for (size_t i = first; i < s->n_tasks && !r->w->spinning; i++) {
		struct world_task *t = s->tasks[i];
		struct world_node *n;

		if (!is_waiting(t) || t->spec != spec)
			continue;
		n = choose(r, t, snap, extra);
		if (n == NULL) {
			no_node(r->w, t);
			continue;
		}
		if (t->node == NULL)
			extra[n->index]++;
		assign(r, t, n);
	}
}

static void
schedule_service(struct round *r, struct world_service *s)
{
	const json_t *done = NULL;

	for (size_t i = 0; i < s->n_tasks && !r->w->spinning; i++) {
		if (!is_waiting(s->tasks[i]) || s->tasks[i]->spec == done)
			continue;
		done = s->tasks[i]->spec;
		schedule_group(r, s, i);
	}
}

static void
on_schedule(struct world *w, void *data)
{
	struct round r = {.w = w};

	(void) data;
	if (!world_has_leader(w) || w->spinning)
		return;
	r.reserved = xcalloc(w->n_nodes + 1, sizeof(*r.reserved));
	r.active = xcalloc(w->n_nodes + 1, sizeof(*r.active));
	for (size_t s = 0; s < w->n_services; s++) {
		for (size_t i = 0; i < w->services[s]->n_tasks; i++)
			count(&r, w->services[s]->tasks[i]);
	}
	for (size_t s = 0; s < w->n_services; s++)
		schedule_service(&r, w->services[s]);
	free(r.reserved);
	free(r.active);
}

void
scheduler_wake(struct world *w)
{
	if (w->schedule == NULL)
		world_after(w, &w->schedule, DEBOUNCE_NS, on_schedule, NULL);
}
