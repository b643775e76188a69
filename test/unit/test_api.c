/* docker/api against a scripted engine on the same loop; and the pure parts it stands on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "docker/api.h"
#include "docker/backoff.h"
#include "docker/endpoint.h"
#include "docker/fault.h"
#include "test/unit/http_server.h"

#define SERVICE   "ad6iqs5g41nzpsws7iyhoj1pm"
#define CONTAINER "3e37362d1704b85f0d585d371f10518a4ece1aa8163e15322208ecaf806a4349"
#define OBJECT    "\"ID\":\"" SERVICE "\",\"Version\":{\"Index\":7}"
#define MODE      "\"Mode\":{\"Replicated\":{\"Replicas\":2}}"

/* What the engine says to a request; NULL target ends the list, NULL answer: silence. */
struct reply {
	const char *target; /* begins with it */
	int status;
	const char *headers, *body;
};

struct world {
	uv_loop_t loop;
	struct http *http;
	struct http_server *server;
	struct api *api;
	const struct reply *replies;
	char dir[64], path[96], url[128];
	char log[4096];  /* "GET /x\n" a request */
	char body[1024]; /* of the last POST */
	struct http_server_conn *stream;
	bool closed;
};

static void
serve(void *data, struct http_server_conn *c, const struct http_server_request *r)
{
	struct world *w = data;
	size_t n = strlen(w->log);

	(void) snprintf(w->log + n, sizeof(w->log) - n, "%s %s\n", r->method, r->target);
	if (streq(r->method, "POST"))
		(void) str_copy(w->body, sizeof(w->body), r->body);
	if (str_has_prefix(r->target, "/events")) {
		w->stream = c;
		http_server_send(c, "HTTP/1.1 200 OK\r\n\r\n"); /* ends with the connection */
		return;
	}
	for (const struct reply *reply = w->replies; reply->target != NULL; reply++) {
		if (!str_has_prefix(r->target, reply->target))
			continue;
		if (reply->body == NULL)
			return;
		if (streq(r->method, "HEAD")) {
			_cleanup_(freep) char *head =
			    xasprintf("HTTP/1.1 %d S\r\n%s\r\n", reply->status, reply->headers);

			http_server_send(c, head);
			return;
		}
		http_server_answer(c, reply->status, reply->headers, reply->body);
		return;
	}
	http_server_answer(c, 404, "", "{\"message\":\"page not found\"}");
}

static void
world_init(struct world *w, const struct reply *replies)
{
	struct api_options options = {.timeout_ms = 5000};

	*w = (struct world){.replies = replies};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	(void) snprintf(w->dir, sizeof(w->dir), "/tmp/forager-api-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void) snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	(void) snprintf(w->url, sizeof(w->url), "unix://%s", w->path);
	w->server = http_server_open(&w->loop, w->path, serve, w);
	w->http = http_open(&w->loop);
	options.url = w->url;
	assert_int_equal(api_new(w->http, &options, &w->api, NULL), 0);
}

static void
on_closed(void *data)
{
	((struct world *) data)->closed = true;
}

static void
world_done(struct world *w)
{
	api_free(w->api);
	http_close(w->http, on_closed, w);
	http_server_close(w->server);
	while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
		continue;
	assert_true(w->closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	(void) unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
}

/* ---- what came of a call ---- */

struct outcome {
	struct world *w;
	int n, code;
	char text[512];
	size_t count;        /* of a list */
	char first[80];      /* of it: an id or name */
	uint64_t number;     /* version, cpu, … */
	struct arena *taken; /* the list's, kept */
	struct docker_nodes kept;
	bool take, frees_api, again;
};

static bool
ended(struct outcome *o, const void *result, const struct error *err)
{
	o->n++;
	uv_stop(&o->w->loop);
	assert_true((result == NULL) != (err == NULL));
	o->code = err != NULL ? err->code : 0;
	(void) str_copy(o->text, sizeof(o->text), err != NULL ? err->text : "");
	return err == NULL;
}

static void
wait_for(struct world *w, const struct outcome *o, int n)
{
	while (o->n < n && uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
		continue;
	assert_int_equal(o->n, n);
}

static void
on_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, nodes, err)) {
		o->count = nodes->n;
		if (nodes->n > 0)
			(void) str_copy(o->first, sizeof(o->first), nodes->items[0].hostname);
		if (o->take) {
			o->taken = take_ptr(nodes->arena);
			o->kept = *nodes;
		}
	}
	if (o->frees_api)
		api_free(take_ptr(o->w->api));
	if (o->again) {
		o->again = false;
		api_nodes(o->w->api, on_nodes, o);
	}
}

static void
on_services(void *data, struct docker_services *services, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, services, err))
		o->count = services->n;
}

static void
on_tasks(void *data, struct docker_tasks *tasks, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, tasks, err))
		o->count = tasks->n;
}

static void
on_containers(void *data, struct docker_containers *containers, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, containers, err))
		o->count = containers->n;
}

