/* Reads tasks and says what they mean for a change; see mover_judge.h. */
#include "agent/mover_judge.h"

#include <errno.h>

bool
judge_update_open(const struct docker_service *service)
{
	switch (service->status.state) {
	case DOCKER_UPDATING:
	case DOCKER_ROLLBACK_STARTED:
	case DOCKER_UPDATE_OTHER:
		return true;
	default:
		return false;
	}
}

bool
judge_update_paused(const struct docker_service *service)
{
	return service->status.state == DOCKER_UPDATE_PAUSED ||
	       service->status.state == DOCKER_ROLLBACK_PAUSED;
}

bool
judge_rolled_back(const struct docker_service *service)
{
	switch (service->status.state) {
	case DOCKER_ROLLBACK_STARTED:
	case DOCKER_ROLLBACK_PAUSED:
	case DOCKER_ROLLBACK_COMPLETED:
		return true;
	default:
		return false;
	}
}

bool
judge_alive(const struct docker_task *task)
{
	return task->desired <= DOCKER_TASK_RUNNING && task->state <= DOCKER_TASK_RUNNING;
}

static bool
listed(const char *id, const char *const *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(id, ids[i]))
			return true;
	return false;
}

static bool
is_new(const struct docker_task *t, const struct judge_plan *plan)
{
	if (plan->known != NULL)
		return !listed(t->id, plan->known, plan->n_known);
	return t->created_ms >= plan->since_ms && !listed(t->id, plan->old, plan->n_old);
}

/* A new leader calls every node unknown until it hears of it, and down when it does not. */
bool
judge_unsettled(const struct docker_node *nodes, size_t n)
{
	bool any_ready = false;

	for (size_t i = 0; i < n; i++) {
		if (nodes[i].state == DOCKER_NODE_UNKNOWN)
			return true;
		any_ready = any_ready || nodes[i].state == DOCKER_NODE_READY;
	}
	return !any_ready;
}

/* Swarm's scheduler says so in Status.Err of a task that no node can take. */
static bool
cannot_be_placed(const struct judge_look *look, const struct docker_task *t)
{
	return !look->unsettled && t->state <= DOCKER_TASK_PENDING &&
	       str_has_prefix(t->error, "no suitable node");
}

/* How many tasks of the slot are alive, and one of those that run. */
static size_t
slot_alive(const struct judge_look *look, uint32_t slot, const struct docker_task **ret_running)
{
	size_t n = 0;

	*ret_running = NULL;
	for (size_t i = 0; i < look->n_tasks; i++) {
		const struct docker_task *t = &look->tasks[i];

		if (t->slot != slot || !judge_alive(t))
			continue;
		n++;
		if (t->state == DOCKER_TASK_RUNNING && t->desired == DOCKER_TASK_RUNNING)
			*ret_running = t;
	}
	return n;
}

/* Every wanted slot has exactly one task that is alive, and that one runs. */
static bool
one_a_slot(const struct judge_look *look)
{
	uint64_t slots = 0;

	for (size_t i = 0; i < look->n_tasks; i++) {
		const struct docker_task *running;

		if (!judge_alive(&look->tasks[i]))
			continue;
		if (slot_alive(look, look->tasks[i].slot, &running) != 1 || running == NULL)
			return false;
		slots++;
	}
	return slots == look->service->replicas;
}

/*
 * A slot has one task. Where the source was drained or labelled in mid-move, Swarm itself replaces
 * the old task, beside the updater: two on the target, one of which runs, are as good, and Swarm
 * takes one of them away when its update has ended.
 */
static bool
slot_landed(const struct judge_look *look, uint32_t slot, const char *to_id)
{
	const struct docker_task *running;
	size_t n = slot_alive(look, slot, &running);

	for (size_t i = 0; n > 1 && i < look->n_tasks; i++)
		if (look->tasks[i].slot == slot && judge_alive(&look->tasks[i]) &&
		    !streq(look->tasks[i].node_id, to_id))
			return false;
	return running != NULL;
}

static bool
is_first_of_slot(const struct judge_look *look, size_t task)
{
	for (size_t i = 0; i < task; i++)
		if (look->tasks[i].slot == look->tasks[task].slot && judge_alive(&look->tasks[i]))
			return false;
	return true;
}

static bool
every_slot_landed(const struct judge_look *look, const char *to_id)
{
	uint64_t slots = 0;

	for (size_t i = 0; i < look->n_tasks; i++) {
		if (!judge_alive(&look->tasks[i]))
			continue;
		if (!slot_landed(look, look->tasks[i].slot, to_id))
			return false;
		slots += is_first_of_slot(look, i);
	}
	return slots == look->service->replicas;
}

static bool
any_alive_on(const struct judge_look *look, const char *node_id)
{
	for (size_t i = 0; i < look->n_tasks; i++)
		if (judge_alive(&look->tasks[i]) && streq(look->tasks[i].node_id, node_id))
			return true;
	return false;
}

/*
 * Where the tasks of the slots that were to move run now, each slot having one: OK when all are on
 * the target, ASTRAY when one is elsewhere. A slot whose old task is no longer listed (the Swarm
 * keeps few) or that was scaled away says nothing.
 */
static int
moved_slots(const struct judge_look *look, const struct judge_plan *plan, struct error *why)
{
	int r = MOVER_EVENT_OK;

	for (size_t i = 0; i < look->n_tasks; i++) {
		const struct docker_task *old = &look->tasks[i], *running;

		if (!listed(old->id, plan->old, plan->n_old) ||
		    slot_alive(look, old->slot, &running) == 0 ||
		    streq(running->node_id, plan->to_id))
			continue;
		(void) error_set(why, EXDEV, "Swarm put the task of slot %u on node '%s' instead",
		                 old->slot, running->node_id);
		r = MOVER_EVENT_ASTRAY;
	}
	return r;
}

