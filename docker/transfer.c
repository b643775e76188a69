/* One HTTP request and its queues; see transfer.h. */
#include "docker/transfer.h"

#include <ctype.h>
#include <strings.h>

static void
list_append(struct transfer_list *l, struct http_transfer *t)
{
	t->next = NULL;
	t->prev = l->last;
	*(l->last != NULL ? &l->last->next : &l->first) = t;
	l->last = t;
}

static void
list_remove(struct transfer_list *l, struct http_transfer *t)
{
	*(t->prev != NULL ? &t->prev->next : &l->first) = t->next;
	*(t->next != NULL ? &t->next->prev : &l->last) = t->prev;
	t->prev = t->next = NULL;
}

void
transfer_queue_data(struct http_transfer *t)
{
	struct transfer_queues *q = t->queues;

	if (t->is_ready)
		return;
	t->is_ready = true;
	t->next_ready = NULL;
	*q->ready_end = t;
	q->ready_end = &t->next_ready;
}

static struct http_transfer *
ready_pop(struct transfer_queues *q)
{
	struct http_transfer *t = q->ready;

	if (t == NULL)
		return NULL;
	q->ready = t->next_ready;
	if (q->ready == NULL)
		q->ready_end = &q->ready;
	t->is_ready = false;
	return t;
}

void
transfer_add_body(struct http_transfer *t, const char *bytes, size_t size)
{
	struct transfer_buffer *b = &t->body;

	if (b->room - b->size <= size) {
		b->room = MAX(b->room * 2, b->size + size + 1);
		b->bytes = xrealloc(b->bytes, b->room, 1);
	}
	memcpy(b->bytes + b->size, bytes, size);
	b->size += size;
	b->bytes[b->size] = '\0';
}

void
transfer_drop_headers(struct http_transfer *t)
{
	while (t->n_answer > 0) {
		free(t->answer[--t->n_answer].name);
		free(t->answer[t->n_answer].value);
	}
}

void
transfer_add_header(struct http_transfer *t, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size), *value, *end = line + size;
	struct http_header *header;

	if (colon == NULL || t->n_answer == TRANSFER_MAX_HEADERS)
		return;
	value = colon + 1;
	while (value < end && isspace((unsigned char) *value))
		value++;
	while (end > value && isspace((unsigned char) end[-1]))
		end--;
	header = &t->answer[t->n_answer++];
	header->name = xasprintf("%.*s", (int) (colon - line), line);
	header->value = xasprintf("%.*s", (int) (end - value), value);
}

const char *
http_response_header(const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->n_headers; i++) {
		if (strcasecmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	}
	return NULL;
}

void
transfer_queue_end(struct http_transfer *t)
{
	if (t->stage == STAGE_RUNNING)
		list_remove(&t->queues->running, t);
	t->stage = STAGE_FINISHED;
	list_append(&t->queues->finished, t);
}

static void
transfer_free(struct http_transfer *t)
{
	transfer_drop_headers(t);
	free(t->body.bytes);
	free(t->url);
	free(t);
}

static void
deliver_data(struct http_transfer *t)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t size = t->body.size;

	if (t->cancelled)
		return;
	bytes = take_ptr(t->body.bytes);
	t->body = (struct transfer_buffer){0};
	if (!t->told_open) {
		t->told_open = true;
		t->on_data(t->data, "", 0);
	}
	if (size > 0 && !t->cancelled)
		t->on_data(t->data, bytes, size);
}

static void
deliver_done(struct http_transfer *t)
{
	struct http_response response = {
	    .status = t->status,
	    .body = t->body.bytes != NULL ? t->body.bytes : "",
	    .size = t->body.size,
	    .headers = t->answer,
	    .n_headers = t->n_answer,
	    .took_ms = t->took_ms,
	};

	t->stage = STAGE_TOLD;
	t->queues->n_in_flight--;
	if (t->err.code != 0)
		t->on_done(t->data, NULL, &t->err);
	else
		t->on_done(t->data, &response, NULL);
	transfer_free(t);
}

/* Streamed bytes go first: those of a finished transfer come before its end. */
void
transfer_deliver(struct transfer_queues *q)
{
	struct http_transfer *t;

	for (;;) {
		t = ready_pop(q);
		if (t != NULL) {
			deliver_data(t);
			continue;
		}
		t = q->finished.first;
		if (t == NULL)
			return;
		list_remove(&q->finished, t);
		deliver_done(t);
	}
}

void
transfer_queues_init(struct transfer_queues *q)
{
	*q = (struct transfer_queues){0};
	q->ready_end = &q->ready;
}

struct http_transfer *
transfer_new(struct http *h, struct transfer_queues *q, const struct http_request *r)
{
	struct http_transfer *t = xcalloc(1, sizeof(*t));

	t->http = h;
	t->queues = q;
	t->url = xstrdup(r->peer.url);
	t->max_bytes = r->max_bytes;
	t->on_data = r->on_data;
	t->on_done = r->on_done;
	t->data = r->data;
	t->stage = STAGE_RUNNING;
	list_append(&q->running, t);
	q->n_in_flight++;
	return t;
}
