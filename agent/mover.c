/* The mover's engine: enters states, starts their effects, delivers their events; see mover.h. */
#include "agent/mover_internal.h"

#include <assert.h>
#include <errno.h>

#include "storage/journal.h"

#define RETRY_MS 15000

static void on_soon(uv_timer_t *timer);

/* The only way to end an effect: what it still has under way is no longer listened to. */
void
mover_emit(struct mover *m, enum mover_event event)
{
	m->serial++;
	m->has_event = true;
	m->event = event;
	(void) uv_timer_stop(&m->timer);
	(void) uv_timer_start(&m->soon, on_soon, 0, 0);
}

static void
on_timer(uv_timer_t *timer)
{
	struct mover *m = timer->data;

	m->on_timer(m);
}

void
mover_after(struct mover *m, int64_t ms, void (*fn)(struct mover *m))
{
	uv_update_time(m->loop);
	m->on_timer = fn;
	(void) uv_timer_start(&m->timer, on_timer, ms > 0 ? (uint64_t) ms : 0, 0);
}

static char *
removed_text(const char *service)
{
	return xasprintf("'%s' was removed: nothing of forager's is left to undo", service);
}

/* Why it ended as it did, in one sentence: the error where there is one. */
static char *
reason_of(const struct change *c)
{
	const char *service = c->in.service_name != NULL ? c->in.service_name : c->service;

	if (c->err.code != 0)
		return xstrdup(c->err.text);
	if (c->verdict != VERDICT_OK)
		return xstrdup(verdict_infos[c->verdict].text);
	switch (c->state) {
	case MOVER_END_DONE:
		if (!change_is_merge(c))
			return xasprintf("every copy that was on '%s' runs on '%s'",
			                 c->in.from_name, c->in.to_name);
		return xasprintf("forager's constraints are gone from '%s'", service);
	case MOVER_END_NOTHING:
		if (c->removed)
			return removed_text(service);
		return xasprintf("nothing of forager's stands in '%s'", service);
	case MOVER_END_FOREIGN:
		if (c->removed)
			return removed_text(service);
		return xasprintf("someone else changed '%s': theirs stands", service);
	case MOVER_END_REVERTED:
		return xstrdup(c->recovering ? "an earlier run was interrupted before it landed"
		                             : "taken back");
	default:
		return xasprintf("ended in state %s", mover_state_infos[c->state].name);
	}
}

static void
on_stored(void *ctx, uint64_t id, const struct error *err)
{
	struct mover *m = ticket_take(ctx);
	struct change *c;

	if (m == NULL)
		return;
	c = m->change;
	if (err != NULL) {
		if (c->err.code == 0) {
			c->err = *err;
			(void) error_wrap(&c->err, "write the journal");
		}
		mover_emit(m, MOVER_EVENT_STUCK);
		return;
	}
	if (c->in.id == 0)
		c->in.id = id;
	if (m->options.on_state != NULL)
		m->options.on_state(m->options.on_state_data, &c->in);
	mover_emit(m, MOVER_EVENT_OK);
}

static void
effect_store(struct mover *m)
{
	struct change *c = m->change;

	c->in.state = (enum move_state) mover_state_infos[c->state].journal;
	if (journal_state_ended(c->in.state)) {
		c->in.ended_wall_ms = wall_ms();
		free(c->in.reason);
		c->in.reason = reason_of(c);
	}
	if (c->in.service_id[0] == '\0') { /* a service that there is not has no history */
		mover_emit(m, MOVER_EVENT_OK);
		return;
	}
	if (c->in.id == 0)
		m->journal.add(m->journal.data, &c->in, on_stored, ticket_new(m));
	else
		m->journal.update(m->journal.data, &c->in, on_stored, ticket_new(m));
}

static void
rested(struct mover *m)
{
	m->change->open = false;
	m->change->verdict = VERDICT_OK;
	error_clear(&m->change->err);
	mover_emit(m, MOVER_EVENT_OK);
}

static void
effect_rest(struct mover *m)
{
	m->change->open = true;
	/* Whoever may act takes it up; it may be us again. */
	keeper_release(m->keeper);
	if (!m->options.keep_trying)
		mover_emit(m, MOVER_EVENT_NOTHING);
	else
		mover_after(m, m->options.retry_ms > 0 ? m->options.retry_ms : RETRY_MS, rested);
}

