/*
 * The mover's engine: what it is made of, who may ask when, its end, what an earlier run left, and
 * answers that come when nobody waits for them any more.
 */
#include "test/unit/mover_effects.h"

#include "storage/journal.h"

/* ---- what it is made of ---- */

static void
no_add(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	(void) data, (void) in, (void) cb, (void) ctx;
}

static void
no_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	(void) data, (void) which, (void) id, (void) cb, (void) ctx;
}

static void
no_look(void *data, const char *service, const char *from, const char *to, mover_seen_cb *cb,
        void *ctx)
{
	(void) data, (void) service, (void) from, (void) to, (void) cb, (void) ctx;
}

static void
test_parts(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	for (int missing = 0; missing < 10; missing++) {
		struct mover_journal j = {.add = missing == 0 ? NULL : no_add,
		                          .update = missing == 1 ? NULL : no_add,
		                          .list = missing == 2 ? NULL : no_list};
		struct mover_eyes eyes = {.look = missing == 3 ? NULL : no_look};
		struct mover_options options = {.lease_key = missing == 4 ? NULL : "k"};
		struct mover *m = NULL;
		struct error err = {0};

		assert_int_equal(mover_new(missing == 5 ? NULL : &x.loop,
		                           missing == 6 ? NULL : x.api, missing == 7 ? NULL : &j,
		                           missing == 8 ? NULL : &eyes,
		                           missing == 9 ? NULL : &options, &m, &err),
		                 -EINVAL);
		assert_string_equal(err.text, "mover: a part is missing");
		assert_null(m);
	}
	world_close(&x);
}

/* ---- tickets ---- */

static void
test_tickets(void **unused)
{
	struct effects e;
	struct ticket *first, *second, *third;

	(void) unused;
	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	first = ticket_new(e.m);
	second = ticket_new(e.m);
	third = ticket_new(e.m);
	assert_ptr_equal(ticket_take(second), e.m);
	assert_ptr_equal(e.m->tickets, third);
	assert_ptr_equal(third->next, first);
	e.m->serial++; /* the effect that they belong to is over */
	assert_null(ticket_take(third));
	assert_null(ticket_take(first));
	assert_null(e.m->tickets);
	first = ticket_new(e.m);
	e.m->tickets = NULL;
	first->m = NULL; /* the mover is gone */
	assert_null(ticket_take(first));
	change_free(NULL);
	effects_close(&e);
}

/* ---- an open change ---- */

static void
test_adopt(void **unused)
{
	static const struct {
		const char *added, *old_tasks;
		int64_t length_ms, adopted_ms;
		size_t n_add, n_old;
	} cases[] = {
	    {"[\"node.id!=a\",\"node.id!=b\"]", "[\"t1\",\"t2\"]", 60000, 60000, 2, 2},
	    {NULL, NULL, 9999, 10000, 0, 0},
	    {"{}", "{}", 10001, 10001, 0, 0},
	    {"[", "[", 3600001, 3600000, 0, 0},
	    {"[]", "[1,\"t1\",null]", -5, 10000, 0, 1},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct intent in = {.id = 3,
		                    .kind = MOVE_KIND_UNDO,
		                    .state = MOVE_VERIFIED,
		                    .service_id = "s",
		                    .from_id = "a",
		                    .to_id = "b",
		                    .added = (char *) cases[i].added,
		                    .old_tasks = (char *) cases[i].old_tasks,
		                    .created_wall_ms = 1000,
		                    .deadline_wall_ms = 1000 + cases[i].length_ms};
		struct change *c = change_new();

		in.decision_id = i;
		if (i == 1)
			c->plan.label = xstrdup("its own");
		change_adopt(c, &in);
		assert_int_equal(c->kind, MOVE_KIND_UNDO);
		assert_int_equal(c->person, i == 0); /* no decision asked for it */
		assert_true(c->recovering);
		assert_string_equal(c->service, "s");
		assert_string_equal(c->from, "a");
		assert_string_equal(c->to, "b");
		assert_string_equal(c->plan.label, i == 1 ? "its own" : "1000-a-b");
		assert_true(c->length_ms == cases[i].adopted_ms);
		assert_int_equal(json_array_size(c->plan.add), cases[i].n_add);
		assert_int_equal(c->n_old, cases[i].n_old);
		assert_false(change_is_merge(c));
		change_free(c);

		c = change_new();
		in.to_id[0] = '\0';
		change_adopt(c, &in);
		assert_null(c->from);
		assert_null(c->to);
		assert_true(change_is_merge(c));
		change_free(c);
	}
}

static void
test_is_merge(void **unused)
{
	struct change *c = change_new();

	(void) unused;
	assert_false(mover_busy(NULL)); /* while foragerd closes */
	assert_true(change_is_merge(c));
	c->to = xstrdup("c");
	assert_false(change_is_merge(c));
	(void) str_copy(c->in.to_id, sizeof(c->in.to_id), "c");
	assert_false(change_is_merge(c));
	free(c->to);
	c->to = NULL;
	assert_false(change_is_merge(c));
	change_free(c);
}

/* ---- reasons ---- */

