/* Why a decision is as it is; see explain.h. */
#include "cli/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/util.h"
#include "cli/addup.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "model/decision.h"

/* Digits behind the point of gains and contributions. */
#define SCALE 1000.0
/* φ has BASIS_N entries; the move's cost, and a rest if the stored figures do not add up. */
#define TERMS_MAX (BASIS_N + 64)

struct explain {
	struct cli *cli;
	json_t *decision; /* borrowed from doc */
	int64_t id, rank; /* the candidate that is explained */
	int64_t against;  /* the runner-up: −1 when there is none but to stay */
	int64_t now_ms;
};

/* A fact "Name  text" where the text is not empty. */
static void
fact(const struct explain *x, const char *name, const char *text)
{
	_cleanup_(freep) char *clean = text_clean(text, strlen(text));

	if (clean[0] != '\0')
		(void) fprintf(x->cli->out, "%-12s  %s\n", name, clean);
}

/* "move web from n1 to n3 (2 tasks)" */
static char *
action_of(const json_t *row, const char *service, const char *from, const char *to,
          const char *action)
{
	double tasks = rows_number(row, "n_tasks");
	const char *what = rows_text(row, action);

	if (streq(what, "stay") || what[0] == '\0')
		return xstrdup("stay");
	return xasprintf("%s %s%s%s%s%s%s", what, rows_text(row, service),
	                 from != NULL ? " from " : "", from != NULL ? rows_text(row, from) : "",
	                 " to ", rows_text(row, to), tasks > 1 ? " (all of its tasks there)" : "");
}

static void
print_gain(const struct explain *x)
{
	const json_t *d = x->decision;
	_cleanup_(freep) char *s = NULL;
	double cost = rows_number(d, "cost_now"), sd = rows_number(d, "gain_sd");

	if (streq(rows_text(d, "action"), "stay"))
		s = xasprintf("0: staying is the measure; it costs %.3f", cost);
	else
		s = xasprintf("%.3f%s%.3f of the %.3f that staying costs (cost units)",
		              rows_number(d, "gain"), isnan(sd) ? "" : " ± ", isnan(sd) ? 0 : sd,
		              cost);
	fact(x, "Gain", s);
}

static void
print_head(const struct explain *x)
{
	const json_t *d = x->decision;
	_cleanup_(freep) char *ago = text_ago((int64_t) rows_number(d, "at_ms"), x->now_ms);
	_cleanup_(freep) char *when = text_time((int64_t) rows_number(d, "at_ms"));
	_cleanup_(freep) char *chosen = action_of(d, "service", "from_node", "to_node", "action");
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

	fact(x, "Decision", head);
	fact(x, "Goal", goal);
	fact(x, "Chosen", chosen);
	fact(x, "Reason", rows_text(d, "reason"));
	print_gain(x);
	if (rows_number(d, "draws") > 0)
		fact(x, "Propensity", chance);
	fact(x, "Saw", saw);
	fact(x, "Mode", rows_text(d, "act"));
}

