/*
 * The guard: what may be done, by what a snapshot and the forecasts say. Every refusal has a name.
 * swarm/eligibility.h knows what Swarm and the owners allow; here stands what is wise.
 */
#pragma once

#include "model/decision.h"
#include "policy/node_state.h"

/* One tail of a tenth: forecasts are short and the relief line leaves room above it. */
#define GUARD_SDS 1.28
/* Of the target's memory: the rest is page cache, engine and what forecasts miss. */
#define GUARD_MEM_MOST 0.90
/* Below it nothing is moved; below the second only relief acts on it. */
#define GUARD_CONFIDENCE_LEAST   0.2
#define GUARD_CONFIDENCE_IMPROVE 0.5
/* A relief must lower the source's load by this share of its cores, or it was none. */
#define GUARD_RELIEF_LEAST 0.02

/* What is asked about: load goes from → to. nodes: the states to judge by (a plan has its own). */
struct guard_ask {
	const struct snapshot *snapshot;
	const struct node_state *nodes;
	const struct task_load *load;
	uint32_t from, to;
};

/*
 * SOURCE_UNKNOWN: the source is blind or stale, or too little is known of what would move (a blind
 * node is never the reason to move anything). MIN_GAIN: a relief that would not relieve. SAME_NODE.
 * TARGET_BLIND: blind or stale. OVERLOADS_TARGET: forecast mean + GUARD_SDS·sd above the target's
 * relief line; or it would be as hot as the source is; or what moves is held back by a saturated
 * source without a limit of its own, so that nobody knows what it wants, and the target has callers
 * or gives it no larger share. MEM_OVERLOAD: the same of memory. Else OK.
 */
enum verdict guard_load(const struct guard_ask *ask, enum goal goal);

/* Whether the node has been above its relief line for as long as sustain asks. */
bool guard_is_hot(const struct snapshot *s, uint32_t node);

/*
 * NOT_SUSTAINED unless the need has lasted: relief by guard_is_hot; improve by the
 * source not being above its line (else it waits for relief), what would move having run for that
 * long, and gain_slow > 0: the long run gains as well. Drains ask the same of each of their moves.
 */
enum verdict guard_sustained(const struct guard_ask *ask, enum goal goal, double gain_slow);

/*
 * The moment, whatever moves: PARTIAL, FALLBACK (suspended), WARM_UP, IN_FLIGHT, BUDGET; OK.
 */
enum verdict guard_moment(const struct snapshot *s, bool suspended);
