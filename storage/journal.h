/*
 * The journal of moves: what forager is about to do to the Swarm, on disk before it does it. Rows
 * of table `move`; each change is appended to `move_event`. Every call here is one commit that has
 * reached the disk when it returns: not to be called between store_begin and store_commit
 * (-EINVAL). Times come from the caller. Errors: storage/store.h.
 */
#pragma once

#include "model/intent.h"
#include "storage/store.h"

/* Stores a new intent (in->id must be 0) and gives its id. */
int journal_add(struct store *s, const struct intent *in, int64_t at_ms, uint64_t *ret_id,
                struct error *err);

/*
 * Replaces the row by in->id and appends an event with note (NULL: none). -ENOENT: no such move.
 * -EALREADY: the move has ended in another state; history is not rewritten.
 */
int journal_update(struct store *s, const struct intent *in, int64_t at_ms, const char *note,
                   struct error *err);

/* Appends an event only: a try, a retry, what the Swarm answered. */
int journal_note(struct store *s, uint64_t id, int64_t at_ms, const char *note, struct error *err);

enum journal_filter {
	JOURNAL_ALL,
	JOURNAL_OPEN,     /* not ended: to be finished or reverted first thing at start */
	JOURNAL_UNDOABLE, /* moves that are done, with no undo of them done or open since */
};

struct journal_list {
	struct intent *items; /* newest first */
	size_t n;
};

/* Intents in ret are the caller's: journal_intent_done, journal_list_done. most = 0: all. */
int journal_get(struct store *s, uint64_t id, struct intent *ret, struct error *err);
int journal_list(struct store *s, enum journal_filter filter, size_t most, struct journal_list *ret,
                 struct error *err);
int journal_open_moves(struct store *s, struct journal_list *ret, struct error *err);

/* -EUCLEAN: a row says something else than what was written, because of the disk or of somebody's
 * hand. store_open asks; the functions above say so of a row that they read, too: a damaged row
 * opens neither the hour's budget nor a cool-down, for nobody acts upon a journal that has one. */
int journal_check(struct store *s, struct error *err);

/* Deep copy, for one thread to hand it to another. */
void journal_intent_copy(const struct intent *from, struct intent *ret);
void journal_intent_done(struct intent *in); /* frees what it owns and zeroes it; NULL is fine */
void journal_list_done(struct journal_list *list);

bool journal_state_ended(enum move_state state);
