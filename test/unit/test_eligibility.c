/* Every verdict of eligibility, alone and in its place in the order, and what a person overrules.
 */
#include "swarm/eligibility.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "swarm/constraint.h"
#include "test/unit/swarm_world.h"

enum { A = 0, B = 1, C = 2 };

static const uint16_t port_80[] = {80};
static const struct platform windows = {"windows", ""};
static const char *const apart_db[] = {"db"};
static struct constraint elsewhere = {
    .text = "node.id==zz", .key = "node.id", .value = "zz", .equal = true};

/* Service 0 "web" runs once on A and may move to B, where service 1 "db" runs; C is busier. */
static void
good_world(struct world *w)
{
	world_init(w, 3);
	(void) world_service(w, "web");
	(void) world_task(w, A);
	(void) world_service(w, "db");
	(void) world_task(w, B);
	(void) world_image(w, B, "web:1", true);
	w->nodes[C].n_tasks = 5;
	w->s.bounds.deploy_quiet_ms = 1000;
}

static void
do_partial(struct world *w)
{
	w->s.partial = true;
}

static void
do_not_opted_in(struct world *w)
{
	w->services[0].act = ACT_NONE;
}

static void
do_pinned(struct world *w)
{
	w->services[0].traits |= TRAIT_PINNED;
}

static void
do_observe(struct world *w)
{
	if (w->services[0].act != ACT_NONE)
		w->services[0].act = ACT_OBSERVE;
}

static void
do_global(struct world *w)
{
	w->services[0].mode = MODE_GLOBAL;
}

static void
do_undecodable(struct world *w)
{
	w->services[0].traits |= TRAIT_UNDECODABLE;
}

static void
do_no_placement(struct world *w)
{
	w->services[0].traits &= ~(uint32_t) TRAIT_PLACEMENT;
}

static void
do_steered(struct world *w)
{
	w->services[0].traits |= TRAIT_STEERED;
}

static void
do_update_open(struct world *w)
{
	w->services[0].traits |= TRAIT_UPDATE_OPEN;
}

static void
do_update_paused(struct world *w)
{
	w->services[0].traits |= TRAIT_UPDATE_PAUSED;
}

static void
do_pending(struct world *w)
{
	w->tasks[0].state = TASK_PENDING;
}

static void
do_not_running(struct world *w)
{
	if (w->tasks[0].state == TASK_RUNNING)
		w->tasks[0].state = TASK_STARTING;
}

static void
do_deploy(struct world *w)
{
	w->services[0].foreign_ms = 999;
}

static void
do_cooldown(struct world *w)
{
	w->services[0].cooldown_ms = 1;
}

static void
do_volume(struct world *w)
{
	w->services[0].traits |= TRAIT_LOCAL_VOLUME;
}

static void
do_generic(struct world *w)
{
	w->services[0].traits |= TRAIT_GENERIC;
}

static void
do_preferences(struct world *w)
{
	w->services[0].traits |= TRAIT_PREFERENCES;
}

static void
do_stop_first(struct world *w)
{
	w->services[0].traits &= ~(uint32_t) TRAIT_START_FIRST;
}

static void
do_no_healthcheck(struct world *w)
{
	w->services[0].traits &= ~(uint32_t) TRAIT_HEALTHCHECK;
}

static void
do_source_paused(struct world *w)
{
	w->nodes[A].flags &= ~(uint32_t) NODE_ACTIVE;
}

static void
do_target_down(struct world *w)
{
	w->nodes[B].flags &= ~(uint32_t) NODE_READY;
}

static void
do_target_new(struct world *w)
{
	w->nodes[B].flags |= NODE_UNSETTLED;
}

static void
do_source_back(struct world *w)
{
	w->nodes[A].flags |= NODE_UNSETTLED;
}

static void
do_target_changed(struct world *w)
{
	w->nodes[B].flags |= NODE_CHANGED;
}

static void
do_target_stale(struct world *w)
{
	w->nodes[B].flags |= NODE_STALE;
}

