/*
 * What the files of the agent share; agent/agent*.c include it, nobody else.
 *
 *   agent.c          open, the loop, signals
 *   agent_clock.c    polls, the deciding clock, the watchdog
 *   agent_reload.c   the configuration, at start and on SIGHUP
 *   agent_close.c    the end, in order
 *   agent_restore.c  what the database remembers, at start
 *   agent_cycle.c    a decision: observe, decide, learn
 *   agent_act.c      carrying a decision out; what became of it
 *   agent_recover.c  open moves of an earlier run, or of another manager's foragerd
 *   agent_batch.c    a cycle's rows on their way to the database
 *   agent_request.c  wishes of the command line
 */
#pragma once

#include <uv.h>

#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/facts.h"
#include "agent/lease.h"
#include "agent/look.h"
#include "agent/mover.h"
#include "agent/observe.h"
#include "agent/roster.h"
#include "agent/sampler.h"
#include "agent/writer.h"
#include "base/log.h"
#include "policy/decide.h"
#include "storage/store.h"

/* So many decision ids are reserved in the database at once. */
#define AGENT_IDS 32
/* Moves of the last hour that the budget counts; per-hour is at most that. */
#define AGENT_MOVES 3600
/* NTP slews; what is more than that between two cycles is somebody who sets the clock. */
#define AGENT_JUMP_MS 5000
/* In table meta: until when (wall clock) nothing is moved after a start, because the clock jumped.
 */
#define AGENT_QUIET_KEY "clock_quiet_until_ms"
/* Outcomes that are watched at the same time. */
#define AGENT_EPOCHS 8
/* Wishes of the command line that wait for the mover. */
#define AGENT_REQUESTS 16

/* One decision with what it was made on; the cycle and its batch hold it, the last one frees. */
struct step {
	unsigned int refs;
	struct snapshot *snap;
	struct decision decision;
	struct execution_row execution;
	char *command; /* execution.command */
	struct action executed;
};

/* After a move: what it did, seen over some steps. */
struct epoch {
	bool open;
	struct outcome_row row; /* texts unset */
	char service_id[SWARM_ID_SIZE], from_id[SWARM_ID_SIZE], to_id[SWARM_ID_SIZE];
	char *service_name;
	double move_cost;
	int64_t settled_mono_ms; /* when settling in is over */
	unsigned int steps;      /* seen since */
	bool before;             /* the row's before fields are set */
};

struct agent {
	const struct agent_options *options;
	struct config *config;
	int lock_fd;
	int exit_code;

	uv_loop_t loop;
	uv_timer_t poll_timer, decide_timer, request_timer, watchdog_timer;
	uv_signal_t term, interrupt, hangup;
	unsigned int n_handles; /* of the above, open */

	struct http *http;
	struct cluster *cluster;
	struct facts *facts;
	struct roster *roster;
	struct sampler *sampler;
	struct writer *writer;
	struct store *store; /* until the writer has it */
	struct look *look;
	struct mover *mover;
	char lease_key[LEASE_KEY_SIZE], host[LEASE_HOST_SIZE];
	struct policy *policy;

	/* The poll and decide clocks. */
	bool cycling, polling, started, stopping;
	bool leader, leader_known, polled_well;
	int64_t last_mono_ms, last_wall_ms; /* of the last cycle: a jump shows against them */
	uint64_t cycle;

	/* From the database. */
	uint64_t next_id, end_id;                 /* decision ids in stock */
	int64_t created_wall_ms, paused_since_ms; /* 0 = is not paused */
	bool store_well;
	int64_t quiet_until_mono_ms; /* the clock had jumped before the start: nothing is moved */
	int64_t moves_wall_ms[AGENT_MOVES]; /* begun, newest last */
	size_t n_moves;

	struct step *last; /* the newest decision that was learnt from or acted upon */
	struct epoch epochs[AGENT_EPOCHS];
	struct batch *batch; /* being filled: rows that come between cycles */

	int64_t recover_mono_ms; /* open moves were looked for last */
	char *recover_said;      /* why they could not be taken up */
	uint64_t orphans_looked; /* agent_orphans, when they were looked for */

