/* CHECK and CONFIRM: every rule asked on a fresh reading, and the plan made from it. */
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

static void
refuse(struct mover *m, enum verdict verdict)
{
	struct change *c = m->change;

	c->verdict = verdict;
	(void) error_set(&c->err, EPERM, "%s", verdict_infos[verdict].text);
	mover_emit(m, MOVER_EVENT_REFUSED);
}

static void
fail(struct mover *m, enum mover_event event, enum verdict verdict, const struct error *err)
{
	struct change *c = m->change;

	c->verdict = verdict;
	if (c->err.code == 0 && err != NULL)
		c->err = *err;
	mover_emit(m, event);
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
	int64_t n = n_copies > 0 ? (int64_t) n_copies : 1;

	if (m->options.deadline_ms > 0)
		return m->options.deadline_ms;
	return MAX((int64_t) DEADLINE_MIN_MS, n * (3 * startup_p95_ms + monitor + delay));
}

static char *
dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		abort();
	return text;
}

static void
set_old_tasks(struct change *c)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < c->n_old; i++)
		(void) json_array_append_new(list, json_string(c->old[i]));
	free(c->in.old_tasks);
	c->in.old_tasks = dump(list);
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
	if (r >= 0)
		r = spec_rest_hash(c->spec, &c->in.rest_hash, err);
	if (r < 0)
		return r;
	c->length_ms = length_ms(m, &c->facts, c->startup_p95_ms, c->n_old);
	c->in.deadline_wall_ms = wall_ms() + c->length_ms;
	c->in.version_before = c->facts.version;
	free(c->plan.label);
	c->plan.label = mover_plan_label(&c->in);
	free(c->in.added);
	c->in.added = dump(c->plan.add);
	set_old_tasks(c);
	r = mover_spec_edit(EDIT_STEER, c->spec, &c->in, &c->plan, &steered, err);
	if (r < 0)
		return r;
	free(c->in.written);
	c->in.written = NULL;
	return spec_owned_get(steered, &c->in.written, err);
}

static void
dry_run(struct mover *m)
{
	struct change *c = m->change;

	(void) error_set(&c->err, ECANCELED, "dry run: '%s' would get the constraints %s",
	                 c->in.service_name, c->in.added != NULL ? c->in.added : "[]");
	c->verdict = VERDICT_OK;
	mover_emit(m, MOVER_EVENT_REFUSED);
}

static enum verdict
verdict_of(int code)
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

static void
on_move_service(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	struct error why = {0};
	int r;

	if (err != NULL) {
		if (err->code == -ENOENT)
			fail(m, MOVER_EVENT_GONE, VERDICT_PARTIAL, err);
		else if (err->code == -ERANGE)
			fail(m, MOVER_EVENT_REFUSED, VERDICT_UNDECODABLE, err);
		else
			fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
		return;
	}
	if (c->facts.version != c->seen_version && ++c->tries < CHECK_TRIES) {
		mover_effect_check(m);
		return;
	}
	if (c->facts.version != c->seen_version) {
		refuse(m, VERDICT_DEPLOY_QUIET);
		return;
	}
	r = plan_steer(m, &why);
	if (r < 0)
		fail(m, MOVER_EVENT_REFUSED, verdict_of(r), &why);
	else if (m->options.dry_run || c->dry_run)
		dry_run(m);
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
	for (uint32_t i = v->first_task; i < v->first_task + v->n_tasks; i++)
		if (s->tasks[i].node == from && s->tasks[i].state == TASK_RUNNING)
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
		fail(m, MOVER_EVENT_GONE, VERDICT_OK, NULL);
		return;
	}
	note_names(c, s, service, from, to);
	v = m->options.paused && c->kind == MOVE_KIND_MOVE ? VERDICT_PAUSED
	                                                   : judge_rules(m, s, service, from, to);
	if (v != VERDICT_OK) {
		refuse(m, v);
		return;
	}
	arena = arena_new();
	v = steer_plan(s, service, from, to, arena, &steer);
	if (v == VERDICT_OK) {
		note_tasks(c, s, service, from);
		note_terms(c, &s->services[service], &steer);
		c->seen_version = s->services[service].version;
	}
	arena_free(arena);
	if (v != VERDICT_OK)
		refuse(m, v);
	else
		mover_read_service(m, on_move_service);
}

