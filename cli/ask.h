/* `forager query SQL`: anything that the database knows, read-only. */
#pragma once

#include "cli/cli.h"

int ask_run(struct cli *c, struct error *err);
