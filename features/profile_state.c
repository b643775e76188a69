/* A profile as one line of JSON, and back; see profile.h. */
#include "features/profile_state.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>

#include "base/util.h"

#define VERSION 1
/* Far more than a profile ever needs (about 3 KiB). */
#define TEXT_MAX (64 * 1024)
/* Figures are estimates: nine digits are more than they are worth. */
#define FORMAT (JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9))

/* Every plain figure of the profile, once, for both directions. */
static const struct number {
	const char *key;
	size_t offset;
} numbers[] = {
#define NUMBER(field)                                                                              \
	{                                                                                          \
#field, offsetof(struct profile, field)                                            \
	}
    NUMBER(limits.cpu_cores),
    NUMBER(limits.mem_bytes),
    NUMBER(cpu_trend.fast),
    NUMBER(cpu_trend.slow),
    NUMBER(cpu_trend.slow_var),
    NUMBER(cpu_trend.fast_miss2),
    NUMBER(cpu_trend.slow_miss2),
    NUMBER(cpu_trend.miss2),
    NUMBER(cpu_trend.newest),
    NUMBER(cpu_trend.n),
    NUMBER(mem_trend.fast),
    NUMBER(mem_trend.slow),
    NUMBER(mem_trend.slow_var),
    NUMBER(mem_trend.fast_miss2),
    NUMBER(mem_trend.slow_miss2),
    NUMBER(mem_trend.miss2),
    NUMBER(mem_trend.newest),
    NUMBER(mem_trend.n),
    NUMBER(cpu_peak_cores),
    NUMBER(mem_peak_bytes),
    NUMBER(throttled_ratio),
    NUMBER(net_bytes_per_s),
    NUMBER(inherited),
    NUMBER(own_steps),
    NUMBER(replicas),
#undef NUMBER
};

static const struct histogram_field {
	const char *key;
	size_t offset;
	enum histogram_kind kind;
} histograms[] = {
    {"cpu", offsetof(struct profile, cpu), HISTOGRAM_CPU_CORES},
    {"mem", offsetof(struct profile, mem), HISTOGRAM_MEM_BYTES},
    {"net_rx", offsetof(struct profile, net_rx), HISTOGRAM_RATE},
    {"net_tx", offsetof(struct profile, net_tx), HISTOGRAM_RATE},
    {"blk_read", offsetof(struct profile, blk_read), HISTOGRAM_RATE},
    {"blk_write", offsetof(struct profile, blk_write), HISTOGRAM_RATE},
};

static const struct window_field {
	const char *key;
	size_t offset;
} windows[] = {
    {"cpu_steps", offsetof(struct profile, cpu_steps)},
    {"mem_steps", offsetof(struct profile, mem_steps)},
    {"rx_steps", offsetof(struct profile, rx_steps)},
    {"tx_steps", offsetof(struct profile, tx_steps)},
};

static void *
field_of(struct profile *p, size_t offset)
{
	return (char *) p + offset;
}

static const void *
const_field_of(const struct profile *p, size_t offset)
{
	return (const char *) p + offset;
}

/* jansson has no NAN; null says the same. */
static json_t *
number_json(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *
window_json(const struct window *w)
{
	json_t *steps = json_array();
	float last[FORECAST_STEPS];

	window_last(w, last);
	for (size_t i = 0; i < FORECAST_STEPS; i++)
		(void) json_array_append_new(steps, number_json((double) last[i]));
	return json_pack("{s:I, s:b, s:o}", "open", (json_int_t) w->current, "started", w->started,
	                 "last", steps);
}

static json_t *
startups_json(const struct profile *p)
{
	json_t *a = json_array();

	for (size_t i = 0; i < MIN(p->n_startups, PROFILE_STARTUPS); i++)
		(void) json_array_append_new(a, json_integer((json_int_t) p->startups_ms[i]));
	return a;
}

char *
profile_save(const struct profile *p)
{
	json_auto_t *doc = json_pack(
	    "{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "v", VERSION, "step_ms",
	    (json_int_t) p->options.step_ms, "inherited_ms", (json_int_t) p->inherited_ms,
	    "first_ms", (json_int_t) p->first_ms, "last_ms", (json_int_t) p->last_ms, "n_samples",
	    (json_int_t) p->n_samples, "oom_kills", (json_int_t) p->oom_kills, "pids_max",
	    (json_int_t) p->pids_max, "restarts", (json_int_t) p->restarts, "behaviour",
	    behaviour_names[p->behaviour], "startups_ms", startups_json(p));
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const double *x = const_field_of(p, numbers[i].offset);

		(void) json_object_set_new(doc, numbers[i].key, number_json(*x));
	}
	for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
		_cleanup_(freep) char *s = histogram_save(const_field_of(p, histograms[i].offset));

		(void) json_object_set_new(doc, histograms[i].key, json_string(s));
	}
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
		(void) json_object_set_new(doc, windows[i].key,
		                           window_json(const_field_of(p, windows[i].offset)));
	text = json_dumps(doc, FORMAT);
	if (text == NULL)
		abort();
	return text;
}

static int
damaged(struct error *err, const char *key)
{
	return error_set(err, EINVAL, "the saved profile is damaged: '%s'", key);
}

