/* docker/http against small servers on the same loop: every way in which a request can end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "docker/http.h"
#include "test/unit/http_server.h"

#define BIG ((size_t) 300000)

struct world {
	uv_loop_t loop;
	struct http *http;
	struct http_server *server;
	char dir[64], path[96], url[128], base[64];
	bool is_unix;
	bool closed;
	int n_requests;
};

/* What became of one request. */
struct outcome {
	struct world *w;
	int n_done, code, status;
	char text[512];
	char *body;
	size_t size;
	char seen[64];        /* one header */
	int n_open, n_pieces; /* streams */
	char streamed[256];
	struct http_transfer *self;
	bool cancel_on_data, close_on_done;
	struct outcome *cancels, *starts; /* in on_done */
};

static void
serve(void *data, struct http_server_conn *c, const struct http_server_request *r)
{
	struct world *w = data;
	char *big;

	w->n_requests++;
	if (streq(r->target, "/ok")) {
		http_server_answer(c, 200, "X-Name:  some value \r\n", "hello");
	} else if (streq(r->target, "/echo")) {
		http_server_answer(c, 200, "", r->body_size > 0 ? r->body : r->head);
	} else if (streq(r->target, "/head")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"
		                    "Content-Length: 99\r\n\r\n");
	} else if (streq(r->target, "/chunked")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		http_server_send(c, "5\r\nhello\r\n6\r\n world\r\n");
		http_server_send(c, "0\r\n\r\n");
	} else if (streq(r->target, "/continue")) {
		http_server_send(c, "HTTP/1.1 100 Continue\r\nX-Name: wrong\r\n\r\n");
		http_server_answer(c, 200, "", "after");
	} else if (streq(r->target, "/missing")) {
		http_server_answer(c, 404, "", "{\"message\":\"gone\"}");
	} else if (streq(r->target, "/redirect")) {
		http_server_answer(c, 302, "Location: /ok\r\n", "");
	} else if (streq(r->target, "/reset")) {
		http_server_reset(c);
	} else if (streq(r->target, "/cut")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
		http_server_end(c);
	} else if (streq(r->target, "/half")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
	} else if (streq(r->target, "/noise")) {
		http_server_send(c, "220 mail.example ESMTP\r\n");
		http_server_end(c);
	} else if (streq(r->target, "/status")) {
		http_server_send(c, "HTTP/22 00{\n\r\n{}");
		http_server_end(c);
	} else if (streq(r->target, "/big")) {
		big = xcalloc(BIG + 1, 1);
		memset(big, 'x', BIG);
		http_server_answer(c, 200, "", big);
		free(big);
	} else if (streq(r->target, "/stream")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		http_server_send(c, "4\r\none\n\r\n4\r\ntwo\n\r\n");
	} else if (streq(r->target, "/stream-end")) {
		http_server_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		http_server_send(c, "4\r\none\n\r\n0\r\n\r\n");
	} /* "/silent": nothing */
}

