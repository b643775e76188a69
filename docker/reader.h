/*
 * Reading facts out of a JSON document, with the path of each value for messages. The first thing
 * that is not as Docker writes it is kept as the reader's error; all later reads give defaults, so
 * a decoder reads on and asks once at its end. null counts as absent (Go writes null for empty
 * lists).
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"

/* More entries than this in one list or object is not a Swarm's answer but a fault or an attack. */
#define READER_MAX_ITEMS 100000
/* Docker's own strings are far below; a longer one is refused. */
#define READER_MAX_STRING ((size_t) 64 * 1024)

struct reader {
	struct arena *arena;
	struct error *err; /* may be NULL */
	const char *what;  /* "nodes": begins each path */
	int rc;            /* 0, or -EBADMSG from the first fault on */
};

/* A place in the document; lives on the stack of who looks there, below its parent. */
struct place {
	struct reader *reader;
	const json_t *value; /* NULL = absent */
	const struct place *up;
	const char *key; /* NULL: index */
	size_t index;
};

struct place reader_root(struct reader *r, const json_t *doc);

/* A child; absent when the parent is absent. A parent that is no object (array) is a fault. */
struct place place_key(const struct place *up, const char *key);
struct place place_index(const struct place *up, size_t index);
bool place_is_there(const struct place *p);
size_t place_count(const struct place *p); /* items of an array; 0 = absent */

/* The value at up.key; the default when absent, a fault when of another type. */
const char *place_string(const struct place *up, const char *key); /* in the arena; default "" */
bool place_bool(const struct place *up, const char *key);
int64_t place_int(const struct place *up, const char *key, int64_t absent);
uint64_t place_u64(const struct place *up, const char *key); /* beyond 64 bits: UINT64_MAX */

/* RFC 3339 → ms or ns since 1970; absent and Go's zero time (year 1) are 0. */
int64_t place_time_ms(const struct place *up, const char *key);
int64_t place_time_ns(const struct place *up, const char *key);

/*
 * An identifier of letters and digits only: exactly length of them, else a fault; absent or ""
 * gives "", a fault when required. to holds length + 1 bytes.
 */
void place_id(const struct place *up, const char *key, size_t length, bool required, char *to);

/* The index of the string in names (of n), -1 when absent or ""; another string is a fault. */
int place_enum(const struct place *up, const char *key, const char *const *names, size_t n);

/* Marks the place as faulty: "nodes[3].Spec.Role: <text>". */
void place_fault(const struct place *p, const char *fmt, ...) _printf_(2, 3);
