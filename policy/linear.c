/* Recursive least squares with a prior; see linear.h. */
#include "policy/linear.h"

/* The prior's weight in rows, and its noise (in cost units at γ = .97): the prototype's 50·I and
 * θ + 2·L⁻ᵀz. */
#define PRIOR_ROWS     50.0
#define PRIOR_NOISE_SD 2.0
/* The noise estimate starts with this many imagined rows. */
#define NOISE_ROWS 50.0
/* Priors are given for γ = .97 and steps of 5 min: costs of 33.3 such steps. */
#define PRIOR_STEPS (1.0 / (1.0 - 0.97))
/* An outlier this many noise sds off counts as one of that size: one bad hour must not rule. */
#define RESIDUAL_MOST_SD 6.0
#define VALUE_MOST       1e9
/* The overload that the priors are given for: what response charges an overloaded node as well. */
#define OVERLOAD_UNIT 15.0

double
linear_gamma(const struct linear *l, int64_t dt_ms)
{
	return exp(-(double) MAX(dt_ms, 0) / l->horizon_ms);
}

static double
prior_scale(int64_t step_ms, double gamma)
{
	/* What a steady unit cost a step of 5 min comes to over the horizon, in units. */
	return (double) step_ms / REWARD_UNIT_MS / (1 - gamma) / PRIOR_STEPS;
}

static double
part_weight(const struct objective *o, size_t i)
{
	switch (basis_infos[i].part) {
	case BASIS_OF_ENERGY:
		return o->energy;
	case BASIS_OF_OVERLOAD:
		return o->response + o->overload / OVERLOAD_UNIT;
	case BASIS_OF_RESPONSE:
		return o->response;
	case BASIS_OF_TRAFFIC:
		return o->traffic;
	case BASIS_OF_NOTHING:
		break;
	}
	return 1;
}

void
linear_init(struct linear *l, int64_t step_ms, int64_t horizon_ms, const struct objective *o)
{
	double scale, sd;

	*l = (struct linear){.horizon_ms = (double) MAX(horizon_ms, 1)};
	l->gamma_step = linear_gamma(l, MAX(step_ms, 1));
	scale = prior_scale(MAX(step_ms, 1), l->gamma_step);
	sd = PRIOR_NOISE_SD * scale;
	for (size_t i = 0; i < BASIS_N; i++) {
		l->prior[i] = basis_infos[i].prior * scale * part_weight(o, i);
		l->a[i][i] = PRIOR_ROWS;
		l->b[i] = PRIOR_ROWS * l->prior[i];
	}
	l->noise_weight = NOISE_ROWS;
	l->noise_squares = NOISE_ROWS * sd * sd;
	/* Rows are believed to be alike until they show otherwise: .9 is usual for loads. */
	l->lag_squares = NOISE_ROWS * sd * sd;
	l->lag_products = 0.9 * l->lag_squares;
	linear_solve(l);
}

static bool
is_without(const struct linear *l, size_t i)
{
	return (l->without >> i & 1) != 0;
}

void
linear_without(struct linear *l, uint32_t features)
{
	l->without = features;
	for (size_t i = 0; i < BASIS_N; i++)
		if (is_without(l, i))
			l->prior[i] = l->b[i] = 0;
	linear_solve(l);
}

void
linear_forget(struct linear *l, int64_t dt_ms)
{
	double keep;

	if (dt_ms <= 0)
		return;
	keep = exp2(-(double) dt_ms / (double) LINEAR_HALF_LIFE_MS);
	for (size_t i = 0; i < BASIS_N; i++) {
		for (size_t j = 0; j <= i; j++)
			l->a[i][j] *= keep;
		l->a[i][i] += (1 - keep) * PRIOR_ROWS;
		l->b[i] = keep * l->b[i] + (1 - keep) * PRIOR_ROWS * l->prior[i];
	}
	/* The estimates keep their value and lose their weight, never below the imagined rows'. */
	keep = MAX(keep, MIN(1.0, NOISE_ROWS / l->noise_weight));
	l->noise_squares *= keep;
	l->noise_weight *= keep;
	l->lag_squares *= keep;
	l->lag_products *= keep;
}

double
linear_lag(const struct linear *l)
{
	return l->lag_squares > 0 ? CLAMP(l->lag_products / l->lag_squares, 0.0, 0.98) : 0;
}

double
linear_noise_sd(const struct linear *l)
{
	return sqrt(MAX(l->noise_squares / l->noise_weight, 1e-12));
}

double
linear_value(const double theta[static BASIS_N], const double phi[static BASIS_N])
{
	double sum = 0;

	for (size_t i = 0; i < BASIS_N; i++)
		sum += theta[i] * phi[i];
	return sum;
}

