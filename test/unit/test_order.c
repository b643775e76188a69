/* The scheduler's order: who is first, ties, and landings one after another. */
#include "swarm/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/rng.h"
#include "test/unit/swarm_world.h"

static struct order_ask
ask_of(const struct world *w)
{
	return (struct order_ask){.snapshot = &w->s, .view = FILTER_SPEC};
}

static void
test_counts(void **state)
{
	struct world w;
	uint32_t counts[3] = {9, 9, 9};

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, 2);
	(void) world_task(&w, 0);
	(void) world_task(&w, 2);
	world_task(&w, 1)->desired = TASK_SHUTDOWN;
	world_task(&w, 1)->node = NO_INDEX;
	order_counts(&w.s, 0, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 0);
	assert_int_equal(counts[2], 2);
}

static const struct {
	uint32_t n_tasks[4], copies[4]; /* per node: all active tasks, those of the service */
	uint32_t down;                  /* bit mask */
	uint32_t best;                  /* bit mask */
} bests[] = {
    {{0, 0, 0, 0}, {0, 0, 0, 0}, 0x0, 0xf},
    {{1, 0, 2, 3}, {0, 0, 0, 0}, 0x0, 0x2},
    {{1, 0, 0, 3}, {0, 0, 0, 0}, 0x0, 0x6},
    {{1, 9, 1, 1}, {1, 0, 1, 1}, 0x0, 0x2}, /* copies first, however many others there are */
    {{5, 4, 3, 2}, {1, 1, 1, 1}, 0x0, 0x8},
    {{5, 4, 3, 2}, {1, 1, 1, 1}, 0x8, 0x4},
    {{3, 3, 3, 3}, {2, 1, 1, 2}, 0x2, 0x4},
    {{0, 0, 0, 0}, {0, 0, 0, 0}, 0xf, 0x0},
};

static void
world_of(struct world *w, size_t i)
{
	world_init(w, 4);
	(void) world_service(w, "web");
	for (uint32_t n = 0; n < 4; n++) {
		for (uint32_t k = 0; k < bests[i].copies[n]; k++)
			(void) world_task(w, n);
		w->nodes[n].n_tasks = bests[i].n_tasks[n];
		if ((bests[i].down & 1u << n) != 0)
			w->nodes[n].flags = NODE_ACTIVE;
	}
}

static void
test_best(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bests); i++) {
		struct world w;
		struct order_ask ask;
		uint32_t nodes[4], mask = 0;
		size_t n;

		world_of(&w, i);
		ask = ask_of(&w);
		n = order_best(&ask, nodes);
		for (size_t k = 0; k < n; k++) {
			mask |= 1u << nodes[k];
			assert_true(k == 0 || nodes[k - 1] < nodes[k]);
		}
		assert_int_equal(mask, bests[i].best);
		assert_int_equal(n, __builtin_popcount(bests[i].best));
		for (uint32_t k = 0; k < 4; k++)
			assert_int_equal(order_strictly_first(&ask, k), bests[i].best == 1u << k);
	}
}

static void
test_excluded_and_extra(void **state)
{
	const bool excluded[3] = {true, false, false};
	const uint32_t extra[3] = {0, 1, 0};
	struct world w;
	struct order_ask ask;

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	w.nodes[1].n_tasks = 1;
	w.nodes[2].n_tasks = 2;
	ask = ask_of(&w);
	assert_true(order_strictly_first(&ask, 0));
	ask.excluded = excluded;
	assert_false(order_strictly_first(&ask, 0));
	assert_true(order_strictly_first(&ask, 1));
	ask.extra = extra;
	assert_true(order_strictly_first(&ask, 2));
	/* An extra task counts among all tasks, too: 2 and 2 with a copy each is a tie. */
	ask.extra = (const uint32_t[3]){0, 1, 1};
	assert_true(order_strictly_first(&ask, 1));
	ask.extra = (const uint32_t[3]){0, 2, 2};
	w.nodes[1].n_tasks = 2;
	assert_false(order_strictly_first(&ask, 1));
	assert_false(order_strictly_first(&ask, 2));
}

static void
test_land(void **state)
{
	struct world w;
	struct order_ask ask;
	struct order_landing l[5];

	(void) state;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	w.nodes[0].n_tasks = 5;
	w.nodes[1].n_tasks = 3;
	w.nodes[2].n_tasks = 7;
	ask = ask_of(&w);
	/* Emptiest first, then one copy each, then again; with (5+1, 3+1, 7+1) node 1 is next. */
	assert_int_equal(order_land(&ask, 5, l), 5);
	assert_int_equal(l[0].node, 1);
	assert_int_equal(l[1].node, 0);
	assert_int_equal(l[2].node, 2);
	assert_int_equal(l[3].node, 1);
	assert_int_equal(l[4].node, 0);
	assert_int_equal(order_land(&ask, 0, l), 0);
	/* Two that landed on node 1 before: each counts as a copy and as a task. */
	ask.extra = (const uint32_t[3]){0, 2, 0};
	assert_int_equal(order_land(&ask, 4, l), 4);
	assert_int_equal(l[0].node, 0);
	assert_int_equal(l[1].node, 2);
	assert_int_equal(l[2].node, 0);
	assert_int_equal(l[3].node, 2);
	assert_int_equal(ask.extra[0], 0); /* what was asked with is not written to */
}

static void
test_land_stops_being_certain(void **state)
{
	struct world w;
	struct order_ask ask;
	struct order_landing l[4];

	(void) state;
	world_init(&w, 3);
	world_service(&w, "web")->reserve.cpu_nano = 4000000000;
	w.nodes[1].n_tasks = 2;
	w.nodes[2].n_tasks = 2;
	ask = ask_of(&w);
	assert_int_equal(order_land(&ask, 4, l), 1);
	assert_int_equal(l[0].node, 0);
	assert_true(l[0].certain);
	assert_int_equal(l[1].node, 1); /* a toss between 1 and 2 */
	assert_false(l[1].certain);
	assert_int_equal(l[2].node, 2); /* the only one left with 4 CPUs free */
	assert_true(l[2].certain);
	assert_int_equal(l[3].node, NO_INDEX);
	assert_false(l[3].certain);
}

/* On random worlds: landing k equals the best after k landings have really been added. */
static void
test_land_equals_one_by_one(void **state)
{
	struct rng rng;

	(void) state;
	rng_seed(&rng, 7);
	for (size_t round = 0; round < 200; round++) {
		struct world w;
		struct order_ask ask;
		struct order_landing l[6];
		uint32_t nodes[5];

		world_init(&w, 5);
		(void) world_service(&w, "web");
		w.services[0].max_replicas = rng_below(&rng, 4);
		for (uint32_t i = 0; i < 5; i++)
			w.nodes[i].n_tasks = (uint32_t) rng_below(&rng, 4);
		for (size_t i = rng_below(&rng, 4); i > 0; i--)
			(void) world_task(&w, (uint32_t) rng_below(&rng, 5));
		ask = ask_of(&w);
		(void) order_land(&ask, 6, l);
		for (size_t k = 0; k < 6; k++) {
			size_t n = order_best(&ask, nodes);

			assert_int_equal(l[k].certain, n == 1);
			assert_int_equal(l[k].node, n > 0 ? nodes[0] : NO_INDEX);
			if (n > 0)
				(void) world_task(&w, nodes[0]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_best),
	    cmocka_unit_test(test_excluded_and_extra),
	    cmocka_unit_test(test_land),
	    cmocka_unit_test(test_land_stops_being_certain),
	    cmocka_unit_test(test_land_equals_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
