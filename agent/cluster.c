/* Polls of the Swarm and the endpoints of its nodes; see cluster.h. */
#include "agent/cluster.h"

#include <errno.h>
#include <stdio.h>

#include "agent/idmap.h"
#include "base/log.h"

struct endpoint_entry {
	char node_id[SWARM_ID_SIZE];
	char *url;
	struct api *api; /* NULL: the manager's own, or blind */
	bool is_manager; /* the node's containers are at the manager's own endpoint */
};

struct waiter {
	cluster_fn *fn;
	void *data;
	struct waiter *next;
};

/* One poll on its way. It outlives the cluster when that is freed meanwhile. */
struct poll {
	struct cluster *cluster; /* NULL: freed */
	struct cluster_state *state;
	struct waiter *waiters;
	int64_t start_mono_ms;
	unsigned int pending;
	struct error err;
};

struct cluster {
	struct http *http;
	const struct config *config;
	struct api *manager;
	struct idmap endpoints;
	struct cluster_state *newest;
	struct poll *poll;      /* under way, or NULL */
	struct waiter *waiting; /* for the next one */
	struct api_events *events;
	cluster_event_fn *event_fn;
	void *event_data;
};

static void
state_free(struct cluster_state *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(s->arenas); i++)
		arena_free(s->arenas[i]);
	free(s);
}

static void
endpoint_free(void *value)
{
	struct endpoint_entry *e = value;

	api_free(e->api);
	free(e->url);
	free(e);
}

static void
append(struct waiter **list, cluster_fn *fn, void *data)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->data = data;
	while (*list != NULL)
		list = &(*list)->next;
	*list = w;
}

/* "{addr}" of a manager that advertises nothing better than 0.0.0.0 is that of its Raft address. */
static char *
node_address(const struct docker_node *node)
{
	const char *addr = node->addr, *colon = strrchr(node->manager_addr, ':');

	if ((addr[0] == '\0' || streq(addr, "0.0.0.0") || streq(addr, "::")) && colon != NULL)
		return xasprintf("%.*s", (int) (colon - node->manager_addr), node->manager_addr);
	if (strchr(addr, ':') != NULL)
		return xasprintf("[%s]", addr);
	return xstrdup(addr);
}

static char *
expand(const char *template, const struct docker_node *node)
{
	_cleanup_(freep) char *addr = node_address(node);
	const char *const words[][2] = {
	    {"{addr}", addr}, {"{hostname}", node->hostname}, {"{id}", node->id}};
	char *url = xstrdup("");

	while (*template != '\0') {
		char *longer = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(words) && longer == NULL; i++) {
			if (str_has_prefix(template, words[i][0])) {
				longer = xasprintf("%s%s", url, words[i][1]);
				template += strlen(words[i][0]);
			}
		}
		if (longer == NULL)
			longer = xasprintf("%s%c", url, *template ++);
		free(url);
		url = longer;
	}
	return url;
}

char *
cluster_endpoint_url(const struct config *config, const struct docker_node *node, bool self)
{
	const struct config_node *own = config_node(config, node->hostname);

	if (own != NULL && own->endpoint != NULL)
		return streq(own->endpoint, "none") ? NULL : xstrdup(own->endpoint);
	if (config->endpoint_template != NULL)
		return expand(config->endpoint_template, node);
	return self ? xstrdup(config->docker_host) : NULL;
}

static int
open_api(struct cluster *c, const char *url, struct api **ret, struct error *err)
{
	const struct config *f = c->config;
	struct api_options options = {
	    .url = url,
	    .tls_ca = f->tls_ca,
	    .tls_cert = f->tls_cert,
	    .tls_key = f->tls_key,
	    .timeout_ms = f->timeout_ms,
	};

	return api_new(c->http, &options, ret, err);
}

static void
set_endpoint(struct cluster *c, const struct docker_node *node, bool self)
{
	struct endpoint_entry *e = idmap_get(&c->endpoints, node->id);
	_cleanup_(freep) char *url = cluster_endpoint_url(c->config, node, self);
	struct error err = {0};

	if (e != NULL && streq(e->url, url))
		return;
	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		(void) str_copy(e->node_id, sizeof(e->node_id), node->id);
		idmap_put(&c->endpoints, e->node_id, e);
	}
	api_free(take_ptr(e->api));
	free(e->url);
	e->url = take_ptr(url);
	e->is_manager = e->url != NULL && streq(e->url, c->config->docker_host);
	if (e->url != NULL && !e->is_manager && open_api(c, e->url, &e->api, &err) < 0)
		log_warning("The node stays blind, its endpoint is no URL: node='%s' error='%s'",
		            node->hostname, err.text);
}

