/* A cycle's rows: collected on the loop, written by the writer in one commit. */
#include "agent/agent_priv.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "policy/basis.h"
#include "policy/power.h"
#include "swarm/eligibility.h"

/* What others can make happen between two commits. */
#define EVENTS_MOST 256
/* More opinions than this take longer than they are worth each cycle: then one cycle in twelve. */
#define QVALUES_MOST  20000
#define QVALUES_EVERY 12
/* Rollups and deletions: nothing is in a hurry. */
#define PRUNE_EVERY 12
/* A decision to stay is told in full one time in twenty (DESIGN 7): draws says which. */

struct batch {
	struct agent *agent;
	struct arena *arena; /* of all rows' texts */
	bool ends_cycle, whole_look, prune;
	int64_t at_ms;
	struct retention keep;

	struct node_row *nodes;
	struct node_load_row *loads;
	struct service_row *services;
	struct roster_rows roster;
	struct sample_row *samples; /* the sampler's */
	struct weight_row *weights;
	struct qvalue_row *qvalues;
	size_t n_nodes, n_loads, n_services, n_samples, n_weights, n_qvalues;
	const char *policy_json, *algorithm;
	int64_t step_ms;

	struct event_row events[EVENTS_MOST];
	struct foreign_row foreign[EVENTS_MOST];
	struct outcome_row outcomes[AGENT_EPOCHS];
	size_t n_events, n_foreign, n_outcomes;
	struct step *steps[2];
	size_t n_steps;

	bool want_ids;
	uint64_t first_id; /* out: AGENT_IDS of them */
};

static struct batch *
current(struct agent *a)
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
	arena_free(b->arena);
	free(b);
}

void
batch_event(struct agent *a, const char *kind, const char *fmt, ...)
{
	struct batch *b = current(a);
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
	struct batch *b = current(a);

	if (b->n_foreign == EVENTS_MOST)
		return;
	b->foreign[b->n_foreign] = *row;
	b->foreign[b->n_foreign].service_id = arena_strdup(b->arena, row->service_id);
	b->foreign[b->n_foreign++].service_name = arena_strdup(b->arena, row->service_name);
}

void
batch_outcome(struct agent *a, const struct outcome_row *row)
{
	struct batch *b = current(a);

	if (b->n_outcomes == AGENT_EPOCHS)
		return;
	b->outcomes[b->n_outcomes] = *row;
	b->outcomes[b->n_outcomes++].text = arena_strdup(b->arena, row->text);
}

void
batch_decision(struct agent *a, struct step *step)
{
	struct batch *b = current(a);

	if (b->n_steps == ARRAY_SIZE(b->steps))
		return;
	step->refs++;
	b->steps[b->n_steps++] = step;
}

static const char *
node_state(const struct docker_node *n)
{
	static const char *const names[] = {"unknown", "ready", "down", "disconnected"};

	return names[n->state];
}

static const char *
node_availability(const struct docker_node *n)
{
	static const char *const names[] = {"active", "pause", "drain"};

	return names[n->availability];
}