/* The terms that the undone change left: those that it added and those that stand in its end. */
static void
merge_terms(struct change *c)
{
	json_auto_t *written = NULL, *before = NULL, *added = NULL, *terms = json_array();
	const json_t *was, *is, *term;
	size_t i, k;

	written = c->undone.written != NULL ? json_loads(c->undone.written, 0, NULL) : NULL;
	before = c->undone.before != NULL ? json_loads(c->undone.before, 0, NULL) : NULL;
	added = c->undone.added != NULL ? json_loads(c->undone.added, 0, NULL) : NULL;
	if (json_is_array(added))
		(void) json_array_extend(terms, added);
	was = json_object_get(before, "Constraints");
	is = json_object_get(written, "Constraints");
	json_array_foreach (is, i, term) {
		bool old = false;

		for (k = 0; k < json_array_size(was); k++)
			old = old || json_equal(json_array_get(was, k), term);
		if (!old)
			(void) json_array_append(terms, (json_t *) term);
	}
	free(c->in.added);
	c->in.added = dump(terms);
}

/* written = what should stand afterwards, before = what stands; POST_MERGE merges with what does
 * then. Returns 1 when there is anything to change. */
static int
plan_merge(struct change *c, struct error *err)
{
	json_auto_t *merged = NULL;
	json_auto_t *terms = NULL;
	struct spec_terms t;
	_cleanup_(freep) const char **texts = NULL;
	int r;

	merge_terms(c);
	terms = json_loads(c->in.added, 0, NULL);
	texts = mover_terms(terms, &t.n);
	t.texts = texts;
	free(c->in.before);
	free(c->in.written);
	c->in.before = c->in.written = NULL;
	r = spec_owned_get(c->spec, &c->in.before, err);
	if (r >= 0)
		r = spec_rest_hash(c->spec, &c->in.rest_hash, err);
	if (r >= 0 && c->undone.service_id[0] != '\0')
		r = spec_undo(c->spec, c->undone.before, c->undone.written, t, &merged, err);
	else if (r >= 0)
		merged = json_deep_copy(c->spec);
	if (r >= 0)
		r = spec_owned_get(merged, &c->in.written, err);
	if (r < 0)
		return r;
	return !json_equal(merged, c->spec);
}

static enum verdict
merge_verdict(const struct docker_service *s)
{
	if (s->mode != DOCKER_REPLICATED)
		return VERDICT_MODE;
	if (!s->has_placement)
		return VERDICT_NO_PLACEMENT;
	if (judge_update_paused(s))
		return VERDICT_UPDATE_PAUSED;
	return judge_update_open(s) ? VERDICT_UPDATE_OPEN : VERDICT_OK;
}

static void
on_merge_service(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	struct error why = {0};
	int r;

	if (err != NULL) {
		fail(m, err->code == -ENOENT ? MOVER_EVENT_GONE : MOVER_EVENT_STUCK,
		     err->code == -ERANGE ? VERDICT_UNDECODABLE : VERDICT_PARTIAL, err);
		return;
	}
	if (spec_plan(c->spec) != NULL) {
		refuse(m, VERDICT_STEERED);
		return;
	}
	c->in.version_before = c->facts.version;
	r = plan_merge(c, &why);
	if (r < 0)
		fail(m, MOVER_EVENT_REFUSED, verdict_of(r), &why);
	else if (r == 0)
		mover_emit(m, MOVER_EVENT_NOTHING);
	else if (merge_verdict(&c->facts) != VERDICT_OK)
		refuse(m, merge_verdict(&c->facts));
	else if (m->options.dry_run || c->dry_run)
		dry_run(m);
	else
		mover_emit(m, MOVER_EVENT_MERGE);
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
		fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
		return;
	}
	service = find_service(s, c->service);
	if (service == NO_INDEX) {
		(void) error_set(&c->err, ENOENT, "no service is called '%s': see forager services",
		                 c->service);
		fail(m, MOVER_EVENT_GONE, VERDICT_OK, NULL);
		return;
	}
	if (!change_is_merge(c)) {
		check_move(m, s, service);
		return;
	}
	note_names(c, s, service, NO_INDEX, NO_INDEX);
	mover_read_service(m, on_merge_service);
}

