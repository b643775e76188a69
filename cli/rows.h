/* Query results as JSON, for what is not one flat list. */
#pragma once

#include <jansson.h>

#include "storage/query.h"

/* An array of objects, keys as the columns are named; the caller owns *ret. */
int rows_read(struct query *q, const char *sql, const struct query_value *bind, size_t n_bind,
              json_t **ret, struct error *err);

/* A field as text ("" when null or missing; borrowed) and as a number (true is
 * 1; NAN when it is none). */
const char *rows_text(const json_t *row, const char *key);
double rows_number(const json_t *row, const char *key);
