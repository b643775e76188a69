/*
 * The effects that change the Swarm: read, judge whose spec stands there, edit, POST with the
 * version that was read, read back. An answer that was lost is never followed by a blind second
 * try: the reading tells what became of the first.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "agent/mover_internal.h"
#include "swarm/spec.h"

#define TRY_MS 500

static void post_read(struct mover *m);

static void
give(struct mover *m, enum mover_event event, const struct error *err)
{
	if (m->change->err.code == 0)
		m->change->err = *err;
	mover_emit(m, event);
}

/* After a conflict a short random while, after silence a longer one. */
enum why_again { CONFLICT, SILENCE };

static void
try_again(struct mover *m, enum why_again again, const struct error *err)
{
	struct change *c = m->change;
	struct error why = *err;
	int64_t first_ms = m->options.try_ms > 0 ? m->options.try_ms : TRY_MS;
	int64_t ms = (again == CONFLICT ? MAX(first_ms / 5, 1) : first_ms) << c->tries;

	if (++c->tries >= MOVER_TRIES) {
		(void) error_wrap(&why, "gave up after %d tries", MOVER_TRIES);
		give(m, MOVER_EVENT_STUCK, &why);
		return;
	}
	mover_after(m, ms / 2 + (int64_t) rng_below(&m->rng, (uint64_t) ms), post_read);
}

static enum mover_edit
edit_of(enum mover_effect effect)
{
	switch (effect) {
	case MOVER_EFFECT_POST_STEER:
		return EDIT_STEER;
	case MOVER_EFFECT_POST_SETTLE:
		return EDIT_SETTLE;
	case MOVER_EFFECT_POST_RESTORE:
		return EDIT_RESTORE;
	case MOVER_EFFECT_POST_BLOCK:
		return EDIT_BLOCK;
	case MOVER_EFFECT_POST_YIELD:
		return EDIT_YIELD;
	case MOVER_EFFECT_POST_MERGE:
		return EDIT_MERGE;
	default:
		return EDIT_AGAIN; /* CLEAN, PUSH, and after a yield */
	}
}

static enum mover_effect
effect_of(const struct mover *m)
{
	return mover_state_infos[m->change->state].effect;
}

/*
 * What we wrote last is what the engine shows of it: it fills in defaults. rest: the hash that says
 * that nobody else has written in between.
 */
static void
note_written(struct change *c, uint64_t rest)
{
	_cleanup_(freep) char *owned = NULL;
	uint64_t now;

	/* A spec with the rest of ours has its shape, too: the hash tells whether it has a
	 * Placement.
	 */
	(void) spec_rest_hash(c->spec, &now, NULL);
	if (now != rest)
		return;
	(void) spec_owned_get(c->spec, &owned, NULL);
	free(c->in.written);
	c->in.written = take_ptr(owned);
	c->in.version_ours = c->facts.version;
	c->written_rest = rest;
	c->wrote = true;
}

/*
 * Nobody can have written between our POST and this reading when it shows what we sent, or when the
 * previous spec is the one that ours replaced. Else what stands there is somebody's, and must not
 * be taken for ours: it would be put back when we settle.
 */
static bool
nobody_between(const struct change *c)
{
	return mover_spec_as_sent(c->spec, c->sent) || json_equal(c->previous, c->replaced);
}

static void
on_read_back(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	uint64_t rest;

	/* It was accepted: a reading that fails now is for the next effect to repeat. */
	c->wrote = false;
	if (err == NULL && nobody_between(c)) {
		(void) spec_rest_hash(c->sent, &rest, NULL);
		note_written(c, rest);
	} else {
		free(c->in.written);
		c->in.written = NULL;
		(void) spec_owned_get(c->sent, &c->in.written, NULL);
	}
	mover_emit(m, MOVER_EVENT_OK);
}

static void
on_posted(void *data, const struct api_done *done, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct change *c;

	if (m == NULL)
		return;
	c = m->change;
	if (done != NULL) {
		c->changed = true;
		mover_read_service(m, on_read_back);
	} else if (err->code == -EAGAIN) {
		try_again(m, CONFLICT, err);
	} else if (err->code == -EINVAL ||
	           (err->code == -EPERM && effect_of(m) == MOVER_EFFECT_POST_STEER)) {
		give(m, MOVER_EVENT_REFUSED, err);
	} else {
		c->changed = c->changed || api_outcome_unknown(err);
		try_again(m, SILENCE, err);
	}
}

