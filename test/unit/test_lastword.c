/* However a process is aborted, it says one sentence, and the signal is still what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lastword.h"
#include "base/memory.h"
#include "base/util.h"

static void
from_outside(void)
{
	(void) kill(getpid(), SIGABRT);
}

static void
end(void (*how)(void), int err)
{
	static const struct rlimit none = {0, 0};

	(void) setrlimit(RLIMIT_CORE, &none);
	(void) dup2(err, STDERR_FILENO);
	(void) signal(SIGABRT, SIG_DFL);
	lastword_install();
	how();
	_exit(0);
}

static void
one_sentence_each(void **state)
{
	static const struct {
		void (*how)(void);
		const char *says;
	} cases[] = {
	    {abort, "forager: aborted: "},
	    {from_outside, "forager: aborted: "},
	    {memory_out, "forager: out of memory"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		int fds[2], status;
		ssize_t n;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			end(cases[i].how, fds[1]);
		(void) close(fds[1]);
		n = read(fds[0], text, sizeof(text) - 1);
		assert_true(n > 0);
		text[n] = '\0';
		assert_ptr_equal(strstr(text, cases[i].says), text);
		assert_ptr_equal(strchr(text, '\n'), text + n - 1);
		assert_int_equal(read(fds[0], text, sizeof(text)), 0);
		(void) close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_sentence_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