void
mover_effect_check(struct mover *m)
{
	const struct change *c = m->change;

	m->eyes.look(m->eyes.data, c->service, c->from, c->to, on_seen, ticket_new(m));
}

/* ---- CONFIRM ---- */

static void
on_confirm_tasks(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	enum mover_standing standing = STANDING_FOREIGN;
	struct error why = {0};

	if (err != NULL) {
		fail(m, err->code == -ENOENT ? MOVER_EVENT_GONE : MOVER_EVENT_STUCK,
		     VERDICT_PARTIAL, err);
		return;
	}
	if (mover_spec_standing(c->spec, &c->in, &c->plan, c->previous_ours, &standing, &why) < 0 ||
	    standing != STANDING_BEFORE) {
		fail(m, MOVER_EVENT_FOREIGN, VERDICT_DEPLOY_QUIET, &why);
		return;
	}
	if (judge_update_open(&c->facts) || judge_update_paused(&c->facts)) {
		refuse(m,
		       judge_update_open(&c->facts) ? VERDICT_UPDATE_OPEN : VERDICT_UPDATE_PAUSED);
		return;
	}
	/* Every task there is: a later one is new, and its failure is the move's. */
	change_ids_free(&c->known, &c->n_known);
	for (size_t i = 0; i < c->tasks.n; i++)
		change_id_add(&c->known, &c->n_known, c->tasks.items[i].id);
	c->in.version_before = c->facts.version;
	mover_emit(m, MOVER_EVENT_OK);
}

struct confirm {
	struct ticket *ticket;
	char self[SWARM_ID_SIZE];
};

static const struct docker_node *
node_by_id(const struct docker_nodes *nodes, const char *id)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (streq(nodes->items[i].id, id))
			return &nodes->items[i];
	return NULL;
}

static bool
usable(const struct docker_node *n)
{
	return n != NULL && n->state == DOCKER_NODE_READY && n->availability == DOCKER_ACTIVE;
}

static void
on_confirm_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct confirm *q = data;
	struct mover *m = ticket_take(q->ticket);
	const struct docker_node *self;

	if (m != NULL && nodes == NULL) {
		fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
	} else if (m != NULL) {
		self = node_by_id(nodes, q->self);
		if (self == NULL || !self->is_leader)
			refuse(m, VERDICT_NOT_LEADER);
		else if (!usable(node_by_id(nodes, m->change->in.from_id)))
			refuse(m, VERDICT_SOURCE_UNUSABLE);
		else if (!usable(node_by_id(nodes, m->change->in.to_id)))
			refuse(m, VERDICT_TARGET_UNUSABLE);
		else
			mover_read_tasks(m, on_confirm_tasks);
	}
	free(q);
}

static void
on_confirm_info(void *data, struct docker_info *info, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct confirm *q;

	if (m == NULL)
		return;
	if (info == NULL) {
		fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
		return;
	}
	q = xcalloc(1, sizeof(*q));
	q->ticket = ticket_new(m);
	(void) str_copy(q->self, sizeof(q->self), info->node_id);
	api_nodes(m->api, on_confirm_nodes, q);
}

void
mover_effect_confirm(struct mover *m)
{
	api_info(m->api, on_confirm_info, ticket_new(m));
}
