/*
 * One listing in three forms: a table as Docker prints them, JSON (one object a line) and CSV
 * (RFC 4180). Names from the cluster are made harmless in each of them; in CSV a text that begins
 * with one of = + - @ ' has an apostrophe in front, so that no spreadsheet computes it.
 */
#pragma once

#include <stdio.h>

#include "cli/args.h"
#include "storage/query.h"

/* How a value is printed in a table; JSON and CSV carry the plain value. */
enum show_unit {
	SHOW_TEXT,
	SHOW_LONG,    /* text that may be long: cut unless --no-trunc */
	SHOW_ID,      /* cut to 12 characters unless --no-trunc */
	SHOW_COUNT,   /* a whole number */
	SHOW_NUMBER,  /* a number, three digits behind the point */
	SHOW_COST,    /* cost units and what makes them: four digits */
	SHOW_PERCENT, /* a share */
	SHOW_BYTES,
	SHOW_RATE, /* bytes per second */
	SHOW_MS,   /* a duration in ms */
	SHOW_AGO,  /* a time in ms since 1970 */
	SHOW_BOOL, /* 0 or 1 */
	SHOW_ANY,  /* as it stands: for `query` */
};

struct show_column {
	const char *key;    /* name of the result column; JSON and CSV use it */
	const char *header; /* of the table; NULL: JSON and CSV only */
	enum show_unit unit;
};

struct show_options {
	FILE *out;
	enum arg_format format;
	bool quiet; /* only the first column of the list, a row a line */
	bool no_trunc;
	const char *const
	    *filters; /* KEY=VALUE: same keys are alternatives, different ones all hold */
	size_t n_filters;
	int64_t now_ms; /* for ages */
};

struct show;

/* -EINVAL: a filter names no column; the text lists those that there are. */
int show_new(const struct show_column *columns, size_t n_columns,
             const struct show_options *options, struct show **ret, struct error *err);
/* For query_each: data is the struct show. Columns are found by name; one that is missing is
 * empty. */
int show_row(void *data, size_t n, const char *const *names, const struct query_value *values);
size_t show_count(const struct show *s); /* rows that passed the filters */
/* Prints what is left to print. -EIO: the output could not be written. */
int show_end(struct show *s, struct error *err);
void show_free(struct show *s); /* NULL is fine */
void show_freep(struct show **s);

/* The options as the command line gave them. */
struct show_options show_options_of(const struct args *args, FILE *out);

/* Text of a value as in a table. free() it. */
char *show_value(const struct query_value *v, enum show_unit unit, bool no_trunc, int64_t now_ms);
/* The plain value, harmless but uncut: for CSV and filters; "" for NULL. free() it. */
char *show_plain(const struct query_value *v, enum show_unit unit);
/* One JSON value: a number, true, null, a string of ASCII. free() it. */
char *show_json(const struct query_value *v, enum show_unit unit);
