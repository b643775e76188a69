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
    /* What is zero may be written in any way; what is not may not. */
    {{NULL, "{\"A\":null,\"B\":false,\"C\":\"\",\"D\":0.0,\"E\":2}"},
     {NULL, "{\"E\":3}"},
     {NULL, "{\"E\":2.0}"},
     {NULL, "{\"E\":3}"},
     0},
    {{NULL, "{\"E\":2}"},
     {NULL, "{\"E\":3}"},
     {NULL, "{\"E\":0}"},
     {NULL, "{\"E\":2}"},
     SPEC_KEPT_UPDATE},
    {{NULL, "{\"E\":0}"},
     {NULL, "{\"E\":3}"},
     {NULL, "{\"E\":2}"},
     {NULL, "{\"E\":0}"},
     SPEC_KEPT_UPDATE},
    {{NULL, "{\"A\":true}"}, {NULL, NULL}, {NULL, "{}"}, {NULL, "{\"A\":true}"}, SPEC_KEPT_UPDATE},
    {{NULL, "{\"A\":\"x\"}"},
     {NULL, "{\"A\":2}"},
     {NULL, "{\"A\":1}"},
     {NULL, "{\"A\":\"x\"}"},
     SPEC_KEPT_UPDATE},
    {{NULL, "{\"A\":\"x\"}"},
     {NULL, "{\"A\":2}"},
     {NULL, "{\"A\":0}"},
     {NULL, "{\"A\":\"x\"}"},
     SPEC_KEPT_UPDATE},
    /* As before already, or as written in another form: back to the exact form of before. */
    {{"[]", "{\"Parallelism\":2,\"Delay\":0}"},
     {NULL, "{\"Parallelism\":2}"},
     {"[\"node.id!=other\"]", "{\"Parallelism\":1}"},
     {NULL, "{\"Parallelism\":2}"},
     0},
    /* Emptied by somebody: nothing of it is brought back. */
    {{"[]", NULL},
     {"[\"a==b\"]", NULL},
     {"[\"a==b\",\"node.id!=other\"]", NULL},
     {"[]", NULL},
     SPEC_KEPT_CONSTRAINTS},
    {{"[\"b==a\"]", NULL}, {"[]", NULL}, {NULL, NULL}, {"[\"b==a\"]", NULL}, SPEC_KEPT_CONSTRAINTS},
    /* One field is theirs, the others are ours, carried along: those get their old values. */
    {{NULL,
      "{\"Parallelism\":1,\"Delay\":99,\"FailureAction\":\"pause\",\"Order\":\"start-first\"}"},
     {NULL,
      "{\"Parallelism\":2,\"Delay\":7,\"FailureAction\":\"rollback\",\"Order\":\"stop-first\"}"},
     {NULL,
      "{\"Parallelism\":1,\"Delay\":7,\"FailureAction\":\"pause\",\"Order\":\"start-first\"}"},
     {NULL,
      "{\"Parallelism\":2,\"Delay\":99,\"FailureAction\":\"rollback\",\"Order\":\"stop-first\"}"},
     SPEC_KEPT_UPDATE},
    /* There was none, and now there is theirs: ours turn into Swarm's defaults, never into all at
       once. */
    {{NULL,
      "{\"Parallelism\":1,\"Delay\":99,\"FailureAction\":\"pause\",\"Order\":\"start-first\"}"},
     {NULL, NULL},
     {NULL, "{\"Parallelism\":1,\"FailureAction\":\"pause\",\"MaxFailureRatio\":0,\"Order\":"
            "\"start-first\"}"},
     {NULL,
      "{\"Parallelism\":1,\"Delay\":99,\"FailureAction\":\"pause\",\"Order\":\"stop-first\"}"},
     SPEC_KEPT_UPDATE},
    /* A field that had no value before loses ours. */
    {{NULL, "{\"Parallelism\":1,\"Delay\":99,\"Order\":\"start-first\"}"},
     {NULL, "{\"Parallelism\":1}"},
     {NULL, "{\"Parallelism\":1,\"Order\":\"start-first\"}"},
     {NULL, "{\"Parallelism\":1,\"Delay\":99}"},
     SPEC_KEPT_UPDATE},
    /* They took it away altogether. */
    {{NULL, NULL},
     {NULL, "{\"Parallelism\":2}"},
     {NULL, "{\"Parallelism\":1}"},
     {NULL, NULL},
     SPEC_KEPT_UPDATE},
    /* {} means all at once and is not the absent one. */
    {{NULL, "{}"}, {NULL, "{\"Parallelism\":2}"}, {NULL, NULL}, {NULL, "{}"}, SPEC_KEPT_UPDATE},
    /* Where there was none before, what Swarm has no default for goes, too. */
    {{NULL, "{\"Parallelism\":1,\"Delay\":7,\"X\":1}"},
     {NULL, NULL},
     {NULL, "{\"Parallelism\":1,\"Delay\":7}"},
     {NULL, "{\"Parallelism\":1,\"X\":1}"},
     SPEC_KEPT_UPDATE},
    /* Theirs, but with ours gone it is as before: in the form of before. */
    {{"[\"node.id!=other\"]", NULL},
     {"null", NULL},
     {"[\"node.id!=more\",\"node.id!=other\"]", NULL},
     {"null", NULL},
     SPEC_KEPT_CONSTRAINTS},
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

