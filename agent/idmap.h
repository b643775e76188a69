/*
 * A map from a key to a value, kept in the order of its keys: what is looked up by id and also gone
 * through in an order that is the same on every run. Nothing is owned: the key lives in the value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct idmap_entry {
	const char *key;
	void *value;
};

struct idmap {
	struct idmap_entry *entries; /* sorted by key; {0} is an empty table */
	size_t n, room;
};

void *idmap_get(const struct idmap *t, const char *key); /* NULL: not there */
/* key must live as long as the entry; it must not be there yet. */
void idmap_put(struct idmap *t, const char *key, void *value);
/* Takes it out and returns it; NULL: not there. */
void *idmap_remove(struct idmap *t, const char *key);
/* Takes the i-th out and returns it. */
void *idmap_remove_at(struct idmap *t, size_t i);
/* Frees the table, and each value with free_value (NULL: none). Leaves it empty. */
void idmap_done(struct idmap *t, void (*free_value)(void *value));
