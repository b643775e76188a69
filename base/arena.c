/* An arena of chained blocks; see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

/* Most snapshots of a small Swarm fit into one block. */
#define BLOCK_BYTES ((size_t) 64 * 1024)

struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *blocks;
	size_t bytes;
};

struct arena *
arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	while (a->blocks != NULL) {
		struct block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	free(a);
}

void
arena_freep(struct arena **a)
{
	arena_free(*a);
}

static void
block_add(struct arena *a, size_t least)
{
	size_t size = MAX(least, BLOCK_BYTES);
	struct block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	a->bytes += size;
}

void *
arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		memory_out();
	bytes = (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (a->blocks == NULL || a->blocks->size - a->blocks->used < bytes)
		block_add(a, bytes);
	p = a->blocks->data + a->blocks->used;
	a->blocks->used += bytes;
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	size_t n;

	if (s == NULL)
		return NULL;
	n = strlen(s) + 1;
	return memcpy(arena_alloc(a, n, 1), s, n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	_cleanup_(freep) char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		memory_out();
	va_end(ap);
	return arena_strdup(a, s);
}

size_t
arena_bytes(const struct arena *a)
{
	return a->bytes;
}
