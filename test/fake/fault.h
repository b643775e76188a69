/*
 * Faults, set per endpoint: which one befalls the next answer, and what it makes of its bytes.
 * Pure; wire.c sends what comes out.
 */
#pragma once

#include "base/error.h"

enum fault_kind {
	FAULT_NOT,
	FAULT_DELAY,    /* ARG seconds (world's) later */
	FAULT_HANG,     /* no byte, ever */
	FAULT_RESET,    /* the connection is reset instead; a POST was carried out */
	FAULT_DROP,     /* the same, and a POST was not carried out */
	FAULT_TRUNCATE, /* the body ends after ARG bytes, the connection with it */
	FAULT_FLIP,     /* bit 0 of byte ARG of the body is flipped; −1 = another one each time */
	FAULT_STATUS,   /* ARG instead, with Docker's kind of message; a POST was not carried out */
	FAULT_LENGTH,   /* Content-Length is wrong by ARG */
	FAULT_CHUNKS,   /* chunked, and a chunk's size is no number */
	FAULT_ENDLESS,  /* the body never ends */
	FAULT_SLOW,     /* ARG bytes a second (real ones) */
	FAULT_HTML,     /* a proxy's page, status 200 */
	FAULT_EMPTY,    /* status 200, nothing in it */
	FAULT_GARBAGE,  /* random bytes, no HTTP */
	FAULT_HUGE,     /* every number is 99999999999999999999 */
	FAULT_DUPLICATE, /* every object has its first key twice */
	FAULT_DEEP,      /* a value is nested 100,000 levels */
	FAULT_MISSING,   /* the key ARG (default ID) is gone everywhere */
	FAULT_NULLS,     /* the key ARG (default ID) is null everywhere */
	FAULT_STALE,     /* the same bytes as when it was set */
	FAULT_SEQUENCE,  /* POST: "update out of sequence", not carried out */
	FAULT_KIND_N
};

extern const char *const fault_names[FAULT_KIND_N];

struct fault;

struct fault_table {
	struct fault **items;
	size_t n;
	uint64_t n_injected[FAULT_KIND_N];
};

/*
 * "ENDPOINT KIND [ARG] [after N] [count M]". ENDPOINT: an endpoint's name, or * for all, with
 * @HOSTNAME for one node's engine. -EINVAL: err says which word.
 */
int fault_add(struct fault_table *t, const char *text, struct error *err);
void fault_clear(struct fault_table *t, const char *endpoint); /* NULL = all */

/* The first that applies to this answer, counted; NULL = none. */
struct fault *fault_next(struct fault_table *t, const char *endpoint, const char *hostname);
enum fault_kind fault_kind(const struct fault *f);
double fault_arg(const struct fault *f);

/* Whether the request is not even carried out. */
bool fault_before(const struct fault *f);
/* What the fault makes of a whole answer's body; the caller frees. frozen: see FAULT_STALE. */
char *fault_body(struct fault *f, const char *target, const char *body, size_t *size);
