/* The option table and the configuration: files, bounds, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/option.h"

/* Parses text as file "f" over the defaults. NULL when it failed. */
static struct config *
parse(const char *text, struct error *err)
{
	struct config *c = config_new();

	if (config_parse(c, "f", text, err) < 0 || config_check(c, err) < 0) {
		config_free(c);
		return NULL;
	}
	return c;
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

static void
test_defaults_are_the_design(void **state)
{
	_cleanup_(config_freep) struct config *c = config_new();
	struct error err = {0};

	(void) state;
	assert_int_equal(config_check(c, &err), 0);
	assert_string_equal(c->docker_host, "unix:///var/run/docker.sock");
	assert_null(c->tls_ca);
	assert_null(c->endpoint_template);
	assert_int_equal(config_mode(c), ACT_OBSERVE);
	assert_int_equal(c->sample_every_ms, 15000);
	assert_int_equal(c->decide_every_ms, 300000);
	assert_string_equal(c->state_dir, "/var/lib/forager");
	assert_int_equal(c->algorithm, ALGORITHM_LINEAR);
	assert_true(c->explore);
	assert_int_equal(c->horizon_ms, 7200000);
	assert_int_equal(c->per_hour, 4);
	assert_int_equal(c->cooldown_ms, 6 * 3600000);
	assert_int_equal(c->sustain_ms, 15 * 60000);
	assert_true(fabs(c->min_gain - 0.10) < 1e-12);
	assert_true(fabs(c->relief_line - 0.85) < 1e-12);
	assert_int_equal(c->deadline_ms, 0);
	assert_int_equal(c->deploy_quiet_ms, 2 * 3600000);
	assert_int_equal(c->warm_up_ms, 3600000);
	assert_int_equal(c->node_quiet_ms, 120000);
	assert_int_equal(c->node_settle_ms, 900000);
	assert_false(c->may_sleep);
	assert_int_equal(c->retention_raw_ms, 24 * 3600000LL);
	assert_int_equal(c->retention_5m_ms, 14 * 86400000LL);
	assert_int_equal(c->retention_1h_ms, 400 * 86400000LL);
}

/* Every default of the table lies in its own bounds and prints as it was written. */
static void
test_every_default_round_trips(void **state)
{
	_cleanup_(config_freep) struct config *c = config_new();

	(void) state;
	for (size_t i = 0; i < option_table_n; i++) {
		const struct option *o = &option_table[i];
		_cleanup_(freep) char *text = NULL, *again = NULL;

		assert_true(strlen(o->help) > 10);
		if (option_is_wild(o))
			continue;
		text = option_format(o, c);
		assert_int_equal(option_parse(o, text, c, NULL), 0);
		again = option_format(o, c);
		assert_string_equal(text, again);
		if (o->type != OPTION_SWITCH && o->type != OPTION_DURATION)
			assert_string_equal(text, o->preset);
	}
}

static void
test_values(void **state)
{
	static const char text[] = "# a comment\n"
	                           "[docker]\n"
	                           "  host = tcp://10.0.0.1:2375   ; a remark\n"
	                           "\ttls-ca=/etc/ca.pem\n"
	                           "[endpoint]\r\n"
	                           "template = https://{addr}:2376\r\n"
	                           "node.n2 = none\n"
	                           "node.a.b-c = tcp://x:1\n"
	                           "[agent]\n"
	                           "mode = auto\n"
	                           "sample-every = 2s\n"
	                           "decide-every: 10s\n"
	                           "[moves]\n"
	                           "deadline = 30s\n"
	                           "min-gain = 12.5 %\n"
	                           "sustain = 0\n"
	                           "[power]\n"
	                           "node.n2.idle-watts = 40\n"
	                           "may-sleep = yes\n"
	                           "[policy]\n"
	                           "algorithm = spread\n"
	                           "explore = off"; /* no newline at the end */
	struct error err = {0};
	_cleanup_(config_freep) struct config *c = parse(text, &err);

	(void) state;
	assert_string_equal(err.text, "");
	assert_non_null(c);
	assert_string_equal(c->docker_host, "tcp://10.0.0.1:2375");
	assert_string_equal(c->tls_ca, "/etc/ca.pem");
	assert_string_equal(c->endpoint_template, "https://{addr}:2376");
	assert_int_equal(config_mode(c), ACT_AUTO);
	assert_int_equal(c->sample_every_ms, 2000);
	assert_int_equal(c->decide_every_ms, 10000);
	assert_int_equal(c->deadline_ms, 30000);
	assert_true(fabs(c->min_gain - 0.125) < 1e-12);
	assert_int_equal(c->sustain_ms, 0);
	assert_int_equal(c->algorithm, ALGORITHM_SPREAD);
	assert_false(c->explore);
	assert_true(c->may_sleep);
	assert_int_equal(c->n_nodes, 2);
	assert_string_equal(config_node(c, "n2")->endpoint, "none");
	assert_true(config_node(c, "n2")->idle_watts == 40);
	assert_true(isnan(config_node(c, "n2")->max_watts));
	assert_string_equal(config_node(c, "a.b-c")->endpoint, "tcp://x:1");
	assert_null(config_node(c, "a.b"));
	assert_null(config_node(c, "n22"));
	assert_true(config_bounds(c).min_gain == c->min_gain);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {"[agent]\nsampl-every = 1s\n",
	     "f:2: unknown key 'sampl-every' in [agent]: did you mean 'sample-every'?"},
	    {"[agnet]\nmode = auto\n", "f:2: unknown section [agnet]: did you mean [agent]?"},
	    {"[moves]\nmode = auto\n",
	     "f:2: unknown key 'mode' in [moves]: it belongs into [agent]"},
	    {"mode = auto\n",
	     "f:1: 'mode' stands before any [section]: put it below one, such as [agent]"},
	    {"[agent]\nzzzzzz = 1\n", "forager config show"},
	    {"[agent]\nmode = Auto\n", "f:2: mode = 'Auto': expected observe, recommend or auto"},
	    {"[agent]\n\n\nsample-every = 15\n\nsample-every = 16\n",
	     "f:6: 'sample-every' is given twice"},
	    {"[agent]\nsample-every = soon\n", "expected a duration"},
	    {"[agent]\nsample-every = 6m\n", "from 1s to 5m"},
	    {"[agent]\nsample-every = -1s\n", "expected a duration"},
	    {"[agent]\nsample-every =\n", "expected a duration"},
	    {"[moves]\nmin-gain = 10\n", "expected a percentage"},
	    {"[moves]\nmin-gain = nan%\n", "expected a percentage"},
	    {"[moves]\nrelief-line = 101%\n", "from 10% to 100%"},
	    {"[moves]\nper-hour = 4.5\n", "expected a whole number"},
	    {"[moves]\nper-hour = 99999999999999999999\n", "expected a whole number"},
	    {"[moves]\ndeadline = never\n", "or auto"},
	    {"[objective]\nenergy = inf\n", "expected a number"},
	    {"[objective]\nenergy = 0x1\n", "expected a number"},
	    {"[policy]\nexplore = maybe\n", "expected on or off"},
	    {"[moves]\nsettle = hold\n", "f:2: [moves] settle = hold is not in this version"},
	    {"[policy]\nalgorithm = tabular\n",
	     "f:2: [policy] algorithm = tabular is not in this version"},
	    {"[agent]\nnonsense\n", "f:2: neither a [section], nor a key = value, nor a # comment"},
	    {"[agent\nmode = auto\n", "f:1: the [section] does not end with ]"},
	    {"[agent]\nstate-dir = var\n", "an absolute path is needed"},
	    {"[docker]\ntls-cert = /a\n", "tls-key is missing"},
	    {"[agent]\nsample-every = 1m\ndecide-every = 30s\n", "decide-every must be at least"},
	    {"[endpoint]\ntemplate = tcp://{ip}:1\n", "only {addr}, {hostname} and {id}"},
	    {"[endpoint]\ntemplate = tcp://host:1\n", "the same engine for every node"},
	    {"[endpoint]\nnode.a b = none\n", "no host name"},
	    {"[endpoint]\nnode. = none\n", "unknown key"},
	    {"[power]\nidle-watts = 300\n", "is more than max-watts"},
	    {"[power]\nnode.x.idle-watts = 151\n", "node 'x' would draw more"},
	    {"[storage]\nretention-5m = 1h\n", "must not decrease"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		if (parse(cases[i].text, &err) != NULL)
			fail_msg("case %zu was accepted", i);
		assert_int_equal(err.code, -EINVAL);
		assert_has(err.text, cases[i].says);
	}
}

/* Debian's libinih cuts lines: one that just fits is read whole, one more character is refused. */
static void
test_long_lines(void **state)
{
	char text[512], value[400];
	size_t fits = 0;

	(void) state;
	for (size_t n = 100; n < 180; n++) {
		struct error err = {0};
		struct config *c;

		memset(value, 'a', n);
		value[0] = '/';
		value[n] = '\0';
		(void) snprintf(text, sizeof(text), "[agent]\nstate-dir = %s\n", value);
		c = parse(text, &err);
		assert_non_null(c);
		assert_string_equal(c->state_dir, value);
		config_free(c);
		fits = n;
	}
	assert_true(fits == 179);
	for (size_t n = 181; n < 390; n++) {
		struct error err = {0};

		memset(value, 'a', n);
		value[0] = '/';
		value[n] = '\0';
		(void) snprintf(text, sizeof(text), "[agent]\nstate-dir = %s\n", value);
		assert_null(parse(text, &err));
		assert_has(err.text, "f:2: ");
	}
	/* A long comment is cut as well, and what is left of it would be read as a key. */
	memset(text, 'x', sizeof(text));
	text[0] = '#';
	text[400] = '\0';
	{
		struct error err = {0};

		assert_null(parse(text, &err));
		assert_has(err.text, "longer than the");
	}
}

static void
write_file(const char *dir, const char *name, const char *text)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
in_temp_dir(void **state)
{
	char *dir = xstrdup("/tmp/forager-test-config-XXXXXX");

	*state = mkdtemp(dir);
	return *state == NULL;
}

static int
remove_temp_dir(void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -r '%s'", (char *) *state);

	free(*state);
	return system(command);
}

static void
test_files_in_order(void **state)
{
	const char *dir = *state;
	_cleanup_(freep) char *path = xasprintf("%s/main.conf", dir);
	_cleanup_(freep) char *folder = xasprintf("%s/conf.d", dir);
	_cleanup_(config_freep) struct config *c = NULL;
	struct error err = {0};

	write_file(dir, "main.conf", "[agent]\nsample-every = 1s\nmode = recommend\n");
	assert_int_equal(mkdir(folder, 0700), 0);
	write_file(folder, "20-b.conf", "[agent]\nsample-every = 3s\n");
	write_file(folder, "10-a.conf", "[agent]\nsample-every = 2s\nper-node = 1\n");
	write_file(folder, "notes.txt", "not read");
	write_file(folder, ".hidden.conf", "not read");

	assert_int_equal(config_load(path, &c, &err), -EINVAL);
	assert_has(err.text, "conf.d/10-a.conf:3: unknown key 'per-node'");
	assert_null(c);

	error_clear(&err);
	write_file(folder, "10-a.conf", "[agent]\nsample-every = 2s\nrequest-poll = 1s\n");
	assert_int_equal(config_load(path, &c, &err), 0);
	assert_int_equal(c->sample_every_ms, 3000);
	assert_int_equal(c->request_poll_ms, 1000);
	assert_int_equal(config_mode(c), ACT_RECOMMEND);
}

static void
test_unreadable_files(void **state)
{
	const char *dir = *state;
	_cleanup_(freep) char *path = xasprintf("%s/none.conf", dir);
	struct config *c = NULL;
	struct error err = {0};
	FILE *f;

	assert_int_equal(config_load(path, &c, &err), -ENOENT);
	assert_has(err.text, path);
	error_clear(&err);
	assert_int_equal(config_load(dir, &c, &err), -EINVAL);
	assert_has(err.text, "is not a file");

	error_clear(&err);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite("[agent]\n\0x", 1, 10, f), 10);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(config_load(path, &c, &err), -EINVAL);
	assert_has(err.text, "NUL");

	error_clear(&err);
	assert_int_equal(truncate(path, 2 << 20), 0);
	assert_int_equal(config_load(path, &c, &err), -EFBIG);
	assert_null(c);
}

