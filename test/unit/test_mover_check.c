/*
 * CHECK and FINISH of the mover: which change may begin and what is planned for it, and what is
 * told at its end.
 */
#include "test/unit/mover_effects.h"

#include "swarm/constraint.h"

/* What the eyes see, as a test has changed it. */
struct seen {
	struct snapshot s;
	struct snap_node nodes[4];
	struct snap_service services[3]; /* nobody may look at the last */
	struct snap_task tasks[4];
	struct snap_image images[4];
	struct constraint constraints[2];
};

struct check {
	struct effects e;
	struct seen seen;
	bool blind;
	unsigned n_looks, older_for; /* the first so many looks see an older version */
	mover_seen_cb *cb;
	void *ctx;
};

static void
on_later(uv_timer_t *timer)
{
	struct check *k = timer->data;
	struct error err = {0};
	uint64_t version = k->e.x.fake.version;

	if (k->blind) {
		(void) error_set(&err, ETIMEDOUT, "nothing to be seen");
		k->cb(k->ctx, NULL, &err);
		return;
	}
	k->seen.services[1].version = version - (k->n_looks <= k->older_for);
	k->cb(k->ctx, &k->seen.s, NULL);
}

static void
look(void *data, const char *service, const char *from, const char *to, mover_seen_cb *cb,
     void *ctx)
{
	struct check *k = data;

	assert_string_equal(service, k->e.c->service);
	assert_true(streq(from, k->e.c->from) && streq(to, k->e.c->to));
	k->n_looks++;
	k->cb = cb;
	k->ctx = ctx;
	k->e.x.later.data = k;
	(void) uv_timer_start(&k->e.x.later, on_later, 0, 0);
}

/* "web" is the second service, one task of it runs on a; the first one is nobody's. */
static void
see(struct check *k)
{
	struct seen *s = &k->seen;

	s->s = (struct snapshot){.nodes = s->nodes,
	                         .services = s->services,
	                         .tasks = s->tasks,
	                         .images = s->images,
	                         .n_nodes = 3,
	                         .n_services = 2,
	                         .n_tasks = 1,
	                         .n_images = 3};
	for (uint32_t i = 0; i < 4; i++) {
		s->nodes[i] = (struct snap_node){.id = fake_node_ids[i],
		                                 .hostname = fake_node_names[i],
		                                 .version = 5,
		                                 .attrs = {.role = "worker"},
		                                 .capacity = {4000000000, 8000000000},
		                                 .flags = NODE_READY | NODE_ACTIVE};
		s->images[i] = (struct snap_image){i, "web:1", true};
	}
	s->services[0] = (struct snap_service){.id = "other", .name = "other"};
	s->services[2] = (struct snap_service){.id = "nothing", .name = "nothing"};
	s->services[1] = (struct snap_service){.id = fake_service_id,
	                                       .name = "web",
	                                       .image = "web:1",
	                                       .replicas = 1,
	                                       .n_tasks = 1,
	                                       .act = ACT_AUTO,
	                                       .traits = TRAIT_PLACEMENT | TRAIT_START_FIRST,
	                                       .foreign_ms = INT64_MAX};
	s->tasks[0] = (struct snap_task){.id = k->e.x.fake.tasks[0].id,
	                                 .service = 1,
	                                 .slot = 1,
	                                 .state = TASK_RUNNING,
	                                 .desired = TASK_RUNNING};
	s->nodes[0].n_tasks = 1;
}

/* As mover_start makes it: nothing is known but what was asked for. */
static void
check_open(struct check *k, enum move_kind kind)
{
	struct change *c;

	memset(k, 0, sizeof(*k));
	effects_open(&k->e, MOVER_CHECK, MOVE_PLANNED);
	change_free(k->e.c);
	c = k->e.c = k->e.m->change = change_new();
	c->state = MOVER_CHECK;
	c->kind = c->in.kind = kind;
	c->in.created_wall_ms = wall_ms();
	c->service = xstrdup("web");
	if (kind == MOVE_KIND_MOVE) {
		c->from = xstrdup("a");
		c->to = xstrdup("c");
	}
	k->e.m->eyes = (struct mover_eyes){.data = k, .look = look};
	see(k);
}

static void
check_close(struct check *k)
{
	k->e.x.later.data = &k->e.x;
	effects_close(&k->e);
}

