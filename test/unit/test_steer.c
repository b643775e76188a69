/* Steering terms: the cases by hand, and all of random small Swarms against brute force. */
#include "swarm/steer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/rng.h"
#include "test/unit/swarm_world.h"

#define assert_verdict(got, want)                                                                  \
	assert_string_equal(verdict_infos[got].name, verdict_infos[VERDICT_##want].name)

static void
set_constraints(struct world *w, struct arena *a, const char *const *texts, size_t n)
{
	w->services[0].constraints = constraint_parse_list(a, texts, n, NULL, 0);
	w->services[0].n_constraints = n;
}

/*
 * One copy on node 0; node 1 is the emptiest, by all that we can see. The target is named all the
 * same: a hand-made container on an overlay network is a task to Swarm and not in its list of
 * tasks.
 */
static void
test_names_the_target(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st;

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	w.nodes[2].n_tasks = 1;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, 1);
	assert_int_equal(st.n_copies, 1);
	assert_string_equal(st.terms[0], "node.id==n01");
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), OK);
}

/* A tie counts as not first; the single copy may be pinned for the time of the move. */
static void
test_pin_when_shorter(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st;

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, 1);
	assert_string_equal(st.terms[0], "node.id==n01");
	/* A pin would also bring the copies of other nodes along: there it needs the longer form.
	 */
	world_init(&w, 5);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 4);
	w.nodes[1].n_tasks = 1;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, 3);
	assert_string_equal(st.terms[0], "node.id!=n00");
	assert_string_equal(st.terms[1], "node.id!=n02");
	assert_string_equal(st.terms[2], "node.id!=n03");
}

/* Two copies on node 0, a third on node 2: the second landing would prefer or tie node 2. */
static void
test_not_first(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st = {.n_terms = 77};

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 0);
	(void) world_task(&w, 2);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), NOT_FIRST);
	assert_int_equal(st.n_terms, 77);
	/* With node 2 busier than the target ever gets, the second landing is certain again. */
	w.nodes[2].n_tasks = 3;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_copies, 2);
	assert_int_equal(st.n_terms, 1);
}

static void
test_others_would_move(void **state)
{
	static const char *const texts[] = {"node.labels.zone==a"};
	static const struct label zone = {"zone", "a"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 2);
	set_constraints(&w, a, texts, 1);
	for (size_t i = 0; i < 3; i++) {
		w.nodes[i].attrs.labels = &zone;
		w.nodes[i].attrs.n_labels = 1;
	}
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), OK);
	w.nodes[2].attrs.n_labels = 0; /* taken away since: its copy is not clean any more */
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), OTHERS_MOVE);
	w.nodes[1].attrs.n_labels = 0;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), CONSTRAINT);
}

/*
 * Terms of ours from before do not count, neither for copies on other nodes nor for nodes that
 * could be preferred: the steering takes them away.
 */
static void
test_ours_of_others_do_not_bind(void **state)
{
	static const char *const texts[] = {"node.id!=n02", "node.id!=n04"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st;

	(void) state;
	world_init(&w, 5);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 4);
	set_constraints(&w, a, texts, 2);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OTHERS_MOVE);
	w.services[0].constraints[0].ours = w.services[0].constraints[1].ours = true;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, 3);
	assert_string_equal(st.terms[0], "node.id!=n00");
	assert_string_equal(st.terms[1], "node.id!=n02");
	assert_string_equal(st.terms[2], "node.id!=n03");
}

/* There is a term also where the owner excludes the source already: without it nothing changes. */
static void
test_source_excluded_by_owner(void **state)
{
	static const char *const texts[] = {"node.hostname!=n00"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st;

	(void) state;
	world_init(&w, 2);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	set_constraints(&w, a, texts, 1);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, 1);
	assert_string_equal(st.terms[0], "node.id==n01");
}

/* Our own deny-list of an earlier move does not bind a new one: the steering replaces it. */
static void
test_ours_do_not_bind(void **state)
{
	static const char *const texts[] = {"node.id!=n01"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;

	(void) state;
	world_init(&w, 2);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	set_constraints(&w, a, texts, 1);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), CONSTRAINT);
	w.services[0].constraints[0].ours = true;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), OK);
}

static void
test_refusals(void **state)
{
	struct world w;

	(void) state;
	world_init(&w, 3);
	world_service(&w, "web")->max_replicas = 1;
	(void) world_task(&w, 0);
	(void) world_task(&w, 0);
	assert_verdict(steer_plan(&w.s, 0, 0, 0, NULL, NULL), SAME_NODE);
	assert_verdict(steer_plan(&w.s, 0, 2, 1, NULL, NULL), NO_COPY_ON_SOURCE);
	/* The second of two copies does not fit any more. */
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), MAX_REPLICAS);
	w.services[0].max_replicas = 2;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), OK);
	w.services[0].reserve.cpu_nano = 2000000001;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, NULL, NULL), CPU_RESERVATION);
}

