/* The mover against a scripted Swarm: what it ends in, what it sent, and what it left behind. */
#include "test/unit/mover_world.h"

#include <errno.h>
#include <stdio.h>

#include "agent/actor.h"
#include "agent/mover_spec.h"
#include "storage/journal.h"
#include "swarm/spec.h"

/* ---- moves ---- */

static void
test_move(void **unused)
{
	static const char *const specs[] = {spec_plain, spec_full, spec_bare, spec_empty};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct world x;

		world_open(&x, specs[i], (const uint32_t[]){0});
		world_request(&x, &world_ask);
		assert_string_equal(x.err.text, "");
		assert_int_equal(x.state, MOVE_DONE);
		assert_string_equal(x.book.trail, "planned steered verified settled done");
		assert_true(x.changed && x.spec_equal && !x.open);
		assert_int_equal(x.fake.n_applied, 3);
		assert_true(x.fake.steering_seen[0]);
		assert_false(x.fake.steering_seen[1]);
		assert_int_equal(fake_running(&x.fake, 2), 1);
		world_clean(&x);
		/* docker service rollback would bring this back: what stands there anyway. */
		assert_true(json_equal(x.fake.previous, x.fake.original));
		assert_false(mover_busy(x.mover));
		world_close(&x);
	}
}

static void
count_readings(struct fake_swarm *f, const char *method, const char *target)
{
	unsigned *n = f->data;

	if (f->n_applied == 3 && streq(method, "GET") && strstr(target, "/services/") != NULL)
		++*n;
}

/* What asks the engine is asked once: after the last change it is read back as the answer to it, as
 * the proof, and for the one who asked. */
static void
test_move_reads_no_more(void **unused)
{
	struct world x;
	unsigned n_readings = 0;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.data = &n_readings;
	x.fake.on_request = count_readings;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(n_readings, 3);
	world_close(&x);
}

static void
test_move_copies(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_three, (const uint32_t[]){0, 0, 1});
	x.fake.n_nodes = 3;
	world_request(&x, &world_ask);
	/* Two copies on one node where there was one would share more than before: refused or done,
	 * never half. */
	if (x.state == MOVE_DONE)
		assert_int_equal(fake_running(&x.fake, 2), 2);
	else
		assert_int_equal(x.state, MOVE_REFUSED);
	world_clean(&x);
	world_close(&x);
}

static void
test_steering_keeps_control(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.fate = FATE_PREPARE;
	x.options.deadline_ms = 60000;
	mover_set_options(x.mover, &x.options);
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
	while (x.fake.n_applied < 1)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	json_t *update = json_object_get(x.fake.spec, "UpdateConfig");
	assert_int_equal(json_integer_value(json_object_get(update, "Parallelism")), 1);
	assert_string_equal(json_string_value(json_object_get(update, "Order")), "start-first");
	assert_non_null(spec_plan(x.fake.spec));
	assert_non_null(spec_before(x.fake.spec));
	assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), -EBUSY);
	assert_string_equal(mover_intent(x.mover)->service_name, "web");
	world_close(&x);
	assert_int_equal(x.n_done, 1); /* dropped where it stood */
	assert_true(x.open);
}

static void
drain_target(struct fake_swarm *f, unsigned n)
{
	if (n == 0)
		f->drained[2] = true;
}

static void
test_reverts(void **unused)
{
	static const struct {
		const char *name;
		enum fake_fate fate;
		void (*on_post)(struct fake_swarm *f, unsigned n);
		const char *text;
	} cases[] = {
	    {"held in preparing", FATE_PREPARE, NULL, "not there within"},
	    {"failing", FATE_FAIL, NULL, "did not stay up: task: non-zero exit (1)"},
	    {"cannot be placed", FATE_PENDING, NULL, "cannot be placed: no suitable node"},
	    {"target drained", FATE_RUN, drain_target, "cannot be placed"},
	};
	static const char *const specs[] = {spec_plain, spec_full, spec_bare, spec_empty};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(specs); i++) {
		size_t c = i % ARRAY_SIZE(cases);
		struct world x;

		world_open(&x, specs[i / ARRAY_SIZE(cases)], (const uint32_t[]){0});
		x.fake.fate = cases[c].fate;
		x.fake.on_post = cases[c].on_post;
		world_request(&x, &world_ask);
		if (x.state != MOVE_REVERTED)
			fail_msg("%s: %s (%s)", cases[c].name, move_state_names[x.state], x.text);
		assert_string_equal(x.book.trail, "planned steered reverting blocked reverted");
		assert_non_null(strstr(x.err.text, cases[c].text));
		assert_string_equal(x.err.text, x.text);
		assert_int_equal(x.fake.n_applied, 4);
		assert_true(x.fake.steering_seen[1]); /* the target blocked first */
		assert_false(x.fake.steering_seen[2]);
		assert_int_equal(fake_old_running(&x.fake), 1);
		world_clean(&x);
		assert_true(x.spec_equal);
		assert_true(json_equal(x.fake.previous, x.fake.original));
		world_close(&x);
	}
}

