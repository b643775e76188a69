/* docker/document and docker/decode on recorded answers of 20.10 and documented ones of newer
 * engines. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "docker/decode.h"
#include "docker/document.h"

#define SOURCE "unix:///x"

/* A recorded answer; make sets srcdir when it builds elsewhere. The caller frees. */
static char *
file_read(const char *name)
{
	const char *dir = getenv("srcdir");
	_cleanup_(freep) char *path =
	    xasprintf("%s/test/data/docker/%s", dir != NULL ? dir : ".", name);
	FILE *f = fopen(path, "r");
	size_t size = 0, n;
	char *text = NULL;

	if (f == NULL)
		fail_msg("cannot open '%s'", path);
	do {
		text = xrealloc(text, size + 4097, 1);
		n = fread(text + size, 1, 4096, f);
		size += n;
	} while (n > 0);
	text[size] = '\0';
	(void) fclose(f);
	return text;
}

static json_t *
parse(const char *text)
{
	struct error err = {0};
	json_t *doc = NULL;

	if (document_parse(SOURCE, text, strlen(text), &doc, &err) < 0)
		fail_msg("%s", err.text);
	return doc;
}

static json_t *
load(const char *name)
{
	_cleanup_(freep) char *text = file_read(name);

	return parse(text);
}

/* ---- documents ---- */

static const struct {
	const char *text;
	int facts, exact;
	const char *part; /* of the message of what failed first */
} documents[] = {
    {"{}", 0, 0, ""},
    {"[1,2.5,\"a\",null,true]", 0, 0, ""},
    {"{\"a\":0.1,\"b\":1e-7,\"c\":0.0,\"d\":123456789012345.678}", 0, -ERANGE,
     "123456789012345.678"},
    {"[0.1,1e-7,0.0,3.4028235e+38,12345678901234568.0,\"-0 99999999999999999999\"]", 0, 0, ""},
    {"[9223372036854775807,-9223372036854775808]", 0, 0, ""},
    {"[9223372036854775808]", 0, -ERANGE, "too big integer"},
    {"[18446744073709551615]", 0, -ERANGE, "too big integer"},
    {"[0.12345678901234567890123]", 0, -ERANGE, "0.12345678901234567890123"},
    {"[12345678901234567.0]", 0, -ERANGE, "12345678901234567.0"}, /* odd, above 2^53 */
    {"[-0]", 0, -ERANGE, "-0"},
    {"[\"\\\"\",-0]", 0, -ERANGE, "-0"},
    {"[-0.0]", 0, -ERANGE, "-0.0"},
    {"[1e999]", -EBADMSG, -EBADMSG, "not Docker's JSON"},
    {"{\"a\":1,\"a\":2}", 0, -ERANGE, "duplicate"},
    {"[\"a\\u0000b\"]", -EBADMSG, -ERANGE, "not Docker's JSON"},
    {"[1.00000000000000000000000000000000000000000000000000000000000000000000]", 0, -ERANGE, "1.0"},
    {"", -EBADMSG, -EBADMSG, "'unix:///x' answered with nothing"},
    {"<!DOCTYPE html><html></html>", -EBADMSG, -EBADMSG,
     "'unix:///x' answered with HTML (a proxy?) where Docker's JSON was expected: check [docker] "
     "host"},
    {"\n  <html>", -EBADMSG, -EBADMSG, "answered with HTML"},
    {"{\"a\":", -EBADMSG, -EBADMSG, "line 1"},
    {"OK", -EBADMSG, -EBADMSG, "not Docker's JSON"},
    {"{\"a\":\"\xff\"}", -EBADMSG, -EBADMSG, "column 6: unable to decode byte 0xff)"},
};

static void
test_documents(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		const char *text = documents[i].text;
		json_auto_t *loose = NULL;
		json_auto_t *exact = NULL;
		struct error a = {0}, b = {0};
		int facts = document_parse(SOURCE, text, strlen(text), &loose, &a);
		int rc = document_parse_exact(SOURCE, text, strlen(text), &exact, &b);

		if (facts != documents[i].facts || rc != documents[i].exact)
			fail_msg("%s: %d %d (%s; %s)", text, facts, rc, a.text, b.text);
		assert_true((loose != NULL) == (facts == 0));
		assert_true((exact != NULL) == (rc == 0));
		if (strstr(a.code != 0 ? a.text : b.text, documents[i].part) == NULL)
			fail_msg("%s: '%s' '%s'", text, a.text, b.text);
	}
	(void) state;
}

