/* The world's rules against what swarmkit's files say: who is replaced, in which order, when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/fake/rules.h"
#include "test/fake/run.h"

/* Posts the service's spec with these constraints ("" = an empty list), and the order. */
static int
constrain(struct run *r, const char *name, const char *constraint, const char *order)
{
	struct world_service *s = world_service_find(r->w, name);
	json_auto_t *spec = json_deep_copy(s->spec);
	_cleanup_(freep) char *target =
	    xasprintf("/services/%s/update?version=%llu", s->id, (unsigned long long) s->version);
	json_t *list = json_array();

	if (*constraint != '\0')
		(void) json_array_append_new(list, json_string(constraint));
	(void) json_object_set_new(shape_at(spec, "TaskTemplate.Placement"), "Constraints", list);
	if (order != NULL)
		(void) json_object_set_new(json_object_get(spec, "UpdateConfig"), "Order",
		                           json_string(order));
	return run_post(r, target, spec, NULL);
}

static void
test_spread(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web replicas=6");

	(void) state;
	assert_int_equal(run_running(r, "web", "n1"), 2);
	assert_int_equal(run_running(r, "web", "n2"), 2);
	assert_int_equal(run_running(r, "web", "n3"), 2);
	run_close(r);
}

static void
test_constraint_moves_only_those(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web replicas=3 order=start-first");
	struct world_service *s = world_service_find(r->w, "web");
	char kept[SWARM_ID_SIZE] = "";

	(void) state;
	for (size_t i = 0; i < s->n_tasks; i++) {
		if (streq(s->tasks[i]->node->hostname, "n2"))
			memcpy(kept, s->tasks[i]->id, sizeof(kept));
	}
	assert_int_equal(constrain(r, "web", "node.hostname!=n1", NULL), 200);
	run_s(r, 0.3);
	assert_int_equal(s->update, UPDATE_UPDATING);
	assert_int_equal(run_running(r, "web", "n1"), 1); /* start-first: still there */
	run_s(r, 3);
	assert_int_equal(run_running(r, "web", "n1"), 0);
	assert_int_equal(run_running(r, "web", NULL), 3);
	assert_int_equal(world_task_find(r->w, kept)->desired, TASK_RUNNING);
	assert_int_equal(s->update, UPDATE_UPDATING); /* the monitor: 5 s */
	run_s(r, 5);
	assert_int_equal(s->update, UPDATE_COMPLETED);
	assert_int_equal(constrain(r, "web", "", NULL), 200);
	run_s(r, 10);
	assert_int_equal(s->update, UPDATE_NONE); /* nothing was dirty */
	assert_int_equal(run_running(r, "web", "n1"), 0);
	run_close(r);
}

static void
test_infeasible(void **state)
{
	struct run *r =
	    run_open(3, 41, RUN_THREE "service web order=stop-first\nservice db order=start-first");

	(void) state;
	(void) constrain(r, "web", "node.hostname==none", NULL);
	(void) constrain(r, "db", "node.hostname==none", NULL);
	run_s(r, 60);
	assert_int_equal(run_running(r, "web", NULL), 0);
	assert_int_equal(run_running(r, "db", NULL), 1); /* the old one serves on */
	assert_int_equal(world_service_find(r->w, "web")->update, UPDATE_UPDATING);
	(void) constrain(r, "web", "", NULL);
	(void) constrain(r, "db", "", NULL);
	run_s(r, 20);
	assert_int_equal(run_running(r, "web", NULL), 1);
	assert_int_equal(run_running(r, "db", NULL), 1);
	run_close(r);
}

static void
test_failure_pauses(void **state)
{
	struct run *r =
	    run_open(3, 41,
	             RUN_THREE "service web order=start-first constraint=node.hostname!=n3\n"
	                       "fate web n3 reject");

	(void) state;
	(void) constrain(r, "web", "node.hostname==n3", NULL);
	run_s(r, 3);
	assert_int_equal(world_service_find(r->w, "web")->update, UPDATE_PAUSED);
	assert_int_equal(run_running(r, "web", NULL), 1);
	(void) constrain(r, "web", "", NULL); /* L4: goes on */
	assert_true(r->w->landmines & (1 << 4));
	run_s(r, 20);
	assert_int_equal(run_running(r, "web", NULL), 1);
	run_close(r);
}

