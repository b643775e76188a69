/* Steering a move by constraints; see steer.h. */
#include "swarm/steer.h"

#include <assert.h>
#include <math.h>

/* What is found out about one move before a term is written. */
struct plan {
	const struct snapshot *s;
	uint32_t service, from, to;
	uint32_t *counts; /* per node, copies of the service */
	bool *excluded;   /* per node but from, which always has one: needs a term */
	size_t n_terms;
	bool stays; /* a copy on a third node */
};

static void
plan_done(struct plan *p)
{
	free(p->counts);
	free(p->excluded);
}

/* The target must take every copy, one after another. */
static enum verdict
check_target(const struct plan *p)
{
	for (uint32_t i = 0; i < p->counts[p->from]; i++) {
		enum verdict v = filter_node(p->s, p->service, p->to, FILTER_OWNER, i);

		if (v != VERDICT_OK)
			return v;
	}
	return VERDICT_OK;
}

/*
 * Whether Swarm could prefer the node to the target, or toss for it, at the last landing: the
 * target's counts have only grown until then, the node's have not.
 */
static bool
competes(const struct plan *p, uint32_t node)
{
	uint64_t landed = p->counts[p->from] - 1;
	uint64_t ours = p->counts[p->to] + landed, theirs = p->counts[node];

	if (ours != theirs)
		return theirs < ours;
	return p->s->nodes[node].n_tasks <= p->s->nodes[p->to].n_tasks + landed;
}

static bool
owner_allows(const struct plan *p, uint32_t node)
{
	const struct snap_service *v = &p->s->services[p->service];

	return constraint_match_all(v->constraints, v->n_constraints, &p->s->nodes[node], true);
}

static enum verdict
check_others(struct plan *p)
{
	enum verdict verdict = VERDICT_OK;

	for (uint32_t i = 0; i < p->s->n_nodes; i++) {
		if (i == p->from || i == p->to)
			continue;
		if (p->counts[i] > 0) {
			p->stays = true;
			if (!owner_allows(p, i))
				return VERDICT_OTHERS_MOVE;
		}
		if (!competes(p, i) ||
		    filter_node(p->s, p->service, i, FILTER_OWNER, 0) != VERDICT_OK)
			continue;
		if (p->counts[i] > 0)
			verdict = VERDICT_NOT_FIRST;
		p->excluded[i] = true;
		p->n_terms++;
	}
	return verdict;
}

static enum verdict
check(struct plan *p)
{
	enum verdict verdict;

	order_counts(p->s, p->service, p->counts);
	if (p->from == p->to)
		return VERDICT_SAME_NODE;
	if (p->counts[p->from] == 0)
		return VERDICT_NO_COPY_ON_SOURCE;
	verdict = check_target(p);
	if (verdict != VERDICT_OK)
		return verdict;
	/*
	 * The source has its term even where the owner excludes it already (a label taken away
	 * since): a task is replaced only if the spec differs from the one it was made with.
	 */
	p->n_terms = 1;
	verdict = check_others(p);
	if (verdict != VERDICT_OK)
		return verdict;
	if (!p->stays)
		p->n_terms = 1; /* node.id==to says it all */
	else if (p->n_terms > STEER_TERMS)
		return VERDICT_TOO_MANY_TERMS;
	return VERDICT_OK;
}

static const char **
write_terms(const struct plan *p, struct arena *arena)
{
	const char **terms = ARENA_NEW(arena, const char *, p->n_terms);
	size_t n = 0;

	if (!p->stays) {
		terms[0] = constraint_term(arena, true, p->s->nodes[p->to].id);
		return terms;
	}
	terms[n++] = constraint_term(arena, false, p->s->nodes[p->from].id);
	for (uint32_t i = 0; i < p->s->n_nodes; i++) {
		if (p->excluded[i])
			terms[n++] = constraint_term(arena, false, p->s->nodes[i].id);
	}
	return terms;
}

enum verdict
steer_plan(const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to,
           struct arena *arena, struct steer *ret)
{
	_cleanup_(plan_done) struct plan p = {
	    .s = s,
	    .service = service,
	    .from = from,
	    .to = to,
	    .counts = xcalloc(s->n_nodes, sizeof(*p.counts)),
	    .excluded = xcalloc(s->n_nodes, sizeof(*p.excluded)),
	};
	enum verdict verdict;

	assert(service < s->n_services && from < s->n_nodes && to < s->n_nodes);
	verdict = check(&p);
	if (verdict != VERDICT_OK || ret == NULL)
		return verdict;
	*ret = (struct steer){
	    .terms = write_terms(&p, arena), .n_terms = p.n_terms, .n_copies = p.counts[from]};
	return VERDICT_OK;
}

size_t
steer_block(const struct snapshot *s, uint32_t service, uint32_t to, struct arena *arena,
            const char *const **ret)
{
	const struct snap_service *v = &s->services[service];
	const char **texts = ARENA_NEW(arena, const char *, v->n_constraints + 1);
	const char *term = constraint_term(arena, false, s->nodes[to].id);
	size_t n = 0;

	for (size_t i = 0; i < v->n_constraints; i++)
		texts[n++] = arena_strdup(arena, v->constraints[i].text);
	if (!constraint_is_ours(term, texts, n))
		texts[n++] = term;
	*ret = texts;
	return n;
}

struct denied {
	double cost;
	uint32_t node;
};

static int
dearest_first(const void *a, const void *b)
{
	const struct denied *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

/* How many feasible nodes may be denied, so that enough stay after the loss of any one. */
static size_t
spare_nodes(const struct snap_service *v, size_t n_feasible)
{
	uint64_t replicas = MAX(v->replicas, 2);

	/* One node may be lost and one more than replicas must be left, at least three. */
	if (n_feasible < 2 || n_feasible - 2 <= replicas)
		return 0;
	return MIN((size_t) (n_feasible - 2 - replicas), (size_t) STEER_HOLD_TERMS);
}

size_t
steer_hold(const struct snapshot *s, uint32_t service, const double *cost, double above,
           struct arena *arena, const char *const **ret)
{
	_cleanup_(freep) uint32_t *counts = xcalloc(s->n_nodes, sizeof(*counts));
	_cleanup_(freep) struct denied *denied = xcalloc(s->n_nodes, sizeof(*denied));
	size_t n_feasible = 0, n_denied = 0, n;
	const char **terms;

	order_counts(s, service, counts);
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (counts[i] == 0 && filter_node(s, service, i, FILTER_OWNER, 0) != VERDICT_OK)
			continue;
		n_feasible++;
		if (counts[i] == 0 && cost[i] > above) /* false for NAN */
			denied[n_denied++] = (struct denied){cost[i], i};
	}
	if (n_denied > 1)
		qsort(denied, n_denied, sizeof(*denied), dearest_first);
	n = MIN(n_denied, spare_nodes(&s->services[service], n_feasible));
	terms = ARENA_NEW(arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		terms[i] = constraint_term(arena, false, s->nodes[denied[i].node].id);
	*ret = terms;
	return n;
}
