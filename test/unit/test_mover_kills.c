/*
 * The kill points, as the mover's table has them: each effect of each state is a point before and
 * after a write of the journal, before each request, and while it waits. A run is killed at each of
 * them in turn; the next one finishes it or takes it back. Every state of the table must be hit.
 */
#include "test/unit/mover_effects.h"

#include <limits.h>

/* Its second copy stays on b, so that the terms deny nodes instead of naming one. */
static const char two[] = "{\"Name\":\"web\"," LABELS "," TASK("{}") "," MODE(2) "," UPDATE "}";
static const char held[] = "{\"Name\":\"web\"," LABELS
                           "," TASK("{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                                    "node2bbbbbbbbbbbbbbbbbbbb\"]}") "," MODE(1) "," UPDATE "}";
static const struct intent undone = {
    .id = 1,
    .kind = MOVE_KIND_MOVE,
    .state = MOVE_DONE,
    .service_id = "service1sssssssssssssssss",
    .service_name = (char *) "web",
    .added = (char *) "[]",
    .before = (char *) "{\"Constraints\":[\"node.role!=ingress\"],\"Labels\":{}," UPDATE "}",
    .written = (char *) "{\"Constraints\":[\"node.role!=ingress\",\"node.id!="
                        "node2bbbbbbbbbbbbbbbbbbbb\"],\"Labels\":{}," UPDATE "}"};

static const struct move_request undo = {
    .kind = MOVE_KIND_UNDO, .service = "web", .undo_of = 1, .undone = &undone, .person = true};
static const struct move_request release = {
    .kind = MOVE_KIND_RELEASE, .service = "web", .person = true};

static void
deploy(struct fake_swarm *f, unsigned n)
{
	json_t *spec;

	if (n != 0)
		return;
	spec = json_deep_copy(f->spec);
	set_image(spec);
	fake_write(f, spec);
}

/* Until the move is left open. */
static void
fall_silent(struct fake_swarm *f, unsigned n)
{
	if (n != 0)
		return;
	f->broken = "/services/";
	f->broken_left = UINT_MAX;
}

static const struct scenario {
	const char *name, *spec;
	const struct move_request *request;
	enum fake_fate fate;
	enum fake_fault second; /* what becomes of the second POST */
	void (*on_post)(struct fake_swarm *f, unsigned n);
	bool paused;
} scenarios[] = {
    {.name = "a move", .spec = spec_full, .request = &world_ask},
    {.name = "a revert", .spec = spec_full, .request = &world_ask, .fate = FATE_FAIL},
    {.name = "astray", .spec = two, .request = &world_ask, .on_post = world_scatter},
    {.name = "somebody's deploy", .spec = spec_full, .request = &world_ask, .on_post = deploy},
    {.name = "refused by Swarm", .spec = spec_full, .request = &world_ask, .second = FAULT_REFUSE},
    {.name = "silence", .spec = spec_full, .request = &world_ask, .on_post = fall_silent},
    {.name = "an undo", .spec = held, .request = &undo},
    {.name = "nothing to release", .spec = spec_full, .request = &release},
    {.name = "paused", .spec = spec_full, .request = &world_ask, .paused = true},
};

enum point { BEFORE_WRITE, AFTER_WRITE, BEFORE_REQUEST, WAITING };

static struct {
	struct world x;
	struct mover_journal journal;
	unsigned n, kill_at; /* points passed; the one to be killed at */
	enum mover_state state, last;
	unsigned hits[MOVER_STATE_N];
} run;

/* One point is passed: true when this is the one, and the mover is gone. */
static bool
pass(enum point point)
{
	const struct mover *m = run.x.mover;

	(void) point;
	if (run.x.killed || m == NULL || m->change == NULL)
		return false;
	run.last = m->change->state;
	if (++run.n != run.kill_at)
		return false;
	run.state = m->change->state;
	run.hits[run.state]++;
	run.x.killed = true;
	mover_close(run.x.mover, world_on_closed, &run.x);
	return true;
}

/* cb finds nobody then, and frees its ticket. */
static void
write_row(bool add, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	struct error gone = {.code = -ECANCELED, .text = "killed"};

	if (pass(BEFORE_WRITE)) {
		cb(ctx, 0, &gone);
		return;
	}
	(void) pass(AFTER_WRITE);
	(add ? run.journal.add : run.journal.update)(run.journal.data, in, cb, ctx);
}

