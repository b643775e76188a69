/* The invariants that follow services and tasks through the record; see invariant.h. */
#include <stdio.h>

#include "test/fake/invariant_priv.h"

#define MINUTE_S 60.0

/* ---- what is where: name → service, id → task, both as the newest line tells ---- */

struct replay {
	json_t *services, *tasks;
};

static void
replay_line(struct replay *r, const json_t *line)
{
	bool gone = streq(shape_text(line, "what", ""), "remove");

	if (invariant_is(line, "service")) {
		const char *name = shape_text(line, "name", "");

		if (gone)
			(void) json_object_del(r->services, name);
		else
			(void) json_object_set(r->services, name, (json_t *) (uintptr_t) line);
	} else if (invariant_is(line, "task")) {
		const char *id = shape_text(line, "id", "");

		if (gone)
			(void) json_object_del(r->tasks, id);
		else
			(void) json_object_set(r->tasks, id, (json_t *) (uintptr_t) line);
	}
}

static bool
is_wanted(const json_t *task)
{
	const char *desired = shape_text(task, "desired", "");

	return streq(desired, "running") || streq(desired, "ready");
}

/* Slots with a task that runs and is wanted; ret_pending: wanted ones that no node takes. */
static size_t
running(const struct replay *r, const char *service, size_t *ret_pending)
{
	json_auto_t *slots = json_object();
	const char *id;
	json_t *task;
	char key[24];

	*ret_pending = 0;
	json_object_foreach (r->tasks, id, task) {
		const char *state = shape_text(task, "state", "");

		if (!streq(shape_text(task, "service", ""), service) || !is_wanted(task))
			continue;
		if (streq(state, "pending"))
			(*ret_pending)++;
		(void) snprintf(key, sizeof(key), "%lld", (long long) shape_int(task, "slot", 0));
		if (streq(state, "running"))
			(void) json_object_set_new(slots, key, json_true());
	}
	return json_object_size(slots);
}

/* ---- I2 ---- */

struct due {
	char name[64];
	double at_s;
	size_t before, pending_before;
	bool others; /* people or nodes were at it meanwhile */
};

struct dues {
	struct due *items;
	size_t n;
};

static struct due *
due_find(struct dues *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++) {
		if (streq(d->items[i].name, name))
			return &d->items[i];
	}
	return NULL;
}

static void
due_set(struct dues *d, const struct replay *r, const json_t *line)
{
	const char *name = shape_text(line, "name", "");
	struct due *due = due_find(d, name);

	if (due == NULL) {
		d->items = xrealloc(d->items, d->n + 1, sizeof(*d->items));
		due = &d->items[d->n++];
		*due = (struct due){0};
		(void) str_copy(due->name, sizeof(due->name), name);
		due->before = running(r, name, &due->pending_before);
	}
	due->at_s = invariant_time(line) + MINUTE_S;
}

/* Somebody else's doing: what was before counts no more where less runs now. */
static void
due_disturb(struct dues *d, const struct replay *r, const json_t *line)
{
	for (size_t i = 0; i < d->n; i++) {
		struct due *due = &d->items[i];
		size_t pending, now;

		if (!invariant_is(line, "node") && !streq(due->name, shape_text(line, "name", "")))
			continue;
		now = running(r, due->name, &pending);
		due->before = MIN(due->before, now);
		due->others = true;
		due->at_s = invariant_time(line) + MINUTE_S;
	}
}

static bool
is_ours(const json_t *service)
{
	return invariant_has_plan(json_object_get(service, "spec"));
}

/* Under other hands a pause, a pending task or a rollout under way are theirs. */
static bool
is_theirs(const struct due *due, const json_t *service, size_t pending)
{
	return due->others && !is_ours(service) &&
	       (pending > 0 || (!streq(shape_text(service, "update", ""), "") &&
	                        strstr(shape_text(service, "update", ""), "completed") == NULL));
}

static void
due_judge(const struct due *due, const struct replay *r, const json_t *line,
          struct invariant_result *ret)
{
	const json_t *service = json_object_get(r->services, due->name);
	size_t pending, now = running(r, due->name, &pending);
	uint64_t wanted;

	if (service == NULL)
		return;
	wanted = shape_replicas(json_object_get(service, "spec"));
	if (is_theirs(due, service, pending))
		return;
	ret->checks++;
	if (now < MIN(wanted, due->before))
		invariant_violated(ret, line, "'%s' has %zu running, had %zu and wants %llu",
		                   due->name, now, due->before, (unsigned long long) wanted);
	if (pending > due->pending_before && (!due->others || is_ours(service)))
		invariant_violated(ret, line, "'%s' has %zu pending tasks, had %zu", due->name,
		                   pending, due->pending_before);
}

