/* features/histogram: percentiles, decay without overflow, merging, the saved form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "features/histogram.h"

#define DAY INT64_C(86400000)
#define T0  INT64_C(1700000000000)

static void
assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("%.9g is not %.9g within %.3g", got, want, tolerance);
}

static void
percentiles_of_a_ramp(void **state)
{
	struct histogram h;
	static const struct {
		double share, want;
	} cases[] = {{0, .01}, {.25, .25}, {.5, .5}, {.9, .9}, {.95, .95}, {.99, .99}, {1, 1}};

	(void) state;
	histogram_init(&h, HISTOGRAM_CPU_CORES, DAY);
	for (int i = 1; i <= 1000; i++)
		histogram_add(&h, i / 1000.0, 15, T0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_near(histogram_percentile(&h, cases[i].share), cases[i].want,
		            cases[i].want * .03 + .01);
	assert_near(histogram_mean(&h), .5005, 1e-9);
	histogram_done(&h);
}

static void
one_value_stays_within_its_bucket(void **state)
{
	static const struct {
		enum histogram_kind kind;
		double value, tolerance;
	} cases[] = {
	    {HISTOGRAM_CPU_CORES, .0004, .001},    {HISTOGRAM_CPU_CORES, .25, .0125},
	    {HISTOGRAM_CPU_CORES, 64, 3.2},        {HISTOGRAM_MEM_BYTES, 1e3, 65536},
	    {HISTOGRAM_MEM_BYTES, 3e9, .05 * 3e9}, {HISTOGRAM_MEM_BYTES, 1e12, .05e12},
	    {HISTOGRAM_RATE, 1e6, .2e6},           {HISTOGRAM_RATE, 1e9, .2e9},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct histogram h;

		histogram_init(&h, cases[i].kind, DAY);
		histogram_add(&h, cases[i].value, 1, T0);
		for (double share = 0; share <= 1; share += .25)
			assert_near(histogram_percentile(&h, share), cases[i].value,
			            cases[i].tolerance);
		histogram_done(&h);
	}
}

static void
what_cannot_be_counted_is_ignored(void **state)
{
	struct histogram h;

	(void) state;
	histogram_init(&h, HISTOGRAM_CPU_CORES, DAY);
	histogram_add(&h, NAN, 1, T0);
	histogram_add(&h, INFINITY, 1, T0);
	histogram_add(&h, -1, 1, T0);
	histogram_add(&h, 1, 0, T0);
	histogram_add(&h, 1, -1, T0);
	histogram_add(&h, 1, NAN, T0);
	assert_true(histogram_empty(&h));
	assert_true(isnan(histogram_percentile(&h, .5)));
	assert_true(isnan(histogram_mean(&h)));
	assert_near(histogram_weight(&h, T0), 0, 0);
	/* Above the last bucket: counted in it. */
	histogram_add(&h, 1e30, 1, T0);
	assert_true(histogram_percentile(&h, 1) > 900);
	histogram_done(&h);
}

static void
half_as_much_after_a_half_life(void **state)
{
	struct histogram h;

	(void) state;
	histogram_init(&h, HISTOGRAM_CPU_CORES, DAY);
	histogram_add(&h, 1, 100, T0);
	histogram_add(&h, 3, 100, T0 + DAY);
	assert_near(histogram_mean(&h), (1 * .5 + 3) / 1.5, 1e-9);
	assert_near(histogram_weight(&h, T0 + DAY), 150, 1e-6);
	assert_near(histogram_weight(&h, T0 + 2 * DAY), 75, 1e-6);
	/* An old sample that comes late counts as little as if it had come in time. */
	histogram_add(&h, 1, 100, T0);
	assert_near(histogram_weight(&h, T0 + DAY), 200, 1e-6);
	histogram_done(&h);
}

static void
ten_years_do_not_overflow(void **state)
{
	struct histogram h;

	(void) state;
	histogram_init(&h, HISTOGRAM_CPU_CORES, DAY);
	for (int64_t day = 0; day < 3650; day++)
		histogram_add(&h, day % 2 == 0 ? 1 : 2, 60, T0 + day * DAY);
	assert_near(histogram_weight(&h, T0 + 3649 * DAY), 120, 1e-3);
	assert_near(histogram_mean(&h), (2 + 1 * .5) / 1.5, 1e-3);
	assert_true(h.n < 32); /* forgotten buckets are given back */
	/* A gap of a century: only the new sample is left. */
	histogram_add(&h, .1, 60, T0 + 40000 * DAY);
	assert_near(histogram_percentile(&h, .5), .1, .005);
	assert_near(histogram_mean(&h), .1, 1e-6);
	assert_int_equal(h.n, 1);
	histogram_done(&h);
}

