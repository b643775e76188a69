/* forager's policies in the benchmark; see adapter.h. */
#include "sim/cloudsim/adapter.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "features/pooled.h"
#include "policy/power.h"
#include "sim/cloudsim/watts.h"

#define MIPS_PER_CORE 1000.0
#define STEP_MS       ((int64_t) 300 * 1000)
#define START_MS      ((int64_t) 1299110400000) /* the first trace day's midnight */
/* Each seed has a day of its own, for a policy's draws follow the clock. */
#define DAYS   1000
#define DAY_MS ((int64_t) 24 * 3600 * 1000)
/* Forecasts are confident after so many steps. */
#define KNOWN_STEPS 2.0

/* One tick: what was seen and decided. The world's own words are kept until the next has taught. */
struct view {
	struct snapshot s;
	struct decision decision;
	struct arena *arena;
};

struct adapter {
	const struct cloud *cloud;
	struct policy *policy;
	uint64_t seed;
	struct pooled pooled;
	struct pooled_level *levels; /* of each VM */
	struct view now, before;
	char **host_ids, **vm_ids;
	uint32_t *vm_of; /* of each service of now */
	struct cloud_move *moves;
	uint32_t *to; /* of each VM */
};

/* Made once: printing them anew at each tick took as long as deciding. */
static char **
ids_new(const char *prefix, uint32_t n)
{
	char **ids = xcalloc(n, sizeof(*ids));

	for (uint32_t i = 0; i < n; i++)
		ids[i] = xasprintf("%s-%05u", prefix, i);
	return ids;
}

static void
ids_free(char **ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
}

struct adapter *
adapter_new(const struct cloud *c, struct policy *policy, uint64_t seed)
{
	struct adapter *a = xcalloc(1, sizeof(*a));

	a->cloud = c;
	a->policy = policy;
	a->seed = seed;
	a->levels = xcalloc(c->n_vms, sizeof(*a->levels));
	a->vm_of = xcalloc(c->n_vms, sizeof(*a->vm_of));
	a->moves = xcalloc(c->n_vms, sizeof(*a->moves));
	a->to = xcalloc(c->n_vms, sizeof(*a->to));
	a->host_ids = ids_new("host", CLOUD_HOSTS);
	a->vm_ids = ids_new("vm", c->n_vms);
	pooled_init(&a->pooled);
	return a;
}

static void
view_done(struct view *v)
{
	policy_decision_done(&v->decision);
	arena_free(v->arena);
	*v = (struct view){0};
}

void
adapter_free(struct adapter *a)
{
	if (a == NULL)
		return;
	view_done(&a->now);
	view_done(&a->before);
	ids_free(a->host_ids, CLOUD_HOSTS);
	ids_free(a->vm_ids, a->cloud->n_vms);
	free(a->levels);
	free(a->vm_of);
	free(a->moves);
	free(a->to);
	free(a);
}

void
adapter_freep(struct adapter **a)
{
	adapter_free(*a);
}

static void
forecasts_push(struct adapter *a)
{
	for (uint32_t i = 0; i < a->cloud->n_vms; i++)
		if (a->cloud->vms[i].host != CLOUD_NONE)
			pooled_push(&a->pooled, &a->levels[i], a->cloud->vms[i].use);
	pooled_solve(&a->pooled);
}

static struct moments
scaled(struct moments m, double cores)
{
	return (struct moments){m.mean * cores, m.var * cores * cores,
	                        m.third * cores * cores * cores};
}

static void
forecast_fill(const struct adapter *a, uint32_t vm, struct forecast *ret)
{
	const struct cloud_vm *v = &a->cloud->vms[vm];
	const struct pooled_level *l = &a->levels[vm];
	double cores = v->mips / MIPS_PER_CORE;

	*ret = (struct forecast){
	    .cpu_cores = scaled(pooled_next(&a->pooled, l), cores),
	    .cpu_slow_cores = scaled(pooled_slow(&a->pooled, l), cores),
	    .cpu_now_cores = v->use * cores,
	    .confidence = MIN(l->n / KNOWN_STEPS, 1.0),
	    .behaviour = BEHAVIOUR_UNKNOWN,
	};
	for (int i = 0; i < FORECAST_STEPS; i++)
		ret->cpu_last_cores[i] = (float) (l->last[i] * cores);
}

