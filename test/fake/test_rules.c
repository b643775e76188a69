/* What the differential test (test/rig/differential.sh) has found, a case each: Swarm does it so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/fake/rules.h"
#include "test/fake/run.h"

/* The first of the service's tasks that waits for a node; NULL = none does. */
static const struct world_task *
waiting(struct run *r, const char *name)
{
	struct world_service *s = world_service_find(r->w, name);

	for (size_t i = 0; i < s->n_tasks; i++) {
		if (s->tasks[i]->state == TASK_PENDING && s->tasks[i]->desired <= TASK_RUNNING)
			return s->tasks[i];
	}
	return NULL;
}

static void
test_reasons(void **state)
{
	static const struct {
		const char *service, *why;
	} cases[] = {
	    {"constraint=node.hostname==none", "scheduling constraints not satisfied on 3 nodes"},
	    {"constraint=node.hostname!=n3 reserve-cpu=99", "insufficient resources on 3 nodes"},
	    {"replicas=4 max-replicas=1", "max replicas per node limit exceed"},
	    {"replicas=3 max-replicas=1 constraint=node.hostname!=n2",
	     "max replicas per node limit exceed; scheduling constraints not satisfied on 1 node"},
	    {"replicas=2 reserve-cpu=4 constraint=node.hostname==n1",
	     "scheduling constraints not satisfied on 2 nodes; insufficient resources on 1 node"},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *script =
		    xasprintf(RUN_THREE "service web %s", cases[i].service);
		_cleanup_(freep) char *error = xasprintf("no suitable node (%s)", cases[i].why);
		struct run *r = run_open(3, 41, script);

		assert_string_equal(waiting(r, "web")->error, error);
		assert_string_equal(waiting(r, "web")->message, "pending task scheduling");
		run_close(r);
	}
}

static void
test_reason_of_nodes_away(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE);
	_cleanup_(freep) char *reply = NULL;
	struct error err = {0};

	(void) state;
	r->w->nodes[1]->availability = WORLD_DRAIN;
	world_node_touch(r->w, r->w->nodes[1], NULL);
	assert_int_equal(script_text(&r->e, "service web reserve-memory=99G", &reply, &err), 0);
	run_s(r, 5);
	assert_string_equal(waiting(r, "web")->error,
	                    "no suitable node (insufficient resources on 2 nodes; 1 node not "
	                    "available for new tasks)");
	run_close(r);
}

/* What ends may leave room: all that waits is looked at again. */
static void
test_room_is_noticed(void **state)
{
	struct run *r = run_open(3, 41,
	                         "node n1 manager cpus=2\nservice big reserve-cpu=2\n"
	                         "run 5\nservice web reserve-cpu=1");

	(void) state;
	assert_non_null(waiting(r, "web"));
	world_service_remove(r->w, world_service_find(r->w, "big"));
	run_s(r, 5);
	assert_int_equal(run_running(r, "web", NULL), 1);
	run_close(r);
}

/* Swarm's first pass stays on a node while the next one has more, and then goes round. */
static void
test_fills_unevenly(void **state)
{
	struct run *r =
	    run_open(3, 41, RUN_THREE "service web replicas=2 constraint=node.hostname==n3");
	size_t a, b;

	(void) state;
	(void) run_edit(r, "web", "TaskTemplate.Placement", "Constraints", json_array());
	run_s(r, 5);
	(void) run_edit(r, "web", "Mode.Replicated", "Replicas", json_integer(6));
	run_s(r, 5);
	a = run_running(r, "web", "n1");
	b = run_running(r, "web", "n2");
	assert_int_equal(run_running(r, "web", "n3"), 2);
	assert_int_equal(MIN(a, b), 1);
	assert_int_equal(MAX(a, b), 3);
	run_close(r);
}

static json_t *
env(const char *text)
{
	return json_pack("[s]", text);
}

/* One that is wanted no more and waits is given a node all the same, if it comes first, and ends.
 */
static void
test_unwanted_is_placed(void **state)
{
	size_t placed = 0;

	(void) state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct run *r = run_open(seed, 41,
		                         "node n1 manager\n"
		                         "service web replicas=2 max-replicas=1 parallelism=0");
		struct world_service *s = world_service_find(r->w, "web");

		assert_non_null(waiting(r, "web"));
		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 5);
		for (size_t i = 0; i < s->n_tasks; i++)
			placed += s->tasks[i]->state == TASK_SHUTDOWN &&
			          s->tasks[i]->started_ns == 0 && s->tasks[i]->node != NULL;
		assert_int_equal(run_running(r, "web", "n1"), 1);
		run_close(r);
	}
	assert_in_range(placed, 1, 19);
}

