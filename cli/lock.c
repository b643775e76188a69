/* Who holds a lock; see lock.h. */
#include "cli/lock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"

/* "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF" */
static bool
line_is(const char *line, const struct stat *st, int64_t *ret_pid)
{
	unsigned major_n, minor_n;
	unsigned long long inode;
	long long pid;

	if (sscanf(line, "%*d: FLOCK ADVISORY %*s %lld %x:%x:%llu", &pid, &major_n, &minor_n,
	           &inode) != 4)
		return false;
	/* An overlay or btrfs shows another device than stat does: the inode is what tells then.
	 * A wrong guess here costs a word in `status`, nothing else. */
	if (inode != (unsigned long long) st->st_ino ||
	    (major(st->st_dev) != 0 &&
	     (major_n != major(st->st_dev) || minor_n != minor(st->st_dev))))
		return false;
	*ret_pid = pid > 0 ? pid : 0;
	return true;
}

int
lock_holder(const char *path, int64_t *ret_pid)
{
	struct stat st;
	char line[256];
	FILE *f;
	int r = 0;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	f = fopen("/proc/locks", "re");
	if (f == NULL)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), f) != NULL)
		r = line_is(line, &st, ret_pid) ? 1 : 0;
	(void) fclose(f);
	return r;
}
