/* Whose spec stands in the Swarm, and the next one; see mover_spec.h. */
#include "agent/mover_spec.h"

#include <errno.h>
#include <inttypes.h>

#include "swarm/spec.h"

const char *const mover_standing_names[STANDING_N] = {
    [STANDING_BEFORE] = "as before",       [STANDING_STEERED] = "steered",
    [STANDING_BLOCKED] = "target blocked", [STANDING_SETTLED] = "settled",
    [STANDING_FOREIGN] = "foreign",
};

void
mover_plan_init(struct mover_plan *p)
{
	*p = (struct mover_plan){.add = json_array(), .drop = json_array(), .keep = json_array()};
	if (p->add == NULL || p->drop == NULL || p->keep == NULL)
		abort();
}

void
mover_plan_done(struct mover_plan *p)
{
	free(p->label);
	json_decref(p->add);
	json_decref(p->drop);
	json_decref(p->keep);
	*p = (struct mover_plan){0};
}

char *
mover_plan_label(const struct intent *in)
{
	/* Unique within its service, which is all that it is compared within. */
	return xasprintf("%" PRId64 "-%.8s-%.8s", in->created_wall_ms, in->from_id, in->to_id);
}

const char **
mover_terms(const json_t *list, size_t *ret_n)
{
	size_t n = json_array_size(list);
	const char **texts = xcalloc(n + 1, sizeof(*texts));

	for (size_t i = 0; i < n; i++)
		texts[i] = json_string_value(json_array_get(list, i));
	*ret_n = n;
	return texts;
}

/* Owned fields as a document; NULL when the text is not one (a damaged row: matches nothing). */
static json_t *
owned_doc(const char *text)
{
	return text == NULL ? NULL : json_loads(text, 0, NULL);
}

/* Absent, null and empty lists or objects are one to Swarm. */
static bool
same_or_empty(const json_t *a, const json_t *b)
{
	size_t na = json_is_array(a) ? json_array_size(a) : json_object_size(a);
	size_t nb = json_is_array(b) ? json_array_size(b) : json_object_size(b);

	return (na == 0 && nb == 0) || json_equal(a, b);
}

static bool
is_default(const char *key, const json_t *v)
{
	if (v == NULL || json_is_null(v))
		return true;
	if (json_is_number(v))
		return json_number_value(v) == 0;
	if (streq(key, "FailureAction"))
		return streq(json_string_value(v), "pause");
	if (streq(key, "Order"))
		return streq(json_string_value(v), "stop-first");
	return json_is_string(v) && json_string_length(v) == 0;
}

static bool
covers(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *) a, key, value) {
		const json_t *other = json_object_get(b, key);

		if (json_is_number(value) && json_is_number(other)) {
			if (json_number_value(value) != json_number_value(other))
				return false;
		} else if (!(is_default(key, value) && is_default(key, other)) &&
		           !json_equal(value, other)) {
			return false;
		}
	}
	return true;
}

/* The engine fills in defaults: what it shows is what we wrote when neither says anything else. */
static bool
same_update(const json_t *a, const json_t *b)
{
	if (!json_is_object(a) || !json_is_object(b))
		return json_is_object(a) == json_is_object(b);
	return covers(a, b) && covers(b, a);
}

static bool
same_field(const char *key, const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return streq(key, "UpdateConfig") ? same_update(x, y) : same_or_empty(x, y);
}

/* text is from a row and may be damaged, now is a spec's own. */
static bool
same_owned(const char *now, const char *text)
{
	json_auto_t *a = owned_doc(now), *b = owned_doc(text);

	return b != NULL && same_field("Constraints", a, b) && same_field("UpdateConfig", a, b) &&
	       same_field("Labels", a, b);
}