static const struct reason_case {
	enum mover_state end;
	bool merge, recovering, nameless, removed;
	enum verdict verdict;
	const char *err, *reason;
} reasons[] = {
    {MOVER_END_DONE, .reason = "every copy that was on 'a' runs on 'c'"},
    {MOVER_END_DONE, .merge = true, .reason = "forager's constraints are gone from 'web'"},
    {MOVER_END_NOTHING, .merge = true, .reason = "nothing of forager's stands in 'web'"},
    {MOVER_END_NOTHING, .merge = true, .nameless = true,
     .reason = "nothing of forager's stands in 'service1sssssssssssssssss'"},
    {MOVER_END_FOREIGN, .reason = "someone else changed 'web': theirs stands"},
    {MOVER_END_FOREIGN, .removed = true,
     .reason = "'web' was removed: nothing of forager's is left to undo"},
    {MOVER_END_NOTHING, .merge = true, .removed = true, .nameless = true,
     .reason = "'service1sssssssssssssssss' was removed: nothing of forager's is left to undo"},
    {MOVER_END_REVERTED, .reason = "taken back"},
    {MOVER_END_REVERTED, .recovering = true,
     .reason = "an earlier run was interrupted before it landed"},
    {MOVER_END_GAVE_UP, .reason = "ended in state END_GAVE_UP"},
    {MOVER_END_GAVE_UP, .verdict = VERDICT_PINNED, .reason = NULL},
    {MOVER_END_DONE, .verdict = VERDICT_PINNED, .err = "disk full", .reason = "disk full"},
};

static void
test_reasons(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		const struct reason_case *r = &reasons[i];
		struct effects e;
		const char *want = r->reason != NULL ? r->reason : verdict_infos[r->verdict].text;

		memset(&e, 0, sizeof(e));
		world_open(&e.x, spec_full, (const uint32_t[]){0});
		e.m = e.x.mover;
		make_change(&e, r->end, MOVE_STEERED);
		e.c->in.id = 0;
		e.c->recovering = r->recovering;
		e.c->removed = r->removed;
		e.c->verdict = r->verdict;
		if (r->merge) {
			e.c->in.to_id[0] = '\0';
			free(e.c->to);
			e.c->to = NULL;
		}
		if (r->nameless) {
			free(e.c->in.service_name);
			e.c->in.service_name = NULL;
		}
		if (r->err != NULL)
			(void) error_set(&e.c->err, ENOSPC, "%s", r->err);
		e.c->done = world_on_done;
		e.c->data = &e.x;
		mover_start_change(e.m, e.c, r->end);
		world_run(&e.x, &e.x.n_done, 1);
		assert_string_equal(e.x.text, want);
		assert_int_equal(e.x.state, mover_state_infos[r->end].journal);
		assert_int_equal(e.x.book.n, 1);
		assert_true(e.x.book.rows[0].ended_wall_ms > 0);
		assert_string_equal(e.x.book.rows[0].reason, want);
		world_close(&e.x);
	}
}

/* ---- who may ask ---- */

static void
on_nothing(void *data, const struct error *err)
{
	(void) err;
	if (data != NULL)
		++*(unsigned *) data;
}

static void
test_one_at_a_time(void **unused)
{
	struct world x;
	struct error err = {0};

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	assert_false(mover_busy(x.mover));
	assert_false(mover_resting(x.mover));
	assert_null(mover_intent(x.mover));
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	assert_true(mover_busy(x.mover));
	assert_false(mover_resting(x.mover));
	assert_int_equal(mover_intent(x.mover)->decision_id, 7);
	assert_int_equal(mover_intent(x.mover)->state, MOVE_PLANNED);
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, &err), -EBUSY);
	assert_string_equal(err.text, "another change is open in the cluster");
	error_clear(&err);
	assert_int_equal(mover_recover(x.mover, NULL, NULL, NULL, &err), -EBUSY);
	assert_string_equal(err.text, "another change is open in the cluster");
	world_run(&x, &x.n_done, 1);
	assert_int_equal(x.n_done, 1);
	assert_int_equal(x.state, MOVE_DONE);

	/* A recovery is work, too, and nobody need be told of it. */
	assert_int_equal(mover_recover(x.mover, NULL, NULL, NULL, NULL), 0);
	assert_true(mover_busy(x.mover));
	assert_null(mover_intent(x.mover));
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), -EBUSY);
	while (mover_busy(x.mover))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(x.n_done, 1);
	world_close(&x);
}

/* A service that there is not has no history. */
static void
test_no_service_no_row(void **unused)
{
	struct move_request r = world_ask;
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	r.service = "nothing";
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_int_equal(x.book.writes, 0);
	assert_int_equal(x.fake.n_posts, 0);
	world_close(&x);
}

static void
test_nobody_is_told(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	assert_int_equal(mover_start(x.mover, &world_ask, NULL, NULL, NULL), 0);
	while (mover_busy(x.mover))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(fake_running(&x.fake, 2), 1);
	world_clean(&x);
	world_close(&x);
}

/* A state is told as soon as it is written down. */
static void
on_state(void *data, const struct intent *in)
{
	struct world *x = data;
	size_t at = strlen(x->text);

	assert_true(in->id == 1);
	(void) snprintf(x->text + at, sizeof(x->text) - at, "%s%s", at > 0 ? " " : "",
	                move_state_names[in->state]);
	if (journal_state_ended(in->state))
		assert_string_equal(x->text, x->book.trail);
}

static void
test_states_are_told(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.options.on_state = on_state;
	x.options.on_state_data = &x;
	mover_set_options(x.mover, &x.options);
	assert_int_equal(mover_start(x.mover, &world_ask, NULL, NULL, NULL), 0);
	while (mover_busy(x.mover))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_string_equal(x.text, "planned steered verified settled done");
	world_close(&x);
}

