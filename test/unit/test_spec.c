/* Editing of raw specs: what is not ours stays byte for byte, what is ours comes back exactly. */
#include "swarm/spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rng.h"

#define NONE ((struct spec_terms){0})
#define FROM "x2fvyk0v3hy8bl0zm9a1a2b3c"
#define TO   "yizs3gmmzcx1ag0wsrxxbcnl7"

static const char *const add_texts[] = {"node.id!=" FROM, "node.id!=other"};
static const char *const hold_texts[] = {"node.id!=bad1", "node.id!=bad2"};
static const struct spec_terms hold = {hold_texts, 2};

static struct spec_steering
steering(void)
{
	return (struct spec_steering){.plan = "forager-1",
	                              .from_id = FROM,
	                              .to_id = TO,
	                              .add = {add_texts, 2},
	                              .start_first = true,
	                              .deadline_wall_ms = 1700000000123};
}

/* As a 20.10 engine shows a stack's service, with keys that no version of ours knows. */
static const char real[] =
    "{\"Name\":\"shop_web\",\"Labels\":{\"com.docker.stack.image\":\"web:1\","
    "\"com.docker.stack.namespace\":\"shop\",\"forager.mode\":\"auto\"},"
    "\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"web:1@sha256:00ff\",\"Labels\":{},"
    "\"Env\":[\"A=\\u00e9\\\"\"],\"Privileges\":{\"CredentialSpec\":null,\"SELinuxContext\":null},"
    "\"Isolation\":\"default\",\"StopGracePeriod\":10000000000,\"Hosts\":[],"
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":9223372036854775807}},"
    "\"Resources\":{\"Limits\":{},\"Reservations\":{\"NanoCPUs\":250000000}},"
    "\"RestartPolicy\":{\"Condition\":\"any\",\"MaxAttempts\":0},"
    "\"Placement\":{\"Constraints\":[\"node.role == worker\"],"
    "\"Platforms\":[{\"Architecture\":\"amd64\",\"OS\":\"linux\"},{\"OS\":\"linux\"}],"
    "\"Future\":null},\"ForceUpdate\":0,\"Runtime\":\"container\"},"
    "\"Mode\":{\"Replicated\":{\"Replicas\":1}},"
    "\"UpdateConfig\":{\"Parallelism\":2,\"Delay\":1000000000,\"FailureAction\":\"rollback\","
    "\"Monitor\":15000000000,\"MaxFailureRatio\":0.1,\"Order\":\"start-first\"},"
    "\"RollbackConfig\":{\"Parallelism\":1,\"MaxFailureRatio\":0},"
    "\"EndpointSpec\":{\"Mode\":\"vip\"},\"Unknown\":[{},[],null,false,1e-07]}";

static json_t *
load(const char *text)
{
	json_error_t why;
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (doc == NULL)
		fail_msg("%s: %s", why.text, text);
	return doc;
}

static char *
dump(const json_t *doc)
{
	return json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static void
assert_same(const json_t *got, const json_t *want)
{
	_cleanup_(freep) char *a = dump(got), *b = dump(want);

	assert_string_equal(a, b);
}

static void
assert_dump(const json_t *got, const char *want)
{
	_cleanup_(freep) char *a = dump(got);

	assert_string_equal(a, want);
}

static const json_t *
at(const json_t *doc, const char *a, const char *b, const char *c)
{
	const json_t *v = json_object_get(doc, a);

	if (b != NULL)
		v = json_object_get(v, b);
	return c != NULL ? json_object_get(v, c) : v;
}

/* The next document in place of *doc: for chains of edits. */
static void
advance(json_t **doc, json_t *next)
{
	json_decref(*doc);
	*doc = next;
}

static void
test_steer(void **state)
{
	json_auto_t *spec = load(real), *copy = load(real), *got = NULL;
	struct spec_steering st = steering();
	struct error err = {0};

	(void) state;
	assert_int_equal(spec_steer(spec, &st, &got, &err), 0);
	assert_same(spec, copy); /* the input is not touched */
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"node.role == worker\",\"node.id!=" FROM "\",\"node.id!=other\"]");
	assert_dump(at(got, "UpdateConfig", NULL, NULL),
	            "{\"Delay\":1000000000,\"FailureAction\":\"pause\",\"MaxFailureRatio\":"
	            "0.10000000000000001,\"Monitor\":15000000000,\"Order\":\"start-first\","
	            "\"Parallelism\":1}");
	assert_string_equal(spec_plan(got), "forager-1");
	assert_non_null(spec_before(got));
	assert_null(spec_plan(spec));
	assert_null(spec_before(spec));
	/* All the rest is as it was. */
	(void) json_object_set((json_t *) at(got, "TaskTemplate", "Placement", NULL), "Constraints",
	                       (json_t *) at(spec, "TaskTemplate", "Placement", "Constraints"));
	(void) json_object_set(got, "UpdateConfig", json_object_get(spec, "UpdateConfig"));
	(void) json_object_set(got, "Labels", json_object_get(spec, "Labels"));
	assert_same(got, spec);
}

