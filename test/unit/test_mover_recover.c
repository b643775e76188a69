/*
 * Taking up what is left: from the journal alone, from the labels alone, and from both when they
 * disagree. The tables' texts are those of docs/decisions/0006-what-recovery-believes.md.
 */
#include "test/unit/mover_world.h"

#include <errno.h>
#include <stdio.h>

#include "storage/journal.h"
#include "swarm/spec.h"

/* How far the move had come in the Swarm when everything stopped. */
enum point { UNTOUCHED, STEERED, LANDED, SETTLED, CLEANED, BLOCKED, RESTORED, POINT_N };

static const char *const point_names[POINT_N] = {"untouched", "steered", "landed",  "settled",
                                                 "cleaned",   "blocked", "restored"};

/* The specs of one move, made by a mover, and its row as it was then. */
static struct {
	json_t *specs[POINT_N], *previous[POINT_N];
	struct intent rows[POINT_N];
} made;

static struct world *making;

static void
drop(enum point at)
{
	json_decref(made.specs[at]);
	json_decref(made.previous[at]);
	journal_intent_done(&made.rows[at]);
}

/* Both moves that are made begin alike: the newer one counts. */
static void
keep(enum point at)
{
	drop(at);
	made.specs[at] = json_deep_copy(making->fake.spec);
	made.previous[at] = json_deep_copy(making->fake.previous);
	journal_intent_copy(mover_intent(making->mover), &made.rows[at]);
}

static void
keep_state(void *data, const struct intent *in)
{
	(void) data;
	switch (in->state) {
	case MOVE_PLANNED:
		keep(UNTOUCHED);
		break;
	case MOVE_REVERTING: /* the steering stands, nothing has landed */
		keep(STEERED);
		break;
	case MOVE_VERIFIED:
		keep(LANDED);
		break;
	case MOVE_SETTLED:
		keep(SETTLED);
		break;
	case MOVE_DONE:
		keep(CLEANED);
		break;
	case MOVE_BLOCKED:
		keep(BLOCKED);
		break;
	case MOVE_REVERTED:
		keep(RESTORED);
		break;
	default:
		break;
	}
}

static void
make(enum fake_fate fate)
{
	struct world x;

	world_open(&x, spec_full, (const uint32_t[]){0});
	making = &x;
	x.options.on_state = keep_state;
	x.options.deadline_ms = fate == FATE_RUN ? 60000 : 50;
	mover_set_options(x.mover, &x.options);
	x.fake.fate = fate;
	world_request(&x, &world_ask);
	making = NULL;
	world_close(&x);
}

static int
make_all(void **unused)
{
	(void) unused;
	make(FATE_PREPARE);
	make(FATE_RUN);
	for (int i = 0; i < POINT_N; i++)
		if (made.specs[i] == NULL)
			return -1;
	return 0;
}

static int
unmake_all(void **unused)
{
	(void) unused;
	for (int i = 0; i < POINT_N; i++)
		drop((enum point) i);
	return 0;
}

/* The Swarm stands at a point: the task has moved from LANDED to CLEANED. */
static void
stand_at(struct world *x, enum point at)
{
	bool moved = at >= LANDED && at <= CLEANED;

	world_open(x, spec_full, (const uint32_t[]){moved ? 2 : 0});
	json_decref(x->fake.spec);
	x->fake.spec = json_deep_copy(made.specs[at]);
	x->fake.previous = json_deep_copy(made.previous[at]);
	x->options.deadline_ms = 200;
	mover_set_options(x->mover, &x->options);
	if (moved)
		x->fake.tasks[0].old = false;
}

static struct intent *
add_row(struct world *x, enum point at, enum move_state state)
{
	struct intent *row = &x->book.rows[x->book.n++];

	journal_intent_copy(&made.rows[at], row);
	row->id = x->book.n;
	row->state = state;
	row->ended_wall_ms = 0;
	/* What an earlier run began has the rest of its own time: none where nothing landed. */
	if (at >= LANDED && at <= CLEANED)
		row->deadline_wall_ms = row->created_wall_ms + 3600000;
	return row;
}

