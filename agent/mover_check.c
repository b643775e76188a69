/* CHECK: every rule asked on a fresh reading, and the plan made from it. */
#include <errno.h>

#include "agent/mover_internal.h"
#include "storage/journal.h"
#include "swarm/eligibility.h"
#include "swarm/spec.h"
#include "swarm/steer.h"

/* DESIGN 5: deadline = max(3 min, 3 × start-up p95 + monitor + delay). */
#define DEADLINE_MIN_MS (3 * 60 * 1000)
/* Swarm's own default when the owner's UpdateConfig says nothing. */
#define MONITOR_MS 5000
/* A service that changes while it is checked is looked at again so often. */
#define CHECK_TRIES 3

void
mover_refuse(struct mover *m, enum verdict verdict)
{
	struct change *c = m->change;

	c->verdict = verdict;
	(void) error_set(&c->err, EPERM, "%s", verdict_infos[verdict].text);
	mover_emit(m, MOVER_EVENT_REFUSED);
}

void
mover_fail(struct mover *m, enum mover_event event, enum verdict verdict, const struct error *err)
{
	struct change *c = m->change;

	c->verdict = verdict;
	if (c->err.code == 0)
		c->err = *err;
	mover_emit(m, event);
}

void
mover_check_gone(struct mover *m, enum verdict verdict, const struct error *err)
{
	struct change *c = m->change;

	if (c->undone.service_id[0] == '\0') {
		mover_fail(m, MOVER_EVENT_GONE, verdict, err);
		return;
	}
	c->removed = true;
	mover_emit(m, MOVER_EVENT_NOTHING);
}

void
mover_refuse_dry(struct mover *m)
{
	struct change *c = m->change;

	(void) error_set(&c->err, ECANCELED, "dry run: '%s' would get the constraints %s",
	                 c->in.service_name, c->in.added);
	c->verdict = VERDICT_OK;
	mover_emit(m, MOVER_EVENT_REFUSED);
}

enum verdict
mover_verdict_of(int code)
{
	switch (code) {
	case -EBUSY:
		return VERDICT_STEERED;
	case -E2BIG:
		return VERDICT_TOO_MANY_TERMS;
	default:
		return VERDICT_UNDECODABLE;
	}
}

char *
mover_dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		abort();
	return text;
}

static uint32_t
find_service(const struct snapshot *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_services; i++)
		if (streq(s->services[i].id, name))
			return i;
	for (uint32_t i = 0; i < s->n_services; i++)
		if (streq(s->services[i].name, name))
			return i;
	return NO_INDEX;
}

static uint32_t
find_node(const struct snapshot *s, const char *name)
{
	uint32_t found = NO_INDEX;

	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (streq(s->nodes[i].id, name))
			return i;
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (!streq(s->nodes[i].hostname, name))
			continue;
		if (found != NO_INDEX) /* two nodes of one name: only an id tells */
			return NO_INDEX;
		found = i;
	}
	return found;
}

/* What the owner's own UpdateConfig makes each slot take, in the worst case. */
static int64_t
length_ms(const struct mover *m, const struct docker_service *s, int64_t startup_p95_ms,
          size_t n_copies)
{
	int64_t monitor = s->update.present && s->update.monitor_ns > 0
	                      ? s->update.monitor_ns / 1000000
	                      : MONITOR_MS;
	int64_t delay = s->update.present ? s->update.delay_ns / 1000000 : 0;

	if (m->options.deadline_ms > 0)
		return m->options.deadline_ms;
	return MAX((int64_t) DEADLINE_MIN_MS,
	           (int64_t) n_copies * (3 * startup_p95_ms + monitor + delay));
}

static void
set_old_tasks(struct change *c)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < c->n_old; i++)
		(void) json_array_append_new(list, json_string(c->old[i]));
	free(c->in.old_tasks);
	c->in.old_tasks = mover_dump(list);
}

