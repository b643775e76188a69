/*
 * Swarm's node filters (swarmkit manager/scheduler/filter.go): may a node take one more task of
 * a service? Not modelled: plugins (volume, network and log drivers), generic resources and CSI
 * volumes; swarm/eligibility.h keeps away from services that need them.
 */
#pragma once

#include "model/decision.h"

enum filter_view {
	FILTER_SPEC,  /* the constraints as they stand in the spec: what Swarm does now */
	FILTER_OWNER, /* without those that forager wrote: what Swarm may do once they are gone */
};

/*
 * May the node take one more task of the service? extra: how many tasks of this service to
 * count there beyond the snapshot's (earlier landings of the same move); old and new stand side by
 * side, for Swarm frees a reservation only when the old task has ended.
 *
 * Returns, in Swarm's order, the first that refuses: TARGET_UNUSABLE (not ready or not active),
 * CPU_RESERVATION, MEM_RESERVATION, CONSTRAINT, PLATFORM, HOST_PORT, MAX_REPLICAS; or OK.
 * Host ports are compared without their protocol, which can only refuse too much.
 */
enum verdict filter_node(const struct snapshot *s, uint32_t service, uint32_t node,
                         enum filter_view view, uint32_t extra);

/* Whether Swarm counts the task: not once it shall end, though it holds its resources until then.
 */
bool filter_active(const struct snap_task *t);

/* How many of the snapshot's active tasks of the service are on the node. */
uint32_t filter_copies(const struct snapshot *s, uint32_t service, uint32_t node);
