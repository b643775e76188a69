/* Behaviour profiles; see profile.h. */
#include "features/profile.h"

#include <math.h>

#include "base/util.h"
#include "features/behaviour.h"
#include "features/profile_state.h"

/* Throttled in this share of the periods or more: it stands at its limit. */
#define AT_LIMIT_RATIO 0.5
/* Steps until a profile of its own is 63 % sure; twice that 86 %. */
#define CONFIDENT_STEPS 6.0
/* A forecast that misses by as much as the level itself halves the confidence. */
#define MISS_WEIGHT 0.5
/* Misses below this matter to nobody. */
#define MISS_FLOOR_CORES 0.05
/* burst_ratio = p95 / max(mean, this): a process that sleeps is not "bursty". */
#define BURST_FLOOR_CORES 0.01
/* Fewer steps than this have no slope worth telling. */
#define GROWTH_STEPS_MIN 4
#define HOUR_MS          3600000.0

struct profile *
profile_new(const struct features_options *options)
{
	struct profile *p = xcalloc(1, sizeof(*p));

	p->options = *options;
	histogram_init(&p->cpu, HISTOGRAM_CPU_CORES, options->half_life_ms);
	histogram_init(&p->mem, HISTOGRAM_MEM_BYTES, options->half_life_ms);
	histogram_init(&p->net_rx, HISTOGRAM_RATE, options->half_life_ms);
	histogram_init(&p->net_tx, HISTOGRAM_RATE, options->half_life_ms);
	histogram_init(&p->blk_read, HISTOGRAM_RATE, options->half_life_ms);
	histogram_init(&p->blk_write, HISTOGRAM_RATE, options->half_life_ms);
	window_init(&p->cpu_steps, options->step_ms);
	window_init(&p->mem_steps, options->step_ms);
	window_init(&p->rx_steps, options->step_ms);
	window_init(&p->tx_steps, options->step_ms);
	p->replicas = 1;
	return p;
}

void
profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	histogram_done(&p->cpu);
	histogram_done(&p->mem);
	histogram_done(&p->net_rx);
	histogram_done(&p->net_tx);
	histogram_done(&p->blk_read);
	histogram_done(&p->blk_write);
	free(p);
}

void
profile_freep(struct profile **p)
{
	profile_free(*p);
}

/* What it would use if nothing held it back: at least its limit when it stands there. */
static double
demand(const struct sample *s, const struct profile_limits *limits)
{
	double at_limit = MIN(1.0, s->throttled_ratio / AT_LIMIT_RATIO);

	if (!(at_limit > 0) || limits->cpu_cores <= s->cpu_cores)
		return s->cpu_cores;
	return s->cpu_cores + at_limit * (limits->cpu_cores - s->cpu_cores);
}

/* Least-squares slope over the closed memory steps. */
static double
growth_bytes_per_h(const struct profile *p)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, spread;

	for (size_t back = 0; back < FORECAST_STEPS; back++) {
		double at = -(double) back, v = window_at(&p->mem_steps, back).mean;

		if (isnan(v))
			continue;
		n++;
		x += at;
		y += v;
		xx += at * at;
		xy += at * v;
	}
	spread = n * xx - x * x;
	if (n < GROWTH_STEPS_MIN || spread <= 0)
		return NAN;
	return (n * xy - x * y) / spread * HOUR_MS / (double) p->options.step_ms;
}

static double
own_confidence(const struct profile *p, int64_t now_ms)
{
	double late = (double) now_ms - (double) p->last_ms - (double) p->options.gap_ms;
	double seen = -expm1(-p->own_steps / CONFIDENT_STEPS);
	double level = MAX(p->cpu_trend.slow, MISS_FLOOR_CORES);
	double missed = MIN(1.0, sqrt(p->cpu_trend.miss2) / level);

	if (p->last_ms == 0 || !(p->own_steps > 0))
		return 0;
	return seen * (1 - MISS_WEIGHT * missed) *
	       exp(-MAX(0.0, late) / (double) MAX(p->options.tau_slow_ms, 1));
}

/*
 * Own and inherited knowledge do not add: the better one counts. Inherited knowledge fades with
 * the histograms' half-life.
 */
static double
confidence(const struct profile *p, int64_t now_ms)
{
	double age = MAX(0.0, (double) now_ms - (double) p->inherited_ms);
	double inherited = p->inherited * exp2(-age / (double) MAX(p->options.half_life_ms, 1));

	return CLAMP(MAX(own_confidence(p, now_ms), inherited), 0.0, 1.0);
}

static void
fill_io(const struct profile *p, struct profile_summary *ret)
{
	ret->net_rx_bytes_per_s = histogram_mean(&p->net_rx);
	ret->net_tx_bytes_per_s = histogram_mean(&p->net_tx);
	ret->net_rx_p95_bytes_per_s = histogram_percentile(&p->net_rx, .95);
	ret->net_tx_p95_bytes_per_s = histogram_percentile(&p->net_tx, .95);
	ret->blk_read_bytes_per_s = histogram_mean(&p->blk_read);
	ret->blk_write_bytes_per_s = histogram_mean(&p->blk_write);
	ret->blk_read_p95_bytes_per_s = histogram_percentile(&p->blk_read, .95);
	ret->blk_write_p95_bytes_per_s = histogram_percentile(&p->blk_write, .95);
}

