/*
 * hold [--mb N]
 * Holds N MiB of memory, really touched, and touches it again every few seconds so that it stays
 * in the working set.
 */
#include "test/rig/workload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB      (1024 * 1024)
#define PAGE     4096
#define TOUCH_NS 5000000000LL

int
hold_main(int argc, char **argv)
{
	static const struct option options[] = {{"mb", required_argument, NULL, 'm'}, {0}};
	size_t bytes = (size_t) 64 * MIB;
	volatile unsigned char *memory;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'm') {
			fputs("usage: hold [--mb N]\n", stderr);
			return 2;
		}
		bytes = (size_t) workload_number("--mb", optarg, 1, 65536) * MIB;
	}
	workload_exit_on_term();
	memory = malloc(bytes);
	if (memory == NULL) {
		fprintf(stderr, "hold: no memory for %zu bytes\n", bytes);
		return 1;
	}
	for (;;) {
		for (size_t i = 0; i < bytes; i += PAGE)
			memory[i]++;
		workload_sleep(TOUCH_NS);
	}
}
