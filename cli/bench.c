/* The benchmark's verb; see bench.h. */
#include "cli/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "sim/bench.h"

#define LIST_MOST  64
#define SEEDS_MOST 1000
#define DAYS_MOST  365
#define BAR_WIDTH  40

/* The keys are a contract (docs/cloudsim.md). */
static const struct show_column columns[] = {
    {"semantics", NULL, SHOW_TEXT},
    {"day", "DAY", SHOW_TEXT},
    {"policy", "POLICY", SHOW_TEXT},
    {"seed", "SEED", SHOW_COUNT},
    {"energy_kwh", "KWH", SHOW_NUMBER},
    {"moves", "MOVES", SHOW_COUNT},
    {"overload_pct", "OVERLOAD%", SHOW_NUMBER},
    {"unmet_pct", "UNMET%", SHOW_NUMBER},
    {"cost_j", "COST", SHOW_NUMBER},
    {"slatah_pct", "SLATAH%", SHOW_NUMBER},
    {"pdm_pct", "PDM%", SHOW_COST},
    {"slav_pct", "SLAV%", SHOW_COST},
    {"overall_sla_pct", NULL, SHOW_NUMBER},
    {"host_shutdowns", NULL, SHOW_COUNT},
    {"mean_active_hosts", "HOSTS", SHOW_NUMBER},
    {"decide_ms_mean", "DECIDE_MS", SHOW_NUMBER},
    {"decide_ms_max", NULL, SHOW_NUMBER},
    {"wall_s", NULL, SHOW_NUMBER},
};

/* A list separated by commas; the words point into *buf. */
struct words {
	char *buf;
	const char *list[LIST_MOST];
	size_t n;
};

static void
words_done(struct words *w)
{
	free(w->buf);
}

static int
words_split(const char *option, const char *text, struct words *ret, struct error *err)
{
	char *rest;

	*ret = (struct words){.buf = xstrdup(text)};
	for (char *w = ret->buf; w != NULL; w = rest) {
		rest = strchr(w, ',');
		if (rest != NULL)
			*rest++ = '\0';
		if (*w == '\0')
			return error_set(err, EINVAL, "--%s '%s' has an empty entry", option, text);
		if (ret->n == LIST_MOST)
			return error_set(err, EINVAL, "--%s: more than %d entries", option,
			                 LIST_MOST);
		ret->list[ret->n++] = w;
	}
	return 0;
}

static int
number(const char *option, const char *text, uint64_t most, uint64_t *ret, struct error *err)
{
	char *end;
	unsigned long long x;

	errno = 0;
	x = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || x < 1 || x > most)
		return error_set(err, EINVAL, "--%s '%s' is not a number from 1 to %" PRIu64,
		                 option, text, most);
	*ret = x;
	return 0;
}

static void
bar(void *data, size_t done, size_t of)
{
	size_t full = of > 0 ? BAR_WIDTH * done / of : 0;

	(void) data;
	(void) fprintf(stderr, "\r[%.*s%*s] %zu of %zu%s", (int) full,
	               "########################################", (int) (BAR_WIDTH - full), "",
	               done, of, done == of ? "\r\033[K" : "");
	(void) fflush(stderr);
}

static struct query_value
real(double x)
{
	return (struct query_value){.type = QUERY_REAL, .real = x, .integer = (int64_t) x};
}

static struct query_value
count(uint64_t x)
{
	return (struct query_value){
	    .type = QUERY_INTEGER, .integer = (int64_t) x, .real = (double) x};
}

static struct query_value
text(const char *s)
{
	return (struct query_value){.type = QUERY_TEXT, .text = s, .size = strlen(s)};
}

