/* One request to one engine; see call.h. */
#include "docker/call.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "docker/document.h"
#include "docker/fault.h"

/* The newest API version whose answers we have read; engines that know less are asked in theirs. */
#define OUR_MINOR 55
/* Docker 19.03: node.label filters, MaxReplicas. */
#define LEAST_MINOR 40
/* A ping does nothing but answer. */
#define PING_TIMEOUT_MS 10000
#define PING_MAX_BYTES  ((size_t) 64 * 1024)

/* ---- building ---- */

char *
call_escape(const char *text, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	char *escaped = xcalloc(strlen(text) * 3 + 1, 1), *to = escaped;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char) *text;

		if ((c < 0x80 && isalnum(c)) || strchr("-._~", c) != NULL ||
		    strchr(keep, c) != NULL) {
			*to++ = (char) c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return escaped;
}

static void
filter_add(json_t *filters, const char *key, const char *value)
{
	if (key != NULL && json_object_set_new(filters, key, json_pack("[s]", value)) != 0)
		abort();
}

char *
call_filters(const char *key1, const char *value1, const char *key2, const char *value2)
{
	json_auto_t *filters = json_object();
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *escaped = NULL;

	filter_add(filters, key1, value1);
	filter_add(filters, key2, value2);
	text = document_encode(filters);
	escaped = call_escape(text, "");
	return xasprintf("filters=%s", escaped);
}

struct http_peer
call_peer(const struct api *api)
{
	const struct endpoint *e = &api->endpoint;

	return (struct http_peer){
	    .url = e->url,
	    .base = e->base,
	    .unix_path = e->unix_path,
	    .tls_ca = e->tls_ca,
	    .tls_cert = e->tls_cert,
	    .tls_key = e->tls_key,
	};
}

struct api_call *
call_new(struct api *api, call_answer_fn *answer, void *data)
{
	struct api_call *call = xcalloc(1, sizeof(*call));

	call->api = api;
	call->url = xstrdup(api->endpoint.url);
	call->method = "GET";
	call->timeout_ms = api->timeout_ms;
	call->answer = answer;
	call->data = data;
	call->prev = api->last;
	*(api->last != NULL ? &api->last->next : &api->first) = call;
	api->last = call;
	return call;
}

static void
call_unlink(struct api_call *call)
{
	struct api *api = call->api;

	if (api == NULL)
		return;
	*(call->prev != NULL ? &call->prev->next : &api->first) = call->next;
	*(call->next != NULL ? &call->next->prev : &api->last) = call->prev;
	call->prev = call->next = NULL;
}

static void
call_free(struct api_call *call)
{
	free(call->url);
	free(call->path);
	free(call->body);
	free(call->name);
	free(call);
}

/* ---- ending ---- */

void
call_reached(struct api *api, bool reached)
{
	if (reached)
		backoff_ok(&api->backoff);
	else
		(void) backoff_failed(&api->backoff, mono_ms(), rng_double(&api->rng));
}

int
call_check(const char *url, const struct http_response *response, const struct error *cause,
           struct error *err)
{
	if (response == NULL)
		return fault_of_transport(url, cause, err);
	if (response->status >= 200 && response->status < 300)
		return 0;
	return fault_of_answer(url, response, err);
}

/*
 * After an engine was replaced its versions may be others: ask anew when it could not be reached,
 * or does not like ours.
 */
static void
note(struct api *api, const struct http_response *response, int rc)
{
	if (api == NULL || rc == -ECANCELED)
		return;
	call_reached(api, response != NULL || rc == -EMSGSIZE);
	if (rc == -ENOTSUP || response == NULL)
		api->minor = 0;
}

/* The callback may free the api, or start calls on it: nothing of ours is touched after it. */
static void
call_end(struct api_call *call, const struct http_response *response, const struct error *err)
{
	call_unlink(call);
	call->answer(call, response, err);
	call_free(call);
}

static void
on_done(void *data, const struct http_response *response, const struct error *cause)
{
	struct api_call *call = data;
	struct error err = {0};
	int rc;

	call->transfer = NULL;
	if (call->refused.code != 0) {
		err = call->refused;
		rc = err.code;
	} else {
		rc = call_check(call->url, response, cause, &err);
		call->answered = response != NULL;
		note(call->api, response, rc);
	}
	call_end(call, rc == 0 ? response : NULL, rc == 0 ? NULL : &err);
}

/* ---- sending ---- */

