/* Opening the database for reading only; see query.h. */
#include "storage/query_priv.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/schema.h"
#include "storage/sql.h"

#define BUSY_MS   2000  /* a reader waits for recovery only: the log lets it read beside a writer */
#define STEPS     10000 /* of SQLite's machine between two looks at the clock: about 1 ms */
#define VALUE_MAX (16 << 20) /* bytes of one value that a statement may make */

static int
on_progress(void *data)
{
	const struct query *q = data;

	return q->deadline_ms != 0 && mono_ms() > q->deadline_ms;
}

/* What may be asked of a pragma: how the database is made, never how it works. */
static bool
pragma_allowed(const char *name, const char *value)
{
	static const char *const with_value[] = {"table_info", "table_xinfo", "index_list",
	                                         "index_info", "index_xinfo", "foreign_key_list",
	                                         "table_list", "quick_check"};
	static const char *const alone[] = {"table_list",    "application_id", "user_version",
	                                    "page_count",    "page_size",      "freelist_count",
	                                    "journal_mode",  "quick_check",    "compile_options",
	                                    "database_list", "data_version"};

	for (size_t i = 0; value != NULL && i < ARRAY_SIZE(with_value); i++)
		if (sqlite3_stricmp(name, with_value[i]) == 0)
			return true;
	for (size_t i = 0; value == NULL && i < ARRAY_SIZE(alone); i++)
		if (sqlite3_stricmp(name, alone[i]) == 0)
			return true;
	return false;
}

static int
authorize(void *data, int action, const char *a, const char *b, const char *database,
          const char *trigger)
{
	(void) data;
	(void) database;
	(void) trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
	/* SQLite asks for this to declare table-valued functions (json_each); a real UPDATE is
	 * refused because the statement is not read-only. */
	case SQLITE_UPDATE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		return pragma_allowed(a, b) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

/* Why it cannot be opened, before SQLite says no more than "unable to open". */
static int
look(const char *path, struct error *err)
{
	struct stat st;
	int e;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0)
		return 0;
	e = errno;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "'%s' is not a database file: see [agent] state-dir",
		                 path);
	if (e == ENOENT || e == ENOTDIR)
		return error_set(err, ENOENT,
		                 "no database '%s': start foragerd (systemctl start forager), or "
		                 "set [agent] state-dir or --state-dir to where it keeps it",
		                 path);
	if (e == EACCES)
		return error_set(err, EACCES,
		                 "no permission to read '%s': run as root or become a member of "
		                 "group forager (usermod -aG forager USER, then log in anew)",
		                 path);
	return error_set(err, e, "open '%s': %s", path, strerror(e));
}

static int
identify(struct query *q, const char *path, struct error *err)
{
	enum schema_kind kind;
	int version, r;

	r = schema_identify(q->db, &schema_current, &kind, &version, err);
	if (r == 0)
		r = schema_refuse(q->db, &schema_current, kind, version, err);
	if (r < 0)
		return r;
	if (kind == SCHEMA_EMPTY)
		return error_set(err, EPROTONOSUPPORT,
		                 "'%s' is empty: start foragerd, which fills it", path);
	if (kind == SCHEMA_OLDER)
		return error_set(err, EPROTONOSUPPORT,
		                 "'%s' is of an older forager (database version %d, this program "
		                 "reads %d): restart foragerd, which upgrades it",
		                 path, version, schema_current.n_migrations);
	return 0;
}

/* Percent-encodes what has a meaning in a file: URI. */
static char *
uri_of(const char *path)
{
	char *uri = xcalloc(strlen(path) * 3 + 32, 1), *p = uri;

	p = stpcpy(p, *path == '/' ? "file://" : "file:");
	for (; *path != '\0'; path++) {
		if (strchr("%?#", *path) == NULL) {
			*p++ = *path;
		} else {
			*p++ = '%';
			*p++ = "0123456789ABCDEF"[(unsigned char) *path >> 4];
			*p++ = "0123456789ABCDEF"[*path & 15];
		}
	}
	(void) stpcpy(p, "?immutable=1");
	return uri;
}

/*
 * The log and its index are kept when foragerd stops, so that a reader without write permission
 * gets in. If someone else's tool (sqlite3 as root) was the last to close, they are gone; then
 * the file alone is the whole database and nobody writes to it: it is read as such. A log that
 * holds something may hold commits, so that is never passed over.
 */
static bool
log_is_empty(const char *path)
{
	_cleanup_(freep) char *wal = xasprintf("%s-wal", path);
	struct stat st;

	return stat(wal, &st) < 0 ? errno == ENOENT : st.st_size == 0;
}

static int
open_and_identify(struct query *q, const char *path, struct error *err)
{
	_cleanup_(freep) char *uri = NULL;
	struct error first = {0};
	int r, rc;

	r = sql_open(path, SQLITE_OPEN_READONLY, BUSY_MS, &q->db, &first);
	if (r == 0)
		r = identify(q, path, &first);
	if (r == 0)
		return 0;
	rc = q->db == NULL ? SQLITE_CANTOPEN : sqlite3_errcode(q->db) & 0xff;
	if (r == -EPROTONOSUPPORT || r == -EUCLEAN ||
	    (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || !log_is_empty(path)) {
		if (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY)
			return error_set(err, EACCES,
			                 "'%s' was not closed cleanly and its log cannot be read "
			                 "without write permission: start foragerd once, or run as "
			                 "root",
			                 path);
		return error_set(err, -r, "%s", first.text);
	}
	(void) sqlite3_close(q->db);
	q->db = NULL;
	uri = uri_of(path);
	r = sql_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, BUSY_MS, &q->db, err);
	return r == 0 ? identify(q, path, err) : r;
}

/* From here on every statement may come from a person. */
static int
lock_down(struct query *q, struct error *err)
{
	int r = sql_exec(q->db,
	                 "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; "
	                 "PRAGMA temp_store = MEMORY",
	                 err);

	if (r < 0)
		return r;
	(void) sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void) sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	(void) sqlite3_limit(q->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(q->db, STEPS, on_progress, q);
	(void) sqlite3_set_authorizer(q->db, authorize, NULL);
	return 0;
}

int
query_open(const char *path, int64_t timeout_ms, struct query **ret, struct error *err)
{
	_cleanup_(query_closep) struct query *q = xcalloc(1, sizeof(*q));
	int r = look(path, err);

	if (r == 0)
		r = sql_check_log(path, err);
	if (r == 0)
		r = open_and_identify(q, path, err);
	if (r == 0)
		r = lock_down(q, err);
	if (r < 0)
		return r;
	q->timeout_ms = timeout_ms;
	*ret = take_ptr(q);
	return 0;
}

void
query_close(struct query *q)
{
	if (q == NULL)
		return;
	(void) sqlite3_close_v2(q->db);
	free(q);
}

void
query_closep(struct query **q)
{
	query_close(*q);
}