static void
merging_is_counting_both(void **state)
{
	struct histogram a, b, both, other;
	struct error err = {0};

	(void) state;
	histogram_init(&a, HISTOGRAM_CPU_CORES, DAY);
	histogram_init(&b, HISTOGRAM_CPU_CORES, DAY);
	histogram_init(&both, HISTOGRAM_CPU_CORES, DAY);
	histogram_init(&other, HISTOGRAM_RATE, DAY);
	for (int i = 0; i < 200; i++) {
		int64_t t = T0 + i * (DAY / 4);

		histogram_add(i % 3 == 0 ? &a : &b, i / 100.0, 10, t);
		histogram_add(&both, i / 100.0, 10, t);
	}
	assert_int_equal(histogram_merge(&a, &b, 1, &err), 0);
	for (double share = .05; share < 1; share += .05)
		assert_near(histogram_percentile(&a, share), histogram_percentile(&both, share),
		            1e-6);
	assert_near(histogram_mean(&a), histogram_mean(&both), 1e-9);
	assert_int_equal(histogram_merge(&a, &other, 1, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	histogram_done(&a);
	histogram_done(&b);
	histogram_done(&both);
	histogram_done(&other);
}

static void
merging_scales_and_takes_empty_ones(void **state)
{
	struct histogram a, b;

	(void) state;
	histogram_init(&a, HISTOGRAM_RATE, DAY);
	histogram_init(&b, HISTOGRAM_RATE, DAY);
	assert_int_equal(histogram_merge(&a, &b, 1, NULL), 0);
	assert_true(histogram_empty(&a));
	histogram_add(&b, 1000, 8, T0);
	assert_int_equal(histogram_merge(&a, &b, .25, NULL), 0);
	assert_near(histogram_weight(&a, T0), 2, 1e-9);
	assert_int_equal(histogram_merge(&a, &b, 0, NULL), 0);
	assert_near(histogram_weight(&a, T0), 2, 1e-9);
	histogram_done(&a);
	histogram_done(&b);
}

static void
saved_and_loaded(void **state)
{
	struct histogram a, b, empty;
	_cleanup_(freep) char *text = NULL, *again = NULL, *nothing = NULL;

	(void) state;
	histogram_init(&a, HISTOGRAM_MEM_BYTES, DAY);
	histogram_init(&b, HISTOGRAM_CPU_CORES, 1);
	histogram_init(&empty, HISTOGRAM_RATE, DAY);
	for (int i = 1; i < 500; i++)
		histogram_add(&a, 1e6 * i, 15, T0 + i * 60000);
	text = histogram_save(&a);
	assert_null(strpbrk(text, "\"\\\n"));
	assert_int_equal(histogram_load(&b, text, NULL), 0);
	assert_int_equal(b.kind, HISTOGRAM_MEM_BYTES);
	for (double share = .1; share < 1; share += .1)
		assert_near(histogram_percentile(&b, share) / histogram_percentile(&a, share), 1,
		            .002);
	assert_near(histogram_mean(&b) / histogram_mean(&a), 1, 1e-6);
	assert_near(histogram_weight(&b, T0), histogram_weight(&a, T0), 1e-3);
	again = histogram_save(&b);
	assert_string_equal(text, again);
	nothing = histogram_save(&empty);
	assert_int_equal(histogram_load(&b, nothing, NULL), 0);
	assert_true(histogram_empty(&b));
	histogram_done(&a);
	histogram_done(&b);
	histogram_done(&empty);
}

static void
damaged_texts_are_refused(void **state)
{
	static const char *const cases[] = {
	    "",
	    "h2 0 86400000 1700000000000 10 1 3 10000",
	    "h1",
	    "h1 9 86400000 1700000000000 10 1 3 10000",
	    "h1 -1 86400000 1700000000000 10 1 3 10000",
	    "h1 0 0 1700000000000 10 1 3 10000",
	    "h1 0 86400000 1700000000000 -10 1 3 10000",
	    "h1 0 86400000 1700000000000 nan 1 3 10000",
	    "h1 0 86400000 1700000000000 inf 1 3 10000",
	    "h1 0 86400000 1700000000000 10 -1 3 10000",
	    "h1 0 86400000 1700000000000 10 1 224 10000",
	    "h1 0 86400000 1700000000000 10 1 223 10000,1",
	    "h1 0 86400000 1700000000000 10 1 3",
	    "h1 0 86400000 1700000000000 10 1 3 ",
	    "h1 0 86400000 1700000000000 10 1 3 0,0",
	    "h1 0 86400000 1700000000000 10 1 3 10000,",
	    "h1 0 86400000 1700000000000 10 1 3 10000;1",
	    "h1 0 86400000 1700000000000 10 1 3 -5",
	    "h1 0 86400000 1700000000000 10 1 3 10001",
	    "h1 0 86400000 1700000000000 10 1 3 99999999999999999999",
	    "h1 0 86400000 1700000000000 0 0 0 10000",
	};
	struct histogram h;

	(void) state;
	histogram_init(&h, HISTOGRAM_CPU_CORES, DAY);
	histogram_add(&h, 1, 1, T0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		if (histogram_load(&h, cases[i], &err) != -EINVAL)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, -EINVAL);
	}
	assert_int_equal(histogram_load(&h, NULL, NULL), -EINVAL);
	/* Untouched by all of these. */
	assert_near(histogram_mean(&h), 1, 0);
	histogram_done(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(percentiles_of_a_ramp),
	    cmocka_unit_test(one_value_stays_within_its_bucket),
	    cmocka_unit_test(what_cannot_be_counted_is_ignored),
	    cmocka_unit_test(half_as_much_after_a_half_life),
	    cmocka_unit_test(ten_years_do_not_overflow),
	    cmocka_unit_test(merging_is_counting_both),
	    cmocka_unit_test(merging_scales_and_takes_empty_ones),
	    cmocka_unit_test(saved_and_loaded),
	    cmocka_unit_test(damaged_texts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
