/*
 * Judges a run by its record: check [--database FILE] [--per-hour N] [--ended] [--acked FILE]
 * [--only I1,I3] [--label TEXT --faults TEXT] RECORD… Prints a line for each invariant, and a line
 * RELIABILITY|… for the table of docs/reliability.md when it is labelled. Exit 1: violated.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "docker/document.h"
#include "test/fake/invariant.h"

struct options {
	const char *database, *acked, *only, *label, *faults;
	struct invariant_limits limits;
};

static const struct option longs[] = {
    {"database", required_argument, NULL, 'd'}, {"per-hour", required_argument, NULL, 'p'},
    {"ended", no_argument, NULL, 'e'},          {"acked", required_argument, NULL, 'a'},
    {"only", required_argument, NULL, 'o'},     {"label", required_argument, NULL, 'l'},
    {"faults", required_argument, NULL, 'f'},   {"watchdog", required_argument, NULL, 'w'},
    {"slack", required_argument, NULL, 's'},    {NULL, 0, NULL, 0}};

static int
parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			o->database = optarg;
		else if (c == 'p')
			o->limits.per_hour = strtod(optarg, NULL);
		else if (c == 'e')
			o->limits.ended = true;
		else if (c == 'a')
			o->acked = optarg;
		else if (c == 'o')
			o->only = optarg;
		else if (c == 'l')
			o->label = optarg;
		else if (c == 'f')
			o->faults = optarg;
		else if (c == 'w')
			o->limits.watchdog_s = strtod(optarg, NULL);
		else if (c == 's')
			o->limits.slack_s = strtod(optarg, NULL);
		else
			return -1;
	}
	return optind < argc ? 0 : -1;
}

static int
load(int argc, char **argv, const struct options *o, struct history *h, struct error *err)
{
	int rc = 0;

	for (int i = optind; i < argc && rc == 0; i++)
		rc = history_read(h, argv[i], err);
	if (rc == 0 && o->database != NULL)
		rc = history_read_database(h, o->database, err);
	if (rc == 0 && o->acked != NULL) {
		FILE *f = fopen(o->acked, "re");
		long long id;

		while (f != NULL && fscanf(f, "%lld", &id) == 1)
			(void) json_array_append_new(h->acked, json_integer(id));
		if (f != NULL)
			(void) fclose(f);
	}
	return rc;
}

static uint64_t
judge(const struct options *o, const struct history *h)
{
	uint64_t violations = 0;

	for (size_t i = 0; i < INVARIANT_N; i++) {
		const struct invariant *v = &invariants[i];
		struct invariant_result r;

		if (o->only != NULL && strstr(o->only, v->name) == NULL)
			continue;
		v->fn(h, &o->limits, &r);
		(void) printf("%s %s: %" PRIu64 " checks, %" PRIu64 " violations\n%s", v->name,
		              v->text, r.checks, r.violations, r.text != NULL ? r.text : "");
		if (o->label != NULL && r.checks > 0)
			(void) printf("RELIABILITY|%s|%s|%s %s|%" PRIu64 "\n", o->label,
			              o->faults != NULL ? o->faults : "–", v->name, v->text,
			              r.violations);
		violations += r.violations;
		invariant_result_done(&r);
	}
	return violations;
}

int
main(int argc, char **argv)
{
	struct options o = {.limits = {.rss_share = 1.15}};
	struct history h;
	struct error err = {0};
	uint64_t violations;

	document_global_init();
	if (parse(argc, argv, &o) < 0) {
		(void) fprintf(
		    stderr, "usage: check [--database FILE] [--per-hour N] [--ended] "
		            "[--acked FILE] [--watchdog S] [--slack S] [--only I1,…] [--label TEXT "
		            "--faults TEXT] RECORD…\n");
		return 2;
	}
	history_init(&h);
	if (load(argc, argv, &o, &h, &err) < 0) {
		(void) fprintf(stderr, "check: %s\n", err.text);
		history_done(&h);
		return 2;
	}
	violations = judge(&o, &h);
	history_done(&h);
	return violations > 0;
}
