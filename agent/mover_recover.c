/*
 * Taking up what an earlier run left: the journal's open rows, then services that carry our plan
 * label without one.
 */
#include <errno.h>
#include <inttypes.h>

#include "agent/mover_internal.h"
#include "storage/journal.h"
#include "swarm/spec.h"

/* Of a wait, when the row does not tell. */
#define LENGTH_MIN_MS 10000
#define LENGTH_MAX_MS 3600000

struct recovery {
	move_done_cb *each;
	mover_cb *cb;
	void *data;
	struct error err; /* the first one */

	struct intent *rows; /* open in the journal */
	size_t n_rows, next_row;
	char **labelled; /* services with a plan label that no row explains */
	size_t n_labelled, next_labelled;
	bool scanned;
};

void
mover_recovery_free(struct recovery *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_rows; i++)
		journal_intent_done(&r->rows[i]);
	free(r->rows);
	change_ids_free(&r->labelled, &r->n_labelled);
	free(r);
}

static void
note_error(struct recovery *r, const struct error *err)
{
	if (r->err.code == 0 && err != NULL)
		r->err = *err;
}

static void
finish(struct mover *m)
{
	struct recovery *r = take_ptr(m->recovery);

	keeper_release(m->keeper);
	if (r->cb != NULL)
		r->cb(r->data, r->err.code != 0 ? &r->err : NULL);
	mover_recovery_free(r);
	if (m->stopping)
		mover_stopped_soon(m);
}

static void
on_change_done(void *data, const struct move_outcome *outcome)
{
	struct recovery *r = data;

	if (outcome->open)
		note_error(r, outcome->err);
	if (r->each != NULL)
		r->each(r->data, outcome);
}

static void
ids_from_json(const char *json, char ***ids, size_t *n)
{
	json_auto_t *list = json != NULL ? json_loads(json, 0, NULL) : NULL;
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_is_string(item))
			change_id_add(ids, n, json_string_value(item));
}

void
change_adopt(struct change *c, const struct intent *in)
{
	json_auto_t *added = in->added != NULL ? json_loads(in->added, 0, NULL) : NULL;

	journal_intent_copy(in, &c->in);
	c->kind = in->kind;
	c->person = in->decision_id == 0;
	c->recovering = true;
	c->service = xstrdup(in->service_id);
	if (in->to_id[0] != '\0') {
		c->from = xstrdup(in->from_id);
		c->to = xstrdup(in->to_id);
	}
	if (json_is_array(added))
		(void) json_array_extend(c->plan.add, added);
	ids_from_json(in->old_tasks, &c->old, &c->n_old);
	if (c->plan.label == NULL)
		c->plan.label = mover_plan_label(in);
	c->length_ms =
	    CLAMP(in->deadline_wall_ms - in->created_wall_ms, LENGTH_MIN_MS, LENGTH_MAX_MS);
}

static void
start_row(struct mover *m, const struct intent *in)
{
	struct change *c = change_new();

	change_adopt(c, in);
	c->done = on_change_done;
	c->data = m->recovery;
	mover_start_change(m, c, MOVER_RECOVER);
}

/* ---- from labels alone ---- */

static void
on_adopted(void *ctx, uint64_t id, const struct error *err)
{
	struct mover *m = ticket_take(ctx);

	if (m == NULL)
		return;
	/* Without a row we go on all the same: what stands there is owed to its owner. */
	note_error(m->recovery, err);
	if (err == NULL)
		m->change->in.id = id;
	mover_start_change(m, m->change, MOVER_RECOVER);
}

static void
adopt(struct mover *m, struct change *c)
{
	c->done = on_change_done;
	c->data = m->recovery;
	m->change = c;
	m->journal.add(m->journal.data, &c->in, on_adopted, ticket_new(m));
}

static void read_labelled(struct mover *m);

static void
skip_labelled(struct mover *m, const struct error *err)
{
	note_error(m->recovery, err);
	m->recovery->next_labelled++;
	mover_recovery_next(m);
}

/*
 * What carries a label is somebody's open move. Who holds the lease is at work on it; who does not
 * lead leaves it to the forager that does, and has nothing to complain about.
 */
