/* Polls of the Swarm, rounds of the sampler and the mover's look, against a scripted engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/cluster.h"
#include "agent/look.h"
#include "agent/sampler.h"
#include "base/log.h"
#include "test/unit/http_server.h"

#define NODE    "w91xgvo1bjkp5jx5tbkpdmll9"
#define OTHER   "zzzzzzzzzzzzzzzzzzzzzzzzz"
#define SERVICE "ad6iqs5g41nzpsws7iyhoj1pm"
#define TASK    "um7qc1ayqumfgd7bw6g4zqnbm"
#define BOX     "3e37362d1704b85f0d585d371f10518a4ece1aa8163e15322208ecaf806a4349"
#define OLD     "2026-11-22T16:10:54Z"
#define STARTED "2026-11-22T16:10:56Z" /* by the manager; the node's clock is a day behind */

/* What the engine is like; the tests change it. */
struct world {
	uv_loop_t loop;
	uv_timer_t tick; /* a turn of the loop that ran timers would wait for I/O else */
	struct http *http;
	struct http_server *server;
	struct config *config;
	struct cluster *cluster;
	struct facts *facts;
	char dir[64], path[96];
	bool worker, html, broken_stats, gone_stats, no_image, hangs;
	const char *runs_on;            /* the node in the containers' labels */
	int n_nodes, n_stats, n_images; /* requests */
	bool http_closed, sampler_closed;
};

static char *
stats_json(struct world *w)
{
	int second = ++w->n_stats;

	/* A quarter of a core: each reading is a second later by the engine's own clock. */
	return xasprintf("{\"read\":\"2026-11-22T16:%02d:%02dZ\",\"pids_stats\":{\"current\":2},"
	                 "\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":%lld},"
	                 "\"throttling_data\":{\"periods\":0,\"throttled_periods\":0,"
	                 "\"throttled_time\":0}},\"memory_stats\":{\"usage\":1048576,"
	                 "\"limit\":73400320,\"stats\":{\"total_inactive_file\":0}},"
	                 "\"name\":\"/web\",\"id\":\"" BOX "\"}",
	                 10 + second / 60, second % 60, 250000000LL * second);
}

