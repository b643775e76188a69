/* Small helpers that every folder uses: owned pointers, checked allocation, strings, durations. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* <sys/param.h>, which uv.h brings in, has its own. */
#undef MIN
#undef MAX

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(f)     __attribute__((cleanup(f)))
#define _printf_(a, b)   __attribute__((format(printf, a, b)))
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi) (MIN(MAX((x), (lo)), (hi)))

/* Hands an owned pointer out of a function: returns *p and leaves NULL behind. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* A Swarm object's id: 25 characters of base 36, and its NUL. */
#define SWARM_ID_SIZE 26

/* Allocation that cannot fail: out of memory aborts (the journal is what survives). */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xasprintf(const char *fmt, ...) _printf_(1, 2);

void freep(void *p); /* for _cleanup_(freep) char *s */

bool streq(const char *a, const char *b); /* NULL equals NULL only */
bool str_has_prefix(const char *s, const char *prefix);

/* Copies at most size-1 bytes and always ends with NUL; returns false when it had to cut. */
bool str_copy(char *to, size_t size, const char *from);

/* FNV-1a, 64 bits: for seeds and feature hashes, never for order. */
uint64_t hash64(const void *data, size_t size);

/* "250ms", "15s", "5m", "2h", "7d", a bare number is seconds. Returns 0, or -EINVAL (ret
 * untouched). */
int duration_parse(const char *s, int64_t *ret_ms);
/* The shortest exact form of the above; buf holds at least 32 bytes. Returns buf. */
char *duration_format(int64_t ms, char buf[static 32]);

/* Edit distance for "did you mean": at most 64 characters are looked at. */
size_t str_distance(const char *a, const char *b);

/* Clocks. wall: milliseconds since 1970 (may jump); mono: since boot (never does). */
int64_t wall_ms(void);
int64_t mono_ms(void);
