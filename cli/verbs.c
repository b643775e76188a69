/* The table of verbs and its help; see verbs.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cli/verbs.h"

#include <errno.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/act.h"
#include "cli/ask.h"
#include "cli/bench.h"
#include "cli/decisions.h"
#include "cli/explain.h"
#include "cli/plugin.h"
#include "cli/profiles.h"
#include "cli/qtable.h"
#include "cli/settings.h"
#include "cli/status.h"

#define LIST (ARG_GLOBAL | ARG_LIST)
#define ACT  (ARG_GLOBAL | ARG_SHAPE)

const struct verb verb_table[] = {
    {"status", "", "what forager sees and does now", NULL, 0, 0, ARG_GLOBAL | ARG_SHAPE,
     status_run},
    {"nodes", "", "nodes: measured load, reservations, watts", NULL, 0, 0, LIST, status_nodes},
    {"services", "", "services: where they run, how they behave, what holds them", NULL, 0, 0, LIST,
     status_services},
    {"profiles", "[SERVICE]", "behaviour of containers, services or nodes",
     "CPU in cores: mean, 95th percentile, peak of what was measured. BURST is p95 / mean.\n"
     "FORECAST is the demand expected in the next step, ERROR what such forecasts missed by.",
     0, 1, LIST | ARG_KIND, profiles_run},
    {"qtable", "", "what the policy has learned: weights, and the value of each placement",
     "THETA is the weight of a feature in cost units, PRIOR where it started, SD how sure it is.\n"
     "GAIN is what having the service on that node would gain over staying (negative: lose).",
     0, 0, LIST | ARG_PART, qtable_run},
    {"decisions", "", "what was decided, newest first", NULL, 0, 0, LIST | ARG_LAST, decisions_run},
    {"moves", "", "what was done to the Swarm, newest first: the ids for undo", NULL, 0, 0,
     LIST | ARG_LAST, decisions_moves},
    {"explain", "SERVICE|DECISION", "why: candidates, contributions, refusals, what came of it",
     "With a SERVICE: the newest decision that moved it, else the newest that considered it.", 1, 1,
     ARG_GLOBAL | ARG_SHAPE, explain_run},
    {"recommend", "[SERVICE]", "the newest recommendation and the command that does it", NULL, 0, 1,
     ARG_GLOBAL | ARG_SHAPE, decisions_recommend},
    {"apply", "DECISION", "do what a decision proposed, after all checks anew", NULL, 1, 1,
     ACT | ARG_DRY, act_apply},
    {"move", "SERVICE --from A --to B", "move the service's tasks from node A to node B",
     "Every task of the service on A moves; the owner's placement stands again afterwards.\n"
     "Refused (exit code 3) when a check says no; --force waives the owner's opt-in only.",
     1, 1, ACT | ARG_MOVE | ARG_DRY, act_move},
    {"undo", "ID|--all", "take a move back: remove what forager wrote, keep what others wrote",
     "Tasks stay where they are unless --move-back is given.", 0, 1,
     ACT | ARG_ALL | ARG_BACK | ARG_DRY, act_undo},
    {"release", "SERVICE|--all", "remove every constraint of forager's from a service", NULL, 0, 1,
     ACT | ARG_ALL | ARG_DRY, act_release},
    {"pause", "", "stop acting until resume; watching and learning go on", NULL, 0, 0, ACT,
     act_pause},
    {"resume", "", "act again", NULL, 0, 0, ACT, act_resume},
    {"config", "check|show", "check the configuration, or show it with its sources", NULL, 1, 1,
     LIST, settings_run},
    {"bench", "", "run policies through a public benchmark, or write synthetic traces for it",
     "Example: forager bench --traces DIR --days 20110303 --policy lr-mmt:1.2,linear \\\n"
     "           --train 20110306,20110309,20110322\n"
     "Policies: npa, dvfs, {thr,iqr,mad,lr,lrr}-{mmt,mu,mc,rs}[:PARAM], limited-mmt, spread, pbf,\n"
     "linear; bounds: packing, fluid. docs/cloudsim.md says where the traces come from; without "
     "them:\n"
     "         forager bench --synthetic DIR --days 2 --seed 1",
     0, 0, ARG_GLOBAL | ARG_SHAPE | ARG_BENCH, bench_verb},
    {"query", "SQL", "ask the database (read-only); the views v_* have units in their names",
     "Example: forager query 'SELECT * FROM v_hot'", 1, 1, LIST, ask_run},
};

const size_t verb_table_n = ARRAY_SIZE(verb_table);

const struct verb *
verbs_find(const char *name)
{
	for (size_t i = 0; i < verb_table_n; i++) {
		if (streq(verb_table[i].name, name))
			return &verb_table[i];
	}
	return NULL;
}

static unsigned
groups_of(const char *name)
{
	const struct verb *v = verbs_find(name);

	return v != NULL ? v->groups : 0;
}

/* "  -f, --filter KEY=VALUE", and what it does. */
static void
print_option(void *data, const struct arg_text *o)
{
	char letter[] = {'-', o->letter, ',', ' ', '\0'};
	_cleanup_(freep) char *text =
	    xasprintf("%s--%s%s%s", o->letter != '\0' ? letter : "    ", o->name,
	              o->value != NULL ? " " : "", o->value != NULL ? o->value : "");

	(void) fprintf(data, "  %-36s %s\n", text, o->help);
}

