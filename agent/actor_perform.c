/* Carries a person's wish out with a mover: one change, or one after another; see actor.h. */
#include <errno.h>
#include <inttypes.h>

#include "agent/actor.h"
#include "storage/journal.h"

/*
 * Taking several moves back touches the same nodes again and again, and a node whose overlay
 * network came or went is left alone for [moves] node-quiet. A person who said "take it back" waits
 * for that instead of asking again; twice the default of node-quiet is the bound.
 */
#define WAIT_MOST_MS  300000
#define WAIT_FIRST_MS 1000
#define WAIT_LAST_MS  16000

struct performance {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct mover *mover;
	struct mover_guest guest;
	bool stopped; /* the mover takes nothing more, and may be gone */
	struct mover_journal journal;
	struct actor_request request;
	char *service, *from, *to;
	actor_done_cb *done;
	void *data;

	struct move_request last; /* tried last; borrows from rows */
	bool again;               /* the timer is to try it once more */
	int64_t waited_ms, wait_ms;

	struct intent *rows; /* still to be taken back */
	size_t n_rows, next;
	struct actor_result result;
};

static void
performance_free(struct performance *p)
{
	mover_guest_remove(&p->guest);
	for (size_t i = 0; i < p->n_rows; i++)
		journal_intent_done(&p->rows[i]);
	free(p->rows);
	actor_result_done(&p->result);
	free(p->service);
	free(p->from);
	free(p->to);
	free(p);
}

static char *
summary(const struct actor_result *r)
{
	size_t done = 0, refused = 0;

	if (r->n_items == 1)
		return xstrdup(r->items[0].text);
	for (size_t i = 0; i < r->n_items; i++) {
		done += r->items[i].state == MOVE_DONE;
		refused += r->items[i].state == MOVE_REFUSED;
	}
	return xasprintf("%zu done, %zu refused, %zu failed", done, refused,
	                 r->n_items - done - refused);
}

static void
finish(struct performance *p)
{
	if (p->result.text == NULL)
		p->result.text = summary(&p->result);
	p->done(p->data, &p->result);
	performance_free(p);
}

/* 0 done, 2 no such thing, 3 refused, 1 all else. */
static int
exit_of(const struct performance *p, const struct move_outcome *out)
{
	if (out->open)
		return 1;
	if (out->intent->state == MOVE_DONE)
		return 0;
	if (out->intent->state != MOVE_REFUSED)
		return 1;
	if (p->request.dry_run && out->verdict == VERDICT_OK && out->err != NULL &&
	    out->err->code == -ECANCELED)
		return 0;
	if (out->verdict == VERDICT_OK && out->err != NULL && out->err->code == -ENOENT)
		return 2;
	return out->verdict == VERDICT_OK || out->verdict == VERDICT_PARTIAL ? 1 : 3;
}

/* The graver one: a failure before a refusal before bad input. */
static int
graver(int a, int b)
{
	static const int rank[] = {[0] = 0, [1] = 3, [2] = 1, [3] = 2};

	return rank[a] >= rank[b] ? a : b;
}

static void
add_item(struct performance *p, const struct move_outcome *out)
{
	const struct intent *in = out->intent;
	struct actor_item *it;

	p->result.items =
	    xrealloc(p->result.items, p->result.n_items + 1, sizeof(*p->result.items));
	it = &p->result.items[p->result.n_items++];
	*it = (struct actor_item){.id = in->id,
	                          .kind = in->kind,
	                          .state = in->state,
	                          .verdict = out->verdict,
	                          .changed = out->changed,
	                          .open = out->open,
	                          .service = xstrdup(in->service_name),
	                          .from = xstrdup(in->from_name),
	                          .to = xstrdup(in->to_name),
	                          .places = xstrdup(out->places)};
	if (out->err != NULL)
		it->text = xstrdup(out->err->text);
	else
		it->text = xstrdup(in->reason != NULL ? in->reason : "done");
	p->result.exit_code = graver(p->result.exit_code, exit_of(p, out));
}

static void next(struct performance *p);
static void on_timer(uv_timer_t *timer);