static void
label_source(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (f->n_applied == 1 && strstr(target, "/tasks") != NULL)
		f->node_labels[0] = "after";
}

static void
drain_target_later(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (f->n_applied == 1 && strstr(target, "/tasks") != NULL)
		f->drained[2] = true;
}

static unsigned node_readings;

/* The first reading in the middle of the move is still as before. */
static void
drain_later(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (f->n_applied == 1 && strstr(target, "/nodes") != NULL && ++node_readings == 4)
		f->drained[0] = true;
}

static void
label_later(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (f->n_applied == 1 && strstr(target, "/nodes") != NULL && ++node_readings == 4)
		f->node_labels[2] = "after";
}

/* Somebody works on one of the nodes in mid-move: that is told beside what came of it. */
static void
test_nodes_are_changed(void **unused)
{
	static const struct {
		void (*change)(struct fake_swarm *f, const char *method, const char *target);
		enum fake_fate fate;
		const char *text;
	} cases[] = {
	    {label_source, FATE_PREPARE, "; meanwhile the labels of node 'a' were changed"},
	    {drain_later, FATE_PREPARE, "; meanwhile node 'a' was set to drain"},
	    {label_later, FATE_PREPARE, "; meanwhile the labels of node 'c' were changed"},
	    {drain_target_later, FATE_PREPARE, "active; meanwhile node 'c' was set to drain"},
	    {NULL, FATE_PREPARE, NULL},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.options.deadline_ms = 1000;
		x.options.poll_ms = 20;
		mover_set_options(x.mover, &x.options);
		node_readings = 0;
		x.fake.fate = cases[i].fate;
		x.fake.on_request = cases[i].change;
		world_request(&x, &world_ask);
		assert_int_equal(x.state, MOVE_REVERTED);
		if (cases[i].text == NULL)
			assert_null(strstr(x.text, "meanwhile"));
		else if (strstr(x.text, cases[i].text) == NULL)
			fail_msg("%zu: %s", i, x.text);
		assert_string_equal(x.book.rows[0].reason, x.text);
		assert_true(fake_spec_exact(&x.fake));
		world_close(&x);
	}
}

static void
test_astray(void **unused)
{
	static const char two[] =
	    "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(2) "," UPDATE "}";
	struct world x;

	(void) unused;
	/* The other copy stays on b, so the terms deny nodes instead of naming one. */
	world_open(&x, two, (const uint32_t[]){0, 1});
	x.fake.on_post = world_scatter;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_REVERTED);
	assert_non_null(strstr(x.text, "instead"));
	assert_int_equal(x.fake.n_applied, 3); /* no block: nothing is restarted twice */
	assert_int_equal(fake_running(&x.fake, 3), 1);
	world_clean(&x);
	world_close(&x);
}

static void
test_refused(void **unused)
{
	struct world x;
	static const struct {
		const char *name;
		uint32_t traits_off, traits_on;
		enum act_mode mode;
		bool follower, person, dry, paused, blind;
		const char *from, *to, *service;
		enum verdict verdict;
	} cases[] = {
	    {"stop-first", TRAIT_START_FIRST, 0, ACT_AUTO, .verdict = VERDICT_STOP_FIRST},
	    {"pinned", 0, TRAIT_PINNED, ACT_AUTO, .verdict = VERDICT_PINNED},
	    {"no placement", TRAIT_PLACEMENT, 0, ACT_AUTO, .verdict = VERDICT_NO_PLACEMENT},
	    {"a follower", 0, 0, ACT_AUTO, .follower = true, .verdict = VERDICT_NOT_LEADER},
	    {"observing", 0, 0, ACT_OBSERVE, .verdict = VERDICT_OBSERVE_ONLY},
	    {"recommending", 0, 0, ACT_RECOMMEND, .verdict = VERDICT_OBSERVE_ONLY},
	    {"dry run", 0, 0, ACT_AUTO, .dry = true, .verdict = VERDICT_OK},
	    {"paused", 0, 0, ACT_AUTO, .paused = true, .verdict = VERDICT_PAUSED},
	    {"paused person", 0, 0, ACT_AUTO, .paused = true, .person = true,
	     .verdict = VERDICT_PAUSED},
	    {"blind", 0, 0, ACT_AUTO, .blind = true, .verdict = VERDICT_PARTIAL},
	    {"no node", 0, 0, ACT_AUTO, .to = "nowhere", .verdict = VERDICT_OK},
	    {"no service", 0, 0, ACT_AUTO, .service = "nothing", .verdict = VERDICT_OK},
	    {"same node", 0, 0, ACT_AUTO, .to = "a", .verdict = VERDICT_SAME_NODE},
	    {"no copy", 0, 0, ACT_AUTO, .from = "b", .verdict = VERDICT_NO_COPY_ON_SOURCE},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct move_request r = world_ask;

		world_open(&x, spec_plain, (const uint32_t[]){0});
		x.traits = (x.traits & ~cases[i].traits_off) | cases[i].traits_on;
		x.options.mode = cases[i].mode;
		x.options.dry_run = cases[i].dry;
		x.options.paused = cases[i].paused;
		mover_set_options(x.mover, &x.options);
		x.fake.follower = cases[i].follower;
		x.blind = cases[i].blind;
		r.person = cases[i].person;
		r.from = cases[i].from != NULL ? cases[i].from : r.from;
		r.to = cases[i].to != NULL ? cases[i].to : r.to;
		r.service = cases[i].service != NULL ? cases[i].service : r.service;
		world_request(&x, &r);
		if (x.state != MOVE_REFUSED || x.verdict != cases[i].verdict)
			fail_msg("%s: %s, %s", cases[i].name, move_state_names[x.state],
			         verdict_infos[x.verdict].name);
		assert_int_equal(x.fake.n_posts, 0);
		assert_false(x.changed);
		assert_true(strlen(x.err.text) > 10);
		world_clean(&x);
		world_close(&x);
	}
}

