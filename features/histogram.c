/* The decaying histogram; see histogram.h. */
#include "features/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/util.h"

#define FORMAT "h1"
/* A sample this many half-lives newer than the reference moves the reference: 2^60 is exact. */
#define REBASE_HALF_LIVES 60.0
/* What has decayed below this share of the largest weight is forgotten: it moves no percentile. */
#define FORGET_RATIO 1e-7
/* As the VPA's checkpoints: weights as integers, the largest is this. */
#define SAVED_MAX 10000
/* Longest text that may be loaded: every bucket of the widest kind, five digits and a comma. */
#define SAVED_TEXT_MAX 8192

struct shape {
	double first, ratio;
	uint16_t n;
};

/* n is the first bucket whose start lies above the largest value that the header names. */
static const struct shape shapes[HISTOGRAM_KIND_N] = {
    [HISTOGRAM_CPU_CORES] = {0.001, 1.05, 224},
    [HISTOGRAM_MEM_BYTES] = {65536, 1.05, 338},
    [HISTOGRAM_RATE] = {16, 1.20, 129},
};

/* Where bucket i starts: first · (1 + r + … + r^(i−1)). */
static double
bucket_start(const struct shape *s, unsigned i)
{
	return s->first * (pow(s->ratio, (double) i) - 1) / (s->ratio - 1);
}

static uint16_t
bucket_of(const struct shape *s, double value)
{
	double i;

	if (value < s->first)
		return 0;
	i = floor(log(value * (s->ratio - 1) / s->first + 1) / log(s->ratio));
	return (uint16_t) CLAMP(i, 0, (double) (s->n - 1));
}

void
histogram_init(struct histogram *h, enum histogram_kind kind, int64_t half_life_ms)
{
	*h = (struct histogram){.kind = kind, .half_life_ms = MAX(half_life_ms, 1)};
}

void
histogram_done(struct histogram *h)
{
	free(h->weights);
	*h = (struct histogram){.kind = h->kind, .half_life_ms = h->half_life_ms};
}

bool
histogram_empty(const struct histogram *h)
{
	return h->n == 0 || !(h->total > 0);
}

/* 2^(age in half-lives), as seen from the reference. */
static double
decay(const struct histogram *h, int64_t t_ms)
{
	return exp2(((double) t_ms - (double) h->ref_ms) / (double) h->half_life_ms);
}

/* Makes room for bucket i: only the span between the lowest and the highest is kept. */
static double *
bucket_at(struct histogram *h, uint16_t i)
{
	uint16_t lo = h->n == 0 ? i : MIN(h->lo, i);
	uint16_t hi = h->n == 0 ? i : (uint16_t) MAX(h->lo + h->n - 1, i);
	uint16_t n = (uint16_t) (hi - lo + 1);
	double *w;

	if (n == h->n)
		return &h->weights[i - lo];
	w = xcalloc(n, sizeof(*w));
	if (h->n > 0)
		memcpy(w + (h->lo - lo), h->weights, h->n * sizeof(*w));
	free(h->weights);
	h->weights = w;
	h->lo = lo;
	h->n = n;
	return &w[i - lo];
}

/* Drops buckets at both ends that no longer weigh anything, and sums anew: no drift. */
static void
trim(struct histogram *h)
{
	double most = 0, total = 0;
	uint16_t from = 0, to = h->n;

	for (uint16_t i = 0; i < h->n; i++)
		most = MAX(most, h->weights[i]);
	for (uint16_t i = 0; i < h->n; i++) {
		if (!(h->weights[i] > most * FORGET_RATIO))
			h->weights[i] = 0;
		total += h->weights[i];
	}
	while (from < to && h->weights[from] == 0)
		from++;
	while (to > from && h->weights[to - 1] == 0)
		to--;
	if (from == to) {
		histogram_done(h);
		return;
	}
	memmove(h->weights, h->weights + from, (size_t) (to - from) * sizeof(double));
	h->lo = (uint16_t) (h->lo + from);
	h->n = (uint16_t) (to - from);
	h->sum *= total / h->total;
	h->total = total;
}

/* Moves the reference to t_ms, later than it stood, so that no weight ever overflows. */
static void
rebase(struct histogram *h, int64_t t_ms)
{
	double scale = 1 / decay(h, t_ms);

	for (uint16_t i = 0; i < h->n; i++)
		h->weights[i] *= scale;
	h->total *= scale;
	h->sum *= scale;
	if (h->n > 0)
		trim(h);
	h->ref_ms = t_ms; /* last: a histogram that has forgotten all is as new */
}

void
histogram_add(struct histogram *h, double value, double weight, int64_t t_ms)
{
	double w;

	if (!isfinite(value) || value < 0 || !isfinite(weight) || weight <= 0)
		return;
	if (histogram_empty(h))
		h->ref_ms = t_ms;
	else if ((double) t_ms - (double) h->ref_ms > REBASE_HALF_LIVES * (double) h->half_life_ms)
		rebase(h, t_ms);
	w = weight * decay(h, t_ms);
	if (!isfinite(w) || w <= 0)
		return;
	*bucket_at(h, bucket_of(&shapes[h->kind], value)) += w;
	h->total += w;
	h->sum += w * value;
}

