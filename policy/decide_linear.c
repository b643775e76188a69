/*
 * The linear policy's decision: relief first (hard rule), then draining where nodes may sleep, then
 * the single best improving move, else stay.
 */
#include "policy/answer.h"
#include "policy/decide_linear.h"
#include "policy/goal.h"
#include "policy/plan.h"
#include "policy/policy.h"

#define DRAWS 256
/* So many stays are logged with a propensity, for judging policies from the log. */
#define STAY_DRAWN_ONCE_IN 20
/* Places on the shortlist kept for refused candidates: explaining needs them. */
#define REFUSED_SHOWN 5
#define NO_MOVE       SIZE_MAX

/* Everything that one decision looks at. */
struct scene {
	const struct snapshot *s;
	const struct policy *p;
	struct moves *moves;
	struct arena *arena; /* scratch */
	double theta[BASIS_N];
	double *avoidable; /* per node, by the θ at hand */
	uint32_t *hot;
	size_t n_hot;
	struct goal_plan *plans;
	size_t n_plans;
	enum verdict moment;
};

struct pick {
	enum goal goal;
	uint32_t node; /* of the goal */
	size_t move;   /* NO_MOVE: stay */
	const struct goal_plan *plan;
	double gain; /* of the goal */
};

/* What a node is expected to cost beyond what is burnt anyway: the measure for min-gain. */
static void
avoidable_fill(const struct scene *f, const double theta[static BASIS_N])
{
	for (size_t i = 0; i < f->s->n_nodes; i++) {
		const double *phi = f->moves->phi[i];
		double w = linear_value(theta, phi);

		if (!f->moves->states->nodes[i].may_sleep)
			w -= theta[BASIS_ON] * phi[BASIS_ON] + theta[BASIS_SIZE] * phi[BASIS_SIZE] +
			     theta[BASIS_IDLE] * phi[BASIS_IDLE];
		f->avoidable[i] = MAX(w, 0.0);
	}
}

static double
move_gain(const struct move *m, const double theta[static BASIS_N])
{
	return -linear_value(theta, m->delta) - m->move_cost;
}

/* Pays, by a θ: relief needs any gain at all, improving the operator's min-gain. */
static bool
move_pays(const struct scene *f, const struct move *m, double gain)
{
	double least = f->s->bounds.min_gain * (f->avoidable[m->from] + f->avoidable[m->to]);

	return gain > 0 && (m->relief || gain >= least);
}

static bool
move_passes(const struct move *m, bool observed)
{
	return m->sustain == VERDICT_OK &&
	       (m->verdict == VERDICT_OK || (observed && m->verdict == VERDICT_OBSERVE_ONLY));
}

/* The best move that passes and pays, for one hot node (or NO_INDEX: the improving ones). */
static size_t
best_move(const struct scene *f, const double theta[static BASIS_N], uint32_t hot, bool observed,
          double *ret_gain)
{
	size_t best = NO_MOVE;

	for (size_t i = 0; i < f->moves->n; i++) {
		const struct move *m = &f->moves->list[i];
		double gain;

		if (!move_passes(m, observed) || m->relief != (hot != NO_INDEX) ||
		    (m->relief && m->from != hot))
			continue;
		gain = move_gain(m, theta);
		/* The list is in a total order: the first of equals wins. */
		if (move_pays(f, m, gain) && (best == NO_MOVE || gain > *ret_gain)) {
			best = i;
			*ret_gain = gain;
		}
	}
	return best;
}

static const struct goal_plan *
best_plan(const struct scene *f, const double theta[static BASIS_N], bool observed,
          double *ret_gain)
{
	const struct goal_plan *best = NULL;

	for (size_t i = 0; i < f->n_plans; i++) {
		const struct goal_plan *x = &f->plans[i];
		double gain = -linear_value(theta, x->delta) - x->move_cost;

		if ((x->observed && !observed) || !(gain > 0) ||
		    gain < f->s->bounds.min_gain * f->avoidable[x->node])
			continue;
		if (best == NULL || gain > *ret_gain) {
			best = x;
			*ret_gain = gain;
		}
	}
	return best;
}

/* What a θ would do. The same for the decision itself and for each of the draws. */
static struct pick
pick_by(const struct scene *f, const double theta[static BASIS_N], bool observed)
{
	struct pick pick = {.goal = GOAL_RELIEF, .move = NO_MOVE};

	avoidable_fill(f, theta);
	for (size_t i = 0; i < f->n_hot; i++) {
		pick.node = f->hot[i];
		pick.move = best_move(f, theta, pick.node, observed, &pick.gain);
		if (pick.move != NO_MOVE)
			return pick;
	}
	pick.plan = best_plan(f, theta, observed, &pick.gain);
	if (pick.plan != NULL) {
		pick.goal = GOAL_DRAIN;
		pick.node = pick.plan->node;
		pick.move = pick.plan->first;
		return pick;
	}
	pick.goal = GOAL_IMPROVE;
	pick.node = NO_INDEX;
	pick.move = best_move(f, theta, NO_INDEX, observed, &pick.gain);
	if (pick.move == NO_MOVE)
		pick.goal = GOAL_NONE;
	return pick;
}

