/* The steps of a life; see power_session.h. */
#include "test/fault/power_session.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "model/intent.h"
#include "storage/journal.h"
#include "storage/request.h"
#include "storage/schema.h"
#include "storage/store_priv.h"

#define T0     INT64_C(1700000000000)
#define MIN_MS INT64_C(60000)
#define DAY_MS (1440 * MIN_MS)
#define MIB    INT64_C(1048576)
#define NODES  3
#define TASKS  12

/* --- cycles --------------------------------------------------------------------------------------
 */

static int
put_swarm(struct store *s, int64_t at, struct error *err)
{
	static const char *const ids[NODES] = {"node1", "node2", "node3"};
	int r = 0;

	for (size_t i = 0; i < NODES && r == 0; i++) {
		struct node_row node = {.id = ids[i],
		                        .hostname = ids[i],
		                        .usable_cores = 4,
		                        .idle_watts = NAN,
		                        .max_watts = NAN,
		                        .version = (uint64_t) at,
		                        .seen_ms = at};
		struct node_load_row load = {.node_id = ids[i],
		                             .at_ms = at,
		                             .cpu_cores = (double) (at % 7),
		                             .mem_bytes = NAN,
		                             .n_tasks = TASKS / NODES,
		                             .watts = NAN};
		struct service_row service = {.id = ids[i],
		                              .name = "web",
		                              .replicas = 4,
		                              .slo_p95_ms = NAN,
		                              .seen_p95_ms = NAN,
		                              .version = (uint64_t) at,
		                              .seen_ms = at};

		r = store_put_nodes(s, &node, 1, err);
		if (r == 0)
			r = store_put_node_loads(s, &load, 1, err);
		if (r == 0)
			r = store_put_services(s, &service, 1, err);
	}
	return r;
}

static int
put_container(struct store *s, size_t i, int64_t at, struct error *err)
{
	char id[65];
	struct container_row c = {.id = id, .name = "c", .node_id = "node1", .seen_ms = at};
	struct sample_row sample = {.container_id = id,
	                            .at_ms = at,
	                            .interval_ms = 15000,
	                            .cpu_cores = .1 * (double) i,
	                            .throttled_ratio = NAN,
	                            .mem_bytes = (double) (MIB * (at % 5)),
	                            .net_rx_bytes_per_s = NAN,
	                            .net_tx_bytes_per_s = NAN,
	                            .blk_read_bytes_per_s = NAN,
	                            .blk_write_bytes_per_s = NAN};
	struct profile_row profile = {.kind = PROFILE_CONTAINER,
	                              .id = id,
	                              .cpu_mean_cores = (double) (at % 11),
	                              .n_samples = (uint64_t) at,
	                              .first_ms = T0,
	                              .last_ms = at,
	                              .state = "{\"what\":\"profile_save gave\"}"};
	int r;

	(void) snprintf(id, sizeof(id), "%064zx", 0xc0ffee + i);
	r = store_put_containers(s, &c, 1, err);
	if (r == 0)
		r = store_put_samples(s, &sample, 1, err);
	return r == 0 ? store_put_profiles(s, &profile, 1, err) : r;
}

/* One commit for all of it. */
static int
cycle(struct power_session *s, size_t n, struct error *err)
{
	int64_t at = T0 + (int64_t) n * 5 * MIN_MS;
	struct event_row event = {at, "skip", "a cycle"};
	uint64_t id = 0;
	int r = store_begin(s->store, err);

	if (r == 0)
		r = put_swarm(s->store, at, err);
	for (size_t i = 0; i < TASKS && r == 0; i++)
		r = put_container(s->store, i, at, err);
	if (r == 0)
		r = store_mark_gone(s->store, at - 60 * MIN_MS, at, err);
	if (r == 0)
		r = store_next_decision_id(s->store, 1, &id, err);
	if (r == 0)
		r = store_put_event(s->store, &event, err);
	return r == 0 ? store_commit(s->store, err) : r;
}

/* --- moves ---------------------------------------------------------------------------------------
 */

static int
plan(struct power_session *s, size_t n, struct error *err)
{
	struct intent in = {.kind = MOVE_KIND_MOVE,
	                    .state = MOVE_PLANNED,
	                    .service_id = "service1",
	                    .from_id = "node1",
	                    .to_id = "node2",
	                    .service_name = (char *) "web",
	                    .version_before = n,
	                    .rest_hash = UINT64_C(0xfedcba9876543210),
	                    .before = (char *) "{\"constraints\":null,\"labels\":{}}",
	                    .old_tasks = (char *) "[\"t1\"]",
	                    .created_wall_ms = T0 + (int64_t) n * MIN_MS,
	                    .deadline_wall_ms = T0 + DAY_MS};
	uint64_t id;

	return journal_add(s->store, &in, T0 + (int64_t) n * MIN_MS, &id, err);
}

static int
go_to(struct power_session *s, size_t n, enum move_state state, struct error *err)
{
	_cleanup_(journal_list_done) struct journal_list open = {0};
	int r = journal_open_moves(s->store, &open, err);

	if (r < 0 || open.n != 1)
		return r < 0 ? r : error_set(err, EUCLEAN, "%zu open moves instead of 1", open.n);
	open.items[0].state = state;
	open.items[0].version_ours = n;
	if (journal_state_ended(state))
		open.items[0].ended_wall_ms = T0 + (int64_t) n * MIN_MS;
	return journal_update(s->store, &open.items[0], T0 + (int64_t) n * MIN_MS, "a note", err);
}

