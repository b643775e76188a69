/* The lease's labels and rules; see lease.h. */
#include "agent/lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t
number(const char *text, uint64_t otherwise)
{
	char *end;
	uint64_t n;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return otherwise;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? otherwise : n;
}

void
lease_read(const struct docker_labels *labels, struct lease *ret)
{
	const char *holder = docker_label_get(labels, LEASE_LABEL_HOLDER);
	const char *host = docker_label_get(labels, LEASE_LABEL_HOST);
	uint64_t ttl = number(docker_label_get(labels, LEASE_LABEL_TTL), LEASE_TTL_MS);

	*ret = (struct lease){
	    .term = number(docker_label_get(labels, LEASE_LABEL_TERM), 0),
	    .ttl_ms = (int64_t) CLAMP(ttl, LEASE_TTL_LEAST_MS, LEASE_TTL_MOST_MS),
	};
	/* A name that is too long is not ours, and stays somebody's when it is cut. */
	(void) str_copy(ret->holder, sizeof(ret->holder), holder != NULL ? holder : "");
	(void) str_copy(ret->host, sizeof(ret->host), host != NULL ? host : "");
}

void
lease_write(const struct lease *lease, struct lease_labels *ret)
{
	ret->lease = *lease;
	(void) snprintf(ret->term, sizeof(ret->term), "%" PRIu64, lease->term);
	(void) snprintf(ret->ttl, sizeof(ret->ttl), "%" PRId64, lease->ttl_ms);
	ret->items[0] = (struct docker_label){LEASE_LABEL_HOLDER, ret->lease.holder};
	ret->items[1] = (struct docker_label){LEASE_LABEL_HOST, ret->lease.host};
	ret->items[2] = (struct docker_label){LEASE_LABEL_TERM, ret->term};
	ret->items[3] = (struct docker_label){LEASE_LABEL_TTL, ret->ttl};
	ret->labels = (struct docker_labels){ret->items, ARRAY_SIZE(ret->items)};
}

int64_t
lease_margin_ms(int64_t ttl_ms)
{
	return ttl_ms / 5;
}

int64_t
lease_guard_ms(int64_t ttl_ms)
{
	return ttl_ms / 4;
}

int64_t
lease_renew_ms(int64_t ttl_ms)
{
	return ttl_ms / 5;
}

enum lease_step
lease_judge(const struct lease *now, uint64_t version, const char *me, int64_t now_ms,
            struct lease_watch *watch, bool *ret_renewed, int64_t *ret_wait_ms)
{
	bool other = now != NULL && now->holder[0] != '\0' && !streq(now->holder, me);
	bool changed = !watch->seen || watch->version != version;
	int64_t left;

	if (ret_renewed != NULL)
		*ret_renewed = other && watch->seen && changed;
	*ret_wait_ms = 0;
	if (now == NULL) {
		watch->seen = false;
		return LEASE_CREATE;
	}
	if (changed)
		*watch = (struct lease_watch){.seen = true, .version = version, .since_ms = now_ms};
	if (!other)
		return now->holder[0] == '\0' ? LEASE_TAKE : LEASE_RENEW;
	left = watch->since_ms + now->ttl_ms + lease_margin_ms(now->ttl_ms) - now_ms;
	if (left <= 0)
		return LEASE_TAKE;
	*ret_wait_ms = left;
	return LEASE_WAIT;
}

struct lease
lease_mine(const struct lease *now, const char *me, const char *host, int64_t ttl_ms)
{
	struct lease mine = {.term = now == NULL ? 1 : now->term, .ttl_ms = ttl_ms};

	if (now != NULL && !streq(now->holder, me))
		mine.term++;
	(void) str_copy(mine.holder, sizeof(mine.holder), me);
	(void) str_copy(mine.host, sizeof(mine.host), host);
	return mine;
}

struct lease
lease_free(const struct lease *now)
{
	struct lease free_one = *now;

	free_one.holder[0] = '\0';
	return free_one;
}

int
lease_key(int lock_fd, char ret[static LEASE_KEY_SIZE], struct error *err)
{
	struct stat st;
	uint64_t what[2];

	if (fstat(lock_fd, &st) < 0)
		return error_set(err, errno, "the actor's lock: %s", strerror(errno));
	what[0] = (uint64_t) st.st_dev;
	what[1] = (uint64_t) st.st_ino;
	(void) snprintf(ret, LEASE_KEY_SIZE, "%016" PRIx64, hash64(what, sizeof(what)));
	return 0;
}

void
lease_holder(const char *node_id, const char *key, char ret[static LEASE_HOLDER_SIZE])
{
	(void) snprintf(ret, LEASE_HOLDER_SIZE, "%s-%s", node_id, key);
}
