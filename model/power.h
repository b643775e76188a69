/* What a node draws at a utilisation of 0, 10, … 100 %, in watts. policy/power.h interpolates. */
#pragma once

#include <stdbool.h>

#define POWER_POINTS 11

struct power_curve {
	double watts[POWER_POINTS];
	bool measured; /* false: a model, and every figure made from it is labelled so */
};