static void
test_steer_order_and_default_update(void **state)
{
	json_auto_t *spec = load("{\"TaskTemplate\":{\"Placement\":{}}}"), *got = NULL;
	struct spec_steering st = steering();

	(void) state;
	st.start_first = false;
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	assert_dump(at(got, "UpdateConfig", NULL, NULL),
	            "{\"FailureAction\":\"pause\",\"MaxFailureRatio\":0,\"Order\":\"stop-first\","
	            "\"Parallelism\":1}");
}

static void
test_steer_replaces_held_terms(void **state)
{
	json_auto_t *spec =
	    load("{\"TaskTemplate\":{\"Placement\":{\"Constraints\":"
	         "[\"node.id!=bad1\",\"a==b\",\"node.id!=bad1\",\"node.id!=other\"]}}}");
	json_auto_t *got = NULL;
	_cleanup_(spec_before_done) struct spec_before b = {0};
	struct spec_steering st = steering();

	(void) state;
	st.drop = hold;
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	/* bad1 goes once: the second one is the owner's; "other" stood there and is not doubled. */
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"a==b\",\"node.id!=bad1\",\"node.id!=other\",\"node.id!=" FROM "\"]");
	assert_int_equal(spec_before_parse(spec_before(got), &b, NULL), 0);
	assert_string_equal(b.added, "[\"node.id!=" FROM "\"]");
	assert_string_equal(b.dropped, "[\"node.id!=bad1\"]");
}

static void
test_label_tells_the_change(void **state)
{
	json_auto_t *spec = load(real), *got = NULL;
	_cleanup_(spec_before_done) struct spec_before b = {0};
	_cleanup_(freep) char *owned = NULL;
	struct spec_steering st = steering();
	struct error err = {0};
	uint64_t hash;

	(void) state;
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	assert_int_equal(spec_before_parse(spec_before(got), &b, &err), 0);
	assert_int_equal(spec_owned_get(spec, &owned, NULL), 0);
	assert_string_equal(b.owned, owned);
	assert_string_equal(b.added, "[\"node.id!=" FROM "\",\"node.id!=other\"]");
	assert_string_equal(b.dropped, "[]");
	assert_string_equal(b.from_id, FROM);
	assert_string_equal(b.to_id, TO);
	assert_true(b.deadline_wall_ms == 1700000000123);
	assert_int_equal(spec_rest_hash(got, &hash, NULL), 0);
	assert_true(b.rest_hash == hash);
	assert_true(strlen(spec_before(got)) < 600);
}

static void
test_steer_refuses(void **state)
{
	static const char *const odd[] = {"node.role==worker"},
	                         *const long_id[] = {"node.id!=abcdefghijklmnopqrstuvwxyz"};
	static const char *const present[] = {"node.role == worker"};
	json_auto_t *spec = load(real), *got = NULL, *again = NULL;
	struct spec_steering st = steering();
	struct error err = {0};

	(void) state;
	st.add = (struct spec_terms){odd, 1};
	assert_int_equal(spec_steer(spec, &st, &again, &err), -EINVAL);
	assert_string_equal(err.text, "'node.role==worker' is not a node.id term");
	st.add = (struct spec_terms){long_id, 1};
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st.add = (struct spec_terms){present, 0};
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st = steering();
	st.plan = "";
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st = steering();
	st.to_id = "a b";
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st.to_id = "abcdefghijklmnopqrstuvwxyz";
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st = steering();
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	error_clear(&err);
	assert_int_equal(spec_steer(got, &st, &again, &err), -EBUSY);
	assert_non_null(strstr(err.text, "plan 'forager-1'"));
	assert_null(again);
}

/* Terms that all stand in the spec already would leave every task clean: nothing would move. */
static void
test_steer_refuses_what_changes_nothing(void **state)
{
	json_auto_t *spec =
	    load("{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[\"node.id!=" FROM
	         "\",\"node.id!=other\"]}}}");
	json_auto_t *got = NULL;
	struct spec_steering st = steering();
	struct error err = {0};

	(void) state;
	assert_int_equal(spec_steer(spec, &st, &got, &err), -EINVAL);
	assert_string_equal(err.text, "plan 'forager-1': its terms stand in the spec already");
	assert_null(got);
}

static const char *const bad_specs[] = {
    "[]",
    "{}",
    "{\"TaskTemplate\":null}",
    "{\"TaskTemplate\":{}}",
    "{\"TaskTemplate\":{\"Placement\":null}}",
    "{\"TaskTemplate\":{\"Placement\":[]}}",
    "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":{}}}}",
    "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":\"a==b\"}}}",
    "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[1]}}}",
    "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[null]}}}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"Labels\":[]}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"Labels\":\"x\"}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"Labels\":{\"forager.plan\":1}}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"Labels\":{\"forager.before\":null}}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"UpdateConfig\":[]}",
    "{\"TaskTemplate\":{\"Placement\":{}},\"UpdateConfig\":1}",
};

