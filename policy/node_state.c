/* Nodes as sums over their tasks; see node_state.h. */
#include "policy/node_state.h"

#include "policy/power.h"

/* Above this share of its cores a node is saturated: measured use can hardly go higher. */
#define SATURATED 0.95
/* A task that uses so much of what the greediest does is held back as well (CFS is fair). */
#define HELD_SHARE 0.75
/* What a task that is held back is believed to want, of what it uses, when nothing bounds it. */
#define HELD_WANTS 1.25
/* Less than this share of the cores beside the tasks is taken for measuring error. */
#define OTHERS_LEAST 0.10
/* A relief line that makes no sense is replaced; the configuration's own default. */
#define LINE_DEFAULT 0.85

/* Numbers come from measurements: one bad number must not poison the sums. */
static double
sane(double x, double otherwise)
{
	return isfinite(x) && x >= 0 ? x : otherwise;
}

static void
load_of_task(const struct snapshot *s, const struct snap_task *t, struct task_load *ret)
{
	const struct snap_service *v = &s->services[t->service];
	const struct forecast *f = &t->forecast;
	bool known = f->confidence > 0;
	double reserved = (double) v->reserve.cpu_nano / 1e9;
	bool called = (v->traits & TRAIT_PORTS) != 0;

	*ret = (struct task_load){.n = 1, .n_called = called};
	ret->callers = called ? 1.0 : NODE_STATE_UNCALLED;
	ret->mean = known ? sane(f->cpu_cores.mean, reserved) : reserved;
	ret->var = known ? sane(f->cpu_cores.var, 0) : 0;
	ret->now = known ? sane(f->cpu_now_cores, ret->mean) : reserved;
	ret->slow = known ? sane(f->cpu_slow_cores.mean, ret->mean) : reserved;
	ret->slow_var = known ? sane(f->cpu_slow_cores.var, ret->var) : 0;
	ret->third = known ? sane(f->cpu_cores.third, 0) : 0;
	ret->slow_third = known ? sane(f->cpu_slow_cores.third, 0) : 0;
	for (int i = 0; i < FORECAST_STEPS; i++)
		ret->last[i] = known ? sane((double) f->cpu_last_cores[i], ret->mean) : ret->mean;
	ret->mem_bytes = (double) v->reserve.mem_bytes;
	if (known)
		ret->mem_bytes = sane(f->mem_bytes.mean, ret->mem_bytes);
	ret->mem_var_bytes2 = known ? sane(f->mem_bytes.var, 0) : 0;
	ret->confidence = known ? MIN(f->confidence, 1.0) : 0;
	ret->running_ms = t->state == TASK_RUNNING ? t->running_ms : 0;
}

void
node_state_add(struct node_state *n, const struct task_load *load)
{
	n->now += load->now;
	n->mean += load->mean;
	n->var += load->var;
	n->slow += load->slow;
	n->slow_var += load->slow_var;
	n->third += load->third;
	n->slow_third += load->slow_third;
	for (int i = 0; i < FORECAST_STEPS; i++)
		n->last[i] += load->last[i];
	n->mem_bytes += load->mem_bytes;
	n->mem_var_bytes2 += load->mem_var_bytes2;
	n->n += load->n;
	n->n_called += load->n_called;
	n->callers += load->callers;
	if (load->held) {
		n->n_held += load->n;
		n->held_cores += load->mean;
	}
}

/* Rounding must not leave a negative nothing behind. */
static double
less(double sum, double x)
{
	return MAX(sum - x, 0.0);
}

void
node_state_remove(struct node_state *n, const struct task_load *load)
{
	n->now = less(n->now, load->now);
	n->mean = less(n->mean, load->mean);
	n->var = less(n->var, load->var);
	n->slow = less(n->slow, load->slow);
	n->slow_var = less(n->slow_var, load->slow_var);
	n->third = less(n->third, load->third);
	n->slow_third = less(n->slow_third, load->slow_third);
	for (int i = 0; i < FORECAST_STEPS; i++)
		n->last[i] = less(n->last[i], load->last[i]);
	n->mem_bytes = less(n->mem_bytes, load->mem_bytes);
	n->mem_var_bytes2 = less(n->mem_var_bytes2, load->mem_var_bytes2);
	n->n = less(n->n, load->n);
	n->n_called = less(n->n_called, load->n_called);
	n->callers = less(n->callers, load->callers);
	if (load->held) {
		n->n_held = less(n->n_held, load->n);
		n->held_cores = less(n->held_cores, load->mean);
	}
}

struct node_state
node_state_slow(const struct node_state *n)
{
	struct node_state slow = *n;

	slow.now = slow.mean = n->slow;
	slow.var = n->slow_var;
	slow.third = n->slow_third;
	for (int i = 0; i < FORECAST_STEPS; i++)
		slow.last[i] = n->slow;
	return slow;
}

double
node_state_load(const struct node_state *n)
{
	return MAX(n->mean, n->now) / n->cores;
}

