/* `forager config check|show`. */
#pragma once

#include "cli/cli.h"

int settings_run(struct cli *c, struct error *err);
