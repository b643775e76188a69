/* The mover against a scripted Swarm: what it ends in, what it sent, and what it left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "agent/actor.h"
#include "agent/mover_spec.h"
#include "docker/api.h"
#include "storage/journal.h"
#include "swarm/spec.h"
#include "test/unit/fake_swarm.h"

#define LABELS  "\"Labels\":{\"forager.mode\":\"auto\"}"
#define MODE(n) "\"Mode\":{\"Replicated\":{\"Replicas\":" #n "}}"
#define TASK(placement)                                                                            \
	"\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"web:1\",\"Init\":false},\"Resources\":"  \
	"{\"Limits\":{}},\"Placement\":" placement ",\"Networks\":[],\"New\":null}"
#define UPDATE                                                                                     \
	"\"UpdateConfig\":{\"Parallelism\":2,\"Delay\":7,\"FailureAction\":\"rollback\","          \
	"\"Monitor\":1000000,\"MaxFailureRatio\":0.25,\"Order\":\"start-first\"}"

static const char plain[] = "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(1) "," UPDATE "}";
static const char full[] =
    "{\"Name\":\"web\"," LABELS
    "," TASK("{\"Constraints\":[\"node.role!=ingress\"],\"MaxReplicas\":3}") "," MODE(
        1) "," UPDATE ",\"EndpointSpec\":{\"Mode\":\"dnsrr\"}}";
static const char bare[] =
    "{\"Name\":\"web\",\"Labels\":null," TASK("{\"Constraints\":null}") "," MODE(1) "}";
static const char empty[] = "{\"Name\":\"web\",\"Labels\":{}," TASK(
    "{\"Constraints\":[]}") "," MODE(1) ",\"UpdateConfig\":{}}";
static const char three[] = "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(3) "," UPDATE "}";

/* ---- a journal in memory ---- */

enum { ROWS = 16 };

struct book {
	struct intent rows[ROWS];
	size_t n;
	char trail[512];            /* every state that was stored, in order */
	unsigned writes, fail_from; /* writes from this one on fail; 0 = none */
};

static bool
book_fails(struct book *b, struct error *err)
{
	b->writes++;
	if (b->fail_from == 0 || b->writes < b->fail_from)
		return false;
	(void) error_set(err, ENOSPC, "disk full");
	return true;
}

static void
book_note(struct book *b, const struct intent *in)
{
	size_t at = strlen(b->trail);

	(void) snprintf(b->trail + at, sizeof(b->trail) - at, "%s%s", at > 0 ? " " : "",
	                move_state_names[in->state]);
}

static void
book_add(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	struct book *b = data;
	struct error err = {0};

	if (book_fails(b, &err)) {
		cb(ctx, 0, &err);
		return;
	}
	assert_true(b->n < ROWS);
	assert_true(in->id == 0);
	journal_intent_copy(in, &b->rows[b->n]);
	b->rows[b->n].id = b->n + 1;
	b->n++;
	book_note(b, in);
	cb(ctx, b->n, NULL);
}

static void
book_update(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	struct book *b = data;
	struct error err = {0};

	if (book_fails(b, &err)) {
		cb(ctx, 0, &err);
		return;
	}
	assert_in_range(in->id, 1, b->n);
	assert_false(journal_state_ended(b->rows[in->id - 1].state));
	journal_intent_done(&b->rows[in->id - 1]);
	journal_intent_copy(in, &b->rows[in->id - 1]);
	book_note(b, in);
	cb(ctx, in->id, NULL);
}

static bool
undoable(const struct book *b, const struct intent *row)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->rows[i].undo_of == row->id && b->rows[i].state == MOVE_DONE)
			return false;
	return row->kind == MOVE_KIND_MOVE && row->state == MOVE_DONE;
}

static void
book_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	struct book *b = data;
	struct intent found[ROWS];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct intent *row = &b->rows[which == MOVER_LIST_OPEN ? i : b->n - 1 - i];

		if (which == MOVER_LIST_ID         ? row->id == id
		    : which == MOVER_LIST_UNDOABLE ? undoable(b, row)
		                                   : !journal_state_ended(row->state))
			found[n++] = *row;
	}
	cb(ctx, found, n, NULL);
}

static void
book_done(struct book *b)
{
	for (size_t i = 0; i < b->n; i++)
		journal_intent_done(&b->rows[i]);
}

/* ---- one test's world ---- */

struct fixture {
	uv_loop_t loop;
	uv_timer_t later, guard, pulse;
	struct http *http;
	struct api *api;
	struct fake_swarm fake;
	struct book book;
	struct mover *mover;
	struct mover_options options;
	mover_seen_cb *seen;
	void *seen_ctx;
	bool blind; /* the eyes see nothing */
	uint32_t traits;
	uint64_t seen_older; /* the snapshot's version lags by so much */

	unsigned n_done, n_stopped, n_recovered, n_each;
	enum move_state state;
	enum verdict verdict;
	bool changed, open, spec_equal;
	struct error err, recover_err;
	char text[512];
	unsigned kill_at; /* close the mover at this request */
	bool killed;
};

static void
make_snapshot(struct fixture *x, struct snapshot *s, struct snap_node *nodes,
              struct snap_service *v, struct snap_task *tasks, struct snap_image *images)
{
	const struct fake_swarm *f = &x->fake;

