/* CloudSim's power model; see watts.h. */
#include "sim/cloudsim/watts.h"

#include <math.h>

#include "base/util.h"

const double watts_g4[] = {86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117};
const double watts_g5[] = {93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135};

/*
 * CloudSim asks first whether utilisation % 0.1 is 0; where it is (0, .1, .2, .4, .8) this formula
 * gives the table's own value as well.
 */
double
watts_at(const double *watts, double utilisation)
{
	double u = CLAMP(utilisation, 0.0, 1.0), low, delta;
	int i;

	low = floor(u * 10);
	i = (int) low;
	delta = (watts[(int) ceil(u * 10)] - watts[i]) / 10;
	return watts[i] + delta * (u - low / 10) * 100;
}
