/* Carrying a decision out through the mover, and watching what became of it. */
#include "agent/agent_priv.h"

#include <inttypes.h>
#include <math.h>

#include "agent/command.h"
#include "base/log.h"
#include "policy/power.h"
#include "policy/reward.h"
#include "storage/journal.h"

#define HOUR_MS INT64_C(3600000)
/* A refused move is tried again after so many steps, not in every one. */
#define REFUSED_STEPS 4
/* A moved service settles in (start-up, caches) for so many steps; then this many are looked at. */
#define SETTLE_STEPS  2
#define OUTCOME_STEPS 6

static uint32_t
moves_in_hour(const struct agent *a)
{
	int64_t since = wall_ms() - HOUR_MS;
	uint32_t n = 0;

	for (size_t i = 0; i < a->n_moves; i++)
		n += a->moves_wall_ms[i] > since;
	return n;
}

struct allowance
agent_allowance(const struct agent *a)
{
	uint32_t used = moves_in_hour(a), per_hour = (uint32_t) a->config->per_hour;
	bool busy = mover_busy(a->mover) || a->wish != NULL;

	return (struct allowance){
	    .actions = busy ? 0 : 1,
	    .budget_left = used >= per_hour ? 0 : per_hour - used,
	    .in_flight = busy,
	    .warm = wall_ms() - a->created_wall_ms >= a->config->warm_up_ms &&
	            mono_ms() >= a->quiet_until_mono_ms,
	};
}

void
agent_note_begun(struct agent *a, int64_t begun_wall_ms)
{
	if (a->n_moves == AGENT_MOVES) {
		memmove(a->moves_wall_ms, a->moves_wall_ms + 1,
		        (AGENT_MOVES - 1) * sizeof(a->moves_wall_ms[0]));
		a->n_moves--;
	}
	a->moves_wall_ms[a->n_moves++] = begun_wall_ms;
}

bool
agent_settling(const struct agent *a, const char *service_id)
{
	for (size_t i = 0; i < AGENT_EPOCHS; i++) {
		const struct epoch *e = &a->epochs[i];

		if (e->open && streq(e->service_id, service_id) && mono_ms() < e->settled_mono_ms)
			return true;
	}
	return false;
}

static double
node_cores(const struct snapshot *snap, const char *id)
{
	uint32_t i = observe_node(snap, id);

	return i == NO_INDEX ? NAN : snap->nodes[i].cpu_cores;
}

/* Of the nodes whose load is known: the same ones before and after, or it says nothing. */
static double
cluster_watts(const struct snapshot *snap)
{
	double sum = 0;

	for (size_t i = 0; i < snap->n_nodes; i++) {
		const struct snap_node *n = &snap->nodes[i];

		if ((n->flags & (NODE_BLIND | NODE_STALE)) == 0 && n->usable_cores > 0 &&
		    isfinite(n->cpu_cores))
			sum += power_watts(&n->power, n->cpu_cores / n->usable_cores);
	}
	return sum;
}

static double
cluster_cost(const struct agent *a, const struct snapshot *snap)
{
	struct objective o = {.energy = a->config->w_energy,
	                      .response = a->config->w_response,
	                      .reserved = a->config->w_reserved,
	                      .move = a->config->w_move,
	                      .traffic = a->config->w_traffic};
	struct cost cost = {0};

	reward_cluster(snap, &o, snap->step_ms, &cost);
	return cost_total(&cost);
}

/* What stands before the move; what comes after is filled in when it has settled. */
static void
open_epoch(struct agent *a, const struct step *step)
{
	const struct snapshot *snap = step->snap;
	const struct candidate *c = &step->decision.shortlist[step->decision.chosen];
	struct epoch *e = &a->epochs[step->decision.id % AGENT_EPOCHS];

	free(e->service_name);
	*e =
	    (struct epoch){.before = true, .settled_mono_ms = INT64_MAX, .move_cost = c->move_cost};
	(void) str_copy(e->service_id, sizeof(e->service_id), snap->services[c->action.service].id);
	(void) str_copy(e->from_id, sizeof(e->from_id), snap->nodes[c->action.from].id);
	(void) str_copy(e->to_id, sizeof(e->to_id), snap->nodes[c->action.to].id);
	e->service_name = xstrdup(snap->services[c->action.service].name);
	e->row = (struct outcome_row){
	    .decision_id = step->decision.id,
	    .source_before_cores = node_cores(snap, e->from_id),
	    .target_before_cores = node_cores(snap, e->to_id),
	    .source_after_cores = NAN,
	    .target_after_cores = NAN,
	    .p95_before_ms = snap->services[c->action.service].seen.p95_ms,
	    .p95_after_ms = NAN,
	    .watts_before = cluster_watts(snap),
	    .watts_after = NAN,
	    .cost_before = cluster_cost(a, snap),
	    .cost_after = NAN,
	    .gain_predicted = c->gain,
	    .gain_seen = NAN,
	};
}

/* The mean of what the steps since have shown: one step is noise. */
static double
mean_with(double mean, unsigned int n, double x)
{
	return n == 0 || isnan(mean) ? x : mean + (x - mean) / (n + 1);
}

