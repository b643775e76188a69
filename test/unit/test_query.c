/* Reading: who gets in, what is refused, and the three questions that people ask. */
#include "test/unit/store_fixture.h"

#include <grp.h>
#include <signal.h>

#include "storage/query.h"

#define T0         1700000000000LL
#define READER_UID 54321
#define READER_GID 54322

static int
join_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	char *text = data;

	(void) names;
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(text);
		const struct query_value *v = &values[i];
		const char *end = i + 1 < n ? "|" : ";";

		if (v->type == QUERY_NULL)
			(void) snprintf(text + used, 200, "NULL%s", end);
		else if (v->type == QUERY_INTEGER)
			(void) snprintf(text + used, 200, "%lld%s", (long long) v->integer, end);
		else if (v->type == QUERY_REAL)
			(void) snprintf(text + used, 200, "%.6g%s", v->real, end);
		else
			(void) snprintf(text + used, 200, "%.*s%s", (int) v->size, v->text, end);
	}
	return 0;
}

static void
check_rows(struct query *q, const char *sql, const char *expected)
{
	char text[4096] = "";

	assert_ok(query_each(q, sql, NULL, 0, join_row, text, err));
	if (strcmp(text, expected) != 0)
		fail_msg("%s: '%s' instead of '%s'", sql, text, expected);
}

static struct query *
open_query(const struct fixture *f)
{
	struct query *q = NULL;

	assert_ok(query_open(f->path, 0, &q, err));
	return q;
}

/* ---- statements ---- */

static void
gives_values_with_types(void **state)
{
	struct fixture *f = *state;
	const struct query_value bind[] = {QUERY_INT(7),
	                                   QUERY_STR("it's"),
	                                   QUERY_STR(NULL),
	                                   {.type = QUERY_REAL, .real = .5},
	                                   {.type = QUERY_BLOB, .text = "a\0b", .size = 3}};
	struct query *q = open_query(f);
	char text[1024] = "", *s = NULL;
	int64_t v = 0;

	assert_ok(
	    query_each(q, "SELECT ?1 + 1, ?2, ?3, ?4, length(?5)", bind, 5, join_row, text, err));
	assert_string_equal(text, "8|it's|NULL|0.5|3;");
	check_rows(q, "SELECT 1 WHERE 0", "");
	check_rows(q, "SELECT 1; -- and a comment\n ;", "1;");
	check_rows(q, "VALUES (1), (2)", "1;2;");
	assert_int_equal(query_int(q, "SELECT 3", NULL, 0, &v, NULL), 1);
	assert_true(v == 3);
	assert_int_equal(query_int(q, "SELECT NULL", NULL, 0, &v, NULL), 0);
	assert_int_equal(query_int(q, "SELECT 1 WHERE 0", NULL, 0, &v, NULL), 0);
	assert_int_equal(query_text(q, "SELECT 'x'", NULL, 0, &s, NULL), 1);
	assert_string_equal(s, "x");
	free(s);
	assert_int_equal(query_text(q, "SELECT 1", NULL, 0, &s, NULL), -EINVAL);
	assert_ok(query_each(q, "SELECT 1", NULL, 0, NULL, NULL, err));
	query_close(q);
	query_close(NULL);
}

static int
stop_at_two(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	(void) data;
	(void) n;
	(void) names;
	return values[0].integer == 2 ? -ECANCELED : 0;
}

static int
join_names(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	char *text = data;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(values[i].type, QUERY_NULL);
		(void) snprintf(text + strlen(text), 64, "%s ", names[i]);
	}
	return 0;
}

static void
callbacks_may_stop(void **state)
{
	struct fixture *f = *state;
	struct query *q = open_query(f);
	char text[256] = "";

	assert_int_equal(query_each(q, "VALUES (1), (2), (3)", NULL, 0, stop_at_two, NULL, NULL),
	                 -ECANCELED);
	assert_ok(query_columns(q, "SELECT 1 AS one, since_ms FROM pause", join_names, text, err));
	assert_string_equal(text, "one since_ms ");
	query_close(q);
}

