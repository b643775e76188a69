/*
 * Text → JSON, in two ways: for facts (forgiving about numbers that only the engine understands)
 * and exact (for what will be written back, where every digit counts). Pure.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"

/* Once in a program: jansson's allocations abort when out of memory, as all of ours do. */
void document_global_init(void);

/*
 * For facts: one integer above 2^63 anywhere would make jansson refuse everything, so all numbers
 * become doubles. source names who sent it. -EBADMSG when it is not JSON; says so when it is HTML.
 */
int document_parse(const char *source, const char *text, size_t size, json_t **ret,
                   struct error *err);

/*
 * Exact: encoding the result again gives the same values. -EBADMSG as above; -ERANGE when it is
 * JSON that we could not write back as it was: duplicate keys, an integer beyond 64 bits, −0, a
 * number with more digits than a double holds, a NUL inside a string.
 */
int document_parse_exact(const char *source, const char *text, size_t size, json_t **ret,
                         struct error *err);

/* The inverse: compact, digits enough for every double. The caller frees. */
char *document_encode(const json_t *doc);
