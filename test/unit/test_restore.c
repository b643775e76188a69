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

	log_set_level(LOG_LEVEL_ERROR);
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

int
main(void)
{
#define NEW(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    NEW(the_budget_is_remembered),
	    NEW(a_damaged_row_opens_no_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
