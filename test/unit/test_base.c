/* base/: errors, durations, arena, random numbers, small helpers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "base/util.h"

static void
first_error_stays(void **state)
{
	struct error err = {0};

	(void) state;
	assert_int_equal(error_set(&err, EIO, "read '%s'", "x"), -EIO);
	assert_int_equal(error_set(&err, EINVAL, "later"), -EINVAL);
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.text, "read 'x'");
	assert_int_equal(error_set(NULL, ENOENT, "nobody listens"), -ENOENT);
	error_clear(&err);
	assert_int_equal(err.code, 0);
	assert_int_equal(error_wrap(&err, "no error, no context"), 0);
	assert_string_equal(err.text, "");
}

static void
context_goes_in_front(void **state)
{
	struct error err = {0};

	(void) state;
	(void) error_set(&err, EIO, "disk is gone");
	assert_int_equal(error_wrap(&err, "read profile %d", 7), -EIO);
	assert_string_equal(err.text, "read profile 7: disk is gone");
}

static void
long_context_is_cut_and_the_cause_stays(void **state)
{
	struct error err = {0};
	char context[2 * sizeof(err.text)], cause[400];

	(void) state;
	memset(context, 'c', sizeof(context));
	context[sizeof(context) - 1] = '\0';
	memset(cause, 'e', sizeof(cause));
	cause[sizeof(cause) - 1] = '\0';
	(void) error_set(&err, EIO, "%s", cause);
	(void) error_wrap(&err, "%s", context);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + strlen(err.text) - strlen(cause), cause);
	(void) error_wrap(&err, "%s", context);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t ms;
		const char *shown;
	} cases[] = {
	    {"0", 0, 0, "0s"},          {"15", 0, 15000, "15s"},   {"15s", 0, 15000, "15s"},
	    {"250ms", 0, 250, "250ms"}, {"1.5m", 0, 90000, "90s"}, {"120m", 0, 7200000, "2h"},
	    {"7d", 0, 604800000, "7d"}, {"", -EINVAL, 0, NULL},    {"-1s", -EINVAL, 0, NULL},
	    {"1 s", -EINVAL, 0, NULL},  {"1w", -EINVAL, 0, NULL},  {"1e99d", -EINVAL, 0, NULL},
	    {"nan", -EINVAL, 0, NULL},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ms = -7;
		char buf[32];

		assert_int_equal(duration_parse(cases[i].text, &ms), cases[i].ret);
		assert_int_equal(ms, cases[i].ret == 0 ? cases[i].ms : -7);
		if (cases[i].shown != NULL)
			assert_string_equal(duration_format(ms, buf), cases[i].shown);
	}
}

static void
strings(void **state)
{
	char small[4];

	(void) state;
	assert_true(streq(NULL, NULL));
	assert_false(streq("a", NULL));
	assert_true(str_has_prefix("node.labels.x", "node."));
	assert_false(str_has_prefix("no", "node."));
	assert_false(str_copy(small, sizeof(small), "long"));
	assert_string_equal(small, "lon");
	assert_true(str_copy(small, sizeof(small), "abc"));
	assert_int_equal(str_distance("sample-evry", "sample-every"), 1);
	assert_int_equal(str_distance("kitten", "sitting"), 3);
	assert_int_equal(str_distance("", "abc"), 3);
	assert_true(hash64("a", 1) == 0xaf63dc4c8601ec8cu); /* the published FNV-1a vector */
}