static void
assert_over(struct world *x, const char *name)
{
	for (size_t i = 0; i < x->book.n; i++)
		if (!journal_state_ended(x->book.rows[i].state))
			fail_msg("%s: row %zu is left %s", name, i + 1,
			         move_state_names[x->book.rows[i].state]);
	if (!fake_spec_exact(&x->fake)) {
		char *is = json_dumps(x->fake.spec, JSON_COMPACT | JSON_SORT_KEYS);

		print_message("%s\n", is);
		free(is);
		fail_msg("%s: the spec is not its owner's", name);
	}
	assert_null(spec_plan(x->fake.previous));
	assert_int_equal(fake_running(&x->fake, FAKE_NODES), 1);
}

/* ---- each state of the row × each point of the Swarm ---- */

static const struct {
	enum move_state row;
	enum move_state ends[POINT_N]; /* MOVE_STATE_N: cannot be */
} pairs[] = {
#define REF MOVE_REVERTED
#define DON MOVE_DONE
#define FOR MOVE_FOREIGN
    /*                untouched steered landed settled cleaned blocked restored */
    {MOVE_PLANNED, {REF, REF, DON, DON, REF, REF, REF}},
    {MOVE_STEERED, {REF, REF, DON, DON, DON, REF, REF}},
    {MOVE_VERIFIED, {DON, REF, DON, DON, DON, REF, DON}},
    {MOVE_SETTLED, {DON, REF, DON, DON, DON, REF, DON}},
    {MOVE_REVERTING, {REF, REF, REF, REF, REF, REF, REF}},
    {MOVE_BLOCKED, {REF, REF, REF, REF, REF, REF, REF}},
#undef REF
#undef DON
#undef FOR
};

static void
test_pairs(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (int at = 0; at < POINT_N; at++) {
			_cleanup_(freep) char *name = xasprintf(
			    "row %s, Swarm %s", move_state_names[pairs[i].row], point_names[at]);
			struct world x;

			stand_at(&x, (enum point) at);
			(void) add_row(&x, (enum point) at, pairs[i].row);
			world_recover(&x);
			assert_string_equal(x.recover_err.text, "");
			assert_over(&x, name);
			if (x.book.rows[0].state != pairs[i].ends[at])
				fail_msg("%s: ended %s, want %s (%s)", name,
				         move_state_names[x.book.rows[0].state],
				         move_state_names[pairs[i].ends[at]], x.text);
			world_close(&x);
		}
}

static void
test_labels_alone(void **unused)
{
	static const struct {
		enum point at;
		unsigned taken_up, applied;
		enum move_state end;
	} cases[] = {
	    {UNTOUCHED, 0, 0, MOVE_STATE_N}, {STEERED, 1, 3, MOVE_REVERTED},
	    {LANDED, 1, 2, MOVE_DONE},       {SETTLED, 1, 1, MOVE_DONE},
	    {CLEANED, 0, 0, MOVE_STATE_N},   {BLOCKED, 1, 2, MOVE_REVERTED},
	    {RESTORED, 0, 0, MOVE_STATE_N},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;

		stand_at(&x, cases[i].at);
		x.fake.fate = FATE_PREPARE;
		world_recover(&x);
		assert_string_equal(x.recover_err.text, "");
		assert_int_equal(x.n_each, cases[i].taken_up);
		assert_int_equal(x.fake.n_applied, cases[i].applied);
		if (cases[i].taken_up > 0)
			assert_int_equal(x.book.rows[0].state, cases[i].end);
		assert_over(&x, point_names[cases[i].at]);
		world_close(&x);
	}
}

/* ---- people, tools and damage while nobody looked ---- */

static void
set_label(json_t *spec, const char *key, const char *value)
{
	(void) json_object_set_new(json_object_get(spec, "Labels"), key, json_string(value));
}

static void
none(struct world *x)
{
	(void) x;
}

/* Somebody's update of a field that is ours too: it carries our labels along. */
static void
update_delay(struct world *x)
{
	json_t *spec = json_deep_copy(x->fake.spec);

	(void) json_object_set_new(json_object_get(spec, "UpdateConfig"), "Delay",
	                           json_integer(99));
	(void) json_object_set_new(json_object_get(x->fake.original, "UpdateConfig"), "Delay",
	                           json_integer(99));
	fake_update(&x->fake, spec, false);
}

static void
update_constraint(struct world *x)
{
	json_t *spec = json_deep_copy(x->fake.spec), *both[] = {spec, x->fake.original};

	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		(void) json_array_append_new(
		    json_object_get(
		        json_object_get(json_object_get(both[i], "TaskTemplate"), "Placement"),
		        "Constraints"),
		    json_string("node.labels.zone==x"));
	fake_update(&x->fake, spec, false);
}

