/* The CLI's hand on the Swarm: the lock, foragerd's answer, or a loop of its own; see actor.h. */
#include "agent/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "agent/cluster.h"
#include "agent/config.h"
#include "agent/lease.h"
#include "agent/look.h"
#include "agent/mover_journal.h"
#include "agent/nocore.h"
#include "base/descriptors.h"
#include "storage/journal.h"
#include "storage/request.h"

/* foragerd looks every [agent] request-poll; one that has not by then is busy with its disk. */
#define TAKE_MS 30000
#define POLL_MS 100

typedef void say_fn(void *data, const char *text);

int
actor_lock(const char *state_dir, struct error *err)
{
	_cleanup_(freep) char *path = xasprintf("%s/actor.lock", state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	int code;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, ENOENT,
		                 "there is no state directory '%s': create it or set [agent] "
		                 "state-dir",
		                 state_dir);
	if (fd < 0 && errno == EACCES)
		return error_set(err, EACCES,
		                 "no permission to write '%s': run as root or as foragerd's user",
		                 path);
	if (fd < 0) {
		code = errno;
		return error_set(err, code, "open '%s': %s%s", path, strerror(code),
		                 code == EROFS ? ": mount it writable or set [agent] state-dir"
		                               : "");
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	code = errno;
	(void) close(fd);
	if (code == EWOULDBLOCK)
		return error_set(err, EWOULDBLOCK,
		                 "'%s' is held: another forager is at work here, wait for "
		                 "its end or stop it (systemctl stop forager)",
		                 path);
	return error_set(err, code, "lock '%s': %s", path, strerror(code));
}

static void
wait_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void) nanosleep(&t, NULL);
}

static char *
user_name(void)
{
	const struct passwd *p = getpwuid(getuid());

	return p != NULL ? xstrdup(p->pw_name) : xasprintf("uid %u", (unsigned) getuid());
}

static void
set_result(struct actor_result *ret, int exit_code, char *text)
{
	*ret = (struct actor_result){.exit_code = exit_code, .text = text};
}

/* ---- through foragerd ---- */

static void
read_result(struct request *row, struct actor_result *ret)
{
	if (actor_result_from_json(row->result, ret, NULL) == 0)
		return;
	set_result(ret, CLAMP(row->exit_code, 0, 3),
	           take_ptr(row->result)); /* a sentence, not our JSON */
	if (ret->exit_code == 0 && row->state != REQUEST_DONE)
		ret->exit_code = row->state == REQUEST_REFUSED ? 3 : 1;
}

/* Whether foragerd has ended: then nobody holds the lock. */
static bool
nobody_there(const struct config *config)
{
	int fd = actor_lock(config->state_dir, NULL);

	if (fd < 0)
		return false;
	(void) close(fd);
	return true;
}

static int
wait_for(const struct config *config, struct store *store, uint64_t id, say_fn *say, void *data,
         struct actor_result *ret, struct error *err)
{
	int64_t start = mono_ms();
	bool told = false;

	for (unsigned round = 0;; round++) {
		_cleanup_(request_done) struct request row = {0};
		int r = request_get(store, id, &row, err);

		if (r < 0)
			return r;
		if (request_ended(row.state)) {
			read_result(&row, ret);
			return 0;
		}
		if (row.state == REQUEST_NEW && mono_ms() - start > TAKE_MS &&
		    request_cancel(store, id, wall_ms(), NULL) == 0)
			return error_set(err, ETIMEDOUT,
			                 "foragerd did not take the request within %d s: see its "
			                 "log (journalctl -u forager)",
			                 TAKE_MS / 1000);
		if (row.state == REQUEST_TAKEN && !told && say != NULL) {
			say(data, "foragerd is at it");
			told = true;
		}
		if (round % 10 == 9 && nobody_there(config)) {
			(void) request_cancel(store, id, wall_ms(), NULL);
			return error_set(
			    err, ECONNRESET,
			    "foragerd ended before it was done: run the command again, "
			    "an open change is finished or taken back first");
		}
		wait_ms(POLL_MS);
	}
}