#define checked(k, what, want, v)                                                                  \
	do {                                                                                       \
		enum mover_event got_ = event_of(&(k)->e);                                         \
		if (got_ != MOVER_EVENT_##want || (k)->e.c->verdict != VERDICT_##v ||              \
		    (k)->e.x.fake.n_posts != 0)                                                    \
			fail_msg("%s: %s, %s: %s", what, mover_event_names[got_].name,             \
			         verdict_infos[(k)->e.c->verdict].name, (k)->e.c->err.text);       \
	} while (0)

static void
set(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

/* ---- a move ---- */

static void
test_plan(void **unused)
{
	struct check k;
	_cleanup_(freep) char *added = xasprintf("[\"node.id==%s\"]", fake_node_ids[2]);
	_cleanup_(freep) char *before = NULL, *old = NULL;
	uint64_t rest;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.e.m->options.deadline_ms = 5000;
	checked(&k, "a move", OK, OK);
	assert_string_equal(k.e.c->in.service_id, fake_service_id);
	assert_string_equal(k.e.c->in.service_name, "web");
	assert_string_equal(k.e.c->in.from_id, fake_node_ids[0]);
	assert_string_equal(k.e.c->in.from_name, "a");
	assert_string_equal(k.e.c->in.to_id, fake_node_ids[2]);
	assert_string_equal(k.e.c->in.to_name, "c");
	assert_string_equal(k.e.c->in.added, added);
	old = xasprintf("[\"%s\"]", k.e.x.fake.tasks[0].id);
	assert_string_equal(k.e.c->in.old_tasks, old);
	assert_int_equal(spec_owned_get(k.e.x.fake.spec, &before, NULL), 0);
	assert_string_equal(k.e.c->in.before, before);
	assert_int_equal(spec_rest_hash(k.e.x.fake.spec, &rest, NULL), 0);
	assert_true(k.e.c->in.rest_hash == rest);
	assert_true(k.e.c->in.version_before == k.e.x.fake.version);
	assert_non_null(strstr(k.e.c->in.written, added + 1));
	assert_true(k.e.c->length_ms == 5000);
	assert_true(k.e.c->in.deadline_wall_ms > wall_ms() + 4000 &&
	            k.e.c->in.deadline_wall_ms <= wall_ms() + 5000);
	assert_true(k.e.c->from_version == 5 && k.e.c->to_version == 5);
	assert_true(k.e.c->plan.start_first);
	assert_int_equal(json_array_size(k.e.c->plan.drop), 0);
	assert_int_equal(k.n_looks, 1);
	check_close(&k);
}

/* An id counts before a name, and a host name only when it is one node's. */
static void
test_names(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.seen.services[0].name = fake_service_id;
	set(&k.e.c->service, fake_service_id);
	set(&k.e.c->from, fake_node_ids[0]);
	set(&k.e.c->to, fake_node_ids[2]);
	k.seen.nodes[1].hostname = fake_node_ids[2];
	checked(&k, "by ids", OK, OK);
	assert_string_equal(k.e.c->in.service_name, "web");
	assert_string_equal(k.e.c->in.to_name, "c");
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	set(&k.e.c->service, "nothing");
	checked(&k, "no service", GONE, OK);
	assert_non_null(strstr(k.e.c->err.text, "no service is called 'nothing'"));
	assert_string_equal(k.e.c->in.service_id, "");
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	set(&k.e.c->from, "x");
	set(&k.e.c->to, "y");
	checked(&k, "no node", GONE, OK);
	assert_non_null(strstr(k.e.c->err.text, "is called 'x'"));
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	k.seen.nodes[0].hostname = k.seen.nodes[2].hostname = "twin";
	set(&k.e.c->from, "b");
	set(&k.e.c->to, "twin");
	checked(&k, "two of the name", GONE, OK);
	assert_non_null(strstr(k.e.c->err.text, "is called 'twin'"));
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	k.seen.nodes[2].hostname = "twin";
	k.seen.nodes[3].hostname = "twin"; /* not one of the three */
	set(&k.e.c->to, "twin");
	checked(&k, "the only one of the name", OK, OK);
	check_close(&k);
}

static const struct rule_case {
	const char *name;
	enum move_kind kind;
	bool person, force, paused;
	enum act_mode mode, act;
	uint32_t traits;
	enum verdict verdict;
} rules[] = {
#define ALL (TRAIT_PLACEMENT | TRAIT_START_FIRST)
    {"policy", MOVE_KIND_MOVE, false, false, false, ACT_AUTO, ACT_AUTO, ALL, VERDICT_OK},
    {"the service recommends", MOVE_KIND_MOVE, false, false, false, ACT_AUTO, ACT_RECOMMEND, ALL,
     VERDICT_OBSERVE_ONLY},
    {"the cluster recommends", MOVE_KIND_MOVE, false, false, false, ACT_RECOMMEND, ACT_AUTO, ALL,
     VERDICT_OBSERVE_ONLY},
    {"a person", MOVE_KIND_MOVE, true, false, false, ACT_OBSERVE, ACT_RECOMMEND, ALL, VERDICT_OK},
    {"a person, observed", MOVE_KIND_MOVE, true, false, false, ACT_AUTO, ACT_OBSERVE, ALL,
     VERDICT_OK},
    {"a person, not opted in", MOVE_KIND_MOVE, true, false, false, ACT_AUTO, ACT_NONE, ALL,
     VERDICT_NOT_OPTED_IN},
    {"a person who insists", MOVE_KIND_MOVE, true, true, false, ACT_AUTO, ACT_NONE, ALL,
     VERDICT_OK},
    {"a policy cannot insist", MOVE_KIND_MOVE, false, true, false, ACT_AUTO, ACT_NONE, ALL,
     VERDICT_NOT_OPTED_IN},
    {"paused", MOVE_KIND_MOVE, true, true, true, ACT_AUTO, ACT_AUTO, ALL, VERDICT_PAUSED},
    {"paused, but an undo", MOVE_KIND_UNDO, true, false, true, ACT_AUTO, ACT_AUTO, ALL, VERDICT_OK},
    {"pinned", MOVE_KIND_MOVE, true, true, false, ACT_AUTO, ACT_AUTO, ALL | TRAIT_PINNED,
     VERDICT_PINNED},
};

static void
test_rules(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct check k;

		check_open(&k, MOVE_KIND_MOVE);
		k.e.c->kind = rules[i].kind;
		k.e.c->person = rules[i].person;
		k.e.c->force = rules[i].force;
		k.e.m->options.paused = rules[i].paused;
		k.e.m->options.mode = rules[i].mode;
		k.seen.services[1].act = rules[i].act;
		k.seen.services[1].traits = rules[i].traits;
		if (event_of(&k.e) !=
		        (rules[i].verdict == VERDICT_OK ? MOVER_EVENT_OK : MOVER_EVENT_REFUSED) ||
		    k.e.c->verdict != rules[i].verdict)
			fail_msg("%s: %s", rules[i].name, verdict_infos[k.e.c->verdict].name);
		if (rules[i].verdict != VERDICT_OK)
			assert_string_equal(k.e.c->err.text, verdict_infos[rules[i].verdict].text);
		check_close(&k);
	}
}

