/* Docker's structs and facts become a snapshot; see observe.h. */
#include "agent/observe.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "agent/observe_node.h"
#include "agent/observe_service.h"

/* One after another under construction; the index of a task's service comes from the sorted ids. */
struct view {
	const struct observe_input *in;
	struct snapshot *snap;
	struct arena *arena;
};

static int
compare_node(const void *id, const void *node)
{
	return strcmp(id, ((const struct snap_node *) node)->id);
}

static int
compare_service(const void *id, const void *service)
{
	return strcmp(id, ((const struct snap_service *) service)->id);
}

static uint32_t
node_by_id(const struct snapshot *s, const char *id)
{
	const struct snap_node *n =
	    s->n_nodes == 0 ? NULL : bsearch(id, s->nodes, s->n_nodes, sizeof(*n), compare_node);

	return n == NULL ? NO_INDEX : (uint32_t) (n - s->nodes);
}

static uint32_t
service_by_id(const struct snapshot *s, const char *id)
{
	const struct snap_service *v = s->n_services == 0 ? NULL
	                                                  : bsearch(id, s->services, s->n_services,
	                                                            sizeof(*v), compare_service);

	return v == NULL ? NO_INDEX : (uint32_t) (v - s->services);
}

uint32_t
observe_node(const struct snapshot *s, const char *id_or_hostname)
{
	uint32_t found = node_by_id(s, id_or_hostname);

	for (uint32_t i = 0; found == NO_INDEX && i < s->n_nodes; i++)
		if (streq(s->nodes[i].hostname, id_or_hostname))
			found = i;
	return found;
}

uint32_t
observe_service(const struct snapshot *s, const char *id_or_name)
{
	uint32_t found = service_by_id(s, id_or_name);

	for (uint32_t i = 0; found == NO_INDEX && i < s->n_services; i++)
		if (streq(s->services[i].name, id_or_name))
			found = i;
	return found;
}

/*
 * Swarm's scheduler takes a reservation for held from assigned until the task has really ended,
 * but does not count a task any more once it is desired to end (nodeinfo.go).
 */
static void
count_on_node(struct snapshot *s, const struct docker_task *t, uint32_t node)
{
	struct snap_node *n;

	if (node == NO_INDEX || t->state < DOCKER_TASK_ASSIGNED || t->state > DOCKER_TASK_RUNNING)
		return;
	n = &s->nodes[node];
	n->reserved.cpu_nano += t->reserve.cpu_nano;
	n->reserved.mem_bytes += t->reserve.mem_bytes;
	if (t->desired <= DOCKER_TASK_COMPLETE)
		n->n_tasks++;
}

static void
set_forecast(const struct view *v, const char *task_id, struct forecast *ret)
{
	const struct forecast *known =
	    v->in->facts == NULL ? NULL : facts_forecast(v->in->facts, task_id);

	if (known != NULL) {
		*ret = *known;
		return;
	}
	*ret = (struct forecast){0};
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		ret->cpu_last_cores[i] = NAN;
}

/*
 * A manager writes the record when the node tells that the task runs, and seldom after that. The
 * node's own time of it is worth what the node's clock is.
 */
static int64_t
running_since_ms(const struct docker_task *t)
{
	return t->updated_ms > 0 ? t->updated_ms : t->state_ms;
}

static struct snap_task
make_task(const struct view *v, const struct docker_task *t, uint32_t service, uint32_t node)
{
	struct snap_task made = {
	    .id = arena_strdup(v->arena, t->id),
	    .container_id =
	        t->container_id[0] == '\0' ? NULL : arena_strdup(v->arena, t->container_id),
	    .service = service,
	    .node = node,
	    .slot = t->slot,
	    .state = (enum task_state) t->state,
	    .desired = (enum task_state) t->desired,
	};

	if (t->state == DOCKER_TASK_RUNNING)
		made.running_ms = MAX(v->in->wall_ms - running_since_ms(t), 1);
	set_forecast(v, t->id, &made.forecast);
	return made;
}

static bool
task_counts(const struct docker_task *t)
{
	return t->state <= DOCKER_TASK_RUNNING && t->desired <= DOCKER_TASK_COMPLETE;
}

/* The poll has them by service, slot and id already, which is the snapshot's order. */
static void
add_tasks(struct view *v)
{
	const struct cluster_state *state = v->in->state;
	struct snapshot *s = v->snap;

	s->tasks = ARENA_NEW(v->arena, struct snap_task, state->n_tasks);
	for (size_t i = 0; i < state->n_tasks; i++) {
		const struct docker_task *t = &state->tasks[i];
		uint32_t service = service_by_id(s, t->service_id);
		uint32_t node = node_by_id(s, t->node_id);

		count_on_node(s, t, node);
		if (service == NO_INDEX || !task_counts(t))
			continue;
		if (s->services[service].n_tasks++ == 0)
			s->services[service].first_task = (uint32_t) s->n_tasks;
		s->tasks[s->n_tasks++] = make_task(v, t, service, node);
	}
}

/*
 * The image that a service runs now, by the id that its first running task's node has for the
 * name: a tag may mean something else on the target.
 */
