/* What systemd would hear: messages on a datagram socket of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/notify.h"

struct listener {
	char dir[64];
	struct sockaddr_un addr;
	int fd;
};

static int
set_up(void **state)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	(void) str_copy(l->dir, sizeof(l->dir), "/tmp/forager-test-notify-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	l->addr.sun_family = AF_UNIX;
	(void) snprintf(l->addr.sun_path, sizeof(l->addr.sun_path), "%s/s", l->dir);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(l->fd >= 0);
	assert_int_equal(bind(l->fd, (struct sockaddr *) &l->addr, sizeof(l->addr)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", l->addr.sun_path, 1), 0);
	*state = l;
	return 0;
}

static int
tear_down(void **state)
{
	struct listener *l = *state;

	(void) unsetenv("NOTIFY_SOCKET");
	(void) close(l->fd);
	(void) unlink(l->addr.sun_path);
	assert_int_equal(rmdir(l->dir), 0);
	free(l);
	return 0;
}

/* The next message; "" when there is none. */
static const char *
heard(const struct listener *l, char buf[static 512])
{
	ssize_t n = recv(l->fd, buf, 511, 0);

	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static void
test_messages(void **state)
{
	const struct listener *l = *state;
	char buf[512], umlauts[401];

#ifndef HAVE_SYSTEMD
	skip();
#endif
	notify_ready("watching");
	assert_string_equal(heard(l, buf), "READY=1\nSTATUS=watching");
	notify_status("%d nodes\nREADY=0", 3); /* a name cannot smuggle a variable in */
	assert_string_equal(heard(l, buf), "STATUS=3 nodes READY=0");
	notify_status("a\033[31m\xe2\x80\xae"
	              "b\xc2\x9b"
	              "c\xff"); /* nor drive a terminal */
	assert_string_equal(heard(l, buf), "STATUS=a [31m?b?c?");
	/* Cut within a character it would be no UTF-8, which systemd throws away as a whole. */
	for (size_t i = 0; i + 1 < sizeof(umlauts); i += 2)
		memcpy(umlauts + i, "\xc3\xa4", 2);
	umlauts[sizeof(umlauts) - 1] = '\0';
	notify_status("%s", umlauts);
	assert_string_equal(heard(l, buf) + strlen(buf) - 3, "\xc3\xa4?");
	notify_watchdog();
	assert_string_equal(heard(l, buf), "WATCHDOG=1");
	notify_reloading();
	assert_true(str_has_prefix(heard(l, buf), "RELOADING=1\nMONOTONIC_USEC="));
	notify_stopping("bye");
	assert_string_equal(heard(l, buf), "STOPPING=1\nSTATUS=bye");
	assert_string_equal(heard(l, buf), "");
}

static void
test_watchdog_period(void **state)
{
	char pid[32];

	(void) state;
#ifndef HAVE_SYSTEMD
	skip();
#endif
	assert_int_equal(notify_watchdog_ms(), 0);
	(void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
	assert_int_equal(setenv("WATCHDOG_USEC", "60000000", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(notify_watchdog_ms(), 30000);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0); /* another process' */
	assert_int_equal(notify_watchdog_ms(), 0);
	(void) unsetenv("WATCHDOG_USEC");
	(void) unsetenv("WATCHDOG_PID");
}

static void
test_without_systemd_nothing_happens(void **state)
{
	(void) state;
	(void) unsetenv("NOTIFY_SOCKET");
	notify_ready("watching");
	notify_watchdog();
	notify_stopping("bye");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
	    cmocka_unit_test(test_watchdog_period),
	    cmocka_unit_test(test_without_systemd_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
