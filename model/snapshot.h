/*
 * The world as a decision sees it: one consistent picture of nodes, services and tasks, with the
 * only clock that the policy knows. Everything in it belongs to its arena. Plain data, no logic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/constraint.h"
#include "model/forecast.h"
#include "model/power.h"
#include "model/resources.h"

#define NO_INDEX UINT32_MAX /* "no such node / service" */

/* Swarm's own order of task states (swarmkit api/types.proto TaskState). */
enum task_state {
	TASK_NEW,
	TASK_PENDING,
	TASK_ASSIGNED,
	TASK_ACCEPTED,
	TASK_PREPARING,
	TASK_READY,
	TASK_STARTING,
	TASK_RUNNING,
	TASK_COMPLETE,
	TASK_SHUTDOWN,
	TASK_FAILED,
	TASK_REJECTED,
	TASK_REMOVE,
	TASK_ORPHANED,
	TASK_STATE_N
};

extern const char *const task_state_names[TASK_STATE_N];

enum node_flag {
	NODE_READY = 1 << 0,  /* Status.State ready */
	NODE_ACTIVE = 1 << 1, /* Spec.Availability active */
	NODE_BLIND = 1 << 2,  /* no source of its containers' stats */
	NODE_STALE = 1 << 3,  /* a source, but its newest samples are too old to act upon */
	NODE_ASLEEP = 1 << 4,
	NODE_MANAGER = 1 << 5,
	NODE_MAY_SLEEP = 1 << 6, /* an empty node saves its idle power */
	NODE_UNSETTLED = 1 << 7, /* joined, came back or was made active too recently */
	NODE_CHANGED = 1 << 8,   /* its Version.Index moved within node-quiet (L2, L11) */
	NODE_DEMAND = 1 << 9,    /* what its tasks want is known, also what they do not get */
};

/* What constraints can ask of a node. */
struct attrs {
	const char *hostname, *addr, *role, *os, *arch;
	const struct label *labels, *engine_labels;
	size_t n_labels, n_engine_labels;
};

struct snap_node {
	const char *id, *hostname;
	struct attrs attrs;
	struct resources capacity; /* Description.Resources, as Swarm counts */
	struct resources reserved; /* Σ reservations of the tasks assigned … running */
	double usable_cores; /* node label forager.cpus, else capacity: what load is held against */
	uint32_t n_tasks;    /* active tasks as Swarm's scheduler counts them, all modes */
	uint32_t flags;      /* enum node_flag */
	uint64_t version;    /* Version.Index */
	int64_t hot_ms;      /* for how long load has been above the relief line, 0 = is not */
	double cpu_cores;    /* measured sum over the node's containers; NAN when blind */
	double mem_bytes;    /* measured sum of working sets; NAN when blind */
	struct power_curve power;
};

struct snap_task {
	const char *id;           /* task id */
	const char *container_id; /* NULL: none yet */
	uint32_t service, node;   /* indices; node NO_INDEX = unassigned */
	uint32_t slot;
	enum task_state state, desired;
	int64_t running_ms; /* since it reached running, 0 = is not running */
	struct forecast forecast;
};

enum service_mode { MODE_REPLICATED, MODE_GLOBAL, MODE_REPLICATED_JOB, MODE_GLOBAL_JOB };

/* The more careful of the cluster's and the service's own; ACT_NONE: did not opt in. */
enum act_mode { ACT_NONE, ACT_OBSERVE, ACT_RECOMMEND, ACT_AUTO, ACT_MODE_N };

extern const char *const act_mode_names[ACT_MODE_N];

