/*
 * What became of the requests to one URL in one stretch of time.
 */
#ifndef TEST_RIG_TALLY_H
#define TEST_RIG_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum outcome {
	OUTCOME_OK,
	OUTCOME_UNRESOLVED,  /* the name has no address, or no name server answered */
	OUTCOME_UNCONNECTED, /* nobody took the connection, neither did anybody at the second try */
	OUTCOME_CUT_OFF,     /* the connection ended before the whole answer was there */
	OUTCOME_BAD_STATUS,  /* answered, with another status than 200 */
	OUTCOME_TIMED_OUT,
	OUTCOME_OVERRUN, /* not sent: too many in flight already */
	OUTCOME_N
};

struct tally {
	uint64_t outcomes[OUTCOME_N];
	uint64_t retried;
	uint32_t *latencies_us; /* of the answered ones */
	size_t n, cap;
};

void tally_add(struct tally *tally, enum outcome outcome, bool retried, int64_t latency_ns);

void tally_merge(struct tally *tally, const struct tally *other);

/* Forgets everything, keeps the memory. */
void tally_reset(struct tally *tally);

void tally_done(struct tally *tally);

/*
 * Prints the members of a JSON object, without the braces; sorts the latencies to do so.
 * Percentiles are over answered requests and null without any.
 */
void tally_print(struct tally *tally, FILE *out);

#endif
