/* Why a decision is as it is; see explain.h. */
#include "cli/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/explain_priv.h"
#include "cli/rows.h"
#include "cli/status.h"
#include "cli/text.h"
#include "model/decision.h"

#define LEFT                                                                                       \
	"it carries labels of forager's though no move is open on it here: forager release "       \
	"takes them away, unless another manager's forager moves it now"

void
explain_fact(const struct explain *x, const char *name, const char *text)
{
	_cleanup_(freep) char *clean = utf8_clean(text, strlen(text));

	if (clean[0] != '\0')
		(void) fprintf(x->cli->out, "%-12s  %s\n", name, clean);
}

char *
explain_action(const json_t *row, const char *action, const char *service, const char *from,
               const char *to)
{
	const char *what = rows_text(row, action);

	if (what[0] == '\0' || streq(what, action_names[ACTION_STAY]))
		return xstrdup(action_names[ACTION_STAY]);
	return xasprintf("%s %s from %s to %s", what, rows_text(row, service), rows_text(row, from),
	                 rows_text(row, to));
}

const char *
explain_verdict(const char *name)
{
	for (size_t i = 0; i < VERDICT_N; i++) {
		if (streq(verdict_infos[i].name, name))
			return verdict_infos[i].text;
	}
	return name;
}

static void
print_gain(const struct explain *x)
{
	const json_t *d = x->decision;
	_cleanup_(freep) char *s = NULL;
	double cost = rows_number(d, "cost_now"), sd = rows_number(d, "gain_sd");

	if (streq(rows_text(d, "action"), "stay"))
		s = xasprintf("0: staying is the measure; it costs %.4f", cost);
	else
		s = xasprintf("%.4f ± %.4f of the %.4f that staying costs (cost units)",
		              rows_number(d, "gain"), sd, cost);
	explain_fact(x, "Gain", s);
}

static void
print_head(const struct explain *x)
{
	const json_t *d = x->decision;
	_cleanup_(freep) char *ago = text_ago((int64_t) rows_number(d, "at_ms"), x->now_ms);
	_cleanup_(freep) char *when = text_time((int64_t) rows_number(d, "at_ms"));
	_cleanup_(freep) char *chosen =
	    explain_action(d, "action", "service", "from_node", "to_node");
	_cleanup_(freep) char *head =
	    xasprintf("%" PRId64 ", %s (%s), %s", x->id, ago, when, rows_text(d, "algorithm"));
	_cleanup_(freep) char *goal = xasprintf("%s%s%s", rows_text(d, "goal"),
	                                        rows_text(d, "goal_node")[0] != '\0' ? " of " : "",
	                                        rows_text(d, "goal_node"));
	_cleanup_(freep) char *chance =
	    xasprintf("%.1f%% of %.0f draws chose the same", rows_number(d, "propensity") * 100,
	              rows_number(d, "draws"));
	_cleanup_(freep) char *saw = xasprintf(
	    "%.0f nodes, %.0f services, %.0f tasks%s; %.0f moves considered, %.0f refused",
	    rows_number(d, "n_nodes"), rows_number(d, "n_services"),
	    rows_number(d, "n_cluster_tasks"),
	    rows_number(d, "partial") > 0 ? " (part could not be read)" : "",
	    rows_number(d, "n_considered"), rows_number(d, "n_refused"));

	explain_fact(x, "Decision", head);
	explain_fact(x, "Goal", goal);
	explain_fact(x, "Chosen", chosen);
	explain_fact(x, "Reason", rows_text(d, "reason"));
	print_gain(x);
	if (rows_number(d, "draws") > 0)
		explain_fact(x, "Propensity", chance);
	explain_fact(x, "Saw", saw);
	explain_fact(x, "Mode", rows_text(d, "act"));
}

/* Adds the column "why": the verdict in words. */
static int
row_with_why(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	_cleanup_(freep) const char **more_names = xcalloc(n + 1, sizeof(*more_names));
	_cleanup_(freep) struct query_value *more = xcalloc(n + 1, sizeof(*more));
	const char *why = "";

	for (size_t i = 0; i < n; i++) {
		more_names[i] = names[i];
		more[i] = values[i];
		if (streq(names[i], "verdict") && values[i].type == QUERY_TEXT &&
		    !streq(values[i].text, verdict_infos[VERDICT_OK].name))
			why = explain_verdict(values[i].text);
	}
	more_names[n] = "why";
	more[n] = (struct query_value){.type = QUERY_TEXT, .text = why, .size = strlen(why)};
	return show_row(data, n + 1, more_names, more);
}

