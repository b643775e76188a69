/* Each refusal of the guard, by name; and that a decision obeys it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/guard.h"
#include "test/unit/policy_world.h"

/* What a case changes in a world where moving 'web' from n1 to n2 passes. */
struct change {
	const char *name;
	void (*make)(struct world *w);
	enum goal goal;
	enum verdict verdict;
};

static void
nothing(struct world *w)
{
	(void) w;
}

static void
source_blind(struct world *w)
{
	w->s.nodes[0].flags |= NODE_BLIND;
}

static void
source_stale(struct world *w)
{
	w->s.nodes[0].flags |= NODE_STALE;
}

static void
hardly_known(struct world *w)
{
	w->s.tasks[0].forecast.confidence = .1;
}

static void
half_known(struct world *w)
{
	w->s.tasks[0].forecast.confidence = .4;
}

static void
target_blind(struct world *w)
{
	w->s.nodes[1].flags |= NODE_BLIND;
}

static void
target_stale(struct world *w)
{
	w->s.nodes[1].flags |= NODE_STALE;
}

static void
target_full(struct world *w)
{
	w->s.tasks[2].forecast.cpu_cores.mean = .55; /* + .35 is above .85 */
}

/* The mean would do, mean + 1.28 sd would not. */
static void
target_restless(struct world *w)
{
	w->s.tasks[2].forecast.cpu_cores = (struct moments){.mean = .3, .var = .04};
}

static void
target_as_hot(struct world *w)
{
	w->s.tasks[1].forecast.cpu_cores.mean = w->s.tasks[1].forecast.cpu_now_cores = .05;
	w->s.tasks[2].forecast.cpu_cores.mean = w->s.tasks[2].forecast.cpu_now_cores = .3;
	w->s.nodes[0].cpu_cores = .4;
}

static void
memory_full(struct world *w)
{
	w->s.tasks[2].forecast.mem_bytes.mean = .9 * 4 * (double) WORLD_GIB - 1e6;
}

static void
memory_restless(struct world *w)
{
	w->s.tasks[2].forecast.mem_bytes = (struct moments){.mean = 1e9, .var = 9e18};
}

static void
relieves_nothing(struct world *w)
{
	w->s.tasks[0].forecast.cpu_cores.mean = .01;
}

/* Saturated by loops that nothing bounds; n2 has callers of its own. */
static void
held_beside_callers(struct world *w)
{
	w->demand[0] = w->demand[1] = INFINITY;
	w->s.services[0].traits &= ~(uint32_t) TRAIT_PORTS;
	world_step(w);
}

static void
held_alone(struct world *w)
{
	held_beside_callers(w);
	w->s.services[2].traits &= ~(uint32_t) TRAIT_PORTS;
}

static struct world *
passing_world(void)
{
	struct world *w = world_new();

	(void) world_node(w, "n1", 1);
	(void) world_node(w, "n2", 1);
	(void) world_service(w, "web", 0, .35, 0, true);
	(void) world_service(w, "more", 0, .55, 0, false);
	(void) world_service(w, "other", 1, .1, 0, true);
	for (int i = 0; i < 3; i++)
		world_step(w);
	return w;
}

