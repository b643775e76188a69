/* The controls: spread by count, and probabilistic best fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/policy_world.h"

static void
decide(struct world *w, const char *algorithm, struct decision *d)
{
	struct policy_options o;
	struct policy *p = NULL;
	struct rng rng;

	policy_options_init(&o);
	o.algorithm = algorithm;
	assert_int_equal(policy_new(&o, &p, NULL), 0);
	assert_string_equal(policy_algorithm(p), algorithm);
	rng_seed(&rng, 1);
	*d = (struct decision){.id = 9};
	policy_decide(&w->s, p, &rng, d);
	assert_int_equal(d->id, 9);
	assert_string_equal(d->algorithm, algorithm);
	policy_free(p);
}

static const struct action *
chosen(const struct decision *d)
{
	return &d->shortlist[d->chosen].action;
}

/* counts[i] small services on node i. */
static struct world *
counted(const int *counts, size_t n)
{
	struct world *w = world_new();

	for (size_t i = 0; i < n; i++) {
		(void) world_node(w, "node", 4);
		for (int k = 0; k < counts[i]; k++)
			(void) world_service(w, "s", (uint32_t) i, .05, 0, true);
	}
	world_step(w);
	return w;
}

static void
spread_table(void **state)
{
	static const struct {
		int counts[3];
		int from, to; /* −1: stays */
	} cases[] = {
	    {{5, 1, 0}, 0, 2},   {{1, 5, 3}, 1, 0}, {{2, 1, 1}, -1, -1}, {{2, 0, 1}, 0, 1},
	    {{1, 1, 1}, -1, -1}, {{3, 3, 0}, 0, 2}, {{0, 0, 0}, -1, -1},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w = counted(cases[i].counts, 3);
		struct decision d;

		decide(w, "spread", &d);
		if (cases[i].from < 0) {
			assert_int_equal(chosen(&d)->kind, ACTION_STAY);
		} else {
			assert_int_equal(chosen(&d)->from, cases[i].from);
			assert_int_equal(chosen(&d)->to, cases[i].to);
			assert_int_equal(d.goal, GOAL_IMPROVE);
		}
		policy_decision_done(&d);
		world_free(w);
	}
}

static void
spread_takes_the_youngest(void **state)
{
	static const int counts[] = {4, 0};
	struct world *w = counted(counts, 2);
	struct decision d;

	(void) state;
	w->s.tasks[2].running_ms = 50000;
	decide(w, "spread", &d);
	assert_int_equal(chosen(&d)->service, 2);
	policy_decision_done(&d);
	/* The next one, when it may not move. */
	w->s.services[2].traits |= TRAIT_PINNED;
	decide(w, "spread", &d);
	assert_int_equal(chosen(&d)->service, 0);
	assert_int_equal(d.n_refused[VERDICT_PINNED], 1);
	assert_int_equal(d.shortlist[d.n_shortlist - 1].verdict, VERDICT_PINNED);
	policy_decision_done(&d);
	w->s.allow.in_flight = true;
	decide(w, "spread", &d);
	assert_int_equal(d.chosen, 0);
	assert_int_equal(d.n_refused[VERDICT_IN_FLIGHT], 3);
	policy_decision_done(&d);
	world_free(w);
}

static void
spread_comes_to_rest(void **state)
{
	static const int counts[] = {9, 4, 0};
	struct world *w = counted(counts, 3);
	int moves = 0;

	(void) state;
	for (int i = 0; i < 30; i++) {
		struct decision d;

		decide(w, "spread", &d);
		moves += world_apply(w, &d);
		policy_decision_done(&d);
		world_step(w);
	}
	assert_int_equal(moves, 4);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(w->s.nodes[i].n_tasks, 4, 5);
	world_free(w);
}