static void
test_bad_specs(void **state)
{
	struct spec_steering st = steering();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_specs); i++) {
		json_auto_t *spec = load(bad_specs[i]);
		json_t *got = NULL;
		char *text = NULL;
		struct error err = {0};

		assert_int_equal(spec_owned_get(spec, &text, &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(spec_owned_set(spec, "{}", &got, NULL), -EINVAL);
		assert_int_equal(spec_steer(spec, &st, &got, NULL), -EINVAL);
		assert_int_equal(spec_settle(spec, "{}", NONE, NONE, &got, NULL), -EINVAL);
		assert_int_equal(spec_clean(spec, "{}", &got, NULL), -EINVAL);
		assert_int_equal(spec_block(spec, "{}", TO, &got, NULL), -EINVAL);
		assert_int_equal(spec_undo(spec, "{}", "{}", NONE, &got, NULL), -EINVAL);
		assert_int_equal(spec_release(spec, NONE, &got, NULL), -EINVAL);
		assert_null(got);
		assert_null(text);
	}
}

static void
test_has_placement(void **state)
{
	json_auto_t *with = load(real), *without = load("{\"TaskTemplate\":{}}");

	(void) state;
	assert_true(spec_has_placement(with));
	assert_false(spec_has_placement(without));
	assert_false(spec_has_placement(NULL));
}

static const char *const constraint_forms[] = {NULL, "null", "[]", "[\"a.b==c\"]",
                                               "[\"a.b==c\",\"a.b==c\",\"node.id!=other\"]"};
static const char *const update_forms[] = {NULL, "null", "{}", "{\"Parallelism\":0}",
                                           "{\"Parallelism\":3,\"FailureAction\":\"continue\","
                                           "\"Order\":\"stop-first\",\"X\":[null]}"};
static const char *const label_forms[] = {NULL, "null", "{}", "{\"k\":\"v\"}",
                                          "{\"forager.mode\":\"auto\",\"k\":\"\"}"};

static void
set_form(json_t *object, const char *key, const char *form)
{
	if (form != NULL)
		(void) json_object_set_new(object, key, json_loads(form, JSON_DECODE_ANY, NULL));
}

static json_t *
spec_of(const char *constraints, const char *update, const char *labels)
{
	json_t *spec = load("{\"Name\":\"s\",\"TaskTemplate\":{\"Placement\":{\"Platforms\":[]},"
	                    "\"Resources\":{}},\"Mode\":{\"Replicated\":{\"Replicas\":3}}}");

	set_form((json_t *) at(spec, "TaskTemplate", "Placement", NULL), "Constraints",
	         constraints);
	set_form(spec, "UpdateConfig", update);
	set_form(spec, "Labels", labels);
	return spec;
}

enum path { PATH_SETTLE, PATH_HOLD_RELEASE, PATH_BLOCK, PATH_OWNED_SET, PATH_UNDO, PATH_N };

/* Steers and takes one of the ways back, working from the label alone. */
static json_t *
there_and_back(const json_t *spec, enum path path)
{
	_cleanup_(spec_before_done) struct spec_before b = {0};
	_cleanup_(freep) char *written = NULL;
	json_t *doc = NULL, *next = NULL;
	struct spec_steering st = steering();

	assert_int_equal(spec_steer(spec, &st, &doc, NULL), 0);
	assert_int_equal(spec_before_parse(spec_before(doc), &b, NULL), 0);
	assert_int_equal(spec_owned_get(doc, &written, NULL), 0);
	switch (path) {
	case PATH_BLOCK:
		assert_int_equal(spec_block(doc, b.owned, TO, &next, NULL), 0);
		advance(&doc, next);
		break;
	case PATH_OWNED_SET:
		assert_int_equal(spec_owned_set(doc, b.owned, &next, NULL), 0);
		advance(&doc, next);
		return doc;
	case PATH_UNDO:
		assert_int_equal(spec_undo(doc, b.owned, written, (struct spec_terms){add_texts, 2},
		                           &next, NULL),
		                 0);
		advance(&doc, next);
		return doc;
	default:
		break;
	}
	assert_int_equal(
	    spec_settle(doc, b.owned, NONE, path == PATH_HOLD_RELEASE ? hold : NONE, &next, NULL),
	    0);
	advance(&doc, next);
	assert_int_equal(spec_clean(doc, b.owned, &next, NULL), 0);
	advance(&doc, next);
	if (path == PATH_HOLD_RELEASE) {
		assert_int_equal(spec_release(doc, hold, &next, NULL), 2);
		advance(&doc, next);
	}
	return doc;
}

/* A list that hold emptied again is absent: null and [] cannot be told from it any more. */
static bool
form_survives(const char *constraints, enum path path)
{
	return path != PATH_HOLD_RELEASE || constraints == NULL || strchr(constraints, '"') != NULL;
}

static void
test_every_form_comes_back(void **state)
{
	size_t n = 0;

	(void) state;
	for (size_t c = 0; c < ARRAY_SIZE(constraint_forms); c++) {
		for (size_t u = 0; u < ARRAY_SIZE(update_forms); u++) {
			for (size_t l = 0; l < ARRAY_SIZE(label_forms) * PATH_N; l++) {
				enum path path = (enum path)(l % PATH_N);
				json_auto_t *spec = spec_of(constraint_forms[c], update_forms[u],
				                            label_forms[l / PATH_N]);
				json_auto_t *back = NULL;

				if (!form_survives(constraint_forms[c], path))
					continue;
				back = there_and_back(spec, path);
				assert_same(back, spec);
				n++;
			}
		}
	}
	assert_int_equal(n, 5 * 5 * 5 * PATH_N - 2 * 5 * 5);
}

static void
test_owned_text(void **state)
{
	static const struct {
		const char *constraints, *update, *labels, *owned;
	} cases[] = {
	    {NULL, NULL, NULL, "{}"},
	    {"null", "null", "null",
	     "{\"Constraints\":null,\"Labels\":null,\"UpdateConfig\":null}"},
	    {"[]", "{}", "{}", "{\"Constraints\":[],\"Labels\":{},\"UpdateConfig\":{}}"},
	    {"[\"a==b\"]", NULL, "{\"k\":\"v\"}", "{\"Constraints\":[\"a==b\"],\"Labels\":{}}"},
	    {NULL, "{\"Z\":1,\"A\":0.5}", "{\"k\":\"v\",\"forager.plan\":\"p\"}",
	     "{\"Labels\":{\"forager.plan\":\"p\"},\"UpdateConfig\":{\"A\":0.5,\"Z\":1}}"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = spec_of(cases[i].constraints, cases[i].update, cases[i].labels);
		json_auto_t *other = spec_of("[\"x==y\"]", "{\"P\":1}", "{\"k\":\"v\"}");
		json_auto_t *set = NULL;
		_cleanup_(freep) char *owned = NULL, *again = NULL;

		assert_int_equal(spec_owned_get(spec, &owned, NULL), 0);
		assert_string_equal(owned, cases[i].owned);
		/* Set on a spec with a label of its owner's, the fields are the same … */
		assert_int_equal(spec_owned_set(other, owned, &set, NULL), 0);
		assert_int_equal(spec_owned_get(set, &again, NULL), 0);
		assert_dump(at(set, "Labels", "k", NULL), "\"v\"");
		/* … but for an absent or null Labels, which would cost that label. */
		if (strstr(owned, "Labels\":{") != NULL)
			assert_string_equal(again, owned);
	}
}

static void
test_bad_owned_text(void **state)
{
	static const char *const texts[] = {
	    "",
	    "x",
	    "[]",
	    "null",
	    "{\"Constraints\":1}",
	    "{\"Constraints\":[1]}",
	    "{\"Constraints\":[],\"Constraints\":[]}",
	    "{\"UpdateConfig\":[]}",
	    "{\"Labels\":{\"k\":\"v\"}}",
	    "{\"Labels\":{\"forager.plan\":1}}",
	    "{\"Labels\":\"\"}",
	    "{\"Other\":1}",
	    "{} x",
	};
	json_auto_t *spec = load(real);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *got = NULL;
		struct error err = {0};

		if (spec_owned_set(spec, texts[i], &got, &err) != -EINVAL)
			fail_msg("'%s' was accepted", texts[i]);
		assert_true(str_has_prefix(err.text, "owned fields: "));
		assert_int_equal(spec_settle(spec, texts[i], NONE, NONE, &got, NULL), -EINVAL);
		assert_int_equal(spec_clean(spec, texts[i], &got, NULL), -EINVAL);
		assert_int_equal(spec_block(spec, texts[i], TO, &got, NULL), -EINVAL);
		assert_int_equal(spec_undo(spec, texts[i], "{}", NONE, &got, NULL), -EINVAL);
		assert_int_equal(spec_undo(spec, "{}", texts[i], NONE, &got, NULL), -EINVAL);
		assert_null(got);
	}
}

static void
test_rest_hash(void **state)
{
	static const struct {
		const char *edit; /* merged into the top of the spec */
		bool same;
	} cases[] = {
	    {"{}", true},
	    {"{\"UpdateConfig\":null}", true},
	    {"{\"UpdateConfig\":{\"Parallelism\":9}}", true},
	    {"{\"Name\":\"other\"}", false},
	    {"{\"Extra\":null}", false},
	    {"{\"Mode\":{\"Replicated\":{\"Replicas\":2}}}", false},
	    {"{\"Labels\":{\"com.docker.stack.image\":\"web:1\","
	     "\"com.docker.stack.namespace\":\"shop\",\"forager.mode\":\"auto\","
	     "\"forager.plan\":\"p\",\"forager.before\":\"b\"}}",
	     true},
	    {"{\"Labels\":{\"com.docker.stack.image\":\"web:1\","
	     "\"com.docker.stack.namespace\":\"shop\",\"forager.mode\":\"observe\"}}",
	     false},
	    {"{\"Labels\":{}}", false},
	};
	uint64_t first, hash;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = load(real), *edit = load(cases[i].edit);

		assert_int_equal(spec_rest_hash(spec, &first, NULL), 0);
		(void) json_object_update(spec, edit);
		assert_int_equal(spec_rest_hash(spec, &hash, NULL), 0);
		if ((hash == first) != cases[i].same)
			fail_msg("%s", cases[i].edit);
	}
}

