/* A large Swarm as the engine's JSON: the shapes of recorded answers, as many as asked for. */
#pragma once

#include <stddef.h>

/* Ids as they stand in the documents: 25 characters. */
void docs_node_id(size_t i, char ret[static 26]);
void docs_task_id(size_t i, char ret[static 26]);
const char *docs_image(size_t service); /* static buffer: valid until the next call */

/* Each is the caller's to free. Service i has one task, on node i % n_nodes. */
char *docs_nodes(size_t n_nodes);
char *docs_services(size_t n_services);
char *docs_tasks(size_t n_services, size_t n_nodes);

/* A one-shot answer of engine 20.10, cgroup v1: a container with a limit, two networks, a disk. */
const char *docs_stats(void);
