/*
 * Each effect of the mover by itself: what stands in the Swarm, what the change is about, and the
 * event that it must end in; whether anything was sent. The table then says what follows.
 */
#include "test/unit/mover_effects.h"

/* ---- POST ---- */

static const struct post_case {
	enum mover_state state;
	enum move_state journal;
	enum stands stands;
	const char *update; /* UpdateStatus */
	enum mover_event event;
	unsigned posts;
	enum verdict verdict;
	const char *text;
} post_cases[] = {
#define P(state, journal, stands, event, posts)                                                    \
	{                                                                                          \
		MOVER_##state, MOVE_##journal, stands, NULL, MOVER_EVENT_##event, posts,           \
		    VERDICT_OK, NULL                                                               \
	}
    P(STEER, STEERED, AS_BEFORE, OK, 1),
    P(STEER, STEERED, CLEANED, OK, 1),
    P(STEER, STEERED, STEERED, OK, 0),
    P(STEER, STEERED, BLOCKED, FOREIGN, 0),
    P(STEER, STEERED, SETTLED, FOREIGN, 0),
    P(STEER, STEERED, ELSE_IMAGE, FOREIGN, 0),
    P(STEER, STEERED, ELSE_TERMS, FOREIGN, 0),
    P(STEER, STEERED, ANOTHERS, FOREIGN, 0),
    P(STEER, STEERED, SHAPELESS, FOREIGN, 0),
    {MOVER_STEER, MOVE_STEERED, AS_BEFORE, "updating", MOVER_EVENT_REFUSED, 0, VERDICT_UPDATE_OPEN,
     "someone else's update of 'web' is still running: nothing was sent"},
    {MOVER_STEER, MOVE_STEERED, AS_BEFORE, "paused", MOVER_EVENT_REFUSED, 0, VERDICT_UPDATE_PAUSED,
     "someone else's update of 'web' is paused: nothing was sent"},
    /* Rolled back to the owner's own: as before. */
    {MOVER_STEER, MOVE_STEERED, CLEANED, "rollback_completed", MOVER_EVENT_OK, 1, VERDICT_OK, NULL},
    P(SETTLE, VERIFIED, STEERED, OK, 1),
    P(SETTLE, VERIFIED, BLOCKED, OK, 1),
    P(SETTLE, VERIFIED, SETTLED, OK, 0),
    P(SETTLE, VERIFIED, AS_BEFORE, FOREIGN, 0),
    P(SETTLE, VERIFIED, ELSE_IMAGE, FOREIGN, 0),
    P(SETTLE, VERIFIED, ANOTHERS, FOREIGN, 0),
    P(SETTLE, VERIFIED, SHAPELESS, FOREIGN, 0),
    P(RESTORE, BLOCKED, STEERED, OK, 1),
    P(RESTORE, BLOCKED, BLOCKED, OK, 1),
    P(RESTORE, BLOCKED, SETTLED, OK, 0),
    P(RESTORE, BLOCKED, AS_BEFORE, FOREIGN, 0),
    P(RESTORE, BLOCKED, ELSE_TERMS, FOREIGN, 0),
    P(BLOCK, REVERTING, STEERED, OK, 1),
    P(BLOCK, REVERTING, BLOCKED, OK, 0),
    P(BLOCK, REVERTING, SETTLED, OK, 0),
    P(BLOCK, REVERTING, AS_BEFORE, FOREIGN, 0),
    P(BLOCK, REVERTING, ELSE_IMAGE, FOREIGN, 0),
    P(CLEAN, SETTLED, SETTLED, OK, 1),
    P(CLEAN, SETTLED, AS_BEFORE, OK, 0),
    P(CLEAN, SETTLED, CLEANED, OK, 0),
    P(CLEAN, SETTLED, STEERED, FOREIGN, 0),
    P(CLEAN, SETTLED, BLOCKED, FOREIGN, 0),
    P(CLEAN, SETTLED, ELSE_IMAGE, FOREIGN, 0),
    P(UNLABEL, BLOCKED, SETTLED, OK, 1),
    P(UNLABEL, BLOCKED, ELSE_TERMS, FOREIGN, 0),
    /* To yield takes away what is ours, whoever wrote. */
    P(YIELD, STEERED, STEERED, OK, 1),
    P(YIELD, STEERED, ELSE_IMAGE, OK, 1),
    P(YIELD, STEERED, ELSE_TERMS, OK, 1),
    P(YIELD, BLOCKED, ELSE_BLOCK, OK, 1),
    P(YIELD, STEERED, AS_BEFORE, NOTHING, 0),
    P(YIELD, STEERED, ELSE_BLOCK, OK, 1),
    P(YIELD, STEERED, ANOTHERS, NOTHING, 0),
    P(YIELD, STEERED, SHAPELESS, REFUSED, 0),
    {MOVER_YIELD, MOVE_STEERED, ELSE_IMAGE, "updating", MOVER_EVENT_FOREIGN, 0, VERDICT_OK,
     "someone else's update of 'web' is still running: our constraints go when it has ended"},
    {MOVER_YIELD, MOVE_STEERED, ELSE_IMAGE, "paused", MOVER_EVENT_FOREIGN, 0, VERDICT_OK,
     "is paused: our constraints go when it has ended"},
    {MOVER_YIELD, MOVE_STEERED, ELSE_TERMS, "updating", MOVER_EVENT_FOREIGN, 0, VERDICT_OK,
     "run forager release"},
    {MOVER_YIELD, MOVE_STEERED, ELSE_TERMS, "rollback_paused", MOVER_EVENT_FOREIGN, 0, VERDICT_OK,
     "is paused"},
    {MOVER_YIELD, MOVE_STEERED, CLEANED, "updating", MOVER_EVENT_NOTHING, 0, VERDICT_OK, NULL},
    /* The second one only where the previous spec is ours, and nobody's rollback needs it. */
    P(YIELD_CLEAN, STEERED, SETTLED, OK, 1),
    P(YIELD_CLEAN, STEERED, STEERED, FOREIGN, 0),
    P(YIELD_CLEAN, STEERED, ELSE_IMAGE, FOREIGN, 0),
    P(YIELD_CLEAN, STEERED, DEPLOYED, NOTHING, 0),
    P(YIELD_CLEAN, STEERED, ELSE_TERMS, NOTHING, 0),
    P(YIELD_CLEAN, STEERED, CLEANED, NOTHING, 0),
    P(YIELD_CLEAN, STEERED, ANOTHERS, NOTHING, 0),
    {MOVER_YIELD_CLEAN, MOVE_STEERED, SETTLED, "updating", MOVER_EVENT_NOTHING, 0, VERDICT_OK,
     NULL},
    {MOVER_YIELD_CLEAN, MOVE_STEERED, SETTLED, "paused", MOVER_EVENT_NOTHING, 0, VERDICT_OK, NULL},
#undef P
};

static void
test_posts(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(post_cases); i++) {
		const struct post_case *p = &post_cases[i];
		struct effects e;
		enum mover_event got;

		effects_open(&e, p->state, p->journal);
		put_stands(&e, p->stands);
		e.x.fake.update_state = p->update;
		e.x.fake.update_left = 1000;
		got = event_of(&e);
		if (got != p->event || e.x.fake.n_applied != p->posts ||
		    e.c->verdict != p->verdict ||
		    (p->text != NULL && strstr(e.c->err.text, p->text) == NULL))
			fail_msg("case %zu, %s: %s after %u posts, %s, %s", i,
			         mover_state_infos[p->state].name, mover_event_names[got].name,
			         e.x.fake.n_applied, verdict_infos[e.c->verdict].name,
			         e.c->err.text);
		assert_int_equal(e.c->changed, p->posts > 0 || (p->state == MOVER_STEER &&
		                                                got == MOVER_EVENT_OK));
		/* What was sent is what is noted as ours, in the form that the Swarm shows. */
		if (p->posts > 0) {
			_cleanup_(freep) char *owned = NULL;

			assert_int_equal(spec_owned_get(e.x.fake.spec, &owned, NULL), 0);
			assert_string_equal(e.c->in.written, owned);
			assert_true(e.c->wrote);
			assert_true(e.c->in.version_ours == e.x.fake.version ||
			            e.x.fake.n_tasks > 1);
		}
		effects_close(&e);
	}
}

