/*
 * A mover whose effects run one at a time: what stands in the Swarm and what the change is about
 * are given, and the event that ends the effect is caught before the table sees it.
 */
#pragma once

#include "agent/mover_internal.h"
#include "test/unit/mover_world.h"

#include <errno.h>

#include "storage/journal.h"
#include "swarm/spec.h"

/* What stands in the Swarm. */
enum stands {
	AS_BEFORE,  /* never touched */
	CLEANED,    /* as before, and so is the previous one */
	STEERED,    /* our steering */
	BLOCKED,    /* a revert's first step */
	SETTLED,    /* the owner's, the previous one is ours */
	ELSE_IMAGE, /* steered, then a new image came */
	ELSE_TERMS, /* their constraints beside ours, our labels gone */
	ELSE_BLOCK, /* our block among their constraints, our labels gone */
	DEPLOYED,   /* steered, then deployed anew by its owner with a new image */
	ANOTHERS,   /* another plan's steering */
	SHAPELESS   /* no Placement at all */
};

struct effects {
	struct world x;
	struct mover *m;
	struct change *c;
};

static inline json_t *
edited(enum mover_edit edit, const json_t *spec, const struct change *c)
{
	json_t *doc = NULL;
	struct error err = {0};

	if (mover_spec_edit(edit, spec, &c->in, &c->plan, &doc, &err) < 0)
		fail_msg("%s", err.text);
	return doc;
}

static inline json_t *
constraints_of(json_t *spec)
{
	return json_object_get(json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
	                       "Constraints");
}

static inline void
set_image(json_t *spec)
{
	(void) json_object_set_new(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image",
	    json_string("web:2"));
}

static inline json_t *
without_labels(json_t *spec)
{
	json_t *labels = json_object_get(spec, "Labels");

	(void) json_object_del(labels, SPEC_LABEL_PLAN);
	(void) json_object_del(labels, SPEC_LABEL_BEFORE);
	return spec;
}

static inline void
put_stands(struct effects *e, enum stands stands)
{
	struct fake_swarm *f = &e->x.fake;
	json_t *steered = edited(EDIT_STEER, f->original, e->c), *spec = NULL;

	switch (stands) {
	case AS_BEFORE:
		json_decref(steered);
		return;
	case CLEANED:
		fake_write(f, json_deep_copy(f->original));
		json_decref(steered);
		return;
	case STEERED:
		fake_write(f, steered);
		return;
	case BLOCKED:
		spec = edited(EDIT_BLOCK, steered, e->c);
		break;
	case SETTLED:
		spec = edited(EDIT_SETTLE, steered, e->c);
		break;
	case ELSE_IMAGE:
		spec = json_deep_copy(steered);
		set_image(spec);
		break;
	case DEPLOYED:
		spec = json_deep_copy(f->original);
		set_image(spec);
		break;
	case ELSE_TERMS:
		fake_write(f, json_deep_copy(f->original));
		spec = without_labels(json_deep_copy(steered));
		(void) json_array_append_new(constraints_of(spec), json_string("a==b"));
		fake_write(f, json_deep_copy(spec));
		fake_write(f, spec);
		json_decref(steered);
		return;
	case ELSE_BLOCK:
		spec = without_labels(edited(EDIT_BLOCK, steered, e->c));
		(void) json_array_append_new(constraints_of(spec), json_string("a==b"));
		fake_write(f, json_deep_copy(spec));
		fake_write(f, spec);
		json_decref(steered);
		return;
	case ANOTHERS: /* begun at another time */
		e->c->in.deadline_wall_ms++;
		spec = edited(EDIT_STEER, f->original, e->c);
		e->c->in.deadline_wall_ms--;
		(void) json_object_set_new(json_object_get(spec, "Labels"), SPEC_LABEL_PLAN,
		                           json_string("another"));
		break;
	case SHAPELESS:
		spec = json_deep_copy(f->original);
		(void) json_object_del(json_object_get(spec, "TaskTemplate"), "Placement");
		break;
	}
	fake_write(f, steered);
	fake_write(f, spec);
}

/* A move of the one task from a to c, as it stands in the journal once it was steered. */
static inline void
make_change(struct effects *e, enum mover_state state, enum move_state journal)
{
	struct intent in = {.id = 1,
	                    .kind = MOVE_KIND_MOVE,
	                    .state = journal,
	                    .decision_id = 7,
	                    .service_name = (char *) "web",
	                    .from_name = (char *) "a",
	                    .to_name = (char *) "c",
	                    .created_wall_ms = wall_ms(),
	                    .deadline_wall_ms = wall_ms() + 60000};
	json_auto_t *steered = NULL;
	_cleanup_(freep) char *added = xasprintf("[\"node.id==%s\"]", fake_node_ids[2]);
	_cleanup_(freep) char *old = xasprintf("[\"%s\"]", e->x.fake.tasks[0].id);

	(void) str_copy(in.service_id, sizeof(in.service_id), fake_service_id);
	(void) str_copy(in.from_id, sizeof(in.from_id), fake_node_ids[0]);
	(void) str_copy(in.to_id, sizeof(in.to_id), fake_node_ids[2]);
	in.added = added;
	in.old_tasks = old;
	e->c = change_new();
	change_adopt(e->c, &in);
	e->c->plan.start_first = true;
	e->c->recovering = false;
	e->c->state = state;
	e->c->length_ms = 100;
	assert_int_equal(spec_owned_get(e->x.fake.original, &e->c->in.before, NULL), 0);
	assert_int_equal(spec_rest_hash(e->x.fake.original, &e->c->in.rest_hash, NULL), 0);
	steered = edited(EDIT_STEER, e->x.fake.original, e->c);
	assert_int_equal(spec_owned_get(steered, &e->c->in.written, NULL), 0);
	e->m->change = e->c;
}

