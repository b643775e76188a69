/* Who may act: the forager on the Raft leader that holds the lease. */
#include "agent/mover_internal.h"

#include <errno.h>

struct question {
	struct ticket *ticket;
	lead_fn *fn;
};

const struct docker_node *
mover_node(const struct docker_nodes *nodes, const char *id)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (streq(nodes->items[i].id, id))
			return &nodes->items[i];
	return NULL;
}

bool
mover_leads(const struct mover *m, const struct docker_nodes *nodes)
{
	const struct docker_node *self = mover_node(nodes, m->self);

	return m->self[0] == '\0' || (self != NULL && self->is_leader);
}

static bool
moved(const struct docker_nodes *nodes, const char *id, uint64_t version)
{
	const struct docker_node *n = mover_node(nodes, id);

	return version != 0 && (n == NULL || n->version != version);
}

void
mover_note_nodes(struct mover *m, const struct docker_nodes *nodes)
{
	struct change *c = m->change;

	mover_note_premise(c, nodes);
	c->nodes_moved = moved(nodes, c->in.from_id, c->from_version) ||
	                 moved(nodes, c->in.to_id, c->to_version);
}

static void read_nodes(struct mover *m, lead_fn *fn);

static struct question *
question_new(struct mover *m, lead_fn *fn)
{
	struct question *q = xcalloc(1, sizeof(*q));

	*q = (struct question){.ticket = ticket_new(m), .fn = fn};
	return q;
}

/* The mover, or NULL when nobody waits for the answer any more. */
static struct mover *
question_take(void *data, lead_fn **ret_fn)
{
	struct question *q = data;
	struct mover *m = ticket_take(q->ticket);

	*ret_fn = q->fn;
	free(q);
	return m;
}

static void
on_lease(void *data, const struct error *err)
{
	lead_fn *fn;
	struct mover *m = question_take(data, &fn);

	if (m == NULL)
		return;
	if (err == NULL) /* that may have taken a while: the nodes are read once more */
		read_nodes(m, fn);
	else
		fn(m, NULL, err->code == -EBUSY ? VERDICT_LEASE : VERDICT_PARTIAL, err);
}

static void
on_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	lead_fn *fn;
	struct mover *m = question_take(data, &fn);
	struct error why = {0};

	if (m == NULL)
		return;
	if (nodes == NULL) {
		fn(m, NULL, VERDICT_PARTIAL, err);
	} else if (!mover_leads(m, nodes)) {
		/* The one on the leader shall not have to wait for its end. */
		keeper_release(m->keeper);
		(void) error_set(&why, EPERM, "%s", verdict_infos[VERDICT_NOT_LEADER].text);
		fn(m, nodes, VERDICT_NOT_LEADER, &why);
	} else if (keeper_held(m->keeper)) {
		fn(m, nodes, VERDICT_OK, NULL);
	} else {
		keeper_acquire(m->keeper, m->self, on_lease, question_new(m, fn));
	}
}

static void
read_nodes(struct mover *m, lead_fn *fn)
{
	api_nodes(m->api, on_nodes, question_new(m, fn));
}

static void
on_info(void *data, struct docker_info *info, const struct error *err)
{
	lead_fn *fn;
	struct mover *m = question_take(data, &fn);

	if (m == NULL)
		return;
	if (info == NULL) {
		fn(m, NULL, VERDICT_PARTIAL, err);
		return;
	}
	(void) str_copy(m->self, sizeof(m->self), info->node_id);
	read_nodes(m, fn);
}

void
mover_lead(struct mover *m, lead_fn *fn)
{
	if (m->self[0] == '\0')
		api_info(m->api, on_info, question_new(m, fn));
	else
		read_nodes(m, fn);
}

/* ---- LEAD ---- */

static void
on_lead(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
        const struct error *err)
{
	(void) nodes;
	if (verdict == VERDICT_OK)
		mover_emit(m, MOVER_EVENT_OK);
	else
		mover_fail(m, verdict == VERDICT_PARTIAL ? MOVER_EVENT_STUCK : MOVER_EVENT_REFUSED,
		           verdict, err);
}

void
mover_effect_lead(struct mover *m)
{
	mover_lead(m, on_lead);
}
