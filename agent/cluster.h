/*
 * What the Docker Engine API says of the whole Swarm: nodes, services and tasks from the manager's
 * endpoint, containers and stats from each node's own. Polling is the truth, events are hints.
 *
 *   state     one consistent poll of the manager; replaced as a whole by the next one
 *   endpoint  the API that shows a node's own containers; a node without one is blind
 */
#pragma once

#include "agent/config.h"
#include "base/arena.h"
#include "base/error.h"
#include "docker/api.h"
#include "docker/http.h"
#include "docker/types.h"

struct cluster;

struct cluster_state {
	struct arena *arenas[4];  /* own everything here */
	int64_t mono_ms, wall_ms; /* when the poll ended */
	int64_t took_ms;
	struct docker_info info;         /* of the manager we talk to */
	const struct docker_node *nodes; /* sorted by id */
	size_t n_nodes;
	const struct docker_service *services; /* sorted by id */
	size_t n_services;
	const struct docker_task
	    *tasks; /* desired running or not yet ended; by service, slot, id */
	size_t n_tasks;
	bool leader; /* this manager is the Raft leader */
};

/* state is borrowed and valid until the cluster's next poll ends; NULL on failure, err says which
 * part could not be read. Exactly one of the two is not NULL. */
typedef void cluster_fn(void *data, const struct cluster_state *state, const struct error *err);

/*
 * Makes the cluster and its manager's endpoint; no request is sent yet. Fails on a URL that cannot
 * be one (-EINVAL) or certificates that cannot be read. config is borrowed for the cluster's life,
 * see cluster_reload.
 */
int cluster_new(struct http *http, const struct config *config, struct cluster **ret,
                struct error *err);
/* Cancels what is under way (callbacks run with -ECANCELED, from the loop) and frees it. NULL is
 * fine.
 */
void cluster_free(struct cluster *c);

/*
 * After SIGHUP: endpoints whose URL changed are made anew with the next poll. [docker] itself
 * counts from the next start only: an open move must not change its manager.
 */
void cluster_reload(struct cluster *c, const struct config *config);

/*
 * Polls info, nodes, services and tasks. fn runs exactly once, never inside this call. Several
 * callers may ask while a poll is under way: each gets a poll that *started after* it asked, so
 * that the mover's check never sees a picture older than its own question.
 */
void cluster_poll(struct cluster *c, cluster_fn *fn, void *data);
/* Takes a waiting fn back: it will not run. */
void cluster_cancel(struct cluster *c, cluster_fn *fn, void *data);

/* The newest good poll; NULL before the first. Borrowed, see cluster_fn. */
const struct cluster_state *cluster_newest(const struct cluster *c);

/*
 * The URL that the configuration gives a node; NULL: blind. self: it is the manager that we talk
 * to, whose own endpoint serves where nothing else is said. The caller frees it.
 */
char *cluster_endpoint_url(const struct config *config, const struct docker_node *node, bool self);

/* The manager's own API. */
struct api *cluster_manager(struct cluster *c);
/*
 * The API that shows this node's containers; NULL: blind. Belongs to the cluster, valid until the
 * next poll ends or cluster_reload. Needs the node in the newest state.
 */
struct api *cluster_endpoint(struct cluster *c, const char *node_id);

/*
 * Calls fn on events that may matter (services, nodes, and containers of the manager's own engine)
 * and after each resync; type NULL = resync. Only hints: poll. fn NULL stops it.
 */
typedef void cluster_event_fn(void *data, const char *type, const char *action, const char *id);
void cluster_watch(struct cluster *c, cluster_event_fn *fn, void *data);

/* Lookups in a state; NULL when there is none. */
const struct docker_node *cluster_find_node(const struct cluster_state *s, const char *id);
const struct docker_service *cluster_find_service(const struct cluster_state *s, const char *id);
const struct docker_task *cluster_find_task(const struct cluster_state *s, const char *service_id,
                                            const char *task_id);
/* By id, full name or an unambiguous prefix (4 characters or more) of the id. */
const struct docker_node *cluster_find_node_by_name(const struct cluster_state *s,
                                                    const char *name);
const struct docker_service *cluster_find_service_by_name(const struct cluster_state *s,
                                                          const char *name);