static void
test_blind(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.blind = true;
	checked(&k, "blind", STUCK, PARTIAL);
	assert_string_equal(k.e.c->err.text, "nothing to be seen");
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	k.blind = true;
	(void) error_set(&k.e.c->err, EIO, "first");
	checked(&k, "blind", STUCK, PARTIAL);
	assert_string_equal(k.e.c->err.text, "first");
	check_close(&k);
}

/* A service that changes while it is checked is looked at three times. */
static void
test_version(void **unused)
{
	struct check k;

	(void) unused;
	for (unsigned older = 0; older <= 3; older++) {
		check_open(&k, MOVE_KIND_MOVE);
		k.older_for = older;
		if (older < 3)
			checked(&k, "seen in time", OK, OK);
		else
			checked(&k, "not seen", REFUSED, DEPLOY_QUIET);
		assert_int_equal(k.n_looks, older < 3 ? older + 1 : 3);
		check_close(&k);
	}
}

/* Beyond what 64 bits hold: not to be written back exactly, so not to be touched. */
static const char huge[] =
    "{\"ID\":\"service1sssssssssssssssss\",\"Version\":{\"Index\":101},\"Spec\":{\"Name\":\"web\","
    "\"TaskTemplate\":{\"Placement\":{},\"ForceUpdate\":99999999999999999999},"
    "\"Mode\":{\"Replicated\":{\"Replicas\":1}}}}";

