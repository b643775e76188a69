/*
 * Which VM leaves an over-utilised host. CloudSim 3.0.3,
 * power/PowerVmSelectionPolicy{MinimumMigrationTime,MinimumUtilization,MaximumCorrelation,
 * RandomSelection}.java.
 */
#pragma once

#include "base/rng.h"
#include "sim/cloudsim/cloud.h"

enum select_kind {
	SELECT_MMT, /* least memory; the first of equals */
	SELECT_MU,  /* least utilisation; the first of equals */
	SELECT_MC,  /* most correlated with the others; MMT where that cannot be computed */
	SELECT_RS,  /* any: CloudSim's is not seeded and thus not reproducible, ours is */
};

/* An index into vms; CLOUD_NONE: n is 0. */
uint32_t select_vm(enum select_kind kind, const struct cloud *c, const uint32_t *vms, uint32_t n,
                   struct rng *rng);
