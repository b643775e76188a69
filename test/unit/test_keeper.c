/* Keeping the lease against a scripted engine: taken, renewed, lost, raced for, given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/keeper.h"
#include "test/unit/fake_swarm.h"

#define NODE "node1aaaaaaaaaaaaaaaaaaaa"
#define KEY  "0123456789abcdef"
#define ME   NODE "-" KEY

static const char service[] = "{\"Name\":\"web\",\"TaskTemplate\":{\"Placement\":{}},"
                              "\"Mode\":{\"Replicated\":{\"Replicas\":1}}}";

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard, pulse;
	struct http *http;
	struct api *api;
	struct fake_swarm fake;
	struct keeper *keeper;
	unsigned int n_told, n_closed;
	struct error err;
	unsigned int races; /* so many writes of others fall before ours */
};

static void
on_guard(uv_timer_t *timer)
{
	(void) timer;
	fail_msg("the keeper hangs");
}

static void
on_pulse(uv_timer_t *timer)
{
	(void) timer;
}

static void
keeper_make(struct fixture *x, int64_t ttl_ms)
{
	struct keeper_options options = {.key = KEY, .host = "here", .ttl_ms = ttl_ms};

	x->keeper = keeper_new(&x->loop, x->api, &options);
}

static void
open_all(struct fixture *x, int64_t ttl_ms)
{
	struct api_options options = {.timeout_ms = 5000};
	_cleanup_(freep) char *url = NULL;

	memset(x, 0, sizeof(*x));
	api_global_init();
	assert_int_equal(uv_loop_init(&x->loop), 0);
	(void) uv_timer_init(&x->loop, &x->guard);
	(void) uv_timer_init(&x->loop, &x->pulse);
	(void) uv_timer_start(&x->guard, on_guard, 60000, 0);
	(void) uv_timer_start(&x->pulse, on_pulse, 1, 1);
	fake_open(&x->fake, &x->loop, service, (const uint32_t[]){0});
	x->fake.data = x;
	x->http = http_open(&x->loop);
	url = xasprintf("unix://%s", x->fake.path);
	options.url = url;
	assert_int_equal(api_new(x->http, &options, &x->api, NULL), 0);
	keeper_make(x, ttl_ms);
}

static void
on_closed(void *data)
{
	struct fixture *x = data;

	x->n_closed++;
	x->keeper = NULL;
}

static void
close_all(struct fixture *x)
{
	if (x->keeper != NULL)
		keeper_close(x->keeper, on_closed, x);
	while (x->keeper != NULL)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
	api_free(x->api);
	http_close(x->http, NULL, NULL);
	fake_close(&x->fake);
	uv_close((uv_handle_t *) &x->guard, NULL);
	uv_close((uv_handle_t *) &x->pulse, NULL);
	(void) uv_run(&x->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&x->loop), 0);
	fake_free(&x->fake);
}

static void
on_told(void *data, const struct error *err)
{
	struct fixture *x = data;

	x->n_told++;
	x->err = err != NULL ? *err : (struct error){0};
}

static int
acquire(struct fixture *x)
{
	unsigned int before = x->n_told;

	keeper_acquire(x->keeper, NODE, on_told, x);
	assert_int_equal(x->n_told, before);
	while (x->n_told == before)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
	return x->err.code;
}

static const char *
holder(const struct fixture *x)
{
	return json_string_value(json_object_get(x->fake.lease, "forager.lease.holder"));
}

static const char *
term(const struct fixture *x)
{
	return json_string_value(json_object_get(x->fake.lease, "forager.lease.term"));
}

static void
run_until_holder(struct fixture *x, const char *want)
{
	while (!streq(holder(x), want))
		(void) uv_run(&x->loop, UV_RUN_ONCE);
}

static void
test_take_and_give(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 0);
	assert_false(keeper_held(x.keeper));
	keeper_release(x.keeper); /* nothing to do, and nothing is sent */
	keeper_release(NULL);
	assert_int_equal(acquire(&x), 0);
	assert_true(keeper_held(x.keeper));
	assert_string_equal(holder(&x), ME);
	assert_string_equal(term(&x), "1");
	assert_int_equal(x.fake.n_lease_posts, 1);
	assert_int_equal(acquire(&x), 0); /* ours already: nothing is sent */
	assert_int_equal(x.fake.n_lease_posts, 1);
	keeper_release(x.keeper);
	assert_false(keeper_held(x.keeper));
	run_until_holder(&x, "");
	assert_int_equal(acquire(&x), 0);
	assert_string_equal(term(&x), "2");
	close_all(&x);
}

static void
test_given_back_at_close(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 0);
	assert_int_equal(acquire(&x), 0);
	keeper_close(x.keeper, on_closed, &x);
	while (x.n_closed == 0)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_string_equal(holder(&x), "");
	/* One that never had it writes nothing. */
	keeper_make(&x, 0);
	keeper_close(x.keeper, NULL, NULL);
	x.keeper = NULL;
	assert_int_equal(x.fake.n_lease_posts, 2);
	close_all(&x);
}

