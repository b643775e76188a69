/* observe.c's part for services. */
#pragma once

#include "agent/observe.h"

/* Used while a snapshot is made: the owner switched the image's own health check off. */
#define OBSERVE_NO_HEALTHCHECK (1u << 31)

/* Everything but the tasks and what the image says. */
void observe_make_service(const struct observe_input *in, struct arena *arena,
                          const struct docker_service *from, struct snap_service *ret);