static char *
body_of(struct world *w, const char *target)
{
	if (strstr(target, "/info") != NULL)
		return xasprintf("{\"Name\":\"node-a\",\"ServerVersion\":\"20.10.24\",\"OSType\":"
		                 "\"linux\",\"Architecture\":\"x86_64\",\"NCPU\":1,\"MemTotal\":1,"
		                 "\"Swarm\":{\"NodeID\":\"" NODE "\",\"LocalNodeState\":\"active\","
		                 "\"ControlAvailable\":%s}}",
		                 w->worker ? "false" : "true");
	if (strstr(target, "/nodes") != NULL && ++w->n_nodes > 0)
		return xstrdup("[{\"ID\":\"" NODE "\",\"Version\":{\"Index\":11},\"CreatedAt\":"
		               "\"" OLD "\",\"UpdatedAt\":\"" OLD "\",\"Spec\":{\"Labels\":{},"
		               "\"Role\":\"manager\",\"Availability\":\"active\"},"
		               "\"Description\":{\"Hostname\":\"node-a\",\"Platform\":{"
		               "\"Architecture\":\"x86_64\",\"OS\":\"linux\"},\"Resources\":{"
		               "\"NanoCPUs\":250000000,\"MemoryBytes\":1000000000},\"Engine\":{"
		               "\"EngineVersion\":\"20.10.24\"}},\"Status\":{\"State\":\"ready\","
		               "\"Addr\":\"127.0.0.1\"},\"ManagerStatus\":{\"Leader\":true,"
		               "\"Reachability\":\"reachable\",\"Addr\":\"127.0.0.1:2377\"}}]");
	if (strstr(target, "/services") != NULL)
		return xstrdup("[{\"ID\":\"" SERVICE "\",\"Version\":{\"Index\":20},"
		               "\"CreatedAt\":\"" OLD "\",\"UpdatedAt\":\"" OLD "\",\"Spec\":{"
		               "\"Name\":\"web\",\"Labels\":{\"forager.mode\":\"auto\"},"
		               "\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"app:1\"},"
		               "\"Placement\":{}},\"Mode\":{\"Replicated\":{\"Replicas\":1}}}}]");
	if (strstr(target, "/tasks") != NULL)
		return xstrdup(
		    "[{\"ID\":\"" TASK "\",\"Version\":{\"Index\":35},\"CreatedAt\":"
		    "\"" OLD "\",\"UpdatedAt\":\"" STARTED "\",\"Spec\":{\"ContainerSpec\":{"
		    "\"Image\":\"app:1\"},\"Placement\":{}},\"ServiceID\":\"" SERVICE
		    "\",\"Slot\":1,\"NodeID\":\"" NODE "\",\"Status\":{\"Timestamp\":"
		    "\"2026-11-21T16:10:56Z\",\"State\":\"running\",\"ContainerStatus\":{"
		    "\"ContainerID\":\"" BOX "\"}},\"DesiredState\":\"running\"}]");
	if (strstr(target, "/containers/json") != NULL)
		return xasprintf(
		    "[{\"Id\":\"" BOX "\",\"Names\":[\"/web.1\"],\"Image\":\"app:1\","
		    "\"ImageID\":\"sha256:1\",\"Created\":1795363870,\"State\":"
		    "\"running\",\"Labels\":{\"com.docker.swarm.node.id\":\"%s\","
		    "\"com.docker.swarm.service.id\":\"" SERVICE "\","
		    "\"com.docker.swarm.service.name\":\"web\","
		    "\"com.docker.swarm.task\":\"\",\"com.docker.swarm.task.id\":\"" TASK "\"}}]",
		    w->runs_on);
	if (strstr(target, "/stats") != NULL && !w->broken_stats && !w->gone_stats)
		return stats_json(w);
	if (strstr(target, "/images/") != NULL && ++w->n_images > 0 && !w->no_image)
		return xstrdup("{\"Id\":\"sha256:1\",\"RepoDigests\":[],\"Os\":\"linux\","
		               "\"Architecture\":\"amd64\",\"Config\":{}}");
	return NULL;
}

static void
serve(void *data, struct http_server_conn *conn, const struct http_server_request *r)
{
	struct world *w = data;
	_cleanup_(freep) char *body = NULL;

	if (w->hangs)
		return;
	if (w->html) {
		http_server_answer(conn, 200, "", "<html><body>Welcome!</body></html>");
		return;
	}
	if (streq(r->method, "HEAD")) {
		http_server_send(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"
		                       "Content-Length: 0\r\n\r\n");
		return;
	}
	body = body_of(w, r->target);
	if (body != NULL)
		http_server_answer(conn, 200, "Content-Type: application/json\r\n", body);
	else if (w->broken_stats)
		http_server_answer(conn, 500, "", "{\"message\":\"containerd is away\"}");
	else
		http_server_answer(conn, 404, "", "{\"message\":\"no such thing\"}");
}

static void
on_tick(uv_timer_t *timer)
{
	(void) timer;
}

static int
set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	_cleanup_(freep) char *url = NULL;

	log_set_level(LOG_LEVEL_ERROR);
	(void) str_copy(w->dir, sizeof(w->dir), "/tmp/forager-test-cluster-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void) snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	url = xasprintf("unix://%s", w->path);
	w->runs_on = NODE;
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(uv_timer_init(&w->loop, &w->tick), 0);
	assert_int_equal(uv_timer_start(&w->tick, on_tick, 1, 1), 0);
	w->server = http_server_open(&w->loop, w->path, serve, w);
	w->http = http_open(&w->loop);
	w->config = config_new();
	assert_int_equal(config_set(w->config, "docker", "host", url, "test", NULL), 0);
	w->config->sample_every_ms = 5; /* below what a file may say: tests do not sleep */
	w->config->decide_every_ms = 15;
	w->facts = facts_new();
	assert_int_equal(cluster_new(w->http, w->config, &w->cluster, NULL), 0);
	*state = w;
	return 0;
}