/* ---- waits ---- */

static void
run_until_timer(struct effects *e)
{
	do
		(void) uv_run(&e->x.loop, UV_RUN_ONCE);
	while (!uv_is_active((uv_handle_t *) &e->m->timer) && !e->m->has_event);
}

/* What nobody has set (0): half a second between looks and tries, a quarter of a minute of rest. */
static void
test_default_waits(void **unused)
{
	static const struct {
		enum mover_state state;
		enum stands stands;
		enum fake_fault fault;
		int64_t set_ms;
		uint64_t least, most;
	} cases[] = {
	    {MOVER_VERIFY, STEERED, FAULT_NONE, 0, 400, 500},
	    {MOVER_UNWIND, BLOCKED, FAULT_NONE, 0, 400, 500},
	    {MOVER_SETTLE, STEERED, FAULT_FORBID, 0, 200, 750},
	    {MOVER_SETTLE, STEERED, FAULT_CONFLICT, 0, 30, 151},
	    /* However short it is, what was set counts. */
	    {MOVER_VERIFY, STEERED, FAULT_NONE, 1, 0, 1},
	    {MOVER_UNWIND, BLOCKED, FAULT_NONE, 1, 0, 1},
	    {MOVER_SETTLE, STEERED, FAULT_FORBID, 1, 0, 24},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;
		uint64_t due;

		effects_open(&e, cases[i].state, MOVE_STEERED);
		put_stands(&e, cases[i].stands);
		e.m->options.poll_ms = e.m->options.try_ms = cases[i].set_ms;
		e.m->options.retry_ms = 0;
		e.x.fake.faults[0] = cases[i].fault;
		e.c->length_ms = 60000;
		run_effect(&e);
		run_until_timer(&e);
		due = uv_timer_get_due_in(&e.m->timer);
		if (due < cases[i].least || due > cases[i].most)
			fail_msg("case %zu: %llu ms", i, (unsigned long long) due);
		effects_close(&e);
	}
}

static void
test_waits_double(void **unused)
{
	struct effects e;
	struct rng again;
	uint64_t due, most;

	(void) unused;
	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.m->options.try_ms = 10000;
	e.x.fake.faults[0] = FAULT_FORBID;
	e.c->tries = 3;
	again = e.m->rng;
	run_effect(&e);
	run_until_timer(&e);
	due = uv_timer_get_due_in(&e.m->timer);
	/* Half of it, and a random part of the whole. */
	most = 40000 + rng_below(&again, 80000);
	assert_in_range(due, most - 1000, most);
	effects_close(&e);
}

static void
test_rest(void **unused)
{
	static const struct {
		int64_t retry_ms;
		uint64_t least, most;
	} cases[] = {{0, 14000, 15000}, {40000, 39000, 40000}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;
		uint64_t due;

		memset(&e, 0, sizeof(e));
		world_open(&e.x, spec_full, (const uint32_t[]){0});
		e.m = e.x.mover;
		e.m->options.keep_trying = true;
		e.m->options.retry_ms = cases[i].retry_ms;
		make_change(&e, MOVER_LEFT_OPEN, MOVE_STEERED);
		mover_start_change(e.m, e.c, MOVER_LEFT_OPEN);
		run_until_timer(&e);
		assert_true(mover_resting(e.m));
		assert_true(e.c->open);
		due = uv_timer_get_due_in(&e.m->timer);
		assert_in_range(due, cases[i].least, cases[i].most);
		/* Asked to stop, it does not rest first. */
		e.c->done = world_on_done;
		e.c->data = &e.x;
		mover_stop(e.m, on_nothing, &e.x.n_stopped);
		world_run(&e.x, &e.x.n_stopped, 1);
		assert_false(mover_busy(e.m));
		assert_true(e.x.open);
		assert_string_equal(e.x.err.text, "stopped before it was done");
		world_close(&e.x);
	}
}

static void
lead_no_more(struct fake_swarm *f, unsigned n)
{
	(void) n;
	f->follower = true;
	f->on_post = NULL;
}

/* What kept it from going on for a while is forgotten when it goes on. */
static void
test_goes_on_after_a_rest(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.options.keep_trying = true;
	mover_set_options(x.mover, &x.options);
	x.fake.on_post = lead_no_more;
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	while (!mover_resting(x.mover) && x.n_done == 0)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(x.n_done, 0);
	x.fake.follower = false;
	world_run(&x, &x.n_done, 1);
	assert_int_equal(x.verdict, VERDICT_OK);
	assert_int_equal(x.err.code, 0);
	assert_false(x.open);
	assert_int_equal(x.state, MOVE_DONE);
	world_clean(&x);
	world_close(&x);
}

