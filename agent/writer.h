/*
 * The one writing connection to the database, on one thread of its own: owned batches go in,
 * completions come back on the loop through one uv_async. Batches are done in the order they were
 * given.
 */
#pragma once

#include <uv.h>

#include "base/error.h"

struct store;
struct writer;

/*
 * What a batch does with the store, on the writer's thread: only blocking store calls, no loop, no
 * log. Returns 0 or -errno with err. data belongs to the batch.
 */
typedef int writer_work_fn(struct store *store, void *data, struct error *err);
/*
 * Back on the loop, exactly once a batch and never inside writer_submit: err->code 0 = committed.
 * It takes data over and frees it.
 */
typedef void writer_done_fn(void *data, const struct error *err);

/*
 * Starts the thread. On success store (open, writable) belongs to the writer, on failure still to
 * the caller. A transaction that a work leaves open is rolled back.
 */
int writer_new(uv_loop_t *loop, struct store *store, struct writer **ret, struct error *err);

/*
 * Gives a batch over. Never fails: with a queue that is full done gets -EAGAIN (the disk hangs; a
 * cycle is lost, memory is not). On the loop's thread only.
 */
void writer_submit(struct writer *w, writer_work_fn *work, writer_done_fn *done, void *data);

/* Batches that wait or run. */
size_t writer_pending(const struct writer *w);

/*
 * Finishes what was submitted, closes the store, ends the thread; then fn, and the writer is freed.
 * No submit after this.
 */
void writer_close(struct writer *w, void (*fn)(void *data), void *data);

#define WRITER_QUEUE 256