/* What was read exactly is written with the same values, keys, empties and order. */
static void
test_round_trip(void **state)
{
	static const char text[] = "{\"z\":{},\"a\":[],\"n\":null,\"i\":9007199254740993,"
	                           "\"r\":2.5,\"s\":\"<&>\\u20ac\",\"b\":false}";
	json_auto_t *doc = NULL;
	json_auto_t *again = NULL;
	_cleanup_(freep) char *out = NULL;

	assert_int_equal(document_parse_exact(SOURCE, text, strlen(text), &doc, NULL), 0);
	out = document_encode(doc);
	assert_string_equal(out, "{\"z\":{},\"a\":[],\"n\":null,\"i\":9007199254740993,"
	                         "\"r\":2.5,\"s\":\"<&>€\",\"b\":false}");
	assert_int_equal(document_parse_exact(SOURCE, out, strlen(out), &again, NULL), 0);
	assert_true(json_equal(doc, again));
	(void) state;
}

static void
test_recorded_service_is_exact(void **state)
{
	_cleanup_(freep) char *text = file_read("service-1.41.json");
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct docker_service s;
	json_auto_t *doc = NULL;
	_cleanup_(freep) char *out = NULL;

	assert_int_equal(document_parse_exact(SOURCE, text, strlen(text), &doc, NULL), 0);
	out = document_encode(doc);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(out, text);
	assert_int_equal(decode_service(doc, arena, &s, NULL), 0);
	assert_int_equal(s.version, 39);
	assert_int_equal(s.limit.mem_bytes, 73400320);
	(void) state;
}

/* ---- nodes ---- */

static void
test_nodes(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("nodes-1.41.json");
	struct docker_nodes nodes = {0};
	struct docker_node *n;

	assert_int_equal(decode_nodes(doc, arena, &nodes, NULL), 0);
	assert_int_equal(nodes.n, 1);
	assert_ptr_equal(nodes.arena, arena);
	n = &nodes.items[0];
	assert_string_equal(n->id, "w91xgvo1bjkp5jx5tbkpdmll9");
	assert_int_equal(n->version, 11);
	assert_int_equal(n->created_ms, 1795363854146);
	assert_string_equal(n->hostname, "node-a");
	assert_string_equal(n->addr, "127.0.0.1");
	assert_string_equal(n->manager_addr, "127.0.0.1:2377");
	assert_int_equal(n->role, DOCKER_MANAGER);
	assert_int_equal(n->availability, DOCKER_ACTIVE);
	assert_int_equal(n->state, DOCKER_NODE_READY);
	assert_int_equal(n->reachability, DOCKER_REACHABLE);
	assert_true(n->is_leader);
	assert_int_equal(n->capacity.cpu_nano, 2000000000);
	assert_int_equal(n->capacity.mem_bytes, 25274793984);
	assert_string_equal(n->arch, "x86_64");
	assert_string_equal(n->os, "linux");
	assert_string_equal(n->engine_version, "20.10.24+dfsg1");
	assert_string_equal(docker_label_get(&n->labels, "forager.cpus"), "2");
	assert_null(docker_label_get(&n->labels, "forager.cpu"));
	assert_int_equal(n->engine_labels.n, 0);
	assert_false(n->has_generic);
	(void) state;
}

static void
test_nodes_newer(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("nodes-1.52.json");
	struct docker_nodes nodes = {0};

	assert_int_equal(decode_nodes(doc, arena, &nodes, NULL), 0);
	assert_int_equal(nodes.n, 2);
	assert_string_equal(nodes.items[0].hostname, "node-y"); /* sorted by id */
	assert_int_equal(nodes.items[0].availability, DOCKER_PAUSE);
	assert_int_equal(nodes.items[0].state, DOCKER_NODE_UNKNOWN);
	assert_int_equal(nodes.items[0].reachability, DOCKER_UNREACHABLE);
	assert_false(nodes.items[0].is_leader);
	assert_string_equal(nodes.items[1].message, "heartbeat failure");
	assert_int_equal(nodes.items[1].role, DOCKER_WORKER);
	assert_int_equal(nodes.items[1].availability, DOCKER_DRAIN);
	assert_int_equal(nodes.items[1].state, DOCKER_NODE_DOWN);
	assert_int_equal(nodes.items[1].reachability, DOCKER_REACH_NONE);
	assert_true(nodes.items[1].has_generic);
	assert_string_equal(nodes.items[1].engine_labels.items[0].key, "rack");
	assert_string_equal(docker_label_get(&nodes.items[1].engine_labels, "storage"), "ssd");
	(void) state;
}

/* ---- services ---- */

static const struct docker_service *
service_named(const struct docker_services *services, const char *name)
{
	for (size_t i = 0; i < services->n; i++) {
		if (streq(services->items[i].name, name))
			return &services->items[i];
	}
	fail_msg("no service '%s'", name);
	return NULL;
}