/* Something changed: a watch looks within 100 ms, what is no watch goes on as it was. */
static void
test_hint(void **unused)
{
	static const struct {
		enum mover_state state;
		enum stands stands;
		int64_t wait_ms;
		uint64_t least, most;
	} cases[] = {
	    {MOVER_VERIFY, STEERED, 60000, 50, 100}, {MOVER_CALM, STEERED, 60000, 50, 100},
	    {MOVER_UNWIND, BLOCKED, 60000, 50, 100}, {MOVER_YIELD_WAIT, ELSE_IMAGE, 60000, 50, 100},
	    {MOVER_VERIFY, STEERED, 60, 1, 60},      {MOVER_SETTLE, STEERED, 60000, 20000, 90000},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;
		uint64_t due;

		effects_open(&e, cases[i].state, MOVE_STEERED);
		mover_hint(e.m); /* nothing is waited for yet */
		assert_false(uv_is_active((uv_handle_t *) &e.m->timer));
		put_stands(&e, cases[i].stands);
		e.x.fake.update_state = "updating";
		e.x.fake.update_left = 1000;
		e.m->options.poll_ms = e.m->options.try_ms = cases[i].wait_ms;
		e.x.fake.faults[0] = FAULT_FORBID;
		e.c->length_ms = 600000;
		run_effect(&e);
		run_until_timer(&e);
		mover_hint(e.m);
		mover_hint(e.m);
		due = uv_timer_get_due_in(&e.m->timer);
		if (due < cases[i].least || due > cases[i].most)
			fail_msg("case %zu: %llu ms", i, (unsigned long long) due);
		effects_close(&e);
	}
	struct world x;

	world_open(&x, spec_full, (const uint32_t[]){0});
	mover_hint(x.mover); /* nothing is open */
	world_close(&x);
}

/* What has landed when it is asked to stop is seen soon, however long a poll may be. */
static void
test_stop_looks_soon(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	put_stands(&e, STEERED);
	e.m->options.poll_ms = 60000;
	e.c->length_ms = 600000;
	run_effect(&e);
	run_until_timer(&e);
	mover_stop(e.m, NULL, NULL);
	assert_in_range(uv_timer_get_due_in(&e.m->timer), 50, 100);
	effects_close(&e);
}

/* ---- the end ---- */

static void
test_interrupts(void **unused)
{
	char text[256] = "";

	(void) unused;
	for (int i = 0; i < MOVER_EFFECT_N; i++)
		if (mover_interrupts_at_once((enum mover_effect) i))
			(void) snprintf(text + strlen(text), 32, "%s ", mover_effect_names[i].name);
	assert_string_equal(text, "CHECK CONFIRM LEAD RECOVER REST ");
}

struct guest {
	struct mover_guest guest;
	struct world *x;
	unsigned n;
	int r;
};

static void
on_guest_stop(void *data)
{
	struct guest *g = data;

	g->n++;
	assert_null(g->guest.mover);
	g->r = mover_start(g->x->mover, &world_ask, NULL, NULL, NULL);
	assert_int_equal(mover_recover(g->x->mover, NULL, NULL, NULL, NULL), -ESHUTDOWN);
}

static void
test_guests(void **unused)
{
	(void) unused;
	for (int closes = 0; closes < 2; closes++) {
		struct guest g[4] = {{.n = 0}};
		struct world x;
		unsigned n_stopped = 0;

		world_open(&x, spec_full, (const uint32_t[]){0});
		for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
			g[i].x = &x;
			g[i].guest = (struct mover_guest){.on_stop = on_guest_stop, .data = &g[i]};
			mover_guest_add(x.mover, &g[i].guest);
		}
		mover_guest_remove(&g[0].guest); /* the last of the list */
		mover_guest_remove(&g[2].guest); /* one in its middle */
		mover_guest_remove(&g[2].guest);
		assert_null(g[2].guest.mover);
		if (closes) {
			mover_close(x.mover, world_on_closed, &x);
			mover_close(x.mover, NULL, NULL); /* once is enough */
		} else {
			mover_stop(x.mover, on_nothing, &n_stopped);
			assert_int_equal(n_stopped, 0);
			world_run(&x, &n_stopped, 1);
		}
		for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
			assert_int_equal(g[i].n, i % 2);
			if (i % 2 == 1)
				assert_int_equal(g[i].r, -ESHUTDOWN);
		}
		while (closes && x.mover != NULL)
			(void) uv_run(&x.loop, UV_RUN_ONCE);
		world_close(&x);
	}
}

static void
test_stop_untold(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	mover_stop(x.mover, NULL, NULL);
	for (int i = 0; i < 5; i++)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	mover_close(x.mover, NULL, NULL);
	x.mover = NULL;
	world_close(&x);
}

/* A scenario, interrupted at each of its requests in some way; afterwards all is well. */
struct scene {
	struct world x;
	unsigned at;
	bool done;
	void (*interrupt)(struct scene *s);
	unsigned n_stopped;
};

static void
on_scene_request(struct fake_swarm *f, const char *method, const char *target)
{
	struct scene *s = f->data;

	(void) method;
	(void) target;
	if (s->done || f->n_requests != s->at)
		return;
	s->done = true;
	s->interrupt(s);
}

static void
do_stop(struct scene *s)
{
	mover_stop(s->x.mover, on_nothing, &s->n_stopped);
}

static void
do_hint(struct scene *s)
{
	mover_hint(s->x.mover);
}

static void
do_close(struct scene *s)
{
	mover_close(s->x.mover, world_on_closed, &s->x);
}

static void
do_fail(struct scene *s)
{
	s->x.fake.broken = "/";
	s->x.fake.broken_left = 1;
}

static void
do_silence(struct scene *s)
{
	s->x.fake.broken = "/";
	s->x.fake.broken_left = 60; /* a wait of a recovery lasts ten seconds at least */
}

static void
do_remove(struct scene *s)
{
	s->x.fake.removed = true;
}