static void
set_endpoints(struct cluster *c)
{
	const struct cluster_state *s = c->newest;

	for (size_t i = c->endpoints.n; i-- > 0;)
		if (cluster_find_node(s, c->endpoints.entries[i].key) == NULL)
			endpoint_free(idmap_remove_at(&c->endpoints, i));
	for (size_t i = 0; i < s->n_nodes; i++)
		set_endpoint(c, &s->nodes[i], streq(s->nodes[i].id, s->info.node_id));
}

static void start_poll(struct cluster *c); /* a poll's end starts the next one */

/*
 * Tells everyone who waits. c->poll stays set meanwhile, so that who asks again now gets the next
 * poll; any of them may free the cluster, and the rest hear of that instead.
 */
static void
answer(struct poll *p)
{
	while (p->waiters != NULL) {
		struct waiter *w = p->waiters;

		p->waiters = w->next;
		if (p->cluster == NULL && p->err.code == 0)
			(void) error_set(&p->err, ECANCELED, "the cluster was closed");
		w->fn(w->data, p->err.code == 0 ? p->cluster->newest : NULL,
		      p->err.code == 0 ? NULL : &p->err);
		free(w);
	}
}

/* Ends a poll: everything was answered. */
static void
finish(struct poll *p)
{
	struct cluster *c = p->cluster;

	if (c != NULL && p->err.code == 0) {
		const struct docker_node *self =
		    cluster_find_node(p->state, p->state->info.node_id);

		p->state->leader = self != NULL && self->is_leader;
		p->state->mono_ms = mono_ms();
		p->state->took_ms = p->state->mono_ms - p->start_mono_ms;
		p->state->wall_ms = wall_ms();
		state_free(c->newest);
		c->newest = take_ptr(p->state);
		set_endpoints(c);
	}
	answer(p);
	c = p->cluster;
	state_free(p->state);
	free(p);
	if (c == NULL)
		return;
	c->poll = NULL;
	if (c->waiting != NULL)
		start_poll(c);
}

static void
part_done(struct poll *p, const char *what, const struct error *err)
{
	if (err != NULL && p->err.code == 0) {
		p->err = *err;
		(void) error_wrap(&p->err, "read %s", what);
	}
	if (--p->pending == 0)
		finish(p);
}

static const char *
what_it_is(const char *local_state)
{
	if (streq(local_state, "active"))
		return "a worker, not a manager";
	if (streq(local_state, "locked"))
		return "in a locked Swarm (docker swarm unlock)";
	return "not in a Swarm (docker swarm init or join)";
}

static void
got_info(void *data, struct docker_info *info, const struct error *err)
{
	struct poll *p = data;
	struct error why = {0};

	if (info != NULL) {
		p->state->info = *info;
		p->state->arenas[0] = take_ptr(info->arena);
		if (!p->state->info.control_available) {
			(void) error_set(
			    &why, ENOTSUP,
			    "the engine at '%s' is %s: run forager on a manager, or point [docker] "
			    "host at one",
			    p->cluster == NULL ? "" : api_url(p->cluster->manager),
			    what_it_is(p->state->info.local_state));
			/* Clearer than what such an engine says when asked for tasks. */
			p->err = (struct error){0};
			err = &why;
		}
	}
	part_done(p, "the engine's state", err);
}

static void
got_nodes(void *data, struct docker_nodes *nodes, const struct error *err)
{
	struct poll *p = data;

	if (nodes != NULL) {
		p->state->nodes = nodes->items;
		p->state->n_nodes = nodes->n;
		p->state->arenas[1] = take_ptr(nodes->arena);
	}
	part_done(p, "nodes", err);
}

static void
got_services(void *data, struct docker_services *services, const struct error *err)
{
	struct poll *p = data;

	if (services != NULL) {
		p->state->services = services->items;
		p->state->n_services = services->n;
		p->state->arenas[2] = take_ptr(services->arena);
	}
	part_done(p, "services", err);
}

