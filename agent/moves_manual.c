/* Prints the mover's table as docs/moves.md has it: the document cannot differ from the code.
 * test/check-moves.sh holds the two against each other. */
#include "agent/mover_table.h"

int
main(void)
{
	(void) fputs("# What a move does, step by step\n"
	             "\n"
	             "The mover is a table: in a state, an event leads to the next state, and "
	             "entering a state starts\n"
	             "its one effect. Every boundary between two states is a point where foragerd "
	             "may be killed; it goes\n"
	             "on from the journal, or from the two labels that stand on the service while "
	             "a move is open.\n"
	             "Why it is done so: [decisions/0003](decisions/0003-settle-and-clean.md). "
	             "This page is printed by\n"
	             "`moves-manual` from [agent/mover_table.h](../agent/mover_table.h); do not "
	             "edit it by hand.\n"
	             "\n"
	             "## States\n"
	             "\n",
	             stdout);
	return mover_table_print(stdout) < 0;
}
