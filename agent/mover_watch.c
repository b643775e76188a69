/* The mover's waits: the service and its tasks are read until they say something. */
#include <errno.h>

#include "agent/mover_internal.h"

#define POLL_MS 500
/*
 * Readings in a row that must say so before the revert's last step: the failed task's replacement
 * is made by another part of Swarm than the updater, and may appear a moment after the block.
 */
#define STEADY 2
/* So long a task of somebody's update may find no node before we take our terms away under it. */
#define HELD_UP_MS 5000

/*
 * So long after a new leader has heard of all nodes its scheduler may take to place what waits. Who
 * takes a move up may be that new leader's forager, and come so late that it sees the end of it.
 */
#define SETTLING_MS 5000

static void look(struct mover *m);

static enum mover_effect
effect_of(const struct mover *m)
{
	return mover_state_infos[m->change->state].effect;
}

static void
give(struct mover *m, enum mover_event event, const struct error *why)
{
	if (why->code != 0 && m->change->err.code == 0) {
		m->change->err = *why;
		mover_tell_premise(m->change, &m->change->err);
	}
	mover_emit(m, event);
}

/* What ended the move was told before these waits began. */
static bool
tells_why_already(const struct change *c)
{
	return c->state == MOVER_UNWIND || c->state == MOVER_RESTORED ||
	       c->state == MOVER_YIELD_CALM;
}

/* Nothing to be said yet: the time, a wish to stop, or another look. */
static void
not_yet(struct mover *m, const struct error *reading_failed)
{
	struct change *c = m->change;
	struct error why = {0};

	if (m->stopping && mover_effect_gives(effect_of(m), MOVER_EVENT_STOP)) {
		if (!tells_why_already(c))
			(void) error_set(&why, ECANCELED, "stopped before it had landed");
		give(m, MOVER_EVENT_STOP, &why);
	} else if (mono_ms() >= c->deadline_mono && reading_failed != NULL) {
		give(m, MOVER_EVENT_STUCK, reading_failed);
	} else if (mono_ms() >= c->deadline_mono) {
		if (!tells_why_already(c))
			(void) error_set(&why, ETIMEDOUT, "not there within %lld s",
			                 (long long) (c->length_ms / 1000));
		give(m, MOVER_EVENT_DEADLINE, &why);
	} else {
		mover_after(m, m->options.poll_ms > 0 ? m->options.poll_ms : POLL_MS, look);
	}
}

/* Whether what stands there is still ours to wait for. */
static bool
still_ours(const struct mover *m, struct error *why)
{
	const struct change *c = m->change;
	enum mover_standing standing;

	if (effect_of(m) == MOVER_EFFECT_WATCH_OTHER)
		return true;
	if (change_standing(c, &standing, why) < 0)
		return false;
	if (effect_of(m) == MOVER_EFFECT_WATCH_UNWIND)
		return standing == STANDING_BLOCKED || standing == STANDING_STEERED ||
		       standing == STANDING_SETTLED;
	return standing == STANDING_STEERED;
}

static void
wait_for_leader(struct change *c)
{
	c->unsettled_until_ms = mono_ms() + MIN((int64_t) SETTLING_MS, c->length_ms / 2);
}

/*
 * Whether theirs is held up by our terms: paused, because a task failed where these had put it; or
 * no node for a task. That is nothing for a moment, and for long it is not theirs to wait for.
 */
static int
judge_held_up(struct change *c, const struct judge_look *at, const struct judge_plan *plan)
{
	int r = judge_other(at);

	if (r != MOVER_EVENT_FAILING) {
		c->held_up_since_ms = 0;
		c->held_up = judge_paused_on_target(at, plan);
		c->none_runs = judge_none_runs(at);
		return r;
	}
	if (c->held_up_since_ms == 0)
		c->held_up_since_ms = mono_ms();
	c->held_up = mono_ms() - c->held_up_since_ms >= MIN((int64_t) HELD_UP_MS, c->length_ms / 2);
	return c->held_up ? MOVER_EVENT_OK : JUDGE_WAIT;
}

static int
judge(const struct mover *m, const struct docker_nodes *nodes, struct error *why)
{
	struct change *c = m->change;
	struct judge_plan plan = change_judge_plan(c);
	struct judge_look at = {.service = &c->facts,
	                        .tasks = c->tasks.items,
	                        .n_tasks = c->tasks.n,
	                        .nodes = nodes->items,
	                        .n_nodes = nodes->n,
	                        .unsettled = mono_ms() < c->unsettled_until_ms};

	switch (effect_of(m)) {
	case MOVER_EFFECT_WATCH_MOVE:
		return judge_move(&at, &plan, why);
	case MOVER_EFFECT_WATCH_CALM:
		return judge_calm(&at, &plan, why);
	case MOVER_EFFECT_WATCH_UNWIND:
		return judge_unwind(&at, why);
	default:
		return judge_held_up(c, &at, &plan);
	}
}

static void
on_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct error why = {0};
	int r;

	if (m == NULL)
		return;
	if (nodes == NULL) {
		not_yet(m, err);
		return;
	}
	if (!mover_leads(m, nodes)) {
		m->change->verdict = VERDICT_NOT_LEADER;
		(void) error_set(&why, EPERM, "%s", verdict_infos[VERDICT_NOT_LEADER].text);
		give(m, MOVER_EVENT_UNLED, &why);
		return;
	}
	mover_note_premise(m->change, nodes);
	if (judge_unsettled(nodes->items, nodes->n))
		wait_for_leader(m->change);
	r = judge(m, nodes, &why);
	if (effect_of(m) == MOVER_EFFECT_WATCH_UNWIND && r == MOVER_EVENT_OK &&
	    ++m->change->steady < STEADY) {
		mover_after(m, m->options.poll_ms > 0 ? m->options.poll_ms : POLL_MS, look);
		return;
	}
	m->change->steady = 0;
	if (r == JUDGE_WAIT)
		not_yet(m, NULL);
	else if (effect_of(m) == MOVER_EFFECT_WATCH_UNWIND)
		mover_emit(m, (enum mover_event) r); /* why it is taken back is told already */
	else
		give(m, (enum mover_event) r, &why);
}

static void
on_look(struct mover *m, const struct error *err)
{
	struct error why = {0};

	if (err != NULL && err->code == -ENOENT)
		give(m, MOVER_EVENT_GONE, err);
	else if (err != NULL)
		not_yet(m, err);
	else if (!still_ours(m, &why))
		give(m, MOVER_EVENT_FOREIGN, &why);
	else
		api_nodes(m->api, on_nodes, ticket_new(m));
}

static void
look(struct mover *m)
{
	mover_read_tasks(m, on_look);
}

void
mover_effect_watch(struct mover *m)
{
	struct change *c = m->change;
	int64_t left = c->length_ms;

	/* What an earlier run began has the rest of its own time only. */
	if (c->recovering && effect_of(m) == MOVER_EFFECT_WATCH_MOVE)
		left = CLAMP(c->in.deadline_wall_ms - wall_ms(), 0, c->length_ms);
	c->deadline_mono = mono_ms() + left;
	c->steady = 0;
	c->held_up_since_ms = 0;
	c->held_up = false;
	if (c->recovering && c->unsettled_until_ms == 0)
		wait_for_leader(c);
	look(m);
}
