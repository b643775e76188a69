/* Opening, transactions and small facts of the database; see store.h. */
#include "storage/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/journal.h"
#include "storage/schema.h"

#define MODE    0640
#define BUSY_MS 5000 /* longer than a cycle's commit on a slow disk, shorter than a watchdog */
/* Up to here all of the file is checked at start (about a second), beyond it all but samples. */
#define CHECK_ALL_BYTES (512LL << 20)

/*
 * FULL: a move is on disk before it is made. The cache holds the tables that every cycle touches
 * at 10,000 containers; the limit keeps one long reader from leaving a large log behind for ever.
 */
static const char settings[] = "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -4000;"
                               "PRAGMA journal_size_limit = 67108864;"
                               /* Reading makes the log and its index: readers need them. */
                               "SELECT count(*) FROM meta;";

void
store_global_init(void)
{
	sql_global_init();
}

static int
check_directory(const char *path, struct error *err)
{
	_cleanup_(freep) char *copy = xstrdup(path);
	const char *dir = dirname(copy);
	struct stat st;

	if (stat(dir, &st) < 0) {
		int e = errno;

		return error_set(
		    err, e,
		    e == ENOENT ? "the state directory '%s' does not exist: create it (foragerd's "
		                  "unit does) or set [agent] state-dir"
		                : "the state directory '%s' cannot be looked at: check its owner "
		                  "and mode",
		    dir);
	}
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR,
		                 "the state directory '%s' is not a directory: set [agent] "
		                 "state-dir",
		                 dir);
	return 0;
}

/* The group may read. Without that group, or without the right to give files to it, the file
 * stays the owner's: reading then takes the owner's rights, nothing else is lost. Not asked for
 * where it is so already: the unit's sandbox has no call that changes an owner. */
static void
set_group(int fd)
{
	const struct group *g = getgrnam(STORE_GROUP);
	struct stat st;

	if (g == NULL || (fstat(fd, &st) == 0 && st.st_gid == g->gr_gid))
		return;
	if (fchown(fd, (uid_t) -1, g->gr_gid) < 0)
		return;
}

/* Makes the file with its mode before SQLite writes a byte to it. Exclusively: an existing
 * database is never opened here, because closing it would drop this process' locks on it. */
static int
create_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	int e = errno;

	if (fd < 0 && e == EEXIST)
		return 0;
	if (fd < 0)
		return error_set(err, e, "create '%s': %s: %s", path, strerror(e),
		                 e == EACCES  ? "check owner and mode of the state directory"
		                 : e == EROFS ? "its file system is read-only"
		                 : e == ENOSPC || e == EDQUOT ? "free some space on its file system"
		                                              : "check the state directory");
	(void) fchmod(fd, MODE);
	set_group(fd);
	(void) close(fd);
	return 0;
}

static int
look_at_file(const char *path, int64_t *ret_size, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_set(err, errno, "look at '%s': %s: check owner and mode", path,
		                 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL,
		                 "'%s' is not a regular file: move it away, or set [agent] "
		                 "state-dir",
		                 path);
	*ret_size = st.st_size;
	return 0;
}

static int
probe(sqlite3 *db, int64_t size, struct error *err)
{
	enum schema_kind kind;
	int version, r;

	r = schema_identify(db, &schema_current, &kind, &version, err);
	if (r == 0)
		r = schema_refuse(db, &schema_current, kind, version, err);
	if (r == 0 && kind != SCHEMA_EMPTY)
		r = schema_check(db, size <= CHECK_ALL_BYTES, err);
	return r;
}

/* Through a connection that cannot write, so that a file that is not ours is not even recovered
 * or checkpointed. */
static int
probe_file(const char *path, struct error *err)
{
	sqlite3 *db = NULL;
	struct error first = {0};
	int64_t size = 0;
	int r;

	r = look_at_file(path, &size, err);
	if (r < 0 || size == 0)
		return r;
	r = sql_open(path, SQLITE_OPEN_READONLY, BUSY_MS, &db, err);
	if (r < 0)
		return r;
	r = probe(db, size, &first);
	/* A crash while it was made: SQLite takes it back on opening for writing. */
	if (r < 0 && sqlite3_extended_errcode(db) == SQLITE_READONLY_ROLLBACK)
		r = 0;
	else if (r < 0)
		(void) error_set(err, -r, "%s", first.text);
	(void) sqlite3_close_v2(db);
	return r;
}

static int
set_wal(sqlite3 *db, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int keep = 1, rc, r = 0;

	/* Else the last one to close removes the -wal and -shm files, and a reader who may not
	 * write to the directory cannot open the database until it is opened for writing again. */
	(void) sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		r = sql_fail(db, rc, err, "switch the write-ahead log on");
	else if (strcmp((const char *) sqlite3_column_text(stmt, 0), "wal") != 0)
		r = error_set(err, EOPNOTSUPP,
		              "'%s' cannot have a write-ahead log on this file system: put the "
		              "state directory on a local disk",
		              sqlite3_db_filename(db, "main"));
	(void) sqlite3_finalize(stmt);
	return r;
}

