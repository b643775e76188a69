/* A configuration file: never a crash; what is accepted shows, parses and shows the same again. */
#include "agent/config.h"
#include "test/fuzz/fuzz.h"

struct shown {
	char *text; /* as one would write it in a file */
	size_t n;
};

static void
show(void *data, const struct config_line *line)
{
	struct shown *s = data;
	/* No blank in front: a value may begin with ';', which begins a comment after one. */
	char *more = xasprintf("%s[%s]\n%s=%s\n", s->text != NULL ? s->text : "", line->section,
	                       line->name, line->value);

	free(s->text);
	s->text = more;
	s->n++;
}

void
fuzz_config(const uint8_t *data, size_t size)
{
	_cleanup_(config_freep) struct config *c = config_new(), *again = config_new();
	_cleanup_(freep) char *text = fuzz_text(data, size);
	struct shown first = {0}, second = {0};
	struct error err = {0};
	int r = config_parse(c, "fuzz.conf", text, &err);

	if (r >= 0)
		r = config_check(c, &err);
	fuzz_said(r, &err);
	if (r < 0)
		return;
	config_each(c, show, &first);
	r = config_parse(again, "shown.conf", first.text, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, first.text);
	r = config_check(again, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, first.text);
	config_each(again, show, &second);
	FUZZ_CHECK(streq(first.text, second.text), "%s\n--\n%s", first.text, second.text);
	free(first.text);
	free(second.text);
}
