/* Reading facts out of a JSON document; see reader.h. */
#include "docker/reader.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static void
path_print(const struct place *p, char *buf, size_t size)
{
	size_t n;

	if (p->up == NULL) {
		(void) snprintf(buf, size, "%s", p->reader->what);
		return;
	}
	path_print(p->up, buf, size);
	n = strlen(buf);
	if (p->key != NULL)
		(void) snprintf(buf + n, size - n, ".%s", p->key);
	else
		(void) snprintf(buf + n, size - n, "[%zu]", p->index);
}

void
place_fault(const struct place *p, const char *fmt, ...)
{
	char path[256], text[200];
	va_list ap;

	if (p->reader->rc != 0)
		return;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	path_print(p, path, sizeof(path));
	p->reader->rc = error_set(p->reader->err, EBADMSG,
	                          "%s: %s: this is not what a Docker Engine answers", path, text);
}

struct place
reader_root(struct reader *r, const json_t *doc)
{
	return (struct place){.reader = r, .value = json_is_null(doc) ? NULL : doc};
}

struct place
place_key(const struct place *up, const char *key)
{
	struct place p = {.reader = up->reader, .up = up, .key = key};

	if (up->value == NULL)
		return p;
	if (!json_is_object(up->value)) {
		place_fault(up, "an object was expected");
		return p;
	}
	p.value = json_object_get(up->value, key);
	if (json_is_null(p.value))
		p.value = NULL;
	return p;
}

struct place
place_index(const struct place *up, size_t index)
{
	struct place p = {.reader = up->reader, .up = up, .index = index};

	p.value = json_array_get(up->value, index);
	if (json_is_null(p.value))
		p.value = NULL;
	return p;
}

bool
place_is_there(const struct place *p)
{
	return p->value != NULL;
}

size_t
place_count(const struct place *p)
{
	if (p->value == NULL)
		return 0;
	if (!json_is_array(p->value)) {
		place_fault(p, "a list was expected");
		return 0;
	}
	if (json_array_size(p->value) > READER_MAX_ITEMS) {
		place_fault(p, "more than %d entries", READER_MAX_ITEMS);
		return 0;
	}
	return json_array_size(p->value);
}

/* The text as it stands in the document; "" when absent or faulty. */
static const char *
text_at(const struct place *p)
{
	if (p->value == NULL)
		return "";
	if (!json_is_string(p->value)) {
		place_fault(p, "a string was expected");
		return "";
	}
	if (json_string_length(p->value) > READER_MAX_STRING) {
		place_fault(p, "a string of more than %zu bytes", READER_MAX_STRING);
		return "";
	}
	return json_string_value(p->value);
}

const char *
place_string(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);
	const char *text = text_at(&p);

	return *text == '\0' ? "" : arena_strdup(up->reader->arena, text);
}

bool
place_bool(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);

	if (p.value != NULL && !json_is_boolean(p.value))
		place_fault(&p, "true or false was expected");
	return json_is_true(p.value);
}

/* Whole numbers only; documents for facts hold doubles, exact ones integers. */
static bool
number_at(const struct place *p, double *ret)
{
	if (p->value == NULL)
		return false;
	if (!json_is_number(p->value)) {
		place_fault(p, "a number was expected");
		return false;
	}
	*ret = json_number_value(p->value);
	if (!isfinite(*ret) || *ret != floor(*ret)) {
		place_fault(p, "a whole number was expected");
		return false;
	}
	return true;
}

int64_t
place_int(const struct place *up, const char *key, int64_t absent)
{
	struct place p = place_key(up, key);
	double value;

	if (json_is_integer(p.value))
		return json_integer_value(p.value);
	if (!number_at(&p, &value))
		return absent;
	if (value >= 0x1p63)
		return INT64_MAX;
	return value < -0x1p63 ? INT64_MIN : (int64_t) value;
}

uint64_t
place_u64(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);
	double value;

	if (!number_at(&p, &value))
		return 0;
	if (value < 0) {
		place_fault(&p, "a number that is not negative was expected");
		return 0;
	}
	if (json_is_integer(p.value))
		return (uint64_t) json_integer_value(p.value);
	return value >= 0x1p64 ? UINT64_MAX : (uint64_t) value;
}

static bool
digits(const char **s, size_t n, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char) (*s)[i]))
			return false;
		value = value * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*ret = value;
	return true;
}

static bool
literal(const char **s, const char *of)
{
	if (**s == '\0' || strchr(of, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

/* Fraction of a second: up to nine digits count. */
static bool
fraction(const char **s, int64_t *ret_ns)
{
	int64_t scale = 100000000;

	*ret_ns = 0;
	if (!literal(s, "."))
		return true;
	if (!isdigit((unsigned char) **s))
		return false;
	for (; isdigit((unsigned char) **s); (*s)++) {
		*ret_ns += (**s - '0') * scale;
		scale /= 10;
	}
	return true;
}

static bool
zone(const char **s, int64_t *ret_s)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	*ret_s = 0;
	if (literal(s, "Zz"))
		return true;
	if (!literal(s, "+-") || !digits(s, 2, &hours) || !literal(s, ":") ||
	    !digits(s, 2, &minutes))
		return false;
	*ret_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* RFC 3339; false when it is not that. Years before 1970 (Go's zero time is year 1) give 0. */
static bool
time_parse(const char *s, int64_t *ret_ns)
{
	int64_t ns, offset;
	struct tm tm = {0};

	if (!digits(&s, 4, &tm.tm_year) || !literal(&s, "-") || !digits(&s, 2, &tm.tm_mon) ||
	    !literal(&s, "-") || !digits(&s, 2, &tm.tm_mday) || !literal(&s, "Tt ") ||
	    !digits(&s, 2, &tm.tm_hour) || !literal(&s, ":") || !digits(&s, 2, &tm.tm_min) ||
	    !literal(&s, ":") || !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &ns) ||
	    !zone(&s, &offset) || *s != '\0')
		return false;
	if (tm.tm_year < 1970 || tm.tm_year > 2261) {
		*ret_ns = 0;
		return tm.tm_year < 1970;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_ns = MAX(((int64_t) timegm(&tm) - offset) * 1000000000 + ns, 0);
	return true;
}

int64_t
place_time_ns(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);
	const char *text = text_at(&p);
	int64_t ns = 0;

	if (*text != '\0' && !time_parse(text, &ns))
		place_fault(&p, "'%.40s' is no time", text);
	return ns;
}

int64_t
place_time_ms(const struct place *up, const char *key)
{
	return place_time_ns(up, key) / 1000000;
}

void
place_id(const struct place *up, const char *key, size_t length, bool required, char *to)
{
	struct place p = place_key(up, key);
	const char *text = text_at(&p);
	size_t n = strlen(text);

	to[0] = '\0';
	if (n == 0) {
		if (required)
			place_fault(&p, "an id was expected");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char) text[i])) {
			place_fault(&p, "'%.80s' is no id", text);
			return;
		}
	}
	if (n != length) {
		place_fault(&p, "'%.80s' is no id of %zu characters", text, length);
		return;
	}
	memcpy(to, text, n + 1);
}

int
place_enum(const struct place *up, const char *key, const char *const *names, size_t n)
{
	struct place p = place_key(up, key);
	const char *text = text_at(&p);

	if (*text == '\0')
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (streq(names[i], text))
			return (int) i;
	}
	place_fault(&p, "'%.40s' is not known", text);
	return -1;
}
