/* The mover's table: complete, free of dead ends, and never a change without a journal row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/mover_table.h"
#include "base/util.h"

/* In each state exactly the events that its effect can end in have a row, and each has one. */
static void
test_complete(void **unused)
{
	size_t rows[MOVER_STATE_N][MOVER_EVENT_N] = {0};

	(void) unused;
	for (size_t i = 0; i < mover_rows_n; i++)
		rows[mover_rows[i].state][mover_rows[i].event]++;
	for (size_t s = 0; s < MOVER_STATE_N; s++) {
		for (size_t e = 0; e < MOVER_EVENT_N; e++) {
			size_t want =
			    mover_effect_gives(mover_state_infos[s].effect, (enum mover_event) e);

			if (rows[s][e] != want)
				fail_msg("%s + %s: %zu rows, want %zu", mover_state_infos[s].name,
				         mover_event_names[e].name, rows[s][e], want);
			if ((mover_table_next((enum mover_state) s, (enum mover_event) e) != -1) !=
			    (want == 1))
				fail_msg("%s + %s: look-up differs from the rows",
				         mover_state_infos[s].name, mover_event_names[e].name);
		}
	}
}

static void
test_names(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < MOVER_STATE_N; i++) {
		assert_true(mover_state_infos[i].effect != MOVER_EFFECT_STORE ||
		            mover_state_infos[i].journal >= 0);
		assert_non_null(mover_state_infos[i].name);
		assert_true(strlen(mover_state_infos[i].text) > 5);
		assert_true(mover_state_infos[i].journal < (int) MOVE_STATE_N);
	}
	for (size_t i = 0; i < MOVER_EFFECT_N; i++) {
		assert_true(strlen(mover_effect_names[i].text) > 5);
		assert_int_equal(mover_effect_posts((enum mover_effect) i),
		                 str_has_prefix(mover_effect_names[i].name, "POST_"));
	}
	for (size_t i = 0; i < MOVER_EVENT_N; i++)
		assert_true(strlen(mover_event_names[i].text) > 5);
}

static void
reach(enum mover_state from, bool *seen)
{
	if (seen[from])
		return;
	seen[from] = true;
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].state == from)
			reach(mover_rows[i].next, seen);
}

/* Every state can be reached from a start, and OVER from every state. */
static void
test_no_dead_end(void **unused)
{
	bool from_start[MOVER_STATE_N] = {false};

	(void) unused;
	reach(MOVER_CHECK, from_start);
	reach(MOVER_RECOVER, from_start);
	for (size_t s = 0; s < MOVER_STATE_N; s++) {
		bool seen[MOVER_STATE_N] = {false};

		if (!from_start[s])
			fail_msg("%s is never reached", mover_state_infos[s].name);
		reach((enum mover_state) s, seen);
		if (!seen[MOVER_OVER])
			fail_msg("%s never ends", mover_state_infos[s].name);
	}
}

static bool
journal_ends(int journal)
{
	return journal == MOVE_DONE || journal == MOVE_REVERTED || journal == MOVE_GAVE_UP ||
	       journal == MOVE_FOREIGN || journal == MOVE_REFUSED;
}

/* Whether a way from `state` to OVER passes no end state and not LEFT_OPEN. */
static bool
slips_out(enum mover_state state, bool *seen)
{
	if (state == MOVER_OVER)
		return true;
	if (seen[state] || state == MOVER_LEFT_OPEN ||
	    journal_ends(mover_state_infos[state].journal))
		return false;
	seen[state] = true;
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].state == state && slips_out(mover_rows[i].next, seen))
			return true;
	return false;
}

static void
test_ends_are_told(void **unused)
{
	bool seen[MOVER_STATE_N] = {false};

	(void) unused;
	assert_false(slips_out(MOVER_CHECK, seen));
	memset(seen, 0, sizeof(seen));
	assert_false(slips_out(MOVER_RECOVER, seen));
	for (size_t i = 0; i < MOVER_STATE_N; i++)
		if (journal_ends(mover_state_infos[i].journal))
			assert_int_equal(mover_table_next((enum mover_state) i, MOVER_EVENT_OK),
			                 MOVER_OVER);
}

/*
 * Walks every way from `state`; journalled: a row is on disk (a STORE ended in OK, or we come from
 * an earlier run's row). Fails on an effect that posts without one.
 */
static void
walk(enum mover_state state, bool journalled, bool seen[MOVER_STATE_N][2])
{
	enum mover_effect effect = mover_state_infos[state].effect;

	if (seen[state][journalled])
		return;
	seen[state][journalled] = true;
	if (mover_effect_posts(effect) && !journalled)
		fail_msg("%s sends something that no journal knows of",
		         mover_state_infos[state].name);
	for (size_t i = 0; i < mover_rows_n; i++) {
		const struct mover_row *row = &mover_rows[i];

		if (row->state == state)
			walk(row->next,
			     journalled ||
			         (effect == MOVER_EFFECT_STORE && row->event == MOVER_EVENT_OK),
			     seen);
	}
}

