/* The cost of a step by hand, and the live check that acting does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/fallback.h"
#include "policy/stayed.h"
#include "test/unit/policy_world.h"

#define UNIT_MS ((int64_t) 300000)
#define HOUR_MS ((int64_t) 3600 * 1000)

static struct objective objective;

static void
near(const char *what, double x, double expected)
{
	if (!(fabs(x - expected) <= 1e-9 * MAX(1.0, fabs(expected))))
		fail_msg("%s: %.12g, expected %.12g", what, x, expected);
}

/* n1 half loaded, n2 empty; 90 to 150 W. */
static struct world *
two_nodes(void)
{
	struct world *w = world_new();

	(void) world_node(w, "n1", 2);
	(void) world_node(w, "n2", 2);
	(void) world_service(w, "a", 0, .6, 0, true);
	(void) world_service(w, "b", 0, .4, 0, false);
	world_step(w);
	return w;
}

static void
energy_by_hand(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2], sum;

	(void) state;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("n1", c[0].energy, 1.2); /* 120 W for 5 min */
	near("n2", c[1].energy, .9);
	near("response", c[0].response + c[1].response, 0);
	near("moves", c[0].moves, 0);
	/* Amounts, not rates: a tenth of the time is a tenth of the cost. */
	reward_cluster(&w->s, &objective, UNIT_MS / 10, &sum);
	near("total", cost_total(&sum), .21);
	w->s.nodes[1].flags |= NODE_MAY_SLEEP;
	w->s.nodes[0].flags |= NODE_MAY_SLEEP;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("asleep", c[1].energy, 0);
	near("awake", c[0].energy, 1.2);
	reward_cluster(&w->s, &objective, -1, &sum);
	near("no time", cost_total(&sum), 0);
	world_free(w);
}

static void
reserved_but_unused(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2];

	(void) state;
	w->s.nodes[0].reserved.cpu_nano = 5000000000; /* uses 1 of 5 */
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("reserved", c[0].reserved, .1 * 4 / 8);
	w->s.nodes[0].reserved.cpu_nano = 500000000;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("all used", c[0].reserved, 0);
	world_free(w);
}

static void
response_by_objective(void **state)
{
	static const struct {
		double slo, seen, expected;
	} cases[] = {
	    {100, 100, 0}, {100, 150, 2.5}, {100, 300, 4}, {100, 1e9, 10},
	    {100, NAN, 0}, {NAN, 500, 0},   {0, 500, 0},   {100, 0, 0},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = two_nodes();
		struct cost c[2];

		w->s.services[0].slo.p95_ms = cases[i].slo;
		w->s.services[0].seen.p95_ms = cases[i].seen;
		reward_nodes(&w->s, &objective, UNIT_MS, c);
		near("response", c[0].response, cases[i].expected);
		near("elsewhere", c[1].response, 0);
		world_free(w);
	}
}

static void
response_without_objective(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2];

	(void) state;
	/* 2.4 of 2 cores wanted, of which limits bound what is wanted: demand is 1.2. */
	w->s.tasks[0].forecast.cpu_cores.mean = w->s.tasks[0].forecast.cpu_now_cores = 1.8;
	w->s.tasks[1].forecast.cpu_cores.mean = w->s.tasks[1].forecast.cpu_now_cores = .6;
	w->s.services[0].limit.cpu_nano = 1800000000;
	w->s.nodes[0].cpu_cores = 2;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("overload", c[0].response, 2.2 * 1 + 2.2 * .25);
	near("full power", c[0].energy, 1.5);
	world_free(w);

	w = two_nodes();
	w->s.tasks[0].forecast.throttled_ratio = .2;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("a little throttled", c[0].response, 0);
	w->s.tasks[0].forecast.throttled_ratio = .75;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("throttled", c[0].response, 2.5);
	world_free(w);
}

static void
a_violation_is_dearer_than_any_saving(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2];

	(void) state;
	w->s.services[0].slo.p95_ms = 100;
	w->s.services[0].seen.p95_ms = 101;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	assert_true(c[0].response > c[0].energy);
	world_free(w);
}

static void
traffic_is_shared_by_both_ends(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2];

	(void) state;
	w->s.tasks[1].node = 1;
	w->s.edges[0] = (struct edge){0, 1, 125e6, 1};
	w->s.n_edges = 1;
	world_step(w);
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("n1", c[0].traffic, .5);
	near("n2", c[1].traffic, .5);
	world_free(w);
}

static void
blind_nodes_cost_what_is_reserved(void **state)
{
	struct world *w = two_nodes();
	struct cost c[2];

	(void) state;
	w->s.nodes[0].flags |= NODE_BLIND;
	w->s.nodes[0].cpu_cores = w->s.nodes[0].mem_bytes = NAN;
	w->s.tasks[0].forecast = w->s.tasks[1].forecast = (struct forecast){0};
	w->s.services[0].reserve.cpu_nano = 1000000000;
	reward_nodes(&w->s, &objective, UNIT_MS, c);
	near("blind", c[0].energy, 1.2);
	assert_true(isfinite(cost_total(&c[0])));
	near("move", reward_move(&objective, 2), 6);
	world_free(w);
}

