/* features/profile and trend: figures, forecasts, demand, pooling, the saved form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/rng.h"
#include "features/profile.h"
#include "features/trend.h"

#define T0  INT64_C(1700000100000) /* a multiple of 5 min */
#define MIB 1048576.0

static void
assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("%.9g is not %.9g within %.3g", got, want, tolerance);
}

static struct sample
sample_at(int64_t t_ms, int64_t dt_ms, double cpu)
{
	return (struct sample){
	    .t_ms = t_ms,
	    .dt_ms = dt_ms,
	    .cpu_cores = cpu,
	    .mem_bytes = 100 * MIB,
	    .net_rx_bytes_per_s = 1000,
	    .net_tx_bytes_per_s = 3000,
	    .blk_read_bytes_per_s = NAN,
	    .blk_write_bytes_per_s = NAN,
	    .pids = 4,
	};
}

/* Pushes n samples of value(i). Returns the time of the last one. */
static int64_t
feed(struct profile *p, int64_t t_ms, int64_t dt_ms, int n, double (*value)(int))
{
	for (int i = 0; i < n; i++) {
		struct sample s = sample_at(t_ms + (i + 1) * dt_ms, dt_ms, value(i));

		profile_push(p, &s, NULL);
	}
	return t_ms + n * dt_ms;
}

static double
half(int i)
{
	(void) i;
	return .5;
}

static double
jump(int i)
{
	return i < 480 ? .1 : 1.0;
}

static double
saw(int i)
{
	return i % 20 == 0 ? 2.0 : .1;
}

static double
none(int i)
{
	(void) i;
	return 0;
}

/* The same figures at 15 s / 5 min and at 1 s / 5 s. */
static void
a_flat_line_at_both_clocks(void **state)
{
	static const struct {
		int64_t step_ms, sample_ms;
	} clocks[] = {{300000, 15000}, {5000, 1000}, {5000, 2000}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct features_options o =
		    features_options_for(clocks[i].step_ms, clocks[i].sample_ms);
		_cleanup_(profile_freep) struct profile *p = profile_new(&o);
		int64_t t = feed(p, T0, o.sample_ms, (int) (20 * o.step_ms / o.sample_ms), half);
		struct profile_summary s;
		struct forecast f;

		profile_summarise(p, t, &s);
		profile_forecast(p, t, &f);
		assert_near(s.cpu_mean_cores, .5, 1e-9);
		assert_near(s.cpu_p50_cores, .5, .0125);
		assert_near(s.cpu_p99_cores, .5, .0125);
		assert_near(s.cpu_peak_cores, .5, 0);
		assert_near(s.cpu_var_cores2, 0, 1e-9);
		assert_near(s.burst_ratio, 1, .03);
		assert_near(s.mem_p95_bytes, 100 * MIB, 3 * MIB);
		assert_near(s.mem_growth_bytes_per_h, 0, 1);
		assert_near(s.net_tx_bytes_per_s, 3000, 1e-6);
		assert_true(isnan(s.blk_read_bytes_per_s));
		assert_true(isnan(s.startup_ms));
		assert_int_equal(s.pids_max, 4);
		assert_int_equal(s.first_ms, T0 + o.sample_ms);
		assert_int_equal(s.last_ms, t);
		assert_int_equal(s.behaviour, BEHAVIOUR_CPU_BOUND);
		assert_near(f.cpu_cores.mean, .5, 1e-9);
		assert_true(f.cpu_cores.var < 1e-3);
		assert_near(f.cpu_now_cores, .5, 1e-9);
		assert_near(f.mem_bytes.mean, 100 * MIB, 1);
		assert_near(f.net_bytes_per_s, 4000, 1e-6);
		assert_true(f.confidence > .9 && f.confidence <= 1);
		for (size_t k = 0; k < FORECAST_STEPS; k++)
			assert_near((double) f.cpu_last_cores[k], .5, 1e-6);
	}
}

static void
an_empty_one_knows_nothing(void **state)
{
	struct features_options o = features_options_for(0, 0);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	struct profile_summary s;
	struct forecast f;

	(void) state;
	profile_forecast(p, T0, &f);
	assert_near(f.confidence, 0, 0);
	assert_near(f.cpu_cores.mean, 0, 0);
	assert_near(f.cpu_now_cores, 0, 0);
	assert_near(f.mem_bytes.mean, 0, 0);
	assert_true(isnan(f.cpu_last_cores[0]));
	assert_int_equal(f.behaviour, BEHAVIOUR_UNKNOWN);
	profile_summarise(p, T0, &s);
	assert_true(isnan(s.cpu_mean_cores) && isnan(s.cpu_p95_cores) && isnan(s.cpu_peak_cores));
	assert_true(isnan(s.forecast_mean_cores));
	assert_int_equal(s.n_samples, 0);
	assert_int_equal(s.first_ms, 0);
	profile_free(NULL);
}

