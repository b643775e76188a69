/* Profiles of more than one container: pooled over replicas, inherited, summed over a node. */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "features/behaviour.h"
#include "features/profile.h"
#include "features/profile_state.h"

/* What is taken over from the service counts half: the new task may be on other hardware. */
#define INHERIT_SHARE 0.5
/* An inherited forecast weighs as much as so many own steps: own ones soon prevail. */
#define INHERIT_STEPS 3.0

static int
merge_histograms(struct profile *p, const struct profile *from, double scale, struct error *err)
{
	struct {
		struct histogram *to;
		const struct histogram *from;
	} pairs[] = {
	    {&p->cpu, &from->cpu},           {&p->mem, &from->mem},
	    {&p->net_rx, &from->net_rx},     {&p->net_tx, &from->net_tx},
	    {&p->blk_read, &from->blk_read}, {&p->blk_write, &from->blk_write},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int r = histogram_merge(pairs[i].to, pairs[i].from, scale, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void
merge_windows(struct profile *p, const struct profile *from)
{
	/* The steps are equal: checked by profile_merge. */
	(void) window_merge(&p->cpu_steps, p->replicas, &from->cpu_steps, from->replicas);
	(void) window_merge(&p->mem_steps, p->replicas, &from->mem_steps, from->replicas);
	(void) window_merge(&p->rx_steps, p->replicas, &from->rx_steps, from->replicas);
	(void) window_merge(&p->tx_steps, p->replicas, &from->tx_steps, from->replicas);
}

static double
pooled(double a, double a_weight, double b, double b_weight)
{
	return a_weight + b_weight > 0 ? (a * a_weight + b * b_weight) / (a_weight + b_weight) : a;
}

static void
merge_counts(struct profile *p, const struct profile *from)
{
	double a = (double) p->n_samples, b = (double) from->n_samples;

	p->throttled_ratio = pooled(p->throttled_ratio, a, from->throttled_ratio, b);
	p->net_bytes_per_s = pooled(p->net_bytes_per_s, a, from->net_bytes_per_s, b);
	p->cpu_peak_cores = fmax(p->cpu_peak_cores, from->cpu_peak_cores);
	p->mem_peak_bytes = fmax(p->mem_peak_bytes, from->mem_peak_bytes);
	p->limits.cpu_cores = MAX(p->limits.cpu_cores, from->limits.cpu_cores);
	p->limits.mem_bytes = MAX(p->limits.mem_bytes, from->limits.mem_bytes);
	if (from->inherited > p->inherited) {
		p->inherited = from->inherited;
		p->inherited_ms = from->inherited_ms;
	}
	p->own_steps += from->own_steps;
	p->n_samples += from->n_samples;
	p->oom_kills += from->oom_kills;
	p->restarts += from->restarts;
	p->pids_max = MAX(p->pids_max, from->pids_max);
	p->last_ms = MAX(p->last_ms, from->last_ms);
	if (p->first_ms == 0 || (from->first_ms != 0 && from->first_ms < p->first_ms))
		p->first_ms = from->first_ms;
	for (size_t i = 0; i < MIN(from->n_startups, PROFILE_STARTUPS); i++)
		profile_started(p, from->startups_ms[i]);
}

int
profile_merge(struct profile *p, const struct profile *from, struct error *err)
{
	bool empty = p->n_samples == 0 && !(p->cpu_trend.n > 0);
	struct profile_summary now;
	int r;

	if (p->options.step_ms != from->options.step_ms ||
	    p->options.half_life_ms != from->options.half_life_ms)
		return error_set(err, EINVAL,
		                 "profiles with different steps or half-lives cannot be pooled");
	r = merge_histograms(p, from, 1, err);
	if (r < 0)
		return r;
	merge_windows(p, from);
	trend_merge(&p->cpu_trend, &from->cpu_trend);
	trend_merge(&p->mem_trend, &from->mem_trend);
	merge_counts(p, from);
	p->replicas = empty ? from->replicas : p->replicas + from->replicas;
	profile_summarise(p, p->last_ms, &now);
	p->behaviour = behaviour_classify(&now, &p->limits, empty ? from->behaviour : p->behaviour);
	return 0;
}

static void
inherit_trend(struct trend *t, const struct trend *from)
{
	*t = *from;
	t->n = MIN(from->n, INHERIT_STEPS);
}

struct profile *
profile_inherit(const struct profile *service, const struct features_options *options)
{
	struct profile *p = profile_new(options);
	struct profile_summary known;

	if (service == NULL || service->options.half_life_ms != options->half_life_ms)
		return p;
	/* Same kinds and half-life: cannot fail. */
	(void) merge_histograms(p, service, INHERIT_SHARE, NULL);
	if (service->options.step_ms == options->step_ms) {
		inherit_trend(&p->cpu_trend, &service->cpu_trend);
		inherit_trend(&p->mem_trend, &service->mem_trend);
	}
	profile_summarise(service, service->last_ms, &known);
	p->inherited = INHERIT_SHARE * known.confidence;
	p->inherited_ms = service->last_ms;
	p->limits = service->limits;
	p->cpu_peak_cores = service->cpu_peak_cores;
	p->mem_peak_bytes = service->mem_peak_bytes;
	p->behaviour = service->behaviour;
	for (size_t i = 0; i < MIN(service->n_startups, PROFILE_STARTUPS); i++)
		profile_started(p, service->startups_ms[i]);
	return p;
}

static double
plus(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

/* Independent deviations add in squares; never above the plain sum of both percentiles. */
static double
percentile_plus(double a_mean, double a, double b_mean, double b)
{
	double sum;

	if (isnan(a) || isnan(b))
		return plus(a, b);
	sum = a_mean + b_mean + hypot(MAX(0.0, a - a_mean), MAX(0.0, b - b_mean));
	return isnan(sum) ? a + b : MIN(sum, a + b);
}

static void
add_percentiles(struct profile_summary *sum, const struct profile_summary *x)
{
#define ADD(mean, field) sum->field = percentile_plus(sum->mean, sum->field, x->mean, x->field)
	ADD(cpu_mean_cores, cpu_p50_cores);
	ADD(cpu_mean_cores, cpu_p90_cores);
	ADD(cpu_mean_cores, cpu_p95_cores);
	ADD(cpu_mean_cores, cpu_p99_cores);
	ADD(cpu_mean_cores, cpu_peak_cores);
	ADD(mem_mean_bytes, mem_p50_bytes);
	ADD(mem_mean_bytes, mem_p95_bytes);
	ADD(mem_mean_bytes, mem_peak_bytes);
	ADD(net_rx_bytes_per_s, net_rx_p95_bytes_per_s);
	ADD(net_tx_bytes_per_s, net_tx_p95_bytes_per_s);
	ADD(blk_read_bytes_per_s, blk_read_p95_bytes_per_s);
	ADD(blk_write_bytes_per_s, blk_write_p95_bytes_per_s);
#undef ADD
}

static void
add_levels(struct profile_summary *sum, const struct profile_summary *x)
{
#define ADD(field) sum->field = plus(sum->field, x->field)
	ADD(cpu_mean_cores);
	ADD(cpu_var_cores2);
	ADD(cpu_now_cores);
	ADD(mem_mean_bytes);
	ADD(mem_growth_bytes_per_h);
	ADD(net_rx_bytes_per_s);
	ADD(net_tx_bytes_per_s);
	ADD(blk_read_bytes_per_s);
	ADD(blk_write_bytes_per_s);
	ADD(forecast_mean_cores);
	ADD(forecast_var_cores2);
#undef ADD
	sum->forecast_error_cores =
	    hypot(isnan(sum->forecast_error_cores) ? 0 : sum->forecast_error_cores,
	          isnan(x->forecast_error_cores) ? 0 : x->forecast_error_cores);
	sum->n_samples += x->n_samples;
	sum->oom_kills += x->oom_kills;
	sum->pids_max += x->pids_max;
	sum->restarts += x->restarts;
}

void
profile_summary_add(struct profile_summary *sum, const struct profile_summary *x)
{
	double use;

	if (x->n_samples == 0)
		return;
	if (sum->n_samples == 0) {
		*sum = *x;
		sum->behaviour = BEHAVIOUR_UNKNOWN; /* a node has none of its own */
		return;
	}
	use = plus(sum->cpu_mean_cores, x->cpu_mean_cores);
	/* Shares are weighted by the CPU that they speak of: an idle container says little. */
	if (use > 0) {
		double share = isnan(x->cpu_mean_cores) ? 0 : x->cpu_mean_cores / use;

		sum->throttled_ratio += share * (x->throttled_ratio - sum->throttled_ratio);
		sum->confidence += share * (x->confidence - sum->confidence);
	}
	add_percentiles(sum, x); /* needs both means as they were */
	add_levels(sum, x);
	sum->burst_ratio = sum->cpu_p95_cores / MAX(sum->cpu_mean_cores, 0.01);
	sum->startup_ms = fmax(sum->startup_ms, x->startup_ms);
	sum->first_ms = MIN(sum->first_ms, x->first_ms);
	sum->last_ms = MAX(sum->last_ms, x->last_ms);
}