static bool
row_is_sane(const double phi[static BASIS_N], double y)
{
	bool sane = isfinite(y) && fabs(y) <= VALUE_MOST;

	for (size_t i = 0; i < BASIS_N; i++)
		sane = sane && isfinite(phi[i]) && fabs(phi[i]) <= VALUE_MOST;
	return sane;
}

double
linear_row(struct linear *l, const double phi[static BASIS_N], double y, double before)
{
	double expected = linear_value(l->theta, phi), most = RESIDUAL_MOST_SD * linear_noise_sd(l);
	double rho = linear_lag(l), residual;
	double weight = l->row_weight > 0 ? l->row_weight : (1 - rho) / (1 + rho);

	if (!row_is_sane(phi, y) || !isfinite(expected)) {
		l->refused++;
		return NAN;
	}
	residual = y - expected;
	/* Where the weight is fixed the costs are a simulator's: there an outlier is the truth. */
	if (!(l->row_weight > 0))
		residual = CLAMP(residual, -most, most);
	for (size_t i = 0; i < BASIS_N; i++) {
		/* Most nodes of a large cluster may sleep, and do: all of theirs are 0. */
		if (!(fabs(phi[i]) > 0) || is_without(l, i))
			continue;
		for (size_t j = 0; j <= i; j++)
			l->a[i][j] += is_without(l, j) ? 0 : weight * phi[i] * phi[j];
		l->b[i] += weight * phi[i] * (expected + residual);
	}
	l->noise_squares += weight * residual * residual;
	l->noise_weight += weight;
	if (isfinite(before)) {
		l->lag_products += weight * residual * CLAMP(before, -most, most);
		l->lag_squares += weight * residual * residual;
	}
	l->rows++;
	return residual;
}

/* a = chol·cholᵀ with jitter on the diagonal; false when it is not positive definite even so. */
static bool
factor(struct linear *l, double jitter)
{
	for (size_t i = 0; i < BASIS_N; i++) {
		for (size_t j = 0; j <= i; j++) {
			double sum = l->a[i][j] + (i == j ? jitter : 0);

			for (size_t k = 0; k < j; k++)
				sum -= l->chol[i][k] * l->chol[j][k];
			if (i != j)
				l->chol[i][j] = sum / l->chol[j][j];
			else if (sum > 0 && isfinite(sum))
				l->chol[i][i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/* Solves cholᵀ·x = y from the last row up. */
static void
solve_upper(const struct linear *l, const double y[static BASIS_N], double x[static BASIS_N])
{
	for (size_t i = BASIS_N; i-- > 0;) {
		double sum = y[i];

		for (size_t k = i + 1; k < BASIS_N; k++)
			sum -= l->chol[k][i] * x[k];
		x[i] = sum / l->chol[i][i];
	}
}

/* Solves chol·x = y from the first row down. */
static void
solve_lower(const struct linear *l, const double y[static BASIS_N], double x[static BASIS_N])
{
	for (size_t i = 0; i < BASIS_N; i++) {
		double sum = y[i];

		for (size_t k = 0; k < i; k++)
			sum -= l->chol[i][k] * x[k];
		x[i] = sum / l->chol[i][i];
	}
}

void
linear_solve(struct linear *l)
{
	double trace = 0, jitter = 0, half[BASIS_N];

	for (size_t i = 0; i < BASIS_N; i++)
		trace += l->a[i][i];
	while (!factor(l, jitter))
		jitter = jitter > 0 ? jitter * 10 : trace / BASIS_N * 1e-12;
	solve_lower(l, l->b, half);
	solve_upper(l, half, l->theta);
}

bool
linear_restore(struct linear *l)
{
	if (!factor(l, 0))
		return false;
	linear_solve(l);
	for (size_t i = 0; i < BASIS_N; i++)
		if (!isfinite(l->theta[i]))
			return false;
	return true;
}

double
linear_sd(const struct linear *l, const double x[static BASIS_N])
{
	double half[BASIS_N], sum = 0;

	solve_lower(l, x, half);
	for (size_t i = 0; i < BASIS_N; i++)
		sum += half[i] * half[i];
	return sqrt(sum) * linear_noise_sd(l);
}

void
linear_sample(const struct linear *l, const double z[static BASIS_N], double ret[static BASIS_N])
{
	double sd = l->sample_sd > 0 ? l->sample_sd : linear_noise_sd(l);

	solve_upper(l, z, ret);
	for (size_t i = 0; i < BASIS_N; i++)
		ret[i] = is_without(l, i) ? 0 : l->theta[i] + sd * ret[i];
}
