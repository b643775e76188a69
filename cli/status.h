/* `forager status`, `nodes`, `services`: what is there and how it fares. */
#pragma once

#include "cli/cli.h"

/* 1 when the service carries forager's labels and no move is open on it here, else 0. */
int status_labels_left(struct cli *c, const char *service_id, struct error *err);
int status_run(struct cli *c, struct error *err);
int status_nodes(struct cli *c, struct error *err);
int status_services(struct cli *c, struct error *err);
