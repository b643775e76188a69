/* A clock that tests turn: it runs faster, stands still, jumps. LD_PRELOAD library for unchanged
 * programs (release or clang builds as they are; for gcc's sanitizers add verify_asan_link_order=0
 * to ASAN_OPTIONS).
 *
 *	clock_ctl FILE new                     a file that keeps the real time
 *	CLOCK_SHIM=FILE LD_PRELOAD=…/clock_shim.so foragerd …
 *	clock_ctl FILE scale 60                from now on a minute a second, in all of them at once
 *	clock_ctl FILE jump -31536000          the wall clock only: somebody set it a year back
 *	clock_ctl FILE jumps 3600 8            the wall clock by an hour in every 8 s; 0 0 ends it
 *	clock_ctl FILE forward 3600            both clocks: an hour has passed
 *	clock_ctl FILE now                     prints wall and monotonic seconds
 *
 * Every process with the same FILE sees the same time. What waits (epoll, poll, select, sleeps)
 * waits in that time too, and notices a new scale or a forward within 20 ms. Real are: timerfd,
 *alarm, SO_RCVTIMEO, pthread_cond_timedwait (forager's programs use none of these), the dates of
 *files. At a scale of 100 a time-out of 1 s is 10 ms of a busy machine: 60 is a good choice. All
 *goes by raw system calls, so that nothing has to be looked up before it works. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/fault/clock_shim.h"

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000
/* Real time after which a wait looks at the file again. */
#define SLICE_NS (20 * NS_PER_MS)

typedef int clock_fn(clockid_t id, struct timespec *t);

static _Atomic(const struct clock_file *) shared;
static _Atomic(clock_fn *) real_clock; /* NULL before the constructor has run */

static void
fail(const char *why)
{
	(void) fprintf(stderr, "clock_shim: %s\n", why);
	abort();
}

static int64_t
ns_of(const struct timespec *t)
{
	return (int64_t) t->tv_sec * NS_PER_S + t->tv_nsec;
}

static struct timespec
timespec_of(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	if (t.tv_nsec < 0) {
		t.tv_nsec += NS_PER_S;
		t.tv_sec--;
	}
	return t;
}

/* A program whose clock is not the test's would make the test pass for the wrong reason: abort. */
static const struct clock_file *
file_map(void)
{
	const struct clock_file *file = atomic_load(&shared);
	const char *path = getenv("CLOCK_SHIM");
	int fd;

	if (file != NULL)
		return file;
	fd = path == NULL ? -1 : (int) syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("CLOCK_SHIM does not name a file of clock_ctl");
	file = mmap(NULL, sizeof(*file), PROT_READ, MAP_SHARED, fd, 0);
	(void) close(fd);
	if (file == MAP_FAILED || file->magic != CLOCK_SHIM_MAGIC)
		fail("the file that CLOCK_SHIM names is not one of clock_ctl");
	atomic_store(&shared, file);
	return file;
}

/* Before the first fork or chroot, and so that a wrong CLOCK_SHIM is told at once. */
__attribute__((constructor)) static void
file_map_early(void)
{
	(void) file_map();
	atomic_store(&real_clock, (clock_fn *) dlsym(RTLD_NEXT, "clock_gettime"));
}

static void
now(int64_t *mono_ns, int64_t *wall_ns, double *scale)
{
	struct clock_face face = clock_file_read(file_map());
	clock_fn *read_clock = atomic_load(&real_clock);
	struct timespec real;

	if (read_clock != NULL)
		(void) read_clock(CLOCK_MONOTONIC, &real);
	else
		(void) syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &real);
	clock_face_at(&face, ns_of(&real), mono_ns, wall_ns);
	*scale = face.scale;
}

/* --- reading -------------------------------------------------------------------------------------
 */

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t mono, wall;
	double scale;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		now(&mono, &wall, &scale);
		*t = timespec_of(wall);
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
		now(&mono, &wall, &scale);
		*t = timespec_of(mono);
		return 0;
	default:
		return (int) syscall(SYS_clock_gettime, id, t);
	}
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec wall;

	(void) zone;
	(void) clock_gettime(CLOCK_REALTIME, &wall);
	*t = (struct timeval){.tv_sec = wall.tv_sec, .tv_usec = wall.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *ret)
{
	struct timespec wall;

	(void) clock_gettime(CLOCK_REALTIME, &wall);
	if (ret != NULL)
		*ret = wall.tv_sec;
	return wall.tv_sec;
}

/* --- waiting -------------------------------------------------------------------------------------
 */

