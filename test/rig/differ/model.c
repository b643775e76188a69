/* A set on the scripted engine; see model.h. */
#include "test/rig/differ/model.h"

#include "test/fake/rules.h"
#include "test/rig/differ/act.h"
#include "test/rig/differ/form.h"

#define BORN_NS  (1000 * NS_PER_S)
#define TICK_NS  (100 * NS_PER_MS)
#define TICKS    100
#define CALM_NS  (20 * NS_PER_S) /* less than the minute that Swarm waits for an old task */
#define SLOW_NS  (500 * NS_PER_MS)
#define API      41
#define OTHERS_N 6 /* as many tasks of others may come and go on a node */

struct run {
	const struct model_ask *ask;
	struct side side;
	struct act_names names;
	struct past past;
	json_t *said;
};

static void
open_world(struct run *r)
{
	const struct resources capacity = {.cpu_nano = r->ask->drawn->cpu_nano,
	                                   .mem_bytes = r->ask->drawn->mem_bytes};
	struct world *w = world_new(1, BORN_NS, API);
	const json_t *nodes = json_object_get(r->ask->batch, "nodes");
	const char *name;
	json_t *node;

	r->side.world = w;
	json_object_foreach ((json_t *) (uintptr_t) nodes, name, node) {
		struct world_node *n = world_node_add(w, name, streq(name, "m1"), &capacity);

		(void) json_object_set_new(n->engine_labels, "rig", json_string(name));
		(void) json_object_update(n->labels, json_object_get(node, "labels"));
		n->availability = streq(shape_text(node, "availability", ""), "drain") ? WORLD_DRAIN
		                  : streq(shape_text(node, "availability", ""), "pause")
		                      ? WORLD_PAUSE
		                      : WORLD_ACTIVE;
	}
	act_names_init(&r->names, &r->side);
}

static struct world_service *
service_of(const struct run *r)
{
	return world_service_find(r->side.world, shape_text(r->ask->set, "spec.Name", ""));
}

/* Left to chance as well: how long its tasks take to start and stop, and the leader to schedule. */
static void
draw_times(struct run *r)
{
	struct world_service *s = service_of(r);
	struct world *w = r->side.world;

	if (s == NULL)
		return;
	s->start_s = 0.05 + 0.5 * rng_double(&w->rng);
	s->stop_s = 0.05 + 0.5 * rng_double(&w->rng);
	w->jitter = rng_double(&w->rng);
	w->schedule_ns = rng_below(&w->rng, 3) > 0 ? 0 : (int64_t) rng_below(&w->rng, SLOW_NS);
}

static void
add_fate(struct run *r)
{
	struct world_service *s = service_of(r);

	if (s == NULL || !json_is_true(json_object_get(r->ask->set, "fate")))
		return;
	s->fates = xcalloc(1, sizeof(*s->fates));
	s->fates[s->n_fates++] = (struct world_fate_rule){.node = xstrdup(r->ask->drawn->lacking),
	                                                  .fate = WORLD_FATE_REJECT};
}

static void
act(struct run *r, size_t step)
{
	const json_t *event = json_object_get(r->ask->batch, "event");

	if (step == 0) {
		act_create(&r->side, &r->names, r->ask->set, r->said);
		add_fate(r);
	} else if (step == 2) {
		act_node(&r->side, shape_text(event, "node", ""), event);
	} else {
		act_change(&r->side, &r->names, r->ask->set, step / 2, r->said);
	}
	draw_times(r);
}

static void
settle(struct run *r)
{
	struct world *w = r->side.world;

	for (int i = 0; i < TICKS; i++) {
		for (size_t k = 0; !r->ask->alone && k < w->n_nodes; k++)
			w->nodes[k]->other_tasks = (uint32_t) rng_below(&w->rng, OTHERS_N);
		/* What others do wakes the scheduler, which then looks at all that waits. */
		if (!r->ask->alone && rng_below(&w->rng, 2) == 0)
			scheduler_wake(w);
		world_run_until(w, w->now_ns + TICK_NS);
	}
	world_run_until(w, w->now_ns + CALM_NS);
}

json_t *
model_run(const struct model_ask *ask, const uint64_t *seeds, size_t step)
{
	struct run r = {.ask = ask};
	json_t *form = NULL;

	past_init(&r.past);
	open_world(&r);
	for (size_t i = 0; i <= step; i++) {
		json_auto_t *service = NULL, *tasks = NULL;
		_cleanup_(freep) char *path =
		    xasprintf("/services/%s", shape_text(ask->set, "spec.Name", ""));

		rng_seed_stream(&r.side.world->rng, seeds[i], i);
		r.said = json_array();
		act(&r, i);
		settle(&r);
		service = side_get(&r.side, path);
		tasks = side_get(&r.side, "/tasks");
		if (i == step) {
			form = form_make(service, tasks, r.names.hosts, &r.past);
			(void) json_object_set(form, "said", r.said);
		}
		past_follow(&r.past, service, tasks);
		json_decref(r.said);
	}
	past_done(&r.past);
	act_names_done(&r.names);
	world_free(r.side.world);
	return form;
}
