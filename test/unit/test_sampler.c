/* The sampler's parts: how often, how many at once, and the roster of containers with its profiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "agent/facts.h"
#include "agent/pace.h"
#include "agent/roster.h"
#include "agent/sampler.h"

#define BASE_MS 15000

static struct sample
calm(double cpu_cores)
{
	return (struct sample){.dt_ms = BASE_MS, .cpu_cores = cpu_cores, .mem_bytes = 64 << 20};
}

static void
test_pace_slows_down_and_wakes_up(void **state)
{
	static const struct {
		struct sample sample;
		int64_t next_ms;
	} steps[] = {
	    {{.cpu_cores = 0.5, .mem_bytes = 64 << 20}, 15000}, /* the first is always new */
	    {{.cpu_cores = 0.5, .mem_bytes = 64 << 20}, 22500},
	    {{.cpu_cores = 0.52, .mem_bytes = 64 << 20}, 33750}, /* within a fifth */
	    {{.cpu_cores = 0.5, .mem_bytes = 64 << 20}, 50625},
	    {{.cpu_cores = 0.5, .mem_bytes = 64 << 20}, 60000}, /* four times as long, not more */
	    {{.cpu_cores = 0.5, .mem_bytes = 64 << 20}, 60000},
	    {{.cpu_cores = 0.9, .mem_bytes = 64 << 20}, 15000},  /* CPU */
	    {{.cpu_cores = 0.65, .mem_bytes = 64 << 20}, 22500}, /* the usual level followed */
	    {{.cpu_cores = 0.65, .mem_bytes = 80 << 20}, 15000}, /* memory */
	    {{.cpu_cores = 0.65, .mem_bytes = 70 << 20}, 22500},
	    {{.cpu_cores = 0.65, .mem_bytes = 70 << 20, .throttled_ratio = 0.5}, 15000},
	    {{.cpu_cores = NAN, .mem_bytes = NAN}, 22500}, /* nothing known is no change */
	};
	struct pace p = {0};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		assert_int_equal(pace_next(&p, &steps[i].sample, BASE_MS, 4), steps[i].next_ms);
}

static void
test_pace_bounds(void **state)
{
	struct pace p = {0};
	struct sample s = calm(0.5);

	(void) state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(pace_next(&p, &s, BASE_MS, 1), BASE_MS); /* stretch 1: all alike */
	/* A reload to a longer base holds at once. */
	assert_int_equal(pace_next(&p, &s, 60000, 1), 60000);
	/* An idle container's noise is no change. */
	p = (struct pace){0};
	for (int i = 0; i < 10; i++) {
		s = calm(i % 2 == 0 ? 0.001 : 0.004);
		(void) pace_next(&p, &s, BASE_MS, 4);
	}
	assert_int_equal(p.interval_ms, 4 * BASE_MS);
}

/* Calls that all take as long as `took` says for the number that run at once. */
static int64_t
settle(struct inflight *f, int64_t (*took)(int64_t n), int rounds, int64_t most)
{
	for (int i = 0; i < rounds; i++) {
		int64_t n;

		while (inflight_free(f, most))
			inflight_start(f);
		n = f->n;
		for (int64_t k = 0; k < n; k++)
			inflight_end(f, took(n), false, most);
	}
	return f->limit;
}

static int64_t
flat_second(int64_t n)
{
	(void) n;
	return 1000;
}

static int64_t
slow_above_ten(int64_t n)
{
	return n <= 10 ? 20 : 20 * n;
}

static void
test_inflight_grows_while_flat(void **state)
{
	struct inflight f = {0};
	int64_t n = 0;

	(void) state;
	while (inflight_free(&f, 32)) {
		inflight_start(&f);
		n++;
	}
	assert_int_equal(n, INFLIGHT_START);
	f = (struct inflight){0};
	/* The engine that makes each call wait a second is flat: all 32 places are used. */
	assert_int_equal(settle(&f, flat_second, 40, 32), 32);
	assert_int_equal(f.n, 0);
	f = (struct inflight){0};
	assert_in_range(settle(&f, slow_above_ten, 60, 32), 4, 16);
	f = (struct inflight){0};
	assert_int_equal(settle(&f, flat_second, 40, 2), 2); /* the operator's bound holds */
}

