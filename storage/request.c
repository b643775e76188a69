/* Wishes of the CLI to foragerd; see request.h. */
#include "storage/request.h"

#include <errno.h>
#include <jansson.h>

#include "storage/store_priv.h"

#define ARGS_BYTES 65536 /* what the CLI sends is a few names; more is not from it */

const char *const request_state_names[REQUEST_STATE_N] = {
    [REQUEST_NEW] = "new",         [REQUEST_TAKEN] = "taken",   [REQUEST_DONE] = "done",
    [REQUEST_REFUSED] = "refused", [REQUEST_FAILED] = "failed",
};

#define C(type, member) TABLE_COLUMN(type, request, member)

static const struct table_column request_columns[] = {
    C(REF, id),        TABLE_ENUM(NAME, request, state, request_state_names, REQUEST_STATE_N),
    C(TEXT, kind),     C(TEXT, args),
    C(TEXT, who),      C(TEXT, result),
    C(I32, exit_code), C(I64, created_ms),
    C(TIME, taken_ms), C(TIME, ended_ms),
};

static const struct table request_table = {"request", request_columns, ARRAY_SIZE(request_columns),
                                           1, false};

#define COLUMNS "id, state, kind, args, who, result, exit_code, created_ms, taken_ms, ended_ms"

void
request_done(struct request *r)
{
	if (r == NULL)
		return;
	free(r->kind);
	free(r->args);
	free(r->who);
	free(r->result);
	*r = (struct request){0};
}

bool
request_ended(enum request_state state)
{
	return state == REQUEST_DONE || state == REQUEST_REFUSED || state == REQUEST_FAILED;
}

static int
own_commit(struct store *s, struct error *err)
{
	return store_in_cycle(s) ? error_set(err, EINVAL,
	                                     "a request is written on its own: commit the cycle "
	                                     "first")
	                         : 0;
}

static int
check_args(const char *args, struct error *err)
{
	json_error_t why;
	json_auto_t *doc = NULL;

	if (args == NULL || strlen(args) > ARGS_BYTES)
		return error_set(err, EINVAL, "the arguments of a request are missing or too long");
	doc = json_loads(args, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(doc))
		return error_set(err, EINVAL,
		                 "the arguments of a request are not a JSON object%s%s",
		                 doc == NULL ? ": " : "", doc == NULL ? why.text : "");
	return 0;
}

int
request_add(struct store *s, const char *kind, const char *args, const char *who, int64_t at_ms,
            uint64_t *ret_id, struct error *err)
{
	int r = own_commit(s, err);

	if (r == 0)
		r = check_args(args, err);
	if (r == 0)
		r = sql_run(&s->sql, err,
		            "INSERT INTO request (kind, args, who, state, created_ms) VALUES (?1, "
		            "?2, ?3, 'new', ?4)",
		            SQL_TEXT(kind), SQL_TEXT(args), SQL_TEXT(who), SQL_INT(at_ms));
	if (r == 0)
		*ret_id = (uint64_t) sqlite3_last_insert_rowid(s->sql.db);
	return r;
}

static int
read_request(struct store *s, sqlite3_stmt *stmt, struct request *ret, struct error *err)
{
	struct request row = {0};
	int r = sql_step(&s->sql, stmt, err);

	if (r <= 0)
		return r;
	r = table_read(&request_table, stmt, 0, &row, err);
	if (r < 0)
		return r;
	row.kind = xstrdup(row.kind);
	row.args = xstrdup(row.args);
	row.who = xstrdup(row.who);
	row.result = xstrdup(row.result);
	*ret = row;
	return 1;
}

int
request_waiting(struct store *s, struct error *err)
{
	int64_t one;

	return sql_int(&s->sql, &one, err, "SELECT 1 FROM request WHERE state = 'new' LIMIT 1");
}

/* The exit code of a refusal is that of the CLI (DESIGN 9: 3 refused by a guard). */
static int
refuse_stale(struct store *s, int64_t now_ms, int64_t max_age_ms, struct error *err)
{
	if (max_age_ms <= 0)
		return 0;
	return sql_run(&s->sql, err,
	               "UPDATE request SET state = 'refused', exit_code = 3, ended_ms = ?1, result "
	               "= 'not taken in time: foragerd was away, ask again' WHERE state = 'new' "
	               "AND created_ms < ?2",
	               SQL_INT(now_ms), SQL_INT(now_ms - max_age_ms));
}