	*s = (struct snapshot){.nodes = nodes, .services = v, .tasks = tasks, .images = images};
	for (uint32_t i = 0; i < f->n_nodes; i++) {
		nodes[i] = (struct snap_node){.id = fake_node_ids[i],
		                              .hostname = fake_node_names[i],
		                              .attrs = {.hostname = fake_node_names[i],
		                                        .role = "worker",
		                                        .os = "linux",
		                                        .arch = "x86_64"},
		                              .capacity = {4000000000, 8000000000},
		                              .flags = NODE_READY | NODE_ACTIVE};
		images[i] = (struct snap_image){i, "web:1", true};
		s->n_nodes++;
		s->n_images++;
	}
	*v = (struct snap_service){.id = fake_service_id,
	                           .name = "web",
	                           .image = "web:1",
	                           .version = f->version - x->seen_older,
	                           .replicas = f->slots,
	                           .act = ACT_AUTO,
	                           .traits = x->traits,
	                           .foreign_ms = INT64_MAX};
	s->n_services = 1;
	for (size_t i = 0; i < f->n_tasks; i++) {
		const struct fake_task *t = &f->tasks[i];

		if (t->desired > TASK_RUNNING || t->state > TASK_RUNNING)
			continue;
		tasks[s->n_tasks++] = (struct snap_task){.id = t->id,
		                                         .node = t->node,
		                                         .slot = t->slot,
		                                         .state = t->state,
		                                         .desired = t->desired,
		                                         .running_ms = 60000};
		v->n_tasks++;
		nodes[t->node].n_tasks++;
	}
}

static void
on_later(uv_timer_t *timer)
{
	struct fixture *x = timer->data;
	struct snapshot s;
	struct snap_node nodes[FAKE_NODES];
	struct snap_service v;
	struct snap_task tasks[FAKE_TASKS];
	struct snap_image images[FAKE_NODES];
	struct error err = {0};

	if (x->blind) {
		(void) error_set(&err, ETIMEDOUT, "nothing to be seen");
		x->seen(x->seen_ctx, NULL, &err);
		return;
	}
	make_snapshot(x, &s, nodes, &v, tasks, images);
	if (x->seen_older > 0)
		x->seen_older--;
	x->seen(x->seen_ctx, &s, NULL);
}

static void
look(void *data, const char *service, const char *from, const char *to, mover_seen_cb *cb,
     void *ctx)
{
	struct fixture *x = data;

	(void) service;
	(void) from;
	(void) to;
	x->seen = cb;
	x->seen_ctx = ctx;
	(void) uv_timer_start(&x->later, on_later, 0, 0);
}

static void
on_guard(uv_timer_t *timer)
{
	(void) timer;
	fail_msg("the mover hangs");
}

/* UV_RUN_ONCE fires timers and then waits for more: it must not wait for long. */
static void
on_pulse(uv_timer_t *timer)
{
	(void) timer;
}

static void
mover_make(struct fixture *x)
{
	struct mover_journal journal = {
	    .data = &x->book, .add = book_add, .update = book_update, .list = book_list};
	struct mover_eyes eyes = {.data = x, .look = look};

	assert_int_equal(mover_new(&x->loop, x->api, &journal, &eyes, &x->options, &x->mover, NULL),
	                 0);
}

static void
open_with(struct fixture *x, const char *spec, const uint32_t *on)
{
	struct api_options options = {0};

	memset(x, 0, sizeof(*x));
	api_global_init();
	assert_int_equal(uv_loop_init(&x->loop), 0);
	(void) uv_timer_init(&x->loop, &x->later);
	(void) uv_timer_init(&x->loop, &x->guard);
	(void) uv_timer_init(&x->loop, &x->pulse);
	(void) uv_timer_start(&x->pulse, on_pulse, 1, 1);
	x->later.data = x;
	(void) uv_timer_start(&x->guard, on_guard, 8000, 0);
	uv_unref((uv_handle_t *) &x->guard);
	fake_open(&x->fake, &x->loop, spec, on);
	x->fake.data = x;
	x->http = http_open(&x->loop);
	_cleanup_(freep) char *url = xasprintf("unix://%s", x->fake.path);
	options.url = url;
	options.timeout_ms = 5000;
	assert_int_equal(api_new(x->http, &options, &x->api, NULL), 0);
	x->options = (struct mover_options){
	    .mode = ACT_AUTO, .deadline_ms = 400, .poll_ms = 2, .retry_ms = 5};
	x->traits = TRAIT_PLACEMENT | TRAIT_START_FIRST | TRAIT_HEALTHCHECK;
	mover_make(x);
}

static void
on_closed(void *data)
{
	struct fixture *x = data;

	x->mover = NULL;
}

static void
close_all(struct fixture *x)
{
	if (x->mover != NULL)
		mover_close(x->mover, on_closed, x);
	api_free(x->api);
	http_close(x->http, NULL, NULL);
	fake_close(&x->fake);
	uv_close((uv_handle_t *) &x->later, NULL);
	uv_close((uv_handle_t *) &x->guard, NULL);
	uv_close((uv_handle_t *) &x->pulse, NULL);
	(void) uv_run(&x->loop, UV_RUN_DEFAULT);
	assert_null(x->mover);
	assert_int_equal(uv_loop_close(&x->loop), 0);
	fake_free(&x->fake);
	book_done(&x->book);
}

static void
on_done(void *data, const struct move_outcome *out)
{
	struct fixture *x = data;

	x->n_done++;
	x->state = out->intent->state;
	x->verdict = out->verdict;
	x->changed = out->changed;
	x->open = out->open;
	x->err = (struct error){0};
	if (out->err != NULL)
		x->err = *out->err;
	x->spec_equal = out->places != NULL && strstr(out->places, "\"spec_equal\":true") != NULL;
	(void) str_copy(x->text, sizeof(x->text),
	                out->intent->reason != NULL ? out->intent->reason : "");
}

static void
run_until(struct fixture *x, const unsigned *counter, unsigned want)
{
	while (*counter < want && !x->killed)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
}

static const struct move_request ask = {
    .kind = MOVE_KIND_MOVE, .service = "web", .from = "a", .to = "c", .decision_id = 7};

