/*
 * relay LISTEN UPSTREAM FLAG COMMAND [LOG]: between a client and an engine's socket. While the file
 * FLAG exists, it waits for the point of the conversation that FLAG names; there it removes FLAG
 * and runs COMMAND by the shell: so a test can change the world, or end the client, between two of
 * its requests. Points, counted from the moment that FLAG appeared:
 *
 *   N-      before the Nth "POST …/services/ID/update" is passed on ("" means "1-")
 *   N+      when its answer is there, before that is passed on
 *   N.G     before the Gth GET after the Nth such POST (N may be 0)
 *   N/TEXT  before the first GET after the Nth such POST whose path holds TEXT
 *
 * COMMAND finds the client's process in RELAY_CLIENT. Ending with status 75, it makes the relay
 * swallow the answer; with 76, the request. LOG gets the first line of every request.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOSE_ANSWER  75
#define DROP_REQUEST 76
#define LINE_MAX_N   256

struct counts {             /* shared by the processes of all connections */
	unsigned long flag; /* which FLAG they were counted for */
	unsigned posts, gets;
};

struct relay {
	const char *upstream, *flag, *command;
	int log;
	struct counts *counts;
};

struct talk { /* one connection */
	const struct relay *relay;
	int client, server;
	bool lose;  /* the answer */
	bool after; /* the point is this request's answer */
};

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

/* A client sends a request at once, so its head is at the beginning of what is read. */
static bool
request_line(const char *bytes, ssize_t n, char line[LINE_MAX_N])
{
	(void) snprintf(line, LINE_MAX_N, "%.*s", (int) (n < LINE_MAX_N - 1 ? n : LINE_MAX_N - 1),
	                bytes);
	line[strcspn(line, "\r\n")] = '\0';
	return strncmp(line, "GET ", 4) == 0 || strncmp(line, "POST ", 5) == 0 ||
	       strncmp(line, "HEAD ", 5) == 0;
}

/* Reads FLAG's point; a FLAG that is new starts the counts anew. False: there is none. */
static bool
read_point(const struct relay *r, char point[LINE_MAX_N])
{
	struct counts *c = r->counts;
	struct stat st;
	unsigned long id;
	int fd = open(r->flag, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, point, LINE_MAX_N - 1);
	(void) fstat(fd, &st);
	(void) close(fd);
	point[n > 0 ? n : 0] = '\0';
	point[strcspn(point, "\n")] = '\0';
	if (point[0] == '\0')
		(void) strcpy(point, "1-");
	id = (unsigned long) st.st_ctim.tv_sec * 1000000000 + (unsigned long) st.st_ctim.tv_nsec;
	if (__atomic_exchange_n(&c->flag, id, __ATOMIC_SEQ_CST) != id)
		c->posts = c->gets = 0;
	return true;
}

/* Whether this request is the point; after: its answer is. */
static bool
reached(const struct relay *r, const char *line, bool *after)
{
	char point[LINE_MAX_N], *end;
	bool post = strncmp(line, "POST ", 5) == 0 && strstr(line, "/services/") != NULL &&
	            strstr(line, "/update?") != NULL;
	unsigned want, posts, gets;

	*after = false;
	if (!read_point(r, point))
		return false;
	want = (unsigned) strtoul(point, &end, 10);
	if (post) {
		posts = __atomic_add_fetch(&r->counts->posts, 1, __ATOMIC_SEQ_CST);
		r->counts->gets = 0;
		*after = *end == '+';
		return posts == want && (*end == '-' || *end == '+');
	}
	posts = r->counts->posts;
	gets = __atomic_add_fetch(&r->counts->gets, 1, __ATOMIC_SEQ_CST);
	if (posts != want)
		return false;
	return (*end == '.' && strtoul(end + 1, NULL, 10) == gets) ||
	       (*end == '/' && strstr(line, end + 1) != NULL);
}

/* Runs COMMAND, for whoever is the first to take FLAG away. Its status; 0 when it was not run. */
static int
act(const struct talk *t)
{
	struct ucred who = {0};
	socklen_t size = sizeof(who);
	char pid[32];
	int status;

	if (unlink(t->relay->flag) != 0)
		return 0;
	(void) getsockopt(t->client, SOL_SOCKET, SO_PEERCRED, &who, &size);
	(void) snprintf(pid, sizeof(pid), "%d", (int) who.pid);
	(void) setenv("RELAY_CLIENT", pid, 1);
	status = system(t->relay->command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* False: the connection is over. */
static bool
on_request(struct talk *t, const char *bytes, ssize_t n)
{
	char line[LINE_MAX_N];
	bool after;
	int status = 0;

	if (request_line(bytes, n, line)) {
		if (t->relay->log >= 0)
			dprintf(t->relay->log, "%s\n", line);
		if (reached(t->relay, line, &after)) {
			if (after)
				t->after = true;
			else
				status = act(t);
		}
	}
	t->lose = t->lose || status == LOSE_ANSWER;
	return status != DROP_REQUEST && pass(t->server, bytes, n);
}

static bool
on_answer(struct talk *t, const char *bytes, ssize_t n)
{
	if (t->after) {
		t->after = false;
		t->lose = act(t) == LOSE_ANSWER;
	}
	return !t->lose && pass(t->client, bytes, n);
}

/* One connection, in a process of its own. */
static void
serve(const struct relay *r, int client)
{
	struct sockaddr_un addr;
	struct talk t = {.relay = r, .client = client, .server = unix_socket(r->upstream, &addr)};
	struct pollfd fds[2] = {{.fd = t.client, .events = POLLIN},
	                        {.fd = t.server, .events = POLLIN}};
	static char bytes[65536];

	if (connect(t.server, (struct sockaddr *) &addr, sizeof(addr)) < 0)
		return;
	while (poll(fds, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fds[i].revents == 0)
				continue;
			n = recv(fds[i].fd, bytes, sizeof(bytes), 0);
			if (n <= 0)
				return;
			if (i == 0 ? !on_request(&t, bytes, n) : !on_answer(&t, bytes, n))
				return;
		}
}

static int
listen_on(const char *path)
{
	struct sockaddr_un addr;
	int fd = unix_socket(path, &addr);

	(void) unlink(path);
	if (bind(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0 || listen(fd, 64) < 0) {
		fprintf(stderr, "relay: listen on '%s': %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct relay r = {.log = -1};
	int listener;

	if (argc != 5 && argc != 6) {
		fputs("usage: relay LISTEN UPSTREAM FLAG COMMAND [LOG]\n", stderr);
		return 2;
	}
	r.upstream = argv[2];
	r.flag = argv[3];
	r.command = argv[4];
	if (argc == 6)
		r.log = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	r.counts = mmap(NULL, sizeof(*r.counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                -1, 0);
	if (r.counts == MAP_FAILED)
		return 1;
	listener = listen_on(argv[1]);
	(void) signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (client < 0)
			return 1;
		pid = fork();
		if (pid == 0) {
			(void) close(listener);
			serve(&r, client);
			_exit(0);
		}
		(void) close(client);
	}
}