static void
fill_in(struct fake_swarm *f, unsigned n)
{
	(void) n;
	(void) json_object_set_new(json_object_get(f->spec, "UpdateConfig"), "MaxFailureRatio",
	                           json_real(0.5));
}

static void
replace_previous(struct fake_swarm *f, unsigned n)
{
	(void) n;
	json_decref(f->previous);
	f->previous = json_pack("{s:s}", "Name", "web");
}

static void
write_between(struct fake_swarm *f, unsigned n)
{
	fill_in(f, n);
	replace_previous(f, n);
}

/*
 * What stands there after our POST is ours when it is what was sent, or when it replaced what ours
 * did: the engine fills in defaults. When neither holds, somebody has written in between.
 */
static void
test_read_back(void **unused)
{
	static const struct {
		void (*on_post)(struct fake_swarm *f, unsigned n);
		bool ours, filled;
	} cases[] = {
	    {fill_in, true, true}, {replace_previous, true, false}, {write_between, false, false}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;

		effects_open(&e, MOVER_STEER, MOVE_STEERED);
		e.x.fake.on_post = cases[i].on_post;
		expect(&e, "sent", OK, 1);
		assert_int_equal(e.c->wrote, cases[i].ours);
		assert_int_equal(strstr(e.c->in.written, "\"MaxFailureRatio\":0.5") != NULL,
		                 cases[i].filled);
		effects_close(&e);
	}
}

/* What stands after a yield: theirs, and nothing of ours. */
static void
test_yield_leaves_theirs(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_YIELD, MOVE_STEERED);
	put_stands(&e, ELSE_TERMS);
	expect(&e, "their terms", OK, 1);
	assert_false(fake_has_term(e.x.fake.spec));
	assert_int_equal(json_array_size(constraints_of(e.x.fake.spec)), 2);
	effects_close(&e);

	effects_open(&e, MOVER_YIELD, MOVE_STEERED);
	put_stands(&e, ELSE_IMAGE);
	expect(&e, "their image", OK, 1);
	assert_null(spec_plan(e.x.fake.spec));
	set_image(e.x.fake.original);
	assert_true(fake_spec_exact(&e.x.fake));
	effects_close(&e);

	/* It waits for a node under our own terms: it is helped at once. */
	effects_open(&e, MOVER_YIELD, MOVE_STEERED);
	put_stands(&e, ELSE_IMAGE);
	e.x.fake.update_state = "updating";
	e.x.fake.update_left = 1000;
	e.c->held_up = true;
	expect(&e, "held up", OK, 1);
	assert_false(fake_has_term(e.x.fake.spec));
	effects_close(&e);
}

static void
test_merge(void **unused)
{
	static const struct {
		const char *name, *update;
		bool done, shapeless;
		enum mover_event event;
		unsigned posts;
		enum verdict verdict;
	} cases[] = {
	    {"open", NULL, false, false, MOVER_EVENT_OK, 1, VERDICT_OK},
	    {"done", NULL, true, false, MOVER_EVENT_OK, 0, VERDICT_OK},
	    {"done, update open", "updating", true, false, MOVER_EVENT_OK, 0, VERDICT_OK},
	    {"update open", "updating", false, false, MOVER_EVENT_REFUSED, 0, VERDICT_UPDATE_OPEN},
	    {"update paused", "rollback_paused", false, false, MOVER_EVENT_REFUSED, 0,
	     VERDICT_UPDATE_PAUSED},
	    {"shapeless", NULL, false, true, MOVER_EVENT_REFUSED, 0, VERDICT_OK},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;

		effects_open(&e, MOVER_MERGE, MOVE_VERIFIED);
		change_free(e.c);
		make_undo(&e, MOVER_MERGE, MOVE_VERIFIED);
		if (cases[i].done)
			(void) json_array_append_new(constraints_of(e.x.fake.spec),
			                             json_string("a==b"));
		if (cases[i].shapeless)
			(void) json_object_del(json_object_get(e.x.fake.spec, "TaskTemplate"),
			                       "Placement");
		e.x.fake.update_state = cases[i].update;
		e.x.fake.update_left = 1000;
		if (event_of(&e) != cases[i].event || e.x.fake.n_applied != cases[i].posts ||
		    e.c->verdict != cases[i].verdict)
			fail_msg("%s: %s", cases[i].name, mover_event_names[e.m->event].name);
		if (cases[i].posts > 0)
			assert_int_equal(json_array_size(constraints_of(e.x.fake.spec)), 2);
		effects_close(&e);
	}
}

/* A rollback since the check brought the undone move's own terms back: they go all the same. */
static void
test_merge_takes_terms_away(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_MERGE, MOVE_VERIFIED);
	change_free(e.c);
	make_undo(&e, MOVER_MERGE, MOVE_VERIFIED);
	free(e.c->in.added);
	e.c->in.added = xstrdup("[\"node.id!=zz\"]");
	(void) json_array_append_new(constraints_of(e.x.fake.spec), json_string("node.id!=zz"));
	(void) json_array_append_new(constraints_of(e.x.fake.spec), json_string("theirs==1"));
	expect(&e, "rolled back", OK, 1);
	assert_false(fake_has_term(e.x.fake.spec));
	assert_int_equal(json_array_size(constraints_of(e.x.fake.spec)), 2); /* theirs */
	effects_close(&e);
}

/* The push after a merge: what was sent stands there, or the previous one is not ours to keep. */
static void
test_push(void **unused)
{
	struct effects e;

	(void) unused;
	for (int wrote = 0; wrote < 2; wrote++)
		for (int same = 0; same < 2; same++) {
			effects_open(&e, MOVER_PUSH, MOVE_SETTLED);
			change_free(e.c);
			make_undo(&e, MOVER_PUSH, MOVE_SETTLED);
			e.c->wrote = wrote;
			e.c->written_rest = e.c->in.rest_hash;
			if (same)
				(void) json_array_append_new(constraints_of(e.x.fake.spec),
				                             json_string("a==b"));
			if (wrote && same)
				expect(&e, "as sent", OK, 1);
			else
				expect(&e, "not as sent", NOTHING, 0);
			effects_close(&e);
		}
}

/* What was not signed by anybody is nobody's. */
static void
test_push_unsigned(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_PUSH, MOVE_SETTLED);
	change_free(e.c);
	make_undo(&e, MOVER_PUSH, MOVE_SETTLED);
	free(e.c->plan.label);
	e.c->plan.label = NULL;
	expect(&e, "no label at all", NOTHING, 0);
	effects_close(&e);
}

/* A steering without a term cannot be written. */
static void
test_steer_without_terms(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	(void) json_array_clear(e.c->plan.add);
	expect(&e, "no terms", REFUSED, 0);
	assert_non_null(strstr(e.c->err.text, "has no term to steer by"));
	effects_close(&e);
}

