/*
 * What systemd hears of foragerd: ready, reloading, stopping, a line of status, and the watchdog's
 * keep-alive. Without systemd (or libsystemd) every call does nothing.
 */
#pragma once

#include "base/util.h"

void notify_ready(const char *status);
void notify_reloading(void); /* until the next notify_ready */
void notify_stopping(const char *status);
void notify_status(const char *fmt, ...) _printf_(1, 2);
void notify_watchdog(void);
/* How often notify_watchdog should be called; 0 = no watchdog. Half of what systemd allows. */
int64_t notify_watchdog_ms(void);
