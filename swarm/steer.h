/*
 * Which constraints make Swarm itself move a service's copies from one node to another, and only
 * those. All of them are node.id terms: never node labels, whose change makes Swarm kill every
 * mismatching task of the node at once.
 */
#pragma once

#include "swarm/constraint.h"
#include "swarm/order.h"

/* A spec stays readable for its owner, and evaluating it cheap for Swarm's leader. */
#define STEER_TERMS 64
/* A learned deny-list must not look like a pin. */
#define STEER_HOLD_TERMS 8

struct steer {
	const char *const *terms; /* to be added to the owner's constraints; arena */
	size_t n_terms;
	uint32_t n_copies; /* how many tasks are on from, all of which move */
};

/*
 * The fewest terms that, beside the owner's own constraints (ours are taken away by the same
 * change), move every copy on from and no other one, and make to strictly first for each landing.
 * Where every copy sits on from (or to) it is one `node.id==to`, always: Swarm also counts tasks
 * that its API does not list (a container attached to an overlay network by hand is one), so what
 * we hold to be strictly first may be a tie.
 * arena and ret may both be NULL: only the verdict, nothing is allocated in an arena.
 *
 * OK; NO_COPY_ON_SOURCE; SAME_NODE; a verdict of filter_node for the target; OTHERS_MOVE: a copy
 * on a third node does not satisfy the owner's constraints and would move too; NOT_FIRST: only by
 * excluding a node that holds a staying copy; TOO_MANY_TERMS: more than STEER_TERMS.
 */
enum verdict steer_plan(const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to,
                        struct arena *arena, struct steer *ret);

/*
 * The constraints of a revert's first step: all that stood in the spec before the move (the
 * service's in this snapshot, taken before it), and `node.id!=to`, so that no task on the target is
 * clean. Returns the number of texts; *ret is in the arena.
 */
size_t steer_block(const struct snapshot *s, uint32_t service, uint32_t to, struct arena *arena,
                   const char *const **ret);

/*
 * The deny-list that a settled move may leave (settle = hold): at most STEER_HOLD_TERMS times
 * `node.id!=`, dearest nodes first. cost has one entry a node, higher is worse, NAN = unknown; only
 * nodes dearer than above are denied. Never a node that holds a copy, and at least
 * max(3, replicas + 1) nodes stay feasible after the loss of any one. Returns the number of
 * terms, may be 0; *ret is in the arena.
 */
size_t steer_hold(const struct snapshot *s, uint32_t service, const double *cost, double above,
                  struct arena *arena, const char *const **ret);
