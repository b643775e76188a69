/*
 * Hostile texts for the command line's tests: put into a database as names, images, reasons and
 * errors, and looked for in what was printed.
 *
 *   hostile make STATE-DIR   a database in which everything that has a text has each of them once
 *   hostile list             one a line, as '…' words for a shell; those with line ends left out
 *   hostile specs            a service's spec with each of them a line, for an engine that takes
 * any hostile harmless         fails when standard input holds a byte that a terminal would obey
 *   hostile json KEY         each text stands under KEY, exactly, in the JSON lines on standard
 * input hostile csv KEY          the same in CSV, cleaned, and marked where a spreadsheet would
 * compute
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "policy/basis.h"
#include "storage/journal.h"
#include "storage/request.h"
#include "storage/store.h"

#define HUGE 10000

static char huge[HUGE + 1];

/* What came out of real lists of such things, one kind a line. */
static const char *const texts[] = {
    "\033[2J\033[31mred", /* clears the screen */
    "\033]0;title\007",   /* sets the window's title */
    "\033P1$r\033\\",     /* device control */
    "\xc2\x9b"
    "31m c1", /* CSI as one character */
    "\x9b"
    "31m eight bits", /* as one byte: no UTF-8 */
    "\xe2\x80\xae"
    "txt.exe", /* right to left from here */
    "\xe2\x81\xa6"
    "isolate\xe2\x81\xa9",
    "\xef\xbb\xbf"
    "bom",
    "one\ntwo",
    "one\r\ntwo",
    "forged\nDaemon                  running",
    "\xe2\x80\xa8"
    "line separator",
    "tab\tbed",
    "\b\b\b\b\x7f"
    "back",
    "\xff\xfe\x80"
    "bytes",
    "cut \xc3",
    "=cmd|'/c calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "'quoted",
    "\"x\",\"y\"",
    "a,b;c",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "{\"a\":[1,null]}",
    "\\u0041\\",
    "'; DROP TABLE node; --",
    "%s%n%x%1000d",
    "$(reboot)",
    "`id`",
    "a;b|c&d>e<f",
    "--help",
    " blanks ",
    "*?[a-",
    "na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa6\x8a",
    huge,
};

static int64_t now;

static void
check(int r, const struct error *err)
{
	if (r >= 0)
		return;
	(void) fprintf(stderr, "hostile: %s\n", err->text);
	exit(1);
}

/* "svcaaaaaaaaaaaaaaaaaaa007" */
static const char *
id_of(const char *kind, size_t i)
{
	static char ids[4][32];
	static size_t next;
	char *id = ids[next++ % ARRAY_SIZE(ids)];

	(void) snprintf(id, sizeof(ids[0]), "%saaaaaaaaaaaaaaaaaaa%03zu", kind, i);
	return id;
}

static void
put_nodes(struct store *s)
{
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *t = texts[i];
		struct node_row n = {.id = id_of("nod", i),
		                     .hostname = t,
		                     .addr = t,
		                     .role = t,
		                     .os = t,
		                     .arch = t,
		                     .engine = t,
		                     .state = t,
		                     .availability = t,
		                     .source = t,
		                     .usable_cores = 4,
		                     .idle_watts = 60,
		                     .max_watts = 120,
		                     .seen_ms = now};

		check(store_put_nodes(s, &n, 1, &err), &err);
	}
}

static void
put_services(struct store *s)
{
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *t = texts[i];
		struct service_row r = {.id = id_of("svc", i),
		                        .name = t,
		                        .image = t,
		                        .stack = t,
		                        .mode = "replicated",
		                        .act = "auto",
		                        .refused = t,
		                        .replicas = 1,
		                        .slo_p95_ms = NAN,
		                        .seen_p95_ms = NAN,
		                        .seen_ms = now};
		struct container_row c = {.id = NULL,
		                          .name = t,
		                          .image = t,
		                          .service_id = r.id,
		                          .node_id = id_of("nod", i),
		                          .slot = 1,
		                          .state = "running",
		                          .seen_ms = now};
		struct profile_row p = {.kind = PROFILE_SERVICE, .id = r.id, .image = t};
		char id[65];

		(void) snprintf(id, sizeof(id), "%064zx", i + 1);
		c.id = id;
		p.first_ms = p.last_ms = now;
		check(store_put_services(s, &r, 1, &err), &err);
		check(store_put_containers(s, &c, 1, &err), &err);
		check(store_put_profiles(s, &p, 1, &err), &err);
		p.kind = PROFILE_CONTAINER;
		p.id = id;
		check(store_put_profiles(s, &p, 1, &err), &err);
		p.kind = PROFILE_NODE;
		p.id = c.node_id;
		p.image = NULL;
		check(store_put_profiles(s, &p, 1, &err), &err);
	}
}