/* Held up by their own doing, not by our label: it is theirs to wait for. */
static void
test_yield_unsigned_waits(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_YIELD, MOVE_STEERED);
	put_stands(&e, ELSE_TERMS);
	e.x.fake.update_state = "updating";
	e.x.fake.update_left = 1000;
	e.c->held_up = true;
	expect(&e, "our labels are gone", FOREIGN, 0);
	effects_close(&e);
}

/*
 * Theirs is paused over a task that our terms had put on the target: it is helped where that costs
 * no copy, whatever comes of the update that goes on.
 */
static void
test_yield_paused(void **unused)
{
	static const struct {
		const char *name, *order, *failure, *update;
		enum tasks tasks;
		enum stands stands;
		bool gone, helped; /* gone: the old task ended, too */
	} cases[] = {
	    {"start-first", "start-first", "pause", "paused", T_FAILED, ELSE_IMAGE, false, true},
	    {"stop-first", "stop-first", "pause", "paused", T_FAILED, ELSE_IMAGE, false, false},
	    {"no copy", "stop-first", "continue", "paused", T_FAILED, ELSE_IMAGE, true, true},
	    {"other", "start-first", "pause", "paused", T_OLD, ELSE_IMAGE, false, false},
	    {"a rollback", "start-first", "pause", "rollback_paused", T_FAILED, ELSE_IMAGE, false,
	     true},
	    {"rolled back when it fails", "start-first", "rollback", "paused", T_FAILED, ELSE_IMAGE,
	     true, false},
	    {"no labels", "start-first", "pause", "paused", T_FAILED, ELSE_TERMS, false, false},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;
		json_t *update;

		effects_open(&e, MOVER_YIELD_WAIT, MOVE_REVERTING);
		update = json_object_get(e.x.fake.original, "UpdateConfig");
		(void) json_object_set_new(update, "Order", json_string(cases[i].order));
		(void) json_object_set_new(update, "FailureAction", json_string(cases[i].failure));
		free(e.c->in.before);
		assert_int_equal(spec_owned_get(e.x.fake.original, &e.c->in.before, NULL), 0);
		put_stands(&e, cases[i].stands);
		put_tasks(&e.x.fake, cases[i].tasks);
		if (cases[i].gone)
			e.x.fake.tasks[0].state = e.x.fake.tasks[0].desired = TASK_SHUTDOWN;
		e.x.fake.update_state = cases[i].update;
		e.x.fake.update_left = 1000;
		expect(&e, cases[i].name, OK, 0);
		e.c->state = MOVER_YIELD;
		if (cases[i].helped) {
			expect(&e, cases[i].name, OK, 1);
			assert_false(fake_has_term(e.x.fake.spec));
			assert_null(spec_plan(e.x.fake.spec));
		} else {
			expect(&e, cases[i].name, FOREIGN, 0);
			assert_non_null(strstr(e.c->err.text, "run forager release"));
		}
		effects_close(&e);
	}
}

/* What people do to a node, against what was noted first; a node that was not there is met later.
 */
static void
test_premise(void **unused)
{
	static struct docker_label more[] = {{"x", "1"}}, other[] = {{"x", "2"}};
	static const struct docker_node node = {.id = "f", .labels = {more, 1}};
	static const struct {
		const char *name;
		struct docker_node then;
		bool removed;
		const char *text;
	} cases[] = {
	    {"A", {.id = "f", .labels = {more, 1}, .version = 7}, false, NULL},
	    {"A", {.id = "f", .labels = {other, 1}}, false, "the labels of node 'A' were changed"},
	    {"A", {.id = "f"}, false, "the labels of node 'A' were changed"},
	    {NULL,
	     {.id = "f", .labels = {more, 1}, .availability = DOCKER_PAUSE},
	     false,
	     "node 'f' was set to pause"},
	    {"A", {.id = "f"}, true, "node 'A' was removed"},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct docker_node first = node, then = cases[i].then;
		struct docker_nodes at = {.items = &first, .n = 0};
		struct change *c = change_new();
		struct error why = {.code = -ETIMEDOUT, .text = "late"};

		c->in.from_name = xstrdup(cases[i].name);
		(void) str_copy(c->in.from_id, sizeof(c->in.from_id), "f");
		mover_note_premise(c, &at); /* not there yet */
		at.n = 1;
		mover_note_premise(c, &at);
		assert_null(c->disturbed);
		at = (struct docker_nodes){.items = &then, .n = !cases[i].removed};
		mover_note_premise(c, &at);
		assert_true(streq(c->disturbed, cases[i].text));
		at = (struct docker_nodes){.items = &first, .n = 1};
		mover_note_premise(c, &at); /* the first thing is told, also when it is over */
		assert_true(streq(c->disturbed, cases[i].text));
		mover_tell_premise(c, &why);
		assert_int_equal(why.code, -ETIMEDOUT);
		if (cases[i].text == NULL)
			assert_string_equal(why.text, "late");
		else
			assert_string_equal(strstr(why.text, cases[i].text), cases[i].text);
		change_free(c);
	}
}

/* Somebody's update whose one task finds no node under our terms. */
static void
put_pending(struct effects *e)
{
	struct fake_task *t = &e->x.fake.tasks[0];

	put_stands(e, ELSE_IMAGE);
	t->state = TASK_PENDING;
	t->node = FAKE_NODES;
	t->error = "no suitable node (scheduling constraints)";
	e->x.fake.update_state = "updating";
	e->x.fake.update_left = 1000;
}

/* No node for a task of theirs: after a while it is helped, unless one is found. */
static void
test_held_up(void **unused)
{
	struct effects e;

	(void) unused;
	for (int i = 0; i < 3; i++) {
		bool found = i == 1, longer = i == 2;
		int64_t begun;

		effects_open(&e, MOVER_YIELD_WAIT, MOVE_STEERED);
		put_pending(&e);
		e.c->length_ms = 1000; /* a loaded machine may sleep through 60 */
		if (longer) {          /* five seconds are enough, however long it may take */
			e.c->length_ms = 60000;
			e.c->held_up_since_ms = 1;
		}
		if (found) {
			e.c->held_up = true;
			e.c->held_up_since_ms = 1;
			e.x.fake.tasks[0].state = TASK_RUNNING;
			e.x.fake.tasks[0].node = 0;
			e.x.fake.tasks[0].error = "";
			e.x.fake.update_state = "completed";
		}
		begun = mono_ms();
		expect(&e, "held up", OK, 0);
		assert_int_equal(e.c->held_up, !found);
		if (!found) /* half of the wait's time, or five seconds */
			assert_true(mono_ms() - begun >= MIN(e.c->length_ms / 2, 5000));
		assert_true((e.c->held_up_since_ms != 0) == !found);
		effects_close(&e);
	}
}

/* What an earlier wait found is no reason to help now: nobody has looked yet. */
static void
test_held_up_anew(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_YIELD_WAIT, MOVE_STEERED);
	put_stands(&e, ELSE_IMAGE);
	e.c->held_up = true;
	e.c->held_up_since_ms = 1;
	e.c->length_ms = 0;
	e.x.fake.broken = "/nodes";
	e.x.fake.broken_left = 1000;
	expect(&e, "silent", STUCK, 0);
	assert_false(e.c->held_up);
	assert_true(e.c->held_up_since_ms == 0);
	effects_close(&e);
}

struct waiting {
	struct effects e;
	unsigned n_looks;
	int64_t lost_ms; /* when the node that was found was lost again */
};

/* A task waits for a node for up to a second; on_request may change what is seen. */
static void
wait_for_a_node(struct waiting *w, const char *name,
                void (*on_request)(struct fake_swarm *f, const char *method, const char *target))
{
	effects_open(&w->e, MOVER_YIELD_WAIT, MOVE_STEERED);
	put_pending(&w->e);
	w->e.c->length_ms = 1000;
	w->e.x.fake.data = w;
	w->e.x.fake.on_request = on_request;
	expect(&w->e, name, OK, 0);
}

