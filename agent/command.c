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
	/* Names are Swarm's own: letters, digits, '.', '-' and '_' only; ids need no quotes either.
	 */
	add = joined(add, xasprintf(" %s", v->name));
	rm = joined(rm, xasprintf(" %s", v->name));
	arena_free(arena);
	return joined(add, rm);
}
