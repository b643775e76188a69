/* Power curves; see power.h. */
#include "policy/power.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/*
 * SPECpower_ssj2008 results, watts at 0, 10, … 100 %. The two HP ones are those that CloudSim
 * ships and the consolidation literature uses.
 */
static const struct {
	const char *name;
	double watts[POWER_POINTS];
} curves[] = {
    {"hp-ml110-g4", {86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117}},
    {"hp-ml110-g5", {93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135}},
};

double
power_watts(const struct power_curve *curve, double utilisation)
{
	double x = utilisation > 0 ? MIN(utilisation, 1.0) * (POWER_POINTS - 1) : 0.0;
	size_t i = MIN((size_t) x, (size_t) POWER_POINTS - 2);

	return curve->watts[i] + (x - (double) i) * (curve->watts[i + 1] - curve->watts[i]);
}

int
power_linear(double idle_watts, double max_watts, struct power_curve *ret, struct error *err)
{
	if (!isfinite(idle_watts) || !isfinite(max_watts) || idle_watts < 0)
		return error_set(err, EINVAL, "power: idle and max must be watts of 0 or more");
	if (idle_watts > max_watts)
		return error_set(err, EINVAL,
		                 "power: idle (%g W) is above max (%g W): are they swapped?",
		                 idle_watts, max_watts);
	for (int i = 0; i < POWER_POINTS; i++)
		ret->watts[i] = idle_watts + (max_watts - idle_watts) * i / (POWER_POINTS - 1);
	ret->measured = false;
	return 0;
}

int
power_curve_named(const char *name, struct power_curve *ret, struct error *err)
{
	char known[256] = "linear";
	size_t n = strlen(known);

	if (streq(name, "linear")) {
		power_default(ret);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		if (streq(name, curves[i].name)) {
			memcpy(ret->watts, curves[i].watts, sizeof(ret->watts));
			ret->measured = false;
			return 0;
		}
		n += (size_t) snprintf(known + n, sizeof(known) - n, ", %s", curves[i].name);
	}
	return error_set(err, EINVAL, "power: no curve is called '%s'; there are: %s",
	                 name != NULL ? name : "", known);
}

const char *
power_curve_name(size_t i)
{
	if (i == 0)
		return "linear";
	return i <= ARRAY_SIZE(curves) ? curves[i - 1].name : NULL;
}

void
power_default(struct power_curve *ret)
{
	/* The constants are valid. */
	(void) power_linear(POWER_DEFAULT_IDLE_WATTS, POWER_DEFAULT_MAX_WATTS, ret, NULL);
}