/* And one that no node takes keeps its message. */
static void
test_unwanted_is_shut_down(void **state)
{
	struct run *r =
	    run_open(3, 41, "node n1 manager\nservice web constraint=node.hostname==none");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
	run_s(r, 5);
	assert_int_equal(s->n_tasks, 2);
	assert_int_equal(s->tasks[0]->state, TASK_SHUTDOWN);
	assert_string_equal(s->tasks[0]->message, "pending task scheduling");
	assert_null(s->tasks[0]->error);
	run_close(r);
}

/* A restart policy; its delay is Swarm's own, 5 s. */
static json_t *
attempts_most(int n)
{
	return json_pack("{s:s, s:i}", "Condition", "any", "MaxAttempts", n);
}

/* The same with .1 s. */
static json_t *
policy(int attempts)
{
	json_t *p = attempts_most(attempts);

	(void) json_object_set_new(p, "Delay", json_integer(100000000));
	return p;
}

/* Restarts that are limited end; one task more than attempts is remembered, the newest. */
static void
test_attempts(void **state)
{
	struct run *r = run_open(3, 41, "node n1 manager\nservice web\nrun 5\nfate web * reject");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy", policy(1));
	run_s(r, 30);
	assert_int_equal(s->n_tasks, 2);
	for (size_t i = 0; i < s->n_tasks; i++)
		assert_int_equal(s->tasks[i]->desired, TASK_SHUTDOWN);
	assert_int_equal(s->tasks[1]->state, TASK_REJECTED);
	assert_string_equal(s->tasks[1]->error, "No such image: app:1");
	assert_int_equal(s->n_restarts, 1);
	assert_int_equal(s->restarts[0].n, 1);
	run_close(r);
}

/* Which group of waiting tasks comes first is left to chance: an old one may take a new one's
 * place. */
static void
test_groups_race(void **state)
{
	bool old = false, new = false;

	(void) state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct run *r = run_open(seed, 41,
		                         "node n1 manager\nservice web replicas=2 max-replicas=1 "
		                         "delay=9");
		struct world_service *s = world_service_find(r->w, "web");

		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 5);
		for (size_t i = 0; i < s->n_tasks; i++) {
			if (s->tasks[i]->state == TASK_RUNNING)
				*(s->tasks[i]->spec_version == s->spec_version ? &new : &old) =
				    true;
		}
		run_close(r);
	}
	assert_true(old && new);
}

/* An update that a failure stops may have begun with one slot more: two parts of Swarm race. */
static void
test_one_more_slot(void **state)
{
	bool seen[3] = {false};

	(void) state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct run *r = run_open(seed, 41,
		                         RUN_THREE "service web replicas=3 order=start-first\n"
		                                   "run 5\nfate web * reject");
		struct world_service *s = world_service_find(r->w, "web");
		bool failed[4] = {false};
		size_t made;

		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 3);
		assert_int_equal(s->update, UPDATE_PAUSED);
		for (size_t i = 0; i < s->n_tasks; i++)
			failed[s->tasks[i]->slot] |= s->tasks[i]->state == TASK_REJECTED;
		made = (size_t) failed[1] + failed[2] + failed[3];
		assert_in_range(made, 1, 2);
		seen[made] = true;
		run_close(r);
	}
	assert_true(seen[1] && seen[2]);
}

/*
 * A failure is heard when all are through; by then its task may have begun too long ago to count.
 * How long that is grows with the delay.
 */
static void
test_failure_unheard(void **state)
{
	static const struct {
		const char *delay;
		enum world_update_state state;
	} cases[] = {{"0", UPDATE_COMPLETED}, {"2", UPDATE_PAUSED}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *script =
		    xasprintf(RUN_THREE "service web replicas=2 order=start-first parallelism=0 "
		                        "monitor=0.3 delay=%s constraint=node.hostname==n1\n"
		                        "run 5\nfate web n3 reject\ntimes web start=0.5",
		              cases[i].delay);
		struct run *r = run_open(3, 41, script);
		struct world_service *s = world_service_find(r->w, "web");

		(void) run_edit(r, "web", "TaskTemplate.Placement", "Constraints",
		                json_pack("[s]", "node.hostname!=n1"));
		run_s(r, 0.5);
		assert_int_equal(s->update, UPDATE_UPDATING);
		run_s(r, i == 0 ? 1 : 2.6);
		assert_int_equal(s->update, cases[i].state);
		run_close(r);
	}
}