bool
mover_spec_is(const json_t *spec, const char *owned, uint64_t rest_hash)
{
	_cleanup_(freep) char *now = NULL;
	uint64_t hash;

	return spec_rest_hash(spec, &hash, NULL) == 0 && hash == rest_hash &&
	       spec_owned_get(spec, &now, NULL) >= 0 && streq(now, owned);
}

static int
edit_steer(const json_t *spec, const struct intent *in, const struct mover_plan *plan, json_t **ret,
           struct error *err)
{
	struct spec_steering st = {.plan = plan->label,
	                           .from_id = in->from_id,
	                           .to_id = in->to_id,
	                           .start_first = plan->start_first,
	                           .deadline_wall_ms = in->deadline_wall_ms};
	_cleanup_(freep) const char **add = mover_terms(plan->add, &st.add.n);
	_cleanup_(freep) const char **drop = mover_terms(plan->drop, &st.drop.n);

	st.add.texts = add;
	st.drop.texts = drop;
	return spec_steer(spec, &st, ret, err);
}

static bool
update_says(const json_t *spec, const char *key, const char *word)
{
	const json_t *update = json_object_get(spec, "UpdateConfig");

	return streq(json_string_value(json_object_get(update, key)), word);
}

bool
mover_spec_starts_first(const json_t *spec)
{
	return update_says(spec, "Order", "start-first");
}

bool
mover_spec_rolls_back(const json_t *spec)
{
	return update_says(spec, "FailureAction", "rollback");
}

/* As eligibility_start_first: where the owner chose it, or a label allows it. */
static bool
starts_first(const json_t *spec, const struct intent *in)
{
	json_auto_t *before = owned_doc(in->before);
	const json_t *labels = json_object_get(spec, "Labels");

	return mover_spec_starts_first(before) ||
	       streq(json_string_value(json_object_get(labels, "forager.start-first")), "yes");
}

int
mover_spec_steered(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                   char **ret, struct error *err)
{
	struct mover_plan as_planned = *plan;
	json_auto_t *owners = NULL, *steered = NULL;
	int r;

	if (in->before == NULL)
		return error_set(err, EINVAL, "what stood before is not known");
	as_planned.start_first = plan->start_first || starts_first(spec, in);
	r = spec_owned_set(spec, in->before, &owners, err);
	if (r >= 0)
		r = edit_steer(owners, in, &as_planned, &steered, err);
	return r < 0 ? r : spec_owned_get(steered, ret, err);
}

bool
mover_spec_as_sent(const json_t *spec, const json_t *sent)
{
	_cleanup_(freep) char *now = NULL, *then = NULL;

	(void) spec_owned_get(sent, &then, NULL); /* an edit made it */
	return spec_owned_get(spec, &now, NULL) >= 0 && same_owned(now, then);
}

/* The owner's placement, and our labels gone in the same change. */
static int
settle(const json_t *spec, const struct intent *in, struct spec_terms drop, struct spec_terms keep,
       json_t **ret, struct error *err)
{
	json_auto_t *settled = NULL;
	int r = spec_settle(spec, in->before, drop, keep, &settled, err);

	return r < 0 ? r : spec_clean(settled, in->before, ret, err);
}

static int
edit_settle(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
            json_t **ret, struct error *err)
{
	struct spec_terms d, k;
	_cleanup_(freep) const char **drop = mover_terms(plan->drop, &d.n);
	_cleanup_(freep) const char **keep = mover_terms(plan->keep, &k.n);

	d.texts = drop;
	k.texts = keep;
	return settle(spec, in, d, k, ret, err);
}

/* Three-way, from what we wrote to what should stand. */
static int
edit_merge(const json_t *spec, const struct intent *in, json_t **ret, struct error *err)
{
	json_auto_t *list = json_loads(in->added != NULL ? in->added : "[]", 0, NULL);
	struct spec_terms terms;
	_cleanup_(freep) const char **texts =
	    mover_terms(json_is_array(list) ? list : NULL, &terms.n);

	terms.texts = texts;
	return spec_undo(spec, in->written, in->before, terms, ret, err);
}