static void
held_for_a_while(struct fake_swarm *f, const char *method, const char *target)
{
	struct waiting *w = f->data;

	(void) method;
	(void) target;
	w->e.c->held_up_since_ms = mono_ms() - 700;
}

/* Of a short wait half is enough: what is left is time to help in. */
static void
test_held_up_half_way(void **unused)
{
	struct waiting w = {0};

	(void) unused;
	wait_for_a_node(&w, "700 ms of 1000", held_for_a_while);
	assert_true(w.e.c->held_up);
	effects_close(&w.e);
}

static void
find_and_lose(struct fake_swarm *f, const char *method, const char *target)
{
	struct waiting *w = f->data;
	struct fake_task *t = &f->tasks[0];

	(void) method;
	if (strstr(target, "/tasks") == NULL)
		return;
	w->n_looks++;
	if (w->n_looks == 2) { /* it has waited for long by now, and finds one */
		w->e.c->held_up_since_ms = 1;
		t->state = TASK_PREPARING;
		t->node = 0;
	} else if (w->n_looks == 3) {
		t->state = TASK_PENDING;
		t->node = FAKE_NODES;
		w->lost_ms = mono_ms();
		w->e.c->deadline_mono = w->lost_ms + 60000; /* a loaded machine may be slow */
	}
}

/* A node found and lost again: the wait for one begins anew. */
static void
test_held_up_again(void **unused)
{
	struct waiting w = {0};

	(void) unused;
	wait_for_a_node(&w, "lost again", find_and_lose);
	assert_true(w.lost_ms > 0 && mono_ms() - w.lost_ms >= 500);
	effects_close(&w.e);
}

static void
test_post_answers(void **unused)
{
	static const struct {
		const char *name;
		enum mover_state state;
		enum move_state journal;
		enum stands stands;
		enum fake_fault fault;
		unsigned times;
		enum mover_event event;
		unsigned posts;
		bool changed;
		const char *text;
	} cases[] = {
	    {"refused", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_REFUSE, 1, MOVER_EVENT_REFUSED,
	     0, false, "does not like it"},
	    {"forbidden", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_FORBID, 1,
	     MOVER_EVENT_REFUSED, 0, false, "forbids"},
	    /* Once steered, what must be taken back is tried again. */
	    {"forbidden once", MOVER_SETTLE, MOVE_VERIFIED, STEERED, FAULT_FORBID, 1,
	     MOVER_EVENT_OK, 1, true, NULL},
	    {"forbidden for ever", MOVER_SETTLE, MOVE_VERIFIED, STEERED, FAULT_FORBID, 9,
	     MOVER_EVENT_STUCK, 0, false, "gave up after 5 tries: "},
	    {"refused later", MOVER_SETTLE, MOVE_VERIFIED, STEERED, FAULT_REFUSE, 1,
	     MOVER_EVENT_REFUSED, 0, false, "does not like it"},
	    {"lost", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_LOSE, 1, MOVER_EVENT_OK, 1, true,
	     NULL},
	    {"dropped", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_DROP, 4, MOVER_EVENT_OK, 1,
	     true, NULL},
	    {"dropped for ever", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_DROP, 9,
	     MOVER_EVENT_STUCK, 0, true, "gave up after 5 tries: "},
	    {"conflicts", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_CONFLICT, 4, MOVER_EVENT_OK,
	     1, true, NULL},
	    {"conflicts for ever", MOVER_STEER, MOVE_STEERED, AS_BEFORE, FAULT_CONFLICT, 9,
	     MOVER_EVENT_STUCK, 0, false, "gave up after 5 tries: "},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;

		effects_open(&e, cases[i].state, cases[i].journal);
		put_stands(&e, cases[i].stands);
		for (unsigned k = 0; k < cases[i].times; k++)
			e.x.fake.faults[k] = cases[i].fault;
		if (event_of(&e) != cases[i].event || e.x.fake.n_applied != cases[i].posts ||
		    e.c->changed != cases[i].changed ||
		    (cases[i].text != NULL && strstr(e.c->err.text, cases[i].text) == NULL))
			fail_msg("%s: %s after %u of %u posts: %s", cases[i].name,
			         mover_event_names[e.m->event].name, e.x.fake.n_applied,
			         e.x.fake.n_posts, e.c->err.text);
		/* When nothing comes back, libcurl itself may send it once more on a new
		 * connection. */
		if (cases[i].fault != FAULT_LOSE && cases[i].fault != FAULT_DROP)
			assert_int_equal(e.x.fake.n_posts, cases[i].times > 5 ? 5
			                                   : cases[i].event == MOVER_EVENT_REFUSED
			                                       ? 1
			                                       : cases[i].times + 1);
		effects_close(&e);
	}
}

static void
break_list(struct fake_swarm *f, const char *method, const char *target)
{
	const char *end = strstr(target, "/services");

	(void) method;
	f->broken = end != NULL && end[strlen("/services")] != '/' ? "/services" : NULL;
	f->broken_left = 1;
}

/* What was read before the POST fails, or the service is gone. */
static void
test_readings(void **unused)
{
	static const enum mover_state states[] = {MOVER_STEER, MOVER_SETTLE,  MOVER_YIELD,
	                                          MOVER_PROVE, MOVER_RECOVER, MOVER_CONFIRM,
	                                          MOVER_VERIFY};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct effects e;
		bool post = mover_effect_posts(mover_state_infos[states[i]].effect);

		effects_open(&e, states[i], MOVE_STEERED);
		e.x.fake.removed = true;
		expect(&e, "removed", GONE, 0);
		effects_close(&e);

		effects_open(&e, states[i], MOVE_STEERED);
		e.c->length_ms = 0;
		e.x.fake.broken = "/services/";
		e.x.fake.broken_left = 100;
		expect(&e, "silent", STUCK, 0);
		if (post)
			assert_int_equal(e.x.fake.broken_left, 95);
		effects_close(&e);

		/* Not found, and then the list that would say so fails, too: that is silence. */
		effects_open(&e, states[i], MOVE_STEERED);
		e.c->length_ms = 0;
		e.x.fake.removed = true;
		e.x.fake.on_request = break_list;
		expect(&e, "all silent", STUCK, 0);
		if (states[i] != MOVER_PROVE) /* which has a reason to tell already */
			assert_non_null(strstr(e.c->err.text, "the fake is broken"));
		effects_close(&e);
	}
}

static void
reappear(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (strstr(target, "/services") != NULL && strstr(target, "/services/") == NULL)
		f->removed = false;
}

/* Not found, but the list has it: an engine in trouble, no removal. */
static void
test_not_found_but_listed(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_PROVE, MOVE_SETTLED);
	e.x.fake.removed = true;
	e.x.fake.on_request = reappear;
	expect(&e, "listed", STUCK, 0);
	effects_close(&e);

	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	e.c->length_ms = 0;
	e.x.fake.removed = true;
	e.x.fake.on_request = reappear;
	expect(&e, "listed", STUCK, 0);
	assert_string_equal(e.c->err.text, "the service was not found, and then it was");
	effects_close(&e);

	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.x.fake.removed = true;
	e.x.fake.on_request = reappear;
	expect(&e, "listed, then found", OK, 1);
	effects_close(&e);
}

/* ---- who may ---- */