/* A bucket is 5 % wide: interpolation may pass the largest value that was ever seen. */
static double
percentile(const struct histogram *h, double share, double peak)
{
	double v = histogram_percentile(h, share);

	return peak > 0 && v > peak ? peak : v;
}

/* The demand of the newest step that is known: closed, open, or the recent level. */
static double
cpu_now(const struct profile *p)
{
	double v = window_at(&p->cpu_steps, 0).mean;

	if (isnan(v))
		v = window_open_mean(&p->cpu_steps);
	if (isnan(v))
		v = p->cpu_trend.fast;
	return v;
}

static void
summarise(const struct profile *p, int64_t now_ms, struct profile_summary *ret)
{
	struct moments next = trend_next(&p->cpu_trend);
	double startup_ms = (double) profile_startup_ms(p);

	*ret = (struct profile_summary){
	    .cpu_mean_cores = histogram_mean(&p->cpu),
	    .cpu_p50_cores = percentile(&p->cpu, .50, p->cpu_peak_cores),
	    .cpu_p90_cores = percentile(&p->cpu, .90, p->cpu_peak_cores),
	    .cpu_p95_cores = percentile(&p->cpu, .95, p->cpu_peak_cores),
	    .cpu_p99_cores = percentile(&p->cpu, .99, p->cpu_peak_cores),
	    .cpu_peak_cores = p->n_samples > 0 ? p->cpu_peak_cores : NAN,
	    .cpu_var_cores2 = p->cpu_trend.n > 0 ? trend_slow(&p->cpu_trend).var : NAN,
	    .cpu_now_cores = p->n_samples > 0 ? cpu_now(p) : NAN,
	    .throttled_ratio = p->throttled_ratio,
	    .mem_mean_bytes = histogram_mean(&p->mem),
	    .mem_p50_bytes = percentile(&p->mem, .50, p->mem_peak_bytes),
	    .mem_p95_bytes = percentile(&p->mem, .95, p->mem_peak_bytes),
	    .mem_peak_bytes = p->n_samples > 0 ? p->mem_peak_bytes : NAN,
	    .mem_growth_bytes_per_h = growth_bytes_per_h(p),
	    .forecast_mean_cores = p->cpu_trend.n > 0 ? next.mean : NAN,
	    .forecast_var_cores2 = p->cpu_trend.n > 0 ? next.var : NAN,
	    .forecast_error_cores = p->cpu_trend.n > 1 ? sqrt(p->cpu_trend.miss2) : NAN,
	    .startup_ms = startup_ms > 0 ? startup_ms : NAN,
	    .confidence = confidence(p, now_ms),
	    .n_samples = p->n_samples,
	    .oom_kills = p->oom_kills,
	    .pids_max = p->pids_max,
	    .restarts = p->restarts,
	    .behaviour = p->behaviour,
	    .first_ms = p->first_ms,
	    .last_ms = p->last_ms,
	};
	ret->burst_ratio = ret->cpu_p95_cores / MAX(ret->cpu_mean_cores, BURST_FLOOR_CORES);
	fill_io(p, ret);
}

/* Follows the steps that were closed since, oldest first; gaps teach nothing. */
static void
follow_steps(struct profile *p, int64_t closed)
{
	struct profile_summary now;

	for (int64_t back = MIN(closed, FORECAST_STEPS) - 1; back >= 0; back--) {
		double cpu = window_at(&p->cpu_steps, (size_t) back).mean;

		if (isnan(cpu))
			continue;
		trend_push(&p->cpu_trend, cpu, &p->options);
		trend_push(&p->mem_trend, window_at(&p->mem_steps, (size_t) back).mean,
		           &p->options);
		p->own_steps += 1;
	}
	summarise(p, p->last_ms, &now);
	p->behaviour = behaviour_classify(&now, &p->limits, p->behaviour);
}

void
profile_advance(struct profile *p, int64_t now_ms)
{
	int64_t closed;

	/* A profile that was never pushed has no open step to close. */
	if (!p->cpu_steps.started)
		return;
	closed = window_advance(&p->cpu_steps, now_ms);
	(void) window_advance(&p->mem_steps, now_ms);
	(void) window_advance(&p->rx_steps, now_ms);
	(void) window_advance(&p->tx_steps, now_ms);
	if (closed > 0)
		follow_steps(p, closed);
}

/* A recent level, by sample: it starts with the first value. */
static double
recent(const struct profile *p, double level, double value, int64_t dt_ms)
{
	if (!isfinite(value))
		return level;
	if (p->n_samples == 0)
		return value;
	return level + features_alpha(dt_ms, p->options.tau_fast_ms) * (value - level);
}