/* Labels of ours that stood there before are put back, those of before that still stand are kept.
 */
static void
test_undo_labels(void **state)
{
	static const struct {
		const char *now, *before, *written, *result;
		int kept;
	} cases[] = {
	    {"{\"forager.plan\":\"p0\"}", "{\"forager.plan\":\"p0\"}", "{}",
	     "{\"forager.plan\":\"p0\"}", 0},
	    {"{\"forager.plan\":\"p1\"}", "{\"forager.plan\":\"p0\"}", "{\"forager.plan\":\"p1\"}",
	     "{\"forager.plan\":\"p0\"}", 0},
	    {"{\"forager.plan\":\"p1\",\"forager.before\":\"other\"}", "{}",
	     "{\"forager.plan\":\"p1\",\"forager.before\":\"b1\"}",
	     "{\"forager.plan\":\"p1\",\"forager.before\":\"other\"}", SPEC_KEPT_LABELS},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *now = spec_of(NULL, NULL, cases[i].now), *got = NULL;
		json_auto_t *want = load(cases[i].result);
		_cleanup_(freep) char *before = xasprintf("{\"Labels\":%s}", cases[i].before);
		_cleanup_(freep) char *written = xasprintf("{\"Labels\":%s}", cases[i].written);

		assert_int_equal(spec_undo(now, before, written, NONE, &got, NULL), cases[i].kept);
		assert_same(json_object_get(got, "Labels"), want);
	}
}

static char *
filler(size_t size)
{
	char *text = xcalloc(size + 1, 1);

	memset(text, 'x', size);
	return text;
}

static void
test_undo_refuses(void **state)
{
	enum { BYTES = 200 * 1024 };
	static const char *const odd[] = {"node.role==x"};
	_cleanup_(freep) char *some = filler(BYTES), *more = filler(256 * 1024);
	_cleanup_(freep) char *constraints = xasprintf("{\"Constraints\":[\"%s\"]}", some);
	_cleanup_(freep) char *update = xasprintf("{\"X\":\"%s\"}", some);
	_cleanup_(freep) char *huge = xasprintf("{\"Constraints\":[\"%s\"]}", more);
	json_auto_t *spec = spec_of("[\"a==b\"]", NULL, NULL), *big = spec_of(NULL, update, NULL);
	json_auto_t *got = NULL;
	struct error err = {0};

	(void) state;
	assert_int_equal(spec_undo(spec, "[]", "{}", NONE, &got, NULL), -EINVAL);
	assert_int_equal(spec_undo(spec, "{}", "[]", NONE, &got, NULL), -EINVAL);
	assert_int_equal(spec_undo(spec, huge, "{}", NONE, &got, &err), -EINVAL);
	assert_non_null(strstr(err.text, "longer than"));
	/* Each of them is short enough, what is merged of them is not. */
	error_clear(&err);
	assert_int_equal(spec_undo(big, constraints, "{}", NONE, &got, &err), -EINVAL);
	assert_non_null(strstr(err.text, "longer than"));
	assert_null(got);
	/* Whatever was asked to go goes, once; the rest of a changed list stays. */
	assert_int_equal(spec_undo(spec, "{}", "{\"Constraints\":[\"c==d\"]}",
	                           (struct spec_terms){odd, 1}, &got, NULL),
	                 SPEC_KEPT_CONSTRAINTS);
	assert_same(got, spec);
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
	    cmocka_unit_test(test_undo_labels),
	    cmocka_unit_test(test_undo_refuses),
	    cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
