/* Rows in: nodes, services, containers, samples, profiles and what the policy knows; see store.h.
 */
#include "storage/store_priv.h"

#include <errno.h>

#define C(type, member) TABLE_COLUMN(type, ROW, member)

#define ROW node_row
static const struct table_column node_columns[] = {
    C(TEXT, id),
    C(TEXT, hostname),
    C(TEXT, addr),
    C(TEXT, role),
    C(TEXT, os),
    C(TEXT, arch),
    C(TEXT, engine),
    C(TEXT, state),
    C(TEXT, availability),
    C(TEXT, source),
    C(I64, capacity_cpu_nano),
    C(I64, capacity_mem_bytes),
    C(REAL, usable_cores),
    C(REAL, idle_watts),
    C(REAL, max_watts),
    C(BOOL, watts_measured),
    C(U64, version),
    C(I64, seen_ms),
};
#undef ROW

#define ROW node_load_row
static const struct table_column node_load_columns[] = {
    C(TEXT, node_id),          C(I64, at_ms),
    C(REAL, cpu_cores),        C(REAL, mem_bytes),
    C(I64, reserved_cpu_nano), C(I64, reserved_mem_bytes),
    C(U32, n_tasks),           C(REAL, watts),
};
#undef ROW

#define ROW service_row
static const struct table_column service_columns[] = {
    C(TEXT, id),
    C(TEXT, name),
    C(TEXT, image),
    C(TEXT, stack),
    C(TEXT, mode),
    C(TEXT, act),
    C(TEXT, refused),
    C(U64, replicas),
    C(I64, reserve_cpu_nano),
    C(I64, reserve_mem_bytes),
    C(I64, limit_cpu_nano),
    C(I64, limit_mem_bytes),
    C(U32, n_constraints),
    C(TEXT, node_terms),
    C(REAL, slo_p95_ms),
    C(REAL, seen_p95_ms),
    C(U64, version),
    C(I64, seen_ms),
};
#undef ROW

#define ROW container_row
static const struct table_column container_columns[] = {
    C(TEXT, id),      C(TEXT, name), C(TEXT, image), C(TEXT, service_id), C(TEXT, node_id),
    C(TEXT, task_id), C(U32, slot),  C(TEXT, state), C(TIME, started_ms), C(I64, seen_ms),
};
#undef ROW

#define ROW profile_row
static const struct table_column profile_columns[] = {
    TABLE_ENUM(NAME, profile_row, kind, profile_kind_names, PROFILE_KIND_N),
    C(TEXT, id),
    C(TEXT, image),
    C(REAL, cpu_mean_cores),
    C(REAL, cpu_p50_cores),
    C(REAL, cpu_p90_cores),
    C(REAL, cpu_p95_cores),
    C(REAL, cpu_p99_cores),
    C(REAL, cpu_peak_cores),
    C(REAL, cpu_var_cores2),
    C(REAL, cpu_now_cores),
    C(REAL, burst_ratio),
    C(REAL, throttled_ratio),
    C(REAL, mem_mean_bytes),
    C(REAL, mem_p50_bytes),
    C(REAL, mem_p95_bytes),
    C(REAL, mem_peak_bytes),
    C(REAL, mem_growth_bytes_per_h),
    C(REAL, net_rx_bytes_per_s),
    C(REAL, net_tx_bytes_per_s),
    C(REAL, net_rx_p95_bytes_per_s),
    C(REAL, net_tx_p95_bytes_per_s),
    C(REAL, blk_read_bytes_per_s),
    C(REAL, blk_write_bytes_per_s),
    C(REAL, blk_read_p95_bytes_per_s),
    C(REAL, blk_write_p95_bytes_per_s),
    C(REAL, forecast_mean_cores),
    C(REAL, forecast_var_cores2),
    C(REAL, forecast_error_cores),
    C(REAL, startup_ms),
    C(REAL, confidence),
    C(U64, n_samples),
    C(U64, oom_kills),
    C(U32, pids_max),
    C(U32, restarts),
    TABLE_ENUM(GUESS, profile_row, behaviour, behaviour_names, BEHAVIOUR_N),
    C(TIME, first_ms),
    C(TIME, last_ms),
};
#undef ROW

