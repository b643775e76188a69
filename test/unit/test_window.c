/* features/window: samples of any spacing become steps aligned to the clock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "features/window.h"

static void
assert_near(double got, double want)
{
	if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-6 * MAX(1.0, fabs(want))))
		fail_msg("%.9g is not %.9g", got, want);
}

/* Samples, and the steps (oldest first, the last four) that they must give. */
static void
resamples(void **state)
{
	static const struct {
		const char *what;
		struct {
			int64_t t, dt;
			double v;
		} samples[6];
		int64_t until;
		double want[4];
	} cases[] = {
	    {"even", {{10, 10, 1}, {20, 10, 2}, {30, 10, 3}, {40, 10, 4}}, 40, {1, 2, 3, 4}},
	    {"half over the edge", {{10, 10, 1}, {25, 15, 3}, {40, 15, 5}}, 40, {1, 3, 4, 5}},
	    {"weights by time", {{38, 8, 1}, {40, 2, 11}}, 40, {NAN, NAN, NAN, 3}},
	    {"one long sample", {{40, 40, 2}}, 40, {2, 2, 2, 2}},
	    {"a gap", {{10, 10, 1}, {40, 10, 4}}, 40, {1, NAN, NAN, 4}},
	    {"too little covered", {{10, 10, 1}, {22, 2, 9}, {40, 10, 4}}, 40, {1, NAN, NAN, 4}},
	    {"a quarter is enough", {{10, 10, 1}, {33, 3, 9}, {40, 1, 9}}, 40, {1, NAN, NAN, 9}},
	    {"unknown covers nothing", {{20, 10, NAN}, {30, 10, 5}}, 40, {NAN, NAN, 5, NAN}},
	    {"late ones are dropped",
	     {{30, 10, 3}, {20, 10, 9}, {40, 10, 4}},
	     40,
	     {NAN, NAN, 3, 4}},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct window w;

		window_init(&w, 10);
		for (size_t k = 0; k < 6 && cases[i].samples[k].t != 0; k++)
			(void) window_push(&w, cases[i].samples[k].t, cases[i].samples[k].dt,
			                   cases[i].samples[k].v);
		(void) window_advance(&w, cases[i].until);
		for (size_t k = 0; k < 4; k++) {
			print_message("%s, step %zu\n", cases[i].what, k);
			assert_near(window_at(&w, 3 - k).mean, cases[i].want[k]);
		}
	}
}

static void
keeps_the_largest(void **state)
{
	struct window w;

	(void) state;
	window_init(&w, 10);
	(void) window_push(&w, 4, 4, 1);
	(void) window_push(&w, 6, 2, 7);
	(void) window_push(&w, 12, 6, 2);
	assert_near(window_at(&w, 0).max, 7);
	assert_near(window_at(&w, 0).mean, (4 + 14 + 8) / 10.0);
	(void) window_advance(&w, 20);
	assert_true(isnan(window_at(&w, 0).max)); /* 2 of 10 ms are too little */
}

static void
a_ring_of_twelve(void **state)
{
	float last[FORECAST_STEPS];
	struct window w;

	(void) state;
	window_init(&w, 10);
	window_last(&w, last);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		assert_true(isnan(last[i]));
	for (int i = 1; i <= 30; i++)
		assert_int_equal(window_push(&w, i * 10, 10, i), 1);
	window_last(&w, last);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		assert_near((double) last[i], 19 + (double) i);
	assert_true(isnan(window_at(&w, FORECAST_STEPS).mean));
	/* A silence longer than the ring leaves nothing but gaps, and says how long it was. */
	assert_int_equal(window_advance(&w, 1000), 70);
	window_last(&w, last);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		assert_true(isnan(last[i]));
}

static void
a_huge_sample_is_bounded(void **state)
{
	struct window w;

	(void) state;
	window_init(&w, 0); /* counts as 1 ms */
	(void) window_push(&w, INT64_C(1700000000000), INT64_C(1600000000000), 3);
	assert_near(window_at(&w, 0).mean, 3);
	assert_near(window_at(&w, FORECAST_STEPS - 1).mean, 3);
	assert_int_equal(window_push(&w, INT64_C(1700000000000), -5, 3), 0);
}

static void
before_1970(void **state)
{
	struct window w;

	(void) state;
	window_init(&w, 10);
	(void) window_push(&w, -10, 10, 1);
	(void) window_push(&w, 0, 10, 2);
	(void) window_push(&w, 10, 10, 3);
	assert_near(window_at(&w, 2).mean, 1);
	assert_near(window_at(&w, 1).mean, 2);
	assert_near(window_at(&w, 0).mean, 3);
}

static void
the_open_step(void **state)
{
	struct window w;

	(void) state;
	window_init(&w, 10);
	assert_true(isnan(window_open_mean(&w)));
	(void) window_push(&w, 2, 2, 5);
	assert_true(isnan(window_open_mean(&w)));
	(void) window_push(&w, 4, 2, 7);
	assert_near(window_open_mean(&w), 6);
}

static void
pools_step_by_step(void **state)
{
	struct window a, b, c, none;

	(void) state;
	window_init(&a, 10);
	window_init(&b, 10);
	window_init(&c, 20);
	window_init(&none, 10);
	(void) window_push(&a, 10, 10, 1);
	(void) window_push(&a, 20, 10, 2);
	(void) window_push(&b, 20, 10, 5);
	(void) window_push(&b, 30, 10, 9);
	assert_int_equal(window_merge(&a, 2, &b, 1), 0);
	assert_near(window_at(&a, 2).mean, 1);
	assert_near(window_at(&a, 1).mean, 3);
	assert_near(window_at(&a, 1).max, 5);
	assert_near(window_at(&a, 0).mean, 9);
	assert_int_equal(window_merge(&a, 1, &c, 1), -EINVAL);
	assert_int_equal(window_merge(&a, 1, &none, 1), 0);
	assert_near(window_at(&a, 0).mean, 9);
	assert_int_equal(window_merge(&none, 1, &a, 1), 0);
	assert_near(window_at(&none, 0).mean, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resamples),          cmocka_unit_test(keeps_the_largest),
	    cmocka_unit_test(a_ring_of_twelve),   cmocka_unit_test(a_huge_sample_is_bounded),
	    cmocka_unit_test(before_1970),        cmocka_unit_test(the_open_step),
	    cmocka_unit_test(pools_step_by_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