static void
dues_run(struct dues *d, const struct replay *r, const json_t *line, struct invariant_result *ret)
{
	for (size_t i = d->n; i-- > 0;) {
		if (d->items[i].at_s > invariant_time(line))
			continue;
		due_judge(&d->items[i], r, line, ret);
		d->items[i] = d->items[--d->n];
	}
}

static bool
is_disturbance(const json_t *line)
{
	if (invariant_is(line, "node"))
		return true;
	return invariant_is(line, "service") && invariant_by_people(line);
}

void
invariant_2_service_kept(const struct history *h, const struct invariant_limits *l,
                         struct invariant_result *ret)
{
	struct replay r = {json_object(), json_object()};
	struct dues d = {0};
	json_t *line;
	size_t i;

	(void) l;
	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		dues_run(&d, &r, line, ret);
		if (invariant_is_our_write(line))
			due_set(&d, &r, line);
		replay_line(&r, line);
		if (is_disturbance(line))
			due_disturb(&d, &r, line);
	}
	free(d.items);
	json_decref(r.services);
	json_decref(r.tasks);
}

/* ---- I3 ---- */

/* The spec without what forager may write. New reference. */
static json_t *
without_owned(const json_t *spec)
{
	json_t *copy = json_deep_copy(spec), *labels = json_object_get(copy, "Labels");

	(void) json_object_del(shape_at(copy, "TaskTemplate.Placement"), "Constraints");
	(void) json_object_del(copy, "UpdateConfig");
	(void) json_object_del(labels, "forager.plan");
	(void) json_object_del(labels, "forager.before");
	if (json_object_size(labels) == 0)
		(void) json_object_del(copy, "Labels");
	return copy;
}

/* base[name]: the spec before the change that is open; foreign[name]: people wrote meanwhile. */
struct ledger {
	json_t *base, *foreign;
};

static void
check_our_write(struct ledger *g, const json_t *before, const json_t *line,
                struct invariant_result *ret)
{
	const char *name = shape_text(line, "name", "");
	const json_t *spec = json_object_get(line, "spec");
	const json_t *base = json_object_get(g->base, name);
	json_auto_t *a = without_owned(before), *b = without_owned(spec);

	ret->checks++;
	if (!json_equal(a, b))
		invariant_violated(ret, line, "'%s': more than the owned fields was written", name);
	if (invariant_has_plan(spec)) {
		if (base == NULL)
			(void) json_object_set(g->base, name, (json_t *) (uintptr_t) before);
		return;
	}
	if (base == NULL)
		return;
	ret->checks++;
	if (json_object_get(g->foreign, name) == NULL && !json_equal(base, spec))
		invariant_violated(ret, line, "'%s': not as it was before", name);
	if (!json_equal(base, spec) || json_object_get(g->foreign, name) != NULL) {
		(void) json_object_del(g->base, name);
		(void) json_object_del(g->foreign, name);
	}
}

/* People who leave our labels there are in the middle of our change; else it is over. */
static void
note_foreign(struct ledger *g, const json_t *line)
{
	const char *name = shape_text(line, "name", "");

	if (invariant_has_plan(json_object_get(line, "spec"))) {
		(void) json_object_set_new(g->foreign, name, json_true());
		return;
	}
	(void) json_object_del(g->foreign, name);
	(void) json_object_del(g->base, name);
}

static void
check_end(const struct replay *r, const struct ledger *g, struct invariant_result *ret)
{
	const char *name;
	json_t *line;

	json_object_foreach (r->services, name, line) {
		const json_t *spec = json_object_get(line, "spec");

		ret->checks++;
		if (invariant_has_plan(spec))
			invariant_violated(ret, line, "'%s': the change is open at the end", name);
		if (json_object_get(g->base, name) != NULL && !invariant_has_plan(spec) &&
		    !json_equal(json_object_get(line, "previous"), spec))
			invariant_violated(ret, line,
			                   "'%s': a rollback would bring our change back", name);
	}
}

void
invariant_3_reversible(const struct history *h, const struct invariant_limits *l,
                       struct invariant_result *ret)
{
	struct replay r = {json_object(), json_object()};
	struct ledger g = {json_object(), json_object()};
	json_t *line;
	size_t i;

	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		const char *name = shape_text(line, "name", "");
		const json_t *before = json_object_get(json_object_get(r.services, name), "spec");

		if (invariant_is(line, "service")) {
			if (invariant_is_our_write(line) && before != NULL)
				check_our_write(&g, before, line, ret);
			else if (invariant_by_people(line))
				note_foreign(&g, line);
		}
		replay_line(&r, line);
	}
	if (l->ended)
		check_end(&r, &g, ret);
	json_decref(r.services);
	json_decref(r.tasks);
	json_decref(g.base);
	json_decref(g.foreign);
}
