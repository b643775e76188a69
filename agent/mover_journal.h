/* The two journals of the mover: through foragerd's writer thread, or straight into a store. */
#pragma once

#include "agent/mover.h"

struct store;
struct writer;

/* Each returns a value to pass to mover_new; w or s must outlive the mover. */
struct mover_journal mover_journal_writer(struct writer *w);
/* Blocks in each call; completions run inside it. */
struct mover_journal mover_journal_store(struct store *s);
