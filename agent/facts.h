/*
 * What must be remembered between polls, because the Swarm does not say it: since when a node has
 * been settled or hot, when someone else changed a service, what each task is forecast to need,
 * which node has which image. Plain memory, no I/O, no clock of its own; observe_snapshot reads it.
 */
#pragma once

#include "agent/config.h"
#include "agent/fingerprint.h"
#include "base/util.h"
#include "docker/types.h"
#include "model/forecast.h"
#include "model/snapshot.h"

struct facts;
struct cluster_state;

#define FACTS_NEVER INT64_MIN

struct facts_node {
	char id[SWARM_ID_SIZE];
	uint64_t version;
	int64_t changed_mono_ms; /* its version moved at */
	int64_t settled_mono_ms; /* ready and active since */
	int64_t hot_mono_ms;     /* above the relief line since; FACTS_NEVER = is not */
	int64_t sample_mono_ms;  /* of the newest load; FACTS_NEVER = none */
	int64_t round_ms;        /* how long reading it takes, of late */
	double cpu_cores, mem_bytes;
	bool usable; /* ready and active at the last poll */
	bool source; /* something shows us its containers */
};

struct facts_service {
	char id[SWARM_ID_SIZE];
	uint64_t version;
	uint64_t version_ours;   /* up to here every change is ours */
	int64_t foreign_wall_ms; /* FACTS_NEVER = never seen */
	int64_t moved_wall_ms;   /* FACTS_NEVER = never */
	int64_t started_wall_ms; /* of its UpdateStatus */
	bool seen;               /* in a poll; else only told of */
	uint64_t parts[FINGERPRINT_N];
};

/* A node's copy of an image. */
struct facts_image {
	char node_id[SWARM_ID_SIZE];
	char *key;         /* node id, newline, image */
	const char *image; /* as the spec names it; part of key */
	char *id;          /* of the image; NULL: the node does not have it */
	bool has_healthcheck;
	int64_t asked_mono_ms;
};

/* A change of a service that forager did not make. */
struct facts_foreign {
	const struct docker_service *service;
	const char *what; /* "image", "constraints", …: a literal */
};

struct facts *facts_new(void);
void facts_free(struct facts *f); /* NULL is fine */
void facts_freep(struct facts **f);

/*
 * Takes a poll in: notes nodes whose Version.Index moved, that joined or came back, and services
 * that someone else changed; forgets what is gone. Calls fn (NULL is fine) for each foreign change.
 * ours (NULL: none) is the id of the service on which the mover has a change open: what happens to
 * it is for the mover to judge, by the spec itself.
 *
 * What is seen for the first time is dated by the Swarm's own CreatedAt and UpdatedAt, so that a
 * restart of forager does not forget that a node has just joined or a service was just deployed.
 */
void facts_update(struct facts *f, const struct cluster_state *state, const char *ours,
                  void (*fn)(void *data, const struct facts_foreign *change), void *data);

/* Whether something shows us the node's containers; without: blind. */
void facts_set_source(struct facts *f, const char *node_id, bool source);
/* The node's measured sums at now; hot: above its relief line, which is timed from the first. */
void facts_set_load(struct facts *f, const char *node_id, double cpu_cores, double mem_bytes,
                    bool hot, int64_t now_mono_ms);
/* A round of reading the node's containers was completed and took so long. */
void facts_set_round(struct facts *f, const char *node_id, int64_t took_ms);
/* The forecast of a task; kept until the task is gone. */
void facts_set_forecast(struct facts *f, const char *task_id, const struct forecast *forecast);
/* image_id NULL: the node was asked and does not have it. */
void facts_set_image(struct facts *f, const char *node_id, const char *image, const char *image_id,
                     bool has_healthcheck, int64_t now_mono_ms);
/* Someone else changed the service at wall_ms (restored from the store, or the mover found it). */
void facts_set_foreign(struct facts *f, const char *service_id, int64_t wall_ms);
/* We moved the service at wall_ms: its cool-down runs from there. */
void facts_set_moved(struct facts *f, const char *service_id, int64_t wall_ms);
/* Our change of the service ended; version_ours is its Version.Index after our last POST. */
void facts_set_ours(struct facts *f, const char *service_id, uint64_t version_ours);

/*
 * The wall clock jumped by jump_ms to now_wall_ms: what is remembered by it keeps its age, and
 * nothing lies in the future. No cool-down or quiet time ends by a jump.
 */
void facts_wall_jumped(struct facts *f, int64_t jump_ms, int64_t now_wall_ms);
int64_t facts_wall_after_jump(int64_t then_wall_ms, int64_t jump_ms, int64_t now_wall_ms);

/* Lookups; NULL when nothing is known. Valid until the next facts_update. */
const struct facts_node *facts_node(const struct facts *f, const char *id);
const struct facts_service *facts_service(const struct facts *f, const char *id);
const struct forecast *facts_forecast(const struct facts *f, const char *task_id);
const struct facts_image *facts_image(const struct facts *f, const char *node_id,
                                      const char *image);
/* The i-th by node id, then name; NULL after the last. */
const struct facts_image *facts_image_at(const struct facts *f, size_t i);
