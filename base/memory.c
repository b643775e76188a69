/* Memory that is there or the end; see memory.h. */
#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/lastword.h"

/* An arena's block (base/arena.c) and every document of a Swarm are larger. */
#define MMAP_THRESHOLD_BYTES (48 * 1024)
#define MALLOC_ARENAS        2

void
memory_tune(void)
{
	(void) mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
	(void) mallopt(M_ARENA_MAX, MALLOC_ARENAS);
}

void
memory_trim(void)
{
	(void) malloc_trim(0);
}

void
memory_out(void)
{
	static const char text[] =
	    "forager: out of memory, ended here; what was acknowledged is on "
	    "the disk\n";

	lastword_say(text, sizeof(text) - 1);
	abort();
}

static void *
checked(void *p, size_t size)
{
	if (p == NULL && size > 0)
		memory_out();
	return p;
}

void *
memory_malloc(size_t size)
{
	return checked(malloc(size), size);
}

void *
memory_calloc(size_t n, size_t size)
{
	return checked(calloc(n, size), n > 0 ? size : 0);
}

void *
memory_realloc(void *p, size_t size)
{
	return checked(realloc(p, size), size);
}

char *
memory_strdup(const char *s)
{
	return checked(strdup(s), 1);
}
