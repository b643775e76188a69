/* Probabilistic best fit; see pbf.h. */
#include "policy/baseline/pbf.h"

#include "policy/answer.h"
#include "policy/goal.h"
#include "policy/plan.h"
#include "policy/policy.h"

struct fit {
	const struct move *move;
	enum verdict verdict;
	double heat;    /* of the source */
	bool cures;     /* the source is no longer overloaded without it */
	double carried; /* cores */
	double full;    /* the target's load with it */
};

static bool
overloaded(const struct node_state *n, double sds)
{
	return n->mean + sds * sqrt(n->var) > n->cores;
}

/* The hottest source; there the smallest service that cures, else the largest; the fullest target.
 */
static int
by_fit(const void *a, const void *b)
{
	const struct fit *x = a, *y = b;

	if (x->heat != y->heat)
		return x->heat > y->heat ? -1 : 1;
	if (x->cures != y->cures)
		return x->cures ? -1 : 1;
	if (x->carried != y->carried)
		return (x->carried < y->carried) == x->cures ? -1 : 1;
	if (x->full != y->full)
		return x->full > y->full ? -1 : 1;
	if (x->move->service != y->move->service)
		return x->move->service < y->move->service ? -1 : 1;
	if (x->move->from != y->move->from)
		return x->move->from < y->move->from ? -1 : 1;
	return x->move->to < y->move->to ? -1 : x->move->to > y->move->to;
}

static bool
fit_of(const struct moves *m, const struct move *x, double sds, enum verdict moment,
       struct fit *ret)
{
	struct node_state from = m->states->nodes[x->from], to = m->states->nodes[x->to];
	struct task_load load;

	if (!from.known || !overloaded(&from, sds))
		return false;
	node_states_carried(m->states, x->service, x->from, &load);
	ret->move = x;
	ret->heat = (from.mean + sds * sqrt(from.var)) / from.cores;
	ret->carried = load.mean;
	node_state_remove(&from, &load);
	node_state_add(&to, &load);
	ret->cures = !overloaded(&from, sds);
	ret->full = (to.mean + sds * sqrt(to.var)) / to.cores;
	ret->verdict = x->verdict;
	if (ret->verdict == VERDICT_OK && overloaded(&to, sds))
		ret->verdict = VERDICT_OVERLOADS_TARGET;
	if (ret->verdict == VERDICT_OK)
		ret->verdict = moment;
	return true;
}

static void
relieve(struct decision *d, const struct moves *m, double sds, enum verdict moment,
        struct arena *arena)
{
	const struct snapshot *s = m->snapshot;
	struct fit *fits = ARENA_NEW(arena, struct fit, m->n);
	struct answer_ranked *list = ARENA_NEW(arena, struct answer_ranked, m->n);
	size_t n = 0, chosen;

	for (size_t i = 0; i < m->n; i++)
		n += fit_of(m, &m->list[i], sds, moment, &fits[n]);
	if (n > 0)
		qsort(fits, n, sizeof(*fits), by_fit);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct answer_ranked){fits[i].move, fits[i].verdict};
	chosen = answer_ranking(d, list, n);
	if (chosen != SIZE_MAX) {
		const struct move *x = list[chosen].move;

		d->goal = GOAL_RELIEF;
		d->goal_node = x->from;
		d->reason = arena_printf(
		    d->arena, "node '%s' is expected above its %.2f cores; moving '%s' to '%s'",
		    answer_node(s, x->from), m->states->nodes[x->from].cores,
		    s->services[x->service].name, answer_node(s, x->to));
	} else if (n > 0) {
		d->reason =
		    arena_printf(d->arena,
		                 "staying: node '%s' is expected above its cores, but no move "
		                 "passes: %s",
		                 answer_node(s, list[0].move->from), answer_why(list[0].verdict));
	}
}

static void
drain(struct decision *d, const struct moves *m, const struct policy *p, enum verdict moment,
      struct arena *arena)
{
	/* By this θ the fullest target gains most: best fit. */
	static const double best_fit[BASIS_N] = {[BASIS_LOAD2] = -1};
	static const double nothing[BASIS_N];
	struct goal_plan *plans;
	size_t n = goal_drains(m, &p->options.objective, best_fit, arena, &plans);

	for (size_t i = 0; i < n; i++) {
		const struct move *x = &m->list[plans[i].first];

		if (plans[i].observed || moment != VERDICT_OK ||
		    node_state_load(&m->states->nodes[plans[i].node]) >= p->options.pbf_drain_below)
			continue;
		d->goal = GOAL_DRAIN;
		d->goal_node = plans[i].node;
		d->chosen = d->n_shortlist;
		(void) answer_move(d, x, VERDICT_OK, nothing, 0);
		d->runner_up = d->n_shortlist;
		d->n_considered++;
		d->reason = arena_printf(
		    d->arena, "node '%s' is below %.0f %% and can be emptied; moving '%s' to '%s'",
		    answer_node(m->snapshot, x->from), 100 * p->options.pbf_drain_below,
		    m->snapshot->services[x->service].name, answer_node(m->snapshot, x->to));
		return;
	}
}

void
pbf_decide(const struct snapshot *s, const struct policy *p, struct rng *rng, struct decision *d)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	static const double nothing[BASIS_N];
	enum verdict moment = guard_moment(s, false);
	struct moves *m;

	(void) rng;
	answer_begin(d, s, p->algorithm->name);
	if (s->allow.direct) {
		struct plan *plan = plan_new(s, &p->options.objective, arena);

		if (moment == VERDICT_OK)
			pbf_plan(plan, p->options.pbf_sds, p->options.pbf_fit_sds,
			         p->options.pbf_drain_below);
		answer_plan(d, plan);
		return;
	}
	m = moves_new(s, &p->options.objective, nothing, arena);
	d->reason = "staying: no node is expected above its cores, and none can be emptied";
	relieve(d, m, p->options.pbf_sds, moment, arena);
	/* While a node is overloaded is no time for draining. */
	if (d->n_considered == 0)
		drain(d, m, p, moment, arena);
}