#define ROW qvalue_row
static const struct table_column qvalue_columns[] = {
    C(TEXT, service_id),
    C(TEXT, node_id),
    C(REAL, gain),
    C(REAL, sd),
    TABLE_VERDICT(qvalue_row, verdict),
    C(REF, decision_id),
    C(I64, at_ms),
};
#undef ROW

#define ROW outcome_row
static const struct table_column outcome_columns[] = {
    C(REF, decision_id),
    C(REF, move_id),
    C(TIME, from_ms),
    C(TIME, to_ms),
    C(REAL, source_before_cores),
    C(REAL, source_after_cores),
    C(REAL, target_before_cores),
    C(REAL, target_after_cores),
    C(REAL, p95_before_ms),
    C(REAL, p95_after_ms),
    C(REAL, watts_before),
    C(REAL, watts_after),
    C(REAL, cost_before),
    C(REAL, cost_after),
    C(REAL, gain_predicted),
    C(REAL, gain_seen),
    C(TEXT, text),
};
#undef ROW

#define ROW foreign_row
static const struct table_column foreign_columns[] = {
    C(TEXT, service_id), C(U64, version), C(TEXT, service_name), C(I64, at_ms), C(TEXT, what),
};
#undef ROW

#define ROW event_row
static const struct table_column event_columns[] = {C(I64, at_ms), C(TEXT, kind), C(TEXT, text)};
#undef ROW

#define TABLE(name, columns, n_keys, tracked)                                                      \
	{                                                                                          \
		name, columns, ARRAY_SIZE(columns), n_keys, tracked                                \
	}

static const struct table node_table = TABLE("node", node_columns, 1, true);
static const struct table node_load_table = TABLE("node_load", node_load_columns, 2, false);
static const struct table service_table = TABLE("service", service_columns, 1, true);
static const struct table container_table = TABLE("container", container_columns, 1, true);
const struct table profile_table = TABLE("profile", profile_columns, 2, false);
static const struct table qvalue_table = TABLE("qvalue", qvalue_columns, 2, false);
static const struct table outcome_table = TABLE("outcome", outcome_columns, 1, false);
const struct table foreign_table = TABLE("foreign_change", foreign_columns, 2, false);
static const struct table event_table = TABLE("event", event_columns, 0, false);

typedef int put_fn(struct store *s, const void *row, struct error *err);

