/* The policy object: its algorithms, its life, and reading what it knows. See decide.h. */
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>

#include "policy/baseline/pbf.h"
#include "policy/baseline/spread.h"
#include "policy/decide_linear.h"
#include "policy/moves.h"

/* A day and a quarter: the cost of longer horizons is all idle power. */
#define HORIZON_MOST_MS ((int64_t) 30 * 3600 * 1000)
#define WEIGHT_MOST     1e6

static const struct algorithm algorithms[] = {
    {"linear", true, decide_linear},
    {"spread", false, spread_decide},
    {"pbf", false, pbf_decide},
};

const struct algorithm *
policy_algorithm_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (streq(algorithms[i].name, name))
			return &algorithms[i];
	return NULL;
}

void
policy_options_init(struct policy_options *ret)
{
	*ret = (struct policy_options){
	    .algorithm = "linear",
	    .step_ms = 5 * 60 * 1000,
	    .horizon_ms = 2 * 3600 * 1000,
	    .hold_ms = 4 * 3600 * 1000,
	    .explore = true,
	    .seed = 1,
	    .kappa = 0.7,
	    .pbf_sds = 2.0,
	    .pbf_fit_sds = 2.0,
	    .pbf_drain_below = 0.4,
	};
	objective_init(&ret->objective);
}

static int
objective_check(const struct objective *o, struct error *err)
{
	const struct {
		const char *name;
		double weight;
	} parts[] = {{"energy", o->energy}, {"response", o->response}, {"reserved", o->reserved},
	             {"move", o->move},     {"traffic", o->traffic},   {"overload", o->overload}};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!(parts[i].weight >= 0 && parts[i].weight <= WEIGHT_MOST))
			return error_set(err, EINVAL,
			                 "objective: %s = %g must be a weight from 0 to 1e6",
			                 parts[i].name, parts[i].weight);
	return 0;
}

static int
options_check(const struct policy_options *o, struct error *err)
{
	if (streq(o->algorithm, "tabular"))
		return error_set(
		    err, EINVAL,
		    "algorithm = tabular needs the simulator that can judge it, which is "
		    "not in this version; use linear");
	if (policy_algorithm_named(o->algorithm) == NULL)
		return error_set(err, EINVAL,
		                 "there is no algorithm '%s'; use linear, spread or pbf",
		                 o->algorithm != NULL ? o->algorithm : "");
	if (!(o->row_weight >= 0 && o->row_weight <= 1) ||
	    !(o->sample_sd >= 0 && o->sample_sd <= 1e3))
		return error_set(err, EINVAL, "a row weighs 0 to 1, a sample's sd is 0 to 1e3");
	if (!(o->kappa >= 0 && o->kappa <= 1))
		return error_set(err, EINVAL, "kappa is 0 to 1");
	if (!(o->pbf_sds > 0 && o->pbf_sds <= 10) ||
	    !(o->pbf_fit_sds > 0 && o->pbf_fit_sds <= 10) ||
	    !(o->pbf_drain_below >= 0 && o->pbf_drain_below <= 1))
		return error_set(err, EINVAL, "pbf: so many sd or such a load make no sense");
	if (o->step_ms < 1000 || o->step_ms > 24 * 3600 * 1000)
		return error_set(err, EINVAL, "a policy step must last from 1s to 24h");
	if (o->horizon_ms < o->step_ms || o->horizon_ms > HORIZON_MOST_MS)
		return error_set(err, EINVAL,
		                 "horizon must be at least a step (decide-every) and at most 30h");
	return objective_check(&o->objective, err);
}