static void
test_services(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("services-1.41.json");
	struct docker_services all = {0};
	const struct docker_service *s;

	assert_int_equal(decode_services(doc, arena, &all, NULL), 0);
	assert_int_equal(all.n, 5);
	for (size_t i = 1; i < all.n; i++)
		assert_true(strcmp(all.items[i - 1].id, all.items[i].id) < 0);

	s = service_named(&all, "web");
	assert_int_equal(s->mode, DOCKER_REPLICATED);
	assert_int_equal(s->replicas, 2);
	assert_string_equal(s->image, "app:1");
	assert_true(s->is_container);
	assert_string_equal(docker_label_get(&s->labels, "forager.mode"), "auto");
	assert_true(s->has_placement);
	assert_int_equal(s->n_constraints, 1);
	assert_string_equal(s->constraints[0], "node.role==manager");
	assert_int_equal(s->reserve.cpu_nano, 250000000);
	assert_int_equal(s->reserve.mem_bytes, 33554432);
	assert_int_equal(s->limit.cpu_nano, 500000000);
	assert_int_equal(s->n_mounts, 2);
	assert_string_equal(s->mounts[0].type, "bind");
	assert_true(s->mounts[0].read_only);
	assert_string_equal(s->mounts[1].source, "data");
	assert_string_equal(s->mounts[1].target, "/data");
	assert_false(s->mounts[1].read_only);
	assert_string_equal(s->mounts[1].driver, "");
	assert_true(s->has_healthcheck);
	assert_false(s->no_healthcheck);
	assert_true(s->dnsrr);
	assert_true(s->update.present);
	assert_true(s->update.start_first);
	assert_int_equal(s->update.parallelism, 1);
	assert_int_equal(s->update.delay_ns, 2000000000);
	assert_int_equal(s->update.monitor_ns, 5000000000);
	assert_int_equal(s->update.failure, DOCKER_FAIL_PAUSE);
	assert_int_equal(s->status.state, DOCKER_UPDATING);
	assert_string_equal(s->status.message, "update in progress");
	assert_int_equal(s->status.started_ms, 1795363863235);
	assert_int_equal(s->status.completed_ms, 0);
	assert_int_equal(s->stop_grace_ns, 1000000000);

	s = service_named(&all, "each");
	assert_int_equal(s->mode, DOCKER_GLOBAL);
	assert_true(s->has_placement);
	assert_int_equal(s->n_constraints, 0);
	assert_int_equal(s->n_ports, 1);
	assert_int_equal(s->ports[0].published, 8080);
	assert_int_equal(s->ports[0].target, 80);
	assert_true(s->ports[0].host_mode);
	assert_true(s->no_healthcheck);
	assert_false(s->has_healthcheck);
	assert_false(s->dnsrr);

	s = service_named(&all, "raw");
	assert_false(s->has_placement); /* L1 */
	assert_false(s->update.present);
	assert_int_equal(s->update.parallelism, 1);
	assert_false(s->update.start_first);
	assert_int_equal(s->update.monitor_ns, 5000000000);
	assert_int_equal(s->status.state, DOCKER_UPDATE_NONE);
	assert_int_equal(s->restart, DOCKER_RESTART_ANY);
	assert_int_equal(s->stop_grace_ns, -1);
	assert_false(s->has_healthcheck);

	s = service_named(&all, "once");
	assert_int_equal(s->mode, DOCKER_REPLICATED_JOB);
	assert_int_equal(s->replicas, 2);
	(void) state;
}

static void
test_services_newer(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("services-1.52.json"); /* holds an integer above 2^63 */
	struct docker_services all = {0};
	const struct docker_service *s;

	assert_int_equal(decode_services(doc, arena, &all, NULL), 0);
	s = service_named(&all, "plug");
	assert_ptr_equal(s, &all.items[0]);
	assert_false(s->is_container);
	assert_int_equal(s->mode, DOCKER_GLOBAL_JOB);
	assert_int_equal(s->status.state, DOCKER_UPDATE_OTHER);
	s = service_named(&all, "shop_web");
	assert_int_equal(s->updated_ms, 1762072200250); /* the zone counts */
	assert_int_equal(s->max_replicas, 2);
	assert_int_equal(s->n_preferences, 1);
	assert_int_equal(s->n_constraints, 2);
	assert_string_equal(s->constraints[1], "node.role != manager");
	assert_int_equal(s->n_platforms, 2);
	assert_string_equal(s->platforms[1].arch, "arm64");
	assert_true(s->has_generic);
	assert_int_equal(s->n_networks, 2);
	assert_string_equal(s->networks[0], "mmmmmmmmmmmmmmmmmmmmmmmmm");
	assert_int_equal(s->ports[0].published, 30001); /* the one that Swarm chose */
	assert_false(s->ports[0].host_mode);
	assert_string_equal(s->mounts[0].driver, "nfs");
	assert_string_equal(s->mounts[1].source, "");
	assert_false(s->has_healthcheck); /* no test of its own: the image's */
	assert_false(s->no_healthcheck);
	assert_int_equal(s->update.parallelism, 0);
	assert_int_equal(s->update.failure, DOCKER_FAIL_ROLLBACK);
	assert_int_equal(s->status.state, DOCKER_ROLLBACK_COMPLETED);
	assert_int_equal(s->status.completed_ms, 1762072200000);
	assert_int_equal(s->restart, DOCKER_RESTART_ON_FAILURE);
	assert_int_equal(s->restart_delay_ns, 2000000000);
	(void) state;
}

