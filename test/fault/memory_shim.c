/* Memory that is out: an LD_PRELOAD library whose allocations fail from a chosen one on.
 *
 *	MEMORY_SHIM_AT=K        the K-th allocation of the process fails (1 is the first)
 *	MEMORY_SHIM_LAST=K      and all up to this one (default: only that one; 0: all that follow)
 *	MEMORY_SHIM_COUNT=FILE  writes at the end how many there were
 *
 * Release builds only: sanitizers have an allocator of their own. A zero-sized one is counted, too.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static _Atomic uint64_t n_allocations;
static uint64_t first, last;

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* What the loader itself allocates before this is nobody's fault. */
__attribute__((constructor)) static void
start(void)
{
	last = number("MEMORY_SHIM_LAST", number("MEMORY_SHIM_AT", 0));
	if (last == 0)
		last = UINT64_MAX;
	atomic_store(&n_allocations, 0);
	first = number("MEMORY_SHIM_AT", 0);
}

__attribute__((destructor)) static void
end(void)
{
	const char *path = getenv("MEMORY_SHIM_COUNT");
	char text[32];
	int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), n;

	if (fd < 0)
		return;
	n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long) n_allocations);
	if (write(fd, text, (size_t) n) < 0)
		abort();
	(void) close(fd);
}

static int
is_out(void)
{
	uint64_t n = atomic_fetch_add(&n_allocations, 1) + 1;

	if (first == 0 || n < first || n > last)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return is_out() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return is_out() ? NULL : __libc_realloc(p, size);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *
memalign(size_t align, size_t size)
{
	return is_out() ? NULL : __libc_memalign(align, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int
posix_memalign(void **ret, size_t align, size_t size)
{
	void *p = memalign(align, size);

	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}
