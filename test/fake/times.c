/* World times as text; see times.h. */
#include "test/fake/times.h"

#include <stdio.h>
#include <time.h>

char *
times_text(int64_t ns, char buf[static TIMES_SIZE])
{
	time_t s = (time_t) (ns / 1000000000);
	struct tm tm;
	size_t n;

	if (ns == 0) {
		(void) snprintf(buf, TIMES_SIZE, "0001-01-01T00:00:00Z");
		return buf;
	}
	(void) gmtime_r(&s, &tm);
	n = strftime(buf, TIMES_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void) snprintf(buf + n, TIMES_SIZE - n, ".%09dZ", (int) (ns % 1000000000));
	return buf;
}
