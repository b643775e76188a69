/* Reads what the checker judges; see history.h. */
#include "test/fake/history.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "test/fake/shape.h"

void
history_init(struct history *h)
{
	*h = (struct history){.lines = json_array(), .moves = json_array(), .acked = json_array()};
}

void
history_done(struct history *h)
{
	json_decref(h->lines);
	json_decref(h->moves);
	json_decref(h->acked);
	free(h->database);
	*h = (struct history){0};
}

void
history_add(struct history *h, json_t *line)
{
	(void) json_array_append_new(h->lines, line);
}

/* A day's record is mostly these, and no invariant asks for them. */
static bool
is_reading(const json_t *line)
{
	static const char *const endpoints[] = {"stats", "containers", "inspect", "image", "ping"};
	const char *endpoint = shape_text(line, "endpoint", "");

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		if (streq(endpoint, endpoints[i]))
			return true;
	}
	return false;
}

int
history_read(struct history *h, const char *path, struct error *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0, number = 0;
	int rc = 0;

	if (f == NULL)
		return error_set(err, errno, "cannot read '%s'", path);
	while (rc == 0 && getline(&line, &room, f) > 0) {
		json_t *doc = json_loads(line, 0, NULL);

		number++;
		if (doc == NULL && feof(f))
			break; /* the engine was killed in the middle of it */
		if (doc == NULL)
			rc = error_set(err, EBADMSG, "'%s' line %zu is no JSON", path, number);
		else if (is_reading(doc))
			json_decref(doc);
		else
			history_add(h, doc);
	}
	free(line);
	(void) fclose(f);
	return rc;
}

static json_t *
column(sqlite3_stmt *st, int i)
{
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(st, i));
	case SQLITE_FLOAT:
		return json_real(sqlite3_column_double(st, i));
	case SQLITE_NULL:
		return json_null();
	default:
		return json_string((const char *) sqlite3_column_text(st, i));
	}
}

static int
read_rows(sqlite3 *db, const char *sql, json_t *into)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		json_t *row = json_object();

		for (int i = 0; i < sqlite3_column_count(st); i++)
			(void) json_object_set_new(row, sqlite3_column_name(st, i), column(st, i));
		(void) json_array_append_new(into, row);
	}
	(void) sqlite3_finalize(st);
	return rc;
}

int
history_read_database(struct history *h, const char *path, struct error *err)
{
	static const char moves[] =
	    "SELECT id, kind, state, decision_id, service_id, service_name, version_before, "
	    "version_ours, created_wall_ms / 1e3 AS created_s, ended_wall_ms / 1e3 AS ended_s "
	    "FROM move ORDER BY id";
	json_auto_t *said = json_array();
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);

	if (rc == SQLITE_OK)
		rc = read_rows(db, "PRAGMA integrity_check", said);
	if (rc == SQLITE_OK)
		rc = read_rows(db, moves, h->moves);
	h->database =
	    xstrdup(shape_text(json_array_get(said, 0), "integrity_check", "cannot be read"));
	if (rc != SQLITE_OK)
		(void) error_set(err, EIO, "'%s': %s", path, sqlite3_errmsg(db));
	(void) sqlite3_close(db);
	return rc == SQLITE_OK ? 0 : -EIO;
}
