/*
 * The one DNS question that the rig needs: A records, one name.
 */
#include "test/rig/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEADER_BYTES 12
#define LABEL_MAX    63
#define TYPE_A       1
#define CLASS_IN     1
#define TRIES        3
#define WAIT_S       1

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t) (p[0] << 8 | p[1]);
}

int
dns_server(struct sockaddr_in *ret)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[256], text[64];
	struct in_addr addr;
	int r = -ENOENT;

	if (f == NULL)
		return -ENOENT;
	while (r < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "nameserver %63s", text) == 1 &&
		    inet_pton(AF_INET, text, &addr) == 1) {
			*ret = (struct sockaddr_in){
			    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = addr};
			r = 0;
		}
	}
	fclose(f);
	return r;
}

int
dns_encode(uint16_t id, const char *name, uint8_t packet[static DNS_PACKET_MAX])
{
	uint8_t *p = packet + HEADER_BYTES;

	/* Room for the header, the length byte of each label, the root label, type and class. */
	if (*name == '\0' || strlen(name) > DNS_PACKET_MAX - HEADER_BYTES - 6)
		return -EINVAL;
	memset(packet, 0, HEADER_BYTES);
	packet[0] = (uint8_t) (id >> 8);
	packet[1] = (uint8_t) id;
	packet[2] = 1; /* recursion desired */
	packet[5] = 1; /* one question */
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > LABEL_MAX)
			return -EINVAL;
		*p++ = (uint8_t) len;
		memcpy(p, name, len);
		p += len;
		name += len + (name[len] == '.');
	}
	*p++ = 0;
	*p++ = 0;
	*p++ = TYPE_A;
	*p++ = 0;
	*p++ = CLASS_IN;
	return (int) (p - packet);
}

/* The offset after a name, or 0 when it runs out of the packet. */
static size_t
skip_name(const uint8_t *packet, size_t len, size_t at)
{
	while (at < len) {
		if (packet[at] == 0)
			return at + 1;
		if (packet[at] >= 0xc0) /* a pointer ends a name */
			return at + 2;
		at += 1U + packet[at];
	}
	return 0;
}

int
dns_decode(uint16_t id, const uint8_t *packet, size_t len, struct dns_answer *ret)
{
	struct dns_answer answer = {0};
	unsigned n_answers;
	size_t at;

	if (len < HEADER_BYTES || get16(packet) != id || (packet[2] & 0x80) == 0 ||
	    get16(packet + 4) != 1)
		return -EBADMSG;
	n_answers = get16(packet + 6);
	at = skip_name(packet, len, HEADER_BYTES);
	if (at == 0)
		return -EBADMSG;
	at += 4;
	for (unsigned i = 0; i < n_answers && answer.n < DNS_ADDRS_MAX; i++) {
		size_t n_data;

		at = skip_name(packet, len, at);
		if (at == 0 || at + 10 > len)
			break;
		n_data = get16(packet + at + 8);
		if (at + 10 + n_data > len)
			break;
		if (get16(packet + at) == TYPE_A && n_data == 4)
			memcpy(&answer.addrs[answer.n++], packet + at + 10, 4);
		at += 10 + n_data;
	}
	if (answer.n == 0)
		return -ENOENT;
	*ret = answer;
	return 0;
}

static int
ask(int fd, const char *name, struct dns_answer *ret)
{
	uint8_t packet[DNS_PACKET_MAX];

	for (uint16_t id = 1; id <= TRIES; id++) {
		ssize_t n;
		int len = dns_encode(id, name, packet), r = -EBADMSG;

		if (len < 0)
			return len;
		if (send(fd, packet, (size_t) len, 0) < 0)
			return -errno;
		while (r == -EBADMSG && (n = recv(fd, packet, sizeof(packet), 0)) >= 0)
			r = dns_decode(id, packet, (size_t) n, ret);
		if (r != -EBADMSG)
			return r;
	}
	return -ETIMEDOUT;
}

int
dns_lookup(const char *name, struct dns_answer *ret)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct sockaddr_in server;
	struct dns_answer literal = {.n = 1};
	int fd, r;

	if (inet_pton(AF_INET, name, &literal.addrs[0]) == 1) {
		*ret = literal;
		return 0;
	}
	r = dns_server(&server);
	if (r < 0)
		return r;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *) &server, sizeof(server)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		r = -errno;
	else
		r = ask(fd, name, ret);
	close(fd);
	return r;
}