static void
run_effect(struct mover *m, enum mover_effect effect)
{
	switch (effect) {
	case MOVER_EFFECT_CHECK:
		mover_effect_check(m);
		break;
	case MOVER_EFFECT_CONFIRM:
		mover_effect_confirm(m);
		break;
	case MOVER_EFFECT_LEAD:
		mover_effect_lead(m);
		break;
	case MOVER_EFFECT_STORE:
		effect_store(m);
		break;
	case MOVER_EFFECT_WATCH_MOVE:
	case MOVER_EFFECT_WATCH_CALM:
	case MOVER_EFFECT_WATCH_UNWIND:
	case MOVER_EFFECT_WATCH_OTHER:
		mover_effect_watch(m);
		break;
	case MOVER_EFFECT_PROVE:
		mover_effect_prove(m);
		break;
	case MOVER_EFFECT_RECOVER:
		mover_effect_recover(m);
		break;
	case MOVER_EFFECT_REST:
		effect_rest(m);
		break;
	case MOVER_EFFECT_FINISH:
		mover_effect_finish(m);
		break;
	default: /* the table's test holds that all others post */
		mover_effect_post(m);
		break;
	}
}

static void
enter(struct mover *m, enum mover_state state)
{
	enum mover_effect effect = mover_state_infos[state].effect;

	m->change->state = state;
	m->change->tries = 0;
	change_forget(m->change);
	if (m->stopping && mover_interrupts_at_once(effect)) {
		m->change->open = effect == MOVER_EFFECT_REST;
		(void) error_set(&m->change->err, ECANCELED, "stopped before it was done");
		mover_emit(m, MOVER_EVENT_STOP);
		return;
	}
	run_effect(m, effect);
}

/* A removal is a person's change like any other: whatever went wrong before, it is the reason. */
static void
note_removed(struct change *c)
{
	c->removed = true;
	c->verdict = VERDICT_OK;
	error_clear(&c->err);
}

static void
on_soon(uv_timer_t *timer)
{
	struct mover *m = timer->data;
	int next;

	assert(m->has_event && m->change != NULL);
	m->has_event = false;
	next = mover_table_next(m->change->state, m->event);
	if (next < 0)
		abort(); /* our bug: the journal and the labels are what survives */
	if (m->event == MOVER_EVENT_GONE &&
	    (next == MOVER_END_FOREIGN || next == MOVER_END_NOTHING))
		note_removed(m->change);
	enter(m, (enum mover_state) next);
}

static void
on_first(uv_timer_t *timer)
{
	struct mover *m = timer->data;

	enter(m, m->change->state);
}

void
mover_start_change(struct mover *m, struct change *c, enum mover_state first)
{
	m->serial++;
	m->change = c;
	m->self[0] = '\0';
	c->state = first;
	(void) uv_timer_start(&m->soon, on_first, 0, 0);
}

void
mover_over(struct mover *m)
{
	struct change *c = take_ptr(m->change);
	struct error generic = {0};
	struct move_outcome out = {.intent = &c->in,
	                           .verdict = c->verdict,
	                           .changed = c->changed,
	                           .open = c->open,
	                           .places = c->places};

	m->serial++;
	(void) uv_timer_stop(&m->timer);
	keeper_release(m->keeper);
	if (c->err.code != 0)
		out.err = &c->err;
	else if (c->in.state != MOVE_DONE || c->open) {
		(void) error_set(&generic, ECANCELED, "%s",
		                 c->in.reason != NULL ? c->in.reason : "left open");
		out.err = &generic;
	}
	/* With the change unlinked the callback may start the next one. */
	if (c->done != NULL)
		c->done(c->data, &out);
	change_free(c);
	if (m->closing)
		return;
	/* While one of them lasts no other change is started. */
	if (m->recovery != NULL)
		mover_recovery_next(m);
	else if (m->stopping)
		mover_stopped_soon(m);
}

int
mover_new(uv_loop_t *loop, struct api *api, const struct mover_journal *journal,
          const struct mover_eyes *eyes, const struct mover_options *options, struct mover **ret,
          struct error *err)
{
	struct mover *m;

