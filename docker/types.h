/*
 * What Docker told us, as plain structs. Strings are never NULL ("" = absent) unless said; all
 * memory belongs to the arena of the list or object. Environments, secrets and commands are not
 * here and are never kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define DOCKER_CONTAINER_ID_SIZE 65 /* 64 hexadecimal digits and NUL */

struct docker_label {
	const char *key, *value;
};

struct docker_labels {
	const struct docker_label *items; /* sorted by key */
	size_t n;
};

/* NULL = not there. */
const char *docker_label_get(const struct docker_labels *labels, const char *key);

struct docker_platform {
	const char *os, *arch; /* "" = any */
};

/* Swarm's exact units; 0 = none. */
struct docker_resources {
	int64_t cpu_nano, mem_bytes;
};

/* ---- nodes ---- */

enum docker_role { DOCKER_WORKER, DOCKER_MANAGER };
enum docker_availability { DOCKER_ACTIVE, DOCKER_PAUSE, DOCKER_DRAIN };
enum docker_node_state {
	DOCKER_NODE_UNKNOWN,
	DOCKER_NODE_READY,
	DOCKER_NODE_DOWN,
	DOCKER_NODE_DISCONNECTED
};
enum docker_reachability {
	DOCKER_REACH_NONE,
	DOCKER_REACH_UNKNOWN,
	DOCKER_REACHABLE,
	DOCKER_UNREACHABLE
};

struct docker_node {
	char id[SWARM_ID_SIZE];
	uint64_t version;               /* Version.Index */
	int64_t created_ms, updated_ms; /* wall; 0 = absent */
	const char *hostname;
	const char *addr; /* Status.Addr; "0.0.0.0" is possible on a manager: see manager_addr */
	const char *manager_addr; /* "10.0.0.1:2377" or "" */
	enum docker_role role;
	enum docker_availability availability;
	enum docker_node_state state;
	const char *message; /* Status.Message */
	const char *os, *arch, *engine_version;
	struct docker_resources capacity;
	struct docker_labels labels, engine_labels;
	enum docker_reachability reachability; /* managers; else NONE */
	bool is_leader;
	bool has_generic; /* offers generic resources */
};

struct docker_nodes {
	struct docker_node *items; /* sorted by id */
	size_t n;
	struct arena *arena;
};

/* ---- services ---- */

enum docker_mode { DOCKER_REPLICATED, DOCKER_GLOBAL, DOCKER_REPLICATED_JOB, DOCKER_GLOBAL_JOB };

enum docker_update_state {
	DOCKER_UPDATE_NONE, /* no UpdateStatus */
	DOCKER_UPDATING,
	DOCKER_UPDATE_PAUSED,
	DOCKER_UPDATE_COMPLETED,
	DOCKER_ROLLBACK_STARTED,
	DOCKER_ROLLBACK_PAUSED,
	DOCKER_ROLLBACK_COMPLETED,
	DOCKER_UPDATE_OTHER /* a state that we do not know: never act on it */
};

enum docker_failure_action { DOCKER_FAIL_PAUSE, DOCKER_FAIL_CONTINUE, DOCKER_FAIL_ROLLBACK };
enum docker_restart { DOCKER_RESTART_ANY, DOCKER_RESTART_NONE, DOCKER_RESTART_ON_FAILURE };

struct docker_mount {
	const char *type; /* "bind", "volume", "tmpfs", "npipe", "cluster", … */
	const char *source, *target;
	const char *driver; /* of a volume; "" = local */
	bool read_only;
};

struct docker_port {
	const char *protocol;       /* "tcp", "udp", "sctp" */
	uint16_t published, target; /* published 0 = chosen by the engine */
	bool host_mode;
};

struct docker_update_config {
	bool present; /* absent: Swarm's defaults stand below */
	bool start_first;
	uint64_t parallelism; /* 0 = all at once */
	int64_t delay_ns, monitor_ns;
	enum docker_failure_action failure;
};

