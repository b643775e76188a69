/* The lease's labels and rules, by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/lease.h"

static void
test_labels(void **unused)
{
	static const struct {
		struct docker_label items[4]; /* sorted by key */
		size_t n;
		struct lease want;
	} cases[] = {
	    {{{LEASE_LABEL_HOLDER, "me"},
	      {LEASE_LABEL_HOST, "here"},
	      {LEASE_LABEL_TERM, "7"},
	      {LEASE_LABEL_TTL, "3000"}},
	     4,
	     {"me", "here", 7, 3000}},
	    /* Nobody's: somebody took the labels away, or put nothing there. */
	    {{{0}}, 0, {"", "", 0, LEASE_TTL_MS}},
	    {{{LEASE_LABEL_HOLDER, ""}}, 1, {"", "", 0, LEASE_TTL_MS}},
	    /* What cannot be read is the default, and what is absurd is bounded. */
	    {{{LEASE_LABEL_HOLDER, "x"}, {LEASE_LABEL_TERM, "-1"}, {LEASE_LABEL_TTL, "1e9"}},
	     3,
	     {"x", "", 0, LEASE_TTL_MS}},
	    {{{LEASE_LABEL_HOLDER, "x"},
	      {LEASE_LABEL_TERM, "99999999999999999999999"},
	      {LEASE_LABEL_TTL, "0"}},
	     3,
	     {"x", "", 0, LEASE_TTL_LEAST_MS}},
	    {{{LEASE_LABEL_HOLDER, "x"}, {LEASE_LABEL_TTL, "18446744073709551615"}},
	     2,
	     {"x", "", 0, LEASE_TTL_MOST_MS}},
	    {{{LEASE_LABEL_HOLDER, "x"}, {LEASE_LABEL_TTL, "20 "}}, 2, {"x", "", 0, LEASE_TTL_MS}},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct docker_labels labels = {cases[i].items, cases[i].n};
		struct lease got;

		lease_read(&labels, &got);
		assert_string_equal(got.holder, cases[i].want.holder);
		assert_string_equal(got.host, cases[i].want.host);
		assert_int_equal(got.term, cases[i].want.term);
		assert_int_equal(got.ttl_ms, cases[i].want.ttl_ms);
	}
}

static void
test_round_trip(void **unused)
{
	static const struct lease cases[] = {
	    {"", "", 0, 500}, {"node-0123", "a", 1, 20000}, {"x", "y", UINT64_MAX, 600000}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lease_labels labels;
		struct lease got;

		lease_write(&cases[i], &labels);
		lease_read(&labels.labels, &got);
		assert_memory_equal(&got, &cases[i], sizeof(got));
	}
}

/* Names longer than ours are somebody else's, whole or cut. */
static void
test_long_names(void **unused)
{
	char name[200];
	struct docker_label items[] = {{LEASE_LABEL_HOLDER, name}};
	struct docker_labels labels = {items, 1};
	struct lease got;

	(void) unused;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lease_read(&labels, &got);
	assert_int_equal(strlen(got.holder), LEASE_HOLDER_SIZE - 1);
}

/* One step: at this time of ours the object stood there with this index and holder. */
struct reading {
	int64_t now_ms;
	uint64_t version;   /* 0 = there is no such object */
	const char *holder; /* ttl 1000: silent for 1200 = over */
	enum lease_step want;
	bool renewed;
	int64_t wait_ms;
};

