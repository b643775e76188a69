/* Filling in a decision; see answer.h. */
#include "policy/answer.h"

#include <inttypes.h>

#include "policy/plan.h"

void
answer_begin(struct decision *d, const struct snapshot *s, const char *algorithm)
{
	uint64_t id = d->id, seed = d->rng_seed;

	*d = (struct decision){.id = id, .rng_seed = seed, .wall_ms = s->wall_ms};
	d->arena = arena_new();
	d->algorithm = algorithm;
	d->goal_node = NO_INDEX;
	d->shortlist = ARENA_NEW(d->arena, struct candidate, DECISION_SHORTLIST);
	d->shortlist[0].action = (struct action){
	    .kind = ACTION_STAY, .service = NO_INDEX, .from = NO_INDEX, .to = NO_INDEX};
	d->n_shortlist = d->runner_up = 1;
	d->propensity = 1;
	d->reason = "nothing to do";
}

struct candidate *
answer_add(struct decision *d)
{
	if (d->n_shortlist == DECISION_SHORTLIST)
		return NULL;
	return &d->shortlist[d->n_shortlist++];
}

struct candidate *
answer_move(struct decision *d, const struct move *m, enum verdict verdict,
            const double theta[static BASIS_N], double sd)
{
	struct candidate *c = answer_add(d);

	if (c == NULL)
		return NULL;
	c->action = (struct action){.kind = ACTION_MOVE,
	                            .service = m->service,
	                            .from = m->from,
	                            .to = m->to,
	                            .n_tasks = m->n_tasks};
	c->verdict = verdict;
	c->move_cost = m->move_cost;
	c->sd = sd;
	c->gain = -m->move_cost;
	for (size_t i = 0; i < BASIS_N; i++) {
		c->basis[i] = (float) m->delta[i];
		c->contribution[i] = (float) (-theta[i] * m->delta[i]);
		c->gain += (double) c->contribution[i];
	}
	return c;
}

const char *
answer_span(struct decision *d, int64_t ms)
{
	int64_t s = (ms + 500) / 1000;

	if (s < 120)
		return arena_printf(d->arena, "%" PRId64 " s", s);
	if (s < 2 * 3600)
		return arena_printf(d->arena, "%" PRId64 " min", s / 60);
	return arena_printf(d->arena, "%" PRId64 " h", s / 3600);
}

const char *
answer_why(enum verdict verdict)
{
	return verdict_infos[verdict].text;
}

const char *
answer_node(const struct snapshot *s, uint32_t node)
{
	const struct snap_node *n = &s->nodes[node];

	return n->hostname != NULL ? n->hostname : n->id;
}

const char *
answer_hot(struct decision *d, const struct snapshot *s, uint32_t node)
{
	const struct snap_node *n = &s->nodes[node];

	return arena_printf(d->arena, "node '%s' has been above %.0f %% of its %.2f cores for %s",
	                    answer_node(s, node), 100 * s->bounds.relief_line, n->usable_cores,
	                    answer_span(d, n->hot_ms));
}

void
answer_plan(struct decision *d, const struct plan *p)
{
	d->plan = ARENA_NEW(d->arena, struct planned, p->n);
	if (p->n > 0)
		memcpy(d->plan, p->list, p->n * sizeof(*d->plan));
	d->n_plan = p->n;
	if (p->n > 0)
		d->reason = arena_printf(d->arena, "%zu moves", p->n);
}

/* Places on the shortlist kept for refused candidates. */
#define REFUSED_SHOWN 5

size_t
answer_ranking(struct decision *d, const struct answer_ranked *list, size_t n)
{
	static const double nothing[BASIS_N];
	size_t chosen = SIZE_MAX, refused = 0, most;

	d->n_considered = n;
	for (size_t i = 0; i < n; i++) {
		d->n_refused[list[i].verdict] += list[i].verdict != VERDICT_OK;
		refused += list[i].verdict != VERDICT_OK;
		if (chosen == SIZE_MAX && list[i].verdict == VERDICT_OK)
			chosen = i;
	}
	most = DECISION_SHORTLIST - MIN(refused, (size_t) REFUSED_SHOWN);
	for (size_t i = 0; i < n && d->n_shortlist < most; i++)
		if (list[i].verdict == VERDICT_OK)
			(void) answer_move(d, list[i].move, VERDICT_OK, nothing, 0);
	d->chosen = chosen != SIZE_MAX;
	d->runner_up = d->n_shortlist > 2 ? 2 : SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		if (list[i].verdict != VERDICT_OK)
			(void) answer_move(d, list[i].move, list[i].verdict, nothing, 0);
	d->runner_up = MIN(d->runner_up, d->n_shortlist);
	return chosen;
}
