/* A scripted Docker Engine, or many: a Swarm in memory on sockets. README.md tells how to use it.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "docker/document.h"
#include "test/fake/script.h"

static const char usage_text[] =
    "Usage: engine --dir DIR [--script FILE] [--api MINOR] [--speed F] [--seed N] [--age SECONDS]\n"
    "              [--tcp PORT] [--stats-latency SECONDS] [--record FILE]\n"
    "\n"
    "Sockets: DIR/HOSTNAME.sock of each node, DIR/control.sock. Prints \"ready\" when they are "
    "there.\n";

struct options {
	const char *dir, *script, *record;
	int api_minor, tcp_port;
	double speed, age_s, stats_s;
	uint64_t seed;
};

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"dir", required_argument, NULL, 'd'},
	                                      {"script", required_argument, NULL, 's'},
	                                      {"api", required_argument, NULL, 'a'},
	                                      {"speed", required_argument, NULL, 'f'},
	                                      {"seed", required_argument, NULL, 'n'},
	                                      {"age", required_argument, NULL, 'g'},
	                                      {"tcp", required_argument, NULL, 't'},
	                                      {"stats-latency", required_argument, NULL, 'l'},
	                                      {"record", required_argument, NULL, 'r'},
	                                      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'd':
			o->dir = optarg;
			break;
		case 's':
			o->script = optarg;
			break;
		case 'a':
			o->api_minor = atoi(str_has_prefix(optarg, "1.") ? optarg + 2 : optarg);
			break;
		case 'f':
			o->speed = strtod(optarg, NULL);
			break;
		case 'n':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'g':
			o->age_s = strtod(optarg, NULL);
			break;
		case 't':
			o->tcp_port = atoi(optarg);
			break;
		case 'l':
			o->stats_s = strtod(optarg, NULL);
			break;
		case 'r':
			o->record = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	return o->dir == NULL || o->speed <= 0 || optind < argc ? -EINVAL : 0;
}

/* The caller frees. */
static char *
read_file(const char *path)
{
	FILE *f = streq(path, "-") ? stdin : fopen(path, "re");
	char *text = xcalloc(1, 1);
	size_t size = 0, n;

	while (f != NULL) {
		text = xrealloc(text, size + 4097, 1);
		n = fread(text + size, 1, 4096, f);
		size += n;
		text[size] = '\0';
		if (n == 0)
			break;
	}
	if (f != NULL && f != stdin)
		(void) fclose(f);
	if (f == NULL)
		(void) fprintf(stderr, "engine: cannot read '%s'\n", path);
	return text;
}

/* The script runs in the past, so that what it makes has some age when the sockets open. */
static int
make_world(struct engine *e, const struct options *o)
{
	int64_t now_ns = wall_ms() * NS_PER_MS;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *reply = NULL;
	struct error err = {0};

	e->world = world_new(o->seed, now_ns - (int64_t) (o->age_s * 1e9), o->api_minor);
	e->world->listener = (struct world_listener){engine_event, engine_record, e};
	text = o->script != NULL ? read_file(o->script) : xstrdup("many nodes=3");
	if (script_text(e, text, &reply, &err) < 0) {
		(void) fprintf(stderr, "engine: %s\n", err.text);
		return -EINVAL;
	}
	world_run_until(e->world, now_ns);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = {.api_minor = 41, .speed = 1, .age_s = 86400, .stats_s = 1, .seed = 1};
	struct engine e = {.speed = 1};

	if (parse(argc, argv, &o) < 0) {
		(void) fputs(usage_text, stderr);
		return 2;
	}
	document_global_init();
	(void) signal(SIGPIPE, SIG_IGN);
	(void) uv_loop_init(&e.loop);
	e.speed = o.speed;
	e.stats_s = o.stats_s;
	if (o.record != NULL && (e.record = fopen(o.record, "we")) == NULL) {
		(void) fprintf(stderr, "engine: cannot write '%s'\n", o.record);
		return 1;
	}
	if (make_world(&e, &o) < 0)
		return 2;
	engine_open(&e, e.world, o.dir, o.tcp_port);
	(void) printf("ready\n");
	(void) fflush(stdout);
	engine_run(&e);
	engine_close(&e);
	world_free(e.world);
	(void) uv_loop_close(&e.loop);
	if (e.record != NULL)
		(void) fclose(e.record);
	return 0;
}
