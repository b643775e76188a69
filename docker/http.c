/*
 * HTTP requests on a libuv loop; see http.h. libcurl runs only inside the loop's own callbacks and
 * calls none of our users: what it brings is put on two queues (docker/transfer.h) that are emptied
 * once libcurl has returned. So a callback may start, cancel and close at will.
 */
#include "docker/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/memory.h"
#include "docker/transfer.h"

/* A peer that does not even take the connection within this is not there. */
#define CONNECT_TIMEOUT_MS 10000
/* Idle connections kept for the next round: a TLS handshake costs both ends more than a socket. */
#define KEPT_CONNECTIONS 256
/*
 * Each transfer has a buffer of its own, 16 KiB if nothing is said. Hundreds of stats calls run at
 * once, and most of their answers fit into 4.
 */
#define SMALL_ANSWER_BYTES ((size_t) 16 * 1024 * 1024)
#define SMALL_BUFFER_BYTES 4096L
_Static_assert(sizeof(((struct http_transfer *) NULL)->curl_text) >= CURL_ERROR_SIZE,
               "libcurl writes that much");

struct socket {
	uv_poll_t poll;
	struct http *http;
	struct socket *prev, *next;
	curl_socket_t fd;
};

struct http_timer {
	uv_timer_t timer;
	struct http *http;
	struct http_timer *prev, *next;
	http_timer_fn *fn;
	void *data;
	bool is_over; /* fired or cancelled: its owner has let go */
};

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer; /* libcurl's */
	uv_timer_t later; /* for what finished inside a call of ours */
	size_t n_handles; /* not yet closed */
	struct transfer_queues queues;
	struct socket *sockets;
	struct http_timer *timers;
	bool closing;
	http_closed_fn *closed;
	void *closed_data;
};

/* ---- the end of a transfer ---- */

static void
easy_drop(struct http_transfer *t)
{
	if (t->easy == NULL)
		return;
	(void) curl_multi_remove_handle(t->http->multi, t->easy);
	curl_easy_cleanup(take_ptr(t->easy));
	curl_slist_free_all(take_ptr(t->headers));
}

/* Takes it from libcurl; deliver() tells its owner. */
static void
transfer_finish(struct http_transfer *t)
{
	easy_drop(t);
	transfer_queue_end(t);
}

static void
on_later(uv_timer_t *timer)
{
	transfer_deliver(&((struct http *) timer->data)->queues);
}

static void
deliver_later(struct http *h)
{
	if (!h->closing)
		(void) uv_timer_start(&h->later, on_later, 0, 0);
}

/* ---- what libcurl brings ---- */

static int
code_of_connect(CURL *easy)
{
	long errnum = 0;

	(void) curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &errnum);
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return ENOENT;
	case EACCES:
	case EPERM:
		return EACCES;
	case EAGAIN: /* a Unix socket whose queue is full */
		return EBUSY;
	case EHOSTUNREACH:
	case ENETUNREACH:
		return EHOSTUNREACH;
	default:
		return ECONNREFUSED;
	}
}

static int
code_of(CURL *easy, CURLcode code, const char *text)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return code_of_connect(easy);
	case CURLE_COULDNT_RESOLVE_HOST:
		return EHOSTUNREACH;
	case CURLE_RECV_ERROR:
		/* TLS 1.3 tells a client that its certificate will not do at the first read. */
		return strstr(text, " alert") != NULL ? EKEYREJECTED : ECONNRESET;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
		return ECONNRESET;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, that is: no HTTP at all */
	case CURLE_BAD_CONTENT_ENCODING:
		return EBADMSG;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_ISSUER_ERROR:
		return EKEYREJECTED;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
		return EINVAL;
	default:
		return EIO;
	}
}

static void
fail(struct http_transfer *t, CURLcode code)
{
	const char *text = t->curl_text[0] != '\0' ? t->curl_text : curl_easy_strerror(code);
	int errnum = code_of(t->easy, code, text);
	long os = 0;

	if (errnum == ETIMEDOUT) {
		(void) error_set(&t->err, ETIMEDOUT, "no%s answer from '%s' within %" PRId64 " ms",
		                 t->status != 0 ? " complete" : "", t->url, t->took_ms);
		return;
	}
	/* libcurl says "Couldn't connect to server" for everything; errno knows why. */
	(void) curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os != 0)
		text = strerror((int) os);
	(void) error_set(&t->err, errnum, "'%s': %s", t->url, text);
}

