/*
 * The one table of options: section, name, type, bounds, default, unit, text. The parser, `config
 * show`, the help and the manual page all read it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_type {
	OPTION_TEXT,     /* char *; "" in the table is NULL in the struct */
	OPTION_DURATION, /* int64_t, milliseconds; a `word` (auto) stands for 0 */
	OPTION_NUMBER,   /* double */
	OPTION_PERCENT,  /* double, a share: "10%" is 0.10 */
	OPTION_COUNT,    /* int64_t */
	OPTION_CHOICE,   /* int: index into choices */
	OPTION_SWITCH,   /* bool: on|off, yes|no, true|false */
};

#define OPTION_CHOICES 6

/*
 * A name with one '*' stands for a host name; such an option lives once for each node in struct
 * config_node, every other one in struct config. min and max are in the type's own unit
 * (milliseconds, share); for a text max is the longest length.
 */
struct option {
	const char *section, *name;
	enum option_type type;
	size_t offset;
	double min, max;
	const char *preset;                  /* the default as one would write it */
	const char *word;                    /* a duration: the word that stands for 0; else NULL */
	const char *unit;                    /* for people; "" = none */
	const char *choices[OPTION_CHOICES]; /* CHOICE only, NULL-terminated when fewer */
	const char *help; /* what it does and why the default is what it is; full sentences */
};

extern const struct option option_table[];
extern const size_t option_table_n;

/*
 * Finds the option of a key; for a wildcard *ret_host is the matched part of name (ret_host_len its
 * length), else NULL. Returns NULL when there is none.
 */
const struct option *option_find(const char *section, const char *name, const char **ret_host,
                                 size_t *ret_host_len);

/* True when some option stands in this section. */
bool option_has_section(const char *section);

/* The nearest known names for "did you mean"; NULL when nothing is near. */
const char *option_nearest_name(const char *section, const char *name);
const char *option_nearest_section(const char *section);
/* The section in which a name is known; NULL when in none. */
const char *option_section_of(const char *name);

/*
 * Parses value into the field at base + option->offset. Returns 0, or -EINVAL with err saying what
 * was expected (the field is untouched). A TEXT field is freed and replaced.
 */
int option_parse(const struct option *option, const char *value, void *base, struct error *err);

/* The field's value as one would write it in the file; the caller frees it. */
char *option_format(const struct option *option, const void *base);

/* True when the option stands once for each node ('*' in its name). */
bool option_is_wild(const struct option *option);
