/* No core file; see nocore.h. Neither call can fail with these arguments. */
#include "agent/nocore.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void
nocore_set(void)
{
	const struct rlimit none = {0, 0};

	(void) setrlimit(RLIMIT_CORE, &none);
	(void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
