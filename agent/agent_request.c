/* Wishes of the command line: rows of table request, taken one by one, carried out, answered. */
#include "agent/agent_priv.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/actor.h"
#include "agent/mover_journal.h"
#include "base/log.h"
#include "storage/request.h"

/* Whoever asked has given up after this: a move that comes as a surprise is worse than none. */
#define WISH_AGE_MS 60000

/* One row on its way: taken, waiting for the mover, carried out, answered. */
struct wish {
	struct agent *agent;
	struct request row;
	enum actor_verb verb;
	struct actor_request request;
	char *owner; /* of the request's strings */
	/* The answer. */
	enum request_state state;
	char *result;
	int exit_code;
	struct wish *next; /* of agent.unanswered */
};

/* What the writer looks up for us. */
struct inquiry {
	struct agent *agent;
	bool found;
	struct request row;
	int64_t paused_since_ms;
};

static void
wish_free(struct wish *w)
{
	request_done(&w->row);
	free(w->owner);
	free(w->result);
	free(w);
}

static int
work_answer(struct store *s, void *data, struct error *err)
{
	struct wish *w = data;
	int r = 0;

	if (w->verb == ACTOR_VERB_PAUSE && w->state == REQUEST_DONE)
		r = store_pause(s, w->request.who, NULL, wall_ms(), err);
	else if (w->verb == ACTOR_VERB_RESUME && w->state == REQUEST_DONE)
		r = store_resume(s, err);
	if (r < 0)
		return r;
	return request_finish(s, w->row.id, w->state, w->result, w->exit_code, wall_ms(), err);
}

/* Whoever asked waits for as long as we run: a disk that fails once must not leave them there. */
static void
answered(void *data, const struct error *err)
{
	struct wish *w = data;
	struct agent *a = w->agent;

	if (err->code != 0)
		log_warning("A request could not be answered: request=%" PRIu64 " error='%s'",
		            w->row.id, err->text);
	/* A failed commit may stand all the same; at the end the next start answers what is left.
	 */
	if (err->code == 0 || err->code == -EALREADY || err->code == -ENOENT || a->stopping) {
		wish_free(w);
		return;
	}
	w->next = a->unanswered;
	a->unanswered = w;
}

static void
answer_again(struct agent *a)
{
	struct wish *w = take_ptr(a->unanswered);

	while (w != NULL) {
		struct wish *next = w->next;

		writer_submit(a->writer, work_answer, answered, w);
		w = next;
	}
}

/* Takes the wish over. */
static void
answer(struct wish *w, const struct actor_result *result)
{
	w->exit_code = result->exit_code;
	w->state = result->exit_code == 0   ? REQUEST_DONE
	           : result->exit_code == 3 ? REQUEST_REFUSED
	                                    : REQUEST_FAILED;
	w->result = actor_result_to_json(result);
	log_info("A request has ended: request=%" PRIu64 " kind=%s exit=%d result='%s'", w->row.id,
	         w->row.kind, w->exit_code, result->text == NULL ? "" : result->text);
	writer_submit(w->agent->writer, work_answer, answered, w);
}

static void
answer_text(struct wish *w, int exit_code, const char *text)
{
	struct actor_result result = {.exit_code = exit_code, .text = (char *) (uintptr_t) text};

	answer(w, &result);
}

static void
performed(void *data, const struct actor_result *result)
{
	struct wish *w = data;
	struct agent *a = w->agent;

	a->wish = NULL;
	answer(w, result);
	agent_next_wish(a);
}

static void
perform(struct wish *w)
{
	struct agent *a = w->agent;
	struct mover_journal journal = mover_journal_writer(a->writer);
	struct error err = {0};

	if (w->verb == ACTOR_VERB_MOVE)
		agent_note_begun(a, wall_ms());
	if (actor_perform(&a->loop, a->mover, &journal, &w->request, performed, w, &err) < 0) {
		a->wish = NULL;
		answer_text(w, 1, err.text);
	}
}

static void
set_own_only(struct agent *a, bool own_only)
{
	struct mover_options options = agent_mover_options(a);

	options.own_only = own_only;
	mover_set_options(a->mover, &options);
}

static void
looked(void *data, const struct error *err)
{
	struct wish *w = data;
	struct agent *a = w->agent;

	if (err != NULL)
		log_warning("What labels stand on services could not all be taken up: error='%s'",
		            err->text);
	if (a->stopping) {
		a->wish = NULL;
		answer_text(w, 1, "foragerd is stopping: ask again");
		return;
	}
	set_own_only(a, config_mode(a->config) == ACT_OBSERVE);
	perform(w);
}

/*
 * Who observes leaves alone what carries labels of another forager's move. A person who wants
 * forager's terms gone wants these gone, too, as they would be without a foragerd: somebody may
 * have written them back. Who holds the lease is at work on them, and keeps them.
 */
