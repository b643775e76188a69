/* The journal: durable before it returns, never rewritten, found again after a crash. */
#include "test/unit/store_fixture.h"

#include "storage/journal.h"

#define T0 1700000000000LL

static struct intent
plan(const char *service)
{
	struct intent in = {
	    .kind = MOVE_KIND_MOVE,
	    .state = MOVE_PLANNED,
	    .decision_id = 4,
	    .version_before = 1ULL << 40,
	    .rest_hash = 0xfedcba9876543210ULL,
	    .service_name = (char *) "web",
	    .from_name = (char *) "alpha",
	    .added = (char *) "[\"node.id!=n1\"]",
	    .before = (char *) "{\"constraints\":null,\"labels\":{}}",
	    .old_tasks = (char *) "[]",
	    .created_wall_ms = T0,
	    .deadline_wall_ms = T0 + 180000,
	};

	(void) str_copy(in.service_id, sizeof(in.service_id), service);
	(void) str_copy(in.from_id, sizeof(in.from_id), "n1");
	(void) str_copy(in.to_id, sizeof(in.to_id), "nnnnnnnnnnnnnnnnnnnnnnnn2");
	return in;
}

static uint64_t
add(struct fixture *f, struct intent *in)
{
	uint64_t id = 0;

	in->id = 0;
	assert_ok(journal_add(f->store, in, in->created_wall_ms, &id, err));
	in->id = id;
	return id;
}

static void
put_state(struct fixture *f, struct intent *in, enum move_state state)
{
	in->state = state;
	in->ended_wall_ms = journal_state_ended(state) ? T0 + 9 : 0;
	assert_ok(journal_update(f->store, in, T0 + 9, NULL, err));
}

static void
comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct intent in = plan("sssssssssssssssssssssssss"), back = {0};

	assert_int_equal(add(f, &in), 1);
	in.state = MOVE_STEERED;
	in.version_ours = 77;
	in.written = (char *) "{\"constraints\":[]}";
	assert_ok(journal_update(f->store, &in, T0 + 1, "POST answered 200", err));
	assert_ok(journal_get(f->store, 1, &back, err));
	assert_int_equal(back.kind, MOVE_KIND_MOVE);
	assert_int_equal(back.state, MOVE_STEERED);
	assert_true(back.decision_id == 4 && back.undo_of == 0);
	assert_string_equal(back.service_id, in.service_id);
	assert_string_equal(back.from_id, "n1");
	assert_string_equal(back.to_id, in.to_id);
	assert_string_equal(back.service_name, "web");
	assert_string_equal(back.from_name, "alpha");
	assert_null(back.to_name);
	assert_true(back.version_before == 1ULL << 40 && back.version_ours == 77);
	assert_true(back.rest_hash == in.rest_hash);
	assert_string_equal(back.added, in.added);
	assert_string_equal(back.before, in.before);
	assert_string_equal(back.written, in.written);
	assert_string_equal(back.old_tasks, "[]");
	assert_true(back.created_wall_ms == T0 && back.deadline_wall_ms == T0 + 180000);
	assert_true(back.ended_wall_ms == 0);
	assert_null(back.reason);
	journal_intent_done(&back);
	journal_intent_done(NULL);
	assert_value(f,
	             "SELECT group_concat(seq || state || coalesce(note, '-')) FROM v_move_events",
	             "1planned-,2steeredPOST answered 200");
	assert_refused(journal_get(f->store, 2, &back, err), ENOENT, "no move 2");
	assert_refused(journal_get(f->store, 0, &back, err), ENOENT, "no move 0");
}

static void
refuses_nonsense(void **state)
{
	struct fixture *f = *state;
	struct intent in = plan("s1"), none = plan("");
	uint64_t id = 0;

	assert_refused(journal_add(f->store, &none, T0, &id, err), EINVAL, "no service");
	add(f, &in);
	assert_refused(journal_add(f->store, &in, T0, &id, err), EINVAL, "already");
	in.id = 17;
	assert_refused(journal_update(f->store, &in, T0, NULL, err), ENOENT, "no move 17");
	assert_refused(journal_note(f->store, 17, T0, "x", err), ENOENT, "no move 17");
	in.id = 0;
	in.state = (enum move_state) 99;
	assert_refused(journal_add(f->store, &in, T0, &id, err), EINVAL, "state");
	in.state = MOVE_PLANNED;
	in.undo_of = 40;
	assert_refused(journal_add(f->store, &in, T0, &id, err), EINVAL, "FOREIGN KEY");
	/* What is not on disk when it returns is no journal. */
	in.undo_of = 0;
	assert_ok(store_begin(f->store, err));
	assert_refused(journal_add(f->store, &in, T0, &id, err), EINVAL, "commit the cycle");
	assert_refused(journal_update(f->store, &in, T0, NULL, err), EINVAL, "commit the cycle");
	assert_refused(journal_note(f->store, 1, T0, "x", err), EINVAL, "commit the cycle");
	assert_ok(store_commit(f->store, err));
	assert_true(id == 0);
	assert_value(f, "SELECT count(*) || (SELECT count(*) FROM move_event) FROM move", "11");
}