static void
node_init(const struct snapshot *s, const struct snap_node *sn, double mean_cores,
          struct node_state *ret)
{
	double line = s->bounds.relief_line;

	*ret = (struct node_state){.power = &sn->power};
	ret->cores = sane(sn->usable_cores, 0);
	if (ret->cores <= 0)
		ret->cores = MAX((double) sn->capacity.cpu_nano / 1e9, 0.01);
	ret->mem_capacity_bytes = MAX((double) sn->capacity.mem_bytes, 1.0);
	ret->size = ret->cores / mean_cores;
	ret->line = line > 0 && line <= 1 ? line : LINE_DEFAULT;
	ret->watts_idle = sane(power_watts(&sn->power, 0), 0);
	ret->may_sleep = (sn->flags & NODE_MAY_SLEEP) != 0;
	ret->known = (sn->flags & (NODE_BLIND | NODE_STALE)) == 0;
}

static double
cores_mean(const struct snapshot *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n_nodes; i++)
		sum += sane(s->nodes[i].usable_cores, 0);
	return sum > 0 ? sum / (double) s->n_nodes : 1.0;
}

static bool
is_global(const struct snapshot *s, const struct snap_task *t)
{
	enum service_mode mode = s->services[t->service].mode;

	return mode == MODE_GLOBAL || mode == MODE_GLOBAL_JOB;
}

/* Containers that Swarm did not start, and what engines need: a load that no move takes away. */
static void
others_add(const struct snap_node *sn, struct node_state *n)
{
	struct task_load others = {0};
	double cores = sane(sn->cpu_cores, 0) - n->now;
	double mem = sane(sn->mem_bytes, 0) - n->mem_bytes;

	if (!n->known)
		return;
	if (cores > OTHERS_LEAST * n->cores) {
		others.now = others.mean = others.slow = cores;
		for (int i = 0; i < FORECAST_STEPS; i++)
			others.last[i] = cores;
	}
	others.mem_bytes = MAX(mem, 0.0);
	node_state_add(n, &others);
}

/* A bound that the task's own limit sets; 0 = none. */
static double
limit_cores(const struct snapshot *s, const struct snap_task *t)
{
	return (double) MAX(s->services[t->service].limit.cpu_nano, 0) / 1e9;
}

/*
 * Where demand cannot be measured: on a saturated node the greediest tasks want more than they
 * get. One with a limit wants at most that, which is then taken as its demand; the others are held.
 */
static void
hold_back(struct node_states *w, uint32_t node)
{
	const struct snapshot *s = w->snapshot;
	struct node_state *n = &w->nodes[node];
	double most = 0;

	if (!n->known || (s->nodes[node].flags & NODE_DEMAND) != 0 ||
	    node_state_load(n) < SATURATED)
		return;
	for (size_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].node == node)
			most = MAX(most, w->tasks[i].mean);
	for (size_t i = 0; i < s->n_tasks; i++) {
		struct task_load *t = &w->tasks[i];
		double limit = limit_cores(s, &s->tasks[i]), wants = t->mean * HELD_WANTS;
		double counted = n->n; /* without global tasks: this one may be such */

		if (s->tasks[i].node != node || t->mean < HELD_SHARE * most || t->confidence <= 0 ||
		    t->mean <= 0)
			continue;
		node_state_remove(n, t);
		t->held = limit <= 0 || limit > 2 * n->cores;
		if (!t->held)
			wants = MAX(limit, t->mean);
		t->var += t->held ? (wants - t->mean) * (wants - t->mean) : 0;
		t->mean = wants;
		t->now = MAX(t->now, wants);
		node_state_add(n, t);
		n->n = counted;
	}
}

/* hold_back looks at every task; only saturated nodes are worth that, and they are few. */
static void
hold_back_all(struct node_states *w)
{
	for (uint32_t i = 0; i < w->snapshot->n_nodes; i++)
		hold_back(w, i);
}

/* Σ over edges of the service: bytes/s of one of its tasks with each peer's copies on a node. */
static void
peer_rates(const struct node_states *w, uint32_t service, uint32_t node, double *ret_all,
           double *ret_here)
{
	const struct snapshot *s = w->snapshot;
	double n_own = (double) s->services[service].n_tasks;

	*ret_all = *ret_here = 0;
	for (uint32_t i = w->first_edge[service]; i < w->first_edge[service + 1]; i++) {
		const struct edge *e = &s->edges[w->edges[i]];
		const struct snap_service *v = &s->services[e->a == service ? e->b : e->a];
		uint32_t here = 0;
		double rate;

		if (v->n_tasks == 0 || n_own <= 0)
			continue;
		for (uint32_t k = 0; k < v->n_tasks; k++)
			here += s->tasks[v->first_task + k].node == node;
		rate = sane(e->bytes_per_s, 0) * CLAMP(sane(e->confidence, 0), 0.0, 1.0) / n_own;
		*ret_all += rate;
		*ret_here += rate * here / v->n_tasks;
	}
}