/* A slot that nothing restarts is filled again by the next change, and keeps its history. */
static void
test_dead_slot_is_used_again(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web replicas=2 no-update");
	struct world_service *s = world_service_find(r->w, "web");
	bool rejected = false;

	(void) state;
	(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy",
	                json_pack("{s:s}", "Condition", "none"));
	run_s(r, 30);
	world_task_state(r->w, s->tasks[s->n_tasks - 1], TASK_REJECTED, "preparing", "no");
	run_s(r, 5);
	assert_int_equal(run_running(r, "web", NULL), 1);
	s->update = UPDATE_NONE;
	world_service_update(r->w, s, UPDATE_ROLLBACK_STARTED, "manually requested rollback");
	run_s(r, 5);
	assert_int_equal(run_running(r, "web", NULL), 2);
	for (size_t i = 0; i < s->n_tasks; i++)
		rejected |= s->tasks[i]->state == TASK_REJECTED;
	assert_true(rejected);
	run_close(r);
}

/*
 * A slot that nothing restarts, whose newer task the enforcer has rejected: the last that a node
 * told of is the end of its older one, which is outdated, and a change of anything fills the slot
 * again. When the newer one's own node told of its end, it does not.
 */
static void
test_last_told_of(void **state)
{
	(void) state;
	for (int told = 0; told < 2; told++) {
		struct run *r = run_open(3, 41,
		                         "node n1 manager\nnode n2 label.zone=b\nnode n3\n"
		                         "service web order=start-first monitor=0.2 "
		                         "constraint=node.hostname==n3");
		struct world_service *s = world_service_find(r->w, "web");
		struct world_node *n1 = world_node_find(r->w, "n1"),
		                  *n2 = world_node_find(r->w, "n2");

		(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy",
		                json_pack("{s:s}", "Condition", "none"));
		run_s(r, 10);
		(void) run_edit(r, "web", "TaskTemplate.Placement", "Constraints",
		                json_pack("[s]", "node.labels.zone==b"));
		run_s(r, 10);
		assert_int_equal(run_running(r, "web", "n2"), 1);
		(void) json_object_set_new(n1->labels, "zone", json_string("b"));
		world_node_touch(r->w, n1, NULL);
		if (told == 1) {
			world_task_report(r->w, s->tasks[s->n_tasks - 1], TASK_COMPLETE, "finished",
			                  NULL);
		} else {
			(void) json_object_clear(n2->labels);
			world_node_touch(r->w, n2, NULL);
		}
		run_s(r, 5);
		assert_int_equal(run_running(r, "web", NULL), 0);
		(void) run_edit(r, "web", "UpdateConfig", "MaxFailureRatio", json_real(0.5));
		run_s(r, 5);
		assert_int_equal(run_running(r, "web", "n1"), told == 1 ? 0 : 1);
		run_close(r);
	}
}

/*
 * The new task of the only slot fails, and the update is rolled back: if that comes before the
 * orchestrator's restart, the restarted task is one of the old spec, and there is nothing to roll
 * back.
 */
static void
test_rollback_races_restart(void **state)
{
	bool completed = false, paused = false;

	(void) state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct run *r =
		    run_open(seed, 41,
		             "node n1 manager\nservice web failure=continue monitor=0.2\n"
		             "run 5\nfate web * reject");
		struct world_service *s = world_service_find(r->w, "web");

		(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy", attempts_most(2));
		run_s(r, 60);
		(void) run_edit(r, "web", "UpdateConfig", "FailureAction", json_string("rollback"));
		run_s(r, 60);
		assert_int_equal(run_running(r, "web", NULL), 0);
		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 60);
		completed |= s->update == UPDATE_ROLLBACK_COMPLETED;
		paused |= s->update == UPDATE_ROLLBACK_PAUSED;
		run_close(r);
	}
	assert_true(completed && paused);
}

/*
 * A rollback fails, too. Whose action is to pause says so as of an update; whose action is to roll
 * back pauses as well, but then calls it an update that has completed.
 */
