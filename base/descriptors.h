/* Descriptors, before a loop and its parts are made: without them they cannot even say why. */
#pragma once

#include "base/error.h"

/* What foragerd and a command that acts hold open at least: the database and its log, the lock, the
 * loop, its signals and threads, a connection to the engine and some for the nodes. */
#define DESCRIPTORS_LEAST 20

/* -EMFILE or -ENFILE, and what to do: so many cannot be opened now. */
int descriptors_check(struct error *err);
