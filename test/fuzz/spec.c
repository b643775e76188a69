/*
 * A service's raw spec through everything that the mover does with it. What is taken at all:
 *   - encodes and decodes to the same values, its integers digit by digit;
 *   - keeps every key that is not ours through every edit;
 *   - steered and then settled, or blocked and restored, or undone, is the original byte for byte;
 *   - judged by its owned fields, is told apart: before, steered, blocked.
 */
#include "swarm/spec.h"

#include "agent/mover_spec.h"
#include "docker/document.h"
#include "test/fuzz/fuzz.h"

#define FROM "node1aaaaaaaaaaaaaaaaaaaa"
#define TO   "node2bbbbbbbbbbbbbbbbbbbb"

/* The next number outside of strings, as text; NULL after the last. */
static char *
next_number(const char **at)
{
	static const char digits[] = "-+.eE0123456789";
	bool in_string = false;
	char *number;

	for (; **at != '\0'; (*at)++) {
		if (**at == '"')
			in_string = !in_string;
		else if (in_string && **at == '\\')
			(*at)++;
		else if (!in_string && (**at == '-' || (**at >= '0' && **at <= '9')))
			break;
	}
	if (**at == '\0')
		return NULL;
	number = fuzz_text((const uint8_t *) *at, strspn(*at, digits));
	*at += strspn(*at, digits);
	return number;
}

/* The same integers digit by digit, the same reals as doubles: nothing is rounded on the way. */
static void
check_numbers(const char *text, const char *encoded)
{
	for (const char *a = text, *b = encoded;;) {
		_cleanup_(freep) char *x = next_number(&a), *y = next_number(&b);

		if (x == NULL || y == NULL) {
			FUZZ_CHECK(x == NULL && y == NULL, "%s\n%s", text, encoded);
			return;
		}
		FUZZ_CHECK(strpbrk(x, ".eE") != NULL ? strtod(x, NULL) == strtod(y, NULL)
		                                     : streq(x, y),
		           "%s became %s", x, y);
	}
}

/* Keys in order: that of an object means nothing, and the engine gives its own. */
static char *
text_of(const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
	                                 JSON_REAL_PRECISION(17));

	FUZZ_CHECK(text != NULL, "does not encode");
	return text;
}

static void
same(const char *what, const json_t *spec, const char *want)
{
	_cleanup_(freep) char *have = text_of(spec);

	FUZZ_CHECK(streq(have, want), "%s:\n%s\n%s", what, want, have);
}

/* What is nobody's but the owner's: all but the constraints, UpdateConfig and our two labels. */
static json_t *
others(const json_t *spec)
{
	json_t *rest = json_deep_copy(spec), *labels = json_object_get(rest, "Labels");

	(void) json_object_del(json_object_get(json_object_get(rest, "TaskTemplate"), "Placement"),
	                       "Constraints");
	(void) json_object_del(rest, "UpdateConfig");
	(void) json_object_del(labels, "forager.plan");
	(void) json_object_del(labels, "forager.before");
	/* {} may be of our making while a change is open. */
	if (json_object_size(labels) == 0)
		(void) json_object_del(rest, "Labels");
	return rest;
}

static void
same_others(const char *what, const json_t *a, const json_t *b)
{
	json_auto_t *x = others(a), *y = others(b);
	_cleanup_(freep) char *left = text_of(x), *right = text_of(y);

	FUZZ_CHECK(streq(left, right), "%s:\n%s\n%s", what, left, right);
}

static void
stands(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
       enum mover_standing want)
{
	enum mover_standing got = STANDING_N;
	struct error err = {0};
	int r = mover_spec_standing(spec, in, plan, false, &got, &err);

	FUZZ_CHECK(r >= 0 && got == want, "%s: %s", mover_standing_names[want],
	           r < 0 ? err.text : mover_standing_names[got]);
}

static json_t *
edited(enum mover_edit edit, const json_t *spec, const struct intent *in,
       const struct mover_plan *plan)
{
	struct error err = {0};
	json_t *made = NULL;
	int r = mover_spec_edit(edit, spec, in, plan, &made, &err);

	FUZZ_CHECK(r >= 0, "edit %d: %s", (int) edit, err.text);
	same_others("an edit", spec, made);
	return made;
}

/* The label says what the journal would have said. */
static void
check_label(const json_t *steered, const struct intent *in)
{
	_cleanup_(spec_before_done) struct spec_before b = {0};
	struct error err = {0};

	FUZZ_CHECK(spec_before_parse(spec_before(steered), &b, &err) >= 0, "%s", err.text);
	FUZZ_CHECK(streq(b.owned, in->before), "%s\n%s", b.owned, in->before);
	FUZZ_CHECK(b.rest_hash == in->rest_hash, "%s", spec_before(steered));
}

