/*
 * Makes the database that the CLI's tests read: three nodes, five services (one of them with a
 * name that tries to forge lines and drive the terminal), profiles, what was learned, three
 * decisions and two moves. Usage: fixture STATE-DIR. Times are relative to now.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "policy/basis.h"
#include "storage/journal.h"
#include "storage/store.h"

#define MIN_MS INT64_C(60000)
#define MIB    INT64_C(1048576)
#define EVIL   "ev\033[31mil\n,\"x\"\xe2\x80\xae"

static const char *const node_ids[] = {"node1aaaaaaaaaaaaaaaaaaaa", "node2bbbbbbbbbbbbbbbbbbbbb",
                                       "node3ccccccccccccccccccccc"};
static const char *const hostnames[] = {"alpha", "beta", "gamma"};
static const char *const service_ids[] = {"svcwebaaaaaaaaaaaaaaaaaaa", "svcburstbbbbbbbbbbbbbbbbb",
                                          "svcholdcccccccccccccccccc", "svcpinddddddddddddddddddd",
                                          "svcevileeeeeeeeeeeeeeeeee"};
static const char *const service_names[] = {"web", "burst", "hold", "pinned", EVIL};

static int64_t now;

static void
check(int r, const struct error *err)
{
	if (r >= 0)
		return;
	(void) fprintf(stderr, "fixture: %s\n", err->text);
	exit(1);
}

static void
put_nodes(struct store *s)
{
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(node_ids); i++) {
		bool blind = i == 2;
		struct node_row n = {
		    .id = node_ids[i],
		    .hostname = hostnames[i],
		    .addr = "10.0.0.1",
		    .role = i == 0 ? "manager" : "worker",
		    .os = "linux",
		    .arch = "x86_64",
		    .engine = "20.10.24",
		    .state = "ready",
		    .availability = "active",
		    .source = blind ? NULL : "unix:///var/run/docker.sock",
		    .capacity_cpu_nano = 4000000000,
		    .capacity_mem_bytes = 4096 * MIB,
		    .usable_cores = 4,
		    .idle_watts = 60,
		    .max_watts = 120,
		    .version = 7 + i,
		    .seen_ms = now,
		};
		struct node_load_row load = {
		    .node_id = node_ids[i],
		    .at_ms = now - 3 * MIN_MS,
		    .cpu_cores = blind ? NAN : 3.5 - 3 * (double) i,
		    .mem_bytes = blind ? NAN : (double) (1024 * MIB),
		    .reserved_cpu_nano = 500000000,
		    .n_tasks = 3,
		    .watts = blind ? NAN : 110 - 40 * (double) i,
		};

		check(store_put_nodes(s, &n, 1, &err), &err);
		check(store_put_node_loads(s, &load, 1, &err), &err);
	}
}

static void
put_services(struct store *s)
{
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(service_ids); i++) {
		struct service_row r = {
		    .id = service_ids[i],
		    .name = service_names[i],
		    .image = "busybox:1",
		    .mode = "replicated",
		    .act = i == 3 ? "none" : "auto",
		    .refused = i == 3 ? "its owner pinned it with forager.pin" : NULL,
		    .replicas = 1,
		    .reserve_cpu_nano = i == 2 ? 1000000000 : 0,
		    .slo_p95_ms = NAN,
		    .seen_p95_ms = i == 0 ? 42.5 : NAN,
		    .version = 100 + i,
		    .seen_ms = now,
		};

		check(store_put_services(s, &r, 1, &err), &err);
	}
}

static struct profile_row
profile(enum profile_kind kind, const char *id, size_t i)
{
	double cpu = .1 * (double) (i + 1);

	return (struct profile_row){
	    .kind = kind,
	    .id = id,
	    .image = "busybox:1",
	    .cpu_mean_cores = cpu,
	    .cpu_p50_cores = cpu,
	    .cpu_p90_cores = cpu * 1.5,
	    .cpu_p95_cores = i == 1 ? cpu * 4 : cpu * 1.6,
	    .cpu_p99_cores = cpu * 5,
	    .cpu_peak_cores = cpu * 6,
	    .cpu_var_cores2 = .01,
	    .cpu_now_cores = cpu,
	    .burst_ratio = i == 1 ? 4 : 1.6,
	    .throttled_ratio = i == 0 ? .25 : 0,
	    .mem_mean_bytes = (double) (100 * MIB),
	    .mem_p50_bytes = (double) (100 * MIB),
	    .mem_p95_bytes = (double) (120 * MIB),
	    .mem_peak_bytes = (double) (130 * MIB),
	    .mem_growth_bytes_per_h = NAN,
	    .net_rx_bytes_per_s = 1000,
	    .net_tx_bytes_per_s = 2000,
	    .net_rx_p95_bytes_per_s = 1500,
	    .net_tx_p95_bytes_per_s = 2500,
	    .blk_read_bytes_per_s = NAN,
	    .blk_write_bytes_per_s = NAN,
	    .blk_read_p95_bytes_per_s = NAN,
	    .blk_write_p95_bytes_per_s = NAN,
	    .forecast_mean_cores = cpu,
	    .forecast_var_cores2 = .01,
	    .forecast_error_cores = .02,
	    .startup_ms = 500,
	    .confidence = .8,
	    .n_samples = 1000,
	    .pids_max = 3,
	    .behaviour = i == 1 ? BEHAVIOUR_BURSTY : BEHAVIOUR_STEADY,
	    .first_ms = now - 600 * MIN_MS,
	    .last_ms = now - 1000,
	};
}

static void
put_containers(struct store *s)
{
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(service_ids); i++) {
		char id[65], task[26];
		struct container_row c = {
		    .id = id,
		    .name = "c",
		    .image = "busybox:1",
		    .service_id = service_ids[i],
		    .node_id = node_ids[i % 2],
		    .task_id = task,
		    .slot = 1,
		    .state = "running",
		    .started_ms = now - 600 * MIN_MS,
		    .seen_ms = now,
		};
		struct profile_row p;

		(void) snprintf(id, sizeof(id), "%064zx", 0xabcdef + i);
		(void) snprintf(task, sizeof(task), "task%021zu", i);
		check(store_put_containers(s, &c, 1, &err), &err);
		p = profile(PROFILE_CONTAINER, id, i);
		check(store_put_profiles(s, &p, 1, &err), &err);
		p = profile(PROFILE_SERVICE, service_ids[i], i);
		check(store_put_profiles(s, &p, 1, &err), &err);
	}
	for (size_t i = 0; i < 2; i++) {
		struct profile_row p = profile(PROFILE_NODE, node_ids[i], i);

		check(store_put_profiles(s, &p, 1, &err), &err);
	}
}

static void
put_learned(struct store *s)
{
	struct weight_row weights[BASIS_N];
	struct qvalue_row q[] = {
	    {service_ids[0], node_ids[1], 12.5, 2, VERDICT_OK, 2, now},
	    {service_ids[0], node_ids[2], NAN, NAN, VERDICT_TARGET_BLIND, 2, now},
	};
	struct error err = {0};

	for (size_t i = 0; i < BASIS_N; i++) {
		weights[i] = (struct weight_row){
		    .algorithm = "linear",
		    .feature = basis_infos[i].name,
		    .meaning = basis_infos[i].meaning,
		    .theta = basis_infos[i].prior + .5,
		    .prior = basis_infos[i].prior,
		    .sd = .25,
		};
	}
	check(store_put_weights(s, weights, BASIS_N, now, &err), &err);
	check(store_put_qvalues(s, q, ARRAY_SIZE(q), &err), &err);
}

static struct snapshot
snapshot(struct arena *a)
{
	struct snapshot s = {
	    .wall_ms = now, .step_ms = 5000, .n_nodes = 3, .n_services = 5, .arena = a};

	s.nodes = ARENA_NEW(a, struct snap_node, s.n_nodes);
	s.services = ARENA_NEW(a, struct snap_service, s.n_services);
	for (size_t i = 0; i < s.n_nodes; i++) {
		s.nodes[i].id = node_ids[i];
		s.nodes[i].hostname = hostnames[i];
	}
	for (size_t i = 0; i < s.n_services; i++) {
		s.services[i].id = service_ids[i];
		s.services[i].name = service_names[i];
	}
	return s;
}

/* Thirds do not add up when each is rounded by itself: the printed sum must all the same. */
static void
contribute(struct candidate *c, double gain, double cost)
{
	c->move_cost = cost;
	c->gain = gain;
	c->sd = 1.5;
	for (size_t i = 0; i < 6; i++) {
		c->basis[i] = .5F;
		c->contribution[i] = (float) ((gain + cost) / 6);
	}
}

