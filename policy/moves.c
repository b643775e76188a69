/* All moves of a snapshot; see moves.h. */
#include "policy/moves.h"

#include "swarm/eligibility.h"

/* What enumerating needs beside its result. */
struct search {
	struct moves *moves;
	struct arena *arena;
	const struct objective *objective;
	const double *theta;
	double gone[BASIS_N]; /* what the source at hand loses by the service at hand */
	uint32_t *targets;
	size_t n_targets, room;
};

struct rank {
	uint32_t node;
	double load;
};

static int
by_load(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->load != y->load)
		return x->load < y->load ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* More than half of them the emptiest nodes, the rest spread evenly over the fuller ones. */
static void
targets_choose(struct search *f)
{
	const struct snapshot *s = f->moves->snapshot;
	struct rank *ranks = ARENA_NEW(f->arena, struct rank, s->n_nodes);
	size_t empty = MOVES_TARGETS * 5 / 8, rest;

	f->targets = ARENA_NEW(f->arena, uint32_t, s->n_nodes);
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		ranks[i] = (struct rank){i, node_state_load(&f->moves->states->nodes[i])};
		f->targets[i] = i;
	}
	f->n_targets = s->n_nodes;
	if (s->n_nodes <= MOVES_TARGETS)
		return;
	qsort(ranks, s->n_nodes, sizeof(*ranks), by_load);
	f->n_targets = MOVES_TARGETS;
	rest = s->n_nodes - empty;
	for (size_t i = 0; i < MOVES_TARGETS; i++)
		f->targets[i] =
		    ranks[i < empty ? i : empty + (i - empty) * rest / (MOVES_TARGETS - empty)]
		        .node;
}

void
moves_delta(const struct node_state *from, const struct node_state *to,
            const struct task_load *load, const double cross[static 2], double ret[static BASIS_N])
{
	struct node_state without = *from, with = *to;
	double before[BASIS_N], after[BASIS_N];

	node_state_remove(&without, load);
	without.cross_bytes_per_s += cross[0];
	node_state_add(&with, load);
	with.cross_bytes_per_s += cross[1];
	basis_of(from, before);
	basis_of(&without, after);
	for (size_t i = 0; i < BASIS_N; i++)
		ret[i] = after[i] - before[i];
	basis_of(to, before);
	basis_of(&with, after);
	for (size_t i = 0; i < BASIS_N; i++)
		ret[i] += after[i] - before[i];
}

static void
list_push(struct search *f, const struct move *m)
{
	struct moves *all = f->moves;

	if (all->n == f->room) {
		struct move *more;

		f->room = MAX(f->room * 2, (size_t) 256);
		more = ARENA_NEW(f->arena, struct move, f->room);
		if (all->n > 0)
			memcpy(more, all->list, all->n * sizeof(*more));
		all->list = more;
	}
	all->list[all->n++] = *m;
}

/* φ of the source without the load, less φ of it now: the same for every target. */
static void
gone_fill(struct search *f, uint32_t service, uint32_t from, const struct task_load *load)
{
	struct node_state without = f->moves->states->nodes[from];
	double cross, other;

	node_states_traffic(f->moves->states, service, from, from, &cross, &other);
	node_state_remove(&without, load);
	without.cross_bytes_per_s += cross;
	basis_of(&without, f->gone);
	for (size_t i = 0; i < BASIS_N; i++)
		f->gone[i] -= f->moves->phi[from][i];
}

static void
move_fill(const struct search *f, uint32_t service, uint32_t from, uint32_t to,
          const struct task_load *load, struct move *ret)
{
	const struct snapshot *s = f->moves->snapshot;
	const struct node_state *nodes = f->moves->states->nodes;
	struct guard_ask ask = {s, nodes, load, from, to};
	struct node_state with = nodes[to];
	double cross[2];

	*ret = (struct move){.service = service, .from = from, .to = to, .verdict = VERDICT_OK};
	ret->n_tasks = (uint32_t) load->n;
	ret->relief = guard_is_hot(s, from);
	ret->move_cost = reward_move(f->objective, ret->n_tasks);
	node_states_traffic(f->moves->states, service, from, to, &cross[0], &cross[1]);
	node_state_add(&with, load);
	with.cross_bytes_per_s += cross[1];
	basis_of(&with, ret->delta);
	for (size_t i = 0; i < BASIS_N; i++)
		ret->delta[i] += f->gone[i] - f->moves->phi[to][i];
	ret->gain = -linear_value(f->theta, ret->delta) - ret->move_cost;
	ret->verdict = f->moves->of_service[service];
	if (ret->verdict == VERDICT_OK)
		ret->verdict = guard_load(&ask, ret->relief ? GOAL_RELIEF : GOAL_IMPROVE);
}

static void
service_moves(struct search *f, uint32_t service, uint32_t from)
{
	struct moves *all = f->moves;
	enum verdict verdict = all->of_service[service];
	struct task_load load;
	struct move m;

	node_states_carried(all->states, service, from, &load);
	gone_fill(f, service, from, &load);
	/* Refused services are worth listing where a person can read the list. */
	if (verdict != VERDICT_OK && all->snapshot->n_nodes > MOVES_TARGETS) {
		all->n_dropped++;
		all->n_refused[verdict]++;
		return;
	}
	for (size_t i = 0; i < f->n_targets; i++) {
		if (f->targets[i] == from)
			continue;
		move_fill(f, service, from, f->targets[i], &load, &m);
		list_push(f, &m);
	}
}

