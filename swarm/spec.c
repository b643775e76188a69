/* Editing of a service's raw spec; see spec.h. */
#include "swarm/spec.h"

#include <errno.h>

#include "swarm/spec_shape.h"

#define PLAN_CHARS 128

static const char *const our_labels[] = {SPEC_LABEL_PLAN, SPEC_LABEL_BEFORE};

static json_t *
placement_of(const json_t *spec)
{
	return json_object_get(json_object_get(spec, "TaskTemplate"), "Placement");
}

static json_t *
constraints_of(const json_t *spec)
{
	return json_object_get(placement_of(spec), "Constraints");
}

bool
spec_has_placement(const json_t *spec)
{
	return json_is_object(placement_of(spec));
}

static int
check_spec(const json_t *spec, struct error *err)
{
	if (!json_is_object(spec))
		return error_set(err, EINVAL, "spec: not an object");
	if (!spec_has_placement(spec))
		return error_set(err, EINVAL,
		                 "spec: has no Placement object; a Swarm leader can panic on its "
		                 "next change, so forager leaves it alone");
	return shape_check_fields("spec", constraints_of(spec), json_object_get(spec, "Labels"),
	                          json_object_get(spec, "UpdateConfig"), err);
}

/* Sets a copy of the value; NULL removes the key. */
static void
put(json_t *object, const char *key, const json_t *value)
{
	if (value == NULL)
		(void) json_object_del(object, key);
	else if (json_object_set_new(object, key, json_deep_copy(value)) < 0)
		abort();
}

static void
put_text(json_t *object, const char *key, const char *text)
{
	json_auto_t *value = json_string(text);

	if (value == NULL)
		abort();
	put(object, key, value);
}

const char *
spec_plan(const json_t *spec)
{
	return json_string_value(json_object_get(json_object_get(spec, "Labels"), SPEC_LABEL_PLAN));
}

const char *
spec_before(const json_t *spec)
{
	return json_string_value(
	    json_object_get(json_object_get(spec, "Labels"), SPEC_LABEL_BEFORE));
}

/* What the owned text says of Labels: absent, null, or an object of our labels alone. */
static json_t *
owned_labels(const json_t *labels)
{
	json_t *ours;

	if (!json_is_object(labels))
		return json_incref((json_t *) labels);
	ours = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(our_labels); i++)
		put(ours, our_labels[i], json_object_get(labels, our_labels[i]));
	return ours;
}

int
spec_owned_get(const json_t *spec, char **ret, struct error *err)
{
	json_auto_t *owned = NULL, *labels = NULL;
	int r = check_spec(spec, err);

	if (r < 0)
		return r;
	owned = json_object();
	labels = owned_labels(json_object_get(spec, "Labels"));
	put(owned, "Constraints", constraints_of(spec));
	put(owned, "Labels", labels);
	put(owned, "UpdateConfig", json_object_get(spec, "UpdateConfig"));
	*ret = shape_dump(owned);
	return 0;
}

/*
 * Takes our labels away and puts those of the owned fields there (if with_ours). What is left of
 * the object gets back its form: nothing, null or {}; somebody else's label keeps it alive.
 */
static void
labels_set(json_t *spec, const json_t *owned, bool with_ours)
{
	json_t *labels = json_object_get(spec, "Labels");
	const json_t *wanted = json_object_get(owned, "Labels");

	for (size_t i = 0; i < ARRAY_SIZE(our_labels); i++)
		(void) json_object_del(labels, our_labels[i]);
	if (!json_is_object(labels) || json_object_size(labels) == 0) {
		json_auto_t *empty = json_object();

		put(spec, "Labels", json_is_object(wanted) ? empty : wanted);
		labels = json_object_get(spec, "Labels");
	}
	for (size_t i = 0; with_ours && i < ARRAY_SIZE(our_labels); i++) {
		const json_t *value = json_object_get(wanted, our_labels[i]);

		if (value != NULL)
			put(labels, our_labels[i], value);
	}
}

