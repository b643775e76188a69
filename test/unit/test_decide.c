/* The policy's decisions: what it moves, what it refuses, and that it comes to rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <time.h>

#include <cmocka.h>

#include "policy/basis.h"
#include "test/unit/policy_world.h"

static struct policy *
policy_make(const char *algorithm, bool explore)
{
	struct policy_options o;
	struct policy *p = NULL;
	struct error err = {0};

	policy_options_init(&o);
	o.algorithm = algorithm;
	o.explore = explore;
	o.step_ms = 10000;
	if (policy_new(&o, &p, &err) != 0)
		fail_msg("%s", err.text);
	return p;
}

static void
decide(const struct world *w, const struct policy *p, uint64_t id, struct decision *d)
{
	struct rng rng;

	*d = (struct decision){.id = id, .rng_seed = id};
	rng_seed_stream(&rng, 7, id);
	policy_decide(&w->s, p, &rng, d);
}

static const struct action *
chosen(const struct decision *d)
{
	return &d->shortlist[d->chosen].action;
}

/* The demo's case: everything sits on n1, n3 has just joined. */
static struct world *
demo_world(double busy, double limit)
{
	struct world *w = world_new();
	uint32_t n1 = world_node(w, "n1", 0.5), n2 = world_node(w, "n2", 0.5);

	(void) world_node(w, "n3", 0.5);
	(void) world_service(w, "busy-1", n1, busy, limit, false);
	(void) world_service(w, "busy-2", n1, busy, limit, false);
	(void) world_service(w, "busy-3", n1, busy, limit, false);
	(void) world_service(w, "quiet", n2, 0.05, 0, true);
	(void) world_service(w, "web", n1, 0.08, 0, true);
	return w;
}

/* Fifty steps of deciding and doing. Returns the number of moves; *ret_last: the step of the last.
 */
static int
run(struct world *w, const struct policy *p, int steps, int *ret_last)
{
	int moves = 0;

	*ret_last = -1;
	for (int i = 0; i < steps; i++) {
		struct decision d;

		world_step(w);
		decide(w, p, (uint64_t) i + 1, &d);
		if (world_apply(w, &d)) {
			moves++;
			*ret_last = i;
			if (getenv("SHOW") != NULL)
				print_message("%2d %s\n", i, d.reason);
		} else if (getenv("SHOW") != NULL && i > 45) {
			print_message("%2d %s\n", i, d.reason);
		}
		policy_decision_done(&d);
	}
	world_step(w);
	return moves;
}

static void
relief_until_nobody_is_hot(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	int last, moves = run(w, p, 50, &last);

	(void) state;
	assert_in_range(moves, 1, 4);
	assert_in_range(last, 2, 25);
	for (size_t i = 0; i < w->s.n_nodes; i++)
		assert_int_equal(w->s.nodes[i].hot_ms, 0);
	assert_true(w->s.nodes[2].n_tasks >= 1);
	world_free(w);
}

static void
loops_without_limit_come_to_rest(void **state)
{
	struct world *w = demo_world(INFINITY, 0);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	double web;
	int last, moves;

	(void) state;
	world_step(w);
	web = w->used[4];
	moves = run(w, p, 50, &last);
	assert_in_range(moves, 1, 4);
	assert_in_range(last, 2, 25);
	/* Nobody who is waited for shares a node with more loops than before. */
	assert_true(w->used[4] >= web - 1e-9);
	assert_true(w->used[3] >= 0.05 - 1e-9);
	world_free(w);
}

static void
relief_says_why(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
	struct decision d;

	(void) state;
	for (int i = 0; i < 3; i++)
		world_step(w);
	decide(w, p, 1, &d);
	assert_int_equal(d.goal, GOAL_RELIEF);
	assert_int_equal(d.goal_node, 0);
	assert_int_equal(chosen(&d)->kind, ACTION_MOVE);
	assert_int_equal(chosen(&d)->from, 0);
	assert_int_equal(chosen(&d)->to, 2);
	assert_non_null(
	    strstr(d.reason, "node 'n1' has been above 85 % of its 0.50 cores for 30 s; moving "));
	assert_non_null(strstr(d.reason, " to 'n3' lowers its load to "));
	policy_decision_done(&d);
	world_free(w);
}

