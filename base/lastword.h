/*
 * No end without a word: when the process is aborted, by a library that has no other answer (libuv
 * without descriptors), by a fault of ours that an assertion met, or by systemd's watchdog, it says
 * one sentence on stderr first.
 */
#pragma once

void lastword_install(void);

/* A sentence was said already: the next abort() ends the process silently. Async-signal-safe. */
void lastword_said(void);
