/* Words for people; see text.h. */
#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/util.h"

void
text_cut(char *s, size_t most)
{
	size_t chars = 0;
	char *cut = s;

	for (char *p = s; *p != '\0'; p++) {
		if ((*p & 0xc0) == 0x80)
			continue;
		/* Where the last character that may stay begins: "…" goes there. */
		if (++chars == most)
			cut = p;
		if (chars > most) {
			/* Fits: utf8_clean leaves three bytes for each byte that it copied. */
			memcpy(cut, "…", sizeof("…"));
			return;
		}
	}
}

char *
text_bytes(double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t u = 0;

	while (fabs(bytes) >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		u++;
	}
	if (u == 0)
		return xasprintf("%.0f%s", bytes, units[u]);
	/* Three digits, but never as "1.02e+03". */
	return xasprintf(fabs(bytes) < 999.5 ? "%.3g%s" : "%.0f%s", bytes, units[u]);
}

/* As Docker's: the largest unit that fits, counted in words. */
char *
text_duration(int64_t ms)
{
	int64_t s = ms / 1000, m = s / 60, h = (m + 30) / 60;

	if (s < 1)
		return xstrdup("Less than a second");
	if (s == 1)
		return xstrdup("1 second");
	if (s < 60)
		return xasprintf("%" PRId64 " seconds", s);
	if (m == 1)
		return xstrdup("About a minute");
	if (m < 60)
		return xasprintf("%" PRId64 " minutes", m);
	if (h == 1)
		return xstrdup("About an hour");
	if (h < 48)
		return xasprintf("%" PRId64 " hours", h);
	if (h < 24 * 7 * 2)
		return xasprintf("%" PRId64 " days", h / 24);
	if (h < 24 * 30 * 2)
		return xasprintf("%" PRId64 " weeks", h / 24 / 7);
	if (h < 24 * 365 * 2)
		return xasprintf("%" PRId64 " months", h / 24 / 30);
	return xasprintf("%" PRId64 " years", h / 24 / 365);
}

char *
text_ago(int64_t then_ms, int64_t now_ms)
{
	_cleanup_(freep) char *d = NULL;

	if (then_ms > now_ms + 1000) {
		d = text_duration(then_ms - now_ms);
		return xasprintf("in %s", d);
	}
	d = text_duration(MAX(now_ms - then_ms, 0));
	return xasprintf("%s ago", d);
}

char *
text_time(int64_t ms)
{
	time_t t = (time_t) (ms / 1000);
	char buf[64];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(buf, sizeof(buf), "%F %T UTC", &tm) == 0)
		return xasprintf("%" PRId64 " ms", ms);
	return xstrdup(buf);
}