static void
on_http_closed(void *data)
{
	((struct world *) data)->http_closed = true;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	cluster_free(w->cluster);
	http_close(w->http, on_http_closed, w);
	http_server_close(w->server);
	uv_close((uv_handle_t *) &w->tick, NULL);
	while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0)
		;
	assert_true(w->http_closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	facts_free(w->facts);
	config_free(w->config);
	(void) unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

struct seen {
	struct world *world;
	int n, code;
	char text[512];
	bool leader;
	size_t n_tasks;
	int nodes_asked; /* when it was told */
	bool frees;
};

static void
see(void *data, const struct cluster_state *state, const struct error *err)
{
	struct seen *s = data;

	assert_true((state == NULL) != (err == NULL));
	s->n++;
	s->code = err == NULL ? 0 : err->code;
	if (err != NULL)
		(void) str_copy(s->text, sizeof(s->text), err->text);
	if (state != NULL) {
		s->leader = state->leader;
		s->n_tasks = state->n_tasks;
	}
	s->nodes_asked = s->world->n_nodes;
	if (s->frees)
		cluster_free(take_ptr(s->world->cluster));
}

static void
run_until(struct world *w, const int *counter, int n)
{
	while (*counter < n && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	assert_int_equal(*counter, n);
}

static void
poll_once(struct world *w)
{
	struct seen s = {.world = w};

	cluster_poll(w->cluster, see, &s);
	run_until(w, &s.n, 1);
	assert_int_equal(s.code, 0);
	facts_update(w->facts, cluster_newest(w->cluster), NULL, NULL, NULL);
}

static void
test_a_poll(void **state)
{
	struct world *w = *state;
	struct seen s = {.world = w};

	assert_null(cluster_newest(w->cluster));
	cluster_poll(w->cluster, see, &s);
	assert_int_equal(s.n, 0); /* never inside the call */
	run_until(w, &s.n, 1);
	assert_int_equal(s.code, 0);
	assert_true(s.leader);
	assert_int_equal(s.n_tasks, 1);
	assert_in_range(cluster_newest(w->cluster)->took_ms, 0, 5000);
	/* No template: the manager's own endpoint shows its own containers. */
	assert_ptr_equal(cluster_endpoint(w->cluster, NODE), cluster_manager(w->cluster));
	assert_null(cluster_endpoint(w->cluster, OTHER));
}

/* Who asks while a poll is on its way gets the next one, which started after the question. */
static void
test_a_question_is_never_answered_with_an_older_poll(void **state)
{
	struct world *w = *state;
	struct seen first = {.world = w}, second = {.world = w}, third = {.world = w};
	struct seen taken_back = {.world = w};

	cluster_poll(w->cluster, see, &first);
	cluster_poll(w->cluster, see, &second);
	cluster_poll(w->cluster, see, &third);
	cluster_poll(w->cluster, see, &taken_back);
	cluster_cancel(w->cluster, see, &taken_back);
	run_until(w, &third.n, 1);
	assert_int_equal(first.nodes_asked, 1);
	assert_int_equal(second.nodes_asked, 2);
	assert_int_equal(third.nodes_asked, 2);
	assert_int_equal(first.n + second.n, 2);
	assert_int_equal(taken_back.n, 0);
}

static void
test_a_worker_and_a_proxy(void **state)
{
	struct world *w = *state;
	struct seen s = {.world = w};

	w->worker = true;
	cluster_poll(w->cluster, see, &s);
	run_until(w, &s.n, 1);
	assert_int_equal(s.code, -ENOTSUP);
	assert_non_null(strstr(s.text, "a worker, not a manager"));
	w->worker = false;
	w->html = true;
	cluster_poll(w->cluster, see, &s);
	run_until(w, &s.n, 2);
	assert_int_equal(s.code, -EBADMSG);
	assert_non_null(strstr(s.text, "HTML"));
	assert_null(cluster_newest(w->cluster));
}

static void
test_freed_on_the_way(void **state)
{
	struct world *w = *state;
	struct seen a = {.world = w}, b = {.world = w};

	cluster_poll(w->cluster, see, &a);
	cluster_poll(w->cluster, see, &b);
	cluster_free(take_ptr(w->cluster));
	assert_int_equal(a.n + b.n, 0);
	run_until(w, &a.n, 1);
	run_until(w, &b.n, 1);
	assert_int_equal(a.code, -ECANCELED);
	assert_int_equal(b.code, -ECANCELED);
}

static void
test_freed_by_a_callback(void **state)
{
	struct world *w = *state;
	struct seen a = {.world = w, .frees = true}, b = {.world = w}, c = {.world = w};

	cluster_poll(w->cluster, see, &c);
	cluster_poll(w->cluster, see, &a);
	cluster_poll(w->cluster, see, &b);
	run_until(w, &b.n, 1);
	assert_int_equal(c.code + a.code, 0);
	assert_int_equal(b.code, -ECANCELED);
}

/* ---- the sampler ---- */

static struct sampler *
start_sampler(struct world *w, struct roster **ret)
{
	const struct features_options o = features_options_for(3000, 1000);
	struct sampler *s;

	*ret = roster_new(&o);
	s = sampler_new(&w->loop, w->cluster, *ret, w->facts, w->config);
	sampler_update(s);
	sampler_start(s);
	return s;
}

static void
on_sampler_closed(void *data)
{
	((struct world *) data)->sampler_closed = true;
}

static void
close_sampler(struct world *w, struct sampler *s, struct roster *r)
{
	sampler_close(s, on_sampler_closed, w);
	while (!w->sampler_closed && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	assert_true(w->sampler_closed);
	roster_free(r);
}

static void
test_rounds_measure_a_node(void **state)
{
	struct world *w = *state;
	struct roster *r;
	struct sampler *s;
	struct sample_row *rows;
	const struct facts_node *node;
	size_t n, sources, well;

	poll_once(w);
	s = start_sampler(w, &r);
	node = facts_node(w->facts, NODE);
	assert_true(node->source);
	while (sampler_rounds(s) < 1 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	assert_int_equal(node->sample_mono_ms, FACTS_NEVER); /* one reading is no rate */
	/* A steady container is not read in each round: enough rounds for some rates. */
	while (sampler_rounds(s) < 16 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	assert_true(fabs(node->cpu_cores - 0.25) < 1e-9);
	assert_true(node->mem_bytes == 1048576);
	/* A quarter of a core on a node of a quarter: above the relief line, and timed. */
	assert_int_not_equal(node->hot_mono_ms, FACTS_NEVER);
	sampler_count(s, &sources, &well);
	assert_int_equal(sources, 1);
	assert_int_equal(well, 1);
	rows = sampler_take(s, &n);
	assert_true(n >= 2);
	assert_string_equal(rows[0].container_id, BOX);
	assert_int_equal(rows[0].interval_ms, 1000);
	assert_true(fabs(rows[0].cpu_cores - 0.25) < 1e-9);
	sampler_rows_free(rows, n);
	assert_int_equal(roster_startup_ms(r, SERVICE), 0); /* not pooled yet */
	roster_pool(r, w->facts, wall_ms());
	assert_int_equal(roster_startup_ms(r, SERVICE), 2000);
	/* The image was asked for once, not in each round. */
	assert_int_equal(w->n_images, 1);
	assert_string_equal(facts_image(w->facts, NODE, "app:1")->id, "sha256:1");
	close_sampler(w, s, r);
}

static void
test_a_failing_node_is_not_well(void **state)
{
	struct world *w = *state;
	struct roster *r;
	struct sampler *s;
	size_t sources, well = 1;
	int64_t before;

	poll_once(w);
	s = start_sampler(w, &r);
	while (sampler_rounds(s) < 2 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	w->broken_stats = true;
	while (well > 0 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		sampler_count(s, &sources, &well);
	before = facts_node(w->facts, NODE)->sample_mono_ms;
	/* A container that ended between list and stats is no failure of its node. */
	w->broken_stats = false;
	w->gone_stats = true;
	while (well == 0 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		sampler_count(s, &sources, &well);
	assert_int_equal(well, 1);
	assert_true(facts_node(w->facts, NODE)->sample_mono_ms >= before);
	close_sampler(w, s, r);
}

/* Stale by age, said once, long before a request times out; and well again afterwards. */
static void
test_an_engine_that_hangs(void **state)
{
	struct world *w = *state;
	struct roster *r;
	struct sampler *s;
	size_t sources, well = 1;
	int64_t start = mono_ms();

	poll_once(w);
	s = start_sampler(w, &r);
	assert_false(sampler_has_list(s, NODE));
	assert_true(sampler_has_list(s, OTHER)); /* nothing to read */
	while (sampler_rounds(s) < 2 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		;
	assert_true(sampler_has_list(s, NODE));
	w->hangs = true;
	while (well > 0 && uv_run(&w->loop, UV_RUN_ONCE) != 0)
		sampler_count(s, &sources, &well);
	assert_true(mono_ms() - start < w->config->timeout_ms / 5);
	cluster_free(take_ptr(w->cluster));
	close_sampler(w, s, r);
}

static void
test_containers_of_another_node_are_not_counted(void **state)
{
	struct world *w = *state;
	struct roster *r;
	struct sampler *s;
	size_t sources, well;

	poll_once(w);
	w->runs_on = OTHER;
	s = start_sampler(w, &r);
	/* Some turns of the loop are several rounds: one every 5 ms. */
	for (int i = 0; i < 40; i++)
		(void) uv_run(&w->loop, UV_RUN_ONCE);
	sampler_count(s, &sources, &well);
	assert_int_equal(well, 0);
	assert_int_equal(roster_count(r, NULL), 0);
	assert_int_equal(w->n_stats, 0);
	close_sampler(w, s, r);
}

/* Closing with a round on its way: its answers come, nothing else does. */
static void
test_closed_on_the_way(void **state)
{
	struct world *w = *state;
	struct roster *r;
	struct sampler *s;

	poll_once(w);
	s = start_sampler(w, &r);
	while (w->n_stats == 0)
		(void) uv_run(&w->loop, UV_RUN_ONCE);
	cluster_free(take_ptr(w->cluster));
	close_sampler(w, s, r);
}

/* ---- the look ---- */

struct looked {
	int n, code;
	size_t n_images;
	bool present;
	uint32_t flags;
};

static void
on_look(void *ctx, const struct snapshot *snapshot, const struct error *err)
{
	struct looked *l = ctx;

	l->n++;
	l->code = err == NULL ? 0 : err->code;
	if (snapshot == NULL)
		return;
	l->n_images = snapshot->n_images;
	l->present = snapshot->n_images > 0 && snapshot->images[0].present;
	l->flags = snapshot->nodes[0].flags;
}

static void
test_look(void **state)
{
	struct world *w = *state;
	struct look *look = look_new(w->cluster, w->config, NULL);
	struct mover_eyes eyes = look_eyes(look);
	struct looked l = {0};

	eyes.look(eyes.data, "web", "node-a", NODE, on_look, &l);
	assert_int_equal(l.n, 0);
	run_until(w, &l.n, 1);
	assert_int_equal(l.code, 0);
	assert_int_equal(l.n_images, 1);
	assert_true(l.present);
	assert_true(l.flags & NODE_BLIND); /* the CLI has measured nothing */

	w->no_image = true;
	eyes.look(eyes.data, SERVICE, "node-a", "nowhere", on_look, &l);
	run_until(w, &l.n, 2);
	assert_int_equal(l.n_images, 1);
	assert_false(l.present);

	w->html = true;
	eyes.look(eyes.data, SERVICE, NULL, NULL, on_look, &l);
	run_until(w, &l.n, 3);
	assert_int_equal(l.code, -EBADMSG);

	/* Freed on the way: nobody is called. */
	eyes.look(eyes.data, SERVICE, NULL, NULL, on_look, &l);
	look_free(look);
	for (int i = 0; i < 20; i++)
		(void) uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(l.n, 3);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_poll),
	    TEST(test_a_question_is_never_answered_with_an_older_poll),
	    TEST(test_a_worker_and_a_proxy),
	    TEST(test_freed_on_the_way),
	    TEST(test_freed_by_a_callback),
	    TEST(test_rounds_measure_a_node),
	    TEST(test_a_failing_node_is_not_well),
	    TEST(test_an_engine_that_hangs),
	    TEST(test_containers_of_another_node_are_not_counted),
	    TEST(test_closed_on_the_way),
	    TEST(test_look),
	};

	api_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
