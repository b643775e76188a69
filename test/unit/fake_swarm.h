/*
 * A Swarm of one service on a few nodes behind a scripted engine on a Unix socket: constraints move
 * tasks as Swarm's updater does, and the script says what goes wrong.
 */
#pragma once

#include <jansson.h>

#include "model/snapshot.h"
#include "test/unit/http_server.h"

enum { FAKE_NODES = 4, FAKE_TASKS = 64, FAKE_FAULTS = 16 };

/* What becomes of a task that is created by an update. */
enum fake_fate {
	FATE_RUN,
	FATE_PREPARE,   /* held in preparing for ever */
	FATE_FAIL,      /* fails before it runs: the update is paused */
	FATE_PENDING,   /* no suitable node */
	FATE_ELSEWHERE, /* runs on the last node that is allowed */
};

/* What happens to a POST, by its number from 0. */
enum fake_fault {
	FAULT_NONE,
	FAULT_LOSE,     /* applied, the answer is lost */
	FAULT_DROP,     /* not applied, no answer */
	FAULT_CONFLICT, /* someone's write came first; the spec is as it was */
	FAULT_REFUSE,   /* 400 */
	FAULT_FORBID,   /* 403 */
};

struct fake_task {
	char id[SWARM_ID_SIZE];
	uint32_t slot, node; /* node FAKE_NODES: none */
	enum task_state state, desired;
	uint64_t version;
	bool old; /* there before the test began */
	const char *error;
};

struct fake_swarm {
	struct http_server *server;
	int fd; /* the socket's */
	char *path;
	json_t *spec, *previous, *original;
	uint64_t version;
	const char *update_state; /* NULL: no UpdateStatus */
	unsigned update_left;     /* readings of the service until "updating" ends */
	unsigned update_readings; /* each update takes so many */
	size_t n_nodes;
	uint64_t node_version; /* of every node */
	bool drained[FAKE_NODES], lost[FAKE_NODES], unheard, follower, removed, down;
	const char *node_labels[FAKE_NODES]; /* value of the label "note"; NULL: not there */
	struct fake_task tasks[FAKE_TASKS];
	size_t n_tasks;
	unsigned slots;

	enum fake_fate fate;
	enum fake_fault faults[FAKE_FAULTS];
	bool always_conflict;
	/* So many requests for a path that begins with this are answered 500; NULL: none are. */
	const char *broken;
	unsigned broken_left;
	const char *service_text; /* GET of the service says just this; NULL: what there is */
	/* The config forager-lease: its labels, NULL while there is none. */
	json_t *lease;
	uint64_t lease_version;
	unsigned n_lease_posts;
	bool lease_down; /* its requests fail */
	unsigned n_posts, n_applied, n_requests;
	bool steering_seen[FAKE_FAULTS]; /* of each applied POST: it has a node.id term */
	/* Runs before each request is answered; may change anything. NULL is fine. */
	void (*on_request)(struct fake_swarm *f, const char *method, const char *target);
	/* Runs after each POST that was applied, before Swarm reacts. */
	void (*on_post)(struct fake_swarm *f, unsigned n);
	void *data;
};

extern const char *const fake_node_ids[FAKE_NODES];
extern const char *const fake_node_names[FAKE_NODES];
extern const char fake_service_id[];

/* spec: JSON text, of a service "web"; replicas from its Mode. on[i]: the node of slot i + 1. */
void fake_open(struct fake_swarm *f, uv_loop_t *loop, const char *spec, const uint32_t *on);
void fake_close(struct fake_swarm *f); /* memory of the server goes as the loop runs on */
void fake_free(struct fake_swarm *f);

/* Another forager takes or renews the lease; NULL gives it back. */
void fake_lease_write(struct fake_swarm *f, const char *holder);

/* Someone else writes: the spec becomes this one (taken over). */
void fake_write(struct fake_swarm *f, json_t *spec);
/* The same, and Swarm's updater starts; paused: and gives up. */
void fake_update(struct fake_swarm *f, json_t *spec, bool paused);
/* docker service rollback; false when there is no previous spec. */
bool fake_rollback(struct fake_swarm *f);

/* Slots whose one living task runs, and runs on this node (FAKE_NODES: anywhere). */
unsigned fake_running(const struct fake_swarm *f, uint32_t node);
/* How many of the tasks that the test began with still run. */
unsigned fake_old_running(const struct fake_swarm *f);
bool fake_spec_exact(const struct fake_swarm *f); /* as it was at first, byte for byte */
bool fake_has_term(const json_t *spec);           /* any node.id constraint */
