/* features/sample: what two readings say, and when they say nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/util.h"
#include "features/sample.h"

#define T0 INT64_C(1700000000000)

static const struct reading first = {
    .wall_ms = T0,
    .cpu_ns = 5000000000,
    .periods = 100,
    .throttled_periods = 10,
    .mem_bytes = 1000,
    .net_rx_bytes = 100,
    .net_tx_bytes = 200,
    .blk_read_bytes = 300,
    .blk_write_bytes = 400,
    .oom_count = 1,
    .pids = 3,
    .has_net = true,
    .has_blk = true,
};

static void
assert_near(double got, double want)
{
	if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-9 * MAX(1.0, fabs(want))))
		fail_msg("%.9g is not %.9g", got, want);
}

static void
rates(void **state)
{
	struct features_options o = features_options_for(0, 0);
	struct reading next = first;
	struct sample s;

	(void) state;
	next.wall_ms += 10000;
	next.cpu_ns += 5000000000;
	next.periods += 100;
	next.throttled_periods += 25;
	next.mem_bytes = 700;
	next.net_rx_bytes += 10000;
	next.net_tx_bytes += 20000;
	next.blk_read_bytes += 30000;
	next.oom_count += 2;
	next.pids = 9;
	assert_int_equal(sample_diff(&first, &next, &o, &s), SAMPLE_OK);
	assert_int_equal(s.t_ms, T0 + 10000);
	assert_int_equal(s.dt_ms, 10000);
	assert_near(s.cpu_cores, .5);
	assert_near(s.throttled_ratio, .25);
	assert_near(s.mem_bytes, 700);
	assert_near(s.net_rx_bytes_per_s, 1000);
	assert_near(s.net_tx_bytes_per_s, 2000);
	assert_near(s.blk_read_bytes_per_s, 3000);
	assert_near(s.blk_write_bytes_per_s, 0);
	assert_int_equal(s.pids, 9);
	assert_int_equal(s.oom_kills, 2);
}

/* What changes against `first`, and what must be said of it. */
static void
says_nothing_when_it_cannot(void **state)
{
	static const struct {
		const char *what;
		int64_t dt_ms, cpu_ns;
		enum sample_result want;
	} cases[] = {
	    {"too soon", 50, 1000, SAMPLE_TOO_SOON},
	    {"the very same", 0, 0, SAMPLE_TOO_SOON},
	    {"just enough", 200, 1000, SAMPLE_OK},
	    {"the longest", 300000, 1000, SAMPLE_OK},
	    {"too far", 300001, 1000, SAMPLE_GAP},
	    {"the clock ran back", -10, 1000, SAMPLE_GAP},
	    {"recreated", 10000, -1, SAMPLE_RECREATED},
	    {"recreated at once", 10, -1, SAMPLE_RECREATED},
	    {"recreated long ago", 400000, -5000000000, SAMPLE_RECREATED},
	    {"more than any host has", 1000, INT64_C(5000000) * 1000000, SAMPLE_GAP},
	};
	struct features_options o = features_options_for(0, 0);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading next = first;
		struct sample s = {.t_ms = 42};
		enum sample_result r;

		next.wall_ms += cases[i].dt_ms;
		next.cpu_ns += (uint64_t) cases[i].cpu_ns;
		r = sample_diff(&first, &next, &o, &s);
		print_message("%s\n", cases[i].what);
		assert_int_equal(r, cases[i].want);
		if (r != SAMPLE_OK)
			assert_int_equal(s.t_ms, 42);
	}
	assert_int_equal(sample_diff(NULL, &first, &o, NULL), SAMPLE_FIRST);
	assert_int_equal(sample_diff(&(struct reading){0}, &first, &o, NULL), SAMPLE_FIRST);
}

static void
one_counter_back_is_one_rate_lost(void **state)
{
	struct features_options o = features_options_for(5000, 1000);
	struct reading next = first;
	struct sample s;

	(void) state;
	next.wall_ms += 1000;
	next.net_rx_bytes = 0; /* an interface went away */
	next.net_tx_bytes += 50;
	next.throttled_periods = 0;
	next.periods += 10;
	next.has_blk = false;
	next.oom_count = 0;
	assert_int_equal(sample_diff(&first, &next, &o, &s), SAMPLE_OK);
	assert_near(s.net_rx_bytes_per_s, NAN);
	assert_near(s.net_tx_bytes_per_s, 50);
	assert_near(s.blk_read_bytes_per_s, NAN);
	assert_near(s.throttled_ratio, 0);
	assert_int_equal(s.oom_kills, 0);
	/* More throttled than periods: the engine read them at different moments. */
	next.throttled_periods = 30;
	assert_int_equal(sample_diff(&first, &next, &o, &s), SAMPLE_OK);
	assert_near(s.throttled_ratio, 1);
}

static void
adds_up(void **state)
{
	struct sample a = {.t_ms = 5,
	                   .dt_ms = 10,
	                   .cpu_cores = 1,
	                   .throttled_ratio = .4,
	                   .mem_bytes = 100,
	                   .net_rx_bytes_per_s = NAN,
	                   .net_tx_bytes_per_s = 1,
	                   .pids = 2};
	struct sample b = {.t_ms = 7,
	                   .dt_ms = 8,
	                   .cpu_cores = 3,
	                   .mem_bytes = 50,
	                   .net_rx_bytes_per_s = 9,
	                   .net_tx_bytes_per_s = NAN,
	                   .pids = 1};

	(void) state;
	sample_add(&a, &b);
	assert_int_equal(a.t_ms, 7);
	assert_int_equal(a.dt_ms, 10);
	assert_near(a.cpu_cores, 4);
	assert_near(a.throttled_ratio, .1);
	assert_near(a.mem_bytes, 150);
	assert_near(a.net_rx_bytes_per_s, 9);
	assert_near(a.net_tx_bytes_per_s, 1);
	assert_int_equal(a.pids, 3);
}

static void
options_follow_the_clocks(void **state)
{
	struct features_options slow = features_options_for(-1, 0);
	struct features_options fast = features_options_for(5000, 1000);

	(void) state;
	assert_int_equal(slow.step_ms, 300000);
	assert_int_equal(slow.sample_ms, 15000);
	assert_int_equal(slow.gap_ms, 300000);
	assert_int_equal(fast.gap_ms, 20000);
	assert_int_equal(fast.half_life_ms, slow.half_life_ms);
	/* The prototype's rates, .3 and .04 a step, at either clock. */
	assert_true(fabs(features_alpha(slow.step_ms, slow.tau_fast_ms) - .3) < .001);
	assert_true(fabs(features_alpha(fast.step_ms, fast.tau_fast_ms) - .3) < .001);
	assert_true(fabs(features_alpha(fast.step_ms, fast.tau_slow_ms) - .04) < .0005);
	assert_near(features_alpha(10, 0), 1);
	assert_near(features_alpha(0, 10), 0);
	assert_near(features_alpha(-10, 10), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rates),
	    cmocka_unit_test(says_nothing_when_it_cannot),
	    cmocka_unit_test(one_counter_back_is_one_rate_lost),
	    cmocka_unit_test(adds_up),
	    cmocka_unit_test(options_follow_the_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