static void
test_rollback_fails(void **state)
{
	static const struct {
		const char *action, *said;
		enum world_update_state end;
	} cases[] = {{"pause", "update paused due to failure", UPDATE_ROLLBACK_PAUSED},
	             {"rollback", "update completed", UPDATE_COMPLETED}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool seen = false;

		for (uint64_t seed = 1; seed <= 10; seed++) {
			struct run *r = run_open(seed, 41,
			                         "node n1 manager\nservice web failure=rollback "
			                         "monitor=0.2\nrun 5\nfate web * reject");
			struct world_service *s = world_service_find(r->w, "web");

			(void) run_edit(r, "web", "", "RollbackConfig",
			                json_pack("{s:s}", "FailureAction", cases[i].action));
			run_s(r, 10);
			(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
			run_s(r, 60);
			seen |= s->update == cases[i].end &&
			        str_has_prefix(s->update_message, cases[i].said);
			assert_true(s->update == cases[i].end ||
			            s->update == UPDATE_ROLLBACK_COMPLETED);
			run_close(r);
		}
		assert_true(seen);
	}
}

/*
 * While one slot is updated, the task of the other one ends and is restarted: when its turn comes
 * there is nothing left to stop, and the updater makes no second one.
 */
static void
test_given_up_before_its_turn(void **state)
{
	(void) state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct run *r = run_open(
		    seed, 41, "node n1 manager\nservice web replicas=2 monitor=0.2\nrun 5");
		struct world_service *s = world_service_find(r->w, "web");
		struct world_task *other = NULL;

		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 0.1);
		for (size_t i = 0; i < s->n_tasks; i++) {
			if (s->tasks[i]->desired == TASK_RUNNING &&
			    s->tasks[i]->state == TASK_RUNNING)
				other = s->tasks[i];
		}
		assert_non_null(other);
		world_task_report(r->w, other, TASK_FAILED, "started", "no more");
		run_s(r, 60);
		assert_int_equal(s->update, UPDATE_COMPLETED);
		assert_int_equal(run_running(r, "web", NULL), 2);
		run_close(r);
	}
}

/*
 * A node hears of an end when it hears of it, and one can look for an image in vain far longer
 * than the other: of the two tasks that an update puts there, the one of which no more is wanted
 * is shut down or gets to its own end.
 */
static void
test_hears_late(void **state)
{
	bool seen[TASK_STATE_N] = {false};

	(void) state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct run *r = run_open(seed, 41,
		                         "node n1 manager\nservice web order=start-first\nrun 5\n"
		                         "fate web * reject");
		struct world_service *s = world_service_find(r->w, "web");
		const struct world_task *t;

		r->w->jitter = 0.5;
		(void) run_edit(r, "web", "TaskTemplate.ContainerSpec", "Env", env("A=1"));
		run_s(r, 0.12);
		t = s->tasks[s->n_tasks - 1];
		assert_int_equal(t->state, TASK_PREPARING);
		world_task_desire(r->w, s->tasks[s->n_tasks - 1], TASK_SHUTDOWN);
		run_s(r, 1);
		seen[t->state] = true;
		run_close(r);
	}
	assert_true(seen[TASK_SHUTDOWN] && seen[TASK_REJECTED]);
}

/*
 * Of two dead slots one is too many, and its history makes it one too many again when the update's
 * status is written: what goes then is that slot once more, or the update's first task if it has
 * been made by then.
 */
static void
test_slot_is_too_many_twice(void **state)
{
	bool stands = false, gone = false;

	(void) state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct run *r = run_open(seed, 41,
		                         "node n1 manager\nservice web replicas=2 parallelism=0 "
		                         "failure=continue monitor=0.2\nrun 5\nfate web * reject");

		(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy", attempts_most(2));
		run_s(r, 60);
		(void) run_edit(r, "web", "Mode.Replicated", "Replicas", json_integer(1));
		run_s(r, 10);
		assert_int_equal(run_running(r, "web", NULL), 0);
		(void) run_edit(r, "web", "TaskTemplate", "Placement",
		                json_pack("{s:[s]}", "Constraints", "node.hostname==none"));
		run_s(r, 10);
		*(waiting(r, "web") != NULL ? &stands : &gone) = true;
		run_close(r);
	}
	assert_true(stands && gone);
}

