/* `forager profiles [SERVICE]`: how containers, services and nodes behave. */
#pragma once

#include "cli/cli.h"

int profiles_run(struct cli *c, struct error *err);