static void
test_rest_hash_of_forms(void **state)
{
	json_auto_t *a = spec_of(NULL, NULL, NULL), *b = spec_of("[\"a==b\"]", "{}", "{}");
	json_auto_t *c = load("{\"TaskTemplate\":{}}"),
	            *d = load("{\"TaskTemplate\":{\"Placement\":"
	                      "{}}}");
	json_auto_t *list = json_array();
	uint64_t x, y;

	(void) state;
	assert_int_equal(spec_rest_hash(a, &x, NULL), 0);
	assert_int_equal(spec_rest_hash(b, &y, NULL), 0);
	assert_true(x == y);
	/* A Placement that has gone is somebody else's change (and a danger). */
	assert_int_equal(spec_rest_hash(c, &x, NULL), 0);
	assert_int_equal(spec_rest_hash(d, &y, NULL), 0);
	assert_true(x != y);
	assert_int_equal(spec_rest_hash(list, &x, NULL), -EINVAL);
}

static void
test_block(void **state)
{
	json_auto_t *spec = load(real), *steered = NULL, *got = NULL;
	_cleanup_(freep) char *owned = NULL;
	struct spec_steering st = steering();
	json_t *none = NULL;

	(void) state;
	assert_int_equal(spec_owned_get(spec, &owned, NULL), 0);
	assert_int_equal(spec_steer(spec, &st, &steered, NULL), 0);
	assert_int_equal(spec_block(steered, owned, TO, &got, NULL), 0);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"node.role == worker\",\"node.id!=" TO "\"]");
	assert_same(json_object_get(got, "Labels"), json_object_get(steered, "Labels"));
	assert_same(json_object_get(got, "UpdateConfig"), json_object_get(steered, "UpdateConfig"));
	assert_int_equal(spec_block(steered, owned, "no id", &none, NULL), -EINVAL);
	assert_int_equal(spec_block(steered, owned, "", &none, NULL), -EINVAL);
}