static void
do_no_copy(struct world *w)
{
	w->tasks[0].node = C;
}

static void
do_reserve_cpu(struct world *w)
{
	w->services[0].reserve.cpu_nano = 4000000001;
}

static void
do_reserve_mem(struct world *w)
{
	w->services[0].reserve.mem_bytes = 8 * WORLD_GIB + 1;
}

static void
do_constraint(struct world *w)
{
	w->services[0].constraints = &elsewhere;
	w->services[0].n_constraints = 1;
}

static void
do_platform(struct world *w)
{
	w->services[0].platforms = &windows;
	w->services[0].n_platforms = 1;
}

static void
do_host_port(struct world *w)
{
	for (size_t i = 0; i < 2; i++) {
		w->services[i].host_ports = port_80;
		w->services[i].n_host_ports = 1;
	}
}

/* A second copy on the target, so that one more is one too many, and closer together. */
static void
second_copy(struct world *w)
{
	struct snap_service *v = &w->services[0];

	if (v->n_tasks == 2)
		return;
	v->n_tasks = 2;
	v->replicas = 2;
	w->tasks[2] = w->tasks[1];
	w->tasks[1] = w->tasks[0];
	w->tasks[1].slot = 2;
	w->tasks[1].node = B;
	w->services[1].first_task = 2;
	w->s.n_tasks = 3;
	w->nodes[B].n_tasks++;
}

static void
do_max_replicas(struct world *w)
{
	second_copy(w);
	w->services[0].max_replicas = 1;
}

static void
do_no_image(struct world *w)
{
	w->s.n_images = 0;
}

static void
do_spread(struct world *w)
{
	second_copy(w);
}

static void
do_apart(struct world *w)
{
	w->services[0].apart = apart_db;
	w->services[0].n_apart = 1;
}

/* Two copies on the source, one on C, which the second landing would prefer. */
static void
do_not_first(struct world *w)
{
	struct snap_service *v = &w->services[0];

	if (v->n_tasks == 2)
		return; /* do_spread has been at work: it decides */
	v->n_tasks = 3;
	v->replicas = 3;
	w->tasks[3] = w->tasks[1];
	w->tasks[1] = w->tasks[2] = w->tasks[0];
	w->tasks[1].slot = 2;
	w->tasks[2].slot = 3;
	w->tasks[2].node = C;
	w->nodes[C].n_tasks = 1;
	w->services[1].first_task = 3;
	w->s.n_tasks = 4;
}

struct fault {
	void (*break_it)(struct world *);
	enum verdict policy, person, force;
};

#define REFUSED(v) v, v, v

/* In the documented order. */
static const struct fault service_faults[] = {
    {do_partial, REFUSED(VERDICT_PARTIAL)},
    {do_not_opted_in, VERDICT_NOT_OPTED_IN, VERDICT_NOT_OPTED_IN, VERDICT_OK},
    {do_pinned, REFUSED(VERDICT_PINNED)},
    {do_observe, VERDICT_OBSERVE_ONLY, VERDICT_OK, VERDICT_OK},
    {do_global, REFUSED(VERDICT_MODE)},
    {do_undecodable, REFUSED(VERDICT_UNDECODABLE)},
    {do_no_placement, REFUSED(VERDICT_NO_PLACEMENT)},
    {do_steered, REFUSED(VERDICT_STEERED)},
    {do_update_open, REFUSED(VERDICT_UPDATE_OPEN)},
    {do_update_paused, REFUSED(VERDICT_UPDATE_PAUSED)},
    {do_pending, REFUSED(VERDICT_PENDING)},
    {do_not_running, REFUSED(VERDICT_NOT_RUNNING)},
    {do_deploy, VERDICT_DEPLOY_QUIET, VERDICT_OK, VERDICT_OK},
    {do_cooldown, VERDICT_COOLDOWN, VERDICT_OK, VERDICT_OK},
    {do_volume, REFUSED(VERDICT_LOCAL_VOLUME)},
    {do_generic, REFUSED(VERDICT_GENERIC)},
    {do_preferences, REFUSED(VERDICT_PREFERENCES)},
    {do_stop_first, REFUSED(VERDICT_STOP_FIRST)},
    {do_no_healthcheck, VERDICT_BRIEF_ERRORS, VERDICT_OK, VERDICT_OK},
};

