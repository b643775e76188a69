/* The store of a Swarm in memory; see world.h. */
#include "test/fake/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "test/fake/rules.h"

/* Swarm's parts wake up by watching the store: a moment after the write. */
#define WAKE_NS NS_PER_MS

const char *const world_availability_names[] = {"active", "pause", "drain"};
const char *const world_node_state_names[] = {"unknown", "ready", "down", "disconnected"};
const char *const world_update_names[] = {"",
                                          "updating",
                                          "paused",
                                          "completed",
                                          "rollback_started",
                                          "rollback_paused",
                                          "rollback_completed"};

struct world *
world_new(uint64_t seed, int64_t now_ns, int api_minor)
{
	struct world *w = xcalloc(1, sizeof(*w));

	rng_seed(&w->rng, seed);
	w->now_ns = w->born_ns = now_ns;
	w->index = 10;
	w->api_minor = api_minor;
	w->who = "swarm";
	return w;
}

/* ---- small things ---- */

void
world_id(struct world *w, char ret[static SWARM_ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < SWARM_ID_SIZE - 1; i++)
		ret[i] = digits[rng_below(&w->rng, 36)];
	ret[SWARM_ID_SIZE - 1] = '\0';
}

bool
world_has_leader(const struct world *w)
{
	return w->leader[0] != '\0' && !w->panicked && !w->quorum_lost;
}

void
world_record(struct world *w, const char *kind, json_t *facts)
{
	if (w->listener.record != NULL)
		w->listener.record(w->listener.data, kind, facts);
	else
		json_decref(facts);
}

void
world_landmine(struct world *w, int number, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->landmines |= UINT64_C(1) << number;
	w->n_landmines[number]++;
	world_record(w, "landmine",
	             json_pack("{s:i, s:s, s:s}", "number", number, "who", w->who, "text", text));
}

static void
tell(struct world *w, const struct world_node *local, const char *type, const char *action,
     const char *id, json_t *attributes)
{
	if (w->listener.event != NULL)
		w->listener.event(w->listener.data, local, type, action, id, attributes);
	else
		json_decref(attributes);
}

/* ---- waking Swarm's parts ---- */

static void
pump_tasks(struct world *w)
{
	struct world_task **changed = take_ptr(w->changed);
	size_t n = w->n_changed;

	w->n_changed = 0;
	for (size_t i = 0; i < n; i++)
		changed[i]->queued = false;
	for (size_t i = 0; i < n; i++) {
		struct world_task *t = changed[i];

		/* As seen on 20.10: a rollback is there before the restart, which uses its spec. */
		updater_task_changed(w, t);
		orchestrator_task_changed(w, t);
		restart_task_changed(w, t);
		machine_task_changed(w, t);
		if (t->state > TASK_RUNNING || t->node == NULL)
			scheduler_wake(w);
	}
	free(changed);
}

static void
pump_services(struct world *w)
{
	for (size_t i = 0; i < w->n_services; i++) {
		struct world_service *s = w->services[i];

		if (!s->queued)
			continue;
		s->queued = false;
		orchestrator_reconcile(w, s);
	}
}

/* A task that is wanted no more and whose container is gone is no more. */
static bool
is_over(const struct world_task *t)
{
	return t->desired == TASK_REMOVE && !t->alive && t->machine == NULL &&
	       (t->state > TASK_RUNNING || t->node == NULL);
}

static void
reap(struct world *w, struct world_service *s)
{
	for (size_t i = s->n_tasks; i-- > 0;) {
		if (!s->tasks[i]->queued && !s->tasks[i]->delayed && !s->tasks[i]->leaving &&
		    is_over(s->tasks[i]))
			world_task_remove(w, s->tasks[i]);
	}
}

static void
on_pump(struct world *w, void *data)
{
	(void) data;
	if (w->panicked || w->quorum_lost || w->leader[0] == '\0') {
		world_after(w, &w->pump, NS_PER_S, on_pump, NULL);
		return;
	}
	w->who = "swarm";
	pump_services(w);
	pump_tasks(w);
	reaper_wake(w);
	for (size_t i = w->n_services; i-- > 0;) {
		struct world_service *s = w->services[i];

		reap(w, s);
		if (s->removed && s->n_tasks == 0)
			world_service_remove(w, s);
	}
}

static void
wake(struct world *w)
{
	if (w->pump == NULL)
		world_after(w, &w->pump, WAKE_NS, on_pump, NULL);
}

