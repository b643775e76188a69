/* Thresholds and prices from training days; see tune.h. */
#include "sim/cloudsim/tune.h"

#include <math.h>

#include "sim/jobs.h"

/* Of what the tuned pbf overloads in, on the same days: the aim (docs/evaluation.md). */
#define OVERLOAD_SHARE 0.6
/* So much of the least cost_j may a tuning cost that takes less energy. */
#define COST_SHARE 1.02

static const double grid_sds[] = {1.5, 2.0, 2.5};
static const double grid_fit[] = {3.0, 3.5, 4.0};
static const double grid_drain[] = {0.3, 0.4, 0.5};
/* cost_j's own price is 15; a dearer one trades energy for less overload. */
static const double grid_overload[] = {8, 10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 60, 72, 86, 100};
static const int grid_passes[] = {1, 4};

#define N_PBF    (ARRAY_SIZE(grid_sds) * ARRAY_SIZE(grid_fit) * ARRAY_SIZE(grid_drain))
#define N_PRICES ARRAY_SIZE(grid_overload)
#define N_LINEAR (N_PRICES * ARRAY_SIZE(grid_passes))
/* Halving fifteen prices tries so many. */
#define TRIALS 4

/* Means over the training days. */
struct point {
	struct product_tuning tuning;
	double energy_kwh, overload_pct, cost_j;
	bool tried;
};

struct tune {
	const struct tune_request *request;
	struct point points[N_PBF + N_LINEAR]; /* pbf's, then linear's */
	size_t n_done;
};

static void
points_fill(struct tune *t)
{
	struct product_tuning usual;
	struct point *p = t->points;

	product_tuning_init(&usual);
	for (size_t i = 0; i < ARRAY_SIZE(grid_sds); i++)
		for (size_t j = 0; j < ARRAY_SIZE(grid_fit); j++)
			for (size_t k = 0; k < ARRAY_SIZE(grid_drain); k++, p++)
				p->tuning =
				    (struct product_tuning){grid_sds[i], grid_fit[j], grid_drain[k],
				                            usual.overload, usual.passes};
	for (size_t i = 0; i < N_LINEAR; i++, p++) {
		p->tuning = usual;
		p->tuning.overload = grid_overload[i % N_PRICES];
		p->tuning.passes = grid_passes[i / N_PRICES];
	}
}

/* The training days through one point; linear learns on all of them first. */
static void
point_try(void *data, size_t i)
{
	struct tune *t = data;
	const struct tune_request *q = t->request;
	struct point *p = &t->points[i];
	struct contender c = {.kind = CONTENDER_PRODUCT, .parameter = NAN};
	struct policy *policy;

	c.algorithm = i < N_PBF ? "pbf" : "linear";
	policy = product_new(&c, &p->tuning, 1);
	product_train(policy, &c, &p->tuning, q->days, q->n_days, 0, q->keep_idle);
	for (size_t k = 0; k < q->n_days; k++) {
		struct trial trial = {.day = q->days[k],
		                      .contender = &c,
		                      .policy = policy,
		                      .keep_idle = q->keep_idle};
		struct score score;

		trial_run(&trial, &score);
		p->energy_kwh += score.energy_kwh / (double) q->n_days;
		p->overload_pct += score.overload_pct / (double) q->n_days;
		p->cost_j += score.cost_j / (double) q->n_days;
	}
	policy_free(policy);
	p->tried = true;
}

static const struct point *
pbf_best(const struct tune *t)
{
	const struct point *best = &t->points[0];

	for (size_t i = 1; i < N_PBF; i++)
		if (t->points[i].cost_j < best->cost_j)
			best = &t->points[i];
	return best;
}

static void
told(void *data, size_t count)
{
	const struct tune *t = data;

	if (t->request->done != NULL)
		t->request->done(t->request->data, count);
}

static void
trial(struct tune *t, struct point *p)
{
	if (p->tried)
		return;
	point_try(t, (size_t) (p - t->points));
	told(t, ++t->n_done);
}

/*
 * The lowest price that keeps overload where it may be, for energy and overload go opposite ways
 * with it; the highest where none does. By halving: each trial is two rounds of days.
 */
static const struct point *
linear_price(struct tune *t, struct point *prices, double most_pct)
{
	size_t from = 0, to = N_PRICES - 1;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		trial(t, &prices[mid]);
		if (prices[mid].overload_pct <= most_pct)
			to = mid;
		else
			from = mid + 1;
	}
	trial(t, &prices[from]);
	return &prices[from];
}

static double
excess(const struct point *p, double most_pct)
{
	return MAX(p->overload_pct - most_pct, 0);
}

/* By energy among those that keep to the line and cost little more than the cheapest of them; where
 * none keeps to it, by overload. */
static const struct point *
linear_best(struct tune *t, double most_pct)
{
	const struct point *found[ARRAY_SIZE(grid_passes)], *best = NULL, *cheap = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(grid_passes); i++) {
		const struct point *p = linear_price(t, &t->points[N_PBF + i * N_PRICES], most_pct);

		found[i] = p;
		if (cheap == NULL || excess(p, most_pct) < excess(cheap, most_pct) ||
		    (excess(p, most_pct) <= excess(cheap, most_pct) && p->cost_j < cheap->cost_j))
			cheap = p;
	}
	best = cheap;
	for (size_t i = 0; i < ARRAY_SIZE(grid_passes); i++)
		if (excess(found[i], most_pct) <= excess(cheap, most_pct) &&
		    found[i]->cost_j <= COST_SHARE * cheap->cost_j &&
		    found[i]->energy_kwh < best->energy_kwh)
			best = found[i];
	return best;
}

size_t
tune_steps(const struct tune_request *q)
{
	if (q->n_days == 0)
		return 0;
	return N_PBF + (q->linear ? TRIALS * ARRAY_SIZE(grid_passes) : 0);
}

void
tune_run(const struct tune_request *q, struct product_tuning *ret)
{
	struct tune t = {.request = q};
	const struct point *best;

	product_tuning_init(ret);
	if (q->n_days == 0)
		return;
	points_fill(&t);
	jobs_run(N_PBF, q->threads, point_try, told, &t);
	t.n_done = N_PBF;
	best = pbf_best(&t);
	*ret = best->tuning;
	if (!q->linear)
		return;
	best = linear_best(&t, OVERLOAD_SHARE * best->overload_pct);
	ret->overload = best->tuning.overload;
	ret->passes = best->tuning.passes;
}
