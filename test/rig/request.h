/*
 * One HTTP request of the load client: looks the name up, connects, sends, reads to the end; a
 * second try when, and only when, the connection could not be made. Never blocks.
 */
#ifndef TEST_RIG_REQUEST_H
#define TEST_RIG_REQUEST_H

#include "test/rig/dns.h"
#include "test/rig/tally.h"

/* http://HOST[:PORT]/PATH */
struct url {
	const char *text;
	char host[256];
	char path[256];
	uint16_t port;
};

struct request;

/* What all requests share. */
struct request_env {
	int epoll_fd; /* events carry the request in data.ptr */
	struct sockaddr_in dns;
	uint64_t rng;
};

/* 0, or -EINVAL. Keeps a pointer to the text. */
int url_parse(const char *text, struct url *ret);

uint64_t request_random(uint64_t *rng);

/* Takes the time when it should have left, and a number for whoever asks for it again. */
struct request *request_new(struct request_env *env, const struct url *url, int64_t due_ns,
                            size_t tag);

void request_free(struct request *r);

/* Goes on as far as it can without waiting. True when the request has ended. */
bool request_step(struct request *r, int64_t now_ns);

/* Like request_step, for time that has passed without an event. */
bool request_expire(struct request *r, int64_t now_ns);

/* Of a request that has ended. */
enum outcome request_outcome(const struct request *r);
bool request_retried(const struct request *r);
int64_t request_due_ns(const struct request *r);
size_t request_tag(const struct request *r);

#endif
