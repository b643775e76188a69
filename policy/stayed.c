/* The layout without our moves; see stayed.h. */
#include "policy/stayed.h"

#include "policy/node_state.h"

void
stayed_add(struct stayed *x, const struct snapshot *s, const struct action *moved)
{
	struct stayed_move *m;

	if (moved->kind != ACTION_MOVE || moved->service >= s->n_services ||
	    moved->from >= s->n_nodes || moved->to >= s->n_nodes)
		return;
	if (x->n == STAYED_MOST)
		memmove(x->list, x->list + 1, --x->n * sizeof(*x->list));
	m = &x->list[x->n++];
	*m = (struct stayed_move){.wall_ms = s->wall_ms};
	(void) str_copy(m->service_id, sizeof(m->service_id), s->services[moved->service].id);
	(void) str_copy(m->from_id, sizeof(m->from_id), s->nodes[moved->from].id);
	(void) str_copy(m->to_id, sizeof(m->to_id), s->nodes[moved->to].id);
}

size_t
stayed_expire(struct stayed *x, int64_t wall_ms)
{
	size_t old = 0;

	while (old < x->n && wall_ms - x->list[old].wall_ms > STAYED_MS)
		old++;
	x->n -= old;
	memmove(x->list, x->list + old, x->n * sizeof(*x->list));
	return x->n;
}

static uint32_t
node_find(const struct snapshot *s, const char *id)
{
	for (uint32_t i = 0; i < s->n_nodes; i++)
		if (strncmp(s->nodes[i].id, id, SWARM_ID_SIZE - 1) == 0)
			return i;
	return NO_INDEX;
}

static const struct snap_service *
service_find(const struct snapshot *s, const char *id)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (strncmp(s->services[i].id, id, SWARM_ID_SIZE - 1) == 0)
			return &s->services[i];
	return NULL;
}

/* The layout being taken back: nodes and tasks of s are ours to change. */
struct layout {
	struct snapshot s;
	struct node_states *states;
};

static void
take_back(struct layout *f, const struct stayed_move *m)
{
	const struct snap_service *v = service_find(&f->s, m->service_id);
	uint32_t from = node_find(&f->s, m->from_id), to = node_find(&f->s, m->to_id), service;
	struct task_load load;
	double at_to, at_from;

	if (v == NULL || from == NO_INDEX || to == NO_INDEX)
		return;
	service = (uint32_t) (v - f->s.services);
	/* Demand as it shows now, not as a node crowded again would hide it. */
	node_states_carried(f->states, service, to, &load);
	node_states_traffic(f->states, service, to, from, &at_to, &at_from);
	node_state_remove(&f->states->nodes[to], &load);
	node_state_add(&f->states->nodes[from], &load);
	f->states->nodes[to].cross_bytes_per_s += at_to;
	f->states->nodes[from].cross_bytes_per_s += at_from;
	f->s.nodes[to].reserved.cpu_nano -= (int64_t) load.n * v->reserve.cpu_nano;
	f->s.nodes[from].reserved.cpu_nano += (int64_t) load.n * v->reserve.cpu_nano;
	for (uint32_t k = 0; k < v->n_tasks; k++)
		if (f->s.tasks[v->first_task + k].node == to)
			f->s.tasks[v->first_task + k].node = from;
}

double
stayed_cost(const struct stayed *x, const struct snapshot *s, const struct objective *o,
            int64_t dt_ms)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct layout f = {.s = *s, .states = node_states_new(s, arena)};
	struct cost *costs = ARENA_NEW(arena, struct cost, s->n_nodes);
	double sum = 0;

	f.s.nodes = ARENA_NEW(arena, struct snap_node, s->n_nodes);
	f.s.tasks = ARENA_NEW(arena, struct snap_task, s->n_tasks);
	if (s->n_nodes > 0)
		memcpy(f.s.nodes, s->nodes, s->n_nodes * sizeof(*s->nodes));
	if (s->n_tasks > 0)
		memcpy(f.s.tasks, s->tasks, s->n_tasks * sizeof(*s->tasks));
	f.states->snapshot = &f.s;
	/* The newest first, as an undo would. */
	for (size_t i = x->n; i-- > 0;)
		take_back(&f, &x->list[i]);
	reward_states(f.states, o, dt_ms, costs);
	for (size_t i = 0; i < s->n_nodes; i++)
		sum += cost_total(&costs[i]);
	return sum;
}
