/*
 * No end without a word: when the process is aborted, by a library that has no other answer (libuv
 * without descriptors), by a fault of ours that an assertion met, or by systemd's watchdog, it says
 * one sentence on stderr first.
 */
#pragma once

#include <stddef.h>

void lastword_install(void);

/*
 * Says these length bytes, a sentence, instead: the next abort() ends the process silently.
 * Async-signal-safe.
 */
void lastword_say(const char *text, size_t length);
