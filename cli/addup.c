/* Rounding that adds up; see addup.h. */
#include "cli/addup.h"

#include <math.h>

#include "base/util.h"

/* Contributions are stored as floats, and summed in another order than they were made in. */
#define TOLERANCE 1e-3

/* The value whose rounding error a step of `sign` lessens most; the first among equals. */
static size_t
most_wronged(const double *values, size_t n, double scale, const int64_t *rounded, int64_t sign)
{
	double most = -INFINITY;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		double error = (values[i] * scale - (double) rounded[i]) * (double) sign;

		if (error > most) {
			most = error;
			at = i;
		}
	}
	return at;
}

bool
addup_round(const double *values, size_t n, double total, double scale, int64_t *ret)
{
	double sum = 0, largest = fabs(total);
	int64_t left;

	for (size_t i = 0; i < n; i++) {
		sum += values[i];
		largest = MAX(largest, fabs(values[i]));
		ret[i] = isfinite(values[i]) ? llround(values[i] * scale) : 0;
	}
	if (n == 0 || !isfinite(sum) || !isfinite(total) ||
	    fabs(sum - total) > MAX(TOLERANCE * largest, 1 / scale))
		return false;
	left = llround(total * scale);
	for (size_t i = 0; i < n; i++)
		left -= ret[i];
	/* A difference within the tolerance may be more than a step for each: bounded by it. */
	for (; left != 0; left -= left > 0 ? 1 : -1) {
		int64_t sign = left > 0 ? 1 : -1;

		ret[most_wronged(values, n, scale, ret, sign)] += sign;
	}
	return true;
}