static void
test_service(void **unused)
{
	static const enum move_kind kinds[] = {MOVE_KIND_MOVE, MOVE_KIND_RELEASE};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct check k;

		check_open(&k, kinds[i]);
		k.e.x.fake.removed = true;
		checked(&k, "removed", GONE, PARTIAL);
		check_close(&k);
		check_open(&k, kinds[i]);
		k.e.x.fake.broken = "/services/";
		k.e.x.fake.broken_left = 1;
		checked(&k, "silent", STUCK, PARTIAL);
		assert_int_equal(k.n_looks, 1); /* the end: not looked at again */
		check_close(&k);
		check_open(&k, kinds[i]);
		k.e.x.fake.service_text = huge;
		if (kinds[i] == MOVE_KIND_MOVE)
			checked(&k, "huge", REFUSED, UNDECODABLE);
		else
			checked(&k, "huge", STUCK, UNDECODABLE);
		check_close(&k);
	}
}

/* What the journal knows was there: nothing is left of it when its id is gone, too. */
static void
test_undone_service(void **unused)
{
	static const enum move_kind kinds[] = {MOVE_KIND_MOVE, MOVE_KIND_UNDO};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) { /* a move back, an undo */
		struct check k;

		for (int seen = 0; seen < 2; seen++) {
			check_open(&k, kinds[i]);
			(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
			k.e.x.fake.removed = true;
			if (!seen)
				set(&k.e.c->service, "gone");
			checked(&k, "removed", NOTHING, OK);
			assert_true(k.e.c->removed);
			assert_int_equal(k.e.c->err.code, 0);
			assert_string_equal(k.e.c->in.service_id, fake_service_id);
			check_close(&k);
		}

		check_open(&k, kinds[i]);
		(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
		set(&k.e.c->service, "gone");
		checked(&k, "there after all", STUCK, PARTIAL);
		assert_non_null(strstr(k.e.c->err.text, "not found, and then it was"));
		check_close(&k);

		check_open(&k, kinds[i]);
		(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
		set(&k.e.c->service, "gone");
		k.e.x.fake.broken = "/services/";
		k.e.x.fake.broken_left = 1;
		checked(&k, "silent", STUCK, PARTIAL);
		assert_null(strstr(k.e.c->err.text, "not found"));
		check_close(&k);
	}
}

/* What cannot be written is not begun. */
static void
test_rehearsal(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	(void) json_object_del(json_object_get(k.e.x.fake.spec, "TaskTemplate"), "Placement");
	checked(&k, "no Placement", REFUSED, UNDECODABLE);
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	(void) json_object_set_new(json_object_get(k.e.x.fake.spec, "Labels"), SPEC_LABEL_PLAN,
	                           json_string("another"));
	checked(&k, "steered already", REFUSED, STEERED);
	check_close(&k);

	check_open(&k, MOVE_KIND_MOVE);
	for (int i = 0; i < 2000; i++)
		(void) json_array_append_new(constraints_of(k.e.x.fake.spec),
		                             json_string("node.labels.a!=b"));
	checked(&k, "too long", REFUSED, TOO_MANY_TERMS);
	check_close(&k);
}

static void
test_dry(void **unused)
{
	for (int i = 0; i < 4; i++) {
		struct check k;
		bool move = i < 2;

		(void) unused;
		check_open(&k, move ? MOVE_KIND_MOVE : MOVE_KIND_UNDO);
		if (!move) {
			set(&k.e.c->undone.written, "{\"Constraints\":[\"node.role!=ingress\"]}");
			set(&k.e.c->undone.before, "{}");
			(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
		}
		if (i % 2 == 0)
			k.e.m->options.dry_run = true;
		else
			k.e.c->dry_run = true;
		checked(&k, "dry", REFUSED, OK);
		if (move)
			assert_true(str_has_prefix(k.e.c->err.text,
			                           "dry run: 'web' would get the constraints "
			                           "[\"node.id==node3"));
		else
			assert_true(str_has_prefix(k.e.c->err.text, "dry run: 'web'"));
		check_close(&k);
	}
}

/* Older terms of ours (settle = hold) are taken away by the steering; the owner's are not. */
static void
test_older_terms(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.seen.constraints[0] = (struct constraint){
	    .text = "node.id!=zz", .key = "node.id", .value = "zz", .ours = true};
	k.seen.constraints[1] =
	    (struct constraint){.text = "node.role!=x", .key = "node.role", .value = "x"};
	k.seen.services[1].constraints = k.seen.constraints;
	k.seen.services[1].n_constraints = 2;
	k.seen.services[1].traits = TRAIT_PLACEMENT | TRAIT_MAY_RESTART;
	(void) json_array_append_new(k.e.c->plan.drop, json_string("node.id!=stale"));
	(void) json_array_append_new(k.e.c->plan.add, json_string("node.id!=stale"));
	checked(&k, "held", OK, OK);
	assert_int_equal(json_array_size(k.e.c->plan.drop), 1);
	assert_string_equal(json_string_value(json_array_get(k.e.c->plan.drop, 0)), "node.id!=zz");
	assert_int_equal(json_array_size(k.e.c->plan.add), 1);
	assert_false(k.e.c->plan.start_first);
	check_close(&k);
}

/* Copies of other nodes are none of those that move. */
static void
test_old_tasks(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.seen.tasks[1] = k.seen.tasks[0];
	k.seen.tasks[1].id = "elsewhere";
	k.seen.tasks[1].slot = 2;
	k.seen.tasks[1].node = 1;
	k.seen.services[1].n_tasks = 2;
	k.seen.services[1].replicas = 2;
	k.seen.s.n_tasks = 2;
	k.seen.nodes[1].n_tasks = 1;
	checked(&k, "one of two", OK, OK);
	assert_int_equal(k.e.c->n_old, 1);
	assert_string_equal(k.e.c->old[0], k.e.x.fake.tasks[0].id);
	check_close(&k);
}

/* The longest that the owner's own UpdateConfig may take, slot by slot; three minutes at least. */
static void
test_length(void **unused)
{
	static const struct {
		const char *update;
		int64_t startup_ms, length_ms;
	} cases[] = {
	    {NULL, 0, 180000},
	    {NULL, 58333, 180000},
	    {NULL, 60000, 185000}, /* three times, and Swarm's own monitor of 5 s */
	    {"{\"Monitor\":7000000000}", 60000, 187000},
	    {"{\"Monitor\":0}", 60000, 185000},
	    {"{\"Delay\":9000000000}", 60000, 194000},
	    {"{\"Monitor\":200000999999,\"Delay\":1999999}", 0, 200001},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct check k;

		check_open(&k, MOVE_KIND_MOVE);
		k.e.m->options.deadline_ms = 0;
		k.e.c->startup_p95_ms = cases[i].startup_ms;
		(void) json_object_del(k.e.x.fake.spec, "UpdateConfig");
		if (cases[i].update != NULL)
			(void) json_object_set_new(k.e.x.fake.spec, "UpdateConfig",
			                           json_loads(cases[i].update, 0, NULL));
		checked(&k, "length", OK, OK);
		if (k.e.c->length_ms != cases[i].length_ms)
			fail_msg("case %zu: %lld", i, (long long) k.e.c->length_ms);
		check_close(&k);
	}
}

/* Two copies leave one node: one after the other. */
static void
test_length_of_two(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_MOVE);
	k.e.m->options.deadline_ms = 0;
	k.e.c->startup_p95_ms = 60000;
	(void) json_object_del(k.e.x.fake.spec, "UpdateConfig");
	k.seen.tasks[1] = k.seen.tasks[0];
	k.seen.tasks[1].id = "second";
	k.seen.tasks[1].slot = 2;
	k.seen.services[1].n_tasks = 2;
	k.seen.services[1].replicas = 2;
	k.seen.s.n_tasks = 2;
	k.seen.nodes[0].n_tasks = 2;
	checked(&k, "two", OK, OK);
	assert_true(k.e.c->length_ms == 370000);
	check_close(&k);
}

/* ---- undo and release ---- */

static const struct merge_case {
	const char *name;
	const char *before, *written, *added; /* of the undone one; NULL: absent */
	bool undone;
	const char *now;    /* constraints that stand; NULL: as they are */
	const char *update; /* UpdateStatus */
	enum mover_event event;
	enum verdict verdict;
	const char *terms;  /* in.added */
	const char *result; /* part of in.written */
} merges[] = {
    {"nothing was undone", NULL, NULL, NULL, false, NULL, NULL, MOVER_EVENT_NOTHING, VERDICT_OK,
     "[]", "node.role!=ingress"},
    {"held terms go", "{\"Constraints\":[\"node.role!=ingress\"]}",
     "{\"Constraints\":[\"node.role!=ingress\",\"node.id!=zz\"]}", "[]", true,
     "[\"node.role!=ingress\",\"node.id!=zz\"]", NULL, MOVER_EVENT_MERGE, VERDICT_OK,
     "[\"node.id!=zz\"]", "[\"node.role!=ingress\"]"},
    {"steering terms, too", "{\"Constraints\":[]}", "{\"Constraints\":[\"node.id!=yy\"]}",
     "[\"node.id==zz\"]", true, "[\"node.id!=yy\",\"mine==1\"]", NULL, MOVER_EVENT_MERGE,
     VERDICT_OK, "[\"node.id==zz\",\"node.id!=yy\"]", "[\"mine==1\"]"},
    {"a list that is none", "{\"Constraints\":[\"a==b\",\"c==d\"]}",
     "{\"Constraints\":[\"c==d\",\"a==b\"]}", "{}", true, "[\"a==b\",\"c==d\"]", NULL,
     MOVER_EVENT_NOTHING, VERDICT_OK, "[]", "a==b"},
    {"it stands no more", "{}", "{\"Constraints\":[\"node.id!=zz\"]}", NULL, true, "[]", NULL,
     MOVER_EVENT_MERGE, VERDICT_OK, "[\"node.id!=zz\"]", "{\"Labels\""},
    {"damaged", "[]", "{}", NULL, true, NULL, NULL, MOVER_EVENT_REFUSED, VERDICT_UNDECODABLE, "[]",
     NULL},
    {"an update runs", "{}", "{\"Constraints\":[\"node.role!=ingress\"]}", NULL, true, NULL,
     "updating", MOVER_EVENT_REFUSED, VERDICT_UPDATE_OPEN, NULL, NULL},
    {"an update is paused", "{}", "{\"Constraints\":[\"node.role!=ingress\"]}", NULL, true, NULL,
     "paused", MOVER_EVENT_REFUSED, VERDICT_UPDATE_PAUSED, NULL, NULL},
    {"nothing to do in an update", NULL, NULL, NULL, false, NULL, "updating", MOVER_EVENT_NOTHING,
     VERDICT_OK, NULL, NULL},
};

static void
test_merges(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(merges); i++) {
		const struct merge_case *m = &merges[i];
		struct check k;

		check_open(&k, MOVE_KIND_UNDO);
		set(&k.e.c->undone.before, m->before);
		set(&k.e.c->undone.written, m->written);
		set(&k.e.c->undone.added, m->added);
		if (m->undone)
			(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
		(void) json_object_del(k.e.x.fake.spec, "UpdateConfig");
		if (m->now != NULL)
			(void) json_object_set_new(
			    json_object_get(json_object_get(k.e.x.fake.spec, "TaskTemplate"),
			                    "Placement"),
			    "Constraints", json_loads(m->now, 0, NULL));
		k.e.x.fake.update_state = m->update;
		k.e.x.fake.update_left = 1000;
		if (event_of(&k.e) != m->event || k.e.c->verdict != m->verdict)
			fail_msg("%s: %s, %s: %s", m->name, mover_event_names[k.e.m->event].name,
			         verdict_infos[k.e.c->verdict].name, k.e.c->err.text);
		if (m->terms != NULL)
			assert_string_equal(k.e.c->in.added, m->terms);
		if (m->result != NULL && strstr(k.e.c->in.written, m->result) == NULL)
			fail_msg("%s: %s", m->name, k.e.c->in.written);
		if (m->event == MOVER_EVENT_MERGE) {
			_cleanup_(freep) char *before = NULL;
			uint64_t rest;

			assert_int_equal(spec_owned_get(k.e.x.fake.spec, &before, NULL), 0);
			assert_string_equal(k.e.c->in.before, before);
			assert_int_equal(spec_rest_hash(k.e.x.fake.spec, &rest, NULL), 0);
			assert_true(k.e.c->in.rest_hash == rest);
			assert_true(k.e.c->in.version_before == k.e.x.fake.version);
		}
		assert_string_equal(k.e.c->in.service_name, "web");
		assert_string_equal(k.e.c->in.to_id, "");
		check_close(&k);
	}
}

static void
test_merge_refusals(void **unused)
{
	struct check k;

	(void) unused;
	check_open(&k, MOVE_KIND_RELEASE);
	(void) json_object_set_new(json_object_get(k.e.x.fake.spec, "Labels"), SPEC_LABEL_PLAN,
	                           json_string("another"));
	checked(&k, "steered", REFUSED, STEERED);
	assert_non_null(strstr(k.e.c->err.text, "docker service update --label-rm forager.plan"));
	check_close(&k);

	check_open(&k, MOVE_KIND_RELEASE);
	(void) json_object_del(json_object_get(k.e.x.fake.spec, "TaskTemplate"), "Placement");
	checked(&k, "no Placement", REFUSED, NO_PLACEMENT);
	check_close(&k);

	/* An owned field of another shape than that of a spec. */
	check_open(&k, MOVE_KIND_RELEASE);
	(void) json_array_append_new(constraints_of(k.e.x.fake.spec), json_integer(1));
	assert_int_not_equal(event_of(&k.e), MOVER_EVENT_MERGE);
	assert_int_not_equal(k.e.c->verdict, VERDICT_OK);
	check_close(&k);

	check_open(&k, MOVE_KIND_RELEASE);
	(void) json_object_set_new(json_object_get(k.e.x.fake.spec, "Labels"), SPEC_LABEL_BEFORE,
	                           json_null());
	checked(&k, "a label that is no text", REFUSED, UNDECODABLE);
	check_close(&k);

	check_open(&k, MOVE_KIND_UNDO);
	set(&k.e.c->undone.before, "{}");
	set(&k.e.c->undone.written, "{\"Constraints\":[\"node.role!=ingress\"]}");
	(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
	(void) json_object_set_new(k.e.x.fake.spec, "Mode", json_pack("{s:{}}", "Global"));
	checked(&k, "global", REFUSED, MODE);
	check_close(&k);
}

/* What the journal knows was there: whether it is gone only its own reading tells. */
static void
test_missing(void **unused)
{
	struct check k;

	(void) unused;
	for (int i = 0; i < 3; i++) {
		check_open(&k, MOVE_KIND_UNDO);
		set(&k.e.c->service, "renamed");
		set(&k.e.c->undone.service_name, "web");
		(void) str_copy(k.e.c->undone.service_id, SWARM_ID_SIZE, fake_service_id);
		k.e.x.fake.removed = i == 0;
		k.e.x.fake.broken = i == 1 ? "/services/" : NULL;
		k.e.x.fake.broken_left = 1;
		if (i == 0) {
			checked(&k, "gone", NOTHING, OK);
			assert_true(k.e.c->removed);
		} else {
			checked(&k, "not gone", STUCK, PARTIAL);
			assert_false(k.e.c->removed);
			assert_non_null(
			    strstr(k.e.c->err.text, i == 1 ? "the fake is broken"
			                                   : "was not found, and then it was"));
		}
		assert_string_equal(k.e.c->in.service_id, fake_service_id);
		assert_string_equal(k.e.c->in.service_name, "web");
		check_close(&k);
	}
}

/* ---- FINISH ---- */

struct told {
	struct check k;
	unsigned n;
	char *places;
	bool open;
	struct error err;
};

static void
on_done(void *data, const struct move_outcome *out)
{
	struct told *t = data;

	t->n++;
	free(t->places);
	t->places = xstrdup(out->places);
	t->open = out->open;
	t->err = out->err != NULL ? *out->err : (struct error){0};
}

static void
told_open(struct told *t, enum move_state journal)
{
	memset(t, 0, sizeof(*t));
	effects_open(&t->k.e, MOVER_OVER, journal);
	t->k.e.c->done = on_done;
	t->k.e.c->data = t;
	t->k.e.c->changed = true;
}

/* Requests that it took to tell. */
static unsigned
tell(struct told *t)
{
	unsigned before = t->k.e.x.fake.n_requests;

	mover_effect_finish(t->k.e.m);
	assert_int_equal(t->n, 0);
	while (t->n == 0)
		(void) uv_run(&t->k.e.x.loop, UV_RUN_ONCE);
	assert_int_equal(t->n, 1);
	assert_false(mover_busy(t->k.e.m));
	return t->k.e.x.fake.n_requests - before;
}

static void
told_close(struct told *t)
{
	free(t->places);
	effects_close(&t->k.e);
}

static void
test_tells_places(void **unused)
{
	static const struct {
		enum mover_state state; /* where it came from does not matter but for PROVE_BACK */
		enum move_state journal;
		enum stands stands;
		bool hold, equal;
	} cases[] = {
	    {MOVER_OVER, MOVE_DONE, AS_BEFORE, false, true},
	    {MOVER_OVER, MOVE_DONE, STEERED, false, false},
	    {MOVER_OVER, MOVE_DONE, SETTLED, true, true},
	    {MOVER_OVER, MOVE_DONE, CLEANED, true, false},
	    {MOVER_OVER, MOVE_REVERTED, CLEANED, true, true},
	    {MOVER_OVER, MOVE_REVERTED, SETTLED, true, false},
	    {MOVER_OVER, MOVE_REFUSED, CLEANED, true, true},
	    {MOVER_OVER, MOVE_FOREIGN, ELSE_TERMS, false, false},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct told t;
		_cleanup_(freep) char *want = NULL;

		told_open(&t, cases[i].journal);
		if (cases[i].hold)
			(void) json_array_append_new(t.k.e.c->plan.keep,
			                             json_string("node.id!=bad"));
		put_stands(&t.k.e, cases[i].stands);
		want = xasprintf(
		    "{\"spec_equal\":%s,\"tasks\":[{\"slot\":1,\"task\":\"%s\",\"node\":\"a\"}]}",
		    cases[i].equal ? "true" : "false", t.k.e.x.fake.tasks[0].id);
		assert_true(tell(&t) > 0);
		if (!streq(t.places, want))
			fail_msg("case %zu: %s", i, t.places);
		told_close(&t);
	}
}

/* Only what lives has a place, and a node that nobody knows is told by its id. */
static void
test_tells_strange_places(void **unused)
{
	struct told t;

	(void) unused;
	told_open(&t, MOVE_DONE);
	put_tasks(&t.k.e.x.fake, T_LANDED);
	t.k.e.x.fake.n_nodes = 2; /* c is gone */
	free(t.k.e.c->in.before);
	t.k.e.c->in.before = NULL; /* it never got so far as to write anything */
	(void) tell(&t);
	assert_string_equal(
	    t.places, "{\"spec_equal\":true,\"tasks\":[{\"slot\":1,\"task\":"
	              "\"tasknewtttttttttttttttttt\",\"node\":\"node3cccccccccccccccccccc\"}]}");
	told_close(&t);

	told_open(&t, MOVE_DONE);
	put_tasks(&t.k.e.x.fake, T_LANDED);
	(void) tell(&t);
	assert_non_null(strstr(t.places, "\"node\":\"c\""));
	told_close(&t);

	told_open(&t, MOVE_DONE);
	t.k.e.x.fake.broken = "/nodes";
	t.k.e.x.fake.broken_left = 1;
	(void) tell(&t);
	assert_null(t.places);
	told_close(&t);

	told_open(&t, MOVE_DONE);
	t.k.e.x.fake.broken = "/tasks";
	t.k.e.x.fake.broken_left = 1;
	(void) tell(&t);
	assert_null(t.places);
	told_close(&t);
}

/* Where nothing was changed, nothing is asked. */
static void
test_tells_without_asking(void **unused)
{
	struct told t;

	(void) unused;
	told_open(&t, MOVE_DONE);
	t.k.e.c->in.service_id[0] = '\0';
	assert_int_equal(tell(&t), 0);
	assert_int_equal(t.err.code, 0);
	told_close(&t);

	told_open(&t, MOVE_REFUSED);
	t.k.e.c->changed = false;
	assert_int_equal(tell(&t), 0);
	assert_null(t.places);
	told_close(&t);

	told_open(&t, MOVE_STEERED);
	t.k.e.c->open = true;
	assert_int_equal(tell(&t), 0);
	assert_true(t.open);
	assert_string_equal(t.err.text, "left open");
	told_close(&t);

	told_open(&t, MOVE_DONE);
	t.k.e.c->open = true;
	t.k.e.c->in.reason = xstrdup("because");
	(void) tell(&t);
	assert_string_equal(t.err.text, "because");
	assert_int_equal(t.err.code, -ECANCELED);
	told_close(&t);

	told_open(&t, MOVE_REVERTED);
	(void) error_set(&t.k.e.c->err, EIO, "why not");
	assert_true(tell(&t) > 0);
	assert_string_equal(t.err.text, "why not");
	told_close(&t);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plan),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_blind),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_service),
	    cmocka_unit_test(test_undone_service),
	    cmocka_unit_test(test_rehearsal),
	    cmocka_unit_test(test_dry),
	    cmocka_unit_test(test_older_terms),
	    cmocka_unit_test(test_old_tasks),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_length_of_two),
	    cmocka_unit_test(test_merges),
	    cmocka_unit_test(test_merge_refusals),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_tells_places),
	    cmocka_unit_test(test_tells_strange_places),
	    cmocka_unit_test(test_tells_without_asking),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
