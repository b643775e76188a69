/*
 * Reading the database, for the CLI: never writes, never waits for the daemon, and works with it
 * running or stopped. What people type comes through here too, so statements other than one
 * SELECT (or EXPLAIN, or a harmless PRAGMA), ATTACH and long runs are refused.
 */
#pragma once

#include "base/error.h"

struct query;

#define QUERY_TIMEOUT_MS 30000 /* longer than any view needs, shorter than patience */

/*
 * Opens path read-only. timeout_ms bounds each statement (0 = no bound). Errors, each with what to
 * do: -ENOENT no database, -EACCES no permission (group forager), -EUCLEAN damaged,
 * -EPROTONOSUPPORT not forager's, newer, or older than this program.
 */
int query_open(const char *path, int64_t timeout_ms, struct query **ret, struct error *err);
void query_close(struct query *q); /* NULL is fine */
void query_closep(struct query **q);

enum query_type { QUERY_NULL, QUERY_INTEGER, QUERY_REAL, QUERY_TEXT, QUERY_BLOB };

struct query_value {
	enum query_type type;
	int64_t integer;
	double real;      /* set for INTEGER too */
	const char *text; /* TEXT: ends with NUL (and may hold others); BLOB: bytes; else NULL */
	size_t size;      /* bytes of text */
};

#define QUERY_INT(v) ((struct query_value){.type = QUERY_INTEGER, .integer = (v)})
/* NULL binds as NULL */
#define QUERY_STR(v) ((struct query_value){.type = QUERY_TEXT, .text = (v)})

/* One row; everything is valid within the callback. Other than 0 ends the query and is returned. */
typedef int query_row_fn(void *data, size_t n, const char *const *names,
                         const struct query_value *values);

/*
 * Runs one statement with ?1 … ?n bound (TEXT by its NUL; NULL text = NULL). fn may be NULL.
 * -EINVAL: not one valid statement, or wrong bindings; -EPERM: it would write, or is otherwise
 * refused; -ETIMEDOUT: took too long; -EBUSY: the database was locked.
 */
int query_each(struct query *q, const char *sql, const struct query_value *bind, size_t n_bind,
               query_row_fn *fn, void *data, struct error *err);

/* The columns of a statement without running it (for the head of an empty table). names are valid
 * within the callback, which gets n values of QUERY_NULL. */
int query_columns(struct query *q, const char *sql, query_row_fn *fn, void *data,
                  struct error *err);

/* One value: of the first column of the first row. 1: set, 0: no row or NULL. free() text. */
int query_int(struct query *q, const char *sql, const struct query_value *bind, size_t n_bind,
              int64_t *ret, struct error *err);
int query_text(struct query *q, const char *sql, const struct query_value *bind, size_t n_bind,
               char **ret, struct error *err);