/* A wait until a monotonic time of the test's clock. */
struct wait {
	int64_t until_ns;
	int forever;
};

static struct wait
wait_for(int64_t ns)
{
	int64_t mono, wall;
	double scale;

	now(&mono, &wall, &scale);
	return (struct wait){.until_ns = mono + ns, .forever = ns < 0};
}

/* The next slice of real time to wait for; 1: the wait is over after it. */
static int
wait_slice(const struct wait *w, struct timespec *ret)
{
	int64_t mono, wall;
	double scale, real;

	*ret = timespec_of(SLICE_NS);
	if (w->forever)
		return 0;
	now(&mono, &wall, &scale);
	real = scale > 0 ? (double) (w->until_ns - mono) / scale : SLICE_NS;
	if (real >= SLICE_NS && w->until_ns > mono)
		return 0;
	*ret = timespec_of(real > 0 ? (int64_t) real + 1 : 0);
	return scale > 0 || w->until_ns <= mono;
}

static int64_t
ms_ns(int ms)
{
	return ms < 0 ? -1 : (int64_t) ms * NS_PER_MS;
}

/* epoll_pwait2 is younger than some kernels: a slice in whole milliseconds, at least one. */
static int
slice_ms(const struct timespec *slice)
{
	return (int) ((ns_of(slice) + NS_PER_MS - 1) / NS_PER_MS);
}

int
epoll_pwait(int fd, struct epoll_event *events, int n, int timeout_ms, const sigset_t *mask)
{
	struct wait w = wait_for(ms_ns(timeout_ms));
	struct timespec slice;
	int last, got;

	do {
		last = wait_slice(&w, &slice);
		got =
		    (int) syscall(SYS_epoll_pwait, fd, events, n, slice_ms(&slice), mask, NSIG / 8);
	} while (got == 0 && !last);
	return got;
}

int
epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms)
{
	return epoll_pwait(fd, events, n, timeout_ms, NULL);
}

static int
poll_wait(struct pollfd *fds, nfds_t n, int64_t ns, const sigset_t *mask)
{
	struct wait w = wait_for(ns);
	struct timespec slice;
	int last, got;

	do {
		last = wait_slice(&w, &slice);
		got = (int) syscall(SYS_ppoll, fds, n, &slice, mask, NSIG / 8);
	} while (got == 0 && !last);
	return got;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return poll_wait(fds, n, ms_ns(timeout_ms), NULL);
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	return poll_wait(fds, n, timeout == NULL ? -1 : ns_of(timeout), mask);
}

int
select(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
       struct timeval *restrict timeout)
{
	struct wait w = wait_for(
	    timeout == NULL ? -1 : (int64_t) timeout->tv_sec * NS_PER_S + timeout->tv_usec * 1000);
	fd_set sets[3], *asked[3] = {in, out, bad}, *used[3];
	struct timespec slice;
	int last, got;

	do {
		last = wait_slice(&w, &slice);
		for (int i = 0; i < 3; i++) {
			used[i] = asked[i] == NULL ? NULL : &sets[i];
			if (asked[i] != NULL)
				sets[i] = *asked[i];
		}
		got = (int) syscall(SYS_pselect6, n, used[0], used[1], used[2], &slice, NULL);
	} while (got == 0 && !last);
	for (int i = 0; i < 3 && got >= 0; i++)
		if (asked[i] != NULL)
			*asked[i] = sets[i];
	return got;
}

/* The rest after a signal is not told: nobody here asks for it. */
int
nanosleep(const struct timespec *asked, struct timespec *rest)
{
	struct wait w = wait_for(ns_of(asked));
	struct timespec slice;
	int last, failed;

	(void) rest;
	do {
		last = wait_slice(&w, &slice);
		failed = (int) syscall(SYS_nanosleep, &slice, NULL);
	} while (failed == 0 && !last);
	return failed;
}

int
clock_nanosleep(clockid_t id, int flags, const struct timespec *asked, struct timespec *rest)
{
	struct timespec from = {0}, relative;

	if (flags & TIMER_ABSTIME)
		(void) clock_gettime(id, &from);
	relative = timespec_of(ns_of(asked) > ns_of(&from) ? ns_of(asked) - ns_of(&from) : 0);
	return nanosleep(&relative, rest) == 0 ? 0 : errno;
}

int
usleep(useconds_t us)
{
	struct timespec t = timespec_of((int64_t) us * 1000);

	return nanosleep(&t, NULL);
}

unsigned
sleep(unsigned s)
{
	struct timespec t = {.tv_sec = s};

	(void) nanosleep(&t, NULL);
	return 0;
}
