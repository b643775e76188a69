/* The writer's thread: order, completions on the loop, failures, a full queue, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/writer.h"
#include "base/util.h"
#include "storage/store.h"

struct fixture {
	char dir[64];
	char *path;
	uv_loop_t loop;
	struct writer *writer;
	bool closed;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct store *store = NULL;
	struct error err = {0};

	(void) str_copy(f->dir, sizeof(f->dir), "/tmp/forager-test-writer-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/forager.db", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(store_open(f->path, &store, &err), 0);
	assert_int_equal(writer_new(&f->loop, store, &f->writer, &err), 0);
	*state = f;
	return 0;
}

static void
on_closed(void *data)
{
	struct fixture *f = data;

	f->closed = true;
}

/* Every test ends with the loop empty: nothing may be left open. */
static int
tear_down(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *command = xasprintf("rm -r '%s'", f->dir);

	if (!f->closed) {
		writer_close(f->writer, on_closed, f);
		(void) uv_run(&f->loop, UV_RUN_DEFAULT);
	}
	assert_true(f->closed);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(system(command), 0);
	free(f->path);
	free(f);
	return 0;
}

struct job {
	struct fixture *fixture;
	int n;       /* what it writes */
	int fails;   /* errno, 0 = works */
	bool silent; /* fails without a text */
	bool leaves_open;
	uv_thread_t loop_thread, ran_on;
	int done;  /* how often its completion ran */
	int order; /* when, of all */
	int code;
	int *counter;
};

static int
work(struct store *s, void *data, struct error *err)
{
	struct job *j = data;
	char value[32];

	j->ran_on = uv_thread_self();
	(void) snprintf(value, sizeof(value), "%d", j->n);
	if (j->leaves_open) {
		int r = store_begin(s, err);

		return r < 0 ? r : store_put_meta(s, "left", value, err);
	}
	if (j->fails != 0)
		return j->silent ? -j->fails : error_set(err, j->fails, "as asked");
	return store_put_meta(s, "last", value, err);
}

static void
job_done(void *data, const struct error *err)
{
	struct job *j = data;

	j->done++;
	j->order = (*j->counter)++;
	j->code = err->code;
	assert_true(err->code == 0 || err->text[0] != '\0');
}

static void
close_now(struct fixture *f)
{
	writer_close(f->writer, on_closed, f);
	assert_false(f->closed);
	(void) uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(f->closed);
}

static char *
stored(const struct fixture *f, const char *key)
{
	_cleanup_(store_closep) struct store *s = NULL;
	struct error err = {0};
	char *value = NULL;

	assert_int_equal(store_open(f->path, &s, &err), 0);
	if (store_get_meta(s, key, &value, &err) < 0)
		return NULL;
	return value;
}

static void
test_in_order_on_its_own_thread(void **state)
{
	struct fixture *f = *state;
	struct job jobs[100] = {0};
	uv_thread_t self = uv_thread_self();
	_cleanup_(freep) char *last = NULL;
	int counter = 0;

	for (int i = 0; i < 100; i++) {
		jobs[i] = (struct job){.fixture = f, .n = i, .counter = &counter};
		writer_submit(f->writer, work, job_done, &jobs[i]);
		assert_int_equal(jobs[i].done, 0); /* never inside the call */
	}
	assert_int_equal(writer_pending(f->writer), 100);
	close_now(f);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(jobs[i].done, 1);
		assert_int_equal(jobs[i].order, i);
		assert_int_equal(jobs[i].code, 0);
		assert_false(uv_thread_equal(&self, &jobs[i].ran_on));
	}
	last = stored(f, "last");
	assert_string_equal(last, "99");
}

static void
test_failures_are_reported_and_the_next_works(void **state)
{
	struct fixture *f = *state;
	int counter = 0;
	struct job jobs[] = {
	    {.n = 1, .fails = ENOSPC},
	    {.n = 2, .fails = EIO, .silent = true},
	    {.n = 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i].counter = &counter;
		writer_submit(f->writer, work, job_done, &jobs[i]);
	}
	close_now(f);
	assert_int_equal(jobs[0].code, -ENOSPC);
	assert_int_equal(jobs[1].code, -EIO);
	assert_int_equal(jobs[2].code, 0);
}

static void
test_an_open_transaction_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	int counter = 0;
	struct job leaves = {.n = 1, .leaves_open = true, .counter = &counter};
	struct job next = {.n = 2, .counter = &counter};
	_cleanup_(freep) char *left = NULL, *last = NULL;

	writer_submit(f->writer, work, job_done, &leaves);
	writer_submit(f->writer, work, job_done, &next);
	close_now(f);
	left = stored(f, "left");
	last = stored(f, "last");
	assert_null(left);
	assert_string_equal(last, "2");
}

/* Holds the writer's thread until the test lets it go: what comes meanwhile fills the queue. */
struct gate {
	uv_sem_t open;
	int done;
};

static int
wait_at_gate(struct store *s, void *data, struct error *err)
{
	struct gate *g = data;

	(void) s;
	(void) err;
	uv_sem_wait(&g->open);
	return 0;
}

static void
gate_done(void *data, const struct error *err)
{
	struct gate *g = data;

	assert_int_equal(err->code, 0);
	g->done++;
}

static void
test_a_full_queue_refuses(void **state)
{
	struct fixture *f = *state;
	struct job jobs[WRITER_QUEUE + 10] = {0};
	struct gate gate = {0};
	int counter = 0, refused = 0;

	assert_int_equal(uv_sem_init(&gate.open, 0), 0);
	writer_submit(f->writer, wait_at_gate, gate_done, &gate);
	for (int i = 0; i < WRITER_QUEUE + 10; i++) {
		jobs[i] = (struct job){.n = i, .counter = &counter};
		writer_submit(f->writer, work, job_done, &jobs[i]);
	}
	uv_sem_post(&gate.open);
	close_now(f);
	uv_sem_destroy(&gate.open);
	assert_int_equal(gate.done, 1);
	for (int i = 0; i < WRITER_QUEUE + 10; i++) {
		assert_int_equal(jobs[i].done, 1);
		assert_true(jobs[i].code == 0 || jobs[i].code == -EAGAIN);
		refused += jobs[i].code == -EAGAIN;
	}
	assert_int_equal(refused, 11); /* the gate holds one place */
}

/* A completion may give the next batch, also while the writer is closing: it is told so. */
static void
chain_done(void *data, const struct error *err)
{
	struct job *j = data;

	j->done++;
	j->code = err->code;
	if (j->done == 1)
		writer_submit(j->fixture->writer, work, chain_done, j);
}

static void
test_a_completion_may_submit(void **state)
{
	struct fixture *f = *state;
	struct job j = {.fixture = f, .n = 7};

	writer_submit(f->writer, work, chain_done, &j);
	while (j.done < 2)
		(void) uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(j.code, 0);
	assert_int_equal(writer_pending(f->writer), 0);

	j.done = 0;
	writer_submit(f->writer, work, chain_done, &j);
	close_now(f);
	assert_int_equal(j.done, 2);
	assert_int_equal(j.code, -EAGAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_in_order_on_its_own_thread, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_failures_are_reported_and_the_next_works, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(test_an_open_transaction_is_rolled_back, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(test_a_full_queue_refuses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_a_completion_may_submit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
