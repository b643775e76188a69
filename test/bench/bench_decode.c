/* How fast the engine's answers become structs: lists of services and tasks, one stats answer. */
#include <errno.h>
#include <stdio.h>

#include "docker/decode.h"
#include "docker/document.h"
#include "test/bench/bench.h"
#include "test/bench/docs.h"

#ifndef TEST_DATA
#define TEST_DATA "test/data"
#endif

enum { SERVICES = 3000, NODES = 1000, ROUNDS = 15, STATS_ROUNDS = 5000 };

static json_t *
parse(const char *text)
{
	struct error err = {0};
	json_t *doc = NULL;

	bench_must(document_parse("bench", text, strlen(text), &doc, &err), &err);
	return doc;
}

static void
services(const char *text)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = parse(text);
	struct docker_services list;
	struct error err = {0};

	bench_must(decode_services(doc, arena, &list, &err), &err);
}

static void
tasks(const char *text)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *doc = parse(text);
	struct docker_tasks list;
	struct error err = {0};

	bench_must(decode_tasks(doc, arena, &list, &err), &err);
}

static void
stats(const char *text)
{
	json_auto_t *doc = parse(text);
	struct docker_stats one;
	struct error err = {0};

	bench_must(decode_stats(doc, &one, &err), &err);
}

static char *
file_read(const char *path)
{
	struct error err = {0};
	FILE *f = fopen(path, "re");
	char *text = xcalloc(1, 65536);

	if (f == NULL)
		bench_must(error_set(&err, errno, "open '%s': %s", path, strerror(errno)), &err);
	text[fread(text, 1, 65535, f)] = '\0';
	(void) fclose(f);
	return text;
}

static void
run(const struct bench *b, const char *what, void (*decode)(const char *text), char *text,
    size_t rounds)
{
	_cleanup_(freep) double *ms = xcalloc(rounds, sizeof(*ms));
	_cleanup_(freep) char *bytes = xasprintf("%s_bytes", what);
	_cleanup_(freep) char *rate = xasprintf("%s_rate", what);
	double size = (double) strlen(text), sum = 0;

	decode(text); /* warm */
	for (size_t i = 0; i < rounds; i++) {
		double from = bench_cpu_ms();

		decode(text);
		ms[i] = bench_cpu_ms() - from;
		sum += ms[i];
	}
	bench_figure(b, bytes, size, "bytes");
	bench_figure(b, rate, size * (double) rounds / sum / 1e3, "MB/s");
	bench_spread(b, what, ms, rounds, "ms");
	free(text);
}

int
main(int argc, char **argv)
{
	struct bench b = bench_begin(argc, argv, "decode");

	document_global_init();
	run(&b, "services_3000", services, docs_services(SERVICES), ROUNDS);
	run(&b, "tasks_3000", tasks, docs_tasks(SERVICES, NODES), ROUNDS);
	run(&b, "stats", stats, file_read(TEST_DATA "/docker/stats-1.41-v1.json"), STATS_ROUNDS);
	return 0;
}
