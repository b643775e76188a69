/* The terms of a gain, printed so that they add up; see explain_priv.h. */
#include <inttypes.h>
#include <math.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/addup.h"
#include "cli/explain_priv.h"
#include "cli/rows.h"
#include "model/decision.h"

/* Digits behind the point of gains and contributions. */
#define SCALE 10000
/* φ has BASIS_N entries; the move's cost, and a rest if the stored figures do not add up. A
 * database of another version may know more features. */
#define TERMS_MAX (BASIS_N + 64)

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
fixed_point(int64_t n)
{
	int64_t positive = n < 0 ? -n : n;

	return xasprintf("%s%" PRId64 ".%04" PRId64, n < 0 ? "-" : "", positive / SCALE,
	                 positive % SCALE);
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
	    {"change", "CHANGE", SHOW_COST},
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
		_cleanup_(freep) char *gain = fixed_point(t->rounded[i]);
		struct query_value change = {.type = QUERY_REAL, .real = t->change[i]};

		sum += t->rounded[i];
		(void) show_row(show, ARRAY_SIZE(names), names,
		                (struct query_value[]){text(t->names[i]), change, text(gain),
		                                       text(t->meanings[i])});
	}
	total = fixed_point(sum);
	(void) show_row(show, ARRAY_SIZE(names), names,
	                (struct query_value[]){text("= gain"),
	                                       {.type = QUERY_NULL},
	                                       text(total),
	                                       text("the sum: Q of this minus Q of staying")});
	return show_end(show, err);
}

static bool
scored(const json_t *doc, const json_t *candidate)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, "contributions"), i, row) {
		if (rows_number(row, "rank") == rows_number(candidate, "rank"))
			return true;
	}
	return streq(rows_text(candidate, "verdict"), verdict_infos[VERDICT_OK].name);
}

int
explain_terms(const struct explain *x, const json_t *doc, int64_t rank, const char *title,
              struct error *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, "candidates"), i, row) {
		_cleanup_(freep) struct terms *t = NULL;
		_cleanup_(freep) char *what = NULL, *clean = NULL;

		if ((int64_t) rows_number(row, "rank") != rank)
			continue;
		/* Refused before it was scored: there is nothing that adds up. */
		if (isnan(rows_number(row, "gain")) || !scored(doc, row))
			return 0;
		t = xcalloc(1, sizeof(*t));
		what = explain_action(row, "action", "service", "from_node", "to_node");
		clean = utf8_clean(what, strlen(what));
		collect_terms(t, json_object_get(doc, "contributions"), row);
		(void) fprintf(x->cli->out, "\n%s: %s\n", title, clean);
		return print_terms(x, t, err);
	}
	return 0;
}
