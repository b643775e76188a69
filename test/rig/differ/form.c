/* A service in words that are the same on both sides; see form.h. */
#include "test/rig/differ/form.h"

#include <ctype.h>

#include "test/fake/shape.h"

#define ID_LENGTH (SWARM_ID_SIZE - 1)

void
past_init(struct past *p)
{
	*p = (struct past){.ids = json_object(), .specs = json_array()};
}

void
past_done(struct past *p)
{
	json_decref(p->ids);
	json_decref(p->specs);
}

static bool
is_of(const json_t *task, const json_t *service)
{
	return streq(shape_text(task, "ServiceID", ""), shape_text(service, "ID", "-"));
}

static bool
is_wanted(const json_t *task)
{
	const char *desired = shape_text(task, "DesiredState", "");

	return streq(desired, "running") || streq(desired, "ready");
}

void
past_follow(struct past *p, const json_t *service, const json_t *tasks)
{
	json_t *task;
	size_t i;

	(void) json_object_clear(p->ids);
	json_array_foreach (tasks, i, task) {
		if (is_of(task, service) && is_wanted(task))
			(void) json_object_set_new(p->ids, shape_text(task, "ID", ""), json_true());
	}
	(void) json_array_append(p->specs, json_object_get(service, "Spec"));
	p->version = shape_int(service, "Version.Index", 0);
}

char *
form_text(const char *text)
{
	char *made = xcalloc(strlen(text) + 1, 1), *to = made;

	while (*text != '\0') {
		size_t n = 0;

		while (islower((unsigned char) text[n]) || isdigit((unsigned char) text[n]))
			n++;
		if (n == ID_LENGTH) {
			memcpy(to, "ID", 2);
			to += 2;
		} else {
			n = MAX(n, 1);
			memcpy(to, text, n);
			to += n;
		}
		text += n;
	}
	return made;
}

static json_t *
words_of_task(const json_t *task, const json_t *nodes, const struct past *past)
{
	bool kept = json_object_get(past->ids, shape_text(task, "ID", "")) != NULL;
	const char *node = shape_text(nodes, shape_text(task, "NodeID", ""), "-");
	const char *error = shape_text(task, "Status.Err", "");
	_cleanup_(freep) char *said = form_text(error);
	_cleanup_(freep) char *words =
	    xasprintf("%lld %s %s/%s %s: %s; %s", (long long) shape_int(task, "Slot", 0), node,
	              shape_text(task, "Status.State", ""), shape_text(task, "DesiredState", ""),
	              kept ? "kept" : "new", shape_text(task, "Status.Message", ""), said);

	return json_string(words);
}

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* An array of strings, sorted: Swarm hands them out in no order. */
static json_t *
sorted(json_t *list)
{
	size_t n = json_array_size(list), i;
	const char **texts = xcalloc(n + 1, sizeof(*texts));
	json_t *made = json_array(), *value;

	json_array_foreach (list, i, value)
		texts[i] = json_string_value(value);
	qsort(texts, n, sizeof(*texts), compare_words);
	for (i = 0; i < n; i++)
		(void) json_array_append_new(made, json_string(texts[i]));
	free(texts);
	json_decref(list);
	return made;
}

/* The oldest spec that is equal: −1 = none is. */
static int
number_of(const json_t *specs, const json_t *spec)
{
	json_t *one;
	size_t i;

	json_array_foreach (specs, i, one) {
		if (json_equal(one, spec))
			return (int) i;
	}
	return -1;
}

static json_t *
words_of_update(const json_t *service)
{
	const json_t *status = json_object_get(service, "UpdateStatus");
	_cleanup_(freep) char *said = form_text(shape_text(status, "Message", ""));
	_cleanup_(freep) char *words = NULL;

	if (*shape_text(status, "State", "") == '\0')
		return json_string("none");
	words = xasprintf("%s: %s; %s, %s", shape_text(status, "State", ""), said,
	                  shape_at(status, "StartedAt") != NULL ? "started" : "no start",
	                  shape_at(status, "CompletedAt") != NULL ? "completed" : "open");
	return json_string(words);
}

json_t *
form_make(const json_t *service, const json_t *tasks, const json_t *nodes, const struct past *past)
{
	json_t *wanted = json_array(), *ended = json_array(), *task;
	const json_t *previous = json_object_get(service, "PreviousSpec");
	size_t i;

	json_array_foreach (tasks, i, task) {
		if (is_of(task, service))
			(void) json_array_append_new(is_wanted(task) ? wanted : ended,
			                             words_of_task(task, nodes, past));
	}
	return json_pack("{s:o, s:o, s:o, s:i, s:i, s:b}", "wanted", sorted(wanted), "ended",
	                 sorted(ended), "update", words_of_update(service), "spec",
	                 number_of(past->specs, json_object_get(service, "Spec")), "previous",
	                 previous != NULL ? number_of(past->specs, previous) : -2, "moved",
	                 past->version != 0 &&
	                     shape_int(service, "Version.Index", 0) != past->version);
}