static char *
target_of(const struct api_call *call)
{
	const char *more = "";

	if (call->stats)
		more = call->api->minor >= 41 ? "?stream=false&one-shot=true" : "?stream=false";
	if (call->unversioned || call->api->minor == 0)
		return xasprintf("%s%s", call->path, more);
	return xasprintf("/v1.%d%s%s", call->api->minor, call->path, more);
}

/* A call that was refused goes no further than http_start, which finds its path wrong. */
static void
call_start(struct api_call *call)
{
	static const char *const json[] = {"Content-Type: application/json", NULL};
	_cleanup_(freep) char *target = call->refused.code != 0 ? xstrdup("") : target_of(call);
	struct http_request request = {
	    .method = call->method,
	    .peer = call_peer(call->api),
	    .target = target,
	    .headers = call->body != NULL ? json : NULL,
	    .body = call->body,
	    .body_size = call->body != NULL ? strlen(call->body) : 0,
	    .timeout_ms = call->timeout_ms,
	    .max_bytes = call->max_bytes,
	    .on_done = on_done,
	    .data = call,
	};

	call->wave = 0;
	call->transfer = http_start(call->api->http, &request);
}

void
call_detach(struct api_call *call)
{
	if (call->transfer == NULL)
		call_start(call); /* cancelled before the loop sees it: only its end comes */
	http_cancel(call->transfer);
	(void) error_set(&call->refused, ECANCELED, "'%s': cancelled", call->url);
	call_unlink(call);
	call->api = NULL;
}

/* ---- negotiation ---- */

static struct api_call *
next_waiting(struct api *api, uint64_t wave)
{
	struct api_call *call = api->first;

	while (call != NULL && call->wave != wave)
		call = call->next;
	return call;
}

/*
 * Those that waited for this negotiation go out, or end with err. What their callbacks start is of
 * the next wave: it has a ping of its own and does not end with ours.
 */
static void
release(struct api *api, const struct error *err)
{
	uint64_t wave = api->wave++;
	struct api_call *call;
	bool gone = false;

	api->asking = false;
	api->gone = &gone;
	while (!gone && (call = next_waiting(api, wave)) != NULL) {
		if (err == NULL)
			call_start(call);
		else
			call_end(call, NULL, err);
	}
	if (!gone)
		api->gone = NULL;
}

static int
version_parse(const char *url, const struct http_response *response, int *ret_minor,
              struct error *err)
{
	const char *text = http_response_header(response, "Api-Version");
	int major, minor, end = 0;

	if (text == NULL)
		return error_set(err, EBADMSG,
		                 "'%s' answered, but not as a Docker Engine (no Api-Version): "
		                 "check [docker] host",
		                 url);
	if (sscanf(text, "%3d.%3d%n", &major, &minor, &end) != 2 || text[end] != '\0' ||
	    major < 1 || minor < 0)
		return error_set(err, EBADMSG, "'%s' names '%.20s' as its API version", url, text);
	if (major == 1 && minor < LEAST_MINOR)
		return error_set(err, ENOTSUP,
		                 "the engine at '%s' speaks API %.20s: forager needs 1.%d (Docker "
		                 "19.03) or newer",
		                 url, text, LEAST_MINOR);
	*ret_minor = major > 1 ? OUR_MINOR : MIN(minor, OUR_MINOR);
	return 0;
}

static void ping(struct api *api, const char *method);

/* Some proxies know no HEAD: ask again with GET, as Docker's own client does. */
static void
on_ping(struct api_call *call, const struct http_response *response, const struct error *err)
{
	struct api *api = call->api;
	struct error e = {0};
	int minor = 0;

	if (api == NULL)
		return;
	if (err != NULL && streq(call->method, "HEAD") && call->answered) {
		ping(api, "GET");
		return;
	}
	if (err == NULL && version_parse(call->url, response, &minor, &e) < 0)
		err = &e;
	if (err == NULL) {
		api->minor = minor;
		(void) snprintf(api->version, sizeof(api->version), "1.%d", minor);
	}
	release(api, err);
}

static void
ping(struct api *api, const char *method)
{
	struct api_call *call = call_new(api, on_ping, NULL);

	call->method = method;
	call->path = xstrdup("/_ping");
	call->unversioned = true;
	call->max_bytes = PING_MAX_BYTES;
	call->timeout_ms = MIN(PING_TIMEOUT_MS, api->timeout_ms);
	api->asking = true;
	call_start(call);
}

void
call_submit(struct api_call *call)
{
	struct api *api = call->api;

	if (api->minor != 0 || call->refused.code != 0) {
		call_start(call);
		return;
	}
	call->wave = api->wave;
	if (!api->asking)
		ping(api, "HEAD");
}