enum service_trait {
	TRAIT_PLACEMENT = 1 << 0,       /* the spec has a Placement object (L1) */
	TRAIT_START_FIRST = 1 << 1,     /* the owner's UpdateConfig.Order is start-first */
	TRAIT_MAY_START_FIRST = 1 << 2, /* label forager.start-first=yes */
	TRAIT_MAY_RESTART = 1 << 3,     /* label forager.restart=yes */
	TRAIT_MAY_PULL = 1 << 4,        /* label forager.pull=yes */
	TRAIT_PINNED = 1 << 5,          /* label forager.pin=yes */
	TRAIT_HEALTHCHECK = 1 << 6,
	TRAIT_PORTS = 1 << 7, /* publishes ports or is on a network: others may call it */
	TRAIT_HOST_PORTS = 1 << 8,
	TRAIT_LOCAL_VOLUME = 1 << 9,     /* a writable bind or local volume */
	TRAIT_DIGEST = 1 << 10,          /* the image is pinned by digest */
	TRAIT_PREFERENCES = 1 << 11,     /* has placement preferences */
	TRAIT_GENERIC = 1 << 12,         /* reserves generic resources */
	TRAIT_UPDATE_OPEN = 1 << 13,     /* UpdateStatus updating or rollback_started */
	TRAIT_UPDATE_PAUSED = 1 << 14,   /* paused or rollback_paused (L4) */
	TRAIT_UNDECODABLE = 1 << 15,     /* the spec cannot be written back exactly */
	TRAIT_BRIEF_ERRORS_OK = 1 << 16, /* label forager.brief-errors=yes */
	TRAIT_STEERED = 1 << 17,         /* carries a forager.plan label now */
};

struct platform {
	const char *os, *arch; /* "" = any */
};

struct snap_service {
	const char *id, *name, *image;
	uint64_t version;
	struct constraint *constraints; /* the owner's and ours, ours flagged */
	size_t n_constraints;
	const struct platform *platforms;
	size_t n_platforms;
	const uint16_t *host_ports;
	size_t n_host_ports;
	const char *const *networks; /* network ids, sorted */
	size_t n_networks;
	struct resources reserve, limit;
	uint64_t max_replicas; /* per node, 0 = no bound */
	uint64_t replicas;
	uint32_t first_task, n_tasks; /* its run of snapshot.tasks */
	enum service_mode mode;
	enum act_mode act;   /* effective */
	uint32_t traits;     /* enum service_trait */
	int64_t foreign_ms;  /* since the last change that was not ours; INT64_MAX = never seen */
	int64_t cooldown_ms; /* left of its own cool-down; 0 = may move */
	struct latency slo, seen;
	const char *const *near; /* forager.near: service names it wants beside it */
	const char *const *apart;
	size_t n_near, n_apart;
};

/* Which nodes hold which image; a pair that is not listed is unknown. */
struct snap_image {
	uint32_t node;
	const char *image; /* as the service's spec names it */
	bool present;
};

struct edge {
	uint32_t a, b; /* services, a < b */
	double bytes_per_s;
	double confidence;
};

struct allowance {
	uint32_t actions;     /* that may be started in this step */
	uint32_t budget_left; /* moves left in this hour */
	bool in_flight;       /* a change is open: only stay */
	bool warm;            /* warm-up is over */
	/*
	 * Moves are done as decided and at once: no scheduler, updater or owner stands between.
	 * True only where a simulated world places tasks itself; then a decision may carry a plan
	 * of many actions.
	 */
	bool direct;
};

/* The operator's bounds that the guard holds decisions against ([moves] and [objective]). */
struct bounds {
	int64_t sustain_ms, cooldown_ms, deploy_quiet_ms;
	double min_gain;    /* share, 0.10 = 10 % */
	double relief_line; /* share of usable_cores above which a node is relieved */
};

struct snapshot {
	int64_t mono_ms, wall_ms,
	    step_ms;             /* the only clock the policy sees; step_ms = decide-every */
	struct snap_node *nodes; /* all arrays are sorted by id: the order is deterministic */
	size_t n_nodes;
	struct snap_service *services;
	size_t n_services;
	struct snap_task *tasks; /* by service, then slot, then id; active ones only */
	size_t n_tasks;
	struct snap_image *images;
	size_t n_images;
	struct edge *edges;
	size_t n_edges;
	struct allowance allow;
	struct bounds bounds;
	bool partial; /* some part could not be read: nothing may be acted upon */
	struct arena *arena;
};
