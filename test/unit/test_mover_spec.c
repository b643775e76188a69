/* Whose spec stands there, and the next one of each edit: literal specs in, words and specs out. */
#include "agent/mover_spec.h"
#include "test/unit/spec_docs.h"

#define LABEL    "77-aaaaaaaa-bbbbbbbb"
#define SIGNED   "{\"forager.before\":\"b\",\"forager.plan\":\"" LABEL "\",\"k\":\"v\"}"
#define ANOTHERS "{\"forager.before\":\"b\",\"forager.plan\":\"other\",\"k\":\"v\"}"
#define UNSIGNED "{\"k\":\"v\"}"
#define OWNERS   "{\"Parallelism\":2}"
#define STEERED  "{\"FailureAction\":\"pause\",\"Order\":\"stop-first\",\"Parallelism\":1}"

/* The owner has a==b and OWNERS; the steering added node.id!=aaaaaaaa…; the target is bbbbbbbb…. */
struct made {
	struct intent in;
	struct mover_plan plan;
};

static char *
owned_text(const char *constraints, const char *update, const char *labels)
{
	return xasprintf("{\"Constraints\":%s,\"Labels\":%s,\"UpdateConfig\":%s}", constraints,
	                 labels, update);
}

static void
make(struct made *m)
{
	json_auto_t *spec = spec_of("[\"a==b\"]", OWNERS, UNSIGNED);

	*m = (struct made){.in = {.kind = MOVE_KIND_MOVE,
	                          .state = MOVE_STEERED,
	                          .service_id = "service",
	                          .from_id = "aaaaaaaaaa",
	                          .to_id = "bbbbbbbbbb",
	                          .created_wall_ms = 77}};
	m->in.before = owned_text("[\"a==b\"]", OWNERS, "{}");
	m->in.written = owned_text("[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED,
	                           "{\"forager.before\":\"b\",\"forager.plan\":\"" LABEL "\"}");
	m->in.added = xstrdup("[\"node.id!=aaaaaaaaaa\"]");
	assert_int_equal(spec_rest_hash(spec, &m->in.rest_hash, NULL), 0);
	mover_plan_init(&m->plan);
	m->plan.label = mover_plan_label(&m->in);
	(void) json_array_append_new(m->plan.add, json_string("node.id!=aaaaaaaaaa"));
}

static void
done(struct made *m)
{
	free(m->in.before);
	free(m->in.written);
	free(m->in.added);
	mover_plan_done(&m->plan);
	assert_null(m->plan.label);
	assert_null(m->plan.add);
}

static void
set(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static void
test_label(void **state)
{
	struct intent in = {.created_wall_ms = 1700000000123, .from_id = FROM, .to_id = TO};
	_cleanup_(freep) char *label = mover_plan_label(&in);

	(void) state;
	assert_string_equal(label, "1700000000123-x2fvyk0v-yizs3gmm");
}

static void
test_terms(void **state)
{
	json_auto_t *list = load("[\"a\",\"b\"]");
	size_t n = 7;
	_cleanup_(freep) const char **texts = mover_terms(list, &n);
	_cleanup_(freep) const char **none = NULL;

	(void) state;
	assert_int_equal(n, 2);
	assert_string_equal(texts[0], "a");
	assert_string_equal(texts[1], "b");
	none = mover_terms(NULL, &n);
	assert_int_equal(n, 0);
	assert_non_null(none);
}

static void
test_names(void **state)
{
	(void) state;
	assert_string_equal(mover_standing_names[STANDING_BEFORE], "as before");
	assert_string_equal(mover_standing_names[STANDING_STEERED], "steered");
	assert_string_equal(mover_standing_names[STANDING_BLOCKED], "target blocked");
	assert_string_equal(mover_standing_names[STANDING_SETTLED], "settled");
	assert_string_equal(mover_standing_names[STANDING_FOREIGN], "foreign");
}

static const struct {
	const char *constraints, *update, *labels;
	enum mover_standing standing;
	enum mover_standing previous; /* when the previous spec carries our label */
} standings[] = {
    {"[\"a==b\"]", OWNERS, UNSIGNED, STANDING_BEFORE, STANDING_SETTLED},
    /* In another form, as the engine may show it. */
    {"[\"a==b\"]", "{\"Parallelism\":2,\"MaxFailureRatio\":0}", UNSIGNED, STANDING_BEFORE,
     STANDING_SETTLED},
    {"[]", OWNERS, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"c==d\"]", OWNERS, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\"]", STEERED, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\"]", NULL, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED, STANDING_STEERED, STANDING_STEERED},
    /* Our label alone says nothing: what it stands on must be ours. */
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\",\"c==d\"]", STEERED, SIGNED, STANDING_FOREIGN,
     STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", OWNERS, SIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED,
     "{\"forager.before\":\"c\",\"forager.plan\":\"" LABEL "\",\"k\":\"v\"}", STANDING_FOREIGN,
     STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, ANOTHERS, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=bbbbbbbbbb\"]", STEERED, SIGNED, STANDING_BLOCKED, STANDING_BLOCKED},
    /* A revert of what never was steered blocks on the owner's own UpdateConfig. */
    {"[\"a==b\",\"node.id!=bbbbbbbbbb\"]", OWNERS, SIGNED, STANDING_BLOCKED, STANDING_BLOCKED},
    {"[\"a==b\",\"node.id!=bbbbbbbbbb\"]", "{\"Parallelism\":9}", SIGNED, STANDING_FOREIGN,
     STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=bbbbbbbbbb\"]", STEERED, ANOTHERS, STANDING_FOREIGN, STANDING_FOREIGN},
    {"[\"a==b\",\"node.id!=bbbbbbbbbb\"]", STEERED, UNSIGNED, STANDING_FOREIGN, STANDING_FOREIGN},
};

