/* The invariants' table, and those that need no memory of the services; see invariant.h. */
#include "test/fake/invariant_priv.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXTS 20
/* The clocks of the engine's record and of the journal are one, read at other moments. */
#define SLACK_S 2.0 /* where the limits say none */

const struct invariant invariants[INVARIANT_N] = {
    {"I1", "nothing acknowledged is lost", invariant_1_nothing_lost},
    {"I2", "a minute later the service runs as before", invariant_2_service_kept},
    {"I3", "every change is reversible, exact, touches nothing else", invariant_3_reversible},
    {"I4", "budgets and one change in flight", invariant_4_one_at_a_time},
    {"I5", "fail static", invariant_5_fail_static},
    {"I6", "who did not opt in is never written", invariant_6_opted_in_only},
    {"I7", "watchdog kept, memory and descriptors flat", invariant_7_flat},
};

void
invariant_result_done(struct invariant_result *r)
{
	free(take_ptr(r->text));
}

double
invariant_time(const json_t *line)
{
	return json_number_value(json_object_get(line, "t"));
}

void
invariant_violated(struct invariant_result *r, const json_t *line, const char *fmt, ...)
{
	_cleanup_(freep) char *old = NULL;
	char text[400];
	va_list ap;

	if (r->violations++ >= TEXTS)
		return;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	old = r->text;
	r->text = xasprintf("%s%.3f %s\n", old != NULL ? old : "", invariant_time(line), text);
}

bool
invariant_is(const json_t *line, const char *kind)
{
	return streq(shape_text(line, "kind", ""), kind);
}

bool
invariant_by(const json_t *line, const char *who)
{
	return streq(shape_text(line, "who", ""), who);
}

bool
invariant_by_people(const json_t *line)
{
	return !invariant_by(line, "forager") && !invariant_by(line, "swarm");
}

bool
invariant_is_our_write(const json_t *line)
{
	return invariant_is(line, "service") && invariant_by(line, "forager") &&
	       streq(shape_text(line, "what", ""), "update");
}

bool
invariant_has_plan(const json_t *spec)
{
	return json_object_get(json_object_get(spec, "Labels"), "forager.plan") != NULL;
}

/* ---- I1 ---- */

static bool
has_row(const struct history *h, const char *service_id, double t, double slack_s)
{
	json_t *row;
	size_t i;

	json_array_foreach (h->moves, i, row) {
		const json_t *ended = json_object_get(row, "ended_s");

		if (streq(shape_text(row, "service_id", ""), service_id) &&
		    json_number_value(json_object_get(row, "created_s")) <= t + slack_s &&
		    (!json_is_number(ended) || json_number_value(ended) >= t - slack_s))
			return true;
	}
	return false;
}

static bool
has_move(const struct history *h, json_int_t id)
{
	json_t *row;
	size_t i;

	json_array_foreach (h->moves, i, row) {
		if (shape_int(row, "id", 0) == id)
			return true;
	}
	return false;
}

void
invariant_1_nothing_lost(const struct history *h, const struct invariant_limits *l,
                         struct invariant_result *ret)
{
	double slack_s = l->slack_s > 0 ? l->slack_s : SLACK_S;
	json_t *line, *id;
	size_t i;

	*ret = (struct invariant_result){0};
	if (h->database == NULL)
		return;
	ret->checks++;
	if (!streq(h->database, "ok"))
		invariant_violated(ret, NULL, "the database: %s", h->database);
	json_array_foreach (h->lines, i, line) {
		if (!invariant_is_our_write(line))
			continue;
		ret->checks++;
		if (!has_row(h, shape_text(line, "id", ""), invariant_time(line), slack_s))
			invariant_violated(ret, line, "'%s' was written, and no move says so",
			                   shape_text(line, "name", ""));
	}
	json_array_foreach (h->acked, i, id) {
		ret->checks++;
		if (!has_move(h, json_integer_value(id)))
			invariant_violated(ret, NULL, "move %lld was told of, and is not there",
			                   (long long) json_integer_value(id));
	}
}

/* ---- I4 ---- */

