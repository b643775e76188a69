/* Editing of raw specs: steering, blocking, settling; what is not ours stays byte for byte. */
#include "test/unit/spec_docs.h"

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
	                         *const second[] = {"node.id!=zz", "node.role==worker"},
	                         *const long_id[] = {"node.id!=abcdefghijklmnopqrstuvwxyz"};
	static const char *const present[] = {"node.role == worker"};
	json_auto_t *spec = load(real), *got = NULL, *again = NULL;
	struct spec_steering st = steering();
	struct error err = {0}, err2 = {0};
	char plan[130] = "";

	(void) state;
	st.add = (struct spec_terms){odd, 1};
	assert_int_equal(spec_steer(spec, &st, &again, &err), -EINVAL);
	assert_string_equal(err.text, "'node.role==worker' is not a node.id term");
	st.add = (struct spec_terms){second, 2};
	error_clear(&err);
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
	st.from_id = "abcdefghijklmnopqrstuvwxyz";
	assert_int_equal(spec_steer(spec, &st, &again, &err2), -EINVAL);
	assert_string_equal(err2.text, "plan 'forager-1': a node's id is too long");
	st = steering();
	st.drop = (struct spec_terms){odd, 1};
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st = steering();
	memset(plan, 'p', sizeof(plan) - 1);
	st.plan = plan; /* 129 characters */
	assert_int_equal(spec_steer(spec, &st, &again, NULL), -EINVAL);
	st.plan = plan + 1;
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	assert_string_equal(spec_plan(got), plan + 1);
	advance(&got, NULL);
	st = steering();
	assert_int_equal(spec_steer(spec, &st, &got, NULL), 0);
	error_clear(&err);
	assert_int_equal(spec_steer(got, &st, &again, &err), -EBUSY);
	assert_non_null(strstr(err.text, "plan 'forager-1'"));
	/* One label is enough: the other one may have been taken away by hand. */
	(void) json_object_del(json_object_get(got, "Labels"), SPEC_LABEL_PLAN);
	error_clear(&err);
	assert_int_equal(spec_steer(got, &st, &again, &err), -EBUSY);
	assert_non_null(strstr(err.text, "(plan '')"));
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
	/* Whatever is said to have stood before: ours are gone. */
	json_decref(clean);
	clean = NULL;
	assert_int_equal(spec_clean(got, "{\"Labels\":{\"forager.plan\":\"p\"}}", &clean, NULL), 0);
	assert_null(spec_plan(clean));
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
	    cmocka_unit_test(test_rest_hash),
	    cmocka_unit_test(test_rest_hash_of_forms),
	    cmocka_unit_test(test_block),
	    cmocka_unit_test(test_settle_keeps_labels_and_holds),
	    cmocka_unit_test(test_settle_drops_what_was_held),
	    cmocka_unit_test(test_clean_keeps_a_label_added_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
