/* RECOVER: where did an earlier run stop, and who may go on from there? */
#include "agent/mover_internal.h"

#include "swarm/spec.h"

static bool
landed(struct change *c, const struct docker_nodes *nodes)
{
	struct judge_plan plan = change_judge_plan(c);
	struct judge_look at = {.service = &c->facts,
	                        .tasks = c->tasks.items,
	                        .n_tasks = c->tasks.n,
	                        .nodes = nodes->items,
	                        .n_nodes = nodes->n};

	return judge_move(&at, &plan, NULL) == MOVER_EVENT_OK;
}

static enum mover_event
found(struct change *c, enum mover_standing standing, bool has_landed)
{
	bool back = c->in.state == MOVE_REVERTING || c->in.state == MOVE_BLOCKED;
	bool forth = c->in.state == MOVE_VERIFIED || c->in.state == MOVE_SETTLED;

	switch (standing) {
	case STANDING_STEERED:
		if (c->in.state == MOVE_BLOCKED)
			return MOVER_EVENT_FOUND_BLOCKED;
		return back ? MOVER_EVENT_FAILING : MOVER_EVENT_FOUND_STEERED;
	case STANDING_BLOCKED:
		return MOVER_EVENT_FOUND_BLOCKED;
	case STANDING_SETTLED:
		return forth || (!back && has_landed) ? MOVER_EVENT_FOUND_SETTLED
		                                      : MOVER_EVENT_FOUND_RESTORED;
	case STANDING_BEFORE:
		return forth || (!back && has_landed) ? MOVER_EVENT_FOUND_CLEAN
		                                      : MOVER_EVENT_FOUND_BEFORE;
	default:
		return MOVER_EVENT_FOREIGN;
	}
}

static void
on_lead(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
        const struct error *err)
{
	struct change *c = m->change;

	(void) nodes;
	if (verdict == VERDICT_OK) {
		mover_emit(m, c->found);
		return;
	}
	c->verdict = verdict;
	if (c->err.code == 0)
		c->err = *err;
	mover_emit(m, verdict == VERDICT_PARTIAL ? MOVER_EVENT_STUCK : MOVER_EVENT_UNLED);
}

/*
 * What goes on from here changes the Swarm sooner or later: not without the lease, which is asked
 * for last, so that what needs no change also needs no lease. Another manager's forager may have
 * finished this move in the meantime.
 */
static void
go_on(struct mover *m, enum mover_event event)
{
	struct change *c = m->change;

	c->found = event;
	c->changed = event != MOVER_EVENT_FOUND_BEFORE && event != MOVER_EVENT_FOUND_CLEAN;
	if (!c->changed || (event == MOVER_EVENT_FOREIGN &&
	                    !mover_spec_ours(c->spec, &c->in, &c->plan, change_previous(c))))
		mover_emit(m, event);
	else
		mover_lead(m, on_lead);
}

static void
on_recover_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct change *c;
	enum mover_standing standing = STANDING_FOREIGN;
	struct error why = {0};

	if (m == NULL)
		return;
	c = m->change;
	if (nodes == NULL) {
		if (c->err.code == 0)
			c->err = *err;
		mover_emit(m, MOVER_EVENT_STUCK);
		return;
	}
	change_recall(c, c->spec);
	if (change_standing(c, &standing, &why) < 0)
		c->err = why;
	/* Found as before: what was to be written never was, or was taken back already. */
	go_on(m, found(c, standing, landed(c, nodes)));
}

static void
on_recover_read(struct mover *m, const struct error *err)
{
	struct change *c = m->change;

	if (err != NULL) {
		c->err = *err;
		mover_emit(m, err->code == -ENOENT ? MOVER_EVENT_GONE : MOVER_EVENT_STUCK);
	} else if (change_is_merge(c)) {
		go_on(m,
		      c->in.state == MOVE_PLANNED ? MOVER_EVENT_FOUND_BEFORE : MOVER_EVENT_MERGE);
	} else if (c->in.state == MOVE_PLANNED && spec_plan(c->spec) == NULL && !c->previous_ours) {
		mover_emit(m, MOVER_EVENT_FOUND_BEFORE);
	} else {
		api_nodes(m->api, on_recover_nodes, ticket_new(m));
	}
}

void
mover_effect_recover(struct mover *m)
{
	m->change->recovering = true;
	mover_read_tasks(m, on_recover_read);
}
