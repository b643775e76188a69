/* The command line; see args.h. */
#include "cli/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/util.h"

#define LAST_MAX 1000000

enum kind { FLAG, VALUE, FILTER };

static const struct arg_option {
	const char *name;
	char letter;
	enum kind kind;
	unsigned groups;
	size_t offset;
	const char *value, *help;
} options[] = {
#define AT(field) offsetof(struct args, field)
    {"config", 'c', VALUE, ARG_GLOBAL, AT(config_file), "FILE",
     "configuration file (default /etc/forager/forager.conf)"},
    {"docker-host", 'H', VALUE, ARG_GLOBAL, AT(docker_host), "URL",
     "Docker endpoint of a manager, instead of [docker] host"},
    {"state-dir", '\0', VALUE, ARG_GLOBAL, AT(state_dir), "DIR",
     "where the database is, instead of [agent] state-dir"},
    {"help", 'h', FLAG, ARG_GLOBAL, AT(help), NULL, "print this help"},
    {"version", 'v', FLAG, ARG_GLOBAL, AT(version), NULL, "print the version"},
    {"format", '\0', VALUE, ARG_LIST | ARG_SHAPE, AT(format_text), "table|json|csv",
     "json: one object a line; csv: RFC 4180"},
    {"filter", 'f', FILTER, ARG_LIST, 0, "KEY=VALUE",
     "only rows with this value; * and ? match any text; repeatable"},
    {"quiet", 'q', FLAG, ARG_LIST, AT(quiet), NULL, "print ids only"},
    {"no-trunc", '\0', FLAG, ARG_LIST | ARG_SHAPE, AT(no_trunc), NULL,
     "do not shorten ids and texts"},
    {"last", 'n', VALUE, ARG_LAST, AT(last_text), "N", "show the newest N (default 20)"},
    {"kind", '\0', VALUE, ARG_KIND, AT(kind), "container|service|node",
     "whose profiles (default container)"},
    {"weights", '\0', FLAG, ARG_PART, AT(weights), NULL, "only what was learned per feature"},
    {"values", '\0', FLAG, ARG_PART, AT(values), NULL, "only the value of each service on a node"},
    {"from", '\0', VALUE, ARG_MOVE, AT(from), "NODE", "node that its tasks leave"},
    {"to", '\0', VALUE, ARG_MOVE, AT(to), "NODE", "node that they go to"},
    {"force", '\0', FLAG, ARG_MOVE, AT(force), NULL,
     "also a service that did not opt in (every other check stays)"},
    {"dry-run", '\0', FLAG, ARG_DRY, AT(dry_run), NULL, "check everything, change nothing"},
    {"all", 'a', FLAG, ARG_ALL, AT(all), NULL, "everything that forager did, newest first"},
    {"move-back", '\0', FLAG, ARG_BACK, AT(move_back), NULL,
     "also move the tasks to where they were"},
    {"semantics", '\0', VALUE, ARG_BENCH, AT(semantics), "cloudsim", "whose rules to run by"},
    {"traces", '\0', VALUE, ARG_BENCH, AT(traces), "DIR", "holds one folder of traces a day"},
    {"days", '\0', VALUE, ARG_BENCH, AT(days), "D1,D2", "days to report, by folder"},
    {"policy", '\0', VALUE, ARG_BENCH, AT(policies), "NAME[:PARAM],…",
     "who runs (controls and bounds join by themselves)"},
    {"train", '\0', VALUE, ARG_BENCH, AT(train), "D3,D4",
     "days to learn and tune on first, in this order; none of those reported"},
    {"seeds", '\0', VALUE, ARG_BENCH, AT(seeds), "N",
     "N shuffled orders of the files (default: their sorted order)"},
    {"keep-idle", '\0', FLAG, ARG_BENCH, AT(keep_idle), NULL,
     "remove nothing: CloudSim drops what wants nothing for two samples"},
    {"synthetic", '\0', VALUE, ARG_BENCH, AT(synthetic), "DIR",
     "write days of made-up traces into DIR instead of running"},
    {"seed", '\0', VALUE, ARG_BENCH, AT(seed), "S", "of the made-up traces (default 1)"},
#undef AT
};

static const struct arg_option *
find(const char *name, size_t len, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct arg_option *o = &options[i];

		if (name != NULL ? strlen(o->name) == len && strncmp(o->name, name, len) == 0
		                 : o->letter == letter)
			return o;
	}
	return NULL;
}

static int
store(struct args *a, const struct arg_option *o, const char *value, struct error *err)
{
	char *field = (char *) a + o->offset;

	switch (o->kind) {
	case FLAG:
		*(bool *) field = true;
		return 0;
	case VALUE:
		*(const char **) field = value;
		return 0;
	case FILTER:
		if (a->n_filters == ARGS_FILTERS)
			return error_set(err, EINVAL, "more than %d filters", ARGS_FILTERS);
		if (strchr(value, '=') == NULL || value[0] == '=')
			return error_set(err, EINVAL, "--filter '%s' is not KEY=VALUE", value);
		a->filters[a->n_filters++] = value;
		return 0;
	}
	return 0;
}

