/* The journal of moves; see journal.h. */
#include "storage/journal.h"

#include <assert.h>
#include <errno.h>

#include "storage/store_priv.h"

#define C(type, member) TABLE_COLUMN(type, intent, member)

static const struct table_column move_columns[] = {
    C(REF, id),
    TABLE_ENUM(NAME, intent, kind, move_kind_names, MOVE_KIND_N),
    TABLE_ENUM(NAME, intent, state, move_state_names, MOVE_STATE_N),
    C(REF, decision_id),
    C(REF, undo_of),
    C(ID, service_id),
    C(TEXT, service_name),
    C(ID, from_id),
    C(TEXT, from_name),
    C(ID, to_id),
    C(TEXT, to_name),
    C(U64, version_before),
    C(U64, version_ours),
    C(TEXT, added),
    C(TEXT, before),
    C(TEXT, written),
    C(U64, rest_hash),
    C(TEXT, old_tasks),
    C(I64, created_wall_ms),
    C(TIME, deadline_wall_ms),
    C(TIME, ended_wall_ms),
    C(TEXT, reason),
};

/* With its key a row is replaced; a new one (id 0 = NULL) gets its id from SQLite. */
static const struct table move_table = {"move", move_columns, ARRAY_SIZE(move_columns), 1, false};

/* Which of an intent's members are its own memory. */
static const size_t owned[] = {
    offsetof(struct intent, service_name), offsetof(struct intent, from_name),
    offsetof(struct intent, to_name),      offsetof(struct intent, added),
    offsetof(struct intent, before),       offsetof(struct intent, written),
    offsetof(struct intent, old_tasks),    offsetof(struct intent, reason),
};

static char **
owned_at(struct intent *in, size_t i)
{
	return (char **) ((char *) in + owned[i]);
}

void
journal_intent_copy(const struct intent *from, struct intent *ret)
{
	struct intent to = *from;

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		*owned_at(&to, i) = xstrdup(*owned_at(&to, i));
	*ret = to;
}

void
journal_intent_done(struct intent *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(*owned_at(in, i));
	*in = (struct intent){0};
}

void
journal_list_done(struct journal_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->n; i++)
		journal_intent_done(&list->items[i]);
	free(list->items);
	*list = (struct journal_list){0};
}

bool
journal_state_ended(enum move_state state)
{
	switch (state) {
	case MOVE_DONE:
	case MOVE_REVERTED:
	case MOVE_GAVE_UP:
	case MOVE_FOREIGN:
	case MOVE_REFUSED:
		return true;
	case MOVE_PLANNED:
	case MOVE_STEERED:
	case MOVE_VERIFIED:
	case MOVE_SETTLED:
	case MOVE_REVERTING:
	case MOVE_BLOCKED:
	case MOVE_STATE_N:
		break;
	}
	return false;
}

static int
enter(struct store *s, struct error *err)
{
	if (store_in_cycle(s))
		return error_set(err, EINVAL,
		                 "the journal is written on its own: commit the cycle first");
	return store_begin(s, err);
}

static int
leave(struct store *s, int r, struct error *err)
{
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	r = store_commit(s, err);
	if (r < 0)
		(void) error_wrap(err, "write the journal");
	return r;
}

static int
append_event(struct store *s, uint64_t id, int64_t at_ms, const char *note, struct error *err)
{
	int r = sql_run(&s->sql, err,
	                "INSERT INTO move_event SELECT id, (SELECT coalesce(max(seq), 0) + 1 FROM "
	                "move_event WHERE move_id = ?1), ?2, state, version_ours, ?3 FROM move "
	                "WHERE id = ?1",
	                SQL_INT(id), SQL_INT(at_ms), SQL_TEXT(note));

	if (r == 0 && sqlite3_changes(s->sql.db) == 0)
		return error_set(err, ENOENT, "no move %llu in the journal",
		                 (unsigned long long) id);
	return r;
}

static uint64_t
mix(uint64_t hash, const void *data, size_t size)
{
	uint64_t both[2] = {hash, hash64(data, size)};

	return hash64(both, sizeof(both));
}

