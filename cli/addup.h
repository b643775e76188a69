/* Rounding figures so that what is printed adds up to what is printed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Rounds n values to whole multiples of 1/scale so that ret[0] + … + ret[n−1] is exactly total
 * rounded: each is off by less than 1/scale. Returns false, with each value rounded by itself,
 * when the values do not add up to the total in the first place (off by more than one in 1,000 of
 * the largest, or 1/scale), or one of them is not finite.
 */
bool addup_round(const double *values, size_t n, double total, double scale, int64_t *ret);
