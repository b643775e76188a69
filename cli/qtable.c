/* What the policy has learned; see qtable.h. */
#include "cli/qtable.h"

#include <errno.h>

#include "base/util.h"

static const struct show_column weight_columns[] = {
    {"feature", "FEATURE", SHOW_TEXT}, {"algorithm", NULL, SHOW_TEXT},
    {"position", NULL, SHOW_COUNT},    {"theta", "THETA", SHOW_COST},
    {"prior", "PRIOR", SHOW_COST},     {"learnt", "LEARNED", SHOW_COST},
    {"sd", "SD", SHOW_COST},           {"meaning", "MEANING", SHOW_LONG},
    {"at_ms", NULL, SHOW_AGO},
};

static const struct show_column value_columns[] = {
    {"service", "SERVICE", SHOW_TEXT}, {"node", "NODE", SHOW_TEXT},
    {"is_there", "THERE", SHOW_BOOL},  {"gain", "GAIN", SHOW_COST},
    {"gain_sd", "SD", SHOW_COST},      {"verdict", "VERDICT", SHOW_TEXT},
    {"decision_id", NULL, SHOW_COUNT}, {"service_id", NULL, SHOW_TEXT},
    {"node_id", NULL, SHOW_TEXT},      {"at_ms", "SEEN", SHOW_AGO},
};

static int
weights(struct cli *c, struct error *err)
{
	return cli_list(
	    c, weight_columns, ARRAY_SIZE(weight_columns),
	    "SELECT feature, algorithm, position, theta, prior, theta - prior AS learnt, "
	    "sd, meaning, at_ms FROM weight ORDER BY algorithm, position, feature",
	    NULL, 0, NULL, err);
}

static int
values(struct cli *c, struct error *err)
{
	return cli_list(c, value_columns, ARRAY_SIZE(value_columns),
	                "SELECT * FROM v_qvalues ORDER BY service, service_id, node, node_id", NULL,
	                0, NULL, err);
}

int
qtable_run(struct cli *c, struct error *err)
{
	const struct args *a = c->args;
	bool both = a->weights == a->values;
	int r = 0;

	/* Two tables have two sets of columns: only people can read that in one stream. */
	if (both && (a->format == FORMAT_CSV || a->quiet || a->n_filters > 0))
		return error_set(err, EINVAL,
		                 "these are two tables: add --weights or --values for csv, "
		                 "--quiet or --filter");
	if (both || a->weights)
		r = weights(c, err);
	if (r >= 0 && both && a->format == FORMAT_TABLE)
		(void) fputc('\n', c->out);
	if (r >= 0 && (both || a->values))
		r = values(c, err);
	return r;
}
