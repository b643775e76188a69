/* What Swarm's API refuses, in its words: each was seen on engine 20.10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/fake/run.h"
#include "test/fake/shape.h"

static void
test_refusals(void **state)
{
	static const struct {
		const char *parent, *key, *value, *text;
		int status;
	} cases[] = {
	    {"", "Name", "\"\"", "renaming services is not supported", 501},
	    {"", "Name", "\"a b\"", "name must be valid as a DNS name component", 400},
	    {"TaskTemplate.ContainerSpec", "Image", "\"\"", "image reference must be provided",
	     400},
	    {"", "TaskTemplate", "{}", "mismatched Runtime and *Spec fields", 400},
	    {"TaskTemplate.Resources", "Limits", "{\"NanoCPUs\":1}",
	     "invalid cpu value 1e-09: Must be at least 0.001", 400},
	    {"TaskTemplate.Resources", "Limits", "{\"MemoryBytes\":1024}",
	     "invalid memory value 1024: Must be at least 4MiB", 400},
	    {"TaskTemplate", "RestartPolicy", "{\"Delay\":-1}", "restart-delay cannot be negative",
	     400},
	    {"TaskTemplate", "RestartPolicy", "{\"Condition\":\"so\"}", "invalid RestartCondition",
	     400},
	    {"", "UpdateConfig", "{\"Monitor\":-1}", "update-monitor cannot be negative", 400},
	    {"", "UpdateConfig", "{\"Order\":\"so\"}", "unrecognized update order so", 400},
	    {"", "UpdateConfig", "{\"FailureAction\":\"so\"}",
	     "unrecognized update failure action so", 400},
	    {"", "UpdateConfig", "{\"MaxFailureRatio\":2}", "update-maxfailureratio", 400},
	    {"TaskTemplate.Placement", "Constraints", "[\"a=b\"]", "expected one operator", 500},
	    {"TaskTemplate.Placement", "Constraints", "[\"a/b==c\"]", "key 'a/b' is invalid", 500},
	    {"TaskTemplate.Placement", "Constraints", "[\"ab== \"]", "value '' is invalid", 500},
	};
	struct run *r = run_open(3, 41, RUN_THREE "service web");
	struct world_service *s = world_service_find(r->w, "web");
	_cleanup_(freep) char *target =
	    xasprintf("/services/%s/update?version=%llu", s->id, (unsigned long long) s->version);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *spec = json_deep_copy(s->spec);
		_cleanup_(freep) char *said = NULL;

		(void) json_object_set_new(shape_at(spec, cases[i].parent), cases[i].key,
		                           json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(run_post(r, target, spec, &said), cases[i].status);
		assert_non_null(strstr(said, cases[i].text));
	}
	run_close(r);
}

/* What forager must bear of a hostile engine, this one can be made to take. */
static void
test_any_name(void **state)
{
	struct run *r = run_open(3, 41, "node n1 manager\nservice web\nnames any");
	json_auto_t *spec = json_deep_copy(world_service_find(r->w, "web")->spec);

	(void) state;
	(void) json_object_set_new(spec, "Name", json_string("<b>\n"));
	assert_int_equal(run_post(r, "/services/create", spec, NULL), 201);
	r->w->any_names = false;
	(void) json_object_set_new(spec, "Name", json_string("<i>\n"));
	assert_int_equal(run_post(r, "/services/create", spec, NULL), 400);
	run_close(r);
}

static void
test_versions(void **state)
{
	static const char *const words[] = {"", "new", "-1", "7x"};
	struct run *r = run_open(3, 41, RUN_THREE "service web");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_(freep) char *target =
		    xasprintf("/services/%s/update?version=%s", s->id, words[i]);
		_cleanup_(freep) char *said = NULL;

		assert_int_equal(run_post(r, target, s->spec, &said), 400);
		assert_non_null(strstr(said, "invalid service version"));
	}
	run_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_any_name),
	    cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