int
mover_spec_edit(enum mover_edit edit, const json_t *spec, const struct intent *in,
                const struct mover_plan *plan, json_t **ret, struct error *err)
{
	static const struct spec_terms none;
	json_auto_t *edited = NULL;
	int r = -EINVAL;

	switch (edit) {
	case EDIT_STEER:
		r = edit_steer(spec, in, plan, &edited, err);
		break;
	case EDIT_SETTLE:
		r = edit_settle(spec, in, plan, &edited, err);
		break;
	case EDIT_RESTORE:
		r = settle(spec, in, none, none, &edited, err);
		break;
	case EDIT_AGAIN:
		edited = json_deep_copy(spec);
		r = 0;
		break;
	case EDIT_BLOCK:
		r = spec_block(spec, in->before, in->to_id, &edited, err);
		break;
	case EDIT_YIELD:
		r = mover_spec_yield(spec, in, plan, &edited, err);
		break;
	case EDIT_MERGE:
		r = edit_merge(spec, in, &edited, err);
		break;
	}
	if (r < 0)
		return r;
	r = !json_equal(edited, spec);
	*ret = take_ptr(edited);
	return r;
}

int
mover_spec_final(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                 bool reverted, char **ret, struct error *err)
{
	json_auto_t *settled = NULL;
	int r =
	    mover_spec_edit(reverted ? EDIT_RESTORE : EDIT_SETTLE, spec, in, plan, &settled, err);

	return r < 0 ? r : spec_owned_get(settled, ret, err);
}

/* Whether the spec, now its owned fields, is what this edit makes of it: then it was made already.
 */
static bool
already(enum mover_edit edit, const json_t *spec, const char *now, const struct intent *in,
        const struct mover_plan *plan)
{
	json_auto_t *edited = NULL;
	_cleanup_(freep) char *made = NULL;

	if (mover_spec_edit(edit, spec, in, plan, &edited, NULL) < 0)
		return false;
	(void) spec_owned_get(edited, &made, NULL); /* of its shape, as the edit made it */
	return same_owned(now, made);
}

static enum mover_standing
merge_standing(const char *now, const struct intent *in)
{
	if (same_owned(now, in->written))
		return STANDING_SETTLED;
	return same_owned(now, in->before) ? STANDING_BEFORE : STANDING_FOREIGN;
}

/* The block keeps the steering's UpdateConfig: another one there is someone else's. */
static bool
update_is_ours(const char *now_text, const struct intent *in)
{
	json_auto_t *now = owned_doc(now_text), *written = owned_doc(in->written);
	json_auto_t *before = owned_doc(in->before);

	return same_field("UpdateConfig", now, written) || same_field("UpdateConfig", now, before);
}

int
mover_spec_standing(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                    bool previous_ours, enum mover_standing *ret, struct error *err)
{
	_cleanup_(freep) char *now = NULL;
	uint64_t hash = 0;
	int r = spec_rest_hash(spec, &hash, err);

	if (r >= 0)
		r = spec_owned_get(spec, &now, err);
	if (r < 0)
		return r;
	*ret = STANDING_FOREIGN;
	if (hash != in->rest_hash)
		return 0;
	if (in->to_id[0] == '\0') {
		*ret = merge_standing(now, in);
	} else if (spec_plan(spec) == NULL) {
		if (already(EDIT_SETTLE, spec, now, in, plan) ||
		    already(EDIT_RESTORE, spec, now, in, plan))
			*ret = previous_ours ? STANDING_SETTLED : STANDING_BEFORE;
	} else if (streq(spec_plan(spec), plan->label)) {
		if (already(EDIT_BLOCK, spec, now, in, plan) && update_is_ours(now, in))
			*ret = STANDING_BLOCKED;
		else if (same_owned(now, in->written))
			*ret = STANDING_STEERED;
	}
	return 0;
}