static void
test_person_overrules_mode(void **unused)
{
	struct move_request r = world_ask;
	struct world x;

	(void) unused;
	r.person = true;
	r.decision_id = 0;
	world_open(&x, spec_plain, (const uint32_t[]){0});
	x.options.mode = ACT_OBSERVE;
	mover_set_options(x.mover, &x.options);
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	world_close(&x);

	/* Stop-first with the owner's label: it may move, and the old one goes first. */
	world_open(&x, spec_bare, (const uint32_t[]){0});
	x.traits = (x.traits & ~(uint32_t) TRAIT_START_FIRST) | TRAIT_MAY_RESTART;
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	world_clean(&x);
	world_close(&x);
}

static void
test_bad_requests(void **unused)
{
	static const struct move_request bad[] = {
	    {.kind = MOVE_KIND_MOVE, .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_MOVE, .service = "", .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_MOVE, .service = "web", .from = "a"},
	    {.kind = MOVE_KIND_UNDO, .service = "web", .to = "a"},
	    {.kind = MOVE_KIND_RELEASE, .service = "web", .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_N, .service = "web", .from = "a", .to = "b"},
	};
	struct world x;

	(void) unused;
	world_open(&x, spec_plain, (const uint32_t[]){0});
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {0};

		assert_int_equal(mover_start(x.mover, &bad[i], world_on_done, &x, &err), -EINVAL);
		assert_true(strlen(err.text) > 5);
	}
	assert_false(mover_busy(x.mover));
	world_close(&x);
}

/* ---- answers that are lost, conflicts, silence ---- */

static void
test_faults(void **unused)
{
	(void) unused;
	for (unsigned at = 0; at < 3; at++)
		for (int fault = FAULT_LOSE; fault <= FAULT_CONFLICT; fault++) {
			struct world x;

			world_open(&x, spec_full, (const uint32_t[]){0});
			x.fake.faults[at] = (enum fake_fault) fault;
			world_request(&x, &world_ask);
			if (x.state != MOVE_DONE)
				fail_msg("post %u, fault %d: %s (%s)", at, fault,
				         move_state_names[x.state], x.text);
			/* Never a second time what was applied already. */
			assert_int_equal(x.fake.n_applied, 3);
			assert_int_equal(fake_running(&x.fake, 2), 1);
			world_clean(&x);
			world_close(&x);
		}
}

static void
test_refused_by_swarm(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.faults[0] = FAULT_REFUSE;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_non_null(strstr(x.text, "the fake does not like it"));
	assert_int_equal(x.fake.n_applied, 0);
	world_clean(&x);
	world_close(&x);
}

static void
calm_down(struct fake_swarm *f, unsigned n)
{
	f->always_conflict = n == 0;
}

static void
test_out_of_tries(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = calm_down; /* every POST after the steering meets a conflict */
	world_request(&x, &world_ask);
	assert_true(x.open);
	assert_int_equal(x.state, MOVE_VERIFIED);
	assert_int_equal(x.fake.n_posts, 1 + 5);
	assert_non_null(strstr(x.err.text, "out of sequence"));
	/* Later it goes through, by the journal's row. */
	x.fake.always_conflict = false;
	x.fake.on_post = NULL;
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(fake_running(&x.fake, 2), 1);
	world_clean(&x);
	world_close(&x);
}