static void
contributions_add_up(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	struct decision d;

	(void) state;
	for (int i = 0; i < 3; i++)
		world_step(w);
	decide(w, p, 1, &d);
	assert_true(d.n_shortlist > 4);
	assert_true(d.n_shortlist <= DECISION_SHORTLIST);
	assert_int_equal(d.shortlist[0].action.kind, ACTION_STAY);
	assert_true(d.shortlist[0].gain == 0);
	for (size_t i = 1; i < d.n_shortlist; i++) {
		const struct candidate *c = &d.shortlist[i];
		double sum = -c->move_cost;

		for (size_t k = 0; k < BASIS_N; k++)
			sum += (double) c->contribution[k];
		assert_true(fabs(sum - c->gain) <= 1e-6 * fabs(c->gain));
		/* Moving between equal nodes is 0 for any θ. */
		assert_true(c->sd > 0 || fabs(c->gain + c->move_cost) < 1e-6);
		assert_true(c->move_cost == 3);
	}
	policy_decision_done(&d);
	world_free(w);
}

static void
refused_ones_come_last(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
	struct decision d;
	bool refused = false;
	size_t counted = 0, shown = 0;

	(void) state;
	w->s.services[0].traits |= TRAIT_PINNED;
	w->s.services[1].act = ACT_NONE;
	for (int i = 0; i < 3; i++)
		world_step(w);
	decide(w, p, 1, &d);
	for (size_t i = 1; i < d.n_shortlist; i++) {
		refused |= d.shortlist[i].verdict != VERDICT_OK;
		assert_int_equal(refused, d.shortlist[i].verdict != VERDICT_OK);
		shown += d.shortlist[i].verdict == VERDICT_PINNED;
	}
	assert_true(shown > 0);
	/* Two other nodes each. */
	assert_int_equal(d.n_refused[VERDICT_PINNED], 2);
	assert_int_equal(d.n_refused[VERDICT_NOT_OPTED_IN], 2);
	for (size_t i = 0; i < VERDICT_N; i++)
		counted += d.n_refused[i];
	assert_int_equal(d.n_considered, 10);
	assert_true(counted >= 4 && counted < d.n_considered);
	assert_true(d.runner_up <= d.n_shortlist);
	assert_true(d.runner_up == d.n_shortlist || d.shortlist[d.runner_up].verdict == VERDICT_OK);
	policy_decision_done(&d);
	world_free(w);
}

static void
same_seed_same_bytes(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	_cleanup_(policy_freep) struct policy *q = policy_make("linear", true);
	struct decision a, b;

	(void) state;
	for (int i = 0; i < 3; i++)
		world_step(w);
	decide(w, p, 5, &a);
	decide(w, q, 5, &b);
	assert_int_equal(a.n_shortlist, b.n_shortlist);
	assert_memory_equal(a.shortlist, b.shortlist, a.n_shortlist * sizeof(*a.shortlist));
	assert_true(a.propensity == b.propensity);
	assert_int_equal(a.draws, 256);
	assert_true(a.propensity > 0 && a.propensity <= 1);
	assert_string_equal(a.reason, b.reason);
	policy_decision_done(&a);
	policy_decision_done(&b);
	world_free(w);
}

static void
held_sample_changes_with_the_period(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	struct decision a, b, c;

	(void) state;
	for (int i = 0; i < 3; i++)
		world_step(w);
	w->s.wall_ms = (int64_t) 100 * 4 * 3600 * 1000;
	decide(w, p, 1, &a);
	w->s.wall_ms += 3600 * 1000;
	decide(w, p, 2, &b);
	w->s.wall_ms += 4 * 3600 * 1000;
	decide(w, p, 3, &c);
	assert_true(a.shortlist[1].gain == b.shortlist[1].gain);
	assert_true(a.shortlist[1].gain != c.shortlist[1].gain);
	policy_decision_done(&a);
	policy_decision_done(&b);
	policy_decision_done(&c);
	world_free(w);
}