static void
request(struct fixture *x, const struct move_request *r)
{
	struct error err = {0};
	unsigned before = x->n_done;

	if (mover_start(x->mover, r, on_done, x, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(x->n_done, before); /* never inside the call */
	assert_true(mover_busy(x->mover));
	run_until(x, &x->n_done, before + 1);
}

static void
on_each(void *data, const struct move_outcome *out)
{
	struct fixture *x = data;

	x->n_each++;
	x->n_done--; /* counted by on_done, but not a request's */
	on_done(x, out);
}

static void
on_recovered(void *data, const struct error *err)
{
	struct fixture *x = data;

	x->n_recovered++;
	if (err != NULL)
		x->recover_err = *err;
}

static void
recover(struct fixture *x)
{
	x->n_recovered = 0;
	x->n_each = 0;
	assert_int_equal(mover_recover(x->mover, on_each, on_recovered, x, NULL), 0);
	run_until(x, &x->n_recovered, 1);
}

static void
assert_clean(const struct fixture *x)
{
	const struct fake_swarm *f = &x->fake;

	if (!fake_spec_exact(f)) {
		char *now = json_dumps(f->spec, JSON_SORT_KEYS | JSON_COMPACT);
		char *then = json_dumps(f->original, JSON_SORT_KEYS | JSON_COMPACT);

		print_message("now  %s\nthen %s\n", now, then);
		free(now);
		free(then);
		fail_msg("the spec is not as it was");
	}
	assert_int_equal(fake_running(f, FAKE_NODES), f->slots);
}

/* ---- moves ---- */

static void
test_move(void **unused)
{
	static const char *const specs[] = {plain, full, bare, empty};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct fixture x;

		open_with(&x, specs[i], (const uint32_t[]){0});
		request(&x, &ask);
		assert_string_equal(x.err.text, "");
		assert_int_equal(x.state, MOVE_DONE);
		assert_string_equal(x.book.trail, "planned steered verified settled done");
		assert_true(x.changed && x.spec_equal && !x.open);
		assert_int_equal(x.fake.n_applied, 3);
		assert_true(x.fake.steering_seen[0]);
		assert_false(x.fake.steering_seen[1]);
		assert_int_equal(fake_running(&x.fake, 2), 1);
		assert_clean(&x);
		/* docker service rollback would bring this back: what stands there anyway. */
		assert_true(json_equal(x.fake.previous, x.fake.original));
		assert_false(mover_busy(x.mover));
		close_all(&x);
	}
}

static void
test_move_copies(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, three, (const uint32_t[]){0, 0, 1});
	x.fake.n_nodes = 3;
	request(&x, &ask);
	/* Two copies on one node where there was one would share more than before: refused or done,
	 * never half. */
	if (x.state == MOVE_DONE)
		assert_int_equal(fake_running(&x.fake, 2), 2);
	else
		assert_int_equal(x.state, MOVE_REFUSED);
	assert_clean(&x);
	close_all(&x);
}

static void
test_steering_keeps_control(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.fate = FATE_PREPARE;
	x.options.deadline_ms = 60000;
	mover_set_options(x.mover, &x.options);
	assert_int_equal(mover_start(x.mover, &ask, on_done, &x, NULL), 0);
	while (x.fake.n_applied < 1)
		(void) uv_run(&x.loop, UV_RUN_ONCE);
	json_t *update = json_object_get(x.fake.spec, "UpdateConfig");
	assert_int_equal(json_integer_value(json_object_get(update, "Parallelism")), 1);
	assert_string_equal(json_string_value(json_object_get(update, "Order")), "start-first");
	assert_non_null(spec_plan(x.fake.spec));
	assert_non_null(spec_before(x.fake.spec));
	assert_int_equal(mover_start(x.mover, &ask, on_done, &x, NULL), -EBUSY);
	assert_string_equal(mover_intent(x.mover)->service_name, "web");
	close_all(&x);
	assert_int_equal(x.n_done, 1); /* dropped where it stood */
	assert_true(x.open);
}

static void
drain_target(struct fake_swarm *f, unsigned n)
{
	if (n == 0)
		f->drained[2] = true;
}

static void
test_reverts(void **unused)
{
	static const struct {
		const char *name;
		enum fake_fate fate;
		void (*on_post)(struct fake_swarm *f, unsigned n);
		const char *text;
	} cases[] = {
	    {"held in preparing", FATE_PREPARE, NULL, "not there within"},
	    {"failing", FATE_FAIL, NULL, "did not stay up: task: non-zero exit (1)"},
	    {"cannot be placed", FATE_PENDING, NULL, "cannot be placed: no suitable node"},
	    {"target drained", FATE_RUN, drain_target, "cannot be placed"},
	};
	static const char *const specs[] = {plain, full, bare, empty};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(specs); i++) {
		size_t c = i % ARRAY_SIZE(cases);
		struct fixture x;

		open_with(&x, specs[i / ARRAY_SIZE(cases)], (const uint32_t[]){0});
		x.fake.fate = cases[c].fate;
		x.fake.on_post = cases[c].on_post;
		request(&x, &ask);
		if (x.state != MOVE_REVERTED)
			fail_msg("%s: %s (%s)", cases[c].name, move_state_names[x.state], x.text);
		assert_string_equal(x.book.trail, "planned steered reverting blocked reverted");
		assert_non_null(strstr(x.err.text, cases[c].text));
		assert_string_equal(x.err.text, x.text);
		assert_int_equal(x.fake.n_applied, 4);
		assert_true(x.fake.steering_seen[1]); /* the target blocked first */
		assert_false(x.fake.steering_seen[2]);
		assert_int_equal(fake_old_running(&x.fake), 1);
		assert_clean(&x);
		assert_true(x.spec_equal);
		assert_true(json_equal(x.fake.previous, x.fake.original));
		close_all(&x);
	}
}