static void
test_judge(void **unused)
{
	static const struct {
		const char *name;
		struct reading readings[6];
	} cases[] = {
	    {"there is none", {{5, 0, NULL, LEASE_CREATE, false, 0}}},
	    {"released", {{5, 1, "", LEASE_TAKE, false, 0}}},
	    {"ours, also from before a restart", {{5, 1, "me", LEASE_RENEW, false, 0}}},
	    {"silent: waited out from when we saw it first",
	     {{5, 1, "him", LEASE_WAIT, false, 1200},
	      {1004, 1, "him", LEASE_WAIT, false, 201},
	      {1204, 1, "him", LEASE_WAIT, false, 1},
	      {1205, 1, "him", LEASE_TAKE, false, 0}}},
	    {"alive: each write begins the wait anew",
	     {{5, 1, "him", LEASE_WAIT, false, 1200},
	      {1000, 2, "him", LEASE_WAIT, true, 1200},
	      {2199, 2, "him", LEASE_WAIT, false, 1},
	      {2200, 3, "him", LEASE_WAIT, true, 1200}}},
	    {"one after another: the next one's silence counts from its own write",
	     {{5, 1, "him", LEASE_WAIT, false, 1200},
	      {1200, 2, "her", LEASE_WAIT, true, 1200},
	      {2399, 2, "her", LEASE_WAIT, false, 1},
	      {2400, 2, "her", LEASE_TAKE, false, 0}}},
	    {"removed by somebody, and made anew by another",
	     {{5, 9, "me", LEASE_RENEW, false, 0},
	      {6, 0, NULL, LEASE_CREATE, false, 0},
	      {7, 12, "him", LEASE_WAIT, false, 1200}}},
	    {"lost while we slept",
	     {{5, 9, "me", LEASE_RENEW, false, 0}, {9999, 10, "him", LEASE_WAIT, true, 1200}}},
	    /* What was seen long ago and did not change is silence, too. */
	    {"looked at again after a long time",
	     {{5, 1, "him", LEASE_WAIT, false, 1200}, {999999, 1, "him", LEASE_TAKE, false, 0}}},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lease_watch watch = {0};

		for (const struct reading *r = cases[i].readings; r->now_ms != 0; r++) {
			struct lease now = {.ttl_ms = 1000, .term = 3};
			bool renewed = false;
			int64_t wait = -1;
			enum lease_step got;

			(void) str_copy(now.holder, sizeof(now.holder),
			                r->holder != NULL ? r->holder : "");
			got = lease_judge(r->version == 0 ? NULL : &now, r->version, "me",
			                  r->now_ms, &watch, &renewed, &wait);
			if (got != r->want || renewed != r->renewed || wait != r->wait_ms)
				fail_msg("%s, at %d: step %d, renewed %d, wait %d", cases[i].name,
				         (int) r->now_ms, got, renewed, (int) wait);
		}
	}
}

static void
test_mine(void **unused)
{
	struct lease his = {"him", "there", 4, 5000}, mine, given;

	(void) unused;
	mine = lease_mine(NULL, "me", "here", 1000);
	assert_int_equal(mine.term, 1);
	mine = lease_mine(&his, "me", "here", 1000);
	assert_int_equal(mine.term, 5);
	assert_int_equal(mine.ttl_ms, 1000);
	assert_string_equal(mine.host, "here");
	/* Renewed: the same term; given back and taken by the same one: another. */
	assert_int_equal(lease_mine(&mine, "me", "here", 1000).term, 5);
	given = lease_free(&mine);
	assert_string_equal(given.holder, "");
	assert_int_equal(given.term, 5);
	assert_int_equal(lease_mine(&given, "me", "here", 1000).term, 6);
}

/* A holder stops before anybody may take it, with room for several renewals. */
static void
test_times(void **unused)
{
	static const int64_t ttls[] = {LEASE_TTL_LEAST_MS, 1000, LEASE_TTL_MS, LEASE_TTL_MOST_MS};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(ttls); i++) {
		assert_true(lease_margin_ms(ttls[i]) > 0);
		assert_true(lease_guard_ms(ttls[i]) > 0);
		assert_true(3 * lease_renew_ms(ttls[i]) + lease_guard_ms(ttls[i]) < ttls[i]);
	}
}

static void
test_key(void **unused)
{
	char a[LEASE_KEY_SIZE], b[LEASE_KEY_SIZE], again[LEASE_KEY_SIZE], me[LEASE_HOLDER_SIZE];
	char one[] = "/tmp/forager-lease-XXXXXX", two[] = "/tmp/forager-lease-XXXXXX";
	int first = mkstemp(one), second = mkstemp(two), same = open(one, O_RDONLY | O_CLOEXEC);
	struct error err = {0};

	(void) unused;
	assert_int_equal(lease_key(first, a, NULL), 0);
	assert_int_equal(lease_key(second, b, NULL), 0);
	assert_int_equal(lease_key(same, again, NULL), 0);
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), LEASE_KEY_SIZE - 1);
	lease_holder("abcdefghijklmnopqrstuvwxy", a, me);
	assert_int_equal(strlen(me), LEASE_HOLDER_SIZE - 1);
	(void) close(first);
	(void) close(second);
	(void) close(same);
	(void) unlink(one);
	(void) unlink(two);
	assert_true(lease_key(-1, a, &err) < 0);
	assert_non_null(strstr(err.text, "lock"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_labels),     cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_long_names), cmocka_unit_test(test_judge),
	    cmocka_unit_test(test_mine),       cmocka_unit_test(test_times),
	    cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
