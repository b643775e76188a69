/* Turns the clock of the programs that run under clock_shim.so (which says how). */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test/fault/clock_shim.h"

static int64_t
real_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		abort();
	return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
usage(void)
{
	(void) fputs(
	    "usage: clock_ctl FILE new | now | scale FACTOR | jump SECONDS | forward SECONDS\n"
	    "       clock_ctl FILE jumps SECONDS EVERY\n",
	    stderr);
	return 2;
}

/* Never touches a file that is not a clock: only "new" makes one, and only where there is none or
 * where one is. */
static struct clock_file *
file_open(const char *path, int create)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
	struct clock_file *file;
	uint64_t magic = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	if (create && S_ISREG(st.st_mode) && st.st_size == 0 && ftruncate(fd, sizeof(*file)) != 0)
		return NULL;
	if (st.st_size != 0 || !create) {
		if (pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) ||
		    magic != CLOCK_SHIM_MAGIC || st.st_size != sizeof(*file)) {
			errno = EEXIST;
			return NULL;
		}
	}
	file = mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void) close(fd);
	return file == MAP_FAILED ? NULL : file;
}

static void
file_write(struct clock_file *file, const struct clock_face *face)
{
	atomic_fetch_add(&file->turn, 1);
	atomic_thread_fence(memory_order_release);
	file->face = *face;
	atomic_thread_fence(memory_order_release);
	atomic_fetch_add(&file->turn, 1);
	file->magic = CLOCK_SHIM_MAGIC;
}

/* The same times, counted from now: what changes after this goes on without a step. */
static struct clock_face
face_now(const struct clock_file *file)
{
	struct clock_face face = clock_file_read(file);
	int64_t real = real_ns(CLOCK_MONOTONIC), mono, wall;

	clock_face_at(&face, real, &mono, &wall);
	return (struct clock_face){.real_mono_ns = real,
	                           .fake_mono_ns = mono,
	                           .fake_wall_ns = wall,
	                           .scale = face.scale,
	                           .jump_ns = face.jump_ns,
	                           .jump_every_ns = face.jump_every_ns};
}

/* A jump again and again, so that no step is without one, however slow the test is. */
static int
jumps(struct clock_file *file, double by_s, double every_s)
{
	struct clock_face face = face_now(file);

	if (!(every_s >= 0))
		return usage();
	face.jump_ns = (int64_t) (by_s * 1e9);
	face.jump_every_ns = (int64_t) (every_s * 1e9);
	file_write(file, &face);
	return 0;
}

static int
turn(struct clock_file *file, const char *word, double value)
{
	struct clock_face face = face_now(file);
	int64_t ns = (int64_t) (value * 1e9);

	if (strcmp(word, "scale") == 0) {
		if (!(value >= 0))
			return usage();
		face.scale = value;
	} else if (strcmp(word, "jump") == 0) {
		face.fake_wall_ns += ns;
	} else if (strcmp(word, "forward") == 0 && value >= 0) {
		face.fake_wall_ns += ns;
		face.fake_mono_ns += ns;
	} else {
		return usage();
	}
	file_write(file, &face);
	return 0;
}

static bool
is_number(const char *word, double *ret)
{
	char *end;

	*ret = strtod(word, &end);
	return *word != '\0' && *end == '\0' && isfinite(*ret);
}

int
main(int argc, char **argv)
{
	struct clock_file *file;
	struct clock_face face;
	double value, every;

	if (argc < 3)
		return usage();
	file = file_open(argv[1], strcmp(argv[2], "new") == 0);
	if (file == NULL) {
		(void) fprintf(stderr, "clock_ctl: '%s': %s\n", argv[1],
		               errno == EEXIST ? "not a clock of ours, left alone"
		                               : strerror(errno));
		return 1;
	}
	if (strcmp(argv[2], "new") == 0 && argc == 3) {
		face = (struct clock_face){.real_mono_ns = real_ns(CLOCK_MONOTONIC),
		                           .fake_mono_ns = real_ns(CLOCK_BOOTTIME),
		                           .fake_wall_ns = real_ns(CLOCK_REALTIME),
		                           .scale = 1};
		file_write(file, &face);
		return 0;
	}
	if (strcmp(argv[2], "now") == 0 && argc == 3) {
		face = face_now(file);
		(void) printf("%.3f %.3f\n", (double) face.fake_wall_ns / 1e9,
		              (double) face.fake_mono_ns / 1e9);
		return 0;
	}
	if (argc == 5 && strcmp(argv[2], "jumps") == 0 && is_number(argv[3], &value) &&
	    is_number(argv[4], &every))
		return jumps(file, value, every);
	if (argc != 4 || !is_number(argv[3], &value))
		return usage();
	return turn(file, argv[2], value);
}
