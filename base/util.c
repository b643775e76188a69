/* Small helpers; see util.h. */
#include "base/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/memory.h"

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

	if (p == NULL)
		memory_out();
	return p;
}

void *
xrealloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n > 0 ? n : 1, size > 0 ? size : 1);

	if (q == NULL)
		memory_out();
	return q;
}

char *
xstrdup(const char *s)
{
	char *p;

	if (s == NULL)
		return NULL;
	p = strdup(s);
	if (p == NULL)
		memory_out();
	return p;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		memory_out();
	va_end(ap);
	return s;
}

void
freep(void *p)
{
	free(*(void **) p);
}

bool
streq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);
	bool fits = n < size;

	if (!fits)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
	return fits;
}

uint64_t
hash64(const void *data, size_t size)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static const struct {
	const char *suffix;
	int64_t ms;
} units[] = {
    /* largest first: duration_format takes the first that divides */
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

int
duration_parse(const char *s, int64_t *ret_ms)
{
	char *end;
	double n;

	if (s[0] < '0' || s[0] > '9')
		return -EINVAL;
	n = strtod(s, &end);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!streq(end, *end == '\0' ? "" : units[i].suffix))
			continue;
		n *= *end == '\0' ? 1000.0 : (double) units[i].ms;
		if (!(n >= 0 && n <= 1e15))
			return -EINVAL;
		*ret_ms = (int64_t) (n + 0.5);
		return 0;
	}
	return -EINVAL;
}

char *
duration_format(int64_t ms, char buf[static 32])
{
	size_t i = 0;

	if (ms == 0)
		return strcpy(buf, "0s");
	while (ms % units[i].ms != 0)
		i++;
	(void) snprintf(buf, 32, "%" PRId64 "%s", ms / units[i].ms, units[i].suffix);
	return buf;
}

size_t
str_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	size_t row[MOST + 1], na = strnlen(a, MOST), nb = strnlen(b, MOST);

	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[nb];
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		abort();
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
mono_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}
