/*
 * Counts and exact percentiles: every latency is kept (4 bytes a request).
 */
#include "test/rig/tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcome_names[OUTCOME_N] = {
    "answered", "unresolved", "unconnected", "cut_off", "bad_status", "timed_out", "overrun",
};

static void
reserve(struct tally *tally, size_t n)
{
	if (n <= tally->cap)
		return;
	tally->cap = n < 1024 ? 1024 : 2 * n;
	tally->latencies_us = reallocarray(tally->latencies_us, tally->cap, sizeof(uint32_t));
	if (tally->latencies_us == NULL)
		abort();
}

void
tally_add(struct tally *tally, enum outcome outcome, bool retried, int64_t latency_ns)
{
	tally->outcomes[outcome]++;
	tally->retried += retried;
	if (outcome != OUTCOME_OK)
		return;
	reserve(tally, tally->n + 1);
	tally->latencies_us[tally->n++] = (uint32_t) (latency_ns / 1000);
}

void
tally_merge(struct tally *tally, const struct tally *other)
{
	for (size_t i = 0; i < OUTCOME_N; i++)
		tally->outcomes[i] += other->outcomes[i];
	tally->retried += other->retried;
	if (other->n == 0)
		return;
	reserve(tally, tally->n + other->n);
	memcpy(tally->latencies_us + tally->n, other->latencies_us, other->n * sizeof(uint32_t));
	tally->n += other->n;
}

void
tally_reset(struct tally *tally)
{
	memset(tally->outcomes, 0, sizeof(tally->outcomes));
	tally->retried = 0;
	tally->n = 0;
}

void
tally_done(struct tally *tally)
{
	free(tally->latencies_us);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest latency that at least this share of the answers did not exceed. */
static void
print_quantile(const struct tally *tally, const char *name, double share, FILE *out)
{
	size_t rank = (size_t) ceil(share * (double) tally->n);

	if (tally->n == 0)
		fprintf(out, ",\"%s\":null", name);
	else
		fprintf(out, ",\"%s\":%.2f", name,
		        tally->latencies_us[rank > 0 ? rank - 1 : 0] / 1e3);
}

void
tally_print(struct tally *tally, FILE *out)
{
	uint64_t requests = 0;

	for (size_t i = 0; i < OUTCOME_N; i++)
		requests += tally->outcomes[i];
	fprintf(out, "\"requests\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"retried\":%" PRIu64,
	        requests, requests - tally->outcomes[OUTCOME_OK], tally->retried);
	for (size_t i = OUTCOME_OK + 1; i < OUTCOME_N; i++)
		fprintf(out, ",\"%s\":%" PRIu64, outcome_names[i], tally->outcomes[i]);
	if (tally->n > 0)
		qsort(tally->latencies_us, tally->n, sizeof(uint32_t), compare);
	print_quantile(tally, "p50_ms", 0.50, out);
	print_quantile(tally, "p95_ms", 0.95, out);
	print_quantile(tally, "p99_ms", 0.99, out);
	print_quantile(tally, "max_ms", 1.00, out);
}
