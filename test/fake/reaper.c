/* The task reaper (swarmkit manager/orchestrator/taskreaper): old tasks of a slot go; see rules.h.
 */
#include "test/fake/rules.h"

/* Swarm keeps so many tasks a slot (TaskHistoryRetentionLimit), or as many as counting restarts
 * takes.
 */
#define HISTORY   5
#define REAPER_NS (250 * NS_PER_MS)
#define MAX_DIRTY 1000 /* so many made since, and it does not wait for calm */

static bool
same_slot(const struct world_task *a, const struct world_task *b)
{
	return a->slot == b->slot && (a->slot != 0 || a->node == b->node);
}

/* Ended, or never to begin. */
static bool
is_history(const struct world_task *t)
{
	return !t->queued && !t->delayed && t->desired > TASK_RUNNING && !t->alive &&
	       t->machine == NULL && (t->state > TASK_RUNNING || t->state < TASK_ASSIGNED);
}

/* The one whose state changed longest ago. */
static struct world_task *
oldest_history(const struct world_service *s, const struct world_task *slot)
{
	struct world_task *oldest = NULL;

	for (size_t i = 0; i < s->n_tasks; i++) {
		struct world_task *t = s->tasks[i];

		if (same_slot(t, slot) && is_history(t) &&
		    (oldest == NULL || t->status_ns < oldest->status_ns))
			oldest = t;
	}
	return oldest;
}

/* A slot in which a task was made: looked at again until no two of its tasks can run. */
static void
reap_slot(struct world *w, struct world_service *s, const struct world_task *slot)
{
	size_t attempts = (size_t) shape_int(s->spec, "TaskTemplate.RestartPolicy.MaxAttempts", 0);
	size_t most = attempts > 0 ? attempts + 1 : HISTORY, n = 0, living = 0;
	const struct world_task key = *slot;
	struct world_task *oldest;

	for (size_t i = 0; i < s->n_tasks; i++) {
		n += same_slot(s->tasks[i], &key);
		living += same_slot(s->tasks[i], &key) && !is_history(s->tasks[i]);
	}
	for (size_t i = 0; (n <= most || living <= 1) && i < s->n_tasks; i++) {
		if (same_slot(s->tasks[i], &key))
			s->tasks[i]->fresh = false;
	}
	for (; n > most && (oldest = oldest_history(s, &key)) != NULL; n--)
		world_task_remove(w, oldest);
}

/* Those of slots that were too many. */
static void
reap_leaving(struct world *w, struct world_service *s)
{
	for (size_t i = s->n_tasks; i-- > 0;) {
		if (s->tasks[i]->leaving && is_history(s->tasks[i]))
			world_task_remove(w, s->tasks[i]);
	}
}

static void
on_reaper(struct world *w, void *data)
{
	(void) data;
	w->n_fresh = 0;
	for (size_t k = 0; k < w->n_services; k++) {
		struct world_service *s = w->services[k];

		reap_leaving(w, s);
		for (size_t i = 0; i < s->n_tasks;) {
			size_t n = s->n_tasks;

			if (s->tasks[i]->fresh)
				reap_slot(w, s, s->tasks[i]);
			i = s->n_tasks == n ? i + 1 : 0; /* what goes may have stood before it */
		}
	}
}

void
reaper_wake(struct world *w)
{
	if (w->n_fresh > MAX_DIRTY)
		on_reaper(w, NULL);
	world_after(w, &w->reaper, REAPER_NS, on_reaper, NULL);
}
