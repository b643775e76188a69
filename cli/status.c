/* What is there and how it fares; see status.h. */
#include "cli/status.h"

#include <errno.h>
#include <inttypes.h>

#include "base/util.h"
#include "cli/lock.h"
#include "model/decision.h"

/* Of a row v of table service: it carries our labels, and no move of ours is open on it. */
#define LABELS_LEFT(refused)                                                                       \
	"v.gone_ms IS NULL AND v.refused = " refused " AND NOT EXISTS "                            \
	"(SELECT 1 FROM move m WHERE m.service_id = v.id AND m.ended_wall_ms IS NULL)"

#define BACK                                                                                       \
	"a move of forager's once added it, and somebody wrote it back; "                          \
	"forager leaves it to you, this takes it away"

/*
 * Constraints as they stand that a move once added, none of whose own is open: columns id, name,
 * term. What stood there before the move is its owner's. A damaged text of a move says nothing.
 */
#define TERMS_BACK(refused)                                                                        \
	"(SELECT DISTINCT v.id, v.name, t.value AS term FROM service v "                           \
	"JOIN json_each(v.node_terms) t JOIN move m ON m.service_id = v.id "                       \
	"JOIN json_each(iif(json_valid(m.added), m.added, '[]')) a ON a.value = t.value "          \
	"WHERE v.gone_ms IS NULL AND v.refused IS NOT " refused " AND m.kind = 'move' "            \
	"AND m.ended_wall_ms IS NOT NULL AND m.state <> 'refused' AND t.value NOT IN "             \
	"(SELECT b.value FROM json_each(iif(json_valid(m.before), m.before, '{}'), "               \
	"'$.Constraints') b) AND NOT EXISTS "                                                      \
	"(SELECT 1 FROM move o WHERE o.service_id = v.id AND o.ended_wall_ms IS NULL))"

/* One row of figures; each has its name in both forms. */
static const char status_sql[] =
    "SELECT\n"
    "  (SELECT max(seen_ms) FROM node) AS seen_ms,\n"
    "  (SELECT count(*) FROM node WHERE gone_ms IS NULL) AS nodes,\n"
    "  (SELECT count(*) FROM node WHERE gone_ms IS NULL AND source IS NULL) AS nodes_blind,\n"
    "  (SELECT count(*) FROM service WHERE gone_ms IS NULL) AS services,\n"
    "  (SELECT count(*) FROM service WHERE gone_ms IS NULL AND act IN ('observe', 'recommend',\n"
    "    'auto')) AS services_opted_in,\n"
    "  (SELECT count(*) FROM container WHERE gone_ms IS NULL) AS containers,\n"
    "  (SELECT avg(confidence) FROM v_profiles) AS profile_confidence,\n"
    "  (SELECT count(*) FROM move WHERE kind = 'move' AND state = 'done') AS moves_done,\n"
    "  (SELECT count(*) FROM move WHERE kind = 'move' AND state = 'reverted') AS moves_reverted,\n"
    "  (SELECT count(*) FROM move WHERE ended_wall_ms IS NULL) AS moves_open,\n"
    "  (SELECT count(*) FROM move WHERE kind = 'move' AND state = 'done'\n"
    "    AND created_wall_ms > ?1 - 3600000) AS moves_last_hour,\n"
    "  (SELECT group_concat(name, ', ') FROM (SELECT name FROM service v\n"
    "    WHERE " LABELS_LEFT(
        "?2") " ORDER BY name)) AS labels_left_on,\n"
              "  (SELECT group_concat(term || ' on ' || name, ', ') FROM (SELECT name, term\n"
              "    FROM " TERMS_BACK(
                  "?2") " ORDER BY name, term)) AS terms_back_on,\n"
                        "  (SELECT since_ms FROM pause) AS paused_since_ms,\n"
                        "  (SELECT who FROM pause) AS paused_by,\n"
                        "  (SELECT max(id) FROM decision) AS decision_id,\n"
                        "  (SELECT at_ms FROM decision ORDER BY id DESC LIMIT 1) AS decided_ms,\n"
                        "  (SELECT reason FROM decision ORDER BY id DESC LIMIT 1) AS "
                        "decision_reason,\n"
                        "  (SELECT sum(watts) FROM v_nodes) AS watts,\n"
                        "  (SELECT min(watts_measured) FROM v_nodes WHERE watts IS NOT NULL) AS "
                        "watts_measured";

