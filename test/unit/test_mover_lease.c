/* Who may act: the mover, the Raft leader and the lease. */
#include "test/unit/mover_world.h"

#include <errno.h>

#include "agent/lease.h"
#include "swarm/spec.h"

static const char *
holder(const struct fake_swarm *f)
{
	const char *text = json_string_value(json_object_get(f->lease, "forager.lease.holder"));

	return text != NULL ? text : "";
}

static void
wait_given_back(struct world *x)
{
	while (holder(&x->fake)[0] != '\0')
		(void) uv_run(&x->loop, UV_RUN_ONCE);
}

static void
assert_ours(struct fake_swarm *f, unsigned n)
{
	(void) n;
	assert_string_equal(holder(f), "node1aaaaaaaaaaaaaaaaaaaa-0123456789abcdef");
}

static void
test_held_at_each_post(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = assert_ours;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(x.fake.n_applied, 3);
	wait_given_back(&x); /* by itself */
	assert_int_equal(x.fake.n_lease_posts, 2);
	world_clean(&x);
	world_close(&x);
}

/* In the middle of a move another manager becomes the leader: readings of the nodes until it has
 * heard of them, and until its scheduler has placed what waits. 0 = never. */
static unsigned heard_after, placed_after, node_readings;

static void
place(struct fake_swarm *f)
{
	f->fate = FATE_RUN;
	for (size_t i = 0; i < f->n_tasks; i++) {
		struct fake_task *t = &f->tasks[i];

		if (t->old) {
			t->state = t->desired = TASK_SHUTDOWN;
		} else if (t->state == TASK_PENDING) {
			t->node = 2;
			t->state = TASK_RUNNING;
			t->error = "";
		}
	}
}

static void
change_leader(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (f->n_applied != 1 || strstr(target, "/nodes") == NULL)
		return;
	node_readings++;
	f->unheard = heard_after == 0 || node_readings < heard_after;
	if (node_readings == placed_after)
		place(f);
}

static void
test_new_leader(void **unused)
{
	static const struct {
		unsigned heard_after, placed_after;
		enum move_state state;
		const char *text;
	} cases[] = {
	    {6, 6, MOVE_DONE, ""},
	    {6, 9, MOVE_DONE, ""},
	    {6, 0, MOVE_REVERTED, "cannot be placed"},
	    {0, 0, MOVE_REVERTED, "not there within"},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.options.poll_ms = 5;
		x.options.deadline_ms = 3000;
		mover_set_options(x.mover, &x.options);
		node_readings = 0;
		heard_after = cases[i].heard_after;
		placed_after = cases[i].placed_after;
		x.fake.fate = FATE_PENDING;
		x.fake.on_request = change_leader;
		world_request(&x, &world_ask);
		if (x.state != cases[i].state || strstr(x.text, cases[i].text) == NULL)
			fail_msg("%zu: %s: %s", i, move_state_names[x.state], x.text);
		assert_true(fake_spec_exact(&x.fake));
		world_close(&x);
	}
}

/* The old leader's forager ends with it, when the steering has been sent. */
static void
kill_first(struct fake_swarm *f, const char *method, const char *target)
{
	struct world *x = f->data;

	if (x->killed || f->n_applied == 0) {
		change_leader(f, method, target);
		return;
	}
	x->killed = true;
	mover_close(x->mover, world_on_closed, x);
}

/* Its forager takes the move up when all nodes are there, and the task still waits. */
static void
test_new_leader_takes_over(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.options.poll_ms = 5;
	x.options.deadline_ms = 20000;
	mover_set_options(x.mover, &x.options);
	x.fake.fate = FATE_PENDING;
	node_readings = 0;
	heard_after = 1;
	placed_after = 8;
	x.fake.on_request = kill_first;
	world_request(&x, &world_ask);
	while (x.mover != NULL)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_true(x.killed);
	assert_int_equal(x.fake.n_applied, 1);
	x.killed = false;
	x.fake.on_request = change_leader;
	world_mover(&x);
	world_recover(&x);
	if (x.state != MOVE_DONE)
		fail_msg("%s: %s", move_state_names[x.state], x.text);
	world_clean(&x);
	world_close(&x);
}