static void
bursts_show_in_the_percentiles(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	int64_t t = feed(p, T0, 15000, 2000, saw);
	struct profile_summary s;

	(void) state;
	profile_summarise(p, t, &s);
	assert_near(s.cpu_mean_cores, (2 + 19 * .1) / 20, .01);
	assert_near(s.cpu_p50_cores, .1, .01);
	assert_near(s.cpu_p90_cores, .1, .01);
	assert_near(s.cpu_p99_cores, 2, .1);
	assert_near(s.cpu_peak_cores, 2, 0);
	/* A step holds one whole burst: its mean hardly varies. */
	assert_true(s.cpu_var_cores2 < .001);
}

/* After a jump the forecast follows within a few steps, its variance rises and falls again. */
static void
follows_a_jump(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	int64_t t = feed(p, T0, 15000, 480, jump);
	struct forecast before, after, later;

	(void) state;
	profile_forecast(p, t, &before);
	assert_near(before.cpu_cores.mean, .1, .001);
	for (int i = 480; i < 540; i++) {
		struct sample s = sample_at(t += 15000, 15000, jump(i));

		profile_push(p, &s, NULL);
	}
	profile_forecast(p, t, &after);
	assert_near(after.cpu_now_cores, 1, 1e-6);
	assert_true(after.cpu_cores.mean > .3);
	assert_true(after.cpu_cores.var > before.cpu_cores.var + .01);
	assert_true(after.confidence < before.confidence);
	for (int i = 0; i < 600; i++) {
		struct sample s = sample_at(t += 15000, 15000, 1);

		profile_push(p, &s, NULL);
	}
	profile_forecast(p, t, &later);
	assert_near(later.cpu_cores.mean, 1, .05);
	assert_true(later.cpu_slow_cores.mean < later.cpu_cores.mean);
	assert_true(later.cpu_slow_cores.mean > .75);
	assert_true(later.confidence > after.confidence);
}

/* throttled share, use, limit → demand */
static void
throttled_wants_at_least_its_limit(void **state)
{
	static const struct {
		double throttled, use, limit, want;
	} cases[] = {
	    {0, .2, .5, .2},   {.9, .49, .5, .5}, {.5, .3, .5, .5},
	    {.25, .3, .5, .4}, {.9, .6, .5, .6},  {.9, .3, 0, .3},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct features_options o = features_options_for(5000, 1000);
		_cleanup_(profile_freep) struct profile *p = profile_new(&o);
		struct profile_summary sum;
		struct forecast f;
		int64_t t = T0;

		for (int k = 0; k < 60; k++) {
			struct sample s = sample_at(t += 1000, 1000, cases[i].use);

			s.throttled_ratio = cases[i].throttled;
			profile_push(p, &s, &(struct profile_limits){.cpu_cores = cases[i].limit});
		}
		profile_forecast(p, t, &f);
		profile_summarise(p, t, &sum);
		assert_near(f.cpu_now_cores, cases[i].want, 1e-6);
		assert_near(f.cpu_cores.mean, cases[i].want, 1e-6);
		assert_near(f.throttled_ratio, cases[i].throttled, 1e-6);
		/* Percentiles tell what it used, not what it wanted. */
		assert_near(sum.cpu_mean_cores, cases[i].use, 1e-6);
	}
}

static void
memory_that_grows_is_expected_to_grow(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	struct profile_summary sum;
	struct forecast f;
	int64_t t = T0;

	(void) state;
	for (int i = 0; i < 480; i++) {
		struct sample s = sample_at(t += 15000, 15000, .1);

		s.mem_bytes = 100 * MIB + i * MIB; /* 240 MiB an hour */
		profile_push(p, &s, NULL);
	}
	profile_summarise(p, t, &sum);
	profile_forecast(p, t, &f);
	assert_near(sum.mem_growth_bytes_per_h, 240 * MIB, MIB);
	assert_near(sum.mem_peak_bytes, 579 * MIB, 1);
	/* The newest step's mean is 569.5 MiB; the next one's 20 MiB more. */
	assert_near(f.mem_bytes.mean, 589.5 * MIB, MIB);
}