static void
do_remove_and_close(struct scene *s)
{
	s->x.fake.removed = true;
	s->at = s->x.fake.n_requests + 1;
	s->done = false;
	s->interrupt = do_close;
}

static void
do_follow(struct scene *s)
{
	s->x.fake.follower = true;
}

static const struct interruption {
	const char *name;
	void (*fn)(struct scene *s);
	bool stops, removes;
} interruptions[] = {
    {"stopped", do_stop, true, false},
    {"hinted", do_hint, false, false},
    {"closed", do_close, true, false},
    {"failed", do_fail, false, false},
    {"silent", do_silence, false, false},
    {"removed", do_remove, false, true},
    {"removed and closed", do_remove_and_close, true, true},
    {"led by another", do_follow, false, false},
};

enum scene_kind { SCENE_MOVE, SCENE_REVERT, SCENE_UNDO, SCENE_RECOVER, SCENE_LABELS, SCENES };

static const char holds[] = "{\"Name\":\"web\"," LABELS
                            "," TASK("{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                                     "node2bbbbbbbbbbbbbbbbbbbb\"]}") "," MODE(1) "," UPDATE "}";

/* Starts it; false: it recovers and has no change of its own. */
static bool
begin(struct scene *s, enum scene_kind kind)
{
	static const char owners[] =
	    "{\"Constraints\":[\"node.role!=ingress\"],\"Labels\":{}," UPDATE "}";
	struct intent row = {.id = 9,
	                     .kind = MOVE_KIND_MOVE,
	                     .state = MOVE_DONE,
	                     .service_id = "service1sssssssssssssssss",
	                     .before = (char *) owners,
	                     .written = (char *) owners,
	                     .added = (char *) "[\"node.id!=node2bbbbbbbbbbbbbbbbbbbb\"]"};
	struct move_request undo = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undone = &row, .person = true};

	switch (kind) {
	case SCENE_RECOVER:
	case SCENE_LABELS:
		steer_by_hand(&s->x);
		if (kind == SCENE_LABELS)
			journal_intent_done(&s->x.book.rows[0]);
		else
			s->x.book.n = 1;
		assert_int_equal(
		    mover_recover(s->x.mover, NULL, on_nothing, &s->x.n_recovered, NULL), 0);
		return false;
	case SCENE_UNDO:
		assert_int_equal(mover_start(s->x.mover, &undo, world_on_done, &s->x, NULL), 0);
		return true;
	default:
		s->x.fake.fate = kind == SCENE_REVERT ? FATE_FAIL : FATE_RUN;
		assert_int_equal(mover_start(s->x.mover, &world_ask, world_on_done, &s->x, NULL),
		                 0);
		return true;
	}
}

/* What is still open is taken up by the next run, and then all is as it should be. */
static void
settle(struct scene *s, const struct interruption *how)
{
	struct world *x = &s->x;

	x->fake.on_request = NULL;
	x->fake.broken = NULL;
	x->fake.follower = false;
	if (x->mover != NULL && (how->stops || x->mover->stopping)) {
		mover_close(x->mover, world_on_closed, x);
		while (x->mover != NULL)
			(void) uv_run(&x->loop, UV_RUN_ONCE);
	}
	if (x->mover == NULL)
		world_mover(x);
	world_recover(x);
	for (size_t i = 0; i < x->book.n; i++)
		if (!journal_state_ended(x->book.rows[i].state))
			fail_msg("%s at %u: left %s", how->name, s->at,
			         move_state_names[x->book.rows[i].state]);
	if (how->removes)
		return;
	assert_null(spec_plan(x->fake.spec));
	assert_int_equal(fake_running(&x->fake, FAKE_NODES), 1);
	if (x->fake.n_applied > 0 || fake_spec_exact(&x->fake))
		assert_false(fake_has_term(x->fake.spec) && !fake_spec_exact(&x->fake));
}

static bool
play(const struct interruption *how, enum scene_kind kind, unsigned at)
{
	struct scene s = {.at = at, .interrupt = how->fn};
	unsigned guard = 0;
	bool asked, ended;

	world_open(&s.x, kind == SCENE_UNDO ? holds : spec_full,
	           (const uint32_t[]){kind == SCENE_UNDO ? 2 : 0});
	s.x.options.deadline_ms = 40;
	s.x.options.try_ms = 1;
	mover_set_options(s.x.mover, &s.x.options);
	s.x.fake.data = &s;
	s.x.fake.on_request = on_scene_request;
	asked = begin(&s, kind);
	while (s.x.mover != NULL && mover_busy(s.x.mover)) {
		(void) uv_run(&s.x.loop, UV_RUN_ONCE);
		if (++guard == 100000)
			fail_msg("%s at %u: it does not end", how->name, at);
	}
	/* Told exactly once, whatever happened. */
	if (asked)
		assert_int_equal(s.x.n_done, 1);
	else if (s.x.mover != NULL)
		assert_int_equal(s.x.n_recovered, 1);
	if (how->fn == do_stop && s.done) {
		world_run(&s.x, &s.n_stopped, 1);
		assert_int_equal(s.n_stopped, 1);
	}
	ended = !s.done;
	settle(&s, how);
	world_close(&s.x);
	return ended;
}

static void
play_all(const struct interruption *how)
{
	for (int kind = 0; kind < SCENES; kind++)
		for (unsigned at = 1; !play(how, (enum scene_kind) kind, at); at++)
			assert_true(at < 500);
}

