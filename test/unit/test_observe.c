/* Docker's structs and what is remembered of them become a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "agent/command.h"
#include "agent/observe.h"

#define WALL INT64_C(1700000000000)
#define MONO INT64_C(5000000)

#define N1 "aaaaaaaaaaaaaaaaaaaaaaan1"
#define N2 "bbbbbbbbbbbbbbbbbbbbbbbn2"
#define S1 "aaaaaaaaaaaaaaaaaaaaaaas1"
#define S2 "bbbbbbbbbbbbbbbbbbbbbbbs2"
#define T1 "aaaaaaaaaaaaaaaaaaaaaaat1"
#define T2 "bbbbbbbbbbbbbbbbbbbbbbbt2"
#define T3 "cccccccccccccccccccccccct"

/* A small world that each test bends; all strings are literals. */
struct world {
	struct docker_label labels[4];
	struct docker_node nodes[2];
	struct docker_service services[2];
	struct docker_task tasks[3];
	struct cluster_state state;
	struct config *config;
	struct facts *facts;
};

static struct docker_node
node(const char *id, const char *hostname)
{
	struct docker_node n = {
	    .version = 10,
	    .created_ms = WALL - 86400000,
	    .updated_ms = WALL - 86400000,
	    .hostname = hostname,
	    .addr = "10.0.0.1",
	    .manager_addr = "",
	    .state = DOCKER_NODE_READY,
	    .message = "",
	    .os = "linux",
	    .arch = "x86_64",
	    .engine_version = "20.10.24",
	    .capacity = {4000000000, 8LL << 30},
	};

	(void) str_copy(n.id, sizeof(n.id), id);
	return n;
}

static struct docker_service
service(const char *id, const char *name)
{
	struct docker_service v = {
	    .version = 20,
	    .created_ms = WALL - 86400000,
	    .updated_ms = WALL - 86400000,
	    .name = name,
	    .image = "web:1",
	    .replicas = 1,
	    .is_container = true,
	    .has_placement = true,
	    .status = {.message = ""},
	};

	(void) str_copy(v.id, sizeof(v.id), id);
	return v;
}

static struct docker_task
task(const char *id, const char *service_id, const char *node_id)
{
	struct docker_task t = {
	    .slot = 1,
	    .state = DOCKER_TASK_RUNNING,
	    .desired = DOCKER_TASK_RUNNING,
	    .updated_ms = WALL - 60000,
	    .state_ms = WALL + 31536000000, /* its node's clock is a year ahead */
	    .message = "",
	    .error = "",
	    .container_id = "c1",
	    .image = "web:1",
	    .reserve = {500000000, 64 << 20},
	};

	(void) str_copy(t.id, sizeof(t.id), id);
	(void) str_copy(t.service_id, sizeof(t.service_id), service_id);
	(void) str_copy(t.node_id, sizeof(t.node_id), node_id);
	return t;
}

static int
set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->nodes[0] = node(N1, "n1");
	w->nodes[0].role = DOCKER_MANAGER;
	w->nodes[0].is_leader = true;
	w->nodes[1] = node(N2, "n2");
	w->services[0] = service(S1, "web");
	w->services[1] = service(S2, "batch");
	w->tasks[0] = task(T1, S1, N1);
	w->tasks[1] = task(T2, S2, N1);
	w->tasks[2] = task(T3, S2, N2);
	w->tasks[2].slot = 2;
	w->services[1].replicas = 2;
	w->state = (struct cluster_state){
	    .mono_ms = MONO,
	    .wall_ms = WALL,
	    .nodes = w->nodes,
	    .n_nodes = 2,
	    .services = w->services,
	    .n_services = 2,
	    .tasks = w->tasks,
	    .n_tasks = 3,
	    .leader = true,
	};
	w->config = config_new();
	w->facts = facts_new();
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	facts_free(w->facts);
	config_free(w->config);
	free(w);
	return 0;
}

static struct snapshot *
observed_with(struct world *w, const struct facts *facts)
{
	const struct observe_input in = {
	    .state = &w->state,
	    .config = w->config,
	    .facts = facts,
	    .allow = {.actions = 1, .budget_left = 3},
	    .mono_ms = MONO,
	    .wall_ms = WALL,
	};

	return observe_snapshot(&in);
}

