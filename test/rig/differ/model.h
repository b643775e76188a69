/*
 * What the scripted engine makes of a set: a world of its own, run until nothing happens any more.
 * What Swarm leaves to chance (and, where other services share its nodes, what those do) follows
 * from a seed a step, so that all that may happen can be gone through.
 */
#pragma once

#include "test/rig/differ/draw.h"

struct model_ask {
	const json_t *batch, *set;
	const struct draw_ask *drawn;
	bool alone; /* no other service shares the nodes */
};

/* The form (see form.h) after this step, seeds[0 … step] deciding, with its answers: a new object.
 */
json_t *model_run(const struct model_ask *ask, const uint64_t *seeds, size_t step);