#define PLAYS(name, i)                                                                             \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void) unused;                                                                     \
		play_all(&interruptions[i]);                                                       \
	}
PLAYS(test_stopped_anywhere, 0)
PLAYS(test_hinted_anywhere, 1)
PLAYS(test_closed_anywhere, 2)
PLAYS(test_failed_anywhere, 3)
PLAYS(test_silent_from_anywhere, 4)
PLAYS(test_removed_anywhere, 5)
PLAYS(test_removed_and_closed_anywhere, 6)
PLAYS(test_led_by_another_from_anywhere, 7)
#undef PLAYS

/* ---- a journal that takes its time ---- */

struct slow {
	mover_stored_cb *stored;
	mover_listed_cb *listed;
	void *ctx;
	unsigned n;
};

static void
slow_store(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	struct slow *s = data;

	(void) in;
	*s = (struct slow){.stored = cb, .ctx = ctx, .n = s->n + 1};
}

static void
slow_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	struct slow *s = data;

	(void) which;
	(void) id;
	*s = (struct slow){.listed = cb, .ctx = ctx, .n = s->n + 1};
}

static void
close_now(struct world *x)
{
	mover_close(x->mover, world_on_closed, x);
	while (x->mover != NULL)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
}

/* Its answers find nobody once the mover is closed, and the next state when it is stopped. */
static void
test_slow_journal(void **unused)
{
	struct slow slow = {0};
	struct world x;
	unsigned asked;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.mover->journal = (struct mover_journal){&slow, slow_store, slow_store, slow_list};
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	world_run(&x, &slow.n, 1);
	close_now(&x);
	assert_int_equal(x.n_done, 1);
	assert_true(x.open);
	assert_string_equal(x.err.text, "closed before it was done");
	slow.stored(slow.ctx, 1, NULL);
	world_close(&x);

	world_open(&x, spec_full, (const uint32_t[]){0});
	slow.n = 0;
	x.mover->journal = (struct mover_journal){&slow, slow_store, slow_store, slow_list};
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	world_run(&x, &slow.n, 1);
	mover_stop(x.mover, on_nothing, &x.n_stopped); /* the plan is being written down */
	assert_int_equal(x.n_stopped, 0);
	asked = x.fake.n_requests;
	slow.stored(slow.ctx, 1, NULL);
	world_run(&x, &slow.n, 2);
	slow.stored(slow.ctx, 1, NULL);
	world_run(&x, &x.n_stopped, 1);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_string_equal(x.err.text, "stopped before it was done");
	assert_int_equal(x.fake.n_requests, asked); /* nothing is begun any more */
	world_close(&x);

	world_open(&x, spec_full, (const uint32_t[]){0});
	slow.n = 0;
	x.mover->journal = (struct mover_journal){&slow, slow_store, slow_store, slow_list};
	assert_int_equal(mover_recover(x.mover, NULL, on_nothing, &x.n_recovered, NULL), 0);
	assert_int_equal(slow.n, 1);
	close_now(&x);
	slow.listed(slow.ctx, NULL, 0, NULL);
	assert_int_equal(x.n_recovered, 0);
	world_close(&x);

	/* The row of what only the labels told. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	slow.n = 0;
	steer_by_hand(&x);
	journal_intent_done(&x.book.rows[0]);
	x.mover->journal.data = &slow;
	x.mover->journal.add = slow_store;
	x.mover->journal.list = slow_list;
	assert_int_equal(mover_recover(x.mover, NULL, on_nothing, &x.n_recovered, NULL), 0);
	slow.listed(slow.ctx, NULL, 0, NULL);
	world_run(&x, &slow.n, 2);
	close_now(&x);
	slow.stored(slow.ctx, 1, NULL);
	world_close(&x);
}

struct slow_eyes {
	mover_seen_cb *cb;
	void *ctx;
	unsigned n;
};

static void
slow_look(void *data, const char *service, const char *from, const char *to, mover_seen_cb *cb,
          void *ctx)
{
	struct slow_eyes *s = data;

	(void) service;
	(void) from;
	(void) to;
	*s = (struct slow_eyes){.cb = cb, .ctx = ctx, .n = s->n + 1};
}

static void
test_slow_eyes(void **unused)
{
	struct slow_eyes eyes = {0};
	struct error err = {0};
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.mover->eyes = (struct mover_eyes){&eyes, slow_look};
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	world_run(&x, &eyes.n, 1);
	close_now(&x);
	assert_int_equal(x.n_done, 1);
	(void) error_set(&err, ETIMEDOUT, "too late");
	eyes.cb(eyes.ctx, NULL, &err);
	assert_int_equal(x.n_done, 1);
	world_close(&x);
}

/* Stopped before the event that is on its way was delivered: that one is. */
static void
test_stop_beside_an_event(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	while (!x.mover->has_event)
		(void) uv_run(&x.loop, UV_RUN_NOWAIT);
	mover_stop(x.mover, on_nothing, &x.n_stopped);
	assert_true(x.mover->has_event);
	world_run(&x, &x.n_stopped, 1);
	assert_int_equal(x.n_done, 1);
	assert_int_equal(x.state, MOVE_REFUSED);
	world_clean(&x);
	world_close(&x);
}

/* ---- what an earlier run left ---- */

static void
failing_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	struct error err = {0};

	(void) data;
	(void) which;
	(void) id;
	(void) error_set(&err, EUCLEAN, "the journal is damaged");
	cb(ctx, NULL, 0, &err);
}

