/* The guard; see guard.h. */
#include "policy/guard.h"

static bool
overloads(const struct node_state *to, const struct task_load *load)
{
	/* What is held back has no forecast worth the name: held_fits judges it instead. */
	double mean = to->mean + (load->held ? 0 : load->mean);
	double sd = sqrt(to->var + (load->held ? 0 : load->var));

	return mean + GUARD_SDS * sd > to->line * to->cores;
}

static bool
overloads_mem(const struct node_state *to, const struct task_load *load)
{
	double sd = sqrt(to->mem_var_bytes2 + load->mem_var_bytes2);

	return to->mem_bytes + load->mem_bytes + GUARD_SDS * sd >
	       GUARD_MEM_MOST * to->mem_capacity_bytes;
}

/*
 * A task that nobody bounds takes whatever a node has to give. It may go only where no callers
 * would wait for it, and where its share is larger than now: each such move makes the smallest
 * shares larger, therefore they come to an end.
 */
static bool
held_fits(const struct node_state *to, const struct task_load *load)
{
	double left = to->cores - MAX(to->mean - to->held_cores, 0.0);

	return to->n_called < 0.5 && left / (to->n_held + load->n) >= load->mean / load->n;
}

enum verdict
guard_load(const struct guard_ask *ask, enum goal goal)
{
	const struct node_state *from = &ask->nodes[ask->from], *to = &ask->nodes[ask->to];
	double least = goal == GOAL_RELIEF ? GUARD_CONFIDENCE_LEAST : GUARD_CONFIDENCE_IMPROVE;
	double after = (MAX(to->mean, to->now) + MAX(ask->load->mean, ask->load->now)) / to->cores;

	if (!from->known || ask->load->n < 0.5 || !(ask->load->confidence >= least))
		return VERDICT_SOURCE_UNKNOWN;
	if (ask->from == ask->to)
		return VERDICT_SAME_NODE;
	if (!to->known)
		return VERDICT_TARGET_BLIND;
	if (goal == GOAL_RELIEF && ask->load->mean < GUARD_RELIEF_LEAST * from->cores)
		return VERDICT_MIN_GAIN;
	if (overloads(to, ask->load))
		return VERDICT_OVERLOADS_TARGET;
	/* As hot as the source was: the next decision would move it back. */
	if (goal != GOAL_DRAIN && after >= node_state_load(from))
		return VERDICT_OVERLOADS_TARGET;
	if (ask->load->held && !held_fits(to, ask->load))
		return VERDICT_OVERLOADS_TARGET;
	return overloads_mem(to, ask->load) ? VERDICT_MEM_OVERLOAD : VERDICT_OK;
}

bool
guard_is_hot(const struct snapshot *s, uint32_t node)
{
	const struct snap_node *n = &s->nodes[node];

	return (n->flags & (NODE_BLIND | NODE_STALE)) == 0 && n->hot_ms > 0 &&
	       n->hot_ms >= s->bounds.sustain_ms;
}

enum verdict
guard_sustained(const struct guard_ask *ask, enum goal goal, double gain_slow)
{
	const struct snapshot *s = ask->snapshot;

	if (goal == GOAL_RELIEF)
		return guard_is_hot(s, ask->from) ? VERDICT_OK : VERDICT_NOT_SUSTAINED;
	/*
	 * A spike is not a reason, and neither is a service that has only just started. A node that
	 * is above its relief line is relieved in time, or it was a spike.
	 */
	if (s->nodes[ask->from].hot_ms > 0 || ask->load->running_ms < s->bounds.sustain_ms ||
	    !(gain_slow > 0))
		return VERDICT_NOT_SUSTAINED;
	return VERDICT_OK;
}

enum verdict
guard_moment(const struct snapshot *s, bool suspended)
{
	if (s->partial)
		return VERDICT_PARTIAL;
	if (suspended)
		return VERDICT_FALLBACK;
	if (!s->allow.warm)
		return VERDICT_WARM_UP;
	if (s->allow.in_flight)
		return VERDICT_IN_FLIGHT;
	if (s->allow.budget_left == 0 || s->allow.actions == 0)
		return VERDICT_BUDGET;
	return VERDICT_OK;
}
