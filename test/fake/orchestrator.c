/*
 * Which tasks a service should have (swarmkit manager/orchestrator: task, replicated, global,
 * jobs); see rules.h.
 */
#include "test/fake/rules.h"

bool
orchestrator_node_invalid(const struct world_node *n)
{
	return n == NULL || n->state == WORLD_DOWN || n->availability == WORLD_DRAIN;
}

/* ---- IsTaskDirty ---- */

static bool
equal_but_placement(const json_t *a, const json_t *b)
{
	json_auto_t *x = json_copy((json_t *) (uintptr_t) a),
	            *y = json_copy((json_t *) (uintptr_t) b);

	(void) json_object_del(x, "Placement");
	(void) json_object_del(y, "Placement");
	return shape_equal(x, y);
}

/* L1: before Docker 29.7 the leader looked into a Placement that is not there, and died. */
static void
panic_if_nil(struct world *w, const struct world_service *s, const json_t *now)
{
	if (json_object_get(now, "Placement") != NULL || w->api_minor > 55)
		return;
	w->panicked = true;
	w->who = s->last_who;
	world_landmine(w, 1, "'%s': the spec has no Placement, its tasks have: the leader panics",
	               s->name);
}

bool
orchestrator_is_dirty(struct world *w, const struct world_service *s, const struct world_task *t)
{
	const json_t *now = json_object_get(s->spec, "TaskTemplate");

	if (s->spec_version == t->spec_version || w->panicked)
		return false;
	if (!shape_equal(json_object_get(now, "Placement"),
	                 json_object_get(t->spec, "Placement")) &&
	    equal_but_placement(now, t->spec)) {
		if (t->node != NULL)
			panic_if_nil(w, s, now);
		if (w->panicked || (t->node != NULL && shape_node_matches(now, t->node)))
			return false;
	}
	return !shape_equal(now, t->spec) ||
	       !shape_equal(json_object_get(s->spec, "EndpointSpec"), t->endpoint);
}

/* ---- slots ---- */

static void
slot_add(struct updater_slot *slot, const struct world_task *t)
{
	slot->ids = xrealloc(slot->ids, slot->n + 1, sizeof(*slot->ids));
	memcpy(slot->ids[slot->n++], t->id, SWARM_ID_SIZE);
	slot->n_wanted += t->desired <= TASK_RUNNING;
}

static struct updater_slot *
slot_of(struct updater_slot *slots, size_t n, const struct world_task *t)
{
	for (size_t i = 0; i < n; i++) {
		if (slots[i].slot == t->slot && (t->slot != 0 || slots[i].node == t->node))
			return &slots[i];
	}
	return NULL;
}

static bool
slot_has_living(const struct world_service *s, const struct world_task *one)
{
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct world_task *t = s->tasks[i];

		if (t->slot == one->slot && (t->slot != 0 || t->node == one->node) &&
		    t->desired <= TASK_RUNNING)
			return true;
	}
	return false;
}

/* Swarm's newest of a slot is that of which a node last said something: the old one of start-first,
 * say, when the enforcer has rejected the one that came for it. */
static bool
newer(const struct world_task *a, const struct world_task *b)
{
	return (a->reported_ns != 0 ? a->reported_ns : a->status_ns) >=
	       (b->reported_ns != 0 ? b->reported_ns : b->status_ns);
}

/* Whether the task belongs to the slot that the updater gets (UpdatableTasksInSlot). */
static bool
updatable(struct world *w, const struct world_service *s, size_t i)
{
	const struct world_task *t = s->tasks[i];

	if (t->desired <= TASK_RUNNING)
		return true;
	if (s->update == UPDATE_ROLLBACK_STARTED || (t->desired == TASK_REMOVE && !t->leaving) ||
	    slot_has_living(s, t))
		return false;
	for (size_t k = 0; k < s->n_tasks; k++) {
		const struct world_task *o = s->tasks[k];

		if (o->slot == t->slot && (t->slot != 0 || o->node == t->node) &&
		    (k < i ? !newer(t, o) : k > i && newer(o, t)))
			return false; /* not the newest */
	}
	return !restart_should(w, t);
}

