/* What the invariants share. For invariant*.c only. */
#pragma once

#include "test/fake/invariant.h"
#include "test/fake/shape.h"

void invariant_violated(struct invariant_result *r, const json_t *line, const char *fmt, ...)
    _printf_(3, 4);

bool invariant_is(const json_t *line, const char *kind);
double invariant_time(const json_t *line);
bool invariant_by(const json_t *line, const char *who);
bool invariant_by_people(const json_t *line); /* neither forager nor Swarm itself */

/* A write of a service's spec by forager (line of kind service). */
bool invariant_is_our_write(const json_t *line);
bool invariant_has_plan(const json_t *spec);
