/* Swarm's order of nodes; see order.h. */
#include "swarm/order.h"

#include <assert.h>

/* What Swarm compares; fewer comes first. */
struct rank {
	uint64_t service_tasks, all_tasks;
};

static int
rank_compare(const struct rank *a, const struct rank *b)
{
	if (a->service_tasks != b->service_tasks)
		return a->service_tasks < b->service_tasks ? -1 : 1;
	if (a->all_tasks != b->all_tasks)
		return a->all_tasks < b->all_tasks ? -1 : 1;
	return 0;
}

void
order_counts(const struct snapshot *s, uint32_t service, uint32_t *ret)
{
	const struct snap_service *v = &s->services[service];

	memset(ret, 0, s->n_nodes * sizeof(*ret));
	for (uint32_t i = 0; i < v->n_tasks; i++) {
		const struct snap_task *t = &s->tasks[v->first_task + i];

		if (t->node != NO_INDEX && filter_active(t))
			ret[t->node]++;
	}
}

static size_t
best(const struct order_ask *ask, const uint32_t *counts, uint32_t *ret)
{
	const struct snapshot *s = ask->snapshot;
	struct rank first = {0};
	size_t n = 0;

	for (uint32_t i = 0; i < s->n_nodes; i++) {
		uint32_t extra = ask->extra != NULL ? ask->extra[i] : 0;
		struct rank rank = {(uint64_t) counts[i] + extra,
		                    (uint64_t) s->nodes[i].n_tasks + extra};
		int order = n > 0 ? rank_compare(&rank, &first) : -1;

		/* The filters cost more than the comparison and decide fewer nodes: they come last.
		 */
		if (order > 0 || (ask->excluded != NULL && ask->excluded[i]) ||
		    filter_node(s, ask->service, i, ask->view, extra) != VERDICT_OK)
			continue;
		if (order < 0) {
			first = rank;
			n = 0;
		}
		ret[n++] = i;
	}
	return n;
}

size_t
order_best(const struct order_ask *ask, uint32_t *ret)
{
	_cleanup_(freep) uint32_t *counts = xcalloc(ask->snapshot->n_nodes, sizeof(*counts));

	order_counts(ask->snapshot, ask->service, counts);
	return best(ask, counts, ret);
}

bool
order_strictly_first(const struct order_ask *ask, uint32_t node)
{
	_cleanup_(freep) uint32_t *nodes = xcalloc(ask->snapshot->n_nodes, sizeof(*nodes));

	assert(node < ask->snapshot->n_nodes);
	return order_best(ask, nodes) == 1 && nodes[0] == node;
}

size_t
order_land(const struct order_ask *ask, size_t k, struct order_landing *ret)
{
	size_t n_nodes = ask->snapshot->n_nodes, n_certain = 0;
	_cleanup_(freep) uint32_t *counts = xcalloc(n_nodes, sizeof(*counts));
	_cleanup_(freep) uint32_t *extra = xcalloc(n_nodes, sizeof(*extra));
	_cleanup_(freep) uint32_t *nodes = xcalloc(n_nodes, sizeof(*nodes));
	struct order_ask next = *ask;

	order_counts(ask->snapshot, ask->service, counts);
	if (ask->extra != NULL)
		memcpy(extra, ask->extra, n_nodes * sizeof(*extra));
	next.extra = extra;
	for (size_t i = 0; i < k; i++) {
		size_t n = best(&next, counts, nodes);

		ret[i].node = n > 0 ? nodes[0] : NO_INDEX;
		ret[i].certain = n == 1;
		if (n == 1 && n_certain == i)
			n_certain++;
		if (n > 0)
			extra[nodes[0]]++;
	}
	return n_certain;
}
