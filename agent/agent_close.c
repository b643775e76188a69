/*
 * Closing, in order: the mover finishes or takes back what is open, the last commit, the writer,
 * the endpoints, http, the handles; then the loop has nothing left and ends.
 */
#include "agent/agent_priv.h"

#include "agent/notify.h"
#include "base/log.h"

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