static void
scatter(struct fake_swarm *f, unsigned n)
{
	/* A node joins that our terms do not know of, and Swarm prefers it. */
	if (n == 0) {
		f->n_nodes = 4;
		f->fate = FATE_ELSEWHERE;
	}
}

static void
test_astray(void **unused)
{
	static const char two[] =
	    "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(2) "," UPDATE "}";
	struct fixture x;

	(void) unused;
	/* The other copy stays on b, so the terms deny nodes instead of naming one. */
	open_with(&x, two, (const uint32_t[]){0, 1});
	x.fake.on_post = scatter;
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_REVERTED);
	assert_non_null(strstr(x.text, "instead"));
	assert_int_equal(x.fake.n_applied, 3); /* no block: nothing is restarted twice */
	assert_int_equal(fake_running(&x.fake, 3), 1);
	assert_clean(&x);
	close_all(&x);
}

static void
test_refused(void **unused)
{
	struct fixture x;
	static const struct {
		const char *name;
		uint32_t traits_off, traits_on;
		enum act_mode mode;
		bool follower, person, dry, paused, blind;
		const char *from, *to, *service;
		enum verdict verdict;
	} cases[] = {
	    {"stop-first", TRAIT_START_FIRST, 0, ACT_AUTO, .verdict = VERDICT_STOP_FIRST},
	    {"pinned", 0, TRAIT_PINNED, ACT_AUTO, .verdict = VERDICT_PINNED},
	    {"no placement", TRAIT_PLACEMENT, 0, ACT_AUTO, .verdict = VERDICT_NO_PLACEMENT},
	    {"a follower", 0, 0, ACT_AUTO, .follower = true, .verdict = VERDICT_NOT_LEADER},
	    {"observing", 0, 0, ACT_OBSERVE, .verdict = VERDICT_OBSERVE_ONLY},
	    {"recommending", 0, 0, ACT_RECOMMEND, .verdict = VERDICT_OBSERVE_ONLY},
	    {"dry run", 0, 0, ACT_AUTO, .dry = true, .verdict = VERDICT_OK},
	    {"paused", 0, 0, ACT_AUTO, .paused = true, .verdict = VERDICT_PAUSED},
	    {"paused person", 0, 0, ACT_AUTO, .paused = true, .person = true,
	     .verdict = VERDICT_PAUSED},
	    {"blind", 0, 0, ACT_AUTO, .blind = true, .verdict = VERDICT_PARTIAL},
	    {"no node", 0, 0, ACT_AUTO, .to = "nowhere", .verdict = VERDICT_OK},
	    {"no service", 0, 0, ACT_AUTO, .service = "nothing", .verdict = VERDICT_OK},
	    {"same node", 0, 0, ACT_AUTO, .to = "a", .verdict = VERDICT_SAME_NODE},
	    {"no copy", 0, 0, ACT_AUTO, .from = "b", .verdict = VERDICT_NO_COPY_ON_SOURCE},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct move_request r = ask;

		open_with(&x, plain, (const uint32_t[]){0});
		x.traits = (x.traits & ~cases[i].traits_off) | cases[i].traits_on;
		x.options.mode = cases[i].mode;
		x.options.dry_run = cases[i].dry;
		x.options.paused = cases[i].paused;
		mover_set_options(x.mover, &x.options);
		x.fake.follower = cases[i].follower;
		x.blind = cases[i].blind;
		r.person = cases[i].person;
		r.from = cases[i].from != NULL ? cases[i].from : r.from;
		r.to = cases[i].to != NULL ? cases[i].to : r.to;
		r.service = cases[i].service != NULL ? cases[i].service : r.service;
		request(&x, &r);
		if (x.state != MOVE_REFUSED || x.verdict != cases[i].verdict)
			fail_msg("%s: %s, %s", cases[i].name, move_state_names[x.state],
			         verdict_infos[x.verdict].name);
		assert_int_equal(x.fake.n_posts, 0);
		assert_false(x.changed);
		assert_true(strlen(x.err.text) > 10);
		assert_clean(&x);
		close_all(&x);
	}
}

static void
test_person_overrules_mode(void **unused)
{
	struct move_request r = ask;
	struct fixture x;

	(void) unused;
	r.person = true;
	r.decision_id = 0;
	open_with(&x, plain, (const uint32_t[]){0});
	x.options.mode = ACT_OBSERVE;
	mover_set_options(x.mover, &x.options);
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	close_all(&x);

	/* Stop-first with the owner's label: it may move, and the old one goes first. */
	open_with(&x, bare, (const uint32_t[]){0});
	x.traits = (x.traits & ~(uint32_t) TRAIT_START_FIRST) | TRAIT_MAY_RESTART;
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_clean(&x);
	close_all(&x);
}

static void
test_bad_requests(void **unused)
{
	static const struct move_request bad[] = {
	    {.kind = MOVE_KIND_MOVE, .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_MOVE, .service = "", .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_MOVE, .service = "web", .from = "a"},
	    {.kind = MOVE_KIND_UNDO, .service = "web", .to = "a"},
	    {.kind = MOVE_KIND_RELEASE, .service = "web", .from = "a", .to = "b"},
	    {.kind = MOVE_KIND_N, .service = "web", .from = "a", .to = "b"},
	};
	struct fixture x;

	(void) unused;
	open_with(&x, plain, (const uint32_t[]){0});
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {0};

		assert_int_equal(mover_start(x.mover, &bad[i], on_done, &x, &err), -EINVAL);
		assert_true(strlen(err.text) > 5);
	}
	assert_false(mover_busy(x.mover));
	close_all(&x);
}

