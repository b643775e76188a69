/* The regression: convergence, forgetting, sampling; learning from transitions; saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "policy/policy.h"
#include "test/unit/policy_world.h"

#define HOUR_MS ((int64_t) 3600 * 1000)

static struct objective objective;

static void
phi_random(struct rng *rng, double phi[static BASIS_N])
{
	for (size_t i = 0; i < BASIS_N; i++)
		phi[i] = 2 * rng_double(rng) - 0.5;
}

static double
error_of(const double theta[static BASIS_N], const double truth[static BASIS_N])
{
	double sum = 0;

	for (size_t i = 0; i < BASIS_N; i++)
		sum += (theta[i] - truth[i]) * (theta[i] - truth[i]);
	return sqrt(sum);
}

/* y = truthᵀφ + noise, rows independent. */
static void
teach(struct linear *l, struct rng *rng, const double truth[static BASIS_N], int rows, double noise)
{
	double before = NAN;

	for (int i = 0; i < rows; i++) {
		double phi[BASIS_N];

		phi_random(rng, phi);
		before =
		    linear_row(l, phi, linear_value(truth, phi) + noise * rng_normal(rng), before);
		if (i % 10 == 9)
			linear_solve(l);
	}
	linear_solve(l);
}

static void
truth_fill(const struct linear *l, double truth[static BASIS_N])
{
	for (size_t i = 0; i < BASIS_N; i++)
		truth[i] = l->prior[i] + (i % 2 ? 3.0 : -2.0);
}

static void
prior_is_scaled(void **state)
{
	static const struct {
		int64_t step_ms, horizon_ms;
		double scale; /* (step / 5 min) / (1 − γ) / 33.3 */
	} cases[] = {
	    {300000, 9850925, 1.0}, /* γ = .97 */
	    {300000, 7200000, .7351},
	    {10000, 7200000, .7205},
	    {10000, 600000, .0605},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct linear l;

		linear_init(&l, cases[i].step_ms, cases[i].horizon_ms, &objective);
		if (!(fabs(l.theta[BASIS_IDLE] - 26.7 * cases[i].scale) < 26.7 * 1e-3))
			fail_msg("case %zu: %g", i, l.theta[BASIS_IDLE]);
		assert_true(fabs(l.theta[BASIS_NOW] / l.theta[BASIS_IDLE] - 7.5 / 26.7) < 1e-9);
		assert_true(l.theta[BASIS_ROOM2] == 0);
	}
}

static void
objective_scales_the_prior(void **state)
{
	struct objective o = objective;
	struct linear l, m;

	(void) state;
	o.response = 2;
	o.energy = 0;
	linear_init(&l, 300000, 7200000, &objective);
	linear_init(&m, 300000, 7200000, &o);
	assert_true(m.theta[BASIS_IDLE] == 0);
	assert_true(fabs(m.theta[BASIS_OVER] - 2 * l.theta[BASIS_OVER]) < 1e-9);
}

static void
converges_and_beats_the_prior(void **state)
{
	struct linear l;
	struct rng rng;
	double truth[BASIS_N], start;

	(void) state;
	rng_seed(&rng, 1);
	linear_init(&l, 300000, 7200000, &objective);
	truth_fill(&l, truth);
	start = error_of(l.theta, truth);
	teach(&l, &rng, truth, 400, 1);
	assert_true(error_of(l.theta, truth) < start / 2);
	teach(&l, &rng, truth, 8000, 1);
	assert_true(error_of(l.theta, truth) < start / 20);
	/* What was missed while learning still counts a little. */
	assert_true(linear_noise_sd(&l) > .8 && linear_noise_sd(&l) < 2);
	assert_true(linear_lag(&l) < .2); /* rows were independent, and it has noticed */
	assert_int_equal(l.rows, 8400);
}

static void
forgetting_returns_to_the_prior(void **state)
{
	struct linear l;
	struct rng rng;
	double truth[BASIS_N], learnt, x[BASIS_N] = {[BASIS_LOAD] = 1}, sd;

	(void) state;
	rng_seed(&rng, 2);
	linear_init(&l, 300000, 7200000, &objective);
	truth_fill(&l, truth);
	sd = linear_sd(&l, x);
	teach(&l, &rng, truth, 4000, .5);
	learnt = error_of(l.theta, l.prior);
	assert_true(learnt > 8);
	assert_true(linear_sd(&l, x) < sd / 3);
	linear_forget(&l, 0);
	linear_forget(&l, -5);
	linear_solve(&l);
	assert_true(fabs(error_of(l.theta, l.prior) - learnt) < 1e-9);
	linear_forget(&l, 30 * LINEAR_HALF_LIFE_MS);
	linear_solve(&l);
	assert_true(error_of(l.theta, l.prior) < learnt * 1e-4);
}

