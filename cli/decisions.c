/* What was decided and done; see decisions.h. */
#include "cli/decisions.h"

#include <errno.h>
#include <inttypes.h>

#include "base/utf8.h"
#include "base/util.h"

/* As many as fit on a screen. */
#define LAST_DEFAULT 20

int
decisions_run(struct cli *c, struct error *err)
{
	static const struct show_column columns[] = {
	    {"decision_id", "ID", SHOW_COUNT},
	    {"at_ms", "DECIDED", SHOW_AGO},
	    {"algorithm", NULL, SHOW_TEXT},
	    {"goal", "GOAL", SHOW_TEXT},
	    {"goal_node", NULL, SHOW_TEXT},
	    {"action", "ACTION", SHOW_TEXT},
	    {"service", "SERVICE", SHOW_TEXT},
	    {"from_node", "FROM", SHOW_TEXT},
	    {"to_node", "TO", SHOW_TEXT},
	    {"n_tasks", NULL, SHOW_COUNT},
	    {"gain", "GAIN", SHOW_COST},
	    {"gain_sd", "SD", SHOW_COST},
	    {"propensity", "PROPENSITY", SHOW_PERCENT},
	    {"draws", NULL, SHOW_COUNT},
	    {"n_considered", NULL, SHOW_COUNT},
	    {"n_refused", NULL, SHOW_COUNT},
	    {"cost_now", NULL, SHOW_COST},
	    {"act", NULL, SHOW_TEXT},
	    {"execution", "DONE", SHOW_TEXT},
	    {"verdict", NULL, SHOW_TEXT},
	    {"move_id", "MOVE", SHOW_COUNT},
	    {"move_state", "MOVE STATE", SHOW_TEXT},
	    {"reason", "REASON", SHOW_LONG},
	    {"command", NULL, SHOW_TEXT},
	    {"outcome", NULL, SHOW_TEXT},
	    {"service_id", NULL, SHOW_TEXT},
	    {"from_id", NULL, SHOW_TEXT},
	    {"to_id", NULL, SHOW_TEXT},
	};
	const struct query_value bind[] = {
	    QUERY_INT(c->args->last > 0 ? c->args->last : LAST_DEFAULT)};

	return cli_list(c, columns, ARRAY_SIZE(columns),
	                "SELECT * FROM v_decisions ORDER BY decision_id DESC LIMIT ?1", bind, 1,
	                NULL, err);
}

int
decisions_moves(struct cli *c, struct error *err)
{
	static const struct show_column columns[] = {
	    {"move_id", "ID", SHOW_COUNT},
	    {"created_wall_ms", "STARTED", SHOW_AGO},
	    {"kind", "KIND", SHOW_TEXT},
	    {"service", "SERVICE", SHOW_TEXT},
	    {"from_node", "FROM", SHOW_TEXT},
	    {"to_node", "TO", SHOW_TEXT},
	    {"state", "STATE", SHOW_TEXT},
	    {"took_s", "SECONDS", SHOW_NUMBER},
	    {"decision_id", "DECISION", SHOW_COUNT},
	    {"undo_of", NULL, SHOW_COUNT},
	    {"undone_by", "UNDONE BY", SHOW_COUNT},
	    {"reason", "REASON", SHOW_LONG},
	    {"added", NULL, SHOW_TEXT},
	    {"service_id", NULL, SHOW_TEXT},
	    {"from_id", NULL, SHOW_TEXT},
	    {"to_id", NULL, SHOW_TEXT},
	    {"ended_wall_ms", NULL, SHOW_AGO},
	};
	const struct query_value bind[] = {
	    QUERY_INT(c->args->last > 0 ? c->args->last : LAST_DEFAULT)};

	return cli_list(c, columns, ARRAY_SIZE(columns),
	                "SELECT * FROM v_moves ORDER BY move_id DESC LIMIT ?1", bind, 1, NULL, err);
}

static const struct show_column recommend_columns[] = {
    {"decision_id", "DECISION", SHOW_COUNT},
    {"at_ms", "DECIDED", SHOW_AGO},
    {"goal", "GOAL", SHOW_TEXT},
    {"service", "SERVICE", SHOW_TEXT},
    {"from_node", "FROM", SHOW_TEXT},
    {"to_node", "TO", SHOW_TEXT},
    {"n_tasks", NULL, SHOW_COUNT},
    {"gain", "GAIN", SHOW_COST},
    {"gain_sd", "SD", SHOW_COST},
    {"cost_now", NULL, SHOW_COST},
    {"propensity", NULL, SHOW_PERCENT},
    {"execution", NULL, SHOW_TEXT},
    {"reason", "REASON", SHOW_TEXT},
    {"command", "COMMAND", SHOW_TEXT},
    {"newest", NULL, SHOW_BOOL},
    {"service_id", NULL, SHOW_TEXT},
    {"from_id", NULL, SHOW_TEXT},
    {"to_id", NULL, SHOW_TEXT},
};