/* Each node that holds a copy, once, in the order of the tasks. */
static void
sources_each(struct search *f, uint32_t service)
{
	const struct snapshot *s = f->moves->snapshot;
	const struct snap_service *v = &s->services[service];

	for (uint32_t k = 0; k < v->n_tasks; k++) {
		uint32_t node = s->tasks[v->first_task + k].node;
		bool seen = node >= s->n_nodes;

		for (uint32_t j = 0; j < k && !seen; j++)
			seen = s->tasks[v->first_task + j].node == node;
		if (!seen)
			service_moves(f, service, node);
	}
}

/* Relief first, then the best; indices make the order total. */
static int
by_promise(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	bool x_ok = x->verdict == VERDICT_OK, y_ok = y->verdict == VERDICT_OK;

	if (x_ok != y_ok)
		return x_ok ? -1 : 1;
	if (x->relief != y->relief)
		return x->relief ? -1 : 1;
	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static int
by_gain(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* The same world as if nobody only observed; what is only observed is told apart afterwards. */
static const struct snapshot *
snapshot_as_if_auto(const struct snapshot *s, struct arena *arena)
{
	struct snapshot *copy = ARENA_NEW(arena, struct snapshot, 1);

	*copy = *s;
	copy->services = ARENA_NEW(arena, struct snap_service, s->n_services);
	for (size_t i = 0; i < s->n_services; i++) {
		copy->services[i] = s->services[i];
		if (copy->services[i].act == ACT_OBSERVE)
			copy->services[i].act = ACT_AUTO;
	}
	return copy;
}

enum verdict
moves_eligibility(const struct moves *m, uint32_t service, uint32_t from, uint32_t to)
{
	enum verdict v = m->of_service[service];

	if (v == VERDICT_OK)
		v = eligibility_move(m->as_if_auto, service, from, to, ACTOR_POLICY);
	if (v == VERDICT_OK && m->snapshot->services[service].act == ACT_OBSERVE)
		v = VERDICT_OBSERVE_ONLY;
	return v;
}

/* Δφ if the long run came now: a gain that is not in it is a spike's. */
static double
gain_slow(const struct search *f, const struct move *m, const struct task_load *load)
{
	struct node_state from = node_state_slow(&f->moves->states->nodes[m->from]);
	struct node_state to = node_state_slow(&f->moves->states->nodes[m->to]);
	struct task_load slow = *load;
	double delta[BASIS_N], cross[2];

	node_states_traffic(f->moves->states, m->service, m->from, m->to, &cross[0], &cross[1]);
	slow.now = slow.mean = load->slow;
	slow.var = load->slow_var;
	slow.third = load->slow_third;
	for (int i = 0; i < FORECAST_STEPS; i++)
		slow.last[i] = load->slow;
	moves_delta(&from, &to, &slow, cross, delta);
	return -linear_value(f->theta, delta) - m->move_cost;
}

static void
moves_check(const struct search *f)
{
	struct moves *m = f->moves;

	for (size_t i = 0; i < m->n; i++) {
		struct move *x = &m->list[i];
		struct task_load load;
		struct guard_ask ask = {m->snapshot, m->states->nodes, &load, x->from, x->to};

		if (x->verdict != VERDICT_OK)
			continue;
		x->verdict = moves_eligibility(m, x->service, x->from, x->to);
		node_states_carried(m->states, x->service, x->from, &load);
		x->sustain = guard_sustained(&ask, x->relief ? GOAL_RELIEF : GOAL_IMPROVE,
		                             gain_slow(f, x, &load));
	}
}

static void
services_check(struct moves *m, struct arena *arena)
{
	enum verdict *of = ARENA_NEW(arena, enum verdict, m->snapshot->n_services);

	m->as_if_auto = snapshot_as_if_auto(m->snapshot, arena);
	for (uint32_t i = 0; i < m->snapshot->n_services; i++)
		of[i] = eligibility_service(m->as_if_auto, i, ACTOR_POLICY);
	m->of_service = of;
}

static void
moves_drop(struct moves *m)
{
	for (size_t i = MOVES_MOST; i < m->n; i++) {
		m->n_dropped++;
		m->n_refused[m->list[i].verdict] += m->list[i].verdict != VERDICT_OK;
	}
	m->n = MIN(m->n, (size_t) MOVES_MOST);
}

struct moves *
moves_new(const struct snapshot *s, const struct objective *o, const double theta[static BASIS_N],
          struct arena *arena)
{
	struct moves *m = ARENA_NEW(arena, struct moves, 1);
	struct search f = {.moves = m, .arena = arena, .objective = o, .theta = theta};

	m->snapshot = s;
	m->states = node_states_new(s, arena);
	m->phi = arena_alloc(arena, s->n_nodes, sizeof(*m->phi));
	for (size_t i = 0; i < s->n_nodes; i++)
		basis_of(&m->states->nodes[i], m->phi[i]);
	services_check(m, arena);
	targets_choose(&f);
	for (uint32_t i = 0; i < s->n_services; i++)
		sources_each(&f, i);
	if (m->n > 0)
		qsort(m->list, m->n, sizeof(*m->list), by_promise);
	moves_drop(m);
	moves_check(&f);
	if (m->n > 0)
		qsort(m->list, m->n, sizeof(*m->list), by_gain);
	return m;
}
