/* A set on both sides; see follow.h. */
#include "test/rig/differ/follow.h"

#include <stdio.h>

#include "test/fake/shape.h"

/* Chances gone through before a difference is one. */
#define MOST_SEEDS 2000
#define MOST_TOLD  4
/* That many of them go to the first way there; then a new one after every so many, which has this
 * many chances in each step. */
#define FIRST_WAY 1000
#define EACH_WAY  20
#define WAY_SEEDS 150

void
follow_init(struct follow *f, const struct model_ask *ask)
{
	*f = (struct follow){.ask = *ask, .said = json_array(), .outcomes = json_object()};
	past_init(&f->past);
}

void
follow_done(struct follow *f)
{
	past_done(&f->past);
	json_decref(f->said);
	json_decref(f->outcomes);
	free(f->now);
	for (size_t i = 0; i < DRAW_STEPS; i++)
		free(f->before[i]);
}

static const json_t *
service_of(const struct follow *f, const json_t *services)
{
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		if (streq(shape_text(service, "Spec.Name", ""),
		          shape_text(f->ask.set, "spec.Name", "-")))
			return service;
	}
	return NULL;
}

static void
look_up(struct follow *f)
{
	const json_t *seed = json_object_get(f->outcomes, f->now != NULL ? f->now : "");

	f->found = seed != NULL;
	if (f->found)
		f->seeds[f->step] = (uint64_t) json_integer_value(seed);
}

bool
follow_see(struct follow *f, const json_t *services, const json_t *tasks, const json_t *hosts)
{
	const json_t *service = service_of(f, services);
	json_auto_t *form = form_make(service, tasks, hosts, &f->past);
	int64_t version = shape_int(service, "Version.Index", 0);
	bool written = version != f->version;
	char *now;

	f->version = version;
	(void) json_object_set(form, "said", f->said);
	now = json_dumps(form, JSON_SORT_KEYS | JSON_COMPACT);
	if (streq(now, f->now)) {
		free(now);
		return written;
	}
	free(f->now);
	f->now = now;
	look_up(f);
	return true;
}

static char *
model_text(const struct follow *f, const uint64_t *seeds, size_t step)
{
	json_auto_t *form = model_run(&f->ask, seeds, step);

	return json_dumps(form, JSON_SORT_KEYS | JSON_COMPACT);
}

/*
 * Another way to what stood there at the end of each step so far: a form does not say all, not
 * which of a slot's tasks ended first, say. Without one that is found the way stays as it was.
 */
static void
another_way(struct follow *f)
{
	uint64_t seeds[DRAW_STEPS];

	for (size_t step = 0; step < f->step; step++) {
		bool found = false;

		for (uint64_t i = 0; i < WAY_SEEDS && !found; i++) {
			_cleanup_(freep) char *text = NULL;

			seeds[step] = MOST_SEEDS + ++f->drawn;
			text = model_text(f, seeds, step);
			found = streq(text, f->before[step]);
		}
		if (!found)
			return;
	}
	memcpy(f->seeds, seeds, f->step * sizeof(*seeds));
	/* These were the outcomes of the way before. */
	f->n_outcomes += json_object_size(f->outcomes);
	(void) json_object_clear(f->outcomes);
}

bool
follow_try(struct follow *f, uint64_t seeds)
{
	for (uint64_t i = 0; i < seeds && f->tried < MOST_SEEDS && !f->found; i++) {
		_cleanup_(freep) char *text = NULL;

		if (f->tried >= FIRST_WAY && f->tried % EACH_WAY == 0 && f->step > 0)
			another_way(f);
		f->seeds[f->step] = ++f->tried;
		text = model_text(f, f->seeds, f->step);
		if (json_object_get(f->outcomes, text) == NULL)
			(void) json_object_set_new(f->outcomes, text,
			                           json_integer((json_int_t) f->tried));
		look_up(f);
	}
	return f->found || f->tried < MOST_SEEDS;
}

void
follow_next(struct follow *f, const json_t *services, const json_t *tasks)
{
	past_follow(&f->past, service_of(f, services), tasks);
	f->n_outcomes += json_object_size(f->outcomes);
	f->lost |= !f->found;
	f->found = false;
	f->tried = 0;
	f->before[f->step++] = take_ptr(f->now);
	(void) json_object_clear(f->outcomes);
	(void) json_array_clear(f->said);
}

void
follow_tell(const struct follow *f)
{
	_cleanup_(freep) char *set = json_dumps(f->ask.set, JSON_COMPACT);
	_cleanup_(freep) char *nodes =
	    json_dumps(json_object_get(f->ask.batch, "nodes"), JSON_COMPACT);
	_cleanup_(freep) char *event =
	    json_dumps(json_object_get(f->ask.batch, "event"), JSON_COMPACT);
	const char *text;
	json_t *seed;
	int n = 0;

	(void) printf("# %s differs in step %zu (of %zu outcomes)\n#   before: %s\n#   real: %s\n",
	              shape_text(f->ask.set, "spec.Name", ""), f->step,
	              json_object_size(f->outcomes), f->step > 0 ? f->before[f->step - 1] : "",
	              f->now);
	json_object_foreach (f->outcomes, text, seed) {
		if (n++ < MOST_TOLD)
			(void) printf("#   fake: %s\n", text);
	}
	(void) printf("#   set: %s\n#   nodes: %s event: %s\n", set, nodes, event);
}