static void
test_inflight_shrinks_on_failure(void **state)
{
	struct inflight f = {0};
	int64_t limit;

	(void) state;
	limit = settle(&f, flat_second, 40, 32);
	inflight_start(&f);
	inflight_end(&f, 10000, true, 32);
	assert_true(f.limit < limit);
	for (int i = 0; i < 20; i++) {
		inflight_start(&f);
		inflight_end(&f, 10000, true, 32);
	}
	assert_int_equal(f.limit, INFLIGHT_START);
	assert_int_equal(f.n, 0);
}

/* ---- the roster ---- */

#define NODE    "node00000000000000000000a"
#define SERVICE "service0000000000000000aa"

static struct docker_container
container(const char *id, const char *task_id)
{
	struct docker_container c = {
	    .name = "web.1.x",
	    .image = "web:1",
	    .image_id = "sha256:1",
	    .state = "running",
	    .service_name = "web",
	};

	(void) str_copy(c.id, sizeof(c.id), id);
	(void) str_copy(c.task_id, sizeof(c.task_id), task_id);
	(void) str_copy(c.service_id, sizeof(c.service_id), SERVICE);
	(void) str_copy(c.node_id, sizeof(c.node_id), NODE);
	return c;
}

static struct docker_stats
stats(int64_t second, double cores)
{
	return (struct docker_stats){
	    .flags = DOCKER_STATS_RUNNING | DOCKER_STATS_CPU | DOCKER_STATS_MEMORY |
	             DOCKER_STATS_NETWORK,
	    .read_ns = (1700000000 + second) * INT64_C(1000000000),
	    .cpu_ns = (uint64_t) (cores * (double) second * 1e9),
	    .mem_working_set_bytes = 32 << 20,
	    .net_rx_bytes = (uint64_t) second * 1000,
	    .mem_failcnt = (uint64_t) second, /* cgroup v1: reclaim, no kills */
	};
}

/* When foragerd sees what an engine with the right time reads in that second. */
static int64_t
seen_ms(int64_t second)
{
	return (1700000000 + second) * 1000;
}

static struct roster *
new_roster(void)
{
	const struct features_options o = features_options_for(3000, 1000);

	return roster_new(&o);
}

static struct roster_item *
fed(struct roster *r, const char *id, const char *task_id, double cores, int seconds)
{
	struct docker_container c = container(id, task_id);
	struct roster_item *item = roster_see(r, &c, NULL, 1);

	for (int s = 1; s <= seconds; s++) {
		struct docker_stats x = stats(s, cores);

		assert_int_equal(roster_read(r, item, &x, seen_ms(s)), s > 1);
	}
	return item;
}

static void
test_roster_measures(void **state)
{
	struct roster *r = new_roster();
	struct roster_item *item = fed(r, "c1", "t1", 0.25, 30);
	struct docker_stats x = stats(31, 0.25);
	double cpu, mem;

	(void) state;
	assert_true(fabs(item->last.cpu_cores - 0.25) < 1e-6);
	assert_int_equal(item->last.oom_kills, 0);
	(void) fed(r, "c2", "t2", 0.5, 30);
	assert_int_equal(roster_load_of(r, NODE, &cpu, &mem), 2);
	assert_true(fabs(cpu - 0.75) < 1e-6);
	assert_true(fabs(mem - 2 * (32 << 20)) < 1);
	assert_int_equal(roster_load_of(r, "another", &cpu, &mem), 0);
	/* Not running, or without CPU figures: no sample, and the next one is not spoilt. */
	x.flags = 0;
	assert_false(roster_read(r, item, &x, seen_ms(31)));
	x = stats(32, 0.25);
	assert_true(roster_read(r, item, &x, seen_ms(32)));
	assert_true(fabs(item->last.cpu_cores - 0.25) < 1e-6);
	/* Counters that ran backwards: recreated, no negative rate. */
	x = stats(33, 0);
	assert_false(roster_read(r, item, &x, seen_ms(33)));
	roster_free(r);
}