/* A table under a title; nothing at all when it has no rows. */
static int
print_table(const struct explain *x, const char *title, const struct show_column *columns,
            size_t n_columns, const char *sql, struct error *err)
{
	const struct query_value bind[] = {QUERY_INT(x->id)};
	struct show_options options = show_options_of(x->cli->args, x->cli->out);
	_cleanup_(show_freep) struct show *show = NULL;
	int r = show_new(columns, n_columns, &options, &show, err);

	if (r >= 0)
		r = query_each(x->cli->query, sql, bind, 1, row_with_why, show, err);
	if (r < 0 || show_count(show) == 0)
		return r;
	(void) fprintf(x->cli->out, "\n%s\n", title);
	return show_end(show, err);
}

static int
print_candidates(const struct explain *x, struct error *err)
{
	static const struct show_column candidates[] = {
	    {"mark", "", SHOW_TEXT},          {"rank", "RANK", SHOW_COUNT},
	    {"action", "ACTION", SHOW_TEXT},  {"service", "SERVICE", SHOW_TEXT},
	    {"from_node", "FROM", SHOW_TEXT}, {"to_node", "TO", SHOW_TEXT},
	    {"n_tasks", "TASKS", SHOW_COUNT}, {"gain", "GAIN", SHOW_COST},
	    {"gain_sd", "SD", SHOW_COST},     {"verdict", "VERDICT", SHOW_TEXT},
	    {"why", "WHY NOT", SHOW_TEXT},
	};
	static const struct show_column verdicts[] = {
	    {"n", "MOVES", SHOW_COUNT},
	    {"verdict", "VERDICT", SHOW_TEXT},
	    {"why", "WHY NOT", SHOW_TEXT},
	};
	int r = print_table(x, "Candidates (* chosen; the best of those considered):", candidates,
	                    ARRAY_SIZE(candidates),
	                    "SELECT rank, action, service, from_node, to_node, n_tasks, verdict, "
	                    "iif(verdict = 'ok' OR gain <> 0, gain, NULL) AS gain, "
	                    "iif(verdict = 'ok' OR gain <> 0, gain_sd, NULL) AS gain_sd, "
	                    "iif(chosen, '*', '') AS mark FROM v_candidates "
	                    "WHERE decision_id = ?1 ORDER BY rank",
	                    err);

	if (r < 0)
		return r;
	return print_table(x, "Refused by the guard, of all considered:", verdicts,
	                   ARRAY_SIZE(verdicts),
	                   "SELECT n, verdict FROM verdict_count WHERE decision_id = ?1 "
	                   "ORDER BY n DESC, verdict",
	                   err);
}

static int
print_text(const struct explain *x, const json_t *doc, struct error *err)
{
	int r;

	if (x->left)
		explain_fact(x, "Labels", LEFT);
	if (x->back != NULL)
		explain_fact(x, "Constraints", x->back);
	print_head(x);
	r = print_candidates(x, err);
	if (r >= 0)
		r = explain_terms(x, doc, x->rank, "Why, against staying", err);
	if (r >= 0 && x->against > 0 && x->against != x->rank)
		r = explain_terms(x, doc, x->against, "The runner-up, against staying", err);
	if (r >= 0)
		explain_after(x, doc);
	return r;
}

/* What there is one of at most: the object itself, or null. */
static void
only_row(json_t *doc, const char *key)
{
	json_t *row = json_array_get(json_object_get(doc, key), 0);

	(void) json_object_set_new(doc, key, row != NULL ? json_incref(row) : json_null());
}

/* Everything that is stored of one decision. */
static int
collect(struct cli *c, int64_t id, json_t *doc, struct error *err)
{
	static const struct {
		const char *key, *sql;
	} parts[] = {
	    {"decision", "SELECT * FROM v_decisions WHERE decision_id = ?1"},
	    {"candidates", "SELECT * FROM v_candidates WHERE decision_id = ?1 ORDER BY rank"},
	    {"contributions", "SELECT rank, position, feature, basis, contribution, meaning FROM "
	                      "v_contributions WHERE decision_id = ?1 ORDER BY rank, position"},
	    {"refused", "SELECT verdict, n FROM v_verdicts WHERE decision_id = ?1 "
	                "ORDER BY n DESC, verdict"},
	    {"moves", "SELECT * FROM v_moves WHERE decision_id = ?1 OR undo_of IN "
	              "(SELECT id FROM move WHERE decision_id = ?1) ORDER BY move_id"},
	    {"move_events", "SELECT e.* FROM v_move_events e JOIN move m ON m.id = e.move_id "
	                    "WHERE m.decision_id = ?1 OR m.undo_of IN (SELECT id FROM move "
	                    "WHERE decision_id = ?1) ORDER BY e.move_id, e.seq"},
	    {"outcome", "SELECT * FROM outcome WHERE decision_id = ?1"},
	};
	const struct query_value bind[] = {QUERY_INT(id)};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		json_t *rows;
		int r = rows_read(c->query, parts[i].sql, bind, 1, &rows, err);

		if (r < 0)
			return r;
		(void) json_object_set_new(doc, parts[i].key, rows);
	}
	only_row(doc, "outcome");
	only_row(doc, "decision");
	if (json_is_null(json_object_get(doc, "decision")))
		return error_set(
		    err, ENOENT,
		    "no decision %" PRId64 " is stored; 'forager decisions' lists them", id);
	return 0;
}