static void
refuses_everything_else(void **state)
{
	static const struct {
		const char *sql;
		int errnum;
		const char *part;
	} cases[] = {
	    {"", EINVAL, "empty"},
	    {" -- nothing", EINVAL, "empty"},
	    {"SELEC 1", EINVAL, "syntax"},
	    {"SELECT nonsense FROM node", EINVAL, "nonsense"},
	    {"SELECT 1; SELECT 2", EINVAL, "one statement"},
	    {"SELECT 1; garbage", EINVAL, "one statement"},
	    {"SELECT ?1", EINVAL, "1 parameters, 0 were given"},
	    {"DELETE FROM move", EPERM, "only reading"},
	    {"INSERT INTO meta VALUES ('a', 'b')", EPERM, "only reading"},
	    {"UPDATE pause SET since_ms = 1", EPERM, "only reading"},
	    {"DROP TABLE move", EPERM, "only reading"},
	    {"CREATE TABLE x (y)", EPERM, "only reading"},
	    {"CREATE TEMP TABLE x (y)", EPERM, "only reading"},
	    {"ATTACH '/etc/passwd' AS p", EPERM, "only reading"},
	    {"VACUUM INTO '/tmp/forager-should-not-exist'", EPERM, "only reading"},
	    {"BEGIN", EPERM, "only reading"},
	    {"PRAGMA query_only = 0", EPERM, "only reading"},
	    {"PRAGMA journal_mode = DELETE", EPERM, "only reading"},
	    {"PRAGMA wal_checkpoint", EPERM, "only reading"},
	    {"PRAGMA user_version = 5", EPERM, "only reading"},
	    {"SELECT load_extension('x')", EPERM, "only reading"},
	    {"SELECT zeroblob(100000000)", E2BIG, "too big"},
	    {"REINDEX", EPERM, "only reading"},
	    {"ANALYZE", EPERM, "only reading"},
	};
	struct fixture *f = *state;
	struct query *q = open_query(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		int r = query_each(q, cases[i].sql, NULL, 0, NULL, NULL, &err);

		if (r != -cases[i].errnum || strstr(err.text, cases[i].part) == NULL)
			fail_msg("'%s': %d '%s'", cases[i].sql, r, err.text);
	}
	check_rows(q, "PRAGMA user_version", "3;");
	check_rows(q, "SELECT value FROM json_each('[4,5]')", "4;5;");
	check_rows(q, "SELECT name FROM pragma_table_info('pause') LIMIT 2", "one;who;");
	query_close(q);
}

static void
stops_long_runs(void **state)
{
	struct fixture *f = *state;
	struct query *q = NULL;

	assert_ok(query_open(f->path, 20, &q, err));
	assert_refused(query_each(q,
	                          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
	                          "n) SELECT max(i) FROM n",
	                          NULL, 0, NULL, NULL, err),
	               ETIMEDOUT, "ask for less");
	check_rows(q, "SELECT 1", "1;");
	query_close(q);
}

/* ---- who gets in ---- */

static void
says_why_it_cannot_open(void **state)
{
	struct fixture *f = *state;
	struct query *q = NULL;
	FILE *file;

	assert_refused(query_open(f->path, 0, &q, err), ENOENT, "start foragerd");
	assert_refused(query_open(f->dir, 0, &q, err), EINVAL, "not a database file");
	file = fopen(f->path, "we");
	assert_refused(query_open(f->path, 0, &q, err), EPROTONOSUPPORT, "is empty");
	for (int i = 0; i < 200; i++)
		(void) fputs("this is not a database\n", file);
	(void) fclose(file);
	assert_refused(query_open(f->path, 0, &q, err), EUCLEAN, "not a database");
	assert_int_equal(unlink(f->path), 0);
	fixture_plain(f, "CREATE TABLE x (y)");
	assert_refused(query_open(f->path, 0, &q, err), EPROTONOSUPPORT, "another program's");
	assert_int_equal(unlink(f->path), 0);
	fixture_open(f);
	fixture_close(f);
	fixture_plain(f, "PRAGMA user_version = 99");
	assert_refused(query_open(f->path, 0, &q, err), EPROTONOSUPPORT, "newer forager");
	assert_null(q);
}