static void
test_standing(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(standings); i++) {
		json_auto_t *spec =
		    spec_of(standings[i].constraints, standings[i].update, standings[i].labels);
		enum mover_standing got = STANDING_N;
		struct made m;

		make(&m);
		assert_int_equal(mover_spec_standing(spec, &m.in, &m.plan, false, &got, NULL), 0);
		if (got != standings[i].standing)
			fail_msg("case %zu: %s", i, mover_standing_names[got]);
		assert_int_equal(mover_spec_standing(spec, &m.in, &m.plan, true, &got, NULL), 0);
		if (got != standings[i].previous)
			fail_msg("case %zu, previous ours: %s", i, mover_standing_names[got]);
		/* The rest is someone else's: so is all of it. */
		(void) json_object_set_new(spec, "Name", json_string("other"));
		assert_int_equal(mover_spec_standing(spec, &m.in, &m.plan, true, &got, NULL), 0);
		assert_int_equal(got, STANDING_FOREIGN);
		done(&m);
	}
}

/* settle = hold: what is kept and what goes counts for how it stands settled. */
static void
test_standing_held(void **state)
{
	json_auto_t *held = spec_of("[\"a==b\",\"node.id!=bad\"]", OWNERS, UNSIGNED);
	json_auto_t *bare = spec_of(NULL, OWNERS, UNSIGNED);
	json_auto_t *plain = spec_of("[\"a==b\"]", OWNERS, UNSIGNED);
	enum mover_standing got;
	struct made m;

	(void) state;
	make(&m);
	(void) json_array_append_new(m.plan.keep, json_string("node.id!=bad"));
	assert_int_equal(mover_spec_standing(held, &m.in, &m.plan, true, &got, NULL), 0);
	assert_int_equal(got, STANDING_SETTLED);
	assert_int_equal(mover_spec_standing(bare, &m.in, &m.plan, true, &got, NULL), 0);
	assert_int_equal(got, STANDING_FOREIGN);
	/* What was taken back has nothing of what was to be kept. */
	assert_int_equal(mover_spec_standing(plain, &m.in, &m.plan, false, &got, NULL), 0);
	assert_int_equal(got, STANDING_BEFORE);
	(void) json_array_clear(m.plan.keep);
	(void) json_array_append_new(m.plan.drop, json_string("a==b"));
	assert_int_equal(mover_spec_standing(bare, &m.in, &m.plan, true, &got, NULL), 0);
	assert_int_equal(got, STANDING_SETTLED);
	done(&m);
}

/* An undo or a release signs nothing. */
static void
test_standing_of_a_merge(void **state)
{
	json_auto_t *as_before = spec_of("[\"a==b\"]", OWNERS, UNSIGNED);
	json_auto_t *as_written = spec_of("[\"c==d\"]", OWNERS, UNSIGNED);
	json_auto_t *other = spec_of("[\"e==f\"]", OWNERS, UNSIGNED);
	enum mover_standing got;
	struct made m;

	(void) state;
	make(&m);
	m.in.to_id[0] = '\0';
	free(m.in.written);
	m.in.written = owned_text("[\"c==d\"]", OWNERS, "{}");
	assert_int_equal(mover_spec_standing(as_before, &m.in, &m.plan, false, &got, NULL), 0);
	assert_int_equal(got, STANDING_BEFORE);
	assert_int_equal(mover_spec_standing(as_written, &m.in, &m.plan, false, &got, NULL), 0);
	assert_int_equal(got, STANDING_SETTLED);
	assert_int_equal(mover_spec_standing(other, &m.in, &m.plan, true, &got, NULL), 0);
	assert_int_equal(got, STANDING_FOREIGN);
	done(&m);
}

