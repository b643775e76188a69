/* Docker's endpoints over a world: a request in, an answer out. No I/O. */
#pragma once

#include "test/fake/world.h"

struct route_request {
	struct world *world;
	struct world_node *here; /* whose engine is asked */
	const char *who;         /* who asks, for the record */
	const char *method, *target, *body;
	/* made by route_open */
	char *path, *query;
	int minor;            /* the API version in the path, or the engine's own */
	const char *endpoint; /* name, for faults and the record */
};

struct route_answer {
	int status;
	char *body;     /* owned; NULL = none */
	double delay_s; /* how long a real engine takes, in world time */
	bool is_events; /* an event stream instead */
};

/* Splits the target and names the endpoint ("" = there is none). route_close frees. */
void route_open(struct route_request *r);
void route_close(struct route_request *r);

/* stats_s: how long a reading takes, 0 = none. */
void route_answer(struct route_request *r, double stats_s, struct route_answer *ret);

/* The value of a key of the query, unescaped; NULL = not there. The caller frees. */
char *route_query(const struct route_request *r, const char *key);

/* {"message": "…"}; the caller frees. */
char *route_message(const char *fmt, ...) _printf_(1, 2);
