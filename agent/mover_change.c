/* A change of the Swarm in memory, and the tickets by which answers find their way to it. */
#include "agent/mover_internal.h"

#include "storage/journal.h"

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
	free(c->service);
	free(c->from);
	free(c->to);
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
