/* The forecast of one quantity; see trend.h. */
#include "features/trend.h"

#include <math.h>

#include "base/util.h"

/*
 * Least squares over a pool of 1,050 real machines gave the next step's mean as .2 fast + .8 slow.
 * That is the prior; each trend shifts it by how far its own two levels missed lately, so that a
 * service whose load has really changed is followed within a few steps.
 */
#define FAST_PRIOR 0.2
#define SLOW_PRIOR 0.8
/* Below this share of the level a miss is noise: keeps the weights of a flat line at the prior. */
#define MISS_FLOOR_RATIO 0.05
/* With few steps seen the next one may be off by this share of the level (its standard deviation).
 */
#define DOUBT_RATIO 0.5
/* Variance never falls below this share of the long run's: calm spells end. */
#define CALM_SHARE 0.25

static double
follow(double from, double to, double alpha)
{
	return from + alpha * (to - from);
}

static double
next_mean(const struct trend *t)
{
	double floor2 = pow(MISS_FLOOR_RATIO * fabs(t->slow), 2) + 1e-12;
	double f = FAST_PRIOR / (t->fast_miss2 + floor2);
	double s = SLOW_PRIOR / (t->slow_miss2 + floor2);

	return MAX(0.0, (f * t->fast + s * t->slow) / (f + s));
}

void
trend_push(struct trend *t, double value, const struct features_options *options)
{
	/* Early on a plain average: an exponential one would cling to its first value. */
	double early = 1 / (t->n + 1);
	double fast = MAX(features_alpha(options->step_ms, options->tau_fast_ms), early);
	double slow = MAX(features_alpha(options->step_ms, options->tau_slow_ms), early);
	/* Misses are remembered for the geometric mean of both: long enough to tell, short enough
	 * to notice. */
	double tau = sqrt((double) options->tau_fast_ms * (double) options->tau_slow_ms);
	double miss = MAX(features_alpha(options->step_ms, (int64_t) tau), 1 / MAX(t->n, 1.0));
	double off;

	if (!isfinite(value))
		return;
	if (t->n > 0) {
		t->miss2 = follow(t->miss2, pow(value - next_mean(t), 2), miss);
		t->fast_miss2 = follow(t->fast_miss2, pow(value - t->fast, 2), miss);
		t->slow_miss2 = follow(t->slow_miss2, pow(value - t->slow, 2), miss);
	}
	off = value - t->slow;
	t->fast = follow(t->fast, value, fast);
	t->slow += slow * off;
	t->slow_var = (1 - slow) * (t->slow_var + slow * off * off);
	t->newest = value;
	t->n += 1;
}

struct moments
trend_next(const struct trend *t)
{
	struct moments m = {0};

	if (!(t->n > 0))
		return m;
	m.mean = next_mean(t);
	m.var =
	    MAX(t->miss2, CALM_SHARE * t->slow_var) + pow(DOUBT_RATIO * m.mean, 2) / (t->n * t->n);
	return m;
}

struct moments
trend_slow(const struct trend *t)
{
	return t->n > 0 ? (struct moments){.mean = MAX(0.0, t->slow), .var = t->slow_var}
	                : (struct moments){0};
}

void
trend_merge(struct trend *t, const struct trend *from)
{
	double n = t->n + from->n, b, apart;

	if (!(from->n > 0))
		return;
	if (!(t->n > 0)) {
		*t = *from;
		return;
	}
	b = from->n / n;
	apart = (1 - b) * b * pow(t->slow - from->slow, 2);
	t->fast = follow(t->fast, from->fast, b);
	t->slow = follow(t->slow, from->slow, b);
	t->slow_var = follow(t->slow_var, from->slow_var, b) + apart;
	t->fast_miss2 = follow(t->fast_miss2, from->fast_miss2, b);
	t->slow_miss2 = follow(t->slow_miss2, from->slow_miss2, b);
	t->miss2 = follow(t->miss2, from->miss2, b);
	t->newest = follow(t->newest, from->newest, b);
	t->n = n;
}
