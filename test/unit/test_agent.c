/* The daemon's own judgement: what it learns from, and for how long it leaves what alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent_batch.h"
#include "swarm/spec.h"

#define SERVICE "aaaaaaaaaaaaaaaaaaaaaaas1"

static int
set_up(void **state)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	log_set_level(LOG_LEVEL_ERROR);
	a->config = config_new();
	a->facts = facts_new();
	*state = a;
	return 0;
}

static int
tear_down(void **state)
{
	struct agent *a = *state;

	agent_epochs_done(a);
	batch_free(a->batch);
	facts_free(a->facts);
	config_free(a->config);
	free(a);
	return 0;
}

/* A gain that is only proposed never comes: it must not go into the targets. */
static void
test_only_what_is_done_is_gained(void **state)
{
	static const enum execution all[] = {EXECUTION_STAYED, EXECUTION_OBSERVED,
	                                     EXECUTION_RECOMMENDED, EXECUTION_STARTED,
	                                     EXECUTION_REFUSED};
	struct snapshot then = {.mono_ms = 1000}, now = {.mono_ms = 4000};
	struct step before = {.snap = &then, .executed = {.kind = ACTION_MOVE, .service = 3}};
	struct step step = {.snap = &now};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct transition t;

		step.execution.execution = all[i];
		t = step_transition(&before, &step);
		assert_ptr_equal(t.next, all[i] == EXECUTION_STARTED ? &step.decision : NULL);
		assert_ptr_equal(t.before, &then);
		assert_ptr_equal(t.after, &now);
		assert_ptr_equal(t.decision, &before.decision);
		assert_int_equal(t.executed.service, 3);
		assert_int_equal(t.dt_ms, 3000);
	}
}

static struct intent
ended(enum move_kind kind, enum move_state how, uint64_t decision_id)
{
	struct intent in = {.id = 7, .kind = kind, .state = how, .decision_id = decision_id};

	(void) str_copy(in.service_id, sizeof(in.service_id), SERVICE);
	return in;
}

/* Of a person, it is that person's will; of the policy, only the cool-down begins. */
static void
test_a_persons_change_is_left_alone(void **state)
{
	static const struct {
		enum move_kind kind;
		enum move_state how;
		uint64_t decision_id;
		bool cools, quiet;
	} cases[] = {
	    {MOVE_KIND_MOVE, MOVE_DONE, 5, true, false},
	    {MOVE_KIND_MOVE, MOVE_REVERTED, 5, true, false},
	    {MOVE_KIND_MOVE, MOVE_REFUSED, 5, false, false},
	    {MOVE_KIND_MOVE, MOVE_STEERED, 0, false, false},
	    {MOVE_KIND_MOVE, MOVE_REFUSED, 0, false, false},
	    {MOVE_KIND_MOVE, MOVE_DONE, 0, true, true},
	    {MOVE_KIND_UNDO, MOVE_DONE, 0, true, true},
	    {MOVE_KIND_UNDO, MOVE_GAVE_UP, 0, true, true},
	    {MOVE_KIND_RELEASE, MOVE_DONE, 0, true, true},
	};
	struct agent *a = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct intent in = ended(cases[i].kind, cases[i].how, cases[i].decision_id);
		const struct facts_service *f;
		int64_t before = wall_ms();

		facts_free(a->facts);
		a->facts = facts_new();
		agent_on_state(a, &in);
		f = facts_service(a->facts, SERVICE);
		assert_int_equal(f != NULL && f->moved_wall_ms >= before, cases[i].cools);
		assert_int_equal(f != NULL && f->foreign_wall_ms >= before, cases[i].quiet);
	}
}

/* What a person does to the service afterwards is no outcome of the policy's move. */
static void
test_an_outcome_ends_with_the_next_change(void **state)
{
	struct agent *a = *state;
	struct intent in = ended(MOVE_KIND_UNDO, MOVE_STEERED, 0);
	struct epoch *e = &a->epochs[1];

	e->open = true;
	e->row.move_id = 6;
	(void) str_copy(e->service_id, sizeof(e->service_id), SERVICE);
	agent_on_state(a, &in);
	assert_true(e->open);
	in.state = MOVE_DONE;
	agent_on_state(a, &in);
	assert_false(e->open);
}

/* `forager pause`: the mover knows, so that it refuses persons and what it is checking, too. */
static void
test_the_mover_knows_of_a_pause(void **state)
{
	struct agent *a = *state;

	assert_false(agent_mover_options(a).paused);
	agent_set_paused(a, 5000);
	assert_true(agent_mover_options(a).paused);
	agent_set_paused(a, 0);
	assert_false(agent_mover_options(a).paused);
}

/* The last commit takes its time; the engine goes on to tell what happens, and a poll may end. */
static void
test_events_while_it_closes(void **state)
{
	struct agent *a = *state;
	const struct agent_options options = {0};
	const struct docker_label plan = {SPEC_LABEL_PLAN, "v1 x"};
	struct docker_service orphan = {.id = SERVICE, .labels = {&plan, 1}};
	struct cluster_state s = {.services = &orphan, .n_services = 1, .leader = true};

	a->options = &options;
	a->stopping = a->started = a->leader = true;
	a->mover = NULL;
	a->config->mode = ACT_AUTO - ACT_OBSERVE;
	agent_on_event(a, "container", "start", "c1");
	agent_watch_orphans(a, &s);
	assert_int_equal(agent_allowance(a).actions, 1);
}

static void
test_polls_after_events_leave_room(void **state)
{
	struct cluster_state s = {.took_ms = 20};

	(void) state;
	assert_int_equal(agent_event_wait_ms(NULL), 500);
	assert_int_equal(agent_event_wait_ms(&s), 500);
	s.took_ms = 800;
	assert_int_equal(agent_event_wait_ms(&s), 8000);
	s.took_ms = 20000;
	assert_int_equal(agent_event_wait_ms(&s), 30000);
}

/* An engine that takes connections and never answers. */
static int
silent_engine(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0 && str_copy(addr.sun_path, sizeof(addr.sun_path), path));
	(void) unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *) &addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* systemd's watchdog sends SIGABRT to one that hangs: the first one ends it, whatever it does. */
static void
test_abort_ends_it(void **state)
{
	char dir[] = "/tmp/forager-agent-XXXXXX";
	_cleanup_(freep) char *sock = NULL, *url = NULL, *conf = NULL, *db = NULL;
	struct agent_options options = {0};
	int status, fd, client;
	pid_t pid;

	(void) state;
	assert_non_null(mkdtemp(dir));
	sock = xasprintf("%s/d.sock", dir);
	url = xasprintf("unix://%s", sock);
	conf = xasprintf("%s/forager.conf", dir);
	db = xasprintf("rm -rf %s", dir);
	fd = open(conf, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void) close(fd);
	fd = silent_engine(sock);
	options = (struct agent_options){.config_path = conf, .docker_host = url, .state_dir = dir};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(agent_run(&options));
	client = accept(fd, NULL, NULL); /* it is in its loop, and waits for the answer */
	assert_true(client >= 0);
	assert_int_equal(kill(pid, SIGABRT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	(void) close(client);
	(void) close(fd);
	assert_int_equal(system(db), 0);
}

int
main(void)
{
#define NEW(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    NEW(test_only_what_is_done_is_gained),
	    NEW(test_a_persons_change_is_left_alone),
	    NEW(test_an_outcome_ends_with_the_next_change),
	    NEW(test_the_mover_knows_of_a_pause),
	    NEW(test_events_while_it_closes),
	    NEW(test_polls_after_events_leave_room),
	    cmocka_unit_test(test_abort_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