/* A damaged row matches nothing. */
static void
test_standing_of_damaged_rows(void **state)
{
	static const char *const texts[] = {NULL, "", "{", "[]", "{\"Constraints\":7}"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_auto_t *steered =
		    spec_of("[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED);
		json_auto_t *plain = spec_of("[\"a==b\"]", OWNERS, UNSIGNED);
		enum mover_standing got = STANDING_N;
		struct made m;

		make(&m);
		set(&m.in.written, texts[i]);
		assert_int_equal(mover_spec_standing(steered, &m.in, &m.plan, false, &got, NULL),
		                 0);
		assert_int_equal(got, STANDING_FOREIGN);
		if (texts[i] != NULL) { /* a row without what stood before never got that far */
			set(&m.in.before, texts[i]);
			assert_int_equal(
			    mover_spec_standing(plain, &m.in, &m.plan, false, &got, NULL), 0);
			assert_int_equal(got, STANDING_FOREIGN);
		}
		done(&m);
	}
}

static void
test_standing_of_no_spec(void **state)
{
	static const char *const specs[] = {"[]", "{\"Labels\":{}}",
	                                    "{\"TaskTemplate\":{\"Placement\":[]}}"};
	struct made m;

	(void) state;
	make(&m);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		json_auto_t *spec = load(specs[i]);
		enum mover_standing got = STANDING_N;
		struct error err = {0};

		assert_int_equal(mover_spec_standing(spec, &m.in, &m.plan, false, &got, &err),
		                 -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(got, STANDING_N);
	}
	done(&m);
}

/* What the engine shows of an UpdateConfig, and what was written. */
static const struct {
	const char *shown, *written;
	bool same;
} updates[] = {
    {"{\"Parallelism\":1}", "{\"Parallelism\":1}", true},
    {"{\"Parallelism\":1}", "{\"Parallelism\":1.0}", true},
    {"{\"Parallelism\":1}", "{\"Parallelism\":2}", false},
    {"{\"Parallelism\":1,\"Delay\":0}", "{\"Parallelism\":1}", true},
    {"{\"Parallelism\":1}", "{\"Parallelism\":1,\"Delay\":0}", true},
    {"{\"Parallelism\":1}", "{\"Parallelism\":1,\"Delay\":5}", false},
    {"{\"Parallelism\":1,\"Delay\":5}", "{\"Parallelism\":1}", false},
    {"{\"Parallelism\":1,\"Delay\":0}", "{\"Parallelism\":1,\"Delay\":5}", false},
    {"{\"Parallelism\":1,\"Delay\":5}", "{\"Parallelism\":1,\"Delay\":null}", false},
    {"{\"Parallelism\":1,\"Delay\":0}", "{\"Parallelism\":1,\"Delay\":null}", true},
    {"{\"Order\":\"stop-first\"}", "{}", true},
    {"{}", "{\"Order\":\"stop-first\"}", true},
    {"{\"Order\":\"start-first\"}", "{}", false},
    {"{\"Order\":\"pause\"}", "{}", false},
    {"{\"Order\":\"start-first\"}", "{\"Order\":\"stop-first\"}", false},
    {"{\"Order\":\"start-first\"}", "{\"Order\":\"start-first\"}", true},
    {"{\"FailureAction\":\"pause\"}", "{}", true},
    {"{\"FailureAction\":\"continue\"}", "{}", false},
    {"{\"FailureAction\":\"stop-first\"}", "{}", false},
    {"{\"FailureAction\":\"pause\"}", "{\"FailureAction\":\"rollback\"}", false},
    {"{\"Later\":\"\"}", "{}", true},
    {"{\"Later\":\"x\"}", "{}", false},
    {"{\"Later\":\"pause\"}", "{}", false},
    {"{\"Later\":\"x\"}", "{\"Later\":\"x\"}", true},
    {"{\"Later\":[]}", "{}", false}, /* nobody knows what it would mean */
    {"{\"Later\":false}", "{}", false},
    {"{\"Later\":1}", "{\"Later\":\"1\"}", false},
    {"{\"Later\":\"\"}", "{\"Later\":0}", true},
    {"{}", "null", false}, /* all at once is not one at a time */
    {"null", "{}", false},
    {"null", "null", true},
};

static void
test_update_as_shown(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
		json_auto_t *spec =
		    spec_of("[\"a==b\",\"node.id!=aaaaaaaaaa\"]", updates[i].shown, SIGNED);
		enum mover_standing got;
		struct made m;

		make(&m);
		free(m.in.written);
		m.in.written =
		    owned_text("[\"a==b\",\"node.id!=aaaaaaaaaa\"]", updates[i].written,
		               "{\"forager.before\":\"b\",\"forager.plan\":\"" LABEL "\"}");
		assert_int_equal(mover_spec_standing(spec, &m.in, &m.plan, false, &got, NULL), 0);
		if ((got == STANDING_STEERED) != updates[i].same)
			fail_msg("%s beside %s: %s", updates[i].shown, updates[i].written,
			         mover_standing_names[got]);
		done(&m);
	}
}

