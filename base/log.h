/*
 * Log lines on stderr with journald's <N> priorities (printed only when stderr is not a terminal).
 * One sentence a line, facts as key=value, names from outside in 'single quotes'. What a hostile
 * name could forge a line or drive a terminal with is replaced (base/utf8.h).
 */
#pragma once

#include "base/util.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

void log_set_level(enum log_level most); /* default: LOG_LEVEL_INFO */
void log_write(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
