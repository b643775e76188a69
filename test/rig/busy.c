/*
 * busy [--share F] [--burst ON:OFF]
 * Computes: the whole time, a share of it (in periods of 100 ms), or in bursts of ON seconds with
 * OFF seconds of rest between them. What a quota takes away is not made up for later.
 */
#include "test/rig/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <getopt.h>

#define NS_PER_S  1000000000LL
#define PERIOD_NS 100000000LL

static int
usage(void)
{
	fputs("usage: busy [--share 0..1] [--burst ON_S:OFF_S]\n", stderr);
	return 2;
}

static void
run(double share, int64_t on_ns, int64_t off_ns)
{
	const int64_t start = workload_now_ns();

	for (;;) {
		const int64_t now = workload_now_ns();
		const int64_t in_cycle = off_ns > 0 ? (now - start) % (on_ns + off_ns) : 0;

		if (off_ns > 0 && in_cycle >= on_ns) {
			workload_sleep(on_ns + off_ns - in_cycle);
			continue;
		}
		workload_burn((int64_t) (share * (double) PERIOD_NS));
		if (share < 1)
			workload_sleep(PERIOD_NS - (workload_now_ns() - now));
	}
}

int
busy_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"share", required_argument, NULL, 's'},
	    {"burst", required_argument, NULL, 'b'},
	    {0},
	};
	double share = 1, on_s = 1, off_s = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *colon;

		switch (opt) {
		case 's':
			share = workload_number("--share", optarg, 0, 1);
			break;
		case 'b':
			colon = strchr(optarg, ':');
			if (colon == NULL)
				return usage();
			*colon = '\0';
			on_s = workload_number("--burst", optarg, 0.1, 3600);
			off_s = workload_number("--burst", colon + 1, 0.1, 3600);
			break;
		default:
			return usage();
		}
	}
	workload_exit_on_term();
	run(share, (int64_t) (on_s * NS_PER_S), (int64_t) (off_s * NS_PER_S));
	return 0;
}