struct seen {
	size_t n;
	char host_source[300], poll_source[32], node[64];
};

static void
see_line(void *data, const struct config_line *line)
{
	struct seen *seen = data;

	seen->n++;
	assert_non_null(line->value);
	assert_non_null(line->unit);
	if (streq(line->section, "docker") && streq(line->name, "host"))
		(void) str_copy(seen->host_source, sizeof(seen->host_source), line->source);
	if (streq(line->name, "request-poll"))
		(void) str_copy(seen->poll_source, sizeof(seen->poll_source), line->source);
	if (str_has_prefix(line->name, "node."))
		(void) snprintf(seen->node, sizeof(seen->node), "%s=%s", line->name, line->value);
}

static void
test_show_names_the_source(void **state)
{
	struct error err = {0};
	_cleanup_(config_freep) struct config *c =
	    parse("[docker]\nhost = tcp://a:1\n[endpoint]\nnode.n1 = tcp://b:1\n", &err);
	struct seen seen = {0};
	size_t wild = 0;

	(void) state;
	assert_non_null(c);
	for (size_t i = 0; i < option_table_n; i++)
		wild += option_is_wild(&option_table[i]);
	config_each(c, see_line, &seen);
	assert_int_equal(seen.n, option_table_n - wild + 1);
	assert_string_equal(seen.host_source, "f:2");
	assert_string_equal(seen.poll_source, "default");
	assert_string_equal(seen.node, "node.n1=tcp://b:1");

	assert_int_equal(config_set(c, "docker", "host", "unix:///x", "--docker-host", &err), 0);
	config_each(c, see_line, &seen);
	assert_string_equal(seen.host_source, "--docker-host");
	assert_int_equal(config_set(c, "docker", "host", "", "--docker-host", &err), -EINVAL);
	assert_has(err.text, "--docker-host: host:");
}