static void
go_down(struct fake_swarm *f, unsigned n)
{
	f->down = n == 0;
}

static void
come_up(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	(void) target;
	if (f->down && f->n_requests > 60)
		f->down = false;
}

static void
test_silence(void **unused)
{
	struct world x;

	(void) unused;
	/* The Swarm loses its leader just after the steering, and is back before the deadline. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = go_down;
	x.fake.on_request = come_up;
	x.options.deadline_ms = 20000;
	mover_set_options(x.mover, &x.options);
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	world_clean(&x);
	world_close(&x);
}

static void
test_keeps_trying(void **unused)
{
	struct world x;

	(void) unused;
	/* Silence beyond the deadline: the daemon takes it up again by itself. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = go_down;
	x.options.deadline_ms = 20;
	x.options.keep_trying = true;
	mover_set_options(x.mover, &x.options);
	x.fake.on_request = come_up;
	world_request(&x, &world_ask);
	assert_false(x.open);
	assert_true(x.state == MOVE_DONE || x.state == MOVE_REVERTED);
	world_clean(&x);
	world_close(&x);
}

/* ---- someone else ---- */

static void
set_image(json_t *spec, const char *image)
{
	(void) json_object_set_new(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image",
	    json_string(image));
}

static const char *
image_of(const json_t *spec)
{
	return json_string_value(json_object_get(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image"));
}

/* docker service update --image: everything of ours is carried along. */
static void
new_image(struct fake_swarm *f, const char *method, const char *target)
{
	(void) target;
	if (f->n_applied == 1 && streq(method, "GET") && streq(image_of(f->spec), "web:1")) {
		json_t *spec = json_deep_copy(f->spec);

		set_image(spec, "web:2");
		fake_write(f, spec);
	}
}

/* docker stack deploy: everything of ours is gone. */
static void
stack_deploy(struct fake_swarm *f, const char *method, const char *target)
{
	(void) target;
	if (f->n_applied == 1 && streq(method, "GET") && streq(image_of(f->spec), "web:1")) {
		json_t *spec = json_deep_copy(f->original);

		set_image(spec, "web:3");
		fake_write(f, spec);
	}
}

/* docker service update --constraint-add: beside ours. */
static void
new_constraint(struct fake_swarm *f, const char *method, const char *target)
{
	if (f->n_applied == 1 && streq(method, "GET") && strstr(target, "/tasks") != NULL &&
	    f->data != NULL) {
		json_t *spec = json_deep_copy(f->spec);
		json_t *list = json_object_get(
		    json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
		    "Constraints");

		(void) json_array_append_new(list, json_string("node.labels.zone==x"));
		fake_write(f, spec);
		f->data = NULL;
	}
}

static void
test_foreign(void **unused)
{
	static const struct {
		void (*on_request)(struct fake_swarm *f, const char *method, const char *target);
		const char *image;
		unsigned applied; /* of ours, the steering included */
	} cases[] = {
	    {new_image, "web:2", 3}, {stack_deploy, "web:3", 1}, {new_constraint, "web:1", 3}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.fake.on_request = cases[i].on_request;
		world_request(&x, &world_ask);
		if (x.state != MOVE_FOREIGN)
			fail_msg("case %zu: %s (%s)", i, move_state_names[x.state], x.text);
		assert_string_equal(image_of(x.fake.spec), cases[i].image);
		assert_false(fake_has_term(x.fake.spec));
		/* Nothing is written on top of a deploy: its rollback is worth more to its owner.
		 */
		assert_int_equal(fake_has_term(x.fake.previous),
		                 cases[i].on_request == stack_deploy);
		assert_null(spec_plan(x.fake.spec));
		assert_null(spec_before(x.fake.spec));
		assert_int_equal(x.fake.n_applied, cases[i].applied);
		if (cases[i].on_request == new_constraint) {
			char *text = json_dumps(x.fake.spec, JSON_COMPACT);

			assert_non_null(
			    strstr(text, "[\"node.role!=ingress\",\"node.labels.zone==x\"]"));
			free(text);
		}
		/* The owner's UpdateConfig is back, exactly. */
		assert_true(json_equal(json_object_get(x.fake.spec, "UpdateConfig"),
		                       json_object_get(x.fake.original, "UpdateConfig")));
		world_close(&x);
	}
}

static void
remove_it(struct fake_swarm *f, unsigned n)
{
	f->removed = n == 0;
}

static void
test_removed(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.fake.on_post = remove_it;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_FOREIGN);
	assert_string_equal(x.text, "'web' was removed: nothing of forager's is left to undo");
	assert_string_equal(x.book.rows[0].reason, x.text);
	world_recover(&x);
	assert_int_equal(x.n_each, 0);
	world_close(&x);
}

static unsigned remove_at;

static void
remove_in_time(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	(void) target;
	f->removed = f->removed || f->n_requests >= remove_at;
}

/* Whenever it goes: no row stays open, and nobody is called to help. */
static void
test_removed_at_each_request(void **unused)
{
	static const enum fake_fate fates[] = {FATE_RUN, FATE_FAIL};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
		bool ended = false;

		for (remove_at = 1; !ended; remove_at++) {
			struct world x;
			bool gone;

			world_open(&x, spec_full, (const uint32_t[]){0});
			x.options.poll_ms = 1;
			mover_set_options(x.mover, &x.options);
			x.fake.fate = fates[i];
			x.fake.on_request = remove_in_time;
			world_request(&x, &world_ask);
			ended = !x.fake.removed;
			assert_false(x.open);
			gone = strstr(x.text, "was removed: nothing") != NULL;
			if (x.state == MOVE_GAVE_UP || gone != (x.state == MOVE_FOREIGN) ||
			    (x.state == MOVE_REFUSED && x.fake.n_applied > 0))
				fail_msg("removed at request %u: %s: %s (%s)", remove_at,
				         move_state_names[x.state], x.text, x.book.trail);
			for (size_t k = 0; k < x.book.n; k++)
				assert_true(journal_state_ended(x.book.rows[k].state));
			world_close(&x);
		}
		assert_true(remove_at > 10);
	}
}

static void
test_snapshot_lags(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	x.seen_older = 2; /* the third look is fresh */
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_DONE);
	world_close(&x);

	world_open(&x, spec_full, (const uint32_t[]){0});
	x.seen_older = 5;
	world_request(&x, &world_ask);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_int_equal(x.verdict, VERDICT_DEPLOY_QUIET);
	world_close(&x);
}

