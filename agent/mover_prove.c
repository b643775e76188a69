/* Reading back: is the spec exact, and where are the tasks? */
#include <errno.h>

#include "agent/mover_internal.h"
#include "swarm/spec.h"

static bool
reverts(const struct change *c)
{
	return c->state == MOVER_PROVE_BACK || c->in.state == MOVE_REVERTED ||
	       c->in.state == MOVE_REFUSED;
}

/* As it should stand at the end: the owner's, but for terms that were to be kept. */
static bool
is_exact(struct change *c)
{
	_cleanup_(freep) char *want = NULL;

	if (change_is_merge(c))
		return c->wrote ? mover_spec_is(c->spec, c->in.written, c->written_rest)
		                : mover_spec_is(c->spec, c->in.written, c->in.rest_hash);
	if (c->in.before == NULL)
		return true; /* never got that far: nothing was written */
	return mover_spec_final(c->spec, &c->in, &c->plan, reverts(c), &want, NULL) == 0 &&
	       mover_spec_is(c->spec, want, c->in.rest_hash);
}

static void
on_prove(struct mover *m, const struct error *err)
{
	struct change *c = m->change;

	if (err != NULL) {
		mover_emit(m, err->code == -ENOENT ? MOVER_EVENT_GONE : MOVER_EVENT_STUCK);
		return;
	}
	if (is_exact(c)) {
		c->in.version_ours = c->facts.version;
		mover_emit(m, MOVER_EVENT_OK);
	} else {
		(void) error_set(&c->err, ESTALE,
		                 "someone else changed '%s' while our labels were taken away",
		                 c->in.service_name);
		mover_emit(m, MOVER_EVENT_FOREIGN);
	}
}

void
mover_effect_prove(struct mover *m)
{
	mover_read_service(m, on_prove);
}

/* ---- FINISH ---- */

static const char *
hostname(const struct docker_nodes *nodes, const char *id)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (streq(nodes->items[i].id, id))
			return nodes->items[i].hostname;
	return id;
}

static void
note_places(struct change *c, const struct docker_nodes *nodes)
{
	json_auto_t *doc = NULL;
	json_t *tasks = json_array();

	for (size_t i = 0; i < c->tasks.n; i++) {
		const struct docker_task *t = &c->tasks.items[i];

		if (judge_alive(t))
			(void) json_array_append_new(
			    tasks, json_pack("{s:i, s:s, s:s}", "slot", (int) t->slot, "task",
			                     t->id, "node", hostname(nodes, t->node_id)));
	}
	doc = json_pack("{s:b, s:o}", "spec_equal", is_exact(c), "tasks", tasks);
	free(c->places);
	c->places = json_dumps(doc, JSON_COMPACT);
}

static void
on_finish_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct mover *m = ticket_take(data);

	(void) err;
	if (m == NULL)
		return;
	if (nodes != NULL)
		note_places(m->change, nodes);
	mover_over(m);
}

static void
on_finish_tasks(struct mover *m, const struct error *err)
{
	if (err != NULL)
		mover_over(m);
	else
		api_nodes(m->api, on_finish_nodes, ticket_new(m));
}

static void
finish_now(struct mover *m)
{
	mover_over(m);
}

void
mover_effect_finish(struct mover *m)
{
	const struct change *c = m->change;

	/* What was refused has changed nothing: no need to say where things are. */
	if (c->in.service_id[0] == '\0' || (!c->changed && c->in.state == MOVE_REFUSED) || c->open)
		mover_after(m, 0, finish_now);
	else
		mover_read_tasks(m, on_finish_tasks);
}
