/* What was done with a decision and what came of it; see explain_priv.h. */
#include <inttypes.h>
#include <math.h>

#include "base/util.h"
#include "cli/explain_priv.h"
#include "cli/rows.h"
#include "model/decision.h"

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
	explain_fact(x, name, s);
}

static void
print_gains(const struct explain *x, const json_t *o)
{
	double predicted = rows_number(o, "gain_predicted"), seen = rows_number(o, "gain_seen");
	_cleanup_(freep) char *s = NULL;

	if (isnan(predicted) || isnan(seen))
		return;
	s = xasprintf("%.4f predicted, %.4f seen (cost units)", predicted, seen);
	explain_fact(x, "Gain", s);
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

		explain_fact(x, "Move", s);
		json_array_foreach (json_object_get(doc, "move_events"), k, event) {
			_cleanup_(freep) char *line = NULL;

			if (rows_number(event, "move_id") != rows_number(move, "move_id"))
				continue;
			line = xasprintf("%s  %s%s%s", rows_text(event, "at_utc"),
			                 rows_text(event, "state"),
			                 rows_text(event, "note")[0] != '\0' ? ": " : "",
			                 rows_text(event, "note"));
			explain_fact(x, "", line);
		}
	}
}

void
explain_after(const struct explain *x, const json_t *doc)
{
	const json_t *o = json_object_get(doc, "outcome");
	bool ok = streq(rows_text(x->decision, "verdict"), verdict_infos[VERDICT_OK].name);
	_cleanup_(freep) char *done =
	    xasprintf("%s%s%s", rows_text(x->decision, "execution"), ok ? "" : ": ",
	              ok ? "" : explain_verdict(rows_text(x->decision, "verdict")));

	(void) fputs("\nWhat happened after:\n", x->cli->out);
	explain_fact(x, "Done", done);
	print_moves(x, doc);
	if (json_is_object(o)) {
		explain_fact(x, "Outcome", rows_text(o, "text"));
		before_after(x, o, "Source", "source_before_cores", "source_after_cores", "cores");
		before_after(x, o, "Target", "target_before_cores", "target_after_cores", "cores");
		before_after(x, o, "Response p95", "p95_before_ms", "p95_after_ms", "ms");
		before_after(x, o, "Cluster", "watts_before", "watts_after", "watts");
		before_after(x, o, "Cost a step", "cost_before", "cost_after", "cost units");
		print_gains(x, o);
	} else if (!streq(rows_text(x->decision, "action"), "stay")) {
		explain_fact(x, "Outcome", "not known (yet)");
	}
	explain_fact(x, "By hand", rows_text(x->decision, "command"));
}
