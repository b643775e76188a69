/* Reading the configuration; see config.h. */
#include "agent/config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "agent/option.h"

/* What a peer (whoever writes the file) can grow. */
#define NODES_MAX    10000
#define HOSTNAME_MAX 253

const char *const config_algorithm_names[] = {"linear", "tabular", "spread", "pbf", NULL};

struct config_source {
	char *text; /* NULL = default */
};

static struct config_node *
find_node(const struct config *c, const char *host, size_t len, size_t *ret_at)
{
	size_t lo = 0, hi = c->n_nodes;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strncmp(c->nodes[mid].hostname, host, len);

		if (order == 0 && c->nodes[mid].hostname[len] != '\0')
			order = 1;
		if (order == 0) {
			*ret_at = mid;
			return &c->nodes[mid];
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_at = lo;
	return NULL;
}

static struct config_node *
add_node(struct config *c, const char *host, size_t len)
{
	size_t at;
	struct config_node *n = find_node(c, host, len, &at);

	if (n != NULL)
		return n;
	c->nodes = xrealloc(c->nodes, c->n_nodes + 1, sizeof(*c->nodes));
	n = &c->nodes[at];
	memmove(n + 1, n, (c->n_nodes - at) * sizeof(*n));
	c->n_nodes++;
	*n = (struct config_node){.idle_watts = NAN, .max_watts = NAN};
	n->hostname = xcalloc(len + 1, 1);
	memcpy(n->hostname, host, len);
	return n;
}

struct config *
config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->sources = xcalloc(option_table_n, sizeof(*c->sources));
	for (size_t i = 0; i < option_table_n; i++)
		if (!option_is_wild(&option_table[i]) &&
		    option_parse(&option_table[i], option_table[i].preset, c, NULL) < 0)
			abort(); /* our table is wrong: test_config parses every default */
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < option_table_n; i++) {
		const struct option *o = &option_table[i];

		free(c->sources[i].text);
		if (o->type == OPTION_TEXT && !option_is_wild(o))
			free(*(char **) (void *) ((char *) c + o->offset));
	}
	for (size_t i = 0; i < c->n_nodes; i++) {
		free(c->nodes[i].hostname);
		free(c->nodes[i].endpoint);
	}
	free(c->nodes);
	free(c->sources);
	free(c);
}

void
config_freep(struct config **c)
{
	config_free(*c);
}

static int
unknown(const char *section, const char *name, struct error *err)
{
	const char *near;

	if (section[0] == '\0')
		return error_set(
		    err, EINVAL, "'%s' stands before any [section]: put it below one, such as [%s]",
		    name, option_section_of(name) == NULL ? "agent" : option_section_of(name));
	if (!option_has_section(section)) {
		near = option_nearest_section(section);
		return error_set(err, EINVAL, "unknown section [%s]%s%s%s", section,
		                 near == NULL ? "" : ": did you mean [", near == NULL ? "" : near,
		                 near == NULL ? "" : "]?");
	}
	if (option_section_of(name) != NULL)
		return error_set(err, EINVAL, "unknown key '%s' in [%s]: it belongs into [%s]",
		                 name, section, option_section_of(name));
	near = option_nearest_name(section, name);
	return error_set(err, EINVAL, "unknown key '%s' in [%s]%s%s%s", name, section,
	                 near == NULL ? " (forager config show lists them all)"
	                              : ": did you mean '",
	                 near == NULL ? "" : near, near == NULL ? "" : "'?");
}

/* A key given for one host: the part that the '*' stands for must be able to be a host name. */
static int
check_host(const char *host, size_t len, size_t n_nodes, struct error *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (len > HOSTNAME_MAX || strspn(host, allowed) < len)
		return error_set(err, EINVAL, "'%.*s' is no host name", (int) MIN(len, 64), host);
	if (n_nodes >= NODES_MAX)
		return error_set(err, E2BIG, "more than %d nodes have options of their own",
		                 NODES_MAX);
	return 0;
}

static int
set(struct config *c, const char *section, const char *name, const char *value, const char *where,
    struct error *err)
{
	const char *host;
	size_t len;
	const struct option *o = option_find(section, name, &host, &len);
	void *base = c;
	int r;

	if (o == NULL)
		return unknown(section, name, err);
	if (host != NULL) {
		r = check_host(host, len, c->n_nodes, err);
		if (r < 0)
			return r;
		base = add_node(c, host, len);
	}
	r = option_parse(o, value, base, err);
	if (r < 0)
		return r;
	free(c->sources[o - option_table].text);
	c->sources[o - option_table].text = xstrdup(where);
	return 0;
}

int
config_set(struct config *c, const char *section, const char *name, const char *value,
           const char *where, struct error *err)
{
	int r = set(c, section, name, value, where, err);

	if (r < 0)
		(void) error_wrap(err, "%s", where);
	return r;
}

static int
check_template(const char *template, struct error *err)
{
	static const char *const words[] = {"{addr}", "{hostname}", "{id}"};
	bool any = false;

	for (const char *p = strchr(template, '{'); p != NULL; p = strchr(p + 1, '{')) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			known = known || str_has_prefix(p, words[i]);
		if (!known)
			return error_set(
			    err, EINVAL,
			    "[endpoint] template = '%s': only {addr}, {hostname} and {id} "
			    "are replaced",
			    template);
		any = true;
	}
	/* One engine for all nodes would count its containers once a node. */
	return any ? 0
	           : error_set(
	                 err, EINVAL,
	                 "[endpoint] template = '%s' names the same engine for every node: use "
	                 "{addr}, {hostname} or {id} in it",
	                 template);
}

