/* features/traffic: pairs are found by rise and fall, not by chance, and not by everybody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "base/util.h"
#include "features/traffic.h"

static const char *const net_a[] = {"aaa"};
static const char *const net_ab[] = {"aaa", "bbb"};
static const char *const net_b[] = {"bbb"};
static const char *const net_c[] = {"ccc"};

static struct traffic_service
service(const char *const *networks, size_t n)
{
	struct traffic_service s = {.networks = networks, .n_networks = n};

	for (size_t i = 0; i < FORECAST_STEPS; i++)
		s.rx[i] = s.tx[i] = NAN;
	return s;
}

/* A calls B: what A sends B receives, ten times as much comes back. */
static void
call(struct traffic_service *a, struct traffic_service *b, double scale)
{
	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		float v = (float) (scale * (1 + .5 * sin((double) i)));

		a->tx[i] = b->rx[i] = v;
		b->tx[i] = a->rx[i] = 10 * v;
	}
}

static void
noise(struct traffic_service *s, struct rng *rng, double scale)
{
	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		s->rx[i] = (float) (scale * (.2 + rng_double(rng)));
		s->tx[i] = (float) (scale * (.2 + rng_double(rng)));
	}
}

static void
finds_the_pair(void **state)
{
	struct traffic_service s[] = {service(net_a, 1), service(net_ab, 2), service(net_b, 1),
	                              service(net_a, 1)};
	struct edge e[8];
	struct rng rng;

	(void) state;
	rng_seed(&rng, 1);
	call(&s[3], &s[1], 1e5);
	noise(&s[0], &rng, 1e5);
	noise(&s[2], &rng, 1e5);
	assert_int_equal(traffic_infer(s, 4, e, 8), 1);
	assert_int_equal(e[0].a, 1);
	assert_int_equal(e[0].b, 3);
	assert_true(e[0].bytes_per_s > .9e6 && e[0].bytes_per_s < 1.3e6);
	assert_true(e[0].confidence > .85 && e[0].confidence <= .9);
}

static void
needs_a_common_network(void **state)
{
	struct traffic_service s[] = {service(net_a, 1), service(net_c, 1), service(NULL, 0)};
	struct edge e[4];

	(void) state;
	call(&s[0], &s[1], 1e5);
	s[2] = s[1];
	s[2].networks = NULL;
	s[2].n_networks = 0;
	assert_int_equal(traffic_infer(s, 3, e, 4), 0);
	s[1].networks = net_ab;
	s[1].n_networks = 2;
	assert_int_equal(traffic_infer(s, 3, e, 4), 1);
}

static void
gossip_and_gaps_prove_nothing(void **state)
{
	struct traffic_service s[] = {service(net_a, 1), service(net_a, 1)};
	struct edge e[4];

	(void) state;
	assert_int_equal(traffic_infer(s, 2, e, 4), 0);
	assert_int_equal(traffic_infer(NULL, 0, e, 4), 0);
	call(&s[0], &s[1], 50); /* 550 bytes/s */
	assert_int_equal(traffic_infer(s, 2, e, 4), 0);
	call(&s[0], &s[1], 1e5);
	assert_int_equal(traffic_infer(s, 2, e, 0), 0);
	for (size_t i = 3; i < FORECAST_STEPS; i++)
		s[0].tx[i] = s[0].rx[i] = NAN; /* three steps in common */
	assert_int_equal(traffic_infer(s, 2, e, 4), 0);
}

static void
even_traffic_is_a_weak_hint(void **state)
{
	struct traffic_service s[] = {service(net_a, 1), service(net_a, 1)};
	struct edge e[4];

	(void) state;
	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		s[0].tx[i] = s[1].rx[i] = 1e6F;
		s[1].tx[i] = s[0].rx[i] = 1e6F;
	}
	assert_int_equal(traffic_infer(s, 2, e, 4), 1);
	assert_true(e[0].confidence > .25 && e[0].confidence <= .3);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		s[1].rx[i] = s[1].tx[i] = 3e5F; /* other levels: not even a hint */
	assert_int_equal(traffic_infer(s, 2, e, 4), 0);
}

static void
strongest_first_and_bounded(void **state)
{
	size_t n = 300, found;
	_cleanup_(freep) struct traffic_service *s = xcalloc(n, sizeof(*s));
	_cleanup_(freep) struct edge *e = xcalloc(9000, sizeof(*e));
	struct edge few[3];

	(void) state;
	for (size_t i = 0; i < n; i += 2) {
		s[i] = service(net_a, 1);
		s[i + 1] = service(net_a, 1);
		call(&s[i], &s[i + 1], 2000 + 100 * (double) i);
	}
	found = traffic_infer(s, n, e, 9000);
	assert_true(found > 0 && found < 9000);
	for (size_t i = 0; i < found; i++) {
		assert_true(e[i].a < e[i].b && e[i].b < n);
		assert_true(e[i].confidence > 0 && e[i].confidence < .9 + 1e-9);
		/* Only the chattiest are looked at. */
		assert_true(e[i].a >= n - TRAFFIC_SERVICES_MAX - 2);
		if (i > 0)
			assert_true(e[i - 1].bytes_per_s * e[i - 1].confidence >=
			            e[i].bytes_per_s * e[i].confidence);
	}
	assert_int_equal(traffic_infer(s, n, few, 3), 3);
	assert_memory_equal(few, e, sizeof(few));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_pair),
	    cmocka_unit_test(needs_a_common_network),
	    cmocka_unit_test(gossip_and_gaps_prove_nothing),
	    cmocka_unit_test(even_traffic_is_a_weak_hint),
	    cmocka_unit_test(strongest_first_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
