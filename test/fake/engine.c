/* The engines of a world on the wire; see engine.h. */
#include "test/fake/engine.h"

#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "docker/document.h"
#include "test/fake/route.h"
#include "test/fake/script.h"

/* ---- the clock ---- */

static void
on_timer(uv_timer_t *timer)
{
	engine_tick(timer->data);
}

void
engine_tick(struct engine *e)
{
	int64_t real_ns = (int64_t) uv_hrtime() - e->real_ns, next_ns;
	double wait_ms;

	world_run_until(e->world, e->world_ns + (int64_t) ((double) real_ns * e->speed));
	next_ns = world_next_ns(e->world);
	if (next_ns == INT64_MAX) {
		(void) uv_timer_stop(&e->timer);
		return;
	}
	wait_ms = (double) (next_ns - e->world->now_ns) / e->speed / 1e6;
	(void) uv_timer_start(&e->timer, on_timer, (uint64_t) MAX(0, wait_ms + 0.999), 0);
}

/* ---- the record ---- */

void
engine_record(void *data, const char *kind, json_t *facts)
{
	struct engine *e = data;
	json_auto_t *doc = facts;
	_cleanup_(freep) char *text = NULL;

	if (e->record == NULL)
		return;
	(void) json_object_set_new(doc, "kind", json_string(kind));
	(void) json_object_set_new(doc, "t", json_real((double) (e->world->now_ns / 1000) / 1e6));
	text = document_encode(doc);
	(void) fprintf(e->record, "%s\n", text);
}

static void
record_request(struct engine *e, const struct route_request *r, int status, const char *answer,
               const struct fault *fault)
{
	json_t *facts;

	if (e->record == NULL)
		return;
	facts = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s}", "who", r->who, "node",
	                  r->here->hostname, "endpoint", r->endpoint, "method", r->method, "target",
	                  r->target, "status", status, "size",
	                  (json_int_t) (answer != NULL ? strlen(answer) : 0), "fault",
	                  fault_names[fault_kind(fault)]);
	if (streq(r->method, "POST")) {
		json_t *body = json_loads(r->body, 0, NULL);

		if (body != NULL)
			(void) json_object_set_new(facts, "body", body);
		if (answer != NULL && status >= 300)
			(void) json_object_set_new(facts, "answer", json_string(answer));
	}
	engine_record(e, "request", facts);
	(void) fflush(e->record);
}

/* ---- Docker's sockets ---- */

/* X-Fake-Who names people; forager's requests have no User-Agent. The caller frees. */
static char *
who_of(const char *head)
{
	static const char name[] = "\r\nx-fake-who:";
	const char *line = strcasestr(head, name);

	if (line != NULL) {
		line += strlen(name);
		line += strspn(line, " ");
		return strndup(line, strcspn(line, "\r\n"));
	}
	return xstrdup(strcasestr(head, "\r\nuser-agent: docker") != NULL ? "docker"
	               : strcasestr(head, "\r\nuser-agent: curl") != NULL ? "curl"
	                                                                  : "forager");
}

static void
answer_refused(struct route_answer *a, const struct fault *fault)
{
	int status = (int) fault_arg(fault);

	a->status = fault_kind(fault) == FAULT_SEQUENCE ? 500 : status != 0 ? status : 500;
	a->body = fault_kind(fault) == FAULT_SEQUENCE
	              ? route_message("rpc error: code = Unknown desc = update out of sequence")
	          : a->status == 503 ? route_message("service unavailable")
	          : a->status == 429 ? route_message("too many requests")
	                             : route_message("something went wrong");
}

static void
on_request(void *data, struct http_server_conn *conn, const struct http_server_request *q)
{
	struct engine_port *port = data;
	struct engine *e = port->engine;
	_cleanup_(freep) char *who = who_of(q->head);
	_cleanup_(freep) char *headers = xasprintf(
	    "Content-Type: application/json\r\nApi-Version: 1.%d\r\nServer: Docker (fake)\r\n",
	    e->world->api_minor);
	struct route_request r = {.world = e->world,
	                          .here = port->node,
	                          .who = who,
	                          .method = q->method,
	                          .target = q->target,
	                          .body = q->body};
	struct route_answer a = {0};
	struct wire_answer out = {.headers = headers, .head = streq(q->method, "HEAD")};
	struct fault *fault;

	engine_tick(e);
	e->n_requests++;
	route_open(&r);
	fault = fault_next(&e->faults, r.endpoint, port->node->hostname);
	if (port->node->hung) {
		static struct fault_table hang;

		if (hang.n == 0)
			(void) fault_add(&hang, "* hang", NULL);
		fault = fault_next(&hang, "*", "");
	} else if (fault_before(fault)) {
		answer_refused(&a, fault);
	} else {
		route_answer(&r, e->stats_s, &a);
	}
	record_request(e, &r, a.status, a.body, fault);
	if (a.is_events && fault == NULL) {
		_cleanup_(freep) char *filters = route_query(&r, "filters");
		_cleanup_(freep) char *since = route_query(&r, "since");

		engine_stream_open(e, port->node, conn, filters, since);
	} else {
		out.status = a.status != 0 ? a.status : 200;
		out.body = a.body;
		out.delay_s = a.delay_s;
		wire_send(e, conn, &out, fault, r.target);
	}
	route_close(&r);
	engine_tick(e);
}

