/* Structs as rows; see table.h. */
#include "storage/table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"

/* Texts are made once per table and connection: they may grow by plain appending. */
static void
append(char **text, const char *more)
{
	char *old = *text;

	*text = xasprintf("%s%s", old == NULL ? "" : old, more);
	free(old);
}

char *
table_columns(const struct table *t, const char *prefix)
{
	char *text = NULL;

	for (size_t i = 0; i < t->n_columns; i++) {
		append(&text, i == 0 ? "" : ", ");
		append(&text, prefix);
		append(&text, t->columns[i].name);
	}
	return text;
}

static char *
keys(const struct table *t)
{
	char *text = NULL;

	for (size_t i = 0; i < t->n_keys; i++) {
		append(&text, i == 0 ? "" : ", ");
		append(&text, t->columns[i].name);
	}
	return text;
}

/* Nothing but the key: there is nothing to replace. */
static void
append_conflict(const struct table *t, char **text)
{
	_cleanup_(freep) char *key = keys(t);
	const char *comma = "";

	append(text, " ON CONFLICT (");
	append(text, key);
	append(text, t->n_keys == t->n_columns ? ") DO NOTHING" : ") DO UPDATE SET ");
	for (size_t i = t->n_keys; i < t->n_columns; i++) {
		_cleanup_(freep) char *set = NULL;
		const char *name = t->columns[i].name;

		set = xasprintf("%s%s = excluded.%s", comma, name, name);
		append(text, set);
		comma = ", ";
	}
	if (t->tracked)
		append(text, ", gone_ms = NULL");
}

static char *
put_text(const struct table *t)
{
	_cleanup_(freep) char *columns = table_columns(t, "");
	char *text = xasprintf("INSERT INTO %s (%s%s) VALUES (", t->name, columns,
	                       t->tracked ? ", first_seen_ms" : "");

	for (size_t i = 0; i < t->n_columns + (t->tracked ? 1 : 0); i++) {
		char one[16];

		(void) snprintf(one, sizeof(one), "%s?%zu", i == 0 ? "" : ", ",
		                MIN(i + 1, t->n_columns));
		append(&text, one);
	}
	append(&text, ")");
	if (t->n_keys > 0)
		append_conflict(t, &text);
	return text;
}

static int
bind_name(sqlite3_stmt *stmt, int i, const struct table_column *c, const void *member)
{
	unsigned v = *(const unsigned *) member;

	if (v >= c->n_names)
		return SQLITE_RANGE;
	return sqlite3_bind_text(stmt, i, c->names[v * c->stride], -1, SQLITE_STATIC);
}

static int
bind_ref(sqlite3_stmt *stmt, int i, uint64_t v)
{
	return v == 0 ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int64(stmt, i, (int64_t) v);
}

static int
bind_member(sqlite3_stmt *stmt, int i, const struct table_column *c, const void *row)
{
	const void *p = (const char *) row + c->offset;
	double real;

	switch (c->type) {
	case TABLE_I64:
	case TABLE_U64:
		return sqlite3_bind_int64(stmt, i, *(const int64_t *) p);
	case TABLE_TIME:
	case TABLE_REF:
		return bind_ref(stmt, i, *(const uint64_t *) p);
	case TABLE_U32:
		return sqlite3_bind_int64(stmt, i, *(const uint32_t *) p);
	case TABLE_I32:
		return sqlite3_bind_int64(stmt, i, *(const int *) p);
	case TABLE_BOOL:
		return sqlite3_bind_int64(stmt, i, *(const bool *) p ? 1 : 0);
	case TABLE_REAL:
		real = *(const double *) p;
		return isfinite(real) ? sqlite3_bind_double(stmt, i, real)
		                      : sqlite3_bind_null(stmt, i);
	case TABLE_TEXT:
		return sqlite3_bind_text(stmt, i, *(const char *const *) p, -1, SQLITE_STATIC);
	case TABLE_ID:
		return *(const char *) p == '\0' ? sqlite3_bind_null(stmt, i)
		                                 : sqlite3_bind_text(stmt, i, p, -1, SQLITE_STATIC);
	case TABLE_NAME:
	case TABLE_GUESS:
		return bind_name(stmt, i, c, p);
	}
	return SQLITE_MISUSE;
}

int
table_put(struct sql *s, const struct table *t, const void *row, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(s, t, NULL, &stmt, err);

	if (r == 0 && stmt == NULL) {
		_cleanup_(freep) char *text = put_text(t);

		r = sql_prepare(s, t, text, &stmt, err);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->n_columns; i++) {
		int rc = bind_member(stmt, (int) i + 1, &t->columns[i], row);

		if (rc != SQLITE_OK)
			return error_set(err, rc == SQLITE_TOOBIG ? E2BIG : EINVAL,
			                 "store a row of %s: bad value for %s: %s", t->name,
			                 t->columns[i].name, sqlite3_errstr(rc));
	}
	r = sql_step(s, stmt, err);
	if (r < 0)
		(void) error_wrap(err, "store a row of %s", t->name);
	return r;
}

static int
read_name(const struct table *t, const struct table_column *c, sqlite3_stmt *stmt, int i,
          unsigned *ret, struct error *err)
{
	const char *name = (const char *) sqlite3_column_text(stmt, i);

	for (unsigned v = 0; v < c->n_names; v++) {
		if (name != NULL && strcmp(c->names[v * c->stride], name) == 0) {
			*ret = v;
			return 0;
		}
	}
	if (c->type == TABLE_GUESS) {
		*ret = 0;
		return 0;
	}
	return error_set(err, EUCLEAN,
	                 "read a row of %s: %s is '%s', which this program does not know: the "
	                 "database is damaged or of a newer forager",
	                 t->name, c->name, name == NULL ? "NULL" : name);
}

static int
read_member(const struct table *t, const struct table_column *c, sqlite3_stmt *stmt, int i,
            void *row, struct error *err)
{
	void *p = (char *) row + c->offset;

	switch (c->type) {
	case TABLE_I64:
	case TABLE_U64:
	case TABLE_TIME:
	case TABLE_REF:
		*(int64_t *) p = sqlite3_column_int64(stmt, i);
		return 0;
	case TABLE_U32:
		*(uint32_t *) p = (uint32_t) sqlite3_column_int64(stmt, i);
		return 0;
	case TABLE_I32:
		*(int *) p = sqlite3_column_int(stmt, i);
		return 0;
	case TABLE_BOOL:
		*(bool *) p = sqlite3_column_int(stmt, i) != 0;
		return 0;
	case TABLE_REAL:
		*(double *) p = sqlite3_column_type(stmt, i) == SQLITE_NULL
		                    ? (double) NAN
		                    : sqlite3_column_double(stmt, i);
		return 0;
	case TABLE_TEXT:
		*(const char **) p = (const char *) sqlite3_column_text(stmt, i);
		return 0;
	case TABLE_ID: {
		const char *id = (const char *) sqlite3_column_text(stmt, i);

		if (str_copy(p, SWARM_ID_SIZE, id == NULL ? "" : id))
			return 0;
		return error_set(err, EUCLEAN, "read a row of %s: %s '%s' is too long", t->name,
		                 c->name, id);
	}
	case TABLE_NAME:
	case TABLE_GUESS:
		return read_name(t, c, stmt, i, p, err);
	}
	return error_set(err, EINVAL, "column %s has no type", c->name);
}

int
table_read(const struct table *t, sqlite3_stmt *stmt, int first, void *row, struct error *err)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		int r = read_member(t, &t->columns[i], stmt, first + (int) i, row, err);

		if (r < 0)
			return r;
	}
	return 0;
}
