/* The world's objects as Docker's JSON. New references. */
#pragma once

#include "test/fake/world.h"

json_t *render_info(const struct world *w, const struct world_node *here);
json_t *render_version(const struct world *w);
json_t *render_node(const struct world *w, const struct world_node *n);
json_t *render_service(const struct world *w, const struct world_service *s);
json_t *render_task(const struct world *w, const struct world_task *t);
json_t *render_config(const struct world_config *c);
json_t *render_container(const struct world_task *t); /* of GET /containers/json */
json_t *render_inspect(const struct world_task *t);
json_t *render_image(const char *name);

/* "20.10.24" for API 1.41, and so on. */
const char *render_engine_version(int api_minor);
int render_api_least(int api_minor);
