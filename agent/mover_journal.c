/* The mover's journals over storage/journal; see mover_journal.h. */
#include "agent/mover_journal.h"

#include <errno.h>

#include "agent/writer.h"
#include "storage/journal.h"

enum job_kind { JOB_ADD, JOB_UPDATE, JOB_LIST };

/* What goes to the writer's thread and comes back. */
struct job {
	enum job_kind kind;
	struct intent intent;
	enum mover_list which;
	uint64_t id;
	int64_t at_ms;
	struct journal_list list;
	mover_stored_cb *stored;
	mover_listed_cb *listed;
	void *ctx;
};

/* The journal gives the newest first; what is open is taken up in the order of its beginning. */
static void
reverse(struct journal_list *list)
{
	for (size_t i = 0; i < list->n / 2; i++) {
		struct intent swap = list->items[i];

		list->items[i] = list->items[list->n - 1 - i];
		list->items[list->n - 1 - i] = swap;
	}
}

static int
list_one(struct store *s, uint64_t id, struct journal_list *ret, struct error *err)
{
	struct intent one = {0};
	int r = journal_get(s, id, &one, err);

	if (r == -ENOENT) {
		error_clear(err);
		*ret = (struct journal_list){0};
		return 0;
	}
	if (r < 0)
		return r;
	ret->items = xcalloc(1, sizeof(*ret->items));
	ret->items[0] = one;
	ret->n = 1;
	return 0;
}

static int
list(struct store *s, enum mover_list which, uint64_t id, struct journal_list *ret,
     struct error *err)
{
	int r;

	switch (which) {
	case MOVER_LIST_ID:
		return list_one(s, id, ret, err);
	case MOVER_LIST_OPEN:
		r = journal_open_moves(s, ret, err);
		if (r >= 0)
			reverse(ret);
		return r;
	default: /* MOVER_LIST_UNDOABLE */
		return journal_list(s, JOURNAL_UNDOABLE, 0, ret, err);
	}
}

static int
job_run(struct store *s, void *data, struct error *err)
{
	struct job *j = data;

	switch (j->kind) {
	case JOB_ADD:
		return journal_add(s, &j->intent, j->at_ms, &j->id, err);
	case JOB_UPDATE:
		return journal_update(s, &j->intent, j->at_ms, j->intent.reason, err);
	default: /* JOB_LIST */
		return list(s, j->which, j->id, &j->list, err);
	}
}

static void
job_done(void *data, const struct error *err)
{
	struct job *j = data;
	const struct error *why = err->code != 0 ? err : NULL;

	if (j->kind == JOB_LIST)
		j->listed(j->ctx, j->list.items, why != NULL ? 0 : j->list.n, why);
	else
		j->stored(j->ctx, j->id, why);
	journal_intent_done(&j->intent);
	journal_list_done(&j->list);
	free(j);
}

static struct job *
job_new(enum job_kind kind, const struct intent *intent, void *ctx)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->kind = kind;
	j->at_ms = wall_ms();
	j->ctx = ctx;
	if (intent != NULL) {
		journal_intent_copy(intent, &j->intent);
		j->id = intent->id;
	}
	return j;
}

static void
writer_add(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_ADD, intent, ctx);

	j->stored = cb;
	writer_submit(data, job_run, job_done, j);
}

static void
writer_update(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_UPDATE, intent, ctx);

	j->stored = cb;
	writer_submit(data, job_run, job_done, j);
}

static void
writer_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_LIST, NULL, ctx);

	j->which = which;
	j->id = id;
	j->listed = cb;
	writer_submit(data, job_run, job_done, j);
}

struct mover_journal
mover_journal_writer(struct writer *w)
{
	return (struct mover_journal){
	    .data = w, .add = writer_add, .update = writer_update, .list = writer_list};
}

static void
run_now(struct store *s, struct job *j)
{
	struct error err = {0};

	(void) job_run(s, j, &err);
	job_done(j, &err);
}

static void
store_add(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_ADD, intent, ctx);

	j->stored = cb;
	run_now(data, j);
}

static void
store_update(void *data, const struct intent *intent, mover_stored_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_UPDATE, intent, ctx);

	j->stored = cb;
	run_now(data, j);
}

static void
store_list(void *data, enum mover_list which, uint64_t id, mover_listed_cb *cb, void *ctx)
{
	struct job *j = job_new(JOB_LIST, NULL, ctx);

	j->which = which;
	j->id = id;
	j->listed = cb;
	run_now(data, j);
}

struct mover_journal
mover_journal_store(struct store *s)
{
	return (struct mover_journal){
	    .data = s, .add = store_add, .update = store_update, .list = store_list};
}
