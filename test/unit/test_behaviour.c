/* features/behaviour: classes at their thresholds, and that they do not flicker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/util.h"
#include "features/behaviour.h"

#define MIB 1048576.0

/* cpu mean, p95, memory p95, network, blocks, throttled, CPU limit, memory limit */
struct figures {
	double mean, p95, mem, net, blk, throttled, cpu_limit, mem_limit;
};

static enum behaviour
classify(const struct figures *f, enum behaviour previous)
{
	struct profile_summary s = {
	    .cpu_mean_cores = f->mean,
	    .cpu_p95_cores = f->p95,
	    .burst_ratio = f->p95 / MAX(f->mean, .01),
	    .mem_p95_bytes = f->mem,
	    .net_rx_bytes_per_s = f->net / 2,
	    .net_tx_bytes_per_s = f->net / 2,
	    .blk_read_bytes_per_s = f->blk,
	    .blk_write_bytes_per_s = NAN,
	    .throttled_ratio = f->throttled,
	    .confidence = .8,
	    .behaviour = BEHAVIOUR_IO_BOUND, /* ignored */
	};

	return behaviour_classify(&s, &(struct profile_limits){f->cpu_limit, f->mem_limit},
	                          previous);
}

static void
classes(void **state)
{
	static const struct {
		const char *what;
		struct figures f;
		enum behaviour want;
	} cases[] = {
	    {"nothing", {0, 0, 0, 0, 0, 0, 0, 0}, BEHAVIOUR_IDLE},
	    {"a timer", {.005, .019, 8 * MIB, 1000, 0, 0, 0, 0}, BEHAVIOUR_IDLE},
	    {"gossip", {.005, .019, 8 * MIB, 5000, 0, 0, 0, 0}, BEHAVIOUR_STEADY},
	    {"a small web", {.1, .15, 60 * MIB, 50000, 0, 0, 0, 0}, BEHAVIOUR_STEADY},
	    {"half a core", {.5, .6, 60 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_CPU_BOUND},
	    {"at its limit", {.2, .25, 60 * MIB, 0, 0, 0, .25, 0}, BEHAVIOUR_CPU_BOUND},
	    {"throttled", {.2, .4, 60 * MIB, 0, 0, .3, .5, 0}, BEHAVIOUR_CPU_BOUND},
	    {"throttled, no load", {.01, .03, 60 * MIB, 0, 0, .3, .5, 0}, BEHAVIOUR_STEADY},
	    {"bursts", {.1, .35, 60 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_BURSTY},
	    {"tiny bursts", {.01, .08, 60 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_STEADY},
	    {"a cache", {.02, .05, 300 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_MEMORY_HEAVY},
	    {"a cache at rest", {0, 0, 300 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_MEMORY_HEAVY},
	    {"near its limit", {.01, .02, 90 * MIB, 0, 0, 0, 0, 100 * MIB}, BEHAVIOUR_MEMORY_HEAVY},
	    {"much CPU too", {.4, .6, 300 * MIB, 0, 0, 0, 0, 0}, BEHAVIOUR_STEADY},
	    {"a backup", {.1, .2, 60 * MIB, 0, 20 * MIB, 0, 0, 0}, BEHAVIOUR_IO_BOUND},
	    {"a chat", {.1, .2, 60 * MIB, 3 * MIB, 0, 0, 0, 0}, BEHAVIOUR_NETWORK_CHATTY},
	    {"a small chat", {.01, .02, 9 * MIB, .2 * MIB, 0, 0, 0, 0}, BEHAVIOUR_NETWORK_CHATTY},
	    {"a tiny chat", {.001, .002, 9 * MIB, .05 * MIB, 0, 0, 0, 0}, BEHAVIOUR_STEADY},
	    {"the clearest wins",
	     {.6, .8, 60 * MIB, 9 * MIB, 0, 0, 0, 0},
	     BEHAVIOUR_NETWORK_CHATTY},
	    {"nothing is known", {NAN, NAN, NAN, NAN, NAN, NAN, 0, 0}, BEHAVIOUR_IDLE},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		assert_string_equal(behaviour_names[classify(&cases[i].f, BEHAVIOUR_UNKNOWN)],
		                    behaviour_names[cases[i].want]);
	}
}

static void
does_not_flicker_on_the_border(void **state)
{
	struct figures f = {.5, .6, 60 * MIB, 0, 0, 0, 0, 0};
	enum behaviour b = classify(&f, BEHAVIOUR_UNKNOWN);

	(void) state;
	assert_int_equal(b, BEHAVIOUR_CPU_BOUND);
	f.mean = .45;
	b = classify(&f, b);
	assert_int_equal(b, BEHAVIOUR_CPU_BOUND);
	f.mean = .39;
	b = classify(&f, b);
	assert_int_equal(b, BEHAVIOUR_STEADY);
	f.mean = .45; /* leaving took less than coming back does */
	b = classify(&f, b);
	assert_int_equal(b, BEHAVIOUR_STEADY);
	f.mean = .5;
	assert_int_equal(classify(&f, b), BEHAVIOUR_CPU_BOUND);
}

static void
too_little_seen_keeps_the_class(void **state)
{
	struct profile_summary s = {.cpu_mean_cores = 1, .confidence = .05};

	(void) state;
	assert_int_equal(behaviour_classify(&s, NULL, BEHAVIOUR_UNKNOWN), BEHAVIOUR_UNKNOWN);
	assert_int_equal(behaviour_classify(&s, NULL, BEHAVIOUR_BURSTY), BEHAVIOUR_BURSTY);
	s.confidence = NAN;
	assert_int_equal(behaviour_classify(&s, NULL, BEHAVIOUR_UNKNOWN), BEHAVIOUR_UNKNOWN);
	s.confidence = .2;
	assert_int_equal(behaviour_classify(&s, NULL, BEHAVIOUR_UNKNOWN), BEHAVIOUR_CPU_BOUND);
}

static void
each_class_is_described(void **state)
{
	(void) state;
	for (enum behaviour b = 0; b < BEHAVIOUR_N; b++) {
		assert_non_null(behaviour_describe(b));
		for (enum behaviour c = 0; c < b; c++)
			assert_string_not_equal(behaviour_describe(b), behaviour_describe(c));
	}
	assert_string_equal(behaviour_describe(BEHAVIOUR_N), behaviour_describe(BEHAVIOUR_UNKNOWN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(classes),
	    cmocka_unit_test(does_not_flicker_on_the_border),
	    cmocka_unit_test(too_little_seen_keeps_the_class),
	    cmocka_unit_test(each_class_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