static int
check_power(const struct config *c, struct error *err)
{
	if (c->idle_watts > c->max_watts)
		return error_set(err, EINVAL, "[power] idle-watts = %g is more than max-watts = %g",
		                 c->idle_watts, c->max_watts);
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct config_node *n = &c->nodes[i];
		double idle = isnan(n->idle_watts) ? c->idle_watts : n->idle_watts;
		double most = isnan(n->max_watts) ? c->max_watts : n->max_watts;

		if (idle > most)
			return error_set(
			    err, EINVAL,
			    "[power] node '%s' would draw more when idle (%g W) than under "
			    "full load (%g W)",
			    n->hostname, idle, most);
	}
	return 0;
}

/* Where the value of an option stands. */
static const char *
source_of(const struct config *c, const char *section, const char *name)
{
	for (size_t i = 0; i < option_table_n; i++)
		if (streq(option_table[i].section, section) && streq(option_table[i].name, name) &&
		    c->sources[i].text != NULL)
			return c->sources[i].text;
	return "default";
}

int
config_check(const struct config *c, struct error *err)
{
	if (c->algorithm == ALGORITHM_TABULAR)
		return error_set(
		    err, EINVAL,
		    "%s: [policy] algorithm = tabular is not in this version: its table has to "
		    "be judged in the simulator first; use linear, spread or pbf",
		    source_of(c, "policy", "algorithm"));
	if (c->settle == SETTLE_HOLD)
		return error_set(err, EINVAL,
		                 "%s: [moves] settle = hold is not in this version: which nodes to "
		                 "avoid has to be learnt first; use release",
		                 source_of(c, "moves", "settle"));
	if (c->decide_every_ms < c->sample_every_ms)
		return error_set(
		    err, EINVAL,
		    "[agent] decide-every must be at least sample-every: a step without a "
		    "reading knows nothing");
	if ((c->tls_cert == NULL) != (c->tls_key == NULL))
		return error_set(err, EINVAL, "[docker] tls-cert and tls-key need each other: %s",
		                 c->tls_cert == NULL ? "tls-cert is missing"
		                                     : "tls-key is missing");
	if (c->state_dir[0] != '/')
		return error_set(err, EINVAL,
		                 "%s: [agent] state-dir = '%s': an absolute path is needed",
		                 source_of(c, "agent", "state-dir"), c->state_dir);
	if (c->retention_5m_ms < c->retention_raw_ms || c->retention_1h_ms < c->retention_5m_ms)
		return error_set(err, EINVAL,
		                 "[storage] retention-raw, retention-5m and retention-1h must not "
		                 "decrease: each is rolled up from the one before");
	if (c->endpoint_template != NULL) {
		int r = check_template(c->endpoint_template, err);

		if (r < 0)
			return r;
	}
	return check_power(c, err);
}

enum act_mode
config_mode(const struct config *c)
{
	return (enum act_mode)((int) ACT_OBSERVE + c->mode);
}

const struct config_node *
config_node(const struct config *c, const char *hostname)
{
	size_t at;

	return find_node(c, hostname, strlen(hostname), &at);
}

struct bounds
config_bounds(const struct config *c)
{
	return (struct bounds){
	    .sustain_ms = c->sustain_ms,
	    .cooldown_ms = c->cooldown_ms,
	    .deploy_quiet_ms = c->deploy_quiet_ms,
	    .min_gain = c->min_gain,
	    .relief_line = c->relief_line,
	};
}

static bool
node_has(const struct option *o, const struct config_node *n)
{
	const void *at = (const char *) n + o->offset;

	return o->type == OPTION_TEXT ? *(char *const *) at != NULL : !isnan(*(const double *) at);
}

static char *
wild_name(const struct option *o, const char *host)
{
	const char *star = strchr(o->name, '*');

	return xasprintf("%.*s%s%s", (int) (star - o->name), o->name, host, star + 1);
}

static void
each_node(const struct config *c, const struct option *o, struct config_line *line,
          void (*fn)(void *data, const struct config_line *line), void *data)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		_cleanup_(freep) char *name = wild_name(o, c->nodes[i].hostname);
		_cleanup_(freep) char *value = NULL;

		if (!node_has(o, &c->nodes[i]))
			continue;
		value = option_format(o, &c->nodes[i]);
		line->name = name;
		line->value = value;
		fn(data, line);
	}
}

void
config_each(const struct config *c, void (*fn)(void *data, const struct config_line *line),
            void *data)
{
	for (size_t i = 0; i < option_table_n; i++) {
		const struct option *o = &option_table[i];
		const char *source = c->sources[i].text;
		struct config_line line = {
		    .section = o->section,
		    .name = o->name,
		    .unit = o->unit == NULL ? "" : o->unit,
		    .help = o->help,
		    .source = source == NULL ? "default" : source,
		};
		_cleanup_(freep) char *value = NULL;

		if (option_is_wild(o)) {
			each_node(c, o, &line, fn, data);
			continue;
		}
		value = option_format(o, c);
		line.value = value;
		fn(data, &line);
	}
}

char *
config_db_path(const struct config *c)
{
	return xasprintf("%s/forager.db", c->state_dir);
}

char *
config_lock_path(const struct config *c)
{
	return xasprintf("%s/actor.lock", c->state_dir);
}
