/* The rolling update (swarmkit manager/orchestrator/update/updater.go); see rules.h. */
#include "test/fake/rules.h"

enum phase {
	FREE,
	STARTING, /* the new task waits for its start */
	RISING,   /* the new task is to reach RUNNING */
	EXISTING, /* one that is there already waits for its start */
	RESTING,  /* UpdateConfig.Delay */
};

struct worker {
	struct updater *u;
	enum phase phase;
	size_t slot;
	char task[SWARM_ID_SIZE];
	struct world_timer *timer;
};

struct made {
	char id[SWARM_ID_SIZE];
	int64_t since_ns; /* 0: has not run yet */
	bool failed;
	bool unheard;
};

struct updater {
	struct world *w;
	struct world_service *service;
	json_t *spec;
	bool rollback; /* as it was when this began */
	struct shape_update config;
	struct updater_slot *slots; /* dirty ones */
	size_t n_slots, next;
	struct worker *workers;
	size_t n_workers, n_busy, n_failed, n_made;
	struct made *made;
	bool stopped;  /* by a failure: no more slots */
	bool unending; /* but it ends as if it had not been: see judge() */
	size_t late;   /* but for so many: what had just become free may still take one */
	struct world_timer *start, *monitor;
};

void
updater_slots_free(struct updater_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(slots[i].ids);
	free(slots);
}

void
updater_cancel(struct world *w, struct world_service *s)
{
	struct updater *u = take_ptr(s->updater);

	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n_workers; i++)
		world_cancel(w, &u->workers[i].timer);
	world_cancel(w, &u->start);
	world_cancel(w, &u->monitor);
	updater_slots_free(u->slots, u->n_slots);
	json_decref(u->spec);
	free(u->workers);
	free(u->made);
	free(u);
}

/* ---- the end of it ---- */

static void
complete(struct world *w, struct world_service *s)
{
	if (s->update == UPDATE_NONE)
		return; /* changed since */
	if (s->update == UPDATE_ROLLBACK_STARTED)
		world_service_update(w, s, UPDATE_ROLLBACK_COMPLETED, "rollback completed");
	else
		world_service_update(w, s, UPDATE_COMPLETED, "update completed");
}

static void
on_monitored(struct world *w, void *data)
{
	struct updater *u = data;
	struct world_service *s = u->service;

	updater_cancel(w, s);
	complete(w, s);
	/* What the write of the end wakes may come before the updater is off the list. */
	s->ended_version = rng_below(&w->rng, 2) == 0 ? s->version : 0;
}

static void
roll_back(struct world *w, struct world_service *s, const char *message)
{
	if (s->update == UPDATE_NONE || s->previous == NULL)
		return;
	json_decref(s->spec);
	s->spec = take_ptr(s->previous);
	s->spec_version = s->previous_version;
	s->previous_version = 0;
	world_service_update(w, s, UPDATE_ROLLBACK_STARTED, message);
}

static void
pause_it(struct world *w, struct world_service *s, const char *message)
{
	if (s->update == UPDATE_NONE)
		return;
	world_service_update(
	    w, s, s->update == UPDATE_ROLLBACK_STARTED ? UPDATE_ROLLBACK_PAUSED : UPDATE_PAUSED,
	    message);
}

static void
end_monitoring(struct updater *u)
{
	if (u->unending)
		on_monitored(u->w, u);
	else
		updater_cancel(u->w, u->service);
}

/* ---- failures ---- */

/*
 * Whether the action is taken. A rollback whose own action is to roll back is paused, but its
 * updater goes on to monitor what was begun, and then calls that an update that has completed.
 */
