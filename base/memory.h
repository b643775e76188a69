/*
 * Out of memory ends the program, with one sentence: what was acknowledged is on the disk, and an
 * open change is finished or taken back at the next start. Libraries get these functions instead of
 * malloc, because not all of them survive a failed allocation and none is tested for it as a whole.
 */
#pragma once

#include <stddef.h>

/*
 * For a program that runs for months: large blocks come from the kernel and go back to it when they
 * are freed (glibc stops to do so after the first ones), and threads share their free memory.
 */
void memory_tune(void);

/* Gives back what lies free between used memory. Some milliseconds: after work that took much. */
void memory_trim(void);

/* Says so on stderr and aborts. Allocates nothing. */
_Noreturn void memory_out(void);

/* The C library's, but never NULL for a size above 0. */
void *memory_malloc(size_t size);
void *memory_calloc(size_t n, size_t size);
void *memory_realloc(void *p, size_t size);
char *memory_strdup(const char *s);
