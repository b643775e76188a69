/* What was seen and learnt as rows of the batch. */
#include "agent/agent_batch.h"

#include <jansson.h>
#include <math.h>

#include "policy/power.h"
#include "swarm/constraint.h"
#include "swarm/eligibility.h"

/* More opinions than this take longer than they are worth each cycle: then one cycle in twelve. */
#define QVALUES_MOST  20000
#define QVALUES_EVERY 12
/* Rollups and deletions: nothing is in a hurry. */
#define PRUNE_EVERY 12

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

/* Labels of ours are told before all else, also on a service that does not take part: they may
 * have been left there, and then somebody has to be told (forager status). */
static const char *
refusal(const struct snapshot *snap, uint32_t service)
{
	enum verdict v = eligibility_service(snap, service, ACTOR_POLICY);

	if ((snap->services[service].traits & TRAIT_STEERED) != 0)
		v = VERDICT_STEERED;
	return v == VERDICT_OK ? NULL : verdict_infos[v].text;
}

/* The only kind of constraint that forager writes; who wrote these, the journal tells. */
static const char *
node_terms(struct arena *arena, const struct snap_service *v)
{
	json_auto_t *list = json_array();
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < v->n_constraints; i++)
		if (constraint_is_term(&v->constraints[i]))
			(void) json_array_append_new(list, json_string(v->constraints[i].text));
	if (json_array_size(list) == 0)
		return NULL;
	text = json_dumps(list, JSON_COMPACT);
	return arena_strdup(arena, text);
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
	    .node_terms = node_terms(b->arena, v),
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
	struct batch *b = batch_current(a);

	b->at_ms = snap->wall_ms;
	b->look = true;
	b->listed = ARENA_NEW(b->arena, const char *, snap->n_nodes);
	b->nodes = ARENA_NEW(b->arena, struct node_row, snap->n_nodes);
	b->loads = ARENA_NEW(b->arena, struct node_load_row, snap->n_nodes);
	b->services = ARENA_NEW(b->arena, struct service_row, snap->n_services);
	/* The snapshot was made of this state: the same order, the same indices. */
	for (size_t i = 0; i < snap->n_nodes; i++) {
		add_node(b, &snap->nodes[i], &state->nodes[i],
		         streq(state->nodes[i].id, state->info.node_id));
		/* Before a node was read once, what is not in the roster may still be there. */
		if (sampler_has_list(a->sampler, snap->nodes[i].id))
			b->listed[b->n_listed++] = b->nodes[i].id;
	}
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
batch_samples(struct agent *a)
{
	struct batch *b;

	if (sampler_waiting(a->sampler) < SAMPLER_ROWS / 4)
		return;
	b = batch_current(a);
	b->samples = sampler_take(a->sampler, &b->n_samples);
	batch_submit(a, false);
}

void
batch_stop(struct agent *a)
{
	struct batch *b = batch_current(a);

	b->at_ms = wall_ms();
	b->samples = sampler_take(a->sampler, &b->n_samples);
	roster_rows(a->roster, b->at_ms, a->cycle, 1, b->arena, &b->roster);
}