static void
world_init(struct world *w, bool is_unix)
{
	*w = (struct world){.is_unix = is_unix};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	(void) snprintf(w->dir, sizeof(w->dir), "/tmp/forager-http-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void) snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	w->server = http_server_open(&w->loop, is_unix ? w->path : NULL, serve, w);
	if (is_unix) {
		(void) snprintf(w->url, sizeof(w->url), "unix://%s", w->path);
		(void) snprintf(w->base, sizeof(w->base), "http://localhost");
	} else {
		(void) snprintf(w->base, sizeof(w->base), "http://127.0.0.1:%d",
		                http_server_port(w->server));
		(void) snprintf(w->url, sizeof(w->url), "%s", w->base);
	}
	w->http = http_open(&w->loop);
}

static void
on_closed(void *data)
{
	struct world *w = data;

	w->closed = true;
}

/* Everything must go: a handle that is left keeps uv_loop_close from 0. */
static void
world_done(struct world *w)
{
	http_close(w->http, on_closed, w);
	if (w->server != NULL)
		http_server_close(w->server);
	while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
		continue;
	assert_true(w->closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	(void) unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
}

static void start(struct world *w, struct outcome *o, const char *target, struct http_request with);

static void
on_done(void *data, const struct http_response *r, const struct error *err)
{
	struct outcome *o = data;

	o->n_done++;
	uv_stop(&o->w->loop);
	assert_true((r == NULL) != (err == NULL));
	if (err != NULL) {
		o->code = err->code;
		(void) str_copy(o->text, sizeof(o->text), err->text);
	} else {
		const char *seen = http_response_header(r, "x-name");

		if (seen == NULL)
			seen = http_response_header(r, "api-version");
		o->status = r->status;
		o->body = xstrdup(r->body);
		o->size = r->size;
		(void) str_copy(o->seen, sizeof(o->seen), seen != NULL ? seen : "");
		assert_int_equal(strlen(r->body), r->size);
	}
	if (o->cancels != NULL)
		http_cancel(o->cancels->self);
	if (o->starts != NULL)
		start(o->w, o->starts, "/ok", (struct http_request){.timeout_ms = 5000});
	if (o->close_on_done)
		http_close(o->w->http, on_closed, o->w);
}

static void
on_data(void *data, const char *bytes, size_t size)
{
	struct outcome *o = data;

	if (size == 0) {
		o->n_open++;
		assert_int_equal(o->n_pieces, 0);
	} else {
		o->n_pieces++;
		(void) strncat(o->streamed, bytes, size);
	}
	if (o->cancel_on_data)
		http_cancel(o->self);
}

static void
start(struct world *w, struct outcome *o, const char *target, struct http_request with)
{
	*o = (struct outcome){.w = w,
	                      .cancel_on_data = o->cancel_on_data,
	                      .close_on_done = o->close_on_done,
	                      .cancels = o->cancels,
	                      .starts = o->starts};
	if (with.method == NULL)
		with.method = "GET";
	if (with.peer.base == NULL)
		with.peer = (struct http_peer){
		    .url = w->url, .base = w->base, .unix_path = w->is_unix ? w->path : NULL};
	if (with.max_bytes == 0)
		with.max_bytes = 1 << 20;
	with.target = target;
	with.on_done = on_done;
	with.data = o;
	o->self = http_start(w->http, &with);
	assert_non_null(o->self);
	assert_int_equal(o->n_done, 0); /* never inside the call that started it */
}

static void
run_until_done(struct world *w, const struct outcome *o)
{
	while (o->n_done == 0 && uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
		continue;
	assert_int_equal(o->n_done, 1);
}

/* ---- answers and failures, over both kinds of socket ---- */

static const struct {
	const char *target, *method, *body;
	int64_t timeout_ms;
	size_t max_bytes;
	int code, status;
	const char *text; /* part of the error, or the whole body */
} cases[] = {
    {"/ok", "GET", NULL, 5000, 0, 0, 200, "hello"},
    {"/head", "HEAD", NULL, 5000, 0, 0, 200, ""},
    {"/chunked", "GET", NULL, 5000, 0, 0, 200, "hello world"},
    {"/continue", "GET", NULL, 5000, 0, 0, 200, "after"},
    {"/echo", "POST", "{\"a\":1}", 5000, 0, 0, 200, "{\"a\":1}"},
    {"/missing", "GET", NULL, 5000, 0, 0, 404, "{\"message\":\"gone\"}"},
    {"/redirect", "GET", NULL, 5000, 0, 0, 302, ""},
    {"/silent", "GET", NULL, 100, 0, -ETIMEDOUT, 0, "no answer from"},
    {"/half", "GET", NULL, 1500, 0, -ETIMEDOUT, 0, "no complete answer from"},
    {"/reset", "GET", NULL, 5000, 0, -ECONNRESET, 0, ""},
    {"/cut", "GET", NULL, 5000, 0, -ECONNRESET, 0, ""},
    {"/noise", "GET", NULL, 5000, 0, -EBADMSG, 0, ""},
    {"/status", "GET", NULL, 5000, 0, -EBADMSG, 0, "status 2,"},
    {"/big", "GET", NULL, 5000, BIG - 1, -EMSGSIZE, 0, "larger than 299999 bytes"},
    {"/big", "GET", NULL, 5000, BIG, 0, 200, NULL},
    {"/a b", "GET", NULL, 5000, 0, -EINVAL, 0, "percent-encoded"},
    {"/a\r\nX: y", "GET", NULL, 5000, 0, -EINVAL, 0, "percent-encoded"},
    {"ok", "GET", NULL, 5000, 0, -EINVAL, 0, "begin with /"},
    {"/ok", "BREW", NULL, 5000, 0, -EINVAL, 0, "no method"},
};

static void
case_run(struct world *w, size_t i)
{
	struct outcome o = {0};

	start(w, &o, cases[i].target,
	      (struct http_request){.method = cases[i].method,
	                            .body = cases[i].body,
	                            .body_size = cases[i].body != NULL ? strlen(cases[i].body) : 0,
	                            .timeout_ms = cases[i].timeout_ms,
	                            .max_bytes = cases[i].max_bytes});
	run_until_done(w, &o);
	if (o.code != cases[i].code || o.status != cases[i].status)
		fail_msg("%s %s: code %d status %d, %s", cases[i].method, cases[i].target, o.code,
		         o.status, o.text);
	if (cases[i].code != 0)
		assert_non_null(strstr(o.text, cases[i].text));
	else if (cases[i].text != NULL)
		assert_string_equal(o.body, cases[i].text);
	else
		assert_int_equal(o.size, BIG);
	free(o.body);
	assert_int_equal(http_in_flight(w->http), 0);
}

static void
test_cases(void **state)
{
	for (int is_unix = 0; is_unix < 2; is_unix++) {
		struct world w;

		world_init(&w, is_unix);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			case_run(&w, i);
		world_done(&w);
	}
	(void) state;
}

static void
test_headers(void **state)
{
	static const char *const headers[] = {"X-Ours: yes", NULL};
	struct outcome o = {0};
	struct world w;

	world_init(&w, true);
	(void) setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void) setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	start(&w, &o, "/echo", (struct http_request){.headers = headers, .timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_int_equal(o.status, 200);
	assert_non_null(strstr(o.body, "GET /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(o.body, "X-Ours: yes\r\n"));
	assert_null(strstr(o.body, "Expect:"));
	free(o.body);
	start(&w, &o, "/ok", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_string_equal(o.seen, "some value");
	free(o.body);
	start(&w, &o, "/head", (struct http_request){.method = "HEAD", .timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_string_equal(o.seen, "1.41");
	free(o.body);
	start(&w, &o, "/continue", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_string_equal(o.seen, ""); /* that of the interim answer is gone */
	free(o.body);
	world_done(&w);

	world_init(&w, false);
	start(&w, &o, "/ok", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_int_equal(o.status, 200); /* over TCP, in spite of the proxies */
	free(o.body);
	world_done(&w);
	(void) unsetenv("http_proxy");
	(void) unsetenv("ALL_PROXY");
	(void) state;
}

/* GETs share a connection; a POST has its own, so that libcurl never sends it twice. */
static void
test_connections(void **state)
{
	struct outcome o = {0};
	struct world w;

	world_init(&w, false);
	for (int i = 0; i < 3; i++) {
		start(&w, &o, "/ok", (struct http_request){.timeout_ms = 5000});
		run_until_done(&w, &o);
		free(o.body);
	}
	assert_int_equal(http_server_connections(w.server), 1);
	start(&w, &o, "/echo",
	      (struct http_request){
	          .method = "POST", .body = "x", .body_size = 1, .timeout_ms = 5000});
	run_until_done(&w, &o);
	free(o.body);
	assert_int_equal(http_server_connections(w.server), 2);
	w.n_requests = 0;
	start(&w, &o, "/reset",
	      (struct http_request){
	          .method = "POST", .body = "x", .body_size = 1, .timeout_ms = 5000});
	run_until_done(&w, &o);
	assert_int_equal(o.code, -ECONNRESET);
	assert_int_equal(w.n_requests, 1);
	world_done(&w);
	(void) state;
}

static void
test_nobody_there(void **state)
{
	char path[128], base[64];
	struct outcome o = {0};
	struct http_server *gone;
	struct world w;

	world_init(&w, true);
	(void) snprintf(path, sizeof(path), "%s/none", w.dir);
	start(&w, &o, "/ok",
	      (struct http_request){
	          .timeout_ms = 5000,
	          .peer = {.url = "unix://none", .base = "http://localhost", .unix_path = path}});
	run_until_done(&w, &o);
	assert_int_equal(o.code, -ENOENT);
	assert_string_equal(o.text, "'unix://none': No such file or directory");

	gone = http_server_open(&w.loop, NULL, serve, &w);
	(void) snprintf(base, sizeof(base), "http://127.0.0.1:%d", http_server_port(gone));
	http_server_close(gone);
	(void) uv_run(&w.loop, UV_RUN_NOWAIT);
	start(&w, &o, "/ok",
	      (struct http_request){.timeout_ms = 5000, .peer = {.url = base, .base = base}});
	run_until_done(&w, &o);
	assert_int_equal(o.code, -ECONNREFUSED);
	world_done(&w);
	(void) state;
}

/* ---- streams ---- */

static void
test_stream(void **state)
{
	struct outcome o = {0};
	struct world w;

	world_init(&w, true);
	start(&w, &o, "/stream-end", (struct http_request){.timeout_ms = 5000, .on_data = on_data});
	run_until_done(&w, &o);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.n_open, 1);
	assert_string_equal(o.streamed, "one\n");
	assert_string_equal(o.body, "");
	free(o.body);

	start(&w, &o, "/stream", (struct http_request){.timeout_ms = 1500, .on_data = on_data});
	run_until_done(&w, &o);
	assert_int_equal(o.code, -ETIMEDOUT);
	assert_string_equal(o.streamed, "one\ntwo\n");

	start(&w, &o, "/missing", (struct http_request){.timeout_ms = 5000, .on_data = on_data});
	run_until_done(&w, &o);
	assert_int_equal(o.n_open + o.n_pieces, 0);
	assert_string_equal(o.body, "{\"message\":\"gone\"}");
	free(o.body);

	o.cancel_on_data = true;
	start(&w, &o, "/stream", (struct http_request){.timeout_ms = 5000, .on_data = on_data});
	run_until_done(&w, &o);
	assert_int_equal(o.code, -ECANCELED);
	assert_int_equal(o.n_open, 1);
	assert_int_equal(o.n_pieces, 0); /* none after the cancel */
	world_done(&w);
	(void) state;
}

/* ---- cancel and close ---- */

static void
test_cancel(void **state)
{
	struct outcome a = {0}, b = {0}, c = {0};
	struct world w;

	world_init(&w, true);
	start(&w, &a, "/silent", (struct http_request){.timeout_ms = 60000});
	http_cancel(a.self);
	http_cancel(a.self);
	assert_int_equal(a.n_done, 0);
	run_until_done(&w, &a);
	assert_int_equal(a.code, -ECANCELED);
	assert_int_equal(w.n_requests, 0); /* it never went out */

	start(&w, &b, "/silent", (struct http_request){.timeout_ms = 60000});
	a.cancels = &b; /* from the callback of another */
	a.starts = &c;
	start(&w, &a, "/ok", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &a);
	run_until_done(&w, &b);
	run_until_done(&w, &c);
	assert_int_equal(b.code, -ECANCELED);
	assert_int_equal(c.status, 200);
	free(a.body);
	free(c.body);
	http_cancel(NULL);
	world_done(&w);
	(void) state;
}

static void
test_close(void **state)
{
	struct outcome silent[20] = {0}, done = {0}, late = {0};
	struct world w;

	world_init(&w, true);
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		start(&w, &silent[i], i % 2 == 0 ? "/silent" : "/half",
		      (struct http_request){.timeout_ms = 60000});
	start(&w, &done, "/ok", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &done);
	assert_int_equal(http_in_flight(w.http), ARRAY_SIZE(silent));
	silent[3].starts = &late; /* started while closing: ends as well */
	http_close(w.http, on_closed, &w);
	assert_int_equal(silent[0].n_done, 0);
	world_done(&w);
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		assert_int_equal(silent[i].n_done, 1);
		assert_int_equal(silent[i].code, -ECANCELED);
	}
	assert_int_equal(late.n_done, 1);
	assert_int_equal(late.code, -ECANCELED);
	free(done.body);
	(void) state;
}

static void
test_close_in_callback(void **state)
{
	struct outcome a = {.close_on_done = true}, b = {0};
	struct world w;

	world_init(&w, false);
	start(&w, &b, "/silent", (struct http_request){.timeout_ms = 60000});
	start(&w, &a, "/ok", (struct http_request){.timeout_ms = 5000});
	run_until_done(&w, &a);
	http_server_close(take_ptr(w.server));
	while (uv_run(&w.loop, UV_RUN_DEFAULT) != 0)
		continue;
	assert_true(w.closed);
	assert_int_equal(b.n_done, 1);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	assert_int_equal(rmdir(w.dir), 0);
	free(a.body);
	(void) state;
}

/* ---- timers ---- */

static void
on_tick(void *data)
{
	int *n = data;

	(*n)++;
}

static void
test_timers(void **state)
{
	struct http_timer *kept;
	int fired = 0, cancelled = 0;
	struct world w;

	world_init(&w, true);
	(void) http_timer_start(w.http, 1, on_tick, &fired);
	http_timer_cancel(http_timer_start(w.http, 0, on_tick, &cancelled));
	kept = http_timer_start(w.http, 3600000, on_tick, &cancelled);
	while (fired == 0)
		(void) uv_run(&w.loop, UV_RUN_ONCE);
	http_timer_cancel(NULL);
	http_close(w.http, on_closed, &w);
	http_timer_cancel(kept); /* still its owner's until closed */
	http_timer_cancel(http_timer_start(w.http, 0, on_tick, &cancelled));
	world_done(&w);
	assert_int_equal(fired, 1);
	assert_int_equal(cancelled, 0);
	(void) state;
}

/* ---- TLS, with openssl's own server as the peer ---- */

static const char certificates[] =
    "set -e; cd '%s'; "
    "openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem; "
    "openssl req -x509 -new -key ca-key.pem -days 2 -subj /CN=test-ca -out ca.pem; "
    "for n in server client; do "
    "openssl ecparam -name prime256v1 -genkey -noout -out $n-key.pem; "
    "openssl req -new -key $n-key.pem -subj /CN=$n -out $n.csr; "
    "printf 'subjectAltName=IP:127.0.0.1' > ext; "
    "openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca-key.pem -set_serial 1$$ -days 2 "
    "-extfile ext -out $n.pem; done; "
    "openssl ecparam -name prime256v1 -genkey -noout -out other-key.pem; "
    "openssl req -x509 -new -key other-key.pem -days 2 -subj /CN=other -out other.pem";

/* Starts s_server, which asks for a client certificate; returns its port, 0 = none. */
static int
tls_server_start(const char *dir, pid_t *ret_pid)
{
	int out[2], port = 0;
	char line[256];
	FILE *f;

	assert_int_equal(pipe(out), 0);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		(void) dup2(out[1], STDOUT_FILENO);
		(void) close(STDIN_FILENO);
		(void) open("/dev/null", O_RDWR);
		(void) dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
		if (chdir(dir) == 0)
			(void) execlp("openssl", "openssl", "s_server", "-4", "-accept",
			              "127.0.0.1:0", "-www", "-cert", "server.pem", "-key",
			              "server-key.pem", "-CAfile", "ca.pem", "-Verify", "1",
			              "-verify_return_error", NULL);
		_exit(127);
	}
	(void) close(out[1]);
	f = fdopen(out[0], "r");
	while (port == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (str_has_prefix(line, "ACCEPT") && strrchr(line, ':') != NULL)
			port = atoi(strrchr(line, ':') + 1);
	}
	(void) fclose(f);
	return port;
}

static void
tls_case(struct world *w, const char *host, int port, const char *ca, bool with_cert, int code)
{
	char base[64], ca_path[160], cert[160], key[160];
	struct outcome o = {0};

	(void) snprintf(base, sizeof(base), "https://%s:%d", host, port);
	(void) snprintf(ca_path, sizeof(ca_path), "%s/%s", w->dir, ca != NULL ? ca : "");
	(void) snprintf(cert, sizeof(cert), "%s/client.pem", w->dir);
	(void) snprintf(key, sizeof(key), "%s/client-key.pem", w->dir);
	start(w, &o, "/",
	      (struct http_request){.timeout_ms = 10000,
	                            .peer = {.url = base,
	                                     .base = base,
	                                     .tls_ca = ca != NULL ? ca_path : NULL,
	                                     .tls_cert = with_cert ? cert : NULL,
	                                     .tls_key = with_cert ? key : NULL}});
	run_until_done(w, &o);
	if (o.code != code)
		fail_msg("%s ca=%s cert=%d: %d %s", base, ca, with_cert, o.code, o.text);
	if (code == 0) {
		assert_int_equal(o.status, 200);
		assert_non_null(strstr(o.body, "CN=client"));
	}
	free(o.body);
}

static void
test_tls(void **state)
{
	char command[2048], remove[256];
	struct world w;
	pid_t pid;
	int port;

	if (system("command -v openssl >/dev/null 2>&1") != 0) {
		print_message("skipped: TLS needs the openssl command\n");
		skip();
	}
	world_init(&w, true);
	(void) snprintf(command, sizeof(command), certificates, w.dir);
	(void) strcat(command, " ) >/dev/null 2>&1");
	memmove(command + 1, command, strlen(command) + 1);
	command[0] = '(';
	assert_int_equal(system(command), 0);
	port = tls_server_start(w.dir, &pid);
	assert_int_not_equal(port, 0);
	tls_case(&w, "127.0.0.1", port, "ca.pem", true, 0);
	tls_case(&w, "127.0.0.1", port, "other.pem", true, -EKEYREJECTED); /* unknown authority */
	tls_case(&w, "127.0.0.1", port, NULL, true, -EKEYREJECTED);
	tls_case(&w, "localhost", port, "ca.pem", true, -EKEYREJECTED); /* another name */
	tls_case(&w, "127.0.0.1", port, "none.pem", true, -EINVAL);
	tls_case(&w, "127.0.0.1", port, "ca.pem", false, -EKEYREJECTED); /* we must show ours */
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
	(void) snprintf(remove, sizeof(remove), "rm -f '%s'/*.pem '%s'/*.csr '%s'/ext", w.dir,
	                w.dir, w.dir);
	assert_int_equal(system(remove), 0);
	world_done(&w);
	(void) state;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),  cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_stream), cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_cancel), cmocka_unit_test(test_close),
	    cmocka_unit_test(test_timers), cmocka_unit_test(test_close_in_callback),
	    cmocka_unit_test(test_tls),    cmocka_unit_test(test_nobody_there),
	};

	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