/* A number is a decision; anything else, or a number that is none, a service. */
static int
find_decision(struct explain *x, const char *word, char **ret_service, struct error *err)
{
	struct cli *c = x->cli;
	_cleanup_(freep) char *service = NULL;
	struct query_value bind[1];
	char *end;
	int64_t id = strtoll(word, &end, 10);
	int r;

	if (word[0] >= '0' && word[0] <= '9' && *end == '\0') {
		x->id = id;
		return 0;
	}
	r = cli_find(c, "service", "name", word, &service, err);
	if (r < 0)
		return r;
	r = status_labels_left(c, service, err);
	if (r < 0)
		return r;
	x->left = r > 0;
	r = status_terms_back(c, service, word, &x->back, err);
	if (r < 0)
		return r;
	bind[0] = QUERY_STR(service);
	/* Chosen for it, else considered: the newest of the first kind that there is. */
	r = query_int(
	    c->query,
	    "SELECT c.decision_id FROM candidate c JOIN decision d ON d.id = c.decision_id "
	    "WHERE c.service_id = ?1 ORDER BY c.rank = d.chosen DESC, c.decision_id DESC "
	    "LIMIT 1",
	    bind, 1, &x->id, err);
	if (r == 0)
		r = error_set(err, ENOENT, "no stored decision considered to move '%s'; %s", word,
		              x->left           ? LEFT
		              : x->back != NULL ? x->back
		                                : "'forager services' says whether it takes part");
	if (r < 0)
		return r;
	*ret_service = take_ptr(service);
	return 0;
}

/* Which candidate to explain: the chosen one, the best of the service, or the best not chosen. */
static int64_t
subject(const json_t *doc, const char *service)
{
	const json_t *row;
	int64_t best = -1;
	size_t i;

	json_array_foreach (json_object_get(doc, "candidates"), i, row) {
		int64_t rank = (int64_t) rows_number(row, "rank");

		if (service != NULL && !streq(rows_text(row, "service_id"), service))
			continue;
		if (rank > 0 && rows_number(row, "chosen") > 0)
			return rank;
		if (rank > 0 && best < 0)
			best = rank;
	}
	return best;
}

static int64_t
runner_up(struct cli *c, int64_t id, struct error *err)
{
	const struct query_value bind[] = {QUERY_INT(id)};
	int64_t rank = -1;
	int r = query_int(c->query, "SELECT runner_up FROM decision WHERE id = ?1", bind, 1, &rank,
	                  err);

	return r < 0 ? r : rank;
}

static int
run(struct explain *x, struct error *err)
{
	struct cli *c = x->cli;
	json_auto_t *doc = json_object();
	_cleanup_(freep) char *service = NULL, *dump = NULL;
	int r;

	if (c->args->format == FORMAT_CSV)
		return error_set(err, EINVAL,
		                 "'explain' is no flat list: use --format table or json");
	r = cli_query(c, err);
	if (r >= 0)
		r = find_decision(x, c->args->words[0], &service, err);
	if (r >= 0)
		r = collect(c, x->id, doc, err);
	if (r < 0)
		return r;
	if (c->args->format == FORMAT_JSON) {
		dump = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
		if (dump == NULL)
			abort();
		dump = utf8_json_ascii(dump);
		(void) fprintf(c->out, "%s\n", dump);
		return 0;
	}
	x->decision = json_object_get(doc, "decision");
	x->rank = subject(doc, service);
	x->against = runner_up(c, x->id, err);
	return print_text(x, doc, err);
}

int
explain_run(struct cli *c, struct error *err)
{
	struct explain x = {.cli = c, .now_ms = wall_ms()};
	int r = run(&x, err);

	free(x.back);
	return r;
}
