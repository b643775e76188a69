/*
 * One mover's world: the scripted Swarm of fake_swarm.h, a journal in memory, eyes that see what is
 * there, and counters of what was called back.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/mover.h"
#include "docker/api.h"
#include "test/unit/fake_swarm.h"

#define LABELS  "\"Labels\":{\"forager.mode\":\"auto\"}"
#define MODE(n) "\"Mode\":{\"Replicated\":{\"Replicas\":" #n "}}"
#define TASK(placement)                                                                            \
	"\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"web:1\",\"Init\":false},\"Resources\":"  \
	"{\"Limits\":{}},\"Placement\":" placement ",\"Networks\":[],\"New\":null}"
#define UPDATE                                                                                     \
	"\"UpdateConfig\":{\"Parallelism\":2,\"Delay\":7,\"FailureAction\":\"rollback\","          \
	"\"Monitor\":1000000,\"MaxFailureRatio\":0.25,\"Order\":\"start-first\"}"

extern const char spec_plain[], spec_full[], spec_bare[], spec_empty[], spec_three[];

enum { ROWS = 16 };

struct book {
	struct intent rows[ROWS];
	size_t n;
	char trail[512];            /* every state that was stored, in order */
	unsigned writes, fail_from; /* writes from this one on fail; 0 = none */
};

struct world {
	uv_loop_t loop;
	uv_timer_t later, guard, pulse;
	struct http *http;
	struct api *api;
	struct fake_swarm fake;
	struct book book;
	struct mover *mover;
	struct mover_options options;
	mover_seen_cb *seen;
	void *seen_ctx;
	bool blind; /* the eyes see nothing */
	uint32_t traits;
	uint64_t seen_older; /* the snapshot's version lags by so much */

	unsigned n_done, n_stopped, n_recovered, n_each;
	enum move_state state;
	enum verdict verdict;
	bool changed, open, spec_equal;
	struct error err, recover_err;
	char text[512];
	unsigned kill_at; /* close the mover at this request */
	bool killed;
};

/* A policy's wish to move the service from node a to node c. */
extern const struct move_request world_ask;

void book_done(struct book *b);
struct mover_journal book_journal(struct book *b);

/* spec: of the service; on[i]: the node of slot i + 1. */
void world_open(struct world *x, const char *spec, const uint32_t *on);
/* Another mover on the same Swarm and journal, as after a restart. */
void world_mover(struct world *x);
void world_close(struct world *x);
/* Runs until the counter is at least that, or the mover was killed. */
void world_run(struct world *x, const unsigned *counter, unsigned want);
/* Starts a change and waits for its end. */
void world_request(struct world *x, const struct move_request *r);
void world_recover(struct world *x);
/* The spec is as it was, byte for byte, and every slot has one task, which runs. */
void world_clean(const struct world *x);
/* mover_close's callback, and move_done_cb: for those who start a change themselves. */
/* on_post: a node joins that our terms do not know of, and Swarm prefers it. */
void world_scatter(struct fake_swarm *f, unsigned n);
void world_on_closed(void *data);
void world_on_done(void *data, const struct move_outcome *out);
