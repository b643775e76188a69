/* The schema: identity, upgrades from every older version, damage. */
#include "test/unit/store_fixture.h"

#include "storage/schema.h"

static sqlite3 *
memory(void)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	return db;
}

static int64_t
number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int64_t v;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	v = sqlite3_column_int64(stmt, 0);
	(void) sqlite3_finalize(stmt);
	return v;
}

static void
identifies(void **state)
{
	static const struct {
		const char *script;
		enum schema_kind kind;
	} cases[] = {
	    {"", SCHEMA_EMPTY},
	    {"CREATE TABLE x (y)", SCHEMA_FOREIGN},
	    {"PRAGMA application_id = 7", SCHEMA_FOREIGN},
	    {"PRAGMA user_version = 1", SCHEMA_FOREIGN},
	    {"PRAGMA application_id = 0x666f7267; CREATE TABLE x (y)", SCHEMA_FOREIGN},
	    {"PRAGMA application_id = 0x666f7267; PRAGMA user_version = -3", SCHEMA_FOREIGN},
	    {"PRAGMA application_id = 0x666f7267; PRAGMA user_version = 1", SCHEMA_OLDER},
	    {"PRAGMA application_id = 0x666f7267; PRAGMA user_version = 2", SCHEMA_OURS},
	    {"PRAGMA application_id = 0x666f7267; PRAGMA user_version = 3", SCHEMA_NEWER},
	};
	const struct schema two = {NULL, 2, ""};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sqlite3 *db = memory();
		enum schema_kind kind;

		assert_ok(sql_exec(db, cases[i].script, err));
		assert_ok(schema_identify(db, &two, &kind, NULL, err));
		if (kind != cases[i].kind)
			fail_msg("'%s': %d", cases[i].script, (int) kind);
		(void) sqlite3_close(db);
	}
}

static void
makes_a_new_one(void **state)
{
	sqlite3 *db = memory();

	(void) state;
	assert_ok(schema_upgrade(db, &schema_current, err));
	assert_int_equal(number(db, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
	assert_int_equal(number(db, "PRAGMA user_version"), schema_current.n_migrations);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_table_list WHERE type = 'table' "
	                            "AND name NOT LIKE 'sqlite_%' AND NOT strict"),
	                 0);
	assert_true(number(db, "SELECT count(*) FROM pragma_table_list WHERE strict") >= 24);
	/* Twice changes nothing. */
	assert_ok(schema_upgrade(db, &schema_current, err));
	assert_int_equal(number(db, "SELECT count(*) FROM meta WHERE key = 'next_decision_id'"), 1);
	(void) sqlite3_close(db);
}

static void
views_can_be_read(void **state)
{
	sqlite3 *db = memory();
	sqlite3_stmt *stmt = NULL;
	int n = 0;

	(void) state;
	assert_ok(schema_upgrade(db, &schema_current, err));
	assert_int_equal(sqlite3_prepare_v2(db,
	                                    "SELECT 'SELECT * FROM ' || name FROM sqlite_schema "
	                                    "WHERE type = 'view'",
	                                    -1, &stmt, NULL),
	                 SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_ok(sql_exec(db, (const char *) sqlite3_column_text(stmt, 0), err));
		n++;
	}
	(void) sqlite3_finalize(stmt);
	assert_true(n >= 18);
	(void) sqlite3_close(db);
}

/* From each version that was ever released, with rows in it. */
static void
upgrades_from_every_version(void **state)
{
	(void) state;
	for (int from = 1; from <= schema_current.n_migrations; from++) {
		const struct schema old = {
		    schema_current.migrations, from,
		    from == schema_current.n_migrations ? schema_current.views : ""};
		sqlite3 *db = memory();

		assert_ok(schema_upgrade(db, &old, err));
		assert_ok(sql_exec(db,
		                   "INSERT INTO node (id, hostname, seen_ms, first_seen_ms) VALUES "
		                   "('n1', 'alpha', 5, 4);"
		                   "INSERT INTO move (kind, state, service_id, version_before, "
		                   "version_ours, rest_hash, created_wall_ms) VALUES ('move', "
		                   "'steered', 's1', 1, 2, -3, 6);"
		                   "INSERT INTO move_event VALUES (1, 1, 6, 'steered', 2, NULL)",
		                   err));
		assert_ok(schema_upgrade(db, &schema_current, err));
		assert_int_equal(number(db, "PRAGMA user_version"), schema_current.n_migrations);
		assert_int_equal(number(db, "SELECT count(*) FROM v_nodes WHERE node = 'alpha'"),
		                 1);
		assert_int_equal(number(db,
		                        "SELECT count(*) FROM move_event e JOIN move m ON m.id = "
		                        "e.move_id WHERE m.state = 'steered'"),
		                 1);
		(void) sqlite3_close(db);
	}
}