/* Swarm keeps ended tasks as history: nothing here needs them. */
static void
got_tasks(void *data, struct docker_tasks *tasks, const struct error *err)
{
	struct poll *p = data;

	if (tasks != NULL) {
		size_t kept = 0;

		for (size_t i = 0; i < tasks->n; i++)
			if (tasks->items[i].state <= DOCKER_TASK_RUNNING)
				tasks->items[kept++] = tasks->items[i];
		p->state->tasks = tasks->items;
		p->state->n_tasks = kept;
		p->state->arenas[3] = take_ptr(tasks->arena);
	}
	part_done(p, "tasks", err);
}

/*
 * The engine's own state is asked first: a worker answers it, and then we can say what is wrong
 * better than by the refusal of the others. All go out at once: the answers lie within one round
 * trip.
 */
static void
start_poll(struct cluster *c)
{
	struct poll *p = xcalloc(1, sizeof(*p));

	p->cluster = c;
	p->state = xcalloc(1, sizeof(*p->state));
	p->waiters = take_ptr(c->waiting);
	p->pending = 4;
	p->start_mono_ms = mono_ms();
	c->poll = p;
	api_info(c->manager, got_info, p);
	api_nodes(c->manager, got_nodes, p);
	api_services(c->manager, got_services, p);
	api_tasks(c->manager, NULL, got_tasks, p);
}

void
cluster_poll(struct cluster *c, cluster_fn *fn, void *data)
{
	append(&c->waiting, fn, data);
	if (c->poll == NULL)
		start_poll(c);
}

static void
drop(struct waiter **list, cluster_fn *fn, const void *data)
{
	while (*list != NULL) {
		struct waiter *w = *list;

		if (w->fn == fn && w->data == data) {
			*list = w->next;
			free(w);
		} else {
			list = &w->next;
		}
	}
}

void
cluster_cancel(struct cluster *c, cluster_fn *fn, void *data)
{
	drop(&c->waiting, fn, data);
	if (c->poll != NULL)
		drop(&c->poll->waiters, fn, data);
}

int
cluster_new(struct http *http, const struct config *config, struct cluster **ret, struct error *err)
{
	struct cluster *c = xcalloc(1, sizeof(*c));
	int r;

	c->http = http;
	c->config = config;
	r = open_api(c, config->docker_host, &c->manager, err);
	if (r < 0) {
		free(c);
		return error_wrap(err, "[docker] host");
	}
	*ret = c;
	return 0;
}

void
cluster_free(struct cluster *c)
{
	if (c == NULL)
		return;
	cluster_watch(c, NULL, NULL);
	if (c->poll != NULL) {
		struct waiter **last = &c->poll->waiters;

		c->poll->cluster = NULL;
		while (*last != NULL)
			last = &(*last)->next;
		*last = take_ptr(c->waiting);
	}
	api_free(c->manager);
	idmap_done(&c->endpoints, endpoint_free);
	state_free(c->newest);
	free(c);
}

void
cluster_reload(struct cluster *c, const struct config *config)
{
	c->config = config;
}

const struct cluster_state *
cluster_newest(const struct cluster *c)
{
	return c->newest;
}

struct api *
cluster_manager(struct cluster *c)
{
	return c->manager;
}

struct api *
cluster_endpoint(struct cluster *c, const char *node_id)
{
	struct endpoint_entry *e = idmap_get(&c->endpoints, node_id);

	if (e == NULL)
		return NULL;
	return e->is_manager ? c->manager : e->api;
}

static void
on_event(void *data, const struct docker_event *event)
{
	struct cluster *c = data;

	if (c->event_fn != NULL)
		c->event_fn(c->event_data, event->type, event->action,
		            streq(event->type, "container") ? event->service_id : event->id);
}

static void
on_resync(void *data)
{
	struct cluster *c = data;

	if (c->event_fn != NULL)
		c->event_fn(c->event_data, NULL, NULL, NULL);
}

void
cluster_watch(struct cluster *c, cluster_event_fn *fn, void *data)
{
	const struct api_events_options options = {
	    .on_event = on_event, .on_resync = on_resync, .data = c};

	c->event_fn = fn;
	c->event_data = data;
	if (fn != NULL && c->events == NULL)
		c->events = api_events_open(c->manager, &options);
	if (fn == NULL)
		api_events_close(take_ptr(c->events));
}
