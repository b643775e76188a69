/* Small facts by name, and the emergency stop; see store.h. */
#include "storage/store_priv.h"

#include <errno.h>

int
store_put_meta(struct store *s, const char *key, const char *value, struct error *err)
{
	return sql_run(&s->sql, err,
	               "INSERT INTO meta VALUES (?1, ?2) "
	               "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	               SQL_TEXT(key), SQL_TEXT(value));
}

int
store_get_meta(struct store *s, const char *key, char **ret, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r;

	r = sql_query(&s->sql, &stmt, err, "SELECT value FROM meta WHERE key = ?1", SQL_TEXT(key));
	if (r == 0)
		r = sql_step(&s->sql, stmt, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ENOENT, "the database holds no '%s'", key);
	*ret = xstrdup((const char *) sqlite3_column_text(stmt, 0));
	return 0;
}

/* Every look writes the nodes that are there anew. */
int
store_last_ms(struct store *s, int64_t *ret, struct error *err)
{
	int r = sql_int(
	    &s->sql, ret, err,
	    "SELECT max(coalesce((SELECT max(seen_ms) FROM node WHERE gone_ms IS NULL), 0), "
	    "coalesce((SELECT at_ms FROM decision ORDER BY id DESC LIMIT 1), 0), "
	    "coalesce((SELECT max(created_wall_ms, coalesce(ended_wall_ms, 0)) FROM move "
	    "ORDER BY id DESC LIMIT 1), 0))");

	return MIN(r, 0);
}

int
store_created_ms(struct store *s, int64_t *ret, struct error *err)
{
	int r = sql_int(&s->sql, ret, err,
	                "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'created_ms'");

	return r == 0  ? error_set(err, EUCLEAN, "the database does not say when it was made")
	       : r < 0 ? r
	               : 0;
}

int
store_pause(struct store *s, const char *who, const char *reason, int64_t at_ms, struct error *err)
{
	/* A second pause keeps the time of the first. */
	return sql_run(&s->sql, err,
	               "INSERT INTO pause VALUES (1, ?1, ?2, ?3) "
	               "ON CONFLICT (one) DO UPDATE SET who = excluded.who, "
	               "reason = coalesce(excluded.reason, reason)",
	               SQL_TEXT(who), SQL_TEXT(reason), SQL_INT(at_ms));
}

int
store_resume(struct store *s, struct error *err)
{
	return sql_run(&s->sql, err, "DELETE FROM pause");
}

int
store_is_paused(struct store *s, int64_t *ret_since_ms, struct error *err)
{
	int64_t since;
	int r = sql_int(&s->sql, &since, err, "SELECT since_ms FROM pause");

	if (r == 1 && ret_since_ms != NULL)
		*ret_since_ms = since;
	return r;
}
