/* `forager status`, `nodes`, `services`: what is there and how it fares. */
#pragma once

#include "cli/cli.h"

/* 1 when the service carries forager's labels and no move is open on it here, else 0. */
int status_labels_left(struct cli *c, const char *service_id, struct error *err);
/*
 * Constraints that a move once added, and that stand on the service again without our labels: what
 * to say of them, with the command that takes them away (name: how the service is called in it).
 * NULL where there are none. free() it.
 */
int status_terms_back(struct cli *c, const char *service_id, const char *name, char **ret,
                      struct error *err);
int status_run(struct cli *c, struct error *err);
int status_nodes(struct cli *c, struct error *err);
int status_services(struct cli *c, struct error *err);