static bool
label_is_ours(const struct change *c)
{
	assert(c->plan.label != NULL); /* made with the plan, or taken over with the change */
	return streq(spec_plan(c->spec), c->plan.label);
}

/* The last instant: a lease that ran out while the answers came was asked for anew. */
static void
on_lead(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
        const struct error *err)
{
	struct change *c = m->change;

	if (verdict == VERDICT_PARTIAL) {
		try_again(m, SILENCE, err);
		return;
	}
	if (verdict != VERDICT_OK) {
		c->verdict = verdict;
		give(m, MOVER_EVENT_UNLED, err);
		return;
	}
	mover_note_nodes(m, nodes);
	if (effect_of(m) == MOVER_EFFECT_POST_STEER && c->nodes_moved && !c->changed) {
		mover_refuse(m, VERDICT_NODE_CHANGED);
		return;
	}
	api_service_update(m->api, c->in.service_id, c->facts.version, c->sent, on_posted,
	                   ticket_new(m));
}

static void
post(struct mover *m)
{
	struct change *c = m->change;
	struct error why = {0};
	json_t *edited = NULL;
	int r = mover_spec_edit(edit_of(effect_of(m)), c->spec, &c->in, &c->plan, &edited, &why);

	if (r < 0) {
		give(m, MOVER_EVENT_REFUSED, &why);
		return;
	}
	json_decref(c->sent);
	c->sent = edited;
	json_decref(c->replaced);
	c->replaced = json_incref(c->spec);
	mover_lead(m, on_lead);
}

/* Done already, by an earlier try whose answer was lost or an earlier run. */
static void
already_done(struct mover *m)
{
	struct change *c = m->change;
	uint64_t rest;

	if (effect_of(m) == MOVER_EFFECT_POST_STEER)
		c->changed = true;
	(void) spec_rest_hash(c->spec, &rest, NULL);
	note_written(c, rest);
	mover_emit(m, MOVER_EVENT_OK);
}

static void
refuse_open(struct mover *m, const char *what)
{
	struct change *c = m->change;

	c->verdict = judge_update_paused(&c->facts) ? VERDICT_UPDATE_PAUSED : VERDICT_UPDATE_OPEN;
	(void) error_set(&c->err, EBUSY, "someone else's update of '%s' is %s: %s",
	                 c->in.service_name,
	                 judge_update_paused(&c->facts) ? "paused" : "still running", what);
	mover_emit(m, MOVER_EVENT_REFUSED);
}

static void
post_steer(struct mover *m, enum mover_standing standing)
{
	const struct change *c = m->change;

	if (standing == STANDING_STEERED)
		already_done(m);
	else if (standing != STANDING_BEFORE)
		mover_emit(m, MOVER_EVENT_FOREIGN);
	else if (judge_update_open(&c->facts) || judge_update_paused(&c->facts))
		refuse_open(m, "nothing was sent");
	else
		post(m);
}

/* Block, settle, restore, clean: our plan label must be there, and nothing that is not ours. */
static void
post_on_ours(struct mover *m, enum mover_standing standing)
{
	enum mover_effect effect = effect_of(m);
	bool steered = standing == STANDING_STEERED, blocked = standing == STANDING_BLOCKED;
	bool settled = standing == STANDING_SETTLED;

	if (effect == MOVER_EFFECT_POST_CLEAN) {
		if (settled)
			post(m);
		else if (standing == STANDING_BEFORE)
			already_done(m);
		else
			mover_emit(m, MOVER_EVENT_FOREIGN);
		return;
	}
	if (steered || (blocked && effect != MOVER_EFFECT_POST_BLOCK))
		post(m);
	else if (settled || blocked)
		already_done(m);
	else
		mover_emit(m, MOVER_EVENT_FOREIGN);
}

/*
 * Whether a paused update that goes on as this spec costs no copy, even if its new tasks fail as
 * well: they come first, or there is no copy to lose; and Swarm does not roll it back then, for
 * what it would find is our steering.
 */
static bool
costs_nothing(const struct change *c, const json_t *edited)
{
	return (c->none_runs || mover_spec_starts_first(edited)) && !mover_spec_rolls_back(edited);
}

