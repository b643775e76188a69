/*
 * A disk that loses power: an SQLite VFS over the default one. It keeps what fsync has not yet
 * confirmed apart; at the chosen I/O operation it puts the files into a state that a power loss
 * could have left them in, and ends the process. One thread, one process a loss.
 *
 * What it takes a disk to promise is what SQLite does: fsync of a file makes its bytes durable,
 * fsync of the directory its entries, a sector of 512 bytes is written whole or not at all, and
 * nothing else: unconfirmed writes, truncations, new files and removals happen or not, in any
 * selection.
 */
#pragma once

#include <stdint.h>

enum power_pattern {
	POWER_NOTHING, /* nothing unconfirmed has happened */
	POWER_ALL,     /* all of it has */
	POWER_PREFIX,  /* it happened in order up to some point, the last write is torn */
	POWER_SUBSET,  /* any of it, each write whole, torn or not at all */
	POWER_PATTERN_N
};

/* Becomes the default VFS. No loss until power_arm. The program's fsync and fdatasync are this
 * file's, so that forager's own count, too. */
void power_register(void);

/*
 * The power fails instead of the at-th operation (1 is the first) from now on: a write, truncation,
 * fsync, creation or removal. The process ends with exit code POWER_LOST.
 */
void power_arm(uint64_t at, enum power_pattern pattern, uint64_t seed);
uint64_t power_operations(void); /* since power_arm */

#define POWER_LOST 86
