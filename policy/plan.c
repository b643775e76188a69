/* Many moves at once; see plan.h. */
#include "policy/plan.h"

struct rank {
	uint32_t index;
	double by;
};

static int
descending(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->by != y->by)
		return x->by > y->by ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
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

double
plan_heat(const struct node_state *n)
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
			ranks[n++] = (struct rank){i, plan_heat(&p->states->nodes[i])};
	if (n > 0)
		qsort(ranks, n, sizeof(*ranks), descending);
	*ret = ARENA_NEW(p->arena, uint32_t, n);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = ranks[i].index;
	return n;
}

uint32_t *
plan_by_mean(const struct plan *p, uint32_t node)
{
	size_t n = p->n_tasks[node];
	uint32_t *ret = xcalloc(n + 1, sizeof(*ret));
	_cleanup_(freep) struct rank *ranks = xcalloc(n + 1, sizeof(*ranks));

	for (size_t i = 0; i < n; i++)
		ranks[i] =
		    (struct rank){p->tasks[node][i], p->states->tasks[p->tasks[node][i]].mean};
	if (n > 0)
		qsort(ranks, n, sizeof(*ranks), descending);
	for (size_t i = 0; i < n; i++)
		ret[i] = ranks[i].index;
	return ret;
}