static void
print_help(FILE *to)
{
	(void) fputs("Usage: forager [OPTIONS] VERB [ARGUMENTS]\n\n"
	             "A placement agent for Docker Swarm: it watches what containers do and moves\n"
	             "services to where they run well.\n\nVerbs:\n",
	             to);
	for (size_t i = 0; i < verb_table_n; i++) {
		const struct verb *v = &verb_table[i];
		_cleanup_(freep) char *use = xasprintf("%s %s", v->name, v->arguments);

		(void) fprintf(to, "  %-32s %s\n", use, v->help);
	}
	(void) fputs("\nOptions:\n", to);
	args_each(ARG_GLOBAL, print_option, to);
	(void) fputs(
	    "\nExit codes: 0 done, 1 it failed, 2 wrong use or configuration, 3 refused by "
	    "a guard.\n'forager VERB --help' tells more of a verb.\n",
	    to);
}

static void
print_verb_help(FILE *to, const struct verb *v)
{
	(void) fprintf(to, "Usage: forager %s%s%s [OPTIONS]\n\n%s\n", v->name,
	               v->arguments[0] != '\0' ? " " : "", v->arguments, v->help);
	if (v->details != NULL)
		(void) fprintf(to, "\n%s\n", v->details);
	(void) fputs("\nOptions:\n", to);
	args_each(v->groups & ~(unsigned) ARG_GLOBAL, print_option, to);
	args_each(ARG_GLOBAL, print_option, to);
}

/* To stderr, as one harmless line. */
static int
complain(const struct error *err, int code)
{
	_cleanup_(freep) char *clean = utf8_clean(err->text, strlen(err->text));

	(void) fprintf(stderr, "forager: %s\n", clean);
	return code;
}

static int
unknown_verb(const char *name, struct error *err)
{
	const char *near = NULL;
	size_t least = 3; /* more changes than that are another word */

	for (size_t i = 0; i < verb_table_n; i++) {
		size_t d = str_distance(name, verb_table[i].name);

		if (d < least) {
			least = d;
			near = verb_table[i].name;
		}
	}
	if (near != NULL)
		return error_set(err, EINVAL, "there is no verb '%s'; did you mean '%s'?", name,
		                 near);
	return error_set(err, EINVAL, "there is no verb '%s'; 'forager --help' lists them", name);
}

static int
run_verb(const struct verb *v, const struct args *args)
{
	struct cli c = {.args = args, .out = stdout};
	struct error err = {0};
	int r;

	if (args->n_words < v->min || args->n_words > v->max) {
		(void) error_set(&err, EINVAL,
		                 "usage: forager %s %s ('forager %s --help' tells more)", v->name,
		                 v->arguments, v->name);
		return complain(&err, CLI_USAGE);
	}
	r = v->run(&c, &err);
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout) != 0))
		r = error_set(&err, EIO, "the output could not be written");
	cli_done(&c);
	return r < 0 ? complain(&err, cli_exit_of(r)) : r;
}

/* --help, --version, `help [VERB]`, and no verb at all. −1: none of these. */
static int
run_help(const struct args *args)
{
	bool help = streq(args->verb, "help");
	const struct verb *v = verbs_find(help && args->n_words > 0 ? args->words[0] : args->verb);

	if (args->version) {
		(void) puts("forager " PACKAGE_VERSION);
		return CLI_DONE;
	}
	if ((args->help || help) && v != NULL) {
		print_verb_help(stdout, v);
		return CLI_DONE;
	}
	if ((help && args->n_words == 0) || (args->help && args->verb == NULL)) {
		print_help(stdout);
		return CLI_DONE;
	}
	if (args->verb == NULL) {
		print_help(stderr);
		return CLI_USAGE;
	}
	return -1;
}

int
verbs_run(int argc, char **argv)
{
	const struct verb *v;
	struct args args;
	struct error err = {0};
	int r;

	if (plugin_called(argv[0])) {
		if (plugin_answered(argc, argv))
			return CLI_DONE;
		argc = plugin_strip(argc, argv);
	}
	if (args_parse(argc, argv, groups_of, &args, &err) < 0)
		return complain(&err, CLI_USAGE);
	r = run_help(&args);
	if (r >= 0)
		return r;
	v = verbs_find(args.verb);
	if (v == NULL) {
		(void) unknown_verb(streq(args.verb, "help") ? args.words[0] : args.verb, &err);
		return complain(&err, CLI_USAGE);
	}
	return run_verb(v, &args);
}
