/* Bounds; see bounds.h. */
#include "sim/cloudsim/bounds.h"

#include "sim/cloudsim/watts.h"

/* Half of the hosts are of each type; G5 gives more MIPS a watt and is filled first. */
#define OF_A_TYPE (CLOUD_HOSTS / 2)
#define STEPS     287

static const double capacity[] = {2 * 2660.0, 2 * 1860.0};
static const double *const watts[] = {watts_g5, watts_g4};

struct want {
	const struct day *day;
	const struct cloud *cloud;
	bool keep_idle;
	bool *gone; /* removed for ever by CloudSim's rule: two samples of 0 in a row */
	double *mips;
};

static uint32_t
wants(struct want *w, uint32_t step, double *ret_sum)
{
	const double *use = w->day->use + (size_t) step * w->day->n_vms,
	             *next = use + w->day->n_vms;
	uint32_t n = 0;

	*ret_sum = 0;
	for (uint32_t i = 0; i < w->day->n_vms; i++) {
		w->gone[i] |= !w->keep_idle && use[i] == 0 && next[i] == 0;
		if (w->gone[i] || use[i] == 0)
			continue;
		w->mips[n] = use[i] * w->cloud->vms[i].mips;
		*ret_sum += w->mips[n++];
	}
	return n;
}

static double
fluid_watts(double mips)
{
	double sum = 0;

	for (size_t type = 0; type < 2; type++) {
		for (uint32_t i = 0; i < OF_A_TYPE && mips > 0; i++) {
			double x = MIN(mips, capacity[type]);

			/* The last one is not switched on for a drop: only its share counts. */
			sum += watts_at(watts[type], 1) * x / capacity[type];
			mips -= x;
		}
	}
	return sum;
}

static int
descending(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x > y ? -1 : x < y;
}

static double
packing_watts(double *want, uint32_t n)
{
	double used[CLOUD_HOSTS] = {0}, sum = 0;

	qsort(want, n, sizeof(*want), descending);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;

		while (k < CLOUD_HOSTS && used[k] + want[i] > capacity[k / OF_A_TYPE])
			k++;
		if (k < CLOUD_HOSTS)
			used[k] += want[i];
	}
	for (uint32_t k = 0; k < CLOUD_HOSTS && used[k] > 0; k++)
		sum += watts_at(watts[k / OF_A_TYPE], used[k] / capacity[k / OF_A_TYPE]);
	return sum;
}

static void
bound(const struct day *day, bool keep_idle, bool packing, struct score *ret)
{
	struct cloud_options options = {.keep_idle = keep_idle};
	_cleanup_(cloud_freep) struct cloud *c = cloud_new(day, &options);
	_cleanup_(freep) double *mips = xcalloc(day->n_vms, sizeof(*mips));
	_cleanup_(freep) bool *gone = xcalloc(day->n_vms, sizeof(*gone));
	struct want w = {day, c, keep_idle, gone, mips};
	double joules = 0;

	for (uint32_t step = 1; step <= STEPS; step++) {
		double sum;
		uint32_t n = wants(&w, step, &sum);

		joules += DAY_STEP_S * (packing ? packing_watts(mips, n) : fluid_watts(sum));
	}
	*ret = (struct score){.energy_kwh = joules / 3.6e6, .cost_j = joules / SCORE_UNIT_J};
}

void
bounds_fluid(const struct day *day, bool keep_idle, struct score *ret)
{
	bound(day, keep_idle, false, ret);
}

void
bounds_packing(const struct day *day, bool keep_idle, struct score *ret)
{
	bound(day, keep_idle, true, ret);
}
