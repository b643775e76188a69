/*
 * The database STATE/forager.db: everything that is written. One connection, one thread, blocking;
 * no clock: times come with the rows. Schema and views: storage/schema.h. Reading for people:
 * storage/query.h. Moves: storage/journal.h. Wishes of the CLI: storage/request.h.
 *
 * All functions that can fail return 0 or a negative errno and set err:
 *   -ENOENT           the state directory (or the row asked for) is missing
 *   -EACCES, -EROFS   no permission, read-only file system
 *   -ENOSPC           disk full
 *   -EBUSY            another process has held the database for longer than BUSY_MS
 *   -EUCLEAN          damaged: not touched again, not to be acted upon
 *   -EPROTONOSUPPORT  of a newer forager, or no forager database at all
 *   -EIO, -EINVAL     the disk failed; a row that cannot be stored (says which)
 * The text says what to do.
 */
#pragma once

#include "base/error.h"
#include "model/decision.h"
#include "model/rows.h"

struct store;

/* Once in a program, before any database is opened: SQLite's allocations abort when memory is out,
 * as all of ours do. */
void store_global_init(void);

#define STORE_GROUP "forager" /* may read the database, if the group exists */

/*
 * Opens, creates (mode 0640, group forager), checks and upgrades the database at path; its
 * directory must exist. An existing file that is damaged, foreign or newer stays as it is.
 */
int store_open(const char *path, struct store **ret, struct error *err);
void store_close(struct store *s); /* NULL is fine; an open transaction is rolled back */
void store_closep(struct store **s);

/*
 * One commit a cycle: what is put between begin and commit reaches the disk as one. Without
 * begin each put commits by itself. A put that fails inside leaves the others in place: the
 * caller commits or rolls back. store_rollback never fails and may be called at any time.
 */
int store_begin(struct store *s, struct error *err);
int store_commit(struct store *s, struct error *err);
void store_rollback(struct store *s);

/* Rows in; a row with the same key replaces the old one. n = 0 is fine. */
int store_put_nodes(struct store *s, const struct node_row *rows, size_t n, struct error *err);
int store_put_node_loads(struct store *s, const struct node_load_row *rows, size_t n,
                         struct error *err);
int store_put_services(struct store *s, const struct service_row *rows, size_t n,
                       struct error *err);
int store_put_containers(struct store *s, const struct container_row *rows, size_t n,
                         struct error *err);
/* A container that is not stored yet gets an empty row. A second sample at the same at_ms is
 * dropped. */
int store_put_samples(struct store *s, const struct sample_row *rows, size_t n, struct error *err);
int store_put_profiles(struct store *s, const struct profile_row *rows, size_t n,
                       struct error *err);
/* The weights of rows[0].algorithm are replaced as a whole; all rows are of that one. */
int store_put_weights(struct store *s, const struct weight_row *rows, size_t n, int64_t at_ms,
                      struct error *err);
/* All of one moment (at_ms): what was thought at another one is replaced as a whole. */
int store_put_qvalues(struct store *s, const struct qvalue_row *rows, size_t n, struct error *err);
int store_put_outcome(struct store *s, const struct outcome_row *row, struct error *err);
int store_put_foreign(struct store *s, const struct foreign_row *row, struct error *err);
int store_put_event(struct store *s, const struct event_row *row, struct error *err);

/*
 * A decision with its shortlist: names are taken from the snapshot it was made on, basis_names
 * has BASIS_N entries (policy/basis.h). Entries of φ that are 0 with contribution 0 are not
 * stored. The id must be new (-EEXIST).
 */
int store_put_decision(struct store *s, const struct decision *d, const struct snapshot *snap,
                       const char *const *basis_names, const struct execution_row *executed,
                       struct error *err);
/* What became of a stored decision, known later. -ENOENT: no such decision. */
int store_put_execution(struct store *s, uint64_t decision_id, const struct execution_row *row,
                        struct error *err);
/* Reserves n ids in a row, for ever, and gives the first: the seed of a decision comes from its
 * id, so none is used twice, stored or not. */
int store_next_decision_id(struct store *s, uint32_t n, uint64_t *ret, struct error *err);

/*
 * What was not seen since seen_before_ms is marked as gone at at_ms. Only after a complete look:
 * of the Swarm (nodes, services, and containers of nodes that are gone), of one node's containers
 * (NULL: of every node's), or of everything.
 */
int store_mark_gone(struct store *s, int64_t seen_before_ms, int64_t at_ms, struct error *err);
int store_mark_swarm_gone(struct store *s, int64_t seen_before_ms, int64_t at_ms,
                          struct error *err);
int store_mark_containers_gone(struct store *s, const char *node_id, int64_t seen_before_ms,
                               int64_t at_ms, struct error *err);

/* Reading back at start. The row is valid within the callback; what it returns other than 0 ends
 * the reading and is returned. Profiles of containers that are gone are left out. */
typedef int store_profile_fn(void *data, const struct profile_row *row);
typedef int store_foreign_fn(void *data, const struct foreign_row *row);
int store_load_profiles(struct store *s, store_profile_fn *fn, void *data, struct error *err);
/* The newest foreign change of each service at or after since_ms, by service id. */
int store_load_foreign(struct store *s, int64_t since_ms, store_foreign_fn *fn, void *data,
                       struct error *err);

int store_put_policy_state(struct store *s, const struct policy_state_row *row, struct error *err);
/* 1: something is stored for this algorithm, under whatever step and features; else 0. */
int store_has_policy_state(struct store *s, const char *algorithm, struct error *err);
/* The JSON as it was stored, free() it; -ENOENT: none for this algorithm, step and features. */
int store_get_policy_state(struct store *s, const char *algorithm, int64_t step_ms,
                           uint64_t feature_hash, char **ret, struct error *err);

/* The emergency stop: while paused nothing is moved. reason may be NULL. */
int store_pause(struct store *s, const char *who, const char *reason, int64_t at_ms,
                struct error *err);
int store_resume(struct store *s, struct error *err);
/* 1: paused (ret_since_ms, if given, is set), 0: not. */
int store_is_paused(struct store *s, int64_t *ret_since_ms, struct error *err);

/* Small facts by name ("warm_since_ms", …). -ENOENT: no such fact. free() what get gives. */
int store_put_meta(struct store *s, const char *key, const char *value, struct error *err);
int store_get_meta(struct store *s, const char *key, char **ret, struct error *err);
/* The wall clock when something was written last, 0 = nothing was: the newest decision and move and
 * the newest look at a node that is there, not what is greatest of all. */
int store_last_ms(struct store *s, int64_t *ret, struct error *err);
/* When the database was made. */
int store_created_ms(struct store *s, int64_t *ret, struct error *err);

/*
 * Makes the rollups that are due and deletes what is older than its retention, a bounded amount
 * a call (the rest with the next ones). In a transaction of its own, or the caller's.
 */
int store_prune(struct store *s, int64_t now_ms, const struct retention *keep, struct error *err);
/* Moves the write-ahead log into the database; truncate: and empties it. Outside a transaction. */
int store_wal_checkpoint(struct store *s, bool truncate, struct error *err);
/* The whole database looked through; slow. -EUCLEAN and what was found. */
int store_check(struct store *s, struct error *err);
/* A consistent copy to a new file. */
int store_backup(struct store *s, const char *to, struct error *err);
