/*
 * A service as it stands, in words that are the same on both sides: host names instead of ids,
 * "kept" and "new" instead of task ids, the number of a spec instead of the spec.
 */
#pragma once

#include <jansson.h>

#include "base/util.h"

/* What was there when the step before had come to its end. */
struct past {
	json_t *ids;   /* object: the tasks that were wanted */
	json_t *specs; /* array: the service's specs, oldest first */
	json_int_t version;
};

void past_init(struct past *p);
void past_done(struct past *p);
/* Takes in how the service stands now. */
void past_follow(struct past *p, const json_t *service, const json_t *tasks);

/*
 * service: of GET /services/ID, tasks: of GET /tasks, of any services; nodes: id → host name.
 * Returns a new object.
 */
json_t *form_make(const json_t *service, const json_t *tasks, const json_t *nodes,
                  const struct past *past);

/* Ids in a text of Swarm's, which differ from side to side, become "ID". The caller frees. */
char *form_text(const char *text);
