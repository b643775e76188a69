/* What readings of a service's tasks mean: literal tasks in, an event or "not yet" out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/mover_judge.h"

#define NEW 1000 /* created after the change began */
#define T(id_, slot_, node_, state_, desired_, created_)                                           \
	{                                                                                          \
		.id = id_, .slot = slot_, .node_id = node_, .state = DOCKER_TASK_##state_,         \
		.desired = DOCKER_TASK_##desired_, .created_ms = created_, .error = "",            \
		.message = ""                                                                      \
	}
#define OLD(id, slot, node) T(id, slot, node, RUNNING, RUNNING, 1)

struct judge_case {
	const char *name;
	uint64_t replicas;
	enum docker_update_state update;
	bool drained, no_target, down, unsettled, unheard; /* unheard: the target is unknown */
	struct docker_task tasks[6];
	const char *error0; /* of the first task, or of the one at error_at */
	size_t error_at;
	const char *message0;
	int move, calm, unwind, other;
	const char *why; /* part of the reason of move, where there is one */
};

#define OK       MOVER_EVENT_OK
#define FAILING  MOVER_EVENT_FAILING
#define ASTRAY   MOVER_EVENT_ASTRAY
#define WAIT     JUDGE_WAIT
#define UPDATING DOCKER_UPDATING
#define NONE     DOCKER_UPDATE_NONE

