/* A sorted array of pairs; see idmap.h. Lookups and iteration are many, changes are few. */
#include "agent/idmap.h"

#include "base/util.h"

static size_t
place(const struct idmap *t, const char *key, bool *ret_found)
{
	size_t lo = 0, hi = t->n;

	*ret_found = false;
	while (lo < hi && !*ret_found) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(t->entries[mid].key, key);

		*ret_found = order == 0;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return *ret_found ? hi : lo;
}

void *
idmap_get(const struct idmap *t, const char *key)
{
	bool found;
	size_t at = place(t, key, &found);

	return found ? t->entries[at].value : NULL;
}

void
idmap_put(struct idmap *t, const char *key, void *value)
{
	bool found;
	size_t at = place(t, key, &found);

	if (found)
		abort();
	if (t->n == t->room) {
		t->room = t->room == 0 ? 16 : 2 * t->room;
		t->entries = xrealloc(t->entries, t->room, sizeof(*t->entries));
	}
	memmove(t->entries + at + 1, t->entries + at, (t->n - at) * sizeof(*t->entries));
	t->entries[at] = (struct idmap_entry){key, value};
	t->n++;
}

void *
idmap_remove_at(struct idmap *t, size_t i)
{
	void *value = t->entries[i].value;

	t->n--;
	memmove(t->entries + i, t->entries + i + 1, (t->n - i) * sizeof(*t->entries));
	return value;
}

void *
idmap_remove(struct idmap *t, const char *key)
{
	bool found;
	size_t at = place(t, key, &found);

	return found ? idmap_remove_at(t, at) : NULL;
}

void
idmap_done(struct idmap *t, void (*free_value)(void *value))
{
	for (size_t i = 0; i < t->n && free_value != NULL; i++)
		free_value(t->entries[i].value);
	free(t->entries);
	*t = (struct idmap){0};
}
