/* Thresholds and prices from training days; see tune.h. */
#include "sim/cloudsim/tune.h"

#include <math.h>

#include "sim/jobs.h"

static const double grid_sds[] = {1.5, 2.0, 2.5};
static const double grid_fit[] = {3.0, 3.5, 4.0};
static const double grid_drain[] = {0.4, 0.5, 0.6};
/* cost_j's own price is 15; a dearer one trades energy for less overload. Beyond the last, moves
 * and energy cost more than what is saved is worth. */
static const double grid_price[] = {30, 48, 76, 120};

#define N_PBF    (ARRAY_SIZE(grid_sds) * ARRAY_SIZE(grid_fit) * ARRAY_SIZE(grid_drain))
#define N_PRICES ARRAY_SIZE(grid_price)
/* Each day is judged in so many orders, of these seeds: those of reported rows start at 1. */
#define ORDERS      2
#define ORDER_FIRST 1000001
/* Of the orders that a fold learns in. */
#define LEARN_SEED 1000001
/* What overloads less is taken for so much, for logarithms: one host-step in a hundred days. */
#define PCT_LEAST 1e-4

/* Means over what was judged. */
struct point {
	struct product_tuning tuning;
	double overload_pct, cost_j;
};

struct tune {
	const struct tune_request *request;
	struct day **judged; /* of each day, its ORDERS */
	struct point pbf[N_PBF];
	double lr_pct;
	double *linear_pct; /* [price][day] */
	size_t n_before;    /* steps of phases that are over */
};

static void
pbf_fill(struct tune *t)
{
	for (size_t i = 0; i < N_PBF; i++) {
		struct product_tuning *p = &t->pbf[i].tuning;

		product_tuning_init(p);
		p->pbf_sds = grid_sds[i % ARRAY_SIZE(grid_sds)];
		p->pbf_fit_sds = grid_fit[i / ARRAY_SIZE(grid_sds) % ARRAY_SIZE(grid_fit)];
		p->pbf_drain_below = grid_drain[i / ARRAY_SIZE(grid_sds) / ARRAY_SIZE(grid_fit)];
	}
}

static void
judged_fill(struct tune *t)
{
	const struct tune_request *q = t->request;

	t->judged = xcalloc(q->n_days * ORDERS, sizeof(*t->judged));
	for (size_t i = 0; i < q->n_days * ORDERS; i++)
		t->judged[i] = day_shuffled(q->days[i / ORDERS], ORDER_FIRST + i % ORDERS);
}

static void
tune_done(struct tune *t)
{
	for (size_t i = 0; i < t->request->n_days * ORDERS; i++)
		day_free(t->judged[i]);
	free(t->judged);
	free(t->linear_pct);
}

/* Means over n of the judged days, from the first. */
static void
judge(const struct tune *t, const struct contender *c, struct policy *policy, size_t first,
      size_t n, struct point *ret)
{
	ret->overload_pct = ret->cost_j = 0;
	for (size_t i = 0; i < n; i++) {
		struct trial trial = {.day = t->judged[first + i],
		                      .contender = c,
		                      .policy = policy,
		                      .keep_idle = t->request->keep_idle};
		struct score score;

		trial_run(&trial, &score);
		ret->overload_pct += score.overload_pct / (double) n;
		ret->cost_j += score.cost_j / (double) n;
	}
}

/* The last one is LR-MMT. */
static void
rival_try(void *data, size_t i)
{
	struct tune *t = data;
	struct contender pbf = {.kind = CONTENDER_PRODUCT, .algorithm = "pbf", .parameter = NAN};
	struct contender lr = {.kind = CONTENDER_CLOUDSIM,
	                       .how = {{OVERLOAD_LR, 1.2}, SELECT_MMT, 0}};
	struct policy *policy = NULL;
	struct point point = {0};

	if (i < N_PBF)
		policy = product_new(&pbf, &t->pbf[i].tuning, 1);
	judge(t, policy != NULL ? &pbf : &lr, policy, 0, t->request->n_days * ORDERS, &point);
	policy_free(policy);
	if (i == N_PBF) {
		t->lr_pct = point.overload_pct;
	} else {
		t->pbf[i].overload_pct = point.overload_pct;
		t->pbf[i].cost_j = point.cost_j;
	}
}