static int
put_each(struct store *s, put_fn *fn, const void *rows, size_t size, size_t n, struct error *err)
{
	bool nested;
	int r;

	if (n == 0)
		return 0;
	r = store_enter(s, &nested, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = fn(s, (const char *) rows + i * size, err);
	return store_leave(s, nested, r, err);
}

static int
put_rows(struct store *s, const struct table *t, const void *rows, size_t size, size_t n,
         struct error *err)
{
	bool nested;
	int r;

	if (n == 0)
		return 0;
	r = store_enter(s, &nested, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = table_put(&s->sql, t, (const char *) rows + i * size, err);
	return store_leave(s, nested, r, err);
}

int
store_put_nodes(struct store *s, const struct node_row *rows, size_t n, struct error *err)
{
	return put_rows(s, &node_table, rows, sizeof(*rows), n, err);
}

static int
put_node_load(struct store *s, const void *data, struct error *err)
{
	const struct node_load_row *row = data;
	int r;

	/* The load may be known before the node's own row is. */
	r = sql_run(&s->sql, err,
	            "INSERT INTO node (id, seen_ms, first_seen_ms) VALUES (?1, ?2, ?2) "
	            "ON CONFLICT DO NOTHING",
	            SQL_TEXT(row->node_id), SQL_INT(row->at_ms));
	return r < 0 ? r : table_put(&s->sql, &node_load_table, row, err);
}

int
store_put_node_loads(struct store *s, const struct node_load_row *rows, size_t n, struct error *err)
{
	return put_each(s, put_node_load, rows, sizeof(*rows), n, err);
}

int
store_put_services(struct store *s, const struct service_row *rows, size_t n, struct error *err)
{
	return put_rows(s, &service_table, rows, sizeof(*rows), n, err);
}

int
store_put_containers(struct store *s, const struct container_row *rows, size_t n, struct error *err)
{
	return put_rows(s, &container_table, rows, sizeof(*rows), n, err);
}

static int
container_key(struct store *s, const struct sample_row *row, int64_t *ret, struct error *err)
{
	int r;

	r = sql_int(&s->sql, ret, err, "SELECT key FROM container WHERE id = ?1",
	            SQL_TEXT(row->container_id));
	if (r != 0)
		return r < 0 ? r : 0;
	r = sql_run(&s->sql, err,
	            "INSERT INTO container (id, seen_ms, first_seen_ms) VALUES (?1, ?2, ?2)",
	            SQL_TEXT(row->container_id), SQL_INT(row->at_ms));
	if (r == 0)
		*ret = sqlite3_last_insert_rowid(s->sql.db);
	return r;
}

static int
put_sample(struct store *s, const void *data, struct error *err)
{
	const struct sample_row *row = data;
	int64_t key = 0;
	int r;

	if (row->container_id == NULL || row->interval_ms <= 0)
		return error_set(err, EINVAL, "a sample of '%s' has no container or no interval",
		                 row->container_id == NULL ? "" : row->container_id);
	r = container_key(s, row, &key, err);
	if (r < 0)
		return r;
	return sql_run(&s->sql, err,
	               "INSERT INTO sample VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
	               "?12) ON CONFLICT DO NOTHING",
	               SQL_INT(row->at_ms), SQL_INT(key), SQL_INT(row->interval_ms),
	               SQL_REAL(row->cpu_cores), SQL_REAL(row->throttled_ratio),
	               SQL_REAL(row->mem_bytes), SQL_REAL(row->net_rx_bytes_per_s),
	               SQL_REAL(row->net_tx_bytes_per_s), SQL_REAL(row->blk_read_bytes_per_s),
	               SQL_REAL(row->blk_write_bytes_per_s), SQL_INT(row->pids),
	               SQL_INT(row->oom_kills));
}

int
store_put_samples(struct store *s, const struct sample_row *rows, size_t n, struct error *err)
{
	return put_each(s, put_sample, rows, sizeof(*rows), n, err);
}

static int
put_profile(struct store *s, const void *data, struct error *err)
{
	const struct profile_row *row = data;
	int r = table_put(&s->sql, &profile_table, row, err);

	if (r < 0 || row->state == NULL)
		return r;
	return sql_run(&s->sql, err,
	               "INSERT INTO profile_state VALUES (?1, ?2, ?3) "
	               "ON CONFLICT (kind, id) DO UPDATE SET state = excluded.state",
	               SQL_TEXT(profile_kind_names[row->kind]), SQL_TEXT(row->id),
	               SQL_TEXT(row->state));
}

int
store_put_profiles(struct store *s, const struct profile_row *rows, size_t n, struct error *err)
{
	return put_each(s, put_profile, rows, sizeof(*rows), n, err);
}

static int
put_weights(struct store *s, const struct weight_row *rows, size_t n, int64_t at_ms,
            struct error *err)
{
	int r = sql_run(&s->sql, err, "DELETE FROM weight WHERE algorithm = ?1",
	                SQL_TEXT(rows[0].algorithm));

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct weight_row *w = &rows[i];

		if (!streq(w->algorithm, rows[0].algorithm))
			return error_set(err, EINVAL, "weights of '%s' among those of '%s'",
			                 w->algorithm, rows[0].algorithm);
		r = sql_run(
		    &s->sql, err, "INSERT INTO weight VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		    SQL_TEXT(w->algorithm), SQL_TEXT(w->feature), SQL_INT(i), SQL_REAL(w->theta),
		    SQL_REAL(w->prior), SQL_REAL(w->sd), SQL_TEXT(w->meaning), SQL_INT(at_ms));
	}
	return r;
}

int
store_put_weights(struct store *s, const struct weight_row *rows, size_t n, int64_t at_ms,
                  struct error *err)
{
	bool nested;
	int r;

	if (n == 0)
		return 0;
	r = store_enter(s, &nested, err);
	return r < 0 ? r : store_leave(s, nested, put_weights(s, rows, n, at_ms, err), err);
}

int
store_put_qvalues(struct store *s, const struct qvalue_row *rows, size_t n, struct error *err)
{
	bool nested;
	int r;

	if (n == 0)
		return 0;
	r = store_enter(s, &nested, err);
	if (r < 0)
		return r;
	r = put_rows(s, &qvalue_table, rows, sizeof(*rows), n, err);
	/* An opinion that is not held any more is none: of where a service is now, of the gone. */
	if (r >= 0)
		r = sql_run(&s->sql, err, "DELETE FROM qvalue WHERE at_ms <> ?1",
		            SQL_INT(rows[0].at_ms));
	return store_leave(s, nested, r, err);
}

int
store_put_outcome(struct store *s, const struct outcome_row *row, struct error *err)
{
	return put_rows(s, &outcome_table, row, sizeof(*row), 1, err);
}

int
store_put_foreign(struct store *s, const struct foreign_row *row, struct error *err)
{
	return put_rows(s, &foreign_table, row, sizeof(*row), 1, err);
}

int
store_put_event(struct store *s, const struct event_row *row, struct error *err)
{
	return put_rows(s, &event_table, row, sizeof(*row), 1, err);
}

int
store_mark_containers_gone(struct store *s, const char *node_id, int64_t seen_before_ms,
                           int64_t at_ms, struct error *err)
{
	return sql_run(&s->sql, err,
	               "UPDATE container SET gone_ms = ?1 WHERE gone_ms IS NULL AND seen_ms < ?2 "
	               "AND (?3 IS NULL OR node_id = ?3)",
	               SQL_INT(at_ms), SQL_INT(seen_before_ms), SQL_TEXT(node_id));
}

static int
mark_swarm_gone(struct store *s, int64_t seen_before_ms, int64_t at_ms, struct error *err)
{
	static const char *const texts[] = {
	    "UPDATE node SET gone_ms = ?1 WHERE gone_ms IS NULL AND seen_ms < ?2",
	    "UPDATE service SET gone_ms = ?1 WHERE gone_ms IS NULL AND seen_ms < ?2",
	    ("UPDATE container SET gone_ms = ?1 WHERE gone_ms IS NULL AND seen_ms < ?2 AND node_id "
	     "IN (SELECT id FROM node WHERE gone_ms IS NOT NULL)"),
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = sql_run_args(&s->sql, texts[i],
		                 SQL_ARGS(SQL_INT(at_ms), SQL_INT(seen_before_ms)), err);
	return r;
}

int
store_mark_swarm_gone(struct store *s, int64_t seen_before_ms, int64_t at_ms, struct error *err)
{
	bool nested;
	int r = store_enter(s, &nested, err);

	return r < 0 ? r
	             : store_leave(s, nested, mark_swarm_gone(s, seen_before_ms, at_ms, err), err);
}

int
store_mark_gone(struct store *s, int64_t seen_before_ms, int64_t at_ms, struct error *err)
{
	bool nested;
	int r = store_enter(s, &nested, err);

	if (r < 0)
		return r;
	r = mark_swarm_gone(s, seen_before_ms, at_ms, err);
	if (r == 0)
		r = store_mark_containers_gone(s, NULL, seen_before_ms, at_ms, err);
	return store_leave(s, nested, r, err);
}
