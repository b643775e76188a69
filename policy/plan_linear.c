/* The linear value's plan: relief, then drains; see plan.h. */
#include "policy/guard.h"
#include "policy/plan.h"

/* Relieved at most so many moves a node and step: a forecast that wants more is a wrong one. */
#define RELIEF_MOST 8
/* Cooler nodes than this are not looked at for relief: no feature of overload speaks up there. */
#define RELIEF_FROM 0.6
/* A target's demand right now may reach this share of its cores. */
#define FULL 0.97
#define MANY 1e300
/* Nodes that are woken in the step whose rises are remembered too. */
#define WOKEN_MOST 64

/* What a task adds to a node's value, of one state of the node. */
struct rise {
	double value;
	uint32_t state; /* 0: not known */
};

/* A node as it was before a drain that may be taken back. */
struct kept {
	struct node_state node;
	uint32_t index, state;
	double value;
};

struct linear_plan {
	struct plan *p;
	const double *theta;
	double *value;     /* θᵀφ of each node */
	uint32_t *targets; /* by index: what is on, and one of each kind that is off */
	size_t n_targets;
	bool *taken; /* got something in this pass: not drained in the same */
	bool *moved; /* of each task: another move in this step costs nothing more */
	/* Most nodes stay as they are while hundreds of moves are tried: rises are remembered. */
	uint32_t *state, n_states;   /* of each node: changes when its sums do */
	uint32_t *column, n_columns; /* of each node, from 1; 0: none yet */
	struct rise **rises;         /* of each task, one a column */
	size_t room;
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

/* Where the rise is remembered; NULL: nowhere. */
static struct rise *
rise_slot(struct linear_plan *f, uint32_t task, uint32_t node)
{
	if (f->column[node] == 0 && f->n_columns < f->room)
		f->column[node] = ++f->n_columns;
	if (f->column[node] == 0)
		return NULL;
	if (f->rises[task] == NULL)
		f->rises[task] = ARENA_NEW(f->p->arena, struct rise, f->room);
	return &f->rises[task][f->column[node] - 1];
}

static double
rise_of(struct linear_plan *f, uint32_t task, uint32_t node)
{
	struct rise *slot = rise_slot(f, task, node);
	struct node_state with;
	double rise;

	if (slot != NULL && slot->state == f->state[node])
		return slot->value;
	with = f->p->states->nodes[node];
	node_state_add(&with, &f->p->states->tasks[task]);
	rise = value_of(f, &with) - f->value[node];
	if (slot != NULL)
		*slot = (struct rise){rise, f->state[node]};
	return rise;
}

/* The target whose value rises least. */
static uint32_t
target_best(struct linear_plan *f, uint32_t task, double *ret_rise)
{
	const struct task_load *load = &f->p->states->tasks[task];
	uint32_t from = f->p->node_of[task], best = NO_INDEX;

	*ret_rise = MANY;
	for (size_t i = 0; i < f->n_targets; i++) {
		double rise;

		if (f->targets[i] == from || !has_room(&f->p->states->nodes[f->targets[i]], load))
			continue;
		rise = rise_of(f, task, f->targets[i]);
		if (rise < *ret_rise) {
			*ret_rise = rise;
			best = f->targets[i];
		}
	}
	return best;
}

static void
node_changed(struct linear_plan *f, uint32_t node)
{
	f->value[node] = value_of(f, &f->p->states->nodes[node]);
	f->state[node] = ++f->n_states;
}

static void
move_by_value(struct linear_plan *f, uint32_t task, uint32_t to, double gain)
{
	uint32_t from = f->p->node_of[task];

	plan_move(f->p, task, to, gain);
	node_changed(f, from);
	node_changed(f, to);
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
	f->moved[best_task] = true;
	move_by_value(f, best_task, best_to, best);
	return true;
}

static void
relieve_all(struct linear_plan *f)
{
	uint32_t *nodes;
	size_t n = plan_by_heat(f->p, &nodes);

	targets_list(f, false);
	for (size_t i = 0; i < n; i++) {
		if (plan_heat(&f->p->states->nodes[nodes[i]]) < RELIEF_FROM)
			return;
		for (int k = 0; k < RELIEF_MOST && f->p->n < f->p->most; k++) {
			if (!relieve_once(f, nodes[i]))
				break;
			/* Another one may sleep now, or one less. */
			targets_list(f, false);
		}
	}
}

static void
keep(const struct linear_plan *f, uint32_t node, struct kept *ret)
{
	*ret = (struct kept){f->p->states->nodes[node], node, f->state[node], f->value[node]};
}

static void
take_back(struct linear_plan *f, size_t n_before, const struct kept *kept, size_t n)
{
	plan_undo(f->p, n_before);
	/* Exactly as they were, not up to rounding: what is remembered of them holds again. */
	while (n-- > 0) {
		f->p->states->nodes[kept[n].index] = kept[n].node;
		f->state[kept[n].index] = kept[n].state;
		f->value[kept[n].index] = kept[n].value;
	}
}

/* All of its tasks or none; pays when the node's value exceeds what the others' rises cost. */
static bool
drain(struct linear_plan *f, uint32_t node)
{
	struct plan *p = f->p;
	size_t before = p->n, n = p->n_tasks[node], n_kept = 0;
	_cleanup_(freep) uint32_t *tasks = plan_by_mean(p, node);
	_cleanup_(freep) struct kept *kept = xcalloc(n + 1, sizeof(*kept));
	double gain = f->value[node], least = p->snapshot->bounds.min_gain * MAX(gain, 0.0);

	for (size_t i = 0; i < n; i++)
		gain -= f->moved[tasks[i]] ? 0 : reward_move(p->objective, 1);
	keep(f, node, &kept[n_kept++]);
	for (size_t i = 0; i < n && gain > least; i++) {
		double rise;
		uint32_t to = target_best(f, tasks[i], &rise);

		gain -= rise;
		if (to == NO_INDEX)
			continue;
		keep(f, to, &kept[n_kept++]);
		move_by_value(f, tasks[i], to, 0);
	}
	if (!(gain > least) || p->n != before + n) {
		take_back(f, before, kept, n_kept);
		return false;
	}
	p->list[p->n - 1].gain = gain;
	for (size_t i = 0; i < n; i++) {
		f->moved[tasks[i]] = true;
		f->taken[p->list[before + i].action.to] = true;
	}
	return true;
}

/* false: nothing could be emptied. */
static bool
drain_all(struct linear_plan *f)
{
	uint32_t *nodes;
	size_t n = plan_by_heat(f->p, &nodes), before = f->p->n;

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
	}
	return f->p->n > before;
}

static void
states_fill(struct linear_plan *f)
{
	const struct snapshot *s = f->p->snapshot;

	f->value = ARENA_NEW(f->p->arena, double, s->n_nodes);
	f->state = ARENA_NEW(f->p->arena, uint32_t, s->n_nodes);
	f->column = ARENA_NEW(f->p->arena, uint32_t, s->n_nodes);
	f->rises = ARENA_NEW(f->p->arena, struct rise *, s->n_tasks);
	f->room = WOKEN_MOST;
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		node_changed(f, i);
		f->room += !is_asleep(&f->p->states->nodes[i]);
	}
}

void
plan_linear(struct plan *p, const double theta[static BASIS_N], int passes)
{
	struct linear_plan f = {.p = p, .theta = theta};
	const struct snapshot *s = p->snapshot;

	states_fill(&f);
	f.targets = ARENA_NEW(p->arena, uint32_t, s->n_nodes);
	f.taken = ARENA_NEW(p->arena, bool, s->n_nodes);
	f.moved = ARENA_NEW(p->arena, bool, s->n_tasks);
	relieve_all(&f);
	while (passes-- > 0 && drain_all(&f))
		memset(f.taken, 0, s->n_nodes * sizeof(*f.taken));
}
