/* Foreign text: made valid, and made harmless for a terminal, a log line or a table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A copy of size bytes that is valid UTF-8 of one line: control characters (C0, DEL, C1), line
 * separators and marks that turn the writing direction become U+FFFD, as do bytes that are no
 * UTF-8. free() it.
 */
char *utf8_clean(const char *s, size_t size);

/*
 * The same bytes as valid UTF-8, nothing else replaced: for JSON, which escapes the rest. *ret_size
 * (may be NULL) is its length, since a NUL stays one. free() it.
 */
char *utf8_copy(const char *s, size_t size, size_t *ret_size);

/*
 * The same as utf8_clean within the string, which never grows: a control character becomes a blank,
 * all else that is harmful or no UTF-8 a question mark. Allocates nothing.
 */
void utf8_clean_line(char *s);

/*
 * A JSON text that was encoded to ASCII still holds DEL as it is: escapes it as well, so that no
 * control character is left. Takes json over, returns what takes its place; free() it.
 */
char *utf8_json_ascii(char *json);
