/* The error value; see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int
error_set(struct error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL || err->code != 0)
		return -errnum;
	err->code = -errnum;
	va_start(ap, fmt);
	(void) vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -errnum;
}

int
error_wrap(struct error *err, const char *fmt, ...)
{
	char context[sizeof(err->text)];
	size_t cause, room;
	va_list ap;

	if (err == NULL || err->code == 0)
		return 0;
	va_start(ap, fmt);
	(void) vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);

	cause = strlen(err->text);
	room = sizeof(err->text) - 1 - cause;
	if (room < 3)
		return err->code;
	context[MIN(strlen(context), room - 2)] = '\0';
	room = strlen(context);
	memmove(err->text + room + 2, err->text, cause + 1);
	memcpy(err->text, context, room);
	memcpy(err->text + room, ": ", 2);
	return err->code;
}

void
error_clear(struct error *err)
{
	if (err != NULL)
		*err = (struct error){0};
}
