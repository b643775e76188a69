/* A cycle's rows: collected on the loop, written by the writer in one commit. */
#include "agent/agent_batch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "policy/basis.h"

struct batch *
batch_current(struct agent *a)
{
	if (a->batch == NULL) {
		a->batch = xcalloc(1, sizeof(*a->batch));
		a->batch->agent = a;
		a->batch->arena = arena_new();
	}
	return a->batch;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n_steps; i++)
		step_unref(b->steps[i]);
	sampler_rows_free(b->samples, b->n_samples);
	free(b->weights);
	free(b->qvalues);
	arena_free(b->arena);
	free(b);
}

void
batch_event(struct agent *a, const char *kind, const char *fmt, ...)
{
	struct batch *b = batch_current(a);
	char text[512];
	va_list ap;

	if (b->n_events == EVENTS_MOST)
		return;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	b->events[b->n_events++] = (struct event_row){
	    .at_ms = wall_ms(), .kind = kind, .text = arena_strdup(b->arena, text)};
}

void
batch_foreign(struct agent *a, const struct foreign_row *row)
{
	struct batch *b = batch_current(a);

	if (b->n_foreign == EVENTS_MOST)
		return;
	b->foreign[b->n_foreign] = *row;
	b->foreign[b->n_foreign].service_id = arena_strdup(b->arena, row->service_id);
	b->foreign[b->n_foreign++].service_name = arena_strdup(b->arena, row->service_name);
}

void
batch_quiet(struct agent *a, int64_t at_wall_ms)
{
	struct batch *b = batch_current(a);

	b->quiet_until =
	    arena_printf(b->arena, "%" PRId64, at_wall_ms + a->config->deploy_quiet_ms);
}

void
batch_outcome(struct agent *a, const struct outcome_row *row)
{
	struct batch *b = batch_current(a);

	if (b->n_outcomes == AGENT_EPOCHS)
		return;
	b->outcomes[b->n_outcomes] = *row;
	b->outcomes[b->n_outcomes++].text = arena_strdup(b->arena, row->text);
}

void
batch_decision(struct agent *a, struct step *step)
{
	struct batch *b = batch_current(a);

	if (b->n_steps == ARRAY_SIZE(b->steps))
		return;
	step->refs++;
	b->steps[b->n_steps++] = step;
}

static int
put_seen(struct store *s, const struct batch *b, struct error *err)
{
	int r = store_put_nodes(s, b->nodes, b->n_nodes, err);

	if (r == 0)
		r = store_put_node_loads(s, b->loads, b->n_loads, err);
	if (r == 0)
		r = store_put_services(s, b->services, b->n_services, err);
	if (r == 0)
		r = store_put_containers(s, b->roster.containers, b->roster.n_containers, err);
	if (r == 0)
		r = store_put_samples(s, b->samples, b->n_samples, err);
	if (r == 0)
		r = store_put_profiles(s, b->roster.profiles, b->roster.n_profiles, err);
	if (r == 0 && b->look)
		r = store_mark_swarm_gone(s, b->at_ms, b->at_ms, err);
	for (size_t i = 0; r == 0 && i < b->n_listed; i++)
		r = store_mark_containers_gone(s, b->listed[i], b->at_ms, b->at_ms, err);
	return r;
}

static int
put_learnt(struct store *s, const struct batch *b, struct error *err)
{
	const struct policy_state_row row = {
	    .algorithm = b->algorithm,
	    .step_ms = b->step_ms,
	    .feature_hash = basis_hash(),
	    .json = b->policy_json,
	    .at_ms = b->at_ms,
	};
	int r = 0;

	if (b->n_weights > 0)
		r = store_put_weights(s, b->weights, b->n_weights, b->at_ms, err);
	if (r == 0)
		r = store_put_qvalues(s, b->qvalues, b->n_qvalues, err);
	if (r == 0 && b->policy_json != NULL)
		r = store_put_policy_state(s, &row, err);
	return r;
}

/* A stay that nobody asks about keeps only its head: the shortlist would be most of the database.
 */
static int
put_decision(struct store *s, const struct step *step, struct error *err)
{
	const char *names[BASIS_N];
	struct decision d = step->decision;

	for (size_t i = 0; i < BASIS_N; i++)
		names[i] = basis_infos[i].name;
	if (step->execution.execution == EXECUTION_STAYED && d.draws == 0 && d.n_shortlist > 1) {
		d.n_shortlist = 1;
		d.runner_up = d.n_shortlist;
	}
	return store_put_decision(s, &d, step->snap, names, &step->execution, err);
}

static int
put_rest(struct store *s, const struct batch *b, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->n_events; i++)
		r = store_put_event(s, &b->events[i], err);
	for (size_t i = 0; r == 0 && i < b->n_foreign; i++)
		r = store_put_foreign(s, &b->foreign[i], err);
	for (size_t i = 0; r == 0 && i < b->n_steps; i++)
		r = put_decision(s, b->steps[i], err);
	for (size_t i = 0; r == 0 && i < b->n_outcomes; i++)
		r = store_put_outcome(s, &b->outcomes[i], err);
	if (r == 0 && b->quiet_until != NULL)
		r = store_put_meta(s, AGENT_QUIET_KEY, b->quiet_until, err);
	return r;
}

/* On the writer's thread. */
static int
work(struct store *s, void *data, struct error *err)
{
	struct batch *b = data;
	int r = store_begin(s, err);

	if (r == 0)
		r = put_seen(s, b, err);
	if (r == 0)
		r = put_learnt(s, b, err);
	if (r == 0)
		r = put_rest(s, b, err);
	if (r == 0 && b->want_ids)
		r = store_next_decision_id(s, AGENT_IDS, &b->first_id, err);
	if (r == 0)
		r = store_commit(s, err);
	if (r == 0 && b->prune)
		r = store_prune(s, b->at_ms, &b->keep, err);
	return r;
}

static void
done(void *data, const struct error *err)
{
	struct batch *b = data;
	struct agent *a = b->agent;
	bool ends_cycle = b->ends_cycle;

	if (err->code != 0) {
		if (a->store_well)
			log_error("The database cannot be written, nothing is moved until it can: "
			          "error='%s'",
			          err->text);
		a->store_well = false;
	} else {
		if (!a->store_well)
			log_notice("The database can be written again.");
		a->store_well = true;
	}
	if (b->first_id != 0) {
		a->next_id = b->first_id;
		a->end_id = b->first_id + AGENT_IDS;
	}
	batch_free(b);
	if (ends_cycle)
		agent_cycle_ended(a);
}

void
batch_submit(struct agent *a, bool ends_cycle)
{
	struct batch *b = batch_current(a);

	a->batch = NULL;
	b->ends_cycle = ends_cycle;
	b->want_ids = a->end_id - a->next_id < AGENT_IDS / 4;
	writer_submit(a->writer, work, done, b);
}
