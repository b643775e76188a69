/* The last sentence; see lastword.h. */
#include "base/lastword.h"

#include <signal.h>
#include <unistd.h>

void
lastword_say(const char *text, size_t length)
{
	(void) signal(SIGABRT, SIG_DFL);
	/* When stderr is gone, too, the signal says it. */
	if (write(STDERR_FILENO, text, length) < 0)
		return;
}

/* Once: the handler returns, and abort() goes on with the default. A signal from outside is sent
 * again for that. */
static void
on_abort(int number)
{
	static const char text[] =
	    "forager: aborted: by a library that could not go on (without descriptors, mostly), a "
	    "fault in forager, or the watchdog; what was acknowledged is on the disk\n";

	lastword_say(text, sizeof(text) - 1);
	(void) raise(number);
}

void
lastword_install(void)
{
	struct sigaction a = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};

	(void) sigemptyset(&a.sa_mask);
	(void) sigaction(SIGABRT, &a, NULL);
}