	if (loop == NULL || api == NULL || journal == NULL || eyes == NULL || options == NULL ||
	    options->lease_key == NULL || journal->add == NULL || journal->update == NULL ||
	    journal->list == NULL || eyes->look == NULL)
		return error_set(err, EINVAL, "mover: a part is missing");
	m = xcalloc(1, sizeof(*m));
	*m = (struct mover){
	    .loop = loop, .api = api, .journal = *journal, .eyes = *eyes, .options = *options};
	m->options.lease_key = m->options.host = NULL; /* the keeper has them */
	m->keeper = keeper_new(loop, api,
	                       &(struct keeper_options){.key = options->lease_key,
	                                                .host = options->host,
	                                                .ttl_ms = options->lease_ms});
	rng_seed(&m->rng, options->seed);
	(void) uv_timer_init(loop, &m->timer); /* cannot fail */
	m->timer.data = m;
	(void) uv_timer_init(loop, &m->soon);
	m->soon.data = m;
	*ret = m;
	return 0;
}

void
mover_set_options(struct mover *m, const struct mover_options *options)
{
	m->options = *options;
	keeper_set_ttl(m->keeper, options->lease_ms);
}

bool
mover_busy(const struct mover *m)
{
	return m != NULL && (m->change != NULL || m->recovery != NULL);
}

bool
mover_resting(const struct mover *m)
{
	return m->change != NULL && m->change->state == MOVER_LEFT_OPEN;
}

const struct intent *
mover_intent(const struct mover *m)
{
	return m->change != NULL ? &m->change->in : NULL;
}

static int
check_request(const struct move_request *r, struct error *err)
{
	bool both = r->from != NULL && r->to != NULL, none = r->from == NULL && r->to == NULL;

	if (r->service == NULL || r->service[0] == '\0')
		return error_set(err, EINVAL, "no service was named");
	if (r->kind == MOVE_KIND_MOVE ? !both : !(both || none))
		return error_set(err, EINVAL, "a move needs a source and a target node");
	if (r->kind == MOVE_KIND_RELEASE && both)
		return error_set(err, EINVAL, "a release moves nothing");
	if (r->kind < 0 || r->kind >= MOVE_KIND_N)
		return error_set(err, EINVAL, "no such kind of change");
	return 0;
}

int
mover_start(struct mover *m, const struct move_request *request, move_done_cb *done, void *data,
            struct error *err)
{
	struct change *c;
	int r = check_request(request, err);

	if (r < 0)
		return r;
	if (m->stopping || m->closing)
		return error_set(err, ESHUTDOWN, "forager is stopping");
	if (mover_busy(m))
		return error_set(err, EBUSY, "another change is open in the cluster");
	c = change_new();
	c->kind = c->in.kind = request->kind;
	c->in.decision_id = request->decision_id;
	c->in.undo_of = request->undo_of;
	c->in.state = MOVE_PLANNED;
	c->in.created_wall_ms = wall_ms();
	c->service = xstrdup(request->service);
	c->from = xstrdup(request->from);
	c->to = xstrdup(request->to);
	c->person = request->person;
	c->force = request->force;
	c->dry_run = request->dry_run;
	c->startup_p95_ms = request->startup_p95_ms;
	if (request->undone != NULL)
		journal_intent_copy(request->undone, &c->undone);
	c->done = done;
	c->data = data;
	mover_start_change(m, c, MOVER_CHECK);
	return 0;
}

void
mover_hint(struct mover *m)
{
	/* Not below 100 ms: a node that comes back floods us with events. */
	if (m->change == NULL || !uv_is_active((uv_handle_t *) &m->timer))
		return;
	switch (mover_state_infos[m->change->state].effect) {
	case MOVER_EFFECT_WATCH_MOVE:
	case MOVER_EFFECT_WATCH_CALM:
	case MOVER_EFFECT_WATCH_UNWIND:
	case MOVER_EFFECT_WATCH_OTHER:
		if (uv_timer_get_due_in(&m->timer) > 100)
			mover_after(m, 100, m->on_timer);
		break;
	default:
		break;
	}
}