/* ---- tasks, configs, info ---- */

static void
test_tasks(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("tasks-1.41.json");
	struct docker_tasks all = {0};
	const struct docker_task *t, *web = NULL;

	assert_int_equal(decode_tasks(doc, arena, &all, NULL), 0);
	assert_int_equal(all.n, 9);
	t = &all.items[0]; /* the lowest service id */
	assert_string_equal(t->id, "jkslj1u5ad6qcx56syrztgbvg");
	assert_string_equal(t->node_id, "");
	assert_int_equal(t->state, DOCKER_TASK_PENDING);
	assert_int_equal(t->desired, DOCKER_TASK_RUNNING);
	assert_string_equal(t->container_id, "");
	assert_string_equal(t->error,
	                    "no suitable node (scheduling constraints not satisfied on 1 node)");
	assert_true(t->has_placement);
	for (size_t i = 0; i < all.n; i++) {
		if (streq(all.items[i].id, "kpha241j0osytu13oe5oe4xci"))
			web = &all.items[i];
		if (streq(all.items[i].id, "x79anpdd7pp2mg3ja532d489i"))
			assert_false(all.items[i].has_placement);
	}
	assert_non_null(web);
	assert_int_equal(web->slot, 2);
	assert_int_equal(web->state, DOCKER_TASK_RUNNING);
	assert_int_equal(web->state_ms, 1795363868678);
	assert_int_equal(web->reserve.cpu_nano, 250000000);
	assert_int_equal(web->limit.mem_bytes, 73400320);
	assert_string_equal(web->node_id, "w91xgvo1bjkp5jx5tbkpdmll9");
	assert_string_equal(web->service_id, "ad6iqs5g41nzpsws7iyhoj1pm");
	assert_string_equal(web->container_id,
	                    "2571c93e096873919cd0617528286f2dd119c8a15f8700e08af737ce349fbc6f");
	assert_string_equal(web->image, "app:1");
	(void) state;
}

static void
test_configs_and_done(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("configs-1.41.json");
	json_auto_t *done = parse("{\"ID\":\"abc\",\"Warnings\":[\"mind the gap\"]}");
	json_auto_t *none = parse("{\"Warnings\":null}");
	struct docker_configs configs = {0};
	const char *const *warnings;
	const char *id;
	size_t n;

	assert_int_equal(decode_configs(doc, arena, &configs, NULL), 0);
	assert_int_equal(configs.n, 1);
	assert_string_equal(configs.items[0].name, "lease");
	assert_int_equal(configs.items[0].version, 55);
	assert_string_equal(docker_label_get(&configs.items[0].labels, "a"), "b");
	assert_int_equal(decode_done(done, arena, &id, &warnings, &n, NULL), 0);
	assert_string_equal(id, "abc");
	assert_int_equal(n, 1);
	assert_string_equal(warnings[0], "mind the gap");
	assert_int_equal(decode_done(none, arena, &id, &warnings, &n, NULL), 0);
	assert_string_equal(id, "");
	assert_int_equal(n, 0);
	(void) state;
}