static void
on_message(CURL *easy, CURLcode code)
{
	struct http_transfer *t;
	curl_off_t took_us = 0;
	long status = 0;

	(void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
	(void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	(void) curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &took_us);
	t->status = (int) status;
	t->took_ms = took_us / 1000;
	if (code != CURLE_OK)
		fail(t, code); /* an error that a callback of ours has set stays */
	else if (status < 100 || status > 599)
		(void) error_set(&t->err, EBADMSG, "'%s' answered with status %ld, which is none",
		                 t->url, status);
	transfer_finish(t);
}

/*
 * Drained after every action, also when nothing runs any more: a transfer that ends by its time-out
 * is reported here and nowhere else.
 */
static void
act(struct http *h, curl_socket_t fd, int flags)
{
	int running, left;
	CURLMsg *m;

	if (h->closing)
		return;
	(void) curl_multi_socket_action(h->multi, fd, flags, &running);
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE)
			on_message(m->easy_handle, m->data.result);
	}
	transfer_deliver(&h->queues);
}

static void
on_timeout(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *s = poll->data;
	int flags = 0;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(s->http, s->fd, flags);
}

/* 0 ms would let libuv's timers starve its sockets, as libcurl asks for it again and again. */
static int
curl_timer(CURLM *multi, long timeout_ms, void *data)
{
	struct http *h = data;

	(void) multi;
	if (h->closing)
		return 0;
	if (timeout_ms < 0)
		return uv_timer_stop(&h->timer);
	return uv_timer_start(&h->timer, on_timeout, (uint64_t) MAX(timeout_ms, 1), 0);
}

static void http_finish(struct http *h);

static void
handle_closed(struct http *h)
{
	if (--h->n_handles == 0)
		http_finish(h);
}

static void
on_socket_closed(uv_handle_t *handle)
{
	struct socket *s = handle->data;
	struct http *h = s->http;

	free(s);
	handle_closed(h);
}

static void
socket_close(struct socket *s)
{
	*(s->prev != NULL ? &s->prev->next : &s->http->sockets) = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	uv_close((uv_handle_t *) &s->poll, on_socket_closed);
}

static struct socket *
socket_new(struct http *h, curl_socket_t fd)
{
	struct socket *s = xcalloc(1, sizeof(*s));

	if (uv_poll_init_socket(h->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->http = h;
	s->fd = fd;
	s->next = h->sockets;
	if (s->next != NULL)
		s->next->prev = s;
	h->sockets = s;
	h->n_handles++;
	return s;
}

static int
curl_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *of_socket)
{
	struct socket *s = of_socket;
	struct http *h = data;
	int events = 0;

	(void) easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			socket_close(s);
		return 0;
	}
	if (s == NULL) {
		s = socket_new(h, fd);
		if (s == NULL)
			return -1;
		(void) curl_multi_assign(h->multi, fd, s);
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&s->poll, events, on_poll);
}

static size_t
curl_body(char *bytes, size_t one, size_t size, void *data)
{
	struct http_transfer *t = data;

	(void) one;
	if (t->streams) {
		transfer_add_body(t, bytes, size);
		transfer_queue_data(t);
		return size;
	}
	if (size > t->max_bytes - t->body.size) {
		(void) error_set(&t->err, EMSGSIZE, "the answer of '%s' is larger than %zu bytes",
		                 t->url, t->max_bytes);
		return 0;
	}
	transfer_add_body(t, bytes, size);
	return size;
}

