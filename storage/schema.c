/* Versions and upgrades of the database; see schema.h. */
#include "storage/schema.h"

#include <errno.h>

static const char *const migrations[] = {schema_tables_1, schema_tables_2, schema_tables_3};

const struct schema schema_current = {migrations, (int) ARRAY_SIZE(migrations), schema_views};

static int
get_int(sqlite3 *db, const char *text, int64_t *ret, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		rc = sql_fail(db, rc, err, "look at the database");
		(void) sqlite3_finalize(stmt);
		return rc;
	}
	*ret = sqlite3_column_int64(stmt, 0);
	(void) sqlite3_finalize(stmt);
	return 0;
}

int
schema_identify(sqlite3 *db, const struct schema *schema, enum schema_kind *ret, int *ret_version,
                struct error *err)
{
	int64_t id = 0, version = 0, objects = 0;
	int r;

	r = get_int(db, "PRAGMA application_id", &id, err);
	if (r == 0)
		r = get_int(db, "PRAGMA user_version", &version, err);
	if (r == 0)
		r = get_int(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
	if (r < 0)
		return r;
	if (id == 0 && version == 0 && objects == 0)
		*ret = SCHEMA_EMPTY;
	else if (id != SCHEMA_APPLICATION_ID || version < 1)
		*ret = SCHEMA_FOREIGN;
	else
		*ret = version > schema->n_migrations   ? SCHEMA_NEWER
		       : version < schema->n_migrations ? SCHEMA_OLDER
		                                        : SCHEMA_OURS;
	if (ret_version != NULL)
		*ret_version = (int) version;
	return 0;
}

int
schema_refuse(sqlite3 *db, const struct schema *schema, enum schema_kind kind, int version,
              struct error *err)
{
	const char *path = sqlite3_db_filename(db, "main");

	if (kind == SCHEMA_NEWER)
		return error_set(err, EPROTONOSUPPORT,
		                 "'%s' was written by a newer forager (database version %d, this "
		                 "program knows up to %d) and was left as it is: install that "
		                 "forager again, or move the file away to start anew",
		                 path, version, schema->n_migrations);
	if (kind == SCHEMA_FOREIGN)
		return error_set(err, EPROTONOSUPPORT,
		                 "'%s' is another program's database and was left as it is: set "
		                 "[agent] state-dir to forager's own directory, or move the file "
		                 "away",
		                 path);
	return 0;
}

static int
drop_views(sqlite3 *db, struct error *err)
{
	for (;;) {
		static const char first[] =
		    "SELECT 'DROP VIEW \"' || replace(name, '\"', '\"\"') || '\"' "
		    "FROM sqlite_schema WHERE type = 'view' ORDER BY name LIMIT 1";
		_cleanup_(freep) char *drop = NULL;
		sqlite3_stmt *stmt = NULL;
		int rc = sqlite3_prepare_v2(db, first, -1, &stmt, NULL), r;

		if (rc == SQLITE_OK)
			rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			drop = xstrdup((const char *) sqlite3_column_text(stmt, 0));
		(void) sqlite3_finalize(stmt);
		if (rc == SQLITE_DONE)
			return 0;
		if (drop == NULL)
			return sql_fail(db, rc, err, "list the views");
		r = sql_exec(db, drop, err);
		if (r < 0)
			return r;
	}
}

static int
set_identity(sqlite3 *db, int version, struct error *err)
{
	_cleanup_(freep) char *text = xasprintf(
	    "PRAGMA application_id = %d; PRAGMA user_version = %d", SCHEMA_APPLICATION_ID, version);

	return sql_exec(db, text, err);
}

static int
check_references(sqlite3 *db, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &stmt, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		r = error_set(err, EUCLEAN, "a row of %s refers to one of %s that is not there",
		              (const char *) sqlite3_column_text(stmt, 0),
		              (const char *) sqlite3_column_text(stmt, 2));
	else if (rc != SQLITE_DONE)
		r = sql_fail(db, rc, err, "check references");
	(void) sqlite3_finalize(stmt);
	return r;
}

static int
upgrade_within(sqlite3 *db, const struct schema *schema, struct error *err)
{
	enum schema_kind kind;
	int version, r;

	/* Another process may have been faster: look again under the lock. */
	r = schema_identify(db, schema, &kind, &version, err);
	if (r == 0)
		r = schema_refuse(db, schema, kind, version, err);
	if (r < 0 || kind == SCHEMA_OURS)
		return r;
	r = drop_views(db, err);
	for (int i = version; r == 0 && i < schema->n_migrations; i++) {
		r = sql_exec(db, schema->migrations[i], err);
		if (r < 0)
			(void) error_wrap(err, "to version %d", i + 1);
	}
	if (r == 0)
		r = sql_exec(db, schema->views, err);
	if (r == 0)
		r = set_identity(db, schema->n_migrations, err);
	return r == 0 ? check_references(db, err) : r;
}

int
schema_upgrade(sqlite3 *db, const struct schema *schema, struct error *err)
{
	int r;

	/* A table that is rebuilt must not take the rows that refer to it along; what stands at
	 * the end is checked as a whole. */
	r = sql_exec(db, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", err);
	if (r == 0)
		r = upgrade_within(db, schema, err);
	if (r == 0)
		r = sql_exec(db, "COMMIT", err);
	if (r < 0) {
		(void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		(void) error_wrap(err, "upgrade the database");
	}
	return r;
}

static int
check_one(sqlite3 *db, const char *table, struct error *err)
{
	_cleanup_(freep) char *text = table == NULL
	                                  ? xstrdup("PRAGMA quick_check(1)")
	                                  : xasprintf("PRAGMA quick_check(\"%s\")", table);
	sqlite3_stmt *stmt = NULL;
	const char *found;
	int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	found = rc == SQLITE_ROW ? (const char *) sqlite3_column_text(stmt, 0) : NULL;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		r = sql_fail(db, rc, err, "check the database");
	else if (found != NULL && strcmp(found, "ok") != 0)
		r = error_set(err, EUCLEAN,
		              "'%s' is damaged and was left as it is (%s): stop foragerd, move the "
		              "file away and restore a backup, or start without it and forager "
		              "learns anew",
		              sqlite3_db_filename(db, "main"), found);
	(void) sqlite3_finalize(stmt);
	return r;
}

int
schema_check(sqlite3 *db, bool all, struct error *err)
{
	static const char tables[] = "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
	                             "name NOT LIKE 'sample%' AND name NOT LIKE 'sqlite_%' "
	                             "ORDER BY name";
	sqlite3_stmt *stmt = NULL;
	int rc, r = 0;

	if (all)
		return check_one(db, NULL, err);
	rc = sqlite3_prepare_v2(db, tables, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW && r == 0) {
		r = check_one(db, (const char *) sqlite3_column_text(stmt, 0), err);
		rc = sqlite3_step(stmt);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = sql_fail(db, rc, err, "check the database");
	(void) sqlite3_finalize(stmt);
	return r;
}