static void
walk(const json_t *spec, const json_t *steered, const struct intent *in,
     const struct mover_plan *plan)
{
	json_auto_t *settled = NULL, *blocked = NULL, *restored = NULL, *undone = NULL;
	_cleanup_(freep) char *original = text_of(spec);

	check_label(steered, in);
	stands(steered, in, plan, STANDING_STEERED);
	settled = edited(EDIT_SETTLE, steered, in, plan);
	same("steered and settled", settled, original);
	stands(settled, in, plan, STANDING_BEFORE);
	blocked = edited(EDIT_BLOCK, steered, in, plan);
	restored = edited(EDIT_RESTORE, blocked, in, plan);
	same("blocked and restored", restored, original);
	undone = edited(EDIT_YIELD, steered, in, plan);
	same("undone", undone, original);
	FUZZ_CHECK(mover_spec_is(settled, in->before, in->rest_hash), "%s", in->before);
}

static bool
is_kind(const json_t *value, json_type type)
{
	return value == NULL || json_is_null(value) || json_typeof(value) == type;
}

/* What must be movable, so that a mover that refuses everything does not pass: well-formed, small,
 * without our labels and without our term. */
static bool
is_plain(const json_t *spec)
{
	const json_t *placement =
	    json_object_get(json_object_get(spec, "TaskTemplate"), "Placement");
	const json_t *list = json_object_get(placement, "Constraints"), *item;
	const json_t *labels = json_object_get(spec, "Labels");
	size_t i;

	if (!json_is_object(placement) || !is_kind(list, JSON_ARRAY) ||
	    !is_kind(labels, JSON_OBJECT) ||
	    !is_kind(json_object_get(spec, "UpdateConfig"), JSON_OBJECT) ||
	    json_object_get(labels, "forager.plan") != NULL ||
	    json_object_get(labels, "forager.before") != NULL)
		return false;
	json_array_foreach (list, i, item) {
		if (!json_is_string(item) || streq(json_string_value(item), "node.id==" TO))
			return false;
	}
	return json_dumpb(spec, NULL, 0, JSON_COMPACT) < 4096;
}

static void
move(const json_t *spec)
{
	json_auto_t *steered = NULL;
	struct mover_plan plan;
	struct intent in = {.kind = MOVE_KIND_MOVE,
	                    .state = MOVE_STEERED,
	                    .from_id = FROM,
	                    .to_id = TO,
	                    .created_wall_ms = INT64_C(1795000000000),
	                    .deadline_wall_ms = INT64_C(1795000180000),
	                    .added = xstrdup("[\"node.id==" TO "\"]")};
	struct error err = {0};
	int r;

	mover_plan_init(&plan);
	plan.label = mover_plan_label(&in);
	(void) json_array_append_new(plan.add, json_string("node.id==" TO));
	r = spec_owned_get(spec, &in.before, &err);
	if (r >= 0)
		r = spec_rest_hash(spec, &in.rest_hash, &err);
	if (r >= 0)
		r = mover_spec_edit(EDIT_STEER, spec, &in, &plan, &steered, &err);
	fuzz_said(r, &err);
	FUZZ_CHECK(r >= 0 || !is_plain(spec), "%s", err.text);
	if (r >= 0) {
		same_others("steering", spec, steered);
		FUZZ_CHECK(spec_owned_get(steered, &in.written, &err) >= 0, "%s", err.text);
		walk(spec, steered, &in, &plan);
	}
	free(in.added);
	free(in.before);
	free(in.written);
	mover_plan_done(&plan);
}

/* The owned fields taken out and put in again; terms that stand there taken away by name. */
static void
fields(const json_t *spec)
{
	static const char *const ours[] = {"node.id==" TO, "node.id!=" FROM};
	json_auto_t *set = NULL, *released = NULL;
	_cleanup_(freep) char *owned = NULL, *original = text_of(spec);
	struct error err = {0};
	int r = spec_owned_get(spec, &owned, &err);

	fuzz_said(r, &err);
	if (r < 0)
		return;
	FUZZ_CHECK(spec_owned_set(spec, owned, &set, &err) >= 0, "%s", err.text);
	same("owned fields set as they are", set, original);
	r = spec_release(spec, (struct spec_terms){ours, ARRAY_SIZE(ours)}, &released, &err);
	FUZZ_CHECK(r >= 0, "%s", err.text);
	same_others("a release", spec, released);
	if (r == 0)
		same("nothing of ours released", released, original);
}

void
fuzz_spec(const uint8_t *data, size_t size)
{
	json_auto_t *spec = NULL, *again = NULL;
	_cleanup_(freep) char *text = fuzz_text(data, size), *encoded = NULL;
	struct error err = {0};
	int r = document_parse_exact("fuzz", (const char *) data, size, &spec, &err);

	fuzz_said(r, &err);
	if (r < 0)
		return;
	encoded = document_encode(spec);
	check_numbers(text, encoded);
	r = document_parse_exact("again", encoded, strlen(encoded), &again, &err);
	FUZZ_CHECK(r >= 0, "%s", err.text);
	FUZZ_CHECK(json_equal(spec, again), "%s", encoded);
	fields(spec);
	move(spec);
}