	/* A policy's move that is open. */
	uint64_t moving_decision;
	bool requesting;                            /* the database is being asked for wishes */
	struct wish *wishes[AGENT_REQUESTS], *wish; /* waiting; being carried out by the mover */
	size_t n_wishes;
	struct wish *unanswered; /* carried out, but the database did not take the answer */
};

struct batch;

/* agent_clock.c */
void agent_arm_poll(struct agent *a, int64_t delay_ms);
void agent_arm_decide(struct agent *a);
void agent_cycle_ended(struct agent *a);
void agent_start_clocks(struct agent *a);
/* Of the engine's stream; type NULL: it stands anew. Comes while foragerd closes, too. */
void agent_on_event(void *data, const char *type, const char *action, const char *id);
/* How long after an event the Swarm is polled. */
int64_t agent_event_wait_ms(const struct cluster_state *state);

/* agent_reload.c */
struct features_options agent_features(const struct config *config);
int agent_read_config(const struct agent_options *options, struct config **ret, struct error *err);
enum log_level agent_log_level(const struct config *config);
void agent_on_hangup(uv_signal_t *signal, int signum);

/* agent_close.c: begins the end; the loop runs until all is closed. */
void agent_stop(struct agent *a, int exit_code);

/* agent_restore.c */
int agent_policy_new(const struct config *config, struct policy **ret, struct error *err);
int agent_restore(struct agent *a, struct error *err);
/* Budget, warm-up, cool-downs and quiet times go on as if the clock had not jumped. */
void agent_wall_jumped(struct agent *a, int64_t jump_ms, int64_t wall);
struct mover_options agent_mover_options(struct agent *a);

/* agent_cycle.c */
void agent_saw(void *data, const struct cluster_state *state); /* look_saw_fn */
void agent_decide(struct agent *a, const struct cluster_state *state);
void step_unref(struct step *step); /* NULL is fine */
/* From one step to the next, for policy_learn; settling is for the caller to fill in. */
struct transition step_transition(const struct step *before, const struct step *now);

/* agent_recover.c */
void agent_recover(struct agent *a);
void agent_watch_orphans(struct agent *a, const struct cluster_state *state);
uint64_t agent_orphans(const struct cluster_state *state, bool *ret_now);

/* agent_act.c */
struct allowance agent_allowance(const struct agent *a);
void agent_execute(struct agent *a, struct step *step);
void agent_on_state(void *data, const struct intent *intent);
void agent_note_begun(struct agent *a, int64_t wall_ms);
/* The service's cool-down begins. What a person asked for is that person's will: the service is
 * also left alone for deploy-quiet, as after anybody else's change. */
void agent_note_ended(struct facts *facts, const struct intent *in, int64_t at_wall_ms);
/* Whether the service is settling in after a move of ours. */
bool agent_settling(const struct agent *a, const char *service_id);
void agent_watch_outcomes(struct agent *a, const struct snapshot *snap);
void agent_epochs_done(struct agent *a);

/* agent_batch.c */
void batch_event(struct agent *a, const char *kind, const char *fmt, ...) _printf_(3, 4);
void batch_foreign(struct agent *a, const struct foreign_row *row);
/* The clock jumped: a start within deploy-quiet from at_wall_ms shall move nothing. */
void batch_quiet(struct agent *a, int64_t at_wall_ms);
void batch_outcome(struct agent *a, const struct outcome_row *row);
/* Takes a reference on the step. */
void batch_decision(struct agent *a, struct step *step);
/* The rows that every cycle has; snap is read now, nothing of it is kept. */
void batch_cycle(struct agent *a, const struct snapshot *snap, const struct cluster_state *state,
                 uint64_t parts);
/* Between two cycles: samples that would become too many are handed to the writer now. */
void batch_samples(struct agent *a);
/* The last rows: samples that came since the last cycle, every profile's whole state. */
void batch_stop(struct agent *a);
/* Hands the batch to the writer; a new one is begun. */
void batch_submit(struct agent *a, bool ends_cycle);
void batch_free(struct batch *b);

/* agent_request.c */
void agent_poll_requests(struct agent *a);
void agent_next_wish(struct agent *a);
void agent_wishes_done(struct agent *a);
void agent_set_paused(struct agent *a, int64_t since_ms);
