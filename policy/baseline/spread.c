/* Spread by count; see spread.h. */
#include "policy/baseline/spread.h"

#include "policy/answer.h"
#include "policy/plan.h"
#include "policy/policy.h"
#include "swarm/eligibility.h"

/* Fewer than two of difference would only swap the two nodes' parts. */
#define DIFFERENCE 2

struct way {
	struct move move;
	uint32_t difference;
	int64_t running_ms;
};

/*
 * The largest difference first; then the service that started last on the source, which is what
 * Swarm would have put on the new node; then indices.
 */
static int
by_difference(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	if (x->difference != y->difference)
		return x->difference > y->difference ? -1 : 1;
	if (x->running_ms != y->running_ms)
		return x->running_ms < y->running_ms ? -1 : 1;
	if (x->move.service != y->move.service)
		return x->move.service < y->move.service ? -1 : 1;
	if (x->move.from != y->move.from)
		return x->move.from < y->move.from ? -1 : 1;
	return x->move.to < y->move.to ? -1 : x->move.to > y->move.to;
}

/* Pairs with a difference that a move would make smaller; the others are not considered. */
static size_t
ways_find(const struct moves *m, const struct snapshot *s, struct way *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct move *x = &m->list[i];
		uint32_t a = s->nodes[x->from].n_tasks, b = s->nodes[x->to].n_tasks;
		struct task_load load;

		/* All copies of a service move together: more than half would swap the two. */
		if (a < b + DIFFERENCE || 2 * x->n_tasks > a - b)
			continue;
		node_states_carried(m->states, x->service, x->from, &load);
		ret[n++] = (struct way){*x, a - b, load.running_ms};
	}
	if (n > 0)
		qsort(ret, n, sizeof(*ret), by_difference);
	return n;
}

/* What load says is none of its business; everything else holds. */
static enum verdict
verdict_of(const struct moves *m, const struct way *w, enum verdict moment)
{
	enum verdict v = moves_eligibility(m, w->move.service, w->move.from, w->move.to);

	return v == VERDICT_OK ? moment : v;
}

static const char *
reason_move(struct decision *d, const struct snapshot *s, const struct move *m)
{
	return arena_printf(
	    d->arena, "node '%s' runs %u tasks and '%s' %u; moving '%s' makes them more even",
	    answer_node(s, m->from), s->nodes[m->from].n_tasks, answer_node(s, m->to),
	    s->nodes[m->to].n_tasks, s->services[m->service].name);
}

/* The fullest and the emptiest node by count; ties by index. */
static void
extremes(const struct plan *p, uint32_t *ret_full, uint32_t *ret_empty)
{
	*ret_full = *ret_empty = 0;
	for (uint32_t i = 1; i < p->snapshot->n_nodes; i++) {
		if (p->n_tasks[i] > p->n_tasks[*ret_full])
			*ret_full = i;
		if (p->n_tasks[i] < p->n_tasks[*ret_empty])
			*ret_empty = i;
	}
}

static void
spread_plan(struct plan *p)
{
	uint32_t full, empty;

	while (p->snapshot->n_nodes > 0 && p->n < p->most) {
		extremes(p, &full, &empty);
		if (p->n_tasks[full] < p->n_tasks[empty] + DIFFERENCE)
			return;
		plan_move(p, p->tasks[full][p->n_tasks[full] - 1], empty, 0);
	}
}

void
spread_decide(const struct snapshot *s, const struct policy *p, struct rng *rng, struct decision *d)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	static const double nothing[BASIS_N];
	struct answer_ranked *list;
	struct moves *m;
	struct way *ways;
	size_t n, chosen;

	(void) rng;
	if (s->allow.direct) {
		struct plan *plan = plan_new(s, &p->options.objective, arena);

		answer_begin(d, s, p->algorithm->name);
		spread_plan(plan);
		answer_plan(d, plan);
		return;
	}
	m = moves_new(s, &p->options.objective, nothing, arena);
	ways = ARENA_NEW(arena, struct way, m->n);
	n = ways_find(m, s, ways);
	list = ARENA_NEW(arena, struct answer_ranked, n);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct answer_ranked){&ways[i].move,
		                                 verdict_of(m, &ways[i], guard_moment(s, false))};
	answer_begin(d, s, p->algorithm->name);
	chosen = answer_ranking(d, list, n);
	if (chosen != SIZE_MAX) {
		d->goal = GOAL_IMPROVE;
		d->reason = reason_move(d, s, list[chosen].move);
	} else if (n > 0) {
		d->reason =
		    arena_printf(d->arena, "staying: the best way to even out is refused: %s",
		                 answer_why(list[0].verdict));
	} else {
		d->reason = "staying: no node runs two tasks more than another that could take one";
	}
}
