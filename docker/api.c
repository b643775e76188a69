/* One Docker Engine, as typed calls; see api.h. How a call travels: call.c. */
#include "docker/api.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "docker/call.h"
#include "docker/decode.h"
#include "docker/document.h"

/*
 * Caps on answers: some ten times what the largest Swarm that we aim for (1,000 nodes, 20,000 tasks
 * of 2 KiB, 5,000 services of 5 KiB) would send.
 */
#define MAX_LIST   ((size_t) 512 * 1024 * 1024)
#define MAX_OBJECT ((size_t) 16 * 1024 * 1024)

/* ---- the endpoint ---- */

void
api_global_init(void)
{
	document_global_init();
	http_global_init();
}

int
api_new(struct http *http, const struct api_options *options, struct api **ret, struct error *err)
{
	_cleanup_(freep) struct api *api = xcalloc(1, sizeof(*api));
	int rc = endpoint_init(&api->endpoint, options->url, options->tls_ca, options->tls_cert,
	                       options->tls_key, err);

	if (rc < 0)
		return rc;
	api->http = http;
	api->wave = 1;
	api->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : API_TIMEOUT_MS;
	rng_seed(&api->rng, hash64(options->url, strlen(options->url)));
	*ret = take_ptr(api);
	return 0;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	while (api->events != NULL)
		api_events_close(api->events);
	while (api->first != NULL)
		call_detach(api->first);
	if (api->gone != NULL)
		*api->gone = true;
	endpoint_done(&api->endpoint);
	free(api);
}

void
api_freep(struct api **api)
{
	api_free(*api);
}

const char *
api_url(const struct api *api)
{
	return api->endpoint.url;
}

const char *
api_version(const struct api *api)
{
	return api->version;
}

int64_t
api_wait_ms(const struct api *api)
{
	return backoff_left_ms(&api->backoff, mono_ms());
}

bool
api_outcome_unknown(const struct error *err)
{
	static const int known[] = {EAGAIN,  ENOENT,       EEXIST, EINVAL,      EPERM,
	                            ENOTSUP, ECONNREFUSED, EACCES, EHOSTUNREACH};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (err->code == -known[i])
			return false;
	}
	return true;
}

/* ---- answers ---- */

/*
 * DELIVER(nodes, MORE) defines answer_nodes: decode into an arena, hand over, free what was not
 * taken. All lists and objects that are read for facts end like this.
 */
#define DELIVER(noun, type)                                                                        \
	static void answer_##noun(struct api_call *call, const struct http_response *response,     \
	                          const struct error *err)                                         \
	{                                                                                          \
		json_auto_t *doc = NULL;                                                           \
		struct arena *arena = arena_new();                                                 \
		struct type result = {0};                                                          \
		struct error e = {0};                                                              \
                                                                                                   \
		if (err == NULL &&                                                                 \
		    document_parse(call->url, response->body, response->size, &doc, &e) < 0)       \
			err = &e;                                                                  \
		if (err == NULL && decode_##noun(doc, arena, &result, &e) < 0) {                   \
			(void) error_wrap(&e, "'%s'", call->url);                                  \
			err = &e;                                                                  \
		}                                                                                  \
		if (err == NULL)                                                                   \
			filter_##noun(call, &result);                                              \
		else                                                                               \
			arena_free(take_ptr(arena));                                               \
		/* Megabytes in a large Swarm: not beside what the callback makes of the result.   \
		 */                                                                                \
		json_decref(take_ptr(doc));                                                        \
		call->fn.noun(call->data, err == NULL ? &result : NULL, err);                      \
		if (err == NULL)                                                                   \
			arena_free(result.arena);                                                  \
	}

/* The engine's name filter is a prefix match. */
static void
filter_configs(struct api_call *call, struct docker_configs *configs)
{
	size_t kept = 0;

	for (size_t i = 0; i < configs->n; i++) {
		if (streq(configs->items[i].name, call->name))
			configs->items[kept++] = configs->items[i];
	}
	configs->n = kept;
}

#define filter_info(call, result)       ((void) 0)
#define filter_nodes(call, result)      ((void) 0)
#define filter_services(call, result)   ((void) 0)
#define filter_tasks(call, result)      ((void) 0)
#define filter_containers(call, result) ((void) 0)
#define filter_inspect(call, result)    ((void) 0)
#define filter_image(call, result)      ((void) 0)

DELIVER(info, docker_info)
DELIVER(nodes, docker_nodes)
DELIVER(services, docker_services)
DELIVER(tasks, docker_tasks)
DELIVER(containers, docker_containers)
DELIVER(inspect, docker_inspect)
DELIVER(image, docker_image)
DELIVER(configs, docker_configs)