static const struct fault move_faults[] = {
    {do_source_paused, REFUSED(VERDICT_SOURCE_UNUSABLE)},
    {do_target_down, REFUSED(VERDICT_TARGET_UNUSABLE)},
    {do_target_new, REFUSED(VERDICT_TARGET_UNSETTLED)},
    {do_source_back, REFUSED(VERDICT_NODE_CHANGED)},
    {do_target_changed, REFUSED(VERDICT_NODE_CHANGED)},
    {do_target_stale, VERDICT_TARGET_BLIND, VERDICT_OK, VERDICT_OK},
    {do_no_copy, REFUSED(VERDICT_NO_COPY_ON_SOURCE)},
    {do_reserve_cpu, REFUSED(VERDICT_CPU_RESERVATION)},
    {do_reserve_mem, REFUSED(VERDICT_MEM_RESERVATION)},
    {do_constraint, REFUSED(VERDICT_CONSTRAINT)},
    {do_platform, REFUSED(VERDICT_PLATFORM)},
    {do_host_port, REFUSED(VERDICT_HOST_PORT)},
    {do_max_replicas, REFUSED(VERDICT_MAX_REPLICAS)},
    {do_no_image, REFUSED(VERDICT_NO_IMAGE)},
    {do_spread, REFUSED(VERDICT_SPREAD)},
    {do_apart, REFUSED(VERDICT_APART)},
    {do_not_first, REFUSED(VERDICT_NOT_FIRST)},
};

static void
expect(const struct world *w, enum verdict want, enum actor who, const char *what, size_t i)
{
	enum verdict got = eligibility_move(&w->s, 0, A, B, who);

	if (got != want)
		fail_msg("%s fault %zu, actor %d: %s instead of %s", what, i, (int) who,
		         verdict_infos[got].name, verdict_infos[want].name);
}

static void
check_alone(const struct fault *faults, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++) {
		struct world w;

		good_world(&w);
		faults[i].break_it(&w);
		expect(&w, faults[i].policy, ACTOR_POLICY, what, i);
		expect(&w, faults[i].person, ACTOR_PERSON, what, i);
		expect(&w, faults[i].force, ACTOR_PERSON_FORCE, what, i);
	}
}

static void
test_good(void **state)
{
	struct world w;

	(void) state;
	good_world(&w);
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_OK);
	expect(&w, VERDICT_OK, ACTOR_POLICY, "no", 0);
	w.services[0].foreign_ms = 1000; /* just long enough ago */
	w.services[0].act = ACT_RECOMMEND;
	expect(&w, VERDICT_OK, ACTOR_POLICY, "no", 0);
	assert_int_equal(eligibility_move(&w.s, 0, A, A, ACTOR_POLICY), VERDICT_SAME_NODE);
}

static void
test_each_alone(void **state)
{
	(void) state;
	check_alone(service_faults, ARRAY_SIZE(service_faults), "service");
	check_alone(move_faults, ARRAY_SIZE(move_faults), "move");
	for (size_t i = 0; i < ARRAY_SIZE(service_faults); i++) {
		struct world w;

		good_world(&w);
		service_faults[i].break_it(&w);
		assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY),
		                 service_faults[i].policy);
	}
}

/* Each fault together with all that come later: the first one in order is named. */
static void
test_order(void **state)
{
	const size_t n = ARRAY_SIZE(service_faults), m = ARRAY_SIZE(move_faults);

	(void) state;
	for (size_t i = 0; i < n + m; i++) {
		struct world w;

		good_world(&w);
		for (size_t k = i; k < n + m; k++) {
			/* More copies would end the need for consent to stop the only one. */
			if (k >= n && i < n && k - n >= 12)
				break;
			(k < n ? service_faults[k] : move_faults[k - n]).break_it(&w);
		}
		expect(&w, (i < n ? service_faults[i] : move_faults[i - n]).policy, ACTOR_POLICY,
		       "combined", i);
	}
}