static void
check_budget(const struct history *h, double per_hour, struct invariant_result *ret)
{
	json_t *a, *b;
	size_t i, k;

	json_array_foreach (h->moves, i, a) {
		double from = json_number_value(json_object_get(a, "created_s"));
		size_t n = 0;

		ret->checks++;
		json_array_foreach (h->moves, k, b) {
			double t = json_number_value(json_object_get(b, "created_s"));

			n += json_is_integer(json_object_get(b, "decision_id")) &&
			     !streq(shape_text(b, "state", ""), "refused") && t >= from &&
			     t < from + 3600;
		}
		if ((double) n > per_hour)
			invariant_violated(
			    ret, NULL, "%zu moves of its own within an hour from %.0f", n, from);
	}
}

/* The journal has ended every move of the service that began before the time. */
static bool
is_over(const struct history *h, const char *service, double t)
{
	json_t *move;
	size_t i;
	bool any = false;

	json_array_foreach (h->moves, i, move) {
		json_t *ended = json_object_get(move, "ended_s");

		if (!streq(shape_text(move, "service_name", ""), service) ||
		    json_number_value(json_object_get(move, "created_s")) > t)
			continue;
		if (!json_is_number(ended) || json_number_value(ended) > t)
			return false;
		any = true;
	}
	return any;
}

/* Of the open changes those that count: not one that its owner took over and that has ended. */
static size_t
open_changes(const struct history *h, json_t *open, double t)
{
	const char *name;
	json_t *by_owner;
	size_t n = 0;

	json_object_foreach (open, name, by_owner)
		n += !json_is_true(by_owner) || !is_over(h, name, t);
	return n;
}

void
invariant_4_one_at_a_time(const struct history *h, const struct invariant_limits *l,
                          struct invariant_result *ret)
{
	json_auto_t *open = json_object();
	json_t *line;
	size_t i;

	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		const char *name = shape_text(line, "name", "");
		bool plan = invariant_has_plan(json_object_get(line, "spec"));
		size_t changes;

		if (!invariant_is(line, "service"))
			continue;
		if (!plan || streq(shape_text(line, "what", ""), "remove")) {
			(void) json_object_del(open, name);
			continue;
		}
		/*
		 * People who write back what they read in mid-move begin no change of ours, and
		 * take over the one that is open: our labels stand in what is theirs now.
		 */
		if (!invariant_is_our_write(line) && json_object_get(open, name) == NULL)
			continue;
		if (!invariant_by(line, "swarm"))
			(void) json_object_set_new(open, name,
			                           json_boolean(invariant_by_people(line)));
		ret->checks++;
		changes = open_changes(h, open, invariant_time(line));
		if (invariant_is_our_write(line) && changes > 1)
			invariant_violated(ret, line, "'%s' is changed while %zu changes are open",
			                   name, changes);
	}
	if (l->per_hour > 0)
		check_budget(h, l->per_hour, ret);
}

/* ---- I5 ---- */

/*
 * What is read for facts only may have a key twice, for the last one counts and it is the true one;
 * and nobody asks for the engine's own ID in /info.
 */
static bool
is_readable(const char *endpoint, const char *fault)
{
	if (streq(fault, "duplicate"))
		return !streq(endpoint, "service");
	return streq(endpoint, "info") && (streq(fault, "missing") || streq(fault, "nulls"));
}

/* Later, slower, but all of it and as the engine has it; or what nobody can tell from that. */
static bool
is_harmless(const json_t *request)
{
	static const char *const faults[] = {"none", "delay", "slow", "flip", "stale"};
	const char *fault = shape_text(request, "fault", "none");

	if (shape_int(request, "status", 0) >= 300)
		return false;
	if (is_readable(shape_text(request, "endpoint", ""), fault))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		if (streq(fault, faults[i]))
			return true;
	}
	return false;
}

/* Foragerd's own readings may fail in between: a change goes by what it has just read itself. */
#define FRESH_S 2.5

/* One that is open is brought to its end, whatever can be read. */
static bool
begins_change(const json_t *line, const json_t *specs)
{
	return invariant_is_our_write(line) && invariant_has_plan(json_object_get(line, "spec")) &&
	       !invariant_has_plan(json_object_get(specs, shape_text(line, "id", "")));
}

static void
check_readings(const json_t *line, const json_t *good, const json_t *newest,
               struct invariant_result *ret)
{
	static const char *const needs[] = {"info", "nodes", "services", "tasks", "service"};

	for (size_t k = 0; k < ARRAY_SIZE(needs); k++) {
		const json_t *read = json_object_get(good, needs[k]);
		const json_t *last = json_object_get(newest, needs[k]);

		ret->checks++;
		if (read == NULL ||
		    (read != last && invariant_time(line) - invariant_time(read) > FRESH_S))
			invariant_violated(ret, line,
			                   "a change is sent though /%s could not be read: %s, %d",
			                   needs[k], shape_text(last, "fault", "never read"),
			                   (int) shape_int(last, "status", 0));
	}
}

