/*
 * Docker's structs and what we remember of them become the snapshot that a decision sees. Pure: no
 * I/O, no clock, no log. The daemon, the mover's check and the CLI all use it; without facts (CLI)
 * every node is blind and every forecast has confidence 0.
 */
#pragma once

#include "agent/cluster.h"
#include "agent/config.h"
#include "agent/facts.h"
#include "model/snapshot.h"

/* An edge that features/traffic found, by service id. */
struct observe_edge {
	const char *a, *b;
	double bytes_per_s, confidence;
};

struct observe_input {
	const struct cluster_state *state;
	const struct config *config;
	const struct facts *facts; /* NULL: nothing is remembered */
	const struct observe_edge *edges;
	size_t n_edges;
	struct allowance allow;
	bool partial;             /* part of the cluster could not be read */
	int64_t mono_ms, wall_ms; /* now */
};

/*
 * Makes the snapshot; it owns copies of everything it needs, so the state may go. Free it with
 * observe_free. Never fails: what cannot be understood (a constraint, a label) is carried as such
 * and refused by name later.
 */
struct snapshot *observe_snapshot(const struct observe_input *in);
void observe_free(struct snapshot *s); /* NULL is fine */
void observe_freep(struct snapshot **s);

/* Indices by id, NO_INDEX when there is none; services and nodes also by name. */
uint32_t observe_node(const struct snapshot *s, const char *id_or_hostname);
uint32_t observe_service(const struct snapshot *s, const char *id_or_name);

/*
 * The mode that a service's labels ask for (forager.mode), held against the cluster's own: the more
 * careful one. ACT_NONE when it has no such label or one that nobody knows.
 */
enum act_mode observe_act_mode(enum act_mode cluster, const struct docker_service *service);