static void
history_is_not_rewritten(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < MOVE_STATE_N; i++) {
		struct intent in = plan("s1");
		bool ended = journal_state_ended((enum move_state) i);

		add(f, &in);
		put_state(f, &in, (enum move_state) i);
		in.reason = (char *) "more exactly";
		put_state(f, &in, (enum move_state) i); /* the same state: words may be added */
		in.state = i == MOVE_DONE ? MOVE_REVERTED : MOVE_DONE;
		if (journal_update(f->store, &in, T0, NULL, NULL) != (ended ? -EALREADY : 0))
			fail_msg("%s", move_state_names[i]);
		in.state = MOVE_PLANNED;
		assert_int_equal(journal_update(f->store, &in, T0, NULL, NULL), -EALREADY);
	}
	assert_value(f, "SELECT count(*) FROM move WHERE state = 'planned' OR reason IS NULL", "0");
}

static int
crash(const struct fixture *f)
{
	struct error err = {0};
	struct intent in = plan("s1");
	struct store *s = NULL;
	uint64_t id = 0;

	if (store_open(f->path, &s, &err) < 0 || journal_add(s, &in, T0, &id, &err) < 0)
		return 1;
	in.id = id;
	in.state = MOVE_STEERED;
	if (journal_update(s, &in, T0 + 1, NULL, &err) < 0)
		return 1;
	/* And a cycle that never ended. */
	if (store_begin(s, &err) < 0 || store_put_meta(s, "half", "done", &err) < 0)
		return 1;
	_exit(0); /* no close, no checkpoint */
}

static void
survives_a_crash(void **state)
{
	struct fixture *f = *state;
	struct journal_list list = {0};

	assert_int_equal(fixture_child(crash, f), 0);
	fixture_open(f);
	assert_ok(journal_open_moves(f->store, &list, err));
	assert_int_equal(list.n, 1);
	assert_int_equal(list.items[0].state, MOVE_STEERED);
	journal_list_done(&list);
	assert_value(f, "SELECT value FROM meta WHERE key = 'half'", "-");
}

static void
check_list(struct fixture *f, enum journal_filter filter, size_t most, const char *expected)
{
	struct journal_list list = {0};
	char text[256] = "";

	assert_ok(journal_list(f->store, filter, most, &list, err));
	for (size_t i = 0; i < list.n; i++)
		(void) snprintf(text + strlen(text), 32, "%llu ",
		                (unsigned long long) list.items[i].id);
	journal_list_done(&list);
	assert_string_equal(text, expected);
}

static void
lists_what_is_open_and_what_can_be_undone(void **state)
{
	static const enum move_state states[] = {
	    MOVE_PLANNED, MOVE_STEERED,  MOVE_VERIFIED, MOVE_SETTLED, MOVE_DONE,    MOVE_REVERTING,
	    MOVE_BLOCKED, MOVE_REVERTED, MOVE_GAVE_UP,  MOVE_FOREIGN, MOVE_REFUSED, MOVE_DONE};
	struct fixture *f = *state;
	struct intent undo = plan("s1");

	check_list(f, JOURNAL_ALL, 0, "");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct intent in = plan("s1");

		add(f, &in);
		put_state(f, &in, states[i]);
	}
	check_list(f, JOURNAL_ALL, 3, "12 11 10 ");
	check_list(f, JOURNAL_OPEN, 0, "7 6 4 3 2 1 ");
	check_list(f, JOURNAL_UNDOABLE, 0, "12 5 ");
	/* An undo that is open or done takes it off the list, one that failed puts it back. */
	undo.kind = MOVE_KIND_UNDO;
	undo.undo_of = 5;
	add(f, &undo);
	check_list(f, JOURNAL_UNDOABLE, 0, "12 ");
	put_state(f, &undo, MOVE_GAVE_UP);
	check_list(f, JOURNAL_UNDOABLE, 0, "12 5 ");
	undo.state = MOVE_PLANNED;
	add(f, &undo);
	put_state(f, &undo, MOVE_DONE);
	check_list(f, JOURNAL_UNDOABLE, 0, "12 ");
	assert_value(f, "SELECT undone_by FROM v_moves WHERE move_id = 5", "14");
	assert_int_equal(journal_list(f->store, (enum journal_filter) 9, 0, NULL, NULL), -EINVAL);
	assert_int_equal(
	    journal_list(f->store, (enum journal_filter)(JOURNAL_UNDOABLE + 1), 0, NULL, NULL),
	    -EINVAL);
}