static struct snapshot *
observed(struct world *w)
{
	return observed_with(w, w->facts);
}

static void
update(struct world *w)
{
	facts_update(w->facts, &w->state, NULL, NULL, NULL);
}

static void
set_labels(struct world *w, struct docker_labels *labels, const char *const (*pairs)[2], size_t n)
{
	assert_true(n <= ARRAY_SIZE(w->labels));
	for (size_t i = 0; i < n; i++)
		w->labels[i] = (struct docker_label){pairs[i][0], pairs[i][1]};
	*labels = (struct docker_labels){w->labels, n};
}

static void
test_indices_and_sums(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	update(w);
	s = observed(w);
	assert_int_equal(s->n_nodes, 2);
	assert_int_equal(s->n_services, 2);
	assert_int_equal(s->n_tasks, 3);
	assert_int_equal(s->services[1].first_task, 1);
	assert_int_equal(s->services[1].n_tasks, 2);
	assert_int_equal(s->tasks[2].node, 1);
	assert_int_equal(s->tasks[0].running_ms, 60000);
	assert_int_equal(s->nodes[0].n_tasks, 2);
	assert_int_equal(s->nodes[0].reserved.cpu_nano, 1000000000);
	assert_int_equal(s->nodes[1].reserved.mem_bytes, 64 << 20);
	assert_int_equal(s->step_ms, 300000);
	assert_int_equal(s->allow.budget_left, 3);
	assert_true(s->bounds.relief_line == w->config->relief_line);
	assert_int_equal(observe_node(s, "n2"), 1);
	assert_int_equal(observe_node(s, N1), 0);
	assert_int_equal(observe_node(s, "n3"), NO_INDEX);
	assert_int_equal(observe_service(s, "batch"), 1);
	assert_int_equal(observe_service(s, S1), 0);
	assert_true(s->tasks[0].forecast.confidence == 0);
	assert_true(isnan(s->tasks[0].forecast.cpu_last_cores[0]));
}

/* What Swarm's scheduler counts: reservations until the end, tasks until they are told to end. */
static void
test_ending_and_strange_tasks(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	w->tasks[1].desired = DOCKER_TASK_SHUTDOWN;
	(void) str_copy(w->tasks[2].node_id, SWARM_ID_SIZE, "zzzzzzzzzzzzzzzzzzzzzzzzz");
	w->tasks[2].state = DOCKER_TASK_PENDING;
	(void) str_copy(w->tasks[0].service_id, SWARM_ID_SIZE, ""); /* a network attachment */
	s = observed(w);
	assert_int_equal(s->n_tasks, 1);
	assert_int_equal(s->services[0].n_tasks, 0);
	assert_int_equal(s->services[1].n_tasks, 1);
	assert_int_equal(s->tasks[0].node, NO_INDEX);
	assert_int_equal(s->tasks[0].running_ms, 0);
	assert_int_equal(s->nodes[0].n_tasks, 1);
	assert_int_equal(s->nodes[0].reserved.cpu_nano, 1000000000);
	assert_int_equal(s->nodes[1].n_tasks, 0);
}

static void
test_node_flags(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL, *later = NULL, *blind = NULL;

	w->config->may_sleep = true;
	w->nodes[1].state = DOCKER_NODE_DOWN;
	update(w);
	facts_set_source(w->facts, N1, true);
	facts_set_load(w->facts, N1, 3.9, 1e9, true, MONO - 1000);
	s = observed(w);
	assert_int_equal(s->nodes[0].flags, NODE_READY | NODE_ACTIVE | NODE_MANAGER);
	assert_int_equal(s->nodes[0].hot_ms, 1000);
	assert_true(s->nodes[0].cpu_cores == 3.9);
	assert_int_equal(s->nodes[1].flags, NODE_ACTIVE | NODE_BLIND | NODE_MAY_SLEEP);
	assert_true(isnan(s->nodes[1].cpu_cores));

	/* Cooled down, then an old reading; the node came back and its record changed. */
	facts_set_load(w->facts, N1, 1, 1e9, false, MONO - 600000);
	facts_set_source(w->facts, N2, true);
	w->nodes[1].state = DOCKER_NODE_READY;
	w->nodes[1].version++;
	update(w);
	later = observed(w);
	assert_int_equal(later->nodes[0].hot_ms, 0);
	assert_true(later->nodes[0].flags & NODE_STALE);
	assert_int_equal(later->nodes[1].flags & (NODE_UNSETTLED | NODE_CHANGED | NODE_READY),
	                 NODE_UNSETTLED | NODE_CHANGED | NODE_READY);

	blind = observed_with(w, NULL);
	assert_int_equal(blind->nodes[0].flags & (NODE_BLIND | NODE_CHANGED | NODE_UNSETTLED),
	                 NODE_BLIND);
}