static void
put_learned(struct store *s)
{
	struct weight_row w[ARRAY_SIZE(texts)];
	struct qvalue_row q[ARRAY_SIZE(texts)];
	static char ids[ARRAY_SIZE(texts)][2][32];
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		w[i] = (struct weight_row){
		    .algorithm = "linear", .feature = texts[i], .meaning = texts[i], .sd = 1};
		(void) str_copy(ids[i][0], sizeof(ids[i][0]), id_of("svc", i));
		(void) str_copy(ids[i][1], sizeof(ids[i][1]), id_of("nod", i));
		q[i] = (struct qvalue_row){ids[i][0], ids[i][1], 1, 1, VERDICT_OK, 2, now};
	}
	check(store_put_weights(s, w, ARRAY_SIZE(texts), now, &err), &err);
	check(store_put_qvalues(s, q, ARRAY_SIZE(texts), &err), &err);
}

/* Decision i + 1 is about text i: what is chosen, why, with which command, what came of it. */
static void
put_decision(struct store *s, size_t i)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct snap_node nodes[] = {{.id = id_of("nod", i), .hostname = texts[i]},
	                            {.id = id_of("nod", i + 1), .hostname = texts[i]}};
	struct snap_service service = {.id = id_of("svc", i), .name = texts[i]};
	struct snapshot snap = {.wall_ms = now,
	                        .step_ms = 5000,
	                        .nodes = nodes,
	                        .n_nodes = 2,
	                        .services = &service,
	                        .n_services = 1};
	const struct execution_row e = {EXECUTION_RECOMMENDED, VERDICT_OK, "recommend", texts[i]};
	struct outcome_row outcome = {.decision_id = i + 1, .text = texts[i]};
	struct decision d = {.id = i + 1,
	                     .wall_ms = now,
	                     .goal = GOAL_RELIEF,
	                     .goal_node = 0,
	                     .algorithm = "linear",
	                     .n_shortlist = 2,
	                     .chosen = 1,
	                     .runner_up = 2,
	                     .reason = texts[i]};
	const char *names[BASIS_N];
	struct error err = {0};

	d.shortlist = ARENA_NEW(a, struct candidate, 2);
	d.shortlist[0].action = (struct action){
	    .kind = ACTION_STAY, .service = NO_INDEX, .from = NO_INDEX, .to = NO_INDEX};
	d.shortlist[1].action =
	    (struct action){.kind = ACTION_MOVE, .service = 0, .from = 0, .to = 1, .n_tasks = 1};
	d.shortlist[1].gain = 1;
	d.shortlist[1].contribution[0] = d.shortlist[1].basis[0] = 1;
	for (size_t k = 0; k < BASIS_N; k++)
		names[k] = basis_infos[k].name;
	check(store_put_decision(s, &d, &snap, names, &e, &err), &err);
	check(store_put_outcome(s, &outcome, &err), &err);
}