static struct updater_slot *
slots_of(struct world *w, const struct world_service *s, size_t *ret_n)
{
	struct updater_slot *slots = xcalloc(s->n_tasks + 1, sizeof(*slots)), *slot;
	size_t n = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		if (!updatable(w, s, i))
			continue;
		slot = slot_of(slots, n, s->tasks[i]);
		if (slot == NULL) {
			slot = &slots[n++];
			slot->slot = s->tasks[i]->slot;
			slot->node = slot->slot == 0 ? s->tasks[i]->node : NULL;
		}
		slot_add(slot, s->tasks[i]);
	}
	*ret_n = n;
	return slots;
}

/* ---- replicated ---- */

/* Swarm removes non-running ones first, then the nth copy on a node, then high numbers. */
struct candidate_slot {
	struct updater_slot slot;
	bool running;
	int nth;
};

static int
compare_running(const void *a, const void *b)
{
	const struct candidate_slot *x = a, *y = b;

	if (x->running != y->running)
		return x->running ? -1 : 1;
	return x->slot.slot < y->slot.slot ? -1 : 1;
}

static int
compare_nth(const void *a, const void *b)
{
	const struct candidate_slot *x = a, *y = b;

	/* Those without a node have index −1, and Swarm sorts them behind all others. */
	if ((x->nth < 0) != (y->nth < 0))
		return x->nth < 0 ? 1 : -1;
	if (x->nth != y->nth)
		return x->nth < y->nth ? -1 : 1;
	return compare_running(a, b);
}

static void
sort_slots(struct world *w, struct updater_slot *slots, size_t n)
{
	struct candidate_slot *all = xcalloc(n + 1, sizeof(*all));
	int *copies = xcalloc(w->n_nodes + 1, sizeof(*copies));

	for (size_t i = 0; i < n; i++) {
		all[i].slot = slots[i];
		for (size_t k = 0; k < slots[i].n; k++) {
			const struct world_task *t = world_task_find(w, slots[i].ids[k]);

			all[i].running |= t->state == TASK_RUNNING;
		}
	}
	qsort(all, n, sizeof(*all), compare_running);
	for (size_t i = 0; i < n; i++) {
		const struct world_task *t = world_task_find(w, all[i].slot.ids[0]);

		all[i].nth = all[i].slot.n == 1 && t->node != NULL ? ++copies[t->node->index] : -1;
	}
	qsort(all, n, sizeof(*all), compare_nth);
	for (size_t i = 0; i < n; i++)
		slots[i] = all[i].slot;
	free(all);
	free(copies);
}

static void
remove_slots(struct world *w, struct updater_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < slots[i].n; k++) {
			struct world_task *t = world_task_find(w, slots[i].ids[k]);

			t->leaving = true;
			world_task_desire(w, t, TASK_REMOVE);
		}
		free(take_ptr(slots[i].ids));
	}
}

static void
add_slots(struct world *w, struct world_service *s, const struct updater_slot *slots, size_t n,
          uint64_t count)
{
	uint32_t number = 0;

	while (count > 0) {
		bool taken = false;

		number++;
		for (size_t i = 0; i < n; i++)
			taken |= slots[i].slot == number;
		if (taken)
			continue;
		(void) world_task_new(w, s, number, NULL, TASK_RUNNING);
		count--;
	}
}

/* Slots that were dead before: but for those whose numbers are used again, they go with their
 * history. */
static void
remove_dead(struct world *w, struct world_service *s, const struct updater_slot *before, size_t n)
{
	for (size_t i = 0; i < s->n_tasks; i++) {
		struct world_task *t = s->tasks[i];
		bool used = t->slot == 0 || slot_has_living(s, t);

		for (size_t k = 0; k < n; k++)
			used |= before[k].slot == t->slot;
		if (!used)
			world_task_desire(w, t, TASK_REMOVE);
	}
}