static void
test_info(void **state)
{
	static const struct {
		const char *file, *version, *node, *local;
		bool control;
		uint32_t cgroup;
	} cases[] = {
	    {"info-1.41.json", "20.10.24+dfsg1", "w91xgvo1bjkp5jx5tbkpdmll9", "active", true, 1},
	    {"info-1.41-inactive.json", "20.10.24+dfsg1", "", "inactive", false, 1},
	    {"info-1.44.json", "25.0.3", "yyyyyyyyyyyyyyyyyyyyyyyyy", "active", false, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *arena = arena_new();
		json_auto_t *doc = load(cases[i].file);
		struct docker_info info = {0};

		assert_int_equal(decode_info(doc, arena, &info, NULL), 0);
		assert_string_equal(info.engine_version, cases[i].version);
		assert_string_equal(info.node_id, cases[i].node);
		assert_string_equal(info.local_state, cases[i].local);
		assert_int_equal(info.control_available, cases[i].control);
		assert_int_equal(info.cgroup_version, cases[i].cgroup);
		assert_true(info.n_cpus >= 2);
		assert_true(info.mem_bytes > 1000000000);
	}
	(void) state;
}

/* ---- one engine ---- */

static void
test_containers(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = load("containers-1.41.json");
	json_auto_t *other =
	    parse("[{\"Id\":\""
	          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	          "\",\"Names\":[\"/x/alias\",\"/x\"],\"Created\":1,\"Labels\":{}}]");
	struct docker_containers all = {0};

	assert_int_equal(decode_containers(doc, arena, &all, NULL), 0);
	assert_int_equal(all.n, 5);
	for (size_t i = 0; i < all.n; i++) {
		assert_int_equal(strlen(all.items[i].task_id), SWARM_ID_SIZE - 1);
		assert_string_equal(all.items[i].node_id, "w91xgvo1bjkp5jx5tbkpdmll9");
		assert_string_equal(all.items[i].state, "running");
	}
	assert_string_equal(all.items[0].name, "web.2.kpha241j0osytu13oe5oe4xci");
	assert_string_equal(all.items[0].service_name, "web");
	assert_string_equal(all.items[0].service_id, "ad6iqs5g41nzpsws7iyhoj1pm");
	assert_int_equal(all.items[1].created_ms % 1000, 0);
	assert_true(all.items[1].created_ms > 1795363850000);

	assert_int_equal(decode_containers(other, arena, &all, NULL), 0);
	assert_int_equal(all.n, 0); /* no task of a Swarm */
	(void) state;
}

static void
test_stats_v1(void **state)
{
	json_auto_t *doc = load("stats-1.41-v1.json");
	struct docker_stats s;

	assert_int_equal(decode_stats(doc, &s, NULL), 0);
	assert_int_equal(s.flags, DOCKER_STATS_RUNNING | DOCKER_STATS_CPU | DOCKER_STATS_SYSTEM |
	                              DOCKER_STATS_THROTTLING | DOCKER_STATS_MEMORY |
	                              DOCKER_STATS_BLKIO | DOCKER_STATS_PIDS);
	assert_int_equal(s.read_ns, 1795363873394802080);
	assert_int_equal(s.cpu_ns, 33174960);
	assert_int_equal(s.system_ns, 3283880000000);
	assert_int_equal(s.online_cpus, 2);
	assert_int_equal(s.periods, 5);
	assert_int_equal(s.mem_usage_bytes, 831488);
	assert_int_equal(s.mem_working_set_bytes, 831488);
	assert_int_equal(s.mem_limit_bytes, 73400320);
	assert_int_equal(s.pids, 2);
	(void) state;
}

static void
test_stats_v2(void **state)
{
	json_auto_t *doc = load("stats-1.44-v2.json");
	struct docker_stats s;

	assert_int_equal(decode_stats(doc, &s, NULL), 0);
	assert_int_equal(s.flags &
	                     (DOCKER_STATS_CGROUP2 | DOCKER_STATS_NETWORK | DOCKER_STATS_FAILCNT),
	                 DOCKER_STATS_CGROUP2 | DOCKER_STATS_NETWORK | DOCKER_STATS_FAILCNT);
	assert_int_equal(s.mem_usage_bytes, 104857600);
	assert_int_equal(s.mem_inactive_file_bytes, 29360128);
	assert_int_equal(s.mem_working_set_bytes, 104857600 - 29360128);
	assert_int_equal(s.mem_failcnt, 2);
	assert_int_equal(s.throttled_periods, 300);
	assert_int_equal(s.throttled_ns, 4500000000);
	assert_int_equal(s.net_rx_bytes, 1030);
	assert_int_equal(s.net_tx_bytes, 2040);
	assert_int_equal(s.blk_read_bytes, 4097);
	assert_int_equal(s.blk_write_bytes, 1024);
	assert_int_equal(s.pids, 7);
	(void) state;
}

static const struct {
	const char *json;
	uint32_t flags_on, flags_off;
	uint64_t working_set, read_bytes, cpus;
} stats[] = {
    /* v1: the hierarchy's inactive file counts, and sums are not added to what they sum */
    {"{\"read\":\"2025-01-01T00:00:00Z\",\"memory_stats\":{\"usage\":100,\"failcnt\":1,\"stats\":"
     "{\"inactive_file\":1,\"total_inactive_file\":30}},\"blkio_stats\":"
     "{\"io_service_bytes_recursive\":[{\"op\":\"Read\",\"value\":5},{\"op\":\"Total\",\"value\":9}"
     "]},"
     "\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":1,\"percpu_usage\":[1,0,0]}}}",
     DOCKER_STATS_MEMORY | DOCKER_STATS_FAILCNT | DOCKER_STATS_BLKIO,
     DOCKER_STATS_CGROUP2 | DOCKER_STATS_NETWORK | DOCKER_STATS_SYSTEM | DOCKER_STATS_THROTTLING,
     70, 5, 3},
    /* more inactive than used: a race inside the kernel, not a negative amount */
    {"{\"read\":\"2025-01-01T00:00:00Z\",\"memory_stats\":{\"usage\":10,\"stats\":"
     "{\"anon\":1,\"inactive_file\":30}}}",
     DOCKER_STATS_MEMORY | DOCKER_STATS_CGROUP2, DOCKER_STATS_CPU | DOCKER_STATS_BLKIO, 0, 0, 0},
    {"{\"read\":\"2025-01-01T00:00:00Z\",\"blkio_stats\":{\"io_service_bytes_recursive\":null},"
     "\"pids_stats\":{}}",
     DOCKER_STATS_RUNNING, DOCKER_STATS_BLKIO | DOCKER_STATS_PIDS | DOCKER_STATS_MEMORY, 0, 0, 0},
    {"{\"id\":\"x\"}", 0, UINT32_MAX, 0, 0, 0},
};

static void
test_stats_parts(void **state)
{
	static const char *const exited[] = {"stats-1.41-exited.json", "stats-1.52-exited.json"};
	struct docker_stats s;

	for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
		json_auto_t *doc = parse(stats[i].json);

		assert_int_equal(decode_stats(doc, &s, NULL), 0);
		assert_int_equal(s.flags & stats[i].flags_on, stats[i].flags_on);
		assert_int_equal(s.flags & stats[i].flags_off, 0);
		assert_int_equal(s.mem_working_set_bytes, stats[i].working_set);
		assert_int_equal(s.blk_read_bytes, stats[i].read_bytes);
		assert_int_equal(s.online_cpus, stats[i].cpus);
	}
	for (size_t i = 0; i < ARRAY_SIZE(exited); i++) {
		json_auto_t *doc = load(exited[i]);

		assert_int_equal(decode_stats(doc, &s, NULL), 0);
		assert_int_equal(s.flags, 0);
	}
	(void) state;
}

