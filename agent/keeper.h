/*
 * Keeps the lease of agent/lease.h: takes it when somebody is about to act, renews it while they
 * do, gives it back afterwards. It writes that one config's labels and nothing else.
 */
#pragma once

#include <uv.h>

#include "agent/lease.h"
#include "docker/api.h"

struct keeper;

/* err NULL: it is ours, for longer than the guard. -EBUSY: another one holds it, and is alive. */
typedef void keeper_cb(void *data, const struct error *err);

struct keeper_options {
	const char *key;  /* of lease_key; copied */
	const char *host; /* for people; copied */
	int64_t ttl_ms;   /* 0 = LEASE_TTL_MS */
};

/* api must outlive it. */
struct keeper *keeper_new(uv_loop_t *loop, struct api *api, const struct keeper_options *options);

/*
 * Asks for the lease, as the forager of this node, and keeps it from then on. cb runs exactly once
 * and never inside this call: at once when it is ours, else when it was taken or another holder was
 * seen alive; a silent holder is waited out (its ttl and margin). -ECANCELED: released, closed or
 * asked for again meanwhile; other codes: the Swarm did not answer as it should.
 */
void keeper_acquire(struct keeper *k, const char *node_id, keeper_cb *cb, void *data);

/* Counts from the next time on that the lease is taken; 0 = LEASE_TTL_MS. */
void keeper_set_ttl(struct keeper *k, int64_t ttl_ms);

/* Whether a write may be started now. */
bool keeper_held(const struct keeper *k);

/* Gives it back in the background: the next one need not wait for its end. Nothing to do, and NULL,
 * are fine. */
void keeper_release(struct keeper *k);

/* Gives it back if it can be done within CLOSE_MS (2 s), and closes; the memory is gone when cb
 * runs. */
void keeper_close(struct keeper *k, void (*cb)(void *data), void *data);