static void
test_failure_rolls_back(void **state)
{
	struct run *r = run_open(3, 41,
	                         RUN_THREE "service web order=start-first failure=rollback "
	                                   "constraint=node.hostname!=n3\nfate web n3 crash 1");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	(void) constrain(r, "web", "node.hostname==n3", NULL);
	run_s(r, 30);
	assert_int_equal(s->update, UPDATE_ROLLBACK_COMPLETED);
	assert_null(s->previous);
	assert_int_equal(run_running(r, "web", NULL), 1);
	assert_int_equal(run_running(r, "web", "n3"), 0);
	run_close(r);
}

static void
test_enforcer(void **state)
{
	struct run *r = run_open(3, 41,
	                         "node n1 manager label.disk=ssd\nnode n2 label.disk=ssd\n"
	                         "service web constraint=node.labels.disk==ssd replicas=2");
	struct world_node *n = world_node_find(r->w, "n1");

	(void) state;
	(void) json_object_clear(n->labels);
	world_node_touch(r->w, n, NULL);
	run_s(r, 1);
	assert_int_equal(run_running(r, "web", NULL), 1); /* at once, in spite of any order */
	run_s(r, 3);
	assert_int_equal(run_running(r, "web", NULL), 1); /* the restart delay: 5 s */
	run_s(r, 3);
	assert_int_equal(run_running(r, "web", "n2"), 2);
	run_close(r);
}

static void
test_drain_and_death(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web replicas=3");
	struct world_node *n2 = world_node_find(r->w, "n2"), *n3 = world_node_find(r->w, "n3");

	(void) state;
	n2->availability = WORLD_DRAIN;
	world_node_touch(r->w, n2, NULL);
	run_s(r, 2);
	assert_int_equal(run_running(r, "web", NULL), 3);
	assert_int_equal(run_running(r, "web", "n2"), 0);
	machine_kill(r->w, n3);
	run_s(r, 30);
	assert_int_equal(n3->state, WORLD_DOWN);
	assert_int_equal(run_running(r, "web", "n1"), 3);
	machine_start(r->w, n3);
	run_s(r, 10);
	assert_int_equal(run_running(r, "web", NULL), 3); /* nothing moves back */
	assert_int_equal(run_running(r, "web", "n1"), 3);
	run_close(r);
}

static void
scale(struct run *r, const char *name, int replicas)
{
	assert_int_equal(run_edit(r, name, "Mode.Replicated", "Replicas", json_integer(replicas)),
	                 200);
}

static void
test_scale(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web replicas=4");

	(void) state;
	scale(r, "web", 3); /* from the node with two */
	run_s(r, 5);
	assert_int_equal(run_running(r, "web", "n1"), 1);
	assert_int_equal(run_running(r, "web", "n2"), 1);
	assert_int_equal(run_running(r, "web", "n3"), 1);
	scale(r, "web", 6);
	run_s(r, 5);
	assert_int_equal(run_running(r, "web", NULL), 6);
	run_close(r);
}

static void
test_reservations(void **state)
{
	struct run *r = run_open(3, 41,
	                         "node n1 manager cpus=2\nnode n2 cpus=2\n"
	                         "service web replicas=5 reserve-cpu=1");
	struct world_service *s = world_service_find(r->w, "web");
	size_t pending = 0;

	(void) state;
	assert_int_equal(run_running(r, "web", NULL), 4);
	for (size_t i = 0; i < s->n_tasks; i++)
		pending += s->tasks[i]->state == TASK_PENDING;
	assert_int_equal(pending, 1);
	run_close(r);
}

static void
test_sequence(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web");
	struct world_service *s = world_service_find(r->w, "web");
	_cleanup_(freep) char *target = xasprintf("/services/%s/update?version=1", s->id);

	(void) state;
	assert_int_equal(run_post(r, target, s->spec, NULL), 500);
	run_close(r);
}

static void
test_history(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web order=start-first");

	(void) state;
	for (int i = 0; i < 20; i++) {
		(void) constrain(r, "web", i % 2 == 0 ? "node.hostname==n1" : "node.hostname==n2",
		                 NULL);
		run_s(r, 15);
	}
	assert_int_equal(run_running(r, "web", "n2"), 1);
	assert_true(r->w->n_tasks <= 7);
	run_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_spread),
	    cmocka_unit_test(test_constraint_moves_only_those),
	    cmocka_unit_test(test_infeasible),
	    cmocka_unit_test(test_failure_pauses),
	    cmocka_unit_test(test_failure_rolls_back),
	    cmocka_unit_test(test_enforcer),
	    cmocka_unit_test(test_drain_and_death),
	    cmocka_unit_test(test_scale),
	    cmocka_unit_test(test_reservations),
	    cmocka_unit_test(test_sequence),
	    cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
