/* Loads and counters; see stats.h. */
#include "test/fake/stats.h"

#include <math.h>
#include <stdio.h>

#include "test/fake/shape.h"
#include "test/fake/times.h"

/* A share of a node holds so long: nobody asks oftener. */
#define SHARE_NS  (NS_PER_S / 2)
#define PERIOD_NS (100 * NS_PER_MS) /* of the CPU quota */
/* /proc/stat counts in these. */
#define TICK_NS (10 * NS_PER_MS)

/* 0 … 1, the same for the same words. */
static double
chance(const char *id, int64_t n)
{
	struct rng r;

	rng_seed_stream(&r, hash64(id, strlen(id)), (uint64_t) n);
	return rng_double(&r);
}

static void
make_up(struct world_service *s)
{
	struct world_load *l = &s->load;

	l->cores = 0.02 + 0.2 * chance(s->name, 1);
	l->swing = 0.6 * chance(s->name, 2);
	l->period_s = 3600 * (1 + floor(23 * chance(s->name, 3)));
	l->noise = 0.1 + 0.2 * chance(s->name, 4);
	l->mem_bytes = 16e6 + 200e6 * chance(s->name, 5);
	l->net_bytes_s = 20e3 * chance(s->name, 6);
	l->disk_bytes_s = 5e3 * chance(s->name, 7);
	l->given = true;
}

double
stats_demand(const struct world *w, const struct world_task *t)
{
	struct world_load *l = &t->service->load;
	double now_s = (double) w->now_ns / 1e9, wave, noise;

	if (!l->given)
		make_up(t->service);
	wave = l->period_s > 0 ? sin(2 * M_PI * now_s / l->period_s) : 0;
	noise = l->noise * (2 * chance(t->id, w->now_ns / (10 * NS_PER_S)) - 1);
	return MAX(0, l->cores * (1 + l->swing * wave + noise));
}

static double
usable_cores(const struct world_node *n)
{
	double label = strtod(shape_text(n->labels, "forager.cpus", "0"), NULL);

	return label > 0 ? label : (double) n->capacity.cpu_nano / 1e9;
}

static double
limit_of(const struct world_task *t)
{
	int64_t nano = shape_int(t->spec, "Resources.Limits.NanoCPUs", 0);

	return nano > 0 ? (double) nano / 1e9 : INFINITY;
}

static double
wanted_cores(const struct world *w, const struct world_node *n)
{
	double sum = n->other_cores;

	for (size_t k = 0; k < w->n_services; k++) {
		for (size_t i = 0; i < w->services[k]->n_tasks; i++) {
			const struct world_task *t = w->services[k]->tasks[i];

			if (t->node == n && t->alive)
				sum += MIN(stats_demand(w, t), limit_of(t));
		}
	}
	return sum;
}

double
stats_node_cores(const struct world *w, const struct world_node *n)
{
	return MIN(wanted_cores(w, n), usable_cores(n));
}

static double
share_of(const struct world *w, struct world_node *n)
{
	double wanted;

	if (n->share_ns != 0 && w->now_ns - n->share_ns < SHARE_NS)
		return n->share;
	wanted = wanted_cores(w, n);
	n->share = wanted > usable_cores(n) ? usable_cores(n) / wanted : 1;
	n->share_ns = w->now_ns;
	return n->share;
}

static void
advance(struct world *w, struct world_task *t)
{
	double dt = (double) (w->now_ns - t->counted_ns);
	double wants = stats_demand(w, t), limit = limit_of(t);
	const struct world_load *l = &t->service->load;

	t->counted_ns = w->now_ns;
	t->cpu_ns += MIN(wants, limit) * share_of(w, t->node) * dt;
	t->rx += l->net_bytes_s * dt / 1e9;
	t->tx += l->net_bytes_s * dt / 2e9;
	t->disk += l->disk_bytes_s * dt / 1e9;
	if (isinf(limit))
		return;
	t->periods += (uint64_t) (dt / PERIOD_NS);
	if (wants > limit) {
		t->throttled_periods += (uint64_t) (dt / PERIOD_NS);
		t->throttled_ns += (wants - limit) * dt;
	}
}

