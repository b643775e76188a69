/* What the files of the mover share: agent/mover*.c include it, nobody else. */
#pragma once

#include "agent/keeper.h"
#include "agent/mover.h"
#include "agent/mover_judge.h"
#include "agent/mover_spec.h"
#include "agent/mover_table.h"
#include "base/rng.h"
#include "docker/api.h"

/* "update out of sequence" and lost answers: so often, then the change is left to a later run. */
#define MOVER_TRIES 5

/* A node as it was before anything was sent. */
struct premise {
	bool known;
	enum docker_availability availability;
	uint64_t labels; /* hash */
};

struct change {
	struct intent in;
	struct mover_plan plan;
	enum mover_state state;
	enum move_kind kind;

	char *service, *from, *to; /* as asked for */
	bool person, force, dry_run;
	int64_t startup_p95_ms;
	struct intent undone; /* service_id "" = none */
	move_done_cb *done;
	void *data;

	enum verdict verdict;
	struct error err;
	bool changed;           /* the Swarm was written to */
	bool recovering;        /* taken up from an earlier run */
	bool removed;           /* the service is gone: nothing of ours can stand anywhere */
	enum mover_event found; /* by RECOVER, while the lease is asked for */
	bool open;              /* left without an end */

	char **known, **old; /* task ids, see judge_plan; known NULL after a restart */
	size_t n_known, n_old;
	uint64_t seen_version;             /* the service's in the checked snapshot */
	uint64_t from_version, to_version; /* the nodes' in it; 0 = not checked */
	bool nodes_moved;                  /* one of them has another one by now */
	struct premise premises[2];        /* of the source, of the target */
	char *disturbed; /* what somebody did to one of them since; NULL: nothing */
	int64_t length_ms, deadline_mono; /* of each wait */
	unsigned tries, steady;
	int64_t unsettled_until_ms; /* another manager has just become the leader; 0 = none has */
	int64_t held_up_since_ms;   /* of YIELD_WAIT: no node takes a task, 0 = one does */
	bool held_up;               /* and so for long enough; or paused over one on the target */
	bool none_runs; /* of YIELD_WAIT: no copy does; not asked while a task finds no node */
	char *final;    /* owned fields as they should end; NULL: not known yet */
	char *places;
	json_t *sent, *replaced; /* of the POST under way: the spec, and the one that it replaces */
	/* What our newest POST that was read back left: in.written, and the hash of its rest. */
	bool wrote;
	uint64_t written_rest;
	struct docker_service facts; /* of the reading under way; strings in arena */
	struct arena *arena;         /* of facts, and of tasks below */
	json_t *spec, *previous;     /* of the reading under way; previous NULL = none */
	bool previous_ours;          /* the reading's PreviousSpec carries our plan label */
	struct docker_tasks tasks;
	void (*then)(struct mover *m, const struct error *err); /* mover_read_tasks */
};

struct recovery;

struct ticket {
	struct mover *m; /* NULL: the mover is gone */
	uint64_t serial;
	struct ticket *next;
};

struct mover {
	uv_loop_t *loop;
	struct api *api;
	struct keeper *keeper;
	char self[SWARM_ID_SIZE]; /* our node; "" = not asked for this change yet */
	struct mover_journal journal;
	struct mover_eyes eyes;
	struct mover_options options;
	struct rng rng;
	uv_timer_t timer; /* polls, tries again, rests */
	uv_timer_t soon;  /* delivers the next event outside the call that raised it */
	void (*on_timer)(struct mover *m);
	unsigned n_closing;

	struct change *change;
	bool has_event;
	enum mover_event event;
	uint64_t serial; /* of the effect under way: answers to an older one are ignored */
	struct ticket *tickets;

	struct recovery *recovery;
	struct mover_guest *guests;
	bool stopping, closing;
	mover_cb *stop_cb;
	void *stop_data;
	void (*close_cb)(void *data);
	void *close_data;
};

/*
 * A ticket goes out with each asynchronous call as its data. ticket_take frees it and returns the
 * mover, or NULL when nobody waits for the answer any more.
 */
struct ticket *ticket_new(struct mover *m);
struct mover *ticket_take(void *ticket);

