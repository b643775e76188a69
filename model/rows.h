/*
 * What is written to the database and read back at start: plain rows, one struct a table, units
 * in names as in the columns. Strings are borrowed by storage for the length of a call, and are
 * valid only within the callback when they are read. A measured value that is not known is NAN,
 * a name or id that is not known is NULL, a time that is not known is 0. Times are wall clock
 * milliseconds since 1970 (_ms at the end of first, last, at, seen, gone, started).
 */
#pragma once

#include "base/util.h"
#include "model/decision.h"
#include "model/forecast.h"

/* One measured interval of one container. */
struct sample_row {
	const char *container_id;
	int64_t at_ms;       /* end of the interval */
	int64_t interval_ms; /* its length, > 0 */
	double cpu_cores, throttled_ratio, mem_bytes;
	double net_rx_bytes_per_s, net_tx_bytes_per_s;
	double blk_read_bytes_per_s, blk_write_bytes_per_s;
	uint32_t pids, oom_kills;
};

enum profile_kind { PROFILE_CONTAINER, PROFILE_SERVICE, PROFILE_NODE, PROFILE_KIND_N };

extern const char *const profile_kind_names[PROFILE_KIND_N]; /* "container", … */

/* A behaviour profile: features/profile.h says what the figures mean. */
struct profile_row {
	enum profile_kind kind;
	const char *id;    /* container, service or node id */
	const char *image; /* container, service: what ran when it was learnt; else NULL */
	double cpu_mean_cores, cpu_p50_cores, cpu_p90_cores, cpu_p95_cores, cpu_p99_cores;
	double cpu_peak_cores, cpu_var_cores2, cpu_now_cores;
	double burst_ratio;     /* p95 / mean of CPU */
	double throttled_ratio; /* share of CFS periods, 0 … 1 */
	double mem_mean_bytes, mem_p50_bytes, mem_p95_bytes, mem_peak_bytes;
	double mem_growth_bytes_per_h;
	double net_rx_bytes_per_s, net_tx_bytes_per_s; /* means */
	double net_rx_p95_bytes_per_s, net_tx_p95_bytes_per_s;
	double blk_read_bytes_per_s, blk_write_bytes_per_s;
	double blk_read_p95_bytes_per_s, blk_write_p95_bytes_per_s;
	double forecast_mean_cores, forecast_var_cores2, forecast_error_cores;
	double startup_ms;
	double confidence; /* 0 … 1 */
	uint64_t n_samples, oom_kills;
	uint32_t pids_max, restarts;
	enum behaviour behaviour;
	int64_t first_ms, last_ms;
	const char *state; /* what profile_save gave, opaque here; NULL: keep what is stored */
};

struct node_row {
	const char *id, *hostname, *addr, *role, *os, *arch, *engine;
	const char *state;        /* "ready", "down", … */
	const char *availability; /* "active", "pause", "drain" */
	const char *source;       /* where its stats come from (an endpoint); NULL: blind */
	int64_t capacity_cpu_nano, capacity_mem_bytes;
	double usable_cores; /* what load is held against */
	double idle_watts, max_watts;
	bool watts_measured; /* false: a model */
	uint64_t version;    /* Version.Index */
	int64_t seen_ms;     /* when this was true */
};

/* One node at one step: the series behind `forager nodes` and the before/after of a decision. */
struct node_load_row {
	const char *node_id;
	int64_t at_ms;
	double cpu_cores, mem_bytes; /* measured sums; NAN = blind */
	int64_t reserved_cpu_nano, reserved_mem_bytes;
	uint32_t n_tasks;
	double watts; /* measured or modelled, see node_row.watts_measured; NAN = unknown */
};

struct service_row {
	const char *id, *name, *image;
	const char *stack;   /* label com.docker.stack.namespace; NULL: none */
	const char *mode;    /* "replicated", "global", "replicated-job", "global-job" */
	const char *act;     /* effective mode: act_mode_names */
	const char *refused; /* why it may not be moved, in words; NULL: it may */
	uint64_t replicas;
	int64_t reserve_cpu_nano, reserve_mem_bytes; /* a task; 0 = none */
	int64_t limit_cpu_nano, limit_mem_bytes;
	uint32_t n_constraints;
	const char *node_terms;         /* JSON array: the constraints on node.id; NULL: none */
	double slo_p95_ms, seen_p95_ms; /* response time: objective, and what was seen */
	uint64_t version;
	int64_t seen_ms;
};

struct container_row {
	const char *id, *name, *image;
	const char *service_id, *node_id, *task_id; /* service, task: NULL if it is not Swarm's */
	uint32_t slot;
	const char *state;  /* of its task: task_state_names */
	int64_t started_ms; /* 0 = not known */
	int64_t seen_ms;
};

struct weight_row {
	const char *algorithm, *feature;
	const char *meaning; /* one sentence for people */
	double theta, prior, sd;
};

/* The newest opinion on service × node: what having it there would gain. */
struct qvalue_row {
	const char *service_id, *node_id;
	double gain, sd; /* cost units against staying */
	enum verdict verdict;
	uint64_t decision_id; /* that said so; 0 = none */
	int64_t at_ms;
};

struct policy_state_row {
	const char *algorithm;
	int64_t step_ms;
	uint64_t feature_hash; /* weights of other features are refused */
	const char *json;
	int64_t at_ms;
};

/* What was done with a decision; its action as proposed is decision.shortlist[chosen]. */
enum execution {
	EXECUTION_STAYED,      /* the decision was to stay */
	EXECUTION_OBSERVED,    /* mode observe: looked at, not even recommended */
	EXECUTION_RECOMMENDED, /* mode recommend: the command is stored */
	EXECUTION_STARTED,     /* handed to the mover; table move says how it went */
	EXECUTION_REFUSED,     /* refused between deciding and acting: verdict says why */
	EXECUTION_N
};

extern const char *const execution_names[EXECUTION_N]; /* "stayed", … */

struct execution_row {
	enum execution execution;
	enum verdict verdict; /* of the re-check; VERDICT_OK if nothing refused it */
	const char *act;      /* effective mode: act_mode_names */
	const char *command;  /* the docker service update that does the same; NULL: none */
};

/* What happened after: one row per decision, replaced while its epoch lasts. */
struct outcome_row {
	uint64_t decision_id;
	uint64_t move_id;       /* 0 = nothing was moved */
	int64_t from_ms, to_ms; /* the epoch it was seen over, after settling in */
	double source_before_cores, source_after_cores;
	double target_before_cores, target_after_cores;
	double p95_before_ms, p95_after_ms; /* response time of the moved service */
	double watts_before, watts_after;   /* of the cluster */
	double cost_before, cost_after;     /* cost units a step */
	double gain_predicted, gain_seen;   /* cost units */
	const char *text;                   /* one sentence for people; NULL: none */
};

/* A change of a service that was not ours. */
struct foreign_row {
	const char *service_id, *service_name;
	uint64_t version;
	int64_t at_ms;
	const char *what; /* "image", "constraints", "replicas", …; NULL: not known */
};

/* Something the daemon did or met, for the record of the database. */
struct event_row {
	int64_t at_ms;
	const char *kind; /* "start", "stop", "skip", "leader", … */
	const char *text;
};

/* How long what is kept; 0 = for ever. Rollups are made before anything is deleted. */
struct retention {
	int64_t raw_ms;      /* sample */
	int64_t five_min_ms; /* sample_5m, node_load */
	int64_t hour_ms;     /* sample_1h, and what went away: containers, nodes, services */
};