static void
loads(void **state)
{
	static const struct change cases[] = {
	    {"passes", nothing, GOAL_RELIEF, VERDICT_OK},
	    {"passes", nothing, GOAL_IMPROVE, VERDICT_OK},
	    {"source blind", source_blind, GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN},
	    {"source stale", source_stale, GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN},
	    {"hardly known", hardly_known, GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN},
	    {"half known", half_known, GOAL_RELIEF, VERDICT_OK},
	    {"half known", half_known, GOAL_IMPROVE, VERDICT_SOURCE_UNKNOWN},
	    {"target blind", target_blind, GOAL_RELIEF, VERDICT_TARGET_BLIND},
	    {"target stale", target_stale, GOAL_IMPROVE, VERDICT_TARGET_BLIND},
	    {"target full", target_full, GOAL_RELIEF, VERDICT_OVERLOADS_TARGET},
	    {"target restless", target_restless, GOAL_RELIEF, VERDICT_OVERLOADS_TARGET},
	    {"target as hot", target_as_hot, GOAL_RELIEF, VERDICT_OVERLOADS_TARGET},
	    {"target as hot", target_as_hot, GOAL_IMPROVE, VERDICT_OVERLOADS_TARGET},
	    {"target as hot", target_as_hot, GOAL_DRAIN, VERDICT_OK},
	    {"memory full", memory_full, GOAL_RELIEF, VERDICT_MEM_OVERLOAD},
	    {"memory restless", memory_restless, GOAL_RELIEF, VERDICT_MEM_OVERLOAD},
	    {"relieves nothing", relieves_nothing, GOAL_RELIEF, VERDICT_MIN_GAIN},
	    {"held beside callers", held_beside_callers, GOAL_RELIEF, VERDICT_OVERLOADS_TARGET},
	    {"held alone", held_alone, GOAL_RELIEF, VERDICT_OK},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = passing_world();
		struct node_states *x;
		struct task_load load;
		struct guard_ask ask;
		enum verdict v;

		cases[i].make(w);
		x = node_states_new(&w->s, w->s.arena);
		node_states_carried(x, 0, 0, &load);
		ask = (struct guard_ask){&w->s, x->nodes, &load, 0, 1};
		v = guard_load(&ask, cases[i].goal);
		if (v != cases[i].verdict)
			fail_msg("%s (%s): %s, expected %s", cases[i].name,
			         goal_names[cases[i].goal], verdict_infos[v].name,
			         verdict_infos[cases[i].verdict].name);
		ask.to = 0;
		v = guard_load(&ask, cases[i].goal);
		assert_int_not_equal(v, VERDICT_OK);
		world_free(w);
	}
}

/* A source and a target of 2 and 4 cores, and what would move; numbers that binary holds exactly.
 */
struct limit_case {
	struct node_state nodes[2];
	struct task_load load;
};

static const struct limit_case bounds = {
    .nodes = {{.cores = 2, .known = true, .mean = 1.75, .now = 1.5, .line = .8},
              {.cores = 4,
               .known = true,
               .mean = 1,
               .now = 1.25,
               .line = .8,
               .mem_capacity_bytes = 1000}},
    .load = {.mean = .5, .now = .25, .n = 1, .confidence = .5},
};