/* ---- the journal ---- */

static void
test_journal_fails(void **unused)
{
	(void) unused;
	for (unsigned at = 1; at <= 5; at++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.book.fail_from = at;
		world_request(&x, &world_ask);
		if (at <= 2) { /* what cannot be written down first is not done */
			assert_int_equal(x.state, MOVE_REFUSED);
			assert_int_equal(x.fake.n_posts, 0);
		} else {
			assert_int_equal(x.state, MOVE_DONE);
			assert_int_equal(x.fake.n_applied, 3);
			assert_int_equal(fake_running(&x.fake, 2), 1);
		}
		assert_non_null(strstr(x.err.text, "disk full"));
		world_clean(&x);
		/* The row that was left open is ended by the next run. */
		x.book.fail_from = 0;
		world_recover(&x);
		for (size_t i = 0; i < x.book.n; i++)
			assert_true(journal_state_ended(x.book.rows[i].state));
		world_clean(&x);
		world_close(&x);
	}
}

/* ---- killed at every point, and taken up again ---- */

static void
kill_mover(struct fake_swarm *f, const char *method, const char *target)
{
	struct world *x = f->data;

	(void) method;
	(void) target;
	if (!x->killed && f->n_requests == x->kill_at) {
		x->killed = true;
		mover_close(x->mover, world_on_closed, x);
	}
}

static void
test_kill_points(void **unused)
{
	static const enum fake_fate fates[] = {FATE_RUN, FATE_PREPARE, FATE_FAIL};

	(void) unused;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(fates); i++) {
		bool lost = i >= ARRAY_SIZE(fates), ended = false;

		for (unsigned at = 1; !ended; at++) {
			struct world x;

			world_open(&x, spec_full, (const uint32_t[]){0});
			x.options.deadline_ms = 30;
			mover_set_options(x.mover, &x.options);
			x.fake.fate = fates[i % ARRAY_SIZE(fates)];
			x.fake.on_request = kill_mover;
			x.kill_at = at;
			world_request(&x, &world_ask);
			ended = !x.killed;
			if (ended) {
				assert_in_range(at, 15, 2000);
				world_close(&x);
				break;
			}
			while (x.mover != NULL)
				(void) uv_run(&x.loop, UV_RUN_ONCE);
			if (lost) { /* the database is gone: only the Swarm's labels tell */
				book_done(&x.book);
				x.book = (struct book){0};
			}
			x.killed = false;
			x.kill_at = 0;
			world_mover(&x);
			world_recover(&x);
			assert_string_equal(x.recover_err.text, "");
			for (size_t k = 0; k < x.book.n; k++)
				if (!journal_state_ended(x.book.rows[k].state))
					fail_msg("killed at %u: left %s", at,
					         move_state_names[x.book.rows[k].state]);
			if (fates[i % ARRAY_SIZE(fates)] != FATE_RUN)
				assert_int_equal(fake_old_running(&x.fake), 1);
			world_clean(&x);
			/* Nor does a rollback bring anything of ours back, also where only the
			 * previous spec told. */
			assert_false(fake_has_term(x.fake.previous));
			assert_null(spec_plan(x.fake.previous));
			assert_false(mover_busy(x.mover));
			world_close(&x);
		}
	}
}

