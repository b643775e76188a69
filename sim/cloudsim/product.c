/* forager's policies as contenders; see product.h. */
#include "sim/cloudsim/product.h"

#include <math.h>
#include <stdio.h>

/* γ = .97 at steps of 5 min, as in the published figures: 300 s / −ln .97. */
#define HORIZON_MS ((int64_t) 9849 * 1000)

/*
 * The price of a move that linear learns by: less than cost_j's 3, since those that it makes are
 * few. Of overload, without training days to find it on: twice cost_j's 15.
 */
#define MOVE     2.0
#define OVERLOAD 30.0

void
product_tuning_init(struct product_tuning *ret)
{
	*ret = (struct product_tuning){1.5, 3.0, 0.4, OVERLOAD, 1};
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
	o.horizon_ms = HORIZON_MS;
	/* Nothing is reserved in this world. */
	o.objective.reserved = 0;
	/* Nobody calls here. */
	o.objective.response = 0;
	o.objective.overload = tuning->overload;
	o.objective.move = MOVE;
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
	for (size_t i = 0; i < n_days; i++) {
		struct trial t = {.day = days[i],
		                  .contender = c,
		                  .policy = p,
		                  .seed = seed,
		                  .keep_idle = keep_idle};
		struct score unused;

		trial_run(&t, &unused);
	}
	policy_freeze(p, tuning->passes);
}