/* The scheduler counts a node's failures, also of tasks that the reaper has taken. */
static void
test_failures_are_remembered(void **state)
{
	struct run *r = run_open(3, 41,
	                         "node n1 manager\nnode n2\n"
	                         "service busy replicas=3 constraint=node.hostname==n1\nrun 5\n"
	                         "service web");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(run_running(r, "web", "n2"), 1);
		world_task_report(r->w, s->tasks[s->n_tasks - 1], TASK_FAILED, "started", "no");
		run_s(r, 4);
		world_task_remove(r->w, s->tasks[0]);
		run_s(r, 4);
	}
	assert_int_equal(run_running(r, "web", "n1"), 1);
	run_close(r);
}

/* A task of a slot that is one too many is placed, too, until the reaper has it: its node tells its
 * end, for which an updater may wait. */
static void
test_leaving_is_placed(void **state)
{
	struct run *r = run_open(3, 41, RUN_THREE "service web");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	(void) run_edit(r, "web", "Mode.Replicated", "Replicas", json_integer(2));
	run_s(r, 0.01);
	assert_int_equal(s->n_tasks, 2);
	(void) run_edit(r, "web", "Mode.Replicated", "Replicas", json_integer(1));
	run_s(r, 0.01);
	assert_null(s->tasks[1]->node);
	run_s(r, 0.2);
	assert_int_equal(s->n_tasks, 2);
	assert_int_equal(s->tasks[1]->state, TASK_SHUTDOWN);
	run_s(r, 0.5);
	assert_int_equal(s->n_tasks, 1);
	run_close(r);
}

/* An update that ends with a slot as dirty as before begins again, if the one that ended is off the
 * list. */
static void
test_end_starts_another(void **state)
{
	bool again = false, not = false;

	(void) state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct run *r = run_open(seed, 41,
		                         "node n1 manager\nservice web order=start-first "
		                         "failure=continue monitor=0.2\nrun 5\nfate web * reject");
		struct world_service *s = world_service_find(r->w, "web");
		uint64_t version;
		int64_t completed_ns;

		(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy", attempts_most(1));
		for (int i = 0; i < 40 && s->update != UPDATE_COMPLETED; i++)
			run_s(r, 0.1);
		assert_int_equal(s->update, UPDATE_COMPLETED);
		version = s->version;
		completed_ns = s->update_completed_ns;
		run_s(r, 3);
		*(s->version > version ? &again : &not ) = true;
		assert_true(s->update_completed_ns >= completed_ns);
		run_close(r);
	}
	assert_true(again && not );
}

/* Scaled down, a slot loses what lives in it and keeps its history; each slot is cut to its length.
 */
static void
test_history_stays(void **state)
{
	struct run *r =
	    run_open(3, 41, RUN_THREE "service web replicas=3 parallelism=0 monitor=0.1");
	struct world_service *s = world_service_find(r->w, "web");

	(void) state;
	for (int i = 0; i < 4; i++) {
		json_t *limited = json_pack("{s:s, s:i, s:i}", "Condition", "any", "Delay",
		                            100000000 + i, "MaxAttempts", 1);

		(void) run_edit(r, "web", "TaskTemplate", "RestartPolicy", limited);
		run_s(r, 10);
	}
	assert_int_equal(run_running(r, "web", NULL), 3);
	assert_int_equal(s->n_tasks, 6);
	(void) run_edit(r, "web", "Mode.Replicated", "Replicas", json_integer(0));
	run_s(r, 10);
	assert_int_equal(s->n_tasks, 3);
	run_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_reason_of_nodes_away),
	    cmocka_unit_test(test_room_is_noticed),
	    cmocka_unit_test(test_fills_unevenly),
	    cmocka_unit_test(test_unwanted_is_placed),
	    cmocka_unit_test(test_unwanted_is_shut_down),
	    cmocka_unit_test(test_attempts),
	    cmocka_unit_test(test_groups_race),
	    cmocka_unit_test(test_one_more_slot),
	    cmocka_unit_test(test_failure_unheard),
	    cmocka_unit_test(test_dead_slot_is_used_again),
	    cmocka_unit_test(test_last_told_of),
	    cmocka_unit_test(test_rollback_races_restart),
	    cmocka_unit_test(test_rollback_fails),
	    cmocka_unit_test(test_given_up_before_its_turn),
	    cmocka_unit_test(test_hears_late),
	    cmocka_unit_test(test_slot_is_too_many_twice),
	    cmocka_unit_test(test_failures_are_remembered),
	    cmocka_unit_test(test_leaving_is_placed),
	    cmocka_unit_test(test_end_starts_another),
	    cmocka_unit_test(test_history_stays),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
