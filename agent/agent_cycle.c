/* One policy step: what was seen becomes a snapshot, a decision, a lesson, and rows. */
#include "agent/agent_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "agent/notify.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "features/traffic.h"

/* A cycle that comes so many steps late finds a world that nobody watched. */
#define LATE_STEPS 3
#define LATE_MS    60000
/* A profile's state is written in full once in so many cycles, each cycle a part of them. */
#define STATE_PARTS 12
#define EDGES_MOST  512

void
step_unref(struct step *step)
{
	if (step == NULL || --step->refs > 0)
		return;
	policy_decision_done(&step->decision);
	observe_free(step->snap);
	free(step->command);
	free(step);
}

static void
saw_foreign(void *data, const struct facts_foreign *change)
{
	struct agent *a = data;
	const struct foreign_row row = {
	    .service_id = change->service->id,
	    .service_name = change->service->name,
	    .version = change->service->version,
	    .at_ms = wall_ms(),
	    .what = change->what,
	};

	log_info(
	    "Someone changed a service, it is left alone for deploy-quiet: service='%s' what=%s",
	    row.service_name, row.what);
	batch_foreign(a, &row);
}

static void
note_leader(struct agent *a, bool leader)
{
	if (a->leader_known && a->leader == leader)
		return;
	if (!leader)
		log_notice(
		    "This manager is not the Raft leader: it observes, the leader's foragerd "
		    "acts.");
	else if (a->leader_known)
		log_notice("This manager is the Raft leader now.");
	batch_event(a, "leader",
	            leader ? "this manager is the Raft leader"
	                   : "this manager is not the Raft leader");
	a->leader = leader;
	a->leader_known = true;
}

void
agent_saw(void *data, const struct cluster_state *state)
{
	struct agent *a = data;
	const struct intent *open = a->mover == NULL ? NULL : mover_intent(a->mover);

	facts_update(a->facts, state, open == NULL ? NULL : open->service_id, saw_foreign, a);
	sampler_update(a->sampler);
	note_leader(a, state->leader);
	agent_watch_orphans(a, state);
}

/* Wall and monotonic time must have gone on together since the last cycle, and not for too long. */
static bool
clock_jumped(struct agent *a, int64_t mono, int64_t wall)
{
	int64_t d_mono = mono - a->last_mono_ms, d_wall = wall - a->last_wall_ms;
	bool first = a->last_mono_ms == 0, jumped;

	a->last_mono_ms = mono;
	a->last_wall_ms = wall;
	if (first)
		return false;
	jumped = llabs(d_wall - d_mono) > AGENT_JUMP_MS ||
	         d_mono > LATE_STEPS * a->config->decide_every_ms + LATE_MS;
	if (jumped) {
		log_warning("The clock jumped or foragerd was asleep, nothing is moved in this "
		            "step: wall_ms=%" PRId64 " monotonic_ms=%" PRId64,
		            d_wall, d_mono);
		batch_event(a, "skip", "the clock jumped, or foragerd was asleep");
	}
	if (llabs(d_wall - d_mono) > AGENT_JUMP_MS) {
		agent_wall_jumped(a, d_wall - d_mono, wall);
		batch_quiet(a, wall); /* the rows keep the times of the other clock */
	}
	return jumped;
}

/* One series on top of another; NAN = a gap. */
static void
steps_add(float sum[static FORECAST_STEPS], const float steps[static FORECAST_STEPS])
{
	for (size_t k = 0; k < FORECAST_STEPS; k++)
		if (!isnan(steps[k]))
			sum[k] = isnan(sum[k]) ? steps[k] : sum[k] + steps[k];
}

struct sums {
	const struct cluster_state *state;
	struct traffic_service *services; /* state's, in its order */
};

static void
add_net_steps(void *data, const char *service_id, const float rx[static FORECAST_STEPS],
              const float tx[static FORECAST_STEPS])
{
	const struct sums *f = data;
	const struct docker_service *v = cluster_find_service(f->state, service_id);

	if (v == NULL)
		return;
	steps_add(f->services[v - f->state->services].rx, rx);
	steps_add(f->services[v - f->state->services].tx, tx);
}

/* Who talks to whom, guessed from the services' byte counters. ret is in the arena. */
static size_t
find_edges(const struct agent *a, const struct cluster_state *state, struct arena *arena,
           struct observe_edge **ret)
{
	struct traffic_service *services =
	    ARENA_NEW(arena, struct traffic_service, state->n_services);
	struct edge *edges = ARENA_NEW(arena, struct edge, EDGES_MOST);
	struct sums sums = {state, services};
	size_t n;

	for (size_t i = 0; i < state->n_services; i++) {
		const struct docker_service *v = &state->services[i];

		services[i].networks = v->networks;
		services[i].n_networks = v->n_networks;
		for (size_t k = 0; k < FORECAST_STEPS; k++)
			services[i].rx[k] = services[i].tx[k] = NAN;
	}
	roster_net_steps(a->roster, wall_ms(), add_net_steps, &sums);
	n = traffic_infer(services, state->n_services, edges, EDGES_MOST);
	*ret = ARENA_NEW(arena, struct observe_edge, n);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (struct observe_edge){state->services[edges[i].a].id,
		                                  state->services[edges[i].b].id,
		                                  edges[i].bytes_per_s, edges[i].confidence};
	return n;
}