/* The share of posterior draws that would have decided the same. */
static double
propensity_of(const struct scene *f, size_t move, struct rng *rng)
{
	uint32_t same = 0;

	for (int i = 0; i < DRAWS; i++) {
		double z[BASIS_N], theta[BASIS_N];

		for (size_t k = 0; k < BASIS_N; k++)
			z[k] = rng_normal(rng);
		linear_sample(&f->p->linear, z, theta);
		same += pick_by(f, theta, false).move == move;
	}
	return (double) same / DRAWS;
}

static void
propensity_fill(const struct scene *f, size_t move, struct rng *rng, struct decision *d)
{
	/* Without exploring, or when the moment forbids everything, no draw would differ. */
	if (!f->p->options.explore || f->moment != VERDICT_OK)
		return;
	if (move == NO_MOVE && rng_below(rng, STAY_DRAWN_ONCE_IN) != 0)
		return;
	d->propensity = propensity_of(f, move, rng);
	d->draws = DRAWS;
}

/* The verdict to show, the decision's θ and the moment included. */
static enum verdict
verdict_of(const struct scene *f, const struct move *m)
{
	if (m->verdict != VERDICT_OK && m->verdict != VERDICT_OBSERVE_ONLY)
		return m->verdict;
	if (!move_pays(f, m, m->gain))
		return VERDICT_MIN_GAIN;
	if (m->sustain != VERDICT_OK)
		return m->sustain;
	return m->verdict != VERDICT_OK ? m->verdict : f->moment;
}

static void
show(const struct scene *f, struct decision *d, size_t i, enum verdict verdict)
{
	const struct move *m = &f->moves->list[i];

	(void) answer_move(d, m, verdict, f->theta, linear_sd(&f->p->linear, m->delta));
}

static void
show_those(const struct scene *f, struct decision *d, size_t first, bool ok, size_t most)
{
	for (size_t i = 0; i < f->moves->n && d->n_shortlist < most; i++) {
		enum verdict v = verdict_of(f, &f->moves->list[i]);

		if ((v == VERDICT_OK) == ok && i != first)
			show(f, d, i, v);
	}
}

/* [1] what was, or would have been, chosen; then those that pass, then the best refused. */
static void
shortlist_fill(const struct scene *f, struct decision *d, size_t first)
{
	size_t refused = 0, before = d->n_shortlist;

	for (size_t i = 0; i < f->moves->n; i++) {
		enum verdict v = verdict_of(f, &f->moves->list[i]);

		if (v == VERDICT_OK || i == first)
			continue;
		d->n_refused[v]++;
		refused++;
	}
	show_those(f, d, first, true, DECISION_SHORTLIST - MIN(refused, (size_t) REFUSED_SHOWN));
	d->runner_up = d->n_shortlist > before ? before : SIZE_MAX;
	show_those(f, d, first, false, DECISION_SHORTLIST);
	d->runner_up = MIN(d->runner_up, d->n_shortlist);
}

static double
load_after(const struct scene *f, const struct move *m)
{
	struct node_state n = f->moves->states->nodes[m->from];
	struct task_load load;

	node_states_carried(f->moves->states, m->service, m->from, &load);
	node_state_remove(&n, &load);
	return 100 * node_state_load(&n);
}

static const char *
what_moves(const struct scene *f, struct decision *d, const struct move *m)
{
	const char *copies =
	    m->n_tasks > 1 ? arena_printf(d->arena, " (%u copies)", m->n_tasks) : "";

	return arena_printf(d->arena, "moving '%s'%s to '%s'", f->s->services[m->service].name,
	                    copies, answer_node(f->s, m->to));
}

static const char *
reason_move(const struct scene *f, struct decision *d, const struct pick *pick)
{
	const struct move *m = &f->moves->list[pick->move];
	const char *what = what_moves(f, d, m);

	if (pick->goal == GOAL_RELIEF && load_after(f, m) > 100)
		return arena_printf(d->arena,
		                    "%s; %s relieves it, though what stays wants more than all",
		                    answer_hot(d, f->s, m->from), what);
	if (pick->goal == GOAL_RELIEF)
		return arena_printf(d->arena, "%s; %s lowers its load to %.0f %%",
		                    answer_hot(d, f->s, m->from), what, load_after(f, m));
	if (pick->goal == GOAL_DRAIN)
		return arena_printf(
		    d->arena,
		    "node '%s' can be emptied by %u move%s and sleep, which saves %.1f; %s %s",
		    answer_node(f->s, m->from), pick->plan->n_moves,
		    pick->plan->n_moves == 1 ? "" : "s", pick->gain, what,
		    pick->plan->n_moves == 1 ? "does it" : "begins it");
	return arena_printf(
	    d->arena, "node '%s' is at %.0f %% and '%s' at %.0f %% of their cores; %s saves %.1f",
	    answer_node(f->s, m->from), 100 * node_state_load(&f->moves->states->nodes[m->from]),
	    answer_node(f->s, m->to), 100 * node_state_load(&f->moves->states->nodes[m->to]), what,
	    pick->gain);
}

