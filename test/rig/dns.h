/*
 * Address lookup over UDP against the name server of /etc/resolv.conf (in a container: Docker's
 * own). getaddrinfo does not work in a static program, and a load client must not block in it.
 */
#ifndef TEST_RIG_DNS_H
#define TEST_RIG_DNS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PACKET_MAX 512
#define DNS_ADDRS_MAX  16

struct dns_answer {
	size_t n;
	struct in_addr addrs[DNS_ADDRS_MAX];
};

/* The first IPv4 name server in /etc/resolv.conf. 0, or -ENOENT when there is none. */
int dns_server(struct sockaddr_in *ret);

/* Writes a query for the name's IPv4 addresses; returns its length, -EINVAL for a bad name. */
int dns_encode(uint16_t id, const char *name, uint8_t packet[static DNS_PACKET_MAX]);

/*
 * 0: answered, with at least one address. -ENOENT: answered, and the name has no address.
 * -EBADMSG: not an answer to this query; go on waiting.
 */
int dns_decode(uint16_t id, const uint8_t *packet, size_t len, struct dns_answer *ret);

/* Blocking lookup, for who has time: 0, or a negative errno. A dotted address is its own answer. */
int dns_lookup(const char *name, struct dns_answer *ret);

#endif
