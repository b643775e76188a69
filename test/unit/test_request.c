/* Requests of the CLI: taken once, in order, and never as a surprise. */
#include "test/unit/store_fixture.h"

#include "storage/request.h"

#define T0 1700000000000LL

static uint64_t
add(struct fixture *f, const char *kind, int64_t at_ms)
{
	uint64_t id = 0;

	assert_ok(request_add(f->store, kind, "{\"service\":\"web\"}", "ann", at_ms, &id, err));
	return id;
}

static void
goes_its_way(void **state)
{
	struct fixture *f = *state;
	struct store *cli = NULL;
	struct request r = {0};
	uint64_t id;

	/* Two connections, as there are two programs. */
	assert_ok(store_open(f->path, &cli, err));
	assert_int_equal(request_waiting(f->store, NULL), 0);
	assert_int_equal(request_take(f->store, T0, 0, &r, NULL), 0);
	assert_ok(request_add(cli, "move", "{\"service\":\"web\"}", NULL, T0, &id, err));
	assert_int_equal(request_waiting(f->store, NULL), 1);
	assert_int_equal(request_take(f->store, T0 + 1, 60000, &r, NULL), 1);
	assert_true(r.id == id && r.state == REQUEST_TAKEN && r.taken_ms == T0 + 1);
	assert_string_equal(r.kind, "move");
	assert_string_equal(r.args, "{\"service\":\"web\"}");
	assert_null(r.who);
	request_done(&r);
	assert_int_equal(request_take(f->store, T0 + 1, 60000, &r, NULL), 0);
	assert_refused(request_cancel(cli, id, T0 + 2, err), EALREADY, "taken already");
	assert_refused(request_finish(f->store, id, REQUEST_TAKEN, NULL, 0, T0 + 3, err), EINVAL,
	               "ends");
	assert_ok(request_finish(f->store, id, REQUEST_REFUSED, "pinned", 3, T0 + 3, err));
	assert_ok(request_get(cli, id, &r, err));
	assert_true(request_ended(r.state) && r.state == REQUEST_REFUSED && r.exit_code == 3);
	assert_string_equal(r.result, "pinned");
	assert_true(r.ended_ms == T0 + 3 && r.created_ms == T0);
	request_done(&r);
	request_done(NULL);
	assert_refused(request_finish(f->store, id, REQUEST_DONE, "", 0, T0 + 4, err), EALREADY,
	               "refused already");
	store_close(cli);
}

static void
oldest_first(void **state)
{
	struct fixture *f = *state;
	struct request r = {0};
	uint64_t first = add(f, "a", T0 + 5), second = add(f, "b", T0);

	assert_true(second > first);
	assert_int_equal(request_take(f->store, T0, 0, &r, NULL), 1);
	assert_string_equal(r.kind, "a");
	assert_string_equal(r.who, "ann");
	request_done(&r);
}

static void
stale_ones_are_refused(void **state)
{
	struct fixture *f = *state;
	struct request r = {0};
	uint64_t old = add(f, "old", T0), new = add(f, "new", T0 + 50000);

	assert_int_equal(request_take(f->store, T0 + 60001, 60000, &r, NULL), 1);
	assert_true(r.id == new);
	request_done(&r);
	assert_ok(request_get(f->store, old, &r, err));
	assert_true(r.state == REQUEST_REFUSED && r.exit_code == 3);
	request_done(&r);
	/* Only stale ones: none is taken, and they are refused all the same. */
	old = add(f, "old", T0);
	assert_int_equal(request_take(f->store, T0 + 60001, 60000, &r, NULL), 0);
	assert_int_equal(request_waiting(f->store, NULL), 0);
}

static void
given_up_and_left_behind(void **state)
{
	struct fixture *f = *state;
	struct request r = {0};
	uint64_t id = add(f, "a", T0);

	assert_ok(request_cancel(f->store, id, T0, err));
	assert_refused(request_cancel(f->store, id, T0, err), EALREADY, "refused");
	assert_int_equal(request_take(f->store, T0, 0, &r, NULL), 0);
	(void) add(f, "b", T0);
	assert_int_equal(request_fail_taken(f->store, T0, NULL), 0);
	assert_int_equal(request_take(f->store, T0, 0, &r, NULL), 1);
	request_done(&r);
	assert_int_equal(request_fail_taken(f->store, T0 + 1, NULL), 1);
	assert_value(f, "SELECT state || exit_code FROM v_requests WHERE kind = 'b'", "failed1");
	assert_refused(request_get(f->store, 99, &r, err), ENOENT, "no request 99");
	assert_refused(request_cancel(f->store, 99, T0, err), ENOENT, "no request 99");
	assert_refused(request_finish(f->store, 99, REQUEST_DONE, NULL, 0, T0, err), ENOENT,
	               "no request 99");
}

static void
refuses_nonsense(void **state)
{
	static const char *const args[] = {NULL, "", "[]", "{", "{\"a\":1,\"a\":2}", "null"};
	struct fixture *f = *state;
	char *big = xcalloc(1, 70001);
	uint64_t id = 0;

	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		assert_refused(request_add(f->store, "a", args[i], NULL, T0, &id, err), EINVAL,
		               "arguments");
	memset(big, ' ', 70000);
	big[0] = '{';
	big[69999] = '}';
	assert_refused(request_add(f->store, "a", big, NULL, T0, &id, err), EINVAL, "too long");
	free(big);
	assert_refused(request_add(f->store, NULL, "{}", NULL, T0, &id, err), EINVAL, "kind");
	assert_ok(store_begin(f->store, err));
	assert_refused(request_add(f->store, "a", "{}", NULL, T0, &id, err), EINVAL,
	               "commit the cycle");
	store_rollback(f->store);
	assert_true(id == 0);
}

int
main(void)
{
#define OPEN(t) cmocka_unit_test_setup_teardown(t, fixture_open_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    OPEN(goes_its_way),           OPEN(oldest_first),
	    OPEN(stale_ones_are_refused), OPEN(given_up_and_left_behind),
	    OPEN(refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