/* Σ γ^t over all steps to come: 1 / (1 − γ). */
static double
horizon_steps(const struct config *c)
{
	return -1 / expm1(-(double) c->decide_every_ms / (double) c->horizon_ms);
}

static void
watch_outcome(struct agent *a, struct epoch *e, const struct snapshot *snap)
{
	struct outcome_row *r = &e->row;
	_cleanup_(freep) char *text = NULL;

	r->source_after_cores =
	    mean_with(r->source_after_cores, e->steps, node_cores(snap, e->from_id));
	r->target_after_cores =
	    mean_with(r->target_after_cores, e->steps, node_cores(snap, e->to_id));
	r->watts_after = mean_with(r->watts_after, e->steps, cluster_watts(snap));
	r->cost_after = mean_with(r->cost_after, e->steps, cluster_cost(a, snap));
	/* As the policy counts: what a step saves, for the whole horizon, less the move itself. */
	r->gain_seen = (r->cost_before - r->cost_after) * horizon_steps(a->config) - e->move_cost;
	r->to_ms = snap->wall_ms;
	text = xasprintf("'%s' moved; the source went from %.2f to %.2f cores, the target from "
	                 "%.2f to %.2f",
	                 e->service_name, r->source_before_cores, r->source_after_cores,
	                 r->target_before_cores, r->target_after_cores);
	r->text = text;
	batch_outcome(a, r);
	r->text = NULL;
	e->open = ++e->steps < OUTCOME_STEPS;
}

void
agent_watch_outcomes(struct agent *a, const struct snapshot *snap)
{
	for (size_t i = 0; i < AGENT_EPOCHS; i++) {
		struct epoch *e = &a->epochs[i];

		if (e->open && !snap->partial && snap->mono_ms >= e->settled_mono_ms)
			watch_outcome(a, e, snap);
	}
}

void
agent_epochs_done(struct agent *a)
{
	for (size_t i = 0; i < AGENT_EPOCHS; i++)
		free(take_ptr(a->epochs[i].service_name));
}

static void
begin_watching(struct agent *a, const struct intent *in)
{
	struct epoch *e = &a->epochs[in->decision_id % AGENT_EPOCHS];

	if (in->decision_id == 0 || e->row.decision_id != in->decision_id || !e->before)
		return;
	e->open = true;
	e->row.move_id = in->id;
	e->settled_mono_ms = mono_ms() + SETTLE_STEPS * a->config->decide_every_ms;
	e->row.from_ms = wall_ms() + SETTLE_STEPS * a->config->decide_every_ms;
	e->row.to_ms = e->row.from_ms;
}

static void
note_foreign(struct agent *a, const struct intent *in)
{
	const struct foreign_row row = {
	    .service_id = in->service_id,
	    .service_name = in->service_name,
	    .version = in->version_ours,
	    .at_ms = wall_ms(),
	    .what = "during a move",
	};

	facts_set_foreign(a->facts, in->service_id, row.at_ms);
	batch_foreign(a, &row);
}

/* What happens to the service from now on is no outcome of that move any more. */
static void
end_watching(struct agent *a, const struct intent *in)
{
	for (size_t i = 0; i < AGENT_EPOCHS; i++) {
		struct epoch *e = &a->epochs[i];

		if (e->open && e->row.move_id != in->id && streq(e->service_id, in->service_id))
			e->open = false;
	}
}

void
agent_note_ended(struct facts *facts, const struct intent *in, int64_t at_wall_ms)
{
	facts_set_moved(facts, in->service_id, at_wall_ms);
	if (in->decision_id == 0)
		facts_set_foreign(facts, in->service_id, at_wall_ms);
}

/* Every change passes here, also those that a person asked for. */
void
agent_on_state(void *data, const struct intent *in)
{
	struct agent *a = data;

	log_info("A change of the Swarm is now %s: move=%" PRIu64
	         " kind=%s service='%s' from='%s' to='%s' decision=%" PRIu64 "%s%s%s",
	         move_state_names[in->state], in->id, move_kind_names[in->kind],
	         in->service_name == NULL ? in->service_id : in->service_name,
	         in->from_name == NULL ? "" : in->from_name, in->to_name == NULL ? "" : in->to_name,
	         in->decision_id, in->reason == NULL ? "" : " reason='",
	         in->reason == NULL ? "" : in->reason, in->reason == NULL ? "" : "'");
	if (in->service_id[0] == '\0')
		return;
	if (in->version_ours != 0)
		facts_set_ours(a->facts, in->service_id, in->version_ours);
	if (in->state == MOVE_FOREIGN)
		note_foreign(a, in);
	if (in->state == MOVE_DONE && in->kind == MOVE_KIND_MOVE)
		begin_watching(a, in);
	if (!journal_state_ended(in->state) || in->state == MOVE_REFUSED)
		return;
	end_watching(a, in);
	agent_note_ended(a->facts, in, wall_ms());
}

/* A refused move is not proposed again in the very next step: the reason seldom goes that soon. */
static void
cool_refused(struct agent *a, const char *service_id)
{
	int64_t wait = MIN(REFUSED_STEPS * a->config->decide_every_ms, a->config->cooldown_ms);

	facts_set_moved(a->facts, service_id, wall_ms() - a->config->cooldown_ms + wait);
}

