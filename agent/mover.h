/*
 * The mover: the only door that changes the Swarm. One change at a time goes check → journal →
 * steer → verify → settle → clean, or is taken back in two steps (DESIGN 5). agent/mover_table
 * says what follows what; this drives it on a libuv loop. It returns errors and never logs.
 */
#pragma once

#include <uv.h>

#include "base/error.h"
#include "model/decision.h"
#include "model/intent.h"
#include "model/snapshot.h"

struct api;
struct mover;

/*
 * The journal as the mover needs it. foragerd's writer thread implements it asynchronously, the
 * CLI's direct store by blocking. A completion runs exactly once, inside the call or later; what
 * is passed in belongs to the caller and is good for the length of the call only. A row must be
 * on disk (FULL commit) before its completion reports success.
 */
typedef void mover_stored_cb(void *ctx, uint64_t id, const struct error *err); /* err NULL = fine */
typedef void mover_listed_cb(void *ctx, const struct intent *rows, size_t n,
                             const struct error *err);

enum mover_list {
	MOVER_LIST_OPEN,     /* every intent that has not reached an end state, oldest first */
	MOVER_LIST_UNDOABLE, /* moves that are done and not undone yet, newest first */
	MOVER_LIST_ID        /* the one with this id: none or one */
};

struct mover_journal {
	void *data;
	void (*add)(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx);
	/* Stores all fields of the intent that has this id, and appends its state to the trail. */
	void (*update)(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx);
	void (*list)(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb,
	             void *ctx);
};

/*
 * How the mover sees the world just before it acts: nodes, services and tasks read anew, and
 * snapshot.images filled for this service's image on from and to (each asked at its own engine).
 * service is an id or a name, from and to are ids or host names (NULL for undo and release).
 * cb runs exactly once and never inside the call; the snapshot is good during cb only.
 */
typedef void mover_seen_cb(void *ctx, const struct snapshot *snapshot, const struct error *err);

struct mover_eyes {
	void *data;
	void (*look)(void *data, const char *service, const char *from, const char *to,
	             mover_seen_cb *cb, void *ctx);
};

struct mover_options {
	enum act_mode mode; /* the cluster's; a policy's move needs ACT_AUTO, a person's does not */
	bool paused;        /* forager pause: no move, whoever asks; undo and release go on */
	bool dry_run;       /* check everything, write nothing, to nobody */
	bool hold;          /* [moves] settle = hold; default release */
	bool keep_trying;   /* the daemon's: an open move that the Swarm does not answer for is
	                       taken up again every retry_ms instead of being left to a later run */
	int64_t deadline_ms; /* [moves] deadline; 0 = auto: max(3 min, 3 × start-up + monitor…) */
	int64_t poll_ms;     /* of tasks while verifying; 0 = 500 ms */
	int64_t retry_ms;    /* 0 = 15 s */
	int64_t try_ms; /* the first wait before a POST that got no answer is tried again, doubled
	                   each time; a fifth of it after a conflict; 0 = 500 ms */
	uint64_t seed;  /* of the jitter between tries */
	/* Read by mover_new only: the lease's key (agent/lease.h; not NULL), and the host's name
	 * for people (may be NULL). */
	const char *lease_key, *host;
	int64_t lease_ms; /* [moves] lease: how long it lasts; 0 = LEASE_TTL_MS */
	/* [agent] mode = observe writes nothing of its own accord: mover_recover takes up what this
	 * journal holds open (a person asked for it), not what another manager's forager left. */
	bool own_only;
	/* Called after each state that was journalled; may be NULL. */
	void (*on_state)(void *data, const struct intent *intent);
	void *on_state_data;
};