/* Another forager that is alive: its lease is renewed at each look. */
static void
beat(struct fake_swarm *f, const char *method, const char *target)
{
	if (streq(method, "GET") && strstr(target, "/configs") != NULL)
		fake_lease_write(f, "him");
}

static void
test_anothers(void **unused)
{
	static const struct move_request release = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .from = "a", .to = "c", .person = true};
	const struct move_request *const asks[] = {&world_ask, &release};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.fake.on_request = beat;
		world_request(&x, asks[i]);
		assert_int_equal(x.state, MOVE_REFUSED);
		assert_int_equal(x.verdict, VERDICT_LEASE);
		assert_non_null(strstr(x.err.text, "'elsewhere'"));
		assert_int_equal(x.fake.n_posts + x.fake.n_lease_posts, 0);
		assert_string_equal(holder(&x.fake), "him");
		world_clean(&x);
		world_close(&x);
	}
}

static void
test_silent(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	fake_lease_write(&x.fake, "him");
	x.fake.on_post = assert_ours;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	world_clean(&x);
	world_close(&x);
}

/* Whatever is refused, and whatever only watches, writes nothing at all. */
static void
test_no_lease_for_nothing(void **unused)
{
	static const struct {
		enum act_mode mode;
		bool follower, dry, paused;
	} cases[] = {{ACT_OBSERVE, .follower = false},
	             {ACT_RECOMMEND, .follower = false},
	             {ACT_AUTO, .follower = true},
	             {ACT_AUTO, .dry = true},
	             {ACT_AUTO, .paused = true}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.options.mode = cases[i].mode;
		x.options.own_only = cases[i].mode == ACT_OBSERVE;
		x.options.dry_run = cases[i].dry;
		x.options.paused = cases[i].paused;
		mover_set_options(x.mover, &x.options);
		x.fake.follower = cases[i].follower;
		world_recover(&x);
		world_request(&x, &world_ask);
		assert_int_equal(x.state, MOVE_REFUSED);
		world_close(&x);
		assert_int_equal(x.fake.n_lease_posts, 0);
	}
}

static void
test_merge_needs_the_leader(void **unused)
{
	static const char before[] = "{\"Constraints\":[],\"Labels\":{}," UPDATE "}";
	static const char written[] =
	    "{\"Constraints\":[\"node.role!=ingress\"],\"Labels\":{}," UPDATE "}";
	struct intent row = {.id = 1,
	                     .state = MOVE_DONE,
	                     .service_id = "service1sssssssssssssssss",
	                     .added = (char *) "[]",
	                     .before = (char *) before,
	                     .written = (char *) written};
	struct move_request r = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &row, .person = true};
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.follower = true;
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_int_equal(x.verdict, VERDICT_NOT_LEADER);
	assert_int_equal(x.fake.n_posts + x.fake.n_lease_posts, 0);
	x.fake.follower = false;
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(x.fake.n_applied, 2);
	world_close(&x);
}

/* ---- in the middle of a move ---- */

static unsigned lose_after;

static void
lose_leader(struct fake_swarm *f, unsigned n)
{
	f->follower = n + 1 == lose_after;
}

/* Swarm's update goes on until our renewal has met the other holder. */
static void
hold_up(struct fake_swarm *f, const char *method, const char *target)
{
	if (streq(holder(f), "him")) {
		f->update_left = strstr(target, "/configs") != NULL ? 0 : f->update_left;
		beat(f, method, target);
	}
}

/* Stopped for long, or cut off: when we come back, the lease is another one's, who is alive. */
static void
lose_lease(struct fake_swarm *f, unsigned n)
{
	if (n + 1 == lose_after)
		fake_lease_write(f, "him");
}

