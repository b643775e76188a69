/* For tests of the world's rules: a world made by a script, without sockets. */
#pragma once

#include "test/fake/route.h"
#include "test/fake/script.h"

struct run {
	struct engine e;
	struct world *w;
};

/* The script's lines make the world; it has settled when this returns. */
struct run *run_open(uint64_t seed, int api_minor, const char *script);
void run_close(struct run *r);
void run_s(struct run *r, double s);

/* Returns the status; ret_text (may be NULL): the answer's body, the caller frees. */
int run_post(struct run *r, const char *target, const json_t *body, char **ret_text);

/* Posts the service's spec with this value at the path of it. */
int run_edit(struct run *r, const char *name, const char *parent, const char *key, json_t *value);

/* How many of its tasks run, on this node (NULL: anywhere). */
size_t run_running(struct run *r, const char *name, const char *node);

#define RUN_THREE "node n1 manager\nnode n2\nnode n3\n"