static const struct facts_image *
image_in_use(const struct view *v, const struct snap_service *service)
{
	for (uint32_t i = 0; i < service->n_tasks; i++) {
		const struct snap_task *t = &v->snap->tasks[service->first_task + i];
		const struct facts_image *image;

		if (t->node == NO_INDEX || t->state != TASK_RUNNING)
			continue;
		image = facts_image(v->in->facts, v->snap->nodes[t->node].id, service->image);
		if (image != NULL && image->id != NULL)
			return image;
	}
	return NULL;
}

/* What a service's image name means where it runs now. */
struct used_image {
	const char *name;
	const struct facts_image *image; /* NULL: not known */
	size_t service;
};

static int
compare_used(const void *a, const void *b)
{
	const struct used_image *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	/* Of services of one image, one that knows what it means stands first. */
	if (order == 0)
		order = (x->image == NULL) - (y->image == NULL);
	return order != 0 ? order : x->service < y->service ? -1 : x->service > y->service;
}

static struct used_image *
list_used(struct view *v)
{
	struct snapshot *s = v->snap;
	struct used_image *used = ARENA_NEW(v->arena, struct used_image, s->n_services);

	for (size_t i = 0; i < s->n_services; i++) {
		used[i] =
		    (struct used_image){s->services[i].image, image_in_use(v, &s->services[i]), i};
		if (used[i].image != NULL && used[i].image->has_healthcheck &&
		    (s->services[i].traits & OBSERVE_NO_HEALTHCHECK) == 0)
			s->services[i].traits |= TRAIT_HEALTHCHECK;
	}
	if (s->n_services > 0)
		qsort(used, s->n_services, sizeof(*used), compare_used);
	return used;
}

static const struct used_image *
find_used(const struct used_image *used, size_t n, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(used[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && streq(used[lo].name, name) ? &used[lo] : NULL;
}

/*
 * Present: there, and the same as what runs now. Not asked yet: not listed. The facts stand by node
 * and name, which is the snapshot's order.
 */
static void
add_images(struct view *v)
{
	struct snapshot *s = v->snap;
	struct used_image *used;
	size_t n = 0;

	if (v->in->facts == NULL)
		return;
	used = list_used(v);
	while (facts_image_at(v->in->facts, n) != NULL)
		n++;
	s->images = ARENA_NEW(v->arena, struct snap_image, n);
	for (size_t i = 0; i < n; i++) {
		const struct facts_image *here = facts_image_at(v->in->facts, i);
		const struct used_image *u = find_used(used, s->n_services, here->image);
		uint32_t node = node_by_id(s, here->node_id);

		if (u == NULL || node == NO_INDEX)
			continue;
		s->images[s->n_images++] = (struct snap_image){
		    .node = node,
		    .image = u->name,
		    .present =
		        here->id != NULL && (u->image == NULL || streq(here->id, u->image->id)),
		};
	}
}

static int
compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static void
add_edges(struct view *v)
{
	struct snapshot *s = v->snap;

	s->edges = ARENA_NEW(v->arena, struct edge, v->in->n_edges);
	for (size_t i = 0; i < v->in->n_edges; i++) {
		const struct observe_edge *e = &v->in->edges[i];
		uint32_t a = service_by_id(s, e->a), b = service_by_id(s, e->b);

		if (a == NO_INDEX || b == NO_INDEX || a == b)
			continue;
		s->edges[s->n_edges++] =
		    (struct edge){MIN(a, b), MAX(a, b), e->bytes_per_s, e->confidence};
	}
	if (s->n_edges > 0)
		qsort(s->edges, s->n_edges, sizeof(*s->edges), compare_edges);
}

struct snapshot *
observe_snapshot(const struct observe_input *in)
{
	struct arena *arena = arena_new();
	struct snapshot *s = ARENA_NEW(arena, struct snapshot, 1);
	struct view v = {in, s, arena};

	s->arena = arena;
	s->mono_ms = in->mono_ms;
	s->wall_ms = in->wall_ms;
	s->step_ms = in->config->decide_every_ms;
	s->allow = in->allow;
	s->bounds = config_bounds(in->config);
	s->partial = in->partial;
	s->n_nodes = in->state->n_nodes;
	s->nodes = ARENA_NEW(arena, struct snap_node, s->n_nodes);
	for (size_t i = 0; i < s->n_nodes; i++)
		observe_make_node(in, arena, &in->state->nodes[i], &s->nodes[i]);
	s->n_services = in->state->n_services;
	s->services = ARENA_NEW(arena, struct snap_service, s->n_services);
	for (size_t i = 0; i < s->n_services; i++)
		observe_make_service(in, arena, &in->state->services[i], &s->services[i]);
	add_tasks(&v);
	add_images(&v);
	add_edges(&v);
	for (size_t i = 0; i < s->n_services; i++)
		s->services[i].traits &= ~OBSERVE_NO_HEALTHCHECK;
	return s;
}

void
observe_free(struct snapshot *s)
{
	if (s != NULL)
		arena_free(s->arena);
}

void
observe_freep(struct snapshot **s)
{
	observe_free(*s);
}
