/*
 * Power loss at every I/O operation of a life (test/fault/power_session.h): after each, what was
 * acknowledged is there, nothing is there by halves, and the store goes on. For a part of the
 * losses the power fails again at every operation of opening the store after the first one. Usage:
 * power [--seeds N] [--again EVERY] [--verbose]
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/journal.h"
#include "storage/store_priv.h"
#include "test/fault/power_session.h"
#include "test/fault/power_vfs.h"

#define MAX_STEPS 64

/* What the process without power tells the one that looks afterwards. */
struct told {
	size_t done; /* steps that returned: acknowledged */
	uint64_t operations;
	char failed[640]; /* a step that failed by itself */
};

struct run {
	char dir[64];
	struct power_session session;
	struct told *told;
	uint64_t after[MAX_STEPS]; /* digest of all rows after each step, without any loss */
	uint64_t losses, violations;
	bool verbose, quick;
};

/* --- what is in a database -----------------------------------------------------------------------
 */

static uint64_t
digest_more(uint64_t digest, const void *data, size_t n)
{
	uint64_t both[2] = {digest, hash64(data, n)};

	return hash64(both, sizeof(both));
}

static uint64_t
digest_row(uint64_t digest, sqlite3_stmt *stmt)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		int type = sqlite3_column_type(stmt, i);
		const void *bytes = sqlite3_column_blob(stmt, i);

		digest = digest_more(digest, &type, sizeof(type));
		digest = digest_more(digest, bytes, (size_t) sqlite3_column_bytes(stmt, i));
	}
	return digest;
}

static int
digest_query(sqlite3 *db, const char *text, uint64_t *digest)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			*digest = digest_row(*digest, stmt);
	}
	(void) sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

/* All rows of all tables in the order of their keys, but the time at which the database was made.
 */
static int
digest_all(sqlite3 *db, uint64_t *ret)
{
	static const char tables[] =
	    "SELECT 'SELECT * FROM \"' || name || '\"' || iif(name = 'meta', ' WHERE key <> "
	    "''created_ms''', '') FROM sqlite_schema WHERE type = 'table' "
	    "AND name NOT LIKE 'sqlite_stat%' ORDER BY name";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, tables, -1, &stmt, NULL);

	*ret = 1;
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		_cleanup_(freep) char *text = NULL;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		text = xstrdup((const char *) sqlite3_column_text(stmt, 0));
		if (digest_query(db, text, ret) < 0)
			rc = SQLITE_ERROR;
	}
	(void) sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static bool
is_ok(sqlite3 *db, const char *pragma)
{
	sqlite3_stmt *stmt = NULL;
	bool ok = sqlite3_prepare_v2(db, pragma, -1, &stmt, NULL) == SQLITE_OK &&
	          sqlite3_step(stmt) == SQLITE_ROW &&
	          streq((const char *) sqlite3_column_text(stmt, 0), "ok");

	(void) sqlite3_finalize(stmt);
	return ok;
}

/* --- a life, up to the loss ----------------------------------------------------------------------
 */

static int
live(struct run *run, bool digests)
{
	struct power_session s = run->session;
	struct error err = {0};

	for (size_t i = 0; i < power_n_steps; i++) {
		if (power_steps[i].run(&s, i + 1, &err) < 0) {
			(void) snprintf(run->told->failed, sizeof(run->told->failed), "%s: %s",
			                power_steps[i].name, err.text);
			return 1;
		}
		run->told->done = i + 1;
		if (digests && s.store == NULL)
			run->after[i] = run->after[i - 1];
		else if (digests && digest_all(s.store->sql.db, &run->after[i]) < 0)
			return 1;
	}
	return 0;
}

static void
clean(const struct run *run)
{
	DIR *dir = opendir(run->dir);
	const struct dirent *e;

	if (dir == NULL)
		abort();
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			(void) unlinkat(dirfd(dir), e->d_name, 0);
	(void) closedir(dir);
}