static void
test_posts_need_the_lead(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.x.fake.follower = true;
	expect(&e, "a follower", UNLED, 0);
	assert_int_equal(e.c->verdict, VERDICT_NOT_LEADER);
	effects_close(&e);

	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.x.fake.broken = "/nodes";
	e.x.fake.broken_left = 1;
	expect(&e, "the nodes after a while", OK, 1);
	effects_close(&e);

	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.x.fake.broken = "/info";
	e.x.fake.broken_left = 100;
	expect(&e, "nobody says who we are", STUCK, 0);
	assert_non_null(strstr(e.c->err.text, "gave up after 5 tries"));
	effects_close(&e);

	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.x.fake.lease_down = true;
	expect(&e, "no lease to be had", STUCK, 0);
	effects_close(&e);

	/* What changed on a node since the check: no reason to go on before the first POST. */
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	e.c->from_version = e.c->to_version = e.x.fake.node_version;
	expect(&e, "nodes as seen", OK, 1);
	effects_close(&e);
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	e.c->from_version = e.x.fake.node_version - 1;
	expect(&e, "the source moved on", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_NODE_CHANGED);
	effects_close(&e);
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	e.c->to_version = e.x.fake.node_version - 1;
	expect(&e, "the target moved on", REFUSED, 0);
	effects_close(&e);
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	e.c->from_version = e.x.fake.node_version;
	(void) str_copy(e.c->in.from_id, sizeof(e.c->in.from_id), "nowhere");
	expect(&e, "the source is gone", REFUSED, 0);
	effects_close(&e);
	effects_open(&e, MOVER_STEER, MOVE_STEERED);
	e.c->to_version = e.x.fake.node_version - 1;
	e.c->changed = true; /* an answer was lost: it may stand there already */
	expect(&e, "perhaps steered", OK, 1);
	effects_close(&e);
	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	e.c->to_version = e.x.fake.node_version - 1;
	expect(&e, "later it does not matter", OK, 1);
	effects_close(&e);
}

static void
test_lead(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_LEAD, MOVE_PLANNED);
	expect(&e, "leads", OK, 0);
	assert_non_null(e.x.fake.lease);
	assert_true(keeper_held(e.m->keeper));
	/* Whoever leads now shall not have to wait for the lease's end. */
	e.x.fake.follower = true;
	expect(&e, "leads no more", REFUSED, 0);
	assert_false(keeper_held(e.m->keeper));
	effects_close(&e);

	effects_open(&e, MOVER_LEAD, MOVE_PLANNED);
	e.x.fake.follower = true;
	expect(&e, "follows", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_NOT_LEADER);
	effects_close(&e);

	effects_open(&e, MOVER_LEAD, MOVE_PLANNED);
	e.x.fake.broken = "/nodes";
	e.x.fake.broken_left = 1;
	expect(&e, "silence", STUCK, 0);
	assert_int_equal(e.c->verdict, VERDICT_PARTIAL);
	effects_close(&e);

	effects_open(&e, MOVER_LEAD, MOVE_PLANNED);
	(void) str_copy(e.m->self, sizeof(e.m->self), "another-node");
	expect(&e, "our node is not listed", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_NOT_LEADER);
	/* Not asked yet, whatever was known to an earlier change. */
	e.m->self[0] = '\0';
	assert_true(mover_leads(e.m, &(struct docker_nodes){.n = 0}));
	effects_close(&e);
}

static void
test_confirm(void **unused)
{
	static const struct {
		const char *name;
		enum stands stands;
		const char *update, *broken;
		int drained; /* node + 1 */
		enum mover_event event;
		enum verdict verdict;
	} cases[] = {
	    {"as checked", AS_BEFORE, NULL, NULL, 0, MOVER_EVENT_OK, VERDICT_OK},
	    {"another", ELSE_TERMS, NULL, NULL, 0, MOVER_EVENT_FOREIGN, VERDICT_DEPLOY_QUIET},
	    {"steered", STEERED, NULL, NULL, 0, MOVER_EVENT_FOREIGN, VERDICT_DEPLOY_QUIET},
	    {"shapeless", SHAPELESS, NULL, NULL, 0, MOVER_EVENT_FOREIGN, VERDICT_DEPLOY_QUIET},
	    {"updating", AS_BEFORE, "updating", NULL, 0, MOVER_EVENT_REFUSED, VERDICT_UPDATE_OPEN},
	    {"paused", AS_BEFORE, "paused", NULL, 0, MOVER_EVENT_REFUSED, VERDICT_UPDATE_PAUSED},
	    {"source drained", AS_BEFORE, NULL, NULL, 1, MOVER_EVENT_REFUSED,
	     VERDICT_SOURCE_UNUSABLE},
	    {"target drained", AS_BEFORE, NULL, NULL, 3, MOVER_EVENT_REFUSED,
	     VERDICT_TARGET_UNUSABLE},
	    {"no nodes", AS_BEFORE, NULL, "/nodes", 0, MOVER_EVENT_STUCK, VERDICT_PARTIAL},
	    {"no tasks", AS_BEFORE, NULL, "/tasks", 0, MOVER_EVENT_STUCK, VERDICT_PARTIAL},
	    {"no info", AS_BEFORE, NULL, "/info", 0, MOVER_EVENT_STUCK, VERDICT_PARTIAL},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;

		effects_open(&e, MOVER_CONFIRM, MOVE_PLANNED);
		put_stands(&e, cases[i].stands);
		put_tasks(&e.x.fake, T_FAILED); /* long ago */
		e.x.fake.update_state = cases[i].update;
		e.x.fake.update_left = 1000;
		e.x.fake.broken = cases[i].broken;
		e.x.fake.broken_left = 1;
		if (cases[i].drained > 0)
			e.x.fake.drained[cases[i].drained - 1] = true;
		if (event_of(&e) != cases[i].event || e.c->verdict != cases[i].verdict)
			fail_msg("%s: %s, %s", cases[i].name, mover_event_names[e.m->event].name,
			         verdict_infos[e.c->verdict].name);
		/* Every task that there is now is none of the move's. */
		if (cases[i].event == MOVER_EVENT_OK) {
			assert_int_equal(e.c->n_known, 2);
			assert_string_equal(e.c->known[0], e.x.fake.tasks[0].id);
			assert_string_equal(e.c->known[1], e.x.fake.tasks[1].id);
			assert_true(e.c->in.version_before == e.x.fake.version);
		}
		effects_close(&e);
	}
	struct effects e;

	effects_open(&e, MOVER_CONFIRM, MOVE_PLANNED);
	(void) str_copy(e.c->in.to_id, sizeof(e.c->in.to_id), "nowhere");
	expect(&e, "target gone", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_TARGET_UNUSABLE);
	effects_close(&e);
	effects_open(&e, MOVER_CONFIRM, MOVE_PLANNED);
	e.x.fake.lost[2] = true;
	expect(&e, "target down", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_TARGET_UNUSABLE);
	effects_close(&e);
	effects_open(&e, MOVER_CONFIRM, MOVE_PLANNED);
	e.c->to_version = 4;
	expect(&e, "target changed", REFUSED, 0);
	assert_int_equal(e.c->verdict, VERDICT_NODE_CHANGED);
	effects_close(&e);
}

/* ---- waits ---- */