/* "--name", "--name=value" or "--name value". Returns how many words of argv it took. */
static int
long_option(struct args *a, char **argv, struct error *err)
{
	const char *name = argv[0] + 2, *value = strchr(name, '=');
	size_t len = value != NULL ? (size_t) (value - name) : strlen(name);
	const struct arg_option *o = find(name, len, '\0');
	int r, used = 1;

	if (o == NULL)
		return error_set(err, EINVAL, "there is no option '--%.*s'", (int) MIN(len, 64),
		                 name);
	if (value != NULL)
		value++;
	if (o->kind == FLAG && value != NULL)
		return error_set(err, EINVAL, "option '--%s' takes no value", o->name);
	if (o->kind != FLAG && value == NULL) {
		value = argv[1];
		used = 2;
	}
	if (o->kind != FLAG && value == NULL)
		return error_set(err, EINVAL, "option '--%s' needs a value: %s", o->name, o->value);
	r = store(a, o, value, err);
	return r < 0 ? r : used;
}

/* "-q", "-qx", "-nVALUE" or "-n VALUE". */
static int
short_options(struct args *a, char **argv, struct error *err)
{
	for (const char *p = argv[0] + 1; *p != '\0'; p++) {
		const struct arg_option *o = find(NULL, 0, *p);
		const char *value;
		int r;

		if (o == NULL)
			return error_set(err, EINVAL, "there is no option '-%c'", *p);
		if (o->kind == FLAG) {
			r = store(a, o, NULL, err);
			if (r < 0)
				return r;
			continue;
		}
		value = p[1] != '\0' ? p + 1 : argv[1];
		if (value == NULL)
			return error_set(err, EINVAL, "option '-%c' needs a value: %s", *p,
			                 o->value);
		r = store(a, o, value, err);
		return r < 0 ? r : p[1] != '\0' ? 1 : 2;
	}
	return 1;
}

static int
word(struct args *a, const char *w, struct error *err)
{
	if (a->verb == NULL) {
		a->verb = w;
		return 1;
	}
	if (a->n_words == ARGS_WORDS)
		return error_set(err, EINVAL, "too many arguments for '%s'", a->verb);
	a->words[a->n_words++] = w;
	return 1;
}

/* An option that the verb does not take is an error, not a silent wish. */
static int
check_groups(const struct args *a, unsigned groups, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct arg_option *o = &options[i];
		const char *field = (const char *) a + o->offset;
		bool given = o->kind == FLAG    ? *(const bool *) field
		             : o->kind == VALUE ? *(const char *const *) field != NULL
		                                : a->n_filters > 0;

		if (given && (o->groups & groups) == 0)
			return error_set(err, EINVAL, "'%s' takes no option '--%s'", a->verb,
			                 o->name);
	}
	return 0;
}

static int
interpret(struct args *a, struct error *err)
{
	static const char *const formats[] = {
	    [FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv"};

	if (a->format_text != NULL) {
		size_t i = 0;

		while (i < ARRAY_SIZE(formats) && !streq(formats[i], a->format_text))
			i++;
		if (i == ARRAY_SIZE(formats))
			return error_set(err, EINVAL, "--format '%s' is not table, json or csv",
			                 a->format_text);
		a->format = (enum arg_format) i;
	}
	if (a->last_text != NULL) {
		char *end;

		a->last = strtoll(a->last_text, &end, 10);
		if (*end != '\0' || end == a->last_text || a->last < 1 || a->last > LAST_MAX)
			return error_set(err, EINVAL, "--last '%s' is not a number from 1 to %d",
			                 a->last_text, LAST_MAX);
	}
	return 0;
}

int
args_parse(int argc, char **argv, unsigned (*groups_of)(const char *verb), struct args *ret,
           struct error *err)
{
	struct args a = {0};
	bool options_end = false;
	unsigned groups;

	for (int i = 1; i < argc;) {
		int used;

		if (!options_end && streq(argv[i], "--")) {
			options_end = true;
			used = 1;
		} else if (options_end || argv[i][0] != '-' || argv[i][1] == '\0') {
			used = word(&a, argv[i], err);
		} else if (argv[i][1] == '-') {
			used = long_option(&a, argv + i, err);
		} else {
			used = short_options(&a, argv + i, err);
		}
		if (used < 0)
			return used;
		i += used;
	}
	groups = a.verb != NULL ? groups_of(a.verb) : 0;
	if (groups != 0 && !a.help) {
		int r = check_groups(&a, groups, err);

		if (r < 0)
			return r;
	}
	if (interpret(&a, err) < 0)
		return -EINVAL;
	*ret = a;
	return 0;
}

void
args_each(unsigned groups, void (*fn)(void *data, const struct arg_text *option), void *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct arg_option *o = &options[i];
		const struct arg_text text = {o->name, o->letter, o->value, o->help};

		if ((o->groups & groups) != 0)
			fn(data, &text);
	}
}
