/*
 * What must be remembered between polls, because the Swarm does not say it: since when a node has
 * been settled or hot, when someone else changed a service, what each task is forecast to need,
 * which node has which image. Plain memory, no I/O, no clock of its own; observe_snapshot reads it.
 */
#pragma once

#include "agent/config.h"
#include "base/util.h"
#include "docker/types.h"
#include "model/forecast.h"
#include "model/snapshot.h"

struct facts;
struct cluster_state;

struct facts *facts_new(void);
void facts_free(struct facts *f); /* NULL is fine */
void facts_freep(struct facts **f);

/* A change of a service that forager did not make. */
struct facts_foreign {
	char service_id[SWARM_ID_SIZE];
	uint64_t version;
	int64_t wall_ms;
	const char *what; /* "changed", "appeared": a literal */
};

/*
 * Takes a poll in: notes nodes whose Version.Index moved, that joined or came back, and services
 * that someone else changed; forgets what is gone. Calls fn (NULL is fine) for each foreign change.
 * A service that is `ours` now (the mover has a change open on it) is never foreign here: the mover
 * judges that by the spec itself.
 */
void facts_update(struct facts *f, const struct cluster_state *state, const char *ours,
                  void (*fn)(void *data, const struct facts_foreign *change), void *data);

/* Each node's measured sums; cores NAN = nothing measured. since a first hot reading, time runs. */
void facts_set_load(struct facts *f, const char *node_id, double cpu_cores, double mem_bytes,
                    int64_t sample_mono_ms, bool hot, int64_t now_mono_ms);
/* The forecast of a task; kept until the task is gone. */
void facts_set_forecast(struct facts *f, const char *task_id, const struct forecast *forecast);
/* Whether the node has the image that a spec names so. */
void facts_set_image(struct facts *f, const char *node_id, const char *image, bool present,
                     int64_t now_mono_ms);
/* The service was changed by us or by someone else at wall_ms (restored from the store, or the
 * mover found it). */
void facts_set_foreign(struct facts *f, const char *service_id, int64_t wall_ms);
/* The service was moved at wall_ms: its cool-down runs from there. */
void facts_set_moved(struct facts *f, const char *service_id, int64_t wall_ms);

struct facts_node {
	char id[SWARM_ID_SIZE];
	uint64_t version;
	int64_t changed_mono_ms; /* INT64_MIN = not since we watch */
	int64_t settled_mono_ms; /* ready and active since; INT64_MIN = since before we watch */
	int64_t hot_mono_ms;     /* above the relief line since; INT64_MIN = is not */
	int64_t sample_mono_ms;  /* of the newest load; INT64_MIN = none */
	double cpu_cores, mem_bytes;
	bool usable; /* ready and active at the last poll */
};

struct facts_service {
	char id[SWARM_ID_SIZE];
	uint64_t version, spec_hash;
	int64_t foreign_wall_ms; /* INT64_MIN = never seen */
	int64_t moved_wall_ms;   /* INT64_MIN = never */
};

/* Lookups; NULL when nothing is known. Valid until the next change of f. */
const struct facts_node *facts_node(const struct facts *f, const char *id);
const struct facts_service *facts_service(const struct facts *f, const char *id);
const struct forecast *facts_forecast(const struct facts *f, const char *task_id);
/* 1 present, 0 absent, -ENOENT unknown or asked for longer than max_age_ms ago. */
int facts_image(const struct facts *f, const char *node_id, const char *image, int64_t now_mono_ms,
                int64_t max_age_ms);