static void
forgetting_is_by_wall_time(void **state)
{
	struct linear l, m;
	struct rng rng;
	double truth[BASIS_N];

	(void) state;
	rng_seed(&rng, 3);
	linear_init(&l, 300000, 7200000, &objective);
	truth_fill(&l, truth);
	teach(&l, &rng, truth, 500, .5);
	m = l;
	linear_forget(&l, 48 * HOUR_MS);
	for (int i = 0; i < 480; i++)
		linear_forget(&m, HOUR_MS / 10);
	linear_solve(&l);
	linear_solve(&m);
	assert_true(error_of(l.theta, m.theta) < 1e-6);
}

static void
refuses_what_is_not_finite(void **state)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, 1e12};
	struct linear l;
	double phi[BASIS_N] = {1}, theta[BASIS_N];

	(void) state;
	linear_init(&l, 300000, 7200000, &objective);
	memcpy(theta, l.theta, sizeof(theta));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(isnan(linear_row(&l, phi, bad[i], 0)));
		phi[3] = bad[i];
		assert_true(isnan(linear_row(&l, phi, 1, 0)));
		phi[3] = 0;
	}
	linear_solve(&l);
	assert_int_equal(l.refused, 2 * ARRAY_SIZE(bad));
	assert_int_equal(l.rows, 0);
	assert_true(error_of(l.theta, theta) < 1e-9);
	assert_true(isfinite(linear_row(&l, phi, 1, INFINITY)));
}

static void
collinear_rows_are_survived(void **state)
{
	struct linear l;
	double phi[BASIS_N];

	(void) state;
	linear_init(&l, 300000, 7200000, &objective);
	for (size_t i = 0; i < BASIS_N; i++)
		phi[i] = 100;
	for (int i = 0; i < 20000; i++)
		(void) linear_row(&l, phi, 5000, NAN);
	linear_forget(&l, 3650 * 24 * HOUR_MS);
	linear_solve(&l);
	for (size_t i = 0; i < BASIS_N; i++)
		assert_true(isfinite(l.theta[i]));
	assert_true(isfinite(linear_sd(&l, phi)));
}

static void
an_outlier_does_not_rule(void **state)
{
	struct linear l;
	double phi[BASIS_N] = {1}, before;

	(void) state;
	linear_init(&l, 300000, 7200000, &objective);
	before = l.theta[0];
	(void) linear_row(&l, phi, 1e8, NAN);
	linear_solve(&l);
	assert_true(fabs(l.theta[0] - before) < 1);
}

static void
samples_have_the_posterior(void **state)
{
	struct linear l;
	struct rng rng;
	double x[BASIS_N] = {1, .5, 0, -1}, sum = 0, squares = 0, mean, sd;

	(void) state;
	rng_seed(&rng, 4);
	linear_init(&l, 300000, 7200000, &objective);
	for (int i = 0; i < 20000; i++) {
		double z[BASIS_N], theta[BASIS_N], y;

		for (size_t k = 0; k < BASIS_N; k++)
			z[k] = rng_normal(&rng);
		linear_sample(&l, z, theta);
		y = linear_value(theta, x);
		sum += y;
		squares += y * y;
	}
	mean = sum / 20000;
	sd = sqrt(squares / 20000 - mean * mean);
	assert_true(fabs(sd / linear_sd(&l, x) - 1) < .03);
	assert_true(fabs(mean - linear_value(l.theta, x)) < 4 * sd / sqrt(20000));
}

static struct policy *
policy_make(void)
{
	struct policy_options o;
	struct policy *p = NULL;

	policy_options_init(&o);
	assert_int_equal(policy_new(&o, &p, NULL), 0);
	return p;
}

/* Two nodes; n1 costs more than the prior knows, because its service is beyond its objective. */
static struct world *
world_slow(void)
{
	struct world *w = world_new();

	(void) world_node(w, "n1", 1);
	(void) world_node(w, "n2", 1);
	(void) world_service(w, "slow", 0, .5, 0, true);
	(void) world_service(w, "fine", 1, .5, 0, true);
	w->s.services[0].slo.p95_ms = 100;
	w->s.services[0].seen.p95_ms = 300;
	w->s.step_ms = 300000;
	world_step(w);
	return w;
}