static void
test_settle_keeps_labels_and_holds(void **state)
{
	json_auto_t *spec = load(real), *steered = NULL, *got = NULL, *clean = NULL;
	_cleanup_(freep) char *owned = NULL;
	struct spec_steering st = steering();
	static const char *const odd[] = {"node.role==x"};
	json_t *none = NULL;

	(void) state;
	assert_int_equal(spec_owned_get(spec, &owned, NULL), 0);
	assert_int_equal(spec_steer(spec, &st, &steered, NULL), 0);
	assert_int_equal(spec_settle(steered, owned, NONE, hold, &got, NULL), 0);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"node.role == worker\",\"node.id!=bad1\",\"node.id!=bad2\"]");
	assert_same(json_object_get(got, "Labels"), json_object_get(steered, "Labels"));
	assert_same(json_object_get(got, "UpdateConfig"), json_object_get(spec, "UpdateConfig"));
	/* The last change is of labels only, so that PreviousSpec holds the owner's placement. */
	assert_int_equal(spec_clean(got, owned, &clean, NULL), 0);
	assert_same(json_object_get(clean, "Labels"), json_object_get(spec, "Labels"));
	(void) json_object_set(clean, "Labels", json_object_get(got, "Labels"));
	assert_same(clean, got);
	assert_int_equal(
	    spec_settle(steered, owned, NONE, (struct spec_terms){odd, 1}, &none, NULL), -EINVAL);
}

/* A second move of a held service: the new steering drops the old terms, settling does, too. */
static void
test_settle_drops_what_was_held(void **state)
{
	json_auto_t *held = spec_of("[\"a.b==c\",\"node.id!=bad1\",\"node.id!=bad2\"]", NULL, NULL);
	json_auto_t *only = spec_of("[\"node.id!=bad1\",\"node.id!=bad2\"]", NULL, NULL);
	json_auto_t *got = NULL, *gone = NULL;
	_cleanup_(freep) char *owned = NULL, *owned_only = NULL;

	(void) state;
	assert_int_equal(spec_owned_get(held, &owned, NULL), 0);
	assert_int_equal(spec_settle(held, owned, hold, NONE, &got, NULL), 0);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"), "[\"a.b==c\"]");
	assert_int_equal(spec_owned_get(only, &owned_only, NULL), 0);
	assert_int_equal(spec_settle(only, owned_only, hold, NONE, &gone, NULL), 0);
	assert_null(at(gone, "TaskTemplate", "Placement", "Constraints"));
}

static void
test_clean_keeps_a_label_added_meanwhile(void **state)
{
	json_auto_t *spec = spec_of(NULL, NULL, NULL), *steered = NULL, *got = NULL;
	_cleanup_(freep) char *owned = NULL;
	struct spec_steering st = steering();

	(void) state;
	assert_int_equal(spec_owned_get(spec, &owned, NULL), 0);
	assert_int_equal(spec_steer(spec, &st, &steered, NULL), 0);
	(void) json_object_set_new(json_object_get(steered, "Labels"), "mine", json_string("1"));
	assert_int_equal(spec_clean(steered, owned, &got, NULL), 0);
	assert_dump(json_object_get(got, "Labels"), "{\"mine\":\"1\"}");
}

