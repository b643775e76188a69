/*
 * The regressions of commons-math 3.2 that CloudSim's LR and MC use, in its order of operations.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REGRESS_LINE 10 /* points: x = 1 … 10 */

/* stat/regression/SimpleRegression: the straight line through (i + 1, y[i]). */
void regress_line(const double y[static REGRESS_LINE], double *ret_intercept, double *ret_slope);

/*
 * stat/regression/OLSMultipleLinearRegression, calculateRSquared, with an intercept: y over k
 * columns, n rows (columns[j][i]). false: too few rows, no column, or a singular matrix. NAN or
 * −INFINITY where y does not vary.
 */
bool regress_r2(const double *y, const double *const *columns, size_t k, size_t n, double *ret);