int
spec_owned_set(const json_t *spec, const char *owned, json_t **ret, struct error *err)
{
	json_auto_t *doc = NULL, *edited = NULL;
	int r = check_spec(spec, err);

	if (r >= 0)
		r = shape_owned_parse(owned, &doc, err);
	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	put(placement_of(edited), "Constraints", json_object_get(doc, "Constraints"));
	put(edited, "UpdateConfig", json_object_get(doc, "UpdateConfig"));
	labels_set(edited, doc, true);
	*ret = take_ptr(edited);
	return 0;
}

int
spec_rest_hash(const json_t *spec, uint64_t *ret, struct error *err)
{
	json_auto_t *rest = NULL;
	_cleanup_(freep) char *text = NULL;

	if (!json_is_object(spec))
		return error_set(err, EINVAL, "spec: not an object");
	rest = json_deep_copy(spec);
	(void) json_object_del(placement_of(rest), "Constraints");
	(void) json_object_del(rest, "UpdateConfig");
	/* An empty Labels object may be of our making and counts like none. */
	labels_set(rest, NULL, false);
	text = shape_dump(rest);
	*ret = hash64(text, strlen(text));
	return 0;
}

/* Sets Constraints to base without drop and with add. Returns how many terms were dropped. */
static size_t
constraints_set(json_t *spec, const json_t *base, struct spec_terms drop, struct spec_terms add,
                json_t *dropped, json_t *added)
{
	json_auto_t *list = NULL;
	size_t n = shape_list_edit(base, drop, add, dropped, added, &list);

	put(placement_of(spec), "Constraints", list);
	return n;
}

static int
check_terms(struct spec_terms terms, struct error *err)
{
	for (size_t i = 0; i < terms.n; i++) {
		if (!shape_is_term(terms.texts[i]))
			return error_set(err, EINVAL, "'%s' is not a node.id term", terms.texts[i]);
	}
	return 0;
}

static int
check_steering(const json_t *spec, const struct spec_steering *st, struct error *err)
{
	size_t n = strlen(st->plan);
	int r = check_spec(spec, err);

	if (r < 0)
		return r;
	if (spec_plan(spec) != NULL || spec_before(spec) != NULL)
		return error_set(err, EBUSY,
		                 "spec: a change of forager's is open on it already (plan '%s')",
		                 spec_plan(spec) != NULL ? spec_plan(spec) : "");
	if (n == 0 || n > PLAN_CHARS)
		return error_set(err, EINVAL, "plan '%s': needs 1 to %d characters", st->plan,
		                 PLAN_CHARS);
	if (st->add.n == 0)
		return error_set(err, EINVAL, "plan '%s': has no term to steer by", st->plan);
	r = check_terms(st->add, err);
	return r < 0 ? r : check_terms(st->drop, err);
}

/*
 * One task at a time (0 and an absent field would mean all at once), in the given order. On failure
 * Swarm shall pause, whatever the owner chose: "rollback" would post the plain old spec while the
 * new task is assigned, which can cost the healthy old one, and leave no previous spec; "continue"
 * would go on taking copies off the source for a target that does not work. Paused, what runs
 * keeps running, also if forager dies, until our verification reverts. Delay, Monitor and
 * MaxFailureRatio stay the owner's.
 */
static void
steer_update(json_t *spec, bool start_first)
{
	const json_t *owners = json_object_get(spec, "UpdateConfig");
	json_auto_t *one = json_integer(1), *zero = json_integer(0);
	json_auto_t *update = NULL;

	if (json_is_object(owners)) {
		update = json_deep_copy(owners);
	} else {
		update = json_object();
		/* The API always shows it, so what we wrote and what we read back stay equal. */
		put(update, "MaxFailureRatio", zero);
	}
	put(update, "Parallelism", one);
	put_text(update, "Order", start_first ? "start-first" : "stop-first");
	put_text(update, "FailureAction", "pause");
	put(spec, "UpdateConfig", update);
}

static void
steer_labels(json_t *spec, const char *plan, const char *before)
{
	if (!json_is_object(json_object_get(spec, "Labels"))) {
		json_auto_t *empty = json_object();

		put(spec, "Labels", empty);
	}
	put_text(json_object_get(spec, "Labels"), SPEC_LABEL_PLAN, plan);
	put_text(json_object_get(spec, "Labels"), SPEC_LABEL_BEFORE, before);
}

