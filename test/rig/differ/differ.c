/*
 * Does the same to real engines and to the scripted one and compares what comes of it.
 *
 *   differ --socket SOCKET --lacking NODE [--seed N] [--sets N] [--batch N] [--first N] [--again]
 *
 * SOCKET is a manager's of a Swarm of m1, w1 and w2, whose engines have the label rig=NAME, the
 * image forager/hold:1 and, but for --lacking, forager/part:1. A batch of sets shares the Swarm;
 * every fourth batch is a single set. Exit 0: no difference. Draws: see draw.h; forms: see form.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "docker/document.h"
#include "test/fake/shape.h"
#include "test/rig/differ/follow.h"
#include "test/rig/differ/refuse.h"

#define POLL_MS     150
#define SETTLED_MS  300   /* nothing has changed for so long: look further for what is not found */
#define CALM_MS     1000  /* found, and nothing has changed for so long: the step is over */
#define SURE_MS     8000  /* not found, and nothing has changed for so long: a difference */
#define DEADLINE_MS 90000 /* as long may one step take */
#define FIRST_SEEDS 6
#define MORE_SEEDS  60

struct options {
	const char *socket, *lacking;
	uint64_t seed, first;
	size_t n_sets, batch;
	bool again;
};

struct counts {
	size_t sets, states, answers, outcomes, different, once;
};

struct play {
	struct side real;
	struct act_names names;
	struct draw_ask drawn;
	json_t *batch, *services, *tasks;
	struct follow *follows;
	size_t n;
	struct counts counts;
};

static void
look(struct play *p)
{
	json_decref(p->services);
	json_decref(p->tasks);
	/* Tasks last: a service that is said to be updated has tasks that are at least as new. */
	p->services = side_get(&p->real, "/services");
	p->tasks = side_get(&p->real, "/tasks");
}

static void
pause_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void) nanosleep(&t, NULL);
}

/* Whether any has changed; tries a little for those that are not found. */
static bool
see(struct play *p, uint64_t seeds, bool *ret_found, bool *ret_more)
{
	bool changed = false;

	*ret_found = true;
	*ret_more = false;
	look(p);
	for (size_t i = 0; i < p->n; i++) {
		struct follow *f = &p->follows[i];

		if (f->lost)
			continue;
		changed |= follow_see(f, p->services, p->tasks, p->names.hosts);
		if (!f->found && (seeds > 0 || f->tried == 0))
			*ret_more |= follow_try(f, MAX(seeds, FIRST_SEEDS)) && !f->found;
		*ret_found &= f->found;
	}
	return changed;
}

static void
wait_step(struct play *p)
{
	int64_t begin = mono_ms(), since = begin;
	bool found, more;

	while (mono_ms() - begin < DEADLINE_MS) {
		int64_t quiet_ms = mono_ms() - since;

		if (see(p, quiet_ms > SETTLED_MS ? MORE_SEEDS : 0, &found, &more))
			since = mono_ms();
		quiet_ms = mono_ms() - since;
		if ((found && quiet_ms > CALM_MS) || (quiet_ms > SURE_MS && !more))
			break;
		pause_ms(POLL_MS);
	}
}

static void
end_step(struct play *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct follow *f = &p->follows[i];

		if (f->lost)
			continue;
		p->counts.states++;
		p->counts.answers += json_array_size(f->said);
		if (!f->found) {
			p->counts.different++;
			follow_tell(f);
		}
		follow_next(f, p->services, p->tasks);
	}
}

static void
act(struct play *p, size_t step)
{
	const json_t *event = json_object_get(p->batch, "event");

	if (step == 2) {
		act_node(&p->real, shape_text(event, "node", ""), event);
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct follow *f = &p->follows[i];

		if (f->lost)
			continue;
		if (step == 0)
			act_create(&p->real, &p->names, f->ask.set, f->said);
		else
			act_change(&p->real, &p->names, f->ask.set, step / 2, f->said);
	}
}

/* All services go, and their tasks. */
static bool
clean(struct play *p)
{
	int64_t end_ms = mono_ms() + DEADLINE_MS;
	json_t *service;
	size_t i;

	look(p);
	json_array_foreach (p->services, i, service) {
		_cleanup_(freep) char *path =
		    xasprintf("/services/%s", shape_text(service, "ID", ""));

		(void) side_ask(&p->real, "DELETE", path, NULL, NULL);
	}
	while (look(p), json_array_size(p->tasks) > 0 && mono_ms() < end_ms)
		pause_ms(POLL_MS);
	return json_array_size(p->tasks) == 0;
}

