/* What the benchmarks share: their command line, the clock, and one line a figure. */
#pragma once

#include "base/error.h"
#include "base/util.h"

struct bench {
	const char *name; /* of the program's subject: "decide", … */
	const char *dir;  /* --dir: where files may be made; NULL = not given */
	bool json;
};

/* --format text|json, --dir DIR. Wrong use ends the program with status 2. */
struct bench bench_begin(int argc, char **argv, const char *name);

/* One line: "decide nodes_100_median      0.123 ms", or one JSON object. */
void bench_figure(const struct bench *b, const char *figure, double value, const char *unit);

/* PREFIX_median and PREFIX_p95 of n > 0 values; sorts them. */
void bench_spread(const struct bench *b, const char *prefix, double *values, size_t n,
                  const char *unit);

/* A benchmark that fails has nothing to tell: the program ends with the error's text. */
void bench_must(int r, const struct error *err);

/* For differences: what this thread computed (other work on the machine does not show), and the
 * time that passed (where a disk is waited for). */
double bench_cpu_ms(void);
double bench_wall_ms(void);