static void
test_too_many_terms(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct steer st;

	(void) state;
	world_init(&w, STEER_TERMS + 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 2); /* keeps the pin away */
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), TOO_MANY_TERMS);
	w.nodes[3].flags = 0;
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_int_equal(st.n_terms, STEER_TERMS);
	world_init(&w, STEER_TERMS + 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	assert_verdict(steer_plan(&w.s, 0, 0, 1, a, &st), OK);
	assert_string_equal(st.terms[0], "node.id==n01");
}

/*
 * What Swarm would do with these terms: exactly the copies on from are replaced and all of them
 * land on to for certain.
 */
static bool
works(struct world *w, struct arena *a, const char *const *owner, size_t n_owner,
      const char *const *terms, size_t n, uint32_t from, uint32_t to)
{
	const char *texts[16];
	struct order_landing l[8];
	struct order_ask ask = {.snapshot = &w->s, .view = FILTER_SPEC};
	struct snap_service *v = &w->services[0];
	size_t k = 0;

	memcpy(texts, owner, n_owner * sizeof(*owner));
	memcpy(texts + n_owner, terms, n * sizeof(*terms));
	set_constraints(w, a, texts, n_owner + n);
	for (uint32_t i = 0; i < v->n_tasks; i++) {
		uint32_t node = w->tasks[i].node;
		bool stays =
		    constraint_match_all(v->constraints, v->n_constraints, &w->nodes[node], false);

		k += node == from;
		if (stays == (node == from))
			return false;
	}
	if (order_land(&ask, k, l) != k)
		return false;
	while (k > 0) {
		if (l[--k].node != to)
			return false;
	}
	return true;
}

/* The fewest terms that work, by trying them all; SIZE_MAX: none do. */
static size_t
fewest(struct world *w, struct arena *a, const char *const *owner, size_t n_owner, uint32_t from,
       uint32_t to)
{
	const char *pin = constraint_term(a, true, w->ids[to]);
	size_t best = works(w, a, owner, n_owner, &pin, 1, from, to) ? 1 : SIZE_MAX;

	for (uint32_t mask = 0; mask < 1u << w->s.n_nodes; mask++) {
		const char *terms[8];
		size_t n = 0;

		for (uint32_t i = 0; i < w->s.n_nodes; i++) {
			if ((mask & 1u << i) != 0)
				terms[n++] = constraint_term(a, false, w->ids[i]);
		}
		/* The source always has its term; see test_source_excluded_by_owner. */
		if ((mask & 1u << from) != 0 && n < best &&
		    works(w, a, owner, n_owner, terms, n, from, to))
			best = n;
	}
	return best;
}

static void
random_world(struct world *w, struct rng *rng)
{
	static const struct label zone = {"zone", "a"};
	struct snap_service *v;

	world_init(w, 2 + rng_below(rng, 4));
	v = world_service(w, "web");
	v->max_replicas = rng_below(rng, 4);
	v->reserve.cpu_nano = (int64_t) rng_below(rng, 3) * 1000000000;
	for (size_t i = 1 + rng_below(rng, 4); i > 0; i--)
		(void) world_task(w, (uint32_t) rng_below(rng, w->s.n_nodes));
	for (size_t i = 0; i < w->s.n_nodes; i++) {
		w->nodes[i].n_tasks += (uint32_t) rng_below(rng, 4);
		w->nodes[i].reserved.cpu_nano += (int64_t) rng_below(rng, 4) * 1000000000;
		w->nodes[i].attrs.labels = &zone;
		w->nodes[i].attrs.n_labels = rng_below(rng, 8) > 0;
		if (rng_below(rng, 8) == 0)
			w->nodes[i].flags = NODE_READY;
	}
}

static void
test_brute_force(void **state)
{
	static const char *const owner[] = {"node.labels.zone==a"};
	struct rng rng;
	size_t n_ok = 0, n_refused = 0, n_long = 0;

	(void) state;
	rng_seed(&rng, 42);
	for (size_t round = 0; round < 300; round++) {
		_cleanup_(arena_freep) struct arena *a = arena_new();
		struct world w;
		uint32_t from, to;
		struct steer st;
		enum verdict verdict;
		size_t least;

		random_world(&w, &rng);
		from = w.tasks[0].node;
		to = (uint32_t) rng_below(&rng, w.s.n_nodes);
		set_constraints(&w, a, owner, 1);
		if (from == to)
			continue;
		verdict = steer_plan(&w.s, 0, from, to, a, &st);
		least = fewest(&w, a, owner, 1, from, to);
		if (verdict != VERDICT_OK) {
			if (least != SIZE_MAX)
				fail_msg("round %zu: %s, but %zu terms do it", round,
				         verdict_infos[verdict].name, least);
			n_refused++;
			continue;
		}
		if (!works(&w, a, owner, 1, st.terms, st.n_terms, from, to))
			fail_msg("round %zu: the plan does not work", round);
		assert_int_equal(st.n_terms, least);
		n_ok++;
		n_long += st.n_terms > 1;
	}
	/* The rounds are of use only if they meet all of it. */
	assert_true(n_ok > 40);
	assert_true(n_refused > 40);
	assert_true(n_long > 5);
}