static bool
judge(struct updater *u, struct made *m)
{
	struct world *w = u->w;
	_cleanup_(freep) char *message = NULL;

	if (m->failed || (m->since_ns != 0 && w->now_ns - m->since_ns > u->config.monitor_ns))
		return false;
	m->failed = true;
	u->n_failed++;
	if ((double) u->n_failed / (double) u->n_slots <= u->config.max_failure ||
	    (u->stopped && !u->unending))
		return false;
	u->late = u->config.delay_ns == 0 && !u->stopped ? rng_below(&w->rng, 2) : 0;
	u->stopped = true;
	if (u->config.action == SHAPE_ROLLBACK && !u->rollback) {
		message = xasprintf(
		    "update rolled back due to failure or early termination of task %s", m->id);
		roll_back(w, u->service, message);
		return true;
	}
	u->unending = u->config.action == SHAPE_ROLLBACK;
	/* Where the action is to pause, a rollback's text is an update's. */
	message = xasprintf("%s paused due to failure or early termination of task %s",
	                    u->unending ? "rollback" : "update", m->id);
	pause_it(w, u->service, message);
	return true;
}

/* Once all slots are given out nobody listens until the last worker is done. Returns whether that
 * ends the monitoring. */
static bool
failed(struct updater *u, struct made *m)
{
	if (u->next < u->n_slots && u->monitor == NULL) {
		(void) judge(u, m);
		return false;
	}
	if (u->monitor != NULL)
		return judge(u, m);
	m->unheard = true;
	return false;
}

/* ---- workers ---- */

/* Wants no more of these; returns one that it ended, as Swarm does. */
static struct world_task *
remove_old(struct updater *u, const struct updater_slot *slot, const char *but)
{
	struct world_task *removed = NULL;

	for (size_t i = 0; i < slot->n; i++) {
		struct world_task *t = world_task_find(u->w, slot->ids[i]);

		if (t == NULL || streq(t->id, but) || t->desired > TASK_RUNNING)
			continue;
		world_task_desire(u->w, t, TASK_SHUTDOWN);
		removed = t;
	}
	return removed;
}

static void run_workers(struct updater *u); /* a worker's end lets it take the next slot */

static void
on_rested(struct world *w, void *data)
{
	struct worker *k = data;

	(void) w;
	k->phase = FREE;
	k->u->n_busy--;
	run_workers(k->u);
}

static void
slot_done(struct worker *k)
{
	struct updater *u = k->u;

	k->phase = RESTING;
	world_after(u->w, &k->timer, u->config.delay_ns, on_rested, k);
}

/* The task has failed. It is a race: the updater may be through with it, and with itself, before
 * the orchestrator has restarted it. */
static void
slot_failed(struct worker *k)
{
	struct updater *u = k->u;

	if (u->config.delay_ns == 0 && rng_below(&u->w->rng, 2) == 0)
		on_rested(u->w, k);
	else
		slot_done(k);
}

/*
 * A slot whose tasks have all been given up since: Swarm's updater finds nothing to remove, fails,
 * and makes no other one. Whoever gave them up, the restart supervisor say, has.
 */
static bool
given_up(const struct updater *u, const struct updater_slot *slot)
{
	for (size_t i = 0; i < slot->n; i++) {
		const struct world_task *t = world_task_find(u->w, slot->ids[i]);

		if (t != NULL && t->desired <= TASK_RUNNING)
			return false;
	}
	return slot->n_wanted > 0;
}

static void
make_task(struct worker *k)
{
	struct updater *u = k->u;
	struct updater_slot *slot = &u->slots[k->slot];
	struct world_task *t;
	struct made *m;

	if (!u->config.start_first && given_up(u, slot)) {
		slot_done(k);
		return;
	}
	t = world_task_new(u->w, u->service, slot->slot, slot->node, TASK_READY);
	u->made = xrealloc(u->made, u->n_made + 1, sizeof(*u->made));
	m = &u->made[u->n_made++];
	*m = (struct made){0};
	memcpy(m->id, t->id, sizeof(m->id));
	memcpy(k->task, t->id, sizeof(k->task));
	k->phase = STARTING;
	if (u->config.start_first)
		restart_delay_start(u->w, NULL, t, 0, false);
	else
		restart_delay_start(u->w, remove_old(u, slot, t->id), t, 0, true);
}