/* Of the row's columns as they are stored: a single changed byte always changes it. */
static uint64_t
row_checksum(sqlite3_stmt *stmt)
{
	uint64_t hash = 1;

	for (int i = 0; i < (int) ARRAY_SIZE(move_columns); i++) {
		int type = sqlite3_column_type(stmt, i);
		int64_t number = sqlite3_column_int64(stmt, i);
		const void *text = type == SQLITE_TEXT ? sqlite3_column_text(stmt, i) : NULL;

		hash = mix(hash, &type, sizeof(type));
		if (text != NULL)
			hash = mix(hash, text, (size_t) sqlite3_column_bytes(stmt, i));
		else if (type == SQLITE_INTEGER)
			hash = mix(hash, &number, sizeof(number));
	}
	return hash;
}

/* The row that stmt stands on, its columns and then the checksum. */
static int
check_row(struct store *s, sqlite3_stmt *stmt, uint64_t id, struct error *err)
{
	int i = (int) ARRAY_SIZE(move_columns);

	if (sqlite3_column_type(stmt, i) == SQLITE_NULL ||
	    (uint64_t) sqlite3_column_int64(stmt, i) == row_checksum(stmt))
		return 0;
	return error_set(err, EUCLEAN,
	                 "move %llu in the journal of '%s' is damaged and was left as it is: stop "
	                 "foragerd, move the file away and restore a backup, or start without it "
	                 "and forager learns anew",
	                 (unsigned long long) id, sqlite3_db_filename(s->sql.db, "main"));
}

/* Within the transaction that wrote the row. */
static int
seal_row(struct store *s, uint64_t id, struct error *err)
{
	static const char key[] = "seal";
	_cleanup_(freep) char *columns = table_columns(&move_table, "");
	_cleanup_(freep) char *text = xasprintf("SELECT %s FROM move WHERE id = ?1", columns);
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(&s->sql, key, text, &stmt, err);
	uint64_t checksum;

	if (r < 0)
		return r;
	(void) sqlite3_bind_int64(stmt, 1, (int64_t) id);
	r = sql_step(&s->sql, stmt, err);
	if (r < 0)
		return r;
	assert(r == 1); /* the transaction has just written it */
	checksum = row_checksum(stmt);
	sql_resetp(&stmt);
	return sql_run(&s->sql, err, "UPDATE move SET checksum = ?2 WHERE id = ?1", SQL_INT(id),
	               SQL_INT(checksum));
}

int
journal_add(struct store *s, const struct intent *in, int64_t at_ms, uint64_t *ret_id,
            struct error *err)
{
	uint64_t id = 0;
	int r;

	if (in->id != 0 || in->service_id[0] == '\0')
		return error_set(err, EINVAL,
		                 in->id != 0 ? "this move is in the journal already"
		                             : "a move of no service");
	r = enter(s, err);
	if (r < 0)
		return r;
	r = table_put(&s->sql, &move_table, in, err);
	if (r == 0) {
		id = (uint64_t) sqlite3_last_insert_rowid(s->sql.db);
		r = seal_row(s, id, err);
	}
	if (r == 0)
		r = append_event(s, id, at_ms, NULL, err);
	r = leave(s, r, err);
	if (r == 0)
		*ret_id = id;
	return r;
}

/* 0: may be replaced by in. */
static int
check_update(struct store *s, const struct intent *in, struct error *err)
{
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	struct intent old;
	int r;

	r = sql_query(&s->sql, &stmt, err, "SELECT state FROM move WHERE id = ?1", SQL_INT(in->id));
	if (r == 0)
		r = sql_step(&s->sql, stmt, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ENOENT, "no move %llu in the journal",
		                 (unsigned long long) in->id);
	for (unsigned i = 0; i < MOVE_STATE_N; i++) {
		old.state = (enum move_state) i;
		if (journal_state_ended(old.state) && old.state != in->state &&
		    streq(move_state_names[i], (const char *) sqlite3_column_text(stmt, 0)))
			return error_set(err, EALREADY, "move %llu has ended: %s",
			                 (unsigned long long) in->id, move_state_names[i]);
	}
	return 0;
}

int
journal_update(struct store *s, const struct intent *in, int64_t at_ms, const char *note,
               struct error *err)
{
	int r = enter(s, err);

