/* The table of options and what parses and prints one of them; see option.h. */
#include "agent/option.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "agent/config.h"

/* A misspelt name is worth proposing when no more than a third of it is wrong. */
static bool
near(const char *a, const char *b, size_t *best)
{
	size_t distance = str_distance(a, b);

	if (distance >= *best || distance > 1 + strlen(b) / 3)
		return false;
	*best = distance;
	return true;
}

bool
option_is_wild(const struct option *option)
{
	return strchr(option->name, '*') != NULL;
}

/* Does name fit the pattern with its one '*' (at least one character, and no '*' itself)? */
static bool
match_wild(const char *pattern, const char *name, const char **ret_host, size_t *ret_len)
{
	const char *star = strchr(pattern, '*');
	size_t before = (size_t) (star - pattern), after = strlen(star + 1), n = strlen(name);

	if (n <= before + after || strncmp(name, pattern, before) != 0 ||
	    !streq(name + n - after, star + 1))
		return false;
	*ret_host = name + before;
	*ret_len = n - before - after;
	return true;
}

const struct option *
option_find(const char *section, const char *name, const char **ret_host, size_t *ret_host_len)
{
	*ret_host = NULL;
	*ret_host_len = 0;
	for (size_t i = 0; i < option_table_n; i++) {
		const struct option *o = &option_table[i];

		if (!streq(o->section, section))
			continue;
		if (option_is_wild(o) ? match_wild(o->name, name, ret_host, ret_host_len)
		                      : streq(o->name, name))
			return o;
	}
	return NULL;
}

bool
option_has_section(const char *section)
{
	for (size_t i = 0; i < option_table_n; i++)
		if (streq(option_table[i].section, section))
			return true;
	return false;
}

const char *
option_nearest_name(const char *section, const char *name)
{
	const char *found = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < option_table_n; i++)
		if (streq(option_table[i].section, section) &&
		    near(name, option_table[i].name, &best))
			found = option_table[i].name;
	return found;
}

const char *
option_nearest_section(const char *section)
{
	const char *found = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < option_table_n; i++)
		if (near(section, option_table[i].section, &best))
			found = option_table[i].section;
	return found;
}

const char *
option_section_of(const char *name)
{
	for (size_t i = 0; i < option_table_n; i++)
		if (streq(option_table[i].name, name))
			return option_table[i].section;
	return NULL;
}

static void *
field(const struct option *option, const void *base)
{
	return (char *) base + option->offset;
}

static int
parse_double(const char *value, double *ret)
{
	char *end;

	/* strtod alone would take "nan", "inf", "0x1p3" and leading blanks. */
	if (value[0] != '.' && (value[0] < '0' || value[0] > '9'))
		return -EINVAL;
	if (strpbrk(value, "xX") != NULL)
		return -EINVAL;
	errno = 0;
	*ret = strtod(value, &end);
	return end == value || errno != 0 || !isfinite(*ret) || !streq(end, "") ? -EINVAL : 0;
}

/* "10%" and "10 %" are 0.10; a bare number is refused: 10 could mean either. */
static int
parse_percent(const char *value, double *ret)
{
	char digits[32];
	size_t n = strlen(value);
	double percent;

	if (n < 2 || n >= sizeof(digits) || value[n - 1] != '%')
		return -EINVAL;
	for (n--; n > 0 && value[n - 1] == ' '; n--)
		;
	memcpy(digits, value, n);
	digits[n] = '\0';
	if (parse_double(digits, &percent) < 0)
		return -EINVAL;
	*ret = percent / 100;
	return 0;
}

static int
parse_switch(const char *value, double *ret)
{
	static const struct {
		const char *word;
		double is;
	} words[] = {
	    {"on", 1}, {"off", 0}, {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(value, words[i].word) == 0) {
			*ret = words[i].is;
			return 0;
		}
	}
	return -EINVAL;
}

static int
parse_duration(const struct option *option, const char *value, double *ret)
{
	int64_t ms;

	if (option->word != NULL && streq(value, option->word)) {
		*ret = 0;
		return 1;
	}
	if (duration_parse(value, &ms) < 0)
		return -EINVAL;
	*ret = (double) ms;
	return 0;
}

static int
parse_count(const char *value, double *ret)
{
	if (value[strspn(value, "0123456789")] != '\0' || value[0] == '\0' || strlen(value) > 15)
		return -EINVAL;
	*ret = strtod(value, NULL); /* 15 digits are exact in a double */
	return 0;
}

/* Joins the choices as "a, b or c". */
static void
join_choices(const struct option *option, char *buf, size_t size)
{
	size_t n = 0, used = 0;

	while (n < OPTION_CHOICES && option->choices[n] != NULL)
		n++;
	buf[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t) snprintf(buf + used, size - used, "%s%s",
		                          i == 0 ? "" : (i + 1 == n ? " or " : ", "),
		                          option->choices[i]);
}

