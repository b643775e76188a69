/* policy/plan: many moves at once, and what its world (allowance.direct) changes elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "features/pooled.h"
#include "policy/policy.h"
#include "test/unit/policy_world.h"

static struct world *
direct_world(uint32_t nodes)
{
	struct world *w = world_new();

	w->s.allow = (struct allowance){
	    .actions = UINT32_MAX, .budget_left = UINT32_MAX, .warm = true, .direct = true};
	w->s.bounds = (struct bounds){.relief_line = 1};
	for (uint32_t i = 0; i < nodes; i++) {
		(void) world_node(w, "n", 4);
		w->s.nodes[i].flags |= NODE_MAY_SLEEP | NODE_DEMAND;
	}
	return w;
}

static struct policy *
policy_of(const char *algorithm)
{
	struct policy_options o;
	struct policy *p = NULL;

	policy_options_init(&o);
	o.algorithm = algorithm;
	o.explore = false;
	o.step_ms = 300000;
	o.objective.response = 0;
	o.objective.overload = 15;
	assert_int_equal(policy_new(&o, &p, NULL), 0);
	return p;
}

static uint32_t
awake(const struct world *w, const struct decision *d)
{
	uint32_t n = 0, on[16] = {0};

	for (size_t i = 0; i < w->s.n_tasks; i++)
		on[w->s.tasks[i].node]++;
	for (size_t i = 0; i < d->n_plan; i++) {
		on[d->plan[i].action.from]--;
		on[d->plan[i].action.to]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		n += on[i] > 0;
	return n;
}

/* Eight small services on eight nodes: at least every other node is empty after one decision. */
static void
drains_in_one_step(void **state)
{
	static const char *const algorithms[] = {"linear", "pbf"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		struct world *w = direct_world(8);
		struct policy *p = policy_of(algorithms[i]);
		struct decision d = {0};
		struct rng rng;

		for (uint32_t k = 0; k < 8; k++)
			(void) world_service(w, "s", k, .2, 0, false);
		world_step(w);
		rng_seed(&rng, 1);
		policy_decide(&w->s, p, &rng, &d);
		assert_true(d.n_plan >= 4);
		assert_true(awake(w, &d) <= 4);
		/* A drain's gain stands at its last move. */
		if (i == 0)
			assert_true(d.plan[d.n_plan - 1].gain > 0);
		policy_decision_done(&d);
		policy_free(p);
		world_free(w);
	}
}

/* Where training is over nodes that got something may be emptied too: all end up on one. */
static void
gone_over_again(void **state)
{
	uint32_t on[2];

	(void) state;
	for (int i = 0; i < 2; i++) {
		struct world *w = direct_world(8);
		struct policy *p = policy_of("linear");
		struct decision d = {0};
		struct rng rng;

		for (uint32_t k = 0; k < 8; k++)
			(void) world_service(w, "s", k, .2, 0, false);
		world_step(w);
		rng_seed(&rng, 1);
		policy_freeze(p, i == 0 ? 1 : 8);
		policy_decide(&w->s, p, &rng, &d);
		on[i] = awake(w, &d);
		policy_decision_done(&d);
		policy_free(p);
		world_free(w);
	}
	assert_true(on[1] < on[0]);
}

static uint64_t
rows_after_a_step(bool frozen, double *ret_theta)
{
	struct world *w = direct_world(2), *after = direct_world(2);
	struct policy *p = policy_of("linear");
	struct transition t = {.dt_ms = 300000, .direct = true};
	struct policy_status status;
	double theta[BASIS_N];

	(void) world_service(w, "s", 0, .2, 0, false);
	(void) world_service(after, "s", 0, .2, 0, false);
	world_step(w);
	world_step(after);
	if (frozen)
		policy_freeze(p, 1);
	t.before = &w->s;
	t.after = &after->s;
	policy_learn(p, &t);
	policy_status(p, &status);
	policy_theta(p, 0, theta);
	*ret_theta = theta[BASIS_IDLE];
	policy_free(p);
	world_free(w);
	world_free(after);
	return status.rows;
}

static void
frozen_learns_nothing(void **state)
{
	double learnt, kept;

	(void) state;
	assert_true(rows_after_a_step(false, &learnt) > 0);
	assert_int_equal(rows_after_a_step(true, &kept), 0);
	assert_true(learnt != kept);
}

/* Whoever explores draws from the posterior, until training is over. */
static void
frozen_draws_nothing(void **state)
{
	struct policy_options o;
	struct policy *p = NULL;
	double a[BASIS_N], b[BASIS_N];

	(void) state;
	policy_options_init(&o);
	assert_int_equal(policy_new(&o, &p, NULL), 0);
	policy_theta(p, 0, a);
	policy_theta(p, 100 * o.hold_ms, b);
	assert_memory_not_equal(a, b, sizeof(a));
	policy_freeze(p, 1);
	policy_theta(p, 0, a);
	policy_theta(p, 100 * o.hold_ms, b);
	assert_memory_equal(a, b, sizeof(a));
	policy_free(p);
}

/* A node that wants more than it has gives something to another. */
static void
relieves(void **state)
{
	static const char *const algorithms[] = {"linear", "pbf"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		struct world *w = direct_world(3);
		struct policy *p = policy_of(algorithms[i]);
		struct decision d = {0};
		struct rng rng;

		for (uint32_t k = 0; k < 5; k++)
			(void) world_service(w, "s", 0, 1, 0, false);
		world_step(w);
		for (uint32_t k = 0; k < 5; k++) {
			struct forecast *f = &w->s.tasks[k].forecast;

			/* The world shares what there is; this one says what is wanted. */
			f->cpu_cores.mean = f->cpu_slow_cores.mean = f->cpu_now_cores = 1;
		}
		rng_seed(&rng, 1);
		policy_decide(&w->s, p, &rng, &d);
		assert_true(d.n_plan >= 1);
		assert_int_equal(d.plan[0].action.from, 0);
		assert_true(d.plan[0].action.to != 0);
		policy_decision_done(&d);
		policy_free(p);
		world_free(w);
	}
}

