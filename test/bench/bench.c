/* See bench.h. */
#include "test/bench/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

struct bench
bench_begin(int argc, char **argv, const char *name)
{
	static const struct option options[] = {
	    {"format", required_argument, NULL, 'f'}, {"dir", required_argument, NULL, 'd'}, {0}};
	struct bench b = {.name = name};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f' && (streq(optarg, "json") || streq(optarg, "text"))) {
			b.json = streq(optarg, "json");
		} else if (opt == 'd') {
			b.dir = optarg;
		} else {
			fprintf(stderr, "usage: %s [--format text|json] [--dir DIR]\n", argv[0]);
			exit(2);
		}
	}
	return b;
}

void
bench_figure(const struct bench *b, const char *figure, double value, const char *unit)
{
	if (b->json)
		printf("{\"bench\":\"%s\",\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
		       b->name, figure, value, unit);
	else
		printf("%-8s %-34s %12.3f %s\n", b->name, figure, value, unit);
	(void) fflush(stdout);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
bench_spread(const struct bench *b, const char *prefix, double *values, size_t n, const char *unit)
{
	_cleanup_(freep) char *median = xasprintf("%s_median", prefix);
	_cleanup_(freep) char *p95 = xasprintf("%s_p95", prefix);

	qsort(values, n, sizeof(*values), by_value);
	bench_figure(b, median, values[n / 2], unit);
	bench_figure(b, p95, values[MIN(n * 95 / 100, n - 1)], unit);
}

void
bench_must(int r, const struct error *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

static double
clock_ms(clockid_t clock)
{
	struct timespec t;

	(void) clock_gettime(clock, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

double
bench_cpu_ms(void)
{
	return clock_ms(CLOCK_THREAD_CPUTIME_ID);
}

double
bench_wall_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}
