/* A directory with a database for the tests of storage/; made before and removed after each. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/store_priv.h"

struct fixture {
	char dir[64], path[96];
	struct store *store; /* NULL until fixture_open */
};

#define FIXTURE_SKIPPED 77 /* a child process could not try it */

/* A failed call shows its text. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		struct error err_ = {0};                                                           \
		struct error *err = &err_;                                                         \
		int r_ = (call);                                                                   \
		if (r_ != 0)                                                                       \
			fail_msg("%s: %d: %s", #call, r_, err->text);                              \
	} while (0)

/* It fails with this errno, and its text holds that. */
#define assert_refused(call, errnum, part)                                                         \
	do {                                                                                       \
		struct error err_ = {0};                                                           \
		struct error *err = &err_;                                                         \
		int r_ = (call);                                                                   \
		if (r_ != -(errnum) || err->code != -(errnum) || strstr(err->text, part) == NULL)  \
			fail_msg("%s: %d, code %d: '%s'", #call, r_, err->code, err->text);        \
	} while (0)

static inline int
fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	(void) snprintf(f->dir, sizeof(f->dir), "%s/forager-test-XXXXXX",
	                access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	(void) snprintf(f->path, sizeof(f->path), "%s/forager.db", f->dir);
	*state = f;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;
	const struct dirent *e;
	DIR *d;

	store_close(f->store);
	d = opendir(f->dir);
	while (d != NULL && (e = readdir(d)) != NULL)
		(void) unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void) closedir(d);
	(void) rmdir(f->dir);
	free(f);
	return 0;
}

static inline void
fixture_open(struct fixture *f)
{
	assert_ok(store_open(f->path, &f->store, err));
}

static inline void
fixture_close(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

static inline int
fixture_open_setup(void **state)
{
	struct error err = {0};
	struct fixture *f;

	if (fixture_setup(state) < 0)
		return -1;
	f = *state;
	if (store_open(f->path, &f->store, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

/* The first value of a statement as text, "NULL" for NULL and "-" for no row; free() it. */
static inline char *
fixture_get(const struct fixture *f, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	char *value = NULL;

	if (sqlite3_prepare_v2(f->store->sql.db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(f->store->sql.db));
	if (sqlite3_step(stmt) != SQLITE_ROW)
		value = xstrdup("-");
	else if (sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		value = xstrdup("NULL");
	else
		value = xstrdup((const char *) sqlite3_column_text(stmt, 0));
	(void) sqlite3_finalize(stmt);
	return value;
}

#define assert_value(f, text, expected)                                                            \
	do {                                                                                       \
		char *got_ = fixture_get(f, text);                                                 \
		if (strcmp(got_, expected) != 0)                                                   \
			fail_msg("%s: '%s' instead of '%s'", text, got_, expected);                \
		free(got_);                                                                        \
	} while (0)

/* Any file's bytes; free() it. */
static inline char *
fixture_bytes(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	char *bytes;
	long size;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size >= 0);
	rewind(file);
	bytes = xcalloc((size_t) size + 1, 1);
	*ret_size = fread(bytes, 1, (size_t) size, file);
	(void) fclose(file);
	return bytes;
}

/* A database made by plain statements, not by the store. */
static inline void
fixture_plain(const struct fixture *f, const char *script)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, script, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Runs fn in a child process and gives its exit status; fn must not use cmocka. */
static inline int
fixture_child(int (*fn)(const struct fixture *f), const struct fixture *f)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("the child ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}
