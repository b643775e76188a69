/* Filling in a decision: what every algorithm's answer has in common. */
#pragma once

#include "policy/moves.h"

/* Starts an answer: stay, alone on the shortlist. Keeps id and rng_seed. */
void answer_begin(struct decision *d, const struct snapshot *s, const char *algorithm);

/* Room for one more on the shortlist; NULL when it is full. */
struct candidate *answer_add(struct decision *d);

/*
 * Puts a move on the shortlist with its contributions by theta; NULL when it is full. The gain
 * is the sum of the (float) contributions less the move's cost, so that what people add up adds up.
 */
struct candidate *answer_move(struct decision *d, const struct move *m, enum verdict verdict,
                              const double theta[static BASIS_N], double sd);

/* "30 s", "5 min", "2 h" for sentences. */
const char *answer_span(struct decision *d, int64_t ms);

/* The verdict for a sentence: "the target has another platform". */
const char *answer_why(enum verdict verdict);

/*
 * "node 'n1' has been above 85 % of its 0.50 cores for 30 s": why relief is due. */
const char *answer_hot(struct decision *d, const struct snapshot *s, uint32_t node);

/* The node's host name, or its id where it has none. */
const char *answer_node(const struct snapshot *s, uint32_t node);

/* Puts a plan of many moves into the answer; the shortlist stays alone with stay. */
struct plan;
void answer_plan(struct decision *d, const struct plan *p);

/* One move of a ranking made without weights. */
struct answer_ranked {
	const struct move *move;
	enum verdict verdict;
};

/*
 * A baseline's shortlist from its ranking, best first: [1] the first that passes (chosen then),
 * others that pass, then refused ones. Counts considered and refused. Returns the index of the
 * chosen in list, SIZE_MAX: none passes.
 */
size_t answer_ranking(struct decision *d, const struct answer_ranked *list, size_t n);