static void
test_recover_errors(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.mover->journal.list = failing_list;
	world_recover(&x);
	assert_string_equal(x.recover_err.text, "the journal is damaged");
	assert_int_equal(x.n_each, 0);
	world_close(&x);

	/* The first error is the one that is told. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.mover->journal.list = failing_list;
	x.fake.broken = "/services";
	x.fake.broken_left = 1;
	world_recover(&x);
	assert_string_equal(x.recover_err.text, "the journal is damaged");
	world_close(&x);

	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.broken = "/services";
	x.fake.broken_left = 1;
	world_recover(&x);
	assert_non_null(strstr(x.recover_err.text, "the fake is broken"));
	world_close(&x);

	/* A row that stays open is an error of the recovery. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	x.book.n = 1;
	x.fake.broken = "/services/";
	x.fake.broken_left = 1000000;
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_true(x.open);
	assert_non_null(strstr(x.recover_err.text, "the fake is broken"));
	/* And later it goes through. */
	x.fake.broken = NULL;
	x.recover_err = (struct error){0};
	world_recover(&x);
	assert_string_equal(x.recover_err.text, "");
	assert_int_equal(x.n_each, 1);
	assert_false(x.open);
	world_clean(&x);
	world_close(&x);
}

/* Whatever the journal says, a label without its row is taken up: the Swarm's own word. */
static void
test_recover_labels(void **unused)
{
	static const struct {
		const char *name;
		const char *service_id; /* of the row; NULL: no row */
		int64_t created_off;    /* another plan's row */
		bool own_only, journal_fails, follower;
		unsigned taken_up;
		const char *err;
	} cases[] = {
	    {"no row", NULL, 0, false, false, false, 1, ""},
	    {"its row", "service1sssssssssssssssss", 0, false, false, false, 1, ""},
	    {"another plan's row", "service1sssssssssssssssss", -9, false, false, false, 2, ""},
	    {"another service's row", "service9", -9, false, false, false, 2, ""},
	    {"not ours to look at", NULL, 0, true, false, false, 0, ""},
	    {"the journal is full", NULL, 0, false, true, false, 1, "disk full"},
	    {"another leads", NULL, 0, false, false, true, 0, ""},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.mover->options.own_only = cases[i].own_only;
		x.fake.follower = cases[i].follower;
		steer_by_hand(&x);
		if (cases[i].service_id == NULL) {
			journal_intent_done(&x.book.rows[0]);
		} else {
			x.book.n = 1;
			(void) str_copy(x.book.rows[0].service_id, SWARM_ID_SIZE,
			                cases[i].service_id);
			x.book.rows[0].created_wall_ms += cases[i].created_off;
			x.book.rows[0].deadline_wall_ms += cases[i].created_off;
		}
		x.book.fail_from = cases[i].journal_fails ? 1 : 0;
		world_recover(&x);
		if (x.n_each != cases[i].taken_up || !streq(x.recover_err.text, cases[i].err))
			fail_msg("%s: %u, %s", cases[i].name, x.n_each, x.recover_err.text);
		if (cases[i].taken_up > 0)
			world_clean(&x);
		else
			assert_non_null(spec_plan(x.fake.spec));
		world_close(&x);
	}
}

