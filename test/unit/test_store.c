/* The store: what it opens and what it refuses, rows in and out, cycles, rollups. */
#include "storage/query.h"
#include "test/unit/store_fixture.h"

#include <grp.h>

#define T0 1700000000000LL

/* ---- opening ---- */

static void
makes_a_private_file(void **state)
{
	struct fixture *f = *state;
	char name[128];
	struct stat st;

	fixture_open(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	(void) snprintf(name, sizeof(name), "%s-wal", f->path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_value(f, "PRAGMA journal_mode", "wal");
	assert_value(f, "PRAGMA synchronous", "2");
	assert_value(f, "PRAGMA foreign_keys", "1");
	fixture_close(f);
	/* The log outlives a clean end: readers without write permission need it. */
	assert_int_equal(stat(name, &st), 0);
	(void) snprintf(name, sizeof(name), "%s-shm", f->path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
opens_again(void **state)
{
	struct fixture *f = *state;
	int64_t first, second;

	fixture_open(f);
	assert_ok(store_created_ms(f->store, &first, err));
	assert_true(llabs((long long) (wall_ms() - first)) < 60000);
	assert_ok(store_put_meta(f->store, "k", "v", err));
	fixture_close(f);
	fixture_open(f);
	assert_ok(store_created_ms(f->store, &second, err));
	assert_true(first == second);
	assert_value(f, "SELECT value FROM meta WHERE key = 'k'", "v");
}

static void
refuses_bad_places(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	char path[256];

	(void) snprintf(path, sizeof(path), "%s/none/forager.db", f->dir);
	assert_refused(store_open(path, &s, err), ENOENT, "state directory");
	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	assert_refused(store_open(f->path, &s, err), EINVAL, "not a regular file");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_refused(store_open(f->path, &s, err), EINVAL, "not a regular file");
	(void) snprintf(path, sizeof(path), "%s/forager.db/forager.db", f->dir);
	assert_refused(store_open(path, &s, err), ENOTDIR, "state directory");
	assert_null(s);
}

/* Whatever it is, it is still there afterwards, byte by byte, and nothing stands beside it. */
static void
check_left_alone(struct fixture *f, int errnum, const char *part)
{
	size_t before_size, after_size;
	char *before = fixture_bytes(f->path, &before_size), *after;
	struct store *s = NULL;

	assert_refused(store_open(f->path, &s, err), errnum, part);
	assert_null(s);
	after = fixture_bytes(f->path, &after_size);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, before_size);
	free(before);
	free(after);
}

static void
leaves_foreign_files_alone(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "we");

	assert_non_null(file);
	for (int i = 0; i < 500; i++)
		(void) fprintf(file, "this is no database, it is line %d\n", i);
	(void) fclose(file);
	check_left_alone(f, EUCLEAN, "not a database");
	assert_int_equal(unlink(f->path), 0);

	fixture_plain(f, "CREATE TABLE mail (x); INSERT INTO mail VALUES (1)");
	check_left_alone(f, EPROTONOSUPPORT, "another program's");
	fixture_plain(f, "PRAGMA application_id = 77; PRAGMA user_version = 4");
	check_left_alone(f, EPROTONOSUPPORT, "another program's");
	/* In WAL mode too: opening must not even checkpoint it. */
	fixture_plain(f, "PRAGMA journal_mode = WAL; INSERT INTO mail VALUES (2)");
	check_left_alone(f, EPROTONOSUPPORT, "another program's");
}

static void
leaves_newer_ones_alone(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_close(f);
	fixture_plain(f, "PRAGMA user_version = 900; CREATE TABLE future (x)");
	check_left_alone(f, EPROTONOSUPPORT, "newer forager (database version 900");
}

static void
leaves_damaged_ones_alone(void **state)
{
	static const struct {
		const char *table; /* whose first page is overwritten */
		off_t at;          /* within it */
	} cases[] = {{"move", 0}, {"sample", 0}, {"node", 3}, {"sqlite_schema", 100}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char junk[512], page[128], *text;
		off_t at;
		int fd;

		fixture_open(f);
		(void) snprintf(page, sizeof(page),
		                "SELECT coalesce((SELECT rootpage FROM sqlite_schema WHERE name = "
		                "'%s'), 1)",
		                cases[i].table);
		text = fixture_get(f, page);
		at = (atol(text) - 1) * 4096 + cases[i].at;
		free(text);
		assert_ok(store_wal_checkpoint(f->store, true, err));
		fixture_close(f);
		memset(junk, 0xee, sizeof(junk));
		fd = open(f->path, O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
		(void) close(fd);
		check_left_alone(f, EUCLEAN, "damaged");
		assert_int_equal(unlink(f->path), 0);
	}
}

/* SQLite takes an empty file for a new database and throws the log beside it away. */
static void
leaves_a_log_without_its_database_alone(void **state)
{
	struct fixture *f = *state;
	const struct node_row node = {.id = "node1", .hostname = "alpha", .seen_ms = 1};
	_cleanup_(freep) char *log = xasprintf("%s-wal", f->path), *bytes = NULL, *now = NULL;
	size_t size, size_now;
	struct query *q = NULL;
	struct store *s = NULL;
	FILE *file;

	fixture_open(f);
	assert_ok(store_put_nodes(f->store, &node, 1, err));
	bytes = fixture_bytes(log, &size);
	assert_true(size > 0);
	fixture_close(f);
	for (int missing = 0; missing < 2; missing++) {
		file = fopen(log, "we");
		assert_int_equal(fwrite(bytes, 1, size, file), size);
		(void) fclose(file);
		if (missing)
			assert_int_equal(unlink(f->path), 0);
		else
			assert_int_equal(truncate(f->path, 0), 0);
		assert_refused(store_open(f->path, &s, err), EUCLEAN, "-wal");
		assert_refused(query_open(f->path, 0, &q, err), missing ? ENOENT : EUCLEAN, "");
		now = fixture_bytes(log, &size_now);
		assert_int_equal(size_now, size);
		assert_memory_equal(now, bytes, size);
		free(take_ptr(now));
		assert_int_equal(access(f->path, F_OK) == 0, !missing);
	}
	/* An empty log, as a clean stop leaves it, is none. */
	assert_int_equal(truncate(log, 0), 0);
	fixture_open(f);
}

static int
open_as_nobody(const struct fixture *f)
{
	struct error err = {0};
	struct store *s = NULL;
	int r;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return FIXTURE_SKIPPED;
	r = store_open(f->path, &s, &err);
	store_close(s);
	(void) fprintf(stderr, "# %s\n", err.text);
	if (r >= 0 || strstr(err.text, f->dir) == NULL)
		return 1;
	return r == -EACCES && (strstr(err.text, "owner") != NULL) ? 0 : 2;
}

static void
says_when_it_may_not_write(void **state)
{
	struct fixture *f = *state;
	int r;

	if (geteuid() != 0) {
		print_message("only root can become someone else\n");
		skip();
	}
	/* In a directory that is not its own: nothing there, then a database of root's. */
	assert_int_equal(chmod(f->dir, 0755), 0);
	r = fixture_child(open_as_nobody, f);
	assert_int_equal(r, 0);
	fixture_open(f);
	assert_int_equal(chmod(f->path, 0644), 0);
	r = fixture_child(open_as_nobody, f);
	assert_int_equal(r, 0);
	assert_int_equal(chmod(f->path, 0600), 0);
	r = fixture_child(open_as_nobody, f);
	assert_int_equal(r, 0);
}

static void
says_when_the_disk_is_full(void **state)
{
	struct fixture *f = *state;
	struct event_row row = {.at_ms = T0, .kind = "x"};
	char *text = xcalloc(1, 100001);

	memset(text, 'x', 100000);
	row.text = text;
	assert_ok(sql_exec(f->store->sql.db, "PRAGMA max_page_count = 1", err));
	assert_refused(store_put_event(f->store, &row, err), ENOSPC, "free some space");
	/* In a cycle: SQLite may have rolled it back, and the commit says so. */
	assert_ok(store_begin(f->store, err));
	assert_refused(store_put_event(f->store, &row, err), ENOSPC, "free some space");
	store_rollback(f->store);
	assert_ok(sql_exec(f->store->sql.db, "PRAGMA max_page_count = 100000", err));
	assert_ok(store_put_event(f->store, &row, err));
	assert_value(f, "SELECT count(*) FROM event", "1");
	free(text);
}

/* ---- rows ---- */

static const struct profile_row profile_nothing = {.kind = PROFILE_SERVICE,
                                                   .id = "s1",
                                                   .image = NULL,
                                                   .cpu_mean_cores = NAN,
                                                   .behaviour = BEHAVIOUR_UNKNOWN};

static void
keeps_first_seen(void **state)
{
	struct fixture *f = *state;
	struct node_row n = {.id = "n1", .hostname = "alpha", .seen_ms = T0, .usable_cores = NAN};
	struct service_row s = {.id = "s1", .name = "web", .seen_ms = T0};
	struct container_row c = {.id = "c1", .service_id = "s1", .node_id = "n1", .seen_ms = T0};

	assert_ok(store_put_nodes(f->store, &n, 1, err));
	assert_ok(store_put_services(f->store, &s, 1, err));
	assert_ok(store_put_containers(f->store, &c, 1, err));
	assert_value(f, "SELECT usable_cores FROM node", "NULL");
	assert_ok(store_mark_gone(f->store, T0 + 1, T0 + 2, err));
	assert_value(f, "SELECT gone_ms - 1700000000000 FROM node", "2");
	assert_value(f, "SELECT gone_ms - 1700000000000 FROM service", "2");
	assert_value(f, "SELECT gone_ms - 1700000000000 FROM container", "2");
	assert_value(f, "SELECT count(*) FROM v_nodes", "0");
	n.seen_ms = s.seen_ms = c.seen_ms = T0 + 9;
	n.hostname = "beta";
	assert_ok(store_put_nodes(f->store, &n, 1, err));
	assert_ok(store_put_services(f->store, &s, 1, err));
	assert_ok(store_put_containers(f->store, &c, 1, err));
	assert_value(f, "SELECT hostname FROM node WHERE gone_ms IS NULL", "beta");
	assert_value(f, "SELECT first_seen_ms - 1700000000000 FROM node", "0");
	assert_value(f, "SELECT seen_ms - first_seen_ms FROM container", "9");
	assert_value(f, "SELECT count(*) FROM v_services WHERE n_running = 1 AND nodes = 'beta'",
	             "1");
	/* Seen exactly then is not gone. */
	assert_ok(store_mark_gone(f->store, T0 + 9, T0 + 10, err));
	assert_value(f, "SELECT count(*) FROM node WHERE gone_ms IS NULL", "1");
}

static void
marks_one_nodes_containers(void **state)
{
	struct fixture *f = *state;
	const struct container_row rows[] = {{.id = "c1", .node_id = "n1", .seen_ms = T0},
	                                     {.id = "c2", .node_id = "n2", .seen_ms = T0},
	                                     {.id = "c3", .seen_ms = T0}};

	assert_ok(store_put_containers(f->store, rows, 3, err));
	assert_ok(store_mark_containers_gone(f->store, "n1", T0 + 1, T0 + 1, err));
	assert_value(f, "SELECT group_concat(id) FROM container WHERE gone_ms IS NOT NULL", "c1");
	assert_ok(store_mark_containers_gone(f->store, NULL, T0 + 1, T0 + 1, err));
	assert_value(f, "SELECT count(*) FROM container WHERE gone_ms IS NOT NULL", "3");
}

/* An engine that never answers must not keep what is known to be gone. */
static void
marks_what_the_swarm_no_longer_has(void **state)
{
	struct fixture *f = *state;
	const struct node_row nodes[] = {{.id = "n1", .seen_ms = T0},
	                                 {.id = "n2", .seen_ms = T0 + 1}};
	const struct service_row s = {.id = "s1", .seen_ms = T0};
	const struct container_row rows[] = {{.id = "c1", .node_id = "n1", .seen_ms = T0},
	                                     {.id = "c2", .node_id = "n2", .seen_ms = T0}};

	assert_ok(store_put_nodes(f->store, nodes, 2, err));
	assert_ok(store_put_services(f->store, &s, 1, err));
	assert_ok(store_put_containers(f->store, rows, 2, err));
	assert_ok(store_mark_swarm_gone(f->store, T0 + 1, T0 + 1, err));
	assert_value(f, "SELECT group_concat(id) FROM node WHERE gone_ms IS NOT NULL", "n1");
	assert_value(f, "SELECT group_concat(id) FROM service WHERE gone_ms IS NOT NULL", "s1");
	assert_value(f, "SELECT group_concat(id) FROM container WHERE gone_ms IS NOT NULL", "c1");
}

static void
takes_samples(void **state)
{
	struct fixture *f = *state;
	struct sample_row rows[] = {
	    {.container_id = "c1",
	     .at_ms = T0,
	     .interval_ms = 10,
	     .cpu_cores = .5,
	     .net_rx_bytes_per_s = NAN,
	     .pids = 3},
	    {.container_id = "c2", .at_ms = T0, .interval_ms = 10, .cpu_cores = INFINITY},
	    {.container_id = "c1", .at_ms = T0, .interval_ms = 10, .cpu_cores = .9},
	    {.container_id = "c1", .at_ms = T0 + 10, .interval_ms = 10, .cpu_cores = .7},
	};

	assert_ok(store_put_samples(f->store, rows, 4, err));
	assert_value(f, "SELECT count(*) FROM sample", "3");
	assert_value(
	    f,
	    "SELECT group_concat(cpu_cores) FROM v_samples WHERE container_id = 'c1' ORDER "
	    "BY at_ms",
	    "0.5,0.7");
	assert_value(f, "SELECT net_rx_bytes_per_s FROM sample WHERE cpu_cores = 0.5", "NULL");
	assert_value(f, "SELECT cpu_cores FROM v_samples WHERE container_id = 'c2'", "NULL");
	rows[3].interval_ms = 0;
	rows[3].at_ms++;
	rows[0].at_ms = T0 + 20;
	assert_refused(store_put_samples(f->store, rows, 4, err), EINVAL, "'c1'");
	assert_value(f, "SELECT count(*) FROM sample", "3");
	assert_ok(store_put_samples(f->store, NULL, 0, err));
}

static int
copy_profile(void *data, const struct profile_row *row)
{
	struct profile_row *to = data;

	*to = *row;
	to->id = xstrdup(row->id);
	to->image = xstrdup(row->image);
	to->state = xstrdup(row->state);
	return 0;
}

static void
profiles_come_back(void **state)
{
	struct fixture *f = *state;
	struct profile_row row = {
	    .kind = PROFILE_CONTAINER,
	    .id = "c1",
	    .image = "img@sha256:0",
	    .cpu_mean_cores = .25,
	    .cpu_p99_cores = 1.0 / 3,
	    .burst_ratio = 4,
	    .mem_peak_bytes = 1e9,
	    .mem_growth_bytes_per_h = -17.5,
	    .startup_ms = NAN,
	    .confidence = .75,
	    .n_samples = 1ULL << 40,
	    .oom_kills = 2,
	    .pids_max = 4000000000U,
	    .restarts = 1,
	    .behaviour = BEHAVIOUR_NETWORK_CHATTY,
	    .first_ms = T0,
	    .last_ms = T0 + 5,
	    .state = "{\"v\":1,\"ä\":\"quote ' and \\\"\"}",
	};
	struct profile_row back = {0};

	assert_ok(store_put_profiles(f->store, &row, 1, err));
	assert_ok(store_load_profiles(f->store, copy_profile, &back, err));
	assert_int_equal(back.kind, PROFILE_CONTAINER);
	assert_string_equal(back.id, "c1");
	assert_string_equal(back.image, "img@sha256:0");
	assert_true(back.cpu_mean_cores == row.cpu_mean_cores);
	assert_true(back.cpu_p99_cores == row.cpu_p99_cores);
	assert_true(back.burst_ratio == 4 && back.mem_peak_bytes == 1e9);
	assert_true(back.mem_growth_bytes_per_h == -17.5);
	assert_true(isnan(back.startup_ms));
	assert_true(back.confidence == .75);
	assert_true(back.n_samples == row.n_samples && back.oom_kills == 2);
	assert_true(back.pids_max == row.pids_max && back.restarts == 1);
	assert_int_equal(back.behaviour, BEHAVIOUR_NETWORK_CHATTY);
	assert_true(back.first_ms == T0 && back.last_ms == T0 + 5);
	assert_string_equal(back.state, row.state);
	free((char *) back.id);
	free((char *) back.image);
	free((char *) back.state);

	/* Without a state the old one stays; a class of another program is only unknown. */
	row.state = NULL;
	row.confidence = .8;
	assert_ok(store_put_profiles(f->store, &row, 1, err));
	assert_ok(sql_exec(f->store->sql.db, "UPDATE profile SET behaviour = 'dancing'", err));
	assert_ok(store_load_profiles(f->store, copy_profile, &back, err));
	assert_true(back.confidence == .8);
	assert_int_equal(back.behaviour, BEHAVIOUR_UNKNOWN);
	assert_non_null(strstr(back.state, "quote"));
	free((char *) back.id);
	free((char *) back.image);
	free((char *) back.state);
}

static int
count_profile(void *data, const struct profile_row *row)
{
	int *n = data;

	(void) row;
	return ++*n == 3 ? -ECANCELED : 0;
}

static void
profiles_of_the_gone_stay_away(void **state)
{
	struct fixture *f = *state;
	const struct container_row c = {.id = "c1", .seen_ms = T0};
	struct profile_row rows[] = {profile_nothing, profile_nothing, profile_nothing};
	int n = 0;

	rows[0].kind = PROFILE_CONTAINER;
	rows[0].id = "c1";
	rows[1].kind = PROFILE_NODE;
	assert_ok(store_put_containers(f->store, &c, 1, err));
	assert_ok(store_put_profiles(f->store, rows, 3, err));
	assert_int_equal(store_load_profiles(f->store, count_profile, &n, NULL), -ECANCELED);
	n = 0;
	assert_ok(store_mark_gone(f->store, T0 + 1, T0 + 1, err));
	assert_ok(store_load_profiles(f->store, count_profile, &n, err));
	assert_int_equal(n, 2);
	/* A name that no table of this program has. */
	rows[0].kind = (enum profile_kind) 17;
	assert_refused(store_put_profiles(f->store, rows, 1, err), EINVAL, "kind");
	rows[0].kind = PROFILE_NODE;
	rows[0].id = NULL;
	assert_refused(store_put_profiles(f->store, rows, 1, err), EINVAL, "profile");
}

static void
weights_are_replaced_as_a_whole(void **state)
{
	struct fixture *f = *state;
	struct weight_row rows[] = {
	    {.algorithm = "linear", .feature = "b", .theta = 2, .prior = .5, .sd = 1},
	    {.algorithm = "linear", .feature = "a", .theta = 3, .prior = 3, .meaning = "why"},
	    {.algorithm = "tabular", .feature = "a"}};

	assert_ok(store_put_weights(f->store, rows, 2, T0, err));
	assert_ok(store_put_weights(f->store, rows + 2, 1, T0, err));
	assert_value(f, "SELECT feature || learnt FROM v_weights", "b1.5");
	assert_ok(store_put_weights(f->store, rows + 1, 1, T0, err));
	assert_value(f, "SELECT group_concat(algorithm || feature) FROM v_weights",
	             "lineara,tabulara");
	assert_refused(store_put_weights(f->store, rows + 1, 2, T0, err), EINVAL, "among those");
	assert_value(f, "SELECT count(*) FROM weight", "2");
}

static void
qvalues_outcomes_events(void **state)
{
	struct fixture *f = *state;
	struct qvalue_row q = {.service_id = "s1",
	                       .node_id = "n1",
	                       .gain = 1,
	                       .sd = NAN,
	                       .verdict = VERDICT_CPU_RESERVATION,
	                       .at_ms = T0};
	const struct outcome_row o = {.decision_id = 99, .gain_seen = 1};
	const struct event_row e = {.at_ms = T0, .kind = "start", .text = "x"};

	assert_ok(store_put_qvalues(f->store, &q, 1, err));
	q.gain = 2;
	assert_ok(store_put_qvalues(f->store, &q, 1, err));
	assert_value(f, "SELECT gain || verdict FROM v_qvalues", "2.0cpu-reservation");
	/* The service has moved to n1 since: what was thought of n1 is no opinion any more. */
	q.node_id = "n2";
	q.at_ms = T0 + 1;
	assert_ok(store_put_qvalues(f->store, &q, 1, err));
	assert_value(f, "SELECT group_concat(node_id) FROM v_qvalues", "n2");
	assert_value(f, "SELECT decision_id FROM qvalue", "NULL");
	assert_refused(store_put_outcome(f->store, &o, err), EINVAL, "outcome");
	assert_ok(store_put_event(f->store, &e, err));
	assert_ok(store_put_event(f->store, &e, err));
	assert_value(f, "SELECT count(*) FROM v_events", "2");
}

static int
list_foreign(void *data, const struct foreign_row *row)
{
	char *text = data;

	(void) snprintf(text + strlen(text), 100, "%s:%llu:%s ", row->service_id,
	                (unsigned long long) row->version, row->what == NULL ? "?" : row->what);
	return 0;
}

static void
newest_foreign_changes(void **state)
{
	struct fixture *f = *state;
	const struct foreign_row rows[] = {
	    {.service_id = "s2", .version = 5, .at_ms = T0, .what = "image"},
	    {.service_id = "s1", .version = 6, .at_ms = T0},
	    {.service_id = "s1", .version = 7, .at_ms = T0, .what = "replicas"},
	    {.service_id = "s3", .version = 1, .at_ms = T0 - 10},
	};
	char text[512] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_ok(store_put_foreign(f->store, &rows[i], err));
	assert_ok(store_load_foreign(f->store, T0, list_foreign, text, err));
	assert_string_equal(text, "s1:7:replicas s2:5:image ");
}

static void
policy_state_by_its_key(void **state)
{
	struct fixture *f = *state;
	struct policy_state_row row = {"linear", 300000, 0xfedcba9876543210ULL, "{\"a\":1}", T0};
	char *json = NULL;

	assert_refused(
	    store_get_policy_state(f->store, "linear", 300000, row.feature_hash, &json, err),
	    ENOENT, "linear");
	assert_int_equal(store_has_policy_state(f->store, "linear", NULL), 0);
	assert_ok(store_put_policy_state(f->store, &row, err));
	assert_int_equal(store_has_policy_state(f->store, "linear", NULL), 1);
	assert_int_equal(store_has_policy_state(f->store, "tabular", NULL), 0);
	row.json = "{\"a\":2}";
	assert_ok(store_put_policy_state(f->store, &row, err));
	assert_ok(store_get_policy_state(f->store, "linear", 300000, row.feature_hash, &json, err));
	assert_string_equal(json, "{\"a\":2}");
	free(json);
	assert_refused(
	    store_get_policy_state(f->store, "linear", 5000, row.feature_hash, &json, err), ENOENT,
	    "step");
	assert_refused(store_get_policy_state(f->store, "linear", 300000, 1, &json, err), ENOENT,
	               "features");
}

static void
pauses(void **state)
{
	struct fixture *f = *state;
	int64_t since = 0;

	assert_int_equal(store_is_paused(f->store, &since, NULL), 0);
	assert_true(since == 0);
	assert_ok(store_pause(f->store, "ann", "deploy", T0, err));
	assert_ok(store_pause(f->store, "bob", NULL, T0 + 1, err));
	assert_int_equal(store_is_paused(f->store, &since, NULL), 1);
	assert_true(since == T0);
	assert_value(f, "SELECT who || reason FROM pause", "bobdeploy");
	assert_ok(store_resume(f->store, err));
	assert_ok(store_resume(f->store, err));
	assert_int_equal(store_is_paused(f->store, NULL, NULL), 0);
}

/* ---- cycles ---- */

static void
a_cycle_is_one_commit(void **state)
{
	struct fixture *f = *state;
	struct event_row good = {.at_ms = T0, .kind = "a"}, bad = {.at_ms = T0};
	struct store *other = NULL;

	assert_ok(store_open(f->path, &other, err));
	assert_refused(store_commit(f->store, err), ECANCELED, "nothing to commit");
	assert_ok(store_begin(f->store, err));
	assert_refused(store_begin(f->store, err), EINVAL, "open already");
	assert_ok(store_put_event(f->store, &good, err));
	/* One that fails leaves the others in place. */
	assert_refused(store_put_event(f->store, &bad, err), EINVAL, "event");
	assert_true(store_in_cycle(f->store));
	assert_int_equal(store_is_paused(other, NULL, NULL), 0);
	{
		struct fixture o = {.store = other};

		assert_value(&o, "SELECT count(*) FROM event", "0");
		assert_ok(store_commit(f->store, err));
		assert_value(&o, "SELECT count(*) FROM event", "1");
	}
	assert_ok(store_begin(f->store, err));
	assert_ok(store_put_event(f->store, &good, err));
	store_rollback(f->store);
	store_rollback(f->store);
	assert_value(f, "SELECT count(*) FROM event", "1");
	store_close(other);
}

/* ---- decisions ---- */

static const char *const basis_names[BASIS_N] = {"f0",  "f1",  "f2",  "f3",  "f4",  "f5",  "f6",
                                                 "f7",  "f8",  "f9",  "f10", "f11", "f12", "f13",
                                                 "f14", "f15", "f16", "f17", "f18", "f19"};

static struct snap_node nodes[] = {{.id = "n1", .hostname = "alpha"},
                                   {.id = "n2", .hostname = "beta"}};
static struct snap_service services[] = {{.id = "s1", .name = "web"}};

static const struct snapshot snapshot = {
    .step_ms = 300000, .nodes = nodes, .n_nodes = 2, .services = services, .n_services = 1};

static const struct candidate shortlist[] = {
    {.action = {.kind = ACTION_STAY, .service = NO_INDEX, .from = NO_INDEX, .to = NO_INDEX}},
    {.action = {.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1, .n_tasks = 2},
     .basis = {[3] = -1.5f, [7] = .25f},
     .contribution = {[3] = 2.5f, [7] = -.5f},
     .move_cost = .5,
     .gain = 1.5,
     .sd = .1},
    {.action = {.kind = ACTION_MOVE, .service = 0, .from = 1, .to = 0},
     .verdict = VERDICT_NOT_FIRST},
};

static const struct execution_row recommended = {EXECUTION_RECOMMENDED, VERDICT_OK, "recommend",
                                                 "docker service update web"};

static struct decision
decision(uint64_t id)
{
	return (struct decision){.id = id,
	                         .rng_seed = UINT64_MAX,
	                         .wall_ms = T0,
	                         .goal = GOAL_RELIEF,
	                         .goal_node = 0,
	                         .algorithm = "linear",
	                         .shortlist = (struct candidate *) shortlist,
	                         .n_shortlist = 3,
	                         .chosen = 1,
	                         .runner_up = 3,
	                         .propensity = .5,
	                         .draws = 256,
	                         .n_considered = 9,
	                         .n_refused = {[VERDICT_NOT_FIRST] = 5, [VERDICT_PINNED] = 2},
	                         .cost_now = 4,
	                         .reason = "alpha is hot"};
}

static void
decisions_explain_themselves(void **state)
{
	struct fixture *f = *state;
	struct decision d = decision(7);
	const struct outcome_row o = {.decision_id = 7, .gain_seen = 1.25, .p95_after_ms = NAN};
	const struct execution_row started = {EXECUTION_STARTED, VERDICT_OK, NULL, NULL};

	assert_ok(store_put_decision(f->store, &d, &snapshot, basis_names, &recommended, err));
	assert_ok(store_put_outcome(f->store, &o, err));
	assert_value(f,
	             "SELECT concat FROM (SELECT service || from_node || to_node || goal || "
	             "goal_node || execution || n_refused || gain || gain_seen AS concat FROM "
	             "v_decisions)",
	             "webalphabetareliefalpharecommended71.51.25");
	assert_value(f, "SELECT runner_up_action FROM v_decisions", "NULL");
	assert_value(f, "SELECT rng_seed FROM decision", "-1");
	assert_value(f,
	             "SELECT group_concat(rank || action || verdict || chosen) FROM v_candidates",
	             "0stayok0,1moveok1,2movenot-first0");
	assert_value(f, "SELECT group_concat(feature || contribution) FROM v_contributions",
	             "f32.5,f7-0.5");
	/* What is printed adds up. */
	assert_value(
	    f, "SELECT count(*) FROM v_candidates WHERE contributions_sum - move_cost <> gain",
	    "0");
	assert_value(f, "SELECT group_concat(verdict || n) FROM v_verdicts", "not-first5,pinned2");
	assert_ok(store_put_execution(f->store, 7, &started, err));
	assert_value(f, "SELECT execution || act || command FROM v_decisions",
	             "startedrecommenddocker service update web");
	assert_refused(store_put_execution(f->store, 8, &started, err), ENOENT, "decision 8");
	assert_refused(store_put_decision(f->store, &d, &snapshot, basis_names, &recommended, err),
	               EEXIST, "stored already");
}

static void
decisions_that_are_not_whole(void **state)
{
	struct fixture *f = *state;
	struct candidate one = shortlist[1];
	struct decision d[7];

	for (size_t i = 0; i < ARRAY_SIZE(d); i++)
		d[i] = decision(i + 1);
	d[0].id = 0;
	d[1].chosen = 3;
	d[2].goal_node = 2;
	d[3].n_shortlist = 0;
	d[4].goal = (enum goal) 40;
	one.action.to = 2;
	d[5].shortlist = &one;
	d[5].n_shortlist = 1;
	d[5].chosen = 0;
	d[6].id = (uint64_t) INT64_MAX + 1;
	for (size_t i = 0; i < ARRAY_SIZE(d); i++)
		if (store_put_decision(f->store, &d[i], &snapshot, basis_names, &recommended,
		                       NULL) != -EINVAL)
			fail_msg("decision %zu was taken", i);
	assert_value(f, "SELECT count(*) FROM decision", "0");
	assert_value(f, "SELECT count(*) FROM candidate", "0");
}

static void
decision_ids_are_used_once(void **state)
{
	struct fixture *f = *state;
	struct decision d = decision(500);
	uint64_t id = 0;

	assert_ok(store_next_decision_id(f->store, 100, &id, err));
	assert_true(id == 1);
	assert_ok(store_next_decision_id(f->store, 1, &id, err));
	assert_true(id == 101);
	assert_ok(store_put_decision(f->store, &d, &snapshot, basis_names, &recommended, err));
	fixture_close(f);
	fixture_open(f);
	assert_ok(store_next_decision_id(f->store, 1, &id, err));
	assert_true(id == 501);
}

/* ---- retention ---- */

#define FIVE_MIN 300000LL
#define HOUR     3600000LL
#define BASE     (T0 / HOUR * HOUR)

static void
put_run(struct fixture *f, const char *id, int64_t from_ms, int64_t to_ms, int64_t step_ms,
        double cores)
{
	assert_ok(store_begin(f->store, err));
	for (int64_t t = from_ms + step_ms; t <= to_ms; t += step_ms) {
		struct sample_row row = {.container_id = id,
		                         .at_ms = t,
		                         .interval_ms = step_ms,
		                         .cpu_cores = cores,
		                         .mem_bytes = 100,
		                         .pids = 2,
		                         .net_rx_bytes_per_s = NAN,
		                         .oom_kills = 1};

		assert_ok(store_put_samples(f->store, &row, 1, err));
	}
	assert_ok(store_commit(f->store, err));
}

static void
rolls_up(void **state)
{
	struct fixture *f = *state;
	const struct retention keep = {HOUR, 24 * HOUR, 0};

	/* Half of the first 5 minutes at 1 core, a fifth at 2; then an hour and more of another. */
	put_run(f, "c1", BASE, BASE + 150000, 15000, 1);
	put_run(f, "c1", BASE + 150000, BASE + 210000, 60000, 2);
	put_run(f, "c2", BASE, BASE + HOUR + 4 * FIVE_MIN, 30000, .5);
	assert_ok(store_prune(f->store, BASE + FIVE_MIN + 60000, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_5m", "0"); /* late ones may still come */
	assert_ok(store_prune(f->store, BASE + FIVE_MIN + 120000, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_5m", "2");
	assert_value(f,
	             "SELECT printf('%.6f %.1f %d %d %d', cpu_cores, cpu_peak_cores, covered_ms, "
	             "pids, oom_kills) FROM sample_5m ORDER BY cpu_peak_cores DESC",
	             "1.285714 2.0 210000 2 11");
	assert_value(f, "SELECT net_rx_bytes_per_s FROM sample_5m", "NULL");
	/* A second look at the same changes nothing. */
	assert_ok(store_prune(f->store, BASE + FIVE_MIN + 120000, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_5m", "2");
	assert_value(f, "SELECT count(*) FROM sample_1h", "0");

	assert_ok(store_prune(f->store, BASE + HOUR + 3 * FIVE_MIN + 120000, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_5m", "16");
	assert_value(f,
	             "SELECT printf('%.4f %d', cpu_cores, covered_ms) FROM sample_1h WHERE "
	             "cpu_peak_cores < 1",
	             "0.5000 3600000");
	/* Older than an hour goes, not a row more. */
	assert_value(f, "SELECT count(*) FROM sample WHERE at_ms < 1699999200000 + 1020000", "0");
	assert_value(f, "SELECT count(*) FROM sample", "127");
}

static void
nothing_goes_before_it_is_rolled_up(void **state)
{
	struct fixture *f = *state;
	const struct retention keep = {HOUR, 24 * HOUR, 48 * HOUR};

	/* Two far ends of a long outage, the clock back and forth between looks. */
	put_run(f, "c1", BASE, BASE + HOUR, 60000, 1);
	put_run(f, "c1", BASE + 1000 * HOUR, BASE + 1001 * HOUR, 60000, 1);
	assert_ok(store_prune(f->store, BASE - 50 * HOUR, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample", "120");
	for (int i = 0; i < 4; i++)
		assert_ok(store_prune(f->store, BASE + 1003 * HOUR, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample", "0");
	assert_value(f, "SELECT count(*) FROM sample_5m", "12");
	assert_value(f, "SELECT count(*) FROM sample_1h", "1");
	for (int i = 0; i < 30; i++)
		assert_ok(store_prune(f->store, BASE + 1030 * HOUR, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_5m", "0");
	assert_value(f, "SELECT count(*) FROM sample_1h", "1");
	for (int i = 0; i < 30; i++)
		assert_ok(store_prune(f->store, BASE + 1100 * HOUR, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample_1h", "0");
}

static void
for_ever_is_for_ever(void **state)
{
	struct fixture *f = *state;
	const struct retention keep = {0};
	const struct container_row c = {.id = "c1", .seen_ms = BASE};

	assert_ok(store_put_containers(f->store, &c, 1, err));
	put_run(f, "c1", BASE, BASE + HOUR, 60000, 1);
	assert_ok(store_mark_gone(f->store, BASE + 1, BASE + 1, err));
	for (int i = 0; i < 10; i++)
		assert_ok(store_prune(f->store, BASE + 100000 * HOUR, &keep, err));
	assert_value(f, "SELECT count(*) FROM sample", "60");
	assert_value(f, "SELECT count(*) FROM sample_5m", "12");
	assert_value(f, "SELECT count(*) FROM container", "1");
}

static void
the_gone_are_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct retention keep = {HOUR, 10 * HOUR, 100 * HOUR};
	const struct container_row c[] = {{.id = "c1", .seen_ms = BASE},
	                                  {.id = "c2", .seen_ms = BASE + 300 * HOUR}};
	struct profile_row p[] = {profile_nothing, profile_nothing, profile_nothing};
	const struct node_row n = {.id = "n1", .seen_ms = BASE};
	const struct node_load_row load[] = {{.node_id = "n1", .at_ms = BASE},
	                                     {.node_id = "n2", .at_ms = BASE + 300 * HOUR}};

	p[0].kind = p[1].kind = PROFILE_CONTAINER;
	p[0].id = "c1";
	p[1].id = "c2";
	p[0].state = p[1].state = p[2].state = "{}";
	assert_ok(store_put_nodes(f->store, &n, 1, err));
	assert_ok(store_put_node_loads(f->store, load, 2, err));
	assert_ok(store_put_containers(f->store, c, 2, err));
	assert_ok(store_put_profiles(f->store, p, 3, err));
	assert_ok(store_mark_gone(f->store, BASE + 200 * HOUR, BASE + 200 * HOUR, err));
	assert_ok(store_prune(f->store, BASE + 202 * HOUR, &keep, err));
	assert_value(f, "SELECT group_concat(kind || id) FROM profile_state",
	             "containerc2,services1");
	assert_value(f, "SELECT count(*) FROM profile", "3");
	assert_value(f, "SELECT count(*) FROM node_load", "1");
	assert_ok(store_prune(f->store, BASE + 302 * HOUR, &keep, err));
	assert_value(f, "SELECT group_concat(id) FROM container", "c2");
	assert_value(f, "SELECT group_concat(id) FROM node", "n2");
	assert_value(f, "SELECT group_concat(kind || id) FROM profile", "containerc2,services1");
}

static void
copies_itself(void **state)
{
	struct fixture *f = *state;
	char to[128];
	struct stat st;
	struct store *copy = NULL;

	(void) snprintf(to, sizeof(to), "%s/copy.db", f->dir);
	assert_ok(store_put_meta(f->store, "k", "v", err));
	assert_ok(store_backup(f->store, to, err));
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_refused(store_backup(f->store, to, err), EEXIST, to);
	assert_ok(store_open(to, &copy, err));
	{
		struct fixture o = {.store = copy};

		assert_value(&o, "SELECT value FROM meta WHERE key = 'k'", "v");
	}
	store_close(copy);
	assert_ok(store_check(f->store, err));
	assert_ok(store_wal_checkpoint(f->store, true, err));
	(void) snprintf(to, sizeof(to), "%s-wal", f->path);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_size, 0);
}

int
main(void)
{
#define NEW(t)  cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
#define OPEN(t) cmocka_unit_test_setup_teardown(t, fixture_open_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    NEW(makes_a_private_file),
	    NEW(opens_again),
	    NEW(refuses_bad_places),
	    NEW(leaves_foreign_files_alone),
	    NEW(leaves_newer_ones_alone),
	    NEW(leaves_damaged_ones_alone),
	    NEW(leaves_a_log_without_its_database_alone),
	    NEW(says_when_it_may_not_write),
	    OPEN(says_when_the_disk_is_full),
	    OPEN(keeps_first_seen),
	    OPEN(marks_one_nodes_containers),
	    OPEN(marks_what_the_swarm_no_longer_has),
	    OPEN(takes_samples),
	    OPEN(profiles_come_back),
	    OPEN(profiles_of_the_gone_stay_away),
	    OPEN(weights_are_replaced_as_a_whole),
	    OPEN(qvalues_outcomes_events),
	    OPEN(newest_foreign_changes),
	    OPEN(policy_state_by_its_key),
	    OPEN(pauses),
	    OPEN(a_cycle_is_one_commit),
	    OPEN(decisions_explain_themselves),
	    OPEN(decisions_that_are_not_whole),
	    OPEN(decision_ids_are_used_once),
	    OPEN(rolls_up),
	    OPEN(nothing_goes_before_it_is_rolled_up),
	    OPEN(for_ever_is_for_ever),
	    OPEN(the_gone_are_forgotten),
	    OPEN(copies_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
