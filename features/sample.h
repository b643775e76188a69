/* Raw counters of a container and what two readings of them say: rates. Plain data. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "features/options.h"

/* One reading, as the engine gives it. Counters count since the container started. */
struct reading {
	int64_t wall_ms;            /* when the engine read them (its clock) */
	uint64_t cpu_ns;            /* CPU time used, all cores */
	uint64_t periods;           /* CFS periods with a limit; 0 = no limit */
	uint64_t throttled_periods; /* of these, how many were throttled */
	uint64_t throttled_ns;
	uint64_t mem_bytes; /* working set: usage − inactive file pages */
	uint64_t net_rx_bytes, net_tx_bytes;
	uint64_t blk_read_bytes, blk_write_bytes;
	uint64_t oom_count; /* failcnt (v1), memory.events oom (v2) */
	uint32_t pids;
	bool has_net; /* false: host network or none, the counters say nothing */
	bool has_blk; /* false: the engine has no figures (needs the io controller) */
};

/* Rates between two readings. A rate that is not known is NAN, never 0. */
struct sample {
	int64_t t_ms;           /* the end of the interval; of sample_diff by the engine's clock */
	int64_t dt_ms;          /* its length, > 0 */
	double cpu_cores;       /* measured use */
	double throttled_ratio; /* share of CFS periods throttled, 0 … 1; 0 without a limit */
	double mem_bytes;
	double net_rx_bytes_per_s, net_tx_bytes_per_s;
	double blk_read_bytes_per_s, blk_write_bytes_per_s;
	uint32_t pids;
	uint32_t oom_kills; /* within the interval */
};

enum sample_result {
	SAMPLE_OK,        /* ret is set */
	SAMPLE_FIRST,     /* no reading before: keep now as the next `before` */
	SAMPLE_TOO_SOON,  /* closer than min_dt_ms: keep the old `before` */
	SAMPLE_GAP,       /* too far apart, or a clock ran backwards: keep now, no rates */
	SAMPLE_RECREATED, /* the CPU counter ran backwards: another container; keep now */
};

/*
 * The difference of two readings. before may be NULL or all zero (SAMPLE_FIRST). ret is untouched
 * unless SAMPLE_OK is returned. After everything but SAMPLE_TOO_SOON, now becomes the next before.
 */
enum sample_result sample_diff(const struct reading *before, const struct reading *now,
                               const struct features_options *options, struct sample *ret);

/* Adds x to sum as if both containers were one (a node's total); NAN + x = x. dt is the longer. */
void sample_add(struct sample *sum, const struct sample *x);