static void
on_lead(struct mover *m, const struct docker_nodes *nodes, enum verdict verdict,
        const struct error *err)
{
	struct recovery *r = m->recovery;

	(void) nodes;
	if (verdict == VERDICT_OK) {
		read_labelled(m);
		return;
	}
	if (verdict != VERDICT_NOT_LEADER)
		note_error(r, err);
	r->next_labelled = r->n_labelled;
	mover_recovery_next(m);
}

/* The lease is asked for when there is something to do, and then the service is read once more. */
static void
on_labelled_service(void *data, struct api_service *service, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct change *c = NULL;
	struct error why = {0};
	int r;

	if (m == NULL)
		return;
	if (service == NULL) {
		skip_labelled(m, err);
		return;
	}
	r = mover_orphan(service, &c, &why);
	if (r <= 0) {
		skip_labelled(m, r < 0 ? &why : NULL);
	} else if (!keeper_held(m->keeper)) {
		change_free(c);
		mover_lead(m, on_lead);
	} else {
		m->recovery->next_labelled++;
		adopt(m, c);
	}
}

static void
read_labelled(struct mover *m)
{
	struct recovery *r = m->recovery;

	api_service_get(m->api, r->labelled[r->next_labelled], on_labelled_service, ticket_new(m));
}

/* A row of another plan does not explain the label: it ends by itself, its own label is gone. */
static bool
has_row(const struct recovery *r, const char *service_id, const char *label)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		_cleanup_(freep) char *own = mover_plan_label(&r->rows[i]);

		if (streq(r->rows[i].service_id, service_id) && streq(own, label))
			return true;
	}
	return false;
}

/* Of the spec that stands there, or of the previous one. */
static const char *
plan_of(const struct docker_service *service)
{
	const char *label = docker_label_get(&service->labels, SPEC_LABEL_PLAN);

	return label != NULL ? label : docker_label_get(&service->previous_labels, SPEC_LABEL_PLAN);
}

static void
on_scanned(void *data, struct docker_services *services, const struct error *err)
{
	struct mover *m = ticket_take(data);
	struct recovery *r;

	if (m == NULL)
		return;
	r = m->recovery;
	note_error(r, services == NULL ? err : NULL);
	for (size_t i = 0; services != NULL && i < services->n; i++) {
		const char *label = plan_of(&services->items[i]);

		if (label != NULL && !has_row(r, services->items[i].id, label))
			change_id_add(&r->labelled, &r->n_labelled, services->items[i].id);
	}
	mover_recovery_next(m);
}

static void
scan(struct mover *m)
{
	m->recovery->scanned = true;
	if (m->options.own_only)
		mover_recovery_next(m);
	else
		api_services(m->api, on_scanned, ticket_new(m));
}

void
mover_recovery_next(struct mover *m)
{
	struct recovery *r = m->recovery;

	if (m->stopping)
		finish(m);
	else if (r->next_row < r->n_rows)
		start_row(m, &r->rows[r->next_row++]);
	else if (!r->scanned)
		scan(m);
	else if (r->next_labelled < r->n_labelled)
		read_labelled(m);
	else
		finish(m);
}

static void
begin(struct mover *m)
{
	mover_recovery_next(m);
}

static void
on_listed(void *ctx, const struct intent *rows, size_t n, const struct error *err)
{
	struct mover *m = ticket_take(ctx);
	struct recovery *r;

	if (m == NULL)
		return;
	r = m->recovery;
	note_error(r, err);
	r->rows = xcalloc(n + 1, sizeof(*r->rows));
	for (r->n_rows = 0; r->n_rows < n; r->n_rows++)
		journal_intent_copy(&rows[r->n_rows], &r->rows[r->n_rows]);
	mover_after(m, 0, begin);
}

int
mover_recover(struct mover *m, move_done_cb *each, mover_cb *cb, void *data, struct error *err)
{
	if (m->stopping || m->closing)
		return error_set(err, ESHUTDOWN, "forager is stopping");
	if (mover_busy(m))
		return error_set(err, EBUSY, "another change is open in the cluster");
	m->recovery = xcalloc(1, sizeof(*m->recovery));
	m->recovery->each = each;
	m->recovery->cb = cb;
	m->recovery->data = data;
	m->self[0] = '\0';
	m->serial++;
	m->journal.list(m->journal.data, MOVER_LIST_OPEN, 0, on_listed, ticket_new(m));
	return 0;
}