/* What stood before, and a rehearsal of the steering: what cannot be written is not begun. */
static int
plan_steer(struct mover *m, struct error *err)
{
	struct change *c = m->change;
	json_auto_t *steered = NULL;
	int r;

	free(c->in.before);
	c->in.before = NULL;
	r = spec_owned_get(c->spec, &c->in.before, err);
	if (r < 0)
		return r;
	(void) spec_rest_hash(c->spec, &c->in.rest_hash, err); /* it has the shape of a spec */
	c->length_ms = length_ms(m, &c->facts, c->startup_p95_ms, c->n_old);
	c->in.deadline_wall_ms = wall_ms() + c->length_ms;
	c->in.version_before = c->facts.version;
	free(c->plan.label);
	c->plan.label = mover_plan_label(&c->in);
	free(c->in.added);
	c->in.added = mover_dump(c->plan.add);
	set_old_tasks(c);
	r = mover_spec_edit(EDIT_STEER, c->spec, &c->in, &c->plan, &steered, err);
	if (r < 0)
		return r;
	free(c->in.written);
	c->in.written = NULL;
	return spec_owned_get(steered, &c->in.written, err);
}

static void
on_move_service(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	struct error why = {0};
	int r;

	if (err != NULL) {
		if (err->code == -ENOENT)
			mover_check_gone(m, VERDICT_PARTIAL, err);
		else if (err->code == -ERANGE)
			mover_fail(m, MOVER_EVENT_REFUSED, VERDICT_UNDECODABLE, err);
		else
			mover_fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
		return;
	}
	if (c->facts.version != c->seen_version && ++c->tries < CHECK_TRIES) {
		mover_effect_check(m);
		return;
	}
	if (c->facts.version != c->seen_version) {
		mover_refuse(m, VERDICT_DEPLOY_QUIET);
		return;
	}
	r = plan_steer(m, &why);
	if (r < 0)
		mover_fail(m, MOVER_EVENT_REFUSED, mover_verdict_of(r), &why);
	else if (m->options.dry_run || c->dry_run)
		mover_refuse_dry(m);
	else
		mover_emit(m, MOVER_EVENT_OK);
}

static enum verdict
judge_rules(const struct mover *m, const struct snapshot *s, uint32_t service, uint32_t from,
            uint32_t to)
{
	const struct change *c = m->change;
	enum actor who = !c->person ? ACTOR_POLICY : (c->force ? ACTOR_PERSON_FORCE : ACTOR_PERSON);
	enum verdict v = eligibility_move(s, service, from, to, who);

	if (v == VERDICT_OK && !c->person &&
	    (m->options.mode != ACT_AUTO || s->services[service].act != ACT_AUTO))
		v = VERDICT_OBSERVE_ONLY;
	return v;
}

static void
note_names(struct change *c, const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to)
{
	(void) str_copy(c->in.service_id, sizeof(c->in.service_id), s->services[service].id);
	free(c->in.service_name);
	c->in.service_name = xstrdup(s->services[service].name);
	if (from == NO_INDEX)
		return;
	(void) str_copy(c->in.from_id, sizeof(c->in.from_id), s->nodes[from].id);
	(void) str_copy(c->in.to_id, sizeof(c->in.to_id), s->nodes[to].id);
	free(c->in.from_name);
	free(c->in.to_name);
	c->in.from_name = xstrdup(s->nodes[from].hostname);
	c->in.to_name = xstrdup(s->nodes[to].hostname);
}

static void
note_tasks(struct change *c, const struct snapshot *s, uint32_t service, uint32_t from)
{
	const struct snap_service *v = &s->services[service];

	change_ids_free(&c->old, &c->n_old);
	/* All of them run, else the rules had said no. */
	for (uint32_t i = v->first_task; i < v->first_task + v->n_tasks; i++)
		if (s->tasks[i].node == from)
			change_id_add(&c->old, &c->n_old, s->tasks[i].id);
}