static void
test_inspect_and_image(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *container = load("inspect-1.41.json");
	json_auto_t *image = load("image-1.41.json");
	json_auto_t *pulled =
	    parse("{\"Id\":\"sha256:1\",\"Os\":\"linux\",\"Architecture\":\"arm64\","
	          "\"RepoDigests\":[\"app@sha256:2\",\"b@sha256:3\"],\"Config\":"
	          "{\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]}}}");
	json_auto_t *quota =
	    parse("{\"Id\":\""
	          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	          "\",\"State\":{\"Status\":\"exited\",\"OOMKilled\":true,\"ExitCode\":137},"
	          "\"RestartCount\":4,\"HostConfig\":{\"CpuQuota\":150000,\"CpuPeriod\":0}}");
	struct docker_inspect i = {0};
	struct docker_image m = {0};

	assert_int_equal(decode_inspect(container, arena, &i, NULL), 0);
	assert_string_equal(i.status, "running");
	assert_string_equal(i.health, "starting");
	assert_int_equal(i.pid, 785);
	assert_int_equal(i.started_ms, 1795363870992);
	assert_int_equal(i.finished_ms, 0);
	assert_int_equal(i.limit.cpu_nano, 500000000);
	assert_int_equal(i.limit.mem_bytes, 73400320);
	assert_false(i.oom_killed);
	assert_int_equal(decode_inspect(quota, arena, &i, NULL), 0);
	assert_int_equal(i.limit.cpu_nano, 1500000000);
	assert_int_equal(i.restarts, 4);
	assert_int_equal(i.exit_code, 137);
	assert_true(i.oom_killed);
	assert_string_equal(i.health, "");

	assert_int_equal(decode_image(image, arena, &m, NULL), 0);
	assert_int_equal(m.n_digests, 0);
	assert_string_equal(m.os, "linux");
	assert_string_equal(m.arch, "amd64");
	assert_false(m.has_healthcheck);
	assert_int_equal(decode_image(pulled, arena, &m, NULL), 0);
	assert_int_equal(m.n_digests, 2);
	assert_string_equal(m.digests[1], "b@sha256:3");
	assert_true(m.has_healthcheck);
	(void) state;
}

static void
test_events(void **state)
{
	static const struct {
		const char *file;
		size_t line;
		const char *type, *action, *name, *service, *update, *node;
		int64_t time_ns;
	} cases[] = {
	    {"events-1.41.json", 0, "service", "create", "once", "", "", "", 1795363855027438727},
	    {"events-1.41.json", 5, "service", "update", "web", "", "updating", "",
	     1795363863235156194},
	    {"events-1.52.json", 0, "service", "update", "web", "", "completed", "",
	     1795363875235156195},
	    {"events-1.52.json", 1, "container", "start", "web.1.um7qc1ayqumfgd7bw6g4zqnbm",
	     "ad6iqs5g41nzpsws7iyhoj1pm", "", "", 1795363870992432358},
	    {"events-1.52.json", 2, "node", "update", "node-a", "", "", "down",
	     1795363880000000001},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *arena = arena_new();
		_cleanup_(freep) char *text = file_read(cases[i].file);
		json_auto_t *doc = NULL;
		struct docker_event e;
		char *line = text;

		for (size_t skip = cases[i].line; skip > 0; skip--)
			line = strchr(line, '\n') + 1;
		assert_int_equal(
		    document_parse_exact(SOURCE, line, strcspn(line, "\n"), &doc, NULL), 0);
		assert_int_equal(decode_event(doc, arena, &e, NULL), 0);
		assert_string_equal(e.type, cases[i].type);
		assert_string_equal(e.action, cases[i].action);
		assert_string_equal(e.name, cases[i].name);
		assert_string_equal(e.service_id, cases[i].service);
		assert_string_equal(e.update_state, cases[i].update);
		assert_string_equal(e.node_change, cases[i].node);
		assert_true(e.time_ns == cases[i].time_ns); /* to the nanosecond */
	}
	(void) state;
}

