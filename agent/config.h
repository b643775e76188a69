/*
 * The configuration: defaults of the option table, then forager.conf, then the *.conf files of
 * conf.d in the order of their names, then the command line. Plain data; both programs read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/snapshot.h"

#define CONFIG_FILE "/etc/forager/forager.conf"

enum config_algorithm { ALGORITHM_LINEAR, ALGORITHM_TABULAR, ALGORITHM_SPREAD, ALGORITHM_PBF };

extern const char *const config_algorithm_names[]; /* "linear", … */

enum config_settle { SETTLE_RELEASE, SETTLE_HOLD };

/* What one host name got by node.HOSTNAME…; NULL and NAN: nothing was said. */
struct config_node {
	char *hostname;
	char *endpoint;    /* URL, or "none": blind on purpose */
	double idle_watts; /* NAN = not given */
	double max_watts;
};

struct config_source; /* which file and line gave an option its value */

struct config {
	/* [docker] */
	char *docker_host;                 /* unix:///…, tcp://…, https://… */
	char *tls_ca, *tls_cert, *tls_key; /* NULL = none */
	int64_t timeout_ms;
	/* [endpoint] */
	char *endpoint_template;   /* NULL = none */
	struct config_node *nodes; /* sorted by host name */
	size_t n_nodes;
	/* [agent] */
	int mode; /* enum act_mode minus ACT_OBSERVE: use config_mode() */
	int64_t sample_every_ms, decide_every_ms;
	char *state_dir;
	int64_t request_poll_ms;
	int64_t stats_in_flight; /* most stats calls at once on one endpoint */
	int64_t sample_stretch;  /* a stable container is asked at most so many times less often */
	int log_level;           /* choice: error warning notice info debug; config_log_level() */
	/* [policy] */
	int algorithm; /* enum config_algorithm */
	char *weights; /* "builtin" or a file */
	bool explore;
	int64_t horizon_ms;
	int64_t seed;
	/* [moves] */
	int settle; /* enum config_settle */
	int64_t per_hour;
	int64_t cooldown_ms, sustain_ms;
	double min_gain, relief_line; /* shares */
	int64_t deadline_ms; /* 0 = auto: max(3 min, 3 × start-up p95 + monitor + delay) */
	int64_t deploy_quiet_ms, warm_up_ms, node_quiet_ms, node_settle_ms, lease_ms;
	/* [objective]: weights of the cost's parts */
	double w_energy, w_response, w_reserved, w_move, w_traffic;
	/* [power] */
	double idle_watts, max_watts; /* of a node of which nothing else is known */
	char *curve;                  /* name of a power curve; "linear": idle to max */
	bool may_sleep;
	/* [storage] */
	int64_t retention_raw_ms, retention_5m_ms, retention_1h_ms;

	struct config_source *sources; /* one an option of the table */
};

/*
 * Reads the whole configuration.
 *
 * path NULL: CONFIG_FILE, which may be missing, and the conf.d beside it. Else that file, which
 * must exist, and the conf.d in the same folder if there is one. Any unknown section or key, any
 * bad value and any line that libinih would cut is an error that names file and line (-EINVAL); a
 * file that cannot be read gives its own errno. *ret belongs to the caller: config_free.
 */
int config_load(const char *path, struct config **ret, struct error *err);

/* All defaults; never fails (a default that does not parse is our bug). */
struct config *config_new(void);
void config_free(struct config *c); /* NULL is fine */
void config_freep(struct config **c);

/*
 * Parses one file's text over what is there already; file is the name for messages. On an error c
 * may hold a part of it: throw it away.
 */
int config_parse(struct config *c, const char *file, const char *text, struct error *err);

/* One value from elsewhere, e.g. ("docker", "host", url, "--docker-host"). */
int config_set(struct config *c, const char *section, const char *name, const char *value,
               const char *where, struct error *err);

/*
 * Rules that bind several options (decide-every at least sample-every, idle at most max watts, both
 * of certificate and key, algorithm=tabular is refused). config_load calls it; call it again after
 * config_set.
 */
int config_check(const struct config *c, struct error *err);

/* The mode as a snapshot has it: ACT_OBSERVE, ACT_RECOMMEND or ACT_AUTO. */
enum act_mode config_mode(const struct config *c);
/* What was said of this host; NULL when nothing. */
const struct config_node *config_node(const struct config *c, const char *hostname);
struct bounds config_bounds(const struct config *c);

/* One line of `config show`; valid during the call only. */
struct config_line {
	const char *section, *name, *value, *unit, *help;
	const char *source; /* "default", "FILE:LINE" or the option of the command line */
};

/* Calls fn for each option in the table's order, a wildcard once for each node that has it. */
void config_each(const struct config *c, void (*fn)(void *data, const struct config_line *line),
                 void *data);

/* STATE/forager.db and STATE/actor.lock; the caller frees. */
char *config_db_path(const struct config *c);
char *config_lock_path(const struct config *c);
