/* The label forager.before: written, read back, and read from hostile hands. */
#include "test/unit/spec_docs.h"

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

/* The longest label that is written is read, and not a byte more. */
static void
test_before_longest(void **state)
{
	struct spec_before b = a_before();
	_cleanup_(freep) char *good = NULL;

	(void) state;
	assert_int_equal(spec_before_format(&b, &good, NULL), 0);
	for (size_t more = 0; more < 2; more++) {
		size_t n = SPEC_BEFORE_BYTES + more;
		_cleanup_(freep) char *text = xcalloc(n + 1, 1);
		_cleanup_(spec_before_done) struct spec_before back = {0};

		memset(text, ' ', n);
		memcpy(text, good, strlen(good));
		assert_int_equal(spec_before_parse(text, &back, NULL), more == 0 ? 0 : -EINVAL);
	}
}

/* And no longer one is written. */
static void
test_before_longest_written(void **state)
{
	struct spec_before b = a_before();
	_cleanup_(freep) char *base = NULL, *pad = NULL;

	(void) state;
	b.owned = "{\"Constraints\":[\"a==\"],\"Labels\":{}}";
	assert_int_equal(spec_before_format(&b, &base, NULL), 0);
	pad = xcalloc(SPEC_BEFORE_BYTES + 2, 1);
	memset(pad, 'b', SPEC_BEFORE_BYTES - strlen(base));
	for (size_t more = 0; more < 2; more++) {
		_cleanup_(freep) char *owned = NULL, *text = NULL;

		memset(pad, 'b', SPEC_BEFORE_BYTES - strlen(base) + more);
		owned = xasprintf("{\"Constraints\":[\"a==%s\"],\"Labels\":{}}", pad);
		b.owned = owned;
		assert_int_equal(spec_before_format(&b, &text, NULL), more == 0 ? 0 : -E2BIG);
		assert_true(more > 0 || strlen(text) == SPEC_BEFORE_BYTES);
	}
}

/* Owned fields are read up to a quarter of a MiB. */
static void
test_owned_longest(void **state)
{
	json_auto_t *spec = load(real);

	(void) state;
	for (size_t more = 0; more < 2; more++) {
		size_t n = 256 * 1024 - 1 + more;
		_cleanup_(freep) char *text = xcalloc(n + 1, 1);
		json_auto_t *got = NULL;

		memset(text, ' ', n);
		memcpy(text, "{}", 2);
		assert_int_equal(spec_owned_set(spec, text, &got, NULL), more == 0 ? 0 : -EINVAL);
	}
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

/* What does not hold what it says is not written. */
static void
test_format_refuses(void **state)
{
	static const struct {
		const char *owned, *added, *dropped, *from, *to, *why;
	} cases[] = {
	    {"[]", "[]", "[]", FROM, TO, "owned fields: not an object"},
	    {"{\"Labels\":{\"forager.plan\":\"p\"}}", "[]", "[]", FROM, TO, "there already"},
	    {"{}", "{}", "[]", FROM, TO, "added is not a list"},
	    {"{}", "[", "[]", FROM, TO, "added is not a list"},
	    {"{}", "[1]", "[]", FROM, TO, "added: entry 0 is"},
	    {"{}", "[]", "[\"node.id==a\",\"x\"]", FROM, TO, "dropped: entry 1 is"},
	    {"{}", "[]", "[]", "", TO, "from or to"},
	    {"{}", "[]", "[]", FROM, "", "from or to"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct spec_before b = {.owned = (char *) cases[i].owned,
		                        .added = (char *) cases[i].added,
		                        .dropped = (char *) cases[i].dropped};
		char *text = NULL;
		struct error err = {0};

		(void) str_copy(b.from_id, sizeof(b.from_id), cases[i].from);
		(void) str_copy(b.to_id, sizeof(b.to_id), cases[i].to);
		assert_int_equal(spec_before_format(&b, &text, &err), -EINVAL);
		if (strstr(err.text, cases[i].why) == NULL ||
		    !str_has_prefix(err.text, "label forager.before: "))
			fail_msg("case %zu: %s", i, err.text);
		assert_null(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_before_text),
	    cmocka_unit_test(test_before_size),
	    cmocka_unit_test(test_before_longest),
	    cmocka_unit_test(test_owned_longest),
	    cmocka_unit_test(test_before_longest_written),
	    cmocka_unit_test(test_hostile_labels),
	    cmocka_unit_test(test_hostile_texts),
	    cmocka_unit_test(test_too_many_terms_in_label),
	    cmocka_unit_test(test_format_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
