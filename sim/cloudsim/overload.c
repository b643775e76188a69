/* Overload tests; see overload.h. */
#include "sim/cloudsim/overload.h"

#include <math.h>

#include "sim/cloudsim/regress.h"

/* Threshold while the history is too short (examples/power/planetlab: the fallback policy). */
#define FALLBACK 0.7
/* IQR and MAD: "12 has been suggested as a safe value". */
#define LEAST 12

static bool
above(const struct overload_view *v, double threshold)
{
	return v->requested / v->mips > threshold;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double
iqr(double *x, uint32_t n)
{
	uint32_t q1 = (uint32_t) floor(.25 * (n + 1) + .5) - 1;
	uint32_t q3 = (uint32_t) floor(.75 * (n + 1) + .5) - 1;

	qsort(x, n, sizeof(*x), by_value);
	return x[q3] - x[q1];
}

/* commons-math, Percentile(50). */
static double
median(double *x, uint32_t n)
{
	double at = 50.0 * (n + 1) / 100;
	uint32_t i = (uint32_t) floor(at);

	qsort(x, n, sizeof(*x), by_value);
	if (n == 1 || at < 1)
		return x[0];
	if (at >= n)
		return x[n - 1];
	return x[i - 1] + (at - floor(at)) * (x[i] - x[i - 1]);
}

static double
mad(double *x, uint32_t n)
{
	double m = median(x, n);

	for (uint32_t i = 0; i < n; i++)
		x[i] = fabs(m - x[i]);
	return median(x, n);
}

static bool
above_spread(const struct overload *o, const struct overload_view *v)
{
	double x[CLOUD_HISTORY];

	if (v->n_history < LEAST)
		return above(v, FALLBACK);
	memcpy(x, v->history, sizeof(x));
	return above(v, 1 - o->parameter * (o->kind == OVERLOAD_IQR ? iqr(x, v->n_history)
	                                                            : mad(x, v->n_history)));
}

/* Every migration is done within one interval, so the next one is predicted: x = 11. */
static bool
above_line(const struct overload *o, const struct overload_view *v)
{
	double y[REGRESS_LINE], intercept, slope;

	if (v->n_history < REGRESS_LINE)
		return above(v, FALLBACK);
	for (int i = 0; i < REGRESS_LINE; i++)
		y[i] = v->history[REGRESS_LINE - 1 - i];
	regress_line(y, &intercept, &slope);
	return (intercept + slope * (REGRESS_LINE + 1)) * o->parameter >= 1;
}

bool
overload_is(const struct overload *o, const struct overload_view *v)
{
	switch (o->kind) {
	case OVERLOAD_THR:
		return above(v, o->parameter);
	case OVERLOAD_IQR:
	case OVERLOAD_MAD:
		return above_spread(o, v);
	case OVERLOAD_LR:
		return above_line(o, v);
	}
	abort();
}

void
overload_add(struct overload_view *v, const struct cloud_vm *vm)
{
	v->requested += vm->request;
	for (uint32_t i = 0; i < vm->n_nonzero; i++)
		v->history[i] += vm->history[i] * vm->mips / v->mips;
	v->n_history = MAX(v->n_history, vm->n_nonzero);
}
