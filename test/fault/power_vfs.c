/* The disk that loses power; see power_vfs.h. */
#include "test/fault/power_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/util.h"

#define SECTOR    512
#define MAX_FILES 16
#define PATH_SIZE 512

struct image {
	unsigned char *bytes;
	size_t n;
};

/* A write, or a truncation to size offset (bytes NULL). */
struct change {
	int64_t offset;
	size_t n;
	unsigned char *bytes;
};

/* One name in the directory. */
struct disk_file {
	char path[PATH_SIZE];
	bool exists;       /* as the program sees it */
	bool entry;        /* its name is durable */
	struct image safe; /* what fsync has confirmed */
	struct change *changes;
	size_t n_changes;
	bool ghost; /* an older file of this name may be back: its removal is not confirmed */
	struct image ghost_safe;
};

struct power_file {
	sqlite3_file base;
	struct disk_file *disk;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	struct disk_file files[MAX_FILES];
	size_t n_files;
	uint64_t at, n;
	enum power_pattern pattern;
	struct rng rng;
} disk;

static sqlite3_file *
real_of(sqlite3_file *file)
{
	return (sqlite3_file *) ((char *) file + sizeof(struct power_file));
}

static struct disk_file *
disk_of(sqlite3_file *file)
{
	return ((struct power_file *) file)->disk;
}

/* --- the loss ------------------------------------------------------------------------------------
 */

static void
image_grow(struct image *image, size_t n)
{
	if (n <= image->n)
		return;
	image->bytes = xrealloc(image->bytes, n, 1);
	(void) memset(image->bytes + image->n, 0, n - image->n);
	image->n = n;
}

static void
image_write(struct image *image, const struct change *c, size_t from, size_t to)
{
	if (from >= to)
		return;
	image_grow(image, (size_t) c->offset + to);
	(void) memcpy(image->bytes + c->offset + from, c->bytes + from, to - from);
}

/* Sector by sector: each is there or not. */
static void
image_tear(struct image *image, const struct change *c)
{
	size_t from = 0;

	while (from < c->n) {
		size_t end =
		    ((size_t) c->offset + from) / SECTOR * SECTOR + SECTOR - (size_t) c->offset;

		if (rng_below(&disk.rng, 2) == 0)
			image_write(image, c, from, MIN(end, c->n));
		from = end;
	}
}

static void
image_apply(struct image *image, const struct change *c)
{
	if (c->bytes != NULL) {
		image_write(image, c, 0, c->n);
		return;
	}
	image_grow(image, (size_t) c->offset);
	image->n = (size_t) c->offset;
}

static struct image
image_after(const struct image *safe, const struct change *changes, size_t n)
{
	struct image image = {0};
	size_t whole = disk.pattern == POWER_ALL      ? n
	               : disk.pattern == POWER_PREFIX ? (size_t) rng_below(&disk.rng, n + 1)
	                                              : 0;

	image_grow(&image, safe->n);
	if (safe->n > 0)
		(void) memcpy(image.bytes, safe->bytes, safe->n);
	for (size_t i = 0; i < n; i++) {
		uint64_t dice = rng_below(&disk.rng, 3);

		if (i < whole || (disk.pattern == POWER_SUBSET && dice == 0))
			image_apply(&image, &changes[i]);
		else if (changes[i].bytes != NULL &&
		         ((disk.pattern == POWER_PREFIX && i == whole) ||
		          (disk.pattern == POWER_SUBSET && dice == 1)))
			image_tear(&image, &changes[i]);
	}
	return image;
}

static void
file_put(const char *path, const struct image *image)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0 || write(fd, image->bytes, image->n) != (ssize_t) image->n || close(fd) != 0)
		abort();
}

/* An entry that is not confirmed: what the pattern makes of it. */
static bool
happened(void)
{
	return disk.pattern == POWER_ALL ||
	       (disk.pattern != POWER_NOTHING && rng_below(&disk.rng, 2) == 0);
}

static void
file_lose(struct disk_file *f)
{
	struct image image;
	bool new = f->exists && (f->entry || happened());

	if (!new && (!f->ghost || happened())) {
		(void) unlink(f->path);
		return;
	}
	image = new ? image_after(&f->safe, f->changes, f->n_changes)
	            : image_after(&f->ghost_safe, NULL, 0);
	file_put(f->path, &image);
	free(image.bytes);
}