/* A node's clock may be wrong by any amount: what it reads is as fresh as what the others read. */
static void
test_an_engines_clock_may_be_wrong(void **state)
{
	static const int64_t wrong_by_s[] = {-31536000, -3600, -1, 0, 1, 3600, 31536000};
	struct profile_summary right = {0};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong_by_s); i++) {
		struct roster *r = new_roster();
		struct docker_container c = container("c1", "t1");
		struct roster_item *item = roster_see(r, &c, NULL, 1);
		struct profile_summary now;

		for (int s = 1; s <= 60; s++) {
			struct docker_stats x = stats(s, 0.25);

			x.read_ns += wrong_by_s[i] * INT64_C(1000000000);
			assert_int_equal(roster_read(r, item, &x, seen_ms(s)), s > 1);
		}
		assert_int_equal(item->last.t_ms, seen_ms(60));
		assert_int_equal(item->last.dt_ms, 1000);
		profile_summarise(item->profile, seen_ms(60), &now);
		if (i == 0)
			right = now;
		assert_true(now.confidence > 0.9);
		assert_true(fabs(now.confidence - right.confidence) < 1e-12);
		assert_true(fabs(now.cpu_now_cores - 0.25) < 1e-6);
		assert_int_equal(now.last_ms, seen_ms(60));
		roster_free(r);
	}
}

static void
test_roster_forgets_what_was_not_listed(void **state)
{
	struct roster *r = new_roster();
	struct docker_container a = container("c1", "t1"), b = container("c2", "t2");

	(void) state;
	(void) roster_see(r, &a, NULL, 1);
	(void) roster_see(r, &b, NULL, 1);
	assert_int_equal(roster_count(r, NODE), 2);
	(void) roster_see(r, &b, NULL, 2);
	assert_int_equal(roster_forget(r, "another", 2), 0);
	assert_int_equal(roster_forget(r, NODE, 2), 1);
	assert_null(roster_find(r, "c1"));
	assert_non_null(roster_find(r, "c2"));
	roster_free(r);
}

static void
test_forecasts_reach_the_facts(void **state)
{
	struct roster *r = new_roster();
	struct facts *f = facts_new();
	const struct forecast *forecast;

	(void) state;
	(void) fed(r, "c1", "task1", 0.4, 60);
	roster_pool(r, f, (1700000000 + 60) * INT64_C(1000));
	forecast = facts_forecast(f, "task1");
	assert_non_null(forecast);
	assert_true(fabs(forecast->cpu_cores.mean - 0.4) < 0.05);
	assert_true(forecast->confidence > 0);
	assert_null(facts_forecast(f, "task2"));
	facts_free(f);
	roster_free(r);
}

/* A new task of a known service and image starts with what is known, less sure of it. */
static void
test_inheritance_and_reload(void **state)
{
	struct roster *r = new_roster(), *again = new_roster();
	struct facts *f = facts_new();
	struct arena *arena = arena_new();
	const int64_t now = (1700000000 + 120) * INT64_C(1000);
	struct docker_container c2 = container("c2", "task2"), c1 = container("c1", "task1");
	struct roster_item *item;
	struct roster_rows rows;
	struct forecast known, heir;

	(void) state;
	/* A pool lives as long as its service: the facts know it. */
	facts_set_moved(f, SERVICE, 1);
	item = fed(r, "c1", "task1", 0.4, 120);
	profile_forecast(item->profile, now, &known);
	roster_pool(r, f, now);
	assert_int_equal(roster_forget(r, NODE, 9), 1);
	item = roster_see(r, &c2, NULL, 10);
	profile_forecast(item->profile, now, &heir);
	assert_true(fabs(heir.cpu_cores.mean - 0.4) < 0.05);
	assert_true(heir.confidence > 0 && heir.confidence < known.confidence);

	/* The same through the database: what roster_rows gave comes back by roster_load. */
	(void) fed(r, "c1", "task1", 0.4, 120);
	roster_pool(r, f, now);
	roster_rows(r, now, 1, 12, arena, &rows);
	assert_int_equal(rows.n_containers, 2);
	assert_int_equal(rows.n_profiles, 2 + 1 + 1); /* containers, service, node */
	for (size_t i = 0; i < rows.n_profiles; i++) {
		if (rows.profiles[i].kind != PROFILE_NODE)
			assert_non_null(rows.profiles[i].state); /* the first time at once */
		roster_load(again, &rows.profiles[i]);
	}
	item = roster_see(again, &c1, NULL, 1);
	profile_forecast(item->profile, now, &heir);
	assert_true(fabs(heir.cpu_cores.mean - known.cpu_cores.mean) < 0.02);
	assert_true(heir.confidence > 0.8 * known.confidence);
	/* What the database has is not given out all at once after a restart. */
	assert_non_null(roster_see(again, &c2, NULL, 1));
	roster_rows(again, now, 5, 12, arena, &rows);
	for (size_t i = 0; i < rows.n_profiles; i++)
		assert_null(rows.profiles[i].state);
	/* Afterwards only those whose turn it is. */
	roster_rows(r, now, 2, 12, arena, &rows);
	for (size_t i = 0; i < rows.n_profiles; i++)
		assert_null(rows.profiles[i].state);

	arena_free(arena);
	facts_free(f);
	roster_free(again);
	roster_free(r);
}

