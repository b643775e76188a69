/* Where a Docker Engine listens; see endpoint.h. */
#include "docker/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#define FORMS "write unix:///var/run/docker.sock, tcp://host:2375 or https://host:2376"

/* Docker's own ports without and with TLS; plain http:// and https:// keep those of the web. */
#define PORT_PLAIN 2375
#define PORT_TLS   2376

struct scheme {
	const char *prefix;
	bool tls;
	bool docker; /* tcp://: TLS when there are files, Docker's ports */
	int port;
};

static const struct scheme schemes[] = {
    {"tcp://", false, true, PORT_PLAIN},
    {"http://", false, false, 80},
    {"https://", true, false, 443},
};

static int
unix_check(const char *url, const char *path, struct error *err)
{
	size_t most = sizeof(((struct sockaddr_un *) NULL)->sun_path) - 1;

	if (path[0] != '/')
		return error_set(err, EINVAL, "'%s' needs an absolute path: " FORMS, url);
	if (strlen(path) > most)
		return error_set(err, EINVAL, "the socket's path in '%s' is longer than %zu bytes",
		                 url, most);
	return 0;
}

/* Host names, IPv4 and [IPv6]; a zone or user name has no place here. */
static bool
host_ok(const char *host, size_t n)
{
	bool v6 = n > 2 && host[0] == '[' && host[n - 1] == ']';

	if (n == 0 || n > 255)
		return false;
	for (size_t i = v6 ? 1 : 0; i < (v6 ? n - 1 : n); i++) {
		unsigned char c = (unsigned char) host[i];

		if (v6 ? !isxdigit(c) && c != ':' && c != '.'
		       : !isalnum(c) && c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

static int
port_parse(const char *url, const char *s, int *ret, struct error *err)
{
	char *end;
	long port;

	if (!isdigit((unsigned char) s[0]))
		return error_set(err, EINVAL, "'%s' has no port after the colon: " FORMS, url);
	port = strtol(s, &end, 10);
	if (*end != '\0' || port < 1 || port > 65535)
		return error_set(err, EINVAL, "'%s' has no valid port (1 … 65535)", url);
	*ret = (int) port;
	return 0;
}

static int
tcp_parse(const char *url, const struct scheme *scheme, bool tls, char **ret, struct error *err)
{
	_cleanup_(freep) char *rest = xstrdup(url + strlen(scheme->prefix));
	size_t n = strlen(rest);
	int rc, port = scheme->docker && tls ? PORT_TLS : scheme->port;
	char *colon;

	if (n > 0 && rest[n - 1] == '/')
		rest[--n] = '\0';
	if (strpbrk(rest, "/?#@") != NULL)
		return error_set(
		    err, EINVAL,
		    "'%s' may name only a host and a port, no path and no user: " FORMS, url);
	colon = strrchr(rest, ':');
	if (colon != NULL && strchr(colon, ']') == NULL) {
		rc = port_parse(url, colon + 1, &port, err);
		if (rc < 0)
			return rc;
		*colon = '\0';
	}
	if (!host_ok(rest, strlen(rest)))
		return error_set(err, EINVAL, "'%s' has no valid host name: " FORMS, url);
	*ret = xasprintf("%s://%s:%d", tls ? "https" : "http", rest, port);
	return 0;
}

static int
file_take(const char *key, const char *path, char **ret, struct error *err)
{
	if (path == NULL || path[0] == '\0')
		return 0;
	if (access(path, R_OK) != 0)
		return error_set(err, EINVAL, "cannot read the %s file '%s': %s", key, path,
		                 strerror(errno));
	*ret = xstrdup(path);
	return 0;
}

static int
tls_take(struct endpoint *e, const char *ca, const char *cert, const char *key, struct error *err)
{
	int rc = file_take("tls-ca", ca, &e->tls_ca, err);

	if (rc == 0)
		rc = file_take("tls-cert", cert, &e->tls_cert, err);
	if (rc == 0)
		rc = file_take("tls-key", key, &e->tls_key, err);
	if (rc == 0 && (e->tls_cert == NULL) != (e->tls_key == NULL))
		rc = error_set(err, EINVAL,
		               "'%s': tls-cert and tls-key belong together, but only one is set",
		               e->url);
	return rc;
}

static int
url_take(struct endpoint *e, const char *ca, const char *cert, const char *key, struct error *err)
{
	const char *url = e->url;
	bool files = (ca != NULL && *ca != '\0') || (cert != NULL && *cert != '\0') ||
	             (key != NULL && *key != '\0');

	for (const char *c = url; *c != '\0'; c++) {
		if (!isgraph((unsigned char) *c))
			return error_set(err, EINVAL, "'%s' holds a blank or a control character",
			                 url);
	}
	if (str_has_prefix(url, "unix://")) {
		e->unix_path = xstrdup(url + strlen("unix://"));
		e->base = xstrdup("http://localhost");
		return unix_check(url, e->unix_path, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const struct scheme *s = &schemes[i];
		bool tls = s->tls || (s->docker && files);
		int rc;

		if (!str_has_prefix(url, s->prefix))
			continue;
		rc = tcp_parse(url, s, tls, &e->base, err);
		if (rc == 0 && tls)
			rc = tls_take(e, ca, cert, key, err);
		return rc;
	}
	return error_set(err, EINVAL, "'%s' is no endpoint that forager can use: " FORMS, url);
}

int
endpoint_init(struct endpoint *ret, const char *url, const char *tls_ca, const char *tls_cert,
              const char *tls_key, struct error *err)
{
	struct endpoint e = {0};
	int rc;

	if (url == NULL || *url == '\0')
		return error_set(err, EINVAL, "no Docker endpoint is given: " FORMS);
	e.url = xstrdup(url);
	rc = url_take(&e, tls_ca, tls_cert, tls_key, err);
	if (rc < 0) {
		endpoint_done(&e);
		return rc;
	}
	*ret = e;
	return 0;
}

void
endpoint_done(struct endpoint *e)
{
	free(e->url);
	free(e->base);
	free(e->unix_path);
	free(e->tls_ca);
	free(e->tls_cert);
	free(e->tls_key);
	*e = (struct endpoint){0};
}