static void
arena_gives_zeroed_aligned_memory(void **state)
{
	struct arena *a = arena_new();

	(void) state;
	for (size_t size = 1; size < 300000; size = size * 3 + 1) {
		unsigned char *p = arena_alloc(a, size, 1);

		assert_int_equal((uintptr_t) p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	assert_string_equal(arena_printf(a, "%s-%d", "n", 1), "n-1");
	assert_null(arena_strdup(a, NULL));
	assert_true(arena_bytes(a) > 300000);
	arena_free(a);
	arena_free(NULL);
}

static void
random_numbers_are_ours(void **state)
{
	struct rng a, b;
	double sum = 0, sum2 = 0;
	unsigned seen[10] = {0};
	enum { N = 100000 };

	(void) state;
	rng_seed(&a, 42);
	rng_seed(&b, 42);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_u64(&a) == rng_u64(&b));
	rng_seed_stream(&b, 42, 1);
	assert_false(rng_u64(&a) == rng_u64(&b));
	for (int i = 0; i < N; i++) {
		double x = rng_normal(&a);

		sum += x;
		sum2 += x * x;
		seen[rng_below(&a, 10)]++;
	}
	assert_true(fabs(sum / N) < 0.02);
	assert_true(fabs(sum2 / N - 1) < 0.03);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_in_range(seen[i], N / 10 - 600, N / 10 + 600);
}

static void
xoshiro_matches_its_reference(void **state)
{
	/* The first outputs of the authors' xoshiro256** for the state {1, 2, 3, 4}. */
	static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
	struct rng r = {{1, 2, 3, 4}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(rng_u64(&r) == expected[i]);
}

/* Each of the 24 orders of four items as often, whatever their size; none is lost. */
static void
shuffles_are_even(void **state)
{
	struct item {
		uint32_t n;
		char more[7];
	};
	unsigned seen[256] = {0}, orders = 0;
	struct rng r;
	enum { N = 24000 };

	(void) state;
	rng_seed(&r, 7);
	for (int i = 0; i < N; i++) {
		struct item list[4] = {{0, "zero"}, {1, "one"}, {2, "two"}, {3, "three"}};
		unsigned code = 0;

		rng_shuffle(&r, list, ARRAY_SIZE(list), sizeof(*list));
		for (size_t k = 0; k < ARRAY_SIZE(list); k++) {
			code = code * 4 + list[k].n;
			assert_int_equal(list[k].more[0], "zott"[list[k].n]);
		}
		seen[code]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		if (seen[i] == 0)
			continue;
		orders++;
		assert_in_range(seen[i], N / 24 - 150, N / 24 + 150);
	}
	assert_int_equal(orders, 24);
	rng_shuffle(&r, NULL, 0, 8);
}

#define R "\xef\xbf\xbd"

static void
foreign_text_is_cleaned(void **state)
{
	static const struct {
		const char *in, *clean, *utf8;
	} cases[] = {
	    {"", "", ""},
	    {"web", "web", "web"},
	    {"naïve → 日本 🦊", "naïve → 日本 🦊", "naïve → 日本 🦊"},
	    {"a\nb\tc\r", "a" R "b" R "c" R, "a\nb\tc\r"},
	    {"\033[31mred\a", R "[31mred" R, "\033[31mred\a"},
	    {"\x7f\xc2\x9b", R R, "\x7f\xc2\x9b"}, /* DEL, CSI */
	    {"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8", R R R, "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8"},
	    {"\xef\xbb\xbfx", R "x", "\xef\xbb\xbfx"}, /* byte order mark */
	    {"a\xff"
	     "b\xc3",
	     "a" R "b" R, "a" R "b" R},                     /* no UTF-8 */
	    {"\xc0\xaf\xe0\x80\xaf", R R R R R, R R R R R}, /* overlong */
	    {"\xed\xa0\x80", R R R, R R R},                 /* a surrogate */
	    {"\xf4\x90\x80\x80", R R R R, R R R R},         /* above U+10FFFF */
	    {"\xe2\x82", R R, R R},                         /* cut off */
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *clean = utf8_clean(cases[i].in, strlen(cases[i].in));
		_cleanup_(freep) char *utf8 = utf8_copy(cases[i].in, strlen(cases[i].in), NULL);

		assert_string_equal(clean, cases[i].clean);
		assert_string_equal(utf8, cases[i].utf8);
	}
}

static void
nul_bytes_do_not_end_the_text(void **state)
{
	_cleanup_(freep) char *clean = utf8_clean("a\0b", 3);

	(void) state;
	assert_string_equal(clean, "a" R "b");
}

/* What the log makes of a name, without the priority in front and the line's end; free() it. */
static char *
logged(const char *name, size_t most)
{
	char *line = xcalloc(most, 1);
	int pipes[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(pipes), 0);
	assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
	log_error("%s", name);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	(void) close(old);
	(void) close(pipes[1]);
	n = read(pipes[0], line, most - 1);
	(void) close(pipes[0]);
	assert_true(n > 4);
	assert_memory_equal(line, "<3>", 3);
	assert_int_equal(line[n - 1], '\n');
	line[n - 1] = '\0';
	memmove(line, line + 3, (size_t) n - 3);
	return line;
}

static void
log_lines_are_harmless(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
	    {"na\303\257ve 日本 🦊", "na\303\257ve 日本 🦊"},
	    {"a\nb\rc\td\033[31me\a\x7f", "a b c d [31me  "},
	    {"a\xc2\x9b"
	     "31mb\xc2\x85"
	     "c",
	     "a?31mb?c"}, /* CSI, NEL */
	    {"a\xe2\x80\xae"
	     "b\xe2\x81\xa6"
	     "c\xe2\x80\xa8"
	     "d",
	     "a?b?c?d"}, /* direction, line */
	    {"a\x9b"
	     "31m\xff\xc3",
	     "a?31m??"}, /* no UTF-8: 8-bit CSI */
	    {"%s%n%1000d", "%s%n%1000d"},
	};
	char *huge = xcalloc(10001, 1);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *line = logged(cases[i].name, 8192);

		assert_string_equal(line, cases[i].want);
	}
	for (size_t i = 0; i + 1 < 10000; i += 2)
		memcpy(huge + i, "\xc3\xa4", 2);
	/* Cut, and not within a character. */
	_cleanup_(freep) char *line = logged(huge, 16384);
	assert_in_range(strlen(line), 1000, 2100);
	for (size_t i = 0; line[i] != '\0' && line[i] != '?'; i += 2)
		assert_memory_equal(line + i, "\xc3\xa4", 2);
	free(huge);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_error_stays),
	    cmocka_unit_test(context_goes_in_front),
	    cmocka_unit_test(long_context_is_cut_and_the_cause_stays),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(strings),
	    cmocka_unit_test(arena_gives_zeroed_aligned_memory),
	    cmocka_unit_test(random_numbers_are_ours),
	    cmocka_unit_test(xoshiro_matches_its_reference),
	    cmocka_unit_test(shuffles_are_even),
	    cmocka_unit_test(foreign_text_is_cleaned),
	    cmocka_unit_test(nul_bytes_do_not_end_the_text),
	    cmocka_unit_test(log_lines_are_harmless),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
