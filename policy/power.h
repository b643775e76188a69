/* Watts at a utilisation, and where a node's power curve comes from when nobody measured it. */
#pragma once

#include "base/error.h"
#include "model/power.h"

/* A node of which nothing is known: an ordinary two-socket server at its usual idle share. */
#define POWER_DEFAULT_IDLE_WATTS 90.0
#define POWER_DEFAULT_MAX_WATTS  150.0

/*
 * Watts at a utilisation of 0 … 1, linear between the curve's 11 points (as SPECpower publishes
 * them). Outside [0, 1] the nearest end counts; NAN counts as 0.
 */
double power_watts(const struct power_curve *curve, double utilisation);

/* The straight line from idle to max. -EINVAL: not finite, negative, or idle above max. */
int power_linear(double idle_watts, double max_watts, struct power_curve *ret, struct error *err);

/*
 * A published curve by name ("hp-ml110-g4", "hp-ml110-g5", …), or "linear" for the default line.
 * -EINVAL when there is none of that name; the text lists those there are.
 */
int power_curve_named(const char *name, struct power_curve *ret, struct error *err);

/* The names that power_curve_named takes, NULL after the last. */
const char *power_curve_name(size_t i);

/* The line between the defaults above. */
void power_default(struct power_curve *ret);