static void
reads_strange_paths(void **state)
{
	struct fixture *f = *state, g = {0};
	struct query *q;
	char log[128];

	(void) snprintf(g.path, sizeof(g.path), "%s/a?b#c%%d.db", f->dir);
	fixture_open(&g);
	fixture_close(&g);
	fixture_plain(&g, "SELECT * FROM meta"); /* removes the log */
	(void) snprintf(log, sizeof(log), "%s-wal", g.path);
	assert_int_equal(access(log, F_OK), -1);
	q = open_query(&g);
	check_rows(q, "SELECT count(*) FROM v_nodes", "0;");
	query_close(q);
}

enum writer { RUNNING, IN_CYCLE, STOPPED, CRASHED, LOG_GONE, INDEX_GONE, NO_GROUP, CLOSED_DIR };

/* In the reader's process: gives an errno, or 0 when it saw what was committed. */
static int
read_as_member(const struct fixture *f)
{
	struct error err = {0};
	struct query *q = NULL;
	char *value = NULL;
	int r;

	r = query_open(f->path, 0, &q, &err);
	if (r == 0)
		r = query_text(q, "SELECT value FROM meta WHERE key = 'seen'", NULL, 0, &value,
		               &err);
	query_close(q);
	if (r < 0)
		(void) fprintf(stderr, "# %s\n", err.text);
	if (r == 1)
		r = streq(value, "yes") ? 0 : -EILSEQ;
	else if (r == 0)
		r = -ENODATA;
	free(value);
	return -r;
}

/* The writer lives in a process of its own, as foragerd does: it says when it is ready, and ends
 * as it is told, or is killed. */
static int
write_and_wait(const struct fixture *f, enum writer how, int ready, int stop)
{
	struct error err = {0};
	struct store *s = NULL;
	char c = 'r';
	int r = store_open(f->path, &s, &err);

	if (r == 0)
		r = store_put_meta(s, "seen", "yes", &err);
	if (r == 0 && how == IN_CYCLE)
		r = store_wal_checkpoint(s, true, &err);
	if (r == 0 && how == IN_CYCLE)
		r = store_begin(s, &err);
	if (r == 0 && how == IN_CYCLE)
		r = store_put_meta(s, "seen", "not yet committed", &err);
	if (how == STOPPED || how == LOG_GONE || how == NO_GROUP || how == CLOSED_DIR)
		store_close(s);
	if (r < 0 || write(ready, &c, 1) != 1)
		return 1;
	if (how == RUNNING || how == IN_CYCLE)
		r = (int) read(stop, &c, 1);
	_exit(0); /* without closing */
}

static void
prepare_files(const struct fixture *f, enum writer how)
{
	char log[128];

	if (how == LOG_GONE)
		fixture_plain(f, "SELECT count(*) FROM meta");
	if (how == INDEX_GONE) {
		(void) snprintf(log, sizeof(log), "%s-shm", f->path);
		assert_int_equal(unlink(log), 0);
	}
	if (how == NO_GROUP)
		assert_int_equal(chown(f->path, 0, 0), 0);
	if (how == CLOSED_DIR)
		assert_int_equal(chmod(f->dir, 0700), 0);
}

