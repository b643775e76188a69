/*
 * When to ask an endpoint again that could not be reached: twice as long after each failure, up to
 * a bound, spread by chance so that many endpoints behind one switch do not come back at once.
 * Pure.
 */
#pragma once

#include "base/util.h"

#define BACKOFF_FIRST_MS 250   /* a broken connection is worth a try at once */
#define BACKOFF_MOST_MS  60000 /* a node that came back is seen within a minute */

struct backoff {
	uint32_t failures; /* in a row */
	int64_t until_ms;  /* on the caller's monotonic clock; 0 = no wait */
};

/* chance: 0 … 1, the wait is 75 … 125 % of the nominal one. Returns the wait in ms. */
int64_t backoff_failed(struct backoff *b, int64_t now_ms, double chance);
void backoff_ok(struct backoff *b);
int64_t backoff_left_ms(const struct backoff *b, int64_t now_ms); /* 0 = ask */
