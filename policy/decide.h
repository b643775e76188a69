/*
 * The policy: a snapshot in, a decision out.
 *
 * policy_decide is pure: no clock, no I/O, no log. Time is in the snapshot, randomness is the
 * generator passed in. The daemon and the simulator call the same function. What is learnt lives in
 * struct policy, which only policy_learn and policy_load change.
 */
#pragma once

#include "base/error.h"
#include "base/rng.h"
#include "model/decision.h"
#include "policy/reward.h"

struct policy;

struct policy_options {
	const char *algorithm; /* "linear", "spread", "pbf"; "tabular" is refused for now */
	int64_t step_ms;       /* decide-every */
	int64_t horizon_ms;    /* γ = exp(−step / horizon) */
	int64_t hold_ms;       /* for how long one posterior sample is held; at least a step */
	bool explore;          /* Thompson sampling; off: the posterior mean */
	uint64_t seed;
	struct objective objective;
	/*
	 * 0: rows weigh by how alike successive ones are, and samples spread by the estimated
	 * noise. A simulator, whose costs are exact, may fix both (1 and 1 in published runs).
	 */
	double row_weight, sample_sd;
	/* Learning counts so much of what the next decision gains (learn.c). */
	double kappa;
	/* Features that take no part, a bit each (policy/basis.h): for ablations. */
	uint32_t without;
	/* pbf: relief when mean + sds·sd exceed the cores; targets hold mean + fit_sds·sd (in a
	 * plan; else sds); nodes below this load are drained */
	double pbf_sds, pbf_fit_sds, pbf_drain_below;
};

/* linear, 5 min, 2 h, held 4 h, exploring, seed 1, κ = .7. */
void policy_options_init(struct policy_options *ret);

/*
 * -EINVAL with what to do about it: an unknown or not yet built algorithm, a step, horizon or
 * weight out of range. *ret belongs to the caller: policy_free.
 */
int policy_new(const struct policy_options *options, struct policy **ret, struct error *err);
void policy_free(struct policy *p); /* NULL is fine */
void policy_freep(struct policy **p);

/*
 * Training is over: from now on the posterior mean decides, without draws, and policy_learn does
 * nothing. passes: plans of many moves (allowance.direct) are gone over so often, or until nothing
 * more pays; 1 while learning.
 */
void policy_freeze(struct policy *p, int passes);

const char *policy_algorithm(const struct policy *p);

/*
 * The baselines know no cost: their gains are the moves' own cost, cost_now is 0.
 *
 * Cannot fail: when nothing may be done the answer is stay, with the verdicts that say why. id and
 * rng_seed of *ret are the caller's and kept; everything else is written. The decision owns its
 * arena and refers to the snapshot by index only: policy_decision_done frees it.
 */
void policy_decide(const struct snapshot *s, const struct policy *p, struct rng *rng,
                   struct decision *ret);
void policy_decision_done(struct decision *d); /* {0} is fine; leaves {0} */

/* What happened between two snapshots, for learning. */
struct transition {
	const struct snapshot *before;
	const struct decision *decision; /* made on before; NULL: none */
	struct action executed;          /* what was really done: STAY, or the MOVE carried out */
	const struct snapshot *after;
	int64_t dt_ms; /* from before to after; ≤ 0: ignored */
	/* The decision made on after, if any: what it gains goes into the targets. May be NULL. */
	const struct decision *next;
	/* Services of after that are settling in from an earlier move: their nodes teach nothing.
	 */
	const uint32_t *settling;
	size_t n_settling;
	/*
	 * The plan of decision was carried out at once (allowance.direct): rows begin at the state
	 * after it, nothing is settling, and executed is not looked at.
	 */
	bool direct;
};

/* Online update. Nodes are matched by id; those that are blind, stale or new teach nothing. */
void policy_learn(struct policy *p, const struct transition *t);

/* One row of Q, for `forager qtable`: moving the service's copies on from to to. */
struct policy_qvalue {
	uint32_t service, from, to;
	double gain, sd; /* posterior mean and standard deviation, cost units over the horizon */
	enum verdict verdict;
};

/*
 * Calls each for every (service, node with a copy, other node), in index order, by the posterior
 * mean; in large clusters for the most promising ones (moves.h: MOVES_MOST). The verdict is that of
 * the guard without the moment (budget, warm-up, …); MIN_GAIN: it would not gain at all. The
 * baselines have no Q and call it never. each returns false to stop.
 */
void policy_qvalues(const struct snapshot *s, const struct policy *p,
                    bool (*each)(void *data, const struct policy_qvalue *q), void *data);

/* One weight, for the store and `forager policy show`. */
struct policy_weight {
	const char *name, *meaning; /* static */
	double theta, prior, sd;
};

void policy_weights(const struct policy *p, void (*each)(void *data, const struct policy_weight *w),
                    void *data);

/* How much was learnt, for status. */
struct policy_status {
	uint64_t rows;    /* node-steps learnt from */
	uint64_t refused; /* rows refused because a number was not finite */
	double noise_sd;  /* of one row, cost units */
	bool suspended;   /* acting is suspended: staying has been cheaper (fallback) */
	double advantage; /* mean relative advantage of acting over 24 h; NAN = too little seen */
};

void policy_status(const struct policy *p, struct policy_status *ret);

/* Versioned JSON with units, step, horizon and feature hash; free() it. Never NULL. */
char *policy_save(const struct policy *p);
/*
 * Replaces what p has learnt. -EINVAL, with what to do: damaged, another algorithm, other features,
 * another step or horizon; p is untouched then. name is the file's, for the message.
 */
int policy_load(struct policy *p, const char *name, const char *text, struct error *err);
/* The same from a file; also the errno of reading it. At most 1 MiB. */
int policy_load_file(struct policy *p, const char *path, struct error *err);
