/* The shape of the owned fields; see spec_shape.h. */
#include "swarm/spec_shape.h"

#include <errno.h>

/* The parser stops well before what a hostile label or journal could make it hold. */
#define OWNED_BYTES ((size_t) 256 * 1024)

bool
shape_is_id(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < SWARM_ID_SIZE &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
	           n;
}

bool
shape_is_term(const char *text)
{
	if (!str_has_prefix(text, "node.id==") && !str_has_prefix(text, "node.id!="))
		return false;
	return shape_is_id(text + strlen("node.id=="));
}

char *
shape_dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (text == NULL)
		abort();
	return text;
}

static bool
is_null(const json_t *value)
{
	return value == NULL || json_is_null(value);
}

static int
check_constraints(const char *what, const json_t *list, struct error *err)
{
	const json_t *item;
	size_t i;

	if (is_null(list))
		return 0;
	if (!json_is_array(list))
		return error_set(err, EINVAL, "%s: Constraints is not a list", what);
	json_array_foreach (list, i, item) {
		if (!json_is_string(item))
			return error_set(err, EINVAL, "%s: constraint %zu is not a text", what, i);
	}
	return 0;
}

static int
check_labels(const char *what, const json_t *labels, struct error *err)
{
	const char *const ours[] = {SPEC_LABEL_PLAN, SPEC_LABEL_BEFORE};

	if (is_null(labels))
		return 0;
	if (!json_is_object(labels))
		return error_set(err, EINVAL, "%s: Labels is not an object", what);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		const json_t *value = json_object_get(labels, ours[i]);

		if (value != NULL && !json_is_string(value))
			return error_set(err, EINVAL, "%s: label %s is not a text", what, ours[i]);
	}
	return 0;
}

int
shape_check_fields(const char *what, const json_t *constraints, const json_t *labels,
                   const json_t *update, struct error *err)
{
	int r = check_constraints(what, constraints, err);

	if (r < 0)
		return r;
	r = check_labels(what, labels, err);
	if (r < 0)
		return r;
	if (!is_null(update) && !json_is_object(update))
		return error_set(err, EINVAL, "%s: UpdateConfig is not an object", what);
	return 0;
}

static int
check_keys(json_t *doc, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (doc, key, value) {
		if (!streq(key, "Constraints") && !streq(key, "Labels") &&
		    !streq(key, "UpdateConfig"))
			return error_set(err, EINVAL, "owned fields: unknown key '%.40s'", key);
	}
	json_object_foreach (json_object_get(doc, "Labels"), key, value) {
		if (!streq(key, SPEC_LABEL_PLAN) && !streq(key, SPEC_LABEL_BEFORE))
			return error_set(err, EINVAL, "owned fields: '%.40s' is not our label",
			                 key);
	}
	return 0;
}

int
shape_owned_parse(const char *owned, json_t **ret, struct error *err)
{
	json_auto_t *doc = NULL;
	json_error_t why;
	size_t n = strnlen(owned, OWNED_BYTES);
	int r;

	if (n == OWNED_BYTES)
		return error_set(err, EINVAL, "owned fields: longer than %zu bytes", OWNED_BYTES);
	doc = json_loadb(owned, n, JSON_REJECT_DUPLICATES, &why);
	if (doc == NULL)
		return error_set(err, EINVAL, "owned fields: not JSON: %s", why.text);
	if (!json_is_object(doc))
		return error_set(err, EINVAL, "owned fields: not an object");
	r = shape_check_fields("owned fields", json_object_get(doc, "Constraints"),
	                       json_object_get(doc, "Labels"), json_object_get(doc, "UpdateConfig"),
	                       err);
	if (r < 0)
		return r;
	r = check_keys(doc, err);
	if (r < 0)
		return r;
	*ret = take_ptr(doc);
	return 0;
}

static size_t
list_find(const json_t *list, const char *text)
{
	size_t i = 0;

	while (i < json_array_size(list) &&
	       !streq(json_string_value(json_array_get(list, i)), text))
		i++;
	return i;
}

static size_t
list_remove(json_t *list, struct spec_terms terms, json_t *removed)
{
	size_t n = 0;

	for (size_t i = 0; i < terms.n; i++) {
		if (json_array_remove(list, list_find(list, terms.texts[i])) < 0)
			continue;
		if (removed != NULL)
			(void) json_array_append_new(removed, json_string(terms.texts[i]));
		n++;
	}
	return n;
}

static size_t
list_add(json_t *list, struct spec_terms terms, json_t *added)
{
	size_t n = 0;

	for (size_t i = 0; i < terms.n; i++) {
		if (list_find(list, terms.texts[i]) < json_array_size(list))
			continue;
		(void) json_array_append_new(list, json_string(terms.texts[i]));
		if (added != NULL)
			(void) json_array_append_new(added, json_string(terms.texts[i]));
		n++;
	}
	return n;
}

size_t
shape_list_edit(const json_t *base, struct spec_terms drop, struct spec_terms add, json_t *dropped,
                json_t *added, json_t **ret)
{
	json_auto_t *list = json_is_array(base) ? json_deep_copy(base) : json_array();
	size_t n_dropped = list_remove(list, drop, dropped);
	size_t n_added = list_add(list, add, added);

	if (n_dropped == 0 && n_added == 0)
		*ret = base != NULL ? json_deep_copy(base) : NULL;
	else if (json_array_size(list) == 0)
		*ret = NULL;
	else
		*ret = take_ptr(list);
	return n_dropped;
}
