/* forager, the command line. Everything but main() is a library: cli/verbs.h. */
#include <langinfo.h>
#include <locale.h>

#include "base/lastword.h"
#include "base/util.h"
#include "cli/verbs.h"
#include "docker/document.h"
#include "storage/store.h"

int
main(int argc, char **argv)
{
	lastword_install();
	document_global_init();
	store_global_init();
	/* Widths of characters in tables need UTF-8, which is what we print in any case. Numbers
	 * stay as in the C locale: scripts read them. */
	if (setlocale(LC_CTYPE, "") == NULL || !streq(nl_langinfo(CODESET), "UTF-8"))
		(void) setlocale(LC_CTYPE, "C.UTF-8");
	return verbs_run(argc, argv);
}
