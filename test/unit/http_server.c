/* A small HTTP server for tests; see http_server.h. */
#include "test/unit/http_server.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

union stream {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct http_server {
	union stream listener;
	uv_loop_t *loop;
	char *path;
	http_server_fn *fn;
	void *data;
	struct http_server_conn *conns;
	size_t n_accepted;
};

struct http_server_conn {
	union stream stream;
	struct http_server *server; /* NULL: gone */
	struct http_server_conn *prev, *next;
	char *in;
	size_t size;
	bool closing;
	void (*on_close)(void *data);
	void *close_data;
};

struct write {
	uv_write_t req;
	char *bytes;
};

static void
on_conn_closed(uv_handle_t *handle)
{
	struct http_server_conn *c = handle->data;

	free(c->in);
	free(c);
}

static void
conn_close(struct http_server_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->on_close != NULL)
		take_ptr(c->on_close)(c->close_data);
	if (c->server != NULL) {
		*(c->prev != NULL ? &c->prev->next : &c->server->conns) = c->next;
		if (c->next != NULL)
			c->next->prev = c->prev;
	}
	uv_close(&c->stream.handle, on_conn_closed);
}

static void
on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;

	(void) status;
	free(w->bytes);
	free(w);
}

void
http_server_send_bytes(struct http_server_conn *c, const char *bytes, size_t size)
{
	struct write *w = xcalloc(1, sizeof(*w));
	uv_buf_t buf;

	w->bytes = xcalloc(size, 1);
	memcpy(w->bytes, bytes, size);
	w->req.data = w;
	buf = uv_buf_init(w->bytes, (unsigned int) size);
	if (c->closing || uv_write(&w->req, &c->stream.stream, &buf, 1, on_written) != 0)
		on_written(&w->req, 0);
}

void
http_server_send(struct http_server_conn *c, const char *text)
{
	http_server_send_bytes(c, text, strlen(text));
}

void
http_server_answer(struct http_server_conn *c, int status, const char *headers, const char *body)
{
	_cleanup_(freep) char *text =
	    xasprintf("HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body),
	              headers, body);

	http_server_send(c, text);
}

void
http_server_on_close(struct http_server_conn *c, void (*fn)(void *data), void *data)
{
	c->on_close = fn;
	c->close_data = data;
}

size_t
http_server_unsent(const struct http_server_conn *c)
{
	return uv_stream_get_write_queue_size(&c->stream.stream);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	struct http_server_conn *c = req->data;

	(void) status;
	free(req);
	conn_close(c);
}

void
http_server_end(struct http_server_conn *c)
{
	uv_shutdown_t *req = xcalloc(1, sizeof(*req));

	req->data = c;
	if (c->closing || uv_shutdown(req, &c->stream.stream, on_shutdown) != 0)
		free(req);
}

