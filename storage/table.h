/*
 * Structs as rows: a table of columns says which member is which column, so that a struct is
 * written and read in one place. For storage/ only.
 */
#pragma once

#include "storage/sql.h"

enum table_type {
	TABLE_I64,
	TABLE_TIME, /* int64_t, 0 = NULL */
	TABLE_U64,  /* kept as the same 64 bits, signed */
	TABLE_REF,  /* uint64_t, 0 = NULL */
	TABLE_U32,
	TABLE_I32, /* int */
	TABLE_BOOL,
	TABLE_REAL,  /* double, NAN = NULL */
	TABLE_TEXT,  /* char *, NULL = NULL; as read it is valid until the next step */
	TABLE_ID,    /* char[SWARM_ID_SIZE], "" = NULL */
	TABLE_NAME,  /* an enumeration by its name; one that is not known is -EUCLEAN */
	TABLE_GUESS, /* the same, one that is not known is read as 0 */
};

struct table_column {
	const char *name;
	enum table_type type;
	size_t offset;
	const char *const *names; /* NAME, GUESS: every stride-th is one */
	size_t n_names, stride;
};

struct table {
	const char *name;
	const struct table_column *columns; /* the first n_keys are the key */
	size_t n_columns, n_keys;
	/* The last column is seen_ms: first_seen_ms is set with a new row, gone_ms is cleared. */
	bool tracked;
};

#define TABLE_COLUMN(type_, s, member)                                                             \
	{                                                                                          \
#member, TABLE_##type_, offsetof(struct s, member), 0, 0, 0                        \
	}
#define TABLE_ENUM(type_, s, member, names_, n)                                                    \
	{                                                                                          \
#member, TABLE_##type_, offsetof(struct s, member), names_, n, 1                   \
	}
/* verdict_infos holds name and text by turns */
#define TABLE_VERDICT(s, member)                                                                   \
	{                                                                                          \
#member, TABLE_NAME, offsetof(struct s, member),                                   \
		    &verdict_infos[0].name, VERDICT_N,                                             \
		                   sizeof(struct verdict_info) / sizeof(const char *)              \
	}

/* Inserts row, or replaces the one with its key. n_keys 0: inserts only. */
int table_put(struct sql *s, const struct table *t, const void *row, struct error *err);
/* Fills row from the columns first, first + 1, … of the statement's row, in the table's order. */
int table_read(const struct table *t, sqlite3_stmt *stmt, int first, void *row, struct error *err);
/* "a, b, c": the columns in the table's order, each with prefix in front; free() it. */
char *table_columns(const struct table *t, const char *prefix);
