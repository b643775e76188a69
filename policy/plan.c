/* Many moves at once; see plan.h. */
#include "policy/plan.h"

#include "policy/guard.h"

/* Relieved at most so many moves a node and step: a forecast that wants more is a wrong one. */
#define RELIEF_MOST 8
/* Cooler nodes than this are not looked at for relief: no feature of overload speaks up there. */
#define RELIEF_FROM 0.6
/* A target's demand right now may reach this share of its cores. */
#define FULL 0.97
#define MANY 1e300

struct rank {
	uint32_t node;
	double by;
};

static int
descending(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->by != y->by)
		return x->by > y->by ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void
hold(struct plan *p, uint32_t node, uint32_t task)
{
	if (p->n_tasks[node] == p->room[node]) {
		uint32_t *more;

		p->room[node] = MAX(2 * p->room[node], 8u);
		more = ARENA_NEW(p->arena, uint32_t, p->room[node]);
		if (p->n_tasks[node] > 0)
			memcpy(more, p->tasks[node], p->n_tasks[node] * sizeof(*more));
		p->tasks[node] = more;
	}
	p->tasks[node][p->n_tasks[node]++] = task;
	p->node_of[task] = node;
}

static void
let_go(struct plan *p, uint32_t task)
{
	uint32_t node = p->node_of[task], i = 0;

	while (p->tasks[node][i] != task)
		i++;
	p->n_tasks[node]--;
	memmove(p->tasks[node] + i, p->tasks[node] + i + 1,
	        (p->n_tasks[node] - i) * sizeof(*p->tasks[node]));
}

struct plan *
plan_new(const struct snapshot *s, const struct objective *o, struct arena *arena)
{
	struct plan *p = ARENA_NEW(arena, struct plan, 1);

	*p = (struct plan){.snapshot = s, .objective = o, .arena = arena};
	p->most = MIN(s->allow.actions, s->allow.budget_left);
	p->states = node_states_new(s, arena);
	p->node_of = ARENA_NEW(arena, uint32_t, s->n_tasks);
	p->tasks = ARENA_NEW(arena, uint32_t *, s->n_nodes);
	p->n_tasks = ARENA_NEW(arena, uint32_t, s->n_nodes);
	p->room = ARENA_NEW(arena, uint32_t, s->n_nodes);
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		p->node_of[i] = NO_INDEX;
		if (s->tasks[i].node < s->n_nodes && s->services[s->tasks[i].service].n_tasks == 1)
			hold(p, s->tasks[i].node, i);
	}
	return p;
}

static void
shift(struct plan *p, uint32_t task, uint32_t to)
{
	struct node_state *from = &p->states->nodes[p->node_of[task]];

	let_go(p, task);
	node_state_remove(from, &p->states->tasks[task]);
	node_state_add(&p->states->nodes[to], &p->states->tasks[task]);
	hold(p, to, task);
}

void
plan_move(struct plan *p, uint32_t task, uint32_t to, double gain)
{
	if (p->n == p->size) {
		struct planned *more;

		p->size = MAX(2 * p->size, (size_t) 64);
		more = ARENA_NEW(p->arena, struct planned, p->size);
		if (p->n > 0)
			memcpy(more, p->list, p->n * sizeof(*more));
		p->list = more;
	}
	p->list[p->n++] = (struct planned){
	    .action = {.kind = ACTION_MOVE,
	               .service = p->snapshot->tasks[task].service,
	               .from = p->node_of[task],
	               .to = to,
	               .n_tasks = 1},
	    .gain = gain,
	};
	shift(p, task, to);
}

void
plan_undo(struct plan *p, size_t n)
{
	while (p->n > n) {
		const struct action *a = &p->list[--p->n].action;

		shift(p, p->snapshot->services[a->service].first_task, a->from);
	}
}

static double
heat_of(const struct node_state *n)
{
	return (n->mean + sqrt(n->var)) / n->cores;
}

size_t
plan_by_heat(const struct plan *p, uint32_t **ret)
{
	size_t n = 0;
	struct rank *ranks = ARENA_NEW(p->arena, struct rank, p->snapshot->n_nodes);

	for (uint32_t i = 0; i < p->snapshot->n_nodes; i++)
		if (p->n_tasks[i] > 0 && p->states->nodes[i].known)
			ranks[n++] = (struct rank){i, heat_of(&p->states->nodes[i])};
	if (n > 0)
		qsort(ranks, n, sizeof(*ranks), descending);
	*ret = ARENA_NEW(p->arena, uint32_t, n);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = ranks[i].node;
	return n;
}

