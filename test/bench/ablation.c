/*
 * What the linear policy owes to each of its parts: each of some training days judged by what
 * learnt on the others, once as `forager bench` trains it and once for each part that is taken
 * away, all at one price of overload. Rows as CSV; means and spread are test/bench/ablation.sh's.
 * Usage: ablation TRACES DAY,DAY[,DAY…] SEEDS zd1|zd0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/basis.h"
#include "sim/cloudsim/product.h"
#include "sim/jobs.h"

#define DAYS_MOST 16
/* Judged in two orders of files, none of those that are learnt in. */
#define ORDERS      2
#define ORDER_FIRST 2000001

struct variant {
	const char *name, *without; /* features */
	double kappa;               /* 0: as it is, and so on */
	int rounds, passes;         /* rounds −1: none */
	double horizon_s;
	bool mean; /* decides by the posterior mean while it learns */
};

static const struct variant variants[] = {
    {.name = "all"},
    {.name = "prior only", .rounds = -1},
    {.name = "1 round", .rounds = 1},
    {.name = "5 rounds", .rounds = 5},
    {.name = "1 pass", .passes = 1},
    {.name = "posterior mean", .mean = true},
    {.name = "kappa .5", .kappa = .5},
    {.name = "kappa .7", .kappa = .7},
    {.name = "kappa 1", .kappa = 1},
    {.name = "gamma .96", .horizon_s = 7349},
    {.name = "gamma .985", .horizon_s = 19850},
    {.name = "no tails", .without = "over over-slow risk excess"},
    {.name = "no now", .without = "now excess-now"},
    {.name = "no peaks", .without = "peak peak80"},
    {.name = "no room", .without = "room2 room4"},
    {.name = "no loads", .without = "busy load load2 tasks"},
};

struct study {
	struct day *days[DAYS_MOST];
	size_t n_days, n_seeds;
	bool keep_idle;
};

static uint32_t
features_of(const char *names)
{
	_cleanup_(freep) char *list = xasprintf(" %s ", names != NULL ? names : "");
	uint32_t ret = 0;

	for (size_t i = 0; i < BASIS_N; i++) {
		_cleanup_(freep) char *name = xasprintf(" %s ", basis_infos[i].name);

		if (strstr(list, name) != NULL)
			ret |= 1u << i;
	}
	return ret;
}

static void
tuning_of(const struct variant *v, struct product_tuning *ret)
{
	product_tuning_init(ret);
	ret->without = features_of(v->without);
	ret->kappa = v->kappa > 0 ? v->kappa : ret->kappa;
	ret->passes = v->passes > 0 ? v->passes : ret->passes;
	ret->horizon_s = v->horizon_s > 0 ? v->horizon_s : ret->horizon_s;
	ret->samples = !v->mean;
	if (v->rounds != 0)
		ret->rounds = MAX(v->rounds, 0);
}

static void
judge(const struct study *s, const char *name, size_t day, size_t seed, const struct contender *c,
      struct policy *policy)
{
	for (uint64_t i = 0; i < ORDERS; i++) {
		_cleanup_(day_freep) struct day *d = day_shuffled(s->days[day], ORDER_FIRST + i);
		struct trial t = {
		    .day = d, .contender = c, .policy = policy, .keep_idle = s->keep_idle};
		struct score score;

		trial_run(&t, &score);
		(void) printf("%s,%s,%zu,%d,%.3f,%llu,%.4f,%.1f\n", name, d->name, seed, (int) i,
		              score.energy_kwh, (unsigned long long) score.moves,
		              score.overload_pct, score.cost_j);
	}
}

/* What the shares of docs/evaluation.md are of. */
static void
rival_try(const struct study *s, size_t day)
{
	struct contender lr = {.kind = CONTENDER_CLOUDSIM,
	                       .how = {{OVERLOAD_LR, 1.2}, SELECT_MMT, 0}};

	judge(s, "lr-mmt:1.2", day, 0, &lr, NULL);
}

static void
linear_try(const struct study *s, const struct variant *v, size_t day, size_t seed)
{
	struct contender c = {.kind = CONTENDER_PRODUCT, .algorithm = "linear", .parameter = NAN};
	struct day *others[DAYS_MOST];
	struct product_tuning tuning;
	struct policy *policy;
	size_t n = 0;

	for (size_t i = 0; i < s->n_days; i++)
		if (i != day)
			others[n++] = s->days[i];
	tuning_of(v, &tuning);
	/* The same seeds for all variants: they differ in what they are without. */
	policy = product_new(&c, &tuning, seed);
	product_train(policy, &c, &tuning, others, n, seed, s->keep_idle);
	judge(s, v->name, day, seed, &c, policy);
	policy_free(policy);
}

static void
work(void *data, size_t i)
{
	const struct study *s = data;

	if (i < s->n_days) {
		rival_try(s, i);
		return;
	}
	i -= s->n_days;
	linear_try(s, &variants[i / s->n_days / s->n_seeds], i % s->n_days,
	           i / s->n_days % s->n_seeds + 1);
}

int
main(int argc, char **argv)
{
	struct study s = {0};
	struct error err = {0};

	if (argc != 5 || strtoul(argv[3], NULL, 10) == 0) {
		(void) fputs("usage: ablation TRACES DAY,DAY[,DAY...] SEEDS zd1|zd0\n", stderr);
		return 2;
	}
	s.n_seeds = strtoul(argv[3], NULL, 10);
	s.keep_idle = streq(argv[4], "zd0");
	for (char *save, *d = strtok_r(argv[2], ",", &save); d != NULL && s.n_days < DAYS_MOST;
	     d = strtok_r(NULL, ",", &save)) {
		if (day_load(argv[1], d, &s.days[s.n_days], &err) < 0) {
			(void) fprintf(stderr, "ablation: %s\n", err.text);
			return 1;
		}
		s.n_days++;
	}
	(void) puts("variant,day,seed,order,energy_kwh,moves,overload_pct,cost_j");
	jobs_run(s.n_days * (1 + ARRAY_SIZE(variants) * s.n_seeds), 0, work, NULL, &s);
	for (size_t i = 0; i < s.n_days; i++)
		day_free(s.days[i]);
	return 0;
}