static const struct {
	const char *now[2], *before[2], *written[2]; /* Constraints, UpdateConfig */
	const char *result[2];
	int kept;
} undos[] = {
    /* Untouched since: back to before, in its exact form. */
    {{"[\"node.id!=other\"]", NULL}, {NULL, NULL}, {"[\"node.id!=other\"]", NULL}, {NULL, NULL}, 0},
    {{NULL, NULL}, {"[]", "null"}, {"[]", "null"}, {"[]", "null"}, 0},
    {{"[\"a==b\",\"node.id!=other\"]", "{\"Parallelism\":1}"},
     {"[\"a==b\"]", "{\"Parallelism\":2}"},
     {"[\"a==b\",\"node.id!=other\"]", "{\"Parallelism\":1}"},
     {"[\"a==b\"]", "{\"Parallelism\":2}"},
     0},
    /* The API fills in and leaves out zeroes; that is nobody's change. */
    {{NULL, "{\"Parallelism\":1,\"MaxFailureRatio\":0,\"Delay\":0}"},
     {NULL, NULL},
     {"[]", "{\"Parallelism\":1,\"Monitor\":0}"},
     {NULL, NULL},
     0},
    /* Its owner added a constraint: it stays, ours goes. */
    {{"[\"a==b\",\"node.id!=other\",\"new==1\"]", NULL},
     {"[\"a==b\"]", NULL},
     {"[\"a==b\",\"node.id!=other\"]", NULL},
     {"[\"a==b\",\"new==1\"]", NULL},
     SPEC_KEPT_CONSTRAINTS},
    /* Its owner took one away: it is not brought back. */
    {{"[\"node.id!=other\"]", NULL},
     {"[\"a==b\"]", NULL},
     {"[\"a==b\",\"node.id!=other\"]", NULL},
     {NULL, NULL},
     SPEC_KEPT_CONSTRAINTS},
    /* Somebody deployed anew: constraints as before the move, UpdateConfig theirs. */
    {{"[\"a==b\"]", "{\"Parallelism\":7}"},
     {"[\"a==b\"]", "{\"Parallelism\":2}"},
     {"[\"a==b\",\"node.id!=other\"]", "{\"Parallelism\":1}"},
     {"[\"a==b\"]", "{\"Parallelism\":7}"},
     SPEC_KEPT_UPDATE},
    /* {} means all at once and is not the absent one. */
    {{NULL, "{}"}, {NULL, "{\"Parallelism\":2}"}, {NULL, NULL}, {NULL, "{}"}, SPEC_KEPT_UPDATE},
    {{"[\"x==y\"]", "{\"Parallelism\":7}"},
     {NULL, NULL},
     {"[\"node.id!=other\"]", "{\"Parallelism\":1}"},
     {"[\"x==y\"]", "{\"Parallelism\":7}"},
     SPEC_KEPT_CONSTRAINTS | SPEC_KEPT_UPDATE},
};

static void
test_undo(void **state)
{
	static const char *const ours[] = {"node.id!=other"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(undos); i++) {
		json_auto_t *now = spec_of(undos[i].now[0], undos[i].now[1], "{\"k\":\"v\"}");
		json_auto_t *before =
		    spec_of(undos[i].before[0], undos[i].before[1], "{\"k\":\"v\"}");
		json_auto_t *written =
		    spec_of(undos[i].written[0], undos[i].written[1], "{\"k\":\"v\"}");
		json_auto_t *want =
		    spec_of(undos[i].result[0], undos[i].result[1], "{\"k\":\"v\"}");
		json_auto_t *got = NULL;
		_cleanup_(freep) char *b = NULL, *w = NULL;

		assert_int_equal(spec_owned_get(before, &b, NULL), 0);
		assert_int_equal(spec_owned_get(written, &w, NULL), 0);
		assert_int_equal(spec_undo(now, b, w, (struct spec_terms){ours, 1}, &got, NULL),
		                 undos[i].kept);
		assert_same(got, want);
	}
}

static void
test_undo_leaves_another_change_alone(void **state)
{
	const char *before = "{\"Labels\":{}}";
	const char *written = "{\"Labels\":{\"forager.plan\":\"p1\",\"forager.before\":\"b1\"}}";
	json_auto_t *same =
	    spec_of(NULL, NULL, "{\"forager.before\":\"b1\",\"forager.plan\":\"p1\"}");
	json_auto_t *other =
	    spec_of(NULL, NULL, "{\"forager.before\":\"b2\",\"forager.plan\":\"p2\"}");
	json_auto_t *a = NULL, *b = NULL;

	(void) state;
	assert_int_equal(spec_undo(same, before, written, NONE, &a, NULL), 0);
	assert_dump(json_object_get(a, "Labels"), "{}");
	assert_int_equal(spec_undo(other, before, written, NONE, &b, NULL), SPEC_KEPT_LABELS);
	assert_same(b, other);
}

static void
test_release(void **state)
{
	json_auto_t *spec = spec_of("[\"node.id!=bad1\",\"a==b\",\"node.id!=bad1\"]", NULL, NULL);
	json_auto_t *empty = spec_of("[]", NULL, NULL);
	json_auto_t *got = NULL, *same = NULL;

	(void) state;
	assert_int_equal(spec_release(spec, hold, &got, NULL), 1);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"a==b\",\"node.id!=bad1\"]");
	assert_int_equal(spec_release(empty, hold, &same, NULL), 0);
	assert_same(same, empty);
}

static struct spec_before
a_before(void)
{
	return (struct spec_before){.owned = "{\"Constraints\":[\"a==b\"],\"Labels\":{}}",
	                            .added = "[\"node.id==x\"]",
	                            .dropped = "[]",
	                            .rest_hash = UINT64_MAX,
	                            .deadline_wall_ms = 5,
	                            .from_id = FROM,
	                            .to_id = TO};
}

