/* Pooled forecasts; see pooled.h. */
#include "features/pooled.h"

#include "base/util.h"

#define FAST 0.3
/*
 * The slow level forgets over so many steps, and starts as a plain mean; its moments over so many.
 * Of 7 to 50 and 25 to 120, on three PlanetLab days, some ten and 60 tell best which random groups
 * of containers will want too much (docs/evaluation.md).
 */
#define SLOW_STEPS   9.0
#define MOMENT_STEPS 60.0
/*
 * How far the second value is from the first, squared: a share of value · (1 − value), and at
 * least. As three PlanetLab days have it (.15 to .18 and .006 to .007). Nothing else is known of a
 * container that was seen once, and no variance at all would pack it as if it were sure.
 */
#define FIRST_SHARE 0.15
#define FIRST_LEAST 0.006
/* The same of the cube, as a share of value · (1 − value) · (1 − 2 value): .07 to .09. */
#define FIRST_THIRD 0.2
/* The trend's term in units that leave the prior a prior: a few per cent of a few per cent. */
#define TREND_SCALE 10.0
/* Weight of the prior, in rows of a sum of squares of one. */
#define PRIOR_ROWS 1.0

static const double mean_prior[POOLED_TERMS] = {0, .2, .8, 0, .5 / TREND_SCALE};
static const double var_prior[POOLED_TERMS] = {.25, .75, 0, 1e-5, 0};
static const double third_prior[POOLED_TERMS] = {.3, .015, 0, 0, 0};

static void
fit_init(struct pooled_fit *f, const double prior[POOLED_TERMS])
{
	memset(f->a, 0, sizeof(f->a));
	for (int i = 0; i < POOLED_TERMS; i++) {
		f->a[i][i] = PRIOR_ROWS;
		f->b[i] = PRIOR_ROWS * prior[i];
		f->x[i] = prior[i];
	}
}

void
pooled_init(struct pooled *p)
{
	fit_init(&p->mean, mean_prior);
	fit_init(&p->var, var_prior);
	fit_init(&p->third, third_prior);
}

static void
mean_terms(const struct pooled *p, const struct pooled_level *l, double ret[POOLED_TERMS])
{
	ret[0] = l->newest;
	ret[1] = l->fast;
	ret[2] = l->slow;
	ret[3] = 1;
	ret[4] = TREND_SCALE * l->slow * p->trend;
}

static void
var_terms(const struct pooled_level *l, double ret[POOLED_TERMS])
{
	double off = l->newest - l->slow;

	ret[0] = off * off;
	ret[1] = l->slow_var;
	ret[2] = l->slow * (1 - l->slow);
	ret[3] = 1;
	ret[4] = 0;
}

/* What is on for a share of the time has this third moment, and less when it is on by halves. */
static double
third_on_off(double share)
{
	return share * (1 - share) * (1 - 2 * share);
}

static void
third_terms(const struct pooled_level *l, double ret[POOLED_TERMS])
{
	memset(ret, 0, POOLED_TERMS * sizeof(ret[0]));
	ret[0] = l->slow_third;
	ret[1] = third_on_off(l->slow);
}

static double
dot(const double a[POOLED_TERMS], const double b[POOLED_TERMS])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] + a[4] * b[4];
}

static void
fit_add(struct pooled_fit *f, const double x[POOLED_TERMS], double y, double weight)
{
	for (int i = 0; i < POOLED_TERMS; i++) {
		for (int j = 0; j < POOLED_TERMS; j++)
			f->a[i][j] += weight * x[i] * x[j];
		f->b[i] += weight * x[i] * y;
	}
}

static void
last_push(struct pooled_level *l, double value)
{
	memmove(l->last, l->last + 1, (FORECAST_STEPS - 1) * sizeof(l->last[0]));
	l->last[FORECAST_STEPS - 1] = value;
	/* Before the first step there was nothing to see: the same is assumed. */
	for (int i = 0; l->n < .5 && i < FORECAST_STEPS; i++)
		l->last[i] = value;
}

