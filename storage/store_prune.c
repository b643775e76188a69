/* Rollups, retention and copies; see store.h. */
#include "storage/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#define FIVE_MIN_MS (5 * 60 * 1000LL)
#define HOUR_MS     (60 * 60 * 1000LL)
#define DAY_MS      (24 * HOUR_MS)
/* Late samples: a source that answers after its timeout is not rolled up any more. */
#define GRACE_MS (2 * 60 * 1000LL)
/* A call does at most so much, so that a long outage or a shortened retention does not hold the
 * writer for minutes. */
#define BITE_MS (6 * HOUR_MS)
/* Requests and events are read for a while, not for ever. */
#define CHATTER_MS (30 * DAY_MS)

/* Mean of a column, weighted by time, over the rows that know it. */
#define MEAN(column, weight)                                                                       \
	"sum(" column " * " weight ") / sum(CASE WHEN " column " IS NOT NULL THEN " weight " END)"

static const char roll_5m[] =
    "INSERT OR IGNORE INTO sample_5m SELECT (at_ms - 1) / 300000 * 300000, container, "
    "min(sum(interval_ms), 300000), " MEAN("cpu_cores", "interval_ms") ", max(cpu_cores), " MEAN(
        "throttled_ratio",
        "interval_ms") ", " MEAN("mem_bytes",
                                 "interval_ms") ", "
                                                "max(mem_bytes), " MEAN(
                                                    "net_rx_bytes_per_s",
                                                    "inte"
                                                    "rval"
                                                    "_ms") ", " MEAN("net_tx_bytes_per_s",
                                                                     "interval_ms") ", " MEAN("blk_"
                                                                                              "read"
                                                                                              "_byt"
                                                                                              "es_"
                                                                                              "per_"
                                                                                              "s",
                                                                                              "inte"
                                                                                              "rval"
                                                                                              "_ms") ","
                                                                                                     " " MEAN(
                                                                                                         "blk_write_bytes_per_s",
                                                                                                         "interval_ms") ", max(pids), sum(oom_kills) "
                                                                                                                        "FROM sample WHERE at_ms > ?1 AND at_ms <= ?2 GROUP BY 1, 2";

static const char roll_1h[] =
    "INSERT OR IGNORE INTO sample_1h SELECT at_ms / 3600000 * 3600000, container, "
    "sum(covered_ms), " MEAN("cpu_cores", "covered_ms") ", max(cpu_peak_cores), " MEAN(
        "throttled_ratio",
        "covered_ms") ", " MEAN("mem_bytes",
                                "covered_ms") ", "
                                              "max(mem_peak_bytes), " MEAN(
                                                  "net_rx_bytes_per_s",
                                                  "c"
                                                  "o"
                                                  "v"
                                                  "e"
                                                  "r"
                                                  "e"
                                                  "d"
                                                  "_"
                                                  "m"
                                                  "s") ", " MEAN("net_tx_bytes_per_s",
                                                                 "covered_ms") ", " MEAN("blk_read_"
                                                                                         "bytes_"
                                                                                         "per_s",
                                                                                         "covered_"
                                                                                         "ms") ","
                                                                                               " " MEAN(
                                                                                                   "blk_write_bytes_per_s",
                                                                                                   "covered_ms") ", max(pids), sum(oom_kills) "
                                                                                                                 "FROM sample_5m WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1, 2";

/* One level of rollup: up to where it is done stands in meta under done_key. */
struct level {
	const char *done_key, *oldest, *roll;
	int64_t bucket_ms;
};

/* Samples carry the end of their interval, rollups the start of theirs: a sample that ends on
 * the border belongs before it. */
static const struct level level_5m = {
    "rolled_5m_ms", "SELECT min(at_ms) - 1 FROM sample WHERE at_ms > ?1", roll_5m, FIVE_MIN_MS};
static const struct level level_1h = {
    "rolled_1h_ms", "SELECT min(at_ms) FROM sample_5m WHERE at_ms >= ?1", roll_1h, HOUR_MS};

static int
get_done(struct store *s, const char *key, int64_t *ret, struct error *err)
{
	int r = sql_int(&s->sql, ret, err, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1",
	                SQL_TEXT(key));

	if (r == 0)
		*ret = INT64_MIN / 2;
	return r < 0 ? r : 0;
}

/* Rolls what is whole before limit; ret is up to where it is done now. */
static int
roll(struct store *s, const struct level *l, int64_t limit_ms, int64_t *ret, struct error *err)
{
	int64_t from, oldest, to;
	_cleanup_(freep) char *done = NULL;
	int r;

	r = get_done(s, l->done_key, &from, err);
	if (r < 0)
		return r;
	*ret = from;
	r = sql_int_args(&s->sql, l->oldest, SQL_ARGS(SQL_INT(from)), &oldest, err);
	if (r <= 0)
		return r;
	from = MAX(from, oldest / l->bucket_ms * l->bucket_ms);
	to = MIN(limit_ms / l->bucket_ms * l->bucket_ms, from + BITE_MS);
	if (to <= from)
		return 0;
	r = sql_run_args(&s->sql, l->roll, SQL_ARGS(SQL_INT(from), SQL_INT(to)), err);
	if (r < 0)
		return r;
	*ret = to;
	done = xasprintf("%lld", (long long) to);
	return store_put_meta(s, l->done_key, done, err);
}

/* Deletes by time what is older than before, oldest first and at most a bite. */
static int
cut(struct store *s, const char *oldest_text, const char *delete_text, int64_t before_ms,
    struct error *err)
{
	int64_t oldest;
	int r = sql_int_args(&s->sql, oldest_text, NULL, 0, &oldest, err);