static const struct point *
pbf_best(const struct tune *t)
{
	const struct point *best = &t->pbf[0];

	for (size_t i = 1; i < N_PBF; i++)
		if (t->pbf[i].cost_j < best->cost_j)
			best = &t->pbf[i];
	return best;
}

/* One price, one day: learnt on the others, or on itself where there are none. */
static void
linear_try(void *data, size_t i)
{
	struct tune *t = data;
	const struct tune_request *q = t->request;
	size_t day = i % q->n_days, n = 0;
	_cleanup_(freep) struct day **others = xcalloc(q->n_days, sizeof(struct day *));
	struct contender c = {.kind = CONTENDER_PRODUCT, .algorithm = "linear", .parameter = NAN};
	struct product_tuning tuning;
	struct policy *policy;
	struct point point;

	for (size_t k = 0; k < q->n_days; k++)
		if (k != day || q->n_days == 1)
			others[n++] = q->days[k];
	product_tuning_init(&tuning);
	tuning.overload = grid_price[i / q->n_days];
	policy = product_new(&c, &tuning, LEARN_SEED + i);
	product_train(policy, &c, &tuning, others, n, LEARN_SEED + i, q->keep_idle);
	judge(t, &c, policy, day * ORDERS, ORDERS, &point);
	policy_free(policy);
	t->linear_pct[i] = point.overload_pct;
}

static void
told(void *data, size_t count)
{
	const struct tune *t = data;

	if (t->request->done != NULL)
		t->request->done(t->request->data, t->n_before + count);
}

double
tune_price(const double *prices, const double *overload, size_t n, double most)
{
	double x = 0, y = 0, xx = 0, xy = 0, slope;

	for (size_t i = 0; i < n; i++) {
		x += log(prices[i]) / (double) n;
		y += log(MAX(overload[i], PCT_LEAST)) / (double) n;
	}
	for (size_t i = 0; i < n; i++) {
		double off = log(prices[i]) - x;

		xx += off * off;
		xy += off * (log(MAX(overload[i], PCT_LEAST)) - y);
	}
	slope = xx > 0 ? xy / xx : 0;
	if (!(slope < 0) || !(most > 0))
		return prices[n - 1];
	return CLAMP(exp(x + (log(most) - y) / slope), prices[0], prices[n - 1]);
}

static double
linear_price(struct tune *t, double most_pct)
{
	const struct tune_request *q = t->request;
	double pct[N_PRICES] = {0};

	t->linear_pct = xcalloc(N_PRICES * q->n_days, sizeof(*t->linear_pct));
	jobs_run(N_PRICES * q->n_days, q->threads, linear_try, told, t);
	/* Days count alike, as in what is reported. */
	for (size_t i = 0; i < N_PRICES * q->n_days; i++)
		pct[i / q->n_days] += t->linear_pct[i] / (double) q->n_days;
	return tune_price(grid_price, pct, N_PRICES, most_pct);
}

size_t
tune_steps(const struct tune_request *q)
{
	if (q->n_days == 0)
		return 0;
	return N_PBF + 1 + (q->linear ? N_PRICES * q->n_days : 0);
}

void
tune_run(const struct tune_request *q, struct product_tuning *ret)
{
	_cleanup_(tune_done) struct tune t = {.request = q};
	const struct point *best;

	product_tuning_init(ret);
	if (q->n_days == 0)
		return;
	pbf_fill(&t);
	judged_fill(&t);
	jobs_run(N_PBF + 1, q->threads, rival_try, told, &t);
	t.n_before = N_PBF + 1;
	best = pbf_best(&t);
	*ret = best->tuning;
	if (q->linear)
		ret->overload =
		    linear_price(&t, MIN(TUNE_OF_PBF * best->overload_pct, TUNE_OF_LR * t.lr_pct));
}