/* In units of sample-every: an engine that hangs shows long before its requests time out. */
static void
test_a_load_grows_stale_with_age(void **state)
{
	struct world *w = *state;
	static const struct {
		int64_t round_ms, age_ms;
		bool stale;
	} cases[] = {
	    {0, 3000, false},      {0, 3001, true},
	    {200, 3001, true},                           /* faster than it is asked */
	    {2500, 7500, false},   {2500, 7501, true},   /* an old engine, many containers */
	    {60000, 12000, false}, {60000, 12001, true}, /* not without end */
	};

	w->config->sample_every_ms = 1000;
	update(w);
	facts_set_source(w->facts, N1, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(observe_freep) struct snapshot *s = NULL;

		facts_set_round(w->facts, N1, cases[i].round_ms);
		facts_set_load(w->facts, N1, 1, 1e9, false, MONO - cases[i].age_ms);
		s = observed(w);
		assert_int_equal((s->nodes[0].flags & NODE_STALE) != 0, cases[i].stale);
	}
}

/* Whoever sets the clock: nothing ends early by it, and nothing is frozen for as long. */
static void
test_a_clock_that_jumps_ends_nothing(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *ahead = NULL, *back = NULL;
	const int64_t day = 86400000;
	struct observe_input in = {
	    .state = &w->state,
	    .config = w->config,
	    .facts = w->facts,
	    .mono_ms = MONO,
	    .wall_ms = WALL + day,
	};

	w->services[0].updated_ms = WALL - 3600000;
	update(w);
	facts_set_moved(w->facts, S1, WALL - 1000);
	facts_wall_jumped(w->facts, day, WALL + day);
	ahead = observe_snapshot(&in);
	assert_int_equal(ahead->services[0].foreign_ms, 3600000);
	assert_int_equal(ahead->services[0].cooldown_ms, w->config->cooldown_ms - 1000);
	assert_int_equal(facts_wall_after_jump(FACTS_NEVER, day, WALL), FACTS_NEVER);

	facts_wall_jumped(w->facts, -day, WALL);
	back = observed(w);
	assert_int_equal(back->services[0].foreign_ms, 0);
	assert_int_equal(back->services[0].cooldown_ms, w->config->cooldown_ms);
	assert_int_equal(facts_service(w->facts, S1)->moved_wall_ms, WALL);
}

/* A restart of forager must not forget that a node has just joined or a service was deployed. */
static void
test_ages_come_from_the_swarm_at_first(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL, *without = NULL;

	w->nodes[1].created_ms = WALL - 60000;
	w->nodes[1].updated_ms = WALL - 30000;
	w->nodes[0].updated_ms = WALL + 3600000; /* a clock that is ahead: changed just now */
	w->services[0].updated_ms = WALL - 1000;
	update(w);
	s = observed(w);
	without = observed_with(w, NULL);
	for (int i = 0; i < 2; i++) {
		const struct snapshot *x = i == 0 ? s : without;

		assert_true(x->nodes[1].flags & NODE_UNSETTLED);
		assert_true(x->nodes[1].flags & NODE_CHANGED);
		assert_true(x->nodes[0].flags & NODE_CHANGED);
		assert_int_equal(x->services[0].foreign_ms, 1000);
		assert_int_equal(x->services[1].foreign_ms, 86400000);
	}
}

