/* Goals; see goal.h. */
#include "policy/goal.h"

/* Targets whose eligibility is asked for, best first, before a drain is given up. */
#define TRIES 8

struct heat {
	uint32_t node;
	double heat;
};

static int
by_heat(const void *a, const void *b)
{
	const struct heat *x = a, *y = b;

	if (x->heat != y->heat)
		return x->heat > y->heat ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

size_t
goal_hot_nodes(const struct moves *m, struct arena *arena, uint32_t **ret)
{
	size_t n_nodes = m->snapshot->n_nodes, n = 0;
	struct heat *hot = ARENA_NEW(arena, struct heat, n_nodes);

	for (uint32_t i = 0; i < n_nodes; i++) {
		const struct node_state *x = &m->states->nodes[i];

		if (guard_is_hot(m->snapshot, i))
			hot[n++] = (struct heat){i, (x->mean + sqrt(x->var)) / x->cores};
	}
	if (n > 0)
		qsort(hot, n, sizeof(*hot), by_heat);
	*ret = ARENA_NEW(arena, uint32_t, n);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = hot[i].node;
	return n;
}

/* A drain being thought through. */
struct draft {
	const struct moves *moves;
	const struct objective *objective;
	const double *theta;
	struct node_state *nodes; /* as they would be after the moves so far */
	struct goal_plan plan;
};

struct option {
	uint32_t to;
	double gain;
	double delta[BASIS_N], cross[2];
};

static int
by_option(const void *a, const void *b)
{
	const struct option *x = a, *y = b;

	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* Where the load could go, best first. Sleeping nodes stay asleep. */
static size_t
options_of(const struct draft *f, uint32_t service, const struct task_load *load,
           struct option *ret)
{
	const struct snapshot *s = f->moves->snapshot;
	struct guard_ask ask = {s, f->nodes, load, f->plan.node, 0};
	size_t n = 0;

	for (uint32_t to = 0; to < s->n_nodes; to++) {
		struct option *x = &ret[n];

		ask.to = to;
		if (to == f->plan.node || (f->nodes[to].may_sleep && f->nodes[to].n < 0.5) ||
		    guard_load(&ask, GOAL_DRAIN) != VERDICT_OK ||
		    load->running_ms < s->bounds.sustain_ms)
			continue;
		node_states_traffic(f->moves->states, service, f->plan.node, to, &x->cross[0],
		                    &x->cross[1]);
		moves_delta(&f->nodes[f->plan.node], &f->nodes[to], load, x->cross, x->delta);
		x->gain = -linear_value(f->theta, x->delta);
		x->to = to;
		n++;
	}
	if (n > 0)
		qsort(ret, n, sizeof(*ret), by_option);
	return n;
}

static size_t
move_find(const struct moves *m, uint32_t service, uint32_t from, uint32_t to)
{
	size_t i = 0;

	while (i < m->n &&
	       (m->list[i].service != service || m->list[i].from != from || m->list[i].to != to))
		i++;
	return i;
}

static bool
draft_place(struct draft *f, uint32_t service, struct option *room)
{
	struct task_load load;
	size_t n;

	node_states_carried(f->moves->states, service, f->plan.node, &load);
	n = options_of(f, service, &load, room);
	for (size_t i = 0; i < MIN(n, (size_t) TRIES); i++) {
		enum verdict v = moves_eligibility(f->moves, service, f->plan.node, room[i].to);

		if (v != VERDICT_OK && v != VERDICT_OBSERVE_ONLY)
			continue;
		if (f->plan.n_moves == 0)
			f->plan.first = move_find(f->moves, service, f->plan.node, room[i].to);
		f->plan.observed |= v == VERDICT_OBSERVE_ONLY;
		f->plan.n_moves++;
		f->plan.move_cost += reward_move(f->objective, (uint32_t) load.n);
		for (size_t k = 0; k < BASIS_N; k++)
			f->plan.delta[k] += room[i].delta[k];
		node_state_remove(&f->nodes[f->plan.node], &load);
		f->nodes[f->plan.node].cross_bytes_per_s += room[i].cross[0];
		node_state_add(&f->nodes[room[i].to], &load);
		f->nodes[room[i].to].cross_bytes_per_s += room[i].cross[1];
		return true;
	}
	return false;
}

/* The services with a task there that could keep the node awake; false: one may not move. */
static bool
services_on(const struct moves *m, uint32_t node, uint32_t *ret, size_t *ret_n)
{
	const struct snapshot *s = m->snapshot;
	size_t n = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		uint32_t service = s->tasks[i].service;
		enum service_mode mode = s->services[service].mode;

		if (s->tasks[i].node != node || mode == MODE_GLOBAL || mode == MODE_GLOBAL_JOB)
			continue;
		if (m->of_service[service] != VERDICT_OK)
			return false;
		/* Tasks are sorted by service: a repeat follows at once. */
		if (n == 0 || ret[n - 1] != service)
			ret[n++] = service;
	}
	*ret_n = n;
	return n > 0;
}

static bool
drain_draft(struct draft *f, uint32_t node, struct arena *scratch)
{
	const struct snapshot *s = f->moves->snapshot;
	uint32_t *services = ARENA_NEW(scratch, uint32_t, s->n_tasks);
	struct option *room = ARENA_NEW(scratch, struct option, s->n_nodes);
	size_t n;

	f->plan = (struct goal_plan){.node = node};
	f->nodes = ARENA_NEW(scratch, struct node_state, s->n_nodes);
	memcpy(f->nodes, f->moves->states->nodes, s->n_nodes * sizeof(*f->nodes));
	if (!services_on(f->moves, node, services, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!draft_place(f, services[i], room))
			return false;
	return f->plan.first < f->moves->n;
}

size_t
goal_drains(const struct moves *m, const struct objective *o, const double theta[static BASIS_N],
            struct arena *arena, struct goal_plan **ret)
{
	struct draft f = {.moves = m, .objective = o, .theta = theta};
	struct heat *nodes = ARENA_NEW(arena, struct heat, m->snapshot->n_nodes);
	size_t n = 0, n_plans = 0;

	for (uint32_t i = 0; i < m->snapshot->n_nodes; i++) {
		const struct node_state *x = &m->states->nodes[i];

		/* by_heat sorts downward, and the emptiest are wanted first. */
		if (x->may_sleep && x->known && x->n > 0.5 && !guard_is_hot(m->snapshot, i))
			nodes[n++] = (struct heat){i, -node_state_load(x)};
	}
	if (n > 0)
		qsort(nodes, n, sizeof(*nodes), by_heat);
	n = MIN(n, (size_t) GOAL_DRAINS);
	*ret = ARENA_NEW(arena, struct goal_plan, n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(arena_freep) struct arena *scratch = arena_new();

		if (drain_draft(&f, nodes[i].node, scratch))
			(*ret)[n_plans++] = f.plan;
	}
	return n_plans;
}
