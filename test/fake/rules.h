/*
 * Swarm's rules, one file each. Who calls: world.c's pump, a moment after each write, as Swarm's
 * own parts wake up by watching the store; and each other.
 */
#pragma once

#include "test/fake/shape.h"

/* ---- orchestrator.c: which slots a service should have, and what IsTaskDirty says ---- */

bool orchestrator_is_dirty(struct world *w, const struct world_service *s,
                           const struct world_task *t);
void orchestrator_reconcile(struct world *w, struct world_service *s);
void orchestrator_task_changed(struct world *w, struct world_task *t);
void orchestrator_node_changed(struct world *w, struct world_node *n);
bool orchestrator_node_invalid(const struct world_node *n); /* NULL, down or drained */

/* ---- updater.c: the rolling update ---- */

struct updater_slot {
	uint32_t slot;
	struct world_node *node; /* global services */
	char (*ids)[SWARM_ID_SIZE];
	size_t n;
	size_t n_wanted; /* of them, when the updater was given the slot */
};

/* Takes slots. */
void updater_update(struct world *w, struct world_service *s, struct updater_slot *slots,
                    size_t n_slots);
void updater_slots_free(struct updater_slot *slots, size_t n);
void updater_cancel(struct world *w, struct world_service *s);
void updater_task_changed(struct world *w, struct world_task *t);
void updater_started(struct world *w, struct world_task *t); /* its delayed start is over */

/* ---- restart.c: the restart supervisor ---- */

void restart_task(struct world *w, struct world_task *t);
bool restart_should(struct world *w, const struct world_task *t);
/* Lets t go from READY to RUNNING after delay, and after old (may be NULL) has stopped. */
void restart_delay_start(struct world *w, const struct world_task *old, struct world_task *t,
                         int64_t delay_ns, bool wait_stop);
void restart_task_changed(struct world *w, const struct world_task *t);
void restart_node_changed(struct world *w, const struct world_node *n);

/* ---- scheduler.c ---- */

void scheduler_wake(struct world *w);

/* ---- enforcer.c: the constraint enforcer ---- */

void enforcer_check(struct world *w, struct world_node *n);

/* ---- reaper.c ---- */

/* Something was written: once that has been so for a moment, what is old goes. */
void reaper_wake(struct world *w);

/* ---- machine.c: a node's agent, and what befalls the node ---- */

void machine_task_changed(struct world *w, struct world_task *t);
void machine_hang(struct world *w, struct world_node *n);
void machine_resume(struct world *w, struct world_node *n);
void machine_kill(struct world *w, struct world_node *n);
void machine_start(struct world *w, struct world_node *n);
void machine_churn(struct world *w, struct world_node *n, int64_t every_ns); /* L11 */
