/* sim/cloudsim/: its pieces by tables. The whole against CloudSim itself: test/cloudsim/golden.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cloudsim/bounds.h"
#include "sim/cloudsim/consolidate.h"
#include "sim/cloudsim/contender.h"
#include "sim/cloudsim/regress.h"
#include "sim/cloudsim/score.h"
#include "sim/cloudsim/tune.h"
#include "sim/cloudsim/watts.h"

static void
watts_between_the_points(void **state)
{
	static const struct {
		const double *curve;
		double use, watts;
	} cases[] = {
	    {watts_g4, 0, 86},    {watts_g4, 1, 117}, {watts_g4, .5, 102}, {watts_g4, .05, 87.7},
	    {watts_g5, .95, 134}, {watts_g5, .1, 97}, {watts_g5, .2, 101}, {watts_g5, 1.004, 135},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(fabs(watts_at(cases[i].curve, cases[i].use) - cases[i].watts) < 1e-9);
}

static void
lines(void **state)
{
	double y[REGRESS_LINE], intercept, slope;

	(void) state;
	for (int i = 0; i < REGRESS_LINE; i++)
		y[i] = .2 + .05 * (i + 1);
	regress_line(y, &intercept, &slope);
	assert_true(fabs(intercept - .2) < 1e-12 && fabs(slope - .05) < 1e-12);
}

static void
r2_of_a_regression(void **state)
{
	static const double x1[] = {1, 2, 3, 4, 5, 6}, x2[] = {2, 1, 4, 3, 6, 5};
	static const double flat[6], y[] = {3, 4, 8, 9, 13, 14};
	const double *both[] = {x1, x2}, *with_flat[] = {x1, flat};
	double r2;

	(void) state;
	/* y = 1.5·x1 + x2 but for rounding up: nearly all of it is explained. */
	assert_true(regress_r2(y, both, 2, 6, &r2));
	assert_true(r2 > .98 && r2 <= 1);
	/* A column of zeros is singular; no columns, or more of them than rows, are too few rows.
	 */
	assert_false(regress_r2(y, with_flat, 2, 6, &r2));
	assert_false(regress_r2(y, both, 0, 6, &r2));
	assert_false(regress_r2(y, both, 2, 2, &r2));
}

static struct overload_view
view_of(double use, uint32_t n, double from, double step)
{
	struct overload_view v = {.requested = use * 1000, .mips = 1000, .n_history = n};

	for (uint32_t i = 0; i < n; i++)
		v.history[i] = from - step * i; /* newest first */
	return v;
}

static void
overload_tests(void **state)
{
	static const struct {
		struct overload o;
		double use;
		uint32_t n;
		double from, step;
		bool over;
	} cases[] = {
	    {{OVERLOAD_THR, .8}, .8, 30, .5, 0, false},
	    {{OVERLOAD_THR, .8}, .81, 0, 0, 0, true},
	    /* too little history: 70 % */
	    {{OVERLOAD_LR, 1.2}, .71, 9, .1, 0, true},
	    {{OVERLOAD_IQR, 1.5}, .71, 11, .1, 0, true},
	    {{OVERLOAD_MAD, 2.5}, .69, 11, .1, 0, false},
	    /* a flat line at 0.8 is predicted as 0.8; times 1.2 it is below 1 */
	    {{OVERLOAD_LR, 1.2}, .99, 10, .8, 0, false},
	    {{OVERLOAD_LR, 1.2}, .1, 10, .84, 0, true},
	    /* rising by .02: 0.82 + .02 = .84 is predicted */
	    {{OVERLOAD_LR, 1.2}, .1, 12, .82, .02, true},
	    {{OVERLOAD_LR, 1.2}, .1, 12, .80, .02, false},
	    /* quartiles of 12 values 0 … .11: IQR .06 or .07, MAD .03 */
	    {{OVERLOAD_IQR, 1.5}, .88, 12, .11, .01, false},
	    {{OVERLOAD_IQR, 1.5}, .92, 12, .11, .01, true},
	    {{OVERLOAD_MAD, 2.5}, .92, 12, .11, .01, false},
	    {{OVERLOAD_MAD, 2.5}, .94, 12, .11, .01, true},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct overload_view v =
		    view_of(cases[i].use, cases[i].n, cases[i].from, cases[i].step);

		if (overload_is(&cases[i].o, &v) != cases[i].over)
			fail_msg("case %zu: not %d", i, cases[i].over);
	}
}

