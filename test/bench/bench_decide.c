/*
 * How long the policy takes for a decision, for learning from a step, and for its opinion on every
 * placement: 3 tasks a node, every tenth node too hot, moves carried out as they are decided.
 */
#include <stdio.h>

#include "test/bench/bench.h"
#include "test/unit/policy_world.h"

enum { TASKS_A_NODE = 3, NODE_CORES = 2 };

static struct world *
world_make(uint32_t n_nodes)
{
	struct world *w = world_new();
	struct rng rng;
	char name[16];

	rng_seed(&rng, n_nodes);
	for (uint32_t i = 0; i < n_nodes; i++) {
		(void) snprintf(name, sizeof(name), "n%u", i);
		(void) world_node(w, name, NODE_CORES);
	}
	for (uint32_t i = 0; i < n_nodes * TASKS_A_NODE; i++) {
		uint32_t node = i % n_nodes;
		double most = node % 10 == 0 ? 1.2 : 0.8;

		(void) snprintf(name, sizeof(name), "s%u", i);
		(void) world_service(w, name, node, 0.1 + rng_double(&rng) * most, 0, i % 2 == 0);
	}
	return w;
}

static struct policy *
policy_make(const struct world *w)
{
	struct policy_options o;
	struct error err = {0};
	struct policy *p = NULL;

	policy_options_init(&o);
	o.step_ms = w->s.step_ms;
	bench_must(policy_new(&o, &p, &err), &err);
	return p;
}

static bool
count_opinion(void *data, const struct policy_qvalue *q)
{
	size_t *n = data;

	(void) q;
	(*n)++;
	return true;
}

/* What the daemon computes in a cycle; the parts' times go into ms[part][i]. */
static bool
cycle(struct world *w, struct policy *p, uint64_t id, double *decide, double *learn,
      double *opinions)
{
	struct decision d = {.id = id, .rng_seed = id};
	struct transition t = {.before = &w->s, .decision = &d, .after = &w->s};
	double from = bench_cpu_ms();
	struct rng rng;
	size_t n = 0;
	bool moved;

	rng_seed_stream(&rng, 1, id);
	policy_decide(&w->s, p, &rng, &d);
	*decide = bench_cpu_ms() - from;
	from = bench_cpu_ms();
	policy_qvalues(&w->s, p, count_opinion, &n);
	*opinions = bench_cpu_ms() - from;
	/* A step in which nothing happened: the work is the same, and the world needs no copy. */
	t.dt_ms = w->s.step_ms;
	from = bench_cpu_ms();
	policy_learn(p, &t);
	*learn = bench_cpu_ms() - from;
	moved = world_apply(w, &d);
	world_step(w);
	policy_decision_done(&d);
	return moved;
}

static void
run(const struct bench *b, uint32_t n_nodes, size_t n)
{
	struct world *w = world_make(n_nodes);
	_cleanup_(policy_freep) struct policy *p = policy_make(w);
	_cleanup_(freep) double *ms = xcalloc(3 * n, sizeof(*ms));
	static const char *const parts[] = {"decide", "learn", "opinions"};
	char figure[48];
	size_t moves = 0;

	for (int i = 0; i < 4; i++) /* so that somebody has been hot for long enough */
		world_step(w);
	for (size_t i = 0; i < n; i++)
		moves += cycle(w, p, i + 1, &ms[i], &ms[n + i], &ms[2 * n + i]);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		(void) snprintf(figure, sizeof(figure), "nodes_%u_%s", n_nodes, parts[i]);
		bench_spread(b, figure, ms + i * n, n, "ms");
	}
	(void) snprintf(figure, sizeof(figure), "nodes_%u_decisions", n_nodes);
	bench_figure(b, figure, (double) n, "");
	(void) snprintf(figure, sizeof(figure), "nodes_%u_moves", n_nodes);
	bench_figure(b, figure, (double) moves, "");
	world_free(w);
}

int
main(int argc, char **argv)
{
	struct bench b = bench_begin(argc, argv, "decide");

	run(&b, 10, 500);
	run(&b, 100, 200);
	run(&b, 1000, 20);
	return 0;
}
