/* The writer's thread and its queue; see writer.h. */
#include "agent/writer.h"

#include <errno.h>

#include "storage/store.h"

struct batch {
	writer_work_fn *work;
	writer_done_fn *done;
	void *data;
	struct error err;
	struct batch *next;
};

struct queue {
	struct batch *first, **last;
};

struct writer {
	struct store *store;
	uv_thread_t thread;
	uv_mutex_t mutex; /* of todo, finished and stop */
	uv_cond_t wake;
	uv_async_t async;
	struct queue todo, finished;
	size_t pending; /* the loop's own count */
	bool stop, ended;
	void (*closed)(void *data);
	void *closed_data;
};

static void
put(struct queue *q, struct batch *b)
{
	b->next = NULL;
	if (q->first == NULL)
		q->last = &q->first;
	*q->last = b;
	q->last = &b->next;
}

static struct batch *
take(struct queue *q)
{
	struct batch *b = q->first;

	if (b != NULL)
		q->first = b->next;
	return b;
}

/* A work that forgot its transaction would give it to the next one. */
static void
run(struct writer *w, struct batch *b)
{
	int r = b->work(w->store, b->data, &b->err);

	if (r < 0 && b->err.code == 0)
		(void) error_set(&b->err, -r, "the database refused a batch");
	store_rollback(w->store);
}

static void
thread_main(void *arg)
{
	struct writer *w = arg;

	uv_mutex_lock(&w->mutex);
	for (;;) {
		struct batch *b = take(&w->todo);

		if (b == NULL && w->stop)
			break;
		if (b == NULL) {
			uv_cond_wait(&w->wake, &w->mutex);
			continue;
		}
		uv_mutex_unlock(&w->mutex);
		run(w, b);
		uv_mutex_lock(&w->mutex);
		put(&w->finished, b);
		(void) uv_async_send(&w->async);
	}
	uv_mutex_unlock(&w->mutex);
	store_close(w->store);
	uv_mutex_lock(&w->mutex);
	w->ended = true;
	(void) uv_async_send(&w->async);
	uv_mutex_unlock(&w->mutex);
}

static void
on_closed(uv_handle_t *handle)
{
	struct writer *w = handle->data;

	uv_cond_destroy(&w->wake);
	uv_mutex_destroy(&w->mutex);
	if (w->closed != NULL)
		w->closed(w->closed_data);
	free(w);
}

/* Hands back what has finished; returns how many. */
static size_t
hand_back(struct writer *w, bool *ret_ended)
{
	struct queue finished;
	size_t n = 0;

	uv_mutex_lock(&w->mutex);
	finished = w->finished;
	w->finished = (struct queue){0};
	*ret_ended = w->ended;
	uv_mutex_unlock(&w->mutex);
	for (struct batch *b = finished.first, *next; b != NULL; b = next) {
		next = b->next;
		w->pending--;
		n++;
		b->done(b->data, &b->err);
		free(b);
	}
	return n;
}

/* uv_async calls are merged, and a completion may submit: all is handed back before the end. */
static void
on_async(uv_async_t *handle)
{
	struct writer *w = handle->data;
	bool ended;

	while (hand_back(w, &ended) > 0)
		;
	if (ended && !uv_is_closing((uv_handle_t *) handle)) {
		(void) uv_thread_join(&w->thread);
		uv_close((uv_handle_t *) handle, on_closed);
	}
}

int
writer_new(uv_loop_t *loop, struct store *store, struct writer **ret, struct error *err)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	int r;

	w->store = store;
	if (uv_mutex_init(&w->mutex) != 0 || uv_cond_init(&w->wake) != 0)
		abort(); /* only fails without memory */
	r = uv_async_init(loop, &w->async, on_async);
	w->async.data = w;
	if (r == 0) {
		r = uv_thread_create(&w->thread, thread_main, w);
		if (r != 0)
			uv_close((uv_handle_t *) &w->async, on_closed);
	} else {
		uv_cond_destroy(&w->wake);
		uv_mutex_destroy(&w->mutex);
		free(w);
	}
	if (r != 0)
		return error_set(err, -r, "start the writer's thread: %s", uv_strerror(r));
	*ret = w;
	return 0;
}

void
writer_submit(struct writer *w, writer_work_fn *work, writer_done_fn *done, void *data)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->work = work;
	b->done = done;
	b->data = data;
	w->pending++;
	uv_mutex_lock(&w->mutex);
	if (w->pending > WRITER_QUEUE || w->stop) {
		(void) error_set(&b->err, EAGAIN, "the database does not keep up (%d batches wait)",
		                 WRITER_QUEUE);
		put(&w->finished, b);
		(void) uv_async_send(&w->async);
	} else {
		put(&w->todo, b);
		uv_cond_signal(&w->wake);
	}
	uv_mutex_unlock(&w->mutex);
}

size_t
writer_pending(const struct writer *w)
{
	return w->pending;
}

void
writer_close(struct writer *w, void (*fn)(void *data), void *data)
{
	w->closed = fn;
	w->closed_data = data;
	uv_mutex_lock(&w->mutex);
	w->stop = true;
	uv_cond_signal(&w->wake);
	uv_mutex_unlock(&w->mutex);
}