/* SQLite copies owner and group to them only when it is root. */
static void
share_logs(const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	struct stat db, st;

	if (stat(path, &db) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_(freep) char *log = xasprintf("%s%s", path, suffixes[i]);

		if (lstat(log, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (st.st_gid != db.st_gid && chown(log, (uid_t) -1, db.st_gid) < 0)
			continue;
		if ((st.st_mode & 0777) != (db.st_mode & 0777))
			(void) chmod(log, db.st_mode & 0777);
	}
}

static int
set_up(struct store *s, struct error *err)
{
	sqlite3 *db = s->sql.db;
	enum schema_kind kind;
	int r;

	if (sqlite3_db_readonly(db, "main") == 1)
		return error_set(
		    err, EACCES,
		    "'%s' cannot be written: check its owner and mode, and run as root "
		    "or as foragerd's user",
		    sqlite3_db_filename(db, "main"));
	r = schema_identify(db, &schema_current, &kind, NULL, err);
	if (r == 0 && kind != SCHEMA_OURS)
		r = schema_upgrade(db, &schema_current, err);
	if (r == 0)
		r = set_wal(db, err);
	return r == 0 ? sql_exec(db, settings, err) : r;
}

int
store_open(const char *path, struct store **ret, struct error *err)
{
	_cleanup_(store_closep) struct store *s = xcalloc(1, sizeof(*s));
	int r;

	r = check_directory(path, err);
	if (r == 0)
		r = sql_check_log(path, err);
	if (r == 0)
		r = create_file(path, err);
	if (r == 0)
		r = probe_file(path, err);
	if (r < 0)
		return r;
	r = sql_open(path, SQLITE_OPEN_READWRITE, BUSY_MS, &s->sql.db, err);
	if (r < 0)
		return r;
	r = set_up(s, err);
	if (r < 0)
		return r;
	r = journal_check(s, err);
	if (r < 0)
		return r;
	share_logs(path);
	*ret = take_ptr(s);
	return 0;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	sql_done(&s->sql);
	(void) sqlite3_close(s->sql.db);
	free(s);
}

void
store_closep(struct store **s)
{
	store_close(*s);
}

bool
store_in_cycle(const struct store *s)
{
	return sqlite3_get_autocommit(s->sql.db) == 0;
}

void
store_rollback(struct store *s)
{
	if (store_in_cycle(s))
		(void) sql_run(&s->sql, NULL, "ROLLBACK");
}

int
store_begin(struct store *s, struct error *err)
{
	int r;

	if (store_in_cycle(s))
		return error_set(err, EINVAL, "a cycle of the store is open already");
	/* Immediately: a transaction that begins by reading cannot always become a writer. */
	r = sql_run(&s->sql, err, "BEGIN IMMEDIATE");
	/* Interrupted late it has begun all the same, and would stand in the way of all others. */
	if (r < 0)
		store_rollback(s);
	return r;
}

int
store_commit(struct store *s, struct error *err)
{
	int r;

	/* SQLite itself rolls back when the disk is full or fails. */
	if (!store_in_cycle(s))
		return error_set(
		    err, ECANCELED,
		    "nothing to commit: the cycle was rolled back by the error before");
	r = sql_run(&s->sql, err, "COMMIT");
	if (r < 0)
		store_rollback(s);
	return r;
}

int
store_enter(struct store *s, bool *ret_nested, struct error *err)
{
	*ret_nested = store_in_cycle(s);
	return *ret_nested ? sql_run(&s->sql, err, "SAVEPOINT put") : store_begin(s, err);
}

int
store_leave(struct store *s, bool nested, int r, struct error *err)
{
	if (!nested) {
		if (r < 0)
			store_rollback(s);
		else if (store_commit(s, err) < 0)
			return err == NULL || err->code == 0 ? -EIO : err->code;
		return r;
	}
	if (!store_in_cycle(s))
		return r;
	if (r < 0)
		(void) sql_run(&s->sql, NULL, "ROLLBACK TO put");
	(void) sql_run(&s->sql, NULL, "RELEASE put");
	return r;
}

int
store_wal_checkpoint(struct store *s, bool truncate, struct error *err)
{
	int rc = sqlite3_wal_checkpoint_v2(
	    s->sql.db, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
	    NULL, NULL);

	return rc == SQLITE_OK ? 0 : sql_fail(s->sql.db, rc, err, "checkpoint");
}

int
store_check(struct store *s, struct error *err)
{
	return schema_check(s->sql.db, true, err);
}
