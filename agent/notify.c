/* sd_notify; see notify.h. A lost message is no reason to fail, so results are ignored. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "agent/notify.h"

#ifdef HAVE_SYSTEMD

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/utf8.h"

void
notify_ready(const char *status)
{
	(void) sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
notify_reloading(void)
{
	struct timespec now = {0};

	/* systemd matches the reload by its own clock, CLOCK_MONOTONIC. */
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	(void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	                  (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
notify_stopping(const char *status)
{
	(void) sd_notifyf(0, "STOPPING=1\nSTATUS=%s", status);
}

void
notify_status(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A newline would start a variable of its own, and a text that is no UTF-8 is dropped. */
	utf8_clean_line(text);
	(void) sd_notifyf(0, "STATUS=%s", text);
}

void
notify_watchdog(void)
{
	(void) sd_notify(0, "WATCHDOG=1");
}

int64_t
notify_watchdog_ms(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return MAX((int64_t) (usec / 2000), 1);
}

#else

void
notify_ready(const char *status)
{
	(void) status;
}

void
notify_reloading(void)
{
}

void
notify_stopping(const char *status)
{
	(void) status;
}

void
notify_status(const char *fmt, ...)
{
	(void) fmt;
}

void
notify_watchdog(void)
{
}

int64_t
notify_watchdog_ms(void)
{
	return 0;
}

#endif