/* ---- what is not as Docker writes it ---- */

enum what { NODES, SERVICES, TASKS, CONTAINERS, STATS, INFO, EVENT, INSPECT, IMAGE, CONFIGS };

static int
decode_as(enum what what, const json_t *doc, struct arena *arena, struct error *err)
{
	union {
		struct docker_nodes nodes;
		struct docker_services services;
		struct docker_tasks tasks;
		struct docker_containers containers;
		struct docker_stats stats;
		struct docker_info info;
		struct docker_event event;
		struct docker_inspect inspect;
		struct docker_image image;
		struct docker_configs configs;
	} to;

	switch (what) {
	case NODES:
		return decode_nodes(doc, arena, &to.nodes, err);
	case SERVICES:
		return decode_services(doc, arena, &to.services, err);
	case TASKS:
		return decode_tasks(doc, arena, &to.tasks, err);
	case CONTAINERS:
		return decode_containers(doc, arena, &to.containers, err);
	case STATS:
		return decode_stats(doc, &to.stats, err);
	case INFO:
		return decode_info(doc, arena, &to.info, err);
	case EVENT:
		return decode_event(doc, arena, &to.event, err);
	case INSPECT:
		return decode_inspect(doc, arena, &to.inspect, err);
	case IMAGE:
		return decode_image(doc, arena, &to.image, err);
	case CONFIGS:
		return decode_configs(doc, arena, &to.configs, err);
	}
	return 0;
}

#define ID         "\"ID\":\"aaaaaaaaaaaaaaaaaaaaaaaaa\""
#define ID_AND     ID ",\"Version\":{\"Index\":1}"
#define SERVICE(x) "[{" ID_AND ",\"Spec\":{\"Name\":\"a\",\"Mode\":{\"Global\":{}}," x "}}]"

static const struct {
	enum what what;
	const char *json, *text; /* the message begins with it; NULL = decodes */
} faults[] = {
    {NODES, "[]", NULL},
    {NODES, "null", NULL}, /* what Go writes for an empty list */
    {NODES, "{\"message\":\"x\"}", "nodes: a list was expected"},
    {NODES, "[null]", "nodes[0]: an entry was expected"},
    {NODES, "[[]]", "nodes[0]: an object was expected"},
    {NODES, "[{}]", "nodes[0].ID: an id was expected"},
    {NODES, "[{\"ID\":\"a/../b\"}]", "nodes[0].ID: 'a/../b' is no id"},
    {NODES, "[{\"ID\":\"abc\"}]", "nodes[0].ID: 'abc' is no id of 25 characters"},
    {NODES, "[{\"ID\":7}]", "nodes[0].ID: a string was expected"},
    {NODES, "[{" ID "}]", "nodes[0].Version: an object was expected"},
    {NODES, "[{" ID ",\"Version\":{\"Index\":1.5}}]", "nodes[0].Version.Index: a whole number"},
    {NODES, "[{" ID ",\"Version\":{\"Index\":-1}}]",
     "nodes[0].Version.Index: a number that is not"},
    {NODES, "[{" ID_AND "}]", NULL},
    {NODES, "[{" ID_AND "},{" ID_AND ",\"Spec\":{\"Role\":\"king\"}}]",
     "nodes[1].Spec.Role: 'king' is not known"},
    {NODES, "[{" ID_AND ",\"Spec\":{\"Labels\":[]}}]", "nodes[0].Spec.Labels: an object"},
    {NODES, "[{" ID_AND ",\"Spec\":{\"Labels\":{\"a\":1}}}]", "nodes[0].Spec.Labels.a: a string"},
    {NODES, "[{" ID_AND ",\"CreatedAt\":\"yesterday\"}]",
     "nodes[0].CreatedAt: 'yesterday' is no time"},
    {NODES, "[{" ID_AND ",\"CreatedAt\":\"2025-01-01T00:00:00\"}]", "nodes[0].CreatedAt"},
    {NODES, "[{" ID_AND ",\"ManagerStatus\":{\"Leader\":\"yes\"}}]",
     "nodes[0].ManagerStatus.Leader: true or false"},
    {SERVICES, "[{" ID_AND ",\"Spec\":{\"Name\":\"a\"}}]", "services[0].Spec.Mode: a mode that"},
    {SERVICES, "[{" ID_AND ",\"Spec\":{\"Mode\":{\"Global\":{}}}}]",
     "services[0].Spec: there is no Name"},
    {SERVICES, SERVICE("\"Labels\":null"), NULL},
    {SERVICES, SERVICE("\"TaskTemplate\":{\"Placement\":{\"Constraints\":\"a\"}}"),
     "services[0].Spec.TaskTemplate.Placement.Constraints: a list"},
    {SERVICES, SERVICE("\"TaskTemplate\":{\"Placement\":{\"Constraints\":[\"a\",5]}}"),
     "services[0].Spec.TaskTemplate.Placement.Constraints[1]: a string"},
    {SERVICES, SERVICE("\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":70000}]}"),
     "services[0].Spec.EndpointSpec.Ports[0]: TargetPort is no port"},
    {SERVICES, SERVICE("\"UpdateConfig\":{\"FailureAction\":\"explode\"}"),
     "services[0].Spec.UpdateConfig.FailureAction: 'explode' is not known"},
    {TASKS, "[{" ID_AND ",\"Status\":{\"State\":\"dreaming\"}}]",
     "tasks[0].Status.State: 'dreaming' is not known"},
    {CONTAINERS, "[{\"Id\":\"aaaaaaaaaaaaaaaaaaaaaaaaa\"}]", "containers[0].Id: "},
    {STATS, "[]", "stats: an object was expected"},
    {STATS, "{\"read\":\"2025-01-01T00:00:00Z\",\"networks\":[]}", "stats.networks: an object"},
    {STATS,
     "{\"read\":\"2025-01-01T00:00:00Z\",\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":\"1\"}}}",
     "stats.cpu_stats.cpu_usage.total_usage: a number"},
    {STATS,
     "{\"read\":\"2025-01-01T00:00:00Z\",\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"op\":"
     "1}]}}",
     "stats.blkio_stats.io_service_bytes_recursive[0].op: a string"},
    {INFO, "{}", "info: there is no ServerVersion"},
    {INFO, "{\"ServerVersion\":\"1\",\"Swarm\":\"x\"}", "info.Swarm: an object"},
    {EVENT, "{\"Type\":\"service\"}", "event: there is no Type or no Action"},
    {INSPECT, "{\"Id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
     "container.State: an object"},
    {IMAGE, "{}", "image: there is no Id"},
    {CONFIGS, "[{" ID_AND ",\"Spec\":{\"Name\":{}}}]", "configs[0].Spec.Name: a string"},
};