/* --- the linear value
 * ------------------------------------------------------------------------------ */

/* A plan by θ: what each node is worth now, and which may be targets. */
struct linear_plan {
	struct plan *p;
	const double *theta;
	double *value;     /* θᵀφ of each node */
	uint32_t *targets; /* by index: what is on, and one of each kind that is off */
	size_t n_targets;
	bool *taken; /* got something in this step: not drained in the same */
};

static double
value_of(const struct linear_plan *f, const struct node_state *n)
{
	double phi[BASIS_N];

	basis_of(n, phi);
	return linear_value(f->theta, phi);
}

static bool
is_asleep(const struct node_state *n)
{
	return n->may_sleep && n->n < 0.5;
}

/* Two sleeping nodes of the same cores, memory and watts are one choice. */
static bool
is_alike(const struct node_state *a, const struct node_state *b)
{
	return a->cores == b->cores && a->mem_capacity_bytes == b->mem_capacity_bytes &&
	       memcmp(a->power, b->power, sizeof(*a->power)) == 0;
}

static void
targets_list(struct linear_plan *f, bool awake_only)
{
	const struct node_state *kinds[8];
	size_t n_kinds = 0;

	f->n_targets = 0;
	for (uint32_t i = 0; i < f->p->snapshot->n_nodes; i++) {
		const struct node_state *n = &f->p->states->nodes[i];
		size_t k = 0;

		if (!n->known || (awake_only && is_asleep(n)))
			continue;
		while (is_asleep(n) && k < n_kinds && !is_alike(n, kinds[k]))
			k++;
		if (is_asleep(n) && (k < n_kinds || n_kinds == ARRAY_SIZE(kinds)))
			continue;
		if (is_asleep(n))
			kinds[n_kinds++] = n;
		f->targets[f->n_targets++] = i;
	}
}

/*
 * Not beyond what is wanted right now: the value judges the future, and this is no forecast. A node
 * that sleeps takes anything. The live guard's line and tails are for one irrevocable change at a
 * time; here they would only keep the value from choosing.
 */
static bool
has_room(const struct node_state *to, const struct task_load *load)
{
	if (load->confidence < GUARD_CONFIDENCE_LEAST ||
	    to->mem_bytes + load->mem_bytes > GUARD_MEM_MOST * to->mem_capacity_bytes)
		return false;
	return is_asleep(to) || to->now + load->now <= FULL * to->cores;
}

/* The target whose value rises least. */
static uint32_t
target_best(const struct linear_plan *f, uint32_t task, double *ret_rise)
{
	const struct task_load *load = &f->p->states->tasks[task];
	uint32_t from = f->p->node_of[task], best = NO_INDEX;

	*ret_rise = MANY;
	for (size_t i = 0; i < f->n_targets; i++) {
		struct node_state with;
		double rise;

		if (f->targets[i] == from || !has_room(&f->p->states->nodes[f->targets[i]], load))
			continue;
		with = f->p->states->nodes[f->targets[i]];
		node_state_add(&with, load);
		rise = value_of(f, &with) - f->value[f->targets[i]];
		if (rise < *ret_rise) {
			*ret_rise = rise;
			best = f->targets[i];
		}
	}
	return best;
}

static void
move_by_value(struct linear_plan *f, uint32_t task, uint32_t to, double gain)
{
	uint32_t from = f->p->node_of[task];

	plan_move(f->p, task, to, gain);
	f->value[from] = value_of(f, &f->p->states->nodes[from]);
	f->value[to] = value_of(f, &f->p->states->nodes[to]);
}