struct docker_update_status {
	enum docker_update_state state;
	const char *message;
	int64_t started_ms, completed_ms; /* wall; 0 = absent */
};

struct docker_service {
	char id[SWARM_ID_SIZE];
	uint64_t version; /* Version.Index */
	int64_t created_ms, updated_ms;
	const char *name, *image;
	enum docker_mode mode;
	uint64_t replicas; /* replicated: wanted copies; jobs: total completions; global: 0 */
	struct docker_labels labels;          /* Spec.Labels, not those of its containers */
	struct docker_labels previous_labels; /* PreviousSpec's: a rollback brings it back */
	bool is_container; /* false: a plugin or an attachment, never ours to touch */

	bool has_placement;             /* the spec has a Placement object (L1) */
	const char *const *constraints; /* as they stand in the spec, in its order */
	size_t n_constraints;
	uint64_t max_replicas; /* per node, 0 = no bound */
	size_t n_preferences;
	const struct docker_platform *platforms;
	size_t n_platforms;

	struct docker_resources reserve, limit;
	bool has_generic; /* reserves generic resources */
	const struct docker_mount *mounts;
	size_t n_mounts;
	const char *const *networks; /* ids, sorted */
	size_t n_networks;
	const struct docker_port *ports;
	size_t n_ports;
	bool dnsrr; /* endpoint mode; else vip */

	bool has_healthcheck; /* the spec has a test that is not NONE; the image may have its own */
	bool no_healthcheck;  /* the spec says NONE: also the image's own is off */
	struct docker_update_config update;
	struct docker_update_status status;
	enum docker_restart restart;
	int64_t restart_delay_ns;
	int64_t stop_grace_ns; /* −1 = absent (Docker's default is 10 s) */
};

struct docker_services {
	struct docker_service *items; /* sorted by id */
	size_t n;
	struct arena *arena;
};

/* ---- tasks ---- */

/* Swarm's own order, the numbers of enum task_state in model/snapshot.h. */
enum docker_task_state {
	DOCKER_TASK_NEW,
	DOCKER_TASK_PENDING,
	DOCKER_TASK_ASSIGNED,
	DOCKER_TASK_ACCEPTED,
	DOCKER_TASK_PREPARING,
	DOCKER_TASK_READY,
	DOCKER_TASK_STARTING,
	DOCKER_TASK_RUNNING,
	DOCKER_TASK_COMPLETE,
	DOCKER_TASK_SHUTDOWN,
	DOCKER_TASK_FAILED,
	DOCKER_TASK_REJECTED,
	DOCKER_TASK_REMOVE,
	DOCKER_TASK_ORPHANED
};

struct docker_task {
	char id[SWARM_ID_SIZE];
	char service_id[SWARM_ID_SIZE]; /* "" = a network attachment */
	char node_id[SWARM_ID_SIZE];    /* "" = unassigned, or a task without a node */
	uint64_t version;
	uint32_t slot; /* 0 = global */
	enum docker_task_state state, desired;
	int64_t created_ms, updated_ms; /* by the managers' clocks */
	int64_t state_ms;               /* since when it is in its state, by its node's clock */
	const char *message, *error;
	const char *container_id; /* "" = none yet */
	int64_t exit_code;
	const char *image;
	bool has_placement; /* the task's own spec has a Placement object (L1) */
	bool has_generic;
	struct docker_resources reserve, limit; /* of the task's own spec */
};

struct docker_tasks {
	struct docker_task *items; /* sorted by service, slot, id */
	size_t n;
	struct arena *arena;
};

/* ---- containers of one engine ---- */

struct docker_container {
	char id[DOCKER_CONTAINER_ID_SIZE];
	const char *name; /* without the leading slash */
	const char *image, *image_id;
	const char *state; /* "running", "paused", … */
	int64_t created_ms;
	char task_id[SWARM_ID_SIZE], service_id[SWARM_ID_SIZE], node_id[SWARM_ID_SIZE];
	const char *service_name;
};