/* ---- answers that are lost, conflicts, silence ---- */

static void
test_faults(void **unused)
{
	(void) unused;
	for (unsigned at = 0; at < 3; at++)
		for (int fault = FAULT_LOSE; fault <= FAULT_CONFLICT; fault++) {
			struct fixture x;

			open_with(&x, full, (const uint32_t[]){0});
			x.fake.faults[at] = (enum fake_fault) fault;
			request(&x, &ask);
			if (x.state != MOVE_DONE)
				fail_msg("post %u, fault %d: %s (%s)", at, fault,
				         move_state_names[x.state], x.text);
			/* Never a second time what was applied already. */
			assert_int_equal(x.fake.n_applied, 3);
			assert_int_equal(fake_running(&x.fake, 2), 1);
			assert_clean(&x);
			close_all(&x);
		}
}

static void
test_refused_by_swarm(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.faults[0] = FAULT_REFUSE;
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_non_null(strstr(x.text, "the fake does not like it"));
	assert_int_equal(x.fake.n_applied, 0);
	assert_clean(&x);
	close_all(&x);
}

static void
calm_down(struct fake_swarm *f, unsigned n)
{
	f->always_conflict = n == 0;
}

static void
test_out_of_tries(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.on_post = calm_down; /* every POST after the steering meets a conflict */
	request(&x, &ask);
	assert_true(x.open);
	assert_int_equal(x.state, MOVE_VERIFIED);
	assert_int_equal(x.fake.n_posts, 1 + 5);
	assert_non_null(strstr(x.err.text, "out of sequence"));
	/* Later it goes through, by the journal's row. */
	x.fake.always_conflict = false;
	x.fake.on_post = NULL;
	recover(&x);
	assert_int_equal(x.n_each, 1);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(fake_running(&x.fake, 2), 1);
	assert_clean(&x);
	close_all(&x);
}

static void
go_down(struct fake_swarm *f, unsigned n)
{
	f->down = n == 0;
}

static void
come_up(struct fake_swarm *f, const char *method, const char *target)
{
	(void) method;
	(void) target;
	if (f->down && f->n_requests > 60)
		f->down = false;
}

static void
test_silence(void **unused)
{
	struct fixture x;

	(void) unused;
	/* The Swarm loses its leader just after the steering, and is back before the deadline. */
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.on_post = go_down;
	x.fake.on_request = come_up;
	x.options.deadline_ms = 20000;
	mover_set_options(x.mover, &x.options);
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_DONE);
	assert_clean(&x);
	close_all(&x);
}

static void
test_keeps_trying(void **unused)
{
	struct fixture x;

	(void) unused;
	/* Silence beyond the deadline: the daemon takes it up again by itself. */
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.on_post = go_down;
	x.options.deadline_ms = 20;
	x.options.keep_trying = true;
	mover_set_options(x.mover, &x.options);
	x.fake.on_request = come_up;
	request(&x, &ask);
	assert_false(x.open);
	assert_true(x.state == MOVE_DONE || x.state == MOVE_REVERTED);
	assert_clean(&x);
	close_all(&x);
}

/* ---- someone else ---- */

static void
set_image(json_t *spec, const char *image)
{
	(void) json_object_set_new(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image",
	    json_string(image));
}

static const char *
image_of(const json_t *spec)
{
	return json_string_value(json_object_get(
	    json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Image"));
}

/* docker service update --image: everything of ours is carried along. */
static void
new_image(struct fake_swarm *f, const char *method, const char *target)
{
	(void) target;
	if (f->n_applied == 1 && streq(method, "GET") && streq(image_of(f->spec), "web:1")) {
		json_t *spec = json_deep_copy(f->spec);

		set_image(spec, "web:2");
		fake_write(f, spec);
	}
}

/* docker stack deploy: everything of ours is gone. */
static void
stack_deploy(struct fake_swarm *f, const char *method, const char *target)
{
	(void) target;
	if (f->n_applied == 1 && streq(method, "GET") && streq(image_of(f->spec), "web:1")) {
		json_t *spec = json_deep_copy(f->original);

		set_image(spec, "web:3");
		fake_write(f, spec);
	}
}

/* docker service update --constraint-add: beside ours. */
static void
new_constraint(struct fake_swarm *f, const char *method, const char *target)
{
	if (f->n_applied == 1 && streq(method, "GET") && strstr(target, "/tasks") != NULL &&
	    f->data != NULL) {
		json_t *spec = json_deep_copy(f->spec);
		json_t *list = json_object_get(
		    json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
		    "Constraints");

		(void) json_array_append_new(list, json_string("node.labels.zone==x"));
		fake_write(f, spec);
		f->data = NULL;
	}
}

static void
test_foreign(void **unused)
{
	static const struct {
		void (*on_request)(struct fake_swarm *f, const char *method, const char *target);
		const char *image;
		unsigned applied; /* of ours, the steering included */
	} cases[] = {
	    {new_image, "web:2", 3}, {stack_deploy, "web:3", 2}, {new_constraint, "web:1", 3}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture x;

		open_with(&x, full, (const uint32_t[]){0});
		x.fake.on_request = cases[i].on_request;
		request(&x, &ask);
		if (x.state != MOVE_FOREIGN)
			fail_msg("case %zu: %s (%s)", i, move_state_names[x.state], x.text);
		assert_string_equal(image_of(x.fake.spec), cases[i].image);
		assert_false(fake_has_term(x.fake.spec));
		assert_false(fake_has_term(x.fake.previous));
		assert_null(spec_plan(x.fake.spec));
		assert_null(spec_before(x.fake.spec));
		assert_int_equal(x.fake.n_applied, cases[i].applied);
		if (cases[i].on_request == new_constraint) {
			char *text = json_dumps(x.fake.spec, JSON_COMPACT);

			assert_non_null(
			    strstr(text, "[\"node.role!=ingress\",\"node.labels.zone==x\"]"));
			free(text);
		}
		/* The owner's UpdateConfig is back, exactly. */
		assert_true(json_equal(json_object_get(x.fake.spec, "UpdateConfig"),
		                       json_object_get(x.fake.original, "UpdateConfig")));
		close_all(&x);
	}
}

static void
remove_it(struct fake_swarm *f, unsigned n)
{
	f->removed = n == 0;
}

static void
test_removed(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	x.fake.on_post = remove_it;
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_GAVE_UP);
	assert_non_null(strstr(x.text, "removed"));
	close_all(&x);
}

static void
test_snapshot_lags(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	x.seen_older = 2; /* the third look is fresh */
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_DONE);
	close_all(&x);

	open_with(&x, full, (const uint32_t[]){0});
	x.seen_older = 5;
	request(&x, &ask);
	assert_int_equal(x.state, MOVE_REFUSED);
	assert_int_equal(x.verdict, VERDICT_DEPLOY_QUIET);
	close_all(&x);
}