static const struct watch_case {
	const char *name;
	enum mover_state state;
	enum move_state journal;
	enum stands stands;
	enum tasks tasks;
	const char *update, *broken;
	bool stopping, follower;
	enum mover_event event;
	const char *text;
} watch_cases[] = {
    {"landed", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, NULL, false, false,
     MOVER_EVENT_OK, ""},
    {"astray", MOVER_VERIFY, MOVE_STEERED, STEERED, T_ASTRAY, NULL, NULL, false, false,
     MOVER_EVENT_ASTRAY, "instead"},
    {"failed", MOVER_VERIFY, MOVE_STEERED, STEERED, T_FAILED, NULL, NULL, false, false,
     MOVER_EVENT_FAILING, "exit 1"},
    {"never", MOVER_VERIFY, MOVE_STEERED, STEERED, T_OLD, NULL, NULL, false, false,
     MOVER_EVENT_DEADLINE, "not there within 0 s"},
    {"rolled back to ours", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, "rollback_completed",
     NULL, false, false, MOVER_EVENT_FOREIGN, ""},
    {"stopping", MOVER_VERIFY, MOVE_STEERED, STEERED, T_OLD, NULL, NULL, true, false,
     MOVER_EVENT_STOP, "stopped before it had landed"},
    {"stopping, landed", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, NULL, true, false,
     MOVER_EVENT_OK, ""},
    {"theirs", MOVER_VERIFY, MOVE_STEERED, ELSE_IMAGE, T_OLD, NULL, NULL, false, false,
     MOVER_EVENT_FOREIGN, ""},
    {"settled by another", MOVER_VERIFY, MOVE_STEERED, SETTLED, T_LANDED, NULL, NULL, false, false,
     MOVER_EVENT_FOREIGN, ""},
    {"shapeless", MOVER_VERIFY, MOVE_STEERED, SHAPELESS, T_OLD, NULL, NULL, false, false,
     MOVER_EVENT_FOREIGN, "Placement"},
    {"a follower now", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, NULL, false, true,
     MOVER_EVENT_UNLED, "leader"},
    {"no nodes", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, "/nodes", false, false,
     MOVER_EVENT_STUCK, "broken"},
    {"no tasks", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, "/tasks", false, false,
     MOVER_EVENT_STUCK, "broken"},
    {"silence while stopping", MOVER_VERIFY, MOVE_STEERED, STEERED, T_LANDED, NULL, "/tasks", true,
     false, MOVER_EVENT_STOP, "stopped before it had landed"},
    {"calm", MOVER_CALM, MOVE_VERIFIED, STEERED, T_LANDED, "completed", NULL, false, false,
     MOVER_EVENT_OK, ""},
    {"calm while stopping", MOVER_CALM, MOVE_VERIFIED, STEERED, T_LANDED, "completed", NULL, true,
     false, MOVER_EVENT_OK, ""},
    {"not calm", MOVER_CALM, MOVE_VERIFIED, STEERED, T_LANDED, "updating", NULL, true, false,
     MOVER_EVENT_DEADLINE, "not there within"},
    {"paused", MOVER_CALM, MOVE_VERIFIED, STEERED, T_LANDED, "paused", NULL, false, false,
     MOVER_EVENT_FAILING, "Swarm paused"},
    {"blocked by whom", MOVER_CALM, MOVE_VERIFIED, BLOCKED, T_LANDED, NULL, NULL, false, false,
     MOVER_EVENT_FOREIGN, ""},
    {"unwound", MOVER_UNWIND, MOVE_BLOCKED, BLOCKED, T_OLD, "completed", NULL, false, false,
     MOVER_EVENT_OK, ""},
    {"unwound as steered", MOVER_UNWIND, MOVE_BLOCKED, STEERED, T_OLD, "completed", NULL, false,
     false, MOVER_EVENT_OK, ""},
    {"unwound as settled", MOVER_UNWIND, MOVE_BLOCKED, SETTLED, T_OLD, "completed", NULL, false,
     false, MOVER_EVENT_OK, ""},
    {"unwinding theirs", MOVER_UNWIND, MOVE_BLOCKED, ELSE_TERMS, T_OLD, "completed", NULL, false,
     false, MOVER_EVENT_FOREIGN, ""},
    {"unwinding what was cleaned", MOVER_UNWIND, MOVE_BLOCKED, CLEANED, T_OLD, "completed", NULL,
     false, false, MOVER_EVENT_FOREIGN, ""},
    {"two in the slot", MOVER_UNWIND, MOVE_BLOCKED, BLOCKED, T_BOTH, "completed", NULL, false,
     false, MOVER_EVENT_DEADLINE, ""},
    {"unwinding, silence", MOVER_UNWIND, MOVE_BLOCKED, BLOCKED, T_OLD, "completed", "/nodes", true,
     false, MOVER_EVENT_STUCK, "broken"},
    {"theirs ended", MOVER_YIELD_WAIT, MOVE_STEERED, ELSE_IMAGE, T_OLD, "completed", NULL, false,
     false, MOVER_EVENT_OK, ""},
    {"theirs lasts", MOVER_YIELD_WAIT, MOVE_STEERED, ELSE_IMAGE, T_OLD, "updating", NULL, false,
     false, MOVER_EVENT_DEADLINE, "not there within"},
    {"theirs lasts, stopping", MOVER_YIELD_WAIT, MOVE_STEERED, ELSE_IMAGE, T_OLD, "updating", NULL,
     true, false, MOVER_EVENT_STOP, "stopped"},
    {"back, Swarm is at it", MOVER_RESTORED, MOVE_BLOCKED, SETTLED, T_OLD, "updating", NULL, false,
     false, MOVER_EVENT_DEADLINE, ""},
    {"back, stopping", MOVER_RESTORED, MOVE_BLOCKED, SETTLED, T_OLD, "updating", NULL, true, false,
     MOVER_EVENT_STOP, ""},
    {"back, calm", MOVER_RESTORED, MOVE_BLOCKED, SETTLED, T_OLD, "completed", NULL, false, false,
     MOVER_EVENT_OK, ""},
    {"back, but it fails here, too", MOVER_RESTORED, MOVE_BLOCKED, SETTLED, T_FAILED, "paused",
     NULL, false, false, MOVER_EVENT_OK, ""},
    {"ours is gone, stopping", MOVER_YIELD_CALM, MOVE_STEERED, DEPLOYED, T_OLD, "updating", NULL,
     true, false, MOVER_EVENT_STOP, ""},
    {"ours is gone, theirs lasts", MOVER_YIELD_CALM, MOVE_STEERED, DEPLOYED, T_OLD, "updating",
     NULL, false, false, MOVER_EVENT_DEADLINE, ""},
    {"ours is gone, theirs ended", MOVER_YIELD_CALM, MOVE_STEERED, DEPLOYED, T_OLD, "completed",
     NULL, false, false, MOVER_EVENT_OK, ""},
    {"ours is gone, theirs is paused", MOVER_YIELD_CALM, MOVE_STEERED, DEPLOYED, T_FAILED, "paused",
     NULL, false, false, MOVER_EVENT_OK, ""},
};

static void
test_watches(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(watch_cases); i++) {
		const struct watch_case *w = &watch_cases[i];
		struct effects e;
		enum mover_event got;

		effects_open(&e, w->state, w->journal);
		put_stands(&e, w->stands);
		put_tasks(&e.x.fake, w->tasks);
		e.c->length_ms =
		    w->event == MOVER_EVENT_DEADLINE || w->event == MOVER_EVENT_STUCK ? 20 : 5000;
		e.x.fake.update_state = w->update;
		e.x.fake.update_left = 1000;
		e.x.fake.broken = w->broken;
		e.x.fake.broken_left = 1000000;
		e.x.fake.follower = w->follower;
		(void) str_copy(e.m->self, sizeof(e.m->self), fake_node_ids[0]);
		e.m->stopping = w->stopping;
		got = event_of(&e);
		e.m->stopping = false;
		if (got != w->event || (w->text[0] == '\0') != (e.c->err.code == 0) ||
		    strstr(e.c->err.text, w->text) == NULL)
			fail_msg("%s: %s: %s", w->name, mover_event_names[got].name, e.c->err.text);
		assert_int_equal(e.c->verdict, w->follower ? VERDICT_NOT_LEADER : VERDICT_OK);
		assert_int_equal(e.x.fake.n_posts, 0);
		effects_close(&e);
	}
}