/*
 * L3 and L4: someone else's rollout is neither restarted nor resumed by us; unless it is our own
 * terms that hold it up, and nothing is lost by that. What is left of ours is taken away when their
 * update has ended: whoever sees our label then does it.
 */
static bool
left_to_them(const struct change *c, const json_t *edited)
{
	bool ours = c->held_up && label_is_ours(c);

	if (judge_update_paused(&c->facts))
		return !ours || !costs_nothing(c, edited);
	return judge_update_open(&c->facts) && !ours;
}

static void
leave_to_them(struct mover *m)
{
	struct change *c = m->change;

	(void) error_set(&c->err, EBUSY,
	                 "someone else's update of '%s' is %s: our constraints go when it has "
	                 "ended (or run forager release then)",
	                 c->in.service_name,
	                 judge_update_paused(&c->facts) ? "paused" : "still running");
	mover_emit(m, MOVER_EVENT_FOREIGN);
}

static void
post_yield(struct mover *m)
{
	struct change *c = m->change;
	json_auto_t *edited = NULL;
	struct error why = {0};
	int r = mover_spec_edit(EDIT_YIELD, c->spec, &c->in, &c->plan, &edited, &why);

	if (r < 0)
		give(m, MOVER_EVENT_REFUSED, &why);
	else if (r == 0 || mover_spec_is_anothers(c->spec, &c->in, &c->plan))
		mover_emit(m, MOVER_EVENT_NOTHING);
	else if (left_to_them(c, edited))
		leave_to_them(m);
	else
		post(m);
}

/*
 * The second POST after a three-way one: so that the one previous spec that Swarm keeps holds no
 * term of ours. Only where that one is ours: else someone has written since, and their previous
 * spec is worth more than this.
 */
static bool
wants_second(const struct change *c)
{
	if (judge_update_open(&c->facts) || judge_update_paused(&c->facts))
		return false;
	if (c->wrote && mover_spec_is(c->spec, c->in.written, c->written_rest))
		return true;
	return !mover_spec_is_anothers(c->spec, &c->in, &c->plan) &&
	       mover_spec_is_worthless(c->spec, change_previous(c));
}

static void
post_second(struct mover *m)
{
	if (wants_second(m->change))
		post(m);
	else
		mover_emit(m, MOVER_EVENT_NOTHING);
}

/* A rollback after we yielded brings it all back: once more, from the beginning. */
static void
post_unsign(struct mover *m)
{
	struct change *c = m->change;

	if (label_is_ours(c))
		mover_emit(m, MOVER_EVENT_FOREIGN);
	else
		post_second(m);
}

static void
post_merge(struct mover *m)
{
	struct change *c = m->change;
	json_auto_t *edited = NULL;
	struct error why = {0};
	int r = mover_spec_edit(EDIT_MERGE, c->spec, &c->in, &c->plan, &edited, &why);

	if (r < 0)
		give(m, MOVER_EVENT_REFUSED, &why);
	else if (r == 0)
		already_done(m);
	else if (judge_update_open(&c->facts) || judge_update_paused(&c->facts))
		refuse_open(m, "try again when it has ended");
	else
		post(m);
}

static void
on_post_read(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	enum mover_effect effect = effect_of(m);
	enum mover_standing standing = STANDING_FOREIGN;
	struct error why = {0};

	if (err != NULL && err->code == -ENOENT)
		give(m, MOVER_EVENT_GONE, err);
	else if (err != NULL)
		try_again(m, SILENCE, err);
	else if (effect == MOVER_EFFECT_POST_YIELD)
		post_yield(m);
	else if (effect == MOVER_EFFECT_POST_UNSIGN)
		post_unsign(m);
	else if (effect == MOVER_EFFECT_POST_PUSH)
		post_second(m);
	else if (effect == MOVER_EFFECT_POST_MERGE)
		post_merge(m);
	else if (change_standing(c, &standing, &why) < 0)
		give(m, MOVER_EVENT_FOREIGN, &why); /* not even the shape is left */
	else if (effect == MOVER_EFFECT_POST_STEER)
		post_steer(m, standing);
	else
		post_on_ours(m, standing);
}

static void
post_read(struct mover *m)
{
	mover_read_service(m, on_post_read);
}

void
mover_effect_post(struct mover *m)
{
	json_decref(m->change->sent);
	m->change->sent = NULL;
	post_read(m);
}
