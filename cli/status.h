/* `forager status`, `nodes`, `services`: what is there and how it fares. */
#pragma once

#include "cli/cli.h"

int status_run(struct cli *c, struct error *err);
int status_nodes(struct cli *c, struct error *err);
int status_services(struct cli *c, struct error *err);
