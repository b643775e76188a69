/*
 * What a person asks for: move, undo, release, pause, resume. Whoever changes the Swarm holds
 * `flock STATE/actor.lock`: when foragerd has it, the request goes through the database and its
 * outcome is waited for; else it is done right here with a loop of its own.
 */
#pragma once

#include "agent/mover.h"

struct config;

enum actor_verb {
	ACTOR_VERB_MOVE,
	ACTOR_VERB_UNDO,
	ACTOR_VERB_RELEASE,
	ACTOR_VERB_PAUSE,
	ACTOR_VERB_RESUME,
	ACTOR_VERB_N
};

extern const char *const actor_verb_names[ACTOR_VERB_N]; /* "move", …: the request rows' kind */

struct actor_request {
	enum actor_verb verb;
	const char *service;   /* MOVE, RELEASE: id or name */
	const char *from, *to; /* MOVE: ids or host names */
	uint64_t id;           /* UNDO: the journal's row; 0 with all */
	uint64_t decision_id;  /* MOVE by `forager apply`: the decision; else 0 */
	bool all, move_back;   /* UNDO, RELEASE; UNDO */
	bool force, dry_run;   /* MOVE */
	const char *who;       /* PAUSE: "root", a user's name; may be NULL */
};

/* One line for each change that was made or refused, and the whole's exit code. */
struct actor_item {
	uint64_t id; /* of the journal row, 0 = none */
	enum move_kind kind;
	enum move_state state;
	enum verdict verdict;
	bool changed, open;
	char *service, *from, *to; /* names; may be NULL */
	char *text;                /* one sentence for people */
	char *places;              /* move_outcome.places; may be NULL */
};

struct actor_result {
	int exit_code; /* 0 done, 1 it failed, 3 refused by a guard */
	char *text;    /* one sentence for people */
	struct actor_item *items;
	size_t n_items;
};

void actor_result_done(struct actor_result *r);

/* What is stored in the request row: the arguments, and the result. Texts are the caller's. */
char *actor_request_to_json(const struct actor_request *r);
char *actor_result_to_json(const struct actor_result *r);
/* Strings of *ret belong to *ret_owner (free it). Returns 0, or -EBADMSG. */
int actor_request_from_json(enum actor_verb verb, const char *json, struct actor_request *ret,
                            char **ret_owner, struct error *err);
int actor_result_from_json(const char *json, struct actor_result *ret, struct error *err);

/* Returns the verb, or -EINVAL. */
int actor_verb_parse(const char *name);

/*
 * Does a MOVE, UNDO or RELEASE with this mover: one change, or for --all one after another. For
 * foragerd (from a request row) and for actor_run. done runs exactly once, never inside the call;
 * the result is good during done only. Returns 0, or what mover_start returns.
 */
typedef void actor_done_cb(void *data, const struct actor_result *result);
int actor_perform(uv_loop_t *loop, struct mover *m, const struct mover_journal *journal,
                  const struct actor_request *request, actor_done_cb *done, void *data,
                  struct error *err);

/*
 * The CLI's entry: blocks until it is done. progress (may be NULL) gets one sentence a step.
 * Returns 0 with *ret filled (whatever its exit code), or an error when nothing could be tried:
 * no state directory, no database, no Docker, a foragerd that does not answer (-ETIMEDOUT).
 */
int actor_run(const struct config *config, const struct actor_request *request,
              void (*progress)(void *data, const char *text), void *data, struct actor_result *ret,
              struct error *err);

/* Takes STATE/actor.lock. Returns a descriptor to keep open, -EWOULDBLOCK when another process
 * holds it, or another error. foragerd holds it for its whole life. */
int actor_lock(const char *state_dir, struct error *err);
