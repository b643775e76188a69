/* `forager explain SERVICE|DECISION`: why, against what, and what came of it. */
#pragma once

#include "cli/cli.h"

int explain_run(struct cli *c, struct error *err);