static int
row_show(struct show *show, const struct bench_row *r)
{
	const struct query_value values[] = {
	    text("cloudsim"),
	    text(r->day),
	    text(r->policy),
	    count(r->seed),
	    real(r->energy_kwh),
	    count(r->moves),
	    real(r->overload_pct),
	    real(r->unmet_pct),
	    real(r->cost_j),
	    real(r->slatah_pct),
	    real(r->pdm_pct),
	    real(r->slav_pct),
	    real(r->overall_sla_pct),
	    count(r->host_shutdowns),
	    real(r->mean_active_hosts),
	    real(r->decide_ms_mean),
	    real(r->decide_ms_max),
	    real(r->wall_s),
	};
	const char *names[ARRAY_SIZE(columns)];

	_Static_assert(ARRAY_SIZE(values) == ARRAY_SIZE(columns), "a value for each column");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		names[i] = columns[i].key;
	return show_row(show, ARRAY_SIZE(columns), names, values);
}

static int
rows_show(struct cli *c, const struct bench_row *rows, size_t n, struct error *err)
{
	struct show_options options = show_options_of(c->args, c->out);
	_cleanup_(show_freep) struct show *show = NULL;
	int r = show_new(columns, ARRAY_SIZE(columns), &options, &show, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = row_show(show, &rows[i]);
	return r < 0 ? r : show_end(show, err);
}

/* Whatever is wrong with days and traces is wrong input. */
static int
as_input(int r, struct error *err)
{
	if (r < 0)
		err->code = -EINVAL;
	return r < 0 ? -EINVAL : 0;
}

static int
run(struct cli *c, struct bench_request *q, struct error *err)
{
	struct bench_row *rows = NULL;
	size_t n = 0;
	int r;

	if (isatty(STDERR_FILENO))
		q->progress = bar;
	r = as_input(bench_run(q, &rows, &n, err), err);
	if (r == 0)
		r = rows_show(c, rows, n, err);
	bench_rows_free(rows, n);
	return r;
}

static int
synthetic(const struct args *a, struct error *err)
{
	uint64_t days = 1, seed = 1;
	int r = 0;

	if (a->days != NULL)
		r = number("days", a->days, DAYS_MOST, &days, err);
	if (r == 0 && a->seed != NULL)
		r = number("seed", a->seed, UINT64_MAX, &seed, err);
	if (r < 0)
		return r;
	return as_input(bench_synthetic(a->synthetic, (uint32_t) days, seed, err), err);
}

static int
options_check(const struct args *a, struct error *err)
{
	if (streq(a->semantics, "swarm"))
		return error_set(err, EINVAL,
		                 "--semantics swarm is not in this version; cloudsim is");
	if (a->semantics != NULL && !streq(a->semantics, "cloudsim"))
		return error_set(err, EINVAL, "--semantics '%s' is not cloudsim", a->semantics);
	if (a->synthetic != NULL)
		return 0;
	if (a->seed != NULL)
		return error_set(err, EINVAL, "--seed goes with --synthetic; --seeds N shuffles");
	if (a->traces == NULL)
		return error_set(err, EINVAL,
		                 "bench needs --traces DIR: docs/cloudsim.md says where "
		                 "they are; --synthetic DIR writes some");
	if (a->days == NULL)
		return error_set(err, EINVAL, "bench needs --days: the folders of DIR to report");
	return 0;
}

int
bench_verb(struct cli *c, struct error *err)
{
	const struct args *a = c->args;
	_cleanup_(words_done) struct words days = {0}, policies = {0}, train = {0};
	struct bench_request q = {.traces = a->traces, .keep_idle = a->keep_idle};
	uint64_t seeds = 0;
	int r = options_check(a, err);

	if (r == 0 && a->synthetic != NULL)
		return synthetic(a, err);
	if (r == 0)
		r = words_split("days", a->days, &days, err);
	if (r == 0)
		r = words_split("policy", a->policies != NULL ? a->policies : "lr-mmt:1.2,linear",
		                &policies, err);
	if (r == 0 && a->train != NULL)
		r = words_split("train", a->train, &train, err);
	if (r == 0 && a->seeds != NULL)
		r = number("seeds", a->seeds, SEEDS_MOST, &seeds, err);
	if (r < 0)
		return r;
	q.days = days.list;
	q.n_days = days.n;
	q.policies = policies.list;
	q.n_policies = policies.n;
	q.train = train.list;
	q.n_train = train.n;
	q.seeds = (uint32_t) seeds;
	return run(c, &q, err);
}