static void
count(struct profile *p, const struct sample *s)
{
	double seconds = (double) s->dt_ms / 1000;

	histogram_add(&p->cpu, s->cpu_cores, seconds, s->t_ms);
	histogram_add(&p->mem, s->mem_bytes, seconds, s->t_ms);
	histogram_add(&p->net_rx, s->net_rx_bytes_per_s, seconds, s->t_ms);
	histogram_add(&p->net_tx, s->net_tx_bytes_per_s, seconds, s->t_ms);
	histogram_add(&p->blk_read, s->blk_read_bytes_per_s, seconds, s->t_ms);
	histogram_add(&p->blk_write, s->blk_write_bytes_per_s, seconds, s->t_ms);
	p->cpu_peak_cores = fmax(p->cpu_peak_cores, s->cpu_cores);
	p->mem_peak_bytes = fmax(p->mem_peak_bytes, s->mem_bytes);
	p->pids_max = MAX(p->pids_max, s->pids);
	p->oom_kills += s->oom_kills;
	p->throttled_ratio = recent(p, p->throttled_ratio, s->throttled_ratio, s->dt_ms);
	p->net_bytes_per_s =
	    recent(p, p->net_bytes_per_s, s->net_rx_bytes_per_s + s->net_tx_bytes_per_s, s->dt_ms);
	p->n_samples++;
	p->last_ms = s->t_ms;
	if (p->first_ms == 0)
		p->first_ms = s->t_ms;
}

/* The clock was set back: the open steps lie in a future that will not come for long. */
static void
restart_windows(struct profile *p)
{
	window_init(&p->cpu_steps, p->options.step_ms);
	window_init(&p->mem_steps, p->options.step_ms);
	window_init(&p->rx_steps, p->options.step_ms);
	window_init(&p->tx_steps, p->options.step_ms);
}

void
profile_push(struct profile *p, const struct sample *s, const struct profile_limits *limits)
{
	int64_t closed;

	if (s->dt_ms <= 0 || !isfinite(s->cpu_cores) || s->cpu_cores < 0)
		return;
	if (s->t_ms <= p->last_ms) {
		if (p->last_ms - s->t_ms <= p->options.gap_ms)
			return;
		restart_windows(p);
	}
	p->limits = limits != NULL ? *limits : (struct profile_limits){0};
	count(p, s);
	closed = window_push(&p->cpu_steps, s->t_ms, s->dt_ms, demand(s, &p->limits));
	(void) window_push(&p->mem_steps, s->t_ms, s->dt_ms, s->mem_bytes);
	(void) window_push(&p->rx_steps, s->t_ms, s->dt_ms, s->net_rx_bytes_per_s);
	(void) window_push(&p->tx_steps, s->t_ms, s->dt_ms, s->net_tx_bytes_per_s);
	if (closed > 0)
		follow_steps(p, closed);
}

void
profile_restarted(struct profile *p)
{
	if (p->restarts < UINT32_MAX)
		p->restarts++;
}

void
profile_started(struct profile *p, int64_t startup_ms)
{
	if (startup_ms <= 0)
		return;
	p->startups_ms[p->n_startups % PROFILE_STARTUPS] = startup_ms;
	p->n_startups++;
}

int64_t
profile_startup_ms(const struct profile *p)
{
	int64_t most = 0;

	for (size_t i = 0; i < PROFILE_STARTUPS; i++)
		most = MAX(most, p->startups_ms[i]);
	return most;
}

/* Memory that is held is rarely given back: not below the newest step, and growth goes on. */
static struct moments
mem_next(const struct profile *p)
{
	struct moments m = trend_next(&p->mem_trend);
	double growth = growth_bytes_per_h(p) * (double) p->options.step_ms / HOUR_MS;

	m.mean = MAX(m.mean, p->mem_trend.newest);
	if (growth > 0)
		m.mean += growth;
	return m;
}

void
profile_forecast(const struct profile *p, int64_t now_ms, struct forecast *ret)
{
	struct profile view = *p; /* borrows the histograms, which advancing does not touch */

	profile_advance(&view, now_ms);
	*ret = (struct forecast){
	    .cpu_cores = trend_next(&view.cpu_trend),
	    .cpu_slow_cores = trend_slow(&view.cpu_trend),
	    .mem_bytes = mem_next(&view),
	    .cpu_now_cores = cpu_now(&view),
	    .throttled_ratio = view.throttled_ratio,
	    .net_bytes_per_s = view.net_bytes_per_s,
	    .confidence = confidence(&view, now_ms),
	    .behaviour = view.behaviour,
	};
	window_last(&view.cpu_steps, ret->cpu_last_cores);
}

void
profile_summarise(const struct profile *p, int64_t now_ms, struct profile_summary *ret)
{
	struct profile view = *p;

	profile_advance(&view, now_ms);
	summarise(&view, now_ms, ret);
}

void
profile_net_steps(const struct profile *p, int64_t now_ms, float rx[static FORECAST_STEPS],
                  float tx[static FORECAST_STEPS])
{
	struct window r = p->rx_steps, t = p->tx_steps;

	(void) window_advance(&r, now_ms);
	(void) window_advance(&t, now_ms);
	window_last(&r, rx);
	window_last(&t, tx);
}