static void
test_journal_before_post(void **unused)
{
	bool seen[MOVER_STATE_N][2] = {{false}};

	(void) unused;
	walk(MOVER_CHECK, false, seen);
	walk(MOVER_RECOVER, true, seen);
	/* The steering itself: only after the journal says that it may have been sent. */
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].next == MOVER_STEER) {
			assert_int_equal(mover_rows[i].state, MOVER_ARM);
			assert_int_equal(mover_rows[i].event, MOVER_EVENT_OK);
			assert_int_equal(mover_state_infos[MOVER_ARM].journal, MOVE_STEERED);
		}
}

/* Once the steering was sent, no way calls the change refused unless Swarm itself refused it. */
static void
test_refused_means_nothing_sent(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].next == MOVER_END_REFUSED) {
			enum mover_state s = mover_rows[i].state;

			if (s == MOVER_STEER || s == MOVER_MERGE)
				assert_int_equal(mover_rows[i].event, MOVER_EVENT_REFUSED);
			else
				assert_true(mover_state_infos[s].journal == MOVE_PLANNED ||
				            s == MOVER_ARM || s == MOVER_ARM_MERGE);
		}
}

/* Who may not act any more sends nothing and says nothing is done: the change stays open. */
static void
test_unled_stays_open(void **unused)
{
	(void) unused;
	for (size_t s = 0; s < MOVER_STATE_N; s++) {
		enum mover_effect effect = mover_state_infos[s].effect;
		int next = mover_table_next((enum mover_state) s, MOVER_EVENT_UNLED);

		if (mover_effect_posts(effect))
			assert_true(mover_effect_gives(effect, MOVER_EVENT_UNLED));
		if (next >= 0 && s != MOVER_PUSH)
			assert_int_equal(next, MOVER_LEFT_OPEN);
	}
	/* The merge itself is done: the push is comfort only. */
	assert_int_equal(mover_table_next(MOVER_PUSH, MOVER_EVENT_UNLED), MOVER_PROVE);
	/* A merge, too, is sent only after we were seen to lead. */
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].next == MOVER_ARM_MERGE)
			assert_int_equal(mover_rows[i].state, MOVER_LEAD);
}

static void
test_known_ways(void **unused)
{
	static const struct {
		enum mover_event events[24];
		size_t n;
		enum mover_state end;
	} cases[] = {
#define E(x) MOVER_EVENT_##x
	    {{E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK),
	      E(OK)},
	     13,
	     MOVER_OVER},
	    {{E(MERGE), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK), E(OK)}, 9, MOVER_OVER},
	    {{E(OK), E(OK), E(OK), E(OK), E(OK), E(FAILING), E(OK), E(OK), E(OK), E(OK), E(OK),
	      E(OK), E(OK), E(OK)},
	     14,
	     MOVER_END_REVERTED},
	    {{E(OK), E(OK), E(OK), E(OK), E(OK), E(FOREIGN), E(OK), E(OK), E(OK), E(OK)},
	     10,
	     MOVER_END_FOREIGN},
	    {{E(OK), E(OK), E(OK), E(OK), E(OK), E(FOREIGN), E(OK), E(NOTHING), E(OK)},
	     9,
	     MOVER_END_FOREIGN},
	    /* What we took away from was rolled back to: once more. */
	    {{E(OK), E(OK), E(OK), E(OK), E(OK), E(FOREIGN), E(OK), E(OK), E(DEADLINE), E(FOREIGN)},
	     10,
	     MOVER_YIELD_WAIT},
	    {{E(REFUSED), E(OK)}, 2, MOVER_OVER},
#undef E
	};

	(void) unused;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		int s = MOVER_CHECK;

		for (size_t i = 0; i < cases[c].n; i++) {
			s = mover_table_next((enum mover_state) s, cases[c].events[i]);
			assert_true(s >= 0);
		}
		assert_int_equal(s, cases[c].end);
	}
}

static void
test_print(void **unused)
{
	char *text = NULL;
	size_t size = 0, lines = 0;
	FILE *to = open_memstream(&text, &size);
	FILE *full, *closed;

	(void) unused;
	assert_non_null(to);
	assert_int_equal(mover_table_print(to), 0);
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(text, "| STEER | POST_STEER | steered |"));
	assert_non_null(strstr(text, "| VERIFY | FAILING | TAKE_BACK |"));
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines,
	                 MOVER_STATE_N + MOVER_EFFECT_N + MOVER_EVENT_N + mover_rows_n + 4 * 2 + 3);
	free(text);

	/* What does not arrive is an error, whether it shows at once or at the end. */
	closed = fopen("/dev/null", "r");
	assert_non_null(closed);
	assert_int_equal(mover_table_print(closed), -EIO);
	(void) fclose(closed);
	full = fopen("/dev/full", "w");
	if (full != NULL) {
		assert_int_equal(mover_table_print(full), -EIO);
		(void) fclose(full);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_no_dead_end),
	    cmocka_unit_test(test_ends_are_told),
	    cmocka_unit_test(test_journal_before_post),
	    cmocka_unit_test(test_refused_means_nothing_sent),
	    cmocka_unit_test(test_unled_stays_open),
	    cmocka_unit_test(test_known_ways),
	    cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
