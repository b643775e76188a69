/*
 * People at work while we move a service: each kind of change at each request that we send. Theirs
 * stands at the end, as if we had never been there, and nothing of ours is left.
 */
#include "test/unit/mover_world.h"

#include <stdio.h>

#include "storage/journal.h"
#include "swarm/spec.h"

/* Makes the change to a spec: to what stands there, and for comparison to the owner's own. */
typedef void change_fn(json_t *spec);

static json_t *
template_of(json_t *spec)
{
	return json_object_get(spec, "TaskTemplate");
}

static json_t *
list_of(json_t *spec)
{
	return json_object_get(json_object_get(template_of(spec), "Placement"), "Constraints");
}

static void
image(json_t *spec)
{
	(void) json_object_set_new(json_object_get(template_of(spec), "ContainerSpec"), "Image",
	                           json_string("web:2"));
}

static void
force(json_t *spec)
{
	(void) json_object_set_new(template_of(spec), "ForceUpdate", json_integer(1));
}

static void
scale(json_t *spec)
{
	(void) json_object_set_new(json_object_get(json_object_get(spec, "Mode"), "Replicated"),
	                           "Replicas", json_integer(2));
}

/* The client fills in the defaults where the service had no UpdateConfig. */
static json_t *
update_of(json_t *spec)
{
	if (!json_is_object(json_object_get(spec, "UpdateConfig")))
		(void) json_object_set_new(spec, "UpdateConfig",
		                           json_pack("{s:i, s:s, s:i, s:s}", "Parallelism", 1,
		                                     "FailureAction", "pause", "MaxFailureRatio", 0,
		                                     "Order", "stop-first"));
	return json_object_get(spec, "UpdateConfig");
}

static void
delay(json_t *spec)
{
	(void) json_object_set_new(update_of(spec), "Delay", json_integer(99));
}

static void
parallelism(json_t *spec)
{
	(void) json_object_set_new(update_of(spec), "Parallelism", json_integer(5));
}

static void
failure_action(json_t *spec)
{
	(void) json_object_set_new(update_of(spec), "FailureAction", json_string("continue"));
}

static void
ratio(json_t *spec)
{
	(void) json_object_set_new(update_of(spec), "MaxFailureRatio", json_real(0.5));
}

static void
no_update(json_t *spec)
{
	(void) json_object_del(spec, "UpdateConfig");
}

static void
add_constraint(json_t *spec)
{
	if (!json_is_array(list_of(spec)))
		(void) json_object_set_new(json_object_get(template_of(spec), "Placement"),
		                           "Constraints", json_array());
	(void) json_array_append_new(list_of(spec), json_string("node.labels.zone==x"));
}

static void
drop_constraint(json_t *spec)
{
	json_t *list = list_of(spec);

	for (size_t i = json_array_size(list); i-- > 0;)
		if (streq(json_string_value(json_array_get(list, i)), "node.role!=ingress"))
			(void) json_array_remove(list, i);
}

static json_t *
labels_of(json_t *spec)
{
	if (!json_is_object(json_object_get(spec, "Labels")))
		(void) json_object_set_new(spec, "Labels", json_object());
	return json_object_get(spec, "Labels");
}

static void
add_label(json_t *spec)
{
	(void) json_object_set_new(labels_of(spec), "team", json_string("x"));
}

/* Another tool, which knows of no labels but its own. */
static void
only_label(json_t *spec)
{
	(void) json_object_clear(labels_of(spec));
	add_label(spec);
}

static void
drop_our_labels(json_t *spec)
{
	(void) json_object_del(labels_of(spec), SPEC_LABEL_PLAN);
	(void) json_object_del(labels_of(spec), SPEC_LABEL_BEFORE);
}

static void
mangle(json_t *spec, const char *key)
{
	if (json_object_get(labels_of(spec), key) != NULL)
		(void) json_object_set_new(labels_of(spec), key, json_string("mangled"));
}