static void
test_power_and_capacity(void **state)
{
	static const char *const labels[][2] = {
	    {"forager.cpus", "2.5"}, {"forager.idle-watts", "40"}, {"forager.max-watts", "lots"}};
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	set_labels(w, &w->nodes[0].labels, labels, ARRAY_SIZE(labels));
	assert_int_equal(config_set(w->config, "power", "node.n2.max-watts", "310", "test", NULL),
	                 0);
	s = observed(w);
	assert_true(s->nodes[0].usable_cores == 2.5);
	assert_true(s->nodes[0].power.watts[0] == 40);
	assert_true(s->nodes[0].power.watts[POWER_POINTS - 1] == 150); /* no number: the default */
	assert_true(s->nodes[1].usable_cores == 4);
	assert_true(s->nodes[1].power.watts[0] == 90);
	assert_true(s->nodes[1].power.watts[POWER_POINTS - 1] == 310);
	assert_false(s->nodes[1].power.measured);
}

static void
test_traits(void **state)
{
	static const struct docker_mount writable = {"bind", "/d", "/d", "", false};
	static const struct docker_mount readable = {"bind", "/etc/tz", "/etc/tz", "", true};
	static const struct docker_mount volume = {"volume", "data", "/d", "", true};
	static const struct docker_mount memory = {"tmpfs", "", "/tmp", "", false};
	static const struct docker_port host = {"tcp", 8080, 80, true};
	static const struct docker_port ingress = {"tcp", 8081, 80, false};
	static const char *const network = "net1";
	const struct {
		struct docker_service v; /* only what matters is set */
		uint32_t traits;
	} cases[] = {
	    {{.has_placement = false}, 0},
	    {{.has_placement = true}, TRAIT_PLACEMENT},
	    {{.update = {.present = true, .start_first = true}}, TRAIT_START_FIRST},
	    {{.mounts = &writable, .n_mounts = 1}, TRAIT_LOCAL_VOLUME},
	    {{.mounts = &readable, .n_mounts = 1}, 0},
	    {{.mounts = &volume, .n_mounts = 1}, TRAIT_LOCAL_VOLUME},
	    {{.mounts = &memory, .n_mounts = 1}, 0},
	    {{.ports = &host, .n_ports = 1}, TRAIT_PORTS | TRAIT_HOST_PORTS},
	    {{.ports = &ingress, .n_ports = 1}, TRAIT_PORTS},
	    {{.networks = &network, .n_networks = 1}, TRAIT_PORTS},
	    {{.has_healthcheck = true}, TRAIT_HEALTHCHECK},
	    {{.has_generic = true}, TRAIT_GENERIC},
	    {{.n_preferences = 1}, TRAIT_PREFERENCES},
	    {{.image = "a@sha256:0123"}, TRAIT_DIGEST},
	    {{.status = {.state = DOCKER_UPDATING}}, TRAIT_UPDATE_OPEN},
	    {{.status = {.state = DOCKER_ROLLBACK_STARTED}}, TRAIT_UPDATE_OPEN},
	    {{.status = {.state = DOCKER_UPDATE_OTHER}}, TRAIT_UPDATE_OPEN},
	    {{.status = {.state = DOCKER_UPDATE_PAUSED}}, TRAIT_UPDATE_PAUSED},
	    {{.status = {.state = DOCKER_UPDATE_COMPLETED}}, 0},
	    {{.status = {.state = DOCKER_ROLLBACK_COMPLETED}}, 0},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct docker_service v = cases[i].v;
		struct snapshot *s;

		(void) str_copy(v.id, sizeof(v.id), S1);
		v.name = "web";
		v.image = v.image == NULL ? "web:1" : v.image;
		v.is_container = true;
		w->services[0] = v;
		s = observed(w);
		if (s->services[0].traits != cases[i].traits)
			fail_msg("case %zu: %#x, not %#x", i, s->services[0].traits,
			         cases[i].traits);
		observe_free(s);
	}
}

