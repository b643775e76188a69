/* cli/args and cli/plugin: what a command line means. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/util.h"
#include "cli/args.h"
#include "cli/plugin.h"

#define WORDS 12

static unsigned
groups_of(const char *verb)
{
	if (streq(verb, "list"))
		return ARG_GLOBAL | ARG_LIST | ARG_LAST;
	if (streq(verb, "move"))
		return ARG_GLOBAL | ARG_MOVE | ARG_DRY;
	return 0;
}

static int
parse(const char *const *words, struct args *ret, struct error *err)
{
	char *argv[WORDS + 2] = {(char *) "forager"};
	int argc = 1;

	while (argc <= WORDS && words[argc - 1] != NULL) {
		argv[argc] = (char *) words[argc - 1];
		argc++;
	}
	return args_parse(argc, argv, groups_of, ret, err);
}

static void
the_same_in_every_spelling(void **state)
{
	static const char *const cases[][WORDS + 1] = {
	    {"--config", "f", "list", "--last", "5", "--filter", "a=b", "--quiet", "--format",
	     "json"},
	    {"list", "-c", "f", "-n", "5", "-f", "a=b", "-q", "--format=json"},
	    {"-cf", "-qn5", "-fa=b", "list", "--format=json"},
	    {"--config=f", "--last=5", "--filter=a=b", "--format=json", "-q", "list"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct args a;
		struct error err = {0};

		assert_int_equal(parse(cases[i], &a, &err), 0);
		assert_string_equal(a.verb, "list");
		assert_string_equal(a.config_file, "f");
		assert_int_equal(a.last, 5);
		assert_int_equal(a.n_filters, 1);
		assert_string_equal(a.filters[0], "a=b");
		assert_true(a.quiet);
		assert_int_equal(a.format, FORMAT_JSON);
		assert_int_equal(a.n_words, 0);
		assert_false(a.no_trunc || a.help || a.all);
	}
}

static void
words_and_the_end_of_options(void **state)
{
	static const char *const cases[][WORDS + 1] = {
	    {"move", "web", "--from", "a", "--to", "--x", "--dry-run"},
	    {"move", "--from=a", "--to=--x", "--dry-run", "--", "web"},
	};
	static const char *const dashes[] = {"list", "--", "--quiet", "-", NULL};
	struct args a;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i], &a, NULL), 0);
		assert_int_equal(a.n_words, 1);
		assert_string_equal(a.words[0], "web");
		assert_string_equal(a.from, "a");
		assert_string_equal(a.to, "--x");
		assert_true(a.dry_run);
		assert_false(a.force);
	}
	assert_int_equal(parse(dashes, &a, NULL), 0);
	assert_int_equal(a.n_words, 2);
	assert_string_equal(a.words[0], "--quiet");
	assert_string_equal(a.words[1], "-");
	assert_false(a.quiet);
}

static void
wrong_use_is_refused(void **state)
{
	static const char *const cases[][WORDS + 1] = {
	    {"list", "--nope"},
	    {"list", "--"
	             "quie"},
	    {"list", "--quiet=1"},
	    {"list", "--last"},
	    {"list", "-n"},
	    {"list", "-n", "0"},
	    {"list", "-n", "-1"},
	    {"list", "-n", "1000001"},
	    {"list", "-n", ""},
	    {"list", "-n", "5x"},
	    {"list", "--format", "yaml"},
	    {"list", "-f", "a"},
	    {"list", "-f", "=a"},
	    {"list", "-z"},
	    {"list", "--from", "a"},
	    {"move", "-q"},
	    {"move", "-f", "a=b"},
	    {"list", "1", "2", "3", "4", "5"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct args a = {.last = 77};
		struct error err = {0};

		if (parse(cases[i], &a, &err) != -EINVAL)
			fail_msg("accepted: %s %s", cases[i][0], cases[i][1]);
		assert_true(strlen(err.text) > 0);
		assert_int_equal(a.last, 77); /* untouched */
	}
}

static void
too_many_filters(void **state)
{
	char *argv[ARGS_FILTERS + 3] = {(char *) "forager", (char *) "list"};
	struct args a;

	(void) state;
	for (int i = 2; i < ARGS_FILTERS + 3; i++)
		argv[i] = (char *) "-fa=b";
	assert_int_equal(args_parse(ARGS_FILTERS + 2, argv, groups_of, &a, NULL), 0);
	assert_int_equal(a.n_filters, ARGS_FILTERS);
	assert_int_equal(args_parse(ARGS_FILTERS + 3, argv, groups_of, &a, NULL), -EINVAL);
}

static void
help_wins_over_options_of_other_verbs(void **state)
{
	static const char *const words[] = {"move", "--help", "-q", NULL};
	struct args a;

	(void) state;
	assert_int_equal(parse(words, &a, NULL), 0);
	assert_true(a.help);
}

static void
docker_calls_its_plugin(void **state)
{
	static const struct {
		const char *in[WORDS], *want[WORDS];
	} cases[] = {
	    {{"x", "forager", "nodes"}, {"x", "nodes"}},
	    {{"x", "forager"}, {"x"}},
	    {{"x", "-D", "--context", "c", "forager", "nodes"}, {"x", "nodes"}},
	    {{"x", "-H", "u", "forager", "nodes"}, {"x", "--docker-host", "u", "nodes"}},
	    {{"x", "--host=u", "forager", "nodes", "-q"},
	     {"x", "--docker-host", "u", "nodes", "-q"}},
	    {{"x", "--host", "u", "forager", "forager"}, {"x", "--docker-host", "u", "forager"}},
	    {{"x", "help", "forager"}, {"x", "help"}},
	    {{"x", "-H", "u", "help", "forager", "nodes"},
	     {"x", "--docker-host", "u", "help", "nodes"}},
	    /* No call by docker: left alone. */
	    {{"x", "help"}, {"x", "help"}},
	    {{"x", "help", "nodes"}, {"x", "help", "nodes"}},
	    {{"x", "nodes", "-q"}, {"x", "nodes", "-q"}},
	    {{"x", "-H"}, {"x", "-H"}},
	    {{"x"}, {"x"}},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[WORDS + 1] = {0};
		int argc = 0, n, want = 0;

		for (; cases[i].in[argc] != NULL; argc++)
			argv[argc] = (char *) cases[i].in[argc];
		while (cases[i].want[want] != NULL)
			want++;
		n = plugin_strip(argc, argv);
		assert_int_equal(n, want);
		for (int k = 0; k < n; k++)
			assert_string_equal(argv[k], cases[i].want[k]);
		assert_null(argv[n]);
	}
	assert_true(plugin_called("/usr/lib/docker/cli-plugins/docker-forager"));
	assert_true(plugin_called("docker-forager"));
	assert_false(plugin_called("forager"));
	assert_false(plugin_called("docker-forager/x"));
	assert_false(plugin_called(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_in_every_spelling),
	    cmocka_unit_test(words_and_the_end_of_options),
	    cmocka_unit_test(wrong_use_is_refused),
	    cmocka_unit_test(too_many_filters),
	    cmocka_unit_test(help_wins_over_options_of_other_verbs),
	    cmocka_unit_test(docker_calls_its_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