static void
put_move(struct store *s, size_t i)
{
	struct intent in = {.decision_id = i + 1,
	                    .kind = MOVE_KIND_MOVE,
	                    .state = MOVE_PLANNED,
	                    .service_name = (char *) texts[i],
	                    .from_name = (char *) texts[i],
	                    .to_name = (char *) texts[i],
	                    .added = (char *) "[]",
	                    .before = (char *) "{}",
	                    .written = (char *) "{}",
	                    .old_tasks = (char *) "[]",
	                    .created_wall_ms = now};
	struct error err = {0};

	(void) str_copy(in.service_id, sizeof(in.service_id), id_of("svc", i));
	(void) str_copy(in.from_id, sizeof(in.from_id), id_of("nod", i));
	(void) str_copy(in.to_id, sizeof(in.to_id), id_of("nod", i));
	check(journal_add(s, &in, now, &in.id, &err), &err);
	check(journal_note(s, in.id, now, texts[i], &err), &err);
	in.state = MOVE_GAVE_UP;
	in.reason = (char *) texts[i];
	in.ended_wall_ms = now;
	check(journal_update(s, &in, now, texts[i], &err), &err);
}

static int
make(const char *state)
{
	_cleanup_(freep) char *path = xasprintf("%s/forager.db", state);
	struct store *s = NULL;
	struct error err = {0};
	uint64_t id;

	now = wall_ms();
	check(store_open(path, &s, &err), &err);
	check(store_begin(s, &err), &err);
	put_nodes(s);
	put_services(s);
	put_learned(s);
	check(store_next_decision_id(s, ARRAY_SIZE(texts), &id, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put_decision(s, i);
	check(store_pause(s, texts[0], texts[1], now, &err), &err);
	check(store_commit(s, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct event_row e = {now, "skip", texts[i]};

		put_move(s, i);
		check(store_put_event(s, &e, &err), &err);
		check(request_add(s, "pause", "{}", texts[i], now, &id, &err), &err);
	}
	store_close(s);
	return 0;
}

/* As a shell reads them back. */
static int
list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strpbrk(texts[i], "\r\n") != NULL)
			continue;
		(void) fputs(texts[i], stdout);
		(void) fputc('\n', stdout);
	}
	return 0;
}

/* Name, image, stack and labels of ours that are lists. */
static int
specs(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(freep) char *t = utf8_copy(texts[i], strlen(texts[i]), NULL),
		                      *line = NULL;
		json_auto_t *spec = json_pack(
		    "{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:{s:s}, s:{}}, s:{s:{s:i}}, s:{s:i, s:I, "
		    "s:s}}",
		    "Name", t, "Labels", "forager.mode", "auto", "com.docker.stack.namespace", t,
		    "forager.near", t, "forager.apart", t, "TaskTemplate", "ContainerSpec", "Image",
		    t, "Placement", "Mode", "Replicated", "Replicas", 1, "UpdateConfig",
		    "Parallelism", 1, "Monitor", (json_int_t) 100000000, "Order", "start-first");

		line = json_dumps(spec, JSON_COMPACT);
		(void) puts(line);
	}
	return 0;
}

static char *
slurp(size_t *ret_size)
{
	char *all = NULL;
	size_t size = 0, n;

	do {
		all = xrealloc(all, size + 65537, 1);
		n = fread(all + size, 1, 65536, stdin);
		size += n;
	} while (n > 0);
	all[size] = '\0';
	*ret_size = size;
	return all;
}

/* Beyond utf8_clean, and written apart from it. */
static bool
obeyed(const unsigned char *p, size_t left)
{
	if ((p[0] < 0x20 && p[0] != '\n' && !(p[0] == '\r' && left > 1 && p[1] == '\n')) ||
	    p[0] == 0x7f)
		return true;
	if (left > 1 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
		return true;
	if (left > 2 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae)
		return true;
	return left > 2 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

static int
harmless(void)
{
	size_t size, length;
	_cleanup_(freep) char *all = slurp(&size), *valid = utf8_copy(all, size, &length);

	for (size_t i = 0; i < size; i++) {
		if (obeyed((const unsigned char *) all + i, size - i)) {
			(void) fprintf(stderr, "byte %02x at %zu of %zu\n", (unsigned char) all[i],
			               i, size);
			return 1;
		}
	}
	if (length != size || memcmp(all, valid, size) != 0) {
		(void) fputs("not UTF-8\n", stderr);
		return 1;
	}
	return 0;
}

/* How many of the texts, as `make_want` has them, were found; each that was not is told. */
static int
tell(const bool *found)
{
	size_t missing = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!found[i])
			(void) fprintf(stderr, "text %zu was not found\n", i);
		missing += !found[i];
	}
	(void) printf("%zu texts, %zu missing\n", ARRAY_SIZE(texts), missing);
	return missing > 0;
}

