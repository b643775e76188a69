/* World times as Docker writes them. */
#pragma once

#include <stdint.h>

enum { TIMES_SIZE = 40 };

/* "2026-11-29T08:00:00.000000000Z"; 0 gives Go's zero time. Returns buf. */
char *times_text(int64_t ns, char buf[static TIMES_SIZE]);
