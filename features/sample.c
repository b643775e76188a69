/* Readings to rates; see sample.h. */
#include "features/sample.h"

#include <math.h>
#include <stddef.h>

#include "base/util.h"

/*
 * A counter of its own that ran backwards (an interface was removed, a device went away) makes
 * only its own rate unknown: the container is still the same one.
 */
static double
rate(bool known, uint64_t before, uint64_t now, int64_t dt_ms)
{
	if (!known || now < before)
		return NAN;
	return (double) (now - before) * 1000.0 / (double) dt_ms;
}

static double
throttled(const struct reading *before, const struct reading *now)
{
	uint64_t periods, hit;

	if (now->periods <= before->periods || now->throttled_periods < before->throttled_periods)
		return 0;
	periods = now->periods - before->periods;
	hit = now->throttled_periods - before->throttled_periods;
	/* The engine reads the two figures one after the other: they may disagree by one. */
	return MIN(1.0, (double) hit / (double) periods);
}

static bool
reading_empty(const struct reading *r)
{
	return r == NULL || r->wall_ms == 0;
}

enum sample_result
sample_diff(const struct reading *before, const struct reading *now,
            const struct features_options *options, struct sample *ret)
{
	struct sample s = {0};
	bool net, blk;
	int64_t dt;

	if (reading_empty(before))
		return SAMPLE_FIRST;
	/* Before the clock: a recreated container is one however soon it was read. */
	if (now->cpu_ns < before->cpu_ns)
		return SAMPLE_RECREATED;
	if (now->wall_ms < before->wall_ms || now->wall_ms - before->wall_ms > options->gap_ms)
		return SAMPLE_GAP;
	dt = now->wall_ms - before->wall_ms;
	if (dt < MAX(options->min_dt_ms, 1))
		return SAMPLE_TOO_SOON;

	s.t_ms = now->wall_ms;
	s.dt_ms = dt;
	s.cpu_cores = (double) (now->cpu_ns - before->cpu_ns) / 1e6 / (double) dt;
	if (s.cpu_cores > options->max_cores)
		return SAMPLE_GAP;
	s.throttled_ratio = throttled(before, now);
	s.mem_bytes = (double) now->mem_bytes;
	net = before->has_net && now->has_net;
	blk = before->has_blk && now->has_blk;
	s.net_rx_bytes_per_s = rate(net, before->net_rx_bytes, now->net_rx_bytes, dt);
	s.net_tx_bytes_per_s = rate(net, before->net_tx_bytes, now->net_tx_bytes, dt);
	s.blk_read_bytes_per_s = rate(blk, before->blk_read_bytes, now->blk_read_bytes, dt);
	s.blk_write_bytes_per_s = rate(blk, before->blk_write_bytes, now->blk_write_bytes, dt);
	s.pids = now->pids;
	if (now->oom_count > before->oom_count)
		s.oom_kills = (uint32_t) MIN(now->oom_count - before->oom_count, UINT32_MAX);
	*ret = s;
	return SAMPLE_OK;
}

static void
add_known(double *sum, double x)
{
	if (isnan(x))
		return;
	*sum = isnan(*sum) ? x : *sum + x;
}

void
sample_add(struct sample *sum, const struct sample *x)
{
	double cpu = sum->cpu_cores + x->cpu_cores;

	/* Of the whole CPU, which share came from throttled periods: weighted by what each used. */
	if (cpu > 0)
		sum->throttled_ratio =
		    (sum->throttled_ratio * sum->cpu_cores + x->throttled_ratio * x->cpu_cores) /
		    cpu;
	sum->cpu_cores = cpu;
	add_known(&sum->mem_bytes, x->mem_bytes);
	add_known(&sum->net_rx_bytes_per_s, x->net_rx_bytes_per_s);
	add_known(&sum->net_tx_bytes_per_s, x->net_tx_bytes_per_s);
	add_known(&sum->blk_read_bytes_per_s, x->blk_read_bytes_per_s);
	add_known(&sum->blk_write_bytes_per_s, x->blk_write_bytes_per_s);
	sum->pids += x->pids;
	sum->oom_kills += x->oom_kills;
	sum->t_ms = MAX(sum->t_ms, x->t_ms);
	sum->dt_ms = MAX(sum->dt_ms, x->dt_ms);
}