static void
test_stops_at_once(void **unused)
{
	static const struct {
		void (*on_post)(struct fake_swarm *f, unsigned n);
		unsigned after;
		enum verdict verdict;
	} cases[] = {{lose_leader, 1, VERDICT_NOT_LEADER},
	             {lose_leader, 2, VERDICT_NOT_LEADER},
	             {lose_lease, 1, VERDICT_LEASE}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		lose_after = cases[i].after;
		world_open(&x, spec_full, (const uint32_t[]){0});
		x.options.lease_ms = 2000;
		x.options.poll_ms = 20;
		x.options.deadline_ms = 30000;
		mover_set_options(x.mover, &x.options);
		x.fake.update_readings = cases[i].on_post == lose_lease ? 1000000 : 2;
		x.fake.on_request = hold_up;
		x.fake.on_post = cases[i].on_post;
		world_request(&x, &world_ask);
		assert_true(x.open);
		assert_int_equal(x.verdict, cases[i].verdict);
		assert_int_equal(x.fake.n_posts, lose_after);
		if (cases[i].on_post == lose_leader)
			wait_given_back(&x);
		assert_string_equal(holder(&x.fake), cases[i].on_post == lose_leader ? "" : "him");
		/* The other one has done nothing, or died: we lead again and finish it. */
		x.fake.on_request = NULL;
		x.fake.on_post = assert_ours;
		x.fake.follower = false;
		x.fake.update_readings = 2;
		world_recover(&x);
		assert_int_equal(x.n_each, 1);
		assert_int_equal(x.state, MOVE_DONE);
		assert_int_equal(x.fake.n_applied, 3);
		world_clean(&x);
		world_close(&x);
	}
}

/* What another manager's forager finished from the labels needs neither lease nor leader here. */
static void
test_finished_by_another(void **unused)
{
	struct world x;

	(void) unused;
	lose_after = 1;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = lose_leader;
	world_request(&x, &world_ask);
	assert_true(x.open);
	wait_given_back(&x);
	fake_write(&x.fake, json_deep_copy(x.fake.original));
	fake_write(&x.fake, json_deep_copy(x.fake.original));
	x.fake.n_lease_posts = 0;
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_false(x.open);
	assert_int_equal(x.state, MOVE_DONE); /* it runs where it should */
	assert_int_equal(x.fake.n_posts, 1);
	assert_int_equal(x.fake.n_lease_posts, 0);

	world_close(&x);
}

static void
test_keeps_trying(void **unused)
{
	struct world x;

	(void) unused;
	/* The daemon waits for its turn, and writes nothing while it waits. */
	lose_after = 1;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.options.keep_trying = true;
	x.options.deadline_ms = 5000;
	mover_set_options(x.mover, &x.options);
	x.fake.on_post = lose_leader;
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	while (!mover_resting(x.mover))
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	for (unsigned before = x.fake.n_requests; x.fake.n_requests < before + 50;)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(x.fake.n_posts, 1);
	assert_int_equal(x.n_done, 0);
	x.fake.follower = false;
	world_run(&x, &x.n_done, 1);
	assert_int_equal(x.state, MOVE_DONE);
	assert_string_equal(x.err.text, "");
	world_clean(&x);
	world_close(&x);
}

static void
node_event(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (strstr(target, "/info") != NULL)
		f->node_version++;
}

static void
late_node_event(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (strstr(target, "/tasks") != NULL)
		f->node_version = 6;
}

/* A node event between the check and the steering: whatever the check saw is not so any more. */
static void
test_node_event(void **unused)
{
	static void (*const events[])(struct fake_swarm * f, const char *method,
	                              const char *target) = {node_event, late_node_event};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.fake.on_request = events[i];
		world_request(&x, &world_ask);
		assert_int_equal(x.state, MOVE_REFUSED);
		assert_int_equal(x.verdict, VERDICT_NODE_CHANGED);
		assert_int_equal(x.fake.n_posts, 0);
		world_clean(&x);
		world_close(&x);
	}
}

/* ---- another manager's open move ---- */

