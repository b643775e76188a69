/* Docker's endpoints; see route.h. Those that write are in write.c. */
#include "test/fake/route.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "docker/document.h"
#include "test/fake/render.h"
#include "test/fake/shape.h"
#include "test/fake/stats.h"
#include "test/fake/write.h"

/* ---- texts ---- */

char *
route_message(const char *fmt, ...)
{
	json_auto_t *doc = NULL;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doc = json_pack("{s:s}", "message", text);
	return document_encode(doc);
}

static char *
unescape(const char *s, size_t size)
{
	char *made = xcalloc(size + 1, 1), *to = made;

	for (size_t i = 0; i < size; i++) {
		char hex[3] = {0};

		if (s[i] == '%' && i + 2 < size && isxdigit((unsigned char) s[i + 1])) {
			memcpy(hex, s + i + 1, 2);
			*to++ = (char) strtol(hex, NULL, 16);
			i += 2;
		} else {
			*to++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	return made;
}

char *
route_query(const struct route_request *r, const char *key)
{
	const char *s = r->query;
	size_t n = strlen(key);

	while (*s != '\0') {
		size_t size = strcspn(s, "&");

		if (size > n && strncmp(s, key, n) == 0 && s[n] == '=')
			return unescape(s + n + 1, size - n - 1);
		s += size + (s[size] == '&');
	}
	return NULL;
}

/* ---- filters ---- */

/* Docker takes {"key":["v"]} and {"key":{"v":true}}. True when the filter is absent or has text. */
static bool
filter_has(const json_t *filters, const char *key, const char *text, bool prefix)
{
	const json_t *list = json_object_get(filters, key);
	const char *name;
	json_t *value;
	size_t i;

	if (list == NULL)
		return true;
	json_array_foreach (list, i, value) {
		name = json_string_value(value);
		if (name != NULL && (streq(name, text) || (prefix && str_has_prefix(text, name))))
			return true;
	}
	json_object_foreach ((json_t *) (uintptr_t) list, name, value) {
		if (streq(name, text) || (prefix && str_has_prefix(text, name)))
			return true;
	}
	return false;
}

static bool
filter_labels(const json_t *filters, const json_t *labels)
{
	const json_t *list = json_object_get(filters, "label");
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		_cleanup_(freep) char *key = xstrdup(json_string_value(value));
		char *equal = key != NULL ? strchr(key, '=') : NULL;
		const char *has;

		if (equal != NULL)
			*equal++ = '\0';
		has = json_string_value(json_object_get(labels, key != NULL ? key : ""));
		if (has == NULL || (equal != NULL && !streq(has, equal)))
			return false;
	}
	return true;
}

static json_t *
filters_of(const struct route_request *r)
{
	_cleanup_(freep) char *text = route_query(r, "filters");

	return text != NULL ? json_loads(text, 0, NULL) : NULL;
}

/* ---- answers ---- */

static void
reply(struct route_answer *a, int status, json_t *doc)
{
	json_auto_t *mine = doc;

	a->status = status;
	a->body = document_encode(mine);
}

static void
refuse(struct route_answer *a, int status, char *body)
{
	a->status = status;
	a->body = body;
}

/* Worker, no leader: Swarm's own words. */
static bool
swarm_refuses(const struct route_request *r, struct route_answer *a)
{
	if (!r->here->manager) {
		refuse(a, 503,
		       route_message("This node is not a swarm manager. Use \"docker swarm init\" "
		                     "or \"docker swarm join\" to connect this node to swarm and "
		                     "try again."));
		return true;
	}
	if (!world_has_leader(r->world)) {
		refuse(a, 500,
		       route_message("rpc error: code = Unknown desc = The swarm does not have a "
		                     "leader. It's possible that too few managers are online. "
		                     "Make sure more than half of the managers are online."));
		return true;
	}
	return false;
}

static void
list_nodes(struct route_request *r, struct route_answer *a)
{
	json_auto_t *filters = filters_of(r);
	json_t *list = json_array();

	for (size_t i = 0; i < r->world->n_nodes; i++) {
		const struct world_node *n = r->world->nodes[i];

		if (filter_has(filters, "id", n->id, true) &&
		    filter_has(filters, "name", n->hostname, true) &&
		    filter_has(filters, "role", n->manager ? "manager" : "worker", false))
			(void) json_array_append_new(list, render_node(r->world, n));
	}
	reply(a, 200, list);
}

static void
list_services(struct route_request *r, struct route_answer *a)
{
	json_auto_t *filters = filters_of(r);
	json_t *list = json_array();

	for (size_t i = 0; i < r->world->n_services; i++) {
		const struct world_service *s = r->world->services[i];

		if (!s->removed && filter_has(filters, "id", s->id, true) &&
		    filter_has(filters, "name", s->name, true) &&
		    filter_labels(filters, json_object_get(s->spec, "Labels")))
			(void) json_array_append_new(list, render_service(r->world, s));
	}
	reply(a, 200, list);
}

static void
list_tasks(struct route_request *r, struct route_answer *a)
{
	json_auto_t *filters = filters_of(r);
	json_t *list = json_array();

	for (size_t k = 0; k < r->world->n_services; k++) {
		const struct world_service *s = r->world->services[k];

		if (!filter_has(filters, "service", s->id, true) &&
		    !filter_has(filters, "service", s->name, false))
			continue;
		for (size_t i = 0; i < s->n_tasks; i++) {
			const struct world_task *t = s->tasks[i];

			if (filter_has(filters, "id", t->id, true) &&
			    filter_has(filters, "desired-state", task_state_names[t->desired],
			               false) &&
			    (t->node == NULL ||
			     filter_has(filters, "node", t->node->hostname, false) ||
			     filter_has(filters, "node", t->node->id, false)))
				(void) json_array_append_new(list, render_task(r->world, t));
		}
	}
	reply(a, 200, list);
}

static void
list_configs(struct route_request *r, struct route_answer *a)
{
	json_auto_t *filters = filters_of(r);
	json_t *list = json_array();

	for (size_t i = 0; i < r->world->n_configs; i++) {
		const struct world_config *c = r->world->configs[i];

		if (filter_has(filters, "name", shape_text(c->spec, "Name", ""), true) &&
		    filter_labels(filters, json_object_get(c->spec, "Labels")))
			(void) json_array_append_new(list, render_config(c));
	}
	reply(a, 200, list);
}

static void
list_containers(struct route_request *r, struct route_answer *a)
{
	json_t *list = json_array();

	for (size_t k = 0; k < r->world->n_services; k++) {
		for (size_t i = 0; i < r->world->services[k]->n_tasks; i++) {
			const struct world_task *t = r->world->services[k]->tasks[i];

			if (t->node == r->here && t->alive)
				(void) json_array_append_new(list, render_container(t));
		}
	}
	reply(a, 200, list);
}

static struct world_task *
container_find(const struct route_request *r, const char *id)
{
	for (size_t k = 0; k < r->world->n_services; k++) {
		for (size_t i = 0; i < r->world->services[k]->n_tasks; i++) {
			struct world_task *t = r->world->services[k]->tasks[i];

			if (t->node == r->here && t->container[0] != '\0' &&
			    str_has_prefix(t->container, id))
				return t;
		}
	}
	return NULL;
}

/* The id between two slashes of the path. The caller frees. */
static char *
id_of(const struct route_request *r)
{
	const char *s = strchr(r->path + 1, '/');

	return s == NULL ? xstrdup("") : strndup(s + 1, strcspn(s + 1, "/"));
}

static void
get_stats(struct route_request *r, double stats_s, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	_cleanup_(freep) char *one_shot = route_query(r, "one-shot");
	struct world_task *t = container_find(r, id);

	if (t == NULL) {
		refuse(a, 404, route_message("No such container: %s", id));
		return;
	}
	/* The collector's loop: a reading a second, and two of them without one-shot. */
	a->delay_s = one_shot != NULL ? stats_s : 2 * stats_s;
	a->status = 200;
	if (t->alive)
		a->body = stats_text(r->world, t);
	else
		a->body = xasprintf("{\"read\":\"0001-01-01T00:00:00Z\",\"preread\":\"0001-01-01T"
		                    "00:00:00Z\",\"pids_stats\":{},\"cpu_stats\":{\"cpu_usage\":{"
		                    "\"total_usage\":0}},\"memory_stats\":{},\"name\":\"/%s\","
		                    "\"id\":\"%s\"}\n",
		                    t->service->name, t->container);
}

static void
get_one(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	const struct world_service *s = world_service_find(r->world, id);
	const struct world_node *n = world_node_find(r->world, id);
	const struct world_task *t = world_task_find(r->world, id);
	const struct world_config *c = world_config_find(r->world, id);

	if (streq(r->endpoint, "service") && s != NULL)
		reply(a, 200, render_service(r->world, s));
	else if (streq(r->endpoint, "node") && n != NULL)
		reply(a, 200, render_node(r->world, n));
	else if (streq(r->endpoint, "task") && t != NULL)
		reply(a, 200, render_task(r->world, t));
	else if (streq(r->endpoint, "config") && c != NULL)
		reply(a, 200, render_config(c));
	else
		refuse(a, 404, route_message("%s %s not found", r->endpoint, id));
}

static void
get_local(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	const struct world_task *t = container_find(r, id);

	if (streq(r->endpoint, "image")) {
		_cleanup_(freep) char *name = strndup(r->path + strlen("/images/"),
		                                      strlen(r->path) - strlen("/images//json"));

		if (str_has_prefix(name, "nosuch"))
			refuse(a, 404, route_message("no such image: %s", name));
		else
			reply(a, 200, render_image(name));
	} else if (t != NULL) {
		reply(a, 200, render_inspect(t));
	} else {
		refuse(a, 404, route_message("No such container: %s", id));
	}
}

/* ---- the table ---- */

static const struct {
	const char *method, *begin, *end; /* of the path; end "" = nothing more behind begin */
	const char *endpoint;
	bool swarm;
} routes[] = {
    {"HEAD", "/_ping", "", "ping", false},
    {"GET", "/_ping", "", "ping", false},
    {"GET", "/version", "", "version", false},
    {"GET", "/info", "", "info", false},
    {"GET", "/events", "", "events", false},
    {"GET", "/nodes", "", "nodes", true},
    {"POST", "/nodes/", "/update", "node_update", true},
    {"GET", "/nodes/", NULL, "node", true},
    {"GET", "/services", "", "services", true},
    {"POST", "/services/create", "", "service_create", true},
    {"POST", "/services/", "/update", "service_update", true},
    {"GET", "/services/", NULL, "service", true},
    {"DELETE", "/services/", NULL, "service_remove", true},
    {"GET", "/tasks", "", "tasks", true},
    {"GET", "/tasks/", NULL, "task", true},
    {"GET", "/configs", "", "configs", true},
    {"POST", "/configs/create", "", "config_create", true},
    {"POST", "/configs/", "/update", "config_update", true},
    {"GET", "/configs/", NULL, "config", true},
    {"DELETE", "/configs/", NULL, "config_remove", true},
    {"GET", "/containers/json", "", "containers", false},
    {"GET", "/containers/", "/stats", "stats", false},
    {"GET", "/containers/", "/json", "inspect", false},
    {"GET", "/images/", "/json", "image", false},
};

static bool
route_fits(size_t i, const struct route_request *r)
{
	size_t n = strlen(r->path), begin = strlen(routes[i].begin);
	const char *end = routes[i].end;

	if (!streq(r->method, routes[i].method) || !str_has_prefix(r->path, routes[i].begin))
		return false;
	if (end == NULL)
		return n > begin && strchr(r->path + begin, '/') == NULL;
	if (*end == '\0')
		return n == begin;
	return n > begin + strlen(end) && streq(r->path + n - strlen(end), end);
}

void
route_open(struct route_request *r)
{
	const char *path = r->target;
	int minor, used = 0;

	r->minor = r->world->api_minor;
	if (sscanf(path, "/v1.%d%n", &minor, &used) == 1 && path[used] == '/') {
		r->minor = minor;
		path += used;
	}
	r->path = unescape(path, strcspn(path, "?"));
	r->query = xstrdup(strchr(path, '?') != NULL ? strchr(path, '?') + 1 : "");
	r->endpoint = "";
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (route_fits(i, r)) {
			r->endpoint = routes[i].endpoint;
			return;
		}
	}
}

