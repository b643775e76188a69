/*
 * Who talks to whom, guessed from byte counters: when what one service sends rises and falls with
 * what another on the same network receives, they probably talk. It is a guess and says how sure.
 */
#pragma once

#include <stddef.h>

#include "model/forecast.h"
#include "model/snapshot.h"

/* One service: its replicas' sums. */
struct traffic_service {
	const char *const *networks; /* ids of its overlay networks, sorted */
	size_t n_networks;
	float rx[FORECAST_STEPS]; /* bytes/s of the last steps, oldest first, NAN = gap */
	float tx[FORECAST_STEPS];
};

/* Only the chattiest services are paired: n²/2 pairs of 12 steps take about 4 ms. */
#define TRAFFIC_SERVICES_MAX 128

/*
 * Infers edges between services that share a network. Writes at most cap edges, strongest first
 * (bytes/s × confidence, then indices), a < b. Returns how many.
 */
size_t traffic_infer(const struct traffic_service *services, size_t n_services,
                     struct edge *ret_edges, size_t cap);
