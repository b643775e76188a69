/*
 * Commands that make and change a world: a line each, in a file before the start or over the
 * control socket. README.md lists them.
 */
#pragma once

#include "test/fake/engine.h"

/* One command; e's world. What it has to say is appended to *reply (owned by the caller). */
int script_line(struct engine *e, const char *line, char **reply, struct error *err);
/* Several lines, up to the first that fails; err names its number. */
int script_text(struct engine *e, const char *text, char **reply, struct error *err);