static void
test_labels_of_a_service(void **state)
{
	static const char *const labels[][2] = {{"forager.mode", "auto"},
	                                        {"forager.near", "db, cache"},
	                                        {"forager.pin", "Yes"},
	                                        {"forager.slo-p95", "200ms"}};
	static const char *const odd[][2] = {{"forager.mode", "AUTO"},
	                                     {"forager.plan", "x"},
	                                     {"forager.restart", "maybe"},
	                                     {"forager.slo-p95", "soon"}};
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *a = NULL, *b = NULL;

	w->config->mode = ACT_AUTO - ACT_OBSERVE;
	set_labels(w, &w->services[0].labels, labels, ARRAY_SIZE(labels));
	a = observed(w);
	assert_int_equal(a->services[0].act, ACT_AUTO);
	assert_int_equal(a->services[1].act, ACT_NONE);
	assert_int_equal(a->services[0].n_near, 2);
	assert_string_equal(a->services[0].near[1], "cache");
	assert_int_equal(a->services[0].traits, TRAIT_PLACEMENT | TRAIT_PINNED);
	assert_true(a->services[0].slo.p95_ms == 200);
	w->config->mode = ACT_RECOMMEND - ACT_OBSERVE;
	assert_int_equal(observe_act_mode(config_mode(w->config), &w->services[0]), ACT_RECOMMEND);

	set_labels(w, &w->services[0].labels, odd, ARRAY_SIZE(odd));
	b = observed(w);
	assert_int_equal(b->services[0].act, ACT_NONE);
	assert_int_equal(b->services[0].traits, TRAIT_PLACEMENT | TRAIT_STEERED);
	assert_true(isnan(b->services[0].slo.p95_ms));
}

struct changes {
	size_t n;
	char what[64];
};

static void
count_change(void *data, const struct facts_foreign *change)
{
	struct changes *c = data;

	c->n++;
	(void) str_copy(c->what, sizeof(c->what), change->what);
}

static size_t
changed(struct world *w, const char *ours, char what[static 64])
{
	struct changes c = {0};

	facts_update(w->facts, &w->state, ours, count_change, &c);
	memcpy(what, c.what, sizeof(c.what));
	return c.n;
}

static void
test_foreign_changes(void **state)
{
	static const char *const constraint = "node.id!=x";
	struct world *w = *state;
	struct docker_service *v = &w->services[0];
	char what[64];

	assert_int_equal(changed(w, NULL, what), 0);
	assert_int_equal(changed(w, NULL, what), 0);
	/* Swarm's own progress moves the version only. */
	v->version++;
	assert_int_equal(changed(w, NULL, what), 0);
	v->version++;
	v->image = "web:2";
	assert_int_equal(changed(w, NULL, what), 1);
	assert_string_equal(what, "image");
	assert_int_equal(facts_service(w->facts, S1)->foreign_wall_ms, WALL);
	/* An environment is not decoded, but it starts an update. */
	v->version++;
	v->status.started_ms = WALL;
	assert_int_equal(changed(w, NULL, what), 1);
	assert_string_equal(what, "spec");
	/* Ours, while the mover is at it and up to the version of its last POST. */
	v->version++;
	v->constraints = &constraint;
	v->n_constraints = 1;
	assert_int_equal(changed(w, S1, what), 0);
	v->version++;
	v->n_constraints = 0;
	facts_set_ours(w->facts, S1, v->version);
	assert_int_equal(changed(w, NULL, what), 0);
	v->version++;
	v->replicas = 5;
	assert_int_equal(changed(w, NULL, what), 1);
	assert_string_equal(what, "replicas");
	/* One that goes and comes again is new, not changed. */
	w->state.n_services = 0;
	assert_int_equal(changed(w, NULL, what), 0);
	assert_null(facts_service(w->facts, S1));
	w->state.n_services = 1;
	assert_int_equal(changed(w, NULL, what), 1);
	assert_string_equal(what, "created");
}

/* What the store remembers of our last move tells it from a deploy, at first sight. */
static void
test_our_last_move_is_no_deploy(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	w->services[0].updated_ms = WALL - 10000;
	w->services[1].updated_ms = WALL - 10000;
	facts_set_moved(w->facts, S1, WALL - 10000);
	facts_set_moved(w->facts, S2, WALL - 3600000);
	update(w);
	s = observed(w);
	assert_int_equal(s->services[0].foreign_ms, INT64_MAX);
	assert_int_equal(s->services[1].foreign_ms, 10000);
	assert_int_equal(s->services[0].cooldown_ms, w->config->cooldown_ms - 10000);
	assert_int_equal(s->services[1].cooldown_ms, w->config->cooldown_ms - 3600000);
}

