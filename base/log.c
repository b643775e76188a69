/* Log lines; see log.h. The level is the one piece of process-wide state: logging is a process's.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"

static enum log_level most_level = LOG_LEVEL_INFO;

void
log_set_level(enum log_level most)
{
	most_level = most;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	size_t n = 0;

	if (level > most_level)
		return;
	if (!isatty(STDERR_FILENO))
		n = (size_t) snprintf(line, sizeof(line), "<%d>", (int) level);
	va_start(ap, fmt);
	(void) vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	utf8_clean_line(line);
	n = strlen(line);
	line[n++] = '\n';
	/* One write a line: lines of several threads never mix. A full pipe loses the line. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
