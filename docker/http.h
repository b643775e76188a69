/*
 * HTTP requests on a libuv loop: one libcurl multi handle, any number of transfers, over Unix
 * sockets, TCP and TLS with client certificates. Knows nothing of Docker. Never follows a redirect,
 * never uses a proxy, speaks HTTP/1.1 only.
 *
 * The callback of a request runs exactly once: answer, failure, timeout, cancel or close. No
 * callback ever runs inside a call of this file; all run from the loop, outside libcurl, so each
 * may start and cancel other requests.
 */
#pragma once

#include <uv.h>

#include "base/error.h"

struct http;          /* one multi handle on one loop */
struct http_transfer; /* one request under way; valid until its on_done was called */
struct http_timer;    /* one shot; valid until it fired or was cancelled */

/* Where to send: what docker/endpoint.h makes of a URL. All strings are borrowed. */
struct http_peer {
	const char *url;  /* as the user wrote it: names the peer in messages */
	const char *base; /* "http://host:port" or "https://host:port", without a final slash */
	const char *unix_path;          /* of the socket to connect to; NULL = TCP */
	const char *tls_ca;             /* PEM file; NULL = the system's own */
	const char *tls_cert, *tls_key; /* PEM files of the client's certificate; NULL = none */
};

struct http_response {
	int status;       /* 100 … 599 */
	const char *body; /* always ends with NUL, beyond size */
	size_t size;
	const struct http_header *headers;
	size_t n_headers;
	int64_t took_ms;
};

struct http_header {
	char *name, *value;
};

/* Exactly one of response and err is not NULL; both are borrowed for the call. */
typedef void http_done_fn(void *data, const struct http_response *response,
                          const struct error *err);

/*
 * A streamed body, piece by piece as it comes; called once with size 0 as soon as the header of a
 * 2xx answer is there. The body of any other answer is not streamed but comes with on_done.
 */
typedef void http_data_fn(void *data, const char *bytes, size_t size);

typedef void http_timer_fn(void *data);
typedef void http_closed_fn(void *data);

/* Everything is copied by http_start. */
struct http_request {
	const char *method; /* "GET", "HEAD", "POST", "DELETE" */
	struct http_peer peer;
	const char *target;         /* path and query, percent-encoded: "/nodes?filters=…" */
	const char *const *headers; /* "Name: value", ends with NULL; may be NULL */
	const char *body;           /* POST only; NULL = none */
	size_t body_size;
	int64_t timeout_ms;    /* of the whole request, > 0 */
	size_t max_bytes;      /* more of a body is -EMSGSIZE; streamed bytes do not count */
	http_data_fn *on_data; /* NULL: the body comes with on_done */
	http_done_fn *on_done;
	void *data;
};

/* Once in a program, before threads and loops: libcurl's own set-up, allocators that abort for it
 * and for libuv; SIGPIPE is ignored from then on. */
void http_global_init(void);

struct http *http_open(uv_loop_t *loop);

/*
 * Cancels everything under way (-ECANCELED, from the loop) and closes the handles; closed (may be
 * NULL) is the last callback. Nothing may use http after that. A request started by a callback
 * while closing is cancelled as well. NULL is fine, closed is not called then.
 */
void http_close(struct http *http, http_closed_fn *closed, void *data);

/*
 * Never NULL and never fails at once: also what is wrong with the request itself comes by on_done.
 * Errors: -ETIMEDOUT, -ECANCELED, -EMSGSIZE, -ECONNREFUSED, -ENOENT (no such socket), -EACCES (of
 * the socket), -EHOSTUNREACH (name not found), -ECONNRESET (ended early), -EKEYREJECTED (TLS: who
 * answers is not trusted, or it does not trust us), -EINVAL (the request, a certificate file),
 * -EIO.
 */
struct http_transfer *http_start(struct http *http, const struct http_request *request);

/* Its on_done still comes, with -ECANCELED, and no on_data any more. NULL is fine. */
void http_cancel(struct http_transfer *transfer);

/* Requests whose on_done has not run. */
size_t http_in_flight(const struct http *http);

/* A timer on the same loop: fn runs once after delay_ms, unless cancelled or closed. */
struct http_timer *http_timer_start(struct http *http, int64_t delay_ms, http_timer_fn *fn,
                                    void *data);
void http_timer_cancel(struct http_timer *timer); /* NULL is fine */

/* The value of a header, its name in any case; NULL = not there. */
const char *http_response_header(const struct http_response *response, const char *name);
