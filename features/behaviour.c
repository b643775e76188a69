/* Behaviour classes; see behaviour.h. */
#include "features/behaviour.h"

#include <math.h>

#include "base/util.h"

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Less confidence than this (about one step seen) is a guess, not a class. */
#define CONFIDENCE_MIN 0.1
/* A class keeps its container until its figures are this far below its own threshold. */
#define KEEP_RATIO 0.8

/*
 * Idle: what a resting process costs (timers, health checks): nothing that placing it could change.
 */
#define IDLE_CORES       0.02
#define IDLE_BYTES_PER_S (4 * KIB)

/* CPU-bound: half a core on average, or most of its limit: a neighbour of its kind hurts it. */
#define CPU_BOUND_CORES       0.5
#define CPU_BOUND_LIMIT_SHARE 0.7
#define CPU_BOUND_THROTTLED   0.25
#define CPU_BOUND_CORES_MIN   0.1 /* below it even a throttled container is no load */

/*
 * Memory-heavy: more memory a core than hosts usually have (4 GiB a core), so that memory runs out
 * first; and enough of it to matter on a small host.
 */
#define MEMORY_HEAVY_BYTES          (256 * MIB)
#define MEMORY_HEAVY_BYTES_PER_CORE (4 * GIB)
#define MEMORY_HEAVY_LIMIT_SHARE    0.8
#define MEMORY_HEAVY_LIMIT_MIN      (64 * MIB)

/* I/O-bound: a spinning disk of 100 MB/s would be busy with twenty of them. */
#define IO_BOUND_BYTES_PER_S (5 * MIB)

/*
 * Network-chatty: a link of 1 Gbit/s would carry about a hundred of them. Or less than that, but
 * talking is what it does: a core's worth of its work moves 4 MiB each second (a web service that
 * computes its answers stays far below).
 */
#define CHATTY_BYTES_PER_S          MIB
#define CHATTY_BYTES_PER_S_MIN      (64 * KIB)
#define CHATTY_BYTES_PER_S_PER_CORE (4 * MIB)

/* Bursty: the 95th percentile is three times the mean, and a tenth of a core at least. */
#define BURSTY_RATIO 3.0
#define BURSTY_CORES 0.1

static double
known(double x)
{
	return isfinite(x) && x > 0 ? x : 0;
}

static double
score_cpu(const struct profile_summary *s, const struct profile_limits *limits)
{
	double mean = known(s->cpu_mean_cores), score = mean / CPU_BOUND_CORES;

	if (mean < CPU_BOUND_CORES_MIN)
		return score;
	if (limits->cpu_cores > 0)
		score = MAX(score, mean / limits->cpu_cores / CPU_BOUND_LIMIT_SHARE);
	return MAX(score, known(s->throttled_ratio) / CPU_BOUND_THROTTLED);
}

static double
score_memory(const struct profile_summary *s, const struct profile_limits *limits)
{
	double mem = known(s->mem_p95_bytes);
	double per_core = mem / MAX(known(s->cpu_p95_cores), 0.01);
	double score = MIN(mem / MEMORY_HEAVY_BYTES, per_core / MEMORY_HEAVY_BYTES_PER_CORE);

	if (limits->mem_bytes > 0 && mem >= MEMORY_HEAVY_LIMIT_MIN &&
	    per_core >= MEMORY_HEAVY_BYTES_PER_CORE)
		score = MAX(score, mem / limits->mem_bytes / MEMORY_HEAVY_LIMIT_SHARE);
	return score;
}

static double
score_io(const struct profile_summary *s)
{
	return (known(s->blk_read_bytes_per_s) + known(s->blk_write_bytes_per_s)) /
	       IO_BOUND_BYTES_PER_S;
}

static double
net(const struct profile_summary *s)
{
	return known(s->net_rx_bytes_per_s) + known(s->net_tx_bytes_per_s);
}

