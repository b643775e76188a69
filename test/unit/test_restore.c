/* What foragerd takes back from its database at start, and what it makes of one it cannot trust. */
#include "test/unit/store_fixture.h"

#include "agent/agent_priv.h"
#include "storage/journal.h"

struct restore {
	struct fixture *f;
	struct agent *a;
};

static int
set_up(void **state)
{
	struct restore *r = xcalloc(1, sizeof(*r));
	struct features_options features;
	struct error err = {0};

	log_set_level(LOG_LEVEL_ERROR); /* jumps are told as warnings */
	r->a = xcalloc(1, sizeof(*r->a));
	r->a->config = config_new();
	features = agent_features(r->a->config);
	r->a->facts = facts_new();
	r->a->roster = roster_new(&features);
	*state = r;
	return fixture_open_setup((void **) &r->f) < 0
	           ? -1
	           : agent_policy_new(r->a->config, &r->a->policy, &err);
}

static int
tear_down(void **state)
{
	struct restore *r = *state;

	batch_free(r->a->batch);
	policy_free(r->a->policy);
	roster_free(r->a->roster);
	facts_free(r->a->facts);
	config_free(r->a->config);
	free(r->a);
	(void) fixture_teardown((void **) &r->f);
	free(r);
	return 0;
}

static void
add_move(const struct restore *r, const char *service, enum move_state how, int64_t begun_ms)
{
	struct intent in = {.kind = MOVE_KIND_MOVE,
	                    .state = how,
	                    .decision_id = 1,
	                    .created_wall_ms = begun_ms,
	                    .ended_wall_ms = begun_ms};
	uint64_t id;

	(void) str_copy(in.service_id, sizeof(in.service_id), service);
	assert_ok(journal_add(r->f->store, &in, begun_ms, &id, err));
}

static int
restore(struct restore *r, struct error *err)
{
	r->a->store = r->f->store;
	return agent_restore(r->a, err);
}

/* A refused one sent nothing, and what began more than an hour ago is out of the budget. */
static void
the_budget_is_remembered(void **state)
{
	struct restore *r = *state;
	int64_t now = wall_ms();

	add_move(r, "s0", MOVE_DONE, now - 3700000);
	add_move(r, "s1", MOVE_REVERTED, now - 600000);
	add_move(r, "s2", MOVE_REFUSED, now - 500000);
	add_move(r, "s3", MOVE_DONE, now - 400000);
	assert_ok(restore(r, err));
	assert_int_equal(r->a->n_moves, 2);
	assert_true(r->a->moves_wall_ms[1] == now - 400000);
	assert_true(facts_service(r->a->facts, "s0")->moved_wall_ms == now - 3700000);
	assert_null(facts_service(r->a->facts, "s2"));
}

/* Each change would open the budget or end a cool-down. Nothing is taken from such a journal: who
 * restores it does not start. */
static void
a_damaged_row_opens_no_budget(void **state)
{
	static const char *const changes[] = {
	    "created_wall_ms = 1, ended_wall_ms = 1",
	    "state = 'refused'",
	    "service_id = 's2'",
	    "kind = 'undo'",
	};
	struct restore *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		_cleanup_(freep) char *text = NULL;

		assert_ok(sql_exec(r->f->store->sql.db, "DELETE FROM move", err));
		add_move(r, "s1", MOVE_DONE, wall_ms() - 600000);
		assert_ok(restore(r, err));
		r->a->store_well = false;
		text = xasprintf("UPDATE move SET %s", changes[i]);
		assert_ok(sql_exec(r->f->store->sql.db, text, err));
		assert_refused(restore(r, err), EUCLEAN, "is damaged");
		assert_false(r->a->store_well);
	}
}

/* The clock was set while foragerd was down: by so much it differs from what was written last. */
static void
a_jump_while_down_is_noticed(void **state)
{
	static const struct {
		int64_t ahead_ms; /* of what was written last, before now */
		bool jumped;
	} cases[] = {
	    {4000, false},
	    {3600000, true},
	    {INT64_C(31536000000), true},
	    {0, false},
	    {-7 * INT64_C(86400000), false},
	    {-364 * INT64_C(86400000), false},
	    {-366 * INT64_C(86400000), true},
	};
	struct restore *r = *state;

	r->a->config->warm_up_ms = 0;
	r->a->config->deploy_quiet_ms = 7200000;
	r->a->mover = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t now = wall_ms(), before = mono_ms();
		_cleanup_(freep) char *made = xasprintf("%lld", (long long) (now - 1000));

		assert_ok(sql_exec(r->f->store->sql.db,
		                   "DELETE FROM move; DELETE FROM meta WHERE key LIKE 'clock%'",
		                   err));
		facts_free(r->a->facts);
		r->a->facts = facts_new();
		r->a->n_moves = 0;
		r->a->quiet_until_mono_ms = 0;
		add_move(r, "s1", MOVE_DONE, now + cases[i].ahead_ms);
		assert_ok(store_put_meta(r->f->store, "created_ms", made, err));
		assert_ok(restore(r, err));
		if ((r->a->quiet_until_mono_ms >= before + 7200000) != cases[i].jumped)
			fail_msg("%zu: quiet until %lld", i, (long long) r->a->quiet_until_mono_ms);
		if (!cases[i].jumped)
			continue;
		/* As if it had just been moved: neither in the future nor long ago. */
		assert_in_range(facts_service(r->a->facts, "s1")->moved_wall_ms, now, wall_ms());
		assert_true(r->a->n_moves <= 1);
		if (r->a->n_moves == 1)
			assert_in_range(r->a->moves_wall_ms[0], now, wall_ms());
	}
}

