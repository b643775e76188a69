/*
 * load --rate RPS --url URL [[--rate RPS] --url URL …] [--duration S] [--out FILE|-]
 *      [--arrivals poisson|fixed] [--seed N] [--every S]
 *
 * An open-loop HTTP client: requests leave on a schedule that does not wait for answers, each on a
 * new connection after a new lookup of the name, and latency counts from the scheduled time, so a
 * slow server cannot hide its queue. A rate holds for the URLs after it, until the next one.
 *
 * Writes JSON, one object a line, of kind "interval" (each --every seconds), "phase" and "total".
 * SIGUSR1 ends a phase and begins the next one; a phase takes the requests that were due in it, and
 * its line appears when the last of them has ended. SIGTERM ends the run early and in order.
 */
#include "test/rig/request.h"
#include "test/rig/workload.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_S      1000000000LL
#define URLS_MAX      64
#define IN_FLIGHT_MAX 4096 /* 5 s of 500 requests a second that nobody answers, and some more */
#define SWEEP_NS      50000000LL
#define EVENTS_MAX    256

struct target {
	struct url url;
	double rate_rps;
	int64_t due_ns; /* the next request's */
	struct tally interval, phase, total;
};

struct load {
	struct target targets[URLS_MAX];
	size_t n_targets;
	double duration_s, every_s;
	bool poisson;
	FILE *out;

	struct request_env env;
	int timer_fd, signal_fd;
	struct request *in_flight[IN_FLIGHT_MAX];
	size_t n_in_flight;
	int64_t start_ns, end_ns, interval_ns, phase_ns, phase_end_ns;
	unsigned phase;
	bool closing;                /* the phase has ended, some of its requests have not */
	struct tally next[URLS_MAX]; /* what the next phase has got while this one is closing */
};

static int
usage(void)
{
	fputs(
	    "usage: load --rate RPS --url http://HOST[:PORT][/PATH] [[--rate RPS] --url URL ...]\n"
	    "            [--duration S] [--out FILE|-] [--arrivals poisson|fixed] [--seed N] "
	    "[--every S]\n",
	    stderr);
	return 2;
}

static int64_t
gap_ns(struct load *load, double rate_rps)
{
	double gap_s = 1 / rate_rps;

	if (load->poisson) {
		/* (0, 1], so that the logarithm is finite */
		double u = (double) ((request_random(&load->env.rng) >> 11) + 1) * 0x1p-53;

		gap_s *= -log(u);
	}
	return (int64_t) (gap_s * NS_PER_S);
}

enum stretch { INTERVAL, PHASE, TOTAL };

static struct tally *
tally_of(struct target *t, enum stretch which)
{
	return which == INTERVAL ? &t->interval : which == PHASE ? &t->phase : &t->total;
}

static void
print_stretch(struct load *load, enum stretch which, int64_t from_ns, int64_t to_ns)
{
	static const char *const names[] = {"interval", "phase", "total"};
	struct tally all = {0};

	fprintf(load->out, "{\"kind\":\"%s\",\"phase\":%u,\"from_s\":%.3f,\"to_s\":%.3f,",
	        names[which], load->phase, (double) (from_ns - load->start_ns) / NS_PER_S,
	        (double) (to_ns - load->start_ns) / NS_PER_S);
	for (size_t i = 0; i < load->n_targets; i++) {
		struct target *t = &load->targets[i];

		tally_merge(&all, tally_of(t, which));
	}
	tally_print(&all, load->out);
	tally_done(&all);
	fputs(",\"urls\":[", load->out);
	for (size_t i = 0; i < load->n_targets; i++) {
		struct target *t = &load->targets[i];

		fprintf(load->out, "%s{\"url\":\"%s\",", i > 0 ? "," : "", t->url.text);
		tally_print(tally_of(t, which), load->out);
		fputc('}', load->out);
	}
	fputs("]}\n", load->out);
	fflush(load->out);
}