/* Absent, null and empty lists are one to Swarm. */
static void
test_lists_as_shown(void **state)
{
	static const char *const empties[] = {NULL, "null", "[]"};

	(void) state;
	for (size_t i = 0; i <= ARRAY_SIZE(empties); i++) {
		bool none = i < ARRAY_SIZE(empties);
		json_auto_t *spec = spec_of(none ? empties[i] : "[\"c==d\"]", OWNERS, UNSIGNED);

		for (size_t k = 0; k < ARRAY_SIZE(empties); k++) {
			const char *form = empties[k] != NULL ? empties[k] : "null";
			enum mover_standing got;
			struct made m;

			make(&m);
			free(m.in.before);
			m.in.before = owned_text(form, OWNERS, "{}");
			assert_int_equal(
			    mover_spec_standing(spec, &m.in, &m.plan, false, &got, NULL), 0);
			assert_int_equal(got, none ? STANDING_BEFORE : STANDING_FOREIGN);
			done(&m);
		}
	}
}

/* ---- edits ---- */

static const struct {
	enum mover_edit edit;
	const char *labels; /* of what stands: steered, but for these */
	enum move_state state;
	int r;
	const char *constraints, *update, *after;
} edits[] = {
    {EDIT_SETTLE, SIGNED, MOVE_VERIFIED, 1, "[\"a==b\",\"node.id!=keep\"]", OWNERS, UNSIGNED},
    {EDIT_RESTORE, SIGNED, MOVE_BLOCKED, 1, "[\"a==b\"]", OWNERS, UNSIGNED},
    {EDIT_AGAIN, SIGNED, MOVE_SETTLED, 0, "[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED},
    {EDIT_BLOCK, SIGNED, MOVE_REVERTING, 1, "[\"a==b\",\"node.id!=bbbbbbbbbb\"]", STEERED, SIGNED},
    {EDIT_YIELD, SIGNED, MOVE_STEERED, 1, "[\"a==b\"]", OWNERS, UNSIGNED},
    {EDIT_MERGE, SIGNED, MOVE_VERIFIED, 0, "[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED},
};

static void
test_edits(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		json_auto_t *spec =
		    spec_of("[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, edits[i].labels);
		json_auto_t *want = spec_of(edits[i].constraints, edits[i].update, edits[i].after);
		json_auto_t *got = NULL;
		struct made m;

		make(&m);
		m.in.state = edits[i].state;
		(void) json_array_append_new(m.plan.keep, json_string("node.id!=keep"));
		(void) json_array_append_new(m.plan.drop, json_string("node.id!=drop"));
		assert_int_equal(mover_spec_edit(edits[i].edit, spec, &m.in, &m.plan, &got, NULL),
		                 edits[i].r);
		assert_same(got, want);
		done(&m);
	}
}

static void
test_edit_steer(void **state)
{
	json_auto_t *spec = spec_of("[\"a==b\",\"node.id!=old\"]", OWNERS, UNSIGNED), *got = NULL;
	_cleanup_(spec_before_done) struct spec_before b = {0};
	struct made m;

	(void) state;
	make(&m);
	m.in.deadline_wall_ms = 99;
	m.plan.start_first = true;
	(void) json_array_append_new(m.plan.drop, json_string("node.id!=old"));
	assert_int_equal(mover_spec_edit(EDIT_STEER, spec, &m.in, &m.plan, &got, NULL), 1);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"a==b\",\"node.id!=aaaaaaaaaa\"]");
	assert_dump(at(got, "UpdateConfig", "Order", NULL), "\"start-first\"");
	assert_string_equal(spec_plan(got), LABEL);
	assert_int_equal(spec_before_parse(spec_before(got), &b, NULL), 0);
	assert_string_equal(b.from_id, "aaaaaaaaaa");
	assert_string_equal(b.to_id, "bbbbbbbbbb");
	assert_true(b.deadline_wall_ms == 99);
	assert_string_equal(b.dropped, "[\"node.id!=old\"]");
	done(&m);
}

/*
 * Someone else changed the constraints: only what is literally ours goes. Without our labels that
 * is all of our terms or none; the revert's own one takes the place of the others.
 */
static void
test_edit_yield(void **state)
{
#define ADDED "node.id!=aaaaaaaaaa"
#define BLOCK "node.id!=bbbbbbbbbb"
	static const struct {
		const char *labels;
		enum move_state state;
		bool move; /* not an undo */
		const char *added, *stands, *left;
	} cases[] = {
	    {UNSIGNED, MOVE_STEERED, true, "[\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\",\"" BLOCK "\"]", "[\"x==y\",\"" BLOCK "\"]"},
	    {SIGNED, MOVE_STEERED, true, "[\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\",\"" BLOCK "\"]", "[\"x==y\",\"" BLOCK "\"]"},
	    {UNSIGNED, MOVE_REVERTING, true, "[\"" ADDED "\"]", "[\"x==y\",\"" BLOCK "\"]",
	     "[\"x==y\"]"},
	    {SIGNED, MOVE_BLOCKED, true, "[\"" ADDED "\"]", "[\"x==y\",\"" BLOCK "\"]",
	     "[\"x==y\"]"},
	    /* From the label alone: what stands there tells that it is blocked. */
	    {SIGNED, MOVE_STEERED, true, "[\"" ADDED "\"]", "[\"x==y\",\"" BLOCK "\"]",
	     "[\"x==y\"]"},
	    {UNSIGNED, MOVE_STEERED, true, "[\"" ADDED "\"]", "[\"x==y\",\"" BLOCK "\"]",
	     "[\"x==y\",\"" BLOCK "\"]"},
	    {UNSIGNED, MOVE_BLOCKED, false, "[\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\",\"" BLOCK "\"]", "[\"x==y\",\"" BLOCK "\"]"},
	    /* A deploy whose own list looks a little like ours. */
	    {UNSIGNED, MOVE_STEERED, true, "[\"" ADDED "\",\"node.id!=cccccccccc\"]",
	     "[\"x==y\",\"" ADDED "\"]", "[\"x==y\",\"" ADDED "\"]"},
	    {SIGNED, MOVE_STEERED, true, "[\"" ADDED "\",\"node.id!=cccccccccc\"]",
	     "[\"x==y\",\"" ADDED "\"]", "[\"x==y\"]"},
	    /* What its owner had before us stays. */
	    {SIGNED, MOVE_STEERED, true, "[\"a==b\",\"" ADDED "\"]",
	     "[\"a==b\",\"" ADDED "\",\"x==y\"]", "[\"a==b\",\"x==y\"]"},
	    {UNSIGNED, MOVE_STEERED, true, NULL, "[\"x==y\",\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\"]"},
	    {UNSIGNED, MOVE_STEERED, true, "{}", "[\"x==y\",\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\"]"},
	    {UNSIGNED, MOVE_STEERED, true, "[", "[\"x==y\",\"" ADDED "\"]",
	     "[\"x==y\",\"" ADDED "\"]"},
	};
#undef ADDED
#undef BLOCK

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = spec_of(cases[i].stands, OWNERS, cases[i].labels), *got = NULL;
		struct made m;

		make(&m);
		m.in.state = cases[i].state;
		if (!cases[i].move)
			m.in.to_id[0] = '\0';
		set(&m.in.added, cases[i].added);
		assert_true(mover_spec_edit(EDIT_YIELD, spec, &m.in, &m.plan, &got, NULL) >= 0);
		assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"), cases[i].left);
		assert_null(spec_plan(got));
		assert_null(spec_before(got));
		done(&m);
	}
}