static void
selections(void **state)
{
	struct cloud c = {0};
	struct cloud_vm vms[3] = {{.mips = 1000, .ram_mb = 870, .request = 100},
	                          {.mips = 500, .ram_mb = 613, .request = 400},
	                          {.mips = 2000, .ram_mb = 613, .request = 20}};
	static const uint32_t list[] = {0, 1, 2};
	struct rng rng;

	(void) state;
	c.vms = vms;
	rng_seed(&rng, 1);
	assert_int_equal(select_vm(SELECT_MMT, &c, list, 3, &rng), 1);
	assert_int_equal(select_vm(SELECT_MU, &c, list, 3, &rng), 2);
	/* No history to correlate: as MMT. */
	assert_int_equal(select_vm(SELECT_MC, &c, list, 3, &rng), 1);
	assert_true(select_vm(SELECT_RS, &c, list, 3, &rng) < 3);
	assert_int_equal(select_vm(SELECT_MMT, &c, list, 0, &rng), CLOUD_NONE);
}

static void
contenders(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: fine */
		enum contender_kind kind;
		double parameter;
	} cases[] = {
	    {"npa", NULL, CONTENDER_NPA, 0},
	    {"lr-mmt:1.3", NULL, CONTENDER_CLOUDSIM, 1.3},
	    {"lrr-mc", NULL, CONTENDER_CLOUDSIM, 1.2},
	    {"thr-rs:0.9", NULL, CONTENDER_CLOUDSIM, .9},
	    {"limited-mmt", NULL, CONTENDER_CLOUDSIM, .8},
	    {"linear", NULL, CONTENDER_PRODUCT, 0},
	    {"thr-mmt:1.1", "at most 1", 0, 0},
	    {"thr-mmt:0", "must be above 0", 0, 0},
	    {"thr-mmt:", "must be above 0", 0, 0},
	    {"thr-mmt:.8x", "must be above 0", 0, 0},
	    {"lr-mmt:nan", "must be above 0", 0, 0},
	    {"npa:1", "takes no parameter", 0, 0},
	    {"lr-xyz", "no policy 'lr-xyz'", 0, 0},
	    {"", "no policy ''", 0, 0},
	    {"thr-", "no policy 'thr-'", 0, 0},
	    {"th-mmt", "no policy 'th-mmt'", 0, 0},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		struct contender c;
		int r = contender_parse(cases[i].text, &c, &err);

		assert_int_equal(r, cases[i].error != NULL ? -EINVAL : 0);
		if (cases[i].error != NULL) {
			assert_non_null(strstr(err.text, cases[i].error));
			continue;
		}
		assert_int_equal(c.kind, cases[i].kind);
		if (c.kind == CONTENDER_CLOUDSIM)
			assert_true(c.how.overload.parameter == cases[i].parameter);
		contender_done(&c);
	}
}

/* --- days ----------------------------------------------------------------------------------------
 */

static void
file_put(const char *path, const char *text, int lines)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (int i = 0; i < lines; i++)
		assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