/* Text for people of a verdict's name; the name itself when it is of another version. */
static const char *
verdict_text(const char *name)
{
	for (size_t i = 0; i < VERDICT_N; i++) {
		if (streq(verdict_infos[i].name, name))
			return verdict_infos[i].text;
	}
	return name;
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
			why = verdict_text(values[i].text);
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
	    {"n_tasks", "TASKS", SHOW_COUNT}, {"gain", "GAIN", SHOW_NUMBER},
	    {"gain_sd", "SD", SHOW_NUMBER},   {"verdict", "VERDICT", SHOW_TEXT},
	    {"why", "WHY NOT", SHOW_TEXT},
	};
	static const struct show_column verdicts[] = {
	    {"n", "MOVES", SHOW_COUNT},
	    {"verdict", "VERDICT", SHOW_TEXT},
	    {"why", "WHY NOT", SHOW_TEXT},
	};
	int r = print_table(x, "Candidates (* chosen; the best of those considered):", candidates,
	                    ARRAY_SIZE(candidates),
	                    "SELECT *, iif(chosen, '*', '') AS mark FROM v_candidates "
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

/* The terms of a gain: a contribution each, then the move's own cost. */
struct terms {
	const char *names[TERMS_MAX], *meanings[TERMS_MAX];
	double change[TERMS_MAX], value[TERMS_MAX];
	int64_t rounded[TERMS_MAX];
	size_t n;
};

static void
add_term(struct terms *t, const char *name, const char *meaning, double change, double value)
{
	if (t->n == TERMS_MAX)
		return;
	t->names[t->n] = name;
	t->meanings[t->n] = meaning;
	t->change[t->n] = change;
	t->value[t->n++] = isfinite(value) ? value : 0;
}

/* Fills t from the rows of one candidate. Texts are the rows'. */
static void
collect_terms(struct terms *t, const json_t *contributions, const json_t *candidate)
{
	double gain = rows_number(candidate, "gain"), sum = 0;
	const json_t *row;
	size_t i;

	*t = (struct terms){0};
	json_array_foreach (contributions, i, row) {
		if (rows_number(row, "rank") == rows_number(candidate, "rank"))
			add_term(t, rows_text(row, "feature"), rows_text(row, "meaning"),
			         rows_number(row, "basis"), rows_number(row, "contribution"));
	}
	add_term(t, "move cost", "what the move itself costs", NAN,
	         -rows_number(candidate, "move_cost"));
	if (addup_round(t->value, t->n, gain, SCALE, t->rounded))
		return;
	/* Never hidden: what the stored terms do not explain stands there by itself. */
	for (i = 0; i < t->n; i++)
		sum += t->value[i];
	add_term(t, "(unexplained)", "the stored contributions do not add up to the gain", NAN,
	         gain - sum);
	(void) addup_round(t->value, t->n, gain, SCALE, t->rounded);
}

static char *
thousandths(int64_t n)
{
	return xasprintf("%s%" PRId64 ".%03" PRId64, n < 0 ? "-" : "", (int64_t) llabs(n) / 1000,
	                 (int64_t) llabs(n) % 1000);
}

static struct query_value
text(const char *s)
{
	return (struct query_value){.type = QUERY_TEXT, .text = s, .size = strlen(s)};
}

static int
print_terms(const struct explain *x, const struct terms *t, struct error *err)
{
	static const struct show_column columns[] = {
	    {"feature", "TERM", SHOW_TEXT},
	    {"change", "CHANGE", SHOW_NUMBER},
	    {"gain", "GAIN", SHOW_COUNT},
	    {"meaning", "MEANING", SHOW_TEXT},
	};
	static const char *const names[] = {"feature", "change", "gain", "meaning"};
	struct show_options options = show_options_of(x->cli->args, x->cli->out);
	_cleanup_(show_freep) struct show *show = NULL;
	_cleanup_(freep) char *total = NULL;
	int64_t sum = 0;
	int r = show_new(columns, ARRAY_SIZE(columns), &options, &show, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < t->n; i++) {
		_cleanup_(freep) char *gain = thousandths(t->rounded[i]);
		struct query_value change = {.type = QUERY_REAL, .real = t->change[i]};

		sum += t->rounded[i];
		(void) show_row(show, ARRAY_SIZE(names), names,
		                (struct query_value[]){text(t->names[i]), change, text(gain),
		                                       text(t->meanings[i])});
	}
	total = thousandths(sum);
	(void) show_row(show, ARRAY_SIZE(names), names,
	                (struct query_value[]){text("= gain"),
	                                       {.type = QUERY_NULL},
	                                       text(total),
	                                       text("the sum: Q of this minus Q of staying")});
	return show_end(show, err);
}

static int
print_why(const struct explain *x, const json_t *doc, int64_t rank, const char *title,
          struct error *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, "candidates"), i, row) {
		_cleanup_(freep) struct terms *t = NULL;
		_cleanup_(freep) char *what = NULL, *clean = NULL;

		if ((int64_t) rows_number(row, "rank") != rank)
			continue;
		if (isnan(rows_number(row, "gain")) ||
		    !streq(rows_text(row, "verdict"), verdict_infos[VERDICT_OK].name))
			return 0;
		t = xcalloc(1, sizeof(*t));
		what = action_of(row, "service", "from_node", "to_node", "action");
		clean = text_clean(what, strlen(what));
		collect_terms(t, json_object_get(doc, "contributions"), row);
		(void) fprintf(x->cli->out, "\n%s: %s\n", title, clean);
		return print_terms(x, t, err);
	}
	return 0;
}

static void
before_after(const struct explain *x, const json_t *o, const char *name, const char *before,
             const char *after, const char *unit)
{
	double a = rows_number(o, before), b = rows_number(o, after);
	_cleanup_(freep) char *s = NULL;

	if (isnan(a) && isnan(b))
		return;
	s = isnan(b)   ? xasprintf("%.3f %s before", a, unit)
	    : isnan(a) ? xasprintf("%.3f %s after", b, unit)
	               : xasprintf("%.3f %s before, %.3f after", a, unit, b);
	fact(x, name, s);
}

static void
print_moves(const struct explain *x, const json_t *doc)
{
	const json_t *move, *event;
	size_t i, k;

	json_array_foreach (json_object_get(doc, "moves"), i, move) {
		_cleanup_(freep) char *s = xasprintf(
		    "%s %.0f of %s: %s%s%s", rows_text(move, "kind"), rows_number(move, "move_id"),
		    rows_text(move, "service"), rows_text(move, "state"),
		    rows_text(move, "reason")[0] != '\0' ? ", " : "", rows_text(move, "reason"));

		fact(x, "Move", s);
		json_array_foreach (json_object_get(doc, "move_events"), k, event) {
			_cleanup_(freep) char *line = NULL;

			if (rows_number(event, "move_id") != rows_number(move, "move_id"))
				continue;
			line = xasprintf("%s  %s%s%s", rows_text(event, "at_utc"),
			                 rows_text(event, "state"),
			                 rows_text(event, "note")[0] != '\0' ? ": " : "",
			                 rows_text(event, "note"));
			fact(x, "", line);
		}
	}
}