static void
test_faults(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_(arena_freep) struct arena *arena = arena_new();
		json_auto_t *doc = NULL;
		struct error err = {0};
		int rc;

		doc = json_loads(faults[i].json, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
		if (doc == NULL)
			fail_msg("the test's own JSON: %s", faults[i].json);
		rc = decode_as(faults[i].what, doc, arena, &err);
		if (rc != (faults[i].text == NULL ? 0 : -EBADMSG) || err.code != rc)
			fail_msg("%s: %d %s", faults[i].json, rc, err.text);
		if (faults[i].text != NULL && !str_has_prefix(err.text, faults[i].text))
			fail_msg("%s: '%s'", faults[i].json, err.text);
	}
	(void) state;
}

/* Every document cut short anywhere, and every document read as every other: no crash. */
static void
test_no_crash(void **state)
{
	static const char *const files[] = {
	    "nodes-1.52.json",    "services-1.52.json", "tasks-1.41.json", "containers-1.41.json",
	    "stats-1.44-v2.json", "info-1.41.json",     "image-1.41.json", "inspect-1.41.json"};
	size_t n_refused = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(freep) char *text = file_read(files[i]);
		json_auto_t *doc = parse(text);

		for (int what = NODES; what <= CONFIGS; what++) {
			_cleanup_(arena_freep) struct arena *arena = arena_new();
			json_t *inner = json_array_get(doc, 0);

			n_refused += decode_as((enum what) what, doc, arena, NULL) < 0;
			if (inner != NULL)
				n_refused += decode_as((enum what) what, inner, arena, NULL) < 0;
		}
		for (size_t size = 0; size + 2 < strlen(text); size += 7) {
			json_auto_t *cut = NULL;

			assert_int_equal(document_parse(SOURCE, text, size, &cut, NULL), -EBADMSG);
		}
	}
	assert_in_range(n_refused, 60, 115); /* most, and not all */
	(void) state;
}

/* jansson drops a NUL that follows a number: what stood there is not what we would write. */
static void
test_a_raw_nul_is_no_json(void **state)
{
	static const char text[] = "{\"a\":[1\0,2]}";

	(void) state;
	for (int exact = 0; exact < 2; exact++) {
		json_auto_t *doc = NULL;
		struct error err = {0};
		int r = exact ? document_parse_exact(SOURCE, text, sizeof(text) - 1, &doc, &err)
		              : document_parse(SOURCE, text, sizeof(text) - 1, &doc, &err);

		assert_int_equal(r, -EBADMSG);
		assert_non_null(strstr(err.text, "NUL"));
		assert_null(doc);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_raw_nul_is_no_json),
	    cmocka_unit_test(test_documents),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_recorded_service_is_exact),
	    cmocka_unit_test(test_nodes),
	    cmocka_unit_test(test_nodes_newer),
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_services_newer),
	    cmocka_unit_test(test_tasks),
	    cmocka_unit_test(test_configs_and_done),
	    cmocka_unit_test(test_info),
	    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_stats_v1),
	    cmocka_unit_test(test_stats_v2),
	    cmocka_unit_test(test_stats_parts),
	    cmocka_unit_test(test_inspect_and_image),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_no_crash),
	};

	document_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
