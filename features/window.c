/* Resampling to policy steps; see window.h. */
#include "features/window.h"

#include <errno.h>
#include <math.h>

#include "base/util.h"

static const struct window_step gap = {NAN, NAN};

static int64_t
step_of(const struct window *w, int64_t t_ms)
{
	int64_t q = t_ms / w->step_ms;

	return t_ms % w->step_ms < 0 ? q - 1 : q;
}

static size_t
slot_of(int64_t step)
{
	int64_t m = step % FORECAST_STEPS;

	return (size_t) (m < 0 ? m + FORECAST_STEPS : m);
}

void
window_init(struct window *w, int64_t step_ms)
{
	*w = (struct window){.step_ms = MAX(step_ms, 1)};
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		w->last[i] = gap;
}

double
window_open_mean(const struct window *w)
{
	if (w->covered_ms < 1 || (double) w->covered_ms < WINDOW_COVERAGE_MIN * (double) w->step_ms)
		return NAN;
	return w->sum / (double) w->covered_ms;
}

/* Closes the open step, and marks those that nothing fell into as gaps. */
static int64_t
close_until(struct window *w, int64_t step)
{
	int64_t closed = step - w->current;
	double mean = window_open_mean(w);

	if (closed <= 0)
		return 0;
	w->last[slot_of(w->current)] = isnan(mean) ? gap : (struct window_step){mean, w->max};
	for (int64_t k = MAX(w->current + 1, step - FORECAST_STEPS); k < step; k++)
		w->last[slot_of(k)] = gap;
	w->current = step;
	w->sum = w->max = 0;
	w->covered_ms = 0;
	return closed;
}

int64_t
window_advance(struct window *w, int64_t t_ms)
{
	if (!w->started) {
		w->started = true;
		w->current = step_of(w, t_ms);
		return 0;
	}
	return close_until(w, step_of(w, t_ms));
}

int64_t
window_push(struct window *w, int64_t t_ms, int64_t dt_ms, double value)
{
	/* What lies more than a whole ring back is closed and lost at once: a bounded loop. */
	int64_t from = t_ms - CLAMP(dt_ms, 0, (FORECAST_STEPS + 1) * w->step_ms);
	int64_t closed = window_advance(w, w->started ? MAX(from, w->current * w->step_ms) : from);

	from = MAX(from, w->current * w->step_ms);
	while (from < t_ms) {
		int64_t end = MIN(t_ms, (w->current + 1) * w->step_ms);

		if (isfinite(value)) {
			w->max = w->covered_ms == 0 ? value : MAX(w->max, value);
			w->sum += value * (double) (end - from);
			w->covered_ms += end - from;
		}
		from = end;
		closed += window_advance(w, from);
	}
	return closed;
}

struct window_step
window_at(const struct window *w, size_t back)
{
	if (!w->started || back >= FORECAST_STEPS)
		return gap;
	return w->last[slot_of(w->current - 1 - (int64_t) back)];
}

void
window_last(const struct window *w, float ret[static FORECAST_STEPS])
{
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		ret[i] = (float) window_at(w, FORECAST_STEPS - 1 - i).mean;
}

static double
pooled(double a, double a_weight, double b, double b_weight)
{
	if (isnan(a) || isnan(b))
		return isnan(a) ? b : a;
	return (a * a_weight + b * b_weight) / (a_weight + b_weight);
}

int
window_merge(struct window *w, double weight, const struct window *from, double from_weight)
{
	struct window other = *from;

	if (w->step_ms != from->step_ms)
		return -EINVAL;
	if (!from->started)
		return 0;
	if (!w->started) {
		*w = *from;
		return 0;
	}
	/* Both to the same step; what is open in them is theirs alone and not pooled. */
	(void) window_advance(w, other.current * w->step_ms);
	(void) window_advance(&other, w->current * w->step_ms);
	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		struct window_step *a = &w->last[i];
		const struct window_step *b = &other.last[i];

		a->mean = pooled(a->mean, weight, b->mean, from_weight);
		a->max = isnan(a->max) ? b->max : isnan(b->max) ? a->max : MAX(a->max, b->max);
	}
	return 0;
}
