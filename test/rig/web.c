/*
 * web [--port N] [--cpu-ms MS] [--bytes N] [--start-ms MS] [--sick-on NODE] [--crash-on NODE]
 *
 * A web server whose every answer costs the same CPU time, one thread a connection. /health costs
 * nothing. At SIGTERM it takes what already waits to be accepted, stops listening, finishes what is
 * in flight and ends with status 0.
 * --sick-on and --crash-on make it fail on one node only: the service passes its node's name in the
 * environment (--env NODE={{.Node.Hostname}}).
 */
#include "test/rig/workload.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define NS_PER_MS   1000000.0
#define REQUEST_MAX 4096
#define BODY_MAX    1048576
#define READ_WAIT_S 5
#define STACK_BYTES 65536
#define BACKLOG     1024

struct web {
	uint16_t port;
	int64_t cpu_ns;
	char *body;
	size_t body_bytes;
	bool sick;
	const char *node;

	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned in_flight;
};

struct visit {
	struct web *web;
	int fd;
};

static int
usage(void)
{
	fputs("usage: web [--port N] [--cpu-ms MS] [--bytes N] [--start-ms MS]\n"
	      "           [--sick-on NODE] [--crash-on NODE]\n",
	      stderr);
	return 2;
}

/* Reads up to the empty line. False when the peer gave up or sent too much. */
static bool
read_request(int fd, char request[static REQUEST_MAX])
{
	size_t len = 0;

	while (len < REQUEST_MAX - 1) {
		ssize_t n = recv(fd, request + len, REQUEST_MAX - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t) n;
		request[len] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

static bool
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		data += n;
		len -= (size_t) n;
	}
	return true;
}

static void
answer(const struct web *web, int fd, const char *status, const char *body, size_t len)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
	                 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	                 "X-Node: %.64s\r\nConnection: close\r\n\r\n",
	                 status, len, web->node);

	if (send_all(fd, head, (size_t) n))
		(void) send_all(fd, body, len);
}

static void
serve(const struct web *web, int fd)
{
	const struct timeval wait = {.tv_sec = READ_WAIT_S};
	char request[REQUEST_MAX];

	(void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (!read_request(fd, request))
		return;
	if (strncmp(request, "GET ", 4) != 0) {
		answer(web, fd, "405 Method Not Allowed", "", 0);
	} else if (strncmp(request, "GET /health ", 12) == 0) {
		answer(web, fd, web->sick ? "503 Service Unavailable" : "200 OK", "", 0);
	} else {
		workload_burn(web->cpu_ns);
		answer(web, fd, "200 OK", web->body, web->body_bytes);
	}
}

static void *
visit_main(void *arg)
{
	struct visit *visit = arg;
	struct web *web = visit->web;

	serve(web, visit->fd);
	close(visit->fd);
	free(visit);
	pthread_mutex_lock(&web->lock);
	if (--web->in_flight == 0)
		pthread_cond_signal(&web->idle);
	pthread_mutex_unlock(&web->lock);
	return NULL;
}

static void
visit_start(struct web *web, const pthread_attr_t *attr, int fd)
{
	struct visit *visit = malloc(sizeof(*visit));
	pthread_t thread;

	if (visit == NULL)
		abort();
	*visit = (struct visit){.web = web, .fd = fd};
	pthread_mutex_lock(&web->lock);
	web->in_flight++;
	pthread_mutex_unlock(&web->lock);
	/* Without a new thread the visitor is served, only later. */
	if (pthread_create(&thread, attr, visit_main, visit) != 0)
		visit_main(visit);
}

static void
accept_all(struct web *web, const pthread_attr_t *attr, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		visit_start(web, attr, fd);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0 || listen(fd, BACKLOG) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int
run(struct web *web, int term_fd)
{
	pthread_attr_t attr;
	struct pollfd polled[2] = {
	    {.fd = listen_on(web->port), .events = POLLIN},
	    {.fd = term_fd, .events = POLLIN},
	};

	if (polled[0].fd < 0) {
		fprintf(stderr, "web: listen on port %u: %s\n", web->port, strerror(-polled[0].fd));
		return 1;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (polled[1].revents == 0) {
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			abort();
		/* Also after SIGTERM: closing the socket would reset whoever waits in its queue. */
		accept_all(web, &attr, polled[0].fd);
	}
	close(polled[0].fd);
	pthread_mutex_lock(&web->lock);
	while (web->in_flight > 0)
		pthread_cond_wait(&web->idle, &web->lock);
	pthread_mutex_unlock(&web->lock);
	return 0;
}

/* Blocks the signals for all threads to come and returns a descriptor that tells of them. */
static int
open_term(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		abort();
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

int
web_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"port", required_argument, NULL, 'p'},
	    {"cpu-ms", required_argument, NULL, 'c'},
	    {"bytes", required_argument, NULL, 'b'},
	    {"start-ms", required_argument, NULL, 's'},
	    {"sick-on", required_argument, NULL, 'S'},
	    {"crash-on", required_argument, NULL, 'C'},
	    {0},
	};
	const char *node = getenv("NODE");
	struct web web = {
	    .port = 80,
	    .cpu_ns = (int64_t) (5.5 * NS_PER_MS),
	    .body_bytes = 512,
	    .node = node != NULL ? node : "",
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .idle = PTHREAD_COND_INITIALIZER,
	};
	struct pollfd term = {.events = POLLIN};
	double start_ms = 0;
	int opt, r = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			web.port = (uint16_t) workload_number("--port", optarg, 1, 65535);
			break;
		case 'c':
			web.cpu_ns =
			    (int64_t) (workload_number("--cpu-ms", optarg, 0, 10000) * NS_PER_MS);
			break;
		case 'b':
			web.body_bytes = (size_t) workload_number("--bytes", optarg, 0, BODY_MAX);
			break;
		case 's':
			start_ms = workload_number("--start-ms", optarg, 0, 600000);
			break;
		case 'S':
			web.sick = strcmp(optarg, web.node) == 0;
			break;
		case 'C':
			if (strcmp(optarg, web.node) == 0) {
				fprintf(stderr, "web: crashing on '%s' as told\n", web.node);
				return 1;
			}
			break;
		default:
			return usage();
		}
	}
	web.body = calloc(1, web.body_bytes + 1);
	if (web.body == NULL)
		abort();
	memset(web.body, 'x', web.body_bytes);
	term.fd = open_term();
	/* A slow start that ends early when it is told to stop. */
	if (poll(&term, 1, (int) start_ms) == 0)
		r = run(&web, term.fd);
	free(web.body);
	return r;
}
