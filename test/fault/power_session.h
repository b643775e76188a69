/*
 * What foragerd and forager write in a life, as steps: opening, cycles, moves that end well and
 * badly, requests, pauses, prunes, checkpoints, a copy, an upgrade. Times are made up, so that two
 * runs write the same rows.
 */
#pragma once

#include "storage/store.h"

struct power_session {
	char path[256], copy[256];
	struct store *store; /* NULL: closed */
};

struct power_step {
	const char *name;
	int (*run)(struct power_session *s, size_t n, struct error *err);
};

extern const struct power_step power_steps[];
extern const size_t power_n_steps;
