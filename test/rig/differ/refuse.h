/* Writes that Swarm does not take, by their names in draw.h. */
#pragma once

#include "test/rig/differ/side.h"

/* service: of GET /services/ID. Returns the status; ret: the answer, the caller frees. */
int refuse_ask(struct side *s, const char *how, const json_t *service, json_t **ret);

/* Each of them on both sides, on a service of their own. Returns how many answers differ; tells
 * them. */
size_t refuse_all(struct side *real, size_t *ret_asked);
