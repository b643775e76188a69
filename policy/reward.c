/* What a step cost; see reward.h. */
#include "policy/reward.h"

#include "policy/node_state.h"
#include "policy/power.h"

/* Severity ends here: a service that is eight times too slow is down, worse has no meaning. */
#define SEVERITY_MOST 8.0
/* The base of a violation: dearer than any saving of the same step. */
#define VIOLATION 2.0
/* A task throttled in more than this share of its periods is beyond any objective. */
#define THROTTLED_MOST 0.25
/* Eight reserved cores hold back about as much as 100 W of server. */
#define RESERVED_UNIT_CORES 8.0
#define LINK_BYTES_PER_S    125e6

void
objective_init(struct objective *ret)
{
	/* A move at 3 and an overloaded step at some 15 are the weights that the prototype's cost
	 * used; reserved is small for nothing that moves can change. */
	*ret = (struct objective){
	    .energy = 1, .response = 1, .reserved = 0.1, .move = 3, .traffic = 1};
}

double
cost_total(const struct cost *c)
{
	return c->energy + c->response + c->reserved + c->moves + c->traffic;
}

void
cost_add(struct cost *sum, const struct cost *x)
{
	sum->energy += x->energy;
	sum->response += x->response;
	sum->reserved += x->reserved;
	sum->moves += x->moves;
	sum->traffic += x->traffic;
}

/* How far beyond its objective a task's service is; < 0: it is not. */
static double
severity(const struct snap_service *v, const struct snap_task *t, const struct node_state *n)
{
	double demand = node_state_load(n), over = -1;

	if (isfinite(v->slo.p95_ms) && v->slo.p95_ms > 0 && isfinite(v->seen.p95_ms))
		return v->seen.p95_ms > v->slo.p95_ms
		           ? MIN(v->seen.p95_ms / v->slo.p95_ms - 1, SEVERITY_MOST)
		           : -1;
	if (demand > 1)
		over = demand - 1;
	else if (n->known && t->forecast.confidence > 0 &&
	         t->forecast.throttled_ratio > THROTTLED_MOST)
		over = t->forecast.throttled_ratio - THROTTLED_MOST;
	return MIN(over, SEVERITY_MOST);
}

static double
response_of(const struct snapshot *s, const struct snap_task *t, const struct node_state *n)
{
	const struct snap_service *v = &s->services[t->service];
	double far = severity(v, t, n), replicas = MAX((double) v->n_tasks, 1.0);
	double callers = (v->traits & TRAIT_PORTS) != 0 ? 1.0 : NODE_STATE_UNCALLED;

	return far < 0 ? 0 : (VIOLATION + far) * callers / replicas;
}

void
reward_states(const struct node_states *w, const struct objective *o, int64_t dt_ms,
              struct cost *ret)
{
	const struct snapshot *s = w->snapshot;
	double steps = dt_ms > 0 ? (double) dt_ms / REWARD_UNIT_MS : 0;

	memset(ret, 0, s->n_nodes * sizeof(*ret));
	for (size_t i = 0; i < s->n_tasks; i++) {
		uint32_t node = s->tasks[i].node;

		if (node < s->n_nodes)
			ret[node].response +=
			    o->response * steps * response_of(s, &s->tasks[i], &w->nodes[node]);
	}
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node_state *n = &w->nodes[i];
		double used = MIN(n->now, n->cores);
		double idle = (double) s->nodes[i].reserved.cpu_nano / 1e9 - used;
		double watts = power_watts(n->power, used / n->cores);

		if (n->now > n->cores)
			ret[i].response += o->overload * steps;
		if (!(n->may_sleep && n->n < 0.5) && isfinite(watts))
			ret[i].energy = o->energy * steps * watts / REWARD_UNIT_WATTS;
		ret[i].reserved = o->reserved * steps * MAX(idle, 0.0) / RESERVED_UNIT_CORES;
		ret[i].traffic =
		    o->traffic * steps * MAX(n->cross_bytes_per_s, 0.0) / LINK_BYTES_PER_S;
	}
}

void
reward_nodes(const struct snapshot *s, const struct objective *o, int64_t dt_ms, struct cost *ret)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();

	reward_states(node_states_new(s, arena), o, dt_ms, ret);
}

void
reward_cluster(const struct snapshot *s, const struct objective *o, int64_t dt_ms, struct cost *ret)
{
	_cleanup_(freep) struct cost *nodes = xcalloc(s->n_nodes, sizeof(*nodes));

	*ret = (struct cost){0};
	reward_nodes(s, o, dt_ms, nodes);
	for (size_t i = 0; i < s->n_nodes; i++)
		cost_add(ret, &nodes[i]);
}

double
reward_move(const struct objective *o, uint32_t n_tasks)
{
	return o->move * n_tasks;
}
