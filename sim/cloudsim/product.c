/* forager's policies as contenders; see product.h. */
#include "sim/cloudsim/product.h"

#include <math.h>
#include <stdio.h>

/* γ = .975 at steps of 5 min. The longer, the sooner nodes are emptied, for more moves:
 * docs/evaluation.md has the trade. */
#define HORIZON_S 11849.0

/* The files' order of one round of training: no order that is reported. */
static uint64_t
order_of(uint64_t seed, uint64_t round)
{
	uint64_t both[2] = {seed, round};

	return hash64(both, sizeof(both));
}

/*
 * The price of a move that linear learns by: less than cost_j's 3, since those that it makes are
 * few. Of overload, without training days to find it on: four times cost_j's 15.
 */
#define MOVE     1.5
#define OVERLOAD 60.0
/* Of what the next decision gains. The more is learnt from, the less it flatters: .7 is for a day.
 */
#define KAPPA 0.9

void
product_tuning_init(struct product_tuning *ret)
{
	*ret = (struct product_tuning){
	    .pbf_sds = 1.5,
	    .pbf_fit_sds = 3.0,
	    .pbf_drain_below = 0.4,
	    .overload = OVERLOAD,
	    .rounds = 3,
	    .passes = 4,
	    .move = MOVE,
	    .kappa = KAPPA,
	    .horizon_s = HORIZON_S,
	    .samples = true,
	};
}

struct policy *
product_new(const struct contender *c, const struct product_tuning *tuning, uint64_t seed)
{
	struct policy_options o;
	struct policy *p;
	struct error err = {0};

	policy_options_init(&o);
	o.algorithm = c->algorithm;
	o.seed = seed;
	o.horizon_ms = (int64_t) (1e3 * tuning->horizon_s);
	/* Nothing is reserved in this world. */
	o.objective.reserved = 0;
	/* Nobody calls here. */
	o.objective.response = 0;
	o.objective.overload = tuning->overload;
	o.objective.move = tuning->move;
	o.kappa = tuning->kappa;
	o.without = tuning->without;
	o.explore = tuning->samples;
	o.row_weight = 1;
	o.sample_sd = 1;
	o.hold_ms = 0;
	o.pbf_sds = isfinite(c->parameter) ? c->parameter : tuning->pbf_sds;
	o.pbf_fit_sds = MAX(o.pbf_sds, tuning->pbf_fit_sds);
	o.pbf_drain_below = tuning->pbf_drain_below;
	/* The options are our own. */
	if (policy_new(&o, &p, &err) < 0) {
		(void) fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return p;
}

void
product_train(struct policy *p, const struct contender *c, const struct product_tuning *tuning,
              struct day *const *days, size_t n_days, uint64_t seed, bool keep_idle)
{
	if (n_days == 0 || !streq(c->algorithm, "linear"))
		return;
	for (size_t i = 0; i < (size_t) tuning->rounds * n_days; i++) {
		_cleanup_(day_freep) struct day *day =
		    day_shuffled(days[i % n_days], order_of(seed, i / n_days));
		struct trial t = {
		    .day = day, .contender = c, .policy = p, .seed = i, .keep_idle = keep_idle};
		struct score unused;

		trial_run(&t, &unused);
	}
	policy_freeze(p, tuning->passes);
}