/* The fewest digits that give the same number back, scale times the value; 1000000, not 1e+06. */
static char *
show_double(double x, double scale, const char *unit)
{
	char buf[40] = "";

	for (int digits = 6; digits <= DBL_DECIMAL_DIG; digits++) {
		(void) snprintf(buf, sizeof(buf), "%.*g", digits, x * scale);
		if (strtod(buf, NULL) / scale == x && (x < 1 || strchr(buf, 'e') == NULL))
			break;
	}
	return xasprintf("%s%s", buf, unit);
}

static char *
show_number(const struct option *option, double x)
{
	char buf[32];

	switch (option->type) {
	case OPTION_DURATION:
		return xstrdup(duration_format((int64_t) x, buf));
	case OPTION_PERCENT:
		return show_double(x, 100, "%");
	default:
		return show_double(x, 1, "");
	}
}

static int
refuse(const struct option *option, const char *value, struct error *err)
{
	_cleanup_(freep) char *lo = NULL, *hi = NULL;
	char choices[128];

	switch (option->type) {
	case OPTION_CHOICE:
		join_choices(option, choices, sizeof(choices));
		return error_set(err, EINVAL, "%s = '%s': expected %s", option->name, value,
		                 choices);
	case OPTION_SWITCH:
		return error_set(err, EINVAL, "%s = '%s': expected on or off", option->name, value);
	case OPTION_TEXT:
		return error_set(err, EINVAL, "%s: a text of %g to %g characters is expected",
		                 option->name, option->min, option->max);
	default:
		lo = show_number(option, option->min);
		hi = show_number(option, option->max);
		return error_set(
		    err, EINVAL, "%s = '%s': expected %s from %s to %s%s%s", option->name, value,
		    option->type == OPTION_DURATION  ? "a duration (such as 15s, 5m, 2h)"
		    : option->type == OPTION_PERCENT ? "a percentage (such as 10%)"
		    : option->type == OPTION_COUNT   ? "a whole number"
		                                     : "a number",
		    lo, hi, option->word == NULL ? "" : ", or ",
		    option->word == NULL ? "" : option->word);
	}
}

/* The number in value; 1 = it is the word and bounds do not apply. */
static int
parse_number(const struct option *option, const char *value, double *ret)
{
	switch (option->type) {
	case OPTION_DURATION:
		return parse_duration(option, value, ret);
	case OPTION_NUMBER:
		return parse_double(value, ret);
	case OPTION_PERCENT:
		return parse_percent(value, ret);
	case OPTION_COUNT:
		return parse_count(value, ret);
	case OPTION_SWITCH:
		return parse_switch(value, ret);
	case OPTION_CHOICE:
		for (int i = 0; i < OPTION_CHOICES && option->choices[i] != NULL; i++) {
			if (streq(option->choices[i], value)) {
				*ret = i;
				return 1;
			}
		}
		return -EINVAL;
	default:
		return -EINVAL;
	}
}

static int
parse_text(const struct option *option, const char *value, void *base, struct error *err)
{
	char **to = field(option, base);
	size_t n = strlen(value);

	if ((double) n < option->min || (double) n > option->max)
		return refuse(option, value, err);
	free(*to);
	*to = n == 0 ? NULL : xstrdup(value);
	return 0;
}

int
option_parse(const struct option *option, const char *value, void *base, struct error *err)
{
	double x = 0;
	int r;

	if (option->type == OPTION_TEXT)
		return parse_text(option, value, base, err);
	r = parse_number(option, value, &x);
	if (r < 0 ||
	    (r == 0 && option->type != OPTION_SWITCH && (x < option->min || x > option->max)))
		return refuse(option, value, err);
	switch (option->type) {
	case OPTION_DURATION:
	case OPTION_COUNT:
		*(int64_t *) field(option, base) = (int64_t) x;
		break;
	case OPTION_NUMBER:
	case OPTION_PERCENT:
		*(double *) field(option, base) = x;
		break;
	case OPTION_SWITCH:
		*(bool *) field(option, base) = x != 0;
		break;
	default:
		*(int *) field(option, base) = (int) x;
	}
	return 0;
}

char *
option_format(const struct option *option, const void *base)
{
	const void *from = field(option, base);

	switch (option->type) {
	case OPTION_TEXT:
		return xstrdup(*(char *const *) from == NULL ? "" : *(char *const *) from);
	case OPTION_DURATION:
		if (option->word != NULL && *(const int64_t *) from == 0)
			return xstrdup(option->word);
		return show_number(option, (double) *(const int64_t *) from);
	case OPTION_COUNT:
		return show_number(option, (double) *(const int64_t *) from);
	case OPTION_NUMBER:
	case OPTION_PERCENT:
		return show_number(option, *(const double *) from);
	case OPTION_SWITCH:
		return xstrdup(*(const bool *) from ? "on" : "off");
	default:
		return xstrdup(option->choices[*(const int *) from]);
	}
}
