/* What a policy answers: the shortlist, the choice and why. Plain data. */
#pragma once

#include "model/snapshot.h"

/* Every reason to refuse, by name: id, name in outputs, text for people. */
#define VERDICTS(X)                                                                                \
	X(OK, "ok", "may be done")                                                                 \
	X(NOT_OPTED_IN, "not-opted-in", "the service has no forager.mode label")                   \
	X(PINNED, "pinned", "its owner pinned it with forager.pin")                                \
	X(OBSERVE_ONLY, "observe-only", "the mode is observe")                                     \
	X(MODE, "mode", "only replicated services move: global services and jobs never do")        \
	X(NO_PLACEMENT, "no-placement",                                                            \
	  "its spec has no Placement object (a Swarm leader can panic on the next change)")        \
	X(UNDECODABLE, "undecodable", "its spec cannot be read and written back exactly")          \
	X(NOT_RUNNING, "not-running", "not every slot is running")                                 \
	X(PENDING, "pending", "one of its tasks is pending")                                       \
	X(UPDATE_OPEN, "update-open", "an update of the service is running")                       \
	X(UPDATE_PAUSED, "update-paused", "an update of the service is paused")                    \
	X(STEERED, "steered", "another change of forager's is open on it")                         \
	X(DEPLOY_QUIET, "deploy-quiet", "someone changed the service within deploy-quiet")         \
	X(COOLDOWN, "cooldown", "it was moved within its cool-down")                               \
	X(LOCAL_VOLUME, "local-volume", "it writes to a volume or folder of its node")             \
	X(GENERIC, "generic", "it reserves generic resources")                                     \
	X(PREFERENCES, "preferences",                                                              \
	  "it has placement preferences: landings cannot be predicted")                            \
	X(NO_COPY_ON_SOURCE, "no-copy-on-source", "none of its tasks runs on the source node")     \
	X(SAME_NODE, "same-node", "source and target are the same node")                           \
	X(SOURCE_UNUSABLE, "source-unusable", "the source node is down, draining or paused")       \
	X(TARGET_UNUSABLE, "target-unusable", "the target node is down, draining or paused")       \
	X(TARGET_BLIND, "target-blind", "nothing is known of the target node's load")              \
	X(TARGET_UNSETTLED, "target-unsettled", "the target joined or came back too recently")     \
	X(NODE_CHANGED, "node-changed", "the source or the target node changed too recently")      \
	X(CONSTRAINT, "constraint", "the owner's constraints exclude the target")                  \
	X(PLATFORM, "platform", "the target has another platform")                                 \
	X(CPU_RESERVATION, "cpu-reservation",                                                      \
	  "the target has too little unreserved CPU for old and new side by side")                 \
	X(MEM_RESERVATION, "mem-reservation", "the target has too little unreserved memory")       \
	X(HOST_PORT, "host-port", "a host port is taken on the target")                            \
	X(MAX_REPLICAS, "max-replicas", "the target already holds max-replicas-per-node copies")   \
	X(SPREAD, "spread", "replicas would share a node more than before")                        \
	X(APART, "apart", "a service it must stay apart from runs on the target")                  \
	X(NO_IMAGE, "no-image", "the target lacks the image")                                      \
	X(NOT_FIRST, "not-first", "Swarm would not put the task on the target first")              \
	X(TOO_MANY_TERMS, "too-many-terms", "more than 64 constraints would be needed")            \
	X(STOP_FIRST, "stop-first",                                                                \
	  "one replica that stops first: needs forager.restart=yes or forager.start-first=yes")    \
	X(BRIEF_ERRORS, "brief-errors",                                                            \
	  "callers but no HEALTHCHECK: needs forager.brief-errors=yes")                            \
	X(SOURCE_UNKNOWN, "source-unknown", "too little is known of its behaviour")                \
	X(OVERLOADS_TARGET, "overloads-target", "the target would be overloaded")                  \
	X(MEM_OVERLOAD, "mem-overload", "the target's memory would not do")                        \
	X(NOT_SUSTAINED, "not-sustained", "the need has not lasted for [moves] sustain")           \
	X(MIN_GAIN, "min-gain", "the gain is below [moves] min-gain")                              \
	X(BUDGET, "budget", "the hour's budget of moves is used up")                               \
	X(IN_FLIGHT, "in-flight", "another change is open in the cluster")                         \
	X(WARM_UP, "warm-up", "forager is still warming up")                                       \
	X(PARTIAL, "partial", "part of the cluster could not be read")                             \
	X(PAUSED, "paused", "forager is paused")                                                   \
	X(FALLBACK, "fallback", "staying has been cheaper than acting: acting is suspended")       \
	X(NOT_LEADER, "not-leader", "this manager is not the Raft leader")                         \
	X(LEASE, "lease", "another forager holds the lease")                                       \
	X(OTHERS_MOVE, "others-move",                                                              \
	  "a copy on a third node does not meet the owner's constraints and would move too")

enum verdict {
#define X(id, name, text) VERDICT_##id,
	VERDICTS(X)
#undef X
	    VERDICT_N
};

struct verdict_info {
	const char *name, *text;
};

extern const struct verdict_info verdict_infos[VERDICT_N];

enum action_kind { ACTION_STAY, ACTION_MOVE, ACTION_RESIZE, ACTION_N };

extern const char *const action_names[ACTION_N];

struct action {
	enum action_kind kind;
	uint32_t service, from, to; /* indices into the snapshot; NO_INDEX where there is none */
	uint32_t n_tasks;           /* how many copies go from → to: all of those on from */
	struct resources reserve;   /* RESIZE only */
};

enum goal { GOAL_NONE, GOAL_RELIEF, GOAL_IMPROVE, GOAL_DRAIN, GOAL_SETTLE_IN, GOAL_REVERT, GOAL_N };

extern const char *const goal_names[GOAL_N];

/* Length of φ. The names and formulas of its entries: policy/basis.h. */
#define BASIS_N 21

struct candidate {
	struct action action;
	enum verdict verdict;
	float basis[BASIS_N]; /* Δφ: φ of the state after the action minus φ of staying */
	float contribution[BASIS_N]; /* of each Δφ (and its weight) to the gain; with move_cost they
	                                sum to gain */
	double move_cost;            /* charged for the move itself (≥ 0) */
	double gain, sd;             /* in cost units; stay has 0 */
};

#define DECISION_SHORTLIST 16

/* One of several actions of a step (allowance.direct). gain: what it brings; that of a drain as a
 * whole stands at its last action. */
struct planned {
	struct action action;
	double gain;
};

struct decision {
	uint64_t id, rng_seed;
	int64_t wall_ms;
	enum goal goal;
	uint32_t goal_node;    /* RELIEF, DRAIN: which; else NO_INDEX */
	const char *algorithm; /* "linear", … */
	struct candidate
	    *shortlist; /* best first after [0], which is always stay; refused ones last */
	size_t n_shortlist;
	struct planned *plan; /* all actions of the step, in order; only with allowance.direct */
	size_t n_plan;
	size_t chosen, runner_up; /* indices into shortlist; runner_up = n_shortlist: none */
	double propensity;        /* share of the draws that chose this candidate */
	uint32_t draws;
	size_t n_considered, n_refused[VERDICT_N];
	double cost_now;     /* the cost units that staying is expected to cost */
	const char *reason;  /* one sentence for people */
	struct arena *arena; /* owns shortlist and strings */
};