	if (r <= 0 || oldest >= before_ms)
		return r < 0 ? r : 0;
	/* Rollups are small: a bite of them may be longer, but one rule is enough. */
	return sql_run_args(&s->sql, delete_text,
	                    SQL_ARGS(SQL_INT(MIN(before_ms, oldest + BITE_MS))), err);
}

static int
cut_samples(struct store *s, int64_t now_ms, const struct retention *keep, int64_t rolled_5m,
            int64_t rolled_1h, struct error *err)
{
	int r = 0;

	if (keep->raw_ms > 0)
		r = cut(s, "SELECT min(at_ms) FROM sample", "DELETE FROM sample WHERE at_ms < ?1",
		        MIN(now_ms - keep->raw_ms, rolled_5m + 1), err);
	if (r == 0 && keep->five_min_ms > 0)
		r = cut(s, "SELECT min(at_ms) FROM sample_5m",
		        "DELETE FROM sample_5m WHERE at_ms < ?1",
		        MIN(now_ms - keep->five_min_ms, rolled_1h), err);
	if (r == 0 && keep->hour_ms > 0)
		r = cut(s, "SELECT min(at_ms) FROM sample_1h",
		        "DELETE FROM sample_1h WHERE at_ms < ?1", now_ms - keep->hour_ms, err);
	if (r == 0 && keep->five_min_ms > 0)
		r = sql_run(&s->sql, err,
		            "DELETE FROM node_load WHERE node_id IN (SELECT id FROM node) AND "
		            "at_ms < ?1",
		            SQL_INT(now_ms - keep->five_min_ms));
	return r;
}

/*
 * What went away is kept as long as the oldest sample that may name it. The state of a profile
 * is of no use any more once its container is gone for a while; its figures stay as long as the
 * container's row.
 */
static int
cut_gone(struct store *s, int64_t now_ms, const struct retention *keep, struct error *err)
{
	static const char *const texts[] = {
	    "DELETE FROM profile WHERE kind = 'container' AND id IN (SELECT id FROM container "
	    "WHERE gone_ms < ?1)",
	    "DELETE FROM profile WHERE kind = 'node' AND id IN (SELECT id FROM node WHERE gone_ms "
	    "< ?1)",
	    "DELETE FROM qvalue WHERE at_ms < ?1",
	    "DELETE FROM container WHERE gone_ms < ?1",
	    "DELETE FROM service WHERE gone_ms < ?1",
	    "DELETE FROM node WHERE gone_ms < ?1",
	};
	int r = 0;

	if (keep->raw_ms > 0)
		r = sql_run(&s->sql, err,
		            "DELETE FROM profile_state WHERE kind = 'container' AND id IN (SELECT "
		            "id FROM container WHERE gone_ms < ?1)",
		            SQL_INT(now_ms - keep->raw_ms));
	for (size_t i = 0; r == 0 && keep->hour_ms > 0 && i < ARRAY_SIZE(texts); i++)
		r = sql_run_args(&s->sql, texts[i],
		                 SQL_ARGS(SQL_INT(now_ms - keep->hour_ms - HOUR_MS)), err);
	if (r == 0)
		r = sql_run(&s->sql, err, "DELETE FROM event WHERE at_ms < ?1",
		            SQL_INT(now_ms - CHATTER_MS));
	if (r == 0)
		r = sql_run(&s->sql, err, "DELETE FROM request WHERE ended_ms < ?1",
		            SQL_INT(now_ms - CHATTER_MS));
	return r;
}

static int
prune(struct store *s, int64_t now_ms, const struct retention *keep, struct error *err)
{
	int64_t rolled_5m, rolled_1h;
	int r;

	r = roll(s, &level_5m, now_ms - GRACE_MS, &rolled_5m, err);
	if (r == 0)
		r = roll(s, &level_1h, rolled_5m, &rolled_1h, err);
	if (r == 0)
		r = cut_samples(s, now_ms, keep, rolled_5m, rolled_1h, err);
	return r == 0 ? cut_gone(s, now_ms, keep, err) : r;
}

int
store_prune(struct store *s, int64_t now_ms, const struct retention *keep, struct error *err)
{
	bool nested;
	int r = store_enter(s, &nested, err);

	return r < 0 ? r : store_leave(s, nested, prune(s, now_ms, keep, err), err);
}

/* VACUUM INTO leaves it to the system when the copy reaches the disk; a copy that was promised has
 * to outlive a power loss, its name too. */
static int
reach_disk(const char *path, struct error *err)
{
	_cleanup_(freep) char *copy = xstrdup(path);
	const char *const both[] = {path, dirname(copy)};

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		int fd = open(both[i], O_RDONLY | O_CLOEXEC);
		int r = fd < 0 || fsync(fd) < 0 ? errno : 0;

		if (fd >= 0)
			(void) close(fd);
		if (r != 0)
			return error_set(err, r, "bring '%s' to the disk: %s", both[i],
			                 strerror(r));
	}
	return 0;
}

int
store_backup(struct store *s, const char *to, struct error *err)
{
	int fd, r;

	/* VACUUM INTO takes an empty file, which thus has its mode before its content. */
	fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return error_set(err, errno, "make the copy '%s': %s", to, strerror(errno));
	(void) close(fd);
	r = sql_run(&s->sql, err, "VACUUM INTO ?1", SQL_TEXT(to));
	if (r == 0)
		r = reach_disk(to, err);
	if (r < 0) {
		(void) unlink(to);
		(void) error_wrap(err, "make the copy '%s'", to);
	}
	return r;
}
