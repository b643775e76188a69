/* Carries a drawn step out on one side, as a client would: read, edit, write with the version read.
 */
#pragma once

#include "test/rig/differ/side.h"

/* nodes → what stands for "@id:NAME", "@addr:NAME" here; id → host name. Objects, new. */
struct act_names {
	json_t *ids, *addrs, *hosts;
};

void act_names_init(struct act_names *n, struct side *s);
void act_names_done(struct act_names *n);

/* Labels and availability of a node; what how does not name stays. */
void act_node(struct side *s, const char *name, const json_t *how);

/* Creates the set's service, or changes it. Appends "STATUS text" of each answer to said. */
void act_create(struct side *s, const struct act_names *n, const json_t *set, json_t *said);
void act_change(struct side *s, const struct act_names *n, const json_t *set, size_t change,
                json_t *said);
