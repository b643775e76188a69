/* Behaviour profiles; see profiles.h. */
#include "cli/profiles.h"

#include <errno.h>

#include "base/util.h"

/* What every kind of profile has; its own first columns stand in front. */
#define FIGURES                                                                                    \
	{"behaviour", "BEHAVIOUR", SHOW_TEXT}, {"cpu_mean_cores", "CPU", SHOW_NUMBER},             \
	    {"cpu_p50_cores", NULL, SHOW_NUMBER}, {"cpu_p90_cores", NULL, SHOW_NUMBER},            \
	    {"cpu_p95_cores", "P95", SHOW_NUMBER}, {"cpu_p99_cores", NULL, SHOW_NUMBER},           \
	    {"cpu_peak_cores", "PEAK", SHOW_NUMBER}, {"cpu_var_cores2", NULL, SHOW_NUMBER},        \
	    {"cpu_now_cores", NULL, SHOW_NUMBER}, {"burst_ratio", "BURST", SHOW_NUMBER},           \
	    {"throttled_ratio", "THROTTLED", SHOW_PERCENT}, {"mem_mean_bytes", NULL, SHOW_BYTES},  \
	    {"mem_p50_bytes", NULL, SHOW_BYTES}, {"mem_p95_bytes", "MEM P95", SHOW_BYTES},         \
	    {"mem_peak_bytes", NULL, SHOW_BYTES}, {"mem_growth_bytes_per_h", NULL, SHOW_BYTES},    \
	    {"oom_kills", NULL, SHOW_COUNT}, {"net_rx_bytes_per_s", "NET RX", SHOW_RATE},          \
	    {"net_tx_bytes_per_s", "NET TX", SHOW_RATE},                                           \
	    {"net_rx_p95_bytes_per_s", NULL, SHOW_RATE},                                           \
	    {"net_tx_p95_bytes_per_s", NULL, SHOW_RATE},                                           \
	    {"blk_read_bytes_per_s", NULL, SHOW_RATE}, {"blk_write_bytes_per_s", NULL, SHOW_RATE}, \
	    {"blk_read_p95_bytes_per_s", NULL, SHOW_RATE},                                         \
	    {"blk_write_p95_bytes_per_s", NULL, SHOW_RATE}, {"pids_max", NULL, SHOW_COUNT},        \
	    {"restarts", NULL, SHOW_COUNT}, {"startup_ms", NULL, SHOW_MS},                         \
	    {"forecast_mean_cores", "FORECAST", SHOW_NUMBER},                                      \
	    {"forecast_var_cores2", NULL, SHOW_NUMBER},                                            \
	    {"forecast_error_cores", "ERROR", SHOW_NUMBER}, {"n_samples", NULL, SHOW_COUNT},       \
	    {"confidence", "CONFIDENCE", SHOW_PERCENT}, {"first_ms", NULL, SHOW_AGO},              \
	{                                                                                          \
		"last_ms", "SEEN", SHOW_AGO                                                        \
	}

static const struct show_column container_columns[] = {
    {"container_id", "CONTAINER", SHOW_ID}, {"service", "SERVICE", SHOW_TEXT},
    {"slot", "SLOT", SHOW_COUNT},           {"node", "NODE", SHOW_TEXT},
    {"container", NULL, SHOW_TEXT},         {"image", NULL, SHOW_TEXT},
    {"service_id", NULL, SHOW_TEXT},        {"node_id", NULL, SHOW_TEXT},
    {"task_id", NULL, SHOW_TEXT},           FIGURES,
};

static const struct show_column service_columns[] = {
    {"id", "ID", SHOW_ID},
    {"service", "SERVICE", SHOW_TEXT},
    {"image", NULL, SHOW_TEXT},
    {"gone", NULL, SHOW_BOOL},
    FIGURES,
};

static const struct show_column node_columns[] = {
    {"id", "ID", SHOW_ID},
    {"node", "NODE", SHOW_TEXT},
    {"gone", NULL, SHOW_BOOL},
    FIGURES,
};

static const struct profile_kind_info {
	const char *name;
	const struct show_column *columns;
	size_t n_columns;
	const char *sql;
} kinds[] = {
    {"container", container_columns, ARRAY_SIZE(container_columns),
     "SELECT * FROM v_profiles WHERE ?1 IS NULL OR service_id = ?1 "
     "ORDER BY service IS NULL, service, slot, container_id"},
    {"service", service_columns, ARRAY_SIZE(service_columns),
     "SELECT * FROM v_service_profiles WHERE ?1 IS NULL OR id = ?1 ORDER BY service, id"},
    {"node", node_columns, ARRAY_SIZE(node_columns),
     "SELECT * FROM v_node_profiles WHERE ?1 IS NULL OR id = ?1 ORDER BY node, id"},
};

int
profiles_run(struct cli *c, struct error *err)
{
	const char *name = c->args->kind != NULL ? c->args->kind : "container";
	_cleanup_(freep) char *id = NULL;
	struct query_value bind[1];
	size_t k = 0;
	int r = 0;

	while (k < ARRAY_SIZE(kinds) && !streq(kinds[k].name, name))
		k++;
	if (k == ARRAY_SIZE(kinds))
		return error_set(err, EINVAL, "--kind '%s' is not container, service or node",
		                 name);
	if (c->args->n_words > 0) {
		bool node = streq(name, "node");

		r = cli_find(c, node ? "node" : "service", node ? "hostname" : "name",
		             c->args->words[0], &id, err);
	}
	if (r < 0)
		return r;
	bind[0] = QUERY_STR(id);
	return cli_list(c, kinds[k].columns, kinds[k].n_columns, kinds[k].sql, bind, 1, NULL, err);
}
