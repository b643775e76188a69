/* The sampler's controllers; see pace.h. */
#include "agent/pace.h"

#include <math.h>

#include "base/util.h"

/* A stable container's interval grows by a half each time: from 15 s to a minute in four readings.
 */
#define PACE_GROWTH      1.5
#define PACE_USUAL_ALPHA 0.3
/* Within a fifth (or 1 % of a core, which is noise) a load counts as unchanged. */
#define PACE_CPU_SHARE      0.20
#define PACE_CPU_NOISE      0.01
#define PACE_MEM_SHARE      0.05
#define PACE_MEM_NOISE      (1024.0 * 1024)
#define PACE_THROTTLED_MOST 0.01

/*
 * A fifth more, or 50 ms on an engine that answers at once, is noise. Engine 20.10 makes every call
 * wait for its collector's next turn, up to a second: there calls are slow, but equally slow.
 */
#define FLAT_SHARE  0.25
#define FLAT_MS     50.0
#define USUAL_ALPHA 0.2
/* The fastest time is forgotten slowly, so that an engine that got slower for good is not starved.
 */
#define BEST_DRIFT 0.01
#define SHRINK     0.7

static bool
leaves(double x, double usual, double share, double noise)
{
	return isfinite(x) && fabs(x - usual) > fmax(share * usual, noise);
}

int64_t
pace_next(struct pace *p, const struct sample *s, int64_t base_ms, int64_t stretch)
{
	bool changed = !p->started || s->throttled_ratio > PACE_THROTTLED_MOST ||
	               s->oom_kills > 0 ||
	               leaves(s->cpu_cores, p->cpu_cores, PACE_CPU_SHARE, PACE_CPU_NOISE) ||
	               leaves(s->mem_bytes, p->mem_bytes, PACE_MEM_SHARE, PACE_MEM_NOISE);
	double alpha = p->started ? PACE_USUAL_ALPHA : 1;

	p->started = true;
	if (isfinite(s->cpu_cores))
		p->cpu_cores += alpha * (s->cpu_cores - p->cpu_cores);
	if (isfinite(s->mem_bytes))
		p->mem_bytes += alpha * (s->mem_bytes - p->mem_bytes);
	if (changed || p->interval_ms < base_ms)
		p->interval_ms = base_ms;
	else
		p->interval_ms = (int64_t) ((double) p->interval_ms * PACE_GROWTH);
	p->interval_ms = MIN(p->interval_ms, base_ms * MAX(stretch, 1));
	return p->interval_ms;
}

static int64_t
limit_of(const struct inflight *f, int64_t most)
{
	return MIN(f->limit == 0 ? INFLIGHT_START : f->limit, most);
}

bool
inflight_free(const struct inflight *f, int64_t most)
{
	return f->n < limit_of(f, most);
}

void
inflight_start(struct inflight *f)
{
	f->n++;
}

/* One window of answers is looked at before the limit changes again: they were asked under the old
 * one. */
void
inflight_end(struct inflight *f, int64_t took_ms, bool failed, int64_t most)
{
	int64_t limit = limit_of(f, most);
	double took = (double) took_ms;
	bool flat;

	f->n--;
	if (!failed) {
		if (f->usual_ms == 0)
			f->usual_ms = f->best_ms = took;
		f->usual_ms += USUAL_ALPHA * (took - f->usual_ms);
		f->best_ms += BEST_DRIFT * (f->usual_ms - f->best_ms);
		f->best_ms = fmin(f->best_ms, f->usual_ms);
	}
	f->since_change++;
	flat = f->usual_ms <= f->best_ms * (1 + FLAT_SHARE) + FLAT_MS;
	if (failed || (!flat && f->since_change >= limit)) {
		f->limit = MAX((int64_t) ((double) limit * SHRINK), MIN(INFLIGHT_START, most));
		f->since_change = 0;
	} else if (flat && f->since_change >= limit) {
		f->limit = MIN(limit + MAX(limit / 4, 1), most);
		f->since_change = 0;
	} else {
		f->limit = limit;
	}
}
