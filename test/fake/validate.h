/* What Swarm's API says against a service's spec, in its words and its order. Pure. */
#pragma once

#include "test/fake/route.h"

/* True: refused, with status and text in a. any_name: of an engine that is hostile. */
bool validate_spec(const json_t *spec, bool any_name, struct route_answer *a);

/* A "version" of a query, of a service or a node (what): false when it is refused. */
bool validate_version(const struct route_request *r, const char *what, uint64_t *ret,
                      struct route_answer *a);

/* The body as an object, numbers exact; NULL: refused already. The caller frees. */
json_t *validate_body(const struct route_request *r, struct route_answer *a);
