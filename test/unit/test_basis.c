/* φ by hand, additivity of the aggregates, and demand that a saturated node hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/basis.h"
#include "test/unit/policy_world.h"

static struct power_curve curve;

/* Half a load of 4 cores with σ/C = .125: z = 4. */
static struct node_state
half_loaded(void)
{
	struct node_state n = {.cores = 4,
	                       .mem_capacity_bytes = 1000,
	                       .size = 2,
	                       .line = .85,
	                       .watts_idle = 90,
	                       .power = &curve,
	                       .known = true,
	                       .now = 1.6,
	                       .mean = 2,
	                       .var = .25,
	                       .slow = 1.4,
	                       .slow_var = .36,
	                       .mem_bytes = 100,
	                       .n = 3,
	                       .n_called = 2,
	                       .callers = 2.25};

	for (int i = 0; i < FORECAST_STEPS; i++)
		n.last[i] = i == 4 ? 4.4 : 1;
	return n;
}

static double
tail(double z)
{
	return .5 * erfc(z / sqrt(2));
}

static void
near(enum basis_id id, const double phi[static BASIS_N], double expected)
{
	if (!(fabs(phi[id] - expected) <= 1e-9 * MAX(1.0, fabs(expected))))
		fail_msg("%s: %.12g, expected %.12g", basis_infos[id].name, phi[id], expected);
}

static void
by_hand(void **state)
{
	struct node_state n = half_loaded();
	double phi[BASIS_N], z = .5 / .125, density = exp(-z * z / 2) / sqrt(2 * M_PI);

	(void) state;
	basis_of(&n, phi);
	near(BASIS_ON, phi, 1);
	near(BASIS_SIZE, phi, 2);
	near(BASIS_IDLE, phi, .9);
	near(BASIS_BUSY, phi, .3); /* half of 150 − 90 W */
	near(BASIS_OVER, phi, 20 * tail(z));
	near(BASIS_OVER_SLOW, phi, 20 * tail(.65 / .15));
	near(BASIS_RISK, phi, 10 * tail(2.4));
	near(BASIS_EXCESS, phi, 100 * (.125 * density - .5 * tail(z)));
	near(BASIS_NOW, phi, 0);
	near(BASIS_EXCESS_NOW, phi, 0);
	near(BASIS_PEAK, phi, 1);    /* 10·(1.1 − 1) */
	near(BASIS_PEAK80, phi, .6); /* 2·(1.1 − .8) */
	near(BASIS_LOAD, phi, .35);
	near(BASIS_LOAD2, phi, .25);
	near(BASIS_TASKS, phi, .15);
	near(BASIS_ROOM2, phi, 0); /* may not sleep */
	near(BASIS_ROOM4, phi, 0);
	near(BASIS_HOT, phi, 0);
	near(BASIS_WAIT, phi, 2.25 / 9); /* h = .5 */
	near(BASIS_MEM, phi, 0);
	near(BASIS_TRAFFIC, phi, 0);
}

static void
hot_and_full(void **state)
{
	static const struct {
		double now;
		enum basis_id id;
		double expected;
	} cases[] = {
	    {3.8, BASIS_NOW, 0},
	    {3.9, BASIS_NOW, .5},
	    {4.4, BASIS_NOW, 1},
	    {4.4, BASIS_EXCESS_NOW, .5},
	    {3.8, BASIS_HOT, 10 * .1 * 2.25}, /* .95 above .85 */
	    {2.4, BASIS_WAIT, .6 / .4 / 9 * 2.25},
	    {3.99, BASIS_WAIT, 2.25},
	};
	struct node_state n = half_loaded();
	double phi[BASIS_N];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		n.now = cases[i].now;
		basis_of(&n, phi);
		near(cases[i].id, phi, cases[i].expected);
	}
	n.mem_bytes = 950;
	n.cross_bytes_per_s = 12.5e6;
	basis_of(&n, phi);
	near(BASIS_MEM, phi, 1.5);
	near(BASIS_TRAFFIC, phi, 1);
}

static void
emptiness_counts_where_nodes_may_sleep(void **state)
{
	struct node_state n = half_loaded();
	double phi[BASIS_N];

	(void) state;
	n.may_sleep = true;
	basis_of(&n, phi);
	near(BASIS_ROOM2, phi, .25); /* 1 − .35/.7 */
	near(BASIS_ROOM4, phi, .0625);
	n.mem_bytes = 800; /* memory is what fills it */
	basis_of(&n, phi);
	near(BASIS_ROOM2, phi, .04);
	n.n = 0;
	basis_of(&n, phi);
	for (size_t i = 0; i < BASIS_N; i++)
		assert_true(phi[i] == 0);
	/* An empty node that may not sleep burns on: nothing is saved by emptying it. */
	n.may_sleep = false;
	basis_of(&n, phi);
	near(BASIS_ON, phi, 1);
	near(BASIS_IDLE, phi, .9);
}

