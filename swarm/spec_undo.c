/* Undo of a change as a three-way merge; see spec.h. */
#include "swarm/spec.h"

#include "swarm/spec_shape.h"

/* The API leaves out or fills in what is zero: 0, "", false, null and absent mean the same. */
static bool
is_zero(const json_t *value)
{
	if (json_is_number(value))
		return json_number_value(value) == 0;
	if (json_is_string(value))
		return json_string_length(value) == 0;
	return value == NULL || json_is_null(value) || json_is_false(value);
}

static bool
same_value(const json_t *a, const json_t *b)
{
	if (is_zero(a) && is_zero(b))
		return true;
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

/* Whether b has the same value for every key of a. */
static bool
covers(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *) a, key, value) {
		if (!same_value(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

/* Absent and null are the same to Swarm, {} is not: it means a parallelism of 0, all at once. */
static bool
same_update(const json_t *a, const json_t *b)
{
	if (!json_is_object(a) || !json_is_object(b))
		return json_is_object(a) == json_is_object(b);
	return covers(a, b) && covers(b, a);
}

/* Absent, null and [] are the same to Swarm; the order of a list has no meaning but is kept. */
static bool
same_list(const json_t *a, const json_t *b)
{
	if (json_array_size(a) == 0 && json_array_size(b) == 0)
		return true;
	return json_equal(a, b);
}

/* Puts doc's key (absent: removes it). */
static void
put(json_t *doc, const char *key, json_t *value)
{
	if (value == NULL)
		(void) json_object_del(doc, key);
	else
		(void) json_object_set(doc, key, value);
}

struct merge {
	json_t *now, *before, *written; /* owned fields */
};

static int
merge_parse(const json_t *spec, const char *before, const char *written, struct merge *m,
            struct error *err)
{
	_cleanup_(freep) char *now = NULL;
	int r = spec_owned_get(spec, &now, err);

	if (r >= 0)
		r = shape_owned_parse(now, &m->now, err);
	if (r >= 0)
		r = shape_owned_parse(before, &m->before, err);
	if (r >= 0)
		r = shape_owned_parse(written, &m->written, err);
	return r;
}

static void
merge_done(struct merge *m)
{
	json_decref(m->now);
	json_decref(m->before);
	json_decref(m->written);
}

static int
merge_constraints(struct merge *m, bool *ret_theirs)
{
	const char *key = "Constraints";
	json_t *now = json_object_get(m->now, key), *written = json_object_get(m->written, key);
	json_t *before = json_object_get(m->before, key);

	*ret_theirs = !same_list(now, written) && !same_list(now, before);
	if (*ret_theirs)
		return SPEC_KEPT_CONSTRAINTS;
	put(m->now, key, before);
	return 0;
}

/* What Swarm takes an absent UpdateConfig for, of the fields that a change of ours can have set. */
static json_t *
update_default(const char *field)
{
	if (streq(field, "Parallelism"))
		return json_integer(1);
	if (streq(field, "FailureAction"))
		return json_string("pause");
	if (streq(field, "Order"))
		return json_string("stop-first");
	return NULL;
}

/*
 * Field by field: one that still holds what we wrote gets its value from before. Where there was
 * no UpdateConfig before but there must be one now, ours get Swarm's defaults: an absent
 * Parallelism in it would mean all at once.
 */
static json_t *
merge_fields(const json_t *now, const json_t *before, const json_t *written)
{
	json_t *merged = json_deep_copy(now), *value;
	const char *field;

	json_object_foreach ((json_t *) written, field, value) {
		json_t *was = json_object_get(before, field);

		if (same_value(value, was) || !same_value(value, json_object_get(now, field)))
			continue;
		if (was == NULL && !json_is_object(before)) {
			json_auto_t *filled = update_default(field);

			put(merged, field, filled);
		} else {
			put(merged, field, was);
		}
	}
	return merged;
}

static int
merge_update(struct merge *m)
{
	const char *key = "UpdateConfig";
	json_t *now = json_object_get(m->now, key), *written = json_object_get(m->written, key);
	json_t *before = json_object_get(m->before, key);

	if (same_update(now, written) || same_update(now, before)) {
		put(m->now, key, before);
		return 0;
	}
	if (json_is_object(now) && json_is_object(written))
		(void) json_object_set_new(m->now, key, merge_fields(now, before, written));
	return SPEC_KEPT_UPDATE;
}

/* Our labels go back to what stood there, unless another change has put its own since. */
static int
merge_labels(struct merge *m)
{
	const char *key = "Labels", *name;
	json_t *now = json_object_get(m->now, key), *written = json_object_get(m->written, key);
	json_t *before = json_object_get(m->before, key), *value;

	json_object_foreach (now, name, value) {
		if (!json_equal(value, json_object_get(written, name)) &&
		    !json_equal(value, json_object_get(before, name)))
			return SPEC_KEPT_LABELS;
	}
	put(m->now, key, before);
	return 0;
}

/* What is left may be the list from before: then in its form, absent, null or empty. */
static void
give_form(json_t *spec, json_t *before)
{
	json_t *placement = json_object_get(json_object_get(spec, "TaskTemplate"), "Placement");

	if (same_list(json_object_get(placement, "Constraints"), before))
		put(placement, "Constraints", before);
}

int
spec_undo(const json_t *spec, const char *before, const char *written, struct spec_terms added,
          json_t **ret, struct error *err)
{
	_cleanup_(merge_done) struct merge m = {0};
	_cleanup_(freep) char *owned = NULL;
	json_auto_t *merged = NULL, *released = NULL;
	bool theirs;
	int kept, r = merge_parse(spec, before, written, &m, err);

	if (r < 0)
		return r;
	kept = merge_constraints(&m, &theirs);
	kept |= merge_update(&m);
	kept |= merge_labels(&m);
	owned = shape_dump(m.now);
	r = spec_owned_set(spec, owned, &merged, err);
	if (r < 0)
		return r;
	if (!theirs) {
		*ret = take_ptr(merged);
		return kept;
	}
	(void) spec_release(merged, added, &released, err); /* merged has the shape of a spec */
	give_form(released, json_object_get(m.before, "Constraints"));
	*ret = take_ptr(released);
	return kept;
}
