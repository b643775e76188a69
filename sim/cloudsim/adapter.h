/*
 * forager's own policies in the benchmark: a snapshot of the data centre, policy_decide, and what
 * was learnt between two ticks. A host is a node that may sleep, a VM a service of one task, 1,000
 * MIPS one core. Memory is as CloudSim has it: not enforced after placement.
 */
#pragma once

#include "policy/decide.h"
#include "sim/cloudsim/cloud.h"

struct adapter;

/* Borrows policy, which learns while it decides if it can. Both outlive it; c at its start. */
struct adapter *adapter_new(const struct cloud *c, struct policy *policy, uint64_t seed);
void adapter_free(struct adapter *a); /* NULL is fine */
void adapter_freep(struct adapter **a);

/*
 * The moves of this tick, after cloud_tick; *ret belongs to the adapter until the next call.
 * *ret_decide_s: seconds in policy_decide.
 */
size_t adapter_moves(struct adapter *a, const struct cloud_move **ret, double *ret_decide_s);