static void
roll_back(struct world *x)
{
	(void) fake_rollback(&x->fake);
}

static void
damage_before(struct world *x)
{
	set_label(x->fake.spec, SPEC_LABEL_BEFORE, "{\"v\":1");
}

static void
damage_row(struct world *x)
{
	if (x->book.n == 0)
		return;
	free(x->book.rows[0].before);
	free(x->book.rows[0].added);
	x->book.rows[0].before = xstrdup("{\"Constr");
	x->book.rows[0].added = NULL;
}

static void
recreate(struct world *x)
{
	(void) str_copy(x->book.rows[0].service_id, sizeof(x->book.rows[0].service_id),
	                "service0zzzzzzzzzzzzzzzzz");
}

/* Another forager's move was open there when ours had ended without our knowing. */
static void
anothers(struct world *x)
{
	x->book.rows[0].created_wall_ms -= 60000;
	x->book.rows[0].deadline_wall_ms = x->book.rows[0].created_wall_ms + 1000;
}

static void
second_row(struct world *x)
{
	struct intent *row = add_row(x, STEERED, MOVE_STEERED);

	row->created_wall_ms -= 60000;
	row->deadline_wall_ms = row->created_wall_ms + 1000;
}

static void
test_disagreements(void **unused)
{
	static const struct {
		const char *name;
		enum point at;
		enum move_state row; /* MOVE_STATE_N: the journal is lost */
		void (*happens)(struct world *x);
		enum move_state ends[2]; /* of the rows, in order */
		bool said;               /* the recovery has something to complain about */
	} cases[] = {
	    {"lost journal, somebody's UpdateConfig",
	     STEERED,
	     MOVE_STATE_N,
	     update_delay,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"lost journal, somebody's constraint",
	     STEERED,
	     MOVE_STATE_N,
	     update_constraint,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"lost journal, blocked, somebody's UpdateConfig",
	     BLOCKED,
	     MOVE_STATE_N,
	     update_delay,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"somebody's UpdateConfig",
	     STEERED,
	     MOVE_STEERED,
	     update_delay,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"settled by the journal, rolled back to our steering",
	     SETTLED,
	     MOVE_SETTLED,
	     roll_back,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"lost journal, rolled back to our steering",
	     SETTLED,
	     MOVE_STATE_N,
	     roll_back,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"damaged label",
	     STEERED,
	     MOVE_STEERED,
	     damage_before,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"damaged row", LANDED, MOVE_VERIFIED, damage_row, {MOVE_DONE, MOVE_STATE_N}, false},
	    {"a service that was made anew",
	     UNTOUCHED,
	     MOVE_STEERED,
	     recreate,
	     {MOVE_FOREIGN, MOVE_STATE_N},
	     false},
	    {"another's label on the service of our row",
	     LANDED,
	     MOVE_STEERED,
	     anothers,
	     {MOVE_FOREIGN, MOVE_DONE},
	     false},
	    {"two rows, one label",
	     LANDED,
	     MOVE_STEERED,
	     second_row,
	     {MOVE_DONE, MOVE_DONE},
	     false},
	    {"nothing happened", LANDED, MOVE_STEERED, none, {MOVE_DONE, MOVE_STATE_N}, false},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world x;
		size_t n = 0;

		stand_at(&x, cases[i].at);
		if (cases[i].row != MOVE_STATE_N)
			(void) add_row(&x, cases[i].at, cases[i].row);
		cases[i].happens(&x);
		if (cases[i].row == MOVE_STATE_N) /* theirs is under way: it is left to them */
			world_recover(&x);
		while (x.fake.update_state != NULL &&
		       (streq(x.fake.update_state, "updating") ||
		        streq(x.fake.update_state, "rollback_started")) &&
		       x.book.n == 0)
			x.fake.update_state = streq(x.fake.update_state, "updating")
			                          ? "completed"
			                          : "rollback_completed";
		x.recover_err = (struct error){0};
		world_recover(&x);
		assert_int_equal(x.recover_err.code != 0, cases[i].said);
		assert_over(&x, cases[i].name);
		while (n < 2 && cases[i].ends[n] != MOVE_STATE_N)
			n++;
		if (x.book.n != n)
			fail_msg("%s: %zu rows, want %zu", cases[i].name, x.book.n, n);
		for (size_t k = 0; k < n; k++)
			if (x.book.rows[k].state != cases[i].ends[k])
				fail_msg("%s: row %zu ended %s, want %s (%s)", cases[i].name, k + 1,
				         move_state_names[x.book.rows[k].state],
				         move_state_names[cases[i].ends[k]], x.book.rows[k].reason);
		world_close(&x);
	}
}