/* Ends the effect under way. Delivered from the loop, never inside this call. */
void mover_emit(struct mover *m, enum mover_event event);
/* Runs fn once after ms (0 = soon), unless the effect ends before. */
void mover_after(struct mover *m, int64_t ms, void (*fn)(struct mover *m));
void mover_start_change(struct mover *m, struct change *c, enum mover_state first);
struct change *change_new(void);
void change_free(struct change *c);
/* Forgets the reading under way. */
void change_forget(struct change *c);
/* For change.known and change.old. */
void change_ids_free(char ***ids, size_t *n);
void change_id_add(char ***ids, size_t *n, const char *id);
/* Fills what every journalled intent needs: plan from in (recovery) */
void change_adopt(struct change *c, const struct intent *in);
/* Takes from our label in the spec what the journal does not tell: older terms of ours that the
 * steering took away, and what is damaged. Another one's label is left alone. */
void change_recall(struct change *c, const json_t *spec);
struct judge_plan change_judge_plan(const struct change *c);
/* The reading's PreviousSpec where it carries our plan label, or NULL. */
const json_t *change_previous(const struct change *c);
/* mover_spec_standing of the reading under way; a rollback to our steering is FOREIGN. */
int change_standing(const struct change *c, enum mover_standing *ret, struct error *err);
bool change_is_merge(const struct change *c); /* undo or release: no task is to move */

/*
 * Reads the change's service; fn runs when c->facts and c->spec are filled (err NULL), or with the
 * error. -ENOENT means that the service is gone: a list of services was asked, too, because a
 * missing socket has the same code.
 */
typedef void read_fn(struct mover *m, const struct error *err);
void mover_read_service(struct mover *m, read_fn *fn);
/* The same, and then its tasks into c->tasks. */
void mover_read_tasks(struct mover *m, read_fn *fn);

/* A check ends with a no: by a rule, or by the event, verdict and error given. */
void mover_refuse(struct mover *m, enum verdict verdict);
void mover_fail(struct mover *m, enum mover_event event, enum verdict verdict,
                const struct error *err);
/* Checked, and nothing is to be sent: says what would be. */
void mover_refuse_dry(struct mover *m);
enum verdict mover_verdict_of(int code); /* of an error of swarm/spec.h */
char *mover_dump(const json_t *value);

/* CHECK found the service gone: GONE; of a change that is to be undone nothing is left: NOTHING. */
void mover_check_gone(struct mover *m, enum verdict verdict, const struct error *err);

/* CHECK goes on with an undo or release, when its service was read. */
void mover_check_merge(struct mover *m, const struct error *err);

/*
 * May this manager change the Swarm now? It must be the Raft leader, and the lease must be ours: it
 * is asked for when it is not. fn gets the nodes as they are now (for the callback) and VERDICT_OK;
 * or NOT_LEADER, LEASE or PARTIAL (no answer), with the reason. What was asked for is given back
 * when the change ends or is left open.
 */
typedef void lead_fn(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
                     const struct error *err);
void mover_lead(struct mover *m, lead_fn *fn);
/* Whether these nodes say that we lead; true when we do not know who we are. */
bool mover_leads(const struct mover *m, const struct docker_nodes *nodes);
const struct docker_node *mover_node(const struct docker_nodes *nodes, const char *id);
/* Notes in the change whether its nodes have other versions than when it was checked. */
void mover_note_nodes(struct mover *m, const struct docker_nodes *nodes);
/* The same of what people set: the first call notes it, the later ones compare. */
void mover_note_premise(struct change *c, const struct docker_nodes *nodes);
/* Adds to why (not empty) what was done to the nodes; nothing when that is nothing. */
void mover_tell_premise(const struct change *c, struct error *why);

void mover_effect_check(struct mover *m);
void mover_effect_confirm(struct mover *m);
void mover_effect_lead(struct mover *m);
void mover_effect_post(struct mover *m);
void mover_effect_watch(struct mover *m);
void mover_effect_prove(struct mover *m);
void mover_effect_recover(struct mover *m);
void mover_effect_finish(struct mover *m);

/*
 * The change that a service's labels tell of, made from them alone; the caller's to free. Returns
 * 1; 0 when there is nothing to be done; -EINVAL for labels that nobody can read; -EBUSY while
 * somebody's update of the service is under way or paused: it is left to them until it ends.
 */
int mover_orphan(const struct api_service *service, struct change **ret, struct error *err);

/* The recovery goes on: a change that it took up has ended. */
void mover_recovery_next(struct mover *m);
void mover_recovery_free(struct recovery *r);
/* Callbacks to the one who asked; frees the change. */
void mover_over(struct mover *m);

/* Whether an effect under way is interrupted at once when the mover is asked to stop. */
bool mover_interrupts_at_once(enum mover_effect effect);
/* Tells the one who asked it to stop that nothing is open any more, from the loop. */
void mover_stopped_soon(struct mover *m);