static void
add_row(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	(void) data;
	write_row(true, in, cb, ctx);
}

static void
update_row(void *data, const struct intent *in, mover_stored_cb *cb, void *ctx)
{
	(void) data;
	write_row(false, in, cb, ctx);
}

static void
on_request(struct fake_swarm *f, const char *method, const char *target)
{
	(void) f;
	(void) method;
	(void) target;
	(void) pass(BEFORE_REQUEST);
}

static void
prepare(const struct scenario *s)
{
	struct world *x = &run.x;

	world_open(x, s->spec, (const uint32_t[]){0, 1});
	x->options.deadline_ms = 150;
	x->options.poll_ms = 15;
	x->options.try_ms = 1;
	x->options.retry_ms = 20;
	x->options.keep_trying = true;
	x->options.paused = s->paused;
	x->fake.fate = s->fate;
	x->fake.faults[1] = s->second;
	x->fake.on_post = s->on_post;
	x->fake.on_request = on_request;
	mover_set_options(x->mover, &x->options);
	run.journal = x->mover->journal;
	x->mover->journal.add = add_row;
	x->mover->journal.update = update_row;
	run.n = 0;
	run.last = MOVER_STATE_N;
}

/* Returns whether it was killed. */
static bool
run_to_end(const struct scenario *s)
{
	struct world *x = &run.x;
	struct error err = {0};

	if (mover_start(x->mover, s->request, world_on_done, x, &err) < 0)
		fail_msg("%s", err.text);
	while (x->n_done == 0 && !x->killed) {
		(void) uv_run(&x->loop, UV_RUN_ONCE);
		if (x->mover == NULL || x->mover->change == NULL)
			continue;
		if (x->mover->change->state == MOVER_LEFT_OPEN)
			x->fake.broken_left = 0;
		if (x->mover->change->state != run.last)
			(void) pass(WAITING);
	}
	return x->killed;
}

static bool
all_ended(const struct book *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!journal_state_ended(b->rows[i].state))
			return false;
	return true;
}

static void
recover(const struct scenario *s)
{
	struct world *x = &run.x;
	const struct intent *row;

	while (x->mover != NULL)
		(void) uv_run(&x->loop, UV_RUN_ONCE);
	x->killed = false;
	x->fake.on_request = NULL;
	x->fake.on_post = NULL;
	x->fake.broken_left = 0;
	x->options.keep_trying = false;
	world_mover(x);
	for (unsigned i = 0; i < 20 && (i == 0 || !all_ended(&x->book)); i++)
		world_recover(x);
	row = x->book.n > 0 ? &x->book.rows[x->book.n - 1] : NULL;
	if (!all_ended(&x->book))
		fail_msg("%s, killed in %s: a row is open (%s)", s->name,
		         mover_state_infos[run.state].name, x->book.trail);
	if (row != NULL && row->state == MOVE_GAVE_UP && s->second == FAULT_REFUSE)
		return; /* what Swarm refuses is left to people, and that is told */
	if (spec_plan(x->fake.spec) != NULL || spec_before(x->fake.spec) != NULL ||
	    (s->request != &undo && fake_has_term(x->fake.spec)))
		fail_msg("%s, killed in %s: something of ours is left (%s)", s->name,
		         mover_state_infos[run.state].name, x->book.trail);
	if (fake_running(&x->fake, FAKE_NODES) != x->fake.slots)
		fail_msg("%s, killed in %s: a task does not run", s->name,
		         mover_state_infos[run.state].name);
}

static void
test_every_state(void **unused)
{
	unsigned points = 0;

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		bool killed = true;

		for (run.kill_at = 1; killed; run.kill_at++) {
			prepare(&scenarios[i]);
			killed = run_to_end(&scenarios[i]);
			if (killed)
				recover(&scenarios[i]);
			points += killed;
			world_close(&run.x);
		}
	}
	for (size_t s = 0; s < MOVER_STATE_N; s++)
		print_message("%-12s %u\n", mover_state_infos[s].name, run.hits[s]);
	print_message("%u kill points\n", points);
	for (size_t s = 0; s < MOVER_STATE_N; s++)
		if (run.hits[s] == 0)
			fail_msg("no kill point in %s", mover_state_infos[s].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_state),
	};

	api_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
