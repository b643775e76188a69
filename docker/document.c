/* Text → JSON; see document.h. */
#include "docker/document.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/memory.h"

/* Digits that name every double; one more and the text may say what a double cannot. */
#define DOUBLE_DIGITS 17
/* A longer number is none that an engine sends. */
#define NUMBER_SIZE 64

void
document_global_init(void)
{
	json_set_alloc_funcs(memory_malloc, free);
}

/* What a captive portal, a proxy or a web server says instead of Docker. */
static bool
is_html(const char *text, size_t size)
{
	while (size > 0 && isspace((unsigned char) *text)) {
		text++;
		size--;
	}
	return size > 0 && *text == '<';
}

/* jansson quotes what stands near, which may be of an environment: that is cut off. */
static int
what_of(const json_error_t *why)
{
	const char *near = strstr(why->text, " near ");

	return near != NULL ? (int) (near - why->text) : (int) strlen(why->text);
}

static int
refuse(const char *source, const char *text, size_t size, const json_error_t *why,
       struct error *err)
{
	if (size == 0)
		return error_set(err, EBADMSG,
		                 "'%s' answered with nothing where Docker's JSON was expected",
		                 source);
	if (is_html(text, size))
		return error_set(err, EBADMSG,
		                 "'%s' answered with HTML (a proxy?) where Docker's JSON was "
		                 "expected: check [docker] host",
		                 source);
	return error_set(err, EBADMSG,
	                 "'%s' answered with something that is not Docker's JSON (line %d, column "
	                 "%d: %.*s)",
	                 source, why->line, why->column, what_of(why), why->text);
}

/* jansson drops a NUL behind a number as if it were not there. */
static int
check_nul(const char *source, const char *text, size_t size, struct error *err)
{
	const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;

	if (nul == NULL)
		return 0;
	return error_set(err, EBADMSG,
	                 "'%s' answered with something that is not Docker's JSON (a NUL at byte "
	                 "%zu)",
	                 source, (size_t) (nul - text));
}

int
document_parse(const char *source, const char *text, size_t size, json_t **ret, struct error *err)
{
	json_error_t why;
	json_t *doc;
	int r = check_nul(source, text, size, err);

	if (r < 0)
		return r;
	doc = json_loadb(text, size, JSON_DECODE_INT_AS_REAL, &why);
	if (doc == NULL)
		return refuse(source, text, size, &why, err);
	*ret = doc;
	return 0;
}

/* The digits that matter: "00120.50e3" → "1205". Returns how many. */
static size_t
significant(const char *number, size_t size, char ret[static NUMBER_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < size && number[i] != 'e' && number[i] != 'E'; i++) {
		if (isdigit((unsigned char) number[i]) && (n > 0 || number[i] != '0'))
			ret[n++] = number[i];
	}
	while (n > 0 && ret[n - 1] == '0')
		n--;
	ret[n] = '\0';
	return n;
}

/* Whether a double keeps all digits of this real number. */
static bool
real_is_exact(const char *number, size_t size)
{
	char copy[NUMBER_SIZE], again[NUMBER_SIZE], a[NUMBER_SIZE], b[NUMBER_SIZE];
	double value;
	size_t n;

	memcpy(copy, number, size);
	copy[size] = '\0';
	value = strtod(copy, NULL);
	n = significant(copy, size, a);
	if (!isfinite(value) || n > DOUBLE_DIGITS)
		return false;
	if (n == 0)
		return copy[0] != '-';
	(void) snprintf(again, sizeof(again), "%.*e", (int) n - 1, value);
	(void) significant(again, strlen(again), b);
	return streq(a, b);
}

static bool
number_is_exact(const char *number, size_t size)
{
	if (size >= NUMBER_SIZE)
		return false;
	if (memchr(number, '.', size) != NULL || memchr(number, 'e', size) != NULL ||
	    memchr(number, 'E', size) != NULL)
		return real_is_exact(number, size);
	return !(size == 2 && memcmp(number, "-0", 2) == 0);
}

/* Walks the numbers outside strings; the text has passed the parser. */
static int
numbers_check(const char *source, const char *text, size_t size, struct error *err)
{
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		size_t n = 0;

		if (text[i] == '"')
			in_string = !in_string;
		if (in_string) {
			i += text[i] == '\\';
			continue;
		}
		while (i + n < size && text[i + n] != '\0' &&
		       strchr(n == 0 ? "-0123456789" : "-+.eE0123456789", text[i + n]) != NULL)
			n++;
		if (n == 0)
			continue;
		if (!number_is_exact(text + i, n))
			return error_set(err, ERANGE,
			                 "'%s' sent the number %.*s, which cannot be written back "
			                 "exactly",
			                 source, (int) MIN(n, NUMBER_SIZE), text + i);
		i += n - 1;
	}
	return 0;
}

int
document_parse_exact(const char *source, const char *text, size_t size, json_t **ret,
                     struct error *err)
{
	json_auto_t *doc = NULL;
	json_auto_t *loose = NULL;
	json_error_t why;
	int rc = check_nul(source, text, size, err);

	if (rc < 0)
		return rc;
	doc = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (doc == NULL) {
		loose = json_loadb(text, size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
		if (loose == NULL)
			return refuse(source, text, size, &why, err);
		return error_set(err, ERANGE,
		                 "'%s' sent JSON that cannot be written back exactly (line %d, "
		                 "column %d: %.*s)",
		                 source, why.line, why.column, what_of(&why), why.text);
	}
	rc = numbers_check(source, text, size, err);
	if (rc == 0)
		*ret = take_ptr(doc);
	return rc;
}

char *
document_encode(const json_t *doc)
{
	char *text =
	    json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(DOUBLE_DIGITS));

	if (text == NULL)
		abort();
	return text;
}
