/*
 * No core file of a process that holds specs: they carry environments and other people's secrets,
 * and what is in memory must not reach the disk because of a crash.
 */
#pragma once

/*
 * Once in a program, before anything is read from Docker. Sets the limit for cores to 0 and marks
 * the process as not dumpable: a core handler behind a pipe (systemd-coredump) does not ask the
 * limit, but it does ask that. Nobody but root can then attach a debugger or read /proc/PID/mem.
 */
void nocore_set(void);
