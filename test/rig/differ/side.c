/* A real engine or a scripted world, asked alike; see side.h. */
#include "test/rig/differ/side.h"

#include <curl/curl.h>
#include <stdio.h>

#include "test/fake/route.h"

/* A loaded machine's leader answers late, not never. */
#define TIMEOUT_S 60L

struct text {
	char *bytes;
	size_t size;
};

static size_t
on_bytes(char *bytes, size_t one, size_t n, void *data)
{
	struct text *t = data;

	t->bytes = xrealloc(t->bytes, t->size + n * one + 1, 1);
	memcpy(t->bytes + t->size, bytes, n * one);
	t->size += n * one;
	t->bytes[t->size] = '\0';
	return n * one;
}

void
side_open_real(struct side *s, const char *socket)
{
	*s = (struct side){.curl = curl_easy_init()};
	(void) curl_easy_setopt(s->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	(void) curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	(void) curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, TIMEOUT_S);
}

void
side_close(struct side *s)
{
	curl_easy_cleanup(s->curl);
	s->curl = NULL;
}

static int
ask_real(struct side *s, const char *method, const char *target, const char *body, char **ret)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	_cleanup_(freep) char *url = xasprintf("http://docker%s", target);
	struct text text = {0};
	long status = 0;
	CURLcode rc;

	(void) curl_easy_setopt(s->curl, CURLOPT_URL, url);
	(void) curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, method);
	(void) curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &text);
	(void) curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	if (body != NULL) {
		(void) curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE, (long) strlen(body));
		(void) curl_easy_setopt(s->curl, CURLOPT_COPYPOSTFIELDS, body);
	} else {
		(void) curl_easy_setopt(s->curl, CURLOPT_HTTPGET, 1L);
	}
	rc = curl_easy_perform(s->curl);
	curl_slist_free_all(headers);
	if (rc != CURLE_OK) {
		(void) fprintf(stderr, "differ: %s %s: %s\n", method, target,
		               curl_easy_strerror(rc));
		exit(2);
	}
	(void) curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	*ret = text.bytes;
	return (int) status;
}

static int
ask_world(struct side *s, const char *method, const char *target, const char *body, char **ret)
{
	struct route_request q = {.world = s->world,
	                          .here = s->world->nodes[0],
	                          .who = "ann",
	                          .method = method,
	                          .target = target,
	                          .body = body != NULL ? body : ""};
	struct route_answer a;

	route_open(&q);
	route_answer(&q, 0, &a);
	route_close(&q);
	*ret = a.body;
	return a.status;
}

int
side_ask(struct side *s, const char *method, const char *target, const char *body, json_t **ret)
{
	_cleanup_(freep) char *text = NULL;
	int status = s->world != NULL ? ask_world(s, method, target, body, &text)
	                              : ask_real(s, method, target, body, &text);

	if (ret != NULL)
		*ret = json_loads(text != NULL ? text : "", JSON_DECODE_ANY, NULL);
	return status;
}

json_t *
side_get(struct side *s, const char *target)
{
	json_t *doc = NULL;
	int status = side_ask(s, "GET", target, NULL, &doc);

	if (status == 200 && doc != NULL)
		return doc;
	(void) fprintf(stderr, "differ: GET %s: status %d\n", target, status);
	exit(2);
}
