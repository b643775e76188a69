/* What the decoders share; see decode_common.h. */
#include "docker/decode_common.h"

static int
compare_labels(const void *a, const void *b)
{
	const struct docker_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct docker_labels
decode_labels(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);
	struct docker_labels labels = {0};
	struct docker_label *items;
	const char *name;
	json_t *value;

	if (!place_is_there(&p))
		return labels;
	if (!json_is_object(p.value) || json_object_size(p.value) > READER_MAX_ITEMS) {
		place_fault(&p, "an object of at most %d entries was expected", READER_MAX_ITEMS);
		return labels;
	}
	items = ARENA_NEW(up->reader->arena, struct docker_label, json_object_size(p.value));
	json_object_foreach ((json_t *) (uintptr_t) p.value, name, value) {
		items[labels.n].key = arena_strdup(up->reader->arena, name);
		items[labels.n++].value = place_string(&p, name);
	}
	if (labels.n > 1)
		qsort(items, labels.n, sizeof(*items), compare_labels);
	labels.items = items;
	return labels;
}

const char *
docker_label_get(const struct docker_labels *labels, const char *key)
{
	size_t low = 0, high = labels->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(labels->items[middle].key, key);

		if (c == 0)
			return labels->items[middle].value;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void *
decode_items(const struct place *list, size_t size,
             void (*fill)(const struct place *item, void *to), size_t *ret_n)
{
	size_t n = place_count(list);
	char *items;

	*ret_n = 0;
	if (n == 0)
		return NULL;
	items = arena_alloc(list->reader->arena, n, size);
	for (size_t i = 0; i < n && list->reader->rc == 0; i++) {
		struct place item = place_index(list, i);

		if (!place_is_there(&item))
			place_fault(&item, "an entry was expected, not null");
		fill(&item, items + i * size);
		(*ret_n)++;
	}
	return items;
}

/* An entry is a bare string, which place_string would look for by its key. */
static void
fill_string(const struct place *item, void *to)
{
	const char **s = to;

	*s = "";
	if (json_is_string(item->value))
		*s = arena_strdup(item->reader->arena, json_string_value(item->value));
	else
		place_fault(item, "a string was expected");
}

const char *const *
decode_strings(const struct place *up, const char *key, size_t *ret_n)
{
	struct place list = place_key(up, key);

	return decode_items(&list, sizeof(const char *), fill_string, ret_n);
}

int
decode_compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}