/* One of the slot's tasks is clean: the others go, and it starts if it has not. */
static void
use_existing(struct worker *k, struct world_task *t)
{
	struct updater *u = k->u;
	struct world_task *old = remove_old(u, &u->slots[k->slot], t->id);

	if (u->slots[k->slot].n > 1 && t->desired == TASK_RUNNING && t->state < TASK_RUNNING &&
	    old != NULL && old->state == TASK_RUNNING)
		world_landmine(u->w, 3, "'%s': the old task ends though the new one is only %s",
		               u->service->name, task_state_names[t->state]);
	if (t->desired == TASK_RUNNING) {
		slot_done(k);
		return;
	}
	memcpy(k->task, t->id, sizeof(k->task));
	k->phase = EXISTING;
	restart_delay_start(u->w, old, t, 0, true);
}

static void
work(struct worker *k)
{
	struct updater *u = k->u;
	struct updater_slot *slot = &u->slots[k->slot];
	struct world_task *clean = NULL;

	for (size_t i = 0; i < slot->n; i++) {
		struct world_task *t = world_task_find(u->w, slot->ids[i]);

		if (t == NULL || orchestrator_is_dirty(u->w, u->service, t))
			continue;
		if (t->desired == TASK_RUNNING) {
			use_existing(k, t);
			return;
		}
		if (t->desired < TASK_RUNNING)
			clean = t;
	}
	if (clean != NULL)
		use_existing(k, clean);
	else
		make_task(k);
}

static void
run_workers(struct updater *u)
{
	bool ends = false;

	for (size_t i = 0; i < u->n_workers; i++) {
		struct worker *k = &u->workers[i];

		if (k->phase != FREE || u->next >= u->n_slots || (u->stopped && u->late == 0))
			continue;
		u->late -= u->stopped;
		k->slot = u->next++;
		u->n_busy++;
		work(k);
	}
	if (u->n_busy > 0 || u->monitor != NULL)
		return;
	if (u->stopped && !u->unending) {
		updater_cancel(u->w, u->service);
		return;
	}
	world_after(u->w, &u->monitor, u->config.monitor_ns, on_monitored, u);
	for (size_t i = 0; i < u->n_made; i++)
		ends |= u->made[i].unheard && judge(u, &u->made[i]);
	if (ends)
		end_monitoring(u);
}

static void
risen(struct worker *k, const struct world_task *t)
{
	struct updater *u = k->u;

	for (size_t i = 0; i < u->n_made; i++) {
		if (streq(u->made[i].id, t->id) && u->made[i].since_ns == 0)
			u->made[i].since_ns = u->w->now_ns;
	}
	if (t->state > TASK_RUNNING) {
		slot_failed(k);
		return;
	}
	if (u->config.start_first)
		(void) remove_old(u, &u->slots[k->slot], t->id);
	slot_done(k);
}

void
updater_started(struct world *w, struct world_task *t)
{
	const struct world_service *s = t->service;

	(void) w;
	/* A worker's end may be its updater's. */
	for (size_t i = 0; s->updater != NULL && i < s->updater->n_workers; i++) {
		struct worker *k = &s->updater->workers[i];

		if (!streq(k->task, t->id))
			continue;
		if (k->phase == STARTING && t->state >= TASK_RUNNING)
			risen(k, t); /* it failed before its start */
		else if (k->phase == STARTING)
			k->phase = RISING;
		else if (k->phase == EXISTING)
			slot_done(k);
	}
}

