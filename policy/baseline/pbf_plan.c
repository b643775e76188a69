/* Probabilistic best fit over many moves at once; see pbf.h. */
#include "policy/baseline/pbf.h"
#include "policy/guard.h"
#include "policy/plan.h"

/* As many as the linear policy may make, for a fair comparison. */
#define RELIEF_MOST 8

static double
fullness(const struct node_state *n, double sds)
{
	return (n->mean + sds * sqrt(n->var)) / n->cores;
}

static bool
is_asleep(const struct node_state *n)
{
	return n->may_sleep && n->n < 0.5;
}

/*
 * The fullest node that holds the task with certainty, and its memory; a sleeping one only when
 * none that is awake does, the one with the most cores a watt. barred: not this one.
 */
static uint32_t
best_fit(const struct plan *p, uint32_t task, double sds, bool wake, const bool *barred)
{
	const struct task_load *load = &p->states->tasks[task];
	uint32_t best = NO_INDEX, asleep = NO_INDEX;
	double most = -1, worth = -1;

	for (uint32_t i = 0; i < p->snapshot->n_nodes; i++) {
		const struct node_state *n = &p->states->nodes[i];
		struct node_state with;
		double full;

		if (i == p->node_of[task] || !n->known || barred[i] || (is_asleep(n) && !wake))
			continue;
		with.mean = n->mean + load->mean;
		with.var = n->var + load->var;
		with.cores = n->cores;
		full = fullness(&with, sds);
		if (full > 1 ||
		    n->mem_bytes + load->mem_bytes > GUARD_MEM_MOST * n->mem_capacity_bytes)
			continue;
		if (is_asleep(n)) {
			double x = n->cores / MAX(n->watts_idle, 1.0);

			if (x > worth) {
				worth = x;
				asleep = i;
			}
		} else if (full > most) {
			most = full;
			best = i;
		}
	}
	return best != NO_INDEX ? best : asleep;
}

/* The smallest task that cures the node, else the largest. */
static uint32_t
leaver(const struct plan *p, uint32_t node, double sds)
{
	const struct node_state *n = &p->states->nodes[node];
	uint32_t cure = NO_INDEX, large = NO_INDEX;

	for (uint32_t i = 0; i < p->n_tasks[node]; i++) {
		uint32_t task = p->tasks[node][i];
		const struct task_load *load = &p->states->tasks[task];
		struct node_state without = {.mean = n->mean - load->mean,
		                             .var = MAX(n->var - load->var, 0.0),
		                             .cores = n->cores};

		if (large == NO_INDEX || load->mean > p->states->tasks[large].mean)
			large = task;
		if (fullness(&without, sds) <= 1 &&
		    (cure == NO_INDEX || load->mean < p->states->tasks[cure].mean))
			cure = task;
	}
	return cure != NO_INDEX ? cure : large;
}

static void
relieve(struct plan *p, double sds, double fit_sds, const bool *barred)
{
	uint32_t *nodes;
	size_t n = plan_by_heat(p, &nodes);

	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < RELIEF_MOST && p->n < p->most &&
		                fullness(&p->states->nodes[nodes[i]], sds) > 1;
		     k++) {
			uint32_t task = leaver(p, nodes[i], sds), to = NO_INDEX;

			if (task != NO_INDEX)
				to = best_fit(p, task, fit_sds, true, barred);
			if (to == NO_INDEX)
				break;
			plan_move(p, task, to, 0);
		}
	}
}

/* The greediest first; all or none. */
static bool
drain(struct plan *p, uint32_t node, double sds, const bool *barred)
{
	size_t before = p->n;

	while (p->n_tasks[node] > 0) {
		uint32_t task = p->tasks[node][0], to;

		for (uint32_t i = 1; i < p->n_tasks[node]; i++)
			if (p->states->tasks[p->tasks[node][i]].mean > p->states->tasks[task].mean)
				task = p->tasks[node][i];
		to = p->n < p->most ? best_fit(p, task, sds, false, barred) : NO_INDEX;
		if (to == NO_INDEX) {
			plan_undo(p, before);
			return false;
		}
		plan_move(p, task, to, 0);
	}
	return true;
}

void
pbf_plan(struct plan *p, double sds, double fit_sds, double drain_below)
{
	bool *barred = ARENA_NEW(p->arena, bool, p->snapshot->n_nodes);
	uint32_t *nodes;
	size_t n;

	relieve(p, sds, fit_sds, barred);
	n = plan_by_heat(p, &nodes);
	while (n-- > 0) {
		uint32_t node = nodes[n];
		const struct node_state *x = &p->states->nodes[node];

		if (!x->may_sleep || p->n_tasks[node] == 0 || node_state_load(x) >= drain_below)
			continue;
		barred[node] = drain(p, node, fit_sds, barred);
	}
}