static void
on_configs(void *data, struct docker_configs *configs, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, configs, err)) {
		o->count = configs->n;
		o->number = configs->n > 0 ? configs->items[0].version : 0;
	}
}

static void
on_info(void *data, struct docker_info *info, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, info, err))
		(void) str_copy(o->first, sizeof(o->first), info->engine_version);
}

static void
on_stats(void *data, const struct docker_stats *stats, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, stats, err))
		o->number = stats->cpu_ns;
}

static void
on_inspect(void *data, struct docker_inspect *inspect, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, inspect, err))
		(void) str_copy(o->first, sizeof(o->first), inspect->status);
}

static void
on_image(void *data, struct docker_image *image, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, image, err))
		(void) str_copy(o->first, sizeof(o->first), image->id);
}

static void
on_done(void *data, const struct api_done *done, const struct error *err)
{
	struct outcome *o = data;

	if (ended(o, done, err)) {
		(void) str_copy(o->first, sizeof(o->first), done->id);
		o->count = done->n_warnings;
	}
}

static void
on_service(void *data, struct api_service *service, const struct error *err)
{
	struct outcome *o = data;

	if (!ended(o, service, err))
		return;
	assert_string_equal(service->id, SERVICE);
	assert_string_equal(service->facts.name, "web");
	o->number = service->version;
	/* Edit and write back, as the mover does. */
	if (o->again) {
		json_auto_t *spec = json_deep_copy(service->spec);

		o->again = false;
		(void) json_object_set_new(spec, "New", json_true());
		api_service_update(o->w->api, service->id, service->version, spec, on_done, o);
	}
}

/* ---- negotiation ---- */

#define PING(version) "/_ping", 200, "Api-Version: " version "\r\n", "OK"

static const struct {
	struct reply replies[4];
	const char *log;
	int code;
	const char *version, *text;
} pings[] = {
    {{{PING("1.41")}, {"/v1.41/nodes", 200, "", "[]"}},
     "HEAD /_ping\nGET /v1.41/nodes\n",
     0,
     "1.41",
     ""},
    {{{PING("1.99")}, {"/v1.55/nodes", 200, "", "[]"}},
     "HEAD /_ping\nGET /v1.55/nodes\n",
     0,
     "1.55",
     ""},
    {{{PING("1.39")}}, "HEAD /_ping\n", -ENOTSUP, "", "speaks API 1.39: forager needs 1.40"},
    {{{PING("1.41x")}}, "HEAD /_ping\n", -EBADMSG, "", "names '1.41x' as its API version"},
    {{{PING("-1.41")}}, "HEAD /_ping\n", -EBADMSG, "", "as its API version"},
    {{{"/_ping", 200, "", "<html>"}},
     "HEAD /_ping\n",
     -EBADMSG,
     "",
     "not as a Docker Engine (no Api-Version): check [docker] host"},
    {{{"/_ping", 403, "", "<html>Forbidden"}},
     "HEAD /_ping\nGET /_ping\n",
     -EPERM,
     "",
     "the proxy in front of Docker does not allow"},
};

static void
test_negotiation(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pings); i++) {
		struct outcome a = {0}, b = {0};
		struct world w;

		world_init(&w, pings[i].replies);
		a.w = b.w = &w;
		api_nodes(w.api, on_nodes, &a);
		assert_int_equal(a.n, 0);
		wait_for(&w, &a, 1);
		if (a.code != pings[i].code || strstr(a.text, pings[i].text) == NULL)
			fail_msg("ping %zu: %d %s", i, a.code, a.text);
		assert_string_equal(w.log, pings[i].log);
		assert_string_equal(api_version(w.api), pings[i].version);
		if (a.code == 0) { /* once is enough */
			w.log[0] = '\0';
			api_nodes(w.api, on_nodes, &b);
			wait_for(&w, &b, 1);
			assert_null(strstr(w.log, "_ping"));
		}
		world_done(&w);
	}
	(void) state;
}

/* Many calls wait for one ping; after a failure the next wave asks anew, also from a callback. */
static void
test_waiting_calls(void **state)
{
	static const struct reply bad[] = {{"/_ping", 500, "", "{\"message\":\"starting\"}"}, {0}};
	static const struct reply good[] = {{PING("1.41")}, {"/v1.41/nodes", 200, "", "[]"}, {0}};
	struct outcome many[5] = {0};
	struct world w;

	world_init(&w, good);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].w = &w;
		api_nodes(w.api, on_nodes, &many[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		wait_for(&w, &many[i], 1);
	assert_ptr_equal(strstr(w.log, "_ping"), strrchr(w.log, '_')); /* one only */
	world_done(&w);

	world_init(&w, bad);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct outcome){.w = &w, .again = i == 0};
		api_nodes(w.api, on_nodes, &many[i]);
	}
	wait_for(&w, &many[4], 1);
	assert_int_equal(many[4].code, -EIO);
	wait_for(&w, &many[0], 2);
	assert_non_null(strstr(many[0].text, "starting (HTTP 500)"));
	assert_string_equal(w.log, "HEAD /_ping\nGET /_ping\nHEAD /_ping\nGET /_ping\n");
	world_done(&w);
	(void) state;
}

