/*
 * What a look at a service's tasks means for the change that is under way. Pure: one reading in, an
 * event of the mover's table out, or "not yet".
 */
#pragma once

#include "agent/mover_table.h"
#include "base/error.h"
#include "docker/types.h"

#define JUDGE_WAIT (-1)

/* One reading. Lists are borrowed. */
struct judge_look {
	const struct docker_service *service;
	const struct docker_task *tasks; /* all of the service, history included */
	size_t n_tasks;
	const struct docker_node *nodes;
	size_t n_nodes;
	/* Another manager leads since a moment ago, and may not have heard of every node: that a
	 * task finds none, or the target's silence, means nothing yet. */
	bool unsettled;
};

/* Whether these nodes look as they do when another manager has just become the leader. */
bool judge_unsettled(const struct docker_node *nodes, size_t n);

/* What the change is about, noted before it was sent. */
struct judge_plan {
	const char *from_id, *to_id;
	const char *const *old; /* ids of the tasks that are to leave from_id */
	size_t n_old;
	/* Ids of every task there was; known NULL (after a restart): those created before since_ms
	 * (wall clock of the Swarm's leader, which is the one that we act beside). */
	const char *const *known;
	size_t n_known;
	int64_t since_ms;
};

/*
 * VERIFY: OK when every slot has one task, running, and those that were to leave run on to_id
 * (where a slot has more tasks than one, all of them are on to_id and one runs);
 * ASTRAY when they run, but one of them elsewhere; FAILING when a new task failed or was rejected,
 * cannot be placed, the target is not usable or Swarm gave the update up. why gets a reason for
 * FAILING and ASTRAY (it may be NULL).
 */
int judge_move(const struct judge_look *look, const struct judge_plan *plan, struct error *why);

/* CALM: landed, and Swarm's update has ended: OK; FAILING as above; else not yet. */
int judge_calm(const struct judge_look *look, const struct judge_plan *plan, struct error *why);

/* UNWIND: OK when each slot has one task, running, and the update has ended. FAILING when a slot
 * has none and cannot get one as things are. */
int judge_unwind(const struct judge_look *look, struct error *why);

/*
 * YIELD_WAIT: OK when no update is open and nothing is pending, or when theirs is paused: that is
 * not waited away. FAILING when a task of it finds no node: it may be our terms that hold it up.
 */
int judge_other(const struct judge_look *look);
/* Whether theirs is paused and a new task has failed on the target, where our terms had put it. */
bool judge_paused_on_target(const struct judge_look *look, const struct judge_plan *plan);
/* Whether no task of the service runs that Swarm means to run. */
bool judge_none_runs(const struct judge_look *look);

/* Whether an update of the service is under way, paused, or in a state that nobody knows. */
bool judge_update_open(const struct docker_service *service);
bool judge_update_paused(const struct docker_service *service);
/* A rollback, at whatever stage. */
bool judge_rolled_back(const struct docker_service *service);

/* A task that Swarm means to run and that has not ended. */
bool judge_alive(const struct docker_task *task);