/* Load means nothing to spread: it moves an idle task off an idle node. */
static void
spread_knows_no_load(void **state)
{
	struct world *w = world_new();
	struct decision d;

	(void) state;
	(void) world_node(w, "n1", 1);
	(void) world_node(w, "n2", 1);
	(void) world_service(w, "hog", 1, .84, 0, true);
	for (int i = 0; i < 4; i++)
		(void) world_service(w, "s", 0, .01, 0, true);
	world_step(w);
	decide(w, "spread", &d);
	assert_int_equal(chosen(&d)->to, 1);
	policy_decision_done(&d);
	world_free(w);
}

static struct world *
overloaded(void)
{
	struct world *w = world_new();

	for (int i = 0; i < 3; i++)
		(void) world_node(w, "node", 2);
	(void) world_service(w, "big", 0, 1.2, 1.2, true);
	(void) world_service(w, "small", 0, .3, .3, true);
	(void) world_service(w, "middle", 0, .6, .6, true);
	(void) world_service(w, "there", 1, .5, .5, true);
	(void) world_service(w, "little", 2, .1, .1, true);
	for (int i = 0; i < 4; i++)
		world_step(w);
	return w;
}

static void
pbf_relieves_by_best_fit(void **state)
{
	struct world *w = overloaded();
	struct decision d;

	(void) state;
	decide(w, "pbf", &d);
	assert_int_equal(d.goal, GOAL_RELIEF);
	assert_int_equal(d.goal_node, 0);
	/* The smallest that cures, onto the fuller of the two that hold it. */
	assert_int_equal(chosen(&d)->service, 1);
	assert_int_equal(chosen(&d)->to, 1);
	policy_decision_done(&d);
	w->s.allow.budget_left = 0;
	decide(w, "pbf", &d);
	assert_int_equal(d.chosen, 0);
	assert_true(d.n_refused[VERDICT_BUDGET] > 0);
	assert_non_null(strstr(d.reason, "no move passes"));
	policy_decision_done(&d);
	world_free(w);
}

static void
pbf_drains_where_nodes_may_sleep(void **state)
{
	(void) state;
	for (uint32_t sleep = 0; sleep < 2; sleep++) {
		struct world *w = world_new();
		struct decision d;

		for (int i = 0; i < 3; i++) {
			(void) world_node(w, "node", 2);
			w->s.nodes[i].flags |= sleep ? NODE_MAY_SLEEP : 0u;
		}
		(void) world_service(w, "a", 0, 1.0, 0, true);
		(void) world_service(w, "b", 1, .5, 0, true);
		(void) world_service(w, "c", 2, .1, 0, true);
		world_step(w);
		decide(w, "pbf", &d);
		if (sleep) {
			assert_int_equal(d.goal, GOAL_DRAIN);
			assert_int_equal(chosen(&d)->service, 2);
			assert_int_equal(chosen(&d)->to, 0); /* the fullest that holds it */
		} else {
			assert_int_equal(d.chosen, 0);
		}
		policy_decision_done(&d);
		world_free(w);
	}
}

static bool
never(void *data, const struct policy_qvalue *q)
{
	(void) data;
	fail_msg("service %u", q->service);
	return false;
}

static void
baselines_have_no_q(void **state)
{
	struct world *w = overloaded();
	struct policy_options o;
	struct policy *p = NULL;
	_cleanup_(freep) char *text = NULL;

	(void) state;
	policy_options_init(&o);
	o.algorithm = "pbf";
	assert_int_equal(policy_new(&o, &p, NULL), 0);
	policy_qvalues(&w->s, p, never, NULL);
	text = policy_save(p);
	assert_non_null(strstr(text, "\"algorithm\":\"pbf\""));
	assert_int_equal(policy_load(p, "x", text, NULL), 0);
	policy_free(p);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spread_table),
	    cmocka_unit_test(spread_takes_the_youngest),
	    cmocka_unit_test(spread_comes_to_rest),
	    cmocka_unit_test(spread_knows_no_load),
	    cmocka_unit_test(pbf_relieves_by_best_fit),
	    cmocka_unit_test(pbf_drains_where_nodes_may_sleep),
	    cmocka_unit_test(baselines_have_no_q),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