/* An engine that was replaced by an older one tells us so: the next call asks for its version. */
static void
test_version_is_asked_again(void **state)
{
	static const struct reply newer[] = {{PING("1.44")}, {"/v1.44/nodes", 200, "", "[]"}, {0}};
	static const struct reply older[] = {{PING("1.41")},
	                                     {"/v1.44/", 400, "",
	                                      "{\"message\":\"client version 1.44 is too new. "
	                                      "Maximum supported API version is 1.41\"}"},
	                                     {"/v1.41/nodes", 200, "", "[]"},
	                                     {0}};
	struct outcome o = {0};
	struct world w;

	world_init(&w, newer);
	o.w = &w;
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 1);
	w.replies = older;
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.code, -ENOTSUP);
	assert_non_null(strstr(o.text, "client version 1.44 is too new"));
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 3);
	assert_int_equal(o.code, 0);
	assert_string_equal(api_version(w.api), "1.41");
	world_done(&w);
	(void) state;
}

/* ---- typed calls ---- */

static const struct reply engine[] = {
    {PING("1.41")},
    {"/v1.41/info", 200, "", "{\"ServerVersion\":\"20.10.24\"}"},
    {"/v1.41/nodes", 200, "", "[{" OBJECT ",\"Description\":{\"Hostname\":\"node-a\"}}]"},
    {"/v1.41/services", 200, "", "[{" OBJECT ",\"Spec\":{\"Name\":\"web\"," MODE "}}]"},
    {"/v1.41/tasks", 200, "", "[]"},
    {"/v1.41/containers/json", 200, "", "[]"},
    {"/v1.41/containers/" CONTAINER "/stats", 200, "",
     "{\"read\":\"2025-01-01T00:00:00Z\",\"pids_stats\":{\"limit\":18446744073709551615},"
     "\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":42}}}"},
    {"/v1.41/containers/" CONTAINER "/json", 200, "",
     "{\"Id\":\"" CONTAINER "\",\"State\":{\"Status\":\"running\"}}"},
    {"/v1.41/images/reg.example:5000/a/b:1@sha256:0/json", 200, "", "{\"Id\":\"sha256:0\"}"},
    {"/v1.41/images/", 404, "", "{\"message\":\"no such image: x: No such image: x\"}"},
    {"/v1.41/configs?", 200, "",
     "[{\"ID\":\"bbbbbbbbbbbbbbbbbbbbbbbbb\",\"Version\":{\"Index\":9},\"Spec\":{\"Name\":\"lease-"
     "2\"}},"
     "{" OBJECT ",\"Spec\":{\"Name\":\"lease\"}}]"},
    {"/configs/create", 201, "", "{\"ID\":\"" SERVICE "\"}"},
    {"/configs/" SERVICE "/update?version=7", 200, "", ""},
    {"/services/" SERVICE "/update?version=7&registryAuthFrom=spec", 200, "",
     "{\"Warnings\":[\"no digest\"]}"},
    {"/services/" SERVICE "/update", 500, "",
     "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}"},
    {"/services/" SERVICE, 200, "",
     "{" OBJECT ",\"Spec\":{\"Name\":\"web\",\"Empty\":{},\"Big\":9223372036854775807," MODE "}}"},
    {"/services/bbbbbbbbbbbbbbbbbbbbbbbbb", 200, "",
     "{" OBJECT ",\"Spec\":{\"Name\":\"web\",\"Hard\":18446744073709551615," MODE "}}"},
    {0},
};

/* The last request that the engine saw, without its line end. */
static const char *
last_request(struct world *w)
{
	size_t n = strlen(w->log);
	char *start;

	if (n == 0)
		return "";
	w->log[n - 1] = '\0';
	start = strrchr(w->log, '\n');
	return start != NULL ? start + 1 : w->log;
}

static void
test_lists(void **state)
{
	struct outcome o = {.take = true};
	struct world w;

	world_init(&w, engine);
	o.w = &w;
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.count, 1);
	assert_non_null(o.taken);
	assert_string_equal(o.kept.items[0].hostname, "node-a"); /* lives on */
	arena_free(o.taken);
	api_services(w.api, on_services, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.count, 1);
	assert_string_equal(last_request(&w), "GET /v1.41/services");

	w.log[0] = '\0';
	api_tasks(w.api, NULL, on_tasks, &o);
	wait_for(&w, &o, 3);
	assert_string_equal(last_request(&w), "GET /v1.41/tasks?filters=%7B%7D");
	w.log[0] = '\0';
	api_tasks(w.api, &(struct api_tasks_filter){.service_id = SERVICE, .desired_running = true},
	          on_tasks, &o);
	wait_for(&w, &o, 4);
	assert_string_equal(last_request(&w),
	                    "GET /v1.41/tasks?filters=%7B%22service%22%3A%5B%22" SERVICE
	                    "%22%5D%2C%22desired-state%22%3A%5B%22running%22%5D%7D");
	w.log[0] = '\0';
	api_containers(w.api, on_containers, &o);
	wait_for(&w, &o, 5);
	assert_string_equal(last_request(&w), "GET /v1.41/containers/json?filters=%7B%22label%22%3A"
	                                      "%5B%22com.docker.swarm.task%22%5D%7D");
	assert_int_equal(o.code, 0);
	world_done(&w);
	(void) state;
}

