/* SQLite with our errors; see sql.h. */
#include "storage/sql.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sys/stat.h>

#include "base/memory.h"

/* SQLite's primary result codes, what they are to us and what a person can do about them. */
static const struct {
	int rc, errnum;
	const char *advice;
} reasons[] = {
    {SQLITE_FULL, ENOSPC, "free some space on the file system of the state directory"},
    {SQLITE_READONLY, EACCES,
     "the database or its directory cannot be written: check owner, mode and mount"},
    {SQLITE_CANTOPEN, EACCES, "check owner and mode of the file and of its directory"},
    {SQLITE_PERM, EACCES, "check owner and mode"},
    {SQLITE_AUTH, EPERM, "only reading is possible here"},
    {SQLITE_BUSY, EBUSY, "another process holds the database: try again when it is done"},
    {SQLITE_LOCKED, EBUSY, "the database is in use: try again"},
    {SQLITE_CORRUPT, EUCLEAN,
     "the database is damaged and was left as it is: stop foragerd, move the file away and "
     "restore a backup, or start without it and forager learns anew"},
    {SQLITE_NOTADB, EUCLEAN,
     "the file is damaged or not a database and was left as it is: move it away and restore a "
     "backup, or start without it and forager learns anew"},
    {SQLITE_INTERRUPT, ETIMEDOUT, "it took too long and was stopped: ask for less"},
    {SQLITE_TOOBIG, E2BIG, "a text is too long to be stored"},
    {SQLITE_CONSTRAINT, EINVAL, NULL},
    {SQLITE_MISMATCH, EINVAL, NULL},
    {SQLITE_RANGE, EINVAL, NULL},
    {SQLITE_MISUSE, EINVAL, NULL},
    {SQLITE_ERROR, EINVAL, NULL},
    {SQLITE_NOMEM, ENOMEM, "out of memory, or the statement asks for too much of it"},
    {SQLITE_NOLFS, EFBIG, "the file system cannot hold a file of that size"},
    {SQLITE_PROTOCOL, EBUSY, "too many processes at once: try again"},
};

static size_t
reason_of(int rc)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].rc == (rc & 0xff))
			break;
	return i;
}

/* The system's errno says more than "disk I/O error" and "unable to open". */
static int
system_errno(sqlite3 *db, int rc)
{
	int e = db == NULL ? 0 : sqlite3_system_errno(db);

	rc &= 0xff;
	if (rc != SQLITE_IOERR && rc != SQLITE_CANTOPEN)
		return 0;
	return e == ENOSPC || e == EDQUOT || e == EROFS || e == EACCES || e == ENOENT ||
	               e == EMFILE || e == EFBIG
	           ? e
	           : 0;
}

/* ---- memory ---- */

static sqlite3_mem_methods plain;

static void *
sql_malloc(int size)
{
	void *p = plain.xMalloc(size);

	if (p == NULL)
		memory_out();
	return p;
}

static void *
sql_realloc(void *p, int size)
{
	void *q = plain.xRealloc(p, size);

	if (q == NULL)
		memory_out();
	return q;
}

/* Limits on what a statement may take (SQLite's heap limits) still end as an error: they are held
 * before these are asked. */
void
sql_global_init(void)
{
	sqlite3_mem_methods methods;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) != SQLITE_OK)
		abort();
	methods = plain;
	methods.xMalloc = sql_malloc;
	methods.xRealloc = sql_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		abort();
}

/* ---- errors ---- */

int
sql_errno(sqlite3 *db, int rc)
{
	int e = system_errno(db, rc);
	size_t i = reason_of(rc);

	if (e == EDQUOT)
		return ENOSPC;
	if (e != 0)
		return e;
	return i < ARRAY_SIZE(reasons) ? reasons[i].errnum : EIO;
}

int
sql_fail(sqlite3 *db, int rc, struct error *err, const char *what)
{
	const char *text = db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
	const char *path = db == NULL ? NULL : sqlite3_db_filename(db, "main");
	const char *advice;
	int e = sql_errno(db, rc);
	size_t i;

	/* After ENOSPC and friends the advice of that code fits better than the generic one. */
	i = reason_of(e == ENOSPC ? SQLITE_FULL : e == EROFS ? SQLITE_READONLY : rc);
	advice = i < ARRAY_SIZE(reasons) ? reasons[i].advice : NULL;
	if (path == NULL || *path == '\0') /* not open: then what says it */
		return error_set(err, e, "%s: %s%s%s", what, text, advice == NULL ? "" : "; ",
		                 advice == NULL ? "" : advice);
	return error_set(err, e, "%s: '%s': %s%s%s", what, path, text, advice == NULL ? "" : "; ",
	                 advice == NULL ? "" : advice);
}