static void
bad_samples_are_ignored(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	int64_t t = feed(p, T0, 15000, 100, half);
	struct sample bad[] = {sample_at(t, 15000, 9), sample_at(t - 15000, 15000, 9),
	                       sample_at(t + 15000, 0, 9), sample_at(t + 15000, 15000, NAN),
	                       sample_at(t + 15000, 15000, -1)};
	struct profile_summary s;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		profile_push(p, &bad[i], NULL);
	profile_summarise(p, t, &s);
	assert_int_equal(s.n_samples, 100);
	assert_near(s.cpu_peak_cores, .5, 0);
}

static void
a_clock_set_back_starts_the_steps_anew(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	int64_t t = feed(p, T0, 1000, 100, half);
	struct forecast f;

	(void) state;
	t = feed(p, t - 3600000, 1000, 30, none);
	profile_forecast(p, t, &f);
	assert_near(f.cpu_now_cores, 0, 0);
	assert_true(f.cpu_cores.mean < .5);
	assert_true(isnan(f.cpu_last_cores[0]));
	assert_near((double) f.cpu_last_cores[FORECAST_STEPS - 1], 0, 0);
}

static void
silence_lowers_confidence(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	int64_t t = feed(p, T0, 1000, 200, half);
	struct forecast now, soon, late;

	(void) state;
	profile_forecast(p, t, &now);
	profile_forecast(p, t + o.gap_ms, &soon);
	profile_forecast(p, t + 10 * o.tau_slow_ms, &late);
	assert_near(soon.confidence, now.confidence, 1e-9);
	assert_true(late.confidence < .01);
	assert_true(isnan(late.cpu_last_cores[FORECAST_STEPS - 1]));
	assert_near(late.cpu_now_cores, .5, 1e-6); /* the last that was known */
}

static void
starts_and_restarts(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	struct profile_summary s;

	(void) state;
	assert_int_equal(profile_startup_ms(p), 0);
	profile_started(p, -1);
	profile_started(p, 0);
	assert_int_equal(profile_startup_ms(p), 0);
	profile_started(p, 9000);
	for (int i = 0; i < 7; i++)
		profile_started(p, 500 + i);
	assert_int_equal(profile_startup_ms(p), 9000);
	profile_started(p, 500); /* the ninth: the first is forgotten */
	assert_int_equal(profile_startup_ms(p), 506);
	profile_restarted(p);
	profile_restarted(p);
	profile_summarise(p, T0, &s);
	assert_int_equal(s.restarts, 2);
	assert_near(s.startup_ms, 506, 0);
}

