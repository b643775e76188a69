/*
 * Swarm's scheduler: unassigned tasks, a group at a time, through filters (pipeline.c) to nodes in
 * their order (tree.c); see rules.h.
 */
#include "test/fake/group.h"

#include "swarm/constraint.h"

#define DEBOUNCE_NS (50 * NS_PER_MS)

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
		snap->nodes[i].n_tasks = r->active[i] + w->nodes[i]->other_tasks;
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

/* ---- groups ---- */

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

/* ---- assigning ---- */

static void
assign(struct round *r, struct world_task *t, struct world_node *n, const char *message)
{
	t->node = n;
	world_task_state(r->w, t, TASK_ASSIGNED, message, NULL);
	count(r, t);
}

/* One that is not wanted any more holds resources, but counts no more. */
void
group_assign(struct group *g, uint32_t node)
{
	struct world_task *t = g->tasks[g->next++];

	g->extra[node] += t->desired <= TASK_COMPLETE;
	assign(g->r, t, g->r->w->nodes[node], "scheduler assigned task to node");
}

/* ---- those that no node takes ---- */

/* L7: what is of an older spec is not tried again; if it is not replaced either, it is forgotten.
 */
static void
no_node(struct world *w, struct world_task *t, const char *why)
{
	_cleanup_(freep) char *error =
	    *why != '\0' ? xasprintf("no suitable node (%s)", why) : xstrdup("no suitable node");

	if (t->spec_version < t->service->spec_version) {
		if (t->desired >= TASK_SHUTDOWN) {
			world_task_state(w, t, TASK_SHUTDOWN, "pending task scheduling", NULL);
			return;
		}
		t->dropped = true;
		if (orchestrator_is_dirty(w, t->service, t))
			return;
		w->who = t->service->last_who;
		world_landmine(w, 7, "'%s': a pending task is forgotten by the scheduler",
		               t->service->name);
		return;
	}
	if (!streq(t->error, error))
		world_task_state(w, t, TASK_PENDING, "pending task scheduling", error);
}

/* A global service's task has its node already. */
static void
confirm(struct group *g, struct world_task *t)
{
	_cleanup_(freep) char *why = NULL;

	memset(g->refused, 0, sizeof(g->refused));
	if (pipeline_passes(g, t->node->index)) {
		assign(g->r, t, t->node, "scheduler confirmed task can run on preassigned node");
		return;
	}
	why = pipeline_explain(g);
	if (!streq(t->error, why))
		world_task_state(g->r->w, t, TASK_PENDING, "pending task scheduling", why);
}

/* ---- groups ---- */

/* One that is not wanted any more is placed all the same, if it can be. */
static bool
is_waiting(const struct world_task *t)
{
	return t->state == TASK_PENDING && (t->desired < TASK_REMOVE || t->leaving) &&
	       !t->dropped && !t->service->removed;
}

static bool
same_group(const struct world_task *a, const struct world_task *b)
{
	return a->spec_version == b->spec_version && (a->node == NULL) == (b->node == NULL);
}

static void
group_take(struct group *g, struct world_service *s, size_t first)
{
	for (size_t i = first; i < s->n_tasks; i++) {
		struct world_task *t = s->tasks[i];

		if (is_waiting(t) && same_group(t, s->tasks[first]))
			g->tasks[g->n_tasks++] = t;
	}
	for (size_t i = g->n_tasks; i > 1; i--) {
		size_t k = rng_below(&g->r->w->rng, i);
		struct world_task *t = g->tasks[k];

		g->tasks[k] = g->tasks[i - 1];
		g->tasks[i - 1] = t;
	}
}

/* All waiting tasks of this one's service and spec version. */
static void
schedule_group(struct round *r, struct world_service *s, size_t first)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	_cleanup_(freep) char *why = NULL;
	size_t n_nodes = r->w->n_nodes;
	struct group g = {.r = r,
	                  .tasks = ARENA_NEW(arena, struct world_task *, s->n_tasks + 1),
	                  .copies = ARENA_NEW(arena, uint32_t, n_nodes + 1),
	                  .extra = ARENA_NEW(arena, uint32_t, n_nodes + 1),
	                  .failures = ARENA_NEW(arena, uint32_t, n_nodes + 1)};

	spin_if_nested(r->w, s->tasks[first]);
	if (r->w->spinning)
		return;
	group_take(&g, s, first);
	g.snap = snapshot_of(r, g.tasks[0], arena);
	order_counts(g.snap, 0, g.copies);
	if (g.tasks[0]->node != NULL) {
		for (size_t i = 0; i < g.n_tasks; i++)
			confirm(&g, g.tasks[i]);
		return;
	}
	tree_fill(&g);
	why = pipeline_explain(&g);
	while (g.next < g.n_tasks)
		no_node(r->w, g.tasks[g.next++], why);
}

/* Whether no task before it is of its group. */
static bool
is_first(const struct world_service *s, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (is_waiting(s->tasks[i]) && same_group(s->tasks[i], s->tasks[at]))
			return false;
	}
	return true;
}

struct waiting {
	struct world_service *service;
	size_t first;
};

/* One of each group, as chance has it: a map of Go's again. The caller frees. */
static struct waiting *
groups_of(struct world *w, size_t *ret_n)
{
	struct waiting *list = NULL;
	size_t n = 0;

	for (size_t k = 0; k < w->n_services; k++) {
		struct world_service *s = w->services[k];

		for (size_t i = 0; i < s->n_tasks; i++) {
			if (!is_waiting(s->tasks[i]) || !is_first(s, i))
				continue;
			list = xrealloc(list, n + 1, sizeof(*list));
			list[n++] = (struct waiting){s, i};
		}
	}
	rng_shuffle(&w->rng, list, n, sizeof(*list));
	*ret_n = n;
	return list;
}

static void
on_schedule(struct world *w, void *data)
{
	struct round r = {.w = w};
	struct waiting *groups;
	size_t n;

	(void) data;
	if (!world_has_leader(w) || w->spinning)
		return;
	r.reserved = xcalloc(w->n_nodes + 1, sizeof(*r.reserved));
	r.active = xcalloc(w->n_nodes + 1, sizeof(*r.active));
	for (size_t s = 0; s < w->n_services; s++) {
		for (size_t i = 0; i < w->services[s]->n_tasks; i++)
			count(&r, w->services[s]->tasks[i]);
	}
	groups = groups_of(w, &n);
	for (size_t i = 0; i < n && !w->spinning; i++)
		schedule_group(&r, groups[i].service, groups[i].first);
	free(groups);
	free(r.reserved);
	free(r.active);
}

void
scheduler_wake(struct world *w)
{
	if (w->schedule == NULL)
		world_after(w, &w->schedule, MAX(DEBOUNCE_NS, w->schedule_ns), on_schedule, NULL);
}