static void
drains_only_where_nodes_may_sleep(void **state)
{
	for (int sleep = 0; sleep < 2; sleep++) {
		struct world *w = world_new();
		_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
		struct decision d;

		(void) state;
		for (int i = 0; i < 3; i++) {
			char name[16];

			(void) snprintf(name, sizeof(name), "n%d", i + 1);
			(void) world_node(w, name, 4);
			if (sleep)
				w->s.nodes[i].flags |= NODE_MAY_SLEEP;
		}
		(void) world_service(w, "a", 0, 0.8, 0, true);
		(void) world_service(w, "b", 1, 0.9, 0, true);
		(void) world_service(w, "c", 2, 0.1, 0, true);
		for (int i = 0; i < 4; i++)
			world_step(w);
		decide(w, p, 1, &d);
		if (sleep) {
			assert_int_equal(d.goal, GOAL_DRAIN);
			assert_int_equal(d.goal_node, chosen(&d)->from);
			assert_non_null(strstr(d.reason, "can be emptied by 1 move and sleep"));
		} else {
			assert_int_equal(chosen(&d)->kind, ACTION_STAY);
		}
		policy_decision_done(&d);
		world_free(w);
	}
}

static void
improves_what_is_uneven_for_long(void **state)
{
	struct world *w = world_new();
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
	struct decision d;
	uint32_t n1 = world_node(w, "n1", 1);

	(void) state;
	(void) world_node(w, "n2", 1);
	(void) world_service(w, "a", n1, 0.25, 0, true);
	(void) world_service(w, "b", n1, 0.25, 0, true);
	(void) world_service(w, "c", n1, 0.31, 0, true);
	w->s.tasks[0].running_ms = w->s.tasks[1].running_ms = w->s.tasks[2].running_ms = 0;
	world_step(w);
	decide(w, p, 1, &d);
	assert_int_equal(chosen(&d)->kind, ACTION_STAY);
	assert_int_equal(d.n_refused[VERDICT_NOT_SUSTAINED], 3);
	policy_decision_done(&d);
	world_step(w);
	world_step(w);
	decide(w, p, 2, &d);
	assert_int_equal(d.goal, GOAL_IMPROVE);
	assert_int_equal(chosen(&d)->kind, ACTION_MOVE);
	assert_int_equal(chosen(&d)->to, 1);
	policy_decision_done(&d);
	w->s.bounds.min_gain = 0.99;
	decide(w, p, 3, &d);
	assert_int_equal(chosen(&d)->kind, ACTION_STAY);
	assert_int_equal(d.n_refused[VERDICT_MIN_GAIN], 3);
	policy_decision_done(&d);
	world_free(w);
}

static void
observe_mode_shows_what_auto_would_do(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
	struct decision d;

	(void) state;
	for (size_t i = 0; i < w->s.n_services; i++)
		w->s.services[i].act = ACT_OBSERVE;
	for (int i = 0; i < 3; i++)
		world_step(w);
	decide(w, p, 1, &d);
	assert_int_equal(d.chosen, 0);
	assert_int_equal(d.shortlist[1].verdict, VERDICT_OBSERVE_ONLY);
	assert_true(d.shortlist[1].gain > 0);
	assert_int_equal(d.shortlist[1].action.from, 0);
	assert_non_null(strstr(d.reason, "staying, though node 'n1' has been above"));
	assert_non_null(strstr(d.reason, "the mode is observe"));
	policy_decision_done(&d);
	world_free(w);
}

static void
no_nodes_no_services(void **state)
{
	static const char *const algorithms[] = {"linear", "spread", "pbf"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		struct world *w = world_new();
		_cleanup_(policy_freep) struct policy *p = policy_make(algorithms[i], true);
		struct decision d;

		decide(w, p, 1, &d);
		assert_int_equal(d.n_shortlist, 1);
		assert_int_equal(d.chosen, 0);
		assert_int_equal(d.n_considered, 0);
		policy_decision_done(&d);
		(void) world_node(w, "n1", 1);
		world_step(w);
		decide(w, p, 1, &d);
		assert_int_equal(d.n_shortlist, 1);
		policy_decision_done(&d);
		policy_decision_done(&d); /* {0} is fine */
		world_free(w);
	}
}

