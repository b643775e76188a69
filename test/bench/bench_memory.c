/*
 * What a Swarm of 1,000 nodes and 3,000 containers takes in memory: the poll's structs, the
 * snapshot made of them, a profile of each container. And how long the snapshot takes to make.
 */
#include <malloc.h>
#include <math.h>

#include "agent/observe.h"
#include "base/rng.h"
#include "docker/decode.h"
#include "docker/document.h"
#include "features/profile.h"
#include "test/bench/bench.h"
#include "test/bench/docs.h"

enum { NODES = 1000, SERVICES = 3000, ROUNDS = 20, PROFILES = 300, SAMPLES = 480 };

#define MIB (1024.0 * 1024.0)

static json_t *
parse(char *text)
{
	struct error err = {0};
	json_t *doc = NULL;

	bench_must(document_parse("bench", text, strlen(text), &doc, &err), &err);
	free(text);
	return doc;
}

static void
state_make(struct cluster_state *state)
{
	json_auto_t *nodes = parse(docs_nodes(NODES)), *services = parse(docs_services(SERVICES)),
	            *tasks = parse(docs_tasks(SERVICES, NODES));
	struct docker_services service_list;
	struct docker_nodes node_list;
	struct docker_tasks task_list;
	struct error err = {0};

	for (size_t i = 0; i < 3; i++)
		state->arenas[i] = arena_new();
	bench_must(decode_nodes(nodes, state->arenas[0], &node_list, &err), &err);
	bench_must(decode_services(services, state->arenas[1], &service_list, &err), &err);
	bench_must(decode_tasks(tasks, state->arenas[2], &task_list, &err), &err);
	state->nodes = node_list.items;
	state->n_nodes = node_list.n;
	state->services = service_list.items;
	state->n_services = service_list.n;
	state->tasks = task_list.items;
	state->n_tasks = task_list.n;
	state->wall_ms = 1800000000000;
	state->mono_ms = 3600000;
}

/* Everything that can be known of every node and task is known. */
static struct facts *
facts_make(const struct cluster_state *state)
{
	struct facts *facts = facts_new();
	struct forecast forecast = {.cpu_cores = {0.2, 0.01},
	                            .cpu_slow_cores = {0.2, 0.02},
	                            .mem_bytes = {1e8, 1e14},
	                            .cpu_now_cores = 0.2,
	                            .confidence = 0.9};

	facts_update(facts, state, NULL, NULL, NULL);
	for (size_t i = 0; i < NODES; i++) {
		char id[SWARM_ID_SIZE];

		docs_node_id(i, id);
		facts_set_source(facts, id, true);
		facts_set_load(facts, id, 0.6, 3e8, false, state->mono_ms);
		for (size_t k = 0; k < 3; k++)
			facts_set_image(facts, id, docs_image(i + k * NODES), "sha256:1", true,
			                state->mono_ms);
	}
	for (size_t i = 0; i < SERVICES; i++) {
		char id[SWARM_ID_SIZE];

		docs_task_id(i, id);
		facts_set_forecast(facts, id, &forecast);
	}
	return facts;
}

static void
snapshots(const struct bench *b)
{
	_cleanup_(config_freep) struct config *config = config_new();
	struct cluster_state state = {0};
	_cleanup_(facts_freep) struct facts *facts = NULL;
	struct observe_input in = {.state = &state, .config = config};
	double ms[ROUNDS], bytes = 0;

	state_make(&state);
	facts = facts_make(&state);
	in.facts = facts;
	in.mono_ms = state.mono_ms;
	in.wall_ms = state.wall_ms;
	for (size_t i = 0; i < ROUNDS; i++) {
		double from = bench_cpu_ms();
		_cleanup_(observe_freep) struct snapshot *s = observe_snapshot(&in);

		ms[i] = bench_cpu_ms() - from;
		bytes = (double) arena_bytes(s->arena);
	}
	bench_figure(b, "poll_1000_nodes",
	             (double) (arena_bytes(state.arenas[0]) + arena_bytes(state.arenas[1]) +
	                       arena_bytes(state.arenas[2])) /
	                 MIB,
	             "MiB");
	bench_figure(b, "snapshot_1000_nodes", bytes / MIB, "MiB");
	bench_spread(b, "snapshot_1000_nodes_make", ms, ROUNDS, "ms");
	for (size_t i = 0; i < 3; i++)
		arena_free(state.arenas[i]);
}

/* Two hours of a web service's life at the default clocks. */
static struct profile *
profile_make(struct rng *rng)
{
	struct features_options options = features_options_for(0, 0);
	struct profile *p = profile_new(&options);

	for (int i = 0; i < SAMPLES; i++) {
		struct sample s = {.t_ms = 1800000000000 + (int64_t) i * options.sample_ms,
		                   .dt_ms = options.sample_ms};

		s.cpu_cores = 0.05 + 0.5 * pow(rng_double(rng), 3);
		s.mem_bytes = 1e8 + 2e7 * rng_double(rng);
		s.net_rx_bytes_per_s = 1e5 * rng_double(rng);
		s.net_tx_bytes_per_s = 1e6 * rng_double(rng);
		s.blk_read_bytes_per_s = s.blk_write_bytes_per_s = 1e4 * rng_double(rng);
		s.pids = 8;
		profile_push(p, &s, NULL);
	}
	return p;
}

static void
profiles(const struct bench *b)
{
	struct profile *list[PROFILES];
	struct rng rng;
	size_t before;
	double from = bench_cpu_ms(), pushed;
	double saved = 0;

	rng_seed(&rng, 1);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < PROFILES; i++)
		list[i] = profile_make(&rng);
	pushed = bench_cpu_ms() - from;
	bench_figure(b, "profile", (double) (mallinfo2().uordblks - before) / PROFILES, "bytes");
	bench_figure(b, "profile_push", pushed * 1e3 / PROFILES / SAMPLES, "us");
	from = bench_cpu_ms();
	for (size_t i = 0; i < PROFILES; i++) {
		char *text = profile_save(list[i]);

		saved += (double) strlen(text);
		free(text);
	}
	bench_figure(b, "profile_save", (bench_cpu_ms() - from) * 1e3 / PROFILES, "us");
	bench_figure(b, "profile_saved", saved / PROFILES, "bytes");
	for (size_t i = 0; i < PROFILES; i++)
		profile_free(list[i]);
}

int
main(int argc, char **argv)
{
	struct bench b = bench_begin(argc, argv, "memory");

	document_global_init();
	profiles(&b);
	snapshots(&b);
	return 0;
}
