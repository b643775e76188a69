/* A process that holds specs leaves no core, whatever the limits were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/nocore.h"
#include "base/util.h"

/* Dies by a signal that dumps, in a folder of its own; cores are allowed as far as they may be. */
static void
crash(const char *dir, bool set)
{
	struct rlimit most;

	if (chdir(dir) < 0 || getrlimit(RLIMIT_CORE, &most) < 0)
		_exit(1);
	most.rlim_cur = most.rlim_max;
	(void) setrlimit(RLIMIT_CORE, &most);
	(void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (set) {
		nocore_set();
		/* Allowed again where root may: then the mark alone must do. */
		(void) setrlimit(RLIMIT_CORE, &most);
	}
	(void) signal(SIGABRT, SIG_DFL);
	abort();
}

static int
status_of(bool set)
{
	char dir[] = "/tmp/forager-test-core-XXXXXX";
	_cleanup_(freep) char *remove = NULL;
	int status = 0;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		crash(dir, set);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	remove = xasprintf("rm -r %s", dir);
	assert_int_equal(system(remove), 0);
	return status;
}

static void
test_a_crash_leaves_no_core(void **state)
{
	(void) state;
	/* Where nothing leaves a core, this shows nothing: test/rig/canary.sh insists. */
	if (!WCOREDUMP(status_of(false)))
		print_message("no process leaves a core here\n");
	assert_false(WCOREDUMP(status_of(true)));
}

static void
test_limit_and_mark(void **state)
{
	struct rlimit limit = {1, 1};
	int status = 0;
	pid_t pid = fork();

	(void) state;
	assert_true(pid >= 0);
	if (pid == 0) {
		nocore_set();
		_exit(getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 ||
		      limit.rlim_max != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_crash_leaves_no_core),
	    cmocka_unit_test(test_limit_and_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
