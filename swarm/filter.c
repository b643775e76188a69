/* Swarm's node filters; see filter.h. */
#include "swarm/filter.h"

#include "swarm/constraint.h"

bool
filter_active(const struct snap_task *t)
{
	return t->desired <= TASK_COMPLETE;
}

uint32_t
filter_copies(const struct snapshot *s, uint32_t service, uint32_t node)
{
	const struct snap_service *v = &s->services[service];
	uint32_t n = 0;

	for (uint32_t i = 0; i < v->n_tasks; i++) {
		const struct snap_task *t = &s->tasks[v->first_task + i];

		if (t->node == node && filter_active(t))
			n++;
	}
	return n;
}

/* Whether one more reservation of each fits beside what is reserved and extra times each. */
static bool
fits(int64_t capacity, int64_t reserved, int64_t each, uint32_t extra)
{
	int64_t taken, left;

	if (__builtin_mul_overflow(each, (int64_t) extra, &taken) ||
	    __builtin_add_overflow(taken, reserved, &taken) ||
	    __builtin_sub_overflow(capacity, taken, &left))
		return false;
	return each <= left;
}

static enum verdict
check_resources(const struct snap_service *v, const struct snap_node *n, uint32_t extra)
{
	const struct resources *r = &v->reserve;

	/* With one of them reserved Swarm checks both: an over-committed other one refuses. */
	if (r->cpu_nano == 0 && r->mem_bytes == 0)
		return VERDICT_OK;
	if (!fits(n->capacity.cpu_nano, n->reserved.cpu_nano, r->cpu_nano, extra))
		return VERDICT_CPU_RESERVATION;
	if (!fits(n->capacity.mem_bytes, n->reserved.mem_bytes, r->mem_bytes, extra))
		return VERDICT_MEM_RESERVATION;
	return VERDICT_OK;
}

static const char *
arch_name(const char *arch)
{
	if (arch == NULL)
		return "";
	if (streq(arch, "x86_64"))
		return "amd64";
	if (streq(arch, "aarch64"))
		return "arm64";
	return arch;
}

static bool
platform_fits(const struct platform *p, const struct attrs *a)
{
	const char *arch = arch_name(p->arch), *os = p->os != NULL ? p->os : "";

	return (*arch == '\0' || streq(arch, arch_name(a->arch))) &&
	       (*os == '\0' || streq(os, a->os));
}

static bool
platforms_fit(const struct snap_service *v, const struct attrs *a)
{
	for (size_t i = 0; i < v->n_platforms; i++) {
		if (platform_fits(&v->platforms[i], a))
			return true;
	}
	return v->n_platforms == 0;
}

static bool
shares_port(const struct snap_service *a, const struct snap_service *b)
{
	for (size_t i = 0; i < a->n_host_ports; i++) {
		for (size_t j = 0; j < b->n_host_ports; j++) {
			if (a->host_ports[i] == b->host_ports[j])
				return true;
		}
	}
	return false;
}

static bool
host_port_taken(const struct snapshot *s, uint32_t service, uint32_t node, uint32_t extra)
{
	const struct snap_service *v = &s->services[service];

	if (v->n_host_ports == 0)
		return false;
	for (uint32_t i = 0; i < s->n_services; i++) {
		if (shares_port(v, &s->services[i]) && filter_copies(s, i, node) > 0)
			return true;
	}
	return extra > 0;
}

enum verdict
filter_node(const struct snapshot *s, uint32_t service, uint32_t node, enum filter_view view,
            uint32_t extra)
{
	const struct snap_service *v = &s->services[service];
	const struct snap_node *n = &s->nodes[node];
	enum verdict verdict;

	if ((n->flags & NODE_READY) == 0 || (n->flags & NODE_ACTIVE) == 0)
		return VERDICT_TARGET_UNUSABLE;
	verdict = check_resources(v, n, extra);
	if (verdict != VERDICT_OK)
		return verdict;
	if (!constraint_match_all(v->constraints, v->n_constraints, n, view == FILTER_OWNER))
		return VERDICT_CONSTRAINT;
	if (!platforms_fit(v, &n->attrs))
		return VERDICT_PLATFORM;
	if (host_port_taken(s, service, node, extra))
		return VERDICT_HOST_PORT;
	if (v->max_replicas > 0 &&
	    (uint64_t) filter_copies(s, service, node) + extra >= v->max_replicas)
		return VERDICT_MAX_REPLICAS;
	return VERDICT_OK;
}
