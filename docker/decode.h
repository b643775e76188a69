/*
 * JSON documents of the Docker Engine → structs. Pure. Each fills *ret (memory in the arena) and
 * returns 0, or returns -EBADMSG with the path of what is not as Docker writes it, *ret untouched.
 * What is absent has its documented default; what is not known is skipped; environments, secrets
 * and commands are never looked at. Counts are capped (docker/reader.h).
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "docker/types.h"

/* The lists set ret->arena to the arena given; so do the objects that have one. */
int decode_nodes(const json_t *doc, struct arena *arena, struct docker_nodes *ret,
                 struct error *err);
int decode_services(const json_t *doc, struct arena *arena, struct docker_services *ret,
                    struct error *err);
int decode_service(const json_t *doc, struct arena *arena, struct docker_service *ret,
                   struct error *err);
int decode_tasks(const json_t *doc, struct arena *arena, struct docker_tasks *ret,
                 struct error *err);
int decode_configs(const json_t *doc, struct arena *arena, struct docker_configs *ret,
                   struct error *err);
int decode_info(const json_t *doc, struct arena *arena, struct docker_info *ret, struct error *err);

/* Containers that are not tasks of a Swarm are left out. */
int decode_containers(const json_t *doc, struct arena *arena, struct docker_containers *ret,
                      struct error *err);
int decode_stats(const json_t *doc, struct docker_stats *ret, struct error *err);
int decode_inspect(const json_t *doc, struct arena *arena, struct docker_inspect *ret,
                   struct error *err);
int decode_image(const json_t *doc, struct arena *arena, struct docker_image *ret,
                 struct error *err);
int decode_event(const json_t *doc, struct arena *arena, struct docker_event *ret,
                 struct error *err);

/* {"ID"|"Id": …} and {"Warnings": […]}; either may be absent: "" and none. */
int decode_done(const json_t *doc, struct arena *arena, const char **ret_id,
                const char *const **ret_warnings, size_t *ret_n, struct error *err);