static int
load_count(const json_t *doc, const char *key, int64_t *ret, struct error *err)
{
	const json_t *v = json_object_get(doc, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return damaged(err, key);
	*ret = json_integer_value(v);
	return 0;
}

static int
load_numbers(struct profile *p, const json_t *doc, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const json_t *v = json_object_get(doc, numbers[i].key);
		double *x = field_of(p, numbers[i].offset);

		/* Every figure is an amount, a count or a square: none is negative. */
		if (!json_is_number(v) || json_number_value(v) < 0)
			return damaged(err, numbers[i].key);
		*x = json_number_value(v);
	}
	if (p->inherited > 1 || p->throttled_ratio > 1 || !(p->replicas >= 1))
		return damaged(err, "inherited, throttled_ratio, replicas");
	return 0;
}

static int
load_counts(struct profile *p, const json_t *doc, struct error *err)
{
	int64_t samples, ooms, pids, restarts;
	int r;

	if ((r = load_count(doc, "inherited_ms", &p->inherited_ms, err)) < 0 ||
	    (r = load_count(doc, "first_ms", &p->first_ms, err)) < 0 ||
	    (r = load_count(doc, "last_ms", &p->last_ms, err)) < 0 ||
	    (r = load_count(doc, "n_samples", &samples, err)) < 0 ||
	    (r = load_count(doc, "oom_kills", &ooms, err)) < 0 ||
	    (r = load_count(doc, "pids_max", &pids, err)) < 0 ||
	    (r = load_count(doc, "restarts", &restarts, err)) < 0)
		return r;
	p->n_samples = (uint64_t) samples;
	p->oom_kills = (uint64_t) ooms;
	p->pids_max = (uint32_t) MIN(pids, UINT32_MAX);
	p->restarts = (uint32_t) MIN(restarts, UINT32_MAX);
	return 0;
}

static int
load_histograms(struct profile *p, const json_t *doc, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
		struct histogram *h = field_of(p, histograms[i].offset), loaded = {0};
		int r = histogram_load(
		    &loaded, json_string_value(json_object_get(doc, histograms[i].key)), err);

		if (r < 0) {
			(void) error_wrap(err, "%s", histograms[i].key);
			return r;
		}
		if (loaded.kind != histograms[i].kind) {
			histogram_done(&loaded);
			return damaged(err, histograms[i].key);
		}
		/* Another half-life from now on; what is there keeps its weights. */
		loaded.half_life_ms = p->options.half_life_ms;
		histogram_done(h);
		*h = loaded;
	}
	return 0;
}

static int
load_window(struct window *w, const json_t *doc, const char *key, struct error *err)
{
	const json_t *v = json_object_get(doc, key), *last = json_object_get(v, "last");
	const json_t *open = json_object_get(v, "open");

	if (!json_is_integer(open) || json_array_size(last) != FORECAST_STEPS)
		return damaged(err, key);
	w->started = json_is_true(json_object_get(v, "started"));
	w->current = json_integer_value(open);
	/* A step number far outside any clock would overflow when steps are turned into times. */
	if (llabs(w->current) > INT64_MAX / 1024 / w->step_ms)
		return damaged(err, key);
	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		const json_t *x = json_array_get(last, i);
		int64_t step = w->current - FORECAST_STEPS + (int64_t) i;
		double mean = json_is_null(x) ? NAN : json_number_value(x);
		int64_t at = step % FORECAST_STEPS;

		if (!json_is_null(x) && (!json_is_number(x) || mean < 0))
			return damaged(err, key);
		w->last[at < 0 ? at + FORECAST_STEPS : at] = (struct window_step){mean, mean};
	}
	return 0;
}

/* What counts policy steps means nothing when the step has changed. */
static int
load_steps(struct profile *p, const json_t *doc, struct error *err)
{
	int64_t step_ms;
	int r = load_count(doc, "step_ms", &step_ms, err);

	if (r < 0)
		return r;
	if (step_ms != p->options.step_ms) {
		p->cpu_trend = p->mem_trend = (struct trend){0};
		p->own_steps = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		r = load_window(field_of(p, windows[i].offset), doc, windows[i].key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void
load_names(struct profile *p, const json_t *doc)
{
	const char *name = json_string_value(json_object_get(doc, "behaviour"));
	const json_t *v;
	size_t i;

	for (i = 0; i < BEHAVIOUR_N; i++) {
		if (streq(name, behaviour_names[i]))
			p->behaviour = (enum behaviour) i;
	}
	json_array_foreach (json_object_get(doc, "startups_ms"), i, v)
		profile_started(p, (int64_t) json_integer_value(v));
}

int
profile_load(const char *text, const struct features_options *options, struct profile **ret,
             struct error *err)
{
	_cleanup_(profile_freep) struct profile *p = profile_new(options);
	json_auto_t *doc = NULL;
	json_error_t je;
	int r;

	if (text == NULL || strnlen(text, TEXT_MAX) == TEXT_MAX)
		return error_set(err, EINVAL, "the saved profile is empty or too long");
	doc = json_loads(text, JSON_REJECT_DUPLICATES, &je);
	if (doc == NULL)
		return error_set(err, EINVAL, "the saved profile is damaged: %s", je.text);
	if (json_integer_value(json_object_get(doc, "v")) != VERSION)
		return error_set(err, EINVAL, "the saved profile is of another version");
	if ((r = load_numbers(p, doc, err)) < 0 || (r = load_counts(p, doc, err)) < 0 ||
	    (r = load_histograms(p, doc, err)) < 0 || (r = load_steps(p, doc, err)) < 0)
		return r;
	load_names(p, doc);
	*ret = take_ptr(p);
	return 0;
}
