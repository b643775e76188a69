/* When to ask an endpoint again; see backoff.h. */
#include "docker/backoff.h"

int64_t
backoff_failed(struct backoff *b, int64_t now_ms, double chance)
{
	int64_t wait = BACKOFF_MOST_MS;

	if (b->failures < 16) /* beyond the bound, and far from an overflow */
		wait = MIN(BACKOFF_FIRST_MS << b->failures, BACKOFF_MOST_MS);
	if (b->failures < UINT32_MAX)
		b->failures++;
	wait = (int64_t) ((double) wait * (0.75 + 0.5 * CLAMP(chance, 0.0, 1.0)));
	b->until_ms = now_ms + wait;
	return wait;
}

void
backoff_ok(struct backoff *b)
{
	*b = (struct backoff){0};
}

int64_t
backoff_left_ms(const struct backoff *b, int64_t now_ms)
{
	return MAX(b->until_ms - now_ms, 0);
}
