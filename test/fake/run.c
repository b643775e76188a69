/* A world for tests; see run.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/fake/run.h"
#include "test/fake/shape.h"

struct run *
run_open(uint64_t seed, int api_minor, const char *script)
{
	struct run *r = xcalloc(1, sizeof(*r));
	_cleanup_(freep) char *reply = NULL;
	struct error err = {0};

	r->w = r->e.world = world_new(seed, 1000 * NS_PER_S, api_minor);
	if (script_text(&r->e, script, &reply, &err) < 0)
		fail_msg("%s", err.text);
	run_s(r, 60);
	return r;
}

void
run_close(struct run *r)
{
	fault_clear(&r->e.faults, NULL);
	world_free(r->w);
	free(r);
}

void
run_s(struct run *r, double s)
{
	world_run_until(r->w, r->w->now_ns + (int64_t) (s * 1e9));
}

int
run_post(struct run *r, const char *target, const json_t *body, char **ret_text)
{
	_cleanup_(freep) char *text = json_dumps(body, 0);
	struct route_request q = {.world = r->w,
	                          .here = r->w->nodes[0],
	                          .who = "ann",
	                          .method = "POST",
	                          .target = target,
	                          .body = text};
	struct route_answer a;

	route_open(&q);
	route_answer(&q, 0, &a);
	route_close(&q);
	if (ret_text != NULL)
		*ret_text = take_ptr(a.body);
	free(a.body);
	return a.status;
}

int
run_edit(struct run *r, const char *name, const char *parent, const char *key, json_t *value)
{
	struct world_service *s = world_service_find(r->w, name);
	json_auto_t *spec = json_deep_copy(s->spec);
	_cleanup_(freep) char *target =
	    xasprintf("/services/%s/update?version=%llu", s->id, (unsigned long long) s->version);

	(void) json_object_set_new(shape_at(spec, parent), key, value);
	return run_post(r, target, spec, NULL);
}

size_t
run_running(struct run *r, const char *name, const char *node)
{
	struct world_service *s = world_service_find(r->w, name);
	size_t n = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct world_task *t = s->tasks[i];

		n += t->state == TASK_RUNNING && t->desired == TASK_RUNNING &&
		     (node == NULL || streq(t->node->hostname, node));
	}
	return n;
}