static const struct show_column status_columns[] = {
    {"daemon", "Daemon", SHOW_TEXT},
    {"daemon_pid", NULL, SHOW_COUNT},
    {"mode", "Mode", SHOW_TEXT},
    {"algorithm", "Algorithm", SHOW_TEXT},
    {"docker_host", "Docker", SHOW_TEXT},
    {"database", "Database", SHOW_TEXT},
    {"seen_ms", "Cluster seen", SHOW_AGO},
    {"paused_since_ms", "Paused since", SHOW_AGO},
    {"paused_by", "Paused by", SHOW_TEXT},
    {"nodes", "Nodes", SHOW_COUNT},
    {"nodes_blind", "Nodes without stats", SHOW_COUNT},
    {"services", "Services", SHOW_COUNT},
    {"services_opted_in", "Services opted in", SHOW_COUNT},
    {"containers", "Containers", SHOW_COUNT},
    {"profile_confidence", "Profile confidence", SHOW_PERCENT},
    {"watts", "Watts", SHOW_NUMBER},
    {"watts_measured", "Watts measured", SHOW_BOOL},
    {"moves_done", "Moves done", SHOW_COUNT},
    {"moves_last_hour", "Moves in the last hour", SHOW_COUNT},
    {"moves_reverted", "Moves reverted", SHOW_COUNT},
    {"moves_open", "Moves open", SHOW_COUNT},
    {"labels_left_on", "Labels left on", SHOW_TEXT},
    {"terms_back_on", "Terms written back", SHOW_TEXT},
    {"decision_id", "Newest decision", SHOW_COUNT},
    {"decided_ms", "Decided", SHOW_AGO},
    {"decision_reason", "Because", SHOW_TEXT},
};

/* What does not come from the database stands in front of what does. */
struct status {
	struct cli *cli;
	bool left; /* labels of forager's stand where no move is open */
	bool back; /* terms of forager's stand there without labels */
	struct query_value values[ARRAY_SIZE(status_columns)];
};

static void
put(struct status *s, const char *key, struct query_value v)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_columns); i++) {
		if (streq(status_columns[i].key, key))
			s->values[i] = v;
	}
}

static struct query_value
text(const char *s)
{
	return s == NULL ? (struct query_value){.type = QUERY_NULL}
	                 : (struct query_value){.type = QUERY_TEXT, .text = s, .size = strlen(s)};
}

static struct query_value
count(int64_t n)
{
	return (struct query_value){.type = QUERY_INTEGER, .integer = n, .real = (double) n};
}

static int
print(struct status *s)
{
	const struct args *a = s->cli->args;
	const char *keys[ARRAY_SIZE(status_columns)];
	_cleanup_(show_freep) struct show *show = NULL;
	struct show_options options = show_options_of(a, s->cli->out);
	struct error err = {0};

	if (a->format != FORMAT_TABLE) {
		for (size_t i = 0; i < ARRAY_SIZE(status_columns); i++)
			keys[i] = status_columns[i].key;
		if (show_new(status_columns, ARRAY_SIZE(status_columns), &options, &show, &err) < 0)
			return -EIO;
		(void) show_row(show, ARRAY_SIZE(keys), keys, s->values);
		return show_end(show, &err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(status_columns); i++) {
		_cleanup_(freep) char *v = NULL;

		if (status_columns[i].header == NULL || s->values[i].type == QUERY_NULL)
			continue;
		v = show_value(&s->values[i], status_columns[i].unit, true, options.now_ms);
		(void) fprintf(s->cli->out, "%-22s  %s\n", status_columns[i].header, v);
	}
	if (s->left)
		(void) fprintf(s->cli->out,
		               "%-22s  forager release SERVICE takes them away, unless another "
		               "manager's forager moves it now\n",
		               "");
	if (s->back)
		(void) fprintf(s->cli->out,
		               "%-22s  " BACK ": docker service update --constraint-rm 'TERM' "
		               "SERVICE\n",
		               "");
	return fflush(s->cli->out) == 0 ? 0 : -EIO;
}

static int
status_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct status *s = data;

	for (size_t i = 0; i < n; i++) {
		put(s, names[i], values[i]);
		s->left |= streq(names[i], "labels_left_on") && values[i].type != QUERY_NULL;
		s->back |= streq(names[i], "terms_back_on") && values[i].type != QUERY_NULL;
	}
	return print(s);
}

