/* One answer on its way out, with what a fault makes of it; see engine.h. */
#include "test/fake/engine.h"

#include <stdio.h>

#define ENDLESS_MS    20
#define ENDLESS_BYTES 65536
#define SLOW_MS       50

struct exchange {
	struct engine *engine;
	struct exchange *prev, *next;
	struct http_server_conn *conn; /* NULL: closed */
	uv_timer_t timer;
	enum fault_kind kind;
	double arg;
	char *bytes; /* all of the answer */
	size_t size, sent, head_size;
};

static void
on_closed(uv_handle_t *handle)
{
	struct exchange *x = handle->data;

	free(x->bytes);
	free(x);
}

static void
finish(struct exchange *x)
{
	if (uv_is_closing((uv_handle_t *) &x->timer))
		return;
	if (x->conn != NULL)
		http_server_on_close(x->conn, NULL, NULL);
	x->conn = NULL;
	*(x->prev != NULL ? &x->prev->next : &x->engine->exchanges) = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	uv_close((uv_handle_t *) &x->timer, on_closed);
}

static void
on_conn_closed(void *data)
{
	struct exchange *x = data;

	x->conn = NULL;
	finish(x);
}

void
wire_close_all(struct engine *e)
{
	while (e->exchanges != NULL)
		finish(e->exchanges);
}

static void
end(struct exchange *x)
{
	struct http_server_conn *conn = x->conn;

	finish(x);
	http_server_end(conn);
}

static void
reset(struct exchange *x)
{
	struct http_server_conn *conn = x->conn;

	finish(x);
	http_server_reset(conn);
}

/* The body goes on for as long as someone takes it. */
static void
on_endless(uv_timer_t *timer)
{
	static char blanks[ENDLESS_BYTES];
	struct exchange *x = timer->data;

	if (http_server_unsent(x->conn) > 0)
		return;
	memset(blanks, ' ', sizeof(blanks));
	http_server_send_bytes(x->conn, blanks, sizeof(blanks));
}

static void
on_slow(uv_timer_t *timer)
{
	struct exchange *x = timer->data;
	size_t n = (size_t) MAX(1, x->arg * SLOW_MS / 1000);

	n = MIN(n, x->size - x->sent);
	http_server_send_bytes(x->conn, x->bytes + x->sent, n);
	x->sent += n;
	if (x->sent == x->size)
		finish(x);
}

static void
send_now(struct exchange *x)
{
	switch (x->kind) {
	case FAULT_HANG:
		return; /* until the peer gives up */
	case FAULT_RESET:
	case FAULT_DROP:
		reset(x);
		return;
	case FAULT_TRUNCATE:
		http_server_send_bytes(x->conn, x->bytes,
		                       MIN(x->size, x->head_size + (size_t) MAX(0, x->arg)));
		end(x);
		return;
	case FAULT_LENGTH:
	case FAULT_CHUNKS:
	case FAULT_GARBAGE:
		http_server_send_bytes(x->conn, x->bytes, x->size);
		end(x);
		return;
	case FAULT_ENDLESS:
		http_server_send_bytes(x->conn, x->bytes, x->size);
		(void) uv_timer_start(&x->timer, on_endless, 0, ENDLESS_MS);
		return;
	case FAULT_SLOW:
		(void) uv_timer_start(&x->timer, on_slow, 0, SLOW_MS);
		return;
	default:
		http_server_send_bytes(x->conn, x->bytes, x->size);
		finish(x);
	}
}

static void
on_due(uv_timer_t *timer)
{
	send_now(timer->data);
}

/* The head and the body as they go out, wrong where the fault says so. */
static void
put_together(struct exchange *x, const struct wire_answer *a, const char *body, size_t size)
{
	_cleanup_(freep) char *length = NULL;
	_cleanup_(freep) char *head = NULL;
	size_t told = size;

	if (x->kind == FAULT_LENGTH)
		told = (size_t) MAX(0, (double) size + (x->arg != 0 ? x->arg : 10));
	if (x->kind == FAULT_CHUNKS)
		length = xasprintf("Transfer-Encoding: chunked\r\n");
	else if (x->kind == FAULT_ENDLESS)
		length = xstrdup("");
	else
		length = xasprintf("Content-Length: %zu\r\n", told);
	head = xasprintf("HTTP/1.1 %d %s\r\n%s%s\r\n", a->status, a->status < 300 ? "OK" : "Error",
	                 length, a->headers);
	x->head_size = strlen(head);
	x->bytes = xcalloc(x->head_size + size + 64, 1);
	memcpy(x->bytes, head, x->head_size);
	x->size = x->head_size;
	if (a->head)
		return;
	if (x->kind == FAULT_CHUNKS) {
		x->size += (size_t) sprintf(x->bytes + x->size, "%zx\r\n", MIN(size, 8));
		memcpy(x->bytes + x->size, body, MIN(size, 8));
		x->size += MIN(size, 8);
		x->size += (size_t) sprintf(x->bytes + x->size, "\r\nzz not a size\r\n");
		return;
	}
	memcpy(x->bytes + x->size, body, size);
	x->size += size;
}

static void
garbage(struct exchange *x)
{
	for (size_t i = 0; i < x->size; i++)
		x->bytes[i] = (char) (x->bytes[i] * 167 + (char) i);
}

/* The peer of an endless answer to HEAD, say, sees its end and asks on. */
static void
finish_older(struct engine *e, const struct http_server_conn *conn)
{
	for (struct exchange *x = e->exchanges; x != NULL; x = x->next) {
		if (x->conn == conn) {
			finish(x);
			return;
		}
	}
}

void
wire_send(struct engine *e, struct http_server_conn *conn, struct wire_answer *a,
          struct fault *fault, const char *target)
{
	struct exchange *x = xcalloc(1, sizeof(*x));
	_cleanup_(freep) char *body = a->body != NULL ? a->body : xstrdup("");
	size_t size = strlen(body);
	double delay_s = a->delay_s;

	finish_older(e, conn);
	x->engine = e;
	x->conn = conn;
	x->kind = fault_kind(fault);
	if (fault != NULL) {
		char *changed = fault_body(fault, target, body, &size);

		free(body);
		body = changed;
		x->arg = fault_arg(fault);
	}
	if (x->kind == FAULT_DELAY)
		delay_s += x->arg;
	put_together(x, a, body, size);
	if (x->kind == FAULT_GARBAGE)
		garbage(x);
	(void) uv_timer_init(&e->loop, &x->timer);
	x->timer.data = x;
	x->next = e->exchanges;
	if (x->next != NULL)
		x->next->prev = x;
	e->exchanges = x;
	http_server_on_close(conn, on_conn_closed, x);
	if (delay_s > 0)
		(void) uv_timer_start(&x->timer, on_due,
		                      (uint64_t) (delay_s / e->speed * 1000 + 0.5), 0);
	else
		send_now(x);
}
