/* The mover's readings: one service, exact, and its tasks. */
#include <errno.h>

#include "agent/mover_internal.h"
#include "swarm/spec.h"

struct reading {
	struct ticket *ticket;
	read_fn *fn;
	struct error err;
	char id[SWARM_ID_SIZE];
};

static void
on_services(void *data, struct docker_services *services, const struct error *err)
{
	struct reading *q = data;
	struct mover *m = ticket_take(q->ticket);
	bool there = false;

	for (size_t i = 0; services != NULL && i < services->n; i++)
		there |= streq(services->items[i].id, q->id);
	error_clear(&q->err);
	if (services == NULL)
		q->err = *err;
	else if (there)
		(void) error_set(&q->err, EAGAIN, "the service was not found, and then it was");
	else
		(void) error_set(&q->err, ENOENT, "the service was removed");
	if (m != NULL)
		q->fn(m, &q->err);
	free(q);
}

static void
on_service(void *data, struct api_service *service, const struct error *err)
{
	struct reading *q = data;
	struct mover *m = ticket_take(q->ticket);
	const char *plan;
	struct change *c;

	if (m == NULL) {
		free(q);
		return;
	}
	c = m->change;
	if (service == NULL && err->code == -ENOENT) {
		/* Removed, or the engine with its socket? Only a list that lacks it tells. */
		q->err = *err;
		q->ticket = ticket_new(m);
		api_services(m->api, on_services, q);
		return;
	}
	if (service == NULL) {
		q->fn(m, err);
	} else {
		change_forget(c);
		c->spec = json_incref(service->spec);
		c->previous = json_incref(json_object_get(service->doc, "PreviousSpec"));
		plan = spec_plan(c->previous);
		c->previous_ours = plan != NULL && streq(plan, c->plan.label);
		c->facts = service->facts;
		c->arena = take_ptr(service->arena);
		q->fn(m, NULL);
	}
	free(q);
}

void
mover_read_service(struct mover *m, read_fn *fn)
{
	struct reading *q = xcalloc(1, sizeof(*q));

	q->ticket = ticket_new(m);
	q->fn = fn;
	(void) str_copy(q->id, sizeof(q->id), m->change->in.service_id);
	api_service_get(m->api, q->id, on_service, q);
}

struct tasks_reading {
	struct ticket *ticket;
	read_fn *fn;
};

static void
on_tasks(void *data, struct docker_tasks *tasks, const struct error *err)
{
	struct tasks_reading *q = data;
	struct mover *m = ticket_take(q->ticket);
	read_fn *fn = q->fn;

	free(q);
	if (m == NULL)
		return;
	if (tasks == NULL) {
		fn(m, err);
		return;
	}
	arena_free(m->change->tasks.arena);
	m->change->tasks = *tasks;
	tasks->arena = NULL;
	fn(m, NULL);
}

static void
read_tasks(struct mover *m, read_fn *fn)
{
	struct tasks_reading *q = xcalloc(1, sizeof(*q));
	struct api_tasks_filter filter = {.service_id = m->change->in.service_id};

	q->ticket = ticket_new(m);
	q->fn = fn;
	api_tasks(m->api, &filter, on_tasks, q);
}

static void
on_service_then_tasks(struct mover *m, const struct error *err)
{
	read_fn *fn = m->change->then;

	if (err != NULL)
		fn(m, err);
	else
		read_tasks(m, fn);
}

void
mover_read_tasks(struct mover *m, read_fn *fn)
{
	m->change->then = fn;
	mover_read_service(m, on_service_then_tasks);
}
