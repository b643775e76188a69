/* What the command line asks foragerd for is answered, also when the disk fails once. */
#include "test/unit/store_fixture.h"

#include "agent/agent_priv.h"
#include "storage/request.h"

struct wishes {
	struct fixture *f;
	struct agent *a;
	bool closed;
};

static int
set_up(void **state)
{
	struct wishes *w = xcalloc(1, sizeof(*w));
	struct error err = {0};

	log_set_level(LOG_LEVEL_ERROR); /* what could not be answered is told as a warning */
	*state = w;
	if (fixture_open_setup((void **) &w->f) < 0)
		return -1;
	w->a = xcalloc(1, sizeof(*w->a));
	w->a->config = config_new();
	assert_int_equal(uv_loop_init(&w->a->loop), 0);
	return writer_new(&w->a->loop, take_ptr(w->f->store), &w->a->writer, &err);
}

static void
on_closed(void *data)
{
	struct wishes *w = data;

	w->closed = true;
}

static int
tear_down(void **state)
{
	struct wishes *w = *state;

	w->a->stopping = true;
	agent_wishes_done(w->a);
	writer_close(w->a->writer, on_closed, w);
	(void) uv_run(&w->a->loop, UV_RUN_DEFAULT);
	assert_true(w->closed);
	assert_null(w->a->unanswered);
	assert_int_equal(uv_loop_close(&w->a->loop), 0);
	config_free(w->a->config);
	free(w->a);
	(void) fixture_teardown((void **) &w->f);
	free(w);
	return 0;
}

/* As the timer does, and until the writer has nothing to do any more. */
static void
poll_once(struct wishes *w)
{
	agent_poll_requests(w->a);
	while (writer_pending(w->a->writer) > 0 || w->a->requesting)
		(void) uv_run(&w->a->loop, UV_RUN_ONCE);
}

static void
ask(struct wishes *w, const char *kind)
{
	_cleanup_(store_closep) struct store *cli = NULL;
	uint64_t id;

	assert_ok(store_open(w->f->path, &cli, err));
	assert_ok(request_add(cli, kind, "{}", "ann", wall_ms(), &id, err));
}

static enum request_state
state_of(const struct wishes *w, uint64_t id)
{
	_cleanup_(store_closep) struct store *cli = NULL;
	_cleanup_(request_done) struct request row = {0};

	assert_ok(store_open(w->f->path, &cli, err));
	assert_ok(request_get(cli, id, &row, err));
	return row.state;
}

static void
break_answers(const struct wishes *w)
{
	fixture_plain(w->f, "CREATE TRIGGER broken BEFORE UPDATE OF state ON request "
	                    "WHEN new.state = 'done' BEGIN SELECT RAISE(FAIL, 'disk'); END");
}

static void
is_answered(void **state)
{
	struct wishes *w = *state;

	ask(w, "pause");
	poll_once(w);
	assert_int_equal(state_of(w, 1), REQUEST_DONE);
	assert_true(w->a->paused_since_ms > 0);
}

/* Whoever asked waits as long as foragerd runs. */
static void
is_answered_when_the_disk_is_well_again(void **state)
{
	struct wishes *w = *state;

	break_answers(w);
	ask(w, "pause");
	ask(w, "resume");
	for (unsigned round = 0; round < 3; round++)
		poll_once(w);
	assert_int_equal(state_of(w, 1), REQUEST_TAKEN);
	assert_int_equal(state_of(w, 2), REQUEST_TAKEN);
	fixture_plain(w->f, "DROP TRIGGER broken");
	poll_once(w);
	assert_int_equal(state_of(w, 1), REQUEST_DONE);
	assert_int_equal(state_of(w, 2), REQUEST_DONE);
	assert_null(w->a->unanswered);
}

/* A commit that failed and stands all the same; a row that somebody took away. */
static void
is_not_answered_for_ever(void **state)
{
	static const char *const ends[] = {"UPDATE request SET state = 'failed'",
	                                   "DELETE FROM request"};
	struct wishes *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		break_answers(w);
		ask(w, "pause");
		poll_once(w);
		assert_non_null(w->a->unanswered);
		fixture_plain(w->f, ends[i]);
		fixture_plain(w->f, "DROP TRIGGER broken");
		poll_once(w);
		assert_null(w->a->unanswered);
	}
}

/* The next start answers it: nothing is left in memory. */
static void
is_given_up_at_the_end(void **state)
{
	struct wishes *w = *state;

	break_answers(w);
	ask(w, "pause");
	poll_once(w);
	assert_non_null(w->a->unanswered);
}

int
main(void)
{
#define NEW(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    NEW(is_answered),
	    NEW(is_answered_when_the_disk_is_well_again),
	    NEW(is_not_answered_for_ever),
	    NEW(is_given_up_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
