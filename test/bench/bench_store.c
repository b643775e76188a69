/*
 * How fast a decision cycle reaches the disk: everything that the daemon stores of a cycle at its
 * default clocks (twenty samples a container between two decisions), in one commit. The database
 * is made in --dir (default: the working directory, so that it is a real disk's) and removed.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "features/profile.h"
#include "storage/store.h"
#include "test/bench/bench.h"
#include "test/bench/docs.h"

enum { TASKS_A_NODE = 3, SAMPLES_A_CYCLE = 20, STATE_PARTS = 12, ROUNDS = 12 };

#define T0 1800000000000LL

struct rows {
	struct node_row *nodes;
	struct node_load_row *loads;
	struct service_row *services;
	struct container_row *containers;
	struct sample_row *samples;
	struct profile_row *profiles;
	size_t n_nodes, n_tasks, n_samples;
	char *state; /* of a profile that has seen two hours */
};

static char *
profile_state(void)
{
	struct features_options options = features_options_for(0, 0);
	_cleanup_(profile_freep) struct profile *p = profile_new(&options);
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 480; i++) {
		struct sample s = {.t_ms = T0 + (int64_t) i * options.sample_ms,
		                   .dt_ms = options.sample_ms,
		                   .cpu_cores = 0.05 + 0.4 * rng_double(&rng),
		                   .mem_bytes = 1e8 + 2e7 * rng_double(&rng),
		                   .net_rx_bytes_per_s = 1e5 * rng_double(&rng),
		                   .net_tx_bytes_per_s = 1e6 * rng_double(&rng)};

		profile_push(p, &s, NULL);
	}
	return profile_save(p);
}

static char *
text_id(const char *format, size_t i)
{
	char *id = xcalloc(1, 80);

	(void) snprintf(id, 80, "%s%0*zu", format, (int) (25 - strlen(format)), i);
	return id;
}

static void
add_task(struct rows *r, size_t i)
{
	char *container = xcalloc(1, 65), *service = text_id("serv", i);

	(void) snprintf(container, 65, "%064zx", i + 1);
	r->services[i] = (struct service_row){.id = service,
	                                      .name = service,
	                                      .image = "registry.example/app:1",
	                                      .mode = "replicated",
	                                      .act = "auto",
	                                      .replicas = 1};
	r->containers[i] = (struct container_row){.id = container,
	                                          .name = service,
	                                          .image = "registry.example/app:1",
	                                          .service_id = service,
	                                          .node_id = r->nodes[i % r->n_nodes].id,
	                                          .task_id = text_id("task", i),
	                                          .slot = 1,
	                                          .state = "running",
	                                          .started_ms = T0};
	r->profiles[i] = (struct profile_row){.kind = PROFILE_CONTAINER,
	                                      .id = container,
	                                      .image = "registry.example/app:1",
	                                      .cpu_mean_cores = 0.2,
	                                      .cpu_p95_cores = 0.4,
	                                      .confidence = 0.9,
	                                      .n_samples = 480,
	                                      .first_ms = T0};
	for (size_t k = 0; k < SAMPLES_A_CYCLE; k++)
		r->samples[i * SAMPLES_A_CYCLE + k] =
		    (struct sample_row){.container_id = container,
		                        .interval_ms = 15000,
		                        .cpu_cores = 0.2 + (double) k / 100,
		                        .mem_bytes = 1e8,
		                        .net_rx_bytes_per_s = 1e5,
		                        .net_tx_bytes_per_s = 1e6,
		                        .pids = 8};
}

/* Ids live as long as the program. */
static void
rows_make(struct rows *r, size_t n_nodes)
{
	r->n_nodes = n_nodes;
	r->n_tasks = n_nodes * TASKS_A_NODE;
	r->n_samples = r->n_tasks * SAMPLES_A_CYCLE;
	r->nodes = xcalloc(r->n_nodes, sizeof(*r->nodes));
	r->loads = xcalloc(r->n_nodes, sizeof(*r->loads));
	r->services = xcalloc(r->n_tasks, sizeof(*r->services));
	r->containers = xcalloc(r->n_tasks, sizeof(*r->containers));
	r->samples = xcalloc(r->n_samples, sizeof(*r->samples));
	r->profiles = xcalloc(r->n_tasks, sizeof(*r->profiles));
	r->state = profile_state();
	for (size_t i = 0; i < n_nodes; i++) {
		char *id = text_id("node", i);

		r->nodes[i] = (struct node_row){.id = id,
		                                .hostname = id,
		                                .addr = "10.0.0.1",
		                                .role = "worker",
		                                .os = "linux",
		                                .arch = "x86_64",
		                                .engine = "20.10.24",
		                                .state = "ready",
		                                .availability = "active",
		                                .source = "tcp://10.0.0.1:2375",
		                                .capacity_cpu_nano = 2000000000,
		                                .capacity_mem_bytes = 1 << 30,
		                                .usable_cores = 2,
		                                .idle_watts = 40,
		                                .max_watts = 90};
		r->loads[i] = (struct node_load_row){
		    .node_id = id, .cpu_cores = 0.6, .mem_bytes = 3e8, .n_tasks = 3, .watts = 55};
	}
	for (size_t i = 0; i < r->n_tasks; i++)
		add_task(r, i);
}