/* An undo goes the other way: from what stood to what is to stand. */
static void
test_edit_merge(void **state)
{
	json_auto_t *spec = spec_of("[\"a==b\"]", "{\"Parallelism\":9}", UNSIGNED), *got = NULL;
	struct made m;

	(void) state;
	make(&m);
	assert_int_equal(mover_spec_edit(EDIT_MERGE, spec, &m.in, &m.plan, &got, NULL), 1);
	assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
	            "[\"a==b\",\"node.id!=aaaaaaaaaa\"]");
	assert_dump(at(got, "UpdateConfig", NULL, NULL), "{\"Parallelism\":9}");
	done(&m);
}

static void
test_edits_refuse(void **state)
{
	json_auto_t *spec = spec_of("[\"a==b\"]", OWNERS, UNSIGNED), *bad = load("{}"), *got = NULL;
	_cleanup_(freep) char *final = NULL;
	struct made m;

	(void) state;
	make(&m);
	for (int edit = EDIT_STEER; edit <= EDIT_MERGE; edit++) {
		struct error err = {0};

		if (edit != EDIT_AGAIN)
			assert_int_equal(mover_spec_edit((enum mover_edit) edit, bad, &m.in,
			                                 &m.plan, &got, &err),
			                 -EINVAL);
		assert_null(got);
	}
	assert_int_equal(mover_spec_edit((enum mover_edit) 99, spec, &m.in, &m.plan, &got, NULL),
	                 -EINVAL);
	set(&m.in.before, "[]");
	assert_int_equal(mover_spec_edit(EDIT_SETTLE, spec, &m.in, &m.plan, &got, NULL), -EINVAL);
	assert_int_equal(mover_spec_final(spec, &m.in, &m.plan, false, &final, NULL), -EINVAL);
	assert_null(got);
	assert_null(final);
	done(&m);
}