static void
test_foreign_label(void **unused)
{
	struct world x;
	static const char odd[] =
	    "{\"Name\":\"web\",\"Labels\":{\"forager.plan\":\"1-a-b\",\"forager.before\":\"{}\"}"
	    "," TASK("{}") "," MODE(1) "," UPDATE "}";

	(void) unused;
	/* A label that we cannot read is left alone, and said so with what to do. */
	world_open(&x, odd, (const uint32_t[]){0});
	world_recover(&x);
	assert_int_equal(x.n_each, 0);
	assert_non_null(strstr(x.recover_err.text, "--label-rm forager.plan"));
	assert_int_equal(x.fake.n_posts, 0);
	world_close(&x);
}

/* ---- stopping ---- */

static void
on_stopped(void *data, const struct error *err)
{
	struct world *x = data;

	(void) err;
	x->n_stopped++;
}

static void
test_stop(void **unused)
{
	static const struct {
		unsigned after; /* POSTs */
		enum fake_fate fate;
		enum move_state state;
	} cases[] = {
	    {0, FATE_RUN, MOVE_REFUSED},
	    {1, FATE_PREPARE, MOVE_REVERTED},
	    {1, FATE_RUN, MOVE_DONE},
	    {2, FATE_RUN, MOVE_DONE},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		x.options.deadline_ms = 60000;
		mover_set_options(x.mover, &x.options);
		x.fake.fate = cases[i].fate;
		assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL), 0);
		while (x.fake.n_applied < cases[i].after)
			(void) uv_run(&x.loop, UV_RUN_ONCE);
		mover_stop(x.mover, on_stopped, &x);
		assert_int_equal(x.n_stopped, 0);
		world_run(&x, &x.n_stopped, 1);
		assert_int_equal(x.n_done, 1);
		assert_int_equal(x.state, cases[i].state);
		assert_int_equal(mover_start(x.mover, &world_ask, world_on_done, &x, NULL),
		                 -ESHUTDOWN);
		world_clean(&x);
		world_close(&x);
	}
}

static void
test_stop_idle(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	mover_stop(x.mover, on_stopped, &x);
	assert_int_equal(x.n_stopped, 0);
	world_run(&x, &x.n_stopped, 1);
	assert_int_equal(x.n_stopped, 1);
	world_close(&x);
}

/* ---- undo and release ---- */

static const char held[] = "{\"Name\":\"web\"," LABELS
                           "," TASK("{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                                    "node2bbbbbbbbbbbbbbbbbbbb\"]}") "," MODE(1) "," UPDATE "}";
static const char owners[] = "{\"Constraints\":[\"node.role!=ingress\"],\"Labels\":{}," UPDATE "}";
static const char holds[] = "{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                            "node2bbbbbbbbbbbbbbbbbbbb\"],\"Labels\":{}," UPDATE "}";

static struct intent
old_move(const char *before, const char *written)
{
	return (struct intent){.id = 1,
	                       .kind = MOVE_KIND_MOVE,
	                       .state = MOVE_DONE,
	                       .service_id = "service1sssssssssssssssss",
	                       .from_id = "node1aaaaaaaaaaaaaaaaaaaa",
	                       .to_id = "node3cccccccccccccccccccc",
	                       .service_name = (char *) "web",
	                       .added = (char *) "[]",
	                       .before = (char *) before,
	                       .written = (char *) written};
}

static void
test_undo(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &row, .person = true};
	_cleanup_(freep) char *owned = NULL;
	struct world x;

	(void) unused;
	world_open(&x, held, (const uint32_t[]){2});
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_string_equal(x.book.trail, "planned verified settled done");
	assert_int_equal(x.book.rows[0].undo_of, 1);
	assert_false(fake_has_term(x.fake.spec));
	assert_false(fake_has_term(x.fake.previous));
	assert_int_equal(spec_owned_get(x.fake.spec, &owned, NULL), 0);
	json_auto_t *want = json_loads(owners, 0, NULL), *got = json_loads(owned, 0, NULL);
	assert_true(json_equal(want, got));
	assert_int_equal(fake_old_running(&x.fake), 1); /* nothing was restarted */
	assert_int_equal(x.fake.n_applied, 2);

	/* A second time there is nothing left to do, and nothing is sent. */
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_false(x.changed);
	assert_int_equal(x.fake.n_applied, 2);
	world_close(&x);
}

