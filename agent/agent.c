/* foragerd from open to close; see agent.h. */
#include "agent/agent_priv.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/actor.h"
#include "agent/mover_journal.h"
#include "agent/nocore.h"
#include "agent/notify.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/memory.h"
#include "docker/api.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static void
on_terminate(uv_signal_t *signal, int signum)
{
	struct agent *a = signal->data;

	if (a->stopping) {
		log_notice("Still stopping: an open move is finished or taken back first.");
		return;
	}
	log_notice("Stopping: signal=%d", signum);
	agent_stop(a, AGENT_DONE);
}

/* The first poll: whatever is wrong with Docker shows here, before anything was done. */
static void
first_polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct agent *a = data;

	if (a->stopping)
		return;
	if (state == NULL) {
		log_error("foragerd cannot start: %s", err->text);
		agent_stop(a, AGENT_FAILED);
		return;
	}
	a->polled_well = true;
	agent_saw(a, state);
	a->started = true;
	log_notice("foragerd " PACKAGE_VERSION
	           " watches the Swarm: nodes=%zu services=%zu mode=%s algorithm=%s leader=%s "
	           "engine=%s docker='%s' state-dir='%s'",
	           state->n_nodes, state->n_services, act_mode_names[config_mode(a->config)],
	           config_algorithm_names[a->config->algorithm], state->leader ? "yes" : "no",
	           state->info.engine_version, a->config->docker_host, a->config->state_dir);
	batch_event(a, "start", "foragerd " PACKAGE_VERSION ", mode %s, algorithm %s",
	            act_mode_names[config_mode(a->config)],
	            config_algorithm_names[a->config->algorithm]);
	agent_start_clocks(a);
	agent_recover(a);
	notify_ready("watching");
}

static int
check_state_dir(const char *path, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set(err, errno,
		                 errno == ENOENT
		                     ? "no state directory '%s': create it (mkdir -p) or set "
		                       "[agent] state-dir"
		                     : "cannot use the state directory '%s'",
		                 path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "[agent] state-dir = '%s' is not a directory", path);
	if (access(path, W_OK | X_OK) < 0) {
		int e = errno;

		return error_set(err, e,
		                 "cannot write to the state directory '%s' (%s): %s or set [agent] "
		                 "state-dir",
		                 path, strerror(e),
		                 e == EROFS ? "mount it writable" : "run foragerd as its owner");
	}
	return 0;
}

static int
open_state(struct agent *a, struct error *err)
{
	_cleanup_(freep) char *db = config_db_path(a->config);
	int r = check_state_dir(a->config->state_dir, err);

	if (r == 0)
		r = descriptors_check(err);
	if (r < 0)
		return r;
	a->lock_fd = actor_lock(a->config->state_dir, err);
	if (a->lock_fd < 0)
		return a->lock_fd;
	(void) gethostname(a->host, sizeof(a->host) - 1);
	r = lease_key(a->lock_fd, a->lease_key, err);
	if (r == 0)
		r = store_open(db, &a->store, err);
	return r < 0 ? r : agent_restore(a, err);
}

static void
open_handles(struct agent *a)
{
	uv_timer_t *timers[] = {&a->poll_timer, &a->decide_timer, &a->request_timer,
	                        &a->watchdog_timer};
	struct {
		uv_signal_t *handle;
		uv_signal_cb cb;
		int signum;
	} signals[] = {
	    {&a->term, on_terminate, SIGTERM},
	    {&a->interrupt, on_terminate, SIGINT},
	    {&a->hangup, agent_on_hangup, SIGHUP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		(void) uv_timer_init(&a->loop, timers[i]);
		timers[i]->data = a;
		a->n_handles++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		(void) uv_signal_init(&a->loop, signals[i].handle);
		signals[i].handle->data = a;
		(void) uv_signal_start(signals[i].handle, signals[i].cb, signals[i].signum);
		a->n_handles++;
	}
}

static int
open_parts(struct agent *a, struct error *err)
{
	struct mover_journal journal;
	struct mover_options options = agent_mover_options(a);
	struct mover_eyes eyes;
	int r = cluster_new(a->http, a->config, &a->cluster, err);

	if (r < 0)
		return r;
	a->sampler = sampler_new(&a->loop, a->cluster, a->roster, a->facts, a->config);
	r = writer_new(&a->loop, a->store, &a->writer, err);
	if (r < 0)
		return r;
	a->store = NULL;
	a->look = look_new(a->cluster, a->config, a->facts);
	look_on_poll(a->look, agent_saw, a);
	journal = mover_journal_writer(a->writer);
	eyes = look_eyes(a->look);
	return mover_new(&a->loop, cluster_manager(a->cluster), &journal, &eyes, &options,
	                 &a->mover, err);
}

static void
run_loop(struct agent *a)
{
	struct error err = {0};

	if (uv_loop_init(&a->loop) != 0)
		abort(); /* only fails without memory or descriptors */
	a->http = http_open(&a->loop);
	open_handles(a);
	if (open_parts(a, &err) < 0) {
		log_error("foragerd cannot start: %s", err.text);
		agent_stop(a, err.code == -EINVAL ? AGENT_USAGE : AGENT_FAILED);
	} else {
		cluster_poll(a->cluster, first_polled, a);
	}
	(void) uv_run(&a->loop, UV_RUN_DEFAULT);
	assert(a->n_handles == 0);
	if (uv_loop_close(&a->loop) != 0)
		abort(); /* a handle was left open: our bug, and a leak that grows with reloads */
}

static int
open_memory(struct agent *a, struct error *err)
{
	struct features_options features = agent_features(a->config);

	a->facts = facts_new();
	a->roster = roster_new(&features);
	return agent_policy_new(a->config, &a->policy, err);
}

static void
done(struct agent *a)
{
	step_unref(a->last);
	free(a->recover_said);
	agent_epochs_done(a);
	batch_free(a->batch);
	policy_free(a->policy);
	roster_free(a->roster);
	facts_free(a->facts);
	store_close(a->store);
	config_free(a->config);
	if (a->lock_fd >= 0)
		(void) close(a->lock_fd);
}

int
agent_run(const struct agent_options *options)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	struct error err = {0};
	int exit_code;

	a->options = options;
	a->lock_fd = -1;
	nocore_set();
	memory_tune();
	(void) signal(SIGPIPE, SIG_IGN);
	api_global_init();
	if (agent_read_config(options, &a->config, &err) < 0 || open_memory(a, &err) < 0) {
		log_error("foragerd cannot start, the configuration is wrong: %s", err.text);
		a->exit_code = AGENT_USAGE;
	} else {
		log_set_level(agent_log_level(a->config));
		if (open_state(a, &err) < 0) {
			log_error("foragerd cannot start: %s", err.text);
			a->exit_code = AGENT_FAILED;
		} else {
			run_loop(a);
		}
	}
	exit_code = a->exit_code;
	done(a);
	free(a);
	return exit_code;
}
