/* A move as docker service update; see command.h. */
#include "agent/command.h"

#include "swarm/eligibility.h"
#include "swarm/steer.h"

/* Takes both over. */
static char *
joined(char *a, char *b)
{
	char *c = xasprintf("%s%s", a, b);

	free(a);
	free(b);
	return c;
}

/*
 * What the command calls the service: it is made to be pasted into a shell, so a name that is not
 * as Swarm makes them (letters, digits, '.', '-', '_', no option) gives way to the id, which is
 * letters and digits.
 */
static const char *
word_of(const struct snap_service *v)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	bool is_plain =
	    v->name[0] != '\0' && v->name[0] != '-' && strspn(v->name, plain) == strlen(v->name);

	return is_plain ? v->name : v->id;
}

char *
command_of(const struct snapshot *s, const struct action *action)
{
	const struct snap_service *v;
	struct steer steer = {0};
	struct arena *arena;
	char *add, *rm;

	if (action->kind != ACTION_MOVE)
		return NULL;
	arena = arena_new();
	if (steer_plan(s, action->service, action->from, action->to, arena, &steer) != VERDICT_OK) {
		arena_free(arena);
		return NULL;
	}
	v = &s->services[action->service];
	add = xstrdup("docker service update");
	/* One after another; said only where there are several, because it stays in the spec. */
	if (steer.n_copies > 1)
		add = joined(add, xstrdup(" --update-parallelism 1"));
	/* Only a consent by label needs to be said: the owner's own order is kept anyway. */
	if (eligibility_start_first(v) && (v->traits & TRAIT_START_FIRST) == 0)
		add = joined(add, xstrdup(" --update-order start-first"));
	rm = xstrdup(" && docker service update");
	for (size_t i = 0; i < steer.n_terms; i++) {
		add = joined(add, xasprintf(" --constraint-add '%s'", steer.terms[i]));
		rm = joined(rm, xasprintf(" --constraint-rm '%s'", steer.terms[i]));
	}
	add = joined(add, xasprintf(" %s", word_of(v)));
	rm = joined(rm, xasprintf(" %s", word_of(v)));
	arena_free(arena);
	return joined(add, rm);
}