static void
reconcile_replicated(struct world *w, struct world_service *s)
{
	uint64_t wanted = shape_replicas(s->spec);
	size_t n, n_before;
	struct updater_slot *slots = slots_of(w, s, &n), *before;

	n_before = n;
	before = xcalloc(n + 1, sizeof(*before));
	for (size_t i = 0; i < n; i++)
		before[i].slot = slots[i].slot;
	if (wanted < n) {
		sort_slots(w, slots, n);
		remove_slots(w, slots + wanted, n - wanted);
		n = wanted;
	}
	updater_update(w, s, slots, n);
	if (wanted > n)
		add_slots(w, s, before, n_before, wanted - n);
	remove_dead(w, s, before, n_before);
	free(before);
}

/* ---- global and jobs ---- */

static struct world_task *
global_task(const struct world_service *s, const struct world_node *n)
{
	for (size_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i]->node == n && s->tasks[i]->desired <= TASK_RUNNING)
			return s->tasks[i];
	}
	return NULL;
}

static void
reconcile_global(struct world *w, struct world_service *s)
{
	struct updater_slot *slots;
	size_t n;

	for (size_t i = 0; i < w->n_nodes; i++) {
		struct world_node *node = w->nodes[i];
		struct world_task *t = global_task(s, node);
		bool fits = !orchestrator_node_invalid(node) &&
		            shape_node_matches(json_object_get(s->spec, "TaskTemplate"), node);

		if (fits && t == NULL && node->availability == WORLD_ACTIVE &&
		    node->state == WORLD_READY)
			(void) world_task_new(w, s, 0, node, TASK_RUNNING);
		else if (!fits && t != NULL)
			world_task_desire(w, t, TASK_SHUTDOWN);
	}
	slots = slots_of(w, s, &n);
	updater_update(w, s, slots, n);
}

static void
reconcile_job(struct world *w, struct world_service *s)
{
	uint64_t wanted = shape_replicas(s->spec), n = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		struct world_task *t = s->tasks[i];

		if (t->job_iteration != s->job_iteration)
			world_task_desire(w, t, TASK_REMOVE);
		else if (t->state <= TASK_COMPLETE)
			n++;
	}
	for (; n < wanted; n++)
		(void) world_task_new(w, s, (uint32_t) n + 1, NULL, TASK_RUNNING);
}

void
orchestrator_reconcile(struct world *w, struct world_service *s)
{
	if (s->removed)
		return;
	switch (shape_mode(s->spec)) {
	case MODE_REPLICATED:
		reconcile_replicated(w, s);
		break;
	case MODE_GLOBAL:
		reconcile_global(w, s);
		break;
	default:
		reconcile_job(w, s);
	}
}

/* ---- task and node changes ---- */

void
orchestrator_task_changed(struct world *w, struct world_task *t)
{
	enum service_mode mode = shape_mode(t->service->spec);

	if (t->desired > TASK_RUNNING || t->service->removed)
		return;
	if (mode != MODE_REPLICATED && mode != MODE_GLOBAL) {
		if (t->state > TASK_COMPLETE)
			restart_task(w, t);
		return;
	}
	if (t->state > TASK_RUNNING || (t->node != NULL && orchestrator_node_invalid(t->node))) {
		if (mode == MODE_GLOBAL && orchestrator_node_invalid(t->node))
			world_task_desire(w, t, TASK_SHUTDOWN);
		else
			restart_task(w, t);
	}
}

void
orchestrator_node_changed(struct world *w, struct world_node *n)
{
	for (size_t k = 0; k < w->n_services; k++) {
		struct world_service *s = w->services[k];

		if (shape_mode(s->spec) == MODE_GLOBAL)
			orchestrator_reconcile(w, s);
		for (size_t i = 0; orchestrator_node_invalid(n) && i < s->n_tasks; i++) {
			if (s->tasks[i]->node == n)
				orchestrator_task_changed(w, s->tasks[i]);
		}
	}
}
