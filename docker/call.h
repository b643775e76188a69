/*
 * One request to one engine, from the typed call to its callback: waits for the negotiation of the
 * API version, goes out, comes back as JSON or as an error that says what to do. For api*.c only.
 */
#pragma once

#include "base/rng.h"
#include "docker/api.h"
#include "docker/backoff.h"
#include "docker/endpoint.h"

struct api_call;

/*
 * The end of a call: response of 2xx, or err; runs once, with the call out of the api's list. The
 * call is freed afterwards; call->api is NULL when api_free has come first.
 */
typedef void call_answer_fn(struct api_call *call, const struct http_response *response,
                            const struct error *err);

struct api_call {
	struct api *api;
	struct api_call *prev, *next;
	char *url; /* of the api, which may be gone */
	const char *method;
	char *path; /* without version; "/v1.41" is put in front unless unversioned */
	char *body; /* POST: JSON text */
	bool unversioned;
	bool stats;    /* one-shot is asked for where the version knows it */
	uint64_t wave; /* of the negotiation that it waits for; 0 = does not wait */
	size_t max_bytes;
	int64_t timeout_ms;
	struct error refused; /* set: never goes out, ends with this */
	struct http_transfer *transfer;
	bool answered; /* by whatever status */
	call_answer_fn *answer;
	char *name; /* configs: the exact one */
	union {
		api_info_fn *info;
		api_nodes_fn *nodes;
		api_services_fn *services;
		api_tasks_fn *tasks;
		api_containers_fn *containers;
		api_stats_fn *stats;
		api_inspect_fn *inspect;
		api_image_fn *image;
		api_configs_fn *configs;
		api_service_fn *service;
		api_done_fn *done;
	} fn;
	void *data;
};

struct api {
	struct http *http;
	struct endpoint endpoint;
	int64_t timeout_ms;
	int minor; /* API 1.minor in use; 0 = not negotiated */
	char version[16];
	bool asking;   /* a ping is under way */
	uint64_t wave; /* of the next negotiation */
	struct api_call *first, *last;
	struct api_events *events;
	struct backoff backoff;
	struct rng rng;
	bool *gone; /* set by api_free, for who is on the stack */
};

struct api_call *call_new(struct api *api, call_answer_fn *answer, void *data);

/* Takes the call: from here on its answer runs exactly once. */
void call_submit(struct api_call *call);

void call_detach(struct api_call *call); /* api_free: ends with -ECANCELED, later */

/* Records whether the endpoint could be reached. */
void call_reached(struct api *api, bool reached);

struct http_peer call_peer(const struct api *api);

/* The error that a finished transfer amounts to; 0 = a 2xx answer. */
int call_check(const char *url, const struct http_response *response, const struct error *cause,
               struct error *err);

/* Percent-encodes all but unreserved characters and those in keep. The caller frees. */
char *call_escape(const char *text, const char *keep);

/* "filters=…" of one or two keys with one value each; key2 may be NULL. The caller frees. */
char *call_filters(const char *key1, const char *value1, const char *key2, const char *value2);