/* A tag may mean something else on the target: only the same image id counts as present. */
static void
test_images(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL, *t = NULL;

	update(w);
	facts_set_image(w->facts, N1, "web:1", "sha256:1", true, MONO);
	facts_set_image(w->facts, N2, "web:1", "sha256:2", true, MONO);
	facts_set_image(w->facts, N2, "other:1", "sha256:3", false, MONO);
	s = observed(w);
	assert_int_equal(s->n_images, 2); /* what no service uses is left out */
	assert_true(s->images[0].present);
	assert_int_equal(s->images[1].node, 1);
	assert_false(s->images[1].present);
	assert_true(s->services[0].traits & TRAIT_HEALTHCHECK); /* the image's own */

	facts_set_image(w->facts, N2, "web:1", "sha256:1", true, MONO);
	w->services[0].no_healthcheck = true;
	t = observed(w);
	assert_true(t->images[1].present);
	assert_false(t->services[0].traits & TRAIT_HEALTHCHECK);
	assert_true(t->services[1].traits & TRAIT_HEALTHCHECK);
	facts_set_image(w->facts, N2, "web:1", NULL, false, MONO);
	assert_null(facts_image(w->facts, N2, "web:1")->id);

	/* Yesterday's deploys: a name that is not asked for any more is forgotten. */
	w->state.mono_ms = MONO + 86400000 + 1;
	facts_set_image(w->facts, N1, "web:1", "sha256:1", true, w->state.mono_ms);
	update(w);
	assert_null(facts_image(w->facts, N2, "other:1"));
	assert_non_null(facts_image(w->facts, N1, "web:1"));
}

static void
test_forecasts_and_edges(void **state)
{
	struct world *w = *state;
	const struct forecast forecast = {.cpu_cores = {.mean = 0.7, .var = 0.01},
	                                  .confidence = 0.9};
	const struct observe_edge edges[] = {{S2, S1, 100, 0.5}, {S1, "gone", 1, 1}};
	struct observe_input in = {
	    .state = &w->state,
	    .config = w->config,
	    .facts = w->facts,
	    .edges = edges,
	    .n_edges = 2,
	    .partial = true,
	    .mono_ms = MONO,
	    .wall_ms = WALL,
	};
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	facts_set_forecast(w->facts, T2, &forecast);
	facts_set_forecast(w->facts, "gone", &forecast);
	update(w);
	assert_null(facts_forecast(w->facts, "gone"));
	s = observe_snapshot(&in);
	assert_true(s->tasks[1].forecast.cpu_cores.mean == 0.7);
	assert_int_equal(s->n_edges, 1);
	assert_int_equal(s->edges[0].a, 0);
	assert_int_equal(s->edges[0].b, 1);
	assert_true(s->partial);
}

static void
test_empty_swarm(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;

	w->state.n_nodes = w->state.n_services = w->state.n_tasks = 0;
	update(w);
	s = observed(w);
	assert_int_equal(s->n_nodes + s->n_services + s->n_tasks, 0);
	assert_int_equal(observe_node(s, "n1"), NO_INDEX);
	observe_free(NULL);
}

static void
test_endpoint_urls(void **state)
{
	static const struct {
		const char *template, *own, *addr, *manager_addr, *url;
		bool self;
	} cases[] = {
	    {NULL, NULL, "10.0.0.2", "", NULL, false},
	    {NULL, NULL, "10.0.0.2", "", "unix:///var/run/docker.sock", true},
	    {"tcp://{addr}:2375", NULL, "10.0.0.2", "", "tcp://10.0.0.2:2375", false},
	    {"tcp://{addr}:2375", NULL, "fd00::2", "", "tcp://[fd00::2]:2375", false},
	    {"tcp://{addr}:2375", NULL, "0.0.0.0", "10.0.0.9:2377", "tcp://10.0.0.9:2375", true},
	    {"tcp://{addr}:2375", NULL, "0.0.0.0", "[fd00::9]:2377", "tcp://[fd00::9]:2375", true},
	    {"https://{hostname}.lan:2376/", NULL, "", "", "https://n1.lan:2376/", false},
	    {"tcp://{id}:1", NULL, "", "", "tcp://" N1 ":1", false},
	    {"tcp://{addr}:2375", "none", "10.0.0.2", "", NULL, true},
	    {"tcp://{addr}:2375", "tcp://x:1", "10.0.0.2", "", "tcp://x:1", true},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config *c = config_new();
		struct docker_node n = node(N1, "n1");
		char *url;

		n.addr = cases[i].addr;
		n.manager_addr = cases[i].manager_addr;
		if (cases[i].template != NULL)
			assert_int_equal(
			    config_set(c, "endpoint", "template", cases[i].template, "t", NULL), 0);
		if (cases[i].own != NULL)
			assert_int_equal(
			    config_set(c, "endpoint", "node.n1", cases[i].own, "t", NULL), 0);
		url = cluster_endpoint_url(c, &n, cases[i].self);
		if (!streq(url, cases[i].url))
			fail_msg("case %zu: '%s'", i, url == NULL ? "(none)" : url);
		free(url);
		config_free(c);
	}
	(void) w;
}

