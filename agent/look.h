/*
 * The mover's eyes: reads the Swarm anew, asks the engines of both nodes for the service's image,
 * and makes the snapshot that the mover's check sees. foragerd has facts of what it watched; the
 * CLI has none.
 */
#pragma once

#include "agent/cluster.h"
#include "agent/facts.h"
#include "agent/mover.h"

struct look;

/* All are borrowed for look's life; facts may be NULL. */
struct look *look_new(struct cluster *cluster, const struct config *config, struct facts *facts);
/* A look under way never calls back. NULL is fine. */
void look_free(struct look *l);
/* After SIGHUP. */
void look_set_config(struct look *l, const struct config *config);

/* saw gets every state that a look read, to be taken into the facts; without it look does that. */
typedef void look_saw_fn(void *data, const struct cluster_state *state);
void look_on_poll(struct look *l, look_saw_fn *saw, void *data);

/* For mover_new: { .data = l, .look = … }. */
struct mover_eyes look_eyes(struct look *l);
