/*
 * The schema of the database: its tables by version, the views of the newest, and the upgrade
 * from any older version to it. For storage/ only.
 */
#pragma once

#include "storage/sql.h"

#define SCHEMA_APPLICATION_ID 0x666f7267 /* "forg", in the header of the file: file(1) shows it */

extern const char schema_tables_1[];
extern const char schema_tables_2[];
extern const char schema_tables_3[];
extern const char schema_views[];

struct schema {
	const char *const *migrations; /* [i] goes from version i to i + 1 */
	int n_migrations;              /* the newest version */
	const char *views;             /* they are dropped and made anew with each upgrade */
};

extern const struct schema schema_current;

enum schema_kind {
	SCHEMA_EMPTY,   /* no tables, no identity: may become ours */
	SCHEMA_OURS,    /* this version */
	SCHEMA_OLDER,   /* ours, may be upgraded */
	SCHEMA_NEWER,   /* ours, of a newer program */
	SCHEMA_FOREIGN, /* someone else's */
};

/* Looks only. ret_version may be NULL. -EUCLEAN: damaged or no database. */
int schema_identify(sqlite3 *db, const struct schema *schema, enum schema_kind *ret,
                    int *ret_version, struct error *err);
/* Turns what cannot be used into an error that says so: -EPROTONOSUPPORT for FOREIGN and NEWER. */
int schema_refuse(sqlite3 *db, const struct schema *schema, enum schema_kind kind, int version,
                  struct error *err);
/* EMPTY or OLDER to the newest, in one transaction: all of it or nothing. */
int schema_upgrade(sqlite3 *db, const struct schema *schema, struct error *err);
/* SQLite's quick_check: what forager acts upon always, the samples too if all. -EUCLEAN. */
int schema_check(sqlite3 *db, bool all, struct error *err);
