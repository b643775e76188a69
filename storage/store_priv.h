/* What the files of the store share. For storage/ only. */
#pragma once

#include "storage/sql.h"
#include "storage/store.h"
#include "storage/table.h"

struct store {
	struct sql sql;
};

extern const struct table profile_table, foreign_table;

/*
 * Every write stands between these two: a transaction of its own, or a savepoint in the one that
 * is open, so that a write that fails half-way leaves nothing of itself. leave takes the write's
 * result and returns the final one. ret_nested is for leave.
 */
int store_enter(struct store *s, bool *ret_nested, struct error *err);
int store_leave(struct store *s, bool nested, int r, struct error *err);

/* Is store_begin open? What must be on disk when it returns refuses to be called then. */
bool store_in_cycle(const struct store *s);