static void
test_objects(void **state)
{
	struct outcome o = {0};
	struct world w;

	world_init(&w, engine);
	o.w = &w;
	api_info(w.api, on_info, &o);
	wait_for(&w, &o, 1);
	assert_string_equal(o.first, "20.10.24");
	api_stats(w.api, CONTAINER, on_stats, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.number, 42);
	assert_string_equal(last_request(&w),
	                    "GET /v1.41/containers/" CONTAINER "/stats?stream=false&one-shot=true");
	api_inspect(w.api, CONTAINER, on_inspect, &o);
	wait_for(&w, &o, 3);
	assert_string_equal(o.first, "running");
	api_image(w.api, "reg.example:5000/a/b:1@sha256:0", on_image, &o);
	wait_for(&w, &o, 4);
	assert_string_equal(o.first, "sha256:0");
	api_image(w.api, "other", on_image, &o);
	wait_for(&w, &o, 5);
	assert_int_equal(o.code, -ENOENT);
	world_done(&w);
	(void) state;
}

/* Below 1.41 there is no one-shot. */
static void
test_stats_of_older_engine(void **state)
{
	static const struct reply replies[] = {
	    {PING("1.40")}, {"/v1.40/containers/", 200, "", "{\"id\":\"x\"}"}, {0}};
	struct outcome o = {0};
	struct world w;

	world_init(&w, replies);
	o.w = &w;
	api_stats(w.api, CONTAINER, on_stats, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.code, 0);
	assert_string_equal(last_request(&w),
	                    "GET /v1.40/containers/" CONTAINER "/stats?stream=false");
	world_done(&w);
	(void) state;
}

/* Read exactly, edit, write back: at the engine's own version, with what was there untouched. */
static void
test_service_update(void **state)
{
	json_auto_t *spec = json_object();
	struct outcome o = {.again = true};
	struct world w;

	world_init(&w, engine);
	o.w = &w;
	api_service_get(w.api, SERVICE, on_service, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.number, 7);
	assert_int_equal(o.count, 1); /* a warning */
	assert_string_equal(w.body,
	                    "{\"Name\":\"web\",\"Empty\":{},\"Big\":9223372036854775807," MODE
	                    ",\"New\":true}");
	assert_string_equal(last_request(&w),
	                    "POST /services/" SERVICE "/update?version=7&registryAuthFrom=spec");
	api_service_update(w.api, SERVICE, 8, spec, on_done, &o);
	wait_for(&w, &o, 3);
	assert_int_equal(o.code, -EAGAIN);
	assert_non_null(strstr(o.text, "update out of sequence"));

	api_service_get(w.api, "bbbbbbbbbbbbbbbbbbbbbbbbb", on_service, &o);
	wait_for(&w, &o, 4);
	assert_int_equal(o.code, -ERANGE);
	api_service_get(w.api, "ccccccccccccccccccccccccc", on_service, &o);
	wait_for(&w, &o, 5);
	assert_int_equal(o.code, -ENOENT);
	world_done(&w);
	(void) state;
}

static void
test_configs(void **state)
{
	static const struct docker_label pair = {"holder", "node \"a\""};
	static const struct docker_labels labels = {&pair, 1};
	struct docker_config config = {.id = SERVICE, .version = 7, .name = "lease"};
	struct outcome o = {0};
	struct world w;

	world_init(&w, engine);
	o.w = &w;
	api_configs(w.api, "lease", on_configs, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.count, 1); /* not lease-2, which the engine's filter lets through */
	assert_int_equal(o.number, 7);
	api_config_create(w.api, "lease", &labels, "hello!!", 7, on_done, &o);
	wait_for(&w, &o, 2);
	assert_string_equal(o.first, SERVICE);
	assert_string_equal(w.body,
	                    "{\"Name\":\"lease\",\"Labels\":{\"holder\":\"node \\\"a\\\"\"},"
	                    "\"Data\":\"aGVsbG8hIQ==\"}");
	api_config_label(w.api, &config, &labels, on_done, &o);
	wait_for(&w, &o, 3);
	assert_int_equal(o.code, 0);
	assert_string_equal(w.body,
	                    "{\"Name\":\"lease\",\"Labels\":{\"holder\":\"node \\\"a\\\"\"}}");
	world_done(&w);
	(void) state;
}

