/*
 * CloudSim's own placement and consolidation: power-aware best fit decreasing, relief of
 * over-utilised hosts, then an attempt to empty every host. CloudSim 3.0.3,
 * power/PowerVmAllocationPolicyMigrationAbstract.java.
 */
#pragma once

#include "sim/cloudsim/overload.h"
#include "sim/cloudsim/select.h"

struct consolidate {
	struct overload overload;
	enum select_kind select;
	size_t most_moves; /* a tick; 0: as many as CloudSim makes */
};

/* First fit in host order: what NPA and DVFS start from. */
void consolidate_place_first_fit(struct cloud *c);
/*
 * What all migrating policies start from: least increase of power over the cached one. An empty
 * host's cached power is its idle power, so that VMs spread over all hosts.
 */
void consolidate_place_best_fit(struct cloud *c, const struct overload *o);

/*
 * The moves of a tick, in the order that CloudSim starts them. *ret: free() it. Nothing in c
 * changes but how full hosts were tried (cloud_host.most).
 */
size_t consolidate_moves(struct cloud *c, const struct consolidate *how, struct rng *rng,
                         struct cloud_move **ret);