static char *
memory_text(const struct world *w, const struct world_task *t)
{
	double age_s = (double) (w->now_ns - t->started_ns) / 1e9;
	double bytes = t->service->load.mem_bytes * (1 - 0.3 * exp(-age_s / 60)) *
	               (1 + 0.02 * chance(t->id, w->now_ns / (30 * NS_PER_S)));
	int64_t limit =
	    shape_int(t->spec, "Resources.Limits.MemoryBytes", t->node->capacity.mem_bytes);
	uint64_t usage = (uint64_t) MIN(bytes, (double) limit), inactive = usage / 10;

	if (w->api_minor >= 43) /* cgroup v2 */
		return xasprintf("{\"usage\":%llu,\"stats\":{\"anon\":%llu,\"file\":%llu,"
		                 "\"inactive_file\":%llu},\"failcnt\":0,\"limit\":%lld}",
		                 (unsigned long long) usage,
		                 (unsigned long long) (usage - inactive),
		                 (unsigned long long) inactive, (unsigned long long) inactive,
		                 (long long) limit);
	return xasprintf("{\"usage\":%llu,\"max_usage\":%llu,\"stats\":{\"total_inactive_file\":"
	                 "%llu,\"total_cache\":%llu,\"total_rss\":%llu,"
	                 "\"hierarchical_memory_limit\":%lld},\"failcnt\":0,\"limit\":%lld}",
	                 (unsigned long long) usage, (unsigned long long) usage,
	                 (unsigned long long) inactive, (unsigned long long) inactive,
	                 (unsigned long long) (usage - inactive), (long long) limit,
	                 (long long) limit);
}

char *
stats_text(struct world *w, struct world_task *t)
{
	char read[TIMES_SIZE];
	double cpus = MAX(1, floor((double) t->node->capacity.cpu_nano / 1e9));
	int64_t up_ns = w->now_ns - w->born_ns + 30 * 86400 * NS_PER_S;
	_cleanup_(freep) char *memory = NULL;

	advance(w, t);
	memory = memory_text(w, t);
	return xasprintf(
	    "{\"read\":\"%s\",\"preread\":\"0001-01-01T00:00:00Z\",\"pids_stats\":{\"current\":3},"
	    "\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"major\":8,\"minor\":0,\"op\":"
	    "\"%s\",\"value\":%llu},{\"major\":8,\"minor\":0,\"op\":\"%s\",\"value\":%llu}]},"
	    "\"num_procs\":0,\"storage_stats\":{},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":"
	    "%llu,\"usage_in_kernelmode\":%llu,\"usage_in_usermode\":%llu},\"system_cpu_usage\":"
	    "%lld,\"online_cpus\":%d,\"throttling_data\":{\"periods\":%llu,\"throttled_periods\":"
	    "%llu,\"throttled_time\":%llu}},\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":0}},"
	    "\"memory_stats\":%s,\"name\":\"/%s.%u.%s\",\"id\":\"%s\",\"networks\":{\"eth0\":{"
	    "\"rx_bytes\":%llu,\"rx_packets\":0,\"tx_bytes\":%llu,\"tx_packets\":0}}}\n",
	    times_text(w->now_ns, read), w->api_minor >= 43 ? "read" : "Read",
	    (unsigned long long) t->disk, w->api_minor >= 43 ? "write" : "Write",
	    (unsigned long long) (t->disk / 2), (unsigned long long) t->cpu_ns,
	    (unsigned long long) (t->cpu_ns / 5), (unsigned long long) (t->cpu_ns * 4 / 5),
	    (long long) ((int64_t) (cpus * (double) up_ns) / TICK_NS * TICK_NS), (int) cpus,
	    (unsigned long long) t->periods, (unsigned long long) t->throttled_periods,
	    (unsigned long long) t->throttled_ns, memory, t->service->name, t->slot, t->id,
	    t->container, (unsigned long long) t->rx, (unsigned long long) t->tx);
}