static void
limits(void **state)
{
	/* member, value: what differs from bounds */
	static const struct {
		enum goal goal;
		enum verdict verdict;
		struct {
			size_t at;
			double value;
		} set[4];
	} cases[] = {
#define LOAD(m) offsetof(struct limit_case, load.m)
#define FROM(m) offsetof(struct limit_case, nodes[0].m)
#define TO(m)   offsetof(struct limit_case, nodes[1].m)
	    {GOAL_RELIEF, VERDICT_OK, {{LOAD(n), 1}}},
	    /* Half a task is as many as one may be short of by rounding. */
	    {GOAL_RELIEF, VERDICT_OK, {{LOAD(n), .5}}},
	    {GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN, {{LOAD(n), .25}}},
	    {GOAL_RELIEF, VERDICT_OK, {{LOAD(confidence), GUARD_CONFIDENCE_LEAST}}},
	    {GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN, {{LOAD(confidence), .19}}},
	    {GOAL_RELIEF, VERDICT_SOURCE_UNKNOWN, {{LOAD(confidence), NAN}}},
	    {GOAL_IMPROVE, VERDICT_OK, {{LOAD(confidence), GUARD_CONFIDENCE_IMPROVE}}},
	    {GOAL_IMPROVE, VERDICT_SOURCE_UNKNOWN, {{LOAD(confidence), .49}}},
	    {GOAL_DRAIN, VERDICT_SOURCE_UNKNOWN, {{LOAD(confidence), .49}}},
	    /* Of two cores a relief takes at least .04. */
	    {GOAL_RELIEF, VERDICT_OK, {{LOAD(mean), GUARD_RELIEF_LEAST * 2}}},
	    {GOAL_RELIEF, VERDICT_MIN_GAIN, {{LOAD(mean), .0399}}},
	    {GOAL_IMPROVE, VERDICT_OK, {{LOAD(mean), .0399}}},
	    /* The line of four cores is 3.2. */
	    {GOAL_DRAIN, VERDICT_OK, {{TO(mean), 2.7}}},
	    {GOAL_DRAIN, VERDICT_OVERLOADS_TARGET, {{TO(mean), 2.701}}},
	    {GOAL_DRAIN, VERDICT_OK, {{TO(mean), 2.68}, {TO(var), .0001}}},
	    {GOAL_DRAIN, VERDICT_OVERLOADS_TARGET, {{TO(mean), 2.69}, {TO(var), .0001}}},
	    {GOAL_DRAIN, VERDICT_OVERLOADS_TARGET, {{TO(mean), 2.69}, {LOAD(var), .0001}}},
	    {GOAL_DRAIN,
	     VERDICT_OVERLOADS_TARGET,
	     {{TO(mean), 2.683}, {TO(var), .0001}, {LOAD(var), .0001}}},
	    /* The source is at 1.75 of 2: as hot would be 3.5 of 4, by the mean or by now. */
	    {GOAL_IMPROVE, VERDICT_OK, {{TO(now), 2.999}}},
	    {GOAL_IMPROVE, VERDICT_OVERLOADS_TARGET, {{TO(now), 3}}},
	    {GOAL_IMPROVE, VERDICT_OK, {{TO(now), 2.5}, {LOAD(now), .999}}},
	    {GOAL_IMPROVE, VERDICT_OVERLOADS_TARGET, {{TO(now), 2.5}, {LOAD(now), 1}}},
	    {GOAL_IMPROVE, VERDICT_OVERLOADS_TARGET, {{TO(mean), 2.5}, {LOAD(now), 1}}},
	    {GOAL_IMPROVE, VERDICT_OK, {{TO(mean), 2.5}, {TO(now), 2}, {LOAD(now), .999}}},
	    {GOAL_DRAIN, VERDICT_OK, {{TO(now), 3}}},
	    /* Nine tenths of 1,000 bytes. */
	    {GOAL_IMPROVE, VERDICT_OK, {{TO(mem_bytes), 400}, {LOAD(mem_bytes), 500}}},
	    {GOAL_IMPROVE, VERDICT_MEM_OVERLOAD, {{TO(mem_bytes), 401}, {LOAD(mem_bytes), 500}}},
	    {GOAL_IMPROVE,
	     VERDICT_OK,
	     {{TO(mem_bytes), 386}, {LOAD(mem_bytes), 500}, {TO(mem_var_bytes2), 100}}},
	    {GOAL_IMPROVE,
	     VERDICT_MEM_OVERLOAD,
	     {{TO(mem_bytes), 388}, {LOAD(mem_bytes), 500}, {LOAD(mem_var_bytes2), 100}}},
	    {GOAL_IMPROVE,
	     VERDICT_MEM_OVERLOAD,
	     {{TO(mem_bytes), 386},
	      {LOAD(mem_bytes), 500},
	      {LOAD(mem_var_bytes2), 100},
	      {TO(mem_var_bytes2), 100}}},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct limit_case b = bounds;
		struct guard_ask ask = {.nodes = b.nodes, .load = &b.load, .from = 0, .to = 1};
		enum verdict v;

		for (size_t k = 0; k < ARRAY_SIZE(cases[i].set); k++)
			if (cases[i].set[k].at != 0)
				memcpy((char *) &b + cases[i].set[k].at, &cases[i].set[k].value,
				       sizeof(double));
		v = guard_load(&ask, cases[i].goal);
		if (v != cases[i].verdict)
			fail_msg("case %zu: %s, expected %s", i, verdict_infos[v].name,
			         verdict_infos[cases[i].verdict].name);
	}
}

