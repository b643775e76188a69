/*
 * The linear value of a node, W = θᵀφ: the discounted cost to come. θ is the posterior mean of a
 * Bayesian linear regression: recursive least squares on A = Σ ω φφᵀ and b = Σ ω φ y, with a prior
 * that never leaves (forgetting leads back to it).
 */
#pragma once

#include "policy/basis.h"
#include "policy/reward.h"

/* After a week half of what was learnt has faded: weekly patterns stay, last month's do not. */
#define LINEAR_HALF_LIFE_MS ((int64_t) 7 * 24 * 3600 * 1000)

struct linear {
	double prior[BASIS_N]; /* θ0, scaled to the step, the horizon and the objective */
	double a[BASIS_N][BASIS_N], b[BASIS_N]; /* of a, the lower triangle */
	double theta[BASIS_N];
	double chol[BASIS_N][BASIS_N]; /* of a: lower triangle, a = chol·cholᵀ */
	double gamma_step;             /* e^(−step / horizon) */
	double horizon_ms;
	/* Noise of a row, as weighted squares; and of successive rows of a node, their products. */
	double noise_squares, noise_weight, lag_products, lag_squares;
	uint64_t rows, refused;
	/* Fixed by whoever knows better (policy_options); 0: by the estimates above. */
	double row_weight, sample_sd;
	uint32_t without; /* linear_without */
};

/* step and horizon > 0. Starts at the prior. */
void linear_init(struct linear *l, int64_t step_ms, int64_t horizon_ms, const struct objective *o);

/* The features (a bit each) take no part: their weights are and stay 0. Before the first row. */
void linear_without(struct linear *l, uint32_t features);

/* e^(−dt / horizon) */
double linear_gamma(const struct linear *l, int64_t dt_ms);

/* Fades what was learnt by dt_ms of wall time, toward the prior. ≤ 0 does nothing. */
void linear_forget(struct linear *l, int64_t dt_ms);

/*
 * Takes one row. before: the residual of the same node's last row, NAN = none (estimates how alike
 * rows are: successive rows of a node tell little new, so they weigh (1−ρ)/(1+ρ)). Returns the
 * row's residual, NAN when the row was refused because a number in it is not finite. linear_solve
 * makes θ of it.
 */
double linear_row(struct linear *l, const double phi[static BASIS_N], double y, double before);

/* θ and the Cholesky factor from A and b. Always succeeds: A is at least a fading prior. */
void linear_solve(struct linear *l);

/*
 * After a and b were filled in from elsewhere: false when a is not positive definite or what
 * follows from it is not finite; then *l is not to be used.
 */
bool linear_restore(struct linear *l);

/* ρ, 0 … .98 */
double linear_lag(const struct linear *l);
double linear_noise_sd(const struct linear *l);

/* θᵀφ, for any θ. */
double linear_value(const double theta[static BASIS_N], const double phi[static BASIS_N]);
/* Posterior standard deviation of θᵀx. */
double linear_sd(const struct linear *l, const double x[static BASIS_N]);
/* The posterior sample that belongs to standard normals z. */
void linear_sample(const struct linear *l, const double z[static BASIS_N],
                   double ret[static BASIS_N]);