/* What the steering of a row wrote, made anew. */
static void
test_steered(void **state)
{
	static const struct {
		const char *update, *labels;
		bool planned;
		const char *order; /* NULL: refused */
		const char *before;
	} cases[] = {
	    {"{\"Parallelism\":2}", UNSIGNED, false, "stop-first", NULL},
	    {"{\"Parallelism\":2}", UNSIGNED, true, "start-first", NULL},
	    {"{\"Order\":\"start-first\"}", UNSIGNED, false, "start-first", NULL},
	    {"{\"Order\":\"stop-first\"}", "{\"forager.start-first\":\"yes\"}", false,
	     "start-first", NULL},
	    {"{\"Order\":\"stop-first\"}", "{\"forager.start-first\":\"no\"}", false, "stop-first",
	     NULL},
	    {OWNERS, UNSIGNED, false, NULL, ""},
	    {OWNERS, UNSIGNED, false, NULL, "[]"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Somebody has changed it since: what stood before counts. */
		json_auto_t *spec = spec_of("[\"x==y\"]", "{\"Parallelism\":9}", cases[i].labels);
		json_auto_t *doc = NULL;
		_cleanup_(freep) char *got = NULL;
		struct made m;
		int r;

		make(&m);
		free(m.in.before);
		m.in.before = cases[i].before == NULL
		                  ? owned_text("[\"a==b\"]", cases[i].update, "{}")
		              : cases[i].before[0] != '\0' ? xstrdup(cases[i].before)
		                                           : NULL;
		m.plan.start_first = cases[i].planned;
		r = mover_spec_steered(spec, &m.in, &m.plan, &got, NULL);
		assert_int_equal(r, cases[i].order != NULL ? 0 : -EINVAL);
		if (r == 0) {
			doc = load(got);
			assert_dump(at(doc, "UpdateConfig", "Order", NULL),
			            streq(cases[i].order, "start-first") ? "\"start-first\""
			                                                 : "\"stop-first\"");
			assert_dump(json_object_get(doc, "Constraints"),
			            "[\"a==b\",\"node.id!=aaaaaaaaaa\"]");
			assert_dump(at(doc, "Labels", SPEC_LABEL_PLAN, NULL), "\"" LABEL "\"");
		}
		assert_int_equal(m.plan.start_first, cases[i].planned);
		done(&m);
	}
}

static void
test_as_sent(void **state)
{
	json_auto_t *sent = spec_of("[\"a==b\"]", OWNERS, UNSIGNED), *odd = load("{}");
	json_auto_t *shown = spec_of("[\"a==b\"]", "{\"Parallelism\":2,\"Delay\":0}", UNSIGNED);
	json_auto_t *other = spec_of("[]", OWNERS, UNSIGNED);

	(void) state;
	assert_true(mover_spec_as_sent(shown, sent));
	assert_false(mover_spec_as_sent(other, sent));
	assert_false(mover_spec_as_sent(odd, sent));
}

/* An undo that has no list of terms, or none that is one, still merges. */
static void
test_merge_without_terms(void **state)
{
	static const char *const added[] = {NULL, "{}", "[", "[]"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(added); i++) {
		json_auto_t *spec = spec_of("[\"a==b\"]", OWNERS, UNSIGNED), *got = NULL;
		struct made m;

		make(&m);
		set(&m.in.added, added[i]);
		assert_int_equal(mover_spec_edit(EDIT_MERGE, spec, &m.in, &m.plan, &got, NULL), 1);
		assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"),
		            "[\"a==b\",\"node.id!=aaaaaaaaaa\"]");
		done(&m);
	}
}

