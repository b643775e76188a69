/* The command line: global options, the verb, its options and arguments. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Groups of options; a verb names those that it takes (ARG_GLOBAL always). */
enum arg_group {
	ARG_GLOBAL = 1 << 0,
	ARG_LIST = 1 << 1,  /* --format, --filter, -q, --no-trunc */
	ARG_SHAPE = 1 << 2, /* --format, --no-trunc alone */
	ARG_LAST = 1 << 3,  /* -n */
	ARG_KIND = 1 << 4,
	ARG_PART = 1 << 5, /* --weights, --values */
	ARG_MOVE = 1 << 6, /* --from, --to, --force */
	ARG_DRY = 1 << 7,
	ARG_ALL = 1 << 8,
	ARG_BACK = 1 << 9, /* --move-back */
	ARG_BENCH = 1 << 10,
};

enum arg_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

#define ARGS_FILTERS 32
#define ARGS_WORDS   4

/* Everything points into argv. */
struct args {
	const char *config_file, *docker_host, *state_dir;
	const char *format_text, *last_text, *kind;
	const char *from, *to;
	/* bench, as given: cli/bench.h reads them */
	const char *semantics, *traces, *days, *policies, *train, *seeds, *synthetic, *seed;
	const char *filters[ARGS_FILTERS]; /* KEY=VALUE */
	size_t n_filters;
	const char *verb; /* NULL: none was given */
	const char *words[ARGS_WORDS];
	size_t n_words;
	enum arg_format format;
	int64_t last; /* -n; 0 = not given */
	bool quiet, no_trunc, help, version;
	bool weights, values, all, move_back, force, dry_run, keep_idle;
};

/*
 * Parses argv[1 …]. groups_of gives the groups of a verb (0: no such verb; it is reported later).
 * -EINVAL with a sentence for people.
 */
int args_parse(int argc, char **argv, unsigned (*groups_of)(const char *verb), struct args *ret,
               struct error *err);

/* An option as people and shells see it. */
struct arg_text {
	const char *name;  /* without the dashes */
	char letter;       /* '\0': none */
	const char *value; /* what it takes: "FILE", "table|json|csv"; NULL: nothing */
	const char *help;
};

/* Calls fn for each option of these groups, in the table's order. */
void args_each(unsigned groups, void (*fn)(void *data, const struct arg_text *option), void *data);
