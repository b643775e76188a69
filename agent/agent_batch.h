/* One cycle's rows; what agent_batch.c and agent_rows.c share. */
#pragma once

#include "agent/agent_priv.h"

/* What others can make happen between two commits. */
#define EVENTS_MOST 256

struct batch {
	struct agent *agent;
	struct arena *arena; /* of all rows' texts */
	bool ends_cycle, look, prune;
	int64_t at_ms;
	struct retention keep;

	struct node_row *nodes;
	struct node_load_row *loads;
	struct service_row *services;
	struct roster_rows roster;
	struct sample_row *samples; /* the sampler's */
	struct weight_row *weights;
	struct qvalue_row *qvalues;
	const char **listed; /* ids of nodes whose containers are known */
	size_t n_listed;
	size_t n_nodes, n_loads, n_services, n_samples, n_weights, n_qvalues;
	const char *policy_json, *algorithm;
	int64_t step_ms;

	struct event_row events[EVENTS_MOST];
	struct foreign_row foreign[EVENTS_MOST];
	struct outcome_row outcomes[AGENT_EPOCHS];
	size_t n_events, n_foreign, n_outcomes;
	const char *quiet_until; /* for AGENT_QUIET_KEY; NULL: as it is */
	struct step *steps[2];
	size_t n_steps;

	bool want_ids;
	uint64_t first_id; /* out: AGENT_IDS of them */
};

/* The batch that is being filled; begun when there is none. */
struct batch *batch_current(struct agent *a);