/* The terms to steer by; older ones of ours (settle = hold) would stand in their way. */
static void
note_terms(struct change *c, const struct snap_service *v, const struct steer *steer)
{
	(void) json_array_clear(c->plan.add);
	(void) json_array_clear(c->plan.drop);
	for (size_t i = 0; i < steer->n_terms; i++)
		(void) json_array_append_new(c->plan.add, json_string(steer->terms[i]));
	for (size_t i = 0; i < v->n_constraints; i++)
		if (v->constraints[i].ours)
			(void) json_array_append_new(c->plan.drop,
			                             json_string(v->constraints[i].text));
	c->plan.start_first = eligibility_start_first(v);
}

static void
check_move(struct mover *m, const struct snapshot *s, uint32_t service)
{
	struct change *c = m->change;
	uint32_t from = find_node(s, c->from), to = find_node(s, c->to);
	struct arena *arena;
	struct steer steer = {0};
	enum verdict v;

	if (from == NO_INDEX || to == NO_INDEX) {
		(void) error_set(&c->err, ENOENT,
		                 "no node (or more than one) is called '%s': see forager nodes",
		                 from == NO_INDEX ? c->from : c->to);
		mover_fail(m, MOVER_EVENT_GONE, VERDICT_OK, NULL);
		return;
	}
	note_names(c, s, service, from, to);
	v = m->options.paused && c->kind == MOVE_KIND_MOVE ? VERDICT_PAUSED
	                                                   : judge_rules(m, s, service, from, to);
	if (v != VERDICT_OK) {
		mover_refuse(m, v);
		return;
	}
	arena = arena_new();
	(void) steer_plan(s, service, from, to, arena,
	                  &steer); /* the last of the rules, asked above */
	note_tasks(c, s, service, from);
	note_terms(c, &s->services[service], &steer);
	arena_free(arena);
	c->seen_version = s->services[service].version;
	c->from_version = s->nodes[from].version;
	c->to_version = s->nodes[to].version;
	mover_read_service(m, on_move_service);
}

static void
on_missing_read(struct mover *m, const struct error *err)
{
	struct error why = {0};

	if (err != NULL && err->code == -ENOENT) {
		mover_check_gone(m, VERDICT_PARTIAL, err);
		return;
	}
	(void) error_set(&why, EAGAIN, "the service was not found, and then it was");
	mover_fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err != NULL ? err : &why);
}

/* A name may be a slip; what the journal knows was there, and is asked for by its id. */
static void
check_missing(struct mover *m)
{
	struct change *c = m->change;

	if (c->undone.service_id[0] == '\0') {
		(void) error_set(&c->err, ENOENT, "no service is called '%s': see forager services",
		                 c->service);
		mover_fail(m, MOVER_EVENT_GONE, VERDICT_OK, NULL);
		return;
	}
	(void) str_copy(c->in.service_id, sizeof(c->in.service_id), c->undone.service_id);
	free(c->in.service_name);
	c->in.service_name = xstrdup(c->undone.service_name);
	mover_read_service(m, on_missing_read);
}

static void
on_seen(void *ctx, const struct snapshot *s, const struct error *err)
{
	struct mover *m = ticket_take(ctx);
	struct change *c;
	uint32_t service;

	if (m == NULL)
		return;
	c = m->change;
	if (s == NULL) {
		mover_fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
		return;
	}
	service = find_service(s, c->service);
	if (service == NO_INDEX) {
		check_missing(m);
		return;
	}
	if (!change_is_merge(c)) {
		check_move(m, s, service);
		return;
	}
	note_names(c, s, service, NO_INDEX, NO_INDEX);
	mover_read_service(m, mover_check_merge);
}

void
mover_effect_check(struct mover *m)
{
	const struct change *c = m->change;

	m->eyes.look(m->eyes.data, c->service, c->from, c->to, on_seen, ticket_new(m));
}