static void
mangle_plan(json_t *spec)
{
	mangle(spec, SPEC_LABEL_PLAN);
}

static void
mangle_before(json_t *spec)
{
	mangle(spec, SPEC_LABEL_BEFORE);
}

static void
several(json_t *spec)
{
	image(spec);
	scale(spec);
	delay(spec);
	add_constraint(spec);
	add_label(spec);
}

static void
nothing(json_t *spec)
{
	(void) spec;
}

enum manner {
	BY_UPDATE, /* docker service update: on what stands there */
	BY_DEPLOY, /* docker stack deploy: on the owner's own */
	PAUSES,    /* an update whose rollout is paused by Swarm */
	ROLLBACK,
	ROLLBACK_TWICE,
	DEPLOY_ROLLBACK,
};

static const struct person {
	const char *name;
	enum manner manner;
	change_fn *change;
} people[] = {
    {"new image", BY_UPDATE, image},
    {"forced update", BY_UPDATE, force},
    {"scale", BY_UPDATE, scale},
    {"update delay", BY_UPDATE, delay},
    {"update parallelism", BY_UPDATE, parallelism},
    {"update failure action", BY_UPDATE, failure_action},
    {"update failure ratio", BY_UPDATE, ratio},
    {"no update config", BY_UPDATE, no_update},
    {"another constraint", BY_UPDATE, add_constraint},
    {"a constraint less", BY_UPDATE, drop_constraint},
    {"another label", BY_UPDATE, add_label},
    {"only the tool's label", BY_UPDATE, only_label},
    {"our labels gone", BY_UPDATE, drop_our_labels},
    {"our plan mangled", BY_UPDATE, mangle_plan},
    {"our before mangled", BY_UPDATE, mangle_before},
    {"several at once", BY_UPDATE, several},
    {"the same again", BY_UPDATE, nothing},
    {"stack deploy", BY_DEPLOY, image},
    {"stack deploy of the same", BY_DEPLOY, nothing},
    {"stack deploy, other update config", BY_DEPLOY, parallelism},
    {"stack deploy, other constraints", BY_DEPLOY, add_constraint},
    {"an image that fails", PAUSES, image},
    {"rollback", ROLLBACK, nothing},
    {"rollback twice", ROLLBACK_TWICE, nothing},
    {"stack deploy and rollback", DEPLOY_ROLLBACK, image},
};

/* What the hook reads: it has the Swarm only. */
static struct {
	const struct person *who;
	unsigned at; /* the request before which it happens */
	bool done;   /* it happened */
} now;

static void
act(struct fake_swarm *f)
{
	json_t *spec = json_deep_copy(
	    now.who->manner == BY_DEPLOY || now.who->manner == DEPLOY_ROLLBACK ? f->original
	                                                                       : f->spec);

	now.done = true;
	switch (now.who->manner) {
	case ROLLBACK:
	case ROLLBACK_TWICE:
		json_decref(spec);
		now.done = fake_rollback(f);
		if (now.who->manner == ROLLBACK_TWICE)
			(void) fake_rollback(f);
		return;
	default:
		now.who->change(spec);
		fake_update(f, spec, now.who->manner == PAUSES);
		if (now.who->manner == DEPLOY_ROLLBACK)
			(void) fake_rollback(f);
		return;
	}
}

static void
on_request(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	(void) target;
	if (!now.done && f->n_requests == now.at)
		act(f);
}

/* Empty, null and absent are one to Swarm, and so are its defaults and nothing. */
static bool
is_nothing(const char *key, const json_t *v)
{
	if (json_is_array(v))
		return json_array_size(v) == 0;
	if (json_is_object(v))
		return json_object_size(v) == 0;
	if (json_is_number(v))
		return json_number_value(v) == 0;
	return v == NULL || json_is_null(v) ||
	       (streq(key, "FailureAction") && streq(json_string_value(v), "pause")) ||
	       (streq(key, "Order") && streq(json_string_value(v), "stop-first"));
}

