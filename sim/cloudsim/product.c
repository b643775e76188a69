/* forager's policies as contenders; see product.h. */
#include "sim/cloudsim/product.h"

#include <math.h>
#include <stdio.h>

/* γ = .97 at steps of 5 min, as in the published figures: 300 s / −ln .97. */
#define HORIZON_MS ((int64_t) 9849 * 1000)

/*
 * The prices that linear learns by. A heavier overload than cost_j's 15 and a lighter move than its
 * 3 trade the same cost_j for less overload; found on training days (docs/evaluation.md).
 */
#define OVERLOAD           30.0
#define OVERLOAD_KEEP_IDLE 24.0
#define MOVE               2.0

/* The points that PBF is tried at. */
static const double grid_sds[] = {1.5, 2.0, 2.5};
static const double grid_fit[] = {3.0, 3.5, 4.0};
static const double grid_drain[] = {0.3, 0.4, 0.5};

void
product_tuning_init(struct product_tuning *ret)
{
	*ret = (struct product_tuning){1.5, 3.0, 0.4};
}

struct policy *
product_new(const struct contender *c, const struct product_tuning *tuning, uint64_t seed,
            bool keep_idle)
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
	o.objective.overload = keep_idle ? OVERLOAD_KEEP_IDLE : OVERLOAD;
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
product_train(struct policy *p, const struct contender *c, struct day *const *days, size_t n_days,
              uint64_t seed, bool keep_idle)
{
	for (size_t i = 0; i < n_days; i++) {
		struct trial t = {.day = days[i],
		                  .contender = c,
		                  .policy = p,
		                  .seed = seed,
		                  .keep_idle = keep_idle};
		struct score unused;

		trial_run(&t, &unused);
	}
}

size_t
product_grid_size(void)
{
	return ARRAY_SIZE(grid_sds) * ARRAY_SIZE(grid_fit) * ARRAY_SIZE(grid_drain);
}

struct product_tuning
product_grid(size_t i)
{
	size_t drain = i % ARRAY_SIZE(grid_drain), fit = i / ARRAY_SIZE(grid_drain);

	return (struct product_tuning){grid_sds[fit / ARRAY_SIZE(grid_fit)],
	                               grid_fit[fit % ARRAY_SIZE(grid_fit)], grid_drain[drain]};
}
