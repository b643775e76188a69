/*
 * Random sets: a service with its constraints, labels, reservations and rules of update, and what
 * befalls it. Pure: the same seed and number draw the same.
 *
 * A batch is an object: "nodes": host name → {"labels", "availability"} at its beginning; "sets":
 * an array of sets; "event": what happens to a node in step 2, {"node", "labels" or
 * "availability"}.
 *
 * A set is an object: "spec", to be created; "fate": its image is missing on the node without it;
 * "changes": of steps 1 and 3, each {"refuse": a write that Swarm will not take, or "",
 * "do": "update", "rollback" or "nothing", "edit": [[path, value]…], null takes away}.
 * "@id:NAME" and "@addr:NAME" at the end of a constraint stand for what differs from side to side.
 */
#pragma once

#include <jansson.h>

#include "base/util.h"

enum { DRAW_STEPS = 4 }; /* created, changed, a node's event, changed */

struct draw_ask {
	uint64_t seed, number; /* number: of the batch */
	size_t n_sets;
	int64_t cpu_nano, mem_bytes; /* of each node */
	const char *lacking;         /* the node without the second image */
};

json_t *draw_batch(const struct draw_ask *ask);

/* Every kind of write that Swarm will not take. */
extern const char *const draw_refusals[];
extern const size_t draw_n_refusals;
