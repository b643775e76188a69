/* The mover's end: guests are told, an open change is finished or left, the handles close. */
#include "agent/mover_internal.h"

#include <errno.h>

bool
mover_interrupts_at_once(enum mover_effect effect)
{
	/* Waits look at the tasks once more: what has landed meanwhile is finished. */
	return mover_effect_gives(effect, MOVER_EVENT_STOP) && effect != MOVER_EFFECT_WATCH_MOVE &&
	       effect != MOVER_EFFECT_WATCH_OTHER;
}

static void
stopped(struct mover *m)
{
	mover_cb *cb = m->stop_cb;

	m->stop_cb = NULL;
	if (cb != NULL)
		cb(m->stop_data, NULL);
}

static void
on_idle_stop(uv_timer_t *timer)
{
	stopped(timer->data);
}

void
mover_stopped_soon(struct mover *m)
{
	(void) uv_timer_start(&m->soon, on_idle_stop, 0, 0);
}

void
mover_guest_add(struct mover *m, struct mover_guest *guest)
{
	guest->mover = m;
	guest->next = m->guests;
	m->guests = guest;
}

void
mover_guest_remove(struct mover_guest *guest)
{
	struct mover_guest **at;

	if (guest->mover == NULL)
		return;
	for (at = &guest->mover->guests; *at != guest; at = &(*at)->next)
		continue;
	*at = guest->next;
	guest->mover = NULL;
}

static void
guests_stop(struct mover *m)
{
	while (m->guests != NULL) {
		struct mover_guest *guest = m->guests;

		mover_guest_remove(guest);
		guest->on_stop(guest->data);
	}
}

void
mover_stop(struct mover *m, mover_cb *cb, void *data)
{
	m->stopping = true;
	m->stop_cb = cb;
	m->stop_data = data;
	guests_stop(m);
	if (!mover_busy(m)) {
		mover_stopped_soon(m);
		return;
	}
	if (m->change == NULL || m->has_event)
		return;
	mover_hint(m);
	if (mover_interrupts_at_once(mover_state_infos[m->change->state].effect)) {
		(void) error_set(&m->change->err, ECANCELED, "stopped before it was done");
		mover_emit(m, MOVER_EVENT_STOP);
	}
}

static void
one_closed(struct mover *m)
{
	void (*cb)(void *data);
	void *data;

	if (--m->n_closing > 0)
		return;
	if (m->change != NULL) {
		m->change->open = true;
		(void) error_set(&m->change->err, ECANCELED, "closed before it was done");
		mover_over(m);
	}
	mover_recovery_free(m->recovery);
	cb = m->close_cb;
	data = m->close_data;
	free(m);
	if (cb != NULL)
		cb(data);
}

static void
on_handle_closed(uv_handle_t *handle)
{
	one_closed(handle->data);
}

static void
on_keeper_closed(void *data)
{
	one_closed(data);
}

void
mover_close(struct mover *m, void (*cb)(void *data), void *data)
{
	if (m->closing)
		return;
	m->closing = true;
	m->close_cb = cb;
	m->close_data = data;
	guests_stop(m);
	/* Answers that are still to come find nobody and free their tickets. */
	for (struct ticket *t = m->tickets; t != NULL; t = t->next)
		t->m = NULL;
	m->tickets = NULL;
	m->n_closing = 3;
	keeper_close(take_ptr(m->keeper), on_keeper_closed, m);
	uv_close((uv_handle_t *) &m->timer, on_handle_closed);
	uv_close((uv_handle_t *) &m->soon, on_handle_closed);
}