static size_t
n_pools(struct roster *r, char image[static 64])
{
	struct arena *arena = arena_new();
	struct roster_rows rows;
	size_t n = 0;

	roster_rows(r, 0, 1, 12, arena, &rows);
	for (size_t i = 0; i < rows.n_profiles; i++) {
		if (rows.profiles[i].kind != PROFILE_SERVICE)
			continue;
		n++;
		(void) str_copy(image, 64, rows.profiles[i].image);
	}
	arena_free(arena);
	return n;
}

/* What is known of a service's old image goes when a new one has come up, not before. */
static void
test_pools_outlive_containers(void **state)
{
	struct roster *r = new_roster();
	struct facts *f = facts_new();
	struct docker_container next = container("c2", "t2");
	char image[64];

	(void) state;
	facts_set_moved(f, SERVICE, 1);
	(void) fed(r, "c1", "t1", 0.1, 30);
	roster_pool(r, f, 0);
	assert_int_equal(n_pools(r, image), 1);
	(void) roster_forget(r, NODE, 2);
	roster_pool(r, f, 0);
	assert_int_equal(n_pools(r, image), 1);
	assert_string_equal(image, "web:1");
	next.image = "web:2";
	(void) roster_see(r, &next, NULL, 3);
	roster_pool(r, f, 0);
	assert_int_equal(n_pools(r, image), 1);
	assert_string_equal(image, "web:2");
	facts_free(f);
	f = facts_new();
	roster_pool(r, f, 0); /* the service is gone, its container not yet */
	assert_int_equal(n_pools(r, image), 1);
	(void) roster_forget(r, NODE, 4);
	roster_pool(r, f, 0);
	assert_int_equal(n_pools(r, image), 0);
	facts_free(f);
	roster_free(r);
}

/* Thousands of new containers at once must not hold up the loop. */
static void
test_first_states_come_in_portions(void **state)
{
	struct roster *r = new_roster();
	size_t given[3] = {0};

	(void) state;
	for (int i = 0; i < 1100; i++) {
		char id[16];
		struct docker_container c;

		(void) snprintf(id, sizeof(id), "c%04d", i);
		c = container(id, "t1");
		(void) roster_see(r, &c, NULL, 1);
	}
	for (uint64_t cycle = 0; cycle < 3; cycle++) {
		struct arena *arena = arena_new();
		struct roster_rows rows;

		roster_rows(r, 0, cycle, 1000, arena, &rows);
		for (size_t i = 0; i < rows.n_profiles; i++)
			given[cycle] += rows.profiles[i].state != NULL;
		arena_free(arena);
	}
	/* And the one or two whose turn it is anyway. */
	assert_in_range(given[0], 500, 502);
	assert_in_range(given[1], 500, 502);
	assert_in_range(given[0] + given[1] + given[2], 1100, 1104);
	roster_free(r);
}

struct steps {
	int n;
	double rx[2];
	const char *service[2];
};