static void
test_renewed(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 2500);
	assert_int_equal(acquire(&x), 0);
	while (x.fake.n_lease_posts < 3) {
		assert_true(keeper_held(x.keeper));
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	}
	assert_string_equal(term(&x), "1");
	close_all(&x);
}

/* The Swarm is silent: what is not renewed is not ours any more, and it comes back by itself. */
static void
test_not_renewed(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 500);
	assert_int_equal(acquire(&x), 0);
	x.fake.lease_down = true;
	while (keeper_held(x.keeper))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(acquire(&x), -EIO);
	x.fake.lease_down = false;
	while (!keeper_held(x.keeper))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_string_equal(term(&x), "1");
	close_all(&x);
}

static void
test_lost(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 500);
	assert_int_equal(acquire(&x), 0);
	/* We were stopped, and another one took it: seen at the next renewal. */
	fake_lease_write(&x.fake, "him");
	while (keeper_held(x.keeper))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_string_equal(holder(&x), "him");
	keeper_release(x.keeper);
	close_all(&x);
}

/* A holder that is silent is waited out; the test's has a ttl of 600 ms. */
static void
test_silent_holder(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 0);
	fake_lease_write(&x.fake, "him");
	assert_int_equal(acquire(&x), 0);
	assert_string_equal(holder(&x), ME);
	assert_string_equal(term(&x), "1"); /* his had none */
	close_all(&x);
}

static void
beat(struct fake_swarm *f, const char *method, const char *target)
{
	if (streq(method, "GET") && strstr(target, "/configs") != NULL && f->n_requests > 3)
		fake_lease_write(f, "him");
}

static void
test_living_holder(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 0);
	fake_lease_write(&x.fake, "him");
	x.fake.on_request = beat;
	assert_int_equal(acquire(&x), -EBUSY);
	assert_non_null(strstr(x.err.text, "it runs on 'elsewhere'"));
	assert_int_equal(x.fake.n_lease_posts, 0);
	/* What was last seen in another life is no sign of life: a fresh look begins anew. */
	x.fake.on_request = NULL;
	fake_lease_write(&x.fake, "him");
	assert_int_equal(acquire(&x), 0);
	close_all(&x);
}

static void
race(struct fake_swarm *f, const char *method, const char *target)
{
	struct fixture *x = f->data;

	if (streq(method, "POST") && strstr(target, "/configs") != NULL && x->races > 0) {
		x->races--;
		fake_lease_write(f, NULL);
	}
}

static void
test_races(void **unused)
{
	(void) unused;
	/* Others write between our reading and our writing, the creation included. */
	for (unsigned int n = 1; n <= 5; n++) {
		struct fixture x;

		open_all(&x, 0);
		x.fake.on_request = race;
		x.races = n;
		assert_int_equal(acquire(&x), n < 5 ? 0 : -EAGAIN);
		assert_int_equal(x.fake.n_lease_posts, MIN(n + 1, 5));
		close_all(&x);
	}
}

static void
test_asked_again(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 0);
	keeper_acquire(x.keeper, NODE, on_told, &x);
	keeper_acquire(x.keeper, NODE, on_told, &x);
	assert_int_equal(x.n_told, 1);
	assert_int_equal(x.err.code, -ECANCELED);
	keeper_release(x.keeper);
	assert_int_equal(x.n_told, 2);
	assert_int_equal(x.err.code, -ECANCELED);
	/* Given back while it is being taken: it does not stay ours. */
	keeper_acquire(x.keeper, NODE, on_told, &x);
	while (x.fake.n_lease_posts == 0)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	keeper_release(x.keeper);
	run_until_holder(&x, "");
	close_all(&x);
}

static void
test_ttl(void **unused)
{
	struct fixture x;

	(void) unused;
	open_all(&x, 5000);
	assert_int_equal(acquire(&x), 0);
	assert_string_equal(json_string_value(json_object_get(x.fake.lease, LEASE_LABEL_TTL)),
	                    "5000");
	keeper_set_ttl(x.keeper, 0);
	keeper_release(x.keeper);
	run_until_holder(&x, "");
	assert_int_equal(acquire(&x), 0);
	assert_string_equal(json_string_value(json_object_get(x.fake.lease, LEASE_LABEL_TTL)),
	                    "20000");
	/* The node joined the Swarm anew: what the former one held is not ours. */
	keeper_acquire(x.keeper, "node2bbbbbbbbbbbbbbbbbbbb", on_told, &x);
	assert_false(keeper_held(x.keeper));
	close_all(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_take_and_give), cmocka_unit_test(test_given_back_at_close),
	    cmocka_unit_test(test_renewed),       cmocka_unit_test(test_not_renewed),
	    cmocka_unit_test(test_lost),          cmocka_unit_test(test_silent_holder),
	    cmocka_unit_test(test_living_holder), cmocka_unit_test(test_races),
	    cmocka_unit_test(test_asked_again),   cmocka_unit_test(test_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
