/* Swarm's node filters, one case a reason and their order. */
#include "swarm/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "swarm/constraint.h"
#include "test/unit/swarm_world.h"

#define assert_verdict(got, want)                                                                  \
	assert_string_equal(verdict_infos[got].name, verdict_infos[VERDICT_##want].name)

static void
test_node_flags(void **state)
{
	struct world w;

	(void) state;
	world_init(&w, 2);
	(void) world_service(&w, "web");
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), OK);
	w.nodes[0].flags = NODE_READY;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), TARGET_UNUSABLE);
	w.nodes[0].flags = NODE_ACTIVE;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), TARGET_UNUSABLE);
	/* What is known of load is not Swarm's business. */
	w.nodes[0].flags = NODE_READY | NODE_ACTIVE | NODE_BLIND | NODE_UNSETTLED | NODE_CHANGED;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), OK);
}

static const struct {
	int64_t cpu, mem;         /* reserved by the service */
	int64_t cpu_now, mem_now; /* reserved on the node: of 4 CPUs and 8 GiB */
	uint32_t extra;
	enum verdict verdict;
} resources[] = {
    {0, 0, 0, 0, 0, VERDICT_OK},
    {0, 0, 9000000000, 0, 5, VERDICT_OK}, /* no reservation: the filter is off */
    {4000000000, 8 * WORLD_GIB, 0, 0, 0, VERDICT_OK},
    {4000000001, 0, 0, 0, 0, VERDICT_CPU_RESERVATION},
    {0, 8 * WORLD_GIB + 1, 0, 0, 0, VERDICT_MEM_RESERVATION},
    {1000000000, 0, 3000000000, 0, 0, VERDICT_OK},
    {1000000000, 0, 3000000001, 0, 0, VERDICT_CPU_RESERVATION},
    {1000000000, 0, 2000000000, 0, 1, VERDICT_OK},
    {1000000000, 0, 2000000000, 0, 2, VERDICT_CPU_RESERVATION},
    {0, WORLD_GIB, 0, 5 * WORLD_GIB, 2, VERDICT_OK},
    {0, WORLD_GIB, 0, 5 * WORLD_GIB, 3, VERDICT_MEM_RESERVATION},
    /* One reserved: Swarm checks the other, too, and an over-committed node fails it. */
    {1, 0, 0, 9 * WORLD_GIB, 0, VERDICT_MEM_RESERVATION},
    {0, 1, 4000000001, 0, 0, VERDICT_CPU_RESERVATION},
    {0, 1, 4000000000, 0, 0, VERDICT_OK},
    {INT64_MAX, 0, INT64_MAX, 0, 0, VERDICT_CPU_RESERVATION},
    {INT64_MAX, 0, 0, 0, UINT32_MAX, VERDICT_CPU_RESERVATION},
    {0, INT64_MAX, 0, INT64_MAX, 7, VERDICT_MEM_RESERVATION},
    {1, 0, INT64_MAX, 0, 1, VERDICT_CPU_RESERVATION},
    {1, 0, INT64_MIN, 0, 0, VERDICT_CPU_RESERVATION},
    {0, 1, 0, INT64_MIN, 0, VERDICT_MEM_RESERVATION},
};

static void
test_resources(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		struct world w;
		struct snap_service *v;
		enum verdict got;

		world_init(&w, 1);
		v = world_service(&w, "web");
		v->reserve = (struct resources){resources[i].cpu, resources[i].mem};
		w.nodes[0].reserved =
		    (struct resources){resources[i].cpu_now, resources[i].mem_now};
		got = filter_node(&w.s, 0, 0, FILTER_SPEC, resources[i].extra);
		if (got != resources[i].verdict)
			fail_msg("case %zu: %s", i, verdict_infos[got].name);
	}
}

static void
test_constraints_by_view(void **state)
{
	static const char *const texts[] = {"node.role==worker", "node.id!=n00"};
	static const char *const ours[] = {"node.id!=n00"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct snap_service *v;

	(void) state;
	world_init(&w, 2);
	v = world_service(&w, "web");
	v->constraints = constraint_parse_list(a, texts, 2, ours, 1);
	v->n_constraints = 2;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), CONSTRAINT);
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_OWNER, 0), OK);
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 0), OK);
	w.nodes[1].attrs.role = "manager";
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_OWNER, 0), CONSTRAINT);
}

static const struct {
	struct platform platforms[2];
	size_t n;
	const char *os, *arch;
	bool fits;
} platforms[] = {
    {{{NULL, NULL}}, 0, "linux", "riscv64", true},
    {{{"linux", "amd64"}}, 1, "linux", "x86_64", true},
    {{{"linux", "x86_64"}}, 1, "linux", "amd64", true},
    {{{"linux", "arm64"}}, 1, "linux", "aarch64", true},
    {{{"linux", "aarch64"}}, 1, "linux", "arm64", true},
    {{{"linux", "arm"}}, 1, "linux", "aarch64", false},
    {{{"linux", "arm"}}, 1, "linux", "armv7l", false}, /* Swarm knows two synonyms only */
    {{{"linux", "amd64"}}, 1, "windows", "x86_64", false},
    {{{"", "amd64"}}, 1, "windows", "x86_64", true},
    {{{"linux", ""}}, 1, "linux", "s390x", true},
    {{{NULL, NULL}}, 1, NULL, NULL, true},
    {{{"linux", NULL}}, 1, NULL, NULL, false},
    {{{"linux", "arm64"}, {"linux", "amd64"}}, 2, "linux", "x86_64", true},
    {{{"linux", "arm64"}, {"linux", "ppc64le"}}, 2, "linux", "x86_64", false},
    {{{"Linux", "amd64"}}, 1, "linux", "x86_64", false},
};