void
http_server_reset(struct http_server_conn *c)
{
	struct linger now = {.l_onoff = 1};
	uv_os_fd_t fd;

	if (!c->closing && uv_fileno(&c->stream.handle, &fd) == 0)
		(void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

static size_t
body_size_of(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	return line == NULL ? 0 : (size_t) strtoul(line + strlen("\r\ncontent-length:"), NULL, 10);
}

/* Hands over the first whole request in c->in and takes it off. */
static bool
conn_handle(struct http_server_conn *c)
{
	char *end = c->size == 0 ? NULL : strstr(c->in, "\r\n\r\n"), *space;
	struct http_server_request r = {0};
	_cleanup_(freep) char *head = NULL;
	_cleanup_(freep) char *line = NULL;
	_cleanup_(freep) char *body = NULL;
	size_t used;

	if (end == NULL)
		return false;
	head = strndup(c->in, (size_t) (end - c->in) + 2);
	r.body_size = body_size_of(head);
	used = (size_t) (end - c->in) + 4 + r.body_size;
	if (c->size < used)
		return false;
	line = strndup(head, strcspn(head, "\r"));
	body = strndup(end + 4, r.body_size);
	memmove(c->in, c->in + used, c->size - used + 1);
	c->size -= used;
	r.head = head;
	r.body = body;
	r.method = line;
	space = strchr(line, ' ');
	*space++ = '\0';
	r.target = space;
	space[strcspn(space, " ")] = '\0';
	c->server->fn(c->server->data, c, &r);
	return true;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void) handle;
	buf->base = xcalloc(suggested, 1);
	buf->len = suggested;
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct http_server_conn *c = stream->data;

	if (n > 0) {
		c->in = xrealloc(c->in, c->size + (size_t) n + 1, 1);
		memcpy(c->in + c->size, buf->base, (size_t) n);
		c->size += (size_t) n;
		c->in[c->size] = '\0';
	}
	free(buf->base);
	if (n < 0)
		conn_close(c);
	while (!c->closing && conn_handle(c))
		continue;
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;
	struct http_server_conn *c = xcalloc(1, sizeof(*c));

	(void) status;
	c->server = s;
	if (s->path != NULL)
		(void) uv_pipe_init(s->loop, &c->stream.pipe, 0);
	else
		(void) uv_tcp_init(s->loop, &c->stream.tcp);
	c->stream.handle.data = c;
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = c;
	s->conns = c;
	s->n_accepted++;
	if (uv_accept(listener, &c->stream.stream) != 0 ||
	    uv_read_start(&c->stream.stream, on_alloc, on_read) != 0)
		conn_close(c);
}

static struct http_server *
server_new(uv_loop_t *loop, const char *path, http_server_fn *fn, void *data)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->path = xstrdup(path);
	s->fn = fn;
	s->data = data;
	s->listener.handle.data = s;
	return s;
}

static void
on_server_closed(uv_handle_t *handle)
{
	struct http_server *s = handle->data;

	free(s->path);
	free(s);
}

struct http_server *
http_server_open_at(uv_loop_t *loop, const char *ip, int port, http_server_fn *fn, void *data)
{
	struct http_server *s = server_new(loop, NULL, fn, data);
	struct sockaddr_in addr;

	(void) uv_ip4_addr(ip, port, &addr);
	(void) uv_tcp_init(loop, &s->listener.tcp);
	s->listener.handle.data = s;
	if (uv_tcp_bind(&s->listener.tcp, (struct sockaddr *) &addr, 0) != 0 ||
	    uv_listen(&s->listener.stream, 64, on_connection) != 0) {
		uv_close(&s->listener.handle, on_server_closed);
		return NULL;
	}
	return s;
}

struct http_server *
http_server_open(uv_loop_t *loop, const char *path, http_server_fn *fn, void *data)
{
	struct http_server *s;

	if (path == NULL) {
		s = http_server_open_at(loop, "127.0.0.1", 0, fn, data);
		if (s == NULL)
			abort();
		return s;
	}
	s = server_new(loop, path, fn, data);
	(void) unlink(path);
	(void) uv_pipe_init(loop, &s->listener.pipe, 0);
	s->listener.handle.data = s;
	if (uv_pipe_bind(&s->listener.pipe, path) != 0 ||
	    uv_listen(&s->listener.stream, 64, on_connection) != 0)
		abort();
	return s;
}

int
http_server_port(const struct http_server *s)
{
	struct sockaddr_in addr;
	int size = sizeof(addr);

	if (uv_tcp_getsockname(&s->listener.tcp, (struct sockaddr *) &addr, &size) != 0)
		abort();
	return ntohs(addr.sin_port);
}

size_t
http_server_connections(const struct http_server *s)
{
	return s->n_accepted;
}

void
http_server_close(struct http_server *s)
{
	while (s->conns != NULL) {
		struct http_server_conn *c = s->conns;

		conn_close(c);
		c->server = NULL;
	}
	uv_close(&s->listener.handle, on_server_closed);
}
