/*
 * The sampling clock: reads the containers of every node that has an endpoint, each in rounds of
 * its own (list, then the stats that are due, a few at a time), and keeps roster and facts up to
 * date. A node that fails backs off by itself and grows stale; the others go on.
 */
#pragma once

#include <uv.h>

#include "agent/cluster.h"
#include "agent/facts.h"
#include "agent/roster.h"

struct sampler;

/*
 * All are borrowed for the sampler's life. Nothing runs before sampler_start. Problems of a node
 * are logged once, and once when it is well again.
 */
struct sampler *sampler_new(uv_loop_t *loop, struct cluster *cluster, struct roster *roster,
                            struct facts *facts, const struct config *config);

/* A round of every node now, and from then on every sample-every. */
void sampler_start(struct sampler *s);
/* No further round; answers under way are dropped. */
void sampler_stop(struct sampler *s);
/* After SIGHUP. The rhythm goes on: a round is never sooner after the last one than sample-every.
 */
void sampler_set_config(struct sampler *s, const struct config *config);
/* How often a round has begun. */
uint64_t sampler_ticks(const struct sampler *s);

/*
 * After a poll: new nodes get a source, gone ones lose it; which images must be asked for. Needs
 * the cluster's newest state.
 */
void sampler_update(struct sampler *s);

/* The samples that came in since the last call, oldest first, taken over by the caller (free the
 * array; container_id of each in an allocation of its own, freed by sampler_rows_free). At most
 * SAMPLER_ROWS are kept, older ones are dropped. */
#define SAMPLER_ROWS 100000
struct sample_row *sampler_take(struct sampler *s, size_t *ret_n);
size_t sampler_waiting(const struct sampler *s);
void sampler_rows_free(struct sample_row *rows, size_t n);

/* Rounds that every node with a source has completed, at least; for --once. 0 with no source. */
uint64_t sampler_rounds(const struct sampler *s);
/* Whether the node's list of containers is known: read once, or there is no source to read. */
bool sampler_has_list(const struct sampler *s, const char *node_id);
/* Nodes that have a source; of these, how many answered their last round. */
void sampler_count(const struct sampler *s, size_t *ret_sources, size_t *ret_well);

/* Stops, and closes the timer; fn when it may be forgotten, freed by then. NULL is not fine. */
void sampler_close(struct sampler *s, void (*fn)(void *data), void *data);