/* ---- the journal ---- */

static void
test_journal_fails(void **unused)
{
	(void) unused;
	for (unsigned at = 1; at <= 5; at++) {
		struct fixture x;

		open_with(&x, full, (const uint32_t[]){0});
		x.book.fail_from = at;
		request(&x, &ask);
		if (at <= 2) { /* what cannot be written down first is not done */
			assert_int_equal(x.state, MOVE_REFUSED);
			assert_int_equal(x.fake.n_posts, 0);
		} else {
			assert_int_equal(x.state, MOVE_DONE);
			assert_int_equal(x.fake.n_applied, 3);
			assert_int_equal(fake_running(&x.fake, 2), 1);
		}
		assert_non_null(strstr(x.err.text, "disk full"));
		assert_clean(&x);
		/* The row that was left open is ended by the next run. */
		x.book.fail_from = 0;
		recover(&x);
		for (size_t i = 0; i < x.book.n; i++)
			assert_true(journal_state_ended(x.book.rows[i].state));
		assert_clean(&x);
		close_all(&x);
	}
}

/* ---- killed at every point, and taken up again ---- */

static void
kill_mover(struct fake_swarm *f, const char *method, const char *target)
{
	struct fixture *x = f->data;

	(void) method;
	(void) target;
	if (!x->killed && f->n_requests == x->kill_at) {
		x->killed = true;
		mover_close(x->mover, on_closed, x);
	}
}

static void
test_kill_points(void **unused)
{
	static const enum fake_fate fates[] = {FATE_RUN, FATE_PREPARE, FATE_FAIL};

	(void) unused;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(fates); i++) {
		bool lost = i >= ARRAY_SIZE(fates), ended = false;

		for (unsigned at = 1; !ended; at++) {
			struct fixture x;

			open_with(&x, full, (const uint32_t[]){0});
			x.options.deadline_ms = 30;
			mover_set_options(x.mover, &x.options);
			x.fake.fate = fates[i % ARRAY_SIZE(fates)];
			x.fake.on_request = kill_mover;
			x.kill_at = at;
			request(&x, &ask);
			ended = !x.killed;
			if (ended) {
				assert_in_range(at, 15, 2000);
				close_all(&x);
				break;
			}
			while (x.mover != NULL)
				(void) uv_run(&x.loop, UV_RUN_ONCE);
			if (lost) { /* the database is gone: only the Swarm's labels tell */
				book_done(&x.book);
				x.book = (struct book){0};
			}
			x.killed = false;
			x.kill_at = 0;
			mover_make(&x);
			recover(&x);
			assert_string_equal(x.recover_err.text, "");
			for (size_t k = 0; k < x.book.n; k++)
				if (!journal_state_ended(x.book.rows[k].state))
					fail_msg("killed at %u: left %s", at,
					         move_state_names[x.book.rows[k].state]);
			if (fates[i % ARRAY_SIZE(fates)] != FATE_RUN)
				assert_int_equal(fake_old_running(&x.fake), 1);
			/* Journal lost between the merge of owner's spec and the last clean-up. */
			assert_clean(&x);
			assert_false(mover_busy(x.mover));
			close_all(&x);
		}
	}
}

static void
test_foreign_label(void **unused)
{
	struct fixture x;
	static const char odd[] =
	    "{\"Name\":\"web\",\"Labels\":{\"forager.plan\":\"1-a-b\",\"forager.before\":\"{}\"}"
	    "," TASK("{}") "," MODE(1) "," UPDATE "}";

	(void) unused;
	/* A label that we cannot read is left alone, and said so with what to do. */
	open_with(&x, odd, (const uint32_t[]){0});
	recover(&x);
	assert_int_equal(x.n_each, 0);
	assert_non_null(strstr(x.recover_err.text, "--label-rm forager.plan"));
	assert_int_equal(x.fake.n_posts, 0);
	close_all(&x);
}

/* ---- stopping ---- */

static void
on_stopped(void *data, const struct error *err)
{
	struct fixture *x = data;

	(void) err;
	x->n_stopped++;
}

