/*
 * All moves that a snapshot offers: (service, from, to), each with Δφ and the verdicts that do not
 * depend on what was learnt. Gains come from a θ and are linear in it, so 256 posterior draws cost
 * 256 dot products a move.
 */
#pragma once

#include "policy/guard.h"
#include "policy/linear.h"

/* Checked against Swarm's rules at most; the most promising ones when there are more. */
#define MOVES_MOST 4096
/* Up to here every node is tried as a target, beyond a selection of so many. */
#define MOVES_TARGETS 64

struct move {
	uint32_t service, from, to, n_tasks;
	enum verdict verdict;  /* of eligibility and guard_load; OK: may be done if it pays */
	enum verdict sustain;  /* of guard_sustained; OK where verdict is not */
	bool relief;           /* from is hot: the goal is relief, else improve */
	double delta[BASIS_N]; /* φ after − φ before, both nodes */
	double move_cost;
	double gain; /* by the θ of moves_score */
};

struct moves {
	const struct snapshot *snapshot;
	const struct node_states *states;
	double (*phi)[BASIS_N]; /* of each node as it is */
	struct move *list;
	size_t n;
	size_t n_dropped;            /* refused or unpromising, and not listed */
	size_t n_refused[VERDICT_N]; /* of the dropped */
	const enum verdict
	    *of_service; /* eligibility_service of each, as if nobody only observed */
	const struct snapshot *as_if_auto; /* the same, with observe taken for auto */
};

/* Everything in the arena; snapshot must outlive it. Scored and sorted by theta. */
struct moves *moves_new(const struct snapshot *s, const struct objective *o,
                        const double theta[static BASIS_N], struct arena *arena);

/* Δφ of taking load off a state and of putting it on one; cross: change of cross-node bytes/s. */
void moves_delta(const struct node_state *from, const struct node_state *to,
                 const struct task_load *load, const double cross[static 2],
                 double ret[static BASIS_N]);

/*
 * eligibility_move as it would be if observe were not the mode; then OBSERVE_ONLY if it is and
 * nothing else refuses. So a decision in observe mode shows what auto would do.
 */
enum verdict moves_eligibility(const struct moves *m, uint32_t service, uint32_t from, uint32_t to);