void
invariant_5_fail_static(const struct history *h, const struct invariant_limits *l,
                        struct invariant_result *ret)
{
	json_auto_t *newest = json_object(), *good = json_object(), *specs = json_object();
	json_t *line;
	size_t i;

	(void) l;
	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		const char *endpoint = shape_text(line, "endpoint", "");

		if (begins_change(line, specs))
			check_readings(line, good, newest, ret);
		if (invariant_is(line, "service"))
			(void) json_object_set(specs, shape_text(line, "id", ""),
			                       json_object_get(line, "spec"));
		if (!invariant_is(line, "request") || !invariant_by(line, "forager"))
			continue;
		(void) json_object_set(newest, endpoint, line);
		if (is_harmless(line))
			(void) json_object_set(good, endpoint, line);
	}
}

/* ---- I6 ---- */

void
invariant_6_opted_in_only(const struct history *h, const struct invariant_limits *l,
                          struct invariant_result *ret)
{
	json_auto_t *specs = json_object();
	json_t *line;
	size_t i;

	(void) l;
	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		const char *name = shape_text(line, "name", "");
		const json_t *before = json_object_get(specs, name);

		if (invariant_is(line, "node")) {
			ret->checks++;
			if (invariant_by(line, "forager"))
				invariant_violated(ret, line, "node '%s' was written", name);
		}
		if (!invariant_is(line, "service"))
			continue;
		ret->checks++;
		if (invariant_by(line, "forager") &&
		    json_object_get(json_object_get(before, "Labels"), "forager.mode") == NULL)
			invariant_violated(ret, line, "'%s' was written and has not opted in",
			                   name);
		if (invariant_by(line, "forager") && shape_mode(before) != MODE_REPLICATED)
			invariant_violated(ret, line, "'%s' is no replicated service", name);
		(void) json_object_set(specs, name, json_object_get(line, "spec"));
	}
}

/* ---- I7 ---- */

/* The least or the most of a figure in a span of time. */
static double
extreme(const struct history *h, const char *key, bool least, double from, double to)
{
	double found = -1;
	json_t *line;
	size_t i;

	json_array_foreach (h->lines, i, line) {
		double t = invariant_time(line), x = json_number_value(json_object_get(line, key));

		if (!invariant_is(line, "usage") || t < from || t >= to)
			continue;
		found = found < 0 ? x : least ? MIN(found, x) : MAX(found, x);
	}
	return found;
}

/* The first quarter is for filling caches. */
static void
check_usage(const struct history *h, const struct invariant_limits *l, double first, double last,
            struct invariant_result *ret)
{
	double quarter = (last - first) / 4;
	double middle = first + 2.5 * quarter;
	double rss = extreme(h, "rss_kb", false, first + quarter, middle);
	double rss_later = extreme(h, "rss_kb", false, middle, last + 1);
	/* Descriptors come and go with requests that hang: a leak shows in the least. */
	double fds = extreme(h, "fds", true, first + quarter, middle);
	double fds_later = extreme(h, "fds", true, middle, last + 1);

	ret->checks += 2;
	if (rss_later > rss * l->rss_share)
		invariant_violated(ret, NULL, "memory grew from %.0f to %.0f KB", rss, rss_later);
	if (fds_later > fds + 2)
		invariant_violated(ret, NULL, "descriptors grew from %.0f to %.0f", fds, fds_later);
}

void
invariant_7_flat(const struct history *h, const struct invariant_limits *l,
                 struct invariant_result *ret)
{
	double first = -1, last = -1, fed = -1;
	json_t *line;
	size_t i;

	*ret = (struct invariant_result){0};
	json_array_foreach (h->lines, i, line) {
		double t = invariant_time(line);

		if (invariant_is(line, "usage")) {
			first = first < 0 ? t : first;
			last = t;
		}
		if (!invariant_is(line, "watchdog"))
			continue;
		ret->checks++;
		if (fed >= 0 && l->watchdog_s > 0 && t - fed > l->watchdog_s)
			invariant_violated(ret, line, "the watchdog was not fed for %.1f s",
			                   t - fed);
		fed = t;
	}
	if (last > first)
		check_usage(h, l, first, last, ret);
}
