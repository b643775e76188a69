/* `forager bench`: the public benchmark (docs/cloudsim.md). It needs no configuration or database.
 */
#pragma once

#include "cli/cli.h"

int bench_verb(struct cli *c, struct error *err);
