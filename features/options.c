/* The clocks of a profile; see options.h. */
#include "features/options.h"

#include <math.h>

#include "base/util.h"

/* Half-life of the Kubernetes VPA: a day counts half as much as the next one. */
#define HALF_LIFE_MS (INT64_C(24) * 3600 * 1000)
/*
 * The prototype's forecast (EWMA with .3 and .04 a step; docs/state-of-the-art.md) in time
 * constants: −1/ln(1−.3) = 2.8 steps, −1/ln(1−.04) = 24.5 steps.
 */
#define TAU_FAST_STEPS 2.8
#define TAU_SLOW_STEPS 24.5
#define STEP_MS        (INT64_C(5) * 60 * 1000)
#define SAMPLE_MS      (INT64_C(15) * 1000)
/* The engine's own collector runs once a second; closer readings may be the same one. */
#define MIN_DT_MS 200
/* Adaptive sampling asks a stable container up to 8 times less often; that is still no gap. */
#define GAP_SAMPLES 20
#define GAP_MIN_MS  10000
/* No host that runs Docker Engine has more. */
#define MAX_CORES 4096.0

struct features_options
features_options_for(int64_t step_ms, int64_t sample_ms)
{
	struct features_options o = {0};

	o.step_ms = step_ms > 0 ? step_ms : STEP_MS;
	o.sample_ms = sample_ms > 0 ? sample_ms : SAMPLE_MS;
	o.min_dt_ms = MIN(MIN_DT_MS, o.sample_ms / 2);
	o.gap_ms = MAX(GAP_SAMPLES * o.sample_ms, GAP_MIN_MS);
	o.half_life_ms = HALF_LIFE_MS;
	o.tau_fast_ms = (int64_t) (TAU_FAST_STEPS * (double) o.step_ms);
	o.tau_slow_ms = (int64_t) (TAU_SLOW_STEPS * (double) o.step_ms);
	o.max_cores = MAX_CORES;
	return o;
}

double
features_alpha(int64_t dt_ms, int64_t tau_ms)
{
	if (dt_ms <= 0)
		return 0;
	if (tau_ms <= 0)
		return 1;
	return -expm1(-(double) dt_ms / (double) tau_ms);
}
