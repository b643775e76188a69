/*
 * chat serve [--port N]                       sends bytes to whoever connects, as fast as they are
 * read chat pull PEER [--port N] [--kb-per-s N]    reads from PEER at a rate; looks the name up
 * again and connects again whenever the connection ends
 */
#include "test/rig/dns.h"
#include "test/rig/workload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define STEP_NS     100000000LL /* the puller reads ten times a second */
#define RETRY_NS    500000000LL
#define WAIT_S      5

static int
usage(void)
{
	fputs("usage: chat serve [--port N]\n"
	      "       chat pull PEER [--port N] [--kb-per-s N]\n",
	      stderr);
	return 2;
}

static void *
send_for_ever(void *arg)
{
	static const char chunk[CHUNK_BYTES];
	const int fd = (int) (intptr_t) arg;

	while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
		;
	close(fd);
	return NULL;
}

static int
serve(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(listener, (struct sockaddr *) &addr, sizeof(addr)) < 0 ||
	    listen(listener, 16) < 0) {
		perror("chat: listen");
		return 1;
	}
	for (;;) {
		pthread_t thread;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			workload_sleep(STEP_NS);
			continue;
		}
		if (pthread_create(&thread, NULL, send_for_ever, (void *) (intptr_t) fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}

static int
connect_to(const char *peer, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct dns_answer answer;
	int fd;

	if (dns_lookup(peer, &answer) < 0 || answer.n == 0)
		return -1;
	addr.sin_addr = answer.addrs[0];
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Linux applies the send timeout to connect as well. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads at the rate until the connection ends. TCP's window slows the sender down. */
static void
pull_from(int fd, size_t bytes_per_step)
{
	static char chunk[CHUNK_BYTES];

	for (int64_t next = workload_now_ns();; next += STEP_NS) {
		for (size_t left = bytes_per_step; left > 0;) {
			ssize_t n = recv(fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk), 0);

			if (n <= 0)
				return;
			left -= (size_t) n;
		}
		workload_sleep(next + STEP_NS - workload_now_ns());
	}
}

static _Noreturn void
pull(const char *peer, uint16_t port, double kb_per_s)
{
	const size_t bytes_per_step = (size_t) (kb_per_s * 1000 * STEP_NS / 1e9);

	for (;;) {
		int fd = connect_to(peer, port);

		if (fd >= 0) {
			pull_from(fd, bytes_per_step);
			close(fd);
		}
		workload_sleep(RETRY_NS);
	}
}

int
chat_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"port", required_argument, NULL, 'p'},
	    {"kb-per-s", required_argument, NULL, 'k'},
	    {0},
	};
	double port = 9000, kb_per_s = 512;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'p')
			port = workload_number("--port", optarg, 1, 65535);
		else if (opt == 'k')
			kb_per_s = workload_number("--kb-per-s", optarg, 1, 1e6);
		else
			return usage();
	}
	workload_exit_on_term();
	if (argc - optind == 1 && strcmp(argv[optind], "serve") == 0)
		return serve((uint16_t) port);
	if (argc - optind == 2 && strcmp(argv[optind], "pull") == 0)
		pull(argv[optind + 1], (uint16_t) port, kb_per_s);
	return usage();
}