int
sql_open(const char *path, int flags, int busy_ms, sqlite3 **ret, struct error *err)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK) {
		_cleanup_(freep) char *what = xasprintf("open '%s'", path);
		int r = sql_fail(db, rc, err, what);

		(void) sqlite3_close(db);
		return r;
	}
	(void) sqlite3_extended_result_codes(db, 1);
	(void) sqlite3_busy_timeout(db, busy_ms);
	*ret = db;
	return 0;
}

int
sql_check_log(const char *path, struct error *err)
{
	_cleanup_(freep) char *log = xasprintf("%s-wal", path);
	struct stat st;

	if (stat(path, &st) == 0 ? st.st_size > 0 : errno != ENOENT)
		return 0;
	if (stat(log, &st) < 0 || st.st_size == 0)
		return 0;
	return error_set(err, EUCLEAN,
	                 "'%s' is empty or gone, but '%s-wal' holds rows of it: damaged, and left "
	                 "as it is; restore a backup, or move both away to start anew",
	                 path, path);
}

void
sql_done(struct sql *s)
{
	for (size_t i = 0; i < s->n_cache; i++)
		(void) sqlite3_finalize(s->cache[i].stmt);
	s->n_cache = 0;
}

void
sql_resetp(sqlite3_stmt **stmt)
{
	if (*stmt == NULL)
		return;
	(void) sqlite3_reset(*stmt);
	(void) sqlite3_clear_bindings(*stmt);
}

int
sql_prepare(struct sql *s, const void *key, const char *text, sqlite3_stmt **ret, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	for (size_t i = 0; i < s->n_cache; i++) {
		if (s->cache[i].key == key) {
			*ret = s->cache[i].stmt;
			return 0;
		}
	}
	if (text == NULL) {
		*ret = NULL;
		return 0;
	}
	if (s->n_cache == SQL_CACHE)
		return error_set(err, ENOBUFS, "too many statements: raise SQL_CACHE");
	rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK)
		return sql_fail(s->db, rc, err, "prepare a statement");
	s->cache[s->n_cache].key = key;
	s->cache[s->n_cache++].stmt = stmt;
	*ret = stmt;
	return 0;
}

static int
bind_one(sqlite3_stmt *stmt, int i, const struct sql_arg *a)
{
	switch (a->type) {
	case SQL_ARG_INT:
		return sqlite3_bind_int64(stmt, i, a->integer);
	case SQL_ARG_REAL:
		return isfinite(a->real) ? sqlite3_bind_double(stmt, i, a->real)
		                         : sqlite3_bind_null(stmt, i);
	case SQL_ARG_TEXT:
		return sqlite3_bind_text(stmt, i, a->text, -1, SQLITE_STATIC);
	case SQL_ARG_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, i);
}

static int
bind_all(struct sql *s, sqlite3_stmt *stmt, const struct sql_arg *args, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int rc = bind_one(stmt, (int) i + 1, &args[i]);

		if (rc != SQLITE_OK) {
			sql_resetp(&stmt);
			return sql_fail(s->db, rc, err, "bind a value");
		}
	}
	return 0;
}

int
sql_query_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n,
               sqlite3_stmt **ret, struct error *err)
{
	sqlite3_stmt *stmt;
	int r = sql_prepare(s, text, text, &stmt, err);

	if (r < 0)
		return r;
	r = bind_all(s, stmt, args, n, err);
	if (r < 0)
		return r;
	*ret = stmt;
	return 0;
}

int
sql_step(struct sql *s, sqlite3_stmt *stmt, struct error *err)
{
	int rc = sqlite3_step(stmt), r;

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	r = sql_fail(s->db, rc, err, "run a statement");
	sql_resetp(&stmt);
	return r;
}

int
sql_run_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n,
             struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r = sql_query_args(s, text, args, n, &stmt, err);

	while (r >= 0) {
		r = sql_step(s, stmt, err);
		if (r == 0)
			return 0;
	}
	return r;
}

int
sql_int_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n, int64_t *ret,
             struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r = sql_query_args(s, text, args, n, &stmt, err);

	if (r < 0)
		return r;
	r = sql_step(s, stmt, err);
	if (r <= 0)
		return r;
	if (sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		return 0;
	*ret = sqlite3_column_int64(stmt, 0);
	return 1;
}

int
sql_exec(sqlite3 *db, const char *text, struct error *err)
{
	int rc = sqlite3_exec(db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sql_fail(db, rc, err, "run a statement");
}
