/*
 * One Docker Engine, as typed calls. A manager's engine answers for the Swarm; any engine answers
 * for its own containers.
 *
 * Every call returns at once; its callback runs exactly once, later, from the loop, with exactly
 * one of result and err not NULL. Both are borrowed for the callback. To keep a list or object,
 * take its arena: `struct arena *mine = take_ptr(result->arena);` and free that later (the struct
 * itself is to be copied); what is not taken is freed after the callback.
 *
 * Error codes: -ENOENT (no such object, or no such socket: err->text says which), -EAGAIN (update
 * out of sequence: read again), -EEXIST (name is taken), -EACCES (the socket may not be opened),
 * -EPERM (refused by the engine or a proxy), -ENOTSUP (not a manager, or an engine that is too
 * old), -EINVAL (the engine finds the request wrong), -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET,
 * -EHOSTUNREACH, -EKEYREJECTED (TLS), -EBADMSG (not what Docker answers), -EMSGSIZE (too long an
 * answer), -EBUSY (no leader, or too busy: try later), -ECANCELED, -EIO.
 * After a POST, any code but -EAGAIN, -ENOENT, -EEXIST, -EINVAL, -EPERM, -ENOTSUP, -ECONNREFUSED
 * leaves open whether it took effect: api_outcome_unknown() says so.
 */
#pragma once

#include <jansson.h>

#include "docker/http.h"
#include "docker/types.h"

struct api;

struct api_options {
	const char *url; /* unix:///path, tcp://host:port, http://…, https://… */
	/* PEM files; used by https:// and, where any is given, by tcp://. NULL or "" = none. */
	const char *tls_ca, *tls_cert, *tls_key;
	int64_t timeout_ms; /* of each request; 0 = API_TIMEOUT_MS */
};

/* The managers' own time-out is 20 s: let them say what is wrong before we give up. */
#define API_TIMEOUT_MS 25000

/* Once in a program, before any loop: libcurl's set-up, and allocators that abort (base/memory.h)
 * for jansson, libcurl and libuv. */
void api_global_init(void);

/* -EINVAL with a sentence when the URL or a certificate file is no good. Does not connect. */
int api_new(struct http *http, const struct api_options *options, struct api **ret,
            struct error *err);

/* Calls under way end with -ECANCELED, later, from the loop. NULL is fine. */
void api_free(struct api *api);
void api_freep(struct api **api);

const char *api_url(const struct api *api);

/* The API version in use, e.g. "1.41"; "" until the first answer. */
const char *api_version(const struct api *api);

/*
 * An endpoint that could not be reached backs off: for how long it should not be asked on one's own
 * accord (0 = ask). Calls made in spite of it are carried out.
 */
int64_t api_wait_ms(const struct api *api);

bool api_outcome_unknown(const struct error *err);

typedef void api_info_fn(void *data, struct docker_info *info, const struct error *err);
typedef void api_nodes_fn(void *data, struct docker_nodes *nodes, const struct error *err);
typedef void api_services_fn(void *data, struct docker_services *services, const struct error *err);
typedef void api_tasks_fn(void *data, struct docker_tasks *tasks, const struct error *err);
typedef void api_containers_fn(void *data, struct docker_containers *containers,
                               const struct error *err);
typedef void api_stats_fn(void *data, const struct docker_stats *stats, const struct error *err);
typedef void api_inspect_fn(void *data, struct docker_inspect *inspect, const struct error *err);
typedef void api_image_fn(void *data, struct docker_image *image, const struct error *err);
typedef void api_configs_fn(void *data, struct docker_configs *configs, const struct error *err);

/* One service, exact: every number, key and empty object as the engine sent it. */
struct api_service {
	char id[SWARM_ID_SIZE];
	uint64_t version;
	json_t *spec; /* borrowed: json_incref to keep, json_deep_copy to edit */
	json_t *doc;  /* the whole answer, borrowed: PreviousSpec, UpdateStatus, … */
	struct docker_service facts;
	struct arena *arena; /* of facts */
};

typedef void api_service_fn(void *data, struct api_service *service, const struct error *err);

struct api_done {
	const char *id; /* of the object that was created; "" otherwise */
	const char *const *warnings;
	size_t n_warnings;
};

typedef void api_done_fn(void *data, const struct api_done *done, const struct error *err);

void api_info(struct api *api, api_info_fn *fn, void *data);

/* Need a manager. */
void api_nodes(struct api *api, api_nodes_fn *fn, void *data);
void api_services(struct api *api, api_services_fn *fn, void *data);

struct api_tasks_filter {
	const char *service_id; /* NULL = all */
	bool desired_running;   /* only those; else also ready, shutdown, history */
};

void api_tasks(struct api *api, const struct api_tasks_filter *filter, api_tasks_fn *fn,
               void *data); /* filter may be NULL: all */

/*
 * One service to be edited and written back. Refused with -ERANGE where that cannot be done exactly
 * (integers beyond 64 bits, numbers with more digits than a double has, duplicate keys).
 */
void api_service_get(struct api *api, const char *id, api_service_fn *fn, void *data);

/*
 * POSTs spec (encoded before this returns; not kept) at the engine's own newest API version, with
 * the registry's credentials as they stand in the Swarm. version is the one that was read.
 */
void api_service_update(struct api *api, const char *id, uint64_t version, const json_t *spec,
                        api_done_fn *fn, void *data);

void api_configs(struct api *api, const char *name, api_configs_fn *fn,
                 void *data); /* exact name */
void api_config_create(struct api *api, const char *name, const struct docker_labels *labels,
                       const void *bytes, size_t size, api_done_fn *fn, void *data);
/* Replaces its labels, if it still has this version (else -EAGAIN). */
void api_config_label(struct api *api, const struct docker_config *config,
                      const struct docker_labels *labels, api_done_fn *fn, void *data);

/* Of the engine itself. containers: running ones that are tasks of the Swarm. */
void api_containers(struct api *api, api_containers_fn *fn, void *data);
void api_stats(struct api *api, const char *container_id, api_stats_fn *fn, void *data);
void api_inspect(struct api *api, const char *container_id, api_inspect_fn *fn, void *data);
void api_image(struct api *api, const char *name, api_image_fn *fn,
               void *data); /* -ENOENT: not here */

/*
 * Events: subscribes again for ever, with back-off, until closed. One may be told twice. on_resync
 * runs each time the stream stands anew (events may have been missed: read everything); on_lost
 * (may be NULL) each time it broke. Nothing runs after api_events_close, nor after api_free, which
 * closes it too.
 */
struct api_events;

struct api_events_options {
	void (*on_event)(void *data, const struct docker_event *event);
	void (*on_resync)(void *data);
	void (*on_lost)(void *data, const struct error *err);
	void *data;
};

struct api_events *api_events_open(struct api *api, const struct api_events_options *options);
void api_events_close(struct api_events *events); /* NULL is fine */