static void
test_block(void **state)
{
	static const char *const texts[] = {"node.role==worker", "node.id!=n02"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const char *const *list;
	struct world w;

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	assert_int_equal(steer_block(&w.s, 0, 1, a, &list), 1);
	assert_string_equal(list[0], "node.id!=n01");
	set_constraints(&w, a, texts, 2);
	assert_int_equal(steer_block(&w.s, 0, 1, a, &list), 3);
	assert_string_equal(list[0], "node.role==worker");
	assert_string_equal(list[1], "node.id!=n02");
	assert_string_equal(list[2], "node.id!=n01");
	assert_int_equal(steer_block(&w.s, 0, 2, a, &list), 2);
}

static void
test_hold(void **state)
{
	static const double cost[] = {90, 10, 50, NAN, 70, 70, 20, 60};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const char *const *list;
	struct world w;

	(void) state;
	world_init(&w, 8);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0); /* the dearest hosts it: never denied */
	/* 8 feasible, 7 after a failure, 3 must stay: 4 may go. */
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 4);
	assert_string_equal(list[0], "node.id!=n04"); /* equal cost: by index */
	assert_string_equal(list[1], "node.id!=n05");
	assert_string_equal(list[2], "node.id!=n07");
	assert_string_equal(list[3], "node.id!=n02");
	assert_int_equal(steer_hold(&w.s, 0, cost, 55, a, &list), 3);
	assert_int_equal(steer_hold(&w.s, 0, cost, 70, a, &list), 0);
	/* More replicas ask for more nodes: 5 + 1 and one to lose. */
	w.services[0].replicas = 5;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 1);
	w.services[0].replicas = 6;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 0);
	w.services[0].replicas = UINT64_MAX;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 0);
	w.services[0].replicas = 7;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 0);
	w.services[0].replicas = 9;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 0);
	/* A node that is full has no place for another copy and is no reserve, one that has one is.
	 */
	w.services[0].replicas = 1;
	w.services[0].max_replicas = 1;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 4);
	/* A node that is down is no reserve. */
	w.nodes[1].flags = 0;
	w.nodes[6].flags = 0;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 2);
}

/* What is held already is asked anew: our own terms do not count. */
static void
test_hold_again(void **state)
{
	static const char *const texts[] = {"node.id!=n04"};
	static const double cost[] = {0, 1, 2, 3, 4, 5};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const char *const *list;
	struct world w;

	(void) state;
	world_init(&w, 6);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	set_constraints(&w, a, texts, 1);
	w.services[0].constraints[0].ours = true;
	/* Two may go, and the two dearest are in the wrong order by index. */
	assert_int_equal(steer_hold(&w.s, 0, cost, 3.5, a, &list), 2);
	assert_string_equal(list[0], "node.id!=n05");
	assert_string_equal(list[1], "node.id!=n04");
	w.services[0].constraints[0].ours =
	    false; /* the owner's own: not feasible, one less to spare */
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), 1);
	assert_string_equal(list[0], "node.id!=n05");
}

/* Where one node or none would do, nothing is denied. */
static void
test_hold_of_few_nodes(void **state)
{
	static const double cost[] = {9, 9, 9, 9, 9};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const char *const *list;

	(void) state;
	for (size_t n = 1; n <= 5; n++) {
		struct world w;

		world_init(&w, n);
		(void) world_service(&w, "web"); /* no task of it runs anywhere */
		assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), n == 5);
	}
}

static void
test_hold_is_bounded(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	double cost[40];
	const char *const *list;
	struct world w;

	(void) state;
	world_init(&w, 40);
	(void) world_service(&w, "web");
	(void) world_task(&w, 39);
	for (size_t i = 0; i < 40; i++)
		cost[i] = (double) i;
	assert_int_equal(steer_hold(&w.s, 0, cost, 0, a, &list), STEER_HOLD_TERMS);
	assert_string_equal(list[0], "node.id!=n38");
	assert_string_equal(list[STEER_HOLD_TERMS - 1], "node.id!=n31");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_the_target),
	    cmocka_unit_test(test_pin_when_shorter),
	    cmocka_unit_test(test_not_first),
	    cmocka_unit_test(test_others_would_move),
	    cmocka_unit_test(test_source_excluded_by_owner),
	    cmocka_unit_test(test_ours_do_not_bind),
	    cmocka_unit_test(test_ours_of_others_do_not_bind),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_too_many_terms),
	    cmocka_unit_test(test_brute_force),
	    cmocka_unit_test(test_block),
	    cmocka_unit_test(test_hold),
	    cmocka_unit_test(test_hold_again),
	    cmocka_unit_test(test_hold_of_few_nodes),
	    cmocka_unit_test(test_hold_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