/* Why nothing is done although a node is hot: the best of its moves and what refuses it. */
static const char *
reason_stuck(const struct scene *f, struct decision *d)
{
	const char *hot = answer_hot(d, f->s, f->hot[0]);

	for (size_t i = 0; i < f->moves->n; i++) {
		const struct move *m = &f->moves->list[i];
		enum verdict v = verdict_of(f, m);

		if (m->from != f->hot[0] || v == VERDICT_OK)
			continue;
		return arena_printf(
		    d->arena, "%s, but no move passes; the best, %s, is refused: %s", hot,
		    what_moves(f, d, m),
		    v == VERDICT_MIN_GAIN ? "it would not relieve the node" : answer_why(v));
	}
	return arena_printf(d->arena, "%s, but nothing on it could be moved", hot);
}

static const char *
reason_stay(const struct scene *f, struct decision *d, const struct pick *would)
{
	if (would->move != NO_MOVE) {
		enum verdict v = f->moves->list[would->move].verdict;

		return arena_printf(d->arena, "staying, though %s: %s", reason_move(f, d, would),
		                    answer_why(v == VERDICT_OBSERVE_ONLY ? v : f->moment));
	}
	if (f->s->partial)
		return answer_why(VERDICT_PARTIAL);
	if (f->n_hot > 0)
		return reason_stuck(f, d);
	if (f->moves->n == 0)
		return "staying: there is nothing that could move";
	return arena_printf(d->arena,
	                    "staying: no node has been above its relief line for long, and none of "
	                    "%zu moves gains enough",
	                    d->n_considered);
}

static void
scene_fill(struct scene *f, const struct snapshot *s, const struct policy *p, struct arena *arena)
{
	*f = (struct scene){.s = s, .p = p, .arena = arena};
	policy_theta(p, s->wall_ms, f->theta);
	f->moves = moves_new(s, &p->options.objective, f->theta, arena);
	f->avoidable = ARENA_NEW(arena, double, s->n_nodes);
	f->moment = guard_moment(s, fallback_suspended(&p->fallback, s->wall_ms));
	f->n_hot = goal_hot_nodes(f->moves, arena, &f->hot);
	f->n_plans = goal_drains(f->moves, &p->options.objective, f->theta, arena, &f->plans);
}

static void
counts_fill(const struct scene *f, struct decision *d)
{
	d->n_considered = f->moves->n + f->moves->n_dropped;
	for (size_t i = 0; i < VERDICT_N; i++)
		d->n_refused[i] = f->moves->n_refused[i];
	for (size_t i = 0; i < f->s->n_nodes; i++)
		d->cost_now += linear_value(f->p->linear.theta, f->moves->phi[i]);
}

/* Where a world carries out whatever is decided. */
static void
decide_plan(const struct snapshot *s, const struct policy *p, struct decision *d)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct plan *plan = plan_new(s, &p->options.objective, arena);
	double theta[BASIS_N];

	policy_theta(p, s->wall_ms, theta);
	answer_begin(d, s, p->algorithm->name);
	if (guard_moment(s, false) == VERDICT_OK)
		plan_linear(plan, theta, p->passes);
	answer_plan(d, plan);
}

void
decide_linear(const struct snapshot *s, const struct policy *p, struct rng *rng, struct decision *d)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct scene f;
	struct pick pick, would;
	bool acts;

	if (s->allow.direct) {
		decide_plan(s, p, d);
		return;
	}
	scene_fill(&f, s, p, arena);
	answer_begin(d, s, p->algorithm->name);
	counts_fill(&f, d);
	pick = pick_by(&f, f.theta, false);
	would = pick.move != NO_MOVE ? pick : pick_by(&f, f.theta, true);
	acts = pick.move != NO_MOVE && f.moment == VERDICT_OK;
	propensity_fill(&f, acts ? pick.move : NO_MOVE, rng, d);
	/* The draws left their own measure of what can be avoided. */
	avoidable_fill(&f, f.theta);
	if (acts) {
		d->goal = pick.goal;
		d->goal_node = pick.node;
		d->chosen = 1;
		show(&f, d, pick.move, VERDICT_OK);
	} else if (would.move != NO_MOVE) {
		enum verdict v = f.moves->list[would.move].verdict;

		show(&f, d, would.move, v == VERDICT_OBSERVE_ONLY ? v : f.moment);
		d->n_refused[v == VERDICT_OBSERVE_ONLY ? v : f.moment]++;
	}
	shortlist_fill(&f, d, would.move);
	d->reason = acts ? reason_move(&f, d, &pick) : reason_stay(&f, d, &would);
}