struct docker_containers {
	struct docker_container *items; /* sorted by id */
	size_t n;
	struct arena *arena;
};

enum docker_stats_flag {
	DOCKER_STATS_RUNNING = 1 << 0, /* without it nothing else means anything */
	DOCKER_STATS_CPU = 1 << 1,
	DOCKER_STATS_SYSTEM = 1 << 2, /* system_ns */
	DOCKER_STATS_THROTTLING = 1 << 3,
	DOCKER_STATS_MEMORY = 1 << 4,
	DOCKER_STATS_FAILCNT = 1 << 5,
	DOCKER_STATS_NETWORK = 1 << 6, /* absent: host network, or none */
	DOCKER_STATS_BLKIO = 1 << 7,
	DOCKER_STATS_PIDS = 1 << 8,
	DOCKER_STATS_CGROUP2 = 1 << 9, /* told by the shape of the memory figures */
};

/* One reading. All counters only grow while the container lives: differences are for the caller. */
struct docker_stats {
	uint32_t flags;  /* enum docker_stats_flag: which of these are there */
	int64_t read_ns; /* wall clock of the reading, in ns */
	uint64_t cpu_ns;
	uint64_t system_ns;   /* of the whole host, 10 ms steps */
	uint32_t online_cpus; /* 0 = not told */
	uint64_t periods, throttled_periods, throttled_ns;
	uint64_t mem_usage_bytes, mem_inactive_file_bytes, mem_limit_bytes;
	uint64_t mem_working_set_bytes;           /* usage − inactive file, never below 0 */
	uint64_t mem_failcnt;                     /* cgroup v1: hits of the limit; v2: OOM events */
	uint64_t net_rx_bytes, net_tx_bytes;      /* all interfaces */
	uint64_t blk_read_bytes, blk_write_bytes; /* all devices */
	uint64_t pids;
};

struct docker_inspect {
	char id[DOCKER_CONTAINER_ID_SIZE];
	const char *status; /* "running", "exited", … */
	const char *health; /* "healthy", "starting", "unhealthy"; "" = no health check */
	int64_t pid;        /* 0 = not running */
	int64_t exit_code;
	uint64_t restarts;
	bool oom_killed;
	int64_t started_ms, finished_ms; /* 0 = never */
	struct docker_resources limit;   /* in force now: NanoCpus (or quota/period), Memory */
	struct arena *arena;
};

struct docker_image {
	const char *id;
	const char *const *digests; /* RepoDigests */
	size_t n_digests;
	const char *os, *arch;
	bool has_healthcheck;
	struct arena *arena;
};

/* ---- engine ---- */

struct docker_info {
	const char *engine_version, *hostname, *os_type, *arch;
	char node_id[SWARM_ID_SIZE]; /* "" = not in a Swarm */
	const char *local_state;     /* "inactive", "pending", "active", "error", "locked" */
	const char *swarm_error;
	bool control_available;  /* a manager that can be asked */
	uint32_t cgroup_version; /* 1, 2; 0 = not told */
	uint32_t n_cpus;
	int64_t mem_bytes;
	struct arena *arena;
};

/* A wake-up hint, never the truth. Strings are borrowed for the callback. */
struct docker_event {
	const char *type, *action;                  /* "service" "update", "container" "die", … */
	const char *id, *name;                      /* the actor's */
	const char *service_id, *task_id, *node_id; /* from a container's labels; "" = none */
	const char *update_state;                   /* service: updatestate.new */
	const char *node_change; /* node: availability.new, state.new, role.new or leader.new */
	int64_t time_ns;
};

/* ---- configs, for the lease ---- */

struct docker_config {
	char id[SWARM_ID_SIZE];
	uint64_t version;
	int64_t created_ms, updated_ms;
	const char *name;
	struct docker_labels labels;
};

struct docker_configs {
	struct docker_config *items; /* sorted by id */
	size_t n;
	struct arena *arena;
};
