/*
 * The lease on acting: one forager at a time changes the Swarm. It is a set of labels on the Swarm
 * config object `forager-lease`; each write of them is a compare-and-swap by Version.Index, so of
 * two that try at once one loses. Pure: labels in, labels and what to do next out.
 *
 * No machine's clock is trusted by another one. Each write changes the object's Version.Index, and
 * that is the holder's heartbeat: who sees the same index for ttl + margin of its own clock may
 * take the lease. The holder counts its ttl from before it sent the write, everybody else from
 * after they saw it, so the holder always stops first; the margin is for clocks that run at
 * different speeds. A holder starts no write of a service within the guard before its end, because
 * a write that was sent may take effect a little later. A service's own Version.Index fences what
 * is left: a late write of one who lost the lease meets "update out of sequence" as soon as the
 * next holder has written to that service.
 * docs/decisions/0005-the-lease.md says why.
 */
#pragma once

#include "base/error.h"
#include "docker/types.h"

#define LEASE_CONFIG "forager-lease"

#define LEASE_LABEL_HOLDER "forager.lease.holder"
#define LEASE_LABEL_HOST   "forager.lease.host"
#define LEASE_LABEL_TERM   "forager.lease.term"
#define LEASE_LABEL_TTL    "forager.lease.ttl-ms"

#define LEASE_KEY_SIZE    17
#define LEASE_HOLDER_SIZE (SWARM_ID_SIZE + LEASE_KEY_SIZE)
#define LEASE_HOST_SIZE   65

/* A label says nothing beyond these: a term of hours would lock everybody out. */
#define LEASE_TTL_LEAST_MS 500
#define LEASE_TTL_MOST_MS  600000
/* Where the label says nothing that can be read. */
#define LEASE_TTL_MS 20000

struct lease {
	char holder[LEASE_HOLDER_SIZE]; /* "" = free: released, or never held */
	char host[LEASE_HOST_SIZE];     /* for people */
	uint64_t term;                  /* one more with each new holder */
	int64_t ttl_ms;                 /* renewed within that, or it is over */
};

/* Never fails: what cannot be read counts as free where there is no holder, else as the default. */
void lease_read(const struct docker_labels *labels, struct lease *ret);

/* labels.items point into it. */
struct lease_labels {
	struct docker_label items[4];
	char term[24], ttl[24];
	struct lease lease;
	struct docker_labels labels;
};

void lease_write(const struct lease *lease, struct lease_labels *ret);

/* What one watcher knows of the object: which index it saw last, and since when. */
struct lease_watch {
	bool seen;
	uint64_t version;
	int64_t since_ms; /* the watcher's clock, when an answer first had this index */
};

enum lease_step {
	LEASE_CREATE, /* there is no such object: create it as ours; 409 = somebody was faster */
	LEASE_TAKE,   /* free, or its holder is silent: write our labels */
	LEASE_RENEW,  /* it is ours: write them again */
	LEASE_WAIT,   /* somebody else's, and not known to be over */
};

/*
 * What one reading means for the one called me. now NULL: the object does not exist. watch is
 * brought up to date; renewed (may be NULL) says whether another holder was seen to write since
 * the last reading; wait_ms how long its silence must go on until it may be taken (LEASE_WAIT).
 */
enum lease_step lease_judge(const struct lease *now, uint64_t version, const char *me,
                            int64_t now_ms, struct lease_watch *watch, bool *ret_renewed,
                            int64_t *ret_wait_ms);

/* The lease as me writes it over now (NULL: over nothing): the term grows with a new holder. */
struct lease lease_mine(const struct lease *now, const char *me, const char *host, int64_t ttl_ms);
/* As it is given back. */
struct lease lease_free(const struct lease *now);

/* How long others wait longer than the holder: a fifth of the ttl. */
int64_t lease_margin_ms(int64_t ttl_ms);
/* How long before its end the holder starts no write any more: a quarter of the ttl. */
int64_t lease_guard_ms(int64_t ttl_ms);
/* How often it is renewed: five times within the ttl. */
int64_t lease_renew_ms(int64_t ttl_ms);

/*
 * What tells two foragers of one node apart: 16 digits of hex for the lock of the state directory,
 * open as lock_fd, by its inode. One that comes back after a kill has the same, and the lock says
 * that the earlier one is no more. Returns 0 or a negative errno.
 */
int lease_key(int lock_fd, char ret[static LEASE_KEY_SIZE], struct error *err);
/* The holder's id: the node's, "-", and the key. */
void lease_holder(const char *node_id, const char *key, char ret[static LEASE_HOLDER_SIZE]);
