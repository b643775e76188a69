/* What of a change is to be taken away from a spec that somebody else has changed; see
 * mover_spec.h. */
#include "agent/mover_spec.h"

#include "swarm/spec.h"

/* NULL when the text is not JSON (a damaged row): nothing of it is known. */
static json_t *
loads(const char *text)
{
	return text == NULL ? NULL : json_loads(text, 0, NULL);
}

static bool
among(const char *text, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (streq(json_string_value(item), text))
			return true;
	return false;
}

static const json_t *
constraints_of(const json_t *spec)
{
	return json_object_get(json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
	                       "Constraints");
}

/*
 * Our terms in a spec that somebody has changed: those we added, and the revert's own. Not one that
 * its owner had before us; and where our labels are gone (somebody deployed anew) none, unless all
 * of them stand there, as we write them. The revert's own takes the place of the others: beside
 * them it is somebody's who wants the service off the target.
 */
static json_t *
terms_in(const json_t *spec, const struct intent *in)
{
	json_auto_t *added = loads(in->added);
	json_auto_t *before = loads(in->before);
	_cleanup_(freep) char *block = xasprintf("node.id!=%s", in->to_id);
	const json_t *was = json_object_get(before, "Constraints"), *term;
	bool all = json_array_size(added) > 0, any = false;
	bool signed_off = spec_plan(spec) == NULL && spec_before(spec) == NULL;
	json_t *ours = json_array();
	size_t i;

	json_array_foreach (added, i, term) {
		bool stands = among(json_string_value(term), constraints_of(spec));

		all = all && stands;
		any = any || stands;
		if (!among(json_string_value(term), was))
			(void) json_array_append(ours, (json_t *) term);
	}
	if (signed_off && !all)
		(void) json_array_clear(ours);
	if (in->to_id[0] != '\0' && !any && !among(block, was) &&
	    (!signed_off || in->state == MOVE_REVERTING || in->state == MOVE_BLOCKED))
		(void) json_array_append_new(ours, json_string(block));
	return ours;
}

/* The owned fields of a steering or a block: with our label. */
static bool
is_signed(const char *owned)
{
	json_auto_t *doc = loads(owned);

	return json_object_get(json_object_get(doc, "Labels"), SPEC_LABEL_PLAN) != NULL;
}

/*
 * Takes away what is ours, whatever of it stands there: what we wrote last may be the owner's spec
 * again while somebody's rollback has brought the steering back. Our labels go in any case.
 */
int
mover_spec_yield(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                 json_t **ret, struct error *err)
{
	json_auto_t *merged = NULL, *list = terms_in(spec, in);
	_cleanup_(freep) char *steered = NULL;
	struct spec_terms terms;
	_cleanup_(freep) const char **texts = mover_terms(list, &terms.n);
	int r;

	terms.texts = texts;
	if (is_signed(in->written))
		steered = xstrdup(in->written);
	else if (mover_spec_steered(spec, in, plan, &steered, NULL) < 0)
		steered = xstrdup(in->written != NULL ? in->written : in->before);
	r = spec_undo(spec, in->before, steered, terms, &merged, err);
	return r < 0 ? r : spec_clean(merged, in->before, ret, err);
}

bool
mover_spec_is_anothers(const json_t *spec, const struct intent *in, const struct mover_plan *plan)
{
	_cleanup_(spec_before_done) struct spec_before b = {0};

	/* A plan label that somebody mangled is still ours to take away. */
	return spec_plan(spec) != NULL && !streq(spec_plan(spec), plan->label) &&
	       spec_before(spec) != NULL && spec_before_parse(spec_before(spec), &b, NULL) >= 0 &&
	       b.deadline_wall_ms != in->deadline_wall_ms;
}

bool
mover_spec_is_worthless(const json_t *spec, const json_t *previous)
{
	uint64_t hash = 0, before = 0;

	(void) spec_rest_hash(spec, &hash, NULL);
	(void) spec_rest_hash(previous, &before, NULL);
	return hash == before;
}

bool
mover_spec_ours(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                const json_t *previous)
{
	json_auto_t *edited = NULL;

	if (mover_spec_is_anothers(spec, in, plan))
		return false;
	return mover_spec_is_worthless(spec, previous) ||
	       mover_spec_edit(EDIT_YIELD, spec, in, plan, &edited, NULL) != 0;
}