int
policy_new(const struct policy_options *options, struct policy **ret, struct error *err)
{
	struct policy *p;
	int r = options_check(options, err);

	if (r < 0)
		return r;
	p = xcalloc(1, sizeof(*p));
	p->options = *options;
	p->passes = 1;
	p->algorithm = policy_algorithm_named(options->algorithm);
	p->options.algorithm = p->algorithm->name;
	/* A fresh sample each step is a lottery that stay must lose in the end. */
	p->options.hold_ms = MAX(options->hold_ms, options->step_ms);
	linear_init(&p->linear, options->step_ms, options->horizon_ms, &options->objective);
	if (options->without != 0)
		linear_without(&p->linear, options->without);
	p->linear.row_weight = options->row_weight;
	p->linear.sample_sd = options->sample_sd;
	fallback_init(&p->fallback);
	*ret = p;
	return 0;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	free(p->residuals);
	free(p);
}

void
policy_freep(struct policy **p)
{
	policy_free(*p);
}

void
policy_freeze(struct policy *p, int passes)
{
	p->passes = passes;
	p->frozen = true;
	p->options.explore = false;
}

const char *
policy_algorithm(const struct policy *p)
{
	return p->algorithm->name;
}

/*
 * One draw of normals a period, from seed and period: the same sample is held through it, and a
 * restart does not draw anew. θ moves with what is learnt meanwhile.
 */
void
policy_theta(const struct policy *p, int64_t wall_ms, double ret[static BASIS_N])
{
	struct rng rng;
	double z[BASIS_N];

	if (!p->options.explore || !p->algorithm->learns) {
		memcpy(ret, p->linear.theta, sizeof(p->linear.theta));
		return;
	}
	rng_seed_stream(&rng, p->options.seed, (uint64_t) (wall_ms / p->options.hold_ms));
	for (size_t i = 0; i < BASIS_N; i++)
		z[i] = rng_normal(&rng);
	linear_sample(&p->linear, z, ret);
}

void
policy_decide(const struct snapshot *s, const struct policy *p, struct rng *rng,
              struct decision *ret)
{
	p->algorithm->decide(s, p, rng, ret);
}

void
policy_decision_done(struct decision *d)
{
	arena_free(d->arena);
	*d = (struct decision){0};
}

static int
by_index(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

void
policy_qvalues(const struct snapshot *s, const struct policy *p,
               bool (*each)(void *data, const struct policy_qvalue *q), void *data)
{
	_cleanup_(arena_freep) struct arena *arena = NULL;
	struct moves *m;

	if (!p->algorithm->learns)
		return;
	arena = arena_new();
	m = moves_new(s, &p->options.objective, p->linear.theta, arena);
	if (m->n > 0)
		qsort(m->list, m->n, sizeof(*m->list), by_index);
	for (size_t i = 0; i < m->n; i++) {
		const struct move *x = &m->list[i];
		struct policy_qvalue q = {.service = x->service,
		                          .from = x->from,
		                          .to = x->to,
		                          .gain = x->gain,
		                          .sd = linear_sd(&p->linear, x->delta),
		                          .verdict = x->verdict};

		if (q.verdict == VERDICT_OK && !(q.gain > 0))
			q.verdict = VERDICT_MIN_GAIN;
		if (!each(data, &q))
			return;
	}
}

void
policy_weights(const struct policy *p, void (*each)(void *data, const struct policy_weight *w),
               void *data)
{
	for (size_t i = 0; i < BASIS_N; i++) {
		double unit[BASIS_N] = {0};
		struct policy_weight w = {.name = basis_infos[i].name,
		                          .meaning = basis_infos[i].meaning,
		                          .theta = p->linear.theta[i],
		                          .prior = p->linear.prior[i]};

		unit[i] = 1;
		w.sd = linear_sd(&p->linear, unit);
		each(data, &w);
	}
}

void
policy_status(const struct policy *p, struct policy_status *ret)
{
	*ret = (struct policy_status){.rows = p->linear.rows,
	                              .refused = p->linear.refused,
	                              .noise_sd = linear_noise_sd(&p->linear),
	                              .suspended = p->fallback.suspended_wall_ms != 0,
	                              .advantage = fallback_advantage(&p->fallback)};
}