void
node_states_traffic(const struct node_states *w, uint32_t service, uint32_t from, uint32_t to,
                    double *ret_from, double *ret_to)
{
	const struct snap_service *v = &w->snapshot->services[service];
	double all, at_from, at_to, copies = 0;

	*ret_from = *ret_to = 0;
	if (w->snapshot->n_edges == 0)
		return;
	for (uint32_t k = 0; k < v->n_tasks; k++)
		copies += w->snapshot->tasks[v->first_task + k].node == from;
	peer_rates(w, service, from, &all, &at_from);
	peer_rates(w, service, to, &all, &at_to);
	/* Peers on from become cross-node, those on to become local; a third node sees no change.
	 */
	*ret_from = copies * (2 * at_from - all) / 2;
	*ret_to = copies * (all - 2 * at_to) / 2;
}

static bool
edge_is_sane(const struct snapshot *s, const struct edge *e)
{
	return e->a != e->b && e->a < s->n_services && e->b < s->n_services;
}

/* The edges of each service, in their own order: a candidate must not search them all. */
static void
edges_index(struct node_states *w, struct arena *arena)
{
	const struct snapshot *s = w->snapshot;
	uint32_t *fill;

	w->first_edge = ARENA_NEW(arena, uint32_t, s->n_services + 1);
	w->edges = ARENA_NEW(arena, uint32_t, 2 * s->n_edges);
	fill = ARENA_NEW(arena, uint32_t, s->n_services + 1);
	for (size_t i = 0; i < s->n_edges; i++) {
		if (!edge_is_sane(s, &s->edges[i]))
			continue;
		w->first_edge[s->edges[i].a + 1]++;
		w->first_edge[s->edges[i].b + 1]++;
	}
	for (size_t i = 0; i < s->n_services; i++)
		fill[i + 1] = w->first_edge[i + 1] += w->first_edge[i];
	for (uint32_t i = 0; i < s->n_edges; i++) {
		if (!edge_is_sane(s, &s->edges[i]))
			continue;
		w->edges[fill[s->edges[i].a]++] = i;
		w->edges[fill[s->edges[i].b]++] = i;
	}
}

static void
cross_add(struct node_states *w)
{
	const struct snapshot *s = w->snapshot;

	for (size_t i = 0; s->n_edges > 0 && i < s->n_tasks; i++) {
		double all, here;

		if (s->tasks[i].node >= s->n_nodes)
			continue;
		peer_rates(w, s->tasks[i].service, s->tasks[i].node, &all, &here);
		w->nodes[s->tasks[i].node].cross_bytes_per_s += (all - here) / 2;
	}
}

struct node_states *
node_states_new(const struct snapshot *s, struct arena *arena)
{
	struct node_states *w = ARENA_NEW(arena, struct node_states, 1);
	double mean = cores_mean(s);

	w->snapshot = s;
	w->nodes = ARENA_NEW(arena, struct node_state, s->n_nodes);
	w->tasks = ARENA_NEW(arena, struct task_load, s->n_tasks);
	for (size_t i = 0; i < s->n_nodes; i++)
		node_init(s, &s->nodes[i], mean, &w->nodes[i]);
	for (size_t i = 0; i < s->n_tasks; i++) {
		load_of_task(s, &s->tasks[i], &w->tasks[i]);
		if (s->tasks[i].node >= s->n_nodes)
			continue;
		node_state_add(&w->nodes[s->tasks[i].node], &w->tasks[i]);
		/* A global service's task neither moves nor keeps a node awake. */
		if (is_global(s, &s->tasks[i]))
			w->nodes[s->tasks[i].node].n -= 1;
	}
	for (size_t i = 0; i < s->n_nodes; i++)
		others_add(&s->nodes[i], &w->nodes[i]);
	hold_back_all(w);
	edges_index(w, arena);
	cross_add(w);
	return w;
}

static void
carried_add(struct task_load *sum, const struct task_load *t)
{
	sum->now += t->now;
	sum->mean += t->mean;
	sum->var += t->var;
	sum->slow += t->slow;
	sum->slow_var += t->slow_var;
	sum->third += t->third;
	sum->slow_third += t->slow_third;
	for (int i = 0; i < FORECAST_STEPS; i++)
		sum->last[i] += t->last[i];
	sum->mem_bytes += t->mem_bytes;
	sum->mem_var_bytes2 += t->mem_var_bytes2;
	sum->callers += t->callers;
	sum->n_called += t->n_called;
	sum->confidence = sum->n > 0 ? MIN(sum->confidence, t->confidence) : t->confidence;
	sum->running_ms = sum->n > 0 ? MIN(sum->running_ms, t->running_ms) : t->running_ms;
	sum->n += t->n;
	sum->held |= t->held;
}

void
node_states_carried(const struct node_states *w, uint32_t service, uint32_t node,
                    struct task_load *ret)
{
	const struct snap_service *v = &w->snapshot->services[service];

	*ret = (struct task_load){0};
	for (uint32_t k = 0; k < v->n_tasks; k++)
		if (w->snapshot->tasks[v->first_task + k].node == node)
			carried_add(ret, &w->tasks[v->first_task + k]);
}