void
engine_ports_follow(struct engine *e)
{
	for (size_t i = 0; i < e->n_ports; i++) {
		struct engine_port *p = &e->ports[i];
		_cleanup_(freep) char *path = xasprintf("%s/%s.sock", e->dir, p->node->hostname);

		if (p->node->dead && p->server != NULL) {
			http_server_close(take_ptr(p->server));
			if (p->tcp != NULL)
				http_server_close(take_ptr(p->tcp));
		}
		if (!p->node->dead && p->server == NULL) {
			p->server = http_server_open(&e->loop, path, on_request, p);
			if (e->tcp_port != 0)
				p->tcp = http_server_open_at(&e->loop, p->node->addr, e->tcp_port,
				                             on_request, p);
		}
	}
}

/* ---- the control socket ---- */

static void
on_control(void *data, struct http_server_conn *conn, const struct http_server_request *q)
{
	struct engine *e = data;
	_cleanup_(freep) char *reply = NULL;
	struct error err = {0};
	int rc;

	engine_tick(e);
	rc = script_text(e, q->body_size > 0 ? q->body : "state", &reply, &err);
	if (rc < 0) {
		free(reply);
		reply = xasprintf("%s\n", err.text);
	}
	http_server_answer(conn, rc < 0 ? 400 : 200, "", reply != NULL ? reply : "");
	if (e->record != NULL)
		(void) fflush(e->record);
	engine_tick(e);
}

/* ---- life ---- */

static void
on_signal(uv_signal_t *signal, int number)
{
	(void) number;
	uv_stop(&((struct engine *) signal->data)->loop);
}

void
engine_open(struct engine *e, struct world *w, const char *dir, int tcp_port)
{
	_cleanup_(freep) char *control = xasprintf("%s/control.sock", dir);

	e->world = w;
	e->dir = dir;
	e->tcp_port = tcp_port;
	w->listener = (struct world_listener){engine_event, engine_record, e};
	(void) uv_timer_init(&e->loop, &e->timer);
	(void) uv_signal_init(&e->loop, &e->term);
	(void) uv_signal_init(&e->loop, &e->interrupt);
	e->timer.data = e->term.data = e->interrupt.data = e;
	(void) uv_signal_start(&e->term, on_signal, SIGTERM);
	(void) uv_signal_start(&e->interrupt, on_signal, SIGINT);
	e->n_ports = w->n_nodes;
	e->ports = xcalloc(e->n_ports + 1, sizeof(*e->ports));
	for (size_t i = 0; i < e->n_ports; i++)
		e->ports[i] = (struct engine_port){.engine = e, .node = w->nodes[i]};
	engine_ports_follow(e);
	e->control = http_server_open(&e->loop, control, on_control, e);
	e->real_ns = (int64_t) uv_hrtime();
	e->world_ns = w->now_ns;
	engine_tick(e);
}

void
engine_run(struct engine *e)
{
	(void) uv_run(&e->loop, UV_RUN_DEFAULT);
}

void
engine_close(struct engine *e)
{
	engine_stream_close_all(e);
	wire_close_all(e);
	for (size_t i = 0; i < e->n_ports; i++) {
		if (e->ports[i].server != NULL)
			http_server_close(e->ports[i].server);
		if (e->ports[i].tcp != NULL)
			http_server_close(e->ports[i].tcp);
	}
	http_server_close(e->control);
	uv_close((uv_handle_t *) &e->timer, NULL);
	uv_close((uv_handle_t *) &e->term, NULL);
	uv_close((uv_handle_t *) &e->interrupt, NULL);
	(void) uv_run(&e->loop, UV_RUN_DEFAULT);
	free(e->ports);
	for (size_t i = 0; i < WORLD_EVENTS; i++)
		free(e->ring[i].line);
	fault_clear(&e->faults, NULL);
}
