/* How fast the engine's answers become structs: lists of services and tasks, one stats answer. */
#include "docker/decode.h"
#include "docker/document.h"
#include "test/bench/bench.h"
#include "test/bench/docs.h"

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
	run(&b, "stats", stats, xstrdup(docs_stats()), STATS_ROUNDS);
	return 0;
}