static void
test_lookups(void **state)
{
	struct world *w = *state;

	assert_ptr_equal(cluster_find_node_by_name(&w->state, "n2"), &w->nodes[1]);
	assert_ptr_equal(cluster_find_node_by_name(&w->state, N2), &w->nodes[1]);
	assert_ptr_equal(cluster_find_node_by_name(&w->state, "bbbbb"), &w->nodes[1]);
	assert_null(cluster_find_node_by_name(&w->state, "bbb")); /* too short to be meant */
	assert_null(cluster_find_service_by_name(&w->state, "cccc"));
	assert_ptr_equal(cluster_find_service_by_name(&w->state, "batch"), &w->services[1]);
	assert_ptr_equal(cluster_find_task(&w->state, S2, T3), &w->tasks[2]);
	assert_null(cluster_find_task(&w->state, S1, T3));
	(void) str_copy(w->nodes[1].id, SWARM_ID_SIZE, "aaaaaaaaaaaaaaaaaaaaaaan2");
	assert_null(cluster_find_node_by_name(&w->state, "aaaaaaa")); /* means two */
}

static void
test_command(void **state)
{
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;
	struct action action = {.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1};
	_cleanup_(freep) char *command = NULL, *none = NULL;

	w->state.n_tasks = 1;
	update(w);
	s = observed(w);
	command = command_of(s, &action);
	assert_string_equal(command,
	                    "docker service update --constraint-add 'node.id==" N2 "' web "
	                    "&& docker service update --constraint-rm 'node.id==" N2 "' web");
	action.kind = ACTION_STAY;
	none = command_of(s, &action);
	assert_null(none);
}

/* The command is made to be pasted into a shell: what is not plainly a name is left to the id. */
static void
test_command_with_a_hostile_name(void **state)
{
	static const char *const names[] = {
	    "web; reboot",  "$(reboot)", "`id`", "a b", "--force", "-q",      "a'b",
	    "a\nb",         "",          "a\\",  "a|b", "a>b",     "\033[2J", "~",
	    "na\303\257ve", "a*"};
	struct world *w = *state;
	_cleanup_(observe_freep) struct snapshot *s = NULL;
	const struct action action = {.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1};

	w->state.n_tasks = 1;
	update(w);
	s = observed(w);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *command = NULL;

		s->services[0].name = names[i];
		command = command_of(s, &action);
		assert_string_equal(command, "docker service update --constraint-add 'node.id==" N2
		                             "' " S1 " && docker service update --constraint-rm "
		                             "'node.id==" N2 "' " S1);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_indices_and_sums),
	    TEST(test_ending_and_strange_tasks),
	    TEST(test_node_flags),
	    TEST(test_a_load_grows_stale_with_age),
	    TEST(test_a_clock_that_jumps_ends_nothing),
	    TEST(test_ages_come_from_the_swarm_at_first),
	    TEST(test_power_and_capacity),
	    TEST(test_traits),
	    TEST(test_labels_of_a_service),
	    TEST(test_foreign_changes),
	    TEST(test_our_last_move_is_no_deploy),
	    TEST(test_images),
	    TEST(test_forecasts_and_edges),
	    TEST(test_empty_swarm),
	    TEST(test_endpoint_urls),
	    TEST(test_lookups),
	    TEST(test_command),
	    TEST(test_command_with_a_hostile_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