static void
add_node(struct batch *b, const struct snap_node *n, const struct docker_node *from, bool self)
{
	_cleanup_(freep) char *source = cluster_endpoint_url(b->agent->config, from, self);
	double share = n->usable_cores > 0 ? n->cpu_cores / n->usable_cores : NAN;
	bool known = (n->flags & (NODE_BLIND | NODE_STALE)) == 0 && isfinite(share);
	const char *id = arena_strdup(b->arena, n->id);

	b->nodes[b->n_nodes++] = (struct node_row){
	    .id = id,
	    .hostname = arena_strdup(b->arena, n->hostname),
	    .addr = arena_strdup(b->arena, from->addr),
	    .role = n->attrs.role,
	    .os = arena_strdup(b->arena, from->os),
	    .arch = arena_strdup(b->arena, from->arch),
	    .engine = arena_strdup(b->arena, from->engine_version),
	    .state = node_state(from),
	    .availability = node_availability(from),
	    .source = arena_strdup(b->arena, source),
	    .capacity_cpu_nano = n->capacity.cpu_nano,
	    .capacity_mem_bytes = n->capacity.mem_bytes,
	    .usable_cores = n->usable_cores,
	    .idle_watts = n->power.watts[0],
	    .max_watts = n->power.watts[POWER_POINTS - 1],
	    .watts_measured = n->power.measured,
	    .version = n->version,
	    .seen_ms = b->at_ms,
	};
	b->loads[b->n_loads++] = (struct node_load_row){
	    .node_id = id,
	    .at_ms = b->at_ms,
	    .cpu_cores = known ? n->cpu_cores : NAN,
	    .mem_bytes = known ? n->mem_bytes : NAN,
	    .reserved_cpu_nano = n->reserved.cpu_nano,
	    .reserved_mem_bytes = n->reserved.mem_bytes,
	    .n_tasks = n->n_tasks,
	    .watts = known ? power_watts(&n->power, share) : NAN,
	};
}

static const char *
refusal(const struct snapshot *snap, uint32_t service)
{
	enum verdict v = eligibility_service(snap, service, ACTOR_POLICY);

	return v == VERDICT_OK ? NULL : verdict_infos[v].text;
}

static void
add_service(struct batch *b, const struct snapshot *snap, uint32_t i,
            const struct docker_service *from)
{
	static const char *const modes[] = {"replicated", "global", "replicated-job", "global-job"};
	const struct snap_service *v = &snap->services[i];

	b->services[b->n_services++] = (struct service_row){
	    .id = arena_strdup(b->arena, v->id),
	    .name = arena_strdup(b->arena, v->name),
	    .image = arena_strdup(b->arena, v->image),
	    .stack = arena_strdup(b->arena,
	                          docker_label_get(&from->labels, "com.docker.stack.namespace")),
	    .mode = modes[v->mode],
	    .act = act_mode_names[v->act],
	    .refused = refusal(snap, i),
	    .replicas = v->replicas,
	    .reserve_cpu_nano = v->reserve.cpu_nano,
	    .reserve_mem_bytes = v->reserve.mem_bytes,
	    .limit_cpu_nano = v->limit.cpu_nano,
	    .limit_mem_bytes = v->limit.mem_bytes,
	    .n_constraints = (uint32_t) v->n_constraints,
	    .slo_p95_ms = v->slo.p95_ms,
	    .seen_p95_ms = v->seen.p95_ms,
	    .version = v->version,
	    .seen_ms = b->at_ms,
	};
}

static void
add_weight(void *data, const struct policy_weight *w)
{
	struct batch *b = data;

	b->weights = xrealloc(b->weights, b->n_weights + 1, sizeof(*b->weights));
	b->weights[b->n_weights++] = (struct weight_row){
	    .algorithm = b->algorithm,
	    .feature = w->name,
	    .meaning = w->meaning,
	    .theta = w->theta,
	    .prior = w->prior,
	    .sd = w->sd,
	};
}

/* The best opinion of each service on each target, whichever node it would leave. */
struct opinions {
	struct batch *batch;
	const struct snapshot *snap;
	uint64_t decision_id;
	size_t room;
	uint32_t service; /* of the rows from first on */
	size_t first;
	uint32_t *row_of_to; /* index of the row + 1, per node; 0 = none */
};

static bool
add_qvalue(void *data, const struct policy_qvalue *q)
{
	struct opinions *o = data;
	struct batch *b = o->batch;
	struct qvalue_row *row;

	if (q->service != o->service) {
		memset(o->row_of_to, 0, o->snap->n_nodes * sizeof(*o->row_of_to));
		o->service = q->service;
	}
	if (o->row_of_to[q->to] != 0) {
		row = &b->qvalues[o->row_of_to[q->to] - 1];
		if (q->gain <= row->gain)
			return true;
	} else {
		if (b->n_qvalues == o->room) {
			o->room = o->room == 0 ? 64 : 2 * o->room;
			b->qvalues = xrealloc(b->qvalues, o->room, sizeof(*b->qvalues));
		}
		row = &b->qvalues[b->n_qvalues++];
		o->row_of_to[q->to] = (uint32_t) b->n_qvalues;
	}
	*row = (struct qvalue_row){
	    .service_id = arena_strdup(b->arena, o->snap->services[q->service].id),
	    .node_id = arena_strdup(b->arena, o->snap->nodes[q->to].id),
	    .gain = q->gain,
	    .sd = q->sd,
	    .verdict = q->verdict,
	    .decision_id = o->decision_id,
	    .at_ms = b->at_ms,
	};
	return true;
}

