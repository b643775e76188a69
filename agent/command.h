/* The exact command that does by hand what a decision proposes; for mode recommend. */
#pragma once

#include "model/decision.h"

/*
 * Two `docker service update` calls joined by "&&": one that steers, and one that takes the
 * steering away again, which moves nothing. NULL when the action is no move or it cannot be
 * steered. free() it.
 */
char *command_of(const struct snapshot *s, const struct action *action);