static void
adding_and_removing_are_inverse(void **state)
{
	struct node_state n = half_loaded(), before = n;
	struct task_load t = {.now = .3,
	                      .mean = .2,
	                      .var = .04,
	                      .slow = .1,
	                      .slow_var = .01,
	                      .third = .008,
	                      .slow_third = .001,
	                      .mem_bytes = 50,
	                      .mem_var_bytes2 = 9,
	                      .callers = 1,
	                      .n = 1,
	                      .n_called = 1,
	                      .held = true};
	double phi[BASIS_N], again[BASIS_N];

	(void) state;
	t.last[4] = .5;
	basis_of(&n, phi);
	node_state_add(&n, &t);
	assert_true(fabs(n.mean - 2.2) < 1e-12 && fabs(n.last[4] - 4.9) < 1e-12);
	assert_true(n.n == 4 && n.n_called == 3 && n.n_held == 1);
	basis_of(&n, again);
	assert_true(again[BASIS_OVER] > phi[BASIS_OVER]);
	node_state_remove(&n, &t);
	basis_of(&n, again);
	for (size_t i = 0; i < BASIS_N; i++)
		near((enum basis_id) i, again, phi[i]);
	assert_true(n.n_held == before.n_held && fabs(n.var - before.var) < 1e-12);
	assert_true(n.third < 1e-12 && n.slow_third < 1e-12);
}

/* One sided jumps at the same mean and variance: the tail of a gamma load, here one of shape k. */
static void
jumps_make_a_fatter_tail(void **state)
{
	static const struct {
		double skew, z, tail; /* P(load > mean + z sd) of that gamma, by its series */
	} cases[] = {{0, 2, .02275013},    {1, 2, .04238011}, {1, 3, .01033605},
	             {.5, 2.5, .01416963}, {2, 2, .04978707}, {2, 3, .01831564}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct node_state n = half_loaded();
		double phi[BASIS_N], sd = 2 / cases[i].z;

		n.var = n.slow_var = sd * sd;
		n.slow = n.mean;
		n.third = n.slow_third = cases[i].skew * sd * sd * sd;
		basis_of(&n, phi);
		if (!(fabs(phi[BASIS_OVER] / 20 / cases[i].tail - 1) < .05))
			fail_msg("case %zu: %g, not %g", i, phi[BASIS_OVER] / 20, cases[i].tail);
		near(BASIS_OVER_SLOW, phi, phi[BASIS_OVER]);
		n = node_state_slow(&n);
		assert_true(n.third == n.slow_third && n.var == n.slow_var);
	}
}

/* Less than nothing is left of a gamma that begins above the cores: it is over for sure. */
static void
a_node_far_beyond_is_over(void **state)
{
	struct node_state n = half_loaded();
	double phi[BASIS_N];

	(void) state;
	n.mean = 5 * n.cores;
	n.third = 3 * n.var * sqrt(n.var);
	basis_of(&n, phi);
	near(BASIS_OVER, phi, 20);
}

static void
wild_numbers_stay_finite(void **state)
{
	static const double wild[] = {0, 1e-300, 1e-12, 1e6, 1e300};
	double phi[BASIS_N];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		struct node_state n = half_loaded();

		n.now = n.mean = n.var = n.slow = n.slow_var = n.last[0] = n.mem_bytes = wild[i];
		n.callers = wild[i];
		n.third = n.slow_third = wild[ARRAY_SIZE(wild) - 1 - i];
		basis_of(&n, phi);
		for (size_t k = 0; k < BASIS_N; k++)
			assert_true(isfinite(phi[k]) && fabs(phi[k]) < 2000);
	}
}