/* What is held back goes only where nobody calls, and to a share that is no smaller. */
static void
held_shares(void **state)
{
	static const struct {
		double n_called, mean, held_cores, n_held, load_mean, load_n;
		enum verdict verdict;
	} cases[] = {
	    /* Four cores, one used by others: three for two held and the one that comes. */
	    {0, 2, 1, 2, 1, 1, VERDICT_OK},
	    {0, 2, 1, 2, 1.001, 1, VERDICT_OVERLOADS_TARGET},
	    {0, 2, 1, 1, 3, 2, VERDICT_OVERLOADS_TARGET}, /* two come: one core each, 1.5 now */
	    {0, 2, 1, 1, 2, 2, VERDICT_OK},
	    {.25, 2, 1, 2, 1, 1, VERDICT_OK},
	    {.5, 2, 1, 2, 1, 1, VERDICT_OVERLOADS_TARGET},
	    {1, 2, 1, 2, 1, 1, VERDICT_OVERLOADS_TARGET},
	    /* Held tasks seem to use more than there is: all is theirs, but no more than all. */
	    {0, 1, 3, 3, 1, 1, VERDICT_OK},
	    {0, 1, 3, 3, 1.001, 1, VERDICT_OVERLOADS_TARGET},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct limit_case b = bounds;
		struct guard_ask ask = {.nodes = b.nodes, .load = &b.load, .from = 0, .to = 1};
		enum verdict v;

		b.load = (struct task_load){.mean = cases[i].load_mean,
		                            .var = 1e6, /* no forecast worth the name */
		                            .n = cases[i].load_n,
		                            .confidence = 1,
		                            .held = true};
		b.nodes[1].mean = cases[i].mean;
		b.nodes[1].n_called = cases[i].n_called;
		b.nodes[1].n_held = cases[i].n_held;
		b.nodes[1].held_cores = cases[i].held_cores;
		v = guard_load(&ask, GOAL_DRAIN);
		if (v != cases[i].verdict)
			fail_msg("case %zu: %s", i, verdict_infos[v].name);
	}
}

static void
need_must_have_lasted(void **state)
{
	static const struct {
		enum goal goal;
		int64_t hot_ms, running_ms;
		double gain_slow;
		enum verdict verdict;
	} cases[] = {
	    {GOAL_RELIEF, 30000, 0, -1, VERDICT_OK},
	    {GOAL_RELIEF, 29999, 99999, 1, VERDICT_NOT_SUSTAINED},
	    {GOAL_RELIEF, 0, 99999, 1, VERDICT_NOT_SUSTAINED},
	    {GOAL_IMPROVE, 0, 30000, .1, VERDICT_OK},
	    {GOAL_IMPROVE, 0, 29999, .1, VERDICT_NOT_SUSTAINED},
	    {GOAL_IMPROVE, 0, 30000, 0, VERDICT_NOT_SUSTAINED},
	    {GOAL_IMPROVE, 0, 30000, NAN, VERDICT_NOT_SUSTAINED},
	    {GOAL_IMPROVE, 1, 30000, 1, VERDICT_NOT_SUSTAINED},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = passing_world();
		struct task_load load = {.running_ms = cases[i].running_ms};
		struct guard_ask ask = {.snapshot = &w->s, .load = &load, .from = 0, .to = 1};

		w->s.nodes[0].hot_ms = cases[i].hot_ms;
		assert_int_equal(guard_sustained(&ask, cases[i].goal, cases[i].gain_slow),
		                 cases[i].verdict);
		world_free(w);
	}
}

/* sustain = 0 means at once, not that a cool node is hot. */
static void
hot_is_measured(void **state)
{
	struct world *w = passing_world();

	(void) state;
	w->s.bounds.sustain_ms = 0;
	w->s.nodes[0].hot_ms = 0;
	assert_false(guard_is_hot(&w->s, 0));
	w->s.nodes[0].hot_ms = 1;
	assert_true(guard_is_hot(&w->s, 0));
	w->s.nodes[0].flags |= NODE_BLIND;
	assert_false(guard_is_hot(&w->s, 0));
	world_free(w);
}

static void
partial(struct world *w)
{
	w->s.partial = true;
}

static void
cold(struct world *w)
{
	w->s.allow.warm = false;
}

static void
in_flight(struct world *w)
{
	w->s.allow.in_flight = true;
}

