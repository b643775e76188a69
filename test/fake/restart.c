/* The restart supervisor (swarmkit manager/orchestrator/restart); see rules.h. */
#include "test/fake/rules.h"

/* How long a new task waits for the old one's end (defaultOldTaskTimeout). */
#define OLD_TASK_NS (60 * NS_PER_S)

static struct world_restarts *
restarts_of(const struct world_service *s, const struct world_task *t)
{
	for (size_t i = 0; i < s->n_restarts; i++) {
		if (s->restarts[i].slot == t->slot &&
		    (t->slot != 0 || s->restarts[i].node == t->node))
			return &s->restarts[i];
	}
	return NULL;
}

/* Counted for the replacement's spec version: a new one begins anew. */
static void
record(struct world_service *s, const struct world_task *next)
{
	struct world_restarts *r = restarts_of(s, next);
	struct shape_restart policy;

	shape_restart(next->spec, &policy);
	if (policy.max_attempts == 0)
		return;
	if (r == NULL) {
		s->restarts = xrealloc(s->restarts, s->n_restarts + 1, sizeof(*s->restarts));
		r = &s->restarts[s->n_restarts++];
		*r = (struct world_restarts){.slot = next->slot,
		                             .node = next->slot == 0 ? next->node : NULL};
	}
	if (r->spec_version != next->spec_version) {
		r->spec_version = next->spec_version;
		r->n = 0;
	}
	r->n++;
}

/* Within the policy's window, by the tasks that are still there. */
static uint64_t
recent(const struct world *w, const struct world_task *t, int64_t window_ns)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->service->n_tasks; i++) {
		const struct world_task *o = t->service->tasks[i];

		n += o != t && o->slot == t->slot && o->spec_version == t->spec_version &&
		     o->created_ns > w->now_ns - window_ns;
	}
	return n;
}

bool
restart_should(struct world *w, const struct world_task *t)
{
	const struct world_restarts *r = restarts_of(t->service, t);
	struct shape_restart policy;

	shape_restart(t->spec, &policy);
	if (policy.condition == SHAPE_NEVER ||
	    (policy.condition == SHAPE_ON_FAILURE && t->state == TASK_COMPLETE))
		return false;
	if (policy.max_attempts == 0 || r == NULL || r->spec_version != t->spec_version)
		return true;
	return (policy.window_ns == 0 ? r->n : recent(w, t, policy.window_ns)) <
	       policy.max_attempts;
}

void
restart_task(struct world *w, struct world_task *t)
{
	struct world_node *n = t->node;
	struct shape_restart policy;
	struct world_task *next;
	bool drained = n != NULL && n->availability == WORLD_DRAIN;
	bool dead = (n != NULL && n->state == WORLD_DOWN) || t->state > TASK_RUNNING;

	if (t->delayed) {
		t->again = true; /* its own delay first, against tight loops */
		return;
	}
	if (t->desired > TASK_RUNNING)
		return;
	world_task_desire(w, t, TASK_SHUTDOWN);
	if (!restart_should(w, t))
		return;
	shape_restart(t->spec, &policy);
	next = world_task_new(w, t->service, t->slot, t->slot == 0 ? n : NULL, TASK_READY);
	record(t->service, next);
	restart_delay_start(w, t, next, drained ? 0 : policy.delay_ns, !dead);
}

static void try_start(struct world *w, struct world_task *t); /* its timer calls it again */

static void
on_delay(struct world *w, void *data)
{
	try_start(w, data);
}

static bool
must_wait(struct world *w, const struct world_task *t)
{
	const struct world_task *old =
	    t->waits_for[0] != '\0' ? world_task_find(w, t->waits_for) : NULL;

	return old != NULL && old->state <= TASK_RUNNING && w->now_ns < t->stop_deadline_ns &&
	       (old->node == NULL || old->node->state != WORLD_DOWN);
}

static void
try_start(struct world *w, struct world_task *t)
{
	if (w->now_ns < t->delay_until_ns) {
		world_after(w, &t->delay, t->delay_until_ns - w->now_ns, on_delay, t);
		return;
	}
	if (must_wait(w, t)) {
		world_after(w, &t->delay, t->stop_deadline_ns - w->now_ns, on_delay, t);
		return;
	}
	world_cancel(w, &t->delay);
	t->delayed = false;
	world_task_desire(w, t, TASK_RUNNING);
	updater_started(w, t);
	if (t->again) {
		t->again = false;
		restart_task(w, t);
	}
}

void
restart_delay_start(struct world *w, const struct world_task *old, struct world_task *t,
                    int64_t delay_ns, bool wait_stop)
{
	t->delayed = true;
	t->delay_until_ns = w->now_ns + delay_ns;
	t->stop_deadline_ns = w->now_ns + OLD_TASK_NS;
	t->waits_for[0] = '\0';
	if (wait_stop && old != NULL && old->state <= TASK_RUNNING)
		memcpy(t->waits_for, old->id, sizeof(t->waits_for));
	/* Not at once: who calls has not told its own side of it yet. */
	world_after(w, &t->delay, delay_ns, on_delay, t);
}

void
restart_task_changed(struct world *w, const struct world_task *t)
{
	struct world_service *s = t->service;

	if (t->state <= TASK_RUNNING)
		return;
	for (size_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i]->delayed && streq(s->tasks[i]->waits_for, t->id))
			try_start(w, s->tasks[i]);
	}
}

void
restart_node_changed(struct world *w, const struct world_node *n)
{
	if (n->state != WORLD_DOWN)
		return;
	for (size_t k = 0; k < w->n_services; k++) {
		struct world_service *s = w->services[k];

		for (size_t i = 0; i < s->n_tasks; i++) {
			if (s->tasks[i]->delayed)
				try_start(w, s->tasks[i]);
		}
	}
}