static void
test_platform(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		enum verdict want = platforms[i].fits ? VERDICT_OK : VERDICT_PLATFORM;
		struct world w;
		struct snap_service *v;

		world_init(&w, 1);
		v = world_service(&w, "web");
		v->platforms = platforms[i].platforms;
		v->n_platforms = platforms[i].n;
		w.nodes[0].attrs.os = platforms[i].os;
		w.nodes[0].attrs.arch = platforms[i].arch;
		if (filter_node(&w.s, 0, 0, FILTER_SPEC, 0) != want)
			fail_msg("case %zu", i);
	}
}

static void
test_host_port(void **state)
{
	static const uint16_t http[] = {80, 443}, dns[] = {53}, tls[] = {8443, 443};
	struct world w;
	struct snap_service *v;

	(void) state;
	world_init(&w, 3);
	v = world_service(&w, "web");
	v->host_ports = http;
	v->n_host_ports = 2;
	(void) world_task(&w, 0);
	v = world_service(&w, "dns");
	v->host_ports = dns;
	v->n_host_ports = 1;
	(void) world_task(&w, 1);
	v = world_service(&w, "proxy");
	v->host_ports = tls;
	v->n_host_ports = 2;
	(void) world_task(&w, 1);
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), HOST_PORT); /* its own copy */
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 0), HOST_PORT); /* the proxy's 443 */
	assert_verdict(filter_node(&w.s, 0, 2, FILTER_SPEC, 0), OK);
	assert_verdict(filter_node(&w.s, 0, 2, FILTER_SPEC, 1), HOST_PORT);
	assert_verdict(filter_node(&w.s, 1, 0, FILTER_SPEC, 0), OK);
	w.s.n_services = 2; /* without the proxy */
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 0), OK);
	w.s.n_services = 3;
	/* A task that shall end frees its port. */
	w.tasks[2].desired = TASK_SHUTDOWN;
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 0), OK);
}

static void
test_max_replicas(void **state)
{
	struct world w;
	struct snap_service *v;

	(void) state;
	world_init(&w, 2);
	v = world_service(&w, "web");
	(void) world_task(&w, 0);
	(void) world_task(&w, 0);
	(void) world_task(&w, 1);
	assert_int_equal(filter_copies(&w.s, 0, 0), 2);
	assert_int_equal(filter_copies(&w.s, 0, 1), 1);
	v->max_replicas = 2;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), MAX_REPLICAS);
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 0), OK);
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 1), MAX_REPLICAS);
	w.tasks[0].desired = TASK_SHUTDOWN;
	assert_int_equal(filter_copies(&w.s, 0, 0), 1);
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), OK);
	w.tasks[1].node = NO_INDEX;
	assert_int_equal(filter_copies(&w.s, 0, 0), 0);
	v->max_replicas = 0;
	assert_verdict(filter_node(&w.s, 0, 1, FILTER_SPEC, 100), OK);
}

/* Everything is wrong with the node; each repair shows the next filter in Swarm's order. */
static void
test_order_of_filters(void **state)
{
	static const char *const texts[] = {"node.role==manager"};
	static const struct platform windows = {"windows", "amd64"};
	static const uint16_t port[] = {80};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct world w;
	struct snap_service *v;

	(void) state;
	world_init(&w, 1);
	v = world_service(&w, "web");
	v->constraints = constraint_parse_list(a, texts, 1, NULL, 0);
	v->n_constraints = v->n_platforms = v->n_host_ports = 1;
	v->platforms = &windows;
	v->host_ports = port;
	v->max_replicas = 1;
	v->reserve = (struct resources){5000000000, 9 * WORLD_GIB};
	(void) world_task(&w, 0);
	w.nodes[0].reserved = (struct resources){0, 0};
	w.nodes[0].flags = 0;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), TARGET_UNUSABLE);
	w.nodes[0].flags = NODE_READY | NODE_ACTIVE;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), CPU_RESERVATION);
	v->reserve.cpu_nano = 1;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), MEM_RESERVATION);
	v->reserve.mem_bytes = 1;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), CONSTRAINT);
	w.nodes[0].attrs.role = "manager";
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), PLATFORM);
	w.nodes[0].attrs.os = "windows";
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), HOST_PORT);
	v->n_host_ports = 0;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), MAX_REPLICAS);
	v->max_replicas = 2;
	assert_verdict(filter_node(&w.s, 0, 0, FILTER_SPEC, 0), OK);
}

/* A task that is meant to complete is there as well; one that is shut down is not. */
static void
test_copies(void **state)
{
	struct world w;

	(void) state;
	world_init(&w, 2);
	(void) world_service(&w, "web");
	(void) world_task(&w, 0);
	world_task(&w, 0)->desired = TASK_COMPLETE;
	world_task(&w, 0)->desired = TASK_SHUTDOWN;
	(void) world_task(&w, 1);
	assert_int_equal(filter_copies(&w.s, 0, 0), 2);
	assert_int_equal(filter_copies(&w.s, 0, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_copies),       cmocka_unit_test(test_node_flags),
	    cmocka_unit_test(test_resources),    cmocka_unit_test(test_constraints_by_view),
	    cmocka_unit_test(test_platform),     cmocka_unit_test(test_host_port),
	    cmocka_unit_test(test_max_replicas), cmocka_unit_test(test_order_of_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