static void
test_stop(void **unused)
{
	static const struct {
		unsigned after; /* POSTs */
		enum fake_fate fate;
		enum move_state state;
	} cases[] = {
	    {0, FATE_RUN, MOVE_REFUSED},
	    {1, FATE_PREPARE, MOVE_REVERTED},
	    {1, FATE_RUN, MOVE_DONE},
	    {2, FATE_RUN, MOVE_DONE},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture x;

		open_with(&x, full, (const uint32_t[]){0});
		x.options.deadline_ms = 60000;
		mover_set_options(x.mover, &x.options);
		x.fake.fate = cases[i].fate;
		assert_int_equal(mover_start(x.mover, &ask, on_done, &x, NULL), 0);
		while (x.fake.n_applied < cases[i].after)
			(void) uv_run(&x.loop, UV_RUN_ONCE);
		mover_stop(x.mover, on_stopped, &x);
		assert_int_equal(x.n_stopped, 0);
		run_until(&x, &x.n_stopped, 1);
		assert_int_equal(x.n_done, 1);
		assert_int_equal(x.state, cases[i].state);
		assert_int_equal(mover_start(x.mover, &ask, on_done, &x, NULL), -ESHUTDOWN);
		assert_clean(&x);
		close_all(&x);
	}
}

static void
test_stop_idle(void **unused)
{
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	mover_stop(x.mover, on_stopped, &x);
	assert_int_equal(x.n_stopped, 0);
	run_until(&x, &x.n_stopped, 1);
	assert_int_equal(x.n_stopped, 1);
	close_all(&x);
}

/* ---- undo and release ---- */

static const char held[] = "{\"Name\":\"web\"," LABELS
                           "," TASK("{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                                    "node2bbbbbbbbbbbbbbbbbbbb\"]}") "," MODE(1) "," UPDATE "}";
static const char owners[] = "{\"Constraints\":[\"node.role!=ingress\"],\"Labels\":{}," UPDATE "}";
static const char holds[] = "{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                            "node2bbbbbbbbbbbbbbbbbbbb\"],\"Labels\":{}," UPDATE "}";

static struct intent
old_move(const char *before, const char *written)
{
	return (struct intent){.id = 1,
	                       .kind = MOVE_KIND_MOVE,
	                       .state = MOVE_DONE,
	                       .service_id = "service1sssssssssssssssss",
	                       .from_id = "node1aaaaaaaaaaaaaaaaaaaa",
	                       .to_id = "node3cccccccccccccccccccc",
	                       .service_name = (char *) "web",
	                       .added = (char *) "[]",
	                       .before = (char *) before,
	                       .written = (char *) written};
}

static void
test_undo(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &row, .person = true};
	_cleanup_(freep) char *owned = NULL;
	struct fixture x;

	(void) unused;
	open_with(&x, held, (const uint32_t[]){2});
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_string_equal(x.book.trail, "planned verified settled done");
	assert_int_equal(x.book.rows[0].undo_of, 1);
	assert_false(fake_has_term(x.fake.spec));
	assert_false(fake_has_term(x.fake.previous));
	assert_int_equal(spec_owned_get(x.fake.spec, &owned, NULL), 0);
	json_auto_t *want = json_loads(owners, 0, NULL), *got = json_loads(owned, 0, NULL);
	assert_true(json_equal(want, got));
	assert_int_equal(fake_old_running(&x.fake), 1); /* nothing was restarted */
	assert_int_equal(x.fake.n_applied, 2);

	/* A second time there is nothing left to do, and nothing is sent. */
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_false(x.changed);
	assert_int_equal(x.fake.n_applied, 2);
	close_all(&x);
}

static void
test_undo_beside_owner(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_RELEASE, .service = "web", .undone = &row, .person = true};
	struct fixture x;
	char *text;

	(void) unused;
	open_with(&x, held, (const uint32_t[]){2});
	/* Since our move its owner has added a constraint and slowed the updates down. */
	json_t *list = json_object_get(
	    json_object_get(json_object_get(x.fake.spec, "TaskTemplate"), "Placement"),
	    "Constraints");
	(void) json_array_append_new(list, json_string("node.labels.zone==x"));
	(void) json_object_set_new(json_object_get(x.fake.spec, "UpdateConfig"), "Delay",
	                           json_integer(99));
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	text = json_dumps(x.fake.spec, JSON_COMPACT);
	assert_non_null(strstr(text, "[\"node.role!=ingress\",\"node.labels.zone==x\"]"));
	assert_non_null(strstr(text, "\"Delay\":99"));
	free(text);
	close_all(&x);
}

static void
test_undo_faults(void **unused)
{
	(void) unused;
	for (unsigned at = 0; at < 2; at++)
		for (int fault = FAULT_LOSE; fault <= FAULT_CONFLICT; fault++) {
			struct intent row = old_move(owners, holds);
			struct move_request r = {.kind = MOVE_KIND_UNDO,
			                         .service = "web",
			                         .undo_of = 1,
			                         .undone = &row,
			                         .person = true};
			struct fixture x;

			open_with(&x, held, (const uint32_t[]){2});
			x.fake.faults[at] = (enum fake_fault) fault;
			request(&x, &r);
			assert_int_equal(x.state, MOVE_DONE);
			assert_false(fake_has_term(x.fake.spec));
			close_all(&x);
		}
}

static void
test_move_back(void **unused)
{
	struct intent row = old_move(owners, owners);
	struct move_request r = {.kind = MOVE_KIND_UNDO,
	                         .service = "web",
	                         .from = "node3cccccccccccccccccccc",
	                         .to = "node1aaaaaaaaaaaaaaaaaaaa",
	                         .undo_of = 1,
	                         .undone = &row,
	                         .person = true};
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){2});
	/* forager pause stops moves; taking them back goes on. */
	x.options.paused = true;
	mover_set_options(x.mover, &x.options);
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(fake_running(&x.fake, 0), 1);
	assert_int_equal(x.book.rows[0].kind, MOVE_KIND_UNDO);
	assert_clean(&x);
	close_all(&x);
}

static void
test_release_nothing(void **unused)
{
	struct move_request r = {.kind = MOVE_KIND_RELEASE, .service = "web", .person = true};
	struct fixture x;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	request(&x, &r);
	assert_int_equal(x.state, MOVE_DONE);
	assert_int_equal(x.fake.n_posts, 0);
	assert_non_null(strstr(x.text, "nothing of forager's"));
	/* An update of someone else's: nothing of ours is worth to disturb it. */
	close_all(&x);
}