static void
spreads(void **state)
{
	struct world *w = direct_world(3);
	struct policy *p = policy_of("spread");
	struct decision d = {0};
	struct rng rng;

	(void) state;
	for (uint32_t k = 0; k < 6; k++)
		(void) world_service(w, "s", 0, .1, 0, false);
	world_step(w);
	rng_seed(&rng, 1);
	policy_decide(&w->s, p, &rng, &d);
	assert_int_equal(d.n_plan, 4);
	assert_int_equal(awake(w, &d), 3);
	policy_decision_done(&d);
	policy_free(p);
	world_free(w);
}

/* No plan where the moment forbids it, and none without allowance.direct. */
static void
stays(void **state)
{
	struct world *w = direct_world(4);
	struct policy *p = policy_of("linear");
	struct decision d = {0};
	struct rng rng;

	(void) state;
	for (uint32_t k = 0; k < 4; k++)
		(void) world_service(w, "s", k, .2, 0, false);
	world_step(w);
	rng_seed(&rng, 1);
	w->s.partial = true;
	policy_decide(&w->s, p, &rng, &d);
	assert_int_equal(d.n_plan, 0);
	policy_decision_done(&d);
	w->s.partial = false;
	w->s.allow.direct = false;
	policy_decide(&w->s, p, &rng, &d);
	assert_int_equal(d.n_plan, 0);
	policy_decision_done(&d);
	policy_free(p);
	world_free(w);
}

/* A flat load is forecast as it is, with little doubt; a noisy one with its variance. */
static void
pooled_forecasts(void **state)
{
	struct pooled p;
	struct pooled_level flat = {0}, noisy = {0};
	struct rng rng;

	(void) state;
	pooled_init(&p);
	rng_seed(&rng, 1);
	assert_true(pooled_next(&p, &flat).mean == 0);
	for (int i = 0; i < 300; i++) {
		pooled_push(&p, &flat, .4);
		pooled_push(&p, &noisy, .5 + .1 * CLAMP(rng_normal(&rng), -3.0, 3.0));
		pooled_push(&p, &noisy, NAN);
		pooled_solve(&p);
	}
	assert_true(fabs(pooled_next(&p, &flat).mean - .4) < .02);
	assert_true(fabs(pooled_next(&p, &noisy).mean - .5) < .06);
	assert_true(pooled_next(&p, &flat).var < .004);
	assert_true(fabs(sqrt(pooled_next(&p, &noisy).var) - .1) < .03);
	assert_true(fabs(pooled_slow(&p, &flat).mean - .4) < 1e-9 &&
	            pooled_slow(&p, &flat).var < 1e-4);
	assert_true(flat.last[0] == .4 && noisy.n == 300);
}

/* What was seen once is not sure: the more it may vary, the less. */
static void
pooled_first_values(void **state)
{
	static const struct {
		double value, least, most; /* of the sd */
	} cases[] = {{0, .05, .1}, {.1, .1, .2}, {.5, .15, .3}, {1, .05, .1}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pooled_level l = {0};
		struct pooled p;
		double sd;

		pooled_init(&p);
		pooled_push(&p, &l, cases[i].value);
		pooled_solve(&p);
		sd = sqrt(pooled_next(&p, &l).var);
		if (!(sd > cases[i].least && sd < cases[i].most))
			fail_msg("case %zu: sd %g", i, sd);
	}
}

/* Jumps up now and then leave a third moment; as many down leave none, for none helps. */
static void
pooled_jumps(void **state)
{
	struct pooled p;
	struct pooled_level up = {0}, down = {0};

	(void) state;
	pooled_init(&p);
	for (int t = 0; t < 400; t++) {
		pooled_push(&p, &up, t % 10 == 9 ? .9 : .1);
		pooled_push(&p, &down, t % 10 == 9 ? .1 : .9);
		pooled_solve(&p);
	}
	/* On for a tenth of the time: .8³ · .1 · .9 · .8 = .037. */
	assert_true(pooled_next(&p, &up).third > .015 && pooled_next(&p, &up).third < .06);
	assert_true(pooled_slow(&p, &up).third == pooled_next(&p, &up).third);
	assert_true(pooled_next(&p, &down).third < 1e-9);
}

/* All go down together: the forecast follows sooner than each one's own slow level. */
static void
pooled_trend(void **state)
{
	struct pooled p;
	struct pooled_level l[20] = {0};
	double slow = 0, next = 0;

	(void) state;
	pooled_init(&p);
	for (int t = 0; t < 60; t++) {
		for (size_t i = 0; i < ARRAY_SIZE(l); i++)
			pooled_push(&p, &l[i], (.2 + .02 * (double) i) * (t < 55 ? 1 : .5));
		pooled_solve(&p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(l); i++) {
		slow += pooled_slow(&p, &l[i]).mean;
		next += pooled_next(&p, &l[i]).mean;
	}
	assert_true(p.trend < -.1);
	assert_true(next < .85 * slow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(drains_in_one_step),
	    cmocka_unit_test(gone_over_again),
	    cmocka_unit_test(frozen_learns_nothing),
	    cmocka_unit_test(frozen_draws_nothing),
	    cmocka_unit_test(relieves),
	    cmocka_unit_test(spreads),
	    cmocka_unit_test(stays),
	    cmocka_unit_test(pooled_forecasts),
	    cmocka_unit_test(pooled_first_values),
	    cmocka_unit_test(pooled_jumps),
	    cmocka_unit_test(pooled_trend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