static void
close_interval(struct load *load, int64_t now_ns)
{
	print_stretch(load, INTERVAL, load->interval_ns, now_ns);
	for (size_t i = 0; i < load->n_targets; i++)
		tally_reset(&load->targets[i].interval);
	load->interval_ns = now_ns;
}

/* Prints the phase that has ended once all its requests have. */
static void
finish_phase(struct load *load)
{
	if (!load->closing)
		return;
	for (size_t i = 0; i < load->n_in_flight; i++) {
		if (request_due_ns(load->in_flight[i]) < load->phase_end_ns)
			return;
	}
	print_stretch(load, PHASE, load->phase_ns, load->phase_end_ns);
	for (size_t i = 0; i < load->n_targets; i++) {
		struct tally empty = load->targets[i].phase;

		tally_reset(&empty);
		load->targets[i].phase = load->next[i];
		load->next[i] = empty;
	}
	load->phase_ns = load->phase_end_ns;
	load->phase++;
	load->closing = false;
}

static void
count(struct load *load, size_t tag, int64_t due_ns, enum outcome outcome, bool retried)
{
	struct target *t = &load->targets[tag];
	const int64_t latency_ns = workload_now_ns() - due_ns;
	const bool later = load->closing && due_ns >= load->phase_end_ns;

	tally_add(&t->interval, outcome, retried, latency_ns);
	tally_add(later ? &load->next[tag] : &t->phase, outcome, retried, latency_ns);
	tally_add(&t->total, outcome, retried, latency_ns);
}

/* Counts and removes the ended request at this place; the last one takes it. */
static void
drop(struct load *load, size_t at)
{
	struct request *r = load->in_flight[at];

	count(load, request_tag(r), request_due_ns(r), request_outcome(r), request_retried(r));
	request_free(r);
	load->in_flight[at] = load->in_flight[--load->n_in_flight];
	finish_phase(load);
}

/* Requests whose time has run out, and those that ended in an event. */
static void
sweep(struct load *load, int64_t now_ns)
{
	for (size_t i = 0; i < load->n_in_flight;) {
		if (request_expire(load->in_flight[i], now_ns))
			drop(load, i);
		else
			i++;
	}
}

static void
send_due(struct load *load, int64_t now_ns)
{
	for (size_t i = 0; i < load->n_targets; i++) {
		struct target *t = &load->targets[i];

		for (; t->due_ns <= now_ns && t->due_ns < load->end_ns;
		     t->due_ns += gap_ns(load, t->rate_rps)) {
			if (load->n_in_flight == IN_FLIGHT_MAX)
				count(load, i, t->due_ns, OUTCOME_OVERRUN, false);
			else
				load->in_flight[load->n_in_flight++] =
				    request_new(&load->env, &t->url, t->due_ns, i);
		}
	}
}

static void
end_phase(struct load *load, int64_t now_ns)
{
	if (load->closing)
		return;
	send_due(load, now_ns);
	load->closing = true;
	load->phase_end_ns = now_ns;
	finish_phase(load);
}

/* The next request or the next sweep, whichever is earlier. */
static void
set_timer(struct load *load, int64_t now_ns)
{
	int64_t at_ns = now_ns + SWEEP_NS;
	struct itimerspec spec = {0};

	for (size_t i = 0; i < load->n_targets; i++) {
		const int64_t due_ns = load->targets[i].due_ns;

		if (due_ns < load->end_ns && due_ns < at_ns)
			at_ns = due_ns;
	}
	spec.it_value.tv_sec = at_ns / NS_PER_S;
	spec.it_value.tv_nsec = at_ns % NS_PER_S;
	if (timerfd_settime(load->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		abort();
}

static void
on_signal(struct load *load)
{
	struct signalfd_siginfo info;
	const int64_t now_ns = workload_now_ns();

	while (read(load->signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			end_phase(load, now_ns);
		else if (now_ns < load->end_ns)
			load->end_ns = now_ns;
	}
}

static void
on_timer(struct load *load)
{
	uint64_t n;

	(void) !read(load->timer_fd, &n, sizeof(n));
}

static void
wait_events(struct load *load)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(load->env.epoll_fd, events, EVENTS_MAX, -1);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &load->timer_fd)
			on_timer(load);
		else if (events[i].data.ptr == &load->signal_fd)
			on_signal(load);
		else
			/* What has ended is found by the sweep that follows. */
			(void) request_step(events[i].data.ptr, workload_now_ns());
	}
}