static void
add_learnt(struct agent *a, struct batch *b, const struct snapshot *snap)
{
	_cleanup_(freep) char *json = policy_save(a->policy);
	struct opinions o = {.batch = b, .snap = snap, .service = NO_INDEX};

	b->algorithm = policy_algorithm(a->policy);
	b->step_ms = a->config->decide_every_ms;
	b->policy_json = arena_strdup(b->arena, json);
	policy_weights(a->policy, add_weight, b);
	if (snap->n_services * snap->n_nodes > QVALUES_MOST && a->cycle % QVALUES_EVERY != 0)
		return;
	if (b->n_steps > 0)
		o.decision_id = b->steps[b->n_steps - 1]->decision.id;
	o.row_of_to = xcalloc(snap->n_nodes, sizeof(*o.row_of_to));
	policy_qvalues(snap, a->policy, add_qvalue, &o);
	free(o.row_of_to);
}

void
batch_cycle(struct agent *a, const struct snapshot *snap, const struct cluster_state *state,
            uint64_t parts)
{
	struct batch *b = current(a);
	size_t n_sources, n_well;

	b->at_ms = snap->wall_ms;
	/* Before every node was read once, what is not in the roster may still be there. */
	sampler_count(a->sampler, &n_sources, &n_well);
	b->whole_look = n_sources == 0 || sampler_rounds(a->sampler) > 0;
	b->nodes = ARENA_NEW(b->arena, struct node_row, snap->n_nodes);
	b->loads = ARENA_NEW(b->arena, struct node_load_row, snap->n_nodes);
	b->services = ARENA_NEW(b->arena, struct service_row, snap->n_services);
	/* The snapshot was made of this state: the same order, the same indices. */
	for (size_t i = 0; i < snap->n_nodes; i++)
		add_node(b, &snap->nodes[i], &state->nodes[i],
		         streq(state->nodes[i].id, state->info.node_id));
	for (uint32_t i = 0; i < snap->n_services; i++)
		add_service(b, snap, i, &state->services[i]);
	b->samples = sampler_take(a->sampler, &b->n_samples);
	roster_rows(a->roster, snap->wall_ms, a->cycle, parts, b->arena, &b->roster);
	add_learnt(a, b, snap);
	b->prune = a->cycle % PRUNE_EVERY == 0;
	b->keep = (struct retention){
	    .raw_ms = a->config->retention_raw_ms,
	    .five_min_ms = a->config->retention_5m_ms,
	    .hour_ms = a->config->retention_1h_ms,
	};
}

void
batch_stop(struct agent *a)
{
	struct batch *b = current(a);

	b->at_ms = wall_ms();
	b->samples = sampler_take(a->sampler, &b->n_samples);
	roster_rows(a->roster, b->at_ms, a->cycle, 1, b->arena, &b->roster);
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
	if (r == 0 && b->whole_look)
		r = store_mark_gone(s, b->at_ms, b->at_ms, err);
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
	free(b->weights);
	free(b->qvalues);
	batch_free(b);
	if (ends_cycle)
		agent_cycle_ended(a);
}

void
batch_submit(struct agent *a, bool ends_cycle)
{
	struct batch *b = current(a);

	a->batch = NULL;
	b->ends_cycle = ends_cycle;
	b->want_ids = a->end_id - a->next_id < AGENT_IDS / 4;
	writer_submit(a->writer, work, done, b);
}
