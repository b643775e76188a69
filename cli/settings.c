/* The configuration, checked and shown; see settings.h. */
#include "cli/settings.h"

#include <errno.h>
#include <unistd.h>

#include "base/utf8.h"
#include "base/util.h"

static const struct show_column columns[] = {
    {"section", "SECTION", SHOW_TEXT}, {"option", "OPTION", SHOW_TEXT},
    {"value", "VALUE", SHOW_TEXT},     {"unit", "UNIT", SHOW_TEXT},
    {"source", "SOURCE", SHOW_TEXT},   {"help", NULL, SHOW_TEXT},
};

static struct query_value
text(const char *s)
{
	if (s == NULL)
		return (struct query_value){.type = QUERY_NULL};
	return (struct query_value){.type = QUERY_TEXT, .text = s, .size = strlen(s)};
}

static void
line(void *data, const struct config_line *l)
{
	static const char *const names[] = {"section", "option", "value", "unit", "source", "help"};
	const struct query_value values[] = {text(l->section), text(l->name),   text(l->value),
	                                     text(l->unit),    text(l->source), text(l->help)};

	(void) show_row(data, ARRAY_SIZE(names), names, values);
}

static int
show(struct cli *c, struct error *err)
{
	struct show_options options = show_options_of(c->args, c->out);
	_cleanup_(show_freep) struct show *s = NULL;
	int r = show_new(columns, ARRAY_SIZE(columns), &options, &s, err);

	if (r < 0)
		return r;
	config_each(c->config, line, s);
	return show_end(s, err);
}

int
settings_run(struct cli *c, struct error *err)
{
	const char *what = c->args->words[0];
	const char *file = c->args->config_file != NULL ? c->args->config_file : CONFIG_FILE;
	_cleanup_(freep) char *clean = NULL;
	int r;

	if (!streq(what, "check") && !streq(what, "show"))
		return error_set(err, EINVAL, "'config %s' does not exist: it is check or show",
		                 what);
	r = cli_config(c, err);
	if (r < 0)
		return r;
	if (streq(what, "show"))
		return show(c, err);
	clean = utf8_clean(file, strlen(file));
	(void) fprintf(c->out, "%s: %s\n", clean,
	               access(file, F_OK) == 0 ? "the configuration is good"
	                                       : "there is no such file, the defaults hold");
	return 0;
}
