/*
 * What sampler.c (the clock and the sources) and sampler_round.c (a round of one source) share;
 * nobody else includes it.
 */
#pragma once

#include "agent/idmap.h"
#include "agent/sampler.h"

/* One node that has an endpoint. */
struct source {
	struct sampler *sampler;
	char node_id[SWARM_ID_SIZE];
	char *hostname;
	double usable_cores;
	bool busy;             /* a round is under way */
	bool gone;             /* no endpoint any more; freed when the round has ended */
	bool failing;          /* the last round failed, and it was logged */
	bool foreign;          /* containers of another node were found there, and it was logged */
	uint64_t rounds, done; /* started, completed well */
	int64_t round_mono_ms; /* the newest one's start */
	char (*due)[DOCKER_CONTAINER_ID_SIZE];
	size_t n_due, next_due, n_failed;
	struct error first_error;
	struct inflight inflight;
	size_t n_images;   /* questions under way */
	double slow_cores; /* smoothed load */
	int64_t slow_mono_ms;
	bool hot;
};

struct sampler {
	struct cluster *cluster;
	struct roster *roster;
	struct facts *facts;
	const struct config *config;
	uv_timer_t timer;
	uint64_t ticks;
	int64_t ticked_mono_ms; /* the newest one */
	struct idmap sources;
	struct sample_row *rows;
	size_t n_rows, room_rows;
	size_t outstanding; /* calls whose answers have not come */
	bool running, closing, timer_closed;
	void (*closed)(void *data);
	void *closed_data;
};

/* sampler_round.c */
void source_start_round(struct source *src); /* unless one is under way or the engine backs off */
bool source_idle(const struct source *src);  /* no call of it is out */
void source_free(void *value);
/* Says so, once, when the node's newest load has become too old: its engine hangs. */
void source_check_age(struct source *src);
/* Frees the sampler when it is closing and nothing of it is out any more. */
void sampler_maybe_closed(struct sampler *s);
