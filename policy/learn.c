/*
 * Learning from what happened: one row a node and step, y = c + γ·(W(φ') − κ·G).
 *
 * c is what the node cost in the step, φ' the node as it is afterwards, before the next decision,
 * and G what that next decision gains at the node that it takes a task from: fitted Q-iteration on
 * the line. κ below 1 tempers G, because the best of many noisy gains is an optimist (the prototype
 * overloaded in 14 % of host time with κ = 1 and a weak prior).
 *
 * A move opens an epoch that lasts until the service has settled in: its nodes are left out, for
 * within the epoch only the move's own cost is charged, and that is a constant of the objective,
 * nothing to be learnt.
 */
#include "policy/policy.h"

struct lesson {
	struct policy *p;
	const struct transition *t;
	struct node_states *before, *after;
	struct cost *costs;    /* of after's nodes */
	bool *skipped;         /* of after's nodes */
	double *planned;       /* what next's plan gains at each of after's nodes */
	struct residual *rows; /* new residuals, sorted by node id as the nodes are */
	size_t n_rows;
};

static const struct candidate *
next_move(const struct lesson *f)
{
	const struct decision *d = f->t->next;
	const struct candidate *c;

	if (d == NULL || d->chosen == 0 || d->chosen >= d->n_shortlist)
		return NULL;
	c = &d->shortlist[d->chosen];
	return c->action.kind == ACTION_MOVE && isfinite(c->gain) ? c : NULL;
}

static double
residual_before(const struct policy *p, const char *node_id)
{
	size_t from = 0, to = p->n_residuals;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strcmp(p->residuals[mid].node_id, node_id);

		if (order == 0)
			return p->residuals[mid].value;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NAN;
}

static void
row(struct lesson *f, size_t before, size_t after)
{
	const struct candidate *next = next_move(f);
	const char *id = f->t->after->nodes[after].id;
	double phi[BASIS_N], then[BASIS_N], y, value, residual, kappa = f->p->options.kappa;

	basis_of(&f->before->nodes[before], phi);
	basis_of(&f->after->nodes[after], then);
	value = linear_value(f->p->linear.theta, then);
	if (next != NULL && next->action.from == after)
		value -= kappa * next->gain;
	value -= kappa * f->planned[after];
	y = cost_total(&f->costs[after]) + linear_gamma(&f->p->linear, f->t->dt_ms) * value;
	residual = linear_row(&f->p->linear, phi, y, residual_before(f->p, id));
	if (!isfinite(residual))
		return;
	(void) str_copy(f->rows[f->n_rows].node_id, sizeof(f->rows[0].node_id), id);
	f->rows[f->n_rows++].value = residual;
}

static void
skip_move(struct lesson *f, const struct action *a, const struct snapshot *s)
{
	if (a->kind != ACTION_MOVE)
		return;
	for (size_t i = 0; i < f->t->after->n_nodes; i++) {
		const char *id = f->t->after->nodes[i].id;

		f->skipped[i] |= (a->from < s->n_nodes && streq(id, s->nodes[a->from].id)) ||
		                 (a->to < s->n_nodes && streq(id, s->nodes[a->to].id));
	}
}

static void
skip_settling(struct lesson *f)
{
	const struct snapshot *s = f->t->after;

	for (size_t i = 0; i < f->t->n_settling; i++) {
		const struct snap_service *v;

		if (f->t->settling[i] >= s->n_services)
			continue;
		v = &s->services[f->t->settling[i]];
		for (uint32_t k = 0; k < v->n_tasks; k++)
			if (s->tasks[v->first_task + k].node < s->n_nodes)
				f->skipped[s->tasks[v->first_task + k].node] = true;
	}
}

/* Both snapshots' nodes are sorted by id. */
static void
rows_all(struct lesson *f)
{
	const struct snapshot *x = f->t->before, *y = f->t->after;
	size_t i = 0, j = 0;

	while (i < x->n_nodes && j < y->n_nodes) {
		int order = strcmp(x->nodes[i].id, y->nodes[j].id);

		if (order == 0) {
			if (f->before->nodes[i].known && f->after->nodes[j].known && !f->skipped[j])
				row(f, i, j);
			i++;
			j++;
		} else if (order < 0) {
			i++;
		} else {
			j++;
		}
	}
}

/* Staying against what was observed: the live check that acting does no harm. */
static void
account(struct policy *p, const struct transition *t)
{
	const struct objective *o = &p->options.objective;
	bool moved = t->executed.kind == ACTION_MOVE;
	struct cost observed;

	if (moved)
		stayed_add(&p->stayed, t->before, &t->executed);
	if (stayed_expire(&p->stayed, t->after->wall_ms) == 0)
		return;
	reward_cluster(t->after, o, t->dt_ms, &observed);
	if (moved)
		observed.moves += reward_move(o, MAX(t->executed.n_tasks, 1u));
	fallback_add(&p->fallback, t->after->wall_ms, t->dt_ms,
	             stayed_cost(&p->stayed, t->after, o, t->dt_ms), cost_total(&observed));
}

/* The states as the plan left them: where the step whose cost is known began. */
static void
plan_apply(struct node_states *w, const struct decision *d)
{
	for (size_t i = 0; i < d->n_plan; i++) {
		const struct action *a = &d->plan[i].action;
		const struct task_load *load =
		    &w->tasks[w->snapshot->services[a->service].first_task];

		node_state_remove(&w->nodes[a->from], load);
		node_state_add(&w->nodes[a->to], load);
	}
}

static void
planned_fill(struct lesson *f)
{
	const struct decision *d = f->t->next;

	for (size_t i = 0; d != NULL && i < d->n_plan; i++)
		if (d->plan[i].action.from < f->t->after->n_nodes && isfinite(d->plan[i].gain))
			f->planned[d->plan[i].action.from] += d->plan[i].gain;
}

void
policy_learn(struct policy *p, const struct transition *t)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct lesson f = {.p = p, .t = t};

	/* Half a picture teaches half-truths. */
	if (p->frozen || t->dt_ms <= 0 || t->before->partial || t->after->partial)
		return;
	f.before = node_states_new(t->before, arena);
	f.after = node_states_new(t->after, arena);
	f.costs = ARENA_NEW(arena, struct cost, t->after->n_nodes);
	f.skipped = ARENA_NEW(arena, bool, t->after->n_nodes);
	f.rows = xcalloc(t->after->n_nodes, sizeof(*f.rows));
	f.planned = ARENA_NEW(arena, double, t->after->n_nodes);
	reward_states(f.after, &p->options.objective, t->dt_ms, f.costs);
	planned_fill(&f);
	if (t->direct && t->decision != NULL)
		plan_apply(f.before, t->decision);
	if (!t->direct) {
		skip_move(&f, &t->executed, t->before);
		skip_settling(&f);
	}
	linear_forget(&p->linear, t->dt_ms);
	rows_all(&f);
	linear_solve(&p->linear);
	free(p->residuals);
	p->residuals = f.rows;
	p->n_residuals = f.n_rows;
	if (!t->direct)
		account(p, t);
}
