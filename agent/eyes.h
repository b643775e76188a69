/*
 * The mover's eyes on a real Swarm: a poll of the cluster that starts after the question, and the
 * service's image asked at the two nodes' own engines. For foragerd and for the CLI alike.
 */
#pragma once

#include "agent/cluster.h"
#include "agent/facts.h"
#include "agent/mover.h"

struct eyes;

/*
 * Fills in what the caller alone knows: allow (budget, in flight) and partial; may be NULL: one
 * action is allowed then, and the start is taken as warm (a person asked).
 */
typedef void eyes_allow_fn(void *data, struct allowance *allow, bool *partial);

/* All are borrowed and must outlive the eyes; facts may be NULL (CLI). */
struct eyes *eyes_new(struct cluster *cluster, const struct config *config, struct facts *facts,
                      eyes_allow_fn *allow, void *data);
/* Also while a look is under way: its callback runs with -ECANCELED before this returns. */
void eyes_free(struct eyes *e);
/* After SIGHUP. */
void eyes_set_config(struct eyes *e, const struct config *config);

/* What mover_new wants. */
struct mover_eyes eyes_for_mover(struct eyes *e);
