/*
 * The table of the rig's container programs, and the little that they share.
 */
#include "test/rig/workload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static const struct program {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
    {"busy", busy_main}, {"chat", chat_main}, {"hold", hold_main},
    {"load", load_main}, {"web", web_main},
};

static int64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		abort();
	return (int64_t) ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
workload_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t
workload_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void
workload_burn(int64_t cpu_ns)
{
	const int64_t end = workload_cpu_ns() + cpu_ns;
	volatile uint64_t x = 88172645463325252ULL;

	/* The inner loop takes a few microseconds, so that reading the clock is not the work. */
	while (workload_cpu_ns() < end) {
		for (int i = 0; i < 2000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
	}
}

void
workload_sleep(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	while (ns > 0 && nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

double
workload_number(const char *option, const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max)) {
		fprintf(stderr, "%s: '%s' is not a number from %g to %g\n", option, text, min, max);
		exit(2);
	}
	return value;
}

static void
on_term(int sig)
{
	(void) sig;
	_exit(0);
}

void
workload_exit_on_term(void)
{
	struct sigaction action = {.sa_handler = on_term};

	if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0)
		abort();
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].main(argc, argv);
	}
	fprintf(stderr, "%s: call me as busy, chat, hold, load or web\n", name);
	return 2;
}
