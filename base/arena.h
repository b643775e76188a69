/* An arena: many small objects that live and die together (a snapshot, a decision). */
#pragma once

#include "base/util.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void arena_freep(struct arena **a);

/* Zeroed, aligned for any type, never NULL. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
size_t arena_bytes(const struct arena *a); /* what it holds in all */

#define ARENA_NEW(a, type, n) ((type *) arena_alloc((a), (n), sizeof(type)))
