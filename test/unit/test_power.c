/* Power curves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "policy/power.h"

static void
interpolates(void **state)
{
	static const struct {
		const char *curve;
		double utilisation, watts;
	} cases[] = {
	    {"hp-ml110-g4", 0, 86},     {"hp-ml110-g4", 1, 117},   {"hp-ml110-g4", .1, 89.4},
	    {"hp-ml110-g4", .05, 87.7}, {"hp-ml110-g5", .25, 103}, {"hp-ml110-g5", .95, 134},
	    {"hp-ml110-g5", 1.5, 135},  {"hp-ml110-g5", -1, 93.7}, {"hp-ml110-g5", NAN, 93.7},
	    {"linear", .5, 120},        {"linear", INFINITY, 150},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct power_curve c;
		double watts;

		assert_int_equal(power_curve_named(cases[i].curve, &c, NULL), 0);
		assert_false(c.measured);
		watts = power_watts(&c, cases[i].utilisation);
		if (!(fabs(watts - cases[i].watts) < 1e-9))
			fail_msg("%s at %g: %.9g W", cases[i].curve, cases[i].utilisation, watts);
	}
}

static void
linear_is_a_line(void **state)
{
	struct power_curve c;

	(void) state;
	assert_int_equal(power_linear(50, 250, &c, NULL), 0);
	for (int i = 0; i <= 20; i++)
		assert_true(fabs(power_watts(&c, i / 20.0) - (50 + 10.0 * i)) < 1e-9);
	/* A node that draws the same always is allowed. */
	assert_int_equal(power_linear(60, 60, &c, NULL), 0);
	assert_true(power_watts(&c, .7) == 60);
}

static void
refuses_nonsense(void **state)
{
	static const struct {
		double idle, max;
		const char *text;
	} cases[] = {{-1, 100, "0 or more"},
	             {NAN, 100, "0 or more"},
	             {10, INFINITY, "0 or more"},
	             {100, 50, "swapped"}};
	struct power_curve c = {.measured = true};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		assert_int_equal(power_linear(cases[i].idle, cases[i].max, &c, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].text));
	}
	assert_true(c.measured);
}

static void
names_are_listed(void **state)
{
	struct power_curve c;
	struct error err = {0};
	size_t n = 0;

	(void) state;
	assert_int_equal(power_curve_named("hp-ml110-g9", &c, &err), -EINVAL);
	for (; power_curve_name(n) != NULL; n++) {
		assert_non_null(strstr(err.text, power_curve_name(n)));
		assert_int_equal(power_curve_named(power_curve_name(n), &c, NULL), 0);
	}
	assert_int_equal(n, 3);
	assert_int_equal(power_curve_named(NULL, &c, NULL), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(interpolates),
	    cmocka_unit_test(linear_is_a_line),
	    cmocka_unit_test(refuses_nonsense),
	    cmocka_unit_test(names_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