static bool
look_for_labels(struct wish *w)
{
	struct agent *a = w->agent;
	struct error err = {0};

	if (config_mode(a->config) != ACT_OBSERVE || w->request.dry_run ||
	    (w->verb != ACTOR_VERB_UNDO && w->verb != ACTOR_VERB_RELEASE) || mover_busy(a->mover))
		return false;
	set_own_only(a, false);
	if (mover_recover(a->mover, NULL, looked, w, &err) == 0)
		return true;
	set_own_only(a, true);
	return false;
}

void
agent_next_wish(struct agent *a)
{
	while (a->n_wishes > 0 && a->wish == NULL && !a->stopping &&
	       (!mover_busy(a->mover) || mover_resting(a->mover))) {
		struct wish *w = a->wishes[0];

		a->n_wishes--;
		memmove(a->wishes, a->wishes + 1, a->n_wishes * sizeof(struct wish *));
		a->wish = w;
		if (!look_for_labels(w))
			perform(w);
	}
}

/* since_ms 0: not paused. The mover refuses too: what it is checking right now, and persons. */
void
agent_set_paused(struct agent *a, int64_t since_ms)
{
	struct mover_options options;
	bool changed = (since_ms != 0) != (a->paused_since_ms != 0);

	a->paused_since_ms = since_ms;
	if (!changed || a->mover == NULL)
		return;
	options = agent_mover_options(a);
	mover_set_options(a->mover, &options);
}

/* Pausing never waits for a move: it is the emergency stop. */
static void
pause_or_resume(struct wish *w)
{
	struct agent *a = w->agent;

	if (w->request.who == NULL)
		w->request.who = w->row.who;
	if (w->verb == ACTOR_VERB_PAUSE) {
		agent_set_paused(a, a->paused_since_ms == 0 ? wall_ms() : a->paused_since_ms);
		log_notice("Paused: nothing is moved until forager resume. by='%s'",
		           w->request.who == NULL ? "" : w->request.who);
		answer_text(w, 0, "paused: nothing is moved until `forager resume`");
		return;
	}
	agent_set_paused(a, 0);
	log_notice("Resumed. by='%s'", w->request.who == NULL ? "" : w->request.who);
	answer_text(w, 0, "resumed");
}

static void
take(struct agent *a, struct request *row)
{
	struct wish *w = xcalloc(1, sizeof(*w));
	struct error err = {0};
	int verb = actor_verb_parse(row->kind);

	w->agent = a;
	w->row = *row;
	*row = (struct request){0};
	w->verb = verb < 0 ? ACTOR_VERB_N : (enum actor_verb) verb;
	log_info("A request: request=%" PRIu64 " kind=%s by='%s'", w->row.id, w->row.kind,
	         w->row.who == NULL ? "" : w->row.who);
	if (verb < 0) {
		answer_text(w, 2,
		            "this foragerd does not know such a request: is it older than the "
		            "forager that asks?");
		return;
	}
	if (actor_request_from_json(w->verb, w->row.args, &w->request, &w->owner, &err) < 0) {
		answer_text(w, 2, err.text);
		return;
	}
	if (w->verb == ACTOR_VERB_PAUSE || w->verb == ACTOR_VERB_RESUME) {
		pause_or_resume(w);
	} else if (a->n_wishes == AGENT_REQUESTS) {
		answer_text(w, 1, "too many requests wait already: try again later");
	} else {
		a->wishes[a->n_wishes++] = w;
		agent_next_wish(a);
	}
}

static int
work_inquire(struct store *s, void *data, struct error *err)
{
	struct inquiry *q = data;
	int r = store_is_paused(s, &q->paused_since_ms, err);

	if (r < 0)
		return r;
	if (r == 0)
		q->paused_since_ms = 0;
	r = request_waiting(s, err);
	if (r > 0)
		r = request_take(s, wall_ms(), WISH_AGE_MS, &q->row, err);
	q->found = r > 0;
	return MIN(r, 0);
}

static void
inquired(void *data, const struct error *err)
{
	struct inquiry *q = data;
	struct agent *a = q->agent;

	a->requesting = false;
	/* `forager pause` without a running foragerd writes it itself. */
	if (err->code == 0 && !q->found)
		agent_set_paused(a, q->paused_since_ms);
	if (q->found && !a->stopping)
		take(a, &q->row);
	request_done(&q->row);
	free(q);
}

void
agent_poll_requests(struct agent *a)
{
	struct inquiry *q;

	/* A hanging disk must not pile up questions. */
	if (a->requesting || a->stopping)
		return;
	answer_again(a);
	q = xcalloc(1, sizeof(*q));
	q->agent = a;
	a->requesting = true;
	writer_submit(a->writer, work_inquire, inquired, q);
}

/* At the end: whoever waits is told. The one being carried out was ended by mover_stop. */
void
agent_wishes_done(struct agent *a)
{
	for (size_t i = 0; i < a->n_wishes; i++)
		answer_text(a->wishes[i], 1, "foragerd is stopping: ask again");
	a->n_wishes = 0;
	answer_again(a);
}
