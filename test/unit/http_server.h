/*
 * A small HTTP server on the test's own loop, over a Unix socket or loopback TCP: the handler says
 * piece by piece what goes out, so that every kind of bad answer can be played.
 */
#pragma once

#include <uv.h>

#include "base/util.h"

struct http_server;
struct http_server_conn;

struct http_server_request {
	const char *method, *target;
	const char *head; /* all of it, for a look at headers */
	const char *body;
	size_t body_size;
};

typedef void http_server_fn(void *data, struct http_server_conn *conn,
                            const struct http_server_request *request);

/* Aborts when it cannot listen. path NULL: 127.0.0.1, port chosen by the kernel. */
struct http_server *http_server_open(uv_loop_t *loop, const char *path, http_server_fn *fn,
                                     void *data);
/* The same at one IPv4 address and port; NULL when that is taken. */
struct http_server *http_server_open_at(uv_loop_t *loop, const char *ip, int port,
                                        http_server_fn *fn, void *data);
int http_server_port(const struct http_server *server);
size_t http_server_connections(const struct http_server *server); /* ever accepted */

/* Closes all connections too; memory goes as the loop runs on. */
void http_server_close(struct http_server *server);

void http_server_send(struct http_server_conn *conn, const char *text);
void http_server_send_bytes(struct http_server_conn *conn, const char *bytes, size_t size);
/* A whole answer with a Content-Length. headers: lines ending with \r\n, may be "". */
void http_server_answer(struct http_server_conn *conn, int status, const char *headers,
                        const char *body);
/* fn runs once when the connection closes, whoever closes it; NULL takes it back. */
void http_server_on_close(struct http_server_conn *conn, void (*fn)(void *data), void *data);
size_t http_server_unsent(const struct http_server_conn *conn); /* bytes the peer has not taken */
void http_server_end(struct http_server_conn *conn);            /* after what was sent */
void http_server_reset(struct http_server_conn *conn);          /* at once */
