/* The error value: it lives on the caller's stack, owns nothing and needs no freeing. */
#pragma once

#include "base/util.h"

struct error {
	int code; /* negative errno, or 0 when no error was set */
	char text[512];
};

/*
 * Sets code -errnum and the text, unless an error stands there already: the first one stays.
 * err may be NULL. Returns -errnum always, so that a caller can `return error_set(...)`.
 */
int error_set(struct error *err, int errnum, const char *fmt, ...) _printf_(3, 4);

/*
 * Puts "context: " in front of the text; when it gets too long the context is cut, never the root
 * cause. Returns err's code (0 if err is NULL or empty).
 */
int error_wrap(struct error *err, const char *fmt, ...) _printf_(2, 3);

void error_clear(struct error *err);
