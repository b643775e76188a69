/*
 * The invariants that hold in every run, whatever is broken meanwhile. Each function reads a whole
 * history and counts what it could check and what was violated; the texts say where. Pure.
 */
#pragma once

#include "test/fake/history.h"

struct invariant_result {
	uint64_t checks, violations;
	char *text; /* a line a violation, the first 20; owned */
};

struct invariant_limits {
	double per_hour;   /* I4: [moves] per-hour; 0 = not checked */
	double slack_s;    /* I1: between the record's clock and the journal's; 0 = 2 s */
	double watchdog_s; /* I7: longest silence */
	double rss_share;  /* I7: how much larger the second half may be, e.g. 1.1 */
	bool ended;        /* nothing may be left open at the end of the record */
};

typedef void invariant_fn(const struct history *h, const struct invariant_limits *l,
                          struct invariant_result *ret);

/* Nothing acknowledged is lost: the database is whole, each write of forager's and each move that
 * somebody was told of has its row in the journal. */
invariant_fn invariant_1_nothing_lost;
/* A minute after any change of forager's the service has at least min(desired, before) running and
 * no pending task that it had not before. */
invariant_fn invariant_2_service_kept;
/* Every change is taken back exactly, and touches nothing but the owned fields. */
invariant_fn invariant_3_reversible;
/* Budgets hold, and one change is in flight. */
invariant_fn invariant_4_one_at_a_time;
/* No change is begun on data that could not be read, nor without a leader. */
invariant_fn invariant_5_fail_static;
/* What did not opt in is never written; nor are nodes, nor jobs and global services. */
invariant_fn invariant_6_opted_in_only;
/* The watchdog is fed, memory and descriptors stay flat. */
invariant_fn invariant_7_flat;

struct invariant {
	const char *name, *text;
	invariant_fn *fn;
};

enum { INVARIANT_N = 7 };
extern const struct invariant invariants[INVARIANT_N];

void invariant_result_done(struct invariant_result *r);
