/*
 * The life of a request as a small state machine. Each state waits for its one descriptor.
 */
#include "test/rig/request.h"
#include "test/rig/workload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_S        1000000000LL
#define TIMEOUT_NS      (5 * NS_PER_S)
#define CONNECT_WAIT_NS (2 * NS_PER_S) /* leaves time for the second try */
#define DNS_AGAIN_NS    (1 * NS_PER_S) /* a lost packet is asked again, as every resolver does */
#define HEAD_MAX        2048

enum state { RESOLVING, CONNECTING, SENDING, READING, ENDED };

struct request {
	struct request_env *env;
	const struct url *url;
	int64_t due_ns, start_ns, state_ns;
	size_t tag;
	enum state state;
	enum outcome outcome;
	bool retried;
	struct in_addr avoid; /* where the first try failed */
	uint16_t dns_id;
	int fd;
	size_t n_sent;
	char head[HEAD_MAX]; /* the answer's beginning */
	size_t n_head, n_read;
};

int
url_parse(const char *text, struct url *ret)
{
	struct url url = {.text = text, .port = 80, .path = "/"};
	char rest[2] = "";
	int n = 0;

	if (sscanf(text, "http://%255[a-zA-Z0-9._-]%n", url.host, &n) != 1)
		return -EINVAL;
	text += n;
	if (*text == ':') {
		if (sscanf(text, ":%hu%n", &url.port, &n) != 1 || url.port == 0)
			return -EINVAL;
		text += n;
	}
	if (*text != '\0' &&
	    (sscanf(text, "%255[!-~]%1s", url.path, rest) != 1 || url.path[0] != '/'))
		return -EINVAL;
	*ret = url;
	return 0;
}

/* splitmix64: small, and good enough to choose addresses and arrival times. */
uint64_t
request_random(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static bool
end(struct request *r, enum outcome outcome)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->outcome = outcome;
	r->state = ENDED;
	return true;
}

/* A fresh socket, watched for what the state needs. */
static bool
open_fd(struct request *r, int type, uint32_t events)
{
	struct epoll_event event = {.events = events, .data = {.ptr = r}};

	if (r->fd >= 0)
		close(r->fd);
	r->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return r->fd >= 0 && epoll_ctl(r->env->epoll_fd, EPOLL_CTL_ADD, r->fd, &event) == 0;
}

static bool
watch(struct request *r, uint32_t events)
{
	struct epoll_event event = {.events = events, .data = {.ptr = r}};

	return epoll_ctl(r->env->epoll_fd, EPOLL_CTL_MOD, r->fd, &event) == 0;
}

static void
enter(struct request *r, enum state state, int64_t now_ns)
{
	r->state = state;
	r->state_ns = now_ns;
}

static bool
ask(struct request *r)
{
	uint8_t packet[DNS_PACKET_MAX];
	int len = dns_encode(r->dns_id, r->url->host, packet);

	/* What is lost on the way is asked again. */
	if (len > 0)
		(void) send(r->fd, packet, (size_t) len, 0);
	return len > 0;
}

static bool try_connect(struct request *r, struct in_addr to, int64_t now_ns);

static bool
resolve(struct request *r, int64_t now_ns)
{
	struct in_addr literal;

	if (inet_pton(AF_INET, r->url->host, &literal) == 1)
		return try_connect(r, literal, now_ns);
	enter(r, RESOLVING, now_ns);
	r->dns_id = (uint16_t) request_random(&r->env->rng);
	if (!open_fd(r, SOCK_DGRAM, EPOLLIN) ||
	    connect(r->fd, (struct sockaddr *) &r->env->dns, sizeof(r->env->dns)) < 0 || !ask(r))
		return end(r, OUTCOME_UNRESOLVED);
	return false;
}

/* The rule that makes the client fair: once more if nobody was there, never once somebody was. */
static bool
connect_failed(struct request *r, struct in_addr to, int64_t now_ns)
{
	if (r->retried)
		return end(r, OUTCOME_UNCONNECTED);
	r->retried = true;
	r->avoid = to;
	return resolve(r, now_ns);
}

static bool
try_connect(struct request *r, struct in_addr to, int64_t now_ns)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_port = htons(r->url->port), .sin_addr = to};

	enter(r, CONNECTING, now_ns);
	if (!open_fd(r, SOCK_STREAM, EPOLLOUT))
		return end(r, OUTCOME_OVERRUN);
	if (connect(r->fd, (struct sockaddr *) &addr, sizeof(addr)) < 0 && errno != EINPROGRESS)
		return connect_failed(r, to, now_ns);
	r->avoid = to;
	return false;
}