/* The index of the log is no file that SQLite syncs: anything may be in it, or it is gone. */
static void
index_lose(const char *db)
{
	_cleanup_(freep) char *path = xasprintf("%s-shm", db);
	struct stat st;

	if (disk.pattern == POWER_NOTHING || stat(path, &st) != 0)
		(void) unlink(path);
	else if (disk.pattern == POWER_SUBSET && truncate(path, st.st_size / 2) != 0)
		abort();
}

static void
operation(void)
{
	if (++disk.n != disk.at)
		return;
	for (size_t i = 0; i < disk.n_files; i++) {
		if (strstr(disk.files[i].path, "-wal") == NULL &&
		    strstr(disk.files[i].path, "-journal") == NULL)
			index_lose(disk.files[i].path);
		file_lose(&disk.files[i]);
	}
	_exit(POWER_LOST);
}

/* --- what is on the disk -------------------------------------------------------------------------
 */

static void
image_read(const char *path, struct image *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*ret = (struct image){0};
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0)
		abort();
	image_grow(ret, (size_t) st.st_size);
	if (ret->n > 0 && pread(fd, ret->bytes, ret->n, 0) != (ssize_t) ret->n)
		abort();
	(void) close(fd);
}

static void
changes_clear(struct disk_file *f)
{
	for (size_t i = 0; i < f->n_changes; i++)
		free(f->changes[i].bytes);
	f->n_changes = 0;
}

static struct disk_file *
disk_find(const char *path)
{
	struct disk_file *f;

	for (size_t i = 0; i < disk.n_files; i++)
		if (streq(disk.files[i].path, path))
			return &disk.files[i];
	if (disk.n_files == MAX_FILES || strlen(path) >= PATH_SIZE)
		abort();
	f = &disk.files[disk.n_files++];
	(void) str_copy(f->path, sizeof(f->path), path);
	f->exists = access(path, F_OK) == 0;
	image_read(path, &f->safe);
	/* What has bytes when first seen is from another time; an empty file was made just now. */
	f->entry = f->exists && f->safe.n > 0;
	return f;
}

static void
change_add(struct disk_file *f, int64_t offset, const void *bytes, size_t n)
{
	struct change c = {.offset = offset, .n = n};

	if (bytes != NULL)
		c.bytes = memcpy(xcalloc(n, 1), bytes, n);
	f->changes = xrealloc(f->changes, f->n_changes + 1, sizeof(*f->changes));
	f->changes[f->n_changes++] = c;
}

static void
file_synced(const char *path)
{
	for (size_t i = 0; i < disk.n_files; i++) {
		struct disk_file *f = &disk.files[i];

		if (!streq(f->path, path))
			continue;
		free(f->safe.bytes);
		image_read(path, &f->safe);
		changes_clear(f);
	}
}

static void
directory_synced(void)
{
	for (size_t i = 0; i < disk.n_files; i++) {
		disk.files[i].entry = disk.files[i].exists;
		disk.files[i].ghost = false;
	}
}

/* Everybody's fsync in this process: SQLite's own and forager's, of files and of directories. */
static int
confirm(int fd, int (*sync)(int fd))
{
	char link[64], path[PATH_SIZE];
	ssize_t n;
	struct stat st;

	operation();
	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st) != 0)
		abort();
	path[n] = '\0';
	if (S_ISDIR(st.st_mode))
		directory_synced();
	else
		file_synced(path);
	return sync(fd);
}

static int
raw_fsync(int fd)
{
	return (int) syscall(SYS_fsync, fd);
}

static int
raw_fdatasync(int fd)
{
	return (int) syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return confirm(fd, raw_fsync);
}

int
fdatasync(int fd)
{
	return confirm(fd, raw_fdatasync);
}

/* --- sqlite3_io_methods --------------------------------------------------------------------------
 */

#define FORWARD(name, ...) real_of(file)->pMethods->name(real_of(file), ##__VA_ARGS__)

static int
p_close(sqlite3_file *file)
{
	return FORWARD(xClose);
}

