/* `forager decisions`, `moves` and `recommend`: what was decided, done, and what would be. */
#pragma once

#include "cli/cli.h"

int decisions_run(struct cli *c, struct error *err);
int decisions_moves(struct cli *c, struct error *err);
int decisions_recommend(struct cli *c, struct error *err);