static bool
same(const char *key, const json_t *a, const json_t *b)
{
	const char *name;
	json_t *value;

	if (!json_is_object(a) || !json_is_object(b))
		return json_equal(a, b) || (is_nothing(key, a) && is_nothing(key, b));
	json_object_foreach ((json_t *) a, name, value)
		if (!same(name, value, json_object_get(b, name)))
			return false;
	json_object_foreach ((json_t *) b, name, value)
		if (json_object_get(a, name) == NULL && !is_nothing(name, value))
			return false;
	return true;
}

static void
complain(const struct world *x, const json_t *want, const char *what)
{
	char *is = json_dumps(x->fake.spec, JSON_SORT_KEYS | JSON_COMPACT);
	char *should = json_dumps(want, JSON_SORT_KEYS | JSON_COMPACT);

	print_message("is     %s\nshould %s\n", is, should);
	free(is);
	free(should);
	fail_msg("%s, at request %u: %s; ended %s: %s (%s)", now.who->name, now.at, what,
	         move_state_names[x->state], x->text, x->book.trail);
}

static bool
has_ours(const json_t *spec)
{
	return spec_plan(spec) != NULL || spec_before(spec) != NULL || fake_has_term(spec);
}

static void
check(struct world *x)
{
	json_auto_t *want = json_deep_copy(x->fake.original);

	/* Rolled back is as before, whichever of our changes it undid. */
	if (now.done && now.who->manner <= PAUSES)
		now.who->change(want);
	drop_our_labels(want);
	if (has_ours(x->fake.spec))
		complain(x, want, "something of ours is left");
	if (!same("", want, x->fake.spec))
		complain(x, want, "it is not what they wanted");
	if (fake_running(&x->fake, FAKE_NODES) != x->fake.slots)
		complain(x, want, "a task does not run");
	for (size_t i = 0; i < x->book.n; i++)
		if (!journal_state_ended(x->book.rows[i].state))
			complain(x, want, "a row is open");
}

/* Who left it to a paused update takes it away when that has ended; so does a later rollback. */
static void
come_back(struct world *x)
{
	if (now.who->manner == PAUSES && now.done) {
		unsigned posts = x->fake.n_posts;

		world_recover(x);
		if (x->fake.n_posts != posts)
			complain(x, x->fake.original, "a paused update was resumed");
		x->fake.update_state = "completed";
	}
	world_recover(x);
}

static void
test_each(void **unused)
{
	static const char *const specs[] = {spec_full, spec_bare};
	unsigned n = 0;

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(people) * ARRAY_SIZE(specs); i++) {
		bool ended = false;

		now.who = &people[i % ARRAY_SIZE(people)];
		/* The plainest service has less to lose: every third request is enough. */
		for (now.at = 1; !ended; now.at += i < ARRAY_SIZE(people) ? 1 : 3, n++) {
			struct world x;

			world_open(&x, specs[i / ARRAY_SIZE(people)], (const uint32_t[]){0});
			if (specs[i / ARRAY_SIZE(people)] == spec_bare)
				x.traits = TRAIT_PLACEMENT | TRAIT_MAY_RESTART | TRAIT_HEALTHCHECK;
			x.options.deadline_ms = 200;
			x.options.poll_ms = 1;
			mover_set_options(x.mover, &x.options);
			now.done = false;
			x.fake.on_request = on_request;
			world_request(&x, &world_ask);
			ended = x.fake.n_requests < now.at;
			x.fake.on_request = NULL;
			if (x.state == MOVE_GAVE_UP)
				complain(&x, x.fake.original, "gave up");
			if (spec_plan(x.fake.spec) != NULL)
				come_back(&x);
			check(&x);
			world_close(&x);
		}
	}
	print_message("%u interleavings\n", n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
