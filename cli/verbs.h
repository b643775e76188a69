/* The table of verbs: what `forager` can do, its help, and the way from argv to an exit code. */
#pragma once

#include "cli/cli.h"

struct verb {
	const char *name, *arguments, *help;
	const char *details; /* for --help of the verb; NULL: the help says it all */
	size_t min, max;     /* arguments */
	unsigned groups;     /* of options: cli/args.h */
	/* ≥ 0: an exit code; negative errno: failed, -EINVAL: wrong use. */
	int (*run)(struct cli *c, struct error *err);
};

extern const struct verb verb_table[];
extern const size_t verb_table_n;

const struct verb *verbs_find(const char *name); /* NULL: there is none */

/* The whole program but main(): parses, runs, prints errors to stderr. Returns the exit code. */
int verbs_run(int argc, char **argv);
