/*
 * Answers of an engine: the first byte says which call. Never a crash, never a NULL string, lists
 * in order; what is refused says where.
 */
#include "docker/decode.h"
#include "docker/document.h"
#include "test/fuzz/fuzz.h"

static void
nodes(const json_t *doc, struct arena *arena)
{
	struct docker_nodes l = {0};
	struct error err = {0};

	fuzz_said(decode_nodes(doc, arena, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++) {
		FUZZ_CHECK(i == 0 || strcmp(l.items[i - 1].id, l.items[i].id) <= 0, "%zu", i);
		FUZZ_CHECK(l.items[i].hostname != NULL && l.items[i].addr != NULL, "%zu", i);
	}
}

static void
check_service(const struct docker_service *v)
{
	FUZZ_CHECK(v->name != NULL && v->image != NULL, "%s", v->id);
	for (size_t i = 0; i < v->n_constraints; i++)
		FUZZ_CHECK(v->constraints[i] != NULL, "%zu", i);
	for (size_t i = 0; i < v->labels.n; i++)
		FUZZ_CHECK(docker_label_get(&v->labels, v->labels.items[i].key) != NULL, "%s",
		           v->labels.items[i].key);
}

static void
services(const json_t *doc, struct arena *arena)
{
	struct docker_services l = {0};
	struct error err = {0};

	fuzz_said(decode_services(doc, arena, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++) {
		FUZZ_CHECK(i == 0 || strcmp(l.items[i - 1].id, l.items[i].id) <= 0, "%zu", i);
		check_service(&l.items[i]);
	}
}

static void
service(const json_t *doc, struct arena *arena)
{
	struct docker_service v;
	struct error err = {0};
	int r = decode_service(doc, arena, &v, &err);

	fuzz_said(r, &err);
	if (r >= 0)
		check_service(&v);
}

static void
tasks(const json_t *doc, struct arena *arena)
{
	struct docker_tasks l = {0};
	struct error err = {0};

	fuzz_said(decode_tasks(doc, arena, &l, &err), &err);
	for (size_t i = 1; i < l.n; i++)
		FUZZ_CHECK(strcmp(l.items[i - 1].service_id, l.items[i].service_id) <= 0, "%zu", i);
}

static void
configs(const json_t *doc, struct arena *arena)
{
	struct docker_configs l = {0};
	struct error err = {0};

	fuzz_said(decode_configs(doc, arena, &l, &err), &err);
}

static void
info(const json_t *doc, struct arena *arena)
{
	struct docker_info i;
	struct error err = {0};

	fuzz_said(decode_info(doc, arena, &i, &err), &err);
}

static void
containers(const json_t *doc, struct arena *arena)
{
	struct docker_containers l = {0};
	struct error err = {0};

	fuzz_said(decode_containers(doc, arena, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++)
		FUZZ_CHECK(strlen(l.items[i].id) == DOCKER_CONTAINER_ID_SIZE - 1, "%zu", i);
}

static void
inspect(const json_t *doc, struct arena *arena)
{
	struct docker_inspect i;
	struct error err = {0};

	fuzz_said(decode_inspect(doc, arena, &i, &err), &err);
}

static void
image(const json_t *doc, struct arena *arena)
{
	struct docker_image i;
	struct error err = {0};

	fuzz_said(decode_image(doc, arena, &i, &err), &err);
}

static void
event(const json_t *doc, struct arena *arena)
{
	struct docker_event e;
	struct error err = {0};
	int r = decode_event(doc, arena, &e, &err);

	fuzz_said(r, &err);
	if (r >= 0)
		FUZZ_CHECK(e.type != NULL && e.action != NULL && e.id != NULL, "an event");
}

static void
done(const json_t *doc, struct arena *arena)
{
	const char *id, *const *warnings;
	struct error err = {0};
	size_t n;
	int r = decode_done(doc, arena, &id, &warnings, &n, &err);

	fuzz_said(r, &err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		FUZZ_CHECK(warnings[i] != NULL, "%zu", i);
}

void
fuzz_decode(const uint8_t *data, size_t size)
{
	static const struct {
		char letter;
		void (*fn)(const json_t *doc, struct arena *arena);
	} calls[] = {
	    {'n', nodes},   {'s', services}, {'S', service},    {'t', tasks},
	    {'c', configs}, {'i', info},     {'C', containers}, {'I', inspect},
	    {'m', image},   {'e', event},    {'d', done},
	};
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = NULL;
	struct error err = {0};
	int r;

	if (size == 0)
		return;
	r = document_parse("fuzz", (const char *) data + 1, size - 1, &doc, &err);
	fuzz_said(r, &err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(calls); i++) {
		if (calls[i].letter == (char) data[0])
			calls[i].fn(doc, arena);
	}
}
