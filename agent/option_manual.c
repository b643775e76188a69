/* Prints the option table as mdoc, for forager.conf(5): the manual cannot differ from the parser.
 */
#include "agent/option.h"

#include <stdio.h>

#include "base/util.h"

/* A line that begins with a dot or a quote would be a request; a backslash an escape. */
static void
print_text(const char *text)
{
	bool start = true;

	for (const char *p = text; *p != '\0'; p++) {
		if (start && (*p == '.' || *p == '\''))
			fputs("\\&", stdout);
		start = false;
		if (*p == '\\') {
			fputs("\\e", stdout);
		} else if (str_has_prefix(p, ". ")) {
			fputs(".\n", stdout); /* sentences begin on lines of their own */
			p++;
			start = true;
		} else {
			putchar(*p);
		}
	}
	putchar('\n');
}

static void
print_values(const struct option *o)
{
	switch (o->type) {
	case OPTION_CHOICE:
		for (size_t i = 0; i < OPTION_CHOICES && o->choices[i] != NULL; i++)
			printf("%s%s", i > 0 ? " | " : "", o->choices[i]);
		break;
	case OPTION_DURATION:
		printf("%s%sduration", o->word != NULL ? o->word : "",
		       o->word != NULL ? " | " : "");
		break;
	case OPTION_PERCENT:
		fputs("percent", stdout);
		break;
	case OPTION_SWITCH:
		fputs("on | off", stdout);
		break;
	case OPTION_TEXT:
	case OPTION_NUMBER:
	case OPTION_COUNT:
		fputs(o->unit != NULL && o->unit[0] != '\0' ? o->unit : "number", stdout);
		break;
	}
}

int
main(void)
{
	const char *section = "";

	for (size_t i = 0; i < option_table_n; i++) {
		const struct option *o = &option_table[i];

		if (!streq(section, o->section)) {
			if (section[0] != '\0')
				puts(".El");
			printf(".Ss [%s]\n.Bl -tag -width Ds\n", o->section);
			section = o->section;
		}
		printf(".It Cm %s = Ar ", o->name);
		print_values(o);
		fputs("\n", stdout);
		print_text(o->help);
		if (o->preset != NULL && o->preset[0] != '\0')
			printf("Default:\n.Cm %s .\n", o->preset);
	}
	puts(".El");
	return ferror(stdout) != 0;
}