static int
ask_daemon(const struct config *config, const struct actor_request *request, say_fn *say,
           void *data, struct actor_result *ret, struct error *err)
{
	_cleanup_(freep) char *path = config_db_path(config), *args = NULL, *who = user_name();
	_cleanup_(store_closep) struct store *store = NULL;
	uint64_t id = 0;
	int r = store_open(path, &store, err);

	if (r < 0)
		return r;
	args = actor_request_to_json(request);
	r = request_add(store, actor_verb_names[request->verb], args,
	                request->who != NULL ? request->who : who, wall_ms(), &id, err);
	return r < 0 ? r : wait_for(config, store, id, say, data, ret, err);
}

/* ---- by ourselves ---- */

struct direct {
	uv_loop_t loop;
	uv_signal_t signals[2];
	const struct config *config;
	const struct actor_request *request;
	struct actor_request copy;
	struct http *http;
	struct cluster *cluster;
	struct look *look;
	struct mover *mover;
	struct mover_journal journal;
	char lease_key[LEASE_KEY_SIZE], host[LEASE_HOST_SIZE];
	struct error err; /* why nothing could be tried */
	struct actor_result result;
	bool has_result;
	say_fn *say;
	void *say_data;
};

static void
say(const struct direct *d, const char *text)
{
	if (d->say != NULL)
		d->say(d->say_data, text);
}

static void
on_state(void *data, const struct intent *in)
{
	static const char *const texts[MOVE_STATE_N] = {
	    [MOVE_PLANNED] = "checked, and written down",
	    [MOVE_STEERED] = "steering, and waiting for the new task",
	    [MOVE_VERIFIED] = "it runs there; waiting for Swarm's update to end",
	    [MOVE_SETTLED] = "the owner's placement stands again",
	    [MOVE_REVERTING] = "taking it back",
	    [MOVE_BLOCKED] = "waiting for one task a slot",
	};
	const struct direct *d = data;
	_cleanup_(freep) char *text = NULL;

	if (texts[in->state] == NULL)
		return;
	text = xasprintf("%s '%s': %s", move_kind_names[in->kind],
	                 in->service_name != NULL ? in->service_name : in->service_id,
	                 texts[in->state]);
	say(d, text);
}

static void
on_mover_closed(void *data)
{
	struct direct *d = data;

	look_free(d->look);
	cluster_free(d->cluster);
	http_close(d->http, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
		uv_close((uv_handle_t *) &d->signals[i], NULL);
}

static void
shut(struct direct *d)
{
	mover_close(d->mover, on_mover_closed, d);
}

static void
copy_result(const struct actor_result *from, struct actor_result *ret)
{
	_cleanup_(freep) char *json = actor_result_to_json(from);

	if (actor_result_from_json(json, ret, NULL) < 0)
		set_result(ret, from->exit_code, xstrdup(from->text));
}

static void
on_performed(void *data, const struct actor_result *result)
{
	struct direct *d = data;

	copy_result(result, &d->result);
	d->has_result = true;
	shut(d);
}

static void
on_recovered_one(void *data, const struct move_outcome *out)
{
	const struct direct *d = data;
	_cleanup_(freep) char *text =
	    xasprintf("an earlier change of '%s' was left open; now: %s", out->intent->service_name,
	              move_state_names[out->intent->state]);

	say(d, text);
}

static void
on_recovered(void *data, const struct error *err)
{
	struct direct *d = data;

	/* What is still open blocks its own service only where the labels say so. */
	if (err != NULL)
		say(d, err->text);
	if (actor_perform(&d->loop, d->mover, &d->journal, &d->copy, on_performed, d, &d->err) < 0)
		shut(d);
}

/* Whatever is wrong with Docker shows here, before anything was tried. */
static void
on_first_poll(void *data, const struct cluster_state *state, const struct error *err)
{
	struct direct *d = data;

	if (state == NULL)
		d->err = *err;
	if (state == NULL ||
	    mover_recover(d->mover, on_recovered_one, on_recovered, d, &d->err) < 0)
		shut(d);
}

static void
on_stopped(void *data, const struct error *err)
{
	(void) data;
	(void) err;
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct direct *d = handle->data;

	(void) number;
	say(d, "asked to stop: an open change is finished or taken back first");
	mover_stop(d->mover, on_stopped, d);
}

static int
set_up(struct direct *d, struct store *store)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	const struct config *c = d->config;
	struct mover_options options = {.mode = config_mode(c),
	                                .lease_key = d->lease_key,
	                                .host = d->host,
	                                .lease_ms = c->lease_ms,
	                                .hold = c->settle == SETTLE_HOLD,
	                                .deadline_ms = c->deadline_ms,
	                                .seed = (uint64_t) wall_ms(),
	                                .on_state = on_state,
	                                .on_state_data = d};
	struct mover_eyes eyes;
	int paused = store_is_paused(store, NULL, &d->err), r;

	if (paused < 0)
		return paused;
	options.paused = paused == 1;
	d->http = http_open(&d->loop);
	r = cluster_new(d->http, c, &d->cluster, &d->err);
	if (r < 0) {
		http_close(d->http, NULL, NULL);
		return r;
	}
	d->look = look_new(d->cluster, c, NULL);
	eyes = look_eyes(d->look);
	d->journal = mover_journal_store(store);
	r = mover_new(&d->loop, cluster_manager(d->cluster), &d->journal, &eyes, &options,
	              &d->mover, &d->err);
	if (r < 0) {
		look_free(d->look);
		cluster_free(d->cluster);
		http_close(d->http, NULL, NULL);
		return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++) {
		(void) uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		(void) uv_signal_start_oneshot(&d->signals[i], on_signal, numbers[i]);
	}
	cluster_poll(d->cluster, on_first_poll, d);
	return 0;
}