static void
run(struct load *load)
{
	int64_t now_ns = workload_now_ns();

	load->start_ns = load->interval_ns = load->phase_ns = now_ns;
	load->end_ns = now_ns + (int64_t) (load->duration_s * NS_PER_S);
	load->phase = 1;
	for (size_t i = 0; i < load->n_targets; i++)
		load->targets[i].due_ns = now_ns + gap_ns(load, load->targets[i].rate_rps);
	while (now_ns < load->end_ns || load->n_in_flight > 0) {
		send_due(load, now_ns);
		set_timer(load, now_ns);
		wait_events(load);
		now_ns = workload_now_ns();
		sweep(load, now_ns);
		if (load->every_s > 0 &&
		    (double) (now_ns - load->interval_ns) >= load->every_s * NS_PER_S)
			close_interval(load, now_ns);
	}
	end_phase(load, now_ns < load->end_ns ? now_ns : load->end_ns);
	load->phase--;
	print_stretch(load, TOTAL, load->start_ns, load->end_ns);
}

static void
watch(struct load *load, int *fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = fd}};

	if (*fd < 0 || epoll_ctl(load->env.epoll_fd, EPOLL_CTL_ADD, *fd, &event) < 0) {
		perror("load: epoll");
		exit(1);
	}
}

static void
init(struct load *load)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		abort();
	load->env.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	load->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	watch(load, &load->signal_fd);
	watch(load, &load->timer_fd);
	/* Without one, only dotted addresses work. */
	if (dns_server(&load->env.dns) < 0)
		fputs("load: no IPv4 name server in /etc/resolv.conf\n", stderr);
}

int
load_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"rate", required_argument, NULL, 'r'},     {"url", required_argument, NULL, 'u'},
	    {"duration", required_argument, NULL, 'd'}, {"out", required_argument, NULL, 'o'},
	    {"arrivals", required_argument, NULL, 'a'}, {"seed", required_argument, NULL, 's'},
	    {"every", required_argument, NULL, 'e'},    {0},
	};
	static struct load load = {.duration_s = 86400, .poisson = true};
	double rate_rps = 0;
	int opt;

	load.out = stdout;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'r':
			rate_rps = workload_number("--rate", optarg, 0.001, 10000);
			break;
		case 'u':
			if (load.n_targets == URLS_MAX || rate_rps <= 0 ||
			    url_parse(optarg, &load.targets[load.n_targets].url) < 0)
				return usage();
			load.targets[load.n_targets++].rate_rps = rate_rps;
			break;
		case 'd':
			load.duration_s = workload_number("--duration", optarg, 0.1, 1e7);
			break;
		case 'o':
			if (strcmp(optarg, "-") != 0)
				load.out = fopen(optarg, "we");
			if (load.out == NULL) {
				fprintf(stderr, "load: open '%s': %s\n", optarg, strerror(errno));
				return 1;
			}
			break;
		case 'a':
			load.poisson = strcmp(optarg, "poisson") == 0;
			if (!load.poisson && strcmp(optarg, "fixed") != 0)
				return usage();
			break;
		case 's':
			load.env.rng = (uint64_t) workload_number("--seed", optarg, 0, 1e15);
			break;
		case 'e':
			load.every_s = workload_number("--every", optarg, 0.1, 3600);
			break;
		default:
			return usage();
		}
	}
	if (load.n_targets == 0 || optind != argc)
		return usage();
	init(&load);
	run(&load);
	return 0;
}
