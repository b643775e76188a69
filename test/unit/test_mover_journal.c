/* The mover's journals: over the writer's thread and over a store of one's own, the same rows. */
#include "test/unit/store_fixture.h"

#include "agent/mover_journal.h"
#include "agent/writer.h"
#include "storage/journal.h"

#define T0 1700000000000LL

struct world {
	struct fixture *f;
	uv_loop_t loop;
	struct writer *writer; /* NULL: directly over the store */
	struct mover_journal journal;

	unsigned n_stored, n_listed;
	bool inside; /* a call is under way */
	bool called_inside;
	uint64_t id;
	int code; /* of the newest completion */
	char list[128];
};

static void
world_open(struct world *w, struct fixture *f, bool threaded)
{
	struct store *store = f->store;

	*w = (struct world){.f = f};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	if (!threaded) {
		w->journal = mover_journal_store(store);
		return;
	}
	f->store = NULL; /* the writer's from now on */
	assert_ok(writer_new(&w->loop, store, &w->writer, err));
	w->journal = mover_journal_writer(w->writer);
}

static void
world_close(struct world *w)
{
	if (w->writer != NULL)
		writer_close(w->writer, NULL, NULL);
	(void) uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void
on_stored(void *ctx, uint64_t id, const struct error *err)
{
	struct world *w = ctx;

	w->n_stored++;
	w->called_inside = w->inside;
	w->id = id;
	w->code = err != NULL ? err->code : 0;
}

static void
on_listed(void *ctx, const struct intent *rows, size_t n, const struct error *err)
{
	struct world *w = ctx;
	size_t at = 0;

	w->n_listed++;
	w->called_inside = w->inside;
	w->code = err != NULL ? err->code : 0;
	w->list[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t) snprintf(w->list + at, sizeof(w->list) - at, "%llu%s ",
		                        (unsigned long long) rows[i].id,
		                        move_state_names[rows[i].state]);
}

/* What is passed in is good for the length of the call only. */
static void
store_row(struct world *w, uint64_t id, enum move_state state)
{
	unsigned before = w->n_stored;
	struct intent in = {.id = id,
	                    .kind = MOVE_KIND_MOVE,
	                    .state = state,
	                    .service_id = "s1",
	                    .service_name = xstrdup("web"),
	                    .created_wall_ms = T0};

	w->inside = true;
	if (id == 0)
		w->journal.add(w->journal.data, &in, on_stored, w);
	else
		w->journal.update(w->journal.data, &in, on_stored, w);
	w->inside = false;
	memset(in.service_name, 'x', 3);
	journal_intent_done(&in);
	while (w->n_stored == before)
		(void) uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(w->n_stored, before + 1);
	assert_int_equal(w->called_inside, w->writer == NULL);
}

static void
assert_list(struct world *w, enum mover_list which, uint64_t id, const char *want)
{
	unsigned before = w->n_listed;

	w->inside = true;
	w->journal.list(w->journal.data, which, id, on_listed, w);
	w->inside = false;
	while (w->n_listed == before)
		(void) uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(w->n_listed, before + 1);
	assert_int_equal(w->called_inside, w->writer == NULL);
	assert_int_equal(w->code, 0);
	assert_string_equal(w->list, want);
}

static void
check_rows(struct fixture *f, bool threaded)
{
	struct world w;

	world_open(&w, f, threaded);
	assert_list(&w, MOVER_LIST_OPEN, 0, "");
	for (uint64_t i = 1; i <= 9; i++) {
		store_row(&w, 0, MOVE_PLANNED);
		assert_int_equal(w.code, 0);
		assert_true(w.id == i);
	}
	store_row(&w, 2, MOVE_DONE);
	assert_int_equal(w.code, 0);
	assert_true(w.id == 2);
	store_row(&w, 4, MOVE_DONE);
	/* The open ones oldest first, whether they are many or one; what can be undone newest
	 * first. */
	assert_list(&w, MOVER_LIST_OPEN, 0,
	            "1planned 3planned 5planned 6planned 7planned 8planned 9planned ");
	assert_list(&w, MOVER_LIST_UNDOABLE, 0, "4done 2done ");
	assert_list(&w, MOVER_LIST_ID, 4, "4done ");
	assert_list(&w, MOVER_LIST_ID, 10, "");
	for (uint64_t i = 6; i <= 9; i++)
		store_row(&w, i, MOVE_REFUSED);
	assert_list(&w, MOVER_LIST_OPEN, 0, "1planned 3planned 5planned ");
	store_row(&w, 3, MOVE_REFUSED);
	assert_list(&w, MOVER_LIST_OPEN, 0, "1planned 5planned ");
	store_row(&w, 1, MOVE_REFUSED);
	assert_list(&w, MOVER_LIST_OPEN, 0, "5planned ");
	/* What cannot be stored is told; a row keeps its state. */
	store_row(&w, 11, MOVE_DONE);
	assert_int_equal(w.code, -ENOENT);
	store_row(&w, 4, MOVE_PLANNED);
	assert_int_equal(w.code, -EALREADY);
	assert_list(&w, MOVER_LIST_ID, 4, "4done ");
	world_close(&w);
	if (threaded)
		fixture_open(f);
	assert_value(f, "SELECT count(*) FROM move WHERE service_name = 'web'", "9");
	assert_value(f,
	             "SELECT min(at_ms) > 1700000000000 AND max(at_ms) - min(at_ms) < 60000 "
	             "FROM move_event",
	             "1");
}

static void
test_rows_by_writer(void **state)
{
	check_rows(*state, true);
}

static void
test_rows_by_store(void **state)
{
	check_rows(*state, false);
}

/* A journal that cannot be read gives no rows and says why. */
static void
check_failure(struct fixture *f, bool threaded)
{
	static const enum mover_list lists[] = {MOVER_LIST_OPEN, MOVER_LIST_UNDOABLE,
	                                        MOVER_LIST_ID};
	struct world w;

	assert_ok(sql_exec(f->store->sql.db,
	                   "PRAGMA legacy_alter_table = on; ALTER TABLE move RENAME TO gone", err));
	world_open(&w, f, threaded);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		unsigned before = w.n_listed;

		(void) strcpy(w.list, "?");
		w.journal.list(w.journal.data, lists[i], 1, on_listed, &w);
		while (w.n_listed == before)
			(void) uv_run(&w.loop, UV_RUN_ONCE);
		assert_true(w.code < 0);
		assert_string_equal(w.list, "");
	}
	store_row(&w, 0, MOVE_PLANNED);
	assert_true(w.code < 0);
	world_close(&w);
}

static void
test_failure_by_writer(void **state)
{
	check_failure(*state, true);
}

static void
test_failure_by_store(void **state)
{
	check_failure(*state, false);
}

int
main(void)
{
#define OPEN(t) cmocka_unit_test_setup_teardown(t, fixture_open_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    OPEN(test_rows_by_writer),
	    OPEN(test_rows_by_store),
	    OPEN(test_failure_by_writer),
	    OPEN(test_failure_by_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