/* ---- nodes ---- */

struct world_node *
world_node_add(struct world *w, const char *hostname, bool manager,
               const struct resources *capacity)
{
	struct world_node *n = xcalloc(1, sizeof(*n));

	world_id(w, n->id);
	n->hostname = xstrdup(hostname);
	n->addr = xasprintf("127.1.%zu.%zu", w->n_nodes / 250, w->n_nodes % 250 + 1);
	n->manager = manager;
	n->state = WORLD_READY;
	n->labels = json_object();
	n->engine_labels = json_object();
	n->capacity = *capacity;
	n->share = 1;
	n->created_ns = n->updated_ns = w->now_ns;
	n->version = ++w->index;
	n->index = (uint32_t) w->n_nodes;
	w->nodes = xrealloc(w->nodes, w->n_nodes + 1, sizeof(*w->nodes));
	w->nodes[w->n_nodes++] = n;
	if (manager && w->leader[0] == '\0')
		memcpy(w->leader, n->id, sizeof(w->leader));
	return n;
}

struct world_node *
world_node_find(const struct world *w, const char *id_or_name)
{
	for (size_t i = 0; i < w->n_nodes; i++) {
		if (streq(w->nodes[i]->id, id_or_name) || streq(w->nodes[i]->hostname, id_or_name))
			return w->nodes[i];
	}
	return NULL;
}

void
world_node_touch(struct world *w, struct world_node *n, json_t *attributes)
{
	if (attributes == NULL)
		attributes = json_object();
	(void) json_object_set_new(attributes, "name", json_string(n->hostname));
	n->version = ++w->index;
	n->updated_ns = w->now_ns;
	world_record(w, "node",
	             json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:O}", "id", n->id, "name",
	                       n->hostname, "version", (json_int_t) n->version, "state",
	                       world_node_state_names[n->state], "availability",
	                       world_availability_names[n->availability], "who", w->who, "labels",
	                       n->labels));
	tell(w, NULL, "node", "update", n->id, attributes);
	orchestrator_node_changed(w, n);
	restart_node_changed(w, n);
	enforcer_check(w, n);
	scheduler_wake(w);
}

/* ---- services ---- */

static void
service_record(struct world *w, const struct world_service *s, const char *what)
{
	world_record(w, "service",
	             json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:O, s:O*}", "what", what, "id",
	                       s->id, "name", s->name, "version", (json_int_t) s->version, "update",
	                       world_update_names[s->update], "who", w->who, "spec", s->spec,
	                       "previous", s->previous));
}

int
world_service_add(struct world *w, json_t *spec, struct world_service **ret)
{
	const char *name = shape_text(spec, "Name", "");
	struct world_service *s;

	for (size_t i = 0; i < w->n_services; i++) {
		if (!w->services[i]->removed && streq(w->services[i]->name, name)) {
			json_decref(spec);
			return -EEXIST;
		}
	}
	s = xcalloc(1, sizeof(*s));
	world_id(w, s->id);
	s->name = xstrdup(name);
	s->spec = spec;
	s->created_ns = s->updated_ns = w->now_ns;
	s->version = s->spec_version = ++w->index;
	s->start_s = 0.4;
	s->stop_s = 0.2;
	w->services = xrealloc(w->services, w->n_services + 1, sizeof(*w->services));
	w->services[w->n_services++] = s;
	s->queued = true;
	service_record(w, s, "create");
	tell(w, NULL, "service", "create", s->id, json_pack("{s:s}", "name", s->name));
	wake(w);
	*ret = s;
	return 0;
}

struct world_service *
world_service_find(const struct world *w, const char *id_or_name)
{
	for (size_t i = 0; i < w->n_services; i++) {
		struct world_service *s = w->services[i];

		if (!s->removed && (streq(s->id, id_or_name) || streq(s->name, id_or_name)))
			return s;
	}
	return NULL;
}

static void
service_free(struct world_service *s)
{
	for (size_t i = 0; i < s->n_fates; i++)
		free(s->fates[i].node);
	free(s->fates);
	json_decref(s->spec);
	json_decref(s->previous);
	free(s->update_message);
	free(s->name);
	free(s->tasks);
	free(s->restarts);
	free(s->failures);
	free(s);
}