static int
take(struct store *s, int64_t now_ms, struct request *ret, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	struct request got = {0};
	int r;

	r = sql_query(&s->sql, &stmt, err,
	              "SELECT " COLUMNS " FROM request WHERE state = 'new' ORDER BY id LIMIT 1");
	if (r == 0)
		r = read_request(s, stmt, &got, err);
	if (r <= 0)
		return r;
	sql_resetp(&stmt);
	r = sql_run(&s->sql, err, "UPDATE request SET state = 'taken', taken_ms = ?2 WHERE id = ?1",
	            SQL_INT(got.id), SQL_INT(now_ms));
	if (r < 0) {
		request_done(&got);
		return r;
	}
	got.state = REQUEST_TAKEN;
	got.taken_ms = now_ms;
	*ret = got;
	return 1;
}

int
request_take(struct store *s, int64_t now_ms, int64_t max_age_ms, struct request *ret,
             struct error *err)
{
	struct request got = {0};
	int r = own_commit(s, err), end;

	if (r == 0)
		r = request_waiting(s, err);
	if (r <= 0)
		return r;
	r = store_begin(s, err);
	if (r == 0)
		r = refuse_stale(s, now_ms, max_age_ms, err);
	if (r == 0)
		r = take(s, now_ms, &got, err);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	end = store_commit(s, err);
	if (end < 0) {
		request_done(&got);
		return end;
	}
	if (r == 1)
		*ret = got;
	return r;
}

int
request_get(struct store *s, uint64_t id, struct request *ret, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r;

	r = sql_query(&s->sql, &stmt, err, "SELECT " COLUMNS " FROM request WHERE id = ?1",
	              SQL_INT(id));
	if (r == 0)
		r = read_request(s, stmt, ret, err);
	if (r == 0)
		return error_set(err, ENOENT, "no request %llu in the database",
		                 (unsigned long long) id);
	return r < 0 ? r : 0;
}

/* Nothing was changed: because there is none, or because of its state. */
static int
why_not(struct store *s, uint64_t id, struct error *err)
{
	struct request r = {0};
	enum request_state state;
	int e = request_get(s, id, &r, err);

	state = r.state;
	request_done(&r);
	if (e < 0)
		return e;
	return error_set(err, EALREADY, "request %llu is %s already", (unsigned long long) id,
	                 request_state_names[state]);
}

int
request_finish(struct store *s, uint64_t id, enum request_state state, const char *result,
               int exit_code, int64_t at_ms, struct error *err)
{
	int r = own_commit(s, err);

	if (r < 0)
		return r;
	if (!request_ended(state))
		return error_set(err, EINVAL, "a request ends done, refused or failed");
	r = sql_run(&s->sql, err,
	            "UPDATE request SET state = ?2, result = ?3, exit_code = ?4, ended_ms = ?5 "
	            "WHERE id = ?1 AND ended_ms IS NULL",
	            SQL_INT(id), SQL_TEXT(request_state_names[state]), SQL_TEXT(result),
	            SQL_INT(exit_code), SQL_INT(at_ms));
	return r == 0 && sqlite3_changes(s->sql.db) == 0 ? why_not(s, id, err) : r;
}

int
request_cancel(struct store *s, uint64_t id, int64_t at_ms, struct error *err)
{
	int r = own_commit(s, err);

	if (r < 0)
		return r;
	r = sql_run(&s->sql, err,
	            "UPDATE request SET state = 'refused', exit_code = 3, ended_ms = ?2, result = "
	            "'given up by the one who asked' WHERE id = ?1 AND state = 'new'",
	            SQL_INT(id), SQL_INT(at_ms));
	return r == 0 && sqlite3_changes(s->sql.db) == 0 ? why_not(s, id, err) : r;
}

int
request_fail_taken(struct store *s, int64_t at_ms, struct error *err)
{
	int r = own_commit(s, err);

	if (r == 0)
		r = sql_run(&s->sql, err,
		            "UPDATE request SET state = 'failed', exit_code = 1, ended_ms = ?1, "
		            "result = 'foragerd ended while at it: see forager status' WHERE state "
		            "= 'taken'",
		            SQL_INT(at_ms));
	return r < 0 ? r : sqlite3_changes(s->sql.db);
}
