/*
 * An engine's answer on the wire, byte for byte: the first byte says what is asked for, the rest is
 * sent and the connection closed. Each callback runs once, with an answer or an error that speaks;
 * nothing is taken beyond its cap.
 */
#include "docker/http.h"
#include "docker/document.h"
#include "test/fuzz/fuzz.h"
#include "test/unit/http_server.h"

#define MOST_BYTES ((size_t) 4096)
/* Far above what loopback takes: an answer without an end ends with the connection. */
#define TIMEOUT_MS 10000

struct play {
	const char *bytes;
	size_t size;
	struct http_server *server;
	struct http *http;
	size_t done, streamed, opened;
	bool streams;
};

static void
on_request(void *data, struct http_server_conn *conn, const struct http_server_request *request)
{
	struct play *p = data;

	(void) request;
	http_server_send_bytes(conn, p->bytes, p->size);
	http_server_end(conn);
}

static void
on_data(void *data, const char *bytes, size_t size)
{
	struct play *p = data;

	FUZZ_CHECK(p->done == 0, "bytes after the end");
	FUZZ_CHECK((size == 0) == (p->opened == 0), "told of the header once, and first");
	p->opened++;
	p->streamed += size;
	FUZZ_CHECK(size == 0 || bytes != NULL, "%zu bytes of nothing", size);
}

static void
check_response(const struct play *p, const struct http_response *r)
{
	FUZZ_CHECK(r->status >= 100 && r->status <= 999, "%d", r->status);
	FUZZ_CHECK(r->size <= MOST_BYTES, "%zu", r->size);
	FUZZ_CHECK(r->size == 0 || r->body[r->size] == '\0', "the body has no end");
	FUZZ_CHECK(!p->streams || p->opened == 0 || r->size == 0, "told twice");
	for (size_t i = 0; i < r->n_headers; i++)
		FUZZ_CHECK(strchr(r->headers[i].value, '\n') == NULL, "%s", r->headers[i].name);
	(void) http_response_header(r, "Api-Version");
}

static void
on_done(void *data, const struct http_response *response, const struct error *err)
{
	struct play *p = data;

	FUZZ_CHECK(p->done++ == 0, "told twice");
	FUZZ_CHECK((response == NULL) != (err == NULL), "one of the two");
	if (err != NULL)
		fuzz_said(err->code, err);
	else
		check_response(p, response);
	http_close(p->http, NULL, NULL);
	http_server_close(p->server);
}

void
fuzz_http(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *path = xasprintf("%s/sock", fuzz_folder()), *bytes = NULL;
	struct play p = {.streams = size > 0 && data[0] == 's'};
	uv_loop_t loop;
	const struct http_request request = {
	    .method = size > 0 && data[0] == 'h'   ? "HEAD"
	              : size > 0 && data[0] == 'p' ? "POST"
	                                           : "GET",
	    .peer = {.url = "unix:///fuzz", .base = "http://localhost", .unix_path = path},
	    .target = "/info",
	    .body = "{}",
	    .body_size = 2,
	    .timeout_ms = TIMEOUT_MS,
	    .max_bytes = MOST_BYTES,
	    .on_data = p.streams ? on_data : NULL,
	    .on_done = on_done,
	    .data = &p,
	};

	if (size == 0 || uv_loop_init(&loop) != 0)
		return;
	bytes = fuzz_text(data + 1, size - 1);
	p.bytes = bytes;
	p.size = size - 1;
	p.server = http_server_open(&loop, path, on_request, &p);
	p.http = http_open(&loop);
	(void) http_start(p.http, &request);
	(void) uv_run(&loop, UV_RUN_DEFAULT);
	FUZZ_CHECK(p.done == 1, "%zu times done", p.done);
	FUZZ_CHECK(uv_loop_close(&loop) == 0, "a handle is left");
}