static void
test_undo_beside_owner(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_RELEASE, .service = "web", .undone = &row, .person = true};
	struct world x;
	char *text;

	(void) unused;
	world_open(&x, held, (const uint32_t[]){2});
	/* Since our move its owner has added a constraint and slowed the updates down. */
	json_t *list = json_object_get(
	    json_object_get(json_object_get(x.fake.spec, "TaskTemplate"), "Placement"),
	    "Constraints");
	(void) json_array_append_new(list, json_string("node.labels.zone==x"));
	(void) json_object_set_new(json_object_get(x.fake.spec, "UpdateConfig"), "Delay",
	                           json_integer(99));
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	text = json_dumps(x.fake.spec, JSON_COMPACT);
	assert_non_null(strstr(text, "[\"node.role!=ingress\",\"node.labels.zone==x\"]"));
	assert_non_null(strstr(text, "\"Delay\":99"));
	free(text);
	world_close(&x);
}

static void
test_undo_faults(void **unused)
{
	(void) unused;
	for (unsigned at = 0; at < 2; at++)
		for (int fault = FAULT_LOSE; fault <= FAULT_CONFLICT; fault++) {
			struct intent row = old_move(owners, holds);
			struct move_request r = {.kind = MOVE_KIND_UNDO,
			                         .service = "web",
			                         .undo_of = 1,
			                         .undone = &row,
			                         .person = true};
			struct world x;

			world_open(&x, held, (const uint32_t[]){2});
			x.fake.faults[at] = (enum fake_fault) fault;
			world_request(&x, &r);
			assert_int_equal(x.state, MOVE_DONE);
			assert_false(fake_has_term(x.fake.spec));
			world_close(&x);
		}
}

static void
test_move_back(void **unused)
{
	struct intent row = old_move(owners, owners);
	struct move_request r = {.kind = MOVE_KIND_UNDO,
	                         .service = "web",
	                         .from = "node3cccccccccccccccccccc",
	                         .to = "node1aaaaaaaaaaaaaaaaaaaa",
	                         .undo_of = 1,
	                         .undone = &row,
	                         .person = true};
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){2});
	/* forager pause stops moves; taking them back goes on. */
	x.options.paused = true;
	mover_set_options(x.mover, &x.options);
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(fake_running(&x.fake, 0), 1);
	assert_int_equal(x.book.rows[0].kind, MOVE_KIND_UNDO);
	world_clean(&x);
	world_close(&x);
}

static void
test_release_nothing(void **unused)
{
	struct move_request r = {.kind = MOVE_KIND_RELEASE, .service = "web", .person = true};
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	world_request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(x.fake.n_posts, 0);
	assert_non_null(strstr(x.text, "nothing of forager's"));
	/* An update of someone else's: nothing of ours is worth to disturb it. */
	world_close(&x);
}

static void
test_undo_waits_for_nobody(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &row, .person = true};
	static const struct {
		const char *state;
		enum verdict verdict;
	} cases[] = {{"updating", VERDICT_UPDATE_OPEN}, {"paused", VERDICT_UPDATE_PAUSED}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		world_open(&x, held, (const uint32_t[]){2});
		x.fake.update_state = cases[i].state;
		x.fake.update_left = 1000;
		world_request(&x, &r);
		assert_int_equal(x.state, MOVE_REFUSED);
		assert_int_equal(x.verdict, cases[i].verdict);
		assert_int_equal(x.fake.n_posts, 0);
		world_close(&x);
	}
}

/* ---- what a person asks for ---- */

struct performed {
	unsigned n;
	int exit_code;
	size_t n_items;
	enum move_state first;
	char text[256];
};

static void
on_performed(void *data, const struct actor_result *result)
{
	struct performed *p = data;

	p->n++;
	p->exit_code = result->exit_code;
	p->n_items = result->n_items;
	p->first = result->n_items > 0 ? result->items[0].state : MOVE_STATE_N;
	(void) str_copy(p->text, sizeof(p->text), result->text);
}