/* Without the journal, a label that cannot be read is left to people, and they are told how. */
static void
test_left_to_people(void **unused)
{
	struct world x;

	(void) unused;
	stand_at(&x, STEERED);
	damage_before(&x);
	world_recover(&x);
	assert_int_equal(x.n_each + x.fake.n_posts, 0);
	assert_non_null(strstr(x.recover_err.text, "--label-rm forager.plan"));
	world_close(&x);
}

/* What somebody's update carries along is not touched while that is under way or paused. */
static void
test_left_to_them(void **unused)
{
	static const char *const states[] = {"updating", "paused", "rollback_started",
	                                     "rollback_paused"};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct world x;

		stand_at(&x, STEERED);
		update_delay(&x);
		x.fake.update_state = states[i];
		x.fake.update_left = 1000000;
		world_recover(&x);
		assert_int_equal(x.n_each + x.fake.n_posts, 0);
		assert_non_null(strstr(x.recover_err.text, "someone's update"));
		x.fake.update_state = "completed";
		x.recover_err = (struct error){0};
		world_recover(&x);
		assert_string_equal(x.recover_err.text, "");
		assert_over(&x, states[i]);
		world_close(&x);
	}
}

/* A deploy in the middle of a move: its rollback needs the previous spec, and brings us back. */
static void
test_left_in_the_previous(void **unused)
{
	struct world x;
	json_t *spec;

	(void) unused;
	stand_at(&x, STEERED);
	spec = json_deep_copy(x.fake.original);
	(void) json_object_set_new(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image",
	    json_string("web:2"));
	fake_update(&x.fake, spec, false);
	x.fake.update_state = "completed";
	world_recover(&x);
	assert_int_equal(x.n_each + x.fake.n_posts + x.fake.n_lease_posts, 0);
	assert_string_equal(x.recover_err.text, "");
	assert_non_null(spec_plan(x.fake.previous));

	assert_true(fake_rollback(&x.fake));
	world_recover(&x); /* theirs is under way */
	assert_int_equal(x.n_each + x.fake.n_posts, 0);
	x.fake.update_state = "rollback_completed";
	x.recover_err = (struct error){0};
	world_recover(&x);
	assert_string_equal(x.recover_err.text, "");
	assert_int_equal(x.n_each, 1);
	assert_int_equal(x.state, MOVE_FOREIGN);
	assert_over(&x, "rolled back after a deploy");
	world_close(&x);
}

/* Killed between the two posts with which it makes way: the previous spec is only this one with our
 * steering, whatever somebody changed in both. */
static void
test_killed_while_yielding(void **unused)
{
	(void) unused;
	for (int row = 0; row < 2; row++) {
		struct world x;
		json_t *theirs, *yielded;

		stand_at(&x, STEERED);
		if (row == 1)
			(void) add_row(&x, STEERED, MOVE_STEERED);
		theirs = json_deep_copy(x.fake.spec);
		(void) json_object_set_new(json_object_get(theirs, "Labels"), "note",
		                           json_string("theirs"));
		fake_update(&x.fake, theirs, false);
		yielded = json_deep_copy(x.fake.original);
		(void) json_object_set_new(json_object_get(yielded, "Labels"), "note",
		                           json_string("theirs"));
		fake_update(&x.fake, json_deep_copy(yielded), false);
		x.fake.update_state = "completed";
		assert_non_null(spec_plan(x.fake.previous));
		world_recover(&x);
		assert_string_equal(x.recover_err.text, "");
		assert_int_equal(x.state, MOVE_FOREIGN);
		assert_null(spec_plan(x.fake.previous));
		assert_true(json_equal(x.fake.spec, yielded));
		json_decref(yielded);
		world_close(&x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_labels_alone),
	    cmocka_unit_test(test_disagreements),
	    cmocka_unit_test(test_left_to_people),
	    cmocka_unit_test(test_left_to_them),
	    cmocka_unit_test(test_left_in_the_previous),
	    cmocka_unit_test(test_killed_while_yielding),
	};

	return cmocka_run_group_tests(tests, make_all, unmake_all);
}