static void
test_before_text(void **state)
{
	struct spec_before b = a_before();
	_cleanup_(spec_before_done) struct spec_before back = {0};
	_cleanup_(freep) char *text = NULL;

	(void) state;
	assert_int_equal(spec_before_format(&b, &text, NULL), 0);
	assert_string_equal(text, "{\"added\":[\"node.id==x\"],\"deadline\":5,\"dropped\":[],"
	                          "\"from\":\"" FROM "\",\"owned\":{\"Constraints\":[\"a==b\"],"
	                          "\"Labels\":{}},\"rest\":\"ffffffffffffffff\",\"to\":\"" TO
	                          "\",\"v\":1}");
	assert_int_equal(spec_before_parse(text, &back, NULL), 0);
	assert_string_equal(back.owned, b.owned);
	assert_string_equal(back.added, b.added);
	assert_string_equal(back.dropped, b.dropped);
	assert_true(back.rest_hash == UINT64_MAX);
	assert_true(back.deadline_wall_ms == 5);
	assert_string_equal(back.from_id, FROM);
	assert_string_equal(back.to_id, TO);
}

static void
test_before_size(void **state)
{
	enum { N = 2000 };
	_cleanup_(freep) const char **texts = xcalloc(N, sizeof(*texts));
	json_auto_t *list = json_array(), *spec = spec_of(NULL, NULL, NULL), *got = NULL;
	struct spec_steering st = steering();
	struct error err = {0};

	(void) state;
	for (size_t i = 0; i < N; i++)
		(void) json_array_append_new(list, json_string("node.labels.a!=b"));
	(void) json_object_set((json_t *) at(spec, "TaskTemplate", "Placement", NULL),
	                       "Constraints", list);
	assert_int_equal(spec_steer(spec, &st, &got, &err), -E2BIG);
	assert_non_null(strstr(err.text, "too many constraints to be moved"));
	assert_null(got);
	while (json_array_size(list) > 700)
		(void) json_array_remove(list, 0);
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	assert_true(strlen(spec_before(got)) <= SPEC_BEFORE_BYTES);
}

/* One field of a good label replaced by the given JSON; NULL: taken away. */
static const struct {
	const char *key, *value;
} hostile[] = {
    {"v", "2"},
    {"v", "4294967297"}, /* 1, if cut to 32 bits */
    {"v", "\"1\""},
    {"v", "1.0"},
    {"v", NULL},
    {"owned", "[]"},
    {"owned", "null"},
    {"owned", "\"{}\""},
    {"owned", "{\"Constraints\":[1]}"},
    {"owned", "{\"Image\":\"evil\"}"},
    {"owned", "{\"Labels\":{\"forager.plan\":\"p\"}}"}, /* a change within a change */
    {"owned", "{\"UpdateConfig\":[1]}"},
    {"owned", NULL},
    {"added", "{}"},
    {"added", "[\"node.role==manager\"]"},
    {"added", "[\"node.id!=\"]"},
    {"added", "[\"node.id!=a b\"]"},
    {"added", "[\"node.id>a\"]"},
    {"added", "[[]]"},
    {"added", NULL},
    {"dropped", "[0]"},
    {"dropped", "[\"node.id!=abcdefghijklmnopqrstuvwxyz\"]"},
    {"dropped", NULL},
    {"from", "1"},
    {"from", "\"\""},
    {"from", "\"../../x\""},
    {"from", NULL},
    {"to", "\"abcdefghijklmnopqrstuvwxyz\""},
    {"to", "\"a\\nb\""},
    {"to", NULL},
    {"rest", "\"fff\""},
    {"rest", "\"FFFFFFFFFFFFFFFF\""},
    {"rest", "\"0x00000000000000\""},
    {"rest", "18"},
    {"rest", NULL},
    {"deadline", "-1"},
    {"deadline", "1.5"},
    {"deadline", "\"soon\""},
    {"deadline", NULL},
    {"more", "1"},
};