static void
test_running(void **state)
{
	struct world w;

	(void) state;
	good_world(&w);
	w.services[0].replicas = 2;
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_NOT_RUNNING);
	good_world(&w);
	second_copy(&w);
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_OK);
	w.services[0].replicas = 1; /* one more than it should have: an update is on its way */
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_NOT_RUNNING);
	w.services[0].replicas = 2;
	w.tasks[1].slot = 1;
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_NOT_RUNNING);
	w.tasks[1].slot = 2;
	w.tasks[1].desired = TASK_SHUTDOWN;
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_NOT_RUNNING);
	w.tasks[1].desired = TASK_RUNNING;
	w.tasks[1].node = NO_INDEX; /* on a node that the snapshot does not have */
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_NOT_RUNNING);
	/* Scaled to nothing: nothing is wrong, and there is nothing to move. */
	good_world(&w);
	w.services[0].replicas = w.services[0].n_tasks = 0;
	assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), VERDICT_OK);
	expect(&w, VERDICT_NO_COPY_ON_SOURCE, ACTOR_POLICY, "no task", 0);
}

static void
test_modes(void **state)
{
	const enum service_mode modes[] = {MODE_GLOBAL, MODE_REPLICATED_JOB, MODE_GLOBAL_JOB};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct world w;

		good_world(&w);
		w.services[0].mode = modes[i];
		expect(&w, VERDICT_MODE, ACTOR_PERSON_FORCE, "mode", i);
	}
}

static void
test_image(void **state)
{
	struct world w;

	(void) state;
	good_world(&w);
	w.images[0].present = false;
	expect(&w, VERDICT_NO_IMAGE, ACTOR_PERSON, "absent", 0);
	w.services[0].traits |= TRAIT_MAY_PULL; /* a tag can mean another image by now */
	expect(&w, VERDICT_NO_IMAGE, ACTOR_POLICY, "pull by tag", 0);
	w.services[0].traits |= TRAIT_DIGEST;
	expect(&w, VERDICT_OK, ACTOR_POLICY, "pull by digest", 0);
	w.services[0].traits &= ~(uint32_t) TRAIT_MAY_PULL;
	expect(&w, VERDICT_NO_IMAGE, ACTOR_POLICY, "digest, no consent", 0);
	w.images[0] = (struct snap_image){C, "web:1", true};
	expect(&w, VERDICT_NO_IMAGE, ACTOR_POLICY, "on another node", 0);
	world_image(&w, B, "web:2", true);
	expect(&w, VERDICT_NO_IMAGE, ACTOR_POLICY, "another image", 0);
	world_image(&w, B, "web:1", true);
	expect(&w, VERDICT_OK, ACTOR_POLICY, "present", 0);
}

static void
test_apart_is_mutual(void **state)
{
	static const char *const web[] = {"cache", "web"};
	struct world w;

	(void) state;
	good_world(&w);
	w.services[1].apart = web;
	w.services[1].n_apart = 1;
	expect(&w, VERDICT_OK, ACTOR_POLICY, "apart from another", 0);
	w.services[1].n_apart = 2;
	expect(&w, VERDICT_APART, ACTOR_POLICY, "the other asked for it", 0);
	w.tasks[1].node = C;
	w.services[2] = w.services[1]; /* one too many: not to be looked at */
	w.services[2].first_task = 2;
	w.tasks[2] = w.tasks[1];
	w.tasks[2].node = B;
	expect(&w, VERDICT_OK, ACTOR_POLICY, "it runs elsewhere", 0);
}