/* A look at the nodes counts, too; a database with nothing in it tells nothing. */
static void
the_last_writing_counts(void **state)
{
	struct restore *r = *state;
	struct node_row node = {.id = "n1", .hostname = "n1", .seen_ms = wall_ms() + 60000};
	int64_t last = 1;

	assert_ok(store_last_ms(r->f->store, &last, err));
	assert_true(last == 0);
	assert_ok(restore(r, err));
	assert_true(r->a->quiet_until_mono_ms == 0);
	assert_ok(store_put_nodes(r->f->store, &node, 1, err));
	assert_ok(store_last_ms(r->f->store, &last, err));
	assert_true(last == node.seen_ms);
	assert_ok(restore(r, err));
	assert_true(r->a->quiet_until_mono_ms > mono_ms());
	/* Written anew by a clock that is right again: that is the last one. */
	add_move(r, "s1", MOVE_DONE, wall_ms() + 600000);
	add_move(r, "s1", MOVE_DONE, wall_ms());
	node.seen_ms = wall_ms();
	assert_ok(store_put_nodes(r->f->store, &node, 1, err));
	assert_ok(store_last_ms(r->f->store, &last, err));
	assert_true(last <= wall_ms());
}

static void
start_again(struct restore *r)
{
	r->a->quiet_until_mono_ms = 0;
	r->a->n_moves = 0;
	facts_free(r->a->facts);
	r->a->facts = facts_new();
	assert_ok(restore(r, err));
}

/* As if so much time had passed since it was written. */
static void
age_the_quiet_time(const struct restore *r, int64_t by_ms)
{
	_cleanup_(freep) char *text =
	    xasprintf("UPDATE meta SET value = value - %lld WHERE key = 'clock_quiet_until_ms'",
	              (long long) by_ms);

	assert_ok(sql_exec(r->f->store->sql.db, text, err));
	assert_int_equal(sqlite3_changes(r->f->store->sql.db), 1);
}

static int64_t
quiet_left_ms(const struct restore *r)
{
	return r->a->quiet_until_mono_ms == 0 ? 0 : r->a->quiet_until_mono_ms - mono_ms();
}

/* A row of a clock that was wrong stays: each start takes it as of now, and only the first one
 * begins a quiet time for it. */
static void
a_jump_is_told_once(void **state)
{
	struct restore *r = *state;

	add_move(r, "s1", MOVE_DONE, wall_ms() + 600000);
	for (unsigned start = 0; start < 2; start++) {
		start_again(r);
		assert_int_equal(r->a->quiet_until_mono_ms != 0, start == 0);
		age_the_quiet_time(r, r->a->config->deploy_quiet_ms);
		assert_true(facts_service(r->a->facts, "s1")->moved_wall_ms <= wall_ms());
		assert_true(r->a->moves_wall_ms[0] <= wall_ms());
	}
	add_move(r, "s1", MOVE_DONE, wall_ms() + 700000);
	assert_ok(restore(r, err));
	assert_true(r->a->quiet_until_mono_ms != 0);
}

/* A restart does not end it, and neither does it begin it anew. */
static void
a_quiet_time_outlives_a_restart(void **state)
{
	struct restore *r = *state;
	int64_t quiet = r->a->config->deploy_quiet_ms;

	add_move(r, "s1", MOVE_DONE, wall_ms() + 600000);
	start_again(r);
	assert_in_range(quiet_left_ms(r), quiet - 60000, quiet);
	age_the_quiet_time(r, quiet / 2);
	start_again(r); /* the wrong row is still the last one */
	assert_in_range(quiet_left_ms(r), quiet / 2 - 60000, quiet / 2);
	add_move(r, "s1", MOVE_DONE, wall_ms());
	start_again(r); /* now the clock and the last row agree */
	assert_in_range(quiet_left_ms(r), quiet / 2 - 60000, quiet / 2);
	/* Never longer than it would be today, whatever a clock did meanwhile. */
	r->a->config->deploy_quiet_ms = quiet / 4;
	start_again(r);
	assert_in_range(quiet_left_ms(r), quiet / 4 - 60000, quiet / 4);
	r->a->config->deploy_quiet_ms = quiet;
	age_the_quiet_time(r, quiet / 2);
	start_again(r);
	assert_true(r->a->quiet_until_mono_ms == 0);
}

int
main(void)
{
#define NEW(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    NEW(the_budget_is_remembered),     NEW(a_damaged_row_opens_no_budget),
	    NEW(a_jump_while_down_is_noticed), NEW(the_last_writing_counts),
	    NEW(a_jump_is_told_once),          NEW(a_quiet_time_outlives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
