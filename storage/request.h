/*
 * Wishes of the CLI to a running foragerd: rows of table `request`. The CLI adds one and waits for
 * its end; foragerd takes the oldest, does it and finishes it. Each call is one commit of its own,
 * outside store_begin. Errors: storage/store.h.
 */
#pragma once

#include "storage/store.h"

enum request_state {
	REQUEST_NEW,
	REQUEST_TAKEN,
	REQUEST_DONE,
	REQUEST_REFUSED, /* a guard said no */
	REQUEST_FAILED,
	REQUEST_STATE_N
};

extern const char *const request_state_names[REQUEST_STATE_N];

struct request {
	uint64_t id;
	enum request_state state;
	char *kind;    /* "move", "undo", "release", "pause", … */
	char *args;    /* JSON object */
	char *who;     /* user who asked; NULL: not known */
	char *result;  /* text for people; NULL: none yet */
	int exit_code; /* for the CLI, once it has ended */
	int64_t created_ms, taken_ms, ended_ms;
};

/* who may be NULL. args is a JSON object (-EINVAL otherwise), at most 64 KiB. */
int request_add(struct store *s, const char *kind, const char *args, const char *who, int64_t at_ms,
                uint64_t *ret_id, struct error *err);

/*
 * Takes the oldest new one: 1 and ret is set (request_done it), 0: there is none. New ones that
 * have waited longer than max_age_ms (0 = any time) are refused on the way: whoever asked has
 * given up, and a move that comes as a surprise is worse than none.
 */
int request_take(struct store *s, int64_t now_ms, int64_t max_age_ms, struct request *ret,
                 struct error *err);
/* Reads only, without a lock: is there anything to take? 1 or 0. */
int request_waiting(struct store *s, struct error *err);
/* state: DONE, REFUSED or FAILED. -ENOENT: no such request; -EALREADY: it has ended. */
int request_finish(struct store *s, uint64_t id, enum request_state state, const char *result,
                   int exit_code, int64_t at_ms, struct error *err);
/* The CLI no longer waits: a new one is refused (0); -EALREADY: it is taken or has ended. */
int request_cancel(struct store *s, uint64_t id, int64_t at_ms, struct error *err);
/* At start: those taken by a foragerd that is no more are failed. Gives how many. */
int request_fail_taken(struct store *s, int64_t at_ms, struct error *err);
int request_get(struct store *s, uint64_t id, struct request *ret, struct error *err);
void request_done(struct request *r); /* frees what it owns and zeroes it; NULL is fine */
bool request_ended(enum request_state state);