#define GO_TO(name, state)                                                                         \
	static int name(struct power_session *s, size_t n, struct error *err)                      \
	{                                                                                          \
		return go_to(s, n, state, err);                                                    \
	}

GO_TO(steered, MOVE_STEERED)
GO_TO(verified, MOVE_VERIFIED)
GO_TO(settled, MOVE_SETTLED)
GO_TO(done, MOVE_DONE)
GO_TO(reverting, MOVE_REVERTING)
GO_TO(blocked, MOVE_BLOCKED)
GO_TO(reverted, MOVE_REVERTED)

static int
note(struct power_session *s, size_t n, struct error *err)
{
	return journal_note(s->store, 1, T0 + (int64_t) n * MIN_MS, "out of sequence, again", err);
}

/* --- requests, facts -----------------------------------------------------------------------------
 */

static int
ask(struct power_session *s, size_t n, struct error *err)
{
	uint64_t id;

	return request_add(s->store, "move", "{\"service\":\"web\"}", "somebody",
	                   T0 + (int64_t) n * MIN_MS, &id, err);
}

static int
take(struct power_session *s, size_t n, struct error *err)
{
	struct request got = {0};
	int r = request_take(s->store, T0 + (int64_t) n * MIN_MS, 0, &got, err);

	request_done(&got);
	return r == 1 ? 0 : r < 0 ? r : error_set(err, ENOENT, "no request to take");
}

static int
finish(struct power_session *s, size_t n, struct error *err)
{
	return request_finish(s->store, 1, REQUEST_DONE, "moved", 0, T0 + (int64_t) n * MIN_MS,
	                      err);
}

static int
fail_taken(struct power_session *s, size_t n, struct error *err)
{
	int r = request_fail_taken(s->store, T0 + (int64_t) n * MIN_MS, err);

	return r < 0 ? r : 0;
}

static int
pause_it(struct power_session *s, size_t n, struct error *err)
{
	return store_pause(s->store, "somebody", "a deploy", T0 + (int64_t) n * MIN_MS, err);
}

static int
resume_it(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	return store_resume(s->store, err);
}

static int
learn(struct power_session *s, size_t n, struct error *err)
{
	struct policy_state_row row = {"linear", 300000, 7, "{\"theta\":[1,2,3]}",
	                               T0 + (int64_t) n * MIN_MS};

	return store_put_policy_state(s->store, &row, err);
}

static int
fact(struct power_session *s, size_t n, struct error *err)
{
	return store_put_meta(s->store, "warm_since_ms", n % 2 == 0 ? "1700000000000" : "17", err);
}

/* --- the file itself -----------------------------------------------------------------------------
 */

static int
open_it(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	return store_open(s->path, &s->store, err);
}

static int
close_it(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	(void) err;
	store_close(s->store);
	s->store = NULL;
	return 0;
}

static int
prune(struct power_session *s, size_t n, struct error *err)
{
	static const struct retention keep = {DAY_MS, 14 * DAY_MS, 400 * DAY_MS};

	return store_prune(s->store, T0 + 2 * DAY_MS + (int64_t) n * MIN_MS, &keep, err);
}

static int
checkpoint(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	return store_wal_checkpoint(s->store, false, err);
}

static int
checkpoint_and_cut(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	return store_wal_checkpoint(s->store, true, err);
}

static int
copy(struct power_session *s, size_t n, struct error *err)
{
	(void) n;
	(void) unlink(s->copy);
	return store_backup(s->store, s->copy, err);
}

/* To a version that no program has yet: a table rebuilt, a column more. */
static int
upgrade(struct power_session *s, size_t n, struct error *err)
{
	static const char next[] = "CREATE TABLE next (id INTEGER PRIMARY KEY, x TEXT) STRICT;"
	                           "INSERT INTO next SELECT id, state FROM move;"
	                           "ALTER TABLE move ADD COLUMN later TEXT";
	const char *migrations[64];
	struct schema schema = {migrations, schema_current.n_migrations + 1, schema_current.views};

	(void) n;
	for (int i = 0; i < schema_current.n_migrations; i++)
		migrations[i] = schema_current.migrations[i];
	migrations[schema_current.n_migrations] = next;
	return schema_upgrade(s->store->sql.db, &schema, err);
}

const struct power_step power_steps[] = {
    {"open", open_it},
    {"a fact", fact},
    {"a cycle", cycle},
    {"plan", plan},
    {"steered", steered},
    {"a cycle in a move", cycle},
    {"verified", verified},
    {"a note", note},
    {"settled", settled},
    {"a passive checkpoint", checkpoint},
    {"done", done},
    {"ask", ask},
    {"take", take},
    {"finish", finish},
    {"what was learned", learn},
    {"pause", pause_it},
    {"close", close_it},
    {"open again", open_it},
    {"resume", resume_it},
    {"plan a second", plan},
    {"steered, too", steered},
    {"cut the log in a move", checkpoint_and_cut},
    {"reverting", reverting},
    {"blocked", blocked},
    {"ask for more", ask},
    {"take that", take},
    {"close in a move", close_it},
    {"open in a move", open_it},
    {"fail what was taken", fail_taken},
    {"reverted", reverted},
    {"prune", prune},
    {"a cycle after", cycle},
    {"prune again", prune},
    {"cut the log", checkpoint_and_cut},
    {"another fact", fact},
    {"a copy", copy},
    {"plan a third", plan},
    {"upgrade", upgrade},
    {"steered after the upgrade", steered},
    {"a last checkpoint", checkpoint},
    {"close for good", close_it},
};
const size_t power_n_steps = ARRAY_SIZE(power_steps);
