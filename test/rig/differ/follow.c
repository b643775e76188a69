/* A set on both sides; see follow.h. */
#include "test/rig/differ/follow.h"

#include <stdio.h>

#include "test/fake/shape.h"

/* Chances gone through before a difference is one. */
#define MOST_SEEDS 2000
#define MOST_TOLD  4

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
	free(f->before);
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
	json_auto_t *form = form_make(service_of(f, services), tasks, hosts, &f->past);
	char *now;

	(void) json_object_set(form, "said", f->said);
	now = json_dumps(form, JSON_SORT_KEYS | JSON_COMPACT);
	if (streq(now, f->now)) {
		free(now);
		return false;
	}
	free(f->now);
	f->now = now;
	look_up(f);
	return true;
}

bool
follow_try(struct follow *f, uint64_t seeds)
{
	for (uint64_t i = 0; i < seeds && f->tried < MOST_SEEDS && !f->found; i++) {
		_cleanup_(freep) char *text = NULL;
		json_auto_t *form = NULL;

		f->seeds[f->step] = ++f->tried;
		form = model_run(&f->ask, f->seeds, f->step);
		text = json_dumps(form, JSON_SORT_KEYS | JSON_COMPACT);
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
	f->step++;
	(void) json_object_clear(f->outcomes);
	(void) json_array_clear(f->said);
	free(f->before);
	f->before = take_ptr(f->now);
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
	              json_object_size(f->outcomes), f->before != NULL ? f->before : "", f->now);
	json_object_foreach (f->outcomes, text, seed) {
		if (n++ < MOST_TOLD)
			(void) printf("#   fake: %s\n", text);
	}
	(void) printf("#   set: %s\n#   nodes: %s event: %s\n", set, nodes, event);
}
