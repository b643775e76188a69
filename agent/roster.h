/*
 * Which containers there are, and the profile of each: counters of two readings become samples,
 * samples become profiles, profiles of a service's replicas are pooled and outlive them. Memory
 * only: no I/O, no clock of its own.
 */
#pragma once

#include "agent/facts.h"
#include "agent/pace.h"
#include "docker/types.h"
#include "features/profile.h"
#include "model/rows.h"

struct roster;

/* One container that is watched. Read it freely; only roster.c changes it. */
struct roster_item {
	char id[DOCKER_CONTAINER_ID_SIZE];
	char task_id[SWARM_ID_SIZE], service_id[SWARM_ID_SIZE], node_id[SWARM_ID_SIZE];
	char *name, *image;
	uint32_t slot;
	int64_t created_ms; /* wall */
	struct profile_limits limits;
	struct profile *profile;
	struct reading before;
	struct sample last; /* dt_ms 0: none yet */
	struct pace pace;
	int64_t due_mono_ms; /* when it is asked next */
	uint64_t round;      /* in which it was listed last */
	bool started;        /* its start-up time was noted */
	bool saved;          /* its profile's state was given out once */
};

struct roster *roster_new(const struct features_options *options);
void roster_free(struct roster *r); /* NULL is fine */
/* After SIGHUP: profiles go on under other clocks; what they know of steps of another length goes.
 */
void roster_set_options(struct roster *r, const struct features_options *options);

/* A stored profile, given back at start: a container's waits for the container to be seen again, a
 * service's is inherited by its tasks. One that cannot be read is dropped: the profile starts anew.
 */
void roster_load(struct roster *r, const struct profile_row *row);

/*
 * A container listed on its node in this round. task may be NULL (not in the poll yet). A new one
 * starts with its stored profile, else with its service's at half the confidence. Returns the item,
 * valid until roster_forget.
 */
struct roster_item *roster_see(struct roster *r, const struct docker_container *container,
                               const struct docker_task *task, uint64_t round);
/* After a complete list of the node: what was not seen in this round is gone. Returns how many. */
size_t roster_forget(struct roster *r, const char *node_id, uint64_t round);
struct roster_item *roster_find(struct roster *r, const char *container_id);

/*
 * A reading of the container's counters that was seen at now_wall_ms. Returns true when it made a
 * sample (item->last), which is in its profile then. How long the sample is says the engine's
 * clock, when it was says ours: the nodes' clocks differ, and their steps are compared.
 */
bool roster_read(struct roster *r, struct roster_item *item, const struct docker_stats *stats,
                 int64_t now_wall_ms);

/* Σ over the node's containers of their newest samples; returns how many have one. */
size_t roster_load_of(const struct roster *r, const char *node_id, double *ret_cpu_cores,
                      double *ret_mem_bytes);
size_t roster_count(const struct roster *r, const char *node_id); /* NULL: all */

/* Pools each service's replicas anew, and gives each task's forecast to the facts. */
void roster_pool(struct roster *r, struct facts *facts, int64_t now_wall_ms);

/* The longest start-up remembered of a service's tasks, ms; 0 = never seen. */
int64_t roster_startup_ms(const struct roster *r, const char *service_id);

/* Each service's container once, with its last steps, for features/traffic.h. */
typedef void roster_steps_fn(void *data, const char *service_id,
                             const float rx[static FORECAST_STEPS],
                             const float tx[static FORECAST_STEPS]);
void roster_net_steps(const struct roster *r, int64_t now_wall_ms, roster_steps_fn *each,
                      void *data);

/* Rows for the store, in an arena that owns their texts. */
struct roster_rows {
	struct container_row *containers;
	struct profile_row *profiles;
	size_t n_containers, n_profiles;
};

/*
 * What the store should hold now. A profile's whole state is large: each cycle gives out one part
 * in `parts` of them (and some hundreds of those never given before); parts 1: all.
 */
void roster_rows(struct roster *r, int64_t now_wall_ms, uint64_t cycle, uint64_t parts,
                 struct arena *arena, struct roster_rows *ret);
