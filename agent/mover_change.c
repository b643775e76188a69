/* A change of the Swarm in memory, and the tickets by which answers find their way to it. */
#include "agent/mover_internal.h"

#include "storage/journal.h"
#include "swarm/spec.h"

struct ticket *
ticket_new(struct mover *m)
{
	struct ticket *t = xcalloc(1, sizeof(*t));

	*t = (struct ticket){.m = m, .serial = m->serial, .next = m->tickets};
	m->tickets = t;
	return t;
}

struct mover *
ticket_take(void *ticket)
{
	struct ticket *t = ticket;
	struct mover *m = t->m;

	if (m != NULL) {
		struct ticket **at = &m->tickets;

		while (*at != t)
			at = &(*at)->next;
		*at = t->next;
		if (t->serial != m->serial)
			m = NULL;
	}
	free(t);
	return m;
}

struct change *
change_new(void)
{
	struct change *c = xcalloc(1, sizeof(*c));

	mover_plan_init(&c->plan);
	return c;
}

void
change_forget(struct change *c)
{
	json_decref(c->spec);
	c->spec = NULL;
	json_decref(c->previous);
	c->previous = NULL;
	arena_free(c->arena);
	c->arena = NULL;
	c->facts = (struct docker_service){0};
	arena_free(c->tasks.arena);
	c->tasks = (struct docker_tasks){0};
}

void
change_ids_free(char ***ids, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free((*ids)[i]);
	free(*ids);
	*ids = NULL;
	*n = 0;
}

void
change_id_add(char ***ids, size_t *n, const char *id)
{
	*ids = xrealloc(*ids, *n + 1, sizeof(**ids));
	(*ids)[(*n)++] = xstrdup(id);
}

void
change_free(struct change *c)
{
	if (c == NULL)
		return;
	change_forget(c);
	journal_intent_done(&c->in);
	journal_intent_done(&c->undone);
	mover_plan_done(&c->plan);
	change_ids_free(&c->known, &c->n_known);
	change_ids_free(&c->old, &c->n_old);
	json_decref(c->sent);
	json_decref(c->replaced);
	free(c->service);
	free(c->from);
	free(c->to);
	free(c->disturbed);
	free(c->final);
	free(c->places);
	free(c);
}

bool
change_is_merge(const struct change *c)
{
	return c->in.to_id[0] == '\0' && c->to == NULL;
}

struct judge_plan
change_judge_plan(const struct change *c)
{
	return (struct judge_plan){.from_id = c->in.from_id,
	                           .to_id = c->in.to_id,
	                           .old = (const char *const *) c->old,
	                           .n_old = c->n_old,
	                           .known = (const char *const *) c->known,
	                           .n_known = c->n_known,
	                           .since_ms = c->in.created_wall_ms};
}

const json_t *
change_previous(const struct change *c)
{
	return c->previous_ours ? c->previous : NULL;
}

int
change_standing(const struct change *c, enum mover_standing *ret, struct error *err)
{
	/* Swarm never rolls a move back (FailureAction is pause): who brought our label back so is
	 * a person, and the rollback is theirs to be waited for. */
	if (spec_plan(c->spec) != NULL && judge_rolled_back(&c->facts)) {
		*ret = STANDING_FOREIGN;
		return 0;
	}
	return mover_spec_standing(c->spec, &c->in, &c->plan, c->previous_ours, ret, err);
}

static bool
is_json(const char *text)
{
	json_auto_t *doc = text != NULL ? json_loads(text, 0, NULL) : NULL;

	return doc != NULL;
}

/* What the journal lost, our own label still tells. */
static void
mend(struct intent *in, const struct spec_before *b)
{
	if (!is_json(in->before)) {
		free(in->before);
		in->before = xstrdup(b->owned);
		in->rest_hash = b->rest_hash;
	}
	if (!is_json(in->added)) {
		free(in->added);
		in->added = xstrdup(b->added);
	}
}

void
change_recall(struct change *c, const json_t *spec)
{
	const char *label = spec_before(spec);
	_cleanup_(spec_before_done) struct spec_before b = {0};
	json_auto_t *dropped = NULL;

	if (label == NULL || !streq(spec_plan(spec), c->plan.label) ||
	    spec_before_parse(label, &b, NULL) < 0)
		return;
	mend(&c->in, &b);
	dropped = json_loads(b.dropped, 0, NULL); /* a list: the label was checked */
	(void) json_array_clear(c->plan.drop);
	(void) json_array_extend(c->plan.drop, dropped);
}