double
histogram_percentile(const struct histogram *h, double share)
{
	const struct shape *s = &shapes[h->kind];
	double below = 0, want, from, to;
	uint16_t last = 0;

	if (histogram_empty(h) || isnan(share))
		return NAN;
	want = CLAMP(share, 0.0, 1.0) * h->total;
	for (uint16_t i = 0; i < h->n; i++) {
		if (!(h->weights[i] > 0))
			continue;
		last = i;
		if (below + h->weights[i] >= want)
			break;
		below += h->weights[i];
	}
	from = bucket_start(s, (unsigned) h->lo + last);
	to = bucket_start(s, (unsigned) h->lo + last + 1);
	return from + (to - from) * CLAMP((want - below) / h->weights[last], 0.0, 1.0);
}

double
histogram_mean(const struct histogram *h)
{
	return histogram_empty(h) ? NAN : h->sum / h->total;
}

double
histogram_weight(const struct histogram *h, int64_t t_ms)
{
	return histogram_empty(h) ? 0 : h->total / decay(h, t_ms);
}

int
histogram_merge(struct histogram *h, const struct histogram *from, double scale, struct error *err)
{
	if (h->kind != from->kind || h->half_life_ms != from->half_life_ms)
		return error_set(err, EINVAL, "histograms of different shapes cannot be merged");
	if (histogram_empty(from) || !isfinite(scale) || scale <= 0)
		return 0;
	if (histogram_empty(h))
		h->ref_ms = from->ref_ms;
	else if (from->ref_ms > h->ref_ms)
		rebase(h, from->ref_ms);
	scale *= decay(h, from->ref_ms);
	h->sum += from->sum * scale;
	for (uint16_t i = 0; i < from->n; i++) {
		double w = from->weights[i] * scale;

		if (w > 0) {
			*bucket_at(h, (uint16_t) (from->lo + i)) += w;
			h->total += w;
		}
	}
	return 0;
}

void
histogram_copy(struct histogram *h, const struct histogram *from)
{
	double *w = NULL;

	if (from->n > 0) {
		w = xcalloc(from->n, sizeof(*w));
		memcpy(w, from->weights, from->n * sizeof(*w));
	}
	free(h->weights);
	*h = *from;
	h->weights = w;
}

/* Writes ",12345" backwards from end; returns where it begins. By hand: a daemon saves thousands of
 * histograms a cycle, and printf took most of that time. */
static char *
put_weight(char *end, unsigned weight)
{
	do {
		*--end = (char) ('0' + weight % 10);
		weight /= 10;
	} while (weight > 0);
	*--end = ',';
	return end;
}

char *
histogram_save(const struct histogram *h)
{
	_cleanup_(freep) char *head =
	    xasprintf(FORMAT " %d %" PRId64 " %" PRId64 " %.9g %.9g %u", (int) h->kind,
	              h->half_life_ms, h->ref_ms, h->total, h->sum, h->lo);
	size_t len = strlen(head), room = len + (size_t) h->n * sizeof(",10000") + 1;
	char *text = xcalloc(room, 1), *end = text + room - 1, *at = end;
	double most = 0;

	for (uint16_t i = 0; i < h->n; i++)
		most = MAX(most, h->weights[i]);
	for (uint16_t i = h->n; i > 0 && most > 0; i--)
		at = put_weight(at, (unsigned) lround(h->weights[i - 1] / most * SAVED_MAX));
	if (at < end)
		*at = ' '; /* instead of the first comma */
	memcpy(text, head, len);
	memmove(text + len, at, (size_t) (end - at) + 1);
	return text;
}

static int
damaged(struct error *err)
{
	return error_set(err, EINVAL, "the saved histogram is damaged or of another version");
}

/* The comma-separated weights; returns their sum, or −1 when there is anything else. */
static double
load_weights(struct histogram *h, const char *s)
{
	const struct shape *shape = &shapes[h->kind];
	double sum = 0;
	unsigned i = h->lo;

	for (; i < shape->n; i++, s++) {
		char *end;
		long w;

		if (*s < '0' || *s > '9')
			return -1;
		w = strtol(s, &end, 10);
		if (w > SAVED_MAX)
			return -1;
		*bucket_at(h, (uint16_t) i) = (double) w;
		sum += (double) w;
		s = end;
		if (*s == '\0')
			return sum;
		if (*s != ',')
			return -1;
	}
	return -1;
}

int
histogram_load(struct histogram *h, const char *text, struct error *err)
{
	struct histogram new = {0};
	double total, sum;
	int kind, at = 0;
	unsigned lo;

	if (text == NULL || strnlen(text, SAVED_TEXT_MAX) == SAVED_TEXT_MAX ||
	    sscanf(text, FORMAT " %d %" SCNd64 " %" SCNd64 " %lg %lg %u%n", &kind,
	           &new.half_life_ms, &new.ref_ms, &total, &new.sum, &lo, &at) != 6)
		return damaged(err);
	if (kind < 0 || kind >= HISTOGRAM_KIND_N || new.half_life_ms <= 0 || !isfinite(total) ||
	    total < 0 || !isfinite(new.sum) || new.sum < 0 || lo >= shapes[kind].n)
		return damaged(err);
	new.kind = (enum histogram_kind) kind;
	if (total > 0) {
		new.lo = (uint16_t) lo;
		if (text[at] != ' ')
			return damaged(err);
		sum = load_weights(&new, text + at + 1);
		if (!(sum > 0)) {
			histogram_done(&new);
			return damaged(err);
		}
		for (uint16_t i = 0; i < new.n; i++)
			new.weights[i] *= total / sum;
		new.total = total;
	} else if (text[at] != '\0') {
		return damaged(err);
	}
	histogram_done(h);
	*h = new;
	return 0;
}
