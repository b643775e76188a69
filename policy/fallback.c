/* Suspending what does harm; see fallback.h. */
#include "policy/fallback.h"

#include <math.h>

#define HOUR_MS   ((double) 3600 * 1000)
#define DAY_MS    (24 * HOUR_MS)
#define WORSE     (-0.05)
#define Z95       1.645
#define HOURS_MIN 6.0 /* fewer hours make no interval worth the name */

void
fallback_init(struct fallback *f)
{
	*f = (struct fallback){0};
}

static void
hour_close(struct fallback *f)
{
	double keep = exp(-f->filled_ms / DAY_MS), expected = f->stay;
	double x = expected > 0 ? CLAMP((expected - f->observed) / expected, -5.0, 1.0) : 0;
	double before = f->mean;

	f->n = f->n * keep + 1;
	f->mean += (x - f->mean) / f->n;
	f->squares = f->squares * keep + (x - before) * (x - f->mean);
	f->stay = f->observed = f->filled_ms = 0;
}

double
fallback_advantage(const struct fallback *f)
{
	return f->n >= HOURS_MIN * 0.85 ? f->mean : NAN;
}

double
fallback_lower(const struct fallback *f)
{
	/* Six hours that fade over a day weigh a little more than five. */
	if (f->n < HOURS_MIN * 0.85)
		return NAN;
	return f->mean - Z95 * sqrt(MAX(f->squares, 0.0) / f->n / f->n);
}

bool
fallback_suspended(const struct fallback *f, int64_t wall_ms)
{
	return f->suspended_wall_ms != 0 && (double) (wall_ms - f->suspended_wall_ms) < DAY_MS;
}

void
fallback_add(struct fallback *f, int64_t wall_ms, int64_t dt_ms, double stay, double observed)
{
	if (dt_ms <= 0 || !isfinite(stay) || !isfinite(observed) || stay < 0 || observed < 0)
		return;
	if (f->suspended_wall_ms != 0 && !fallback_suspended(f, wall_ms))
		/* A new trial starts with a clean sheet, or yesterday would end it at once. */
		fallback_init(f);
	f->stay += stay;
	f->observed += observed;
	f->filled_ms += (double) dt_ms;
	if (f->filled_ms < HOUR_MS)
		return;
	hour_close(f);
	if (fallback_lower(f) < WORSE && f->suspended_wall_ms == 0)
		f->suspended_wall_ms = wall_ms;
}
