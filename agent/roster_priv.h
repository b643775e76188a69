/* What roster.c and roster_rows.c share. */
#pragma once

#include "agent/idmap.h"
#include "agent/roster.h"

/* What a service's replicas have in common; outlives them, by service and image. */
struct pooled {
	char *key; /* service id, newline, image */
	char service_id[SWARM_ID_SIZE];
	const char *image; /* part of key */
	struct profile *profile;
	bool saved;
};

struct roster {
	struct features_options options;
	struct idmap items, pools, stored;
};