/* What cannot be ended now is taken up once in a recovery, and who is not let act says why. */
static void
test_recover_labels_in_trouble(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	journal_intent_done(&x.book.rows[0]);
	x.fake.always_conflict = true;
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_true(x.open);
	assert_int_not_equal(x.recover_err.code, 0);
	x.fake.always_conflict = false;
	world_recover(&x);
	world_clean(&x);
	world_close(&x);

	/* And so is the one of a row: not once more by its label. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	x.book.n = 1;
	x.fake.always_conflict = true;
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_int_equal(x.book.n, 1);
	x.fake.always_conflict = false;
	world_recover(&x);
	world_clean(&x);
	world_close(&x);

	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	journal_intent_done(&x.book.rows[0]);
	x.fake.lease_down = true;
	world_recover(&x);
	assert_int_equal(x.n_each, 0);
	assert_int_not_equal(x.recover_err.code, 0);
	assert_int_equal(x.fake.n_posts, 0);
	world_close(&x);
}

/* The label that tells when the move was made may say anything. */
static void
test_label_times(void **unused)
{
	static const struct {
		const char *label;
		int64_t created; /* 0: ten seconds before the deadline */
	} cases[] = {
	    {"1234-node1aaa-node3ccc", 1234},
	    {"1234", 0},
	    {"x-y", 0},
	    {"-5-a-b", 0},
	    {"0-a-b", 0},
	    {"1-", 1},
	    {"0100-a-b", 100},
	    {"99999999999999999-a-b", 0},
	    {NULL, 0}, /* the deadline itself */
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *label = NULL;
		struct world x;
		int64_t want, deadline;

		world_open(&x, spec_full, (const uint32_t[]){0});
		steer_by_hand(&x);
		deadline = x.book.rows[0].deadline_wall_ms;
		journal_intent_done(&x.book.rows[0]);
		label = cases[i].label != NULL ? xstrdup(cases[i].label)
		                               : xasprintf("%lld-a-b", (long long) deadline);
		(void) json_object_set_new(json_object_get(x.fake.spec, "Labels"), SPEC_LABEL_PLAN,
		                           json_string(label));
		world_recover(&x);
		assert_int_equal(x.n_each, 1);
		assert_int_equal(x.book.n, 1);
		want = cases[i].created != 0 ? cases[i].created
		                             : x.book.rows[0].deadline_wall_ms - 10000;
		assert_true(x.book.rows[0].created_wall_ms == want);
		assert_int_equal(x.book.rows[0].kind, MOVE_KIND_MOVE);
		assert_string_equal(x.book.rows[0].service_name, "web");
		assert_string_equal(x.book.rows[0].from_id, fake_node_ids[0]);
		assert_string_equal(x.book.rows[0].from_name, fake_node_ids[0]);
		assert_string_equal(x.book.rows[0].to_id, fake_node_ids[2]);
		assert_string_equal(x.book.rows[0].to_name, fake_node_ids[2]);
		assert_string_equal(x.book.rows[0].old_tasks, "[]");
		/* However it is written, the label is the move's own: taken back as a move is. */
		assert_true(str_has_prefix(x.book.trail, "steered reverting"));
		assert_int_equal(x.book.rows[0].state, MOVE_REVERTED);
		assert_true(x.book.rows[0].rest_hash != 0);
		world_clean(&x);
		world_close(&x);
	}
}

/* An old label of the previous spec that cannot be read does no harm, and nobody is bothered. */
static void
test_spoiled_previous_label(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	journal_intent_done(&x.book.rows[0]);
	fake_write(&x.fake, json_deep_copy(x.fake.original));
	(void) json_object_set_new(json_object_get(x.fake.previous, "Labels"), SPEC_LABEL_BEFORE,
	                           json_string("{}"));
	world_recover(&x);
	assert_int_equal(x.n_each, 0);
	assert_string_equal(x.recover_err.text, "");
	assert_int_equal(x.fake.n_posts, 0);
	world_clean(&x);
	world_close(&x);
}

/* What the list of services showed is gone or unreadable when the service itself is read. */
enum spoil { GONE, SILENT, NO_BEFORE, ODD_BEFORE };

static enum spoil spoil;

static void
spoil_service(struct fake_swarm *f, const char *method, const char *target)
{
	json_t *labels = json_object_get(f->spec, "Labels");

	(void) method;
	if (strstr(target, "/services/") == NULL)
		return;
	switch (spoil) {
	case GONE:
		(void) json_object_del(labels, SPEC_LABEL_PLAN);
		break;
	case SILENT:
		f->broken = "/services/";
		f->broken_left = 1;
		break;
	case NO_BEFORE:
		(void) json_object_del(labels, SPEC_LABEL_BEFORE);
		break;
	case ODD_BEFORE:
		(void) json_object_set_new(labels, SPEC_LABEL_BEFORE, json_string("{}"));
		break;
	}
}

static void
test_spoiled_labels(void **unused)
{
	static const char *const texts[] = {
	    "", "the fake is broken", "label forager.before is missing", "label forager.before: "};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		steer_by_hand(&x);
		journal_intent_done(&x.book.rows[0]);
		spoil = (enum spoil) i;
		x.fake.on_request = spoil_service;
		world_recover(&x);
		assert_int_equal(x.n_each, 0);
		assert_int_equal(x.fake.n_posts, 0);
		assert_int_equal(texts[i][0] == '\0', x.recover_err.code == 0);
		assert_non_null(strstr(x.recover_err.text, texts[i]));
		if (i >= NO_BEFORE) /* it says what to do */
			assert_non_null(strstr(x.recover_err.text,
			                       "docker service update --label-rm forager.plan"));
		world_close(&x);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_tickets),
	    cmocka_unit_test(test_adopt),
	    cmocka_unit_test(test_is_merge),
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_one_at_a_time),
	    cmocka_unit_test(test_no_service_no_row),
	    cmocka_unit_test(test_nobody_is_told),
	    cmocka_unit_test(test_states_are_told),
	    cmocka_unit_test(test_default_waits),
	    cmocka_unit_test(test_waits_double),
	    cmocka_unit_test(test_rest),
	    cmocka_unit_test(test_goes_on_after_a_rest),
	    cmocka_unit_test(test_hint),
	    cmocka_unit_test(test_stop_looks_soon),
	    cmocka_unit_test(test_interrupts),
	    cmocka_unit_test(test_guests),
	    cmocka_unit_test(test_stop_untold),
	    cmocka_unit_test(test_stopped_anywhere),
	    cmocka_unit_test(test_hinted_anywhere),
	    cmocka_unit_test(test_closed_anywhere),
	    cmocka_unit_test(test_failed_anywhere),
	    cmocka_unit_test(test_silent_from_anywhere),
	    cmocka_unit_test(test_removed_anywhere),
	    cmocka_unit_test(test_removed_and_closed_anywhere),
	    cmocka_unit_test(test_led_by_another_from_anywhere),
	    cmocka_unit_test(test_slow_journal),
	    cmocka_unit_test(test_slow_eyes),
	    cmocka_unit_test(test_stop_beside_an_event),
	    cmocka_unit_test(test_recover_errors),
	    cmocka_unit_test(test_recover_labels),
	    cmocka_unit_test(test_recover_labels_in_trouble),
	    cmocka_unit_test(test_label_times),
	    cmocka_unit_test(test_spoiled_labels),
	    cmocka_unit_test(test_spoiled_previous_label),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