/* Bad numbers from a broken source must neither crash nor move anything. */
static void
not_a_number_is_survived(void **state)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, -1, 1e300};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct world *w = demo_world(0.1, 0);
		_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
		struct decision d;

		for (int k = 0; k < 3; k++)
			world_step(w);
		for (size_t k = 0; k < w->s.n_tasks; k++) {
			struct forecast *f = &w->s.tasks[k].forecast;

			f->cpu_now_cores = f->cpu_cores.mean = f->cpu_cores.var = bad[i];
			f->cpu_slow_cores = f->mem_bytes = f->cpu_cores;
			f->cpu_last_cores[3] = (float) bad[i];
		}
		w->s.nodes[1].cpu_cores = w->s.nodes[1].mem_bytes = bad[i];
		w->s.nodes[1].usable_cores = bad[i];
		decide(w, p, 1, &d);
		assert_int_equal(d.shortlist[d.chosen].action.kind, ACTION_STAY);
		for (size_t k = 0; k < d.n_shortlist; k++)
			assert_true(isfinite(d.shortlist[k].gain));
		assert_true(isfinite(d.cost_now));
		policy_decision_done(&d);
		world_free(w);
	}
}

struct q_seen {
	size_t n;
	struct policy_qvalue last;
};

static bool
q_check(void *data, const struct policy_qvalue *q)
{
	struct q_seen *seen = data;
	uint64_t key = ((uint64_t) q->service << 32) + q->from * 1000 + q->to;
	uint64_t before =
	    ((uint64_t) seen->last.service << 32) + seen->last.from * 1000 + seen->last.to;

	assert_true(seen->n == 0 || key > before);
	assert_true(isfinite(q->gain) && q->sd >= 0);
	assert_true(q->from != q->to);
	seen->last = *q;
	return ++seen->n < 7;
}

static void
q_of_every_pair(void **state)
{
	struct world *w = demo_world(0.18, 0.2);
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	struct q_seen seen = {0};

	(void) state;
	world_step(w);
	policy_qvalues(&w->s, p, q_check, &seen);
	assert_int_equal(seen.n, 7); /* of 10: it stops when told */
	world_free(w);
}

/* All copies on the source go together. */
static void
copies_move_together(void **state)
{
	struct world *w = world_new();
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", false);
	struct decision d;

	(void) state;
	for (int i = 0; i < 3; i++)
		(void) world_node(w, "node", 1);
	(void) world_service(w, "pair", 0, 0.3, 0, true);
	(void) world_service(w, "pair", 0, 0.3, 0, true);
	(void) world_service(w, "big", 0, 0.35, 0, true);
	(void) world_service(w, "full", 2, 0.8, 0, true);
	/* The second service's task becomes the first one's second copy. */
	w->s.services[0].n_tasks = 2;
	w->s.services[0].replicas = 2;
	w->s.tasks[1].service = 0;
	w->s.tasks[1].slot = 2;
	w->s.services[1].n_tasks = 0;
	w->s.services[1].replicas = 0;
	for (int i = 0; i < 4; i++)
		world_step(w);
	w->s.services[2].traits |= TRAIT_PINNED;
	decide(w, p, 1, &d);
	assert_int_equal(chosen(&d)->kind, ACTION_MOVE);
	assert_int_equal(chosen(&d)->service, 0);
	assert_int_equal(chosen(&d)->n_tasks, 2);
	assert_true(d.shortlist[d.chosen].move_cost == 6);
	assert_non_null(strstr(d.reason, "(2 copies)"));
	policy_decision_done(&d);
	world_free(w);
}

/* A cluster that may sleep is packed, one decision at a time, and then left alone. */
static void
drains_are_completed(void **state)
{
	struct world *w = world_new();
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	int last, moves, empty = 0;

	(void) state;
	w->s.step_ms = 60000;
	for (int i = 0; i < 6; i++) {
		(void) world_node(w, "node", 4);
		w->s.nodes[i].flags |= NODE_MAY_SLEEP;
	}
	for (uint32_t i = 0; i < 12; i++)
		(void) world_service(w, "s", i % 6, 0.3, 0, i % 2 == 0);
	moves = run(w, p, 60, &last);
	for (int i = 0; i < 6; i++)
		empty += w->s.nodes[i].n_tasks == 0;
	/* 3.6 cores: two nodes hold them below the relief line. */
	assert_in_range(empty, 3, 4);
	assert_in_range(moves, 6, 14);
	assert_in_range(last, 5, 40);
	world_free(w);
}