static const char step_1[] =
    "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT) STRICT;"
    "CREATE TABLE b (a INTEGER REFERENCES a) STRICT; INSERT INTO a VALUES (1, 'one');"
    "INSERT INTO b VALUES (1)";
static const char step_2[] = "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7";
/* a table made anew under the feet of one that refers to it */
static const char step_3[] =
    "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT, y INTEGER, z TEXT) STRICT;"
    "INSERT INTO n SELECT id, x, y, 'z' FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a";
static const char *const three[] = {step_1, step_2, step_3};

static void
upgrades_step_by_step(void **state)
{
	(void) state;
	for (int from = 0; from <= 3; from++) {
		const struct schema old = {three, from, "CREATE VIEW v_old AS SELECT x FROM a"};
		const struct schema new = {three, 3, "CREATE VIEW v_a AS SELECT y, z FROM a"};
		sqlite3 *db = memory();

		if (from > 0)
			assert_ok(schema_upgrade(db, &old, err));
		assert_ok(schema_upgrade(db, &new, err));
		assert_int_equal(number(db, "PRAGMA user_version"), 3);
		assert_int_equal(number(db,
		                        "SELECT count(*) FROM a WHERE x = 'one' AND y = 7 AND z "
		                        "= 'z'"),
		                 1);
		assert_int_equal(number(db, "SELECT count(*) FROM b"), 1);
		assert_int_equal(number(db,
		                        "SELECT count(*) FROM sqlite_schema WHERE type = 'view' "
		                        "AND name = 'v_old'"),
		                 from == 3 ? 1 : 0);
		(void) sqlite3_close(db);
	}
}

static void
failed_upgrade_changes_nothing(void **state)
{
	static const char first[] =
	    "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES (1);"
	    "CREATE TABLE b (a INTEGER REFERENCES a) STRICT; INSERT INTO b VALUES (1)";
	static const char *const broken[] = {
	    first,
	    "CREATE TABLE c (x) ",
	    "CREATE TABLE d (x); SELECT no_such_function()",
	};
	static const char *const dangling[] = {first, "DELETE FROM a"};
	const struct schema one = {broken, 1, "CREATE VIEW v AS SELECT id FROM a"};
	const struct schema bad = {broken, 3, ""};
	const struct schema lost = {dangling, 2, ""};
	sqlite3 *db = memory();

	(void) state;
	assert_ok(schema_upgrade(db, &one, err));
	assert_refused(schema_upgrade(db, &bad, err), EINVAL, "to version 3");
	assert_refused(schema_upgrade(db, &lost, err), EUCLEAN, "b refers to one of a");
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('c', 'd')"),
	                 0);
	assert_int_equal(number(db, "SELECT id FROM v"), 1);
	(void) sqlite3_close(db);
}

static void
newer_and_foreign_are_refused(void **state)
{
	sqlite3 *db = memory();

	(void) state;
	assert_ok(schema_upgrade(db, &schema_current, err));
	assert_ok(sql_exec(db, "PRAGMA user_version = 999", err));
	assert_refused(schema_upgrade(db, &schema_current, err), EPROTONOSUPPORT, "newer forager");
	assert_ok(sql_exec(db, "PRAGMA application_id = 1", err));
	assert_refused(schema_upgrade(db, &schema_current, err), EPROTONOSUPPORT,
	               "another program's");
	assert_int_equal(number(db, "PRAGMA user_version"), 999);
	(void) sqlite3_close(db);
}

static void
finds_damage(void **state)
{
	struct fixture *f = *state;
	char junk[256];
	sqlite3 *db = NULL;
	int64_t page;
	int fd;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_ok(schema_upgrade(db, &schema_current, err));
	assert_ok(schema_check(db, true, err));
	assert_ok(schema_check(db, false, err));
	page = number(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'move'");
	(void) sqlite3_close(db);

	memset(junk, 0xa5, sizeof(junk));
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), (page - 1) * 4096), sizeof(junk));
	(void) close(fd);

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_refused(schema_check(db, true, err), EUCLEAN, "damaged");
	assert_refused(schema_check(db, false, err), EUCLEAN, "damaged");
	(void) sqlite3_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identifies),
	    cmocka_unit_test(makes_a_new_one),
	    cmocka_unit_test(views_can_be_read),
	    cmocka_unit_test(upgrades_from_every_version),
	    cmocka_unit_test(upgrades_step_by_step),
	    cmocka_unit_test(failed_upgrade_changes_nothing),
	    cmocka_unit_test(newer_and_foreign_are_refused),
	    cmocka_unit_test_setup_teardown(finds_damage, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
