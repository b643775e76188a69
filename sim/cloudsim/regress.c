/* Regressions; see regress.h. */
#include "sim/cloudsim/regress.h"

#include <math.h>

#include "base/util.h"

void
regress_line(const double y[static REGRESS_LINE], double *ret_intercept, double *ret_slope)
{
	double xbar = 1, ybar = y[0], sum_xx = 0, sum_xy = 0, sum_x = 1, sum_y = y[0];

	for (int n = 1; n < REGRESS_LINE; n++) {
		double fact1 = 1.0 + n, fact2 = n / (1.0 + n);
		double dx = n + 1 - xbar, dy = y[n] - ybar;

		sum_xx += dx * dx * fact2;
		sum_xy += dx * dy * fact2;
		xbar += dx / fact1;
		ybar += dy / fact1;
		sum_x += n + 1;
		sum_y += y[n];
	}
	*ret_slope = sum_xy / sum_xx;
	*ret_intercept = (sum_y - *ret_slope * sum_x) / REGRESS_LINE;
}

/* linear/QRDecomposition: q holds the matrix's columns one after another, n rows each. */
static void
decompose(double *q, size_t columns, size_t n, double *diagonal)
{
	for (size_t minor = 0; minor < columns; minor++) {
		double *v = q + minor * n, norm = 0, a;

		for (size_t i = minor; i < n; i++)
			norm += v[i] * v[i];
		a = v[minor] > 0 ? -sqrt(norm) : sqrt(norm);
		diagonal[minor] = a;
		if (a == 0)
			continue;
		v[minor] -= a;
		for (size_t k = minor + 1; k < columns; k++) {
			double *w = q + k * n, alpha = 0;

			for (size_t i = minor; i < n; i++)
				alpha -= w[i] * v[i];
			alpha /= a * v[minor];
			for (size_t i = minor; i < n; i++)
				w[i] -= alpha * v[i];
		}
	}
}

/* The solver of the same class; y is overwritten. */
static void
solve(const double *q, size_t columns, size_t n, const double *diagonal, double *y, double *ret)
{
	for (size_t minor = 0; minor < columns; minor++) {
		const double *v = q + minor * n;
		double dot = 0;

		for (size_t i = minor; i < n; i++)
			dot += y[i] * v[i];
		dot /= diagonal[minor] * v[minor];
		for (size_t i = minor; i < n; i++)
			y[i] += dot * v[i];
	}
	for (size_t row = columns; row-- > 0;) {
		y[row] /= diagonal[row];
		ret[row] = y[row];
		for (size_t i = 0; i < row; i++)
			y[i] -= ret[row] * q[row * n + i];
	}
}

/* stat/descriptive/moment/SecondMoment */
static double
second_moment(const double *y, size_t n)
{
	double mean = 0, sum = 0;

	for (size_t i = 0; i < n; i++) {
		double dev = y[i] - mean, step = dev / (double) (i + 1);

		mean += step;
		sum += (double) i * dev * step;
	}
	return sum;
}

static double
residual_squares(const double *y, const double *const *columns, size_t k, size_t n, const double *b)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double fit = b[0], rest;

		for (size_t j = 0; j < k; j++)
			fit += columns[j][i] * b[j + 1];
		rest = y[i] - fit;
		sum += rest * rest;
	}
	return sum;
}

bool
regress_r2(const double *y, const double *const *columns, size_t k, size_t n, double *ret)
{
	_cleanup_(freep) double *q = NULL, *diagonal = NULL, *b = NULL, *work = NULL;

	if (k == 0 || n == 0 || k + 1 > n)
		return false;
	q = xcalloc((k + 1) * n, sizeof(*q));
	diagonal = xcalloc(k + 1, sizeof(*diagonal));
	b = xcalloc(k + 1, sizeof(*b));
	work = xcalloc(n, sizeof(*work));
	for (size_t i = 0; i < n; i++)
		q[i] = 1;
	for (size_t j = 0; j < k; j++)
		memcpy(q + (j + 1) * n, columns[j], n * sizeof(*q));
	memcpy(work, y, n * sizeof(*work));
	decompose(q, k + 1, n, diagonal);
	for (size_t j = 0; j <= k; j++)
		if (!(fabs(diagonal[j]) > 0))
			return false;
	solve(q, k + 1, n, diagonal, work, b);
	*ret = 1 - residual_squares(y, columns, k, n, b) / second_moment(y, n);
	return true;
}