static void
an_unknown_state_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct intent in = plan("s1"), back = {0};
	struct journal_list list = {0};

	add(f, &in);
	assert_ok(sql_exec(f->store->sql.db, "UPDATE move SET state = 'teleporting'", err));
	assert_refused(journal_get(f->store, 1, &back, err), EUCLEAN, "teleporting");
	assert_refused(journal_check(f->store, err), EUCLEAN, "teleporting");
	/* And it counts as open: it must be looked at before anything else is done. */
	assert_refused(journal_open_moves(f->store, &list, err), EUCLEAN, "newer forager");
	assert_null(list.items);
}

/* Whatever the disk made of a row: it is not read, and the database is not opened to act upon it.
 */
static void
a_changed_row_is_damaged(void **state)
{
	static const char *const changes[] = {
	    "before = replace(before, 'null', 'nulk')",
	    "added = replace(added, 'n1', 'n2')",
	    "service_id = 's2'",
	    "to_id = 'other'",
	    "from_name = NULL",
	    "version_before = version_before + 1",
	    "rest_hash = 0",
	    "deadline_wall_ms = deadline_wall_ms + 1",
	    "kind = 'undo'",
	    "state = 'settled'",
	};
	struct fixture *f = *state;
	struct intent in = plan("s1"), back = {0};

	add(f, &in);
	put_state(f, &in, MOVE_STEERED);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		_cleanup_(freep) char *text = xasprintf("UPDATE move SET %s", changes[i]);
		struct store *second = NULL;

		assert_ok(sql_exec(f->store->sql.db, text, err));
		assert_refused(journal_get(f->store, 1, &back, err), EUCLEAN, "is damaged");
		assert_refused(store_open(f->path, &second, err), EUCLEAN, "move 1 in the journal");
		put_state(f, &in, MOVE_STEERED);
		assert_ok(journal_get(f->store, 1, &back, err));
		journal_intent_done(&back);
	}
	/* One of an older forager has no checksum; one that has ended counts, too: it may be
	 * undone. */
	assert_ok(
	    sql_exec(f->store->sql.db, "UPDATE move SET to_id = 'other', checksum = NULL", err));
	assert_ok(journal_get(f->store, 1, &back, err));
	journal_intent_done(&back);
	put_state(f, &in, MOVE_DONE);
	assert_ok(sql_exec(f->store->sql.db, "UPDATE move SET to_id = 'other'", err));
	fixture_close(f);
	assert_refused(store_open(f->path, &f->store, err), EUCLEAN, "move 1 in the journal");
}

/* What an earlier forager wrote down is read by this one: the checksum is a part of the format. */
static void
the_checksum_stays(void **state)
{
	struct fixture *f = *state;
	struct intent in = plan("s1"), back = {0};

	add(f, &in);
	assert_ok(sql_exec(f->store->sql.db, "UPDATE move SET checksum = 1", err));
	assert_refused(journal_get(f->store, 1, &back, err), EUCLEAN, "is damaged");
	assert_ok(
	    sql_exec(f->store->sql.db, "UPDATE move SET checksum = -2454157637336540285", err));
	assert_ok(journal_get(f->store, 1, &back, err));
	journal_intent_done(&back);
}

static void
copies_are_deep(void **state)
{
	struct intent in = plan("s1"), copy;

	(void) state;
	in.reason = xstrdup("because");
	journal_intent_copy(&in, &copy);
	in.reason[0] = 'X';
	assert_string_equal(copy.reason, "because");
	assert_ptr_not_equal(copy.before, in.before);
	assert_null(copy.to_name);
	free(in.reason);
	journal_intent_done(&copy);
	assert_null(copy.reason);
}