/* 0: a member of the group reads it; else the errno of the refusal. */
static int
try_reading(struct fixture *f, enum writer how)
{
	int ready[2], stop[2], status = 0;
	pid_t writer, reader;
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		(void) close(stop[1]);
		_exit(write_and_wait(f, how, ready[1], stop[0]));
	}
	(void) close(ready[1]);
	(void) close(stop[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	if (how != RUNNING && how != IN_CYCLE)
		assert_int_equal(waitpid(writer, &status, 0), writer);
	prepare_files(f, how);
	reader = fork();
	assert_true(reader >= 0);
	if (reader == 0) {
		if (setgroups(0, NULL) < 0 || setgid(READER_GID) < 0 || setuid(READER_UID) < 0)
			_exit(FIXTURE_SKIPPED);
		_exit(read_as_member(f));
	}
	assert_int_equal(waitpid(reader, &status, 0), reader);
	(void) close(stop[1]);
	(void) close(ready[0]);
	if (how == RUNNING || how == IN_CYCLE)
		assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
members_of_the_group_read(void **state)
{
	static const struct {
		enum writer how;
		int errnum;
	} cases[] = {{RUNNING, 0},  {IN_CYCLE, 0},        {STOPPED, 0},       {CRASHED, 0},
	             {LOG_GONE, 0}, {INDEX_GONE, EACCES}, {NO_GROUP, EACCES}, {CLOSED_DIR, EACCES}};
	struct fixture *f = *state;

	if (geteuid() != 0) {
		print_message("only root can become someone else\n");
		skip();
	}
	assert_int_equal(chown(f->dir, 0, READER_GID), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		assert_int_equal(chmod(f->dir, 0750), 0);
		fixture_open(f);
		assert_ok(store_put_meta(f->store, "seen", "no", err));
		fixture_close(f);
		assert_int_equal(chown(f->path, 0, READER_GID), 0);
		r = try_reading(f, cases[i].how);
		if (r != cases[i].errnum)
			fail_msg("case %d: %s", (int) cases[i].how, strerror(r));
	}
}

/* ---- what people ask ---- */

static void
put_world(struct fixture *f)
{
	static const struct node_row nodes[] = {
	    {.id = "n1",
	     .hostname = "alpha",
	     .usable_cores = 2,
	     .capacity_mem_bytes = 1000,
	     .source = "unix",
	     .seen_ms = T0},
	    {.id = "n2",
	     .hostname = "beta",
	     .usable_cores = 4,
	     .capacity_mem_bytes = 1000,
	     .source = "tcp",
	     .seen_ms = T0},
	    {.id = "n3", .hostname = "gamma", .usable_cores = 4, .seen_ms = T0},
	};
	static const struct node_load_row loads[] = {
	    {.node_id = "n1", .at_ms = T0 - 1, .cpu_cores = .1, .mem_bytes = 1},
	    {.node_id = "n1", .at_ms = T0, .cpu_cores = 1.8, .mem_bytes = 500, .n_tasks = 3},
	    {.node_id = "n2", .at_ms = T0, .cpu_cores = 2, .mem_bytes = 100, .n_tasks = 1},
	    {.node_id = "n3", .at_ms = T0, .cpu_cores = NAN, .mem_bytes = NAN, .n_tasks = 1},
	};
	static const struct service_row services[] = {
	    {.id = "s1",
	     .name = "web",
	     .replicas = 2,
	     .reserve_cpu_nano = 1000000000,
	     .reserve_mem_bytes = 400,
	     .seen_ms = T0},
	    {.id = "s2", .name = "loop", .replicas = 1, .seen_ms = T0},
	    {.id = "s3",
	     .name = "tight",
	     .replicas = 1,
	     .reserve_cpu_nano = 100000000,
	     .seen_ms = T0},
	};
	static const struct container_row containers[] = {
	    {.id = "c1",
	     .name = "web.1",
	     .service_id = "s1",
	     .node_id = "n1",
	     .slot = 1,
	     .seen_ms = T0},
	    {.id = "c2",
	     .name = "web.2",
	     .service_id = "s1",
	     .node_id = "n2",
	     .slot = 2,
	     .seen_ms = T0},
	    {.id = "c3", .service_id = "s2", .node_id = "n1", .slot = 1, .seen_ms = T0},
	    {.id = "c4", .name = "by-hand", .node_id = "n1", .seen_ms = T0},
	    {.id = "c5", .service_id = "s2", .node_id = "n1", .seen_ms = T0 - 100},
	};
	static const struct profile_row profiles[] = {
	    {.kind = PROFILE_CONTAINER,
	     .id = "c1",
	     .cpu_now_cores = .3,
	     .burst_ratio = 5,
	     .cpu_p95_cores = .5,
	     .behaviour = BEHAVIOUR_BURSTY,
	     .throttled_ratio = .25},
	    {.kind = PROFILE_CONTAINER,
	     .id = "c2",
	     .cpu_now_cores = .3,
	     .burst_ratio = 1.5,
	     .behaviour = BEHAVIOUR_STEADY},
	    {.kind = PROFILE_CONTAINER, .id = "c3", .cpu_now_cores = 1.25, .burst_ratio = 1},
	    {.kind = PROFILE_CONTAINER,
	     .id = "c4",
	     .cpu_now_cores = NAN,
	     .cpu_mean_cores = .05,
	     .burst_ratio = 9,
	     .cpu_p95_cores = .2},
	    {.kind = PROFILE_CONTAINER,
	     .id = "c5",
	     .cpu_now_cores = 9,
	     .burst_ratio = 9,
	     .behaviour = BEHAVIOUR_BURSTY},
	    {.kind = PROFILE_SERVICE, .id = "s1", .cpu_p95_cores = .2, .mem_p95_bytes = 500},
	    {.kind = PROFILE_SERVICE, .id = "s2", .cpu_p95_cores = 1, .mem_p95_bytes = 1},
	    {.kind = PROFILE_SERVICE, .id = "s3", .cpu_p95_cores = .2, .mem_p95_bytes = 1},
	};

	assert_ok(store_put_nodes(f->store, nodes, ARRAY_SIZE(nodes), err));
	assert_ok(store_put_node_loads(f->store, loads, ARRAY_SIZE(loads), err));
	assert_ok(store_put_services(f->store, services, ARRAY_SIZE(services), err));
	assert_ok(store_put_containers(f->store, containers, ARRAY_SIZE(containers), err));
	assert_ok(store_put_profiles(f->store, profiles, ARRAY_SIZE(profiles), err));
	assert_ok(store_mark_gone(f->store, T0 - 50, T0, err));
}

static void
answers_the_three_questions(void **state)
{
	struct fixture *f = *state;
	struct query *q;

	put_world(f);
	q = open_query(f);
	check_rows(q, "SELECT service, slot, node, burst_ratio FROM v_bursty",
	           "by-hand|0|alpha|9;web|1|alpha|5;");
	check_rows(q,
	           "SELECT service, tasks, reserved_cpu_cores, unused_cpu_cores, "
	           "unused_cpu_ratio, unused_mem_bytes FROM v_waste",
	           "web|2|2|1.6|0.8|0;");
	check_rows(q, "SELECT node, cpu_load_ratio, mem_load_ratio, because FROM v_hot",
	           "alpha|0.9|0.5|loop 1.25 cores, web 0.30 cores (throttled 25%), by-hand 0.05 "
	           "cores;beta|0.5|0.1|web 0.30 cores;");
	query_close(q);
}

static void
shows_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct query *q;

	put_world(f);
	q = open_query(f);
	check_rows(q, "SELECT node, cpu_cores, blind, at_utc FROM v_nodes ORDER BY node",
	           "alpha|1.8|0|2023-11-14 22:13:20;beta|2|0|2023-11-14 22:13:20;"
	           "gamma|NULL|1|2023-11-14 22:13:20;");
	check_rows(q,
	           "SELECT service, n_running, nodes, reserved_cpu_cores_per_task FROM "
	           "v_services ORDER BY service",
	           "loop|1|alpha|0;tight|0|NULL|0.1;web|2|alpha beta|1;");
	check_rows(q, "SELECT count(*) FROM v_profiles", "4;");
	check_rows(q,
	           "SELECT group_concat(service) FROM (SELECT service FROM v_service_profiles "
	           "WHERE NOT gone ORDER BY 1)",
	           "loop,tight,web;");
	check_rows(q, "SELECT count(*) FROM v_node_loads WHERE node = 'alpha'", "2;");
	query_close(q);
}

/* A long reader sees one moment, and does not hold the writer up. */
static int
write_between(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct fixture *f = data;
	const struct node_row row = {.id = "n9", .seen_ms = T0};
	struct error err = {0};

	(void) n;
	(void) names;
	(void) values;
	return store_put_nodes(f->store, &row, 1, &err);
}

static void
readers_and_the_writer_do_not_meet(void **state)
{
	struct fixture *f = *state;
	struct query *q;

	put_world(f);
	q = open_query(f);
	assert_ok(query_each(q, "SELECT id FROM node", NULL, 0, write_between, f, err));
	check_rows(q, "SELECT count(*) FROM node", "4;");
	query_close(q);
}

int
main(void)
{
#define NEW(t)  cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define OPEN(t) cmocka_unit_test_setup_teardown(t, fixture_open_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    OPEN(gives_values_with_types),  OPEN(callbacks_may_stop),
	    OPEN(refuses_everything_else),  OPEN(stops_long_runs),
	    NEW(says_why_it_cannot_open),   NEW(reads_strange_paths),
	    NEW(members_of_the_group_read), OPEN(answers_the_three_questions),
	    OPEN(shows_what_is_there),      OPEN(readers_and_the_writer_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