static void
arm(struct performance *p, int64_t ms)
{
	if (uv_timer_init(p->loop, &p->timer) != 0)
		abort();
	p->timer.data = p;
	(void) uv_timer_start(&p->timer, on_timer, (uint64_t) ms, 0);
}

/* Refused only because something must calm down first: true when it will be tried again. */
static bool
wait_for_calm(struct performance *p, const struct move_outcome *out)
{
	if (p->stopped || p->request.verb != ACTOR_VERB_UNDO || p->request.dry_run || out->open ||
	    out->intent->state != MOVE_REFUSED || p->waited_ms >= WAIT_MOST_MS)
		return false;
	if (out->verdict != VERDICT_NODE_CHANGED && out->verdict != VERDICT_UPDATE_OPEN &&
	    out->verdict != VERDICT_NOT_RUNNING && out->verdict != VERDICT_OTHERS_MOVE)
		return false;
	p->wait_ms = p->wait_ms == 0 ? WAIT_FIRST_MS : MIN(2 * p->wait_ms, WAIT_LAST_MS);
	p->waited_ms += p->wait_ms;
	p->again = true;
	arm(p, p->wait_ms);
	return true;
}

static void
on_moved(void *data, const struct move_outcome *out)
{
	struct performance *p = data;

	if (wait_for_calm(p, out))
		return;
	p->waited_ms = p->wait_ms = 0;
	add_item(p, out);
	/* What does not answer will not answer the next one either. */
	if (out->open)
		finish(p);
	else
		next(p);
}

static void
fail(struct performance *p, int code, const struct error *err)
{
	p->result.exit_code = graver(p->result.exit_code, code);
	free(p->result.text);
	p->result.text = xstrdup(err->text);
	finish(p);
}

static void
start(struct performance *p, const struct move_request *request)
{
	struct error err = {0};

	p->last = *request;
	if (p->stopped) {
		(void) error_set(&err, ESHUTDOWN, "forager is stopping");
		fail(p, 1, &err);
	} else if (mover_start(p->mover, request, on_moved, p, &err) < 0)
		fail(p, 1, &err);
}

static void
next(struct performance *p)
{
	const struct intent *row;
	struct move_request r = {.person = true, .force = true, .dry_run = p->request.dry_run};

	if (p->next >= p->n_rows) {
		finish(p);
		return;
	}
	row = &p->rows[p->next++];
	r.service = row->service_id;
	r.undone = row;
	if (p->request.verb == ACTOR_VERB_RELEASE) {
		r.kind = MOVE_KIND_RELEASE;
	} else {
		r.kind = MOVE_KIND_UNDO;
		r.undo_of = row->id;
		r.from = p->request.move_back ? row->to_id : NULL;
		r.to = p->request.move_back ? row->from_id : NULL;
	}
	start(p, &r);
}

/* A release looks at the newest move of each service: an older one's terms went with it. */
static bool
wanted(const struct performance *p, const struct intent *row)
{
	if (p->request.verb == ACTOR_VERB_UNDO)
		return true;
	for (size_t i = 0; i < p->n_rows; i++)
		if (streq(p->rows[i].service_id, row->service_id))
			return false;
	return p->request.all || streq(row->service_id, p->service) ||
	       streq(row->service_name, p->service);
}

static int
check_undo(const struct performance *p, size_t n, const struct intent *rows, struct error *err)
{
	if (p->request.verb != ACTOR_VERB_UNDO || p->request.all)
		return 0;
	if (n == 0)
		return error_set(err, ENOENT,
		                 "no move %" PRIu64 " in the journal: see forager "
		                 "decisions",
		                 p->request.id);
	if (rows[0].state != MOVE_DONE || rows[0].kind == MOVE_KIND_RELEASE)
		return error_set(err, EINVAL,
		                 "move %" PRIu64 " ended as '%s': there is nothing to undo",
		                 p->request.id, move_state_names[rows[0].state]);
	return 0;
}