/* The move off the node that gains most. false: none gains. */
static bool
relieve_once(struct linear_plan *f, uint32_t node)
{
	const struct node_state *from = &f->p->states->nodes[node];
	uint32_t best_task = NO_INDEX, best_to = NO_INDEX;
	double best = 0;

	for (uint32_t i = 0; i < f->p->n_tasks[node]; i++) {
		uint32_t task = f->p->tasks[node][i], to;
		struct node_state without = *from;
		double rise, gain;

		node_state_remove(&without, &f->p->states->tasks[task]);
		gain = f->value[node] - value_of(f, &without) - reward_move(f->p->objective, 1);
		if (gain <= best)
			continue;
		to = target_best(f, task, &rise);
		if (to == NO_INDEX || gain - rise <= best)
			continue;
		best = gain - rise;
		best_task = task;
		best_to = to;
	}
	if (best_task == NO_INDEX)
		return false;
	f->taken[best_to] = true;
	move_by_value(f, best_task, best_to, best);
	return true;
}

static void
relieve_all(struct linear_plan *f)
{
	uint32_t *nodes;
	size_t n = plan_by_heat(f->p, &nodes);

	for (size_t i = 0; i < n; i++) {
		if (heat_of(&f->p->states->nodes[nodes[i]]) < RELIEF_FROM)
			return;
		for (int k = 0; k < RELIEF_MOST && f->p->n < f->p->most; k++) {
			targets_list(f, false);
			if (!relieve_once(f, nodes[i]))
				break;
		}
	}
}

/* The greediest first: it has the fewest places to go to. */
static size_t
tasks_by_mean(const struct linear_plan *f, uint32_t node, struct rank *ret)
{
	size_t n = f->p->n_tasks[node];

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct rank){f->p->tasks[node][i],
		                       f->p->states->tasks[f->p->tasks[node][i]].mean};
	if (n > 0)
		qsort(ret, n, sizeof(*ret), descending);
	return n;
}

/* All of its tasks or none; pays when the node's value exceeds what the others' rises cost. */
static bool
drain(struct linear_plan *f, uint32_t node)
{
	struct plan *p = f->p;
	size_t before = p->n, n = p->n_tasks[node];
	_cleanup_(freep) struct rank *tasks = xcalloc(n, sizeof(*tasks));
	double gain = f->value[node], least = p->snapshot->bounds.min_gain * MAX(gain, 0.0);

	(void) tasks_by_mean(f, node, tasks);
	gain -= reward_move(p->objective, (uint32_t) n);
	for (size_t i = 0; i < n && gain > least; i++) {
		double rise;
		uint32_t to = target_best(f, tasks[i].node, &rise);

		gain -= rise;
		if (to != NO_INDEX)
			move_by_value(f, tasks[i].node, to, 0);
	}
	if (gain > least && p->n == before + n) {
		p->list[p->n - 1].gain = gain;
		return true;
	}
	while (p->n > before) {
		const struct action a = p->list[p->n - 1].action;

		plan_undo(p, p->n - 1);
		f->value[a.from] = value_of(f, &p->states->nodes[a.from]);
		f->value[a.to] = value_of(f, &p->states->nodes[a.to]);
	}
	return false;
}

static void
drain_all(struct linear_plan *f)
{
	uint32_t *nodes;
	size_t n = plan_by_heat(f->p, &nodes);

	targets_list(f, true);
	/* The coolest first. */
	while (n-- > 0) {
		const struct node_state *x = &f->p->states->nodes[nodes[n]];
		size_t k = 0;

		if (!x->may_sleep || f->taken[nodes[n]] || f->p->n_tasks[nodes[n]] == 0 ||
		    f->p->n + f->p->n_tasks[nodes[n]] > f->p->most || !drain(f, nodes[n]))
			continue;
		for (size_t i = 0; i < f->n_targets; i++)
			if (f->targets[i] != nodes[n])
				f->targets[k++] = f->targets[i];
		f->n_targets = k;
		for (size_t i = f->p->n; i-- > 0 && f->p->list[i].action.from == nodes[n];)
			f->taken[f->p->list[i].action.to] = true;
	}
}

void
plan_linear(struct plan *p, const double theta[static BASIS_N])
{
	struct linear_plan f = {.p = p, .theta = theta};

	f.value = ARENA_NEW(p->arena, double, p->snapshot->n_nodes);
	f.targets = ARENA_NEW(p->arena, uint32_t, p->snapshot->n_nodes);
	f.taken = ARENA_NEW(p->arena, bool, p->snapshot->n_nodes);
	for (uint32_t i = 0; i < p->snapshot->n_nodes; i++)
		f.value[i] = value_of(&f, &p->states->nodes[i]);
	relieve_all(&f);
	drain_all(&f);
}
