/* `forager qtable`: what the policy has learned. */
#pragma once

#include "cli/cli.h"

int qtable_run(struct cli *c, struct error *err);
