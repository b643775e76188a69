/* What a failed request means; see fault.h. */
#include "docker/fault.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "docker/document.h"

/* Docker's own texts, where the status alone says too little. The first that fits counts. */
static const struct {
	int status; /* 0 = any */
	const char *part;
	int errnum;
	const char *remedy;
} texts[] = {
    /* moby daemon/cluster: the store's compare-and-swap comes as 500 */
    {0, "update out of sequence", EAGAIN, ""},
    {0, "not a swarm manager", ENOTSUP, ": point [docker] host to a manager of the Swarm"},
    {0, "not part of a swarm", ENOTSUP, ": point [docker] host to a manager of the Swarm"},
    {0, "Swarm is encrypted and needs to be unlocked", EBUSY, ": run 'docker swarm unlock'"},
    {0, "swarm does not have a leader", EBUSY, ""},
    {0, "node lost leader status", EBUSY, ""},
    {500, "deadline exceeded", EBUSY, ""},
    {400, "client version", ENOTSUP, ""},
    {0, "code = NotFound", ENOENT, ""},
    {0, "code = AlreadyExists", EEXIST, ""},
    {0, "code = InvalidArgument", EINVAL, ""},
};

static int
errnum_of_status(int status)
{
	switch (status) {
	case 400:
	case 406:
	case 413:
	case 422:
	case 501: /* Swarm's "Unimplemented": a change it does not allow */
		return EINVAL;
	case 401:
	case 403:
	case 407:
		return EPERM;
	case 404:
		return ENOENT;
	case 409:
		return EEXIST;
	case 408:
	case 429:
	case 502:
	case 503:
	case 504:
		return EBUSY;
	default:
		return EIO;
	}
}

/* {"message": "…"}; NULL when the body is not that. The caller frees. */
static char *
message_of(const struct http_response *response)
{
	json_auto_t *doc =
	    json_loadb(response->body, response->size, JSON_DECODE_INT_AS_REAL, NULL);
	const char *text = json_string_value(json_object_get(doc, "message"));
	char *message = xstrdup(text);
	size_t n;

	if (message == NULL)
		return NULL;
	n = strlen(message);
	while (n > 0 && (isspace((unsigned char) message[n - 1]) || message[n - 1] == '.'))
		message[--n] = '\0';
	return message;
}

/*
 * A proxy in between answers in its own words. 3xx stands here too: we follow no redirect, and
 * Docker sends none.
 */
static int
foreign(const char *url, const struct http_response *response, struct error *err)
{
	int errnum = errnum_of_status(response->status);

	if (errnum == EPERM)
		return error_set(err, EPERM,
		                 "'%s' refused with HTTP %d: the proxy in front of Docker does not "
		                 "allow this request",
		                 url, response->status);
	if (errnum == EBUSY)
		return error_set(err, EBUSY,
		                 "'%s' answered with HTTP %d: Docker is not reachable "
		                 "behind it",
		                 url, response->status);
	return error_set(err, EBADMSG,
	                 "'%s' answered with HTTP %d and no message of Docker: check [docker] host",
	                 url, response->status);
}

int
fault_of_answer(const char *url, const struct http_response *response, struct error *err)
{
	_cleanup_(freep) char *message = message_of(response);

	if (message == NULL)
		return foreign(url, response, err);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if ((texts[i].status == 0 || texts[i].status == response->status) &&
		    strstr(message, texts[i].part) != NULL)
			return error_set(err, texts[i].errnum, "'%s': %.350s%s", url, message,
			                 texts[i].remedy);
	}
	return error_set(err, errnum_of_status(response->status), "'%s': %.400s (HTTP %d)", url,
	                 message, response->status);
}

int
fault_of_transport(const char *url, const struct error *cause, struct error *err)
{
	const char *path = str_has_prefix(url, "unix://") ? url + strlen("unix://") : url;
	int errnum = -cause->code;

	switch (errnum) {
	case ENOENT:
		return error_set(err, errnum,
		                 "no Docker socket at '%s': start docker or set [docker] host",
		                 path);
	case EACCES:
		return error_set(err, errnum,
		                 "no permission to open '%s': run as root or as a member of group "
		                 "docker",
		                 path);
	case ECONNREFUSED:
		return error_set(err, errnum, "%.400s: is the engine running?", cause->text);
	case EHOSTUNREACH:
		return error_set(err, errnum, "%.400s: check the host's name and the network",
		                 cause->text);
	case EKEYREJECTED:
		return error_set(err, errnum, "%.380s: check [docker] tls-ca, tls-cert and tls-key",
		                 cause->text);
	case ETIMEDOUT:
		return error_set(err, errnum, "%.400s: the engine hangs or is overloaded",
		                 cause->text);
	default:
		return error_set(err, errnum, "%s", cause->text);
	}
}