void
route_close(struct route_request *r)
{
	free(r->path);
	free(r->query);
}

static bool
version_refused(const struct route_request *r, struct route_answer *a)
{
	int least = render_api_least(r->world->api_minor);

	if (r->minor > r->world->api_minor)
		refuse(
		    a, 400,
		    route_message("client version 1.%d is too new. Maximum supported API version "
		                  "is 1.%d",
		                  r->minor, r->world->api_minor));
	else if (r->minor < least)
		refuse(
		    a, 400,
		    route_message("client version 1.%d is too old. Minimum supported API version "
		                  "is 1.%d, please upgrade your client to a newer version",
		                  r->minor, least));
	return a->status != 0;
}

static bool
is_swarm(const char *endpoint)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (streq(routes[i].endpoint, endpoint))
			return routes[i].swarm;
	}
	return false;
}

static void
dispatch(struct route_request *r, double stats_s, struct route_answer *a)
{
	static const struct {
		const char *endpoint;
		void (*fn)(struct route_request *r, struct route_answer *a);
	} handlers[] = {
	    {"nodes", list_nodes},
	    {"services", list_services},
	    {"tasks", list_tasks},
	    {"configs", list_configs},
	    {"containers", list_containers},
	    {"node", get_one},
	    {"service", get_one},
	    {"task", get_one},
	    {"config", get_one},
	    {"inspect", get_local},
	    {"image", get_local},
	    {"node_update", write_node},
	    {"service_create", write_service_create},
	    {"service_update", write_service_update},
	    {"service_remove", write_service_remove},
	    {"config_create", write_config_create},
	    {"config_update", write_config_update},
	    {"config_remove", write_config_remove},
	};

	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (streq(r->endpoint, handlers[i].endpoint)) {
			handlers[i].fn(r, a);
			return;
		}
	}
	if (streq(r->endpoint, "stats"))
		get_stats(r, stats_s, a);
	else if (streq(r->endpoint, "info"))
		reply(a, 200, render_info(r->world, r->here));
	else if (streq(r->endpoint, "version"))
		reply(a, 200, render_version(r->world));
	else if (streq(r->endpoint, "ping"))
		refuse(a, 200, xstrdup("OK"));
	else if (streq(r->endpoint, "events"))
		a->is_events = true;
	else
		refuse(a, 404, route_message("page not found"));
}

void
route_answer(struct route_request *r, double stats_s, struct route_answer *ret)
{
	*ret = (struct route_answer){0};
	if (version_refused(r, ret))
		return;
	if (is_swarm(r->endpoint) && swarm_refuses(r, ret))
		return;
	r->world->who = r->who;
	dispatch(r, stats_s, ret);
	r->world->who = "swarm";
}
