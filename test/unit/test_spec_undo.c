/* Undo merges three ways; release takes our terms only. */
#include "test/unit/spec_docs.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_undo),
	    cmocka_unit_test(test_undo_leaves_another_change_alone),
	    cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