/* The rows as they are in the cycle-th cycle, five minutes apart. */
static void
rows_stamp(struct rows *r, size_t cycle)
{
	int64_t at_ms = T0 + (int64_t) cycle * 300000;

	for (size_t i = 0; i < r->n_nodes; i++)
		r->nodes[i].seen_ms = r->loads[i].at_ms = at_ms;
	for (size_t i = 0; i < r->n_tasks; i++) {
		r->services[i].seen_ms = r->containers[i].seen_ms = at_ms;
		r->profiles[i].last_ms = at_ms;
		/* Each state is stored one cycle in so many, as the daemon does. */
		r->profiles[i].state =
		    cycle == 0 || i % STATE_PARTS == cycle % STATE_PARTS ? r->state : NULL;
	}
	for (size_t i = 0; i < r->n_samples; i++)
		r->samples[i].at_ms = at_ms - (int64_t) (i % SAMPLES_A_CYCLE) * 15000;
}

static double
cycle(struct store *s, const struct rows *r)
{
	struct error err = {0};
	double from = bench_wall_ms();

	bench_must(store_begin(s, &err), &err);
	bench_must(store_put_nodes(s, r->nodes, r->n_nodes, &err), &err);
	bench_must(store_put_node_loads(s, r->loads, r->n_nodes, &err), &err);
	bench_must(store_put_services(s, r->services, r->n_tasks, &err), &err);
	bench_must(store_put_containers(s, r->containers, r->n_tasks, &err), &err);
	bench_must(store_put_samples(s, r->samples, r->n_samples, &err), &err);
	bench_must(store_put_profiles(s, r->profiles, r->n_tasks, &err), &err);
	bench_must(store_mark_gone(s, r->nodes[0].seen_ms, r->nodes[0].seen_ms, &err), &err);
	bench_must(store_commit(s, &err), &err);
	return bench_wall_ms() - from;
}

static void
remove_all(const char *dir, const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_(freep) char *name = xasprintf("%s%s", path, ends[i]);

		(void) unlink(name);
	}
	(void) rmdir(dir);
}

static void
run(const struct bench *b, size_t n_nodes)
{
	_cleanup_(freep) char *dir =
	    xasprintf("%s/forager-bench-XXXXXX", b->dir != NULL ? b->dir : ".");
	_cleanup_(freep) char *path = NULL, *rate = NULL, *bytes = NULL, *prefix = NULL;
	struct error err = {0};
	struct store *s = NULL;
	struct rows r = {0};
	double ms[ROUNDS], sum = 0, n_rows;
	struct stat st;

	if (mkdtemp(dir) == NULL)
		bench_must(error_set(&err, errno, "mkdtemp '%s': %s", dir, strerror(errno)), &err);
	path = xasprintf("%s/forager.db", dir);
	bench_must(store_open(path, &s, &err), &err);
	rows_make(&r, n_nodes);
	n_rows = (double) (2 * r.n_nodes + 3 * r.n_tasks + r.n_samples);
	rows_stamp(&r, 0);
	(void) cycle(s, &r); /* the first one makes everything anew */
	for (size_t i = 0; i < ROUNDS; i++) {
		rows_stamp(&r, i + 1);
		ms[i] = cycle(s, &r);
		sum += ms[i];
	}
	bench_must(store_wal_checkpoint(s, true, &err), &err);
	store_close(s);
	prefix = xasprintf("cycle_%zu_containers", r.n_tasks);
	rate = xasprintf("%s_rows_per_s", prefix);
	bytes = xasprintf("%s_bytes_per_sample", prefix);
	bench_spread(b, prefix, ms, ROUNDS, "ms");
	bench_figure(b, rate, n_rows * ROUNDS / sum * 1e3, "rows/s");
	if (stat(path, &st) == 0)
		bench_figure(b, bytes, (double) st.st_size / (double) (r.n_samples * (ROUNDS + 1)),
		             "bytes");
	remove_all(dir, path);
}

int
main(int argc, char **argv)
{
	struct bench b = bench_begin(argc, argv, "store");

	run(&b, 10);
	run(&b, 100);
	run(&b, 1000);
	return 0;
}