static int
run_loop(struct direct *d, struct store *store, struct actor_result *ret, struct error *err)
{
	int r;

	if (uv_loop_init(&d->loop) != 0)
		return error_set(err, ENOMEM, "no event loop");
	r = set_up(d, store);
	(void) uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop) != 0)
		abort(); /* our bug: a handle was left open */
	if (d->has_result) {
		*ret = d->result;
		return 0;
	}
	if (err != NULL && err->code == 0)
		*err = d->err;
	return r < 0 ? r : d->err.code;
}

static int
pause_or_resume(struct store *store, const struct actor_request *request, struct actor_result *ret,
                struct error *err)
{
	_cleanup_(freep) char *who = user_name();
	bool pause = request->verb == ACTOR_VERB_PAUSE;
	int r;

	if (pause)
		r = store_pause(store, request->who != NULL ? request->who : who, NULL, wall_ms(),
		                err);
	else
		r = store_resume(store, err);
	if (r < 0)
		return r;
	set_result(ret, 0,
	           xstrdup(pause ? "paused: nothing is moved until forager resume"
	                         : "resumed: moves are possible again"));
	return 0;
}

static int
do_it(const struct config *config, int lock_fd, const struct actor_request *request, say_fn *fn,
      void *data, struct actor_result *ret, struct error *err)
{
	_cleanup_(freep) char *path = config_db_path(config);
	_cleanup_(store_closep) struct store *store = NULL;
	struct direct d = {
	    .config = config, .request = request, .copy = *request, .say = fn, .say_data = data};
	int r = descriptors_check(err);

	if (r == 0)
		r = store_open(path, &store, err);
	if (r < 0)
		return r;
	if (request->verb == ACTOR_VERB_PAUSE || request->verb == ACTOR_VERB_RESUME)
		return pause_or_resume(store, request, ret, err);
	/* A foragerd that is no more took them: nobody will answer. */
	(void) request_fail_taken(store, wall_ms(), NULL);
	(void) gethostname(d.host, sizeof(d.host) - 1);
	r = lease_key(lock_fd, d.lease_key, err);
	if (r < 0)
		return r;
	api_global_init();
	return run_loop(&d, store, ret, err);
}

int
actor_run(const struct config *config, const struct actor_request *request, say_fn *progress,
          void *data, struct actor_result *ret, struct error *err)
{
	struct error why = {0};
	int fd = actor_lock(config->state_dir, &why), r;

	if (fd == -EWOULDBLOCK)
		return ask_daemon(config, request, progress, data, ret, err);
	if (fd < 0)
		return error_set(err, -why.code, "%s", why.text);
	r = do_it(config, fd, request, progress, data, ret, err);
	(void) close(fd);
	return r;
}
