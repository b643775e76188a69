/* The world of the mover's tests; see mover_world.h. */
#include "test/unit/mover_world.h"

#include <errno.h>
#include <stdio.h>

#include "storage/journal.h"

const char spec_plain[] = "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(1) "," UPDATE "}";
const char spec_full[] =
    "{\"Name\":\"web\"," LABELS
    "," TASK("{\"Constraints\":[\"node.role!=ingress\"],\"MaxReplicas\":3}") "," MODE(
        1) "," UPDATE ",\"EndpointSpec\":{\"Mode\":\"dnsrr\"}}";
const char spec_bare[] =
    "{\"Name\":\"web\",\"Labels\":null," TASK("{\"Constraints\":null}") "," MODE(1) "}";
const char spec_empty[] = "{\"Name\":\"web\",\"Labels\":{}," TASK("{\"Constraints\":[]}") "," MODE(
    1) ",\"UpdateConfig\":{}}";
const char spec_three[] = "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(3) "," UPDATE "}";

const struct move_request world_ask = {
    .kind = MOVE_KIND_MOVE, .service = "web", .from = "a", .to = "c", .decision_id = 7};

/* ---- a journal in memory ---- */

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

void
book_done(struct book *b)
{
	for (size_t i = 0; i < b->n; i++)
		journal_intent_done(&b->rows[i]);
}

struct mover_journal
book_journal(struct book *b)
{
	return (struct mover_journal){
	    .data = b, .add = book_add, .update = book_update, .list = book_list};
}

/* ---- one test's world ---- */

static void
make_snapshot(struct world *x, struct snapshot *s, struct snap_node *nodes, struct snap_service *v,
              struct snap_task *tasks, struct snap_image *images)
{
	const struct fake_swarm *f = &x->fake;

	*s = (struct snapshot){.nodes = nodes, .services = v, .tasks = tasks, .images = images};
	for (uint32_t i = 0; i < f->n_nodes; i++) {
		nodes[i] = (struct snap_node){.id = fake_node_ids[i],
		                              .hostname = fake_node_names[i],
		                              .version = f->node_version,
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
	s->n_services = f->removed ? 0 : 1;
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
	struct world *x = timer->data;
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
	struct world *x = data;

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

void
world_mover(struct world *x)
{
	struct mover_journal journal = book_journal(&x->book);
	struct mover_eyes eyes = {.data = x, .look = look};

	assert_int_equal(mover_new(&x->loop, x->api, &journal, &eyes, &x->options, &x->mover, NULL),
	                 0);
}

void
world_open(struct world *x, const char *spec, const uint32_t *on)
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
	(void) uv_timer_start(&x->guard, on_guard, 60000, 0);
	uv_unref((uv_handle_t *) &x->guard);
	fake_open(&x->fake, &x->loop, spec, on);
	x->fake.data = x;
	x->http = http_open(&x->loop);
	_cleanup_(freep) char *url = xasprintf("unix://%s", x->fake.path);
	options.url = url;
	options.timeout_ms = 5000;
	assert_int_equal(api_new(x->http, &options, &x->api, NULL), 0);
	x->options = (struct mover_options){.mode = ACT_AUTO,
	                                    .deadline_ms = 400,
	                                    .poll_ms = 2,
	                                    .retry_ms = 5,
	                                    .try_ms = 5,
	                                    .lease_key = "0123456789abcdef"};
	x->traits = TRAIT_PLACEMENT | TRAIT_START_FIRST | TRAIT_HEALTHCHECK;
	world_mover(x);
}

void
world_scatter(struct fake_swarm *f, unsigned n)
{
	if (n == 0) {
		f->n_nodes = 4;
		f->fate = FATE_ELSEWHERE;
	}
}

void
world_on_closed(void *data)
{
	struct world *x = data;

	x->mover = NULL;
}

void
world_close(struct world *x)
{
	if (x->mover != NULL)
		mover_close(x->mover, world_on_closed, x);
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

void
world_on_done(void *data, const struct move_outcome *out)
{
	struct world *x = data;

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

void
world_run(struct world *x, const unsigned *counter, unsigned want)
{
	while (*counter < want && !x->killed)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
}

void
world_request(struct world *x, const struct move_request *r)
{
	struct error err = {0};
	unsigned before = x->n_done;

	if (mover_start(x->mover, r, world_on_done, x, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(x->n_done, before); /* never inside the call */
	assert_true(mover_busy(x->mover));
	world_run(x, &x->n_done, before + 1);
}

static void
on_each(void *data, const struct move_outcome *out)
{
	struct world *x = data;

	x->n_each++;
	x->n_done--; /* counted by world_on_done, but not a request's */
	world_on_done(x, out);
}

static void
on_recovered(void *data, const struct error *err)
{
	struct world *x = data;

	x->n_recovered++;
	assert_true(err == NULL || err->code != 0);
	if (err != NULL)
		x->recover_err = *err;
}

void
world_recover(struct world *x)
{
	x->n_recovered = 0;
	x->n_each = 0;
	assert_int_equal(mover_recover(x->mover, on_each, on_recovered, x, NULL), 0);
	world_run(x, &x->n_recovered, 1);
}

void
world_clean(const struct world *x)
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