	if (r < 0)
		return r;
	r = check_update(s, in, err);
	if (r == 0)
		r = table_put(&s->sql, &move_table, in, err);
	if (r == 0)
		r = seal_row(s, in->id, err);
	if (r == 0)
		r = append_event(s, in->id, at_ms, note, err);
	return leave(s, r, err);
}

int
journal_note(struct store *s, uint64_t id, int64_t at_ms, const char *note, struct error *err)
{
	int r = enter(s, err);

	return r < 0 ? r : leave(s, append_event(s, id, at_ms, note, err), err);
}

#define ENDED "('done', 'reverted', 'gave-up', 'foreign', 'refused')"

/* By enum journal_filter. */
static const char *const filters[] = {
    "1",
    "m.state NOT IN " ENDED,
    "m.kind = 'move' AND m.state = 'done' AND NOT EXISTS (SELECT 1 FROM move u WHERE u.undo_of = "
    "m.id AND (u.state = 'done' OR u.state NOT IN " ENDED "))",
};

static int
list_where(struct store *s, const char *const *where, uint64_t id, size_t most,
           struct journal_list *ret, struct error *err)
{
	_cleanup_(freep) char *columns = table_columns(&move_table, "m.");
	_cleanup_(freep) char *text = NULL;
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	_cleanup_(journal_list_done) struct journal_list list = {0};
	int r;

	/* Where it stands is the key of the cache: the filters above, by_id below. */
	text = xasprintf("SELECT %s, m.checksum FROM move m WHERE %s AND (?1 = 0 OR m.id = ?1) "
	                 "ORDER BY m.id DESC LIMIT ?2",
	                 columns, *where);
	r = sql_prepare(&s->sql, where, text, &stmt, err);
	if (r < 0)
		return r;
	(void) sqlite3_bind_int64(stmt, 1, (int64_t) id);
	(void) sqlite3_bind_int64(stmt, 2, most == 0 ? -1 : (int64_t) most);
	while ((r = sql_step(&s->sql, stmt, err)) == 1) {
		struct intent row = {0};

		r = table_read(&move_table, stmt, 0, &row, err);
		if (r == 0)
			r = check_row(s, stmt, row.id, err);
		if (r < 0)
			return r;
		list.items = xrealloc(list.items, list.n + 1, sizeof(*list.items));
		journal_intent_copy(&row, &list.items[list.n++]);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = (struct journal_list){0};
	return 0;
}

int
journal_list(struct store *s, enum journal_filter filter, size_t most, struct journal_list *ret,
             struct error *err)
{
	if ((unsigned) filter >= ARRAY_SIZE(filters))
		return error_set(err, EINVAL, "no such filter of the journal");
	return list_where(s, &filters[filter], 0, most, ret, err);
}

int
journal_open_moves(struct store *s, struct journal_list *ret, struct error *err)
{
	return journal_list(s, JOURNAL_OPEN, 0, ret, err);
}

/* Row by row: a journal of years is not held in memory. */
int
journal_check(struct store *s, struct error *err)
{
	static const char key[] = "check";
	_cleanup_(freep) char *columns = table_columns(&move_table, "");
	_cleanup_(freep) char *text = xasprintf("SELECT %s, checksum FROM move", columns);
	_cleanup_(sql_resetp) sqlite3_stmt *stmt = NULL;
	int r = sql_prepare(&s->sql, key, text, &stmt, err);

	while (r >= 0 && (r = sql_step(&s->sql, stmt, err)) == 1) {
		struct intent row = {0};

		r = table_read(&move_table, stmt, 0, &row, err);
		if (r == 0)
			r = check_row(s, stmt, row.id, err);
	}
	return r;
}

int
journal_get(struct store *s, uint64_t id, struct intent *ret, struct error *err)
{
	static const char *const by_id = "m.id <> 0";
	_cleanup_(journal_list_done) struct journal_list list = {0};
	int r = id == 0 ? 0 : list_where(s, &by_id, id, 1, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return error_set(err, ENOENT, "no move %llu in the journal: see forager decisions",
		                 (unsigned long long) id);
	*ret = list.items[0];
	list.items[0] = (struct intent){0};
	return 0;
}