static void
on_listed(void *ctx, const struct intent *rows, size_t n, const struct error *err)
{
	struct performance *p = ctx;
	struct error why = {0};

	if (err != NULL && err->code != 0) {
		fail(p, 1, err);
		return;
	}
	if (check_undo(p, n, rows, &why) < 0) {
		fail(p, 2, &why);
		return;
	}
	p->rows = xcalloc(n + 1, sizeof(*p->rows));
	for (size_t i = 0; i < n; i++)
		if (wanted(p, &rows[i]))
			journal_intent_copy(&rows[i], &p->rows[p->n_rows++]);
	if (p->n_rows == 0 && p->service != NULL) {
		/* No row: the service may not even exist, or carry nothing of ours. Ask it. */
		start(p, &(struct move_request){.kind = MOVE_KIND_RELEASE,
		                                .service = p->service,
		                                .person = true,
		                                .dry_run = p->request.dry_run});
		return;
	}
	if (p->n_rows == 0)
		p->result.text = xstrdup("there is nothing of forager's to take back");
	next(p);
}

static void
begin(struct performance *p)
{
	const struct actor_request *r = &p->request;
	bool one = r->verb == ACTOR_VERB_UNDO && !r->all;
	struct error err = {0};

	if (p->stopped) { /* the journal may be gone as well */
		(void) error_set(&err, ESHUTDOWN, "forager is stopping");
		fail(p, 1, &err);
		return;
	}
	if (r->verb != ACTOR_VERB_MOVE) {
		p->journal.list(p->journal.data, one ? MOVER_LIST_ID : MOVER_LIST_UNDOABLE,
		                one ? r->id : 0, on_listed, p);
		return;
	}
	start(p, &(struct move_request){.kind = MOVE_KIND_MOVE,
	                                .service = p->service,
	                                .from = p->from,
	                                .to = p->to,
	                                .decision_id = r->decision_id,
	                                .person = true,
	                                .force = r->force,
	                                .dry_run = r->dry_run});
}

static void
on_closed(uv_handle_t *handle)
{
	struct performance *p = handle->data;
	struct move_request request = p->last;

	if (!p->again) {
		begin(p);
		return;
	}
	p->again = false;
	start(p, &request);
}

static void
on_timer(uv_timer_t *timer)
{
	uv_close((uv_handle_t *) timer, on_closed);
}

/* A wait for calm ends at once; a change that is open ends by itself. */
static void
on_mover_stop(void *data)
{
	struct performance *p = data;

	p->stopped = true;
	if (p->again && !uv_is_closing((uv_handle_t *) &p->timer))
		uv_close((uv_handle_t *) &p->timer, on_closed);
}

static int
check(const struct actor_request *r, struct error *err)
{
	switch (r->verb) {
	case ACTOR_VERB_MOVE:
		if (r->service == NULL || r->from == NULL || r->to == NULL)
			return error_set(err, EINVAL, "move needs a service and two nodes");
		return 0;
	case ACTOR_VERB_UNDO:
		if ((r->id == 0) != r->all)
			return error_set(err, EINVAL, "undo needs the id of a move, or --all");
		return 0;
	case ACTOR_VERB_RELEASE:
		if ((r->service == NULL) != r->all)
			return error_set(err, EINVAL, "release needs a service, or --all");
		return 0;
	default:
		return error_set(err, EINVAL, "no change of the Swarm");
	}
}

int
actor_perform(uv_loop_t *loop, struct mover *m, const struct mover_journal *journal,
              const struct actor_request *request, actor_done_cb *done, void *data,
              struct error *err)
{
	struct performance *p;
	int r = check(request, err);

	if (r < 0)
		return r;
	if (mover_busy(m))
		return error_set(err, EBUSY, "another change is open in the cluster");
	p = xcalloc(1, sizeof(*p));
	*p = (struct performance){.loop = loop,
	                          .mover = m,
	                          .journal = *journal,
	                          .request = *request,
	                          .service = xstrdup(request->service),
	                          .from = xstrdup(request->from),
	                          .to = xstrdup(request->to),
	                          .done = done,
	                          .data = data};
	p->guest = (struct mover_guest){.on_stop = on_mover_stop, .data = p};
	mover_guest_add(m, &p->guest);
	/* The journal may answer inside its call: what follows shall still come from the loop. */
	arm(p, 0);
	return 0;
}