static struct candidate
candidate(uint32_t service, uint32_t from, uint32_t to, enum verdict verdict)
{
	return (struct candidate){
	    .action =
	        {.kind = ACTION_MOVE, .service = service, .from = from, .to = to, .n_tasks = 1},
	    .verdict = verdict,
	};
}

static void
put_decision(struct store *s, uint64_t id, size_t chosen, uint32_t service,
             const struct execution_row *executed)
{
	struct arena *a = arena_new();
	struct snapshot snap = snapshot(a);
	const char *names[BASIS_N];
	struct decision d = {
	    .id = id,
	    .rng_seed = UINT64_MAX - id,
	    .wall_ms = now - (10 - (int64_t) id) * MIN_MS,
	    .goal = chosen > 0 ? GOAL_RELIEF : GOAL_NONE,
	    .goal_node = chosen > 0 ? 0 : NO_INDEX,
	    .algorithm = "linear",
	    .n_shortlist = 4,
	    .chosen = chosen,
	    .runner_up = chosen > 0 ? 2 : 4,
	    .propensity = .83,
	    .draws = 256,
	    .n_considered = 9,
	    .cost_now = 40,
	    .reason = chosen > 0 ? "alpha is above its relief line" : "nothing gains enough",
	};
	struct error err = {0};

	d.shortlist = ARENA_NEW(a, struct candidate, d.n_shortlist);
	d.shortlist[0].action = (struct action){
	    .kind = ACTION_STAY, .service = NO_INDEX, .from = NO_INDEX, .to = NO_INDEX};
	d.shortlist[1] = candidate(service, 0, 1, VERDICT_OK);
	contribute(&d.shortlist[1], chosen > 0 ? 10.0 : -2.0, 1);
	d.shortlist[2] = candidate(4, 0, 1, VERDICT_OK);
	contribute(&d.shortlist[2], 3.3333, 1);
	d.shortlist[3] = candidate(3, 0, 1, VERDICT_PINNED);
	d.n_refused[VERDICT_PINNED] = 4;
	d.n_refused[VERDICT_TARGET_BLIND] = 2;
	for (size_t i = 0; i < BASIS_N; i++)
		names[i] = basis_infos[i].name;
	check(store_put_decision(s, &d, &snap, names, executed, &err), &err);
	arena_free(a);
}

