/*
 * Two small controllers of the sampler, pure: how often a container is asked, and how many stats
 * calls run at once on one engine.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "features/sample.h"

/* How often one container is asked: stable ones less and less often, a changing one at once. */
struct pace {
	int64_t interval_ms;         /* {0} starts at the base interval */
	double cpu_cores, mem_bytes; /* what is usual for it */
	bool started;
};

/*
 * Takes a sample in; returns the time until the next, base_ms … stretch × base_ms. A container that
 * is throttled, or whose CPU or memory leaves its usual level, is asked every base_ms again.
 */
int64_t pace_next(struct pace *p, const struct sample *s, int64_t base_ms, int64_t stretch);

#define INFLIGHT_START 4

/* How many calls at once: grows while answers stay equally fast, shrinks when they get slower. */
struct inflight {
	int64_t limit; /* at the moment; {0} starts at INFLIGHT_START */
	int64_t n;     /* on their way */
	double usual_ms, best_ms;
	int64_t since_change; /* answers since the limit last changed */
};

bool inflight_free(const struct inflight *f, int64_t most);
void inflight_start(struct inflight *f);
/* took_ms of a call that came back; failed ones count as slow. */
void inflight_end(struct inflight *f, int64_t took_ms, bool failed, int64_t most);
