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
#include "agent/notify.h"
#include "base/log.h"
#include "docker/api.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* Between decisions the Swarm is polled at least so often; events bring it forward. */
#define POLL_MOST_MS 30000
/* Events come in bursts: one poll after the first of them serves all. */
#define EVENT_WAIT_MS 500
/* After a failed poll: soon enough to notice an engine's return, rare enough not to press it. */
#define RETRY_MS 5000
/* --once: how often it looks whether every node has been read, and how long at most. */
#define ONCE_LOOK_MS 200
#define ONCE_WAIT_MS 60000

static void arm_poll(struct agent *a, int64_t delay_ms); /* its timer's poll arms it again */
static void on_decide_timer(uv_timer_t *timer);          /* so does a cycle */

/* ---- polls between decisions ---- */

static void
polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct agent *a = data;

	a->polling = false;
	if (a->stopping)
		return;
	if (state != NULL)
		agent_saw(a, state);
	else
		log_debug("A poll failed: %s", err->text);
	arm_poll(a, MIN(a->config->decide_every_ms, POLL_MOST_MS));
}

static void
on_poll_timer(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (a->polling)
		return;
	a->polling = true;
	cluster_poll(a->cluster, polled, a);
}

static void
arm_poll(struct agent *a, int64_t delay_ms)
{
	if (!a->stopping)
		(void) uv_timer_start(&a->poll_timer, on_poll_timer, (uint64_t) delay_ms, 0);
}

static void
on_event(void *data, const char *type, const char *action, const char *id)
{
	struct agent *a = data;

	(void) action;
	(void) id;
	if (mover_busy(a->mover))
		mover_hint(a->mover);
	/* type NULL: the stream stands anew, events were missed. */
	if (type != NULL && !streq(type, "service") && !streq(type, "node"))
		return;
	if (!a->polling && uv_timer_get_due_in(&a->poll_timer) > EVENT_WAIT_MS)
		arm_poll(a, EVENT_WAIT_MS);
}

/* ---- the deciding clock ---- */

static void
cycle_polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct agent *a = data;

	if (a->stopping) {
		a->cycling = false;
		return;
	}
	if (state == NULL) {
		if (a->polled_well)
			log_warning("The Swarm cannot be read, skipping this cycle: error='%s'",
			            err->text);
		if (a->polled_well)
			batch_event(a, "skip", "the Swarm cannot be read: %s", err->text);
		a->polled_well = false;
		notify_status("the Swarm cannot be read: %s", err->text);
		a->cycling = false;
		(void) uv_timer_start(&a->decide_timer, on_decide_timer, RETRY_MS, 0);
		return;
	}
	if (!a->polled_well)
		log_notice("The Swarm can be read again.");
	a->polled_well = true;
	agent_saw(a, state);
	agent_decide(a, state);
}

static void
on_decide_timer(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (a->cycling || a->stopping)
		return;
	a->cycling = true;
	cluster_poll(a->cluster, cycle_polled, a);
}

/* One-shot and armed when the cycle has ended: a slow API or disk cannot pile up work. */
static void
arm_decide(struct agent *a)
{
	int64_t passed = mono_ms() - a->last_mono_ms;
	int64_t wait =
	    a->last_mono_ms == 0 ? a->config->decide_every_ms : a->config->decide_every_ms - passed;

	if (!a->stopping)
		(void) uv_timer_start(&a->decide_timer, on_decide_timer, (uint64_t) MAX(wait, 0),
		                      0);
}

void
agent_cycle_ended(struct agent *a)
{
	a->cycling = false;
	if (a->options->once)
		agent_stop(a, a->store_well ? AGENT_DONE : AGENT_FAILED);
	else
		arm_decide(a);
}

/* --once: decides when each node was read twice, because a rate needs two readings. */
static void
on_once_timer(uv_timer_t *timer)
{
	struct agent *a = timer->data;
	size_t n_sources, n_well;

	sampler_count(a->sampler, &n_sources, &n_well);
	if (n_sources > 0 && sampler_rounds(a->sampler) < 2 &&
	    mono_ms() - a->last_mono_ms < 2 * a->config->sample_every_ms + ONCE_WAIT_MS)
		return;
	(void) uv_timer_stop(timer);
	a->last_mono_ms = 0;
	on_decide_timer(timer);
}

/* ---- the other clocks and signals ---- */

static void
on_request_timer(uv_timer_t *timer)
{
	agent_poll_requests(timer->data);
}

static void
on_watchdog_timer(uv_timer_t *timer)
{
	(void) timer;
	notify_watchdog();
}

