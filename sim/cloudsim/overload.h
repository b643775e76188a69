/*
 * When CloudSim's policies call a host over-utilised. CloudSim 3.0.3,
 * power/PowerVmAllocationPolicyMigration{StaticThreshold,InterQuartileRange,
 * MedianAbsoluteDeviation,LocalRegression,LocalRegressionRobust}.java, util/MathUtil.java.
 */
#pragma once

#include "sim/cloudsim/cloud.h"

enum overload_kind { OVERLOAD_THR, OVERLOAD_IQR, OVERLOAD_MAD, OVERLOAD_LR };

struct overload {
	enum overload_kind kind; /* LRR is LR: the weights are never applied */
	double parameter;        /* threshold, or the safety parameter */
};

/* What a test looks at: a host as it is or as it would be. */
struct overload_view {
	double requested, mips;        /* Σ of whole requests; of the host */
	double history[CLOUD_HISTORY]; /* share of mips, newest first */
	uint32_t n_history;            /* up to the last that is not 0 */
};

bool overload_is(const struct overload *o, const struct overload_view *v);

/* Adds a VM to what a view sums up, at the end of the list. */
void overload_add(struct overload_view *v, const struct cloud_vm *vm);