static int
landed(const struct judge_look *look, const struct judge_plan *plan, struct error *why)
{
	if (!every_slot_landed(look, plan->to_id) || any_alive_on(look, plan->from_id))
		return JUDGE_WAIT;
	return moved_slots(look, plan, why);
}

static const struct docker_node *
find_node(const struct judge_look *look, const char *id)
{
	for (size_t i = 0; i < look->n_nodes; i++)
		if (streq(look->nodes[i].id, id))
			return &look->nodes[i];
	return NULL;
}

static bool
task_failing(const struct judge_look *look, const struct docker_task *t, struct error *why)
{
	const char *said = t->error[0] != '\0' ? t->error : t->message;

	if (cannot_be_placed(look, t)) {
		(void) error_set(why, ENOSPC, "the new task of slot %u cannot be placed: %s",
		                 t->slot, t->error);
		return true;
	}
	/* SHUTDOWN and REMOVE are Swarm's own doing, COMPLETE is an exit all the same. */
	if (t->state == DOCKER_TASK_FAILED || t->state == DOCKER_TASK_REJECTED ||
	    t->state == DOCKER_TASK_COMPLETE || t->state == DOCKER_TASK_ORPHANED) {
		(void) error_set(why, ECHILD, "the new task of slot %u did not stay up: %s",
		                 t->slot, said[0] != '\0' ? said : "it ended");
		return true;
	}
	return false;
}

/* Whether a new task fails on this node (NULL: on any). */
static bool
new_task_failing(const struct judge_look *look, const struct judge_plan *plan, const char *node_id,
                 struct error *why)
{
	for (size_t i = 0; i < look->n_tasks; i++) {
		const struct docker_task *t = &look->tasks[i];

		if ((node_id == NULL || streq(t->node_id, node_id)) && is_new(t, plan) &&
		    task_failing(look, t, why))
			return true;
	}
	return false;
}

static bool
usable(const struct judge_look *look, const struct docker_node *n)
{
	if (n == NULL || n->availability != DOCKER_ACTIVE)
		return false;
	return n->state == DOCKER_NODE_READY ||
	       (look->unsettled && n->state == DOCKER_NODE_UNKNOWN);
}

static bool
failing(const struct judge_look *look, const struct judge_plan *plan, struct error *why)
{
	const struct docker_node *to = find_node(look, plan->to_id);

	if (new_task_failing(look, plan, NULL, why))
		return true;
	if (!usable(look, to)) {
		(void) error_set(why, EHOSTDOWN, "the target is no longer ready and active");
		return true;
	}
	if (judge_update_paused(look->service)) {
		(void) error_set(why, ECHILD, "Swarm paused the update: %s",
		                 look->service->status.message);
		return true;
	}
	return false;
}

int
judge_move(const struct judge_look *look, const struct judge_plan *plan, struct error *why)
{
	int r = landed(look, plan, why);

	if (r == MOVER_EVENT_ASTRAY || (r == MOVER_EVENT_OK && !judge_update_paused(look->service)))
		return r;
	return failing(look, plan, why) ? MOVER_EVENT_FAILING : JUDGE_WAIT;
}

int
judge_calm(const struct judge_look *look, const struct judge_plan *plan, struct error *why)
{
	if (judge_update_open(look->service) || !one_a_slot(look) ||
	    judge_update_paused(look->service))
		return failing(look, plan, why) ? MOVER_EVENT_FAILING : JUDGE_WAIT;
	return MOVER_EVENT_OK;
}

int
judge_unwind(const struct judge_look *look, struct error *why)
{
	for (size_t i = 0; i < look->n_tasks; i++) {
		const struct docker_task *t = &look->tasks[i], *running;

		if (!judge_alive(t) || !cannot_be_placed(look, t))
			continue;
		if (slot_alive(look, t->slot, &running) == 1) {
			(void) error_set(why, ENOSPC, "slot %u has no other node: %s", t->slot,
			                 t->error);
			return MOVER_EVENT_FAILING;
		}
	}
	if (judge_update_open(look->service) || !one_a_slot(look))
		return JUDGE_WAIT;
	return MOVER_EVENT_OK;
}

bool
judge_paused_on_target(const struct judge_look *look, const struct judge_plan *plan)
{
	return judge_update_paused(look->service) &&
	       new_task_failing(look, plan, plan->to_id, NULL);
}

bool
judge_none_runs(const struct judge_look *look)
{
	for (size_t i = 0; i < look->n_tasks; i++)
		if (judge_alive(&look->tasks[i]) && look->tasks[i].state == DOCKER_TASK_RUNNING)
			return false;
	return true;
}

int
judge_other(const struct judge_look *look)
{
	bool pending = false;

	if (judge_update_paused(look->service))
		return MOVER_EVENT_OK;
	for (size_t i = 0; i < look->n_tasks; i++) {
		if (!judge_alive(&look->tasks[i]))
			continue;
		if (cannot_be_placed(look, &look->tasks[i]))
			return MOVER_EVENT_FAILING;
		pending = pending || look->tasks[i].state <= DOCKER_TASK_PENDING;
	}
	return pending || judge_update_open(look->service) ? JUDGE_WAIT : MOVER_EVENT_OK;
}