static void
pools_replicas(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	struct features_options other = features_options_for(300000, 15000);
	_cleanup_(profile_freep) struct profile *a = profile_new(&o), *b = profile_new(&o);
	_cleanup_(profile_freep) struct profile *pool = profile_new(&o);
	_cleanup_(profile_freep) struct profile *wrong = profile_new(&other);
	int64_t t = feed(a, T0, 1000, 120, half);
	struct error err = {0};
	struct profile_summary s;
	struct forecast f;

	(void) state;
	(void) feed(b, T0, 1000, 120, none);
	profile_started(b, 700);
	assert_int_equal(profile_merge(pool, a, &err), 0);
	profile_summarise(pool, t, &s);
	assert_int_equal(s.behaviour, BEHAVIOUR_CPU_BOUND);
	assert_int_equal(profile_merge(pool, b, &err), 0);
	profile_summarise(pool, t, &s);
	profile_forecast(pool, t, &f);
	assert_near(s.cpu_mean_cores, .25, 1e-9);
	assert_near(s.cpu_peak_cores, .5, 0);
	assert_near(s.cpu_p99_cores, .5, .02);
	assert_near(f.cpu_cores.mean, .25, .01);
	/* A replica drawn at random varies by the distance of the two. */
	assert_near(s.cpu_var_cores2, .0625, .001);
	assert_near((double) f.cpu_last_cores[FORECAST_STEPS - 1], .25, 1e-6);
	assert_int_equal(s.n_samples, 240);
	assert_near(s.startup_ms, 700, 0);
	assert_int_equal(profile_merge(pool, wrong, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	profile_summarise(pool, t, &s);
	assert_int_equal(s.n_samples, 240);
}

static void
a_new_task_inherits(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *service = profile_new(&o), *p = NULL,
	                                        *empty = NULL;
	int64_t t = feed(service, T0, 1000, 300, half);
	struct forecast known, young, grown;
	struct profile_summary s;

	(void) state;
	profile_forecast(service, t, &known);
	p = profile_inherit(service, &o);
	profile_forecast(p, t, &young);
	assert_near(young.confidence, known.confidence / 2, .01);
	assert_near(young.cpu_cores.mean, .5, 1e-6);
	assert_near(young.cpu_now_cores, .5, 1e-6);
	assert_int_equal(young.behaviour, BEHAVIOUR_CPU_BOUND);
	profile_summarise(p, t, &s);
	assert_int_equal(s.n_samples, 0);
	assert_near(s.cpu_p95_cores, .5, .02);
	/* What is inherited fades with the half-life when nothing is added. */
	profile_forecast(p, t + o.half_life_ms, &young);
	assert_near(young.confidence, known.confidence / 4, .01);
	/* Its own behaviour is another one, and soon prevails. */
	t = feed(p, t, 1000, 60, none);
	profile_forecast(p, t, &grown);
	assert_true(grown.cpu_cores.mean < .1);
	assert_near(grown.cpu_now_cores, 0, 0);
	empty = profile_inherit(NULL, &o);
	profile_forecast(empty, t, &grown);
	assert_near(grown.confidence, 0, 0);
}

static void
a_node_is_the_sum(void **state)
{
	struct profile_summary a = {.cpu_mean_cores = 1,
	                            .cpu_p95_cores = 1.3,
	                            .cpu_peak_cores = 2,
	                            .mem_mean_bytes = 10,
	                            .mem_p95_bytes = NAN,
	                            .net_rx_bytes_per_s = NAN,
	                            .throttled_ratio = .4,
	                            .confidence = .9,
	                            .startup_ms = NAN,
	                            .forecast_error_cores = .3,
	                            .n_samples = 5,
	                            .first_ms = 100,
	                            .last_ms = 200};
	struct profile_summary b = a, sum = {0}, nothing = {0};

	(void) state;
	b.cpu_mean_cores = 3;
	b.cpu_p95_cores = 3.4;
	b.forecast_error_cores = .4;
	b.throttled_ratio = 0;
	b.confidence = .5;
	b.net_rx_bytes_per_s = 7;
	b.mem_p95_bytes = 20;
	b.startup_ms = 8;
	b.first_ms = 50;
	profile_summary_add(&sum, &nothing);
	assert_int_equal(sum.n_samples, 0);
	profile_summary_add(&sum, &a);
	profile_summary_add(&sum, &nothing);
	profile_summary_add(&sum, &b);
	assert_near(sum.cpu_mean_cores, 4, 1e-12);
	assert_near(sum.cpu_p95_cores, 4.5, 1e-12); /* 4 + √(.3² + .4²) */
	assert_true(sum.cpu_peak_cores <= 4);
	assert_near(sum.forecast_error_cores, .5, 1e-12);
	assert_near(sum.throttled_ratio, .1, 1e-12);
	assert_near(sum.confidence, .6, 1e-12);
	assert_near(sum.net_rx_bytes_per_s, 7, 0);
	assert_near(sum.mem_p95_bytes, 20, 0);
	assert_near(sum.startup_ms, 8, 0);
	assert_int_equal(sum.n_samples, 10);
	assert_int_equal(sum.first_ms, 50);
	assert_int_equal(sum.behaviour, BEHAVIOUR_UNKNOWN);
}

static void
saved_and_loaded(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	struct features_options fast = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o), *q = NULL, *r = NULL;
	_cleanup_(freep) char *text = NULL, *again = NULL;
	int64_t t = feed(p, T0, 15000, 2000, saw);
	struct profile_summary a, b;
	struct forecast fa, fb;

	(void) state;
	profile_started(p, 1234);
	profile_restarted(p);
	text = profile_save(p);
	assert_null(strchr(text, '\n'));
	assert_true(strlen(text) < 4096);
	assert_int_equal(profile_load(text, &o, &q, NULL), 0);
	again = profile_save(q);
	assert_string_equal(text, again);
	profile_summarise(p, t, &a);
	profile_summarise(q, t, &b);
	profile_forecast(p, t, &fa);
	profile_forecast(q, t, &fb);
	assert_near(b.cpu_p95_cores, a.cpu_p95_cores, 1e-3);
	assert_near(b.cpu_mean_cores, a.cpu_mean_cores, 1e-6);
	assert_near(b.confidence, a.confidence, 1e-6);
	assert_int_equal(b.n_samples, a.n_samples);
	assert_int_equal(b.behaviour, a.behaviour);
	assert_int_equal(b.restarts, 1);
	assert_near(b.startup_ms, 1234, 0);
	assert_near(fb.cpu_cores.mean, fa.cpu_cores.mean, 1e-6);
	assert_near(fb.cpu_cores.var, fa.cpu_cores.var, 1e-6);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		assert_near((double) fb.cpu_last_cores[i], (double) fa.cpu_last_cores[i], 1e-6);
	/* It goes on where it was: no step is counted twice, none is lost. */
	(void) feed(q, t, 15000, 40, saw);
	profile_summarise(q, t + 40 * 15000, &b);
	assert_int_equal(b.n_samples, a.n_samples + 40);
	/* Another step: percentiles stay, what counts steps starts anew. */
	assert_int_equal(profile_load(text, &fast, &r, NULL), 0);
	profile_summarise(r, t, &b);
	assert_near(b.cpu_p99_cores, a.cpu_p99_cores, 1e-3);
	assert_near(b.confidence, 0, 0);
	assert_true(isnan(b.forecast_mean_cores));
}

/* Cuts a saved profile after every byte, and changes single bytes: never a crash, never half. */
static void
damaged_texts_are_refused(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	_cleanup_(profile_freep) struct profile *p = profile_new(&o);
	_cleanup_(freep) char *text = NULL;
	struct profile *q = NULL;
	struct rng rng;
	size_t len;

	(void) state;
	(void) feed(p, T0, 1000, 100, saw);
	text = profile_save(p);
	len = strlen(text);
	assert_int_equal(profile_load(NULL, &o, &q, NULL), -EINVAL);
	assert_int_equal(profile_load("{\"v\":2}", &o, &q, NULL), -EINVAL);
	assert_int_equal(profile_load("[]", &o, &q, NULL), -EINVAL);
	for (size_t cut = 0; cut < len; cut++) {
		_cleanup_(freep) char *part = xstrdup(text);
		struct error err = {0};

		part[cut] = '\0';
		assert_int_equal(profile_load(part, &o, &q, &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_null(q);
	}
	rng_seed(&rng, 7);
	for (int i = 0; i < 3000; i++) {
		_cleanup_(freep) char *part = xstrdup(text);
		struct profile *loaded = NULL;
		struct forecast f;

		part[rng_below(&rng, len)] = (char) (32 + rng_below(&rng, 95));
		if (profile_load(part, &o, &loaded, NULL) == 0) {
			profile_forecast(loaded, T0 + 100000, &f);
			assert_true(f.confidence >= 0 && f.confidence <= 1);
			assert_true(f.cpu_cores.var >= 0);
		}
		profile_free(loaded);
	}
}

static void
trends_weigh_their_levels_by_their_misses(void **state)
{
	struct features_options o = features_options_for(300000, 15000);
	struct trend t = {0}, other = {0};
	struct rng rng;
	double worst = 0;

	(void) state;
	assert_near(trend_next(&t).mean, 0, 0);
	trend_push(&t, NAN, &o);
	assert_near(t.n, 0, 0);
	trend_push(&t, 2, &o);
	assert_near(trend_next(&t).mean, 2, 1e-9);
	assert_true(trend_next(&t).var >= 1); /* one step proves little */
	rng_seed(&rng, 3);
	for (int i = 0; i < 2000; i++)
		trend_push(&t, MAX(0, 2 + .5 * rng_normal(&rng)), &o);
	/* White noise: the variance is right, and the mean keeps near the middle. */
	assert_near(trend_slow(&t).var, .25, .1);
	assert_near(trend_next(&t).var, .25, .15);
	assert_near(trend_next(&t).mean, 2, .35);
	for (int i = 0; i < 12; i++)
		trend_push(&t, 6, &o);
	worst = trend_next(&t).mean;
	assert_true(worst > 4.5); /* a tenth of an hour's worth of slow level would be 3.5 */
	trend_merge(&other, &t);
	assert_near(trend_next(&other).mean, worst, 1e-12);
	trend_merge(&t, &(struct trend){0});
	assert_near(trend_next(&t).mean, worst, 1e-12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flat_line_at_both_clocks),
	    cmocka_unit_test(an_empty_one_knows_nothing),
	    cmocka_unit_test(bursts_show_in_the_percentiles),
	    cmocka_unit_test(follows_a_jump),
	    cmocka_unit_test(throttled_wants_at_least_its_limit),
	    cmocka_unit_test(memory_that_grows_is_expected_to_grow),
	    cmocka_unit_test(bad_samples_are_ignored),
	    cmocka_unit_test(a_clock_set_back_starts_the_steps_anew),
	    cmocka_unit_test(silence_lowers_confidence),
	    cmocka_unit_test(starts_and_restarts),
	    cmocka_unit_test(pools_replicas),
	    cmocka_unit_test(a_new_task_inherits),
	    cmocka_unit_test(a_node_is_the_sum),
	    cmocka_unit_test(saved_and_loaded),
	    cmocka_unit_test(damaged_texts_are_refused),
	    cmocka_unit_test(trends_weigh_their_levels_by_their_misses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
