/*
 * What the checker knows of a run: the engine's record, foragerd's journal, and how much foragerd
 * used meanwhile.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"

struct history {
	json_t
	    *lines; /* of the record and of usage, in order; readings of containers are left out */
	json_t *moves;  /* rows of table move: id, service_id, state, created_s, ended_s, … */
	json_t *acked;  /* ids of moves that a command line was told of */
	char *database; /* what PRAGMA integrity_check says; NULL = no database was given */
};

void history_init(struct history *h);
void history_done(struct history *h);

/* Appends the lines of a file. -ENOENT, -EBADMSG: err names the line. */
int history_read(struct history *h, const char *path, struct error *err);
int history_read_database(struct history *h, const char *path, struct error *err);
/* One line, for tests: taken. */
void history_add(struct history *h, json_t *line);