static int
json(const char *key)
{
	bool found[ARRAY_SIZE(texts)] = {0};
	size_t size;
	_cleanup_(freep) char *all = slurp(&size);
	char *save = NULL;

	for (char *line = strtok_r(all, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_error_t why;
		json_auto_t *doc = json_loads(line, JSON_REJECT_DUPLICATES, &why);
		const char *value = json_string_value(json_object_get(doc, key));

		if (doc == NULL) {
			(void) fprintf(stderr, "not JSON: %s\n", why.text);
			return 1;
		}
		for (size_t i = 0; value != NULL && i < ARRAY_SIZE(texts); i++) {
			_cleanup_(freep) char *want = utf8_copy(texts[i], strlen(texts[i]), NULL);

			found[i] = found[i] || streq(value, want);
		}
	}
	return tell(found);
}

/* The next field of RFC 4180, *end: the line ends behind it. NULL: none left. free() it. */
static char *
field(const char **at, bool *end)
{
	char *to, *value;
	const char *p = *at;
	bool quoted = *p == '"';

	if (*p == '\0')
		return NULL;
	value = to = xcalloc(strlen(p) + 1, 1);
	for (p += quoted; *p != '\0'; p++) {
		if (quoted && *p == '"') {
			if (p[1] != '"')
				break;
			p++;
		} else if (!quoted && (*p == ',' || *p == '\r')) {
			break;
		}
		*to++ = *p;
	}
	p += quoted && *p == '"';
	*end = *p == '\r';
	if (*p != ',' && !(p[0] == '\r' && p[1] == '\n')) {
		(void) fprintf(stderr, "no RFC 4180 at '%.20s'\n", p);
		exit(1);
	}
	*at = p + (*end ? 2 : 1);
	return value;
}

/* What stands in the file for a text: a spreadsheet computes nothing, and one mark is taken off. */
static bool
stands_for(const char *value, const char *text)
{
	_cleanup_(freep) char *want = utf8_clean(text, strlen(text));
	bool marked = want[0] != '\0' && strchr("=+-@'", want[0]) != NULL;

	if (marked)
		return value[0] == '\'' && streq(value + 1, want);
	return streq(value, want);
}

static int
csv(const char *key)
{
	bool found[ARRAY_SIZE(texts)] = {0}, end = false;
	size_t size, column = SIZE_MAX, columns = 0, n = 0;
	_cleanup_(freep) char *all = slurp(&size);
	const char *at = all;
	char *value;

	while ((value = field(&at, &end)) != NULL) {
		if (columns == 0 && streq(value, key))
			column = n;
		for (size_t i = 0; columns > 0 && n == column && i < ARRAY_SIZE(texts); i++)
			found[i] = found[i] || stands_for(value, texts[i]);
		free(value);
		n++;
		if (!end)
			continue;
		columns = columns == 0 ? n : columns;
		if (n != columns) {
			(void) fprintf(stderr, "%zu fields instead of %zu\n", n, columns);
			return 1;
		}
		n = 0;
	}
	return tell(found);
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i + 2 <= HUGE; i += 2)
		memcpy(huge + i, "\xc3\xa4", 2);
	if (argc == 3 && streq(argv[1], "make"))
		return make(argv[2]);
	if (argc == 2 && streq(argv[1], "list"))
		return list();
	if (argc == 2 && streq(argv[1], "specs"))
		return specs();
	if (argc == 2 && streq(argv[1], "harmless"))
		return harmless();
	if (argc == 3 && streq(argv[1], "json"))
		return json(argv[2]);
	if (argc == 3 && streq(argv[1], "csv"))
		return csv(argv[2]);
	(void) fputs("usage: hostile make DIR | list | specs | harmless | json KEY | csv KEY\n",
	             stderr);
	return 2;
}