/* ---- a store that fails ---- */

/* One call of each kind on a journal with one move, id 1. */
enum call { ADD, UPDATE, NOTE, GET, LIST, CALLS };

static int
make_call(struct store *s, enum call call, struct error *err)
{
	struct intent in = plan("s1"), got = {0};
	struct journal_list list = {0};
	uint64_t id = 0;
	int r;

	switch (call) {
	case ADD:
		r = journal_add(s, &in, T0, &id, err);
		assert_true((r == 0) == (id != 0));
		return r;
	case UPDATE:
		in.id = 1;
		in.state = MOVE_STEERED;
		return journal_update(s, &in, T0, NULL, err);
	case NOTE:
		return journal_note(s, 1, T0, "x", err);
	case GET:
		r = journal_get(s, 1, &got, err);
		assert_true((r == 0) == (got.id == 1));
		journal_intent_done(&got);
		return r;
	default:
		r = journal_list(s, JOURNAL_ALL, 0, &list, err);
		assert_true((r == 0) == (list.n == 1));
		journal_list_done(&list);
		return r;
	}
}

static void
assert_untouched(struct fixture *f)
{
	assert_value(f, "SELECT group_concat(id || state) FROM move", "1verified");
	assert_value(f, "SELECT group_concat(seq || state) FROM move_event", "1planned,2verified");
}

static void
add_one(struct fixture *f)
{
	struct intent in = plan("s1");

	add(f, &in);
	put_state(f, &in, MOVE_VERIFIED);
}

/* SQLite asks it every so many steps of a statement; the k-th time it says: stop. */
static int
countdown(void *data)
{
	unsigned *left = data;

	return (*left)-- == 0;
}

#define ROWS_AND_EVENTS                                                                            \
	"SELECT (SELECT group_concat(id || state) FROM move) || '/' || "                           \
	"(SELECT group_concat(seq || state) FROM (SELECT * FROM move_event ORDER BY move_id, "     \
	"seq))"

/* What stands there when the call has happened, by enum call. */
static const char *const happened[] = {
    "1verified,2planned/1planned,2verified,1planned",
    "1steered/1planned,2verified,3steered",
    "1verified/1planned,2verified,3verified",
    "1verified/1planned,2verified",
    "1verified/1planned,2verified",
    "1verified/1planned,2verified",
};

/* 0: done and told so. An error at the very end of COMMIT may come from a commit that was made. */
static int
interrupt(struct fixture *f, enum call call, unsigned k)
{
	struct error why = {0};
	char *now;
	int r;

	sqlite3_progress_handler(f->store->sql.db, 1, countdown, &k);
	r = make_call(f->store, call, &why);
	sqlite3_progress_handler(f->store->sql.db, 0, NULL, NULL);
	now = fixture_get(f, ROWS_AND_EVENTS);
	if (strcmp(now, happened[call]) != 0 &&
	    (r == 0 || strcmp(now, "1verified/1planned,2verified") != 0))
		fail_msg("call %u: %d, and there is %s", (unsigned) call, r, now);
	free(now);
	assert_int_equal(r, why.code);
	assert_false(store_in_cycle(f->store));
	assert_ok(sql_exec(f->store->sql.db,
	                   "DELETE FROM move_event WHERE seq > 2 OR move_id > 1;"
	                   "DELETE FROM move WHERE id > 1; UPDATE move SET state = 'verified', "
	                   "checksum = NULL;"
	                   "DELETE FROM sqlite_sequence WHERE name = 'move';"
	                   "INSERT INTO sqlite_sequence VALUES ('move', 1)",
	                   err));
	return r;
}

/* Interrupted after k steps of SQLite's, for every k: all or nothing, and never a wrong answer. */
static void
interrupted_anywhere(void **state)
{
	struct fixture *f = *state;

	add_one(f);
	for (int call = 0; call < CALLS; call++) {
		unsigned k = 0;

		while (interrupt(f, (enum call) call, k) < 0)
			k++;
		assert_true(k > 5);
	}
}