bad_days(void **state)
{
	static const struct {
		const char *text;
		int lines;
		const char *error;
	} cases[] = {
	    {"7\n", 287, "vm:288: a trace has 288 lines"},
	    {"7\n", 289, "vm:289: a trace has 288 lines"},
	    {"101\n", 288, "vm:1: not a whole number from 0 to 100"},
	    {"-1\n", 288, "vm:1: not a whole number"},
	    {"1.5\n", 288, "vm:1: not a whole number"},
	    {"\n", 288, "vm:1: not a whole number"},
	    {"x\n", 288, "vm:1: not a whole number"},
	    {"99999999999999999999\n", 288, "vm:1: not a whole number"},
	};
	char dir[] = "/tmp/forager-day-XXXXXX", day[64], file[80];
	struct error err = {0};
	struct day *d = NULL;

	(void) state;
	assert_non_null(mkdtemp(dir));
	(void) snprintf(day, sizeof(day), "%s/d", dir);
	(void) snprintf(file, sizeof(file), "%s/vm", day);
	assert_int_equal(day_load(dir, "d", &d, &err), -ENOENT);
	assert_int_equal(mkdir(day, 0700), 0);
	error_clear(&err);
	assert_int_equal(day_load(dir, "d", &d, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no trace in it"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		file_put(file, cases[i].text, cases[i].lines);
		error_clear(&err);
		assert_int_equal(day_load(dir, "d", &d, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].error));
	}
	assert_null(d);
	file_put(file, "7\n", 288);
	assert_int_equal(day_load(dir, "d", &d, &err), 0);
	assert_int_equal(d->n_vms, 1);
	assert_true(d->use[0] == .07 && d->use[288] == .07);
	day_free(d);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(day), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* n VMs that all use the same. */
static struct day *
day_flat(uint32_t n, double use)
{
	struct day *d = xcalloc(1, sizeof(*d));

	d->name = xstrdup("flat");
	d->n_vms = n;
	d->files = xcalloc(n, sizeof(*d->files));
	d->use = xcalloc((size_t) (DAY_SAMPLES + 1) * n, sizeof(*d->use));
	for (size_t i = 0; i < (size_t) (DAY_SAMPLES + 1) * n; i++)
		d->use[i] = use;
	return d;
}

static void
shuffling(void **state)
{
	struct day *a = day_flat(50, 0), *b = day_flat(50, 0), *c = day_flat(50, 0);
	bool differs = false;

	(void) state;
	for (uint32_t i = 0; i < 50; i++)
		a->use[i] = b->use[i] = c->use[i] = i;
	day_shuffle(a, 7);
	day_shuffle(b, 7);
	day_shuffle(c, 0);
	for (uint32_t i = 0; i < 50; i++) {
		assert_true(a->use[i] == b->use[i]);
		assert_true(c->use[i] == i);
		differs |= a->use[i] != i;
	}
	assert_true(differs);
	/* A copy's order is the same, and the copied day stays as it was. */
	day_free(b);
	b = day_shuffled(c, 7);
	for (uint32_t i = 0; i < 50; i++)
		assert_true(a->use[i] == b->use[i] && c->use[i] == i);
	day_free(a);
	day_free(b);
	day_free(c);
}

/* --- the data centre -----------------------------------------------------------------------------
 */

static void
a_host_is_shared(void **state)
{
	struct day *day = day_flat(4, 1);
	struct cloud_options options = {0};
	struct cloud *c = cloud_new(day, &options);
	struct score s;

	(void) state;
	/* One VM of each type: 2500 + 2000 + 500 fit on a G5, 1000 more would not. */
	assert_false(cloud_create(c, 0, 0)); /* a G4's core has 1860 MIPS */
	assert_true(cloud_create(c, 0, 1));
	assert_true(cloud_create(c, 1, 1));
	assert_false(cloud_create(c, 2, 1));
	assert_true(cloud_create(c, 3, 1));
	assert_true(cloud_create(c, 2, 2));
	cloud_tick(c);
	assert_true(c->now_s == 300.1 && c->hosts[1].used_mips == 5000);
	/* The first frame is free: every host was at 0. */
	assert_true(c->account.energy_j == 0);
	cloud_migrate(c, &(struct cloud_move){2, 2, 1}, 1, NULL, NULL);
	/* 6000 MIPS wanted of 5320: scaled and rounded down; the source burnt 27.84 s more. */
	assert_int_equal(c->hosts[1].n, 4);
	assert_int_equal(c->hosts[2].n, 0);
	assert_true(c->hosts[1].used_mips == 2216 + 1773 + 443 + 886);
	assert_true(c->now_s == 300.1 + 27.84);
	cloud_tick(c);
	assert_int_equal(c->account.overloaded_steps, 1);
	cloud_end(c);
	score_of(c, &s);
	assert_int_equal(s.moves, 1);
	assert_true(s.unmet_pct > 0 && s.pdm_pct > 0 && s.slatah_pct > 0);
	/* All but two hosts were empty from the start, and one became so. */
	assert_int_equal(s.shutdowns, CLOUD_HOSTS - 1);
	cloud_free(c);
	day_free(day);
}

static void
idle_vms_are_gone_for_ever(void **state)
{
	struct day *day = day_flat(4, 0);
	struct cloud_options options = {0}, keep = {.keep_idle = true};
	struct cloud *c = cloud_new(day, &options), *k = cloud_new(day, &keep);

	(void) state;
	consolidate_place_first_fit(c);
	consolidate_place_first_fit(k);
	cloud_tick(c);
	cloud_tick(k);
	assert_int_equal(c->vms[0].host, CLOUD_NONE);
	assert_true(k->vms[0].host != CLOUD_NONE);
	assert_false(cloud_is_on(c, 1));
	assert_true(cloud_is_on(k, 1));
	cloud_free(c);
	cloud_free(k);
	day_free(day);
}

static void
placement_spreads_and_consolidation_packs(void **state)
{
	struct day *day = day_flat(40, .2);
	struct cloud_options options = {0};
	struct cloud *c = cloud_new(day, &options);
	struct consolidate how = {.overload = {OVERLOAD_THR, .8}};
	_cleanup_(freep) struct cloud_move *moves = NULL;
	size_t n, before = 0, after = 0;
	struct rng rng;

	(void) state;
	rng_seed(&rng, 1);
	consolidate_place_best_fit(c, &how.overload);
	/* The big ones need a G5's core: odd hosts, one after another. */
	assert_int_equal(c->vms[0].host, 1);
	assert_int_equal(c->vms[1].host, 3);
	cloud_tick(c);
	n = consolidate_moves(c, &how, &rng, &moves);
	assert_true(n > 10);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		before += cloud_is_on(c, i);
	cloud_migrate(c, moves, n, NULL, NULL);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		after += cloud_is_on(c, i);
	assert_true(2 * after <= before);
	cloud_free(c);
	day_free(day);
}

static void
bounds_are_ordered(void **state)
{
	struct day *day = day_flat(100, .3);
	struct score fluid, packing;

	(void) state;
	bounds_fluid(day, false, &fluid);
	bounds_packing(day, false, &packing);
	/* 100 · .3 · 1500 MIPS on G5s at 135 W for 5320 MIPS */
	assert_true(fabs(fluid.energy_kwh - 45000.0 / 5320 * 135 * 287 * 300 / 3.6e6) < 1e-6);
	assert_true(packing.energy_kwh >= fluid.energy_kwh);
	assert_true(packing.energy_kwh < 1.1 * fluid.energy_kwh);
	day_free(day);
}

/* --- tuning --------------------------------------------------------------------------------------
 */

static void
prices_by_a_line(void **state)
{
	/* Overload and cost at prices 10, 20, 40, 80; limits as multiples of what may be. */
	static const struct {
		double overload[4], cost[4], pbf, pbf_cost, lr, price;
	} cases[] = {
	    /* overload = 8 / price: where it is .4, and between two prices */
	    {{.8, .4, .2, .1}, {90, 91, 92, 93}, .4, 100, 9, 20},
	    {{.8, .4, .2, .1}, {90, 91, 92, 93}, .28284271, 100, 9, 28.284271},
	    /* LR-MMT's line is the lower one */
	    {{.8, .4, .2, .1}, {90, 91, 92, 93}, .4, 100, .2, 40},
	    /* a lucky one at 20 does not decide: the line through all does */
	    {{.8, .2, .4, .1}, {90, 91, 92, 93}, .2, 100, 9, 43.6203},
	    /* no less than was tried */
	    {{.8, .4, .2, .1}, {90, 91, 92, 93}, 5, 100, 9, 10},
	    /* more than was tried, too dear, or without any effect: the cheapest */
	    {{.8, .4, .2, .1}, {92, 91, 92, 93}, .01, 100, 9, 20},
	    {{.8, .4, .2, .1}, {92, 91, 99.5, 99.5}, .2, 100, 9, 20},
	    {{.1, .2, .4, .8}, {92, 91, 90, 93}, .2, 100, 9, 80},
	    /* … that keeps to LR-MMT's line */
	    {{.8, .4, .2, .1}, {92, 91, 92, 93}, .01, 100, .2, 40},
	    {{.8, .4, .2, .1}, {92, 91, 92, 93}, .01, 100, .01, 80},
	    /* nothing may be overloaded, or nothing is */
	    {{.8, .4, .2, .1}, {92, 91, 92, 93}, 0, 100, 0, 80},
	    {{0, 0, 0, 0}, {92, 91, 92, 93}, 0, 100, 0, 80},
	};
	static const double prices[] = {10, 20, 40, 80};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tune_prices p = {prices, cases[i].overload, cases[i].cost, 4};
		struct tune_limits limits = {cases[i].pbf / TUNE_OF_PBF, cases[i].pbf_cost,
		                             cases[i].lr / TUNE_OF_LR};
		double got = tune_price(&p, &limits);

		if (!(fabs(got / cases[i].price - 1) < 1e-3))
			fail_msg("case %zu: %g, not %g", i, got, cases[i].price);
	}
}

