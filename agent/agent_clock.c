/* The clocks: polls between decisions, deciding, requests, the watchdog. */
#include "agent/agent_priv.h"

#include "agent/notify.h"
#include "base/log.h"
#include "base/memory.h"

/* Between decisions the Swarm is polled at least so often; events bring it forward. */
#define POLL_MOST_MS 30000
/*
 * Events come in bursts: one poll after the first of them serves all. In a large Swarm, where
 * something always happens and a poll is megabytes, polls must not become all that we do.
 */
#define EVENT_WAIT_MS    500
#define EVENT_WAIT_SHARE 10 /* times as long as the newest poll took */
/* After a failed poll: soon enough to notice an engine's return, rare enough not to press it. */
#define RETRY_MS 5000
/* --once: how often it looks whether every node has been read, and how long at most. */
#define ONCE_LOOK_MS 200
#define ONCE_WAIT_MS 60000

static void on_decide_timer(uv_timer_t *timer); /* a cycle's end arms it again */

static void
polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct agent *a = data;

	a->polling = false;
	if (a->stopping)
		return;
	batch_samples(a);
	if (state != NULL)
		agent_saw(a, state);
	else
		log_debug("A poll failed: %s", err->text);
	memory_trim(); /* the documents of a poll are megabytes in a large Swarm */
	/* A manager without a leader may lead itself the next time that it answers. */
	agent_arm_poll(a, state == NULL ? RETRY_MS : MIN(a->config->decide_every_ms, POLL_MOST_MS));
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

void
agent_arm_poll(struct agent *a, int64_t delay_ms)
{
	if (!a->stopping)
		(void) uv_timer_start(&a->poll_timer, on_poll_timer, (uint64_t) delay_ms, 0);
}

int64_t
agent_event_wait_ms(const struct cluster_state *state)
{
	int64_t wait = state == NULL ? 0 : EVENT_WAIT_SHARE * state->took_ms;

	return CLAMP(wait, EVENT_WAIT_MS, POLL_MOST_MS);
}

void
agent_on_event(void *data, const char *type, const char *action, const char *id)
{
	struct agent *a = data;
	int64_t wait;

	(void) action;
	(void) id;
	if (mover_busy(a->mover))
		mover_hint(a->mover);
	/* type NULL: the stream stands anew, events were missed. */
	if (type != NULL && !streq(type, "service") && !streq(type, "node"))
		return;
	wait = agent_event_wait_ms(cluster_newest(a->cluster));
	if (!a->polling && uv_timer_get_due_in(&a->poll_timer) > (uint64_t) wait)
		agent_arm_poll(a, wait);
}

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
void
agent_arm_decide(struct agent *a)
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
	/* The snapshot and the candidates are gone by now. */
	memory_trim();
	if (a->options->once)
		agent_stop(a, a->store_well ? AGENT_DONE : AGENT_FAILED);
	else
		agent_arm_decide(a);
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

void
agent_start_clocks(struct agent *a)
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
	cluster_watch(a->cluster, agent_on_event, a);
	agent_arm_decide(a);
	agent_arm_poll(a, POLL_MOST_MS);
	(void) uv_timer_start(&a->request_timer, on_request_timer, 0,
	                      (uint64_t) a->config->request_poll_ms);
}
