/*
 * Runs a program as systemd would and writes down what it uses: usage FILE SECONDS PROGRAM ARG…
 * A line of JSON each so many seconds (resident memory, descriptors), one each time it feeds the
 * watchdog. SIGTERM goes on to the program; its exit status is ours.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WATCHDOG_US "30000000"

static volatile sig_atomic_t child;

static void
on_term(int number)
{
	if (child > 0)
		(void) kill((pid_t) child, number);
}

static double
now_s(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static long
rss_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void) sscanf(line, "VmRSS: %ld", &kb);
	if (f != NULL)
		(void) fclose(f);
	return kb;
}

static int
descriptors(pid_t pid)
{
	char path[64];
	int n = -2; /* . and .. */
	DIR *d;

	(void) snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	(void) closedir(d);
	return n;
}

static int
open_notify(char path[static 108])
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void) snprintf(path, 108, "/tmp/usage-%d.sock", (int) getpid());
	memcpy(addr.sun_path, path, sizeof(addr.sun_path));
	(void) unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0) {
		perror("usage: notify socket");
		exit(125);
	}
	return fd;
}

static pid_t
start(char **argv, const char *notify)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void) setenv("NOTIFY_SOCKET", notify, 1);
	(void) setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	(void) unsetenv("WATCHDOG_PID");
	(void) execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static void
heard(int fd, FILE *out)
{
	char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (strstr(text, "WATCHDOG=1") != NULL)
		(void) fprintf(out, "{\"kind\":\"watchdog\",\"t\":%.3f}\n", now_s());
}

int
main(int argc, char **argv)
{
	char notify[108];
	double every, next;
	int fd, status = 0;
	FILE *out;

	if (argc < 4 || (every = strtod(argv[2], NULL)) <= 0) {
		(void) fprintf(stderr, "usage: usage FILE SECONDS PROGRAM ARG…\n");
		return 125;
	}
	out = fopen(argv[1], "ae");
	if (out == NULL) {
		perror(argv[1]);
		return 125;
	}
	fd = open_notify(notify);
	(void) signal(SIGTERM, on_term);
	(void) signal(SIGINT, on_term);
	child = start(argv + 3, notify);
	next = now_s() + every;
	while (waitpid((pid_t) child, &status, WNOHANG) == 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 50) > 0)
			heard(fd, out);
		if (now_s() < next)
			continue;
		next += every;
		(void) fprintf(out, "{\"kind\":\"usage\",\"t\":%.3f,\"rss_kb\":%ld,\"fds\":%d}\n",
		               now_s(), rss_kb((pid_t) child), descriptors((pid_t) child));
		(void) fflush(out);
	}
	(void) fclose(out);
	(void) unlink(notify);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
