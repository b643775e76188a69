/* Contenders × days × orders; see bench.h. */
#include "sim/bench.h"

#include <errno.h>
#include <math.h>

#include "sim/cloudsim/tune.h"
#include "sim/jobs.h"

#define SYNTHETIC_VMS 1050

static const char *const always[] = {"limited-mmt", "pbf", "packing", "fluid"};

struct bench {
	const struct bench_request *request;
	struct contender *contenders;
	size_t n_contenders;
	uint32_t n_seeds;
	struct product_tuning tuning;
	struct day **train; /* in sorted order; only read once loaded */
	struct bench_row *rows;
	struct error *errors; /* of each row */
	size_t n_rows, total, done_before;
};

static void
bench_done(struct bench *b)
{
	for (size_t i = 0; i < b->n_contenders; i++)
		contender_done(&b->contenders[i]);
	for (size_t i = 0; b->train != NULL && i < b->request->n_train; i++)
		day_free(b->train[i]);
	free(b->train);
	free(b->contenders);
	free(b->errors);
}

void
bench_rows_free(struct bench_row *rows, size_t n)
{
	for (size_t i = 0; rows != NULL && i < n; i++) {
		free(rows[i].day);
		free(rows[i].policy);
	}
	free(rows);
}

static int
contender_add(struct bench *b, const char *text, struct error *err)
{
	b->contenders = xrealloc(b->contenders, b->n_contenders + 1, sizeof(*b->contenders));
	if (contender_parse(text, &b->contenders[b->n_contenders], err) < 0)
		return err->code;
	b->n_contenders++;
	return 0;
}

/* By the name before a colon: pbf:2 is a pbf. */
static bool
is_there(const struct bench *b, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < b->n_contenders; i++) {
		const char *label = b->contenders[i].label;

		if (strncmp(label, name, n) == 0 && (label[n] == '\0' || label[n] == ':'))
			return true;
	}
	return false;
}

static int
contenders_fill(struct bench *b, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->request->n_policies; i++)
		r = contender_add(b, b->request->policies[i], err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(always); i++)
		if (!is_there(b, always[i]))
			r = contender_add(b, always[i], err);
	return r;
}

static int
days_check(const struct bench_request *q, struct error *err)
{
	for (size_t i = 0; i < q->n_days; i++) {
		_cleanup_(day_freep) struct day *day = NULL;
		int r = day_load(q->traces, q->days[i], &day, err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < q->n_train; k++)
			if (streq(q->days[i], q->train[k]))
				return error_set(err, EINVAL,
				                 "day '%s' is both trained on and reported: that "
				                 "would say nothing of other days",
				                 q->days[i]);
	}
	return 0;
}

static int
day_get(const struct bench *b, const char *name, uint64_t seed, struct day **ret, struct error *err)
{
	int r = day_load(b->request->traces, name, ret, err);

	if (r == 0)
		day_shuffle(*ret, seed);
	return r;
}

static void
tell(void *data, size_t count)
{
	struct bench *b = data;

	if (b->request->progress != NULL)
		b->request->progress(b->request->data, b->done_before + count, b->total);
}

/* --- training days -------------------------------------------------------------------------------
 */

static int
train_load(struct bench *b, struct error *err)
{
	size_t n = b->request->n_train;
	int r = 0;

	b->train = xcalloc(n + 1, sizeof(struct day *));
	for (size_t i = 0; r == 0 && i < n; i++)
		r = day_load(b->request->traces, b->request->train[i], &b->train[i], err);
	return r;
}

static bool
has_tuned(const struct bench *b, const char *algorithm)
{
	for (size_t i = 0; i < b->n_contenders; i++)
		if (streq(b->contenders[i].algorithm, algorithm) &&
		    !isfinite(b->contenders[i].parameter))
			return true;
	return false;
}