static void
take_steps(void *data, const char *service_id, const float rx[static FORECAST_STEPS],
           const float tx[static FORECAST_STEPS])
{
	struct steps *s = data;

	(void) tx;
	assert_true(s->n < 2);
	s->service[s->n] = service_id;
	s->rx[s->n++] = (double) rx[FORECAST_STEPS - 2];
}

/* One look at each container, however many services there are. */
static void
test_net_steps_of_each_container_once(void **state)
{
	struct roster *r = new_roster();
	struct docker_container alone = container("c3", "");
	struct steps s = {0};

	(void) state;
	(void) fed(r, "c1", "t1", 0.1, 30);
	(void) fed(r, "c2", "t2", 0.1, 30);
	alone.service_id[0] = '\0';
	(void) roster_see(r, &alone, NULL, 1);
	roster_net_steps(r, (1700000000 + 30) * INT64_C(1000), take_steps, &s);
	assert_int_equal(s.n, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(s.service[i], SERVICE);
		assert_true(fabs(s.rx[i] - 1000) < 1);
	}
	roster_free(r);
}

static void
test_damaged_rows_are_dropped(void **state)
{
	static const struct profile_row rows[] = {
	    {.kind = PROFILE_CONTAINER, .id = "c1", .state = "{}"},
	    {.kind = PROFILE_CONTAINER, .id = "c1", .state = NULL},
	    {.kind = PROFILE_CONTAINER, .id = NULL, .state = "x"},
	    {.kind = PROFILE_SERVICE, .id = SERVICE, .image = "web:1", .state = "garbage"},
	};
	struct roster *r = new_roster();
	struct docker_container c = container("c1", "t1");
	struct forecast forecast;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		roster_load(r, &rows[i]);
	profile_forecast(roster_see(r, &c, NULL, 1)->profile, 1700000000000, &forecast);
	assert_true(forecast.confidence == 0);
	roster_free(r);
}

static void
on_sampler_closed(void *data)
{
	*(bool *) data = true;
}

/* Reloads do not hurry the rounds: an engine is not asked more often than sample-every says. */
static void
test_reloads_keep_the_rhythm(void **state)
{
	struct config *config = config_new();
	struct sampler *s;
	bool closed = false;
	uv_loop_t loop;

	(void) state;
	assert_int_equal(uv_loop_init(&loop), 0);
	config->sample_every_ms = 3600000;
	s = sampler_new(&loop, NULL, NULL, NULL, config);
	sampler_set_config(s, config); /* before the start: nothing runs */
	(void) uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(sampler_ticks(s), 0);
	sampler_start(s);
	for (int i = 0; i < 10; i++) {
		sampler_set_config(s, config);
		uv_update_time(&loop);
		(void) uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(sampler_ticks(s), 1);
	}
	/* A shorter one holds from the last round on. */
	config->sample_every_ms = 1;
	sampler_set_config(s, config);
	(void) uv_run(&loop, UV_RUN_ONCE);
	assert_true(sampler_ticks(s) >= 2);
	sampler_close(s, on_sampler_closed, &closed);
	(void) uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(closed);
	assert_int_equal(uv_loop_close(&loop), 0);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pace_slows_down_and_wakes_up),
	    cmocka_unit_test(test_pace_bounds),
	    cmocka_unit_test(test_inflight_grows_while_flat),
	    cmocka_unit_test(test_inflight_shrinks_on_failure),
	    cmocka_unit_test(test_roster_measures),
	    cmocka_unit_test(test_an_engines_clock_may_be_wrong),
	    cmocka_unit_test(test_roster_forgets_what_was_not_listed),
	    cmocka_unit_test(test_forecasts_reach_the_facts),
	    cmocka_unit_test(test_inheritance_and_reload),
	    cmocka_unit_test(test_pools_outlive_containers),
	    cmocka_unit_test(test_first_states_come_in_portions),
	    cmocka_unit_test(test_net_steps_of_each_container_once),
	    cmocka_unit_test(test_damaged_rows_are_dropped),
	    cmocka_unit_test(test_reloads_keep_the_rhythm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
