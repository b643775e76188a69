/* Absent, null and empty are three things: each comes back as it was, from every way. */
#include "test/unit/spec_docs.h"

#include "base/rng.h"

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
	    cmocka_unit_test(test_every_form_comes_back),
	    cmocka_unit_test(test_owned_text),
	    cmocka_unit_test(test_bad_owned_text),
	    cmocka_unit_test(test_random_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
