/*
 * The programs that run in the rig's containers: one static binary, called by
 * the name of what it is to be (web, busy, hold, chat, load).
 */
#ifndef TEST_RIG_WORKLOAD_H
#define TEST_RIG_WORKLOAD_H

#include <stdint.h>

int busy_main(int argc, char **argv);
int chat_main(int argc, char **argv);
int hold_main(int argc, char **argv);
int load_main(int argc, char **argv);
int web_main(int argc, char **argv);

/* Monotonic time. */
int64_t workload_now_ns(void);

/* CPU time of the calling thread. */
int64_t workload_cpu_ns(void);

/* Computes until the calling thread has used this much CPU time. */
void workload_burn(int64_t cpu_ns);

void workload_sleep(int64_t ns);

/* A number from min to max, or the program ends with status 2 and says which option was wrong. */
double workload_number(const char *option, const char *text, double min, double max);

/*
 * Ends the process with status 0 at SIGTERM or SIGINT. Needed in each program:
 * a PID 1 without a handler does not see SIGTERM and takes the whole grace period to stop.
 */
void workload_exit_on_term(void);

#endif