static void
test_undo_waits_for_nobody(void **unused)
{
	struct intent row = old_move(owners, holds);
	struct move_request r = {
	    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &row, .person = true};
	static const struct {
		const char *state;
		enum verdict verdict;
	} cases[] = {{"updating", VERDICT_UPDATE_OPEN}, {"paused", VERDICT_UPDATE_PAUSED}};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture x;

		open_with(&x, held, (const uint32_t[]){2});
		x.fake.update_state = cases[i].state;
		x.fake.update_left = 1000;
		request(&x, &r);
		assert_int_equal(x.state, MOVE_REFUSED);
		assert_int_equal(x.verdict, cases[i].verdict);
		assert_int_equal(x.fake.n_posts, 0);
		close_all(&x);
	}
}

/* ---- what a person asks for ---- */

struct performed {
	unsigned n;
	int exit_code;
	size_t n_items;
	enum move_state first;
	char text[256];
};

static void
on_performed(void *data, const struct actor_result *result)
{
	struct performed *p = data;

	p->n++;
	p->exit_code = result->exit_code;
	p->n_items = result->n_items;
	p->first = result->n_items > 0 ? result->items[0].state : MOVE_STATE_N;
	(void) str_copy(p->text, sizeof(p->text), result->text);
}

static struct performed
perform(struct fixture *x, const struct actor_request *r)
{
	struct mover_journal journal = {
	    .data = &x->book, .add = book_add, .update = book_update, .list = book_list};
	struct performed p = {0};
	struct error err = {0};

	if (actor_perform(&x->loop, x->mover, &journal, r, on_performed, &p, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(p.n, 0);
	run_until(x, &p.n, 1);
	return p;
}

static void
test_perform(void **unused)
{
	static const struct actor_request there = {
	    .verb = ACTOR_VERB_MOVE, .service = "web", .from = "a", .to = "c"};
	static const struct actor_request on = {
	    .verb = ACTOR_VERB_MOVE, .service = "web", .from = "c", .to = "b"};
	static const struct actor_request back = {
	    .verb = ACTOR_VERB_UNDO, .all = true, .move_back = true};
	static const struct actor_request one = {.verb = ACTOR_VERB_UNDO, .id = 1};
	static const struct actor_request none = {.verb = ACTOR_VERB_UNDO, .id = 99};
	static const struct actor_request release = {.verb = ACTOR_VERB_RELEASE, .service = "web"};
	struct fixture x;
	struct performed p;

	(void) unused;
	open_with(&x, full, (const uint32_t[]){0});
	p = perform(&x, &there);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.first, MOVE_DONE);
	assert_int_equal(perform(&x, &on).exit_code, 0);
	assert_int_equal(fake_running(&x.fake, 1), 1);
	p = perform(&x, &there); /* no copy there any more */
	assert_int_equal(p.exit_code, 3);
	p = perform(&x, &none);
	assert_int_equal(p.exit_code, 2);
	assert_non_null(strstr(p.text, "no move 99"));
	p = perform(&x, &(struct actor_request){.verb = ACTOR_VERB_UNDO, .id = 3});
	assert_int_equal(p.exit_code, 2); /* that one was refused */
	p = perform(&x, &release);
	assert_int_equal(p.exit_code, 0);
	/* Newest first: b to c, then c to a. */
	p = perform(&x, &back);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.n_items, 2);
	assert_int_equal(fake_running(&x.fake, 0), 1);
	assert_clean(&x);
	p = perform(&x, &back);
	assert_int_equal(p.exit_code, 0);
	assert_int_equal(p.n_items, 0);
	assert_int_equal(perform(&x, &one).exit_code, 0);
	close_all(&x);
}

static void
test_perform_stopped(void **unused)
{
	static const struct actor_request all = {.verb = ACTOR_VERB_UNDO, .all = true};
	struct mover_journal journal;
	struct performed p = {0};
	struct fixture x;

	(void) unused;
	/* The mover goes before it began: it is told, and touches nothing that is gone. */
	open_with(&x, full, (const uint32_t[]){0});
	journal = (struct mover_journal){
	    .data = &x.book, .add = book_add, .update = book_update, .list = book_list};
	assert_int_equal(actor_perform(&x.loop, x.mover, &journal, &all, on_performed, &p, NULL),
	                 0);
	close_all(&x);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.exit_code, 1);
	assert_non_null(strstr(p.text, "stopping"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_move),
	    cmocka_unit_test(test_move_copies),
	    cmocka_unit_test(test_steering_keeps_control),
	    cmocka_unit_test(test_reverts),
	    cmocka_unit_test(test_astray),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_person_overrules_mode),
	    cmocka_unit_test(test_bad_requests),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_refused_by_swarm),
	    cmocka_unit_test(test_out_of_tries),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_keeps_trying),
	    cmocka_unit_test(test_foreign),
	    cmocka_unit_test(test_removed),
	    cmocka_unit_test(test_snapshot_lags),
	    cmocka_unit_test(test_journal_fails),
	    cmocka_unit_test(test_kill_points),
	    cmocka_unit_test(test_foreign_label),
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_stop_idle),
	    cmocka_unit_test(test_undo),
	    cmocka_unit_test(test_undo_beside_owner),
	    cmocka_unit_test(test_undo_faults),
	    cmocka_unit_test(test_move_back),
	    cmocka_unit_test(test_release_nothing),
	    cmocka_unit_test(test_undo_waits_for_nobody),
	    cmocka_unit_test(test_perform),
	    cmocka_unit_test(test_perform_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
