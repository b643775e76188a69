/*
 * Two stats answers of one container, a line each: never a crash, and what is made of them is
 * finite and not negative.
 */
#include <math.h>

#include "docker/decode.h"
#include "docker/document.h"
#include "features/sample.h"
#include "test/fuzz/fuzz.h"

static int
decode(const char *text, struct docker_stats *ret)
{
	json_auto_t *doc = NULL;
	struct error err = {0};
	int r = document_parse("fuzz", text, strlen(text), &doc, &err);

	if (r >= 0)
		r = decode_stats(doc, ret, &err);
	fuzz_said(r, &err);
	return r;
}

/* As agent/roster does. */
static struct reading
reading(const struct docker_stats *s)
{
	return (struct reading){
	    .wall_ms = s->read_ns / 1000000,
	    .cpu_ns = s->cpu_ns,
	    .periods = s->periods,
	    .throttled_periods = s->throttled_periods,
	    .throttled_ns = s->throttled_ns,
	    .mem_bytes = s->mem_working_set_bytes,
	    .net_rx_bytes = s->net_rx_bytes,
	    .net_tx_bytes = s->net_tx_bytes,
	    .blk_read_bytes = s->blk_read_bytes,
	    .blk_write_bytes = s->blk_write_bytes,
	    .oom_count = s->mem_failcnt,
	    .pids = (uint32_t) MIN(s->pids, UINT32_MAX),
	    .has_net = (s->flags & DOCKER_STATS_NETWORK) != 0,
	    .has_blk = (s->flags & DOCKER_STATS_BLKIO) != 0,
	};
}

/* NAN is "not known". */
static void
check_rate(const char *name, double x)
{
	FUZZ_CHECK(isnan(x) || (isfinite(x) && x >= 0), "%s = %g", name, x);
}

static void
check(const struct sample *s)
{
	FUZZ_CHECK(s->dt_ms > 0, "%lld", (long long) s->dt_ms);
	check_rate("cpu_cores", s->cpu_cores);
	check_rate("throttled_ratio", s->throttled_ratio);
	FUZZ_CHECK(!(s->throttled_ratio > 1), "%g", s->throttled_ratio);
	check_rate("mem_bytes", s->mem_bytes);
	check_rate("net_rx", s->net_rx_bytes_per_s);
	check_rate("net_tx", s->net_tx_bytes_per_s);
	check_rate("blk_read", s->blk_read_bytes_per_s);
	check_rate("blk_write", s->blk_write_bytes_per_s);
}

void
fuzz_stats(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *one = fuzz_part(&data, &size, '\n');
	_cleanup_(freep) char *two = fuzz_part(&data, &size, '\n');
	struct features_options options;
	struct docker_stats a, b;
	struct reading before, now;
	struct sample s = {.dt_ms = -1}; /* seen when it is not filled in */

	if (one == NULL || decode(one, &a) < 0 || two == NULL || decode(two, &b) < 0)
		return;
	FUZZ_CHECK(b.mem_working_set_bytes <= b.mem_usage_bytes, "%s", two);
	options = features_options_for(300000, 15000);
	before = reading(&a);
	now = reading(&b);
	if (sample_diff(&before, &now, &options, &s) == SAMPLE_OK)
		check(&s);
}