/* Which terms of somebody's spec are ours to take away. */
static const struct {
	const char *name;
	const char *added, *before; /* constraints of before */
	bool move;                  /* not an undo */
	enum move_state state;
	const char *now, *labels, *left;
} yields[] = {
    {"signed: whatever of ours stands", "[\"node.id!=p\",\"node.id!=q\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=q\"]", SIGNED, "[\"x==y\"]"},
    {"unsigned: all of ours stand", "[\"node.id!=p\",\"node.id!=q\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=q\",\"node.id!=p\"]", UNSIGNED, "[\"x==y\"]"},
    {"unsigned: the first is missing", "[\"node.id!=p\",\"node.id!=q\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=q\"]", UNSIGNED, "[\"x==y\",\"node.id!=q\"]"},
    {"unsigned: the last is missing", "[\"node.id!=p\",\"node.id!=q\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=p\"]", UNSIGNED, "[\"x==y\",\"node.id!=p\"]"},
    {"half signed is signed", "[\"node.id!=p\",\"node.id!=q\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=q\"]", "{\"forager.before\":\"b\",\"k\":\"v\"}", "[\"x==y\"]"},
    {"the owner had it before us", "[\"node.id!=p\",\"node.id!=q\"]", "[\"node.id!=p\"]", true,
     MOVE_STEERED, "[\"x==y\",\"node.id!=p\",\"node.id!=q\"]", SIGNED, "[\"x==y\",\"node.id!=p\"]"},
    {"signed: the block alone", "[\"node.id!=p\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]", SIGNED, "[\"x==y\"]"},
    {"unsigned: a block while steered is theirs", "[\"node.id!=p\"]", "[]", true, MOVE_STEERED,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]", UNSIGNED, "[\"x==y\",\"node.id!=bbbbbbbbbb\"]"},
    {"unsigned: a block while reverting", "[\"node.id!=p\"]", "[]", true, MOVE_REVERTING,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]", UNSIGNED, "[\"x==y\"]"},
    {"unsigned: a block when blocked", "[\"node.id!=p\"]", "[]", true, MOVE_BLOCKED,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]", UNSIGNED, "[\"x==y\"]"},
    {"a block that the owner had", "[\"node.id!=p\"]", "[\"node.id!=bbbbbbbbbb\"]", true,
     MOVE_BLOCKED, "[\"x==y\",\"node.id!=bbbbbbbbbb\"]", UNSIGNED,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]"},
    {"an undo blocks nothing", "[\"node.id!=p\"]", "[]", false, MOVE_BLOCKED,
     "[\"x==y\",\"node.id!=\"]", UNSIGNED, "[\"x==y\",\"node.id!=\"]"},
    {"beside the others it is theirs", "[\"node.id!=p\"]", "[]", true, MOVE_BLOCKED,
     "[\"x==y\",\"node.id!=p\",\"node.id!=bbbbbbbbbb\"]", SIGNED,
     "[\"x==y\",\"node.id!=bbbbbbbbbb\"]"},
    {"nothing was added", "[]", "[]", true, MOVE_STEERED, "[\"x==y\",\"node.id!=p\"]", UNSIGNED,
     "[\"x==y\",\"node.id!=p\"]"},
};

static void
test_yields(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(yields); i++) {
		json_auto_t *spec = spec_of(yields[i].now, OWNERS, yields[i].labels), *got = NULL;
		_cleanup_(freep) char *text = NULL;
		struct made m;

		make(&m);
		m.in.state = yields[i].state;
		set(&m.in.added, yields[i].added);
		free(m.in.before);
		m.in.before = owned_text(yields[i].before, OWNERS, "{}");
		if (!yields[i].move)
			m.in.to_id[0] = '\0';
		assert_true(mover_spec_yield(spec, &m.in, &m.plan, &got, NULL) >= 0);
		text = dump(at(got, "TaskTemplate", "Placement", "Constraints"));
		if (!streq(text, yields[i].left))
			fail_msg("%s: %s", yields[i].name, text);
		assert_dump(json_object_get(got, "Labels"), UNSIGNED);
		done(&m);
	}
}

/* What was written last is not our steering any more, or not known: it is made anew, or done
 * without.
 */
