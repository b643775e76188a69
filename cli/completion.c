/*
 * Prints the tables of the bash completion (completions/forager.bash.in), from the tables that the
 * command line itself reads: what can be completed is what can be said.
 */
#include <stdio.h>

#include "base/util.h"
#include "cli/verbs.h"

static void
print_name(void *data, const struct arg_text *o)
{
	FILE *to = data;

	if (o->letter != '\0')
		(void) fprintf(to, " -%c", o->letter);
	(void) fprintf(to, " --%s", o->name);
}

static void
print_value(void *data, const struct arg_text *o)
{
	FILE *to = data;

	if (o->value == NULL)
		return;
	if (o->letter != '\0')
		(void) fprintf(to, "\t[-%c]='%s'\n", o->letter, o->value);
	(void) fprintf(to, "\t[--%s]='%s'\n", o->name, o->value);
}

/* Its first argument: "[SERVICE]" and "SERVICE --from A --to B" are SERVICE. */
static void
print_argument(FILE *to, const struct verb *v)
{
	const char *start = v->arguments + strspn(v->arguments, "[");

	(void) fprintf(to, "\t[%s]='%.*s'\n", v->name, (int) strcspn(start, " ]"), start);
}

int
main(void)
{
	(void) printf("declare -gA _forager_arguments=(\n");
	for (size_t i = 0; i < verb_table_n; i++)
		print_argument(stdout, &verb_table[i]);
	(void) printf(")\ndeclare -gA _forager_options=(\n\t[-]='");
	args_each(ARG_GLOBAL, print_name, stdout);
	(void) printf("'\n");
	for (size_t i = 0; i < verb_table_n; i++) {
		(void) printf("\t[%s]='", verb_table[i].name);
		args_each(verb_table[i].groups | ARG_GLOBAL, print_name, stdout);
		(void) printf("'\n");
	}
	(void) printf(")\ndeclare -gA _forager_values=(\n");
	args_each(~0U, print_value, stdout);
	(void) printf(")\n");
	return ferror(stdout) || fflush(stdout) != 0;
}