static void
put_decisions(struct store *s)
{
	static const struct execution_row stayed = {EXECUTION_STAYED, VERDICT_OK, "auto", NULL};
	static const struct execution_row started = {EXECUTION_STARTED, VERDICT_OK, "auto", NULL};
	static const struct execution_row recommended = {
	    EXECUTION_RECOMMENDED, VERDICT_OK, "recommend",
	    "docker service update --constraint-add 'node.id!=node1aaaaaaaaaaaaaaaaaaaa' burst"};
	struct outcome_row outcome = {
	    .decision_id = 2,
	    .move_id = 1,
	    .from_ms = now - 6 * MIN_MS,
	    .to_ms = now - 2 * MIN_MS,
	    .source_before_cores = 3.9,
	    .source_after_cores = 2.1,
	    .target_before_cores = .4,
	    .target_after_cores = 1.9,
	    .p95_before_ms = 80,
	    .p95_after_ms = 30,
	    .watts_before = NAN,
	    .watts_after = NAN,
	    .cost_before = 40,
	    .cost_after = 29,
	    .gain_predicted = 10,
	    .gain_seen = 11,
	    .text = "web answers faster",
	};
	struct error err = {0};
	uint64_t first;

	check(store_next_decision_id(s, 3, &first, &err), &err);
	put_decision(s, 1, 0, 0, &stayed);
	put_decision(s, 2, 1, 0, &started);
	put_decision(s, 3, 1, 1, &recommended);
	check(store_put_outcome(s, &outcome, &err), &err);
}

static void
put_moves(struct store *s)
{
	struct intent in = {
	    .decision_id = 2,
	    .kind = MOVE_KIND_MOVE,
	    .state = MOVE_PLANNED,
	    .service_name = (char *) "web",
	    .from_name = (char *) "alpha",
	    .to_name = (char *) "beta",
	    .added = (char *) "[\"node.id!=node1aaaaaaaaaaaaaaaaaaaa\"]",
	    .before = (char *) "{}",
	    .written = (char *) "{}",
	    .old_tasks = (char *) "[]",
	    .created_wall_ms = now - 8 * MIN_MS,
	    .deadline_wall_ms = now - 5 * MIN_MS,
	};
	struct error err = {0};

	(void) str_copy(in.service_id, sizeof(in.service_id), service_ids[0]);
	(void) str_copy(in.from_id, sizeof(in.from_id), node_ids[0]);
	(void) str_copy(in.to_id, sizeof(in.to_id), node_ids[1]);
	check(journal_add(s, &in, now - 8 * MIN_MS, &in.id, &err), &err);
	in.state = MOVE_STEERED;
	check(journal_update(s, &in, now - 8 * MIN_MS + 400, "posted", &err), &err);
	in.state = MOVE_DONE;
	in.ended_wall_ms = now - 8 * MIN_MS + 6000;
	in.reason = (char *) "every task runs on beta";
	check(journal_update(s, &in, in.ended_wall_ms, NULL, &err), &err);
	/* One by hand, of the service with the hostile name. */
	in = (struct intent){
	    .kind = MOVE_KIND_MOVE,
	    .state = MOVE_REFUSED,
	    .service_name = (char *) EVIL,
	    .from_name = (char *) "alpha",
	    .to_name = (char *) "beta",
	    .created_wall_ms = now - 4 * MIN_MS,
	    .ended_wall_ms = now - 4 * MIN_MS,
	    .reason = (char *) "the target lacks the image",
	};
	(void) str_copy(in.service_id, sizeof(in.service_id), service_ids[4]);
	check(journal_add(s, &in, now - 4 * MIN_MS, &in.id, &err), &err);
}

int
main(int argc, char **argv)
{
	_cleanup_(freep) char *path = NULL;
	struct store *s = NULL;
	struct error err = {0};

	if (argc != 2) {
		(void) fprintf(stderr, "usage: fixture STATE-DIR\n");
		return 2;
	}
	now = wall_ms();
	path = xasprintf("%s/forager.db", argv[1]);
	check(store_open(path, &s, &err), &err);
	check(store_begin(s, &err), &err);
	put_nodes(s);
	put_services(s);
	put_containers(s);
	put_learned(s);
	put_decisions(s);
	check(store_commit(s, &err), &err);
	put_moves(s);
	store_close(s);
	return 0;
}