/* First call: gone from the store, its tasks end. Second, from the pump: the memory goes. */
void
world_service_remove(struct world *w, struct world_service *s)
{
	if (!s->removed) {
		updater_cancel(w, s);
		s->removed = true;
		w->index++;
		service_record(w, s, "remove");
		tell(w, NULL, "service", "remove", s->id, json_pack("{s:s}", "name", s->name));
		for (size_t i = 0; i < s->n_tasks; i++) {
			s->tasks[i]->leaving = false;
			world_task_desire(w, s->tasks[i], TASK_REMOVE);
		}
		wake(w);
		return;
	}
	for (size_t i = 0; i < w->n_services; i++) {
		if (w->services[i] == s) {
			memmove(&w->services[i], &w->services[i + 1],
			        (w->n_services - i - 1) * sizeof(*w->services));
			w->n_services--;
			break;
		}
	}
	service_free(s);
}

void
world_service_touch(struct world *w, struct world_service *s, json_t *attributes)
{
	if (attributes == NULL)
		attributes = json_object();
	(void) json_object_set_new(attributes, "name", json_string(s->name));
	s->version = ++w->index;
	s->updated_ns = w->now_ns;
	s->queued = true;
	service_record(w, s, "update");
	tell(w, NULL, "service", "update", s->id, attributes);
	wake(w);
}

void
world_service_update(struct world *w, struct world_service *s, enum world_update_state state,
                     const char *message)
{
	enum world_update_state old = s->update;
	bool ends = state == UPDATE_COMPLETED || state == UPDATE_ROLLBACK_COMPLETED;

	s->update = state;
	free(s->update_message);
	s->update_message = xstrdup(message);
	if (state == UPDATE_UPDATING || (state == UPDATE_ROLLBACK_STARTED && old == UPDATE_NONE))
		s->update_started_ns = w->now_ns;
	if (ends)
		s->update_completed_ns = w->now_ns;
	else if (old == UPDATE_NONE)
		s->update_completed_ns = 0;
	world_service_touch(w, s,
	                    json_pack("{s:s, s:s}", "updatestate.old", world_update_names[old],
	                              "updatestate.new", world_update_names[state]));
}

/* ---- tasks ---- */

static struct world_task **
bucket_of(const struct world *w, const char *id)
{
	return (struct world_task **) (uintptr_t) &w
	    ->buckets[hash64(id, strlen(id)) % WORLD_BUCKETS];
}

struct world_task *
world_task_new(struct world *w, struct world_service *s, uint32_t slot, struct world_node *node,
               enum task_state desired)
{
	struct world_task *t = xcalloc(1, sizeof(*t)), **bucket;

	world_id(w, t->id);
	t->service = s;
	t->slot = slot;
	t->node = node;
	t->state = TASK_PENDING;
	t->desired = desired;
	t->spec = json_incref(json_object_get(s->spec, "TaskTemplate"));
	t->endpoint = json_incref(json_object_get(s->spec, "EndpointSpec"));
	t->spec_version = s->spec_version;
	t->fresh = true;
	w->n_fresh++;
	t->job_iteration = s->job_iteration;
	t->created_ns = t->status_ns = w->now_ns;
	t->message = xstrdup("pending task scheduling");
	s->tasks = xrealloc(s->tasks, s->n_tasks + 1, sizeof(*s->tasks));
	s->tasks[s->n_tasks++] = t;
	bucket = bucket_of(w, t->id);
	t->next = *bucket;
	*bucket = t;
	w->n_tasks++;
	world_task_touch(w, t);
	return t;
}

struct world_task *
world_task_find(const struct world *w, const char *id)
{
	struct world_task *t = *bucket_of(w, id);

	while (t != NULL && !streq(t->id, id))
		t = t->next;
	return t;
}

static void
task_free(struct world *w, struct world_task *t)
{
	world_cancel(w, &t->machine);
	world_cancel(w, &t->delay);
	json_decref(t->spec);
	json_decref(t->endpoint);
	free(t->message);
	free(t->error);
	free(t);
}

void
world_task_remove(struct world *w, struct world_task *t)
{
	struct world_task **at = bucket_of(w, t->id);
	struct world_service *s = t->service;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	for (size_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i] == t) {
			memmove(&s->tasks[i], &s->tasks[i + 1],
			        (s->n_tasks - i - 1) * sizeof(*s->tasks));
			s->n_tasks--;
			break;
		}
	}
	w->n_tasks--;
	world_record(
	    w, "task",
	    json_pack("{s:s, s:s, s:s}", "what", "remove", "id", t->id, "service", s->name));
	task_free(w, t);
}