static void
show_again(void *data, const struct config_line *line)
{
	struct config *again = data;
	struct error err = {0};

	if (!streq(line->source, "default") &&
	    config_set(again, line->section, line->name, line->value, "shown", &err) < 0)
		fail_msg("%s", err.text);
}

/* What is shown is what holds, to the last bit, and no longer than it must be. */
static void
test_what_is_shown_reads_back_exactly(void **state)
{
	static const char *const values[] = {"10",    "0.1",    "33.333333333333336", "29",
	                                     "12.30", "0.0625", "66.66666666666667",  "99.9"};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_(freep) char *text = xasprintf(
		    "[policy]\nseed = 1000000\n[moves]\nmin-gain = %s%%\n[power]\nmax-watts = 9%s\n"
		    "node.n1.idle-watts = %s\n",
		    values[i], values[i], values[i]);
		struct error err = {0};
		_cleanup_(config_freep) struct config *c = parse(text, &err), *again = config_new();

		if (c == NULL)
			fail_msg("%s", err.text);
		config_each(c, show_again, again);
		assert_int_equal(again->seed, 1000000);
		assert_memory_equal(&again->min_gain, &c->min_gain, sizeof(double));
		assert_memory_equal(&again->max_watts, &c->max_watts, sizeof(double));
		assert_memory_equal(&again->nodes[0].idle_watts, &c->nodes[0].idle_watts,
		                    sizeof(double));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults_are_the_design),
	    cmocka_unit_test(test_every_default_round_trips),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_long_lines),
	    cmocka_unit_test(test_show_names_the_source),
	    cmocka_unit_test(test_what_is_shown_reads_back_exactly),
	    cmocka_unit_test_setup_teardown(test_files_in_order, in_temp_dir, remove_temp_dir),
	    cmocka_unit_test_setup_teardown(test_unreadable_files, in_temp_dir, remove_temp_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
