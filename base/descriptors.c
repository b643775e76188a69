/* Descriptors; see descriptors.h. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
descriptors_check(struct error *err)
{
	int fds[DESCRIPTORS_LEAST], n = 0, r = 0;

	while (n < DESCRIPTORS_LEAST && r == 0) {
		fds[n] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[n] < 0)
			r = errno;
		else
			n++;
	}
	for (int i = 0; i < n; i++)
		(void) close(fds[i]);
	if (r != 0)
		return error_set(
		    err, r,
		    "only %d files can be opened, at least %d are needed: raise the limit "
		    "(ulimit -n, LimitNOFILE=)",
		    n, DESCRIPTORS_LEAST);
	return 0;
}