/* How far off one was, into the level's own moments. */
static void
moments_push(struct pooled_level *l, double value, double off)
{
	double part = MAX(1 / MOMENT_STEPS, 1 / (l->n + 1));

	if (!(l->n > 0)) {
		l->slow_var = FIRST_SHARE * value * (1 - value) + FIRST_LEAST;
		l->slow_third = FIRST_THIRD * third_on_off(value);
		return;
	}
	l->slow_var += part * (off * off - l->slow_var);
	l->slow_third += part * (off * off * off - l->slow_third);
}

/* What was forecast, and how far off it was, into what all share. */
static void
pool_push(struct pooled *p, const struct pooled_level *l, double value)
{
	double x[POOLED_TERMS], off;

	mean_terms(p, l, x);
	off = value - dot(p->mean.x, x);
	fit_add(&p->mean, x, value, 1);
	/* Moments of a few per cent squared and cubed: scaled up so that the prior is a prior. */
	var_terms(l, x);
	fit_add(&p->var, x, off * off, 100);
	third_terms(l, x);
	fit_add(&p->third, x, off * off * off, 1000);
}

void
pooled_push(struct pooled *p, struct pooled_level *l, double value)
{
	double slow = MAX(1 / SLOW_STEPS, 1 / (l->n + 1)), off = value - l->slow;

	if (!isfinite(value))
		return;
	if (l->n > 1.5)
		pool_push(p, l, value);
	last_push(l, value);
	moments_push(l, value, off);
	l->newest = value;
	l->fast += (l->n > 0 ? FAST : 1) * (value - l->fast);
	l->slow += slow * off;
	l->n += 1;
	p->sum_fast += l->fast;
	p->sum_slow += l->slow;
}

/* Gauss on a copy; the prior keeps it regular. */
static void
fit_solve(struct pooled_fit *f)
{
	double m[POOLED_TERMS][POOLED_TERMS + 1];

	for (int i = 0; i < POOLED_TERMS; i++) {
		memcpy(m[i], f->a[i], sizeof(f->a[i]));
		m[i][POOLED_TERMS] = f->b[i];
	}
	/* Symmetric and positive definite: no pivoting is needed. */
	for (int k = 0; k < POOLED_TERMS; k++) {
		for (int i = k + 1; i < POOLED_TERMS; i++) {
			double part = m[i][k] / m[k][k];

			for (int j = k; j <= POOLED_TERMS; j++)
				m[i][j] -= part * m[k][j];
		}
	}
	for (int i = POOLED_TERMS; i-- > 0;) {
		f->x[i] = m[i][POOLED_TERMS];
		for (int j = i + 1; j < POOLED_TERMS; j++)
			f->x[i] -= m[i][j] * f->x[j];
		f->x[i] /= m[i][i];
	}
}

void
pooled_solve(struct pooled *p)
{
	fit_solve(&p->mean);
	fit_solve(&p->var);
	fit_solve(&p->third);
	p->trend = p->sum_slow > 0 ? p->sum_fast / p->sum_slow - 1 : 0;
	p->sum_fast = p->sum_slow = 0;
}

static double
third_of(const struct pooled *p, const struct pooled_level *l)
{
	double x[POOLED_TERMS];

	third_terms(l, x);
	return MAX(dot(p->third.x, x), 0.0);
}

struct moments
pooled_next(const struct pooled *p, const struct pooled_level *l)
{
	double x[POOLED_TERMS], y[POOLED_TERMS];

	if (!(l->n > 0))
		return (struct moments){0};
	mean_terms(p, l, x);
	var_terms(l, y);
	return (struct moments){CLAMP(dot(p->mean.x, x), 0.0, 1.0), MAX(dot(p->var.x, y), 0.0),
	                        third_of(p, l)};
}

struct moments
pooled_slow(const struct pooled *p, const struct pooled_level *l)
{
	if (!(l->n > 0))
		return (struct moments){0};
	return (struct moments){CLAMP(l->slow, 0.0, 1.0), MAX(l->slow_var, 0.0), third_of(p, l)};
}