static void
test_hostile_labels(void **state)
{
	struct spec_before b = a_before();
	_cleanup_(freep) char *good = NULL;

	(void) state;
	assert_int_equal(spec_before_format(&b, &good, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		json_auto_t *doc = load(good);
		_cleanup_(freep) char *text = NULL;
		struct spec_before got = {.rest_hash = 77};
		struct error err = {0};

		(void) json_object_del(doc, hostile[i].key);
		set_form(doc, hostile[i].key, hostile[i].value);
		text = dump(doc);
		if (spec_before_parse(text, &got, &err) != -EINVAL)
			fail_msg("accepted: %s", text);
		assert_true(str_has_prefix(err.text, "label forager.before: "));
		assert_true(got.rest_hash == 77);
		assert_null(got.owned);
	}
}

static void
test_hostile_texts(void **state)
{
	_cleanup_(freep) char *deep = xcalloc(SPEC_BEFORE_BYTES + 2, 1);
	static const char *const texts[] = {
	    "", "{", "[]", "1", "\xff", "{\"v\":1}", "{\"v\":1,\"v\":1}"};
	struct spec_before b = {0};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(spec_before_parse(texts[i], &b, NULL), -EINVAL);
	memset(deep, '[', SPEC_BEFORE_BYTES);
	assert_int_equal(spec_before_parse(deep, &b, NULL), -EINVAL);
	memset(deep, ' ', SPEC_BEFORE_BYTES + 1);
	assert_int_equal(spec_before_parse(deep, &b, NULL), -EINVAL);
	assert_null(b.owned);
}

static void
test_too_many_terms_in_label(void **state)
{
	struct spec_before b = a_before();
	json_auto_t *list = json_array();
	_cleanup_(freep) char *added = NULL, *text = NULL;

	(void) state;
	for (size_t i = 0; i < 65; i++)
		(void) json_array_append_new(list, json_sprintf("node.id!=n%zu", i));
	added = dump(list);
	b.added = added;
	assert_int_equal(spec_before_format(&b, &text, NULL), -EINVAL);
	assert_null(text);
}

static json_t *random_value(struct rng *rng, int depth);

static json_t *
random_object(struct rng *rng, int depth)
{
	json_t *o = json_object();

	for (uint64_t i = rng_below(rng, 4); i > 0; i--) {
		char key[16];

		(void) snprintf(key, sizeof(key), "K%u", (unsigned) rng_below(rng, 100));
		(void) json_object_set_new(o, key, random_value(rng, depth - 1));
	}
	return o;
}

static json_t *
random_array(struct rng *rng, int depth)
{
	json_t *a = json_array();

	for (uint64_t i = rng_below(rng, 3); i > 0; i--)
		(void) json_array_append_new(a, random_value(rng, depth - 1));
	return a;
}

static json_t *
random_value(struct rng *rng, int depth)
{
	switch (rng_below(rng, depth > 0 ? 8 : 6)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(rng_below(rng, 2));
	case 2:
		return json_integer((json_int_t) rng_u64(rng));
	case 3:
		return json_real(rng_normal(rng) * 1e6);
	case 4:
		return json_string("");
	case 5:
		return json_string("t\xc3\xa9xt \"\\\n");
	case 6:
		return random_object(rng, depth);
	default:
		return random_array(rng, depth);
	}
}

static const char *
pick(struct rng *rng, const char *const *forms, size_t n)
{
	return forms[rng_below(rng, n)];
}

static json_t *
random_spec(struct rng *rng)
{
	json_t *spec = random_object(rng, 4), *task = random_object(rng, 4);
	json_t *placement = random_object(rng, 3);

	set_form(placement, "Constraints",
	         pick(rng, constraint_forms, ARRAY_SIZE(constraint_forms)));
	(void) json_object_set_new(task, "Placement", placement);
	(void) json_object_set_new(spec, "TaskTemplate", task);
	set_form(spec, "UpdateConfig", pick(rng, update_forms, ARRAY_SIZE(update_forms)));
	set_form(spec, "Labels", pick(rng, label_forms, ARRAY_SIZE(label_forms)));
	return spec;
}

/* Whatever else stands in a spec: it survives, and its hash with it. */
static void
test_random_specs(void **state)
{
	static const enum path paths[] = {PATH_SETTLE, PATH_BLOCK, PATH_OWNED_SET, PATH_UNDO};
	struct rng rng;

	(void) state;
	rng_seed(&rng, 2016);
	for (size_t round = 0; round < 200; round++) {
		json_auto_t *spec = random_spec(&rng), *back = NULL, *steered = NULL;
		struct spec_steering st = steering();
		uint64_t a, b;

		back = there_and_back(spec, paths[round % ARRAY_SIZE(paths)]);
		assert_same(back, spec);
		assert_int_equal(spec_steer(spec, &st, &steered, NULL), 0);
		assert_false(json_equal(steered, spec));
		assert_int_equal(spec_rest_hash(spec, &a, NULL), 0);
		assert_int_equal(spec_rest_hash(steered, &b, NULL), 0);
		assert_true(a == b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steer),
	    cmocka_unit_test(test_steer_order_and_default_update),
	    cmocka_unit_test(test_steer_replaces_held_terms),
	    cmocka_unit_test(test_label_tells_the_change),
	    cmocka_unit_test(test_steer_refuses),
	    cmocka_unit_test(test_steer_refuses_what_changes_nothing),
	    cmocka_unit_test(test_bad_specs),
	    cmocka_unit_test(test_has_placement),
	    cmocka_unit_test(test_every_form_comes_back),
	    cmocka_unit_test(test_owned_text),
	    cmocka_unit_test(test_bad_owned_text),
	    cmocka_unit_test(test_rest_hash),
	    cmocka_unit_test(test_rest_hash_of_forms),
	    cmocka_unit_test(test_block),
	    cmocka_unit_test(test_settle_keeps_labels_and_holds),
	    cmocka_unit_test(test_settle_drops_what_was_held),
	    cmocka_unit_test(test_clean_keeps_a_label_added_meanwhile),
	    cmocka_unit_test(test_undo),
	    cmocka_unit_test(test_undo_leaves_another_change_alone),
	    cmocka_unit_test(test_release),
	    cmocka_unit_test(test_before_text),
	    cmocka_unit_test(test_before_size),
	    cmocka_unit_test(test_hostile_labels),
	    cmocka_unit_test(test_hostile_texts),
	    cmocka_unit_test(test_too_many_terms_in_label),
	    cmocka_unit_test(test_random_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