/* Without its tables nothing works, and nothing pretends to. */
static void
without_tables(void **state)
{
	static const struct {
		const char *table, *why;
		unsigned calls; /* that need it */
	} cases[] = {
	    {"move_event", "no such table: move_event", 1 << ADD | 1 << UPDATE | 1 << NOTE},
	    {"move", "no such table: move",
	     1 << ADD | 1 << UPDATE | 1 << NOTE | 1 << GET | 1 << LIST},
	};
	struct fixture *f = *state;

	add_one(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int call = 0; call < CALLS; call++) {
			struct error why = {0};
			char text[96];
			int r;

			fixture_close(f);
			fixture_open(f);
			if ((cases[i].calls & 1u << call) == 0)
				continue;
			(void) snprintf(text, sizeof(text),
			                "PRAGMA legacy_alter_table = on; "
			                "ALTER TABLE %s RENAME TO gone",
			                cases[i].table);
			assert_ok(sql_exec(f->store->sql.db, text, err));
			r = make_call(f->store, (enum call) call, &why);
			if (r >= 0 || r != why.code || strstr(why.text, cases[i].why) == NULL)
				fail_msg("%s, call %d: %d: %s", cases[i].table, call, r, why.text);
			(void) snprintf(text, sizeof(text), "ALTER TABLE gone RENAME TO %s",
			                cases[i].table);
			assert_ok(sql_exec(f->store->sql.db, text, err));
			assert_untouched(f);
		}
	}
}

/* The k-th statement that is new to the store cannot be prepared, for every k. */
static void
without_room_for_statements(void **state)
{
	static const char keys[SQL_CACHE];
	struct fixture *f = *state;

	add_one(f);
	for (int call = 0; call < CALLS; call++) {
		int r = -1;

		for (size_t room = 0; r < 0; room++) {
			struct error why = {0};
			struct sql *sql;

			fixture_close(f);
			fixture_open(f);
			sql = &f->store->sql;
			while (sql->n_cache + room < SQL_CACHE) {
				sql->cache[sql->n_cache].key = &keys[sql->n_cache];
				sql->cache[sql->n_cache++].stmt = NULL;
			}
			r = make_call(f->store, (enum call) call, &why);
			assert_int_equal(r, why.code);
			if (r < 0) {
				assert_non_null(strstr(why.text, "too many statements"));
				store_rollback(f->store);
				fixture_close(f);
				fixture_open(f);
				assert_untouched(f);
			}
			assert_true(room < SQL_CACHE);
		}
		fixture_close(f);
		fixture_open(f);
		assert_ok(sql_exec(f->store->sql.db,
		                   "DELETE FROM move_event WHERE seq > 2 OR move_id > 1;"
		                   "DELETE FROM move WHERE id > 1",
		                   err));
		if (call == UPDATE)
			break; /* its row is another now */
	}
}

static int
refuse(void *data)
{
	(void) data;
	return 1;
}

/* What the disk does not take has not happened. */
static void
commit_fails(void **state)
{
	struct fixture *f = *state;

	add_one(f);
	for (int call = 0; call <= NOTE; call++) {
		struct error why = {0};

		(void) sqlite3_commit_hook(f->store->sql.db, refuse, NULL);
		assert_true(make_call(f->store, (enum call) call, &why) < 0);
		(void) sqlite3_commit_hook(f->store->sql.db, NULL, NULL);
		assert_true(str_has_prefix(why.text, "write the journal: "));
		assert_untouched(f);
		assert_ok(make_call(f->store, (enum call) LIST, err));
	}
}

static void
nothing_to_free(void **state)
{
	(void) state;
	journal_list_done(NULL);
	assert_false(journal_state_ended((enum move_state) 99));
}

int
main(void)
{
#define OPEN(t) cmocka_unit_test_setup_teardown(t, fixture_open_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    OPEN(comes_back_whole),
	    OPEN(refuses_nonsense),
	    OPEN(history_is_not_rewritten),
	    cmocka_unit_test_setup_teardown(survives_a_crash, fixture_setup, fixture_teardown),
	    OPEN(lists_what_is_open_and_what_can_be_undone),
	    OPEN(an_unknown_state_is_an_error),
	    OPEN(a_changed_row_is_damaged),
	    OPEN(the_checksum_stays),
	    cmocka_unit_test(copies_are_deep),
	    OPEN(interrupted_anywhere),
	    OPEN(without_tables),
	    OPEN(without_room_for_statements),
	    OPEN(commit_fails),
	    cmocka_unit_test(nothing_to_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