static void
tune(struct bench *b)
{
	struct tune_request q = {.days = b->train,
	                         .keep_idle = b->request->keep_idle,
	                         .linear = has_tuned(b, "linear"),
	                         .threads = b->request->threads,
	                         .done = tell,
	                         .data = b};

	if (q.linear || has_tuned(b, "pbf"))
		q.n_days = b->request->n_train;
	b->total = b->n_rows + tune_steps(&q);
	tune_run(&q, &b->tuning);
	b->done_before += tune_steps(&q);
}

/* --- rows ----------------------------------------------------------------------------------------
 */

static struct policy *
trained_new(const struct bench *b, const struct contender *c, uint64_t seed)
{
	struct policy *p = product_new(c, &b->tuning, seed + 1);

	product_train(p, c, &b->tuning, b->train, b->request->n_train, seed, b->request->keep_idle);
	return p;
}

static void
row_fill(struct bench_row *row, const struct score *s)
{
	row->energy_kwh = s->energy_kwh;
	row->moves = s->moves;
	row->slatah_pct = s->slatah_pct;
	row->pdm_pct = s->pdm_pct;
	row->slav_pct = s->slav_pct;
	row->overall_sla_pct = s->overall_sla_pct;
	row->overload_pct = s->overload_pct;
	row->unmet_pct = s->unmet_pct;
	row->cost_j = s->cost_j;
	row->host_shutdowns = s->shutdowns;
	row->mean_active_hosts = s->mean_active_hosts;
	row->decide_ms_mean = s->decide_ms_mean;
	row->decide_ms_max = s->decide_ms_max;
	row->wall_s = s->wall_s;
}

static void
row_run(void *data, size_t i)
{
	struct bench *b = data;
	struct bench_row *row = &b->rows[i];
	size_t contender = i / b->n_seeds % b->n_contenders;
	const char *name = b->request->days[i / b->n_seeds / b->n_contenders];
	_cleanup_(day_freep) struct day *day = NULL;
	struct policy *p = NULL;
	struct trial t = {.contender = &b->contenders[contender],
	                  .keep_idle = b->request->keep_idle};
	struct score score;

	row->day = xstrdup(name);
	row->policy = xstrdup(t.contender->label);
	row->seed = t.seed = b->request->seeds > 0 ? i % b->n_seeds + 1 : 0;
	if (day_get(b, name, row->seed, &day, &b->errors[i]) < 0)
		return;
	if (t.contender->kind == CONTENDER_PRODUCT)
		p = trained_new(b, t.contender, row->seed);
	t.day = day;
	t.policy = p;
	trial_run(&t, &score);
	row_fill(row, &score);
	policy_free(p);
}

static int
rows_run(struct bench *b, struct error *err)
{
	b->rows = xcalloc(b->n_rows, sizeof(*b->rows));
	b->errors = xcalloc(b->n_rows, sizeof(*b->errors));
	jobs_run(b->n_rows, b->request->threads, row_run, tell, b);
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->errors[i].code < 0)
			return error_set(err, -b->errors[i].code, "%s", b->errors[i].text);
	return 0;
}

int
bench_run(const struct bench_request *request, struct bench_row **ret, size_t *ret_n,
          struct error *err)
{
	_cleanup_(bench_done) struct bench b = {.request = request};
	int r = contenders_fill(&b, err);

	if (r == 0)
		r = days_check(request, err);
	if (r == 0)
		r = train_load(&b, err);
	if (r < 0)
		return r;
	b.n_seeds = MAX(request->seeds, 1u);
	b.n_rows = request->n_days * b.n_contenders * b.n_seeds;
	tune(&b);
	r = rows_run(&b, err);
	if (r < 0) {
		bench_rows_free(b.rows, b.n_rows);
		return r;
	}
	*ret = b.rows;
	*ret_n = b.n_rows;
	return 0;
}

int
bench_synthetic(const char *dir, uint32_t n_days, uint64_t seed, struct error *err)
{
	return day_write_synthetic(dir, n_days, SYNTHETIC_VMS, seed, err);
}
