/*
 * A Swarm that lives in memory: nodes, services, tasks, configs, one raft index and one clock of
 * its own. It moves only while world_run_until runs: everything that happens is a timer of its
 * clock, so the same seed and the same calls give the same history. The rules that move it are
 * files of their own: scheduler, updater, restart, replicated, global, enforcer, machine (a node's
 * agent). No I/O.
 */
#pragma once

#include <jansson.h>

#include "base/rng.h"
#include "model/snapshot.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

enum { WORLD_BUCKETS = 4096, WORLD_EVENTS = 256 };

struct world;
struct world_timer;
struct updater;
typedef void world_fn(struct world *w, void *data);

enum world_availability { WORLD_ACTIVE, WORLD_PAUSE, WORLD_DRAIN };
enum world_node_state { WORLD_UNKNOWN, WORLD_READY, WORLD_DOWN, WORLD_DISCONNECTED };
enum world_update_state {
	UPDATE_NONE, /* no UpdateStatus */
	UPDATE_UPDATING,
	UPDATE_PAUSED,
	UPDATE_COMPLETED,
	UPDATE_ROLLBACK_STARTED,
	UPDATE_ROLLBACK_PAUSED,
	UPDATE_ROLLBACK_COMPLETED,
};

extern const char *const world_availability_names[];
extern const char *const world_node_state_names[];
extern const char *const world_update_names[];

struct world_node {
	char id[SWARM_ID_SIZE];
	char *hostname, *addr;
	bool manager;
	enum world_availability availability;
	enum world_node_state state;
	json_t *labels, *engine_labels; /* objects of strings */
	json_t *generic;                /* Description.Resources.GenericResources; NULL = none */
	struct resources capacity;
	uint64_t version;
	int64_t created_ns, updated_ns;
	bool hung, dead; /* its engine is stopped, or gone with its containers */
	struct world_timer *heartbeat, *churn;
	int64_t churn_ns;   /* L11: writes itself anew so often; 0 = never */
	double other_cores; /* load of what is not a task */
	uint32_t
	    other_tasks; /* of services that are not in this world: the scheduler counts them */
	double share;    /* of what its tasks ask for, that they get; stats.c */
	int64_t share_ns;
	uint32_t index; /* in world.nodes */
};

/* How the tasks of a service behave; stats.c makes counters of it. */
struct world_load {
	double cores, swing, period_s, noise; /* mean, amplitude as a share of it, of a sine */
	double mem_bytes, net_bytes_s, disk_bytes_s;
	bool given; /* else a shape is made up from the service's name */
};

enum world_fate {
	WORLD_FATE_RUN,
	WORLD_FATE_STUCK,  /* stays in preparing */
	WORLD_FATE_REJECT, /* no such image: rejected before it starts */
	WORLD_FATE_CRASH,  /* runs for fate_s, then fails */
};

struct world_fate_rule {
	char *node; /* host name; NULL = any */
	enum world_fate fate;
	double after_s;
};

/* How often a slot was restarted, if that is limited. */
struct world_failure {
	struct world_node *node;
	uint64_t spec_version;
	int64_t at_ns;
};

struct world_restarts {
	uint32_t slot;
	const struct world_node *node; /* global services */
	uint64_t spec_version, n;
};

struct world_service {
	char id[SWARM_ID_SIZE];
	char *name;
	json_t *spec, *previous; /* previous NULL = none; both are replaced, never edited */
	uint64_t version, spec_version, previous_version;
	int64_t created_ns, updated_ns;
	enum world_update_state update;
	char *update_message;
	int64_t update_started_ns, update_completed_ns;
	uint64_t job_iteration;
	bool removed; /* gone from the store, its tasks are being stopped */
	struct updater *updater;
	uint64_t ended_version;    /* what an updater wrote at its end, if that starts no other */
	struct world_task **tasks; /* also ended ones, as history */
	size_t n_tasks;
	struct world_restarts *restarts; /* of each slot that restarts were counted for */
	size_t n_restarts;
	struct world_failure *failures; /* the scheduler's memory of tasks, also of reaped ones */
	size_t n_failures;
	struct world_load load;
	struct world_fate_rule *fates;
	size_t n_fates;
	double start_s, stop_s; /* how long a start and a stop take */
	bool queued;
	char last_who[32]; /* who wrote its spec last */
};