/* Leaves the service steered, as one who was killed did, and the journal with him. */
static void
leave_steered(struct world *x)
{
	world_open(x, spec_full, (const uint32_t[]){0});
	lose_after = 1;
	x->fake.on_post = lose_leader;
	world_request(x, &world_ask);
	assert_true(x->open);
	assert_non_null(spec_plan(x->fake.spec));
	wait_given_back(x);
	book_done(&x->book);
	x->book = (struct book){0};
	x->fake.on_post = NULL;
	x->fake.follower = false;
	x->fake.n_lease_posts = x->fake.n_posts = 0;
}

static void
test_orphans(void **unused)
{
	enum { FREE, SILENT, ALIVE, FOLLOWER, OBSERVER };

	(void) unused;
	for (int i = FREE; i <= OBSERVER; i++) {
		bool takes = i == FREE || i == SILENT;
		struct world x;

		leave_steered(&x);
		if (i == SILENT || i == ALIVE)
			fake_lease_write(&x.fake, "him");
		x.fake.on_request = i == ALIVE ? beat : NULL;
		x.fake.follower = i == FOLLOWER;
		x.options.own_only = i == OBSERVER;
		mover_set_options(x.mover, &x.options);
		world_recover(&x);
		assert_int_equal(x.n_each, takes);
		assert_int_equal(x.fake.n_posts, takes ? 2 : 0);
		assert_int_equal(x.recover_err.code, i == ALIVE ? -EBUSY : 0);
		if (!takes) {
			assert_int_equal(x.book.n, 0);
			assert_int_equal(x.fake.n_lease_posts, 0);
			assert_non_null(spec_plan(x.fake.spec));
		} else {
			assert_int_equal(x.state, MOVE_DONE);
			world_clean(&x);
		}
		world_close(&x);
	}
}

/* Two foragers want the same at the same time: one acts. */
static void
test_two(void **unused)
{
	struct world x;
	struct mover *other;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.fate = FATE_PREPARE; /* the move lasts */
	x.options.deadline_ms = 60000;
	x.options.lease_ms = 3000; /* the second one sees the first one's renewals soon */
	mover_set_options(x.mover, &x.options);
	other = x.mover;
	x.options.lease_key = "fedcba9876543210";
	world_mover(&x);
	/* The second one has looked before the first one steers. */
	assert_int_equal(mover_start(other, &world_ask, world_on_done, &x, NULL), 0);
	while (x.seen_ctx == NULL || x.book.writes == 0)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	world_run(&x, &x.n_done, 1);
	assert_int_equal(x.state, MOVE_REFUSED);
	mover_stop(other, NULL, NULL);
	world_run(&x, &x.n_done, 2);
	assert_int_equal(x.state, MOVE_REVERTED);
	assert_int_equal(x.fake.n_applied, 4);
	world_clean(&x);
	mover_close(other, NULL, NULL);
	world_close(&x);
}

/* Who leads may be another one at the next move: each asks anew. */
static void
test_leads_no_more(void **unused)
{
	struct move_request back = world_ask;
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	back.from = "c";
	back.to = "a";
	x.fake.follower = true;
	world_request(&x, &back);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_int_equal(x.verdict, VERDICT_NOT_LEADER);
	assert_int_equal(fake_running(&x.fake, 2), 1);
	world_clean(&x);
	world_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_held_at_each_post),
	    cmocka_unit_test(test_new_leader),
	    cmocka_unit_test(test_new_leader_takes_over),
	    cmocka_unit_test(test_anothers),
	    cmocka_unit_test(test_silent),
	    cmocka_unit_test(test_no_lease_for_nothing),
	    cmocka_unit_test(test_merge_needs_the_leader),
	    cmocka_unit_test(test_stops_at_once),
	    cmocka_unit_test(test_finished_by_another),
	    cmocka_unit_test(test_keeps_trying),
	    cmocka_unit_test(test_node_event),
	    cmocka_unit_test(test_orphans),
	    cmocka_unit_test(test_leads_no_more),
	    cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
