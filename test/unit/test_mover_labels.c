/*
 * What our labels in the Swarm tell when the journal does not: a damaged row is mended by them, and
 * a move that no row explains is taken up by whoever sees it.
 */
#include "test/unit/mover_effects.h"

/* ---- a row and its label ---- */

static void
replace(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

/* What a row no longer tells, the label does; what it tells is not asked of the label. */
static void
test_damaged_row(void **unused)
{
	(void) unused;
	for (int i = 0; i < 4; i++) {
		bool before = (i & 1) != 0, added = (i & 2) != 0;
		_cleanup_(freep) char *owned = NULL, *terms = NULL;
		struct effects e;
		uint64_t rest;

		effects_open(&e, MOVER_RECOVER, MOVE_STEERED);
		put_stands(&e, STEERED);
		owned = xstrdup(e.c->in.before);
		terms = xstrdup(e.c->in.added);
		rest = e.c->in.rest_hash;
		if (before) {
			replace(&e.c->in.before, "{\"Constr");
			e.c->in.rest_hash = 0;
		}
		if (added)
			replace(&e.c->in.added, NULL);
		expect(&e, "damaged", FOUND_STEERED, 0);
		assert_string_equal(e.c->in.before, owned);
		assert_string_equal(e.c->in.added, terms);
		assert_true(e.c->in.rest_hash == rest);
		effects_close(&e);
	}
}

static void
test_row_counts(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_RECOVER, MOVE_STEERED);
	put_stands(&e, STEERED);
	replace(&e.c->in.before, "{\"Constraints\":[]}");
	replace(&e.c->in.added, "[]");
	e.c->in.rest_hash = 1;
	(void) event_of(&e);
	assert_string_equal(e.c->in.before, "{\"Constraints\":[]}");
	assert_string_equal(e.c->in.added, "[]");
	assert_true(e.c->in.rest_hash == 1);
	effects_close(&e);
}

/* Another plan's label tells nothing of this one. */
static void
test_anothers_label(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_RECOVER, MOVE_STEERED);
	put_stands(&e, ANOTHERS);
	(void) json_array_append_new(e.c->plan.drop, json_string("node.id!=held"));
	replace(&e.c->in.added, "{\"");
	expect(&e, "another's", FOREIGN, 0);
	assert_int_equal(json_array_size(e.c->plan.drop), 1);
	assert_string_equal(e.c->in.added, "{\"");
	effects_close(&e);
}

/* ---- labels alone ---- */

/* Our own update is no reason to wait, somebody's is: until it has ended, nothing is touched. */
static void
test_whose_update(void **unused)
{
	static const char *const states[] = {"updating", "paused", "updating"};

	(void) unused;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(states); i++) {
		bool theirs = i % 2 == 1, shapeless = theirs && i / 2 == 2;
		struct world x;

		world_open(&x, spec_full, (const uint32_t[]){0});
		steer_by_hand(&x);
		journal_intent_done(&x.book.rows[0]);
		if (theirs) {
			json_t *spec = json_deep_copy(x.fake.spec);

			set_image(spec);
			if (shapeless)
				(void) json_object_del(json_object_get(spec, "TaskTemplate"),
				                       "Placement");
			fake_write(&x.fake, spec);
		}
		x.fake.update_state = states[i / 2];
		x.fake.update_left = 3;
		world_recover(&x);
		assert_int_equal(x.n_each, !theirs);
		assert_int_equal(x.fake.n_posts > 0, !theirs);
		if (theirs) {
			assert_int_equal(x.recover_err.code, -EBUSY);
			assert_non_null(
			    strstr(x.recover_err.text, "when someone's update of it has ended"));
		} else {
			assert_int_equal(x.recover_err.code, 0);
			world_clean(&x);
		}
		world_close(&x);
	}
}

/* Swarm never rolls a move back by itself: who does it is a person, whose rollback is waited for.
 */
static void
test_rolled_back_to_ours(void **unused)
{
	struct world x;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	journal_intent_done(&x.book.rows[0]);
	x.fake.update_state = "rollback_started";
	x.fake.update_left = 1000;
	world_recover(&x);
	assert_int_equal(x.n_each, 0);
	assert_int_equal(x.recover_err.code, -EBUSY);
	assert_int_equal(x.fake.n_posts, 0);
	world_close(&x);
}

/* Settled by an earlier run that did not come to clean: what the previous spec tells. */
static void
test_previous_alone(void **unused)
{
	struct world x;
	struct effects e = {.m = NULL};
	json_t *settled;

	(void) unused;
	world_open(&x, spec_full, (const uint32_t[]){0});
	steer_by_hand(&x);
	e.m = x.mover;
	e.x.fake.tasks[0] = x.fake.tasks[0];
	e.x.fake.original = x.fake.original;
	make_change(&e, MOVER_SETTLE, MOVE_VERIFIED);
	replace(&e.c->plan.label, spec_plan(x.fake.spec));
	settled = edited(EDIT_SETTLE, x.fake.spec, e.c);
	change_free(e.c);
	x.mover->change = NULL;
	fake_write(&x.fake, settled);
	journal_intent_done(&x.book.rows[0]);
	world_recover(&x);
	assert_int_equal(x.n_each, 1);
	/* Nothing ran on the target: it was taken back, whoever did it. */
	assert_int_equal(x.book.rows[0].state, MOVE_REVERTED);
	assert_int_equal(x.fake.n_applied, 1); /* the one that takes the previous spec away */
	assert_null(spec_plan(x.fake.previous));
	world_clean(&x);
	world_close(&x);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_damaged_row),         cmocka_unit_test(test_row_counts),
	    cmocka_unit_test(test_anothers_label),      cmocka_unit_test(test_whose_update),
	    cmocka_unit_test(test_rolled_back_to_ours), cmocka_unit_test(test_previous_alone),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