/* Any of the addresses, but another one than the one that failed if there is another. */
static struct in_addr
choose(struct request *r, struct dns_answer *answer)
{
	size_t n = 0;

	for (size_t i = 0; r->retried && i < answer->n; i++) {
		if (answer->addrs[i].s_addr != r->avoid.s_addr)
			answer->addrs[n++] = answer->addrs[i];
	}
	if (n == 0)
		n = answer->n;
	return answer->addrs[request_random(&r->env->rng) % n];
}

static bool
step_resolving(struct request *r, int64_t now_ns)
{
	uint8_t packet[DNS_PACKET_MAX];
	struct dns_answer answer;
	ssize_t n;

	while ((n = recv(r->fd, packet, sizeof(packet), 0)) >= 0) {
		switch (dns_decode(r->dns_id, packet, (size_t) n, &answer)) {
		case 0:
			return try_connect(r, choose(r, &answer), now_ns);
		case -ENOENT:
			return end(r, OUTCOME_UNRESOLVED);
		default:
			break;
		}
	}
	return errno == EAGAIN ? false : end(r, OUTCOME_UNRESOLVED);
}

static bool
step_connecting(struct request *r, int64_t now_ns)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
		return connect_failed(r, r->avoid, now_ns);
	enter(r, SENDING, now_ns);
	return false;
}

static bool
step_sending(struct request *r, int64_t now_ns)
{
	char text[640];
	int len =
	    snprintf(text, sizeof(text),
	             "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nConnection: close\r\n\r\n",
	             r->url->path, r->url->host);
	ssize_t n = send(r->fd, text + r->n_sent, (size_t) len - r->n_sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? false : end(r, OUTCOME_CUT_OFF);
	r->n_sent += (size_t) n;
	if (r->n_sent < (size_t) len)
		return false;
	enter(r, READING, now_ns);
	return watch(r, EPOLLIN) ? false : end(r, OUTCOME_OVERRUN);
}

/* The connection has ended: was that the whole answer? */
static enum outcome
judge(struct request *r)
{
	const char *body, *field;
	unsigned long len;
	unsigned status;

	r->head[r->n_head] = '\0';
	body = strstr(r->head, "\r\n\r\n");
	if (body == NULL || sscanf(r->head, "HTTP/1.%*1u %3u", &status) != 1)
		return OUTCOME_CUT_OFF;
	field = strcasestr(r->head, "\r\nContent-Length:");
	if (field != NULL && field < body) {
		len = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
		if (r->n_read - (size_t) (body + 4 - r->head) < len)
			return OUTCOME_CUT_OFF;
	}
	return status == 200 ? OUTCOME_OK : OUTCOME_BAD_STATUS;
}

static bool
step_reading(struct request *r)
{
	char data[16384];
	ssize_t n;

	while ((n = recv(r->fd, data, sizeof(data), 0)) > 0) {
		size_t keep = HEAD_MAX - 1 - r->n_head;

		if ((size_t) n < keep)
			keep = (size_t) n;
		memcpy(r->head + r->n_head, data, keep);
		r->n_head += keep;
		r->n_read += (size_t) n;
	}
	if (n < 0 && errno == EAGAIN)
		return false;
	return end(r, n < 0 ? OUTCOME_CUT_OFF : judge(r));
}

struct request *
request_new(struct request_env *env, const struct url *url, int64_t due_ns, size_t tag)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	r->env = env;
	r->url = url;
	r->due_ns = due_ns;
	r->start_ns = workload_now_ns();
	r->tag = tag;
	r->fd = -1;
	(void) resolve(r, r->start_ns);
	return r;
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

bool
request_step(struct request *r, int64_t now_ns)
{
	switch (r->state) {
	case RESOLVING:
		return step_resolving(r, now_ns);
	case CONNECTING:
		if (step_connecting(r, now_ns) || r->state != SENDING)
			return r->state == ENDED;
		return step_sending(r, now_ns);
	case SENDING:
		return step_sending(r, now_ns);
	case READING:
		return step_reading(r);
	case ENDED:
		break;
	}
	return true;
}

bool
request_expire(struct request *r, int64_t now_ns)
{
	if (r->state == ENDED)
		return true;
	if (now_ns - r->start_ns >= TIMEOUT_NS)
		return end(r, r->state == RESOLVING ? OUTCOME_UNRESOLVED : OUTCOME_TIMED_OUT);
	if (r->state == CONNECTING && now_ns - r->state_ns >= CONNECT_WAIT_NS)
		return connect_failed(r, r->avoid, now_ns);
	if (r->state == RESOLVING && now_ns - r->state_ns >= DNS_AGAIN_NS) {
		enter(r, RESOLVING, now_ns);
		(void) ask(r);
	}
	return false;
}

enum outcome
request_outcome(const struct request *r)
{
	return r->outcome;
}

bool
request_retried(const struct request *r)
{
	return r->retried;
}

int64_t
request_due_ns(const struct request *r)
{
	return r->due_ns;
}

size_t
request_tag(const struct request *r)
{
	return r->tag;
}