static void
print_after(const struct explain *x, const json_t *doc)
{
	const json_t *o = json_array_get(json_object_get(doc, "outcome"), 0);
	_cleanup_(freep) char *done =
	    xasprintf("%s%s%s", rows_text(x->decision, "execution"),
	              streq(rows_text(x->decision, "verdict"), "ok") ? "" : ": ",
	              streq(rows_text(x->decision, "verdict"), "ok")
	                  ? ""
	                  : verdict_text(rows_text(x->decision, "verdict")));

	(void) fputs("\nWhat happened after:\n", x->cli->out);
	fact(x, "Done", done);
	print_moves(x, doc);
	if (o != NULL) {
		fact(x, "Outcome", rows_text(o, "text"));
		before_after(x, o, "Source", "source_before_cores", "source_after_cores", "cores");
		before_after(x, o, "Target", "target_before_cores", "target_after_cores", "cores");
		before_after(x, o, "Response p95", "p95_before_ms", "p95_after_ms", "ms");
		before_after(x, o, "Cluster", "watts_before", "watts_after", "watts");
		before_after(x, o, "Cost a step", "cost_before", "cost_after", "cost units");
		before_after(x, o, "Gain", "gain_predicted", "gain_seen", "cost units");
	} else if (!streq(rows_text(x->decision, "action"), "stay")) {
		fact(x, "Outcome", "not known (yet)");
	}
	fact(x, "By hand", rows_text(x->decision, "command"));
}

static int
print_text(const struct explain *x, const json_t *doc, struct error *err)
{
	int r;

	print_head(x);
	r = print_candidates(x, err);
	if (r >= 0)
		r = print_why(x, doc, x->rank, "Why, against staying", err);
	if (r >= 0 && x->against > 0 && x->against != x->rank)
		r = print_why(x, doc, x->against, "The runner-up, against staying", err);
	if (r >= 0)
		print_after(x, doc);
	return r;
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
	                    "WHERE m.decision_id = ?1 ORDER BY e.move_id, e.seq"},
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
	if (json_array_size(json_object_get(doc, "decision")) == 0)
		return error_set(
		    err, ENOENT,
		    "no decision %" PRId64 " is stored; 'forager decisions' lists them", id);
	return 0;
}

/* A number is a decision; anything else, or a number that is none, a service. */
static int
find_decision(struct cli *c, const char *word, int64_t *ret, char **ret_service, struct error *err)
{
	_cleanup_(freep) char *service = NULL;
	struct query_value bind[1];
	char *end;
	int64_t id = strtoll(word, &end, 10);
	int r;

	if (word[0] >= '0' && word[0] <= '9' && *end == '\0') {
		*ret = id;
		return 0;
	}
	r = cli_find(c, "service", "name", word, &service, err);
	if (r < 0)
		return r;
	bind[0] = QUERY_STR(service);
	/* Chosen for it, else considered: the newest of the first kind that there is. */
	r = query_int(
	    c->query,
	    "SELECT c.decision_id FROM candidate c JOIN decision d ON d.id = c.decision_id "
	    "WHERE c.service_id = ?1 ORDER BY c.rank = d.chosen DESC, c.decision_id DESC "
	    "LIMIT 1",
	    bind, 1, ret, err);
	if (r == 0)
		r = error_set(err, ENOENT,
		              "no stored decision considered to move '%s'; 'forager services' says "
		              "whether it takes part",
		              word);
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

int
explain_run(struct cli *c, struct error *err)
{
	json_auto_t *doc = json_object();
	_cleanup_(freep) char *service = NULL, *dump = NULL;
	struct explain x = {.cli = c, .now_ms = wall_ms()};
	int r;

	if (c->args->format == FORMAT_CSV)
		return error_set(err, EINVAL,
		                 "'explain' is no flat list: use --format table or json");
	r = cli_query(c, err);
	if (r >= 0)
		r = find_decision(c, c->args->words[0], &x.id, &service, err);
	if (r >= 0)
		r = collect(c, x.id, doc, err);
	if (r < 0)
		return r;
	if (c->args->format == FORMAT_JSON) {
		dump = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
		if (dump == NULL)
			abort();
		(void) fprintf(c->out, "%s\n", dump);
		return 0;
	}
	x.decision = json_array_get(json_object_get(doc, "decision"), 0);
	x.rank = subject(doc, service);
	x.against = runner_up(c, x.id, err);
	return print_text(&x, doc, err);
}