/* What was not carried out, and has a command: the newest, of one service when ?1 is given. */
static const char recommend_sql[] =
    "SELECT *, decision_id = (SELECT max(id) FROM decision) AS newest FROM v_decisions\n"
    "WHERE action <> 'stay' AND command IS NOT NULL\n"
    "  AND execution IN ('observed', 'recommended', 'refused')\n"
    "  AND (?1 IS NULL OR service_id = ?1)\n"
    "ORDER BY decision_id DESC LIMIT 1";

struct recommend {
	struct cli *cli;
	size_t rows;
	bool newest;
};

static const struct query_value *
value(size_t n, const char *const *names, const struct query_value *values, const char *key)
{
	static const struct query_value none = {.type = QUERY_NULL};

	for (size_t i = 0; i < n; i++) {
		if (streq(names[i], key))
			return &values[i];
	}
	return &none;
}

/* One fact a line; the command stands alone, so that it can be copied. */
static int
recommend_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct recommend *r = data;
	int64_t now_ms = wall_ms();

	r->rows++;
	r->newest = value(n, names, values, "newest")->integer != 0;
	for (size_t i = 0; i < ARRAY_SIZE(recommend_columns); i++) {
		const struct show_column *c = &recommend_columns[i];
		const struct query_value *v = value(n, names, values, c->key);
		_cleanup_(freep) char *text = NULL;

		if (c->header == NULL || v->type == QUERY_NULL)
			continue;
		text = show_value(v, c->unit, true, now_ms);
		if (streq(c->key, "command"))
			(void) fprintf(r->cli->out, "\n%s\n", text);
		else
			(void) fprintf(r->cli->out, "%-9s  %s\n", c->header, text);
	}
	return 0;
}

/* Nothing to recommend is an answer too: it says what the newest decision was. */
static int
nothing(struct cli *c, const char *word, struct error *err)
{
	_cleanup_(freep) char *reason = NULL, *clean = NULL;
	int r = query_text(c->query,
	                   "SELECT coalesce(reason, 'no reason is stored') FROM decision "
	                   "ORDER BY id DESC LIMIT 1",
	                   NULL, 0, &reason, err);

	if (r < 0)
		return r;
	if (reason != NULL)
		clean = utf8_clean(reason, strlen(reason));
	if (r == 0)
		(void) fprintf(c->out, "Nothing is recommended: nothing has been decided yet.\n");
	else
		(void) fprintf(c->out, "Nothing is recommended%s%s. Newest decision: %s\n",
		               word != NULL ? " for " : "", word != NULL ? word : "", clean);
	return 0;
}

static int
recommend_text(struct cli *c, const struct query_value *bind, const char *word, struct error *err)
{
	struct recommend rec = {.cli = c};
	_cleanup_(freep) char *clean = word != NULL ? utf8_clean(word, strlen(word)) : NULL;
	int r = cli_query(c, err);

	if (r >= 0)
		r = query_each(c->query, recommend_sql, bind, 1, recommend_row, &rec, err);
	if (r >= 0 && rec.rows == 0)
		return nothing(c, clean, err);
	if (r >= 0 && !rec.newest)
		(void) fprintf(c->out, "\nA newer decision stays instead: look at 'forager "
		                       "decisions' before you run this.\n");
	return r;
}

int
decisions_recommend(struct cli *c, struct error *err)
{
	const char *word = c->args->n_words > 0 ? c->args->words[0] : NULL;
	_cleanup_(freep) char *id = NULL;
	struct query_value bind[1];
	int r = 0;

	if (word != NULL)
		r = cli_find(c, "service", "name", word, &id, err);
	if (r < 0)
		return r;
	bind[0] = QUERY_STR(id);
	if (c->args->format != FORMAT_TABLE)
		return cli_list(c, recommend_columns, ARRAY_SIZE(recommend_columns), recommend_sql,
		                bind, 1, NULL, err);
	return recommend_text(c, bind, word, err);
}