/* Terms of ours from before are taken away by the move itself: they bind nobody. */
static void
test_ours_do_not_bind(void **state)
{
	struct constraint c = elsewhere;
	struct world w;

	(void) state;
	good_world(&w);
	w.services[0].constraints = &c;
	w.services[0].n_constraints = 1;
	expect(&w, VERDICT_CONSTRAINT, ACTOR_POLICY, "the owner's", 0);
	c.ours = true;
	expect(&w, VERDICT_OK, ACTOR_POLICY, "ours", 0);
}

static void
test_consents(void **state)
{
	static const struct {
		uint32_t traits, replicas;
		enum verdict verdict;
		bool start_first;
	} cases[] = {
	    {TRAIT_START_FIRST, 1, VERDICT_OK, true},
	    {TRAIT_MAY_START_FIRST, 1, VERDICT_OK, true},
	    {TRAIT_MAY_RESTART, 1, VERDICT_OK, false},
	    {0, 1, VERDICT_STOP_FIRST, false},
	    {0, 2, VERDICT_OK, false}, /* the other copy answers meanwhile */
	    {TRAIT_PORTS | TRAIT_HEALTHCHECK | TRAIT_START_FIRST, 1, VERDICT_OK, true},
	    {TRAIT_PORTS | TRAIT_BRIEF_ERRORS_OK | TRAIT_START_FIRST, 1, VERDICT_OK, true},
	    {TRAIT_PORTS | TRAIT_START_FIRST, 1, VERDICT_BRIEF_ERRORS, true},
	    {TRAIT_PORTS, 1, VERDICT_STOP_FIRST, false},
	    {TRAIT_PORTS, 2, VERDICT_BRIEF_ERRORS, false},
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		struct snap_service *v;

		good_world(&w);
		if (cases[i].replicas == 2)
			second_copy(&w);
		v = &w.services[0];
		v->traits = TRAIT_PLACEMENT | cases[i].traits;
		assert_int_equal(eligibility_start_first(v), cases[i].start_first);
		assert_int_equal(eligibility_service(&w.s, 0, ACTOR_POLICY), cases[i].verdict);
	}
}

/* All of the source's copies go: the last of them must find room, too. */
static void
test_every_copy_fits(void **unused)
{
	(void) unused;
	for (unsigned copies = 1; copies <= 2; copies++) {
		struct world w;

		world_init(&w, 3);
		world_service(&w, "web")->reserve.mem_bytes = 5 * WORLD_GIB;
		for (unsigned i = 0; i < copies; i++)
			(void) world_task(&w, A);
		(void) world_image(&w, B, "web:1", true);
		w.nodes[A].capacity.mem_bytes = 16 * WORLD_GIB;
		w.nodes[C].n_tasks = 5;
		assert_int_equal(eligibility_move(&w.s, 0, A, B, ACTOR_POLICY),
		                 copies == 1 ? VERDICT_OK : VERDICT_MEM_RESERVATION);
	}
}

/* Any of its tasks that waits for a node holds the service; one that has its node is on its way. */
static void
test_any_pending(void **unused)
{
	struct world w;
	struct snap_task *t;

	(void) unused;
	world_init(&w, 3);
	(void) world_service(&w, "web");
	(void) world_task(&w, A);
	(void) world_task(&w, C);
	t = world_task(&w, C);
	t->state = TASK_PENDING;
	(void) world_image(&w, B, "web:1", true);
	assert_int_equal(eligibility_move(&w.s, 0, A, B, ACTOR_POLICY), VERDICT_PENDING);
	t->state = TASK_ASSIGNED;
	assert_int_equal(eligibility_move(&w.s, 0, A, B, ACTOR_POLICY), VERDICT_NOT_RUNNING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_each_alone),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_running),
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_image),
	    cmocka_unit_test(test_apart_is_mutual),
	    cmocka_unit_test(test_ours_do_not_bind),
	    cmocka_unit_test(test_consents),
	    cmocka_unit_test(test_every_copy_fits),
	    cmocka_unit_test(test_any_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