struct move_request {
	enum move_kind kind;         /* MOVE; UNDO and RELEASE take constraints away */
	const char *service;         /* id or name */
	const char *from, *to;       /* ids or host names; with UNDO both or none: --move-back */
	uint64_t decision_id;        /* 0 = a person asked for it */
	uint64_t undo_of;            /* UNDO: the journal row that is taken back */
	const struct intent *undone; /* UNDO: that row (NULL: only labels tell); copied */
	bool person;            /* a person asked: see swarm/eligibility for what that waives */
	bool force;             /* a person who insists: the service need not have opted in */
	bool dry_run;           /* as mover_options.dry_run, for this one only */
	int64_t startup_p95_ms; /* of the service's tasks; 0 = unknown */
};

struct move_outcome {
	const struct intent *intent; /* never NULL; good during the callback only */
	enum verdict verdict;        /* VERDICT_OK, or why a check refused it */
	bool changed;                /* anything was written to the Swarm */
	bool open;                   /* not at an end: left to mover_recover */
	/* JSON object {"spec_equal":bool,"tasks":[{"slot":1,"task":"…","node":"hostname"},…]},
	 * where the owned fields and the tasks are now; NULL when it could not be read. */
	const char *places;
	const struct error *err; /* why it did not end as asked; NULL when it did */
};

typedef void move_done_cb(void *data, const struct move_outcome *outcome);
typedef void mover_cb(void *data, const struct error *err);

/*
 * api is a manager's endpoint, journal and eyes are copied and their data must outlive the mover.
 * Returns 0, or -EINVAL.
 */
int mover_new(uv_loop_t *loop, struct api *api, const struct mover_journal *journal,
              const struct mover_eyes *eyes, const struct mover_options *options,
              struct mover **ret, struct error *err);
/* New options count from the next change on (SIGHUP). */
void mover_set_options(struct mover *m, const struct mover_options *options);

/*
 * Starts one change; done runs exactly once, never inside this call. Returns 0; -EBUSY when one is
 * open, -ESHUTDOWN when the mover is stopping, -EINVAL for a request without what its kind needs.
 */
int mover_start(struct mover *m, const struct move_request *request, move_done_cb *done, void *data,
                struct error *err);
/* NULL, as while foragerd closes: false. */
bool mover_busy(const struct mover *m);
/* Busy with a change that it cannot go on with for now: no answer, not the leader, no lease. */
bool mover_resting(const struct mover *m);
/* The open change, NULL when none is: good until the loop runs again. */
const struct intent *mover_intent(const struct mover *m);

/* "Something changed": look at the tasks now instead of at the next poll. Cheap, may be spurious.
 */
void mover_hint(struct mover *m);

/*
 * Finishes or takes back whatever an earlier run left open: first the journal's open rows, then
 * services that carry our plan label without one (another manager's forager moved them, or the
 * journal was lost). For the latter we must be the Raft leader, and the lease must be ours: while
 * another one holds it, its move is its own. each runs once for every change that was taken up (may
 * be NULL), cb once at the end, with the first error. Call it before the first mover_start; also
 * later, when a service carries a plan label and nothing is open.
 */
int mover_recover(struct mover *m, move_done_cb *each, mover_cb *cb, void *data, struct error *err);

/*
 * Who will use the mover later, from a timer of its own, is its guest: on_stop runs once, when the
 * mover stops or closes; mover_start fails after that, and after mover_close the mover is gone.
 * The guest belongs to the caller and must be taken away before its memory goes.
 */
struct mover_guest {
	void (*on_stop)(void *data);
	void *data;
	struct mover *mover; /* NULL: told already, or never added */
	struct mover_guest *next;
};

void mover_guest_add(struct mover *m, struct mover_guest *guest);
void mover_guest_remove(struct mover_guest *guest);

/* No new changes; an open one is finished or taken back (its deadline bounds it), then cb runs. */
void mover_stop(struct mover *m, mover_cb *cb, void *data);

/* Drops what is open where it stands (the journal keeps it) and closes asynchronously; cb may be
 * NULL. The memory is gone when cb runs. */
void mover_close(struct mover *m, void (*cb)(void *data), void *data);