static const char *
daemon_state(const struct config *config, int64_t *ret_pid)
{
	_cleanup_(freep) char *path = config_lock_path(config);
	int r = lock_holder(path, ret_pid);

	/* A forager that moves something by hand holds the same lock for that long. */
	return r > 0 ? "running" : r == 0 ? "not running" : "unknown";
}

int
status_labels_left(struct cli *c, const char *service_id, struct error *err)
{
	const struct query_value bind[] = {QUERY_STR(service_id),
	                                   QUERY_STR(verdict_infos[VERDICT_STEERED].text)};
	int64_t n = 0;
	int r = query_int(c->query,
	                  "SELECT count(*) FROM service v WHERE v.id = ?1 AND " LABELS_LEFT("?2"),
	                  bind, 2, &n, err);

	return r < 0 ? r : n > 0;
}

struct back {
	char *terms, *options;
};

static int
back_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct back *b = data;
	_cleanup_(freep) char *terms = take_ptr(b->terms), *options = take_ptr(b->options);
	const char *term = values[0].text;

	(void) n;
	(void) names;
	b->terms = xasprintf("%s%s%s", terms != NULL ? terms : "", terms != NULL ? ", " : "", term);
	b->options = xasprintf("%s --constraint-rm '%s'", options != NULL ? options : "", term);
	return 0;
}

int
status_terms_back(struct cli *c, const char *service_id, const char *name, char **ret,
                  struct error *err)
{
	const struct query_value bind[] = {QUERY_STR(service_id),
	                                   QUERY_STR(verdict_infos[VERDICT_STEERED].text)};
	struct back b = {0};
	int r = query_each(c->query,
	                   "SELECT term FROM " TERMS_BACK("?2") " WHERE id = ?1 ORDER BY term",
	                   bind, 2, back_row, &b, err);

	if (r >= 0)
		*ret = b.terms == NULL ? NULL
		                       : xasprintf("%s: " BACK ": docker service update%s %s",
		                                   b.terms, b.options, name);
	free(b.terms);
	free(b.options);
	return MIN(r, 0);
}

int
status_run(struct cli *c, struct error *err)
{
	const struct query_value bind[] = {QUERY_INT(wall_ms()),
	                                   QUERY_STR(verdict_infos[VERDICT_STEERED].text)};
	struct status s = {.cli = c};
	_cleanup_(freep) char *path = NULL;
	int64_t pid = 0;
	int r = cli_query(c, err);

	if (r < 0)
		return r;
	path = config_db_path(c->config);
	put(&s, "daemon", text(daemon_state(c->config, &pid)));
	if (pid > 0)
		put(&s, "daemon_pid", count(pid));
	put(&s, "mode", text(act_mode_names[config_mode(c->config)]));
	put(&s, "algorithm", text(config_algorithm_names[c->config->algorithm]));
	put(&s, "docker_host", text(c->config->docker_host));
	put(&s, "database", text(path));
	r = query_each(c->query, status_sql, bind, 2, status_row, &s, err);
	return r == -EIO ? error_set(err, EIO, "the output could not be written") : r;
}