static void
node_fill(const struct adapter *a, struct snapshot *s, uint32_t host)
{
	const struct cloud_host *h = &a->cloud->hosts[host];
	struct snap_node *n = &s->nodes[host];
	double cores = h->mips / MIPS_PER_CORE;

	n->id = n->hostname = a->host_ids[host];
	n->capacity = (struct resources){(int64_t) (cores * 1e9), (int64_t) 4096 << 20};
	n->usable_cores = cores;
	n->cpu_cores = n->mem_bytes = NAN;
	n->n_tasks = h->n;
	n->flags = NODE_READY | NODE_ACTIVE | NODE_MAY_SLEEP | NODE_DEMAND;
	for (int i = 0; i < POWER_POINTS; i++)
		n->power.watts[i] = h->watts[i];
}

static void
task_fill(struct adapter *a, struct snapshot *s, uint32_t vm)
{
	uint32_t i = (uint32_t) s->n_services++;
	struct snap_service *v = &s->services[i];
	struct snap_task *t = &s->tasks[i];

	a->vm_of[i] = vm;
	v->id = v->name = t->id = a->vm_ids[vm];
	v->replicas = v->n_tasks = 1;
	v->first_task = t->service = i;
	v->act = ACT_AUTO;
	t->node = a->cloud->vms[vm].host;
	t->state = t->desired = TASK_RUNNING;
	t->running_ms = INT64_MAX;
	forecast_fill(a, vm, &t->forecast);
	s->n_tasks++;
}

static void
snapshot_fill(struct adapter *a, struct view *v)
{
	struct snapshot *s = &v->s;

	v->arena = arena_new();
	*s = (struct snapshot){
	    .mono_ms = (int64_t) a->cloud->tick * STEP_MS,
	    .wall_ms =
	        START_MS + (int64_t) (a->seed % DAYS) * DAY_MS + (int64_t) a->cloud->tick * STEP_MS,
	    .step_ms = STEP_MS,
	    .allow = {.actions = UINT32_MAX,
	              .budget_left = UINT32_MAX,
	              .warm = true,
	              .direct = true},
	    .bounds = {.min_gain = 0, .relief_line = 1},
	    .arena = v->arena,
	};
	s->nodes = ARENA_NEW(s->arena, struct snap_node, CLOUD_HOSTS);
	s->n_nodes = CLOUD_HOSTS;
	s->services = ARENA_NEW(s->arena, struct snap_service, a->cloud->n_vms);
	s->tasks = ARENA_NEW(s->arena, struct snap_task, a->cloud->n_vms);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		node_fill(a, s, i);
	for (uint32_t i = 0; i < a->cloud->n_vms; i++)
		if (a->cloud->vms[i].host != CLOUD_NONE)
			task_fill(a, s, i);
}

static double
seconds(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
learn(struct adapter *a)
{
	struct transition t = {
	    .before = &a->before.s,
	    .decision = &a->before.decision,
	    .after = &a->now.s,
	    .dt_ms = STEP_MS,
	    .next = &a->now.decision,
	    .direct = true,
	};

	if (a->before.arena != NULL)
		policy_learn(a->policy, &t);
}

/* One move a VM, to where the plan leaves it; none if that is where it is. */
static size_t
moves_fill(struct adapter *a)
{
	const struct decision *d = &a->now.decision;
	size_t n = 0;

	for (uint32_t i = 0; i < a->cloud->n_vms; i++)
		a->to[i] = a->cloud->vms[i].host;
	for (size_t i = 0; i < d->n_plan; i++)
		a->to[a->vm_of[d->plan[i].action.service]] = d->plan[i].action.to;
	for (uint32_t i = 0; i < a->cloud->n_vms; i++)
		if (a->to[i] != a->cloud->vms[i].host)
			a->moves[n++] = (struct cloud_move){i, a->cloud->vms[i].host, a->to[i]};
	return n;
}

size_t
adapter_moves(struct adapter *a, const struct cloud_move **ret, double *ret_decide_s)
{
	struct rng rng;
	double start;

	view_done(&a->before);
	a->before = a->now;
	a->now = (struct view){0};
	forecasts_push(a);
	snapshot_fill(a, &a->now);
	rng_seed_stream(&rng, a->seed, a->cloud->tick);
	start = seconds();
	policy_decide(&a->now.s, a->policy, &rng, &a->now.decision);
	*ret_decide_s = seconds() - start;
	learn(a);
	*ret = a->moves;
	return moves_fill(a);
}
