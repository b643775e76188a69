/* What each verb works with: arguments, configuration, the database opened for reading. */
#pragma once

#include "agent/config.h"
#include "cli/args.h"
#include "cli/show.h"
#include "storage/query.h"

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,   /* wrong arguments or configuration */
	CLI_REFUSED = 3, /* a guard said no */
};

struct cli {
	const struct args *args;
	FILE *out;
	struct config *config; /* NULL until cli_config */
	struct query *query;   /* NULL until cli_query */
};

void cli_done(struct cli *c);

/* Loads the configuration once, with the command line's options over it. Fails with -EINVAL only.
 */
int cli_config(struct cli *c, struct error *err);
/* Opens the database read-only, once. */
int cli_query(struct cli *c, struct error *err);

/* A whole listing: one statement, shown as asked for. ret_rows may be NULL. */
int cli_list(struct cli *c, const struct show_column *columns, size_t n_columns, const char *sql,
             const struct query_value *bind, size_t n_bind, size_t *ret_rows, struct error *err);

/*
 * Finds one object by id, unique beginning of an id, or name in `table` (service, node), there or
 * gone, those that are there first. The id: free() it. -ENOENT, or -ENOTUNIQ when several begin so.
 */
int cli_find(struct cli *c, const char *table, const char *name_column, const char *word,
             char **ret_id, struct error *err);

int cli_exit_of(int r); /* negative errno → exit code */