static enum log_level
log_level_of(const struct config *config)
{
	return (enum log_level)((int) LOG_LEVEL_ERROR + config->log_level);
}

static int
read_config(const struct agent_options *o, struct config **ret, struct error *err)
{
	_cleanup_(config_freep) struct config *c = NULL;
	int r = config_load(o->config_path, &c, err);

	if (r == 0 && o->docker_host != NULL)
		r = config_set(c, "docker", "host", o->docker_host, "--docker-host", err);
	if (r == 0 && o->state_dir != NULL)
		r = config_set(c, "agent", "state-dir", o->state_dir, "--state-dir", err);
	if (r == 0)
		r = config_check(c, err);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

/* What a running foragerd cannot change under an open move or an open database. */
static bool
same_ground(const struct config *a, const struct config *b)
{
	return streq(a->docker_host, b->docker_host) && streq(a->tls_ca, b->tls_ca) &&
	       streq(a->tls_cert, b->tls_cert) && streq(a->tls_key, b->tls_key) &&
	       a->timeout_ms == b->timeout_ms && streq(a->state_dir, b->state_dir);
}

/* Under the same step, horizon and objective what was learnt goes on; else the prior stands. */
static void
swap_policy(struct agent *a, struct policy *fresh)
{
	_cleanup_(freep) char *learnt = policy_save(a->policy);

	(void) policy_load(fresh, "memory", learnt, NULL);
	policy_free(a->policy);
	a->policy = fresh;
}

static void
swap_config(struct agent *a, struct config *fresh)
{
	struct config *old = a->config;
	struct mover_options options;

	a->config = fresh;
	log_set_level(log_level_of(fresh));
	cluster_reload(a->cluster, fresh);
	sampler_set_config(a->sampler, fresh);
	look_set_config(a->look, fresh);
	options = agent_mover_options(a);
	mover_set_options(a->mover, &options);
	config_free(old);
}

static int
reload(struct agent *a, struct error *err)
{
	struct config *fresh = NULL;
	struct policy *policy = NULL;
	int r = read_config(a->options, &fresh, err);

	if (r == 0 && !same_ground(a->config, fresh))
		r = error_set(err, EINVAL,
		              "[docker] and [agent] state-dir only change with a restart");
	if (r == 0)
		r = agent_policy_new(fresh, &policy, err);
	if (r < 0) {
		config_free(fresh);
		return r;
	}
	swap_policy(a, policy);
	swap_config(a, fresh);
	return 0;
}

static void
on_hangup(uv_signal_t *signal, int signum)
{
	struct agent *a = signal->data;
	struct error err = {0};

	(void) signum;
	if (a->stopping || !a->started)
		return;
	notify_reloading();
	if (reload(a, &err) < 0) {
		log_error("The configuration was not reloaded, the old one stays: error='%s'",
		          err.text);
		batch_event(a, "reload", "refused: %s", err.text);
	} else {
		log_notice("The configuration was reloaded: mode=%s algorithm=%s",
		           act_mode_names[config_mode(a->config)],
		           config_algorithm_names[a->config->algorithm]);
		batch_event(a, "reload", "mode %s", act_mode_names[config_mode(a->config)]);
		if (!a->cycling)
			arm_decide(a);
		arm_poll(a, 0);
	}
	notify_ready("reloaded");
}

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

/* ---- closing, in order: mover, last commit, writer, endpoints, http, handles ---- */

static void
on_handle_closed(uv_handle_t *handle)
{
	struct agent *a = handle->data;

	a->n_handles--;
}

static void
close_handles(void *data)
{
	struct agent *a = data;
	uv_handle_t *handles[] = {
	    (uv_handle_t *) &a->poll_timer,    (uv_handle_t *) &a->decide_timer,
	    (uv_handle_t *) &a->request_timer, (uv_handle_t *) &a->watchdog_timer,
	    (uv_handle_t *) &a->term,          (uv_handle_t *) &a->interrupt,
	    (uv_handle_t *) &a->hangup,
	};

	a->http = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
		uv_close(handles[i], on_handle_closed);
}

static void
close_http(void *data)
{
	struct agent *a = data;

	a->sampler = NULL;
	http_close(a->http, close_handles, a);
}

/* The sampler waits for its calls' answers; freeing the endpoints cancels them. */
static void
close_sampler(void *data)
{
	struct agent *a = data;
	struct sampler *sampler = a->sampler;

	a->writer = NULL;
	look_free(take_ptr(a->look));
	cluster_free(take_ptr(a->cluster));
	if (sampler == NULL)
		close_http(a);
	else
		sampler_close(sampler, close_http, a);
}

static void
close_writer(void *data)
{
	struct agent *a = data;

	a->mover = NULL;
	if (a->writer == NULL) {
		close_sampler(a);
		return;
	}
	agent_wishes_done(a);
	if (a->started && cluster_newest(a->cluster) != NULL && a->last != NULL &&
	    !a->options->once) {
		batch_event(a, "stop", "foragerd stopped");
		batch_stop(a);
		batch_submit(a, false);
	}
	writer_close(a->writer, close_sampler, a);
}

static void
mover_stopped(void *data, const struct error *err)
{
	struct agent *a = data;

	if (err != NULL)
		log_warning("An open move is left to the next start: error='%s'", err->text);
	mover_close(a->mover, close_writer, a);
}

void
agent_stop(struct agent *a, int exit_code)
{
	if (a->stopping)
		return;
	a->stopping = true;
	a->exit_code = exit_code;
	notify_stopping("finishing an open move, writing the last readings");
	(void) uv_timer_stop(&a->poll_timer);
	(void) uv_timer_stop(&a->decide_timer);
	(void) uv_timer_stop(&a->request_timer);
	if (a->sampler != NULL)
		sampler_stop(a->sampler);
	if (a->mover == NULL)
		close_writer(a);
	else
		mover_stop(a->mover, mover_stopped, a);
}

/* ---- opening ---- */

static void
start_clocks(struct agent *a)
{
	int64_t watchdog = notify_watchdog_ms();

	if (watchdog > 0)
		(void) uv_timer_start(&a->watchdog_timer, on_watchdog_timer, 0,
		                      (uint64_t) watchdog);
	sampler_start(a->sampler);
	if (a->options->once) {
		a->last_mono_ms = mono_ms();
		(void) uv_timer_start(&a->decide_timer, on_once_timer, ONCE_LOOK_MS, ONCE_LOOK_MS);
		return;
	}
	cluster_watch(a->cluster, on_event, a);
	arm_decide(a);
	arm_poll(a, POLL_MOST_MS);
	(void) uv_timer_start(&a->request_timer, on_request_timer, 0,
	                      (uint64_t) a->config->request_poll_ms);
}

static void
recovered_one(void *data, const struct move_outcome *outcome)
{
	(void) data;
	log_notice("A change of an earlier run was taken up: move=%" PRIu64 " state=%s%s",
	           outcome->intent->id, move_state_names[outcome->intent->state],
	           outcome->open ? " (still open)" : "");
}

static void
recovered(void *data, const struct error *err)
{
	struct agent *a = data;

	if (err != NULL)
		log_warning("Changes of an earlier run could not all be finished: error='%s'",
		            err->text);
	if (!a->stopping)
		agent_next_wish(a);
}

/* The first poll: whatever is wrong with Docker shows here, before anything was done. */
static void
first_polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct agent *a = data;
	struct error why = {0};

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
	start_clocks(a);
	if (!a->options->once && mover_recover(a->mover, recovered_one, recovered, a, &why) < 0)
		log_warning("Changes of an earlier run are not looked for: error='%s'", why.text);
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
	if (access(path, W_OK | X_OK) < 0)
		return error_set(
		    err, errno,
		    "cannot write to the state directory '%s' (%s): run foragerd as its "
		    "owner or set [agent] state-dir",
		    path, strerror(errno));
	return 0;
}

static int
open_state(struct agent *a, struct error *err)
{
	_cleanup_(freep) char *db = config_db_path(a->config);
	int r = check_state_dir(a->config->state_dir, err);

	if (r < 0)
		return r;
	a->lock_fd = actor_lock(a->config->state_dir, err);
	if (a->lock_fd < 0)
		return a->lock_fd;
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
	    {&a->hangup, on_hangup, SIGHUP},
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
	struct features_options features =
	    features_options_for(a->config->decide_every_ms, a->config->sample_every_ms);

	a->facts = facts_new();
	a->roster = roster_new(&features);
	return agent_policy_new(a->config, &a->policy, err);
}

static void
done(struct agent *a)
{
	step_unref(a->last);
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
	(void) signal(SIGPIPE, SIG_IGN);
	api_global_init();
	if (read_config(options, &a->config, &err) < 0 || open_memory(a, &err) < 0) {
		log_error("foragerd cannot start, the configuration is wrong: %s", err.text);
		a->exit_code = AGENT_USAGE;
	} else {
		log_set_level(log_level_of(a->config));
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
