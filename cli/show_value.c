/* One value, as people, CSV and JSON want it; see show.h. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/show.h"
#include "cli/text.h"

/* A long text in a table: two of them stand side by side on a wide terminal. */
#define LONG_MAX_CHARS 60

static bool
is_null(const struct query_value *v)
{
	return v->type == QUERY_NULL || (v->type == QUERY_REAL && !isfinite(v->real));
}

char *
show_plain(const struct query_value *v, enum show_unit unit)
{
	if (is_null(v))
		return xstrdup("");
	if (unit == SHOW_BOOL && v->type == QUERY_INTEGER)
		return xstrdup(v->integer != 0 ? "true" : "false");
	switch (v->type) {
	case QUERY_INTEGER:
		return xasprintf("%" PRId64, v->integer);
	case QUERY_REAL:
		return xasprintf("%.9g", v->real);
	case QUERY_BLOB:
		return xasprintf("(%zu bytes)", v->size);
	case QUERY_TEXT:
	case QUERY_NULL:
		break;
	}
	return utf8_clean(v->text, v->size);
}

static bool
is_number(const struct query_value *v)
{
	return v->type == QUERY_INTEGER || v->type == QUERY_REAL;
}

/* Never "-0.000": what rounds to nothing has no sign. */
static char *
decimals(double x, int digits)
{
	return xasprintf("%.*f", digits, fabs(x) * pow(10, digits) < .5 ? 0 : x);
}

static char *
with_unit(const struct query_value *v, enum show_unit unit, int64_t now_ms)
{
	_cleanup_(freep) char *s = NULL;

	switch (unit) {
	case SHOW_NUMBER:
		return decimals(v->real, 3);
	case SHOW_COST:
		return decimals(v->real, 4);
	case SHOW_PERCENT:
		return xasprintf("%.1f%%", v->real * 100);
	case SHOW_BYTES:
		return text_bytes(v->real);
	case SHOW_RATE:
		s = text_bytes(v->real);
		return xasprintf("%s/s", s);
	case SHOW_MS:
		return v->real < 10000 ? xasprintf("%.4gms", v->real)
		                       : xasprintf("%.1fs", v->real / 1000);
	case SHOW_AGO:
		return text_ago((int64_t) v->real, now_ms);
	case SHOW_COUNT:
		return xasprintf("%.0f", v->real);
	case SHOW_BOOL:
		return xstrdup(v->real != 0 ? "yes" : "no");
	case SHOW_TEXT:
	case SHOW_LONG:
	case SHOW_ID:
	case SHOW_ANY:
		break;
	}
	return show_plain(v, unit);
}

char *
show_value(const struct query_value *v, enum show_unit unit, bool no_trunc, int64_t now_ms)
{
	char *s;

	if (is_null(v))
		return xstrdup("");
	if (is_number(v))
		return with_unit(v, unit, now_ms);
	s = show_plain(v, unit);
	if (!no_trunc && unit == SHOW_ID && strlen(s) > TEXT_SHORT_ID)
		s[TEXT_SHORT_ID] = '\0';
	if (!no_trunc && unit == SHOW_LONG)
		text_cut(s, LONG_MAX_CHARS);
	return s;
}

char *
show_json(const struct query_value *v, enum show_unit unit)
{
	_cleanup_(freep) char *utf8 = NULL;
	json_auto_t *string = NULL;
	size_t size;
	char *s;

	if (is_null(v))
		return xstrdup("null");
	if (is_number(v))
		return show_plain(v, unit);
	if (v->type == QUERY_BLOB)
		return xasprintf("{\"blob_bytes\":%zu}", v->size);
	utf8 = utf8_copy(v->text, v->size, &size);
	string = json_stringn(utf8, size);
	/* Escaped to ASCII: no control character and no mark of direction gets through. */
	s = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	if (s == NULL)
		abort();
	return utf8_json_ascii(s);
}
