/* Independent pieces of work on all processors. The order of results is the order of the pieces. */
#pragma once

#include <stddef.h>

/*
 * Calls work(data, i) for each i below n, on n_threads threads (0: one a processor), and done(data,
 * count) after each, one at a time, in no order (NULL: nobody is told). work must not share what it
 * changes.
 */
void jobs_run(size_t n, unsigned n_threads, void (*work)(void *data, size_t i),
              void (*done)(void *data, size_t count), void *data);