static int
p_read(sqlite3_file *file, void *to, int n, sqlite3_int64 offset)
{
	return FORWARD(xRead, to, n, offset);
}

static int
p_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 offset)
{
	change_add(disk_of(file), offset, from, (size_t) n);
	operation();
	return FORWARD(xWrite, from, n, offset);
}

static int
p_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	change_add(disk_of(file), size, NULL, 0);
	operation();
	return FORWARD(xTruncate, size);
}

static int
p_sync(sqlite3_file *file, int flags)
{
	return FORWARD(xSync, flags);
}

static int
p_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return FORWARD(xFileSize, size);
}

static int
p_lock(sqlite3_file *file, int level)
{
	return FORWARD(xLock, level);
}

static int
p_unlock(sqlite3_file *file, int level)
{
	return FORWARD(xUnlock, level);
}

static int
p_check_lock(sqlite3_file *file, int *out)
{
	return FORWARD(xCheckReservedLock, out);
}

static int
p_control(sqlite3_file *file, int op, void *arg)
{
	return FORWARD(xFileControl, op, arg);
}

static int
p_sector(sqlite3_file *file)
{
	(void) file;
	return SECTOR;
}

/* SQLite's own assumption about the disks of today: what is next to a write survives it. */
static int
p_characteristics(sqlite3_file *file)
{
	(void) file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
p_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return FORWARD(xShmMap, page, size, extend, ret);
}

static int
p_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return FORWARD(xShmLock, offset, n, flags);
}

static void
p_shm_barrier(sqlite3_file *file)
{
	FORWARD(xShmBarrier);
}

static int
p_shm_unmap(sqlite3_file *file, int delete)
{
	return FORWARD(xShmUnmap, delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = p_close,
    .xRead = p_read,
    .xWrite = p_write,
    .xTruncate = p_truncate,
    .xSync = p_sync,
    .xFileSize = p_file_size,
    .xLock = p_lock,
    .xUnlock = p_unlock,
    .xCheckReservedLock = p_check_lock,
    .xFileControl = p_control,
    .xSectorSize = p_sector,
    .xDeviceCharacteristics = p_characteristics,
    .xShmMap = p_shm_map,
    .xShmLock = p_shm_lock,
    .xShmBarrier = p_shm_barrier,
    .xShmUnmap = p_shm_unmap,
};

/* --- sqlite3_vfs ---------------------------------------------------------------------------------
 */

static int
p_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
	struct power_file *p = (struct power_file *) file;
	int rc;

	(void) vfs;
	*p = (struct power_file){0};
	if (path == NULL) /* a temporary file: nobody looks for it after a loss */
		abort();
	p->disk = disk_find(path);
	if (!p->disk->exists && (flags & SQLITE_OPEN_CREATE) != 0)
		operation();
	rc = disk.real->xOpen(disk.real, path, real_of(file), flags, ret_flags);
	if (rc == SQLITE_OK) {
		p->base.pMethods = &methods;
		p->disk->exists = true;
	}
	return rc;
}

static int
p_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
	struct disk_file *f = disk_find(path);
	int rc;

	(void) vfs;
	operation();
	rc = disk.real->xDelete(disk.real, path, sync_directory);
	if (rc != SQLITE_OK)
		return rc;
	if (f->entry) {
		free(f->ghost_safe.bytes);
		f->ghost_safe = f->safe;
		f->ghost = true;
	} else {
		free(f->safe.bytes);
	}
	f->safe = (struct image){0};
	changes_clear(f);
	f->exists = f->entry = false;
	if (sync_directory)
		directory_synced();
	return rc;
}

void
power_register(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "power";
	disk.vfs.szOsFile = (int) sizeof(struct power_file) + disk.real->szOsFile;
	disk.vfs.xOpen = p_open;
	disk.vfs.xDelete = p_delete;
	if (sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
		abort();
}

void
power_arm(uint64_t at, enum power_pattern pattern, uint64_t seed)
{
	disk.at = at;
	disk.n = 0;
	disk.pattern = pattern;
	rng_seed(&disk.rng, seed);
}

uint64_t
power_operations(void)
{
	return disk.n;
}
