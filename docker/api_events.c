/* The event stream of one engine, subscribed again for ever; see api.h. */
#include "docker/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "docker/call.h"
#include "docker/decode.h"
#include "docker/document.h"

/*
 * The stream is silent for as long as nothing happens, so a peer that vanished without a word looks
 * the same: subscribing anew every ten minutes bounds how long we would believe it.
 */
#define RENEW_MS 600000
/* One event; labels of a container are in it. A longer line is skipped. */
#define MAX_LINE ((size_t) 256 * 1024)
/* Body of an error answer. */
#define MAX_ERROR ((size_t) 64 * 1024)
#define NS_PER_S  INT64_C(1000000000)

/*
 * Health checks alone make three exec events a container every few seconds: what is not asked for
 * is not sent.
 */
static const char FILTERS[] =
    "{\"type\":[\"service\",\"node\",\"container\"],"
    "\"event\":[\"create\",\"update\",\"remove\",\"start\",\"die\",\"oom\"]}";

struct api_events {
	struct api *api; /* NULL once closed */
	struct api_events *prev, *next;
	struct api_events_options options;
	struct http_transfer *transfer;
	struct http_timer *timer;
	struct backoff backoff;
	char *line; /* what came of the line so far */
	size_t size;
	bool skipping; /* the rest of a line that is too long */
	bool is_open;
	bool busy;       /* a callback of the owner runs below us: do not free */
	int64_t last_ns; /* the newest event's; they do not come in order of time */
};

static void
events_free(struct api_events *ev)
{
	free(ev->line);
	free(ev);
}

static void
event_tell(struct api_events *ev, const char *line, size_t size)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = NULL;
	struct docker_event event;

	/* Exact, because nanoseconds since 1970 are more than a double holds. */
	if (document_parse_exact(api_url(ev->api), line, size, &doc, NULL) < 0 ||
	    decode_event(doc, arena, &event, NULL) < 0) {
		ev->options.on_resync(ev->options.data); /* it may have been something */
		return;
	}
	ev->last_ns = MAX(ev->last_ns, event.time_ns);
	ev->options.on_event(ev->options.data, &event);
}

static void
line_end(struct api_events *ev)
{
	size_t size = ev->size;

	ev->size = 0;
	if (ev->skipping) {
		ev->skipping = false;
		ev->options.on_resync(ev->options.data);
		return;
	}
	while (size > 0 && (ev->line[size - 1] == '\r' || ev->line[size - 1] == ' '))
		size--;
	if (size > 0)
		event_tell(ev, ev->line, size);
}

static void
line_add(struct api_events *ev, const char *bytes, size_t size)
{
	if (ev->skipping || size == 0)
		return;
	if (size > MAX_LINE - ev->size) {
		ev->skipping = true;
		return;
	}
	ev->line = xrealloc(ev->line, ev->size + size, 1);
	memcpy(ev->line + ev->size, bytes, size);
	ev->size += size;
}

static void
on_data(void *data, const char *bytes, size_t size)
{
	struct api_events *ev = data;
	const char *end;

	if (ev->api == NULL)
		return;
	if (size == 0) {
		ev->is_open = true;
		call_reached(ev->api, true);
		ev->options.on_resync(ev->options.data);
		return;
	}
	backoff_ok(&ev->backoff);
	while (ev->api != NULL && (end = memchr(bytes, '\n', size)) != NULL) {
		line_add(ev, bytes, (size_t) (end - bytes));
		size -= (size_t) (end + 1 - bytes);
		bytes = end + 1;
		line_end(ev);
	}
	if (ev->api != NULL)
		line_add(ev, bytes, size);
}

static void subscribe(struct api_events *ev);

static void
on_timer(void *data)
{
	struct api_events *ev = data;

	ev->timer = NULL;
	subscribe(ev);
}

/* The time-out of an open stream is our own renewal, not a failure. */
static void
on_done(void *data, const struct http_response *response, const struct error *cause)
{
	struct api_events *ev = data;
	bool renewal = ev->is_open && cause != NULL && cause->code == -ETIMEDOUT;
	struct error err = {0};
	int64_t wait_ms = 0;

	ev->transfer = NULL;
	if (ev->api == NULL || (cause != NULL && cause->code == -ECANCELED)) {
		if (ev->api == NULL)
			events_free(ev);
		return;
	}
	if (renewal) {
		backoff_ok(&ev->backoff);
	} else {
		if (call_check(api_url(ev->api), response, cause, &err) == 0)
			(void) error_set(&err, ECONNRESET, "'%s': the event stream has ended",
			                 api_url(ev->api));
		wait_ms = backoff_failed(&ev->backoff, mono_ms(), rng_double(&ev->api->rng));
		ev->busy = true;
		if (ev->options.on_lost != NULL)
			ev->options.on_lost(ev->options.data, &err);
		ev->busy = false;
		if (ev->api == NULL) {
			events_free(ev);
			return;
		}
	}
	ev->timer = http_timer_start(ev->api->http, wait_ms, on_timer, ev);
}

static char *
target_of(const struct api_events *ev)
{
	_cleanup_(freep) char *filters = call_escape(FILTERS, "");

	if (ev->last_ns == 0)
		return xasprintf("/events?filters=%s", filters);
	return xasprintf("/events?since=%" PRId64 ".%09" PRId64 "&filters=%s",
	                 ev->last_ns / NS_PER_S, ev->last_ns % NS_PER_S, filters);
}

static void
subscribe(struct api_events *ev)
{
	_cleanup_(freep) char *target = target_of(ev);
	struct http_request request = {
	    .method = "GET",
	    .peer = call_peer(ev->api),
	    .target = target,
	    .timeout_ms = RENEW_MS,
	    .max_bytes = MAX_ERROR,
	    .on_data = on_data,
	    .on_done = on_done,
	    .data = ev,
	};

	ev->is_open = false;
	ev->skipping = false;
	ev->size = 0;
	ev->transfer = http_start(ev->api->http, &request);
}

struct api_events *
api_events_open(struct api *api, const struct api_events_options *options)
{
	struct api_events *ev = xcalloc(1, sizeof(*ev));

	ev->api = api;
	ev->options = *options;
	ev->next = api->events;
	if (ev->next != NULL)
		ev->next->prev = ev;
	api->events = ev;
	subscribe(ev);
	return ev;
}

/* While a transfer is under way its end frees the rest. */
void
api_events_close(struct api_events *ev)
{
	if (ev == NULL)
		return;
	*(ev->prev != NULL ? &ev->prev->next : &ev->api->events) = ev->next;
	if (ev->next != NULL)
		ev->next->prev = ev->prev;
	ev->api = NULL;
	http_timer_cancel(take_ptr(ev->timer));
	if (ev->transfer != NULL)
		http_cancel(ev->transfer);
	else if (!ev->busy)
		events_free(ev);
}
