/* Reading back at start: profiles, foreign changes, the policy's state; see store.h. */
#include "storage/store_priv.h"

#include <errno.h>

int
store_load_profiles(struct store *s, store_profile_fn *fn, void *data, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	static const char key; /* of the cache: the text is made here */
	_cleanup_(freep) char *columns = table_columns(&profile_table, "p.");
	_cleanup_(freep) char *text = xasprintf(
	    "SELECT %s, t.state FROM profile p LEFT JOIN profile_state t ON t.kind = p.kind AND "
	    "t.id = p.id WHERE p.kind <> 'container' OR NOT EXISTS (SELECT 1 FROM container c "
	    "WHERE c.id = p.id AND c.gone_ms IS NOT NULL) ORDER BY p.kind, p.id",
	    columns);
	int r = sql_prepare(&s->sql, &key, text, &stmt, err);

	while (r >= 0) {
		struct profile_row row = {0};

		r = sql_step(&s->sql, stmt, err);
		if (r <= 0)
			return r;
		r = table_read(&profile_table, stmt, 0, &row, err);
		if (r < 0)
			return r;
		row.state = (const char *) sqlite3_column_text(stmt, (int) profile_table.n_columns);
		r = fn(data, &row);
		if (r != 0)
			return r;
	}
	return r;
}

int
store_load_foreign(struct store *s, int64_t since_ms, store_foreign_fn *fn, void *data,
                   struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r;

	/* Order of foreign_table. Two at the same time: the higher version is the newer. */
	r = sql_query(&s->sql, &stmt, err,
	              "SELECT service_id, version, service_name, at_ms, what FROM foreign_change f "
	              "WHERE at_ms >= ?1 AND NOT EXISTS (SELECT 1 FROM foreign_change n WHERE "
	              "n.service_id = f.service_id AND (n.at_ms, n.version) > (f.at_ms, "
	              "f.version)) ORDER BY service_id",
	              SQL_INT(since_ms));
	while (r >= 0) {
		struct foreign_row row = {0};

		r = sql_step(&s->sql, stmt, err);
		if (r <= 0)
			return r;
		r = table_read(&foreign_table, stmt, 0, &row, err);
		if (r == 0)
			r = fn(data, &row);
		if (r != 0)
			return r;
	}
	return r;
}

int
store_put_policy_state(struct store *s, const struct policy_state_row *row, struct error *err)
{
	return sql_run(&s->sql, err,
	               "INSERT INTO policy_state VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT "
	               "(algorithm, step_ms, feature_hash) DO UPDATE SET json = excluded.json, "
	               "at_ms = excluded.at_ms",
	               SQL_TEXT(row->algorithm), SQL_INT(row->step_ms), SQL_INT(row->feature_hash),
	               SQL_TEXT(row->json), SQL_INT(row->at_ms));
}

int
store_has_policy_state(struct store *s, const char *algorithm, struct error *err)
{
	int64_t one;

	return sql_int(&s->sql, &one, err,
	               "SELECT 1 FROM policy_state WHERE algorithm = ?1 LIMIT 1",
	               SQL_TEXT(algorithm));
}

int
store_get_policy_state(struct store *s, const char *algorithm, int64_t step_ms,
                       uint64_t feature_hash, char **ret, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r;

	r = sql_query(&s->sql, &stmt, err,
	              "SELECT json FROM policy_state WHERE algorithm = ?1 AND step_ms = ?2 AND "
	              "feature_hash = ?3",
	              SQL_TEXT(algorithm), SQL_INT(step_ms), SQL_INT(feature_hash));
	if (r == 0)
		r = sql_step(&s->sql, stmt, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ENOENT,
		                 "the database holds no state of policy '%s' for this step and "
		                 "these features",
		                 algorithm);
	*ret = xstrdup((const char *) sqlite3_column_text(stmt, 0));
	return 0;
}