static int
wait_code(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
live_without_power(struct run *run, uint64_t at, enum power_pattern pattern, uint64_t seed)
{
	pid_t child;

	clean(run);
	*run->told = (struct told){0};
	(void) fflush(stdout);
	child = fork();
	if (child == 0) {
		int r;

		power_register();
		power_arm(at, pattern, seed);
		r = live(run, false);
		run->told->operations = power_operations();
		_exit(r);
	}
	return wait_code(child);
}

/* --- afterwards ----------------------------------------------------------------------------------
 */

static void
violation(struct run *run, const char *where, const char *what)
{
	run->violations++;
	(void) printf("# %s: %s\n", where, what);
}

/* The state before or after the step that was cut off, whole. */
static bool
is_expected(const struct run *run, uint64_t digest)
{
	size_t done = run->told->done;

	return (done > 0 && digest == run->after[done - 1]) ||
	       (done < power_n_steps && digest == run->after[done]);
}

static bool
is_upgraded(sqlite3 *db)
{
	uint64_t digest = 0;

	return digest_query(db, "SELECT 1 FROM pragma_table_list WHERE name = 'next'", &digest) ==
	           0 &&
	       digest != 0;
}

/* A copy that was acknowledged is whole, with the rows of its time. */
static void
look_at_copy(struct run *run, const char *where)
{
	sqlite3 *db = NULL;
	uint64_t digest = 0;
	size_t made = 0;

	while (!streq(power_steps[made].name, "a copy"))
		made++;
	if (run->told->done <= made)
		return;
	if (sqlite3_open_v2(run->session.copy, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    digest_all(db, &digest) < 0 || !is_ok(db, "PRAGMA integrity_check"))
		violation(run, where, "the copy is damaged or gone");
	else if (digest != run->after[made])
		violation(run, where, "the copy has other rows");
	(void) sqlite3_close(db);
}

/* The rows as the file has them, read by plain SQLite; then forager's own opening. */
static void
look(struct run *run, const char *where)
{
	_cleanup_(store_closep) struct store *store = NULL;
	struct error err = {0};
	sqlite3 *db = NULL;
	uint64_t digest = 0;
	bool newer = false;
	int r;

	if (run->told->done > 0) {
		if (sqlite3_open_v2(run->session.path, &db, SQLITE_OPEN_READWRITE, NULL) !=
		        SQLITE_OK ||
		    digest_all(db, &digest) < 0)
			violation(run, where, sqlite3_errmsg(db));
		else if (!is_ok(db, "PRAGMA integrity_check"))
			violation(run, where, "integrity_check");
		else if (!is_expected(run, digest))
			violation(run, where,
			          "acknowledged rows are missing, or a step is there by halves");
		newer = is_upgraded(db);
		(void) sqlite3_close(db);
	}
	look_at_copy(run, where);
	r = store_open(run->session.path, &store, &err);
	if (newer ? r != -EPROTONOSUPPORT : r < 0)
		violation(run, where, r < 0 ? err.text : "a newer database was opened");
	if (store == NULL)
		return;
	if (digest_all(store->sql.db, &digest) < 0 || !is_expected(run, digest))
		violation(run, where, "after opening, other rows");
	if (store_put_meta(store, "goes_on", "1", &err) < 0)
		violation(run, where, err.text);
}

/* --- */

static void
usage(void)
{
	(void) fputs("usage: power [--seeds N] [--again EVERY] [--quick] [--verbose]\n", stderr);
	exit(2);
}

/* The second loss: at each operation of opening the store after the first. The state that the
 * first one left is made anew each time. */
static void
lose_again(struct run *run, uint64_t at, enum power_pattern pattern, uint64_t seed)
{
	for (uint64_t again = 1;; again++) {
		char where[160];
		pid_t child;
		int code;

		if (live_without_power(run, at, pattern, seed) != POWER_LOST)
			abort();
		(void) fflush(stdout);
		child = fork();
		if (child == 0) {
			struct store *store = NULL;

			power_register();
			power_arm(again, pattern, seed + again);
			if (store_open(run->session.path, &store, NULL) == 0)
				(void) store_wal_checkpoint(store, again % 2 == 0, NULL);
			_exit(0);
		}
		code = wait_code(child);
		if (code != POWER_LOST)
			break;
		run->losses++;
		(void) snprintf(where, sizeof(where),
		                "operation %" PRIu64 ", pattern %d, seed %" PRIu64
		                ", then operation %" PRIu64 " of opening",
		                at, (int) pattern, seed, again);
		look(run, where);
	}
}

static bool
lose(struct run *run, uint64_t at, enum power_pattern pattern, uint64_t seed)
{
	char where[160];
	int code = live_without_power(run, at, pattern, seed);

	if (code == 0)
		return false;
	(void) snprintf(where, sizeof(where),
	                "operation %" PRIu64 ", pattern %d, seed %" PRIu64 ", in step '%s'", at,
	                (int) pattern, seed, power_steps[run->told->done].name);
	if (code != POWER_LOST) {
		violation(run, where, code == 1 ? run->told->failed : "it crashed");
		return true;
	}
	run->losses++;
	if (run->verbose)
		(void) printf("# %s\n", where);
	look(run, where);
	return true;
}

static uint64_t
lose_everywhere(struct run *run, uint64_t seeds, uint64_t every)
{
	uint64_t at = 1;

	for (;; at++) {
		for (int pattern = 0; pattern < POWER_PATTERN_N; pattern++) {
			uint64_t n = pattern < POWER_PREFIX ? 1 : seeds;

			if (run->quick && pattern != POWER_NOTHING && pattern != 1 + (int) (at % 3))
				continue;
			for (uint64_t seed = 1; seed <= n; seed++)
				if (!lose(run, at, (enum power_pattern) pattern, at * 1000 + seed))
					return at - 1;
		}
		if (every > 0 && at % every == 0)
			for (int pattern = 0; pattern < POWER_PATTERN_N; pattern++)
				lose_again(run, at, (enum power_pattern) pattern, at);
	}
}

/* A life without any loss, for the digests: it must end well, and end the same twice. */
static void
rehearse(struct run *run)
{
	uint64_t first[MAX_STEPS];

	for (int i = 0; i < 2; i++) {
		clean(run);
		if (live(run, true) != 0) {
			(void) fprintf(stderr, "power: %s\n", run->told->failed);
			exit(1);
		}
		if (i == 1 && memcmp(first, run->after, sizeof(first)) != 0) {
			(void) fputs("power: two lives without a loss differ\n", stderr);
			exit(1);
		}
		(void) memcpy(first, run->after, sizeof(first));
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 's'},
	                                        {"again", required_argument, NULL, 'a'},
	                                        {"quick", no_argument, NULL, 'q'},
	                                        {"verbose", no_argument, NULL, 'v'},
	                                        {0}};
	struct run run = {0};
	uint64_t seeds = 1, every = 0, n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seeds = strtoull(optarg, NULL, 10);
		else if (c == 'a')
			every = strtoull(optarg, NULL, 10);
		else if (c == 'q')
			run.quick = true;
		else if (c == 'v')
			run.verbose = true;
		else
			usage();
	}
	(void) snprintf(run.dir, sizeof(run.dir), "%s/forager-power-XXXXXX",
	                access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	run.told = mmap(NULL, sizeof(*run.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                -1, 0);
	if (mkdtemp(run.dir) == NULL || run.told == MAP_FAILED || power_n_steps > MAX_STEPS)
		abort();
	(void) snprintf(run.session.path, sizeof(run.session.path), "%s/forager.db", run.dir);
	(void) snprintf(run.session.copy, sizeof(run.session.copy), "%s/copy.db", run.dir);
	rehearse(&run);
	n = lose_everywhere(&run, seeds, every);
	clean(&run);
	(void) rmdir(run.dir);
	(void) printf("# %zu steps, %" PRIu64 " I/O operations, %" PRIu64 " losses\n",
	              power_n_steps, n, run.losses);
	(void) printf(
	    "RELIABILITY|power loss at every I/O operation of the store|%" PRIu64
	    " losses (%" PRIu64 " operations; unsynced writes dropped, kept, torn, in any "
	    "selection; again while reopening)|I1 nothing acknowledged is lost, nothing is "
	    "there by halves, integrity_check ok|%" PRIu64 "\n",
	    run.losses, n, run.violations);
	return run.violations != 0;
}
