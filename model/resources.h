/* Amounts: what a task reserves (Swarm's exact units) and what is measured (doubles). */
#pragma once

#include <stdint.h>

struct moments {
	double mean, var; /* var in unit² */
	double third;     /* third central moment, unit³; 0: symmetric, or not known */
};

struct resources {
	int64_t cpu_nano, mem_bytes; /* reservations and limits; 0 = none */
};

struct latency {
	double p50_ms, p95_ms; /* NAN = unknown */
};
