/*
 * The constraint enforcer (swarmkit manager/orchestrator/constraintenforcer): every write of a node
 * rejects at once what may not be there any more, by the service's spec as it stands; see rules.h.
 */
#include "test/fake/rules.h"

static void
reject(struct world *w, struct world_task *t)
{
	bool moving =
	    t->service->update == UPDATE_UPDATING || t->service->update == UPDATE_ROLLBACK_STARTED;

	if (moving)
		world_landmine(w, 2, "'%s': a node was written in mid-move, a task is rejected",
		               t->service->name);
	world_task_state(w, t, TASK_REJECTED, "task rejected by constraint enforcer",
	                 "assigned node no longer meets constraints");
}

static bool
take(int64_t *left, int64_t wants)
{
	if (wants > *left)
		return false;
	*left -= wants;
	return true;
}

/* L8: engines until 25.0.3 had two ways to get the comparison wrong. */
static bool
generic_ok(struct world *w, const struct world_task *t, const struct world_node *n)
{
	const json_t *wants = shape_at(t->spec, "Resources.Reservations.GenericResources");
	json_t *want, *have;
	size_t i, k;

	json_array_foreach (wants, i, want) {
		int64_t mine = shape_int(want, "DiscreteResourceSpec.Value", 0);

		json_array_foreach (n->generic, k, have) {
			int64_t all = shape_int(have, "DiscreteResourceSpec.Value", 0);
			bool wrong = w->api_minor <= 41   ? mine == all
			             : w->api_minor <= 43 ? mine < all
			                                  : false;

			if (!streq(shape_text(want, "DiscreteResourceSpec.Kind", ""),
			           shape_text(have, "DiscreteResourceSpec.Kind", "")))
				continue;
			if (mine > all)
				return false;
			if (wrong) {
				world_landmine(w, 8, "'%s': a task with generic resources",
				               t->service->name);
				return false;
			}
		}
	}
	return true;
}

/* L9: before 29.6 the tasks of a job that are done still count. */
static bool
counts(const struct world *w, const struct world_task *t)
{
	if (t->desired < TASK_ASSIGNED || t->desired > TASK_COMPLETE)
		return false;
	return t->state <= TASK_RUNNING || (t->state == TASK_COMPLETE && w->api_minor < 55);
}

static void
check_task(struct world *w, struct world_node *n, struct world_task *t, struct resources *left,
           bool *job_took)
{
	struct resources wants = shape_reserve(t->spec);
	const json_t *spec = json_object_get(t->service->spec, "TaskTemplate");

	if (!counts(w, t))
		return;
	if (t->state <= TASK_RUNNING && !shape_node_matches(spec, n)) {
		reject(w, t);
		return;
	}
	if (!take(&left->cpu_nano, wants.cpu_nano) || !take(&left->mem_bytes, wants.mem_bytes)) {
		if (*job_took)
			world_landmine(w, 9, "'%s': done tasks of a job still count",
			               t->service->name);
		if (t->state <= TASK_RUNNING)
			reject(w, t);
		return;
	}
	*job_took |= t->state == TASK_COMPLETE;
	if (t->state <= TASK_RUNNING && !generic_ok(w, t, n))
		reject(w, t);
}

void
enforcer_check(struct world *w, struct world_node *n)
{
	struct resources left = n->capacity;
	bool job_took = false;

	if (n->availability != WORLD_ACTIVE || !world_has_leader(w))
		return;
	for (int jobs = 1; jobs >= 0; jobs--) { /* jobs first: the worst order of Swarm's map */
		for (size_t k = 0; k < w->n_services; k++) {
			struct world_service *s = w->services[k];
			enum service_mode mode = shape_mode(s->spec);

			if ((mode == MODE_REPLICATED_JOB || mode == MODE_GLOBAL_JOB) != jobs)
				continue;
			for (size_t i = 0; i < s->n_tasks; i++) {
				if (s->tasks[i]->node == n)
					check_task(w, n, s->tasks[i], &left, &job_took);
			}
		}
	}
}