static double
score_network(const struct profile_summary *s)
{
	double per_core = net(s) / MAX(known(s->cpu_mean_cores), 0.001);

	return MAX(net(s) / CHATTY_BYTES_PER_S,
	           MIN(net(s) / CHATTY_BYTES_PER_S_MIN, per_core / CHATTY_BYTES_PER_S_PER_CORE));
}

static double
score_bursty(const struct profile_summary *s)
{
	return MIN(known(s->burst_ratio) / BURSTY_RATIO, known(s->cpu_p95_cores) / BURSTY_CORES);
}

static double
score_idle(const struct profile_summary *s)
{
	double use =
	    MAX(MAX(known(s->cpu_p95_cores), known(s->cpu_mean_cores)) / IDLE_CORES,
	        (net(s) + known(s->blk_read_bytes_per_s) + known(s->blk_write_bytes_per_s)) /
	            IDLE_BYTES_PER_S);

	/* 1 at the threshold, 2 when nothing at all happens: so hysteresis works the same way. */
	return use <= 1 ? 2 - use : 1 / use;
}

/* 1 or more: belongs to the class; how much more says how clearly. */
static double
score_of(enum behaviour b, const struct profile_summary *s, const struct profile_limits *limits)
{
	switch (b) {
	case BEHAVIOUR_IDLE:
		/* Memory held without any work is still memory-heavy. */
		return score_memory(s, limits) >= 1 ? 0 : score_idle(s);
	case BEHAVIOUR_BURSTY:
		return score_bursty(s);
	case BEHAVIOUR_CPU_BOUND:
		return score_cpu(s, limits);
	case BEHAVIOUR_MEMORY_HEAVY:
		return score_memory(s, limits);
	case BEHAVIOUR_IO_BOUND:
		return score_io(s);
	case BEHAVIOUR_NETWORK_CHATTY:
		return score_network(s);
	case BEHAVIOUR_STEADY:
	case BEHAVIOUR_UNKNOWN:
	case BEHAVIOUR_N:
		break;
	}
	return 0;
}

enum behaviour
behaviour_classify(const struct profile_summary *s, const struct profile_limits *limits,
                   enum behaviour previous)
{
	static const struct profile_limits none = {0};
	enum behaviour best = BEHAVIOUR_STEADY;
	double most = 1;

	if (limits == NULL)
		limits = &none;
	if (!(s->confidence >= CONFIDENCE_MIN))
		return previous;
	for (enum behaviour b = BEHAVIOUR_IDLE; b < BEHAVIOUR_N; b++) {
		double score = score_of(b, s, limits);

		/* The one it has: counts as a little more than it is. */
		if (b == previous)
			score /= KEEP_RATIO;
		if (score >= most && (score > most || best == BEHAVIOUR_STEADY)) {
			best = b;
			most = score;
		}
	}
	return best;
}

const char *
behaviour_describe(enum behaviour b)
{
	static const char *const texts[BEHAVIOUR_N] = {
	    [BEHAVIOUR_UNKNOWN] = "too little has been seen of it",
	    [BEHAVIOUR_IDLE] = "95 % of the time below 0.02 cores, hardly any I/O",
	    [BEHAVIOUR_STEADY] = "an even load without a mark of its own",
	    [BEHAVIOUR_BURSTY] = "the 95th percentile of its CPU is 3 times the mean or more",
	    [BEHAVIOUR_CPU_BOUND] =
	        "half a core or more on average, most of its CPU limit, or often throttled",
	    [BEHAVIOUR_MEMORY_HEAVY] =
	        "256 MiB or more, and more than 4 GiB for each core that it uses",
	    [BEHAVIOUR_IO_BOUND] = "reads and writes 5 MiB/s or more on average",
	    [BEHAVIOUR_NETWORK_CHATTY] =
	        "moves 1 MiB/s or more over the network, or little else than that",
	};

	return (unsigned) b < BEHAVIOUR_N ? texts[b] : texts[BEHAVIOUR_UNKNOWN];
}