/* An undo of such a move: the owner's a==b was taken away by it and shall come back. */
static inline void
make_undo(struct effects *e, enum mover_state state, enum move_state journal)
{
	json_auto_t *doc = NULL;

	make_change(e, state, journal);
	e->c->in.kind = MOVE_KIND_UNDO;
	e->c->in.from_id[0] = e->c->in.to_id[0] = '\0';
	free(e->c->from);
	free(e->c->to);
	e->c->from = e->c->to = NULL;
	free(e->c->in.added);
	e->c->in.added = xstrdup("[]");
	doc = json_loads(e->c->in.before, 0, NULL);
	(void) json_array_append_new(json_object_get(doc, "Constraints"), json_string("a==b"));
	free(e->c->in.written);
	e->c->in.written = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
}

/* An earlier run steered it; its row is the journal's first, but not counted yet. */
static inline void
steer_by_hand(struct world *x)
{
	struct effects e = {.m = x->mover};
	json_t *spec;

	e.x.fake.tasks[0] = x->fake.tasks[0];
	e.x.fake.original = x->fake.original;
	make_change(&e, MOVER_STEER, MOVE_STEERED);
	e.c->in.deadline_wall_ms = wall_ms() + 20; /* no task will get there */
	spec = edited(EDIT_STEER, x->fake.original, e.c);
	free(e.c->in.written);
	assert_int_equal(spec_owned_get(spec, &e.c->in.written, NULL), 0);
	fake_write(&x->fake, spec);
	journal_intent_copy(&e.c->in, &x->book.rows[0]);
	change_free(e.c);
	x->mover->change = NULL;
}

/* No event is delivered: it stays for the test to see. */
static inline void
effects_open(struct effects *e, enum mover_state state, enum move_state journal)
{
	memset(e, 0, sizeof(*e));
	world_open(&e->x, spec_full, (const uint32_t[]){0});
	e->m = e->x.mover;
	uv_close((uv_handle_t *) &e->m->soon, NULL);
	(void) uv_run(&e->x.loop, UV_RUN_NOWAIT);
	make_change(e, state, journal);
}

static inline void
effects_close(struct effects *e)
{
	if (e->m->change != NULL)
		change_free(take_ptr(e->m->change));
	(void) uv_timer_init(&e->x.loop, &e->m->soon);
	e->m->soon.data = e->m;
	world_close(&e->x);
}

static inline void
run_effect(struct effects *e)
{
	switch (mover_state_infos[e->c->state].effect) {
	case MOVER_EFFECT_CHECK:
		mover_effect_check(e->m);
		break;
	case MOVER_EFFECT_CONFIRM:
		mover_effect_confirm(e->m);
		break;
	case MOVER_EFFECT_LEAD:
		mover_effect_lead(e->m);
		break;
	case MOVER_EFFECT_WATCH_MOVE:
	case MOVER_EFFECT_WATCH_CALM:
	case MOVER_EFFECT_WATCH_UNWIND:
	case MOVER_EFFECT_WATCH_OTHER:
		mover_effect_watch(e->m);
		break;
	case MOVER_EFFECT_PROVE:
		mover_effect_prove(e->m);
		break;
	case MOVER_EFFECT_RECOVER:
		mover_effect_recover(e->m);
		break;
	default:
		mover_effect_post(e->m);
		break;
	}
}

static inline enum mover_event
event_of(struct effects *e)
{
	e->m->has_event = false;
	e->m->serial++;
	run_effect(e);
	while (!e->m->has_event)
		(void) uv_run(&e->x.loop, UV_RUN_ONCE);
	/* What ended it was the last that it waited for. */
	assert_null(e->m->tickets);
	assert_false(uv_is_active((uv_handle_t *) &e->m->timer));
	/* It may end only in what the table knows. */
	assert_true(mover_effect_gives(mover_state_infos[e->c->state].effect, e->m->event));
	return e->m->event;
}

#define expect(e, what, want, posts)                                                               \
	do {                                                                                       \
		enum mover_event got_ = event_of(e);                                               \
		if (got_ != MOVER_EVENT_##want || (e)->x.fake.n_applied != (posts))                \
			fail_msg("%s: %s after %u posts: %s", what, mover_event_names[got_].name,  \
			         (e)->x.fake.n_applied, (e)->c->err.text);                         \
	} while (0)

/* The one task: on the source, or new on the target, or none. */
enum tasks { T_OLD, T_LANDED, T_ASTRAY, T_FAILED, T_BOTH };

static inline void
put_tasks(struct fake_swarm *f, enum tasks tasks)
{
	struct fake_task *old = &f->tasks[0], *made = &f->tasks[1];

	if (tasks == T_OLD)
		return;
	*made = *old;
	(void) strcpy(made->id, "tasknewtttttttttttttttttt");
	made->old = false;
	made->node = tasks == T_ASTRAY ? 1 : 2;
	f->n_tasks = 2;
	if (tasks == T_FAILED) {
		made->state = TASK_FAILED;
		made->desired = TASK_SHUTDOWN;
		made->error = "exit 1";
	} else if (tasks != T_BOTH) {
		old->state = old->desired = TASK_SHUTDOWN;
	}
}
