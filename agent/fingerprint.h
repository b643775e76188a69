/*
 * Fingerprints of a service: one hash for each part of its decoded spec, to tell which part a
 * change touched. For comparison only: not stored, not ordered by.
 */
#pragma once

#include "base/util.h"
#include "docker/types.h"

enum fingerprint_part {
	FINGERPRINT_IMAGE,
	FINGERPRINT_CONSTRAINTS,
	FINGERPRINT_REPLICAS,
	FINGERPRINT_LABELS,
	FINGERPRINT_UPDATE,
	FINGERPRINT_REST, /* reservations, mounts, networks, ports, …: what the decoder keeps */
	FINGERPRINT_N
};

extern const char *const fingerprint_names[FINGERPRINT_N];

void fingerprint_of(const struct docker_service *v, uint64_t ret[static FINGERPRINT_N]);