static void
answer_stats(struct api_call *call, const struct http_response *response, const struct error *err)
{
	json_auto_t *doc = NULL;
	struct docker_stats stats;
	struct error e = {0};

	if (err == NULL &&
	    (document_parse(call->url, response->body, response->size, &doc, &e) < 0 ||
	     decode_stats(doc, &stats, &e) < 0))
		err = &e;
	call->fn.stats(call->data, err == NULL ? &stats : NULL, err);
}

static int
service_read(const struct api_call *call, const struct http_response *response, json_t **ret_doc,
             struct api_service *ret, struct error *err)
{
	int rc = document_parse_exact(call->url, response->body, response->size, ret_doc, err);

	if (rc == 0)
		rc = decode_service(*ret_doc, ret->arena, &ret->facts, err);
	if (rc < 0)
		return rc;
	ret->doc = *ret_doc;
	ret->spec = json_object_get(ret->doc, "Spec");
	ret->version = ret->facts.version;
	memcpy(ret->id, ret->facts.id, sizeof(ret->id));
	return 0;
}

static void
answer_service(struct api_call *call, const struct http_response *response, const struct error *err)
{
	json_auto_t *doc = NULL;
	struct api_service service = {.arena = arena_new()};
	struct error e = {0};

	if (err == NULL && service_read(call, response, &doc, &service, &e) < 0)
		err = &e;
	if (err != NULL)
		arena_free(take_ptr(service.arena));
	call->fn.service(call->data, err == NULL ? &service : NULL, err);
	arena_free(service.arena);
}

/* Some successful POSTs answer with no body at all. */
static int
done_read(const struct api_call *call, const struct http_response *response, struct arena *arena,
          struct api_done *ret, struct error *err)
{
	json_auto_t *doc = NULL;
	int rc;

	if (response->size == 0)
		return 0;
	rc = document_parse(call->url, response->body, response->size, &doc, err);
	if (rc == 0)
		rc = decode_done(doc, arena, &ret->id, &ret->warnings, &ret->n_warnings, err);
	return rc;
}

static void
answer_done(struct api_call *call, const struct http_response *response, const struct error *err)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct api_done done = {.id = ""};
	struct error e = {0};

	if (err == NULL && done_read(call, response, arena, &done, &e) < 0)
		err = &e;
	call->fn.done(call->data, err == NULL ? &done : NULL, err);
}

/* ---- calls ---- */

/* Ids stand in paths: nothing but letters and digits may. */
static void
id_check(struct api_call *call, const char *what, const char *id)
{
	size_t n = 0;

	while (isalnum((unsigned char) id[n]))
		n++;
	if (n == 0 || n > 128 || id[n] != '\0')
		(void) error_set(&call->refused, EINVAL, "'%.100s' is no %s's id", id, what);
}

void
api_info(struct api *api, api_info_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_info, data);

	call->fn.info = fn;
	call->path = xstrdup("/info");
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_nodes(struct api *api, api_nodes_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_nodes, data);

	call->fn.nodes = fn;
	call->path = xstrdup("/nodes");
	call->max_bytes = MAX_LIST;
	call_submit(call);
}

void
api_services(struct api *api, api_services_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_services, data);

	call->fn.services = fn;
	call->path = xstrdup("/services");
	call->max_bytes = MAX_LIST;
	call_submit(call);
}

void
api_tasks(struct api *api, const struct api_tasks_filter *filter, api_tasks_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_tasks, data);
	const char *service = filter != NULL ? filter->service_id : NULL;
	bool running = filter != NULL && filter->desired_running;
	_cleanup_(freep) char *filters = call_filters(service != NULL ? "service" : NULL, service,
	                                              running ? "desired-state" : NULL, "running");

	if (service != NULL)
		id_check(call, "service", service);
	call->fn.tasks = fn;
	call->path = xasprintf("/tasks?%s", filters);
	call->max_bytes = MAX_LIST;
	call_submit(call);
}

/*
 * Unversioned, that is: the engine's own newest version, as the POST. An older one would drop on
 * the way what it does not know (L12).
 */