static struct performed
perform(struct world *x, const struct actor_request *r)
{
	struct mover_journal journal = book_journal(&x->book);
	struct performed p = {0};
	struct error err = {0};

	if (actor_perform(&x->loop, x->mover, &journal, r, on_performed, &p, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(p.n, 0);
	world_run(x, &p.n, 1);
	return p;
}

static void
test_perform(void **unused)
{
	static const struct actor_request there = {
	    .verb = ACTOR_VERB_MOVE, .service = "web", .from = "a", .to = "c"};
	static const struct actor_request on = {
	    .verb = ACTOR_VERB_MOVE, .service = "web", .from = "c", .to = "b"};
	static const struct actor_request back = {
	    .verb = ACTOR_VERB_UNDO, .all = true, .move_back = true};
	static const struct actor_request one = {.verb = ACTOR_VERB_UNDO, .id = 1};
	static const struct actor_request none = {.verb = ACTOR_VERB_UNDO, .id = 99};
	static const struct actor_request release = {.verb = ACTOR_VERB_RELEASE, .service = "web"};
	struct world x;
	struct performed p;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	p = perform(&x, &there);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.first, MOVE_DONE);
	assert_int_equal(perform(&x, &on).exit_code, 0);
	assert_int_equal(fake_running(&x.fake, 1), 1);
	p = perform(&x, &there); /* no copy there any more */
	assert_int_equal(p.exit_code, 3);
	p = perform(&x, &none);
	assert_int_equal(p.exit_code, 2);
	assert_non_null(strstr(p.text, "no move 99"));
	p = perform(&x, &(struct actor_request){.verb = ACTOR_VERB_UNDO, .id = 3});
	assert_int_equal(p.exit_code, 2); /* that one was refused */
	p = perform(&x, &release);
	assert_int_equal(p.exit_code, 0);
	/* Newest first: b to c, then c to a. */
	p = perform(&x, &back);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.n_items, 2);
	assert_int_equal(fake_running(&x.fake, 0), 1);
	world_clean(&x);
	p = perform(&x, &back);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.n_items, 0);
	assert_int_equal(perform(&x, &one).exit_code, 0);
	world_close(&x);
}

/* What was done to a service that is no more: nothing is left, and that is said once. */
static void
test_undo_of_removed(void **unused)
{
	(void) unused;
	for (unsigned back = 0; back < 2; back++) {
		const struct actor_request there = {
		    .verb = ACTOR_VERB_MOVE, .service = "web", .from = "a", .to = "c"};
		const struct actor_request all = {
		    .verb = ACTOR_VERB_UNDO, .all = true, .move_back = back == 1};
		struct performed p;
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		assert_int_equal(perform(&x, &there).exit_code, 0);
		x.fake.removed = true;
		p = perform(&x, &all);
		assert_int_equal(p.exit_code, 0);
		assert_int_equal(p.n_items, 1);
		assert_int_equal(p.first, MOVE_DONE);
		assert_string_equal(p.text,
		                    "'web' was removed: nothing of forager's is left to undo");
		assert_int_equal(x.book.rows[1].undo_of, 1);
		assert_string_equal(x.book.rows[1].service_name, "web");
		p = perform(&x, &all);
		assert_int_equal(p.exit_code, 0);
		assert_int_equal(p.n_items, 0);
		/* A name that only a person gives may be a slip. */
		p = perform(&x,
		            &(struct actor_request){.verb = ACTOR_VERB_RELEASE, .service = "web"});
		assert_int_equal(p.exit_code, 2);
		world_close(&x);
	}
}

static void
test_perform_stopped(void **unused)
{
	static const struct actor_request all = {.verb = ACTOR_VERB_UNDO, .all = true};
	struct mover_journal journal;
	struct performed p = {0};
	struct world x;

	(void) unused;
	/* The mover goes before it began: it is told, and touches nothing that is gone. */
	world_open(&x, spec_full, (const uint32_t[]){0});
	journal = book_journal(&x.book);
	assert_int_equal(actor_perform(&x.loop, x.mover, &journal, &all, on_performed, &p, NULL),
	                 0);
	world_close(&x);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.exit_code, 1);
	assert_non_null(strstr(p.text, "stopping"));
}

/* Usage: test_mover [PATTERN]: runs the tests of that name only. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_move),
	    cmocka_unit_test(test_move_reads_no_more),
	    cmocka_unit_test(test_move_copies),
	    cmocka_unit_test(test_steering_keeps_control),
	    cmocka_unit_test(test_reverts),
	    cmocka_unit_test(test_nodes_are_changed),
	    cmocka_unit_test(test_astray),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_person_overrules_mode),
	    cmocka_unit_test(test_bad_requests),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_refused_by_swarm),
	    cmocka_unit_test(test_out_of_tries),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_keeps_trying),
	    cmocka_unit_test(test_foreign),
	    cmocka_unit_test(test_removed),
	    cmocka_unit_test(test_removed_at_each_request),
	    cmocka_unit_test(test_undo_of_removed),
	    cmocka_unit_test(test_snapshot_lags),
	    cmocka_unit_test(test_journal_fails),
	    cmocka_unit_test(test_kill_points),
	    cmocka_unit_test(test_foreign_label),
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_stop_idle),
	    cmocka_unit_test(test_undo),
	    cmocka_unit_test(test_undo_beside_owner),
	    cmocka_unit_test(test_undo_faults),
	    cmocka_unit_test(test_move_back),
	    cmocka_unit_test(test_release_nothing),
	    cmocka_unit_test(test_undo_waits_for_nobody),
	    cmocka_unit_test(test_perform),
	    cmocka_unit_test(test_perform_stopped),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
