/* Statements that only read, one at a time; see query.h. */
#include "storage/query_priv.h"

#include <errno.h>

#include "storage/sql.h"

static void
finalizep(sqlite3_stmt **stmt)
{
	(void) sqlite3_finalize(*stmt);
}

static int
fail(struct query *q, int rc, struct error *err)
{
	const char *text = sqlite3_errmsg(q->db);

	/* A function that is not allowed is a plain error to SQLite. */
	if ((rc & 0xff) == SQLITE_ERROR && str_has_prefix(text, "not authorized"))
		rc = SQLITE_AUTH;
	switch (rc & 0xff) {
	case SQLITE_ERROR:
		return error_set(err, EINVAL, "%s", text);
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return error_set(err, EPERM, "only reading is possible here: use one SELECT (%s)",
		                 text);
	case SQLITE_INTERRUPT:
		return error_set(err, ETIMEDOUT,
		                 "the query was stopped after %lld s: ask for less, for example by "
		                 "WHERE at_ms > …",
		                 (long long) (q->timeout_ms / 1000));
	case SQLITE_TOOBIG:
		return error_set(err, E2BIG, "a value of the query is too big");
	default:
		return sql_fail(q->db, rc, err, "query");
	}
}

/* More than white space, semicolons and comments? */
static bool
has_more(struct query *q, const char *tail)
{
	sqlite3_stmt *stmt = NULL;
	bool more;

	tail += strspn(tail, " \t\r\n;");
	if (*tail == '\0')
		return false;
	more = sqlite3_prepare_v2(q->db, tail, -1, &stmt, NULL) != SQLITE_OK || stmt != NULL;
	(void) sqlite3_finalize(stmt);
	return more;
}

static int
prepare(struct query *q, const char *sql, sqlite3_stmt **ret, struct error *err)
{
	_cleanup_(finalizep) sqlite3_stmt *stmt = NULL;
	const char *tail = NULL;
	int rc;

	q->deadline_ms = q->timeout_ms > 0 ? mono_ms() + q->timeout_ms : 0;
	rc = sqlite3_prepare_v2(q->db, sql, -1, &stmt, &tail);
	if (rc != SQLITE_OK)
		return fail(q, rc, err);
	if (stmt == NULL)
		return error_set(err, EINVAL, "the query is empty");
	if (has_more(q, tail))
		return error_set(err, EINVAL, "one statement at a time");
	if (!sqlite3_stmt_readonly(stmt))
		return error_set(err, EPERM, "only reading is possible here: use one SELECT");
	*ret = take_ptr(stmt);
	return 0;
}

static int
bind_value(sqlite3_stmt *stmt, int i, const struct query_value *v)
{
	switch (v->type) {
	case QUERY_INTEGER:
		return sqlite3_bind_int64(stmt, i, v->integer);
	case QUERY_REAL:
		return sqlite3_bind_double(stmt, i, v->real);
	case QUERY_TEXT:
		return sqlite3_bind_text(stmt, i, v->text, -1, SQLITE_STATIC);
	case QUERY_BLOB:
		return sqlite3_bind_blob64(stmt, i, v->text, v->size, SQLITE_STATIC);
	case QUERY_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, i);
}

static int
bind(struct query *q, sqlite3_stmt *stmt, const struct query_value *values, size_t n,
     struct error *err)
{
	int want = sqlite3_bind_parameter_count(stmt);

	if ((size_t) want != n)
		return error_set(err, EINVAL, "the query has %d parameters, %zu were given", want,
		                 n);
	for (size_t i = 0; i < n; i++) {
		int rc = bind_value(stmt, (int) i + 1, &values[i]);

		if (rc != SQLITE_OK)
			return fail(q, rc, err);
	}
	return 0;
}

static void
get_value(sqlite3_stmt *stmt, int i, struct query_value *ret)
{
	*ret = (struct query_value){.type = QUERY_NULL};
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER:
		ret->type = QUERY_INTEGER;
		ret->integer = sqlite3_column_int64(stmt, i);
		ret->real = (double) ret->integer;
		return;
	case SQLITE_FLOAT:
		ret->type = QUERY_REAL;
		ret->real = sqlite3_column_double(stmt, i);
		return;
	case SQLITE_TEXT:
		ret->type = QUERY_TEXT;
		ret->text = (const char *) sqlite3_column_text(stmt, i);
		break;
	case SQLITE_BLOB:
		ret->type = QUERY_BLOB;
		ret->text = sqlite3_column_blob(stmt, i);
		break;
	default:
		return;
	}
	ret->size = (size_t) sqlite3_column_bytes(stmt, i);
}

static const char **
column_names(sqlite3_stmt *stmt, size_t n)
{
	const char **names = xcalloc(n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = sqlite3_column_name(stmt, (int) i);
	return names;
}

int
query_each(struct query *q, const char *sql, const struct query_value *bind_values, size_t n_bind,
           query_row_fn *fn, void *data, struct error *err)
{
	_cleanup_(finalizep) sqlite3_stmt *stmt = NULL;
	_cleanup_(freep) struct query_value *values = NULL;
	_cleanup_(freep) const char **names = NULL;
	size_t n;
	int rc, r;

	r = prepare(q, sql, &stmt, err);
	if (r == 0)
		r = bind(q, stmt, bind_values, n_bind, err);
	if (r < 0)
		return r;
	n = (size_t) sqlite3_column_count(stmt);
	names = column_names(stmt, n);
	values = xcalloc(n + 1, sizeof(*values));
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (size_t i = 0; i < n; i++)
			get_value(stmt, (int) i, &values[i]);
		r = fn == NULL ? 0 : fn(data, n, names, values);
		if (r != 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : fail(q, rc, err);
}

int
query_columns(struct query *q, const char *sql, query_row_fn *fn, void *data, struct error *err)
{
	_cleanup_(finalizep) sqlite3_stmt *stmt = NULL;
	_cleanup_(freep) struct query_value *values = NULL;
	_cleanup_(freep) const char **names = NULL;
	size_t n;
	int r = prepare(q, sql, &stmt, err);

	if (r < 0)
		return r;
	n = (size_t) sqlite3_column_count(stmt);
	names = column_names(stmt, n);
	values = xcalloc(n + 1, sizeof(*values));
	return fn(data, n, names, values);
}

/* The first row's first value. */
struct first {
	bool set;
	int64_t integer;
	char *text;
};

static int
take_first(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct first *f = data;

	(void) names;
	if (n > 0 && values[0].type != QUERY_NULL) {
		f->set = true;
		f->integer =
		    values[0].type == QUERY_REAL ? (int64_t) values[0].real : values[0].integer;
		if (values[0].type == QUERY_TEXT)
			f->text = xstrdup(values[0].text);
	}
	return 1;
}

int
query_int(struct query *q, const char *sql, const struct query_value *bind_values, size_t n_bind,
          int64_t *ret, struct error *err)
{
	struct first f = {0};
	int r = query_each(q, sql, bind_values, n_bind, take_first, &f, err);

	free(f.text);
	if (r < 0)
		return r;
	if (f.set)
		*ret = f.integer;
	return f.set;
}

int
query_text(struct query *q, const char *sql, const struct query_value *bind_values, size_t n_bind,
           char **ret, struct error *err)
{
	struct first f = {0};
	int r = query_each(q, sql, bind_values, n_bind, take_first, &f, err);

	if (r < 0)
		return r;
	if (f.text == NULL)
		return f.set ? error_set(err, EINVAL, "the query gives no text") : 0;
	*ret = f.text;
	return 1;
}