static int
make_before(const json_t *spec, const struct spec_steering *st, const json_t *added,
            const json_t *dropped, char **ret, struct error *err)
{
	_cleanup_(spec_before_done) struct spec_before b = {
	    .deadline_wall_ms = st->deadline_wall_ms,
	    .added = shape_dump(added),
	    .dropped = shape_dump(dropped),
	};

	/* Its shape was checked before the edit: neither can fail. */
	(void) spec_owned_get(spec, &b.owned, err);
	(void) spec_rest_hash(spec, &b.rest_hash, err);
	if (!str_copy(b.from_id, sizeof(b.from_id), st->from_id) ||
	    !str_copy(b.to_id, sizeof(b.to_id), st->to_id))
		return error_set(err, EINVAL, "plan '%s': a node's id is too long", st->plan);
	return spec_before_format(&b, ret, err);
}

int
spec_steer(const json_t *spec, const struct spec_steering *st, json_t **ret, struct error *err)
{
	json_auto_t *edited = NULL, *added = json_array(), *dropped = json_array();
	_cleanup_(freep) char *before = NULL;
	int r = check_steering(spec, st, err);

	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	(void) constraints_set(edited, constraints_of(spec), st->drop, st->add, dropped, added);
	if (json_equal(constraints_of(edited), constraints_of(spec)))
		return error_set(err, EINVAL, "plan '%s': its terms stand in the spec already",
		                 st->plan);
	r = make_before(spec, st, added, dropped, &before, err);
	if (r < 0)
		return r;
	steer_update(edited, st->start_first);
	steer_labels(edited, st->plan, before);
	*ret = take_ptr(edited);
	return 0;
}

int
spec_settle(const json_t *spec, const char *owned, struct spec_terms drop, struct spec_terms keep,
            json_t **ret, struct error *err)
{
	json_auto_t *doc = NULL, *edited = NULL;
	int r = check_spec(spec, err);

	if (r >= 0)
		r = check_terms(keep, err);
	if (r >= 0)
		r = shape_owned_parse(owned, &doc, err);
	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	(void) constraints_set(edited, json_object_get(doc, "Constraints"), drop, keep, NULL, NULL);
	put(edited, "UpdateConfig", json_object_get(doc, "UpdateConfig"));
	*ret = take_ptr(edited);
	return 0;
}

int
spec_clean(const json_t *spec, const char *owned, json_t **ret, struct error *err)
{
	json_auto_t *doc = NULL, *edited = NULL;
	int r = check_spec(spec, err);

	if (r >= 0)
		r = shape_owned_parse(owned, &doc, err);
	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	labels_set(edited, doc, false);
	*ret = take_ptr(edited);
	return 0;
}

int
spec_block(const json_t *spec, const char *owned, const char *to_id, json_t **ret,
           struct error *err)
{
	_cleanup_(freep) char *term = xasprintf("node.id!=%s", to_id);
	const char *const terms[] = {term};
	json_auto_t *doc = NULL, *edited = NULL;
	int r = check_spec(spec, err);

	if (r >= 0)
		r = check_terms((struct spec_terms){terms, 1}, err);
	if (r >= 0)
		r = shape_owned_parse(owned, &doc, err);
	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	(void) constraints_set(edited, json_object_get(doc, "Constraints"), (struct spec_terms){0},
	                       (struct spec_terms){terms, 1}, NULL, NULL);
	*ret = take_ptr(edited);
	return 0;
}

int
spec_release(const json_t *spec, struct spec_terms ours, json_t **ret, struct error *err)
{
	json_auto_t *edited = NULL;
	int r = check_spec(spec, err);

	if (r < 0)
		return r;
	edited = json_deep_copy(spec);
	r = (int) constraints_set(edited, constraints_of(spec), ours, (struct spec_terms){0}, NULL,
	                          NULL);
	*ret = take_ptr(edited);
	return r;
}
