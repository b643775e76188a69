/*
 * The scheduler's filters in their order and what it says of them (swarmkit manager/scheduler/
 * pipeline.go, filter.go): the project's own (swarm/filter.h), and generic resources; see group.h.
 */
#include "test/fake/group.h"

static int64_t
generic_of(const json_t *list, const char *kind)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (streq(shape_text(one, "DiscreteResourceSpec.Kind", ""), kind))
			return shape_int(one, "DiscreteResourceSpec.Value", 0);
	}
	return 0;
}

static bool
generic_fits(const struct world *w, const struct world_task *t, const struct world_node *n)
{
	const json_t *wants = shape_at(t->spec, "Resources.Reservations.GenericResources");
	json_t *one;
	size_t k;

	json_array_foreach (wants, k, one) {
		const char *kind = shape_text(one, "DiscreteResourceSpec.Kind", "");
		int64_t left = generic_of(n->generic, kind);

		for (size_t s = 0; s < w->n_services; s++) {
			for (size_t i = 0; i < w->services[s]->n_tasks; i++) {
				const struct world_task *o = w->services[s]->tasks[i];

				if (o->node == n && o->state <= TASK_RUNNING)
					left -= generic_of(
					    shape_at(o->spec,
					             "Resources.Reservations.GenericResources"),
					    kind);
			}
		}
		if (left < shape_int(one, "DiscreteResourceSpec.Value", 0))
			return false;
	}
	return true;
}

static enum refusal
refusal_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_TARGET_UNUSABLE:
		return NOT_READY;
	case VERDICT_CPU_RESERVATION:
	case VERDICT_MEM_RESERVATION:
		return NO_RESOURCES;
	case VERDICT_CONSTRAINT:
		return NO_CONSTRAINT;
	case VERDICT_PLATFORM:
		return NO_PLATFORM;
	case VERDICT_HOST_PORT:
		return NO_PORT;
	case VERDICT_MAX_REPLICAS:
		return TOO_MANY;
	default:
		return REFUSAL_N;
	}
}

bool
pipeline_passes(struct group *g, uint32_t node)
{
	const struct world_task *t = g->tasks[0];
	enum refusal refusal =
	    refusal_of(filter_node(g->snap, 0, node, FILTER_SPEC, g->extra[node]));

	if (refusal != NOT_READY && !generic_fits(g->r->w, t, g->r->w->nodes[node]))
		refusal = NO_RESOURCES;
	if (refusal != REFUSAL_N) {
		g->refused[refusal]++;
		return false;
	}
	memset(g->refused, 0, sizeof(g->refused));
	return true;
}

/* Most refusals first, equal ones in the filters' order. The caller frees. */
char *
pipeline_explain(const struct group *g)
{
	static const struct {
		const char *before, *one, *many;
	} texts[REFUSAL_N] = {
	    {"", "1 node not available for new tasks", " nodes not available for new tasks"},
	    {"insufficient resources on ", "1 node", " nodes"},
	    {"scheduling constraints not satisfied on ", "1 node", " nodes"},
	    {"unsupported platform on ", "1 node", " nodes"},
	    {"host-mode port already in use on ", "1 node", " nodes"},
	    {"max replicas per node limit exceed", "", NULL},
	};
	char *said = xstrdup("");
	bool told[REFUSAL_N] = {false};

	for (;;) {
		char *old = said;
		int most = -1;

		for (int i = 0; i < REFUSAL_N; i++) {
			if (!told[i] && g->refused[i] > 0 &&
			    (most < 0 || g->refused[i] > g->refused[most]))
				most = i;
		}
		if (most < 0)
			return said;
		told[most] = true;
		if (g->refused[most] > 1 && texts[most].many != NULL)
			said = xasprintf("%s%s%s%u%s", old, *old != '\0' ? "; " : "",
			                 texts[most].before, g->refused[most], texts[most].many);
		else
			said = xasprintf("%s%s%s%s", old, *old != '\0' ? "; " : "",
			                 texts[most].before, texts[most].one);
		free(old);
	}
}