/* What is wrong with a call itself also comes later, and nothing goes out. */
static void
test_refused(void **state)
{
	struct outcome o[5] = {0};
	struct world w;

	world_init(&w, engine);
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		o[i].w = &w;
	api_service_get(w.api, "../nodes", on_service, &o[0]);
	api_stats(w.api, "", on_stats, &o[1]);
	api_inspect(w.api, "a?b", on_inspect, &o[2]);
	api_image(w.api, "a/../../b", on_image, &o[3]);
	api_service_update(w.api, SERVICE, 1, NULL, on_done, &o[4]);
	for (size_t i = 0; i < ARRAY_SIZE(o); i++)
		assert_int_equal(o[i].n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
		wait_for(&w, &o[i], 1);
		assert_int_equal(o[i].code, -EINVAL);
	}
	assert_string_equal(o[0].text, "'../nodes' is no service's id");
	assert_null(strstr(w.log, "nodes"));
	assert_null(strstr(w.log, "POST"));
	world_done(&w);
	(void) state;
}

/* ---- ends ---- */

static const struct reply silent[] = {{PING("1.41")}, {"/", 0, "", NULL}, {0}};

static void
test_free_with_calls_under_way(void **state)
{
	static const struct reply mute[] = {{"/", 0, "", NULL}, {0}};
	struct outcome waiting = {0}, out = {0};
	struct world w;

	world_init(&w, mute); /* the ping itself gets no answer */
	waiting.w = &w;
	api_nodes(w.api, on_nodes, &waiting);
	api_stats(w.api, CONTAINER, on_stats, &waiting);
	api_free(take_ptr(w.api));
	assert_int_equal(waiting.n, 0);
	world_done(&w);
	assert_int_equal(waiting.n, 2);
	assert_int_equal(waiting.code, -ECANCELED);
	assert_string_equal(w.log, "");

	world_init(&w, silent);
	out.w = &w;
	api_nodes(w.api, on_nodes, &out);
	while (strstr(w.log, "nodes") == NULL)
		(void) uv_run(&w.loop, UV_RUN_ONCE);
	http_close(w.http, on_closed, &w); /* the other way round */
	world_done(&w);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.code, -ECANCELED);
	(void) state;
}

static void
test_free_in_callback(void **state)
{
	static const struct reply bad[] = {{PING("1.2")}, {0}};
	struct outcome a = {.frees_api = true}, b = {0};
	struct world w;

	world_init(&w, bad); /* while the waiting calls are being ended */
	a.w = b.w = &w;
	api_nodes(w.api, on_nodes, &a);
	api_nodes(w.api, on_nodes, &b);
	wait_for(&w, &b, 1);
	assert_int_equal(a.code, -ENOTSUP);
	assert_int_equal(b.code, -ECANCELED);
	world_done(&w);

	world_init(&w, engine);
	a = (struct outcome){.w = &w, .frees_api = true};
	b = (struct outcome){.w = &w};
	api_nodes(w.api, on_nodes, &a);
	api_nodes(w.api, on_nodes, &b);
	wait_for(&w, &a, 1);
	wait_for(&w, &b, 1);
	assert_int_equal(a.code, 0);
	world_done(&w);
	(void) state;
}

static void
test_unreachable(void **state)
{
	struct api_options options = {.timeout_ms = 200};
	struct outcome o = {0};
	char url[160];
	struct api *api;
	struct world w;

	world_init(&w, silent);
	o.w = &w;
	(void) snprintf(url, sizeof(url), "unix://%s/none", w.dir);
	options.url = url;
	assert_int_equal(api_new(w.http, &options, &api, NULL), 0);
	assert_int_equal(api_wait_ms(api), 0);
	api_nodes(api, on_nodes, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.code, -ENOENT);
	assert_non_null(strstr(o.text, "no Docker socket at '/tmp/forager-api-"));
	assert_non_null(strstr(o.text, "start docker or set [docker] host"));
	assert_in_range(api_wait_ms(api), 1, BACKOFF_MOST_MS);
	api_free(api);

	options.url = w.url; /* it takes the connection and never answers */
	assert_int_equal(api_new(w.http, &options, &api, NULL), 0);
	api_nodes(api, on_nodes, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.code, -ETIMEDOUT);
	assert_true(api_outcome_unknown(&(struct error){.code = -ETIMEDOUT}));
	assert_false(api_outcome_unknown(&(struct error){.code = -EAGAIN}));
	assert_false(api_outcome_unknown(&(struct error){.code = -ECONNREFUSED}));
	api_free(api);
	world_done(&w);
	(void) state;
}

/* HTML with status 200: a proxy or a captive portal. */
static void
test_not_docker(void **state)
{
	static const struct reply replies[] = {
	    {PING("1.41")}, {"/v1.41/", 200, "", "<html>Welcome</html>"}, {0}};
	static const struct reply wrong[] = {
	    {PING("1.41")}, {"/v1.41/", 200, "", "{\"a\":1}"}, {0}};
	struct outcome o = {0};
	struct world w;

	world_init(&w, replies);
	o.w = &w;
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.code, -EBADMSG);
	assert_non_null(strstr(o.text, "answered with HTML (a proxy?)"));
	w.replies = wrong;
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 2);
	assert_int_equal(o.code, -EBADMSG);
	assert_non_null(strstr(o.text, w.url));
	assert_non_null(strstr(o.text, "nodes: a list was expected"));
	world_done(&w);
	(void) state;
}

/* ---- events ---- */