/* A line at a time; an interim answer (100 Continue) begins anew. */
static size_t
curl_header(char *line, size_t one, size_t size, void *data)
{
	struct http_transfer *t = data;
	long status = 0;

	(void) one;
	if (size > 5 && memcmp(line, "HTTP/", 5) == 0) {
		transfer_drop_headers(t);
		return size;
	}
	if (line[0] != '\r' && line[0] != '\n') {
		transfer_add_header(t, line, size);
		return size;
	}
	(void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->status = (int) status;
	if (t->on_data != NULL && status >= 200 && status < 300) {
		t->streams = true;
		transfer_queue_data(t);
	}
	return size;
}

/* ---- starting ---- */

static void
set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	(void) curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	(void) curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static void
set_peer(CURL *easy, const struct http_peer *peer)
{
	if (peer->unix_path != NULL)
		(void) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, peer->unix_path);
	(void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	(void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	(void) curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	if (peer->tls_ca != NULL) {
		(void) curl_easy_setopt(easy, CURLOPT_CAINFO, peer->tls_ca);
		(void) curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* that one and no other */
	}
	if (peer->tls_cert != NULL)
		(void) curl_easy_setopt(easy, CURLOPT_SSLCERT, peer->tls_cert);
	if (peer->tls_key != NULL)
		(void) curl_easy_setopt(easy, CURLOPT_SSLKEY, peer->tls_key);
}

/*
 * A POST goes over a connection of its own: libcurl silently sends a request again when a kept
 * connection turns out dead, and a change must be sent once.
 */
static int
set_method(struct http_transfer *t, const struct http_request *r)
{
	CURL *easy = t->easy;

	if (streq(r->method, "GET"))
		return 0;
	if (streq(r->method, "HEAD")) {
		(void) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return 0;
	}
	if (!streq(r->method, "POST"))
		return error_set(&t->err, EINVAL, "'%s' is no method of ours", r->method);
	(void) curl_easy_setopt(easy, CURLOPT_POST, 1L);
	(void) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	(void) curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	(void) curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->body_size);
	(void) curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, r->body != NULL ? r->body : "");
	return 0;
}

/* A blank or a line end would let a name from outside add headers of its own. */
static int
set_url(struct http_transfer *t, const struct http_request *r)
{
	_cleanup_(freep) char *url = NULL;

	for (const char *c = r->target; *c != '\0'; c++) {
		if (!isgraph((unsigned char) *c))
			return error_set(&t->err, EINVAL, "the path '%s' is not percent-encoded",
			                 r->target);
	}
	if (r->target[0] != '/')
		return error_set(&t->err, EINVAL, "the path '%s' does not begin with /", r->target);
	url = xasprintf("%s%s", r->peer.base, r->target);
	(void) curl_easy_setopt(t->easy, CURLOPT_URL, url);
	(void) curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	return 0;
}

static void
header_append(struct http_transfer *t, const char *line)
{
	struct curl_slist *more = curl_slist_append(t->headers, line);

	if (more == NULL)
		abort();
	t->headers = more;
}

static void
set_headers(struct http_transfer *t, const struct http_request *r)
{
	header_append(t, "Expect:");
	header_append(t, "User-Agent: forager");
	for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
		header_append(t, r->headers[i]);
	(void) curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void
set_limits(CURL *easy, const struct http_request *r)
{
	int64_t timeout_ms = CLAMP(r->timeout_ms, 1, INT32_MAX);

	(void) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) timeout_ms);
	(void) curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	                        (long) MIN(timeout_ms, CONNECT_TIMEOUT_MS));
	if (r->max_bytes <= SMALL_ANSWER_BYTES)
		(void) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, SMALL_BUFFER_BYTES);
	(void) curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void) curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void) curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* also none from the environment */
	(void) curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	(void) curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	(void) curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	set_protocols(easy);
}

static int
transfer_set(struct http_transfer *t, const struct http_request *r)
{
	int rc;

	t->easy = curl_easy_init();
	if (t->easy == NULL)
		abort();
	set_limits(t->easy, r);
	set_peer(t->easy, &r->peer);
	set_headers(t, r);
	(void) curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	(void) curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
	(void) curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, curl_body);
	(void) curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	(void) curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, curl_header);
	(void) curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	rc = set_url(t, r);
	if (rc == 0)
		rc = set_method(t, r);
	return rc;
}

struct http_transfer *
http_start(struct http *h, const struct http_request *request)
{
	struct http_transfer *t = transfer_new(h, &h->queues, request);
	CURLMcode code;

	if (h->closing) {
		(void) error_set(&t->err, ECANCELED, "'%s': shutting down", t->url);
		transfer_finish(t);
		return t;
	}
	if (transfer_set(t, request) == 0) {
		code = curl_multi_add_handle(h->multi, t->easy);
		if (code == CURLM_OK)
			return t;
		(void) error_set(&t->err, EIO, "'%s': %s", t->url, curl_multi_strerror(code));
	}
	transfer_finish(t);
	deliver_later(h);
	return t;
}