static void
learns_from_transitions(void **state)
{
	struct world *w = world_slow();
	_cleanup_(policy_freep) struct policy *p = policy_make();
	struct transition t = {.before = &w->s, .after = &w->s, .dt_ms = 300000};
	double before = p->linear.theta[BASIS_LOAD];

	(void) state;
	for (int i = 0; i < 500; i++)
		policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 1000);
	/* Half load turned out to cost more than the prior said. */
	assert_true(p->linear.theta[BASIS_LOAD] > before + .1);
	world_free(w);
}

static void
what_teaches_nothing(void **state)
{
	struct world *w = world_slow();
	_cleanup_(policy_freep) struct policy *p = policy_make();
	struct transition t = {.before = &w->s, .after = &w->s, .dt_ms = 300000};
	uint32_t settling[] = {0, 99};

	(void) state;
	t.dt_ms = 0;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 0);
	t.dt_ms = 300000;
	w->s.partial = true;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 0);
	w->s.partial = false;
	w->s.nodes[0].flags |= NODE_BLIND;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 1);
	w->s.nodes[0].flags &= ~(uint32_t) NODE_BLIND;
	t.settling = settling;
	t.n_settling = 2;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 2);
	t.n_settling = 0;
	t.executed = (struct action){.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1};
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 2);
	t.executed.kind = ACTION_STAY;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 4);
	world_free(w);
}

static void
nodes_come_and_go(void **state)
{
	struct world *w = world_slow(), *x = world_new();
	_cleanup_(policy_freep) struct policy *p = policy_make();
	struct transition t = {.before = &w->s, .after = &x->s, .dt_ms = 300000};

	(void) state;
	(void) world_node(x, "n1", 1);
	(void) world_node(x, "other", 1);
	(void) world_service(x, "slow", 0, .5, 0, true);
	world_step(x);
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 1);
	x->s.n_nodes = 0;
	policy_learn(p, &t);
	assert_int_equal(p->linear.rows, 1);
	world_free(w);
	world_free(x);
}

static void
saved_and_loaded(void **state)
{
	struct world *w = world_slow();
	_cleanup_(policy_freep) struct policy *p = policy_make();
	_cleanup_(policy_freep) struct policy *q = policy_make();
	struct transition t = {.before = &w->s, .after = &w->s, .dt_ms = 300000};
	_cleanup_(freep) char *text = NULL, *again = NULL;
	struct error err = {0};

	(void) state;
	for (int i = 0; i < 50; i++)
		policy_learn(p, &t);
	text = policy_save(p);
	if (policy_load(q, "w.json", text, &err) != 0)
		fail_msg("%s", err.text);
	again = policy_save(q);
	assert_string_equal(text, again);
	assert_memory_equal(p->linear.theta, q->linear.theta, sizeof(p->linear.theta));
	assert_memory_equal(p->linear.chol, q->linear.chol, sizeof(p->linear.chol));
	assert_true(strlen(text) < 64 * 1024);
	world_free(w);
}

static char *
replaced(const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int) (at - text), text, with, at + strlen(what));
}

static void
others_weights_are_refused(void **state)
{
	static const struct {
		const char *what, *with, *text;
	} cases[] = {
	    {"\"step_ms\":300000", "\"step_ms\":10000", "decide-every = 10s, but it is 5m here"},
	    {"\"horizon_ms\":7200000", "\"horizon_ms\":3600000", "horizon = 1h, but it is 2h"},
	    {"\"algorithm\":\"linear\"", "\"algorithm\":\"pbf\"", "the algorithm is 'pbf'"},
	    {"\"unit\":\"8.333 Wh\"", "\"unit\":\"J\"", "the unit is 'J'"},
	    {"\"features\":\"", "\"features\":\"0", "hash of the features"},
	    {"\"version\":1", "\"version\":2", "another version"},
	    {"\"format\":\"forager-policy\"", "\"format\":\"x\"", "not a file of forager's"},
	    {"\"energy\":1.0", "\"energy\":2.0", "[objective]"},
	    {"\"a\":[50.0", "\"a\":[-50.0", "matrix 'a'"},
	    {"\"a\":[50.0", "\"a\":[1e400", "line 1"},
	    {"\"a\":[50.0", "\"a\":[50.0,1.0", "matrix 'a'"},
	    {"\"a\":[50.0,0.0,", "\"a\":[50.0,60.0,", "matrix 'a'"},
	    {"\"b\":[", "\"b\":[null,", "'b'"},
	    {"\"noise_weight\":50.0", "\"noise_weight\":0.0", "noise_weight"},
	    {"\"rows\":0", "\"rows\":-1", "a count"},
	    {"{", "", "line 1"},
	    {"{", "[", "line 1"},
	};
	_cleanup_(policy_freep) struct policy *p = policy_make();
	_cleanup_(freep) char *good = policy_save(p);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *bad = replaced(good, cases[i].what, cases[i].with);
		_cleanup_(freep) char *after = NULL;
		struct error err = {0};

		assert_int_equal(policy_load(p, "w.json", bad, &err), -EINVAL);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("case %zu: %s", i, err.text);
		assert_non_null(strstr(err.text, "w.json"));
		after = policy_save(p);
		assert_string_equal(after, good);
	}
}