struct watch {
	struct world *w;
	struct api_events *events;
	int n_events, n_resync, n_lost, lost_code;
	char last[128];
	int close_at; /* n_events at which it closes itself */
};

static void
on_event(void *data, const struct docker_event *event)
{
	struct watch *v = data;

	v->n_events++;
	(void) snprintf(v->last, sizeof(v->last), "%s %s %s", event->type, event->action,
	                event->name);
	if (v->n_events == v->close_at)
		api_events_close(take_ptr(v->events));
	uv_stop(&v->w->loop);
}

static void
on_resync(void *data)
{
	struct watch *v = data;

	v->n_resync++;
	uv_stop(&v->w->loop);
}

static void
on_lost(void *data, const struct error *err)
{
	struct watch *v = data;

	v->n_lost++;
	v->lost_code = err->code;
	if (v->close_at < 0)
		api_events_close(take_ptr(v->events));
	uv_stop(&v->w->loop);
}

static void
watch_until(struct watch *v, const int *counter, int n)
{
	while (*counter < n)
		(void) uv_run(&v->w->loop, UV_RUN_DEFAULT);
	assert_int_equal(*counter, n);
}

#define EVENT(name, ns)                                                                            \
	"{\"Type\":\"service\",\"Action\":\"update\",\"Actor\":{\"ID\":\"x\",\"Attributes\":"      \
	"{\"name\":\"" name "\"}},\"timeNano\":" ns "}"

static void
watch_init(struct watch *v, struct world *w)
{
	struct api_events_options options = {
	    .on_event = on_event, .on_resync = on_resync, .on_lost = on_lost, .data = v};

	*v = (struct watch){.w = w};
	world_init(w, engine);
	v->events = api_events_open(w->api, &options);
	assert_int_equal(v->n_resync, 0);
	watch_until(v, &v->n_resync, 1);
}

static void
test_events(void **state)
{
	_cleanup_(freep) char *big = xcalloc(300001, 1);
	struct watch v;
	struct world w;

	watch_init(&v, &w);
	assert_non_null(strstr(w.log, "GET /events?filters=%7B%22type%22"));
	http_server_send(w.stream, EVENT("a", "1795363855027438727") "\n" EVENT("b", "17953"));
	watch_until(&v, &v.n_events, 1);
	assert_string_equal(v.last, "service update a");
	http_server_send(w.stream, "\r\n\n" EVENT("c", "3") "\n"); /* the end of b, an empty line */
	watch_until(&v, &v.n_events, 3);
	assert_string_equal(v.last, "service update c");

	http_server_send(w.stream, "nonsense\n"); /* it may have been something */
	watch_until(&v, &v.n_resync, 2);
	memset(big, 'x', 300000); /* and so may a line that is too long */
	http_server_send(w.stream, big);
	http_server_send(w.stream, "\n" EVENT("d", "4") "\n");
	watch_until(&v, &v.n_events, 4);
	assert_int_equal(v.n_resync, 3);

	w.log[0] = '\0';
	http_server_end(w.stream);
	watch_until(&v, &v.n_lost, 1);
	assert_int_equal(v.lost_code, -ECONNRESET);
	watch_until(&v, &v.n_resync, 4); /* back, with the newest time seen */
	assert_non_null(strstr(w.log, "GET /events?since=1795363855.027438727&filters="));
	http_server_send(w.stream, EVENT("e", "5") "\n");
	watch_until(&v, &v.n_events, 5);
	api_events_close(v.events);
	world_done(&w);
	assert_int_equal(v.n_lost, 1);
	(void) state;
}

static void
test_events_close(void **state)
{
	struct watch v;
	struct world w;

	watch_init(&v, &w); /* inside on_event, with more to come */
	v.close_at = 1;
	http_server_send(w.stream, EVENT("a", "1") "\n" EVENT("b", "2") "\n");
	watch_until(&v, &v.n_events, 1);
	world_done(&w);
	assert_int_equal(v.n_events, 1);

	watch_init(&v, &w); /* inside on_lost */
	v.close_at = -1;
	http_server_end(w.stream);
	watch_until(&v, &v.n_lost, 1);
	world_done(&w);

	watch_init(&v, &w); /* while it waits to try again; by api_free */
	http_server_end(w.stream);
	watch_until(&v, &v.n_lost, 1);
	world_done(&w);
	assert_int_equal(v.n_resync, 1);

	watch_init(&v, &w); /* while the stream stands; http first */
	http_close(w.http, on_closed, &w);
	world_done(&w);
	assert_int_equal(v.n_lost, 0);
	(void) state;
}

/* ---- pure parts ---- */