static void
test_yield_makes_anew(void **state)
{
	static const struct {
		const char *written;
		bool terms; /* the plan has them */
		const char *update;
	} cases[] = {
	    {NULL, true, OWNERS},   {"{", true, OWNERS},    {"{}", true, OWNERS},
	    {NULL, false, STEERED}, {"{}", false, STEERED},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = spec_of("[\"x==y\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED);
		json_auto_t *got = NULL;
		struct made m;

		make(&m);
		set(&m.in.written, cases[i].written);
		if (!cases[i].terms)
			(void) json_array_clear(m.plan.add);
		assert_int_equal(mover_spec_yield(spec, &m.in, &m.plan, &got, NULL), 0);
		assert_dump(at(got, "TaskTemplate", "Placement", "Constraints"), "[\"x==y\"]");
		assert_dump(json_object_get(got, "UpdateConfig"), cases[i].update);
		done(&m);
	}
}

static void
test_anothers(void **state)
{
	static const char good[] =
	    "{\"added\":[],\"deadline\":%d,\"dropped\":[],\"from\":\"a\",\"owned\":{},"
	    "\"rest\":\"0000000000000000\",\"to\":\"b\",\"v\":1}";
	static const struct {
		const char *plan;
		int deadline; /* 0: no such label; -1: one that cannot be read */
		bool anothers;
	} cases[] = {
	    {NULL, 7, false},     {LABEL, 7, false},   {"other", 0, false},
	    {"other", -1, false}, {"other", 5, false}, {"other", 7, true},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = spec_of("[]", OWNERS, "{}");
		json_t *labels = json_object_get(spec, "Labels");
		struct made m;

		make(&m);
		m.in.deadline_wall_ms = 5;
		if (cases[i].plan != NULL)
			(void) json_object_set_new(labels, SPEC_LABEL_PLAN,
			                           json_string(cases[i].plan));
		if (cases[i].deadline > 0)
			(void) json_object_set_new(labels, SPEC_LABEL_BEFORE,
			                           json_sprintf(good, cases[i].deadline));
		else if (cases[i].deadline < 0)
			(void) json_object_set_new(labels, SPEC_LABEL_BEFORE, json_string("{}"));
		assert_int_equal(mover_spec_is_anothers(spec, &m.in, &m.plan), cases[i].anothers);
		done(&m);
	}
}

static void
test_worthless(void **state)
{
	json_auto_t *spec = spec_of("[]", OWNERS, UNSIGNED);
	json_auto_t *previous = spec_of("['node.id==w2']", OWNERS, UNSIGNED);

	(void) state;
	assert_true(mover_spec_is_worthless(spec, previous));
	assert_false(mover_spec_is_worthless(spec, NULL));
	(void) json_object_set_new(spec, "Mode", json_string("another")); /* deployed since */
	assert_false(mover_spec_is_worthless(spec, previous));
	(void) json_object_set_new(previous, "Mode", json_string("another")); /* while steered */
	assert_true(mover_spec_is_worthless(spec, previous));
}

static void
test_final(void **state)
{
	json_auto_t *spec = spec_of("[\"x==y\"]", STEERED, SIGNED);
	_cleanup_(freep) char *settled = NULL, *reverted = NULL;
	struct made m;

	(void) state;
	make(&m);
	(void) json_array_append_new(m.plan.keep, json_string("node.id!=keep"));
	assert_int_equal(mover_spec_final(spec, &m.in, &m.plan, false, &settled, NULL), 0);
	assert_string_equal(settled, "{\"Constraints\":[\"a==b\",\"node.id!=keep\"],\"Labels\":{},"
	                             "\"UpdateConfig\":" OWNERS "}");
	assert_int_equal(mover_spec_final(spec, &m.in, &m.plan, true, &reverted, NULL), 0);
	assert_string_equal(reverted, m.in.before);
	done(&m);
}

static void
test_is(void **state)
{
	json_auto_t *spec = spec_of("[\"a==b\"]", OWNERS, UNSIGNED), *list = json_array();
	json_auto_t *odd = load("{\"Name\":\"s\"}");
	uint64_t odd_hash;
	struct made m;

	(void) state;
	make(&m);
	assert_true(mover_spec_is(spec, m.in.before, m.in.rest_hash));
	assert_false(mover_spec_is(spec, m.in.before, m.in.rest_hash + 1));
	assert_false(mover_spec_is(spec, m.in.written, m.in.rest_hash));
	assert_false(mover_spec_is(list, m.in.before, m.in.rest_hash));
	assert_int_equal(spec_rest_hash(odd, &odd_hash, NULL), 0);
	assert_false(mover_spec_is(odd, m.in.before, odd_hash));
	done(&m);
}

static void
test_ours(void **state)
{
	static const struct {
		const char *constraints, *update, *labels;
		bool ours, with_previous;
	} cases[] = {
	    {"[\"a==b\"]", OWNERS, UNSIGNED, false, true}, /* nothing of ours stands there */
	    {"[\"x==y\"]", "{\"Parallelism\":9}", UNSIGNED, false, true},
	    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, SIGNED, true, true},
	    {"[\"x==y\",\"node.id!=aaaaaaaaaa\"]", OWNERS, UNSIGNED, true, true},
	    {"[\"a==b\"]", OWNERS, SIGNED, true, true},
	    /* Mangled labels are ours to take away. */
	    {"[\"a==b\",\"node.id!=aaaaaaaaaa\"]", STEERED, ANOTHERS, true, true},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = spec_of(cases[i].constraints, cases[i].update, cases[i].labels);
		struct made m;

		make(&m);
		if (mover_spec_ours(spec, &m.in, &m.plan, NULL) != cases[i].ours ||
		    mover_spec_ours(spec, &m.in, &m.plan, spec) != cases[i].with_previous)
			fail_msg("case %zu", i);
		done(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_label),
	    cmocka_unit_test(test_terms),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_standing),
	    cmocka_unit_test(test_standing_held),
	    cmocka_unit_test(test_standing_of_a_merge),
	    cmocka_unit_test(test_standing_of_damaged_rows),
	    cmocka_unit_test(test_standing_of_no_spec),
	    cmocka_unit_test(test_update_as_shown),
	    cmocka_unit_test(test_lists_as_shown),
	    cmocka_unit_test(test_edits),
	    cmocka_unit_test(test_edit_steer),
	    cmocka_unit_test(test_edit_yield),
	    cmocka_unit_test(test_edit_merge),
	    cmocka_unit_test(test_edits_refuse),
	    cmocka_unit_test(test_steered),
	    cmocka_unit_test(test_as_sent),
	    cmocka_unit_test(test_merge_without_terms),
	    cmocka_unit_test(test_yields),
	    cmocka_unit_test(test_yield_makes_anew),
	    cmocka_unit_test(test_anothers),
	    cmocka_unit_test(test_worthless),
	    cmocka_unit_test(test_final),
	    cmocka_unit_test(test_is),
	    cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