static void
states_from_a_snapshot(void **state)
{
	struct world *w = world_new();
	struct node_states *x;

	(void) state;
	(void) world_node(w, "n1", 1);
	(void) world_node(w, "n2", 3);
	(void) world_service(w, "a", 0, .2, 0, true);
	(void) world_service(w, "b", 0, .1, 0, false);
	(void) world_service(w, "g", 0, .05, 0, false);
	w->s.services[2].mode = MODE_GLOBAL;
	w->s.services[1].reserve = (struct resources){400000000, WORLD_GIB};
	world_step(w);
	/* Nothing measured of b: its reservation stands in. */
	w->s.tasks[1].forecast = (struct forecast){0};
	x = node_states_new(&w->s, w->s.arena);
	assert_true(fabs(x->nodes[0].mean - .65) < 1e-12);
	assert_true(fabs(x->nodes[0].size - .5) < 1e-12);
	assert_true(x->nodes[0].n == 2 && x->nodes[1].n == 0);
	assert_true(x->nodes[0].callers == 1.5 && x->nodes[0].n_called == 1);
	assert_true(x->nodes[0].mem_bytes == 128e6 + (double) WORLD_GIB);
	/* What runs beside Swarm's tasks counts as soon as it is more than noise. */
	w->s.nodes[0].cpu_cores = .9;
	x = node_states_new(&w->s, w->s.arena);
	assert_true(fabs(x->nodes[0].mean - .9) < 1e-12);
	w->s.nodes[0].flags |= NODE_BLIND;
	w->s.nodes[0].cpu_cores = NAN;
	x = node_states_new(&w->s, w->s.arena);
	assert_false(x->nodes[0].known);
	assert_true(fabs(x->nodes[0].mean - .65) < 1e-12);
	world_free(w);
}

static void
a_saturated_node_hides_demand(void **state)
{
	struct world *w = world_new();
	struct node_states *x;
	struct task_load load;

	(void) state;
	(void) world_node(w, "n1", 1);
	(void) world_service(w, "loop", 0, INFINITY, 0, false);
	(void) world_service(w, "limited", 0, .6, .6, false);
	(void) world_service(w, "web", 0, .1, 0, true);
	world_step(w);
	x = node_states_new(&w->s, w->s.arena);
	/* Both get .45. One may want anything, the other no more than its limit. */
	assert_true(x->tasks[0].held && fabs(x->tasks[0].mean - .45 * 1.25) < 1e-12);
	assert_true(!x->tasks[1].held && fabs(x->tasks[1].mean - .6) < 1e-12);
	assert_true(!x->tasks[2].held && fabs(x->tasks[2].mean - .1) < 1e-12);
	assert_true(fabs(x->nodes[0].mean - (.5625 + .6 + .1)) < 1e-12);
	assert_true(x->nodes[0].n_held == 1 && x->nodes[0].n == 3);
	node_states_carried(x, 0, 0, &load);
	assert_true(load.held && load.n == 1);
	world_free(w);
}

static void
traffic_changes_at_both_ends(void **state)
{
	struct world *w = world_new();
	struct node_states *x;
	double from, to;

	(void) state;
	(void) world_node(w, "n1", 4);
	(void) world_node(w, "n2", 4);
	(void) world_service(w, "a", 0, .1, 0, true);
	(void) world_service(w, "b", 1, .1, 0, true);
	w->s.edges[0] = (struct edge){0, 1, 1e6, .5};
	w->s.edges[1] = (struct edge){1, 1, 1e6, 1};  /* with itself: ignored */
	w->s.edges[2] = (struct edge){0, 77, 1e6, 1}; /* no such service */
	w->s.edges[3] = (struct edge){0, 1, NAN, 1};
	w->s.n_edges = 4;
	world_step(w);
	x = node_states_new(&w->s, w->s.arena);
	assert_true(fabs(x->nodes[0].cross_bytes_per_s - .25e6) < 1e-6);
	assert_true(fabs(x->nodes[1].cross_bytes_per_s - .25e6) < 1e-6);
	node_states_traffic(x, 0, 0, 1, &from, &to);
	assert_true(fabs(from + .25e6) < 1e-6 && fabs(to + .25e6) < 1e-6);
	world_free(w);
}

static void
names_are_unique_and_hashed(void **state)
{
	(void) state;
	assert_true(basis_hash() == basis_hash() && basis_hash() != 0);
	for (size_t i = 0; i < BASIS_N; i++) {
		assert_non_null(basis_infos[i].name);
		assert_non_null(basis_infos[i].meaning);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(basis_infos[i].name, basis_infos[j].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_hand),
	    cmocka_unit_test(hot_and_full),
	    cmocka_unit_test(emptiness_counts_where_nodes_may_sleep),
	    cmocka_unit_test(adding_and_removing_are_inverse),
	    cmocka_unit_test(jumps_make_a_fatter_tail),
	    cmocka_unit_test(a_node_far_beyond_is_over),
	    cmocka_unit_test(wild_numbers_stay_finite),
	    cmocka_unit_test(states_from_a_snapshot),
	    cmocka_unit_test(a_saturated_node_hides_demand),
	    cmocka_unit_test(traffic_changes_at_both_ends),
	    cmocka_unit_test(names_are_unique_and_hashed),
	};

	power_default(&curve);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
