/* The verbs that change something: move, apply, undo, release, pause, resume. */
#pragma once

#include "cli/cli.h"

int act_move(struct cli *c, struct error *err);
int act_apply(struct cli *c, struct error *err);
int act_undo(struct cli *c, struct error *err);
int act_release(struct cli *c, struct error *err);
int act_pause(struct cli *c, struct error *err);
int act_resume(struct cli *c, struct error *err);