/* It says so twice in a row before the revert goes on; a doubt in between begins anew. */
static unsigned services_read;

static void
doubt_once(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	if (strstr(target, "/services/") == NULL)
		return;
	services_read++;
	f->n_tasks = services_read == 2 ? 2 : 1;
}

static void
test_unwind_is_steady(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_UNWIND, MOVE_BLOCKED);
	put_stands(&e, BLOCKED);
	put_tasks(&e.x.fake, T_BOTH);
	services_read = 0;
	e.c->steady = 1; /* of an earlier wait: that counts for nothing */
	e.c->length_ms = 5000;
	e.x.fake.on_request = doubt_once;
	expect(&e, "doubted once", OK, 0);
	assert_int_equal(services_read, 4);
	effects_close(&e);
}

/* What was told as a reason stays; a later one does not take its place. */
static void
test_first_reason_stays(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	put_stands(&e, STEERED);
	put_tasks(&e.x.fake, T_FAILED);
	(void) error_set(&e.c->err, EIO, "first");
	expect(&e, "failed", FAILING, 0);
	assert_string_equal(e.c->err.text, "first");
	effects_close(&e);

	effects_open(&e, MOVER_SETTLE, MOVE_VERIFIED);
	put_stands(&e, STEERED);
	(void) error_set(&e.c->err, EIO, "first");
	e.x.fake.faults[0] = FAULT_REFUSE;
	expect(&e, "refused", REFUSED, 0);
	assert_string_equal(e.c->err.text, "first");
	effects_close(&e);
}

/* What an earlier run began has the rest of its own time only. */
static void
test_rest_of_the_time(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	put_stands(&e, STEERED);
	e.c->recovering = true;
	e.c->length_ms = 3600000;
	e.c->in.deadline_wall_ms = wall_ms() - 1;
	expect(&e, "over", DEADLINE, 0);
	assert_string_equal(e.c->err.text, "not there within 3600 s");
	effects_close(&e);

	effects_open(&e, MOVER_VERIFY, MOVE_STEERED);
	put_stands(&e, STEERED);
	e.c->recovering = true;
	e.c->length_ms = 10; /* whatever the clock says, never more than its length */
	e.c->in.deadline_wall_ms = wall_ms() + 3600000;
	expect(&e, "bounded", DEADLINE, 0);
	effects_close(&e);

	/* Other waits have their whole time. */
	effects_open(&e, MOVER_UNWIND, MOVE_BLOCKED);
	put_stands(&e, BLOCKED);
	e.x.fake.update_state = "updating";
	e.x.fake.update_left = 3;
	e.c->recovering = true;
	e.c->length_ms = 5000;
	e.c->in.deadline_wall_ms = wall_ms() - 1;
	expect(&e, "unwound", OK, 0);
	effects_close(&e);
}

/* ---- PROVE ---- */

static void
test_prove(void **unused)
{
	static const struct {
		enum mover_state state;
		enum move_state journal;
		enum stands stands;
		bool hold;
		enum mover_event event;
	} cases[] = {
	    {MOVER_PROVE, MOVE_SETTLED, CLEANED, false, MOVER_EVENT_OK},
	    {MOVER_PROVE, MOVE_SETTLED, SETTLED, false, MOVER_EVENT_OK},
	    {MOVER_PROVE, MOVE_SETTLED, STEERED, false, MOVER_EVENT_FOREIGN},
	    {MOVER_PROVE, MOVE_SETTLED, ELSE_IMAGE, false, MOVER_EVENT_FOREIGN},
	    {MOVER_PROVE, MOVE_SETTLED, SHAPELESS, false, MOVER_EVENT_FOREIGN},
	    /* Terms that are kept belong to a move that was done, not to one that was taken back.
	     */
	    {MOVER_PROVE, MOVE_SETTLED, CLEANED, true, MOVER_EVENT_FOREIGN},
	    {MOVER_PROVE, MOVE_SETTLED, SETTLED, true, MOVER_EVENT_OK},
	    {MOVER_PROVE_BACK, MOVE_BLOCKED, CLEANED, true, MOVER_EVENT_OK},
	    {MOVER_PROVE_BACK, MOVE_BLOCKED, SETTLED, true, MOVER_EVENT_FOREIGN},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;

		effects_open(&e, cases[i].state, cases[i].journal);
		if (cases[i].hold)
			(void) json_array_append_new(e.c->plan.keep, json_string("node.id!=bad"));
		put_stands(&e, cases[i].stands);
		if (event_of(&e) != cases[i].event)
			fail_msg("case %zu: %s", i, mover_event_names[e.m->event].name);
		if (cases[i].event == MOVER_EVENT_OK)
			assert_true(e.c->in.version_ours == e.x.fake.version);
		else
			assert_string_equal(e.c->err.text, "someone else changed 'web' while our "
			                                   "labels were taken away");
		effects_close(&e);
	}
}

static void
test_prove_merge(void **unused)
{
	struct effects e;

	(void) unused;
	for (int wrote = 0; wrote < 2; wrote++)
		for (int rest = 0; rest < 2; rest++) {
			effects_open(&e, MOVER_PROVE, MOVE_SETTLED);
			change_free(e.c);
			make_undo(&e, MOVER_PROVE, MOVE_SETTLED);
			(void) json_array_append_new(constraints_of(e.x.fake.spec),
			                             json_string("a==b"));
			e.c->wrote = wrote;
			e.c->written_rest = e.c->in.rest_hash;
			if (rest) /* the rest is another than that of the one that counts */
				*(wrote ? &e.c->written_rest : &e.c->in.rest_hash) += 1;
			if (rest)
				expect(&e, "another", FOREIGN, 0);
			else
				expect(&e, "as written", OK, 0);
			effects_close(&e);
		}
}

/* ---- RECOVER ---- */

static const struct recover_case {
	enum move_state journal;
	enum stands stands;
	enum tasks tasks;
	enum mover_event event;
	bool asks; /* for the lease, before it goes on */
} recover_cases[] = {
#define R(journal, stands, tasks, event, asks)                                                     \
	{                                                                                          \
		MOVE_##journal, stands, tasks, MOVER_EVENT_##event, asks                           \
	}
    R(PLANNED, AS_BEFORE, T_OLD, FOUND_BEFORE, false),
    R(PLANNED, STEERED, T_OLD, FOUND_STEERED, true),
    R(PLANNED, ELSE_TERMS, T_OLD, FOUND_BEFORE, false),
    R(STEERED, STEERED, T_OLD, FOUND_STEERED, true),
    R(STEERED, STEERED, T_LANDED, FOUND_STEERED, true),
    R(STEERED, AS_BEFORE, T_OLD, FOUND_BEFORE, false),
    R(STEERED, AS_BEFORE, T_LANDED, FOUND_CLEAN, false),
    R(STEERED, SETTLED, T_OLD, FOUND_RESTORED, true),
    R(STEERED, SETTLED, T_LANDED, FOUND_SETTLED, true),
    R(STEERED, BLOCKED, T_OLD, FOUND_BLOCKED, true),
    R(STEERED, ELSE_IMAGE, T_OLD, FOREIGN, true),
    R(STEERED, ELSE_TERMS, T_OLD, FOREIGN, true),
    R(STEERED, ANOTHERS, T_OLD, FOREIGN, false),
    R(VERIFIED, STEERED, T_LANDED, FOUND_STEERED, true),
    R(VERIFIED, AS_BEFORE, T_OLD, FOUND_CLEAN, false),
    R(VERIFIED, SETTLED, T_OLD, FOUND_SETTLED, true),
    R(SETTLED, CLEANED, T_OLD, FOUND_CLEAN, false),
    R(SETTLED, SETTLED, T_OLD, FOUND_SETTLED, true),
    R(REVERTING, STEERED, T_OLD, FAILING, true),
    R(REVERTING, BLOCKED, T_OLD, FOUND_BLOCKED, true),
    R(REVERTING, AS_BEFORE, T_LANDED, FOUND_BEFORE, false),
    R(REVERTING, SETTLED, T_LANDED, FOUND_RESTORED, true),
    R(BLOCKED, STEERED, T_OLD, FOUND_BLOCKED, true),
    R(BLOCKED, BLOCKED, T_OLD, FOUND_BLOCKED, true),
    R(BLOCKED, SETTLED, T_LANDED, FOUND_RESTORED, true),
    R(BLOCKED, CLEANED, T_LANDED, FOUND_BEFORE, false),
    R(STEERED, SHAPELESS, T_OLD, FOREIGN, true),
#undef R
};