static void
play_batch(struct play *p, size_t n)
{
	const char *name;
	json_t *node;

	p->drawn.n_sets = n;
	p->batch = draw_batch(&p->drawn);
	p->n = n;
	p->follows = xcalloc(n, sizeof(*p->follows));
	json_object_foreach (json_object_get(p->batch, "nodes"), name, node)
		act_node(&p->real, name, node);
	for (size_t i = 0; i < n; i++) {
		const struct model_ask ask = {
		    .batch = p->batch,
		    .set = json_array_get(json_object_get(p->batch, "sets"), i),
		    .drawn = &p->drawn,
		    .alone = n == 1};

		follow_init(&p->follows[i], &ask);
	}
	for (size_t step = 0; step < DRAW_STEPS; step++) {
		act(p, step);
		wait_step(p);
		end_step(p);
	}
	for (size_t i = 0; i < n; i++) {
		p->counts.outcomes += p->follows[i].n_outcomes;
		follow_done(&p->follows[i]);
	}
	p->counts.sets += n;
	free(p->follows);
	json_decref(p->batch);
}

static void
read_capacity(struct play *p)
{
	json_auto_t *nodes = side_get(&p->real, "/nodes");
	const json_t *first = json_array_get(nodes, 0);

	p->drawn.cpu_nano = shape_int(first, "Description.Resources.NanoCPUs", 0);
	p->drawn.mem_bytes = shape_int(first, "Description.Resources.MemoryBytes", 0);
}

static int
play(const struct options *o)
{
	struct play p = {.drawn = {.seed = o->seed, .number = o->first, .lacking = o->lacking}};
	bool cleaned = true;

	side_open_real(&p.real, o->socket);
	act_names_init(&p.names, &p.real);
	read_capacity(&p);
	p.counts.different = refuse_all(&p.real, &p.counts.answers);
	cleaned = clean(&p);
	while (p.counts.sets < o->n_sets && cleaned) {
		size_t n = p.drawn.number % 4 == 1 ? 1 : MIN(o->batch, o->n_sets - p.counts.sets);
		size_t before = p.counts.different;
		int64_t begin = mono_ms();

		play_batch(&p, n);
		cleaned = clean(&p);
		if (o->again && p.counts.different > before && cleaned) {
			size_t once = p.counts.different - before;

			p.counts.different = before;
			p.counts.sets -= n;
			(void) printf("# batch %llu again\n", (unsigned long long) p.drawn.number);
			play_batch(&p, n);
			cleaned = clean(&p);
			p.counts.once += p.counts.different == before ? once : 0;
		}
		(void) printf("# batch %llu: %zu sets, %zu differ, %.1f s\n",
		              (unsigned long long) p.drawn.number, n, p.counts.different - before,
		              (double) (mono_ms() - begin) / 1000);
		(void) fflush(stdout);
		p.drawn.number++;
	}
	(void) printf("differ: seed=%llu next=%llu sets=%zu states=%zu answers=%zu outcomes=%zu "
	              "different=%zu once=%zu%s\n",
	              (unsigned long long) o->seed, (unsigned long long) p.drawn.number,
	              p.counts.sets, p.counts.states, p.counts.answers, p.counts.outcomes,
	              p.counts.different, p.counts.once, cleaned ? "" : " (a service did not go)");
	json_decref(p.services);
	json_decref(p.tasks);
	act_names_done(&p.names);
	side_close(&p.real);
	return p.counts.different == 0 && cleaned ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"socket", required_argument, NULL, 's'}, {"lacking", required_argument, NULL, 'l'},
	    {"seed", required_argument, NULL, 'n'},   {"sets", required_argument, NULL, 'k'},
	    {"batch", required_argument, NULL, 'b'},  {"first", required_argument, NULL, 'f'},
	    {"again", no_argument, NULL, 'a'},        {NULL, 0, NULL, 0}};
	struct options o = {.seed = 1, .n_sets = 20, .batch = 20};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o.socket = optarg;
			break;
		case 'l':
			o.lacking = optarg;
			break;
		case 'n':
			o.seed = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			o.n_sets = strtoull(optarg, NULL, 10);
			break;
		case 'b':
			o.batch = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			o.first = strtoull(optarg, NULL, 10);
			break;
		case 'a':
			o.again = true;
			break;
		default:
			return 2;
		}
	}
	if (o.socket == NULL || o.lacking == NULL || o.batch == 0 || optind < argc) {
		(void) fputs("Usage: differ --socket SOCKET --lacking NODE [--seed N] [--sets N] "
		             "[--batch N] [--first N] [--again]\n",
		             stderr);
		return 2;
	}
	(void) setvbuf(stdout, NULL, _IOLBF, 0);
	document_global_init();
	return play(&o);
}
