/* Is foragerd running? Told from the lock that it holds for its whole life. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * 1: some process holds a flock on path (ret_pid is set; 0 when it lives in another PID
 * namespace), 0: nobody, or -errno: it cannot be told. Never takes the lock itself: a foragerd
 * that starts in this moment must not be turned away by a look.
 */
int lock_holder(const char *path, int64_t *ret_pid);