static void
cancel(struct http_transfer *t)
{
	if (t->stage == STAGE_TOLD || t->cancelled)
		return;
	t->cancelled = true;
	t->err = (struct error){0};
	(void) error_set(&t->err, ECANCELED, "'%s': cancelled", t->url);
	if (t->stage == STAGE_RUNNING)
		transfer_finish(t);
}

void
http_cancel(struct http_transfer *t)
{
	if (t == NULL)
		return;
	cancel(t);
	deliver_later(t->http);
}

size_t
http_in_flight(const struct http *h)
{
	return h->queues.n_in_flight;
}

/* ---- timers ---- */

static void
timer_unlink(struct http_timer *t)
{
	*(t->prev != NULL ? &t->prev->next : &t->http->timers) = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
}

/* A timer that http_close stopped is still its owner's to cancel: http_finish frees it. */
static void
on_timer_closed(uv_handle_t *handle)
{
	struct http_timer *t = handle->data;
	struct http *h = t->http;

	if (t->is_over) {
		timer_unlink(t);
		free(t);
	}
	handle_closed(h);
}

static void
timer_close(struct http_timer *t)
{
	if (!t->http->closing && !uv_is_closing((uv_handle_t *) &t->timer))
		uv_close((uv_handle_t *) &t->timer, on_timer_closed);
}

static void
on_timer(uv_timer_t *timer)
{
	struct http_timer *t = timer->data;

	t->is_over = true;
	timer_close(t);
	t->fn(t->data);
}

struct http_timer *
http_timer_start(struct http *h, int64_t delay_ms, http_timer_fn *fn, void *data)
{
	struct http_timer *t = xcalloc(1, sizeof(*t));

	t->http = h;
	t->fn = fn;
	t->data = data;
	t->next = h->timers;
	if (t->next != NULL)
		t->next->prev = t;
	h->timers = t;
	if (h->closing)
		return t;
	(void) uv_timer_init(h->loop, &t->timer);
	t->timer.data = t;
	h->n_handles++;
	(void) uv_timer_start(&t->timer, on_timer, (uint64_t) MAX(delay_ms, 0), 0);
	return t;
}

void
http_timer_cancel(struct http_timer *t)
{
	if (t == NULL)
		return;
	t->is_over = true;
	timer_close(t);
}

/* ---- opening and closing ---- */

/* With NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL writes to what a peer has closed. */
void
http_global_init(void)
{
	(void) signal(SIGPIPE, SIG_IGN);
	/* Else an option that libcurl could not copy would be missing from a request. */
	if (uv_replace_allocator(memory_malloc, memory_realloc, memory_calloc, free) != 0 ||
	    curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_malloc, free, memory_realloc,
	                         memory_strdup, memory_calloc) != CURLE_OK)
		abort();
}

struct http *
http_open(uv_loop_t *loop)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	transfer_queues_init(&h->queues);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		abort();
	(void) curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, curl_socket);
	(void) curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void) curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, curl_timer);
	(void) curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	(void) curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long) KEPT_CONNECTIONS);
	(void) uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	(void) uv_timer_init(loop, &h->later);
	h->later.data = h;
	h->n_handles = 2;
	return h;
}

/* All handles are closed: what is still owed is said, then everything goes. */
static void
http_finish(struct http *h)
{
	transfer_deliver(&h->queues);
	while (h->timers != NULL) {
		struct http_timer *t = h->timers;

		timer_unlink(t);
		free(t);
	}
	if (h->closed != NULL)
		h->closed(h->closed_data);
	free(h);
}

static void
on_own_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void
http_close(struct http *h, http_closed_fn *closed, void *data)
{
	if (h == NULL || h->closing)
		return;
	for (struct http_transfer *t = h->queues.finished.first; t != NULL; t = t->next)
		cancel(t);
	while (h->queues.running.first != NULL)
		cancel(h->queues.running.first);
	for (struct http_timer *t = h->timers; t != NULL; t = t->next)
		timer_close(t);
	h->closing = true;
	h->closed = closed;
	h->closed_data = data;
	/* It may still call curl_socket to let go of a socket; what it leaves is closed below. */
	(void) curl_multi_cleanup(take_ptr(h->multi));
	while (h->sockets != NULL)
		socket_close(h->sockets);
	uv_close((uv_handle_t *) &h->timer, on_own_closed);
	uv_close((uv_handle_t *) &h->later, on_own_closed);
}