void
api_service_get(struct api *api, const char *id, api_service_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_service, data);

	id_check(call, "service", id);
	call->fn.service = fn;
	call->path = xasprintf("/services/%s", id);
	call->unversioned = true;
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_service_update(struct api *api, const char *id, uint64_t version, const json_t *spec,
                   api_done_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_done, data);

	id_check(call, "service", id);
	call->fn.done = fn;
	call->method = "POST";
	call->path =
	    xasprintf("/services/%s/update?version=%" PRIu64 "&registryAuthFrom=spec", id, version);
	if (json_is_object(spec))
		call->body = document_encode(spec);
	else
		(void) error_set(&call->refused, EINVAL, "the spec of a service is an object");
	call->unversioned = true;
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_configs(struct api *api, const char *name, api_configs_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_configs, data);
	_cleanup_(freep) char *filters = call_filters("name", name, NULL, NULL);

	call->fn.configs = fn;
	call->name = xstrdup(name);
	call->path = xasprintf("/configs?%s", filters);
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

/* The caller frees. Swarm wants RFC 4648's alphabet with padding. */
static char *
base64(const unsigned char *bytes, size_t size)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = xcalloc((size + 2) / 3 * 4 + 1, 1), *to = text;

	for (size_t i = 0; i < size; i += 3) {
		uint32_t n = (uint32_t) bytes[i] << 16;

		if (i + 1 < size)
			n |= (uint32_t) bytes[i + 1] << 8;
		if (i + 2 < size)
			n |= bytes[i + 2];
		*to++ = digits[n >> 18];
		*to++ = digits[n >> 12 & 63];
		*to++ = i + 1 < size ? digits[n >> 6 & 63] : '=';
		*to++ = i + 2 < size ? digits[n & 63] : '=';
	}
	return text;
}

static json_t *
config_spec(const char *name, const struct docker_labels *labels)
{
	json_t *map = json_object(), *spec;

	for (size_t i = 0; i < labels->n; i++)
		(void) json_object_set_new(map, labels->items[i].key,
		                           json_string(labels->items[i].value));
	spec = json_pack("{s:s, s:o}", "Name", name, "Labels", map);
	return spec != NULL ? spec : json_null(); /* a name that is not UTF-8 */
}

static void
config_post(struct api_call *call, const json_t *spec, api_done_fn *fn)
{
	if (!json_is_object(spec))
		(void) error_set(&call->refused, EINVAL, "the config's name is not UTF-8");
	call->fn.done = fn;
	call->method = "POST";
	call->body = document_encode(spec);
	call->unversioned = true;
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_config_create(struct api *api, const char *name, const struct docker_labels *labels,
                  const void *bytes, size_t size, api_done_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_done, data);
	json_auto_t *spec = config_spec(name, labels);
	_cleanup_(freep) char *text = base64(bytes, size);

	(void) json_object_set_new(spec, "Data", json_string(text));
	call->path = xstrdup("/configs/create");
	config_post(call, spec, fn);
}

/* Swarm takes a config's labels and ignores an absent Data (it could not be changed anyway). */
void
api_config_label(struct api *api, const struct docker_config *config,
                 const struct docker_labels *labels, api_done_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_done, data);
	json_auto_t *spec = config_spec(config->name, labels);

	id_check(call, "config", config->id);
	call->path = xasprintf("/configs/%s/update?version=%" PRIu64, config->id, config->version);
	config_post(call, spec, fn);
}

void
api_containers(struct api *api, api_containers_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_containers, data);
	_cleanup_(freep) char *filters = call_filters("label", "com.docker.swarm.task", NULL, NULL);

	call->fn.containers = fn;
	call->path = xasprintf("/containers/json?%s", filters);
	call->max_bytes = MAX_LIST;
	call_submit(call);
}

void
api_stats(struct api *api, const char *container_id, api_stats_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_stats, data);

	id_check(call, "container", container_id);
	call->fn.stats = fn;
	call->path = xasprintf("/containers/%s/stats", container_id);
	call->stats = true;
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_inspect(struct api *api, const char *container_id, api_inspect_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_inspect, data);

	id_check(call, "container", container_id);
	call->fn.inspect = fn;
	call->path = xasprintf("/containers/%s/json", container_id);
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}

void
api_image(struct api *api, const char *name, api_image_fn *fn, void *data)
{
	struct api_call *call = call_new(api, answer_image, data);
	_cleanup_(freep) char *escaped = call_escape(name, "/:@");

	if (*name == '\0' || strstr(name, "..") != NULL || strpbrk(name, "?#% ") != NULL)
		(void) error_set(&call->refused, EINVAL, "'%.200s' is no image's name", name);
	call->fn.image = fn;
	call->path = xasprintf("/images/%s/json", escaped);
	call->max_bytes = MAX_OBJECT;
	call_submit(call);
}