static void
no_budget(struct world *w)
{
	w->s.allow.budget_left = 0;
}

static void
no_action(struct world *w)
{
	w->s.allow.actions = 0;
}

static void
cooling(struct world *w)
{
	w->s.services[0].cooldown_ms = w->s.services[1].cooldown_ms = 5;
}

static void
deployed(struct world *w)
{
	w->s.services[0].foreign_ms = w->s.services[1].foreign_ms = 500;
}

static void
unsettled(struct world *w)
{
	w->s.nodes[1].flags |= NODE_UNSETTLED;
}

/* The decision stays, names the verdict, and shows what it would have done. */
static void
decisions_obey(void **state)
{
	static const struct change cases[] = {
	    {"partial", partial, GOAL_NONE, VERDICT_PARTIAL},
	    {"warm-up", cold, GOAL_NONE, VERDICT_WARM_UP},
	    {"in flight", in_flight, GOAL_NONE, VERDICT_IN_FLIGHT},
	    {"budget", no_budget, GOAL_NONE, VERDICT_BUDGET},
	    {"actions", no_action, GOAL_NONE, VERDICT_BUDGET},
	    {"cooldown", cooling, GOAL_NONE, VERDICT_COOLDOWN},
	    {"deploy-quiet", deployed, GOAL_NONE, VERDICT_DEPLOY_QUIET},
	    {"unsettled", unsettled, GOAL_NONE, VERDICT_TARGET_UNSETTLED},
	    {"blind", source_blind, GOAL_NONE, VERDICT_SOURCE_UNKNOWN},
	    {"blind", target_blind, GOAL_NONE, VERDICT_TARGET_BLIND},
	    {"passes", nothing, GOAL_RELIEF, VERDICT_OK},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = passing_world();
		struct policy_options o;
		struct policy *p = NULL;
		struct decision d = {0};
		struct rng rng;

		policy_options_init(&o);
		o.explore = false;
		assert_int_equal(policy_new(&o, &p, NULL), 0);
		rng_seed(&rng, 1);
		w->s.nodes[0].hot_ms = 60000;
		cases[i].make(w);
		policy_decide(&w->s, p, &rng, &d);
		assert_int_equal(d.goal, cases[i].goal);
		assert_int_equal(d.chosen != 0, cases[i].verdict == VERDICT_OK);
		if (cases[i].verdict != VERDICT_OK && d.n_refused[cases[i].verdict] == 0)
			fail_msg("%s: %s", cases[i].name, d.reason);
		assert_true(d.n_shortlist > 1);
		policy_decision_done(&d);
		policy_free(p);
		world_free(w);
	}
}

static void
suspended_means_stay(void **state)
{
	struct world *w = passing_world();

	(void) state;
	assert_int_equal(guard_moment(&w->s, true), VERDICT_FALLBACK);
	assert_int_equal(guard_moment(&w->s, false), VERDICT_OK);
	world_free(w);
}

/* What forbids any move now, the first of them told. */
static void
moments(void **state)
{
	static const enum verdict in_turn[] = {VERDICT_PARTIAL,   VERDICT_FALLBACK, VERDICT_WARM_UP,
	                                       VERDICT_IN_FLIGHT, VERDICT_BUDGET,   VERDICT_OK};
	struct world *w = passing_world();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(in_turn); i++) {
		w->s.partial = i < 1;
		w->s.allow.warm = i >= 3;
		w->s.allow.in_flight = i < 4;
		w->s.allow.budget_left = i < 5 ? 0 : 1;
		w->s.allow.actions = 1;
		assert_int_equal(guard_moment(&w->s, i < 2), in_turn[i]);
	}
	w->s.allow.actions = 0;
	assert_int_equal(guard_moment(&w->s, false), VERDICT_BUDGET);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loads),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(held_shares),
	    cmocka_unit_test(need_must_have_lasted),
	    cmocka_unit_test(hot_is_measured),
	    cmocka_unit_test(decisions_obey),
	    cmocka_unit_test(suspended_means_stay),
	    cmocka_unit_test(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