struct world_task {
	char id[SWARM_ID_SIZE];
	struct world_service *service;
	struct world_node *node; /* NULL = unassigned */
	uint32_t slot;           /* 0 = global */
	enum task_state state, desired;
	json_t *spec, *endpoint; /* of the service as they were; shared, never edited */
	uint64_t version, spec_version, job_iteration;
	int64_t created_ns, updated_ns, status_ns, started_ns;
	int64_t reported_ns; /* its node's last word of it (AppliedAt); 0 = none */
	char *message, *error;
	char container[65]; /* "" = none yet */
	bool alive;         /* its container runs, whatever Swarm calls the task */
	bool queued, stopping, dropped /* L7 */;
	bool fresh;   /* the reaper has not looked at its slot since it was made */
	bool leaving; /* its slot was one too many: the reaper takes it, not before */
	struct world_timer *machine, *delay;
	/* restart.c: from READY to RUNNING */
	bool delayed, again;
	int64_t delay_until_ns, stop_deadline_ns;
	char waits_for[SWARM_ID_SIZE];
	/* stats.c */
	int64_t counted_ns;
	double cpu_ns, throttled_ns, rx, tx, disk;
	uint64_t periods, throttled_periods;
	struct world_task *next; /* of the same bucket */
};

struct world_config {
	char id[SWARM_ID_SIZE];
	json_t *spec;
	uint64_t version;
	int64_t created_ns, updated_ns;
};

/* What the world tells: to the event streams and to the record. Borrowed for the call. */
struct world_listener {
	void (*event)(void *data, const struct world_node *local, const char *type,
	              const char *action, const char *id, json_t *attributes);
	void (*record)(void *data, const char *kind, json_t *facts); /* takes facts */
	void *data;
};

struct world {
	int64_t now_ns; /* since 1970 */
	uint64_t index; /* raft's */
	struct rng rng;
	int api_minor;
	struct world_node **nodes;
	struct world_service **services;
	struct world_config **configs;
	size_t n_nodes, n_services, n_configs;
	struct world_task *buckets[WORLD_BUCKETS];
	size_t n_tasks, n_fresh;
	char leader[SWARM_ID_SIZE]; /* node id; "" = none */
	bool panicked;              /* L1: every leader crashes */
	bool spinning;              /* L10: the scheduler never ends */
	bool quorum_lost;
	bool any_names;      /* takes names of services that Swarm would refuse */
	int64_t schedule_ns; /* a write waits so long for a busy scheduler; 0 = is idle */
	double jitter;       /* tasks start and stop up to so many times later, by chance */
	const char *who;     /* whose request is being carried out; "swarm" = its own doing */
	struct world_listener listener;
	struct world_timer **heap;
	size_t n_heap, heap_room;
	uint64_t timer_seq;
	struct world_task **changed;
	size_t n_changed;
	struct world_timer *pump, *schedule, *reaper;
	uint64_t landmines; /* bits 1 << n */
	unsigned n_landmines[16];
	int64_t born_ns;
};

struct world *world_new(uint64_t seed, int64_t now_ns, int api_minor);
void world_free(struct world *w);

/* ---- time ---- */

/* One shot. *slot (may be NULL) names it until it fires; one that stands there is replaced. */
void world_after(struct world *w, struct world_timer **slot, int64_t ns, world_fn *fn, void *data);
void world_cancel(struct world *w, struct world_timer **slot);
int64_t world_next_ns(const struct world *w); /* INT64_MAX = nothing is to happen */
void world_run_until(struct world *w, int64_t ns);

/* ---- objects ---- */

void world_id(struct world *w, char ret[static SWARM_ID_SIZE]);
struct world_node *world_node_add(struct world *w, const char *hostname, bool manager,
                                  const struct resources *capacity);
struct world_node *world_node_find(const struct world *w, const char *id_or_name);
/* Takes spec. -EEXIST: the name is taken. */
int world_service_add(struct world *w, json_t *spec, struct world_service **ret);
struct world_service *world_service_find(const struct world *w, const char *id_or_name);
void world_service_remove(struct world *w, struct world_service *s);
struct world_task *world_task_new(struct world *w, struct world_service *s, uint32_t slot,
                                  struct world_node *node, enum task_state desired);
struct world_task *world_task_find(const struct world *w, const char *id);
void world_task_remove(struct world *w, struct world_task *t);
struct world_config *world_config_find(const struct world *w, const char *id_or_name);
struct world_config *world_config_add(struct world *w, json_t *spec); /* takes spec */
void world_config_remove(struct world *w, struct world_config *c);

/* ---- every write of the store ends with one of these ---- */

void world_task_touch(struct world *w, struct world_task *t);
void world_task_state(struct world *w, struct world_task *t, enum task_state state,
                      const char *message, const char *error);
/* The same, as its node tells it. */
void world_task_report(struct world *w, struct world_task *t, enum task_state state,
                       const char *message, const char *error);
void world_task_desire(struct world *w, struct world_task *t, enum task_state desired);
/* attributes: of the event, taken; may be NULL. */
void world_service_touch(struct world *w, struct world_service *s, json_t *attributes);
void world_service_update(struct world *w, struct world_service *s, enum world_update_state state,
                          const char *message);
void world_node_touch(struct world *w, struct world_node *n, json_t *attributes);

/* Something of docs' landmines L1 … L12 was stepped on. */
void world_landmine(struct world *w, int number, const char *fmt, ...) _printf_(3, 4);
void world_record(struct world *w, const char *kind, json_t *facts); /* takes facts */

bool world_has_leader(const struct world *w);
