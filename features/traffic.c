/* Guessing who talks to whom; see traffic.h. */
#include "features/traffic.h"

#include <math.h>

#include "base/util.h"

/* Fewer common steps than this prove nothing. */
#define STEPS_MIN 4
/* Below this, byte counters show gossip, DNS and health checks of everybody. */
#define BYTES_PER_S_MIN 1024.0
/* Correlation below this is chance: of 12 random steps one pair in two hundred reaches it. */
#define CORRELATION_MIN 0.7
/* Even traffic has no rise and fall to compare; equal levels alone are a weak hint. */
#define EVEN_RATIO      0.05
#define EVEN_CONFIDENCE 0.3
/* No guess is surer than this: two pairs may dance to one tune. */
#define CONFIDENCE_MAX 0.9

struct ranked {
	uint32_t service;
	double bytes_per_s;
};

struct flow {
	double bytes_per_s, confidence;
};

static double
mean_of(const float *x)
{
	double sum = 0, n = 0;

	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		if (!isnan(x[i])) {
			sum += (double) x[i];
			n++;
		}
	}
	return n > 0 ? sum / n : 0;
}

/* How far what `tx` sends is what `rx` receives. */
static struct flow
flow_between(const float *tx, const float *rx)
{
	double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0, both = 0, vx, vy, level, r;
	struct flow f = {0};

	for (size_t i = 0; i < FORECAST_STEPS; i++) {
		double a = (double) tx[i], b = (double) rx[i];

		if (isnan(a) || isnan(b))
			continue;
		n++;
		x += a;
		y += b;
		xx += a * a;
		yy += b * b;
		xy += a * b;
		both += MIN(a, b);
	}
	if (n < STEPS_MIN || both / n < BYTES_PER_S_MIN)
		return f;
	/* 1 when all that one sends is all that the other gets. */
	level = MIN(x, y) / MAX(x, y);
	vx = MAX(0.0, xx / n - x / n * x / n);
	vy = MAX(0.0, yy / n - y / n * y / n);
	f.bytes_per_s = both / n;
	if (sqrt(vx) < EVEN_RATIO * x / n && sqrt(vy) < EVEN_RATIO * y / n) {
		f.confidence = level > 1 - 2 * EVEN_RATIO ? EVEN_CONFIDENCE * level : 0;
		return f;
	}
	r = vx > 0 && vy > 0 ? (xy / n - x / n * y / n) / sqrt(vx * vy) : 0;
	if (r < CORRELATION_MIN)
		return (struct flow){0};
	f.confidence = MIN(CONFIDENCE_MAX, r * r * sqrt(level) * n / FORECAST_STEPS);
	return f;
}

static bool
share_network(const struct traffic_service *a, const struct traffic_service *b)
{
	for (size_t i = 0, j = 0; i < a->n_networks && j < b->n_networks;) {
		int c = strcmp(a->networks[i], b->networks[j]);

		if (c == 0)
			return true;
		if (c < 0)
			i++;
		else
			j++;
	}
	return false;
}

static int
by_bytes(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;

	if (a->bytes_per_s != b->bytes_per_s)
		return a->bytes_per_s > b->bytes_per_s ? -1 : 1;
	return a->service < b->service ? -1 : 1;
}

static double
strength(const struct edge *e)
{
	return e->bytes_per_s * e->confidence;
}

static int
by_strength(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;

	if (strength(a) != strength(b))
		return strength(a) > strength(b) ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

static size_t
rank(const struct traffic_service *services, size_t n_services, struct ranked *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < n_services && i < NO_INDEX; i++) {
		double bytes = mean_of(services[i].rx) + mean_of(services[i].tx);

		if (services[i].n_networks > 0 && bytes >= BYTES_PER_S_MIN)
			ret[n++] = (struct ranked){(uint32_t) i, bytes};
	}
	qsort(ret, n, sizeof(*ret), by_bytes);
	return MIN(n, TRAFFIC_SERVICES_MAX);
}

static bool
edge_of(const struct traffic_service *services, uint32_t i, uint32_t j, struct edge *ret)
{
	uint32_t a = MIN(i, j), b = MAX(i, j);
	struct flow there = flow_between(services[a].tx, services[b].rx);
	struct flow back = flow_between(services[b].tx, services[a].rx);
	double bytes = there.bytes_per_s + back.bytes_per_s;

	if (!(bytes > 0))
		return false;
	*ret = (struct edge){
	    .a = a,
	    .b = b,
	    .bytes_per_s = bytes,
	    .confidence =
	        (there.bytes_per_s * there.confidence + back.bytes_per_s * back.confidence) / bytes,
	};
	return ret->confidence > 0;
}

size_t
traffic_infer(const struct traffic_service *services, size_t n_services, struct edge *ret_edges,
              size_t cap)
{
	_cleanup_(freep) struct ranked *ranks = xcalloc(n_services, sizeof(*ranks));
	size_t n = rank(services, n_services, ranks), n_edges = 0;
	_cleanup_(freep) struct edge *edges = xcalloc(n * n / 2 + 1, sizeof(*edges));

	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			uint32_t a = ranks[i].service, b = ranks[j].service;

			if (share_network(&services[a], &services[b]) &&
			    edge_of(services, a, b, &edges[n_edges]))
				n_edges++;
		}
	}
	qsort(edges, n_edges, sizeof(*edges), by_strength);
	n_edges = MIN(n_edges, cap);
	if (n_edges > 0)
		memcpy(ret_edges, edges, n_edges * sizeof(*edges));
	return n_edges;
}