void
world_task_touch(struct world *w, struct world_task *t)
{
	t->version = ++w->index;
	t->updated_ns = w->now_ns;
	world_record(w, "task",
	             json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s*}", "what", "update",
	                       "id", t->id, "service", t->service->name, "slot", (int) t->slot,
	                       "node", t->node != NULL ? t->node->hostname : "", "state",
	                       task_state_names[t->state], "desired", task_state_names[t->desired],
	                       "who", w->who, "error", t->error));
	if (!t->queued) {
		w->changed = xrealloc(w->changed, w->n_changed + 1, sizeof(*w->changed));
		w->changed[w->n_changed++] = t;
		t->queued = true;
	}
	wake(w);
}

static void
remember_failure(const struct world_task *t)
{
	struct world_service *s = t->service;

	s->failures = xrealloc(s->failures, s->n_failures + 1, sizeof(*s->failures));
	s->failures[s->n_failures++] = (struct world_failure){
	    .node = t->node, .spec_version = t->spec_version, .at_ns = t->status_ns};
}

void
world_task_state(struct world *w, struct world_task *t, enum task_state state, const char *message,
                 const char *error)
{
	t->state = state;
	t->status_ns = w->now_ns;
	if ((state == TASK_FAILED || state == TASK_REJECTED) && t->node != NULL)
		remember_failure(t);
	free(t->message);
	t->message = xstrdup(message);
	free(t->error);
	t->error = xstrdup(error);
	world_task_touch(w, t);
}

void
world_task_report(struct world *w, struct world_task *t, enum task_state state, const char *message,
                  const char *error)
{
	t->reported_ns = w->now_ns;
	world_task_state(w, t, state, message, error);
}

/* The desired state only ever grows. */
void
world_task_desire(struct world *w, struct world_task *t, enum task_state desired)
{
	if (t->desired >= desired)
		return;
	t->desired = desired;
	t->dropped = false; /* the scheduler hears of it again */
	world_task_touch(w, t);
}

/* ---- configs ---- */

struct world_config *
world_config_find(const struct world *w, const char *id_or_name)
{
	for (size_t i = 0; i < w->n_configs; i++) {
		if (streq(w->configs[i]->id, id_or_name) ||
		    streq(shape_text(w->configs[i]->spec, "Name", ""), id_or_name))
			return w->configs[i];
	}
	return NULL;
}

struct world_config *
world_config_add(struct world *w, json_t *spec)
{
	struct world_config *c = xcalloc(1, sizeof(*c));

	world_id(w, c->id);
	c->spec = spec;
	c->version = ++w->index;
	c->created_ns = c->updated_ns = w->now_ns;
	w->configs = xrealloc(w->configs, w->n_configs + 1, sizeof(*w->configs));
	w->configs[w->n_configs++] = c;
	return c;
}

void
world_config_remove(struct world *w, struct world_config *c)
{
	for (size_t i = 0; i < w->n_configs; i++) {
		if (w->configs[i] == c) {
			w->configs[i] = w->configs[--w->n_configs];
			break;
		}
	}
	json_decref(c->spec);
	free(c);
}

/* ---- the end ---- */

static void
node_free(struct world *w, struct world_node *n)
{
	world_cancel(w, &n->heartbeat);
	world_cancel(w, &n->churn);
	json_decref(n->labels);
	json_decref(n->engine_labels);
	json_decref(n->generic);
	free(n->hostname);
	free(n->addr);
	free(n);
}

void
world_free(struct world *w)
{
	w->listener = (struct world_listener){0};
	for (size_t i = 0; i < w->n_services; i++) {
		updater_cancel(w, w->services[i]);
		while (w->services[i]->n_tasks > 0)
			world_task_remove(w, w->services[i]->tasks[0]);
		service_free(w->services[i]);
	}
	for (size_t i = 0; i < w->n_nodes; i++)
		node_free(w, w->nodes[i]);
	while (w->n_configs > 0)
		world_config_remove(w, w->configs[0]);
	world_cancel(w, &w->pump);
	world_cancel(w, &w->schedule);
	world_cancel(w, &w->reaper);
	for (size_t i = 0; i < w->n_heap; i++)
		free(w->heap[i]);
	free(w->heap);
	free(w->changed);
	free(w->services);
	free(w->nodes);
	free(w->configs);
	free(w);
}