static void
moved(void *data, const struct move_outcome *outcome)
{
	struct agent *a = data;

	a->moving_decision = 0;
	/* Nothing was sent: the hour's budget is for what was. */
	if (outcome->intent->state == MOVE_REFUSED && a->n_moves > 0)
		a->n_moves--;
	if (outcome->open)
		log_warning("A move is left open, it is taken up again: service='%s' error='%s'",
		            outcome->intent->service_id,
		            outcome->err == NULL ? "" : outcome->err->text);
	else if (outcome->intent->state == MOVE_REFUSED)
		log_notice("A move was refused by the check before it: decision=%" PRIu64
		           " verdict=%s reason='%s'",
		           outcome->intent->decision_id, verdict_infos[outcome->verdict].name,
		           outcome->intent->reason == NULL ? verdict_infos[outcome->verdict].text
		                                           : outcome->intent->reason);
	if (outcome->intent->state == MOVE_REFUSED && outcome->intent->service_id[0] != '\0')
		cool_refused(a, outcome->intent->service_id);
	/* What the policy learns from: the move only counts as made when it was. */
	if (a->last != NULL && a->last->decision.id == outcome->intent->decision_id &&
	    outcome->intent->state != MOVE_DONE && !outcome->open)
		a->last->executed = (struct action){.kind = ACTION_STAY};
	if (!a->stopping)
		agent_next_wish(a);
}

/* Everything about the moment that only the agent knows; the mover checks the rest anew. */
static enum verdict
moment(const struct agent *a, const struct snapshot *snap)
{
	if (snap->partial || !a->store_well)
		return VERDICT_PARTIAL;
	if (a->paused_since_ms != 0)
		return VERDICT_PAUSED;
	if (!a->leader)
		return VERDICT_NOT_LEADER;
	if (mover_busy(a->mover) || a->wish != NULL)
		return VERDICT_IN_FLIGHT;
	return VERDICT_OK;
}

static enum verdict
start(struct agent *a, struct step *step, const struct action *action)
{
	const struct snapshot *snap = step->snap;
	const struct snap_service *v = &snap->services[action->service];
	const struct move_request request = {
	    .kind = MOVE_KIND_MOVE,
	    .service = v->id,
	    .from = snap->nodes[action->from].id,
	    .to = snap->nodes[action->to].id,
	    .decision_id = step->decision.id,
	    .startup_p95_ms = roster_startup_ms(a->roster, v->id),
	};
	struct error err = {0};

	if (mover_start(a->mover, &request, moved, a, &err) < 0) {
		log_warning("A move could not be started: service='%s' error='%s'", v->name,
		            err.text);
		return VERDICT_IN_FLIGHT;
	}
	a->moving_decision = step->decision.id;
	step->executed = *action;
	agent_note_begun(a, wall_ms());
	open_epoch(a, step);
	return VERDICT_OK;
}

static bool
only_observed(const struct decision *d)
{
	return d->n_shortlist > 1 && d->shortlist[1].verdict == VERDICT_OBSERVE_ONLY &&
	       d->shortlist[1].gain > 0;
}

static void
execute_move(struct agent *a, struct step *step, const struct action *action)
{
	struct execution_row *e = &step->execution;
	const struct snap_service *v = &step->snap->services[action->service];

	e->act = act_mode_names[v->act];
	e->command = step->command = command_of(step->snap, action);
	if (a->options->once || v->act == ACT_RECOMMEND) {
		e->execution = EXECUTION_RECOMMENDED;
	} else if (v->act != ACT_AUTO) {
		e->execution = EXECUTION_OBSERVED;
	} else {
		e->verdict = moment(a, step->snap);
		if (e->verdict == VERDICT_OK)
			e->verdict = start(a, step, action);
		e->execution = e->verdict == VERDICT_OK ? EXECUTION_STARTED : EXECUTION_REFUSED;
	}
	log_info("Decided to move '%s': decision=%" PRIu64
	         " from='%s' to='%s' gain=%.3g mode=%s execution=%s verdict=%s reason='%s'",
	         v->name, step->decision.id, step->snap->nodes[action->from].hostname,
	         step->snap->nodes[action->to].hostname,
	         step->decision.shortlist[step->decision.chosen].gain, e->act,
	         execution_names[e->execution], verdict_infos[e->verdict].name,
	         step->decision.reason);
}

void
agent_execute(struct agent *a, struct step *step)
{
	const struct decision *d = &step->decision;
	const struct action *action = &d->shortlist[d->chosen].action;

	step->executed = (struct action){.kind = ACTION_STAY};
	step->execution = (struct execution_row){
	    .execution = only_observed(d) ? EXECUTION_OBSERVED : EXECUTION_STAYED,
	    .verdict = VERDICT_OK,
	    .act = act_mode_names[config_mode(a->config)],
	};
	if (action->kind == ACTION_MOVE)
		execute_move(a, step, action);
	else
		log_debug("Decided to stay: decision=%" PRIu64 " reason='%s'", d->id, d->reason);
}