static struct world *
random_world(struct rng *rng)
{
	struct world *w = world_new();
	size_t nodes = 2 + rng_below(rng, 6), services = 1 + rng_below(rng, 20);

	for (size_t i = 0; i < nodes; i++) {
		uint32_t k = world_node(w, "node", 0.5 * (double) (1 + rng_below(rng, 4)));

		if (rng_below(rng, 8) == 0)
			w->s.nodes[k].flags |= NODE_BLIND;
		if (rng_below(rng, 3) == 0)
			w->s.nodes[k].flags |= NODE_MAY_SLEEP;
	}
	for (size_t i = 0; i < services; i++) {
		double demand = rng_below(rng, 5) == 0 ? INFINITY : 0.4 * rng_double(rng);
		double limit = rng_below(rng, 3) == 0 ? 0.3 : 0;

		(void) world_service(w, "s", (uint32_t) rng_below(rng, nodes), demand, limit,
		                     rng_below(rng, 2) == 0);
	}
	return w;
}

/* Whatever the cluster is like: it comes to rest, and never acts on a blind node. */
static void
random_worlds_come_to_rest(void **state)
{
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	struct rng rng;
	int most = 0;

	(void) state;
	rng_seed(&rng, 11);
	for (int i = 0; i < 150; i++) {
		struct world *w = random_world(&rng);
		int late = 0, moves = 0;

		for (int k = 0; k < 60; k++) {
			struct decision d;

			world_step(w);
			decide(w, p, (uint64_t) k, &d);
			if (world_apply(w, &d)) {
				const struct action *a = chosen(&d);

				assert_int_equal(w->s.nodes[a->from].flags & NODE_BLIND, 0);
				assert_int_equal(w->s.nodes[a->to].flags & NODE_BLIND, 0);
				assert_int_equal(d.shortlist[d.chosen].verdict, VERDICT_OK);
				moves++;
				late += k >= 45;
			}
			policy_decision_done(&d);
		}
		if (late > 0)
			fail_msg("world %d still moves after 45 steps (%d moves)", i, moves);
		most = MAX(most, moves);
		world_free(w);
	}
	print_message("150 random clusters: at most %d moves in 60 steps\n", most);
}

static double
now_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}

static void
a_thousand_nodes(void **state)
{
	struct world *w = world_new();
	_cleanup_(policy_freep) struct policy *p = policy_make("linear", true);
	struct decision d;
	double start;

	(void) state;
	for (int i = 0; i < 1000; i++)
		(void) world_node(w, "node", 4);
	for (uint32_t i = 0; i < 3000; i++)
		(void) world_service(w, "service", i * 7 % 900, 0.4 + 0.001 * (i % 900), 0, i % 3);
	for (int i = 0; i < 3; i++)
		world_step(w);
	w->s.nodes[5].hot_ms = 60000;
	start = now_ms();
	decide(w, p, 1, &d);
	print_message("1,000 nodes, 3,000 tasks: %.0f ms, %zu moves considered: %s\n",
	              now_ms() - start, d.n_considered, d.reason);
	assert_int_equal(d.n_shortlist, DECISION_SHORTLIST);
	assert_true(d.n_considered > 100000);
	policy_decision_done(&d);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(relief_until_nobody_is_hot),
	    cmocka_unit_test(loops_without_limit_come_to_rest),
	    cmocka_unit_test(relief_says_why),
	    cmocka_unit_test(contributions_add_up),
	    cmocka_unit_test(refused_ones_come_last),
	    cmocka_unit_test(same_seed_same_bytes),
	    cmocka_unit_test(held_sample_changes_with_the_period),
	    cmocka_unit_test(drains_only_where_nodes_may_sleep),
	    cmocka_unit_test(improves_what_is_uneven_for_long),
	    cmocka_unit_test(observe_mode_shows_what_auto_would_do),
	    cmocka_unit_test(no_nodes_no_services),
	    cmocka_unit_test(not_a_number_is_survived),
	    cmocka_unit_test(q_of_every_pair),
	    cmocka_unit_test(copies_move_together),
	    cmocka_unit_test(drains_are_completed),
	    cmocka_unit_test(random_worlds_come_to_rest),
	    cmocka_unit_test(a_thousand_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