/* Without training days nothing is tuned. With them: test/cloudsim/compilers.sh, for it takes long.
 */
static void
nothing_to_tune_on(void **state)
{
	struct day *days[2] = {NULL, NULL};
	struct tune_request q = {.days = days, .linear = true};
	struct product_tuning tuned, usual;

	(void) state;
	assert_int_equal(tune_steps(&q), 0);
	tune_run(&q, &tuned);
	product_tuning_init(&usual);
	assert_true(tuned.overload == usual.overload && tuned.pbf_sds == usual.pbf_sds);
	assert_true(tuned.rounds > 1 && tuned.passes > 1);
	q.n_days = 2;
	assert_true(tune_steps(&q) > 10);
	q.linear = false;
	assert_true(tune_steps(&q) > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(watts_between_the_points),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(r2_of_a_regression),
	    cmocka_unit_test(overload_tests),
	    cmocka_unit_test(selections),
	    cmocka_unit_test(contenders),
	    cmocka_unit_test(bad_days),
	    cmocka_unit_test(shuffling),
	    cmocka_unit_test(a_host_is_shared),
	    cmocka_unit_test(idle_vms_are_gone_for_ever),
	    cmocka_unit_test(placement_spreads_and_consolidation_packs),
	    cmocka_unit_test(bounds_are_ordered),
	    cmocka_unit_test(prices_by_a_line),
	    cmocka_unit_test(nothing_to_tune_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
