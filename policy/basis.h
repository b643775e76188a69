/*
 * φ: what the linear policy sees of a node. Every entry is a function of the node's additive
 * aggregates (node_state.h), so the state after a move costs two evaluations. basis.c has the
 * formulas with their sources.
 */
#pragma once

#include "model/decision.h"
#include "policy/node_state.h"

enum basis_id {
	BASIS_ON,        /* the node is on */
	BASIS_SIZE,      /* its cores, relative to the cluster's mean */
	BASIS_IDLE,      /* its idle power */
	BASIS_BUSY,      /* power above idle at the expected load */
	BASIS_OVER,      /* probability of overload in the next step */
	BASIS_OVER_SLOW, /* probability of overload in the long run */
	BASIS_RISK,      /* the same with a fatter tail */
	BASIS_EXCESS,    /* expected excess over capacity */
	BASIS_NOW,       /* overloaded right now */
	BASIS_EXCESS_NOW,
	BASIS_PEAK, /* the last steps' common peak above capacity (carries correlation) */
	BASIS_PEAK80,
	BASIS_LOAD,
	BASIS_LOAD2,
	BASIS_TASKS,
	BASIS_ROOM2, /* emptiness: the value of being able to drain; only where nodes may sleep */
	BASIS_ROOM4,
	BASIS_HOT,  /* load above the relief line, by how many wait for it */
	BASIS_WAIT, /* queueing: load / (1 − load), by how many wait for it */
	BASIS_MEM,  /* memory above 80 % */
	BASIS_TRAFFIC,
	BASIS_COUNT
};

_Static_assert(BASIS_COUNT == BASIS_N, "model/decision.h: BASIS_N is the number of features");

struct basis_info {
	const char *name, *meaning;
	double prior; /* θ0 for γ = .97, objective weights 1; linear.h scales it */
	/* Which weight of the objective the prior scales with. */
	enum {
		BASIS_OF_NOTHING,
		BASIS_OF_ENERGY,
		BASIS_OF_OVERLOAD, /* of response and overload */
		BASIS_OF_RESPONSE,
		BASIS_OF_TRAFFIC
	} part;
};

extern const struct basis_info basis_infos[BASIS_N];

/* Changes when a name, a formula's version or the order does; weights of another are refused. */
uint64_t basis_hash(void);

/* φ of a node. Zeros when it is off. Never NAN or infinite. */
void basis_of(const struct node_state *n, double ret[static BASIS_N]);
