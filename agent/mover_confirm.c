/* CONFIRM: the last look before the steering, after the intent was written down. */
#include <errno.h>

#include "agent/mover_internal.h"

static void
on_confirm_tasks(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	enum mover_standing standing = STANDING_FOREIGN;
	struct error why = {0};

	if (err != NULL) {
		mover_fail(m, err->code == -ENOENT ? MOVER_EVENT_GONE : MOVER_EVENT_STUCK,
		           VERDICT_PARTIAL, err);
		return;
	}
	if (change_standing(c, &standing, &why) < 0 || standing != STANDING_BEFORE) {
		mover_fail(m, MOVER_EVENT_FOREIGN, VERDICT_DEPLOY_QUIET, &why);
		return;
	}
	if (judge_update_open(&c->facts) || judge_update_paused(&c->facts)) {
		mover_refuse(m, judge_update_open(&c->facts) ? VERDICT_UPDATE_OPEN
		                                             : VERDICT_UPDATE_PAUSED);
		return;
	}
	/* Every task there is: a later one is new, and its failure is the move's. */
	change_ids_free(&c->known, &c->n_known);
	for (size_t i = 0; i < c->tasks.n; i++)
		change_id_add(&c->known, &c->n_known, c->tasks.items[i].id);
	c->in.version_before = c->facts.version;
	mover_emit(m, MOVER_EVENT_OK);
}

static bool
usable(const struct docker_node *n)
{
	return n != NULL && n->state == DOCKER_NODE_READY && n->availability == DOCKER_ACTIVE;
}

static void
on_lead(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
        const struct error *err)
{
	const struct change *c = m->change;

	if (verdict != VERDICT_OK) {
		mover_fail(m, verdict == VERDICT_PARTIAL ? MOVER_EVENT_STUCK : MOVER_EVENT_REFUSED,
		           verdict, err);
		return;
	}
	mover_note_nodes(m, nodes);
	if (!usable(mover_node(nodes, c->in.from_id)))
		mover_refuse(m, VERDICT_SOURCE_UNUSABLE);
	else if (!usable(mover_node(nodes, c->in.to_id)))
		mover_refuse(m, VERDICT_TARGET_UNUSABLE);
	else if (c->nodes_moved)
		mover_refuse(m, VERDICT_NODE_CHANGED);
	else
		mover_read_tasks(m, on_confirm_tasks);
}

void
mover_effect_confirm(struct mover *m)
{
	mover_lead(m, on_lead);
}