int
status_nodes(struct cli *c, struct error *err)
{
	static const struct show_column columns[] = {
	    {"node_id", "ID", SHOW_ID},
	    {"node", "NODE", SHOW_TEXT},
	    {"role", NULL, SHOW_TEXT},
	    {"state", "STATE", SHOW_TEXT},
	    {"availability", "AVAILABILITY", SHOW_TEXT},
	    {"n_tasks", "TASKS", SHOW_COUNT},
	    {"cpu_cores", "CPU", SHOW_NUMBER},
	    {"usable_cores", "OF", SHOW_NUMBER},
	    {"cpu_load_ratio", "CPU %", SHOW_PERCENT},
	    {"cpu_p95_cores", "CPU P95", SHOW_NUMBER},
	    {"mem_bytes", "MEM", SHOW_BYTES},
	    {"capacity_mem_bytes", NULL, SHOW_BYTES},
	    {"mem_load_ratio", "MEM %", SHOW_PERCENT},
	    {"mem_p95_bytes", NULL, SHOW_BYTES},
	    {"reserved_cpu_cores", "RESERVED", SHOW_NUMBER},
	    {"capacity_cpu_cores", NULL, SHOW_NUMBER},
	    {"reserved_mem_bytes", NULL, SHOW_BYTES},
	    {"watts", "WATTS", SHOW_NUMBER},
	    {"watts_measured", "METERED", SHOW_BOOL},
	    {"idle_watts", NULL, SHOW_NUMBER},
	    {"max_watts", NULL, SHOW_NUMBER},
	    {"blind", "BLIND", SHOW_BOOL},
	    {"source", NULL, SHOW_TEXT},
	    {"engine", NULL, SHOW_TEXT},
	    {"os", NULL, SHOW_TEXT},
	    {"arch", NULL, SHOW_TEXT},
	    {"addr", NULL, SHOW_TEXT},
	    {"at_ms", "SEEN", SHOW_AGO},
	};

	return cli_list(c, columns, ARRAY_SIZE(columns),
	                "SELECT * FROM v_nodes ORDER BY node, node_id", NULL, 0, NULL, err);
}

int
status_services(struct cli *c, struct error *err)
{
	static const struct show_column columns[] = {
	    {"service_id", "ID", SHOW_ID},
	    {"service", "SERVICE", SHOW_TEXT},
	    {"image", NULL, SHOW_TEXT},
	    {"stack", NULL, SHOW_TEXT},
	    {"mode", NULL, SHOW_TEXT},
	    {"act", "MODE", SHOW_TEXT},
	    {"n_running", "RUNNING", SHOW_COUNT},
	    {"replicas", "REPLICAS", SHOW_COUNT},
	    {"nodes", "NODES", SHOW_LONG},
	    {"behaviour", "BEHAVIOUR", SHOW_TEXT},
	    {"cpu_mean_cores", "CPU", SHOW_NUMBER},
	    {"cpu_p95_cores", "CPU P95", SHOW_NUMBER},
	    {"mem_p95_bytes", "MEM P95", SHOW_BYTES},
	    {"reserved_cpu_cores_per_task", "RESERVED", SHOW_NUMBER},
	    {"limit_cpu_cores_per_task", NULL, SHOW_NUMBER},
	    {"reserved_mem_bytes_per_task", NULL, SHOW_BYTES},
	    {"limit_mem_bytes_per_task", NULL, SHOW_BYTES},
	    {"n_constraints", NULL, SHOW_COUNT},
	    {"confidence", "CONFIDENCE", SHOW_PERCENT},
	    {"slo_p95_ms", NULL, SHOW_MS},
	    {"seen_p95_ms", NULL, SHOW_MS},
	    {"last_move_utc", NULL, SHOW_TEXT},
	    {"refused", "STAYS BECAUSE", SHOW_LONG},
	};

	return cli_list(c, columns, ARRAY_SIZE(columns),
	                "SELECT * FROM v_services ORDER BY service, service_id", NULL, 0, NULL,
	                err);
}