/* Hours of steps with moves in effect. Returns the wall time. */
static int64_t
live(struct fallback *f, int64_t wall, int hours, double stay, double observed)
{
	for (int i = 0; i < hours * 12; i++) {
		wall += HOUR_MS / 12;
		fallback_add(f, wall, HOUR_MS / 12, stay, observed * (i % 2 ? 1.01 : .99));
	}
	return wall;
}

static void
suspends_what_does_harm(void **state)
{
	struct fallback f;
	int64_t wall;

	(void) state;
	fallback_init(&f);
	wall = live(&f, 1000, 5, 1, 1.5);
	/* Five hours are too few to judge. */
	assert_false(fallback_suspended(&f, wall));
	assert_true(isnan(fallback_advantage(&f)));
	wall = live(&f, wall, 3, 1, 1.5);
	assert_true(fallback_suspended(&f, wall));
	assert_true(fabs(fallback_advantage(&f) + .5) < .02);
	assert_true(fallback_suspended(&f, wall + 20 * HOUR_MS));
	/* After a day it is tried anew, with a clean sheet. */
	assert_false(fallback_suspended(&f, wall + 25 * HOUR_MS));
	wall = live(&f, wall + 25 * HOUR_MS, 5, 1, 1.5);
	assert_false(fallback_suspended(&f, wall));
}

static void
keeps_what_does_good(void **state)
{
	struct fallback f;
	int64_t wall;

	(void) state;
	fallback_init(&f);
	wall = live(&f, 1000, 60, 1, .9);
	assert_false(fallback_suspended(&f, wall));
	assert_true(fabs(fallback_advantage(&f) - .1) < .01);
	assert_true(fallback_lower(&f) > 0);
}

static void
bad_numbers_are_no_account(void **state)
{
	struct fallback f;

	(void) state;
	fallback_init(&f);
	fallback_add(&f, 1, HOUR_MS, NAN, 1);
	fallback_add(&f, 1, HOUR_MS, 1, INFINITY);
	fallback_add(&f, 1, HOUR_MS, -1, 1);
	fallback_add(&f, 1, -1, 1, 1);
	assert_true(f.n == 0 && f.filled_ms == 0);
	/* A cluster that costs nothing has nothing to lose. */
	fallback_add(&f, 1, HOUR_MS, 0, 0);
	assert_true(f.n == 1 && f.mean == 0);
}

/* The same world with our moves taken back, whatever else has happened to it. */
static void
staying_is_costed_by_the_same_formula(void **state)
{
	struct world *w = two_nodes(), *same = two_nodes();
	struct action back = {.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1, .n_tasks = 1};
	struct stayed x = {0};
	struct cost c;

	(void) state;
	same->demand[1] = w->demand[1] = 1.8;
	w->s.tasks[0].node = 1;
	stayed_add(&x, &w->s, &back);
	back.kind = ACTION_STAY;
	stayed_add(&x, &w->s, &back);
	assert_int_equal(x.n, 1);
	world_step(w);
	world_step(same);
	/* Measured apart, demand shows; together they would have been held back. */
	reward_cluster(&w->s, &objective, UNIT_MS, &c);
	near("apart", cost_total(&c), .9 + .6 * .3 + .9 + .6 * .9);
	near("together", stayed_cost(&x, &w->s, &objective, UNIT_MS), .9 + 1.5 + (2.2 + .25 * 2.2));
	/* Someone has moved it elsewhere since, or it is gone. */
	w->s.tasks[0].node = 0;
	world_step(w);
	reward_cluster(&w->s, &objective, UNIT_MS, &c);
	near("not there", stayed_cost(&x, &w->s, &objective, UNIT_MS), cost_total(&c));
	w->s.services[0].id = "other";
	near("gone", stayed_cost(&x, &w->s, &objective, UNIT_MS), cost_total(&c));
	assert_int_equal(stayed_expire(&x, w->s.wall_ms), 1);
	assert_int_equal(stayed_expire(&x, w->s.wall_ms + 25 * HOUR_MS), 0);
	for (int i = 0; i < 100; i++) {
		back = (struct action){.kind = ACTION_MOVE, .from = 0, .to = 1};
		stayed_add(&x, &w->s, &back);
	}
	assert_int_equal(x.n, STAYED_MOST);
	world_free(w);
	world_free(same);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(energy_by_hand),
	    cmocka_unit_test(reserved_but_unused),
	    cmocka_unit_test(response_by_objective),
	    cmocka_unit_test(response_without_objective),
	    cmocka_unit_test(a_violation_is_dearer_than_any_saving),
	    cmocka_unit_test(traffic_is_shared_by_both_ends),
	    cmocka_unit_test(blind_nodes_cost_what_is_reserved),
	    cmocka_unit_test(suspends_what_does_harm),
	    cmocka_unit_test(keeps_what_does_good),
	    cmocka_unit_test(bad_numbers_are_no_account),
	    cmocka_unit_test(staying_is_costed_by_the_same_formula),
	};

	objective_init(&objective);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
