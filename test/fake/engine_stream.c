/* /events: who listens, and what was told lately; see engine.h. */
#include "test/fake/engine.h"

#include <stdio.h>

#include "docker/document.h"

struct stream {
	struct engine *engine;
	struct stream *prev, *next;
	struct world_node *here;
	struct http_server_conn *conn;
	json_t *filters; /* NULL = all */
};

static void
stream_free(struct stream *s)
{
	*(s->prev != NULL ? &s->prev->next : &s->engine->streams) = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	json_decref(s->filters);
	free(s);
}

static void
on_close(void *data)
{
	stream_free(data);
}

void
engine_stream_close_all(struct engine *e)
{
	while (e->streams != NULL) {
		http_server_on_close(e->streams->conn, NULL, NULL);
		stream_free(e->streams);
	}
}

static bool
listed(const json_t *filters, const char *key, const char *word)
{
	const json_t *list = json_object_get(filters, key);
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		if (streq(json_string_value(value), word))
			return true;
	}
	return list == NULL;
}

static void
tell(struct stream *s, const struct engine_event *event)
{
	_cleanup_(freep) char *chunk = NULL;

	if (event->local != NULL ? event->local != s->here : !s->here->manager)
		return;
	if (!listed(s->filters, "type", event->type) || !listed(s->filters, "event", event->action))
		return;
	chunk = xasprintf("%zx\r\n%s\r\n", strlen(event->line), event->line);
	http_server_send(s->conn, chunk);
}

void
engine_stream_open(struct engine *e, struct world_node *here, struct http_server_conn *conn,
                   const char *filters, const char *since)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	double since_s = since != NULL ? strtod(since, NULL) : 0;

	s->engine = e;
	s->here = here;
	s->conn = conn;
	s->filters = filters != NULL ? json_loads(filters, 0, NULL) : NULL;
	s->next = e->streams;
	if (s->next != NULL)
		s->next->prev = s;
	e->streams = s;
	http_server_on_close(conn, on_close, s);
	http_server_send(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	                       "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = e->n_events > WORLD_EVENTS ? e->n_events - WORLD_EVENTS : 0;
	     since != NULL && i < e->n_events; i++) {
		const struct engine_event *event = &e->ring[i % WORLD_EVENTS];

		if ((double) event->at_ns / 1e9 >= since_s)
			tell(s, event);
	}
}

void
engine_event(void *data, const struct world_node *local, const char *type, const char *action,
             const char *id, json_t *attributes)
{
	struct engine *e = data;
	struct engine_event *event = &e->ring[e->n_events++ % WORLD_EVENTS];
	int64_t now_ns = e->world->now_ns;
	json_auto_t *doc = json_pack(
	    "{s:s, s:s, s:{s:s, s:o}, s:s, s:I, s:I}", "Type", type, "Action", action, "Actor",
	    "ID", id, "Attributes", attributes, "scope", local != NULL ? "local" : "swarm", "time",
	    (json_int_t) (now_ns / NS_PER_S), "timeNano", (json_int_t) now_ns);
	_cleanup_(freep) char *text = document_encode(doc);

	free(event->line);
	event->line = xasprintf("%s\n", text);
	event->at_ns = now_ns;
	event->local = local;
	(void) str_copy(event->type, sizeof(event->type), type);
	(void) str_copy(event->action, sizeof(event->action), action);
	for (struct stream *s = e->streams; s != NULL; s = s->next)
		tell(s, event);
}