static void
test_recovers(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(recover_cases); i++) {
		const struct recover_case *r = &recover_cases[i];
		struct effects e;

		effects_open(&e, MOVER_RECOVER, r->journal);
		put_stands(&e, r->stands);
		put_tasks(&e.x.fake, r->tasks);
		if (event_of(&e) != r->event || (e.x.fake.lease != NULL) != r->asks)
			fail_msg("case %zu (%s): %s, %s the lease: %s", i,
			         move_state_names[r->journal], mover_event_names[e.m->event].name,
			         e.x.fake.lease != NULL ? "with" : "without", e.c->err.text);
		assert_true(e.c->recovering);
		assert_int_equal(e.x.fake.n_posts, 0);
		if (r->stands == SHAPELESS) /* why it cannot be ours */
			assert_non_null(strstr(e.c->err.text, "Placement"));
		effects_close(&e);
	}
}

static void
test_recover_merge(void **unused)
{
	struct effects e;

	(void) unused;
	effects_open(&e, MOVER_RECOVER, MOVE_PLANNED);
	change_free(e.c);
	make_undo(&e, MOVER_RECOVER, MOVE_PLANNED);
	expect(&e, "never sent", FOUND_BEFORE, 0);
	assert_false(e.c->changed);
	assert_null(e.x.fake.lease);
	effects_close(&e);

	effects_open(&e, MOVER_RECOVER, MOVE_VERIFIED);
	change_free(e.c);
	make_undo(&e, MOVER_RECOVER, MOVE_VERIFIED);
	expect(&e, "perhaps sent", MERGE, 0);
	assert_true(e.c->changed);
	assert_non_null(e.x.fake.lease);
	effects_close(&e);
}

static void
test_recover_needs_the_lead(void **unused)
{
	static const struct {
		const char *name, *broken;
		bool follower, lease_down;
		enum mover_event event;
		enum verdict verdict;
	} cases[] = {
	    {"leads", NULL, false, false, MOVER_EVENT_FOUND_STEERED, VERDICT_OK},
	    {"follows", NULL, true, false, MOVER_EVENT_UNLED, VERDICT_NOT_LEADER},
	    {"no lease", NULL, false, true, MOVER_EVENT_STUCK, VERDICT_PARTIAL},
	    {"no nodes", "/nodes", false, false, MOVER_EVENT_STUCK, VERDICT_OK},
	    {"no tasks", "/tasks", false, false, MOVER_EVENT_STUCK, VERDICT_OK},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		size_t k = i / 2;
		struct effects e;

		effects_open(&e, MOVER_RECOVER, MOVE_STEERED);
		put_stands(&e, STEERED);
		if (i % 2 == 1)
			(void) error_set(&e.c->err, EIO, "first");
		e.x.fake.follower = cases[k].follower;
		e.x.fake.lease_down = cases[k].lease_down;
		e.x.fake.broken = cases[k].broken;
		e.x.fake.broken_left = 1;
		if (event_of(&e) != cases[k].event || e.c->verdict != cases[k].verdict)
			fail_msg("%s: %s, %s", cases[k].name, mover_event_names[e.m->event].name,
			         verdict_infos[e.c->verdict].name);
		if (cases[k].event != MOVER_EVENT_FOUND_STEERED)
			assert_true(e.c->err.code != 0);
		else
			assert_string_equal(e.c->err.text, i % 2 == 1 ? "first" : "");
		effects_close(&e);
	}
}

/* What the steering took away (settle = hold) is told by the label alone. */
static void
test_recover_recalls_dropped(void **unused)
{
	static const struct {
		const char *before;
		size_t n;
	} cases[] = {{"[\"node.id!=held\"]", 1}, {NULL, 0}, {"broken", 0}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct effects e;
		json_t *spec;

		effects_open(&e, MOVER_RECOVER, MOVE_STEERED);
		(void) json_array_append_new(constraints_of(e.x.fake.original),
		                             json_string("node.id!=held"));
		(void) json_array_append_new(e.c->plan.drop, json_string("node.id!=held"));
		put_stands(&e, STEERED);
		(void) json_array_clear(e.c->plan.drop);
		spec = json_object_get(e.x.fake.spec, "Labels");
		if (cases[i].before == NULL)
			(void) json_object_del(spec, SPEC_LABEL_BEFORE);
		else if (cases[i].n == 0)
			(void) json_object_set_new(spec, SPEC_LABEL_BEFORE,
			                           json_string(cases[i].before));
		/* However often it is taken up. */
		(void) event_of(&e);
		(void) event_of(&e);
		assert_int_equal(json_array_size(e.c->plan.drop), cases[i].n);
		if (cases[i].n > 0)
			assert_string_equal(json_string_value(json_array_get(e.c->plan.drop, 0)),
			                    "node.id!=held");
		effects_close(&e);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_posts),
	    cmocka_unit_test(test_read_back),
	    cmocka_unit_test(test_yield_leaves_theirs),
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_merge_takes_terms_away),
	    cmocka_unit_test(test_push),
	    cmocka_unit_test(test_push_unsigned),
	    cmocka_unit_test(test_steer_without_terms),
	    cmocka_unit_test(test_yield_unsigned_waits),
	    cmocka_unit_test(test_yield_paused),
	    cmocka_unit_test(test_premise),
	    cmocka_unit_test(test_held_up),
	    cmocka_unit_test(test_held_up_anew),
	    cmocka_unit_test(test_held_up_half_way),
	    cmocka_unit_test(test_held_up_again),
	    cmocka_unit_test(test_post_answers),
	    cmocka_unit_test(test_readings),
	    cmocka_unit_test(test_not_found_but_listed),
	    cmocka_unit_test(test_posts_need_the_lead),
	    cmocka_unit_test(test_lead),
	    cmocka_unit_test(test_confirm),
	    cmocka_unit_test(test_watches),
	    cmocka_unit_test(test_unwind_is_steady),
	    cmocka_unit_test(test_first_reason_stays),
	    cmocka_unit_test(test_rest_of_the_time),
	    cmocka_unit_test(test_prove),
	    cmocka_unit_test(test_prove_merge),
	    cmocka_unit_test(test_recovers),
	    cmocka_unit_test(test_recover_merge),
	    cmocka_unit_test(test_recover_needs_the_lead),
	    cmocka_unit_test(test_recover_recalls_dropped),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