static struct snapshot *
take_snapshot(struct agent *a, const struct cluster_state *state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct observe_edge *edges;
	struct observe_input in = {
	    .state = state,
	    .config = a->config,
	    .facts = a->facts,
	    .allow = agent_allowance(a),
	    .mono_ms = mono_ms(),
	    .wall_ms = wall_ms(),
	};

	roster_pool(a->roster, a->facts, in.wall_ms);
	in.n_edges = find_edges(a, state, arena, &edges);
	in.edges = edges;
	in.partial = clock_jumped(a, in.mono_ms, in.wall_ms);
	return observe_snapshot(&in);
}

/* The same snapshot without the services that may only be recommended, for auto to go on. */
static struct snapshot *
without_recommended(struct agent *a, const struct cluster_state *state, const struct snapshot *from)
{
	struct snapshot *snap;
	struct observe_input in = {
	    .state = state,
	    .config = a->config,
	    .facts = a->facts,
	    .allow = from->allow,
	    .partial = from->partial,
	    .mono_ms = from->mono_ms,
	    .wall_ms = from->wall_ms,
	};

	snap = observe_snapshot(&in);
	for (size_t i = 0; i < snap->n_services; i++)
		if (snap->services[i].act == ACT_RECOMMEND)
			snap->services[i].act = ACT_OBSERVE;
	return snap;
}

/* The decision's seed comes from its id, so that it can be replayed by itself. */
static struct step *
decide(struct agent *a, struct snapshot *snap)
{
	struct step *step = xcalloc(1, sizeof(*step));
	uint64_t in[2] = {(uint64_t) a->config->seed, a->next_id};
	struct rng rng;

	step->refs = 1;
	step->snap = snap;
	step->decision.id = a->next_id++;
	step->decision.rng_seed = hash64(in, sizeof(in));
	rng_seed(&rng, step->decision.rng_seed);
	policy_decide(snap, a->policy, &rng, &step->decision);
	agent_execute(a, step);
	batch_decision(a, step);
	return step;
}

static bool
only_recommended(const struct agent *a, const struct step *step)
{
	return config_mode(a->config) == ACT_AUTO &&
	       step->execution.execution == EXECUTION_RECOMMENDED && !a->options->once;
}

/* What is only proposed (recommended, paused, refused) will not be gained. */
struct transition
step_transition(const struct step *before, const struct step *now)
{
	return (struct transition){
	    .before = before->snap,
	    .decision = &before->decision,
	    .executed = before->executed,
	    .after = now->snap,
	    .dt_ms = now->snap->mono_ms - before->snap->mono_ms,
	    .next = now->execution.execution == EXECUTION_STARTED ? &now->decision : NULL,
	};
}

static void
learn(struct agent *a, const struct step *now)
{
	const struct step *before = a->last;
	struct transition t;
	_cleanup_(freep) uint32_t *settling = xcalloc(now->snap->n_services, sizeof(*settling));
	const struct intent *open = mover_intent(a->mover);

	if (before == NULL || before->snap->partial || now->snap->partial || a->options->once)
		return;
	t = step_transition(before, now);
	for (uint32_t i = 0; i < now->snap->n_services; i++) {
		const char *id = now->snap->services[i].id;

		if (agent_settling(a, id) || (open != NULL && streq(open->service_id, id)))
			settling[t.n_settling++] = i;
	}
	t.settling = settling;
	policy_learn(a->policy, &t);
}

static void
tell_status(const struct agent *a, const struct step *step)
{
	size_t n_sources, n_well;

	sampler_count(a->sampler, &n_sources, &n_well);
	notify_status("%zu nodes (%zu of %zu sources well), %zu services, mode %s%s%s: %s",
	              step->snap->n_nodes, n_well, n_sources, step->snap->n_services,
	              act_mode_names[config_mode(a->config)],
	              a->paused_since_ms != 0 ? ", paused" : "",
	              a->leader ? "" : ", not the leader", step->decision.reason);
}

void
agent_decide(struct agent *a, const struct cluster_state *state)
{
	struct snapshot *snap = take_snapshot(a, state);
	struct step *step;

	a->cycle++;
	if (a->next_id == a->end_id) {
		/* Without the database there is no id, and nothing may be done anyway. */
		batch_cycle(a, snap, state, STATE_PARTS);
		batch_submit(a, true);
		observe_free(snap);
		return;
	}
	step = decide(a, snap);
	if (only_recommended(a, step) && a->next_id < a->end_id) {
		struct step *second = decide(a, without_recommended(a, state, snap));

		step_unref(step);
		step = second;
	}
	if (a->options->once) {
		const char *reason = step->decision.reason;
		_cleanup_(freep) char *clean = utf8_clean(reason, strlen(reason));

		(void) printf("%s\n", clean);
	}
	agent_watch_outcomes(a, step->snap);
	learn(a, step);
	batch_cycle(a, step->snap, state, STATE_PARTS);
	tell_status(a, step);
	batch_submit(a, true);
	step_unref(a->last);
	a->last = step;
}
