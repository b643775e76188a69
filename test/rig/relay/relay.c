/*
 * relay LISTEN UPSTREAM FLAG COMMAND: between a client and an engine's socket. Before the first
 * "POST …/services/ID/update" that comes while the file FLAG exists, it removes FLAG and runs
 * COMMAND by the shell: so a test can change the world between forager's check and its request. A
 * COMMAND that ends with status 75 makes the relay swallow the answer to that request.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOSE_ANSWER 75

static int
unix_socket(const char *path, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (fd < 0 || strlen(path) >= sizeof(addr->sun_path)) {
		fprintf(stderr, "relay: cannot use the socket '%s'\n", path);
		exit(2);
	}
	(void) strcpy(addr->sun_path, path);
	return fd;
}

static bool
pass(int to, const char *bytes, ssize_t n)
{
	while (n > 0) {
		ssize_t sent = send(to, bytes, (size_t) n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		n -= sent;
	}
	return true;
}

static bool
is_update(const char *bytes, ssize_t n)
{
	char line[256] = "";

	(void) snprintf(line, sizeof(line), "%.*s", (int) (n < 255 ? n : 255), bytes);
	line[strcspn(line, "\r\n")] = '\0';
	return strncmp(line, "POST ", 5) == 0 && strstr(line, "/services/") != NULL &&
	       strstr(line, "/update?") != NULL;
}

/* One connection, in a process of its own. A client sends a request at once, so its head is at the
 * beginning of what is read. */
static void
serve(int client, const char *upstream, const char *flag, const char *command)
{
	struct sockaddr_un addr;
	int server = unix_socket(upstream, &addr);
	struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
	static char bytes[65536];
	bool lose = false;

	if (connect(server, (struct sockaddr *) &addr, sizeof(addr)) < 0)
		return;
	while (poll(fds, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fds[i].revents == 0)
				continue;
			n = recv(fds[i].fd, bytes, sizeof(bytes), 0);
			if (n <= 0 || (i == 1 && lose))
				return;
			if (i == 0 && is_update(bytes, n) && unlink(flag) == 0) {
				int status = system(command);

				lose = WIFEXITED(status) && WEXITSTATUS(status) == LOSE_ANSWER;
			}
			if (!pass(fds[1 - i].fd, bytes, n))
				return;
		}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un addr;
	int listener;

	if (argc != 5) {
		fputs("usage: relay LISTEN UPSTREAM FLAG COMMAND\n", stderr);
		return 2;
	}
	listener = unix_socket(argv[1], &addr);
	(void) unlink(argv[1]);
	if (bind(listener, (struct sockaddr *) &addr, sizeof(addr)) < 0 ||
	    listen(listener, 64) < 0) {
		fprintf(stderr, "relay: listen on '%s': %s\n", argv[1], strerror(errno));
		return 1;
	}
	(void) signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept(listener, NULL, NULL);
		pid_t pid;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (client < 0)
			return 1;
		pid = fork();
		if (pid == 0) {
			(void) close(listener);
			serve(client, argv[2], argv[3], argv[4]);
			_exit(0);
		}
		(void) close(client);
	}
}
