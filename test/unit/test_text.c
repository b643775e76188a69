/* cli/text and cli/addup: what people read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "base/util.h"
#include "cli/addup.h"
#include "cli/text.h"

static void
cuts_characters_not_bytes(void **state)
{
	static const struct {
		const char *in;
		size_t most;
		const char *want;
	} cases[] = {
	    {"", 3, ""},
	    {"abc", 3, "abc"},
	    {"abcd", 3, "ab…"},
	    {"äöüß", 4, "äöüß"},
	    {"äöüß", 3, "äö…"},
	    {"ab", 1, "…"},
	    {"日本語です", 3, "日本…"},
	    {"a🦊🦊🦊", 2, "a…"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *s = utf8_clean(cases[i].in, strlen(cases[i].in));

		text_cut(s, cases[i].most);
		assert_string_equal(s, cases[i].want);
	}
}

static void
sizes(void **state)
{
	static const struct {
		double bytes;
		const char *want;
	} cases[] = {
	    {0, "0B"},
	    {1023, "1023B"},
	    {1024, "1KiB"},
	    {1536, "1.5KiB"},
	    {2000, "1.95KiB"},
	    {1048000, "1023KiB"},
	    {12.3 * 1048576, "12.3MiB"},
	    {1e15, "909TiB"},
	    {2e18, "1776PiB"},
	    {-2048, "-2KiB"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *s = text_bytes(cases[i].bytes);

		assert_string_equal(s, cases[i].want);
	}
}

static void
ages(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
	    {0, "Less than a second ago"},
	    {999, "Less than a second ago"},
	    {1000, "1 second ago"},
	    {59999, "59 seconds ago"},
	    {60000, "About a minute ago"},
	    {119000, "About a minute ago"},
	    {120000, "2 minutes ago"},
	    {59 * 60000, "59 minutes ago"},
	    {60 * 60000, "About an hour ago"},
	    {INT64_C(3) * 3600000, "3 hours ago"},
	    {INT64_C(47) * 3600000, "47 hours ago"},
	    {INT64_C(3) * 86400000, "3 days ago"},
	    {INT64_C(20) * 86400000, "2 weeks ago"},
	    {INT64_C(90) * 86400000, "3 months ago"},
	    {INT64_C(800) * 86400000, "2 years ago"},
	    {-500, "Less than a second ago"}, /* two clocks that differ a little */
	    {-180000, "in 3 minutes"},
	};
	const int64_t now = INT64_C(1795000000000);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *s = text_ago(now - cases[i].ms, now);

		assert_string_equal(s, cases[i].want);
	}
}

static void
times(void **state)
{
	_cleanup_(freep) char *s = text_time(INT64_C(1700000000123));
	_cleanup_(freep) char *far = text_time(INT64_MAX);

	(void) state;
	assert_string_equal(s, "2023-11-14 22:13:20 UTC");
	assert_true(strlen(far) > 0);
}

static int64_t
sum_of(const int64_t *x, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

static void
what_is_printed_adds_up(void **state)
{
	static const double thirds[] = {1 / 3.0, 1 / 3.0, 1 / 3.0};
	int64_t out[64];
	struct rng rng;

	(void) state;
	assert_true(addup_round(thirds, 3, 1, 1000, out));
	assert_int_equal(out[0], 334);
	assert_int_equal(out[1], 333);
	assert_int_equal(out[2], 333);
	rng_seed(&rng, 5);
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + rng_below(&rng, 64);
		double values[64], total = 0;

		for (size_t i = 0; i < n; i++) {
			values[i] = (rng_double(&rng) - .5) * 20;
			total += values[i];
		}
		assert_true(addup_round(values, n, total, 1000, out));
		assert_int_equal(sum_of(out, n), llround(total * 1000));
		for (size_t i = 0; i < n; i++)
			assert_true(fabs(values[i] - (double) out[i] / 1000) < .001);
	}
}

static void
what_does_not_add_up_is_told(void **state)
{
	static const double values[] = {1, 2};
	static const double broken[] = {1, NAN};
	int64_t out[2] = {9, 9};

	(void) state;
	assert_false(addup_round(values, 2, 4, 1000, out));
	assert_int_equal(out[0], 1000);
	assert_int_equal(out[1], 2000);
	assert_false(addup_round(broken, 2, 1, 1000, out));
	assert_int_equal(out[1], 0);
	assert_false(addup_round(values, 2, NAN, 1000, out));
	assert_false(addup_round(values, 0, 0, 1000, out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_characters_not_bytes),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(times),
	    cmocka_unit_test(what_is_printed_adds_up),
	    cmocka_unit_test(what_does_not_add_up_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
