/* Thresholds and prices from training days; see tune.h. */
#include "sim/cloudsim/tune.h"

#include <math.h>

#include "sim/jobs.h"

static const double grid_sds[] = {1.5, 2.0, 2.5};
static const double grid_fit[] = {3.0, 3.5, 4.0};
static const double grid_drain[] = {0.4, 0.5, 0.6};
/* cost_j's own price is 15; a dearer one trades energy for less overload. Beyond the last, moves
 * and energy cost more than what is saved is worth. */
static const double grid_price[] = {15, 25, 40, 65, 105};

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
	struct point *linear; /* [price][day] */
	size_t n_before;      /* steps of phases that are over */
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
	free(t->linear);
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

	for (size_t k = 0; k < q->n_days; k++)
		if (k != day || q->n_days == 1)
			others[n++] = q->days[k];
	product_tuning_init(&tuning);
	tuning.overload = grid_price[i / q->n_days];
	policy = product_new(&c, &tuning, LEARN_SEED + i);
	product_train(policy, &c, &tuning, others, n, LEARN_SEED + i, q->keep_idle);
	judge(t, &c, policy, day * ORDERS, ORDERS, &t->linear[i]);
	policy_free(policy);
}

static void
told(void *data, size_t count)
{
	const struct tune *t = data;

	if (t->request->done != NULL)
		t->request->done(t->request->data, t->n_before + count);
}

/* Where the line through (log price, log overload) meets most; INFINITY: it does not fall. */
static double
crossing(const struct tune_prices *p, double most)
{
	double x = 0, y = 0, xx = 0, xy = 0, slope;

	for (size_t i = 0; i < p->n; i++) {
		x += log(p->price[i]) / (double) p->n;
		y += log(MAX(p->overload[i], PCT_LEAST)) / (double) p->n;
	}
	for (size_t i = 0; i < p->n; i++) {
		double off = log(p->price[i]) - x;

		xx += off * off;
		xy += off * (log(MAX(p->overload[i], PCT_LEAST)) - y);
	}
	slope = xx > 0 ? xy / xx : 0;
	if (!(slope < 0) || !(most > 0))
		return INFINITY;
	return exp(x + (log(most) - y) / slope);
}

/* On the line between the two prices beside it. */
static double
cost_at(const struct tune_prices *p, double price)
{
	size_t i = 1;
	double part;

	while (i + 1 < p->n && p->price[i] < price)
		i++;
	part = log(price / p->price[i - 1]) / log(p->price[i] / p->price[i - 1]);
	return p->cost[i - 1] + part * (p->cost[i] - p->cost[i - 1]);
}

static double
cheapest(const struct tune_prices *p)
{
	size_t best = 0;

	for (size_t i = 1; i < p->n; i++)
		if (p->cost[i] < p->cost[best])
			best = i;
	return p->price[best];
}

double
tune_price(const struct tune_prices *p, const struct tune_limits *limits)
{
	double first = p->price[0], last = p->price[p->n - 1];
	double least = CLAMP(crossing(p, TUNE_OF_LR * limits->lr_pct), first, last);
	double wanted = MAX(crossing(p, TUNE_OF_PBF * limits->pbf_pct), least);

	if (wanted <= last && cost_at(p, wanted) <= TUNE_COST * limits->pbf_cost)
		return wanted;
	return MAX(cheapest(p), least);
}

static double
linear_price(struct tune *t, const struct point *pbf)
{
	const struct tune_request *q = t->request;
	const struct tune_limits limits = {pbf->overload_pct, pbf->cost_j, t->lr_pct};
	double pct[N_PRICES] = {0}, cost[N_PRICES] = {0};
	const struct tune_prices prices = {grid_price, pct, cost, N_PRICES};

	t->linear = xcalloc(N_PRICES * q->n_days, sizeof(*t->linear));
	jobs_run(N_PRICES * q->n_days, q->threads, linear_try, told, t);
	/* Days count alike, as in what is reported. */
	for (size_t i = 0; i < N_PRICES * q->n_days; i++) {
		pct[i / q->n_days] += t->linear[i].overload_pct / (double) q->n_days;
		cost[i / q->n_days] += t->linear[i].cost_j / (double) q->n_days;
	}
	return tune_price(&prices, &limits);
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
		ret->overload = linear_price(&t, best);
}