static void
files_are_read(void **state)
{
	_cleanup_(policy_freep) struct policy *p = policy_make();
	_cleanup_(freep) char *text = policy_save(p);
	char path[] = "/tmp/forager-weights-XXXXXX";
	struct error err = {0};
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	(void) state;
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(policy_load_file(p, path, &err), 0);
	assert_int_equal(truncate(path, 2 << 20), 0);
	assert_int_equal(policy_load_file(p, path, &err), -EFBIG);
	assert_int_equal(unlink(path), 0);
	error_clear(&err);
	assert_int_equal(policy_load_file(p, path, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

static void
options_are_checked(void **state)
{
	static const struct {
		const char *algorithm, *text;
		int64_t step_ms, horizon_ms;
		double energy;
	} cases[] = {
	    {"tabular", "use linear", 300000, 7200000, 1},
	    {"magic", "there is no algorithm 'magic'", 300000, 7200000, 1},
	    {NULL, "there is no algorithm ''", 300000, 7200000, 1},
	    {"linear", "a policy step", 0, 7200000, 1},
	    {"linear", "horizon", 300000, 1000, 1},
	    {"linear", "horizon", 300000, INT64_MAX, 1},
	    {"linear", "energy", 300000, 7200000, -1},
	    {"linear", "energy", 300000, 7200000, NAN},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_options o;
		struct policy *p = NULL;
		struct error err = {0};

		policy_options_init(&o);
		o.algorithm = cases[i].algorithm;
		o.step_ms = cases[i].step_ms;
		o.horizon_ms = cases[i].horizon_ms;
		o.objective.energy = cases[i].energy;
		assert_int_equal(policy_new(&o, &p, &err), -EINVAL);
		assert_null(p);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("case %zu: %s", i, err.text);
	}
	policy_free(NULL);
}

static void
count_weight(void *data, const struct policy_weight *w)
{
	assert_true(w->sd > 0 && isfinite(w->theta));
	assert_non_null(w->name);
	(*(size_t *) data)++;
}

static void
weights_are_listed(void **state)
{
	_cleanup_(policy_freep) struct policy *p = policy_make();
	struct policy_status status;
	size_t n = 0;

	(void) state;
	policy_weights(p, count_weight, &n);
	assert_int_equal(n, BASIS_N);
	policy_status(p, &status);
	assert_int_equal(status.rows, 0);
	assert_false(status.suspended);
	assert_true(isnan(status.advantage));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prior_is_scaled),
	    cmocka_unit_test(objective_scales_the_prior),
	    cmocka_unit_test(converges_and_beats_the_prior),
	    cmocka_unit_test(forgetting_returns_to_the_prior),
	    cmocka_unit_test(forgetting_is_by_wall_time),
	    cmocka_unit_test(refuses_what_is_not_finite),
	    cmocka_unit_test(collinear_rows_are_survived),
	    cmocka_unit_test(an_outlier_does_not_rule),
	    cmocka_unit_test(samples_have_the_posterior),
	    cmocka_unit_test(learns_from_transitions),
	    cmocka_unit_test(what_teaches_nothing),
	    cmocka_unit_test(nodes_come_and_go),
	    cmocka_unit_test(saved_and_loaded),
	    cmocka_unit_test(others_weights_are_refused),
	    cmocka_unit_test(files_are_read),
	    cmocka_unit_test(options_are_checked),
	    cmocka_unit_test(weights_are_listed),
	};

	objective_init(&objective);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