void
updater_task_changed(struct world *w, struct world_task *t)
{
	struct world_service *s = t->service;
	struct updater *u = s->updater;
	bool ends = false;

	(void) w;
	for (size_t i = 0; u != NULL && i < u->n_made; i++) {
		if (streq(u->made[i].id, t->id) && t->state > TASK_RUNNING &&
		    u->config.action != SHAPE_CONTINUE)
			ends |= failed(u, &u->made[i]);
	}
	for (size_t i = 0; s->updater != NULL && i < s->updater->n_workers; i++) {
		struct worker *k = &s->updater->workers[i];

		if (k->phase == RISING && streq(k->task, t->id) && t->state >= TASK_RUNNING)
			risen(k, t);
	}
	if (ends && s->updater == u)
		end_monitoring(u);
}

/* ---- the beginning ---- */

/* The write of the status wakes the orchestrator, which looks before the first task is made. */
#define LATE_NS (2 * NS_PER_MS)

static void
on_start(struct world *w, void *data)
{
	(void) w;
	run_workers(data);
}

/* A race: it shows when the orchestrator has just found slots too many, and counts them again. */
static bool
starts_late(struct world *w, const struct world_service *s)
{
	bool leaving = false;

	for (size_t i = 0; i < s->n_tasks; i++)
		leaving |= s->tasks[i]->leaving;
	return leaving && rng_below(&w->rng, 2) == 0;
}

static bool
slot_dirty(struct world *w, const struct world_service *s, const struct updater_slot *slot)
{
	const struct world_task *t = slot->n > 0 ? world_task_find(w, slot->ids[0]) : NULL;

	return slot->n > 1 || (t != NULL && orchestrator_is_dirty(w, s, t));
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static size_t
keep_dirty(struct world *w, const struct world_service *s, struct updater_slot *slots, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		/* Swarm's store hands them out by id, which is as good as by chance. */
		qsort(slots[i].ids, slots[i].n, sizeof(*slots[i].ids), compare_ids);
		if (slot_dirty(w, s, &slots[i]) && !w->panicked)
			slots[kept++] = slots[i];
		else
			free(slots[i].ids);
	}
	/* Go's map has no order: which replica goes first is left to chance. */
	rng_shuffle(&w->rng, slots, kept, sizeof(*slots));
	return kept;
}

static void
begin(struct world *w, struct world_service *s, struct updater_slot *slots, size_t n)
{
	struct updater *u = xcalloc(1, sizeof(*u));

	u->w = w;
	u->service = s;
	u->spec = json_incref(s->spec);
	u->slots = slots;
	u->n_slots = n;
	u->rollback = s->update == UPDATE_ROLLBACK_STARTED;
	shape_update(s->spec, u->rollback, &u->config);
	if (u->config.delay_ns >= u->config.monitor_ns)
		u->config.monitor_ns = u->config.delay_ns + NS_PER_S;
	u->n_workers = MIN(u->config.parallelism == 0 ? n : u->config.parallelism, n);
	u->workers = xcalloc(u->n_workers, sizeof(*u->workers));
	for (size_t i = 0; i < u->n_workers; i++)
		u->workers[i].u = u;
	s->updater = u;
	if (s->update == UPDATE_NONE)
		world_service_update(w, s, UPDATE_UPDATING, "update in progress");
	if (starts_late(w, s))
		world_after(w, &u->start, LATE_NS, on_start, u);
	else
		run_workers(u);
}

void
updater_update(struct world *w, struct world_service *s, struct updater_slot *slots, size_t n_slots)
{
	size_t n;

	if (s->ended_version == s->version ||
	    (s->updater != NULL && json_equal(s->spec, s->updater->spec))) {
		s->ended_version = 0;
		updater_slots_free(slots, n_slots);
		return; /* there is one that works towards this already */
	}
	updater_cancel(w, s);
	if (s->update == UPDATE_PAUSED || s->update == UPDATE_ROLLBACK_PAUSED) {
		updater_slots_free(slots, n_slots);
		return;
	}
	n = keep_dirty(w, s, slots, n_slots);
	if (n > 0) {
		begin(w, s, slots, n);
		return;
	}
	free(slots);
	if (s->update == UPDATE_UPDATING || s->update == UPDATE_ROLLBACK_STARTED)
		complete(w, s);
}
