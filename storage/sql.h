/*
 * SQLite with our errors: cached statements, and rows by tables of columns. For storage/ only.
 * Functions return 0 (or 1 where a row is there) or a negative errno; storage/store.h lists them.
 */
#pragma once

#include <sqlite3.h>

#include "base/error.h"

#define SQL_CACHE 128 /* statements of this program: each text in the source is one */

struct sql {
	sqlite3 *db;
	struct {
		const void *key; /* address of the text or of the table it was made from */
		sqlite3_stmt *stmt;
	} cache[SQL_CACHE];
	size_t n_cache;
};

void sql_global_init(void); /* store_global_init */

/* The errno of a result code of db (NULL is fine). */
int sql_errno(sqlite3 *db, int rc);
/* Sets err from rc: "what: SQLite's text" and what to do about it. Returns the negative errno. */
int sql_fail(sqlite3 *db, int rc, struct error *err, const char *what);

/* Opens with extended result codes; a lock is waited for as long as busy_ms. */
int sql_open(const char *path, int flags, int busy_ms, sqlite3 **ret, struct error *err);

/*
 * SQLite takes an empty file (or none) for a new database and deletes the log beside it, with every
 * commit that is in it: -EUCLEAN where there is such a log. To be asked before sql_open.
 */
int sql_check_log(const char *path, struct error *err);

void sql_done(struct sql *s); /* finalizes what is cached; the connection stays */

/* The statement cached under key; text is needed (and read) when it is not cached yet: it may be
 * NULL to ask, and then ret is NULL when it is not. */
int sql_prepare(struct sql *s, const void *key, const char *text, sqlite3_stmt **ret,
                struct error *err);

/* One argument of a statement, in order ?1, ?2, … */
enum sql_arg_type { SQL_ARG_NULL, SQL_ARG_INT, SQL_ARG_REAL, SQL_ARG_TEXT };

struct sql_arg {
	enum sql_arg_type type;
	int64_t integer;
	double real;
	const char *text;
};

#define SQL_INT(v)  ((struct sql_arg){.type = SQL_ARG_INT, .integer = (int64_t) (v)})
#define SQL_REAL(v) ((struct sql_arg){.type = SQL_ARG_REAL, .real = (v)}) /* not finite = NULL */
#define SQL_TEXT(v) ((struct sql_arg){.type = SQL_ARG_TEXT, .text = (v)}) /* NULL = NULL */
#define SQL_TIME(v)                                                                                \
	((struct sql_arg){.type = (v) == 0 ? SQL_ARG_NULL : SQL_ARG_INT,                           \
	                  .integer = (int64_t) (v)}) /* 0 = NULL; ids that may be missing too */

/*
 * Binds and leaves the statement before its first row; text is static: its address is the key of
 * the cache. The statement belongs to the cache: sql_resetp it.
 */
int sql_query_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n,
                   sqlite3_stmt **ret, struct error *err);
/* 1: a row is there; 0: no more. */
int sql_step(struct sql *s, sqlite3_stmt *stmt, struct error *err);
/* Runs to the end, rows ignored. */
int sql_run_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n,
                 struct error *err);
/* First column of the first row as an integer: 1, or 0: no row or NULL (ret untouched). */
int sql_int_args(struct sql *s, const char *text, const struct sql_arg *args, size_t n,
                 int64_t *ret, struct error *err);
/* A script, not cached, no arguments. */
int sql_exec(sqlite3 *db, const char *text, struct error *err);
void sql_resetp(sqlite3_stmt **stmt);

#define SQL_ARGS(...)                                                                              \
	(const struct sql_arg[]){__VA_ARGS__},                                                     \
	    sizeof((const struct sql_arg[]){__VA_ARGS__}) / sizeof(struct sql_arg)
#define sql_query(s, ret, err, text, ...) sql_query_args(s, text, SQL_ARGS(__VA_ARGS__), ret, err)
#define sql_run(s, err, text, ...)        sql_run_args(s, text, SQL_ARGS(__VA_ARGS__), err)
#define sql_int(s, ret, err, text, ...)   sql_int_args(s, text, SQL_ARGS(__VA_ARGS__), ret, err)