/* Copies o1 (and o2) are to leave a for b. */
static const struct judge_case cases[] = {
    {"not begun", 1, NONE, .tasks = {OLD("o1", 1, "a")}, .move = WAIT, .calm = OK, .unwind = OK,
     .other = OK},
    {"new one preparing", 1, UPDATING,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", PREPARING, RUNNING, NEW)}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"landed, update open", 1, UPDATING,
     .tasks = {T("o1", 1, "a", RUNNING, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"landed, update ended", 1, DOCKER_UPDATE_COMPLETED,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = OK, .unwind = OK, .other = OK},
    {"both run", 1, UPDATING, .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"elsewhere", 1, UPDATING,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "c", RUNNING, RUNNING, NEW)},
     .move = ASTRAY, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"failed", 1, UPDATING, .tasks = {T("n1", 1, "b", FAILED, SHUTDOWN, NEW), OLD("o1", 1, "a")},
     .error0 = "exit 1", .move = FAILING, .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"failed long before", 1, UPDATING,
     .tasks = {T("x1", 1, "b", FAILED, SHUTDOWN, 1), OLD("o1", 1, "a")}, .move = WAIT, .calm = WAIT,
     .unwind = WAIT, .other = WAIT},
    {"ended by itself", 1, UPDATING,
     .tasks = {T("n1", 1, "b", COMPLETE, SHUTDOWN, NEW), OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"shut down by Swarm itself", 1, UPDATING,
     .tasks = {T("n1", 1, "b", SHUTDOWN, SHUTDOWN, NEW), OLD("o1", 1, "a")}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"no node", 1, UPDATING, .tasks = {T("n1", 1, "", PENDING, RUNNING, NEW), OLD("o1", 1, "a")},
     .error0 = "no suitable node (insufficient resources on 1 node)", .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = FAILING},
    {"pending, not tried yet", 1, NONE,
     .tasks = {T("n1", 1, "", PENDING, RUNNING, NEW), OLD("o1", 1, "a")}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"no node for the only one", 1, NONE, .tasks = {T("n1", 1, "", PENDING, RUNNING, NEW)},
     .error0 = "no suitable node", .move = FAILING, .calm = FAILING, .unwind = FAILING,
     .other = FAILING},
    {"target drained", 1, UPDATING, .drained = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"target gone", 1, UPDATING, .no_target = true, .tasks = {OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"drained after it had landed", 1, DOCKER_UPDATE_COMPLETED, .drained = true,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW)}, .move = OK, .calm = OK, .unwind = OK,
     .other = OK},
    /* Of ours it is a failure; of theirs it is not waited away. */
    {"paused", 1, DOCKER_UPDATE_PAUSED, .tasks = {OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = OK, .other = OK},
    {"a state that nobody knows", 1, DOCKER_UPDATE_OTHER, .tasks = {OLD("o1", 1, "a")},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"rolled back", 1, DOCKER_ROLLBACK_COMPLETED, .tasks = {OLD("o1", 1, "a")}, .move = WAIT,
     .calm = OK, .unwind = OK, .other = OK},
    {"one of two landed", 2, UPDATING,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW),
               OLD("o2", 2, "a")},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"one of two astray", 2, UPDATING,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW),
               T("o2", 2, "a", SHUTDOWN, SHUTDOWN, 1), T("n2", 2, "c", RUNNING, RUNNING, NEW)},
     .move = ASTRAY, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"a slot is missing", 2, NONE, .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW)}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = OK},
    {"rolling back", 1, DOCKER_ROLLBACK_STARTED, .tasks = {OLD("o1", 1, "a")}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"rollback paused", 1, DOCKER_ROLLBACK_PAUSED, .tasks = {OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = OK, .other = OK, .why = "Swarm paused the update: said so"},
    {"landed, then paused", 1, DOCKER_UPDATE_PAUSED,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = FAILING, .calm = FAILING, .unwind = OK, .other = OK},
    {"a new one failed, its successor comes", 1, UPDATING,
     .tasks = {T("n1", 1, "b", FAILED, RUNNING, NEW), T("n2", 1, "b", STARTING, RUNNING, NEW)},
     .message0 = "starting", .move = FAILING, .calm = FAILING, .unwind = WAIT, .other = WAIT,
     .why = "slot 1 did not stay up: starting"},
    {"failed with a word", 1, UPDATING,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", FAILED, SHUTDOWN, NEW)}, .error0 = "x",
     .error_at = 1, .message0 = "started", .move = FAILING, .calm = FAILING, .unwind = WAIT,
     .other = WAIT, .why = "did not stay up: x"},
    {"failed with one letter of a message", 1, UPDATING,
     .tasks = {T("n1", 1, "b", REJECTED, SHUTDOWN, NEW), OLD("o1", 1, "a")}, .message0 = "y",
     .move = FAILING, .calm = FAILING, .unwind = WAIT, .other = WAIT, .why = "stay up: y"},
    {"lost with its node, and no word of it", 1, UPDATING,
     .tasks = {T("n1", 1, "b", ORPHANED, SHUTDOWN, NEW), OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT, .why = "stay up: it ended"},
    {"removed by Swarm itself", 1, UPDATING,
     .tasks = {T("n1", 1, "b", REMOVE, REMOVE, NEW), OLD("o1", 1, "a")}, .move = WAIT, .calm = WAIT,
     .unwind = WAIT, .other = WAIT},
    {"new on no node yet", 1, NONE, .tasks = {OLD("o1", 1, "a"), T("n1", 1, "", NEW, RUNNING, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"created in that very moment", 1, UPDATING,
     .tasks = {T("n1", 1, "b", FAILED, SHUTDOWN, NEW / 2), OLD("o1", 1, "a")}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    /* The old task is no new one, whatever the clocks say. */
    {"the old one failed", 1, UPDATING,
     .tasks = {T("o1", 1, "a", FAILED, SHUTDOWN, NEW), T("n1", 1, "b", STARTING, RUNNING, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"assigned after all", 1, NONE,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", ASSIGNED, RUNNING, NEW)},
     .error0 = "no suitable node", .error_at = 1, .move = WAIT, .calm = WAIT, .unwind = WAIT,
     .other = OK},
    {"no node for the second", 2, NONE,
     .tasks = {OLD("o1", 1, "a"), T("n2", 2, "", PENDING, RUNNING, NEW)},
     .error0 = "no suitable node (1 node not available)", .error_at = 1, .move = FAILING,
     .calm = FAILING, .unwind = FAILING, .other = FAILING,
     .why = "slot 2 cannot be placed: no suitable node (1"},
    {"no node long before", 1, NONE,
     .tasks = {T("x1", 1, "", PENDING, SHUTDOWN, 1), OLD("o1", 1, "a")},
     .error0 = "no suitable node", .move = WAIT, .calm = OK, .unwind = OK, .other = OK},
    {"runs, and is not meant to yet", 1, NONE,
     .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, READY, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = OK},
    {"meant to complete", 1, NONE,
     .tasks = {T("x1", 1, "c", RUNNING, COMPLETE, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = OK, .unwind = OK, .other = OK},
    {"completed, shall run", 1, NONE,
     .tasks = {T("x1", 1, "a", COMPLETE, RUNNING, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = OK, .unwind = OK, .other = OK},
    {"the target is down", 1, UPDATING, .down = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT, .why = "no longer ready and active"},
    /* The old task is not listed any more, and the new one is where that one was. */
    {"on the source again", 1, DOCKER_UPDATE_COMPLETED,
     .tasks = {T("n1", 1, "a", RUNNING, RUNNING, NEW)}, .move = WAIT, .calm = OK, .unwind = OK,
     .other = OK},
    {"one landed, a copy stays elsewhere", 2, DOCKER_UPDATE_COMPLETED,
     .tasks = {OLD("x2", 2, "c"), T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1),
               T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = OK, .unwind = OK, .other = OK},
    {"one of two astray, and which", 2, UPDATING,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1),
               T("o2", 2, "a", SHUTDOWN, SHUTDOWN, 1), T("n2", 2, "c", RUNNING, RUNNING, NEW)},
     .move = ASTRAY, .calm = WAIT, .unwind = WAIT, .other = WAIT, .why = "slot 2 on node 'c'"},
    {"one more than wanted", 1, NONE,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), T("n2", 2, "b", RUNNING, RUNNING, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = OK},
    /* The source was drained or labelled: Swarm itself made a second task for the slot. */
    {"landed, and a successor of the old one waits", 1, UPDATING,
     .tasks = {T("o1", 1, "a", REJECTED, SHUTDOWN, 1), T("n1", 1, "b", RUNNING, RUNNING, NEW),
               T("n2", 1, "b", READY, READY, NEW)},
     .move = OK, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"landed twice, update ended", 1, DOCKER_UPDATE_COMPLETED,
     .tasks = {T("n2", 1, "b", RUNNING, RUNNING, NEW), T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = WAIT, .unwind = WAIT, .other = OK},
    {"landed twice, and a copy stays elsewhere", 2, UPDATING,
     .tasks = {OLD("x2", 2, "c"), T("n2", 1, "b", RUNNING, RUNNING, NEW),
               T("n1", 1, "b", RUNNING, RUNNING, NEW)},
     .move = OK, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"landed, and the successor is elsewhere", 1, UPDATING,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), T("n2", 1, "c", READY, READY, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"landed, and the successor has no node yet", 1, UPDATING,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), T("n2", 1, "", NEW, READY, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"two for one slot, and none runs", 1, UPDATING,
     .tasks = {T("n1", 1, "b", STARTING, RUNNING, NEW), T("n2", 1, "b", READY, READY, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"one slot twice, the other not at all", 2, UPDATING,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), T("n2", 1, "b", RUNNING, RUNNING, NEW)},
     .move = WAIT, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    /* A new leader calls no node ready before it has heard of it. */
    {"no node under a new leader", 1, UPDATING, .unsettled = true,
     .tasks = {T("n1", 1, "", PENDING, RUNNING, NEW), OLD("o1", 1, "a")},
     .error0 = "no suitable node (3 nodes not available for new tasks)", .move = WAIT, .calm = WAIT,
     .unwind = WAIT, .other = WAIT},
    {"no node for the only one under a new leader", 1, NONE, .unsettled = true,
     .tasks = {T("n1", 1, "", PENDING, RUNNING, NEW)}, .error0 = "no suitable node", .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"the target is not heard of yet", 1, UPDATING, .unsettled = true, .unheard = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = WAIT,
     .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"the target is down under a new leader", 1, UPDATING, .unsettled = true, .down = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"drained under a new leader", 1, UPDATING, .unsettled = true, .drained = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"drained before it was heard of", 1, UPDATING, .unsettled = true, .unheard = true,
     .drained = true, .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)},
     .move = FAILING, .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"failed under a new leader", 1, UPDATING, .unsettled = true,
     .tasks = {T("n1", 1, "b", FAILED, SHUTDOWN, NEW), OLD("o1", 1, "a")}, .error0 = "exit 1",
     .move = FAILING, .calm = FAILING, .unwind = WAIT, .other = WAIT},
    {"the target is unknown for long", 1, UPDATING, .unheard = true,
     .tasks = {OLD("o1", 1, "a"), T("n1", 1, "b", STARTING, RUNNING, NEW)}, .move = FAILING,
     .calm = FAILING, .unwind = WAIT, .other = WAIT, .why = "no longer ready and active"},
    {"landed twice beside a copy that stays", 2, UPDATING,
     .tasks = {T("n1", 1, "b", RUNNING, RUNNING, NEW), OLD("x2", 2, "c"),
               T("n2", 1, "b", READY, READY, NEW), T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1)},
     .move = OK, .calm = WAIT, .unwind = WAIT, .other = WAIT},
    {"scaled to nothing", 0, NONE, .tasks = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1)}, .move = OK,
     .calm = OK, .unwind = OK, .other = OK},
};

static int
judge(const struct judge_case *c, int which)
{
	/* Behind the last stands one more, that nobody may look at. */
	struct docker_task tasks[ARRAY_SIZE(c->tasks) + 1];
	static const struct docker_task beyond = T("o2", 2, "a", RUNNING, RUNNING, NEW);
	struct docker_service service = {.replicas = c->replicas,
	                                 .status = {.state = c->update, .message = "said so"}};
	struct docker_node nodes[] = {
	    {.id = "a", .state = DOCKER_NODE_READY},
	    {.id = "b",
	     .state = c->down      ? DOCKER_NODE_DOWN
	              : c->unheard ? DOCKER_NODE_UNKNOWN
	                           : DOCKER_NODE_READY,
	     .availability = c->drained ? DOCKER_DRAIN : DOCKER_ACTIVE},
	};
	static const char *const old[] = {"o1", "o2"};
	struct judge_plan plan = {
	    .from_id = "a", .to_id = "b", .old = old, .n_old = 2, .since_ms = NEW / 2};
	struct judge_look look = {.service = &service,
	                          .tasks = tasks,
	                          .nodes = nodes,
	                          .n_nodes = c->no_target ? 1 : 2,
	                          .unsettled = c->unsettled};
	struct error why = {0};
	int r;

	memcpy(tasks, c->tasks, sizeof(c->tasks));
	while (look.n_tasks < ARRAY_SIZE(c->tasks) && tasks[look.n_tasks].id[0] != '\0')
		look.n_tasks++;
	tasks[look.n_tasks] = beyond;
	if (c->error0 != NULL)
		tasks[c->error_at].error = c->error0;
	if (c->message0 != NULL)
		tasks[c->error_at].message = c->message0;
	switch (which) {
	case 0:
		r = judge_move(&look, &plan, &why);
		if (c->why != NULL && strstr(why.text, c->why) == NULL)
			fail_msg("%s: %s", c->name, why.text);
		break;
	case 1:
		r = judge_calm(&look, &plan, &why);
		break;
	case 2:
		r = judge_unwind(&look, &why);
		if (r == FAILING && strstr(why.text, "has no other node: no suitable node") == NULL)
			fail_msg("%s: %s", c->name, why.text);
		break;
	default:
		return judge_other(&look);
	}
	if ((r == FAILING || r == ASTRAY) && why.text[0] == '\0')
		fail_msg("%s: no reason was given", c->name);
	return r;
}

static void
test_cases(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const int want[] = {cases[i].move, cases[i].calm, cases[i].unwind, cases[i].other};
		static const char *const names[] = {"move", "calm", "unwind", "other"};

		for (int k = 0; k < 4; k++)
			if (judge(&cases[i], k) != want[k])
				fail_msg("%s: %s is %d, want %d", cases[i].name, names[k],
				         judge(&cases[i], k), want[k]);
	}
}

/* What was known before the change is never new, whatever the clocks say. */
static void
test_known(void **unused)
{
	struct docker_task tasks[] = {T("x1", 1, "b", FAILED, SHUTDOWN, NEW), OLD("o1", 1, "a")};
	struct docker_service service = {.replicas = 1, .status = {.state = DOCKER_UPDATING}};
	struct docker_node nodes[] = {{.id = "b", .state = DOCKER_NODE_READY}};
	static const char *const old[] = {"o1"}, *const known[] = {"o1", "x1"};
	struct judge_plan plan = {.from_id = "a",
	                          .to_id = "b",
	                          .old = old,
	                          .n_old = 1,
	                          .known = known,
	                          .n_known = 2,
	                          .since_ms = 1};
	struct judge_look look = {
	    .service = &service, .tasks = tasks, .n_tasks = 2, .nodes = nodes, .n_nodes = 1};

	(void) unused;
	assert_int_equal(judge_move(&look, &plan, NULL), WAIT);
	plan.n_known = 1;
	assert_int_equal(judge_move(&look, &plan, NULL), FAILING);
}

/* Theirs is paused: over a task of ours on the target, or over anything else. */
static void
test_paused_on_target(void **unused)
{
	static const struct {
		const char *name;
		enum docker_update_state update;
		struct docker_task task;
		bool want;
	} looks[] = {
	    {"failed", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", FAILED, SHUTDOWN, NEW), true},
	    {"rejected", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", REJECTED, SHUTDOWN, NEW), true},
	    {"ended", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", COMPLETE, SHUTDOWN, NEW), true},
	    {"runs", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", RUNNING, RUNNING, NEW), false},
	    {"shut down", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", SHUTDOWN, SHUTDOWN, NEW), false},
	    {"elsewhere", DOCKER_UPDATE_PAUSED, T("n1", 1, "a", FAILED, SHUTDOWN, NEW), false},
	    {"long ago", DOCKER_UPDATE_PAUSED, T("n1", 1, "b", FAILED, SHUTDOWN, 1), false},
	    {"runs on", UPDATING, T("n1", 1, "b", FAILED, SHUTDOWN, NEW), false},
	    {"a rollback", DOCKER_ROLLBACK_PAUSED, T("n1", 1, "b", FAILED, SHUTDOWN, NEW), true},
	    {"over", DOCKER_UPDATE_COMPLETED, T("n1", 1, "b", FAILED, SHUTDOWN, NEW), false},
	};
	static const char *const old[] = {"o1"};
	const struct judge_plan plan = {
	    .from_id = "a", .to_id = "b", .old = old, .n_old = 1, .since_ms = NEW / 2};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		const struct docker_service service = {.replicas = 1,
		                                       .status = {.state = looks[i].update}};
		const struct docker_task tasks[] = {OLD("o1", 1, "a"), looks[i].task};
		const struct judge_look look = {
		    .service = &service, .tasks = tasks, .n_tasks = ARRAY_SIZE(tasks)};

		if (judge_paused_on_target(&look, &plan) != looks[i].want)
			fail_msg("%s", looks[i].name);
	}
}

static void
test_none_runs(void **unused)
{
	static const struct {
		struct docker_task task;
		bool want;
	} looks[] = {
	    {T("n1", 1, "b", RUNNING, RUNNING, NEW), false},
	    {T("n1", 1, "b", RUNNING, SHUTDOWN, NEW), true},
	    {T("n1", 1, "b", READY, READY, NEW), true},
	    {T("n1", 1, "b", FAILED, SHUTDOWN, NEW), true},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		const struct docker_task tasks[] = {T("o1", 1, "a", SHUTDOWN, SHUTDOWN, 1),
		                                    looks[i].task};
		const struct judge_look look = {.tasks = tasks, .n_tasks = ARRAY_SIZE(tasks)};

		assert_int_equal(judge_none_runs(&look), looks[i].want);
	}
}

static void
test_unsettled(void **unused)
{
	static const struct {
		enum docker_node_state a, b;
		bool unsettled;
	} looks[] = {
	    {DOCKER_NODE_READY, DOCKER_NODE_READY, false},
	    {DOCKER_NODE_READY, DOCKER_NODE_UNKNOWN, true},
	    {DOCKER_NODE_UNKNOWN, DOCKER_NODE_READY, true},
	    {DOCKER_NODE_UNKNOWN, DOCKER_NODE_UNKNOWN, true},
	    {DOCKER_NODE_READY, DOCKER_NODE_DOWN, false},
	    {DOCKER_NODE_DOWN, DOCKER_NODE_DOWN, true},
	    {DOCKER_NODE_DISCONNECTED, DOCKER_NODE_DOWN, true},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		const struct docker_node nodes[] = {{.state = looks[i].a}, {.state = looks[i].b}};

		assert_int_equal(judge_unsettled(nodes, 2), looks[i].unsettled);
	}
}

/* Of every state that an update may be in. */
static void
test_update_states(void **unused)
{
	static const struct {
		enum docker_update_state state;
		bool open, paused, rolled_back;
	} states[] = {
	    {DOCKER_UPDATE_NONE, false, false, false},
	    {DOCKER_UPDATING, true, false, false},
	    {DOCKER_UPDATE_PAUSED, false, true, false},
	    {DOCKER_UPDATE_COMPLETED, false, false, false},
	    {DOCKER_ROLLBACK_STARTED, true, false, true},
	    {DOCKER_ROLLBACK_PAUSED, false, true, true},
	    {DOCKER_ROLLBACK_COMPLETED, false, false, true},
	    {DOCKER_UPDATE_OTHER, true, false, false},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct docker_service s = {.status = {.state = states[i].state}};

		assert_int_equal(judge_update_open(&s), states[i].open);
		assert_int_equal(judge_update_paused(&s), states[i].paused);
		assert_int_equal(judge_rolled_back(&s), states[i].rolled_back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),     cmocka_unit_test(test_update_states),
	    cmocka_unit_test(test_known),     cmocka_unit_test(test_paused_on_target),
	    cmocka_unit_test(test_none_runs), cmocka_unit_test(test_unsettled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