static const struct {
	const char *url, *ca, *cert, *key;
	const char *base, *path; /* NULL base: refused with text */
	const char *text;
} endpoints[] = {
    {"unix:///var/run/docker.sock", NULL, NULL, NULL, "http://localhost", "/var/run/docker.sock",
     ""},
    {"unix:///a", "/dev/null", NULL, NULL, "http://localhost", "/a", ""},
    {"tcp://node-1.example", NULL, NULL, NULL, "http://node-1.example:2375", NULL, ""},
    {"tcp://10.0.0.1:4000/", NULL, NULL, NULL, "http://10.0.0.1:4000", NULL, ""},
    {"tcp://10.0.0.1", "/dev/null", NULL, NULL, "https://10.0.0.1:2376", NULL, ""},
    {"http://h:80", "/dev/null", "/dev/null", "/dev/null", "http://h:80", NULL, ""},
    {"https://[fd00::1]:2376", "", "/dev/null", "/dev/null", "https://[fd00::1]:2376", NULL, ""},
    {"https://h", NULL, NULL, NULL, "https://h:443", NULL, ""},
    {"", NULL, NULL, NULL, NULL, NULL, "no Docker endpoint is given"},
    {NULL, NULL, NULL, NULL, NULL, NULL, "no Docker endpoint is given"},
    {"/var/run/docker.sock", NULL, NULL, NULL, NULL, NULL, "write unix:///var/run/docker.sock"},
    {"ssh://host", NULL, NULL, NULL, NULL, NULL, "'ssh://host' is no endpoint"},
    {"unix://docker.sock", NULL, NULL, NULL, NULL, NULL, "absolute path"},
    {"unix:///"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaa",
     NULL, NULL, NULL, NULL, NULL, "longer than 107 bytes"},
    {"tcp://", NULL, NULL, NULL, NULL, NULL, "host name"},
    {"tcp://h:", NULL, NULL, NULL, NULL, NULL, "no port after the colon"},
    {"tcp://h:0", NULL, NULL, NULL, NULL, NULL, "no valid port"},
    {"tcp://h:65536", NULL, NULL, NULL, NULL, NULL, "no valid port"},
    {"tcp://h:99999999999999999999", NULL, NULL, NULL, NULL, NULL, "no valid port"},
    {"tcp://h:23x", NULL, NULL, NULL, NULL, NULL, "no valid port"},
    {"http://user@h", NULL, NULL, NULL, NULL, NULL, "no user"},
    {"http://h/v1.41", NULL, NULL, NULL, NULL, NULL, "no path"},
    {"http://h h", NULL, NULL, NULL, NULL, NULL, "blank"},
    {"http://h\r\nX:", NULL, NULL, NULL, NULL, NULL, "control"},
    {"http://h%41", NULL, NULL, NULL, NULL, NULL, "host name"},
    {"tcp://[::1", NULL, NULL, NULL, NULL, NULL, "host name"},
    {"https://h", "/nonexistent/ca.pem", NULL, NULL, NULL, NULL,
     "cannot read the tls-ca file '/nonexistent/ca.pem': No such file"},
    {"https://h", NULL, "/dev/null", NULL, NULL, NULL, "belong together"},
};

static void
test_endpoints(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		struct endpoint e = {0};
		struct error err = {0};
		int rc = endpoint_init(&e, endpoints[i].url, endpoints[i].ca, endpoints[i].cert,
		                       endpoints[i].key, &err);

		if (rc != (endpoints[i].base != NULL ? 0 : -EINVAL) ||
		    !streq(e.base, endpoints[i].base) || !streq(e.unix_path, endpoints[i].path) ||
		    strstr(err.text, endpoints[i].text) == NULL)
			fail_msg("'%s': %d %s %s %s", endpoints[i].url, rc, e.base, e.unix_path,
			         err.text);
		assert_true((e.tls_ca != NULL || e.tls_cert != NULL) ==
		            (e.base != NULL && str_has_prefix(e.base, "https:") &&
		             (endpoints[i].ca != NULL || endpoints[i].cert != NULL)));
		endpoint_done(&e);
		endpoint_done(&e);
	}
	(void) state;
}

static const struct {
	int status;
	const char *body;
	int code;
	const char *text;
} answers[] = {
    {404, "{\"message\":\"service x not found\"}", -ENOENT, "'U': service x not found (HTTP 404)"},
    {409, "{\"message\":\"rpc error: code = AlreadyExists desc = config lease already exists\"}\n",
     -EEXIST, "already exists"},
    {500, "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}\n", -EAGAIN,
     "'U': rpc error: code = Unknown desc = update out of sequence"},
    {503,
     "{\"message\":\"This node is not a swarm manager. Use \\\"docker swarm init\\\" or \\\"docker "
     "swarm join\\\" to connect this node to swarm and try again.\"}",
     -ENOTSUP, "try again: point [docker] host to a manager of the Swarm"},
    {503, "{\"message\":\"Swarm is encrypted and needs to be unlocked before it can be used.\"}",
     -EBUSY, "run 'docker swarm unlock'"},
    {500,
     "{\"message\":\"rpc error: code = Unknown desc = The swarm does not have a leader. It's "
     "possible that too few managers are online.\"}",
     -EBUSY, "does not have a leader"},
    {500, "{\"message\":\"rpc error: code = DeadlineExceeded desc = context deadline exceeded\"}",
     -EBUSY, "deadline"},
    {400, "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.41\"}",
     -ENOTSUP, "too new"},
    {400, "{\"message\":\"Invalid filter 'nosuch'\"}", -EINVAL, "Invalid filter"},
    {501, "{\"message\":\"renaming services is not supported\"}", -EINVAL, "renaming"},
    {500, "{\"message\":\"something broke\"}", -EIO, "something broke (HTTP 500)"},
    {403, "{\"message\":\"authorization denied by plugin\"}", -EPERM, "denied by plugin"},
    {403, "<html><body>403 Forbidden</body></html>", -EPERM, "the proxy in front of Docker"},
    {502, "Bad Gateway", -EBUSY, "not reachable behind it"},
    {302, "", -EBADMSG, "HTTP 302 and no message of Docker: check [docker] host"},
    {404, "not found", -EBADMSG, "check [docker] host"},
    {500, "{\"message\":7}", -EBADMSG, "no message of Docker"},
};

