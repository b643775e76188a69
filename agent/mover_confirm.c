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
	if (mover_spec_standing(c->spec, &c->in, &c->plan, c->previous_ours, &standing, &why) < 0 ||
	    standing != STANDING_BEFORE) {
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
		mover_fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
	} else if (m != NULL) {
		self = node_by_id(nodes, q->self);
		if (self == NULL || !self->is_leader)
			mover_refuse(m, VERDICT_NOT_LEADER);
		else if (!usable(node_by_id(nodes, m->change->in.from_id)))
			mover_refuse(m, VERDICT_SOURCE_UNUSABLE);
		else if (!usable(node_by_id(nodes, m->change->in.to_id)))
			mover_refuse(m, VERDICT_TARGET_UNUSABLE);
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
		mover_fail(m, MOVER_EVENT_STUCK, VERDICT_PARTIAL, err);
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