static const struct {
	const char *url;
	struct error cause;
	const char *text;
} transports[] = {
    {"unix:///run/d.sock",
     {-ENOENT, "x"},
     "no Docker socket at '/run/d.sock': start docker or set [docker] host"},
    {"unix:///run/d.sock",
     {-EACCES, "x"},
     "no permission to open '/run/d.sock': run as root or as a member of group docker"},
    {"U",
     {-ECONNREFUSED, "'U': Connection refused"},
     "'U': Connection refused: is the engine running?"},
    {"U", {-EHOSTUNREACH, "'U': y"}, "'U': y: check the host's name and the network"},
    {"U", {-EKEYREJECTED, "'U': y"}, "'U': y: check [docker] tls-ca, tls-cert and tls-key"},
    {"U", {-ETIMEDOUT, "no answer"}, "no answer: the engine hangs or is overloaded"},
    {"U", {-ECANCELED, "'U': cancelled"}, "'U': cancelled"},
};

static void
test_faults(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct http_response r = {.status = answers[i].status,
		                          .body = answers[i].body,
		                          .size = strlen(answers[i].body)};
		struct error err = {0};

		if (fault_of_answer("U", &r, &err) != answers[i].code ||
		    err.code != answers[i].code || strstr(err.text, answers[i].text) == NULL)
			fail_msg("%d %s: %d %s", answers[i].status, answers[i].body, err.code,
			         err.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		struct error err = {0};

		assert_int_equal(fault_of_transport(transports[i].url, &transports[i].cause, &err),
		                 transports[i].cause.code);
		assert_string_equal(err.text, transports[i].text);
	}
	(void) state;
}

/* Root opens everything: this one needs another user to show. */
static void
test_no_permission(void **state)
{
	struct outcome o = {0};
	struct world w;

	if (geteuid() == 0) {
		print_message("skipped: root may open every socket\n");
		skip();
	}
	world_init(&w, engine);
	o.w = &w;
	assert_int_equal(chmod(w.path, 0), 0);
	api_nodes(w.api, on_nodes, &o);
	wait_for(&w, &o, 1);
	assert_int_equal(o.code, -EACCES);
	assert_non_null(strstr(o.text, "group docker"));
	world_done(&w);
	(void) state;
}

static void
test_backoff(void **state)
{
	struct backoff b = {0};
	int64_t wait, before = 0;

	assert_int_equal(backoff_left_ms(&b, 5000), 0);
	for (int i = 0; i < 40; i++) {
		wait = backoff_failed(&b, 5000, 0.5);
		assert_true(wait ==
		            MIN(before == 0 ? BACKOFF_FIRST_MS : before * 2, BACKOFF_MOST_MS));
		before = wait;
	}
	assert_int_equal(backoff_left_ms(&b, 5000), BACKOFF_MOST_MS);
	assert_int_equal(backoff_left_ms(&b, 5000 + BACKOFF_MOST_MS - 1), 1);
	assert_int_equal(backoff_left_ms(&b, 5000 + BACKOFF_MOST_MS), 0);
	backoff_ok(&b);
	assert_int_equal(backoff_left_ms(&b, 0), 0);
	assert_int_equal(backoff_failed(&b, 0, 0.0), BACKOFF_FIRST_MS * 3 / 4);
	backoff_ok(&b);
	assert_int_equal(backoff_failed(&b, 0, 1.0), BACKOFF_FIRST_MS * 5 / 4);
	backoff_ok(&b);
	assert_int_equal(backoff_failed(&b, 0, 7.0), BACKOFF_FIRST_MS * 5 / 4);
	(void) state;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_endpoints),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_backoff),
	    cmocka_unit_test(test_negotiation),
	    cmocka_unit_test(test_waiting_calls),
	    cmocka_unit_test(test_version_is_asked_again),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_objects),
	    cmocka_unit_test(test_stats_of_older_engine),
	    cmocka_unit_test(test_service_update),
	    cmocka_unit_test(test_configs),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_free_with_calls_under_way),
	    cmocka_unit_test(test_free_in_callback),
	    cmocka_unit_test(test_unreachable),
	    cmocka_unit_test(test_no_permission),
	    cmocka_unit_test(test_not_docker),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_events_close),
	};

	api_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
