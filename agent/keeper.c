/* One errand at a time: read the config, judge, write its labels; see keeper.h. */
#include "agent/keeper.h"

#include <errno.h>
#include <inttypes.h>

#define CLOSE_MS 2000
/* Races lost in a row before the one who waits is told. */
#define RACES 5
/* The object's data cannot be empty and says what it is to those who find it. */
static const char what_it_is[] = "The lease on acting of forager, in this object's labels.\n";

/* A request under way; k NULL: the keeper is gone. */
struct errand {
	struct keeper *k;
	int64_t sent_ms, ttl_ms;
};

struct keeper {
	uv_timer_t timer;
	struct api *api;
	char key[LEASE_KEY_SIZE], me[LEASE_HOLDER_SIZE], host[LEASE_HOST_SIZE];
	int64_t ttl_ms, next_ttl_ms;

	bool wanted; /* acquired or asked for, and not released since */
	bool owned;  /* our labels may stand there: to be given back */
	int64_t until_ms;
	struct lease_watch watch;
	unsigned int races;

	keeper_cb *cb; /* of the one who waits; NULL = nobody */
	void *data;
	bool fresh; /* nothing was read since it began to wait */

	struct errand *errand;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

static void step(struct keeper *k);
static void on_timer(uv_timer_t *timer);

static void
arm(struct keeper *k, int64_t ms)
{
	(void) uv_timer_start(&k->timer, on_timer, (uint64_t) MAX(ms, 0), 0);
}

/* ---- who waits ---- */

static void
tell(struct keeper *k, const struct error *err)
{
	keeper_cb *cb = take_ptr(k->cb);

	if (cb != NULL)
		cb(k->data, err);
}

static void
tell_canceled(struct keeper *k, const char *text)
{
	struct error why = {0};

	(void) error_set(&why, ECANCELED, "%s", text);
	tell(k, &why);
}

bool
keeper_held(const struct keeper *k)
{
	return mono_ms() < k->until_ms - lease_guard_ms(k->ttl_ms);
}

/* ---- the errand ---- */

static struct errand *
errand_new(struct keeper *k)
{
	struct errand *e = xcalloc(1, sizeof(*e));

	*e = (struct errand){.k = k, .sent_ms = mono_ms(), .ttl_ms = k->ttl_ms};
	k->errand = e;
	return e;
}

static struct keeper *
errand_take(struct errand *e)
{
	struct keeper *k = e->k;

	if (k != NULL)
		k->errand = NULL;
	free(e);
	return k;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct keeper *k = handle->data;
	void (*closed)(void *data) = k->closed;
	void *data = k->closed_data;

	free(k);
	if (closed != NULL)
		closed(data);
}

static void
shut(struct keeper *k)
{
	if (k->errand != NULL)
		k->errand->k = NULL;
	k->errand = NULL;
	uv_close((uv_handle_t *) &k->timer, on_timer_closed);
}

/* An errand has ended: what is next? */
static void
go_on(struct keeper *k, int64_t again_ms)
{
	if (k->closing && !k->owned)
		shut(k);
	else if (!k->wanted && k->owned)
		step(k);
	else if (k->wanted)
		arm(k, again_ms);
}

static void
failed(struct keeper *k, const struct error *err)
{
	struct error why = *err;

	(void) error_wrap(&why, "the lease (config " LEASE_CONFIG ")");
	/* What could not be given back ends by itself. */
	if (!k->wanted)
		k->owned = false;
	tell(k, &why);
	go_on(k, lease_renew_ms(k->ttl_ms) / 2);
}

static void
lost_race(struct keeper *k, const struct error *err)
{
	if (++k->races < RACES)
		step(k);
	else
		failed(k, err);
}

static bool
is_race(const struct error *err)
{
	return err->code == -EAGAIN || err->code == -EEXIST || err->code == -ENOENT;
}

static void
on_taken(void *data, const struct api_done *done, const struct error *err)
{
	struct errand *e = data;
	int64_t until_ms = e->sent_ms + e->ttl_ms;
	struct keeper *k = errand_take(e);

	if (k == NULL)
		return;
	if (done == NULL && is_race(err)) {
		lost_race(k, err);
		return;
	}
	if (done == NULL) {
		failed(k, err);
		return;
	}
	k->races = 0;
	/* Counted from before it was sent: whoever watches counts from later. */
	if (k->wanted)
		k->until_ms = until_ms;
	/* A late answer (we were stopped) is no lease: the next errand renews it, or finds another.
	 */
	if (k->cb != NULL && k->wanted && !keeper_held(k)) {
		step(k);
		return;
	}
	if (k->wanted)
		tell(k, NULL);
	go_on(k, lease_renew_ms(k->ttl_ms));
}

static void
on_released(void *data, const struct api_done *done, const struct error *err)
{
	struct keeper *k = errand_take(data);

	(void) done;
	(void) err;
	if (k == NULL)
		return;
	k->owned = false;
	go_on(k, 0);
}

static void
write_mine(struct keeper *k, const struct docker_config *config, const struct lease *now)
{
	struct lease mine = lease_mine(now, k->me, k->host, k->ttl_ms);
	struct lease_labels labels;

	lease_write(&mine, &labels);
	k->owned = true;
	if (config == NULL)
		api_config_create(k->api, LEASE_CONFIG, &labels.labels, what_it_is,
		                  sizeof(what_it_is) - 1, on_taken, errand_new(k));
	else
		api_config_label(k->api, config, &labels.labels, on_taken, errand_new(k));
}

static void
another_holds(struct keeper *k, const struct lease *now, bool renewed, int64_t wait_ms)
{
	struct error why = {0};

	k->until_ms = 0;
	k->owned = false;
	if (k->cb == NULL) { /* lost, while nobody waits for it */
		k->wanted = false;
		go_on(k, 0);
		return;
	}
	if (renewed) {
		k->wanted = false;
		(void) error_set(&why, EBUSY,
		                 "another forager is acting: it runs on '%s' and holds the lease "
		                 "(term %" PRIu64 ")",
		                 now->host, now->term);
		tell(k, &why);
	}
	go_on(k, CLAMP(wait_ms, 1, lease_renew_ms(now->ttl_ms)));
}

static void
release_now(struct keeper *k, const struct docker_config *config, const struct lease *now)
{
	struct lease free_one;
	struct lease_labels labels;

	if (config == NULL || !streq(now->holder, k->me)) {
		k->owned = false;
		go_on(k, 0);
		return;
	}
	free_one = lease_free(now);
	lease_write(&free_one, &labels);
	api_config_label(k->api, config, &labels.labels, on_released, errand_new(k));
}

static void
on_read(void *data, struct docker_configs *configs, const struct error *err)
{
	struct keeper *k = errand_take(data);
	const struct docker_config *config;
	struct lease now;
	bool renewed;
	int64_t wait_ms;

	if (k == NULL)
		return;
	if (configs == NULL) {
		failed(k, err);
		return;
	}
	config = configs->n > 0 ? &configs->items[0] : NULL;
	if (config != NULL)
		lease_read(&config->labels, &now);
	if (!k->wanted) {
		release_now(k, config, &now);
		return;
	}
	switch (lease_judge(config == NULL ? NULL : &now, config == NULL ? 0 : config->version,
	                    k->me, mono_ms(), &k->watch, &renewed, &wait_ms)) {
	case LEASE_CREATE:
	case LEASE_TAKE:
	case LEASE_RENEW:
		write_mine(k, config, config == NULL ? NULL : &now);
		break;
	case LEASE_WAIT:
		another_holds(k, &now, renewed && !k->fresh, wait_ms);
		break;
	}
	k->fresh = false;
}

static void
step(struct keeper *k)
{
	api_configs(k->api, LEASE_CONFIG, on_read, errand_new(k));
}

static void
on_timer(uv_timer_t *timer)
{
	struct keeper *k = timer->data;

	if (k->closing) {
		shut(k);
		return;
	}
	if (k->cb != NULL && keeper_held(k)) {
		tell(k, NULL);
		go_on(k, lease_renew_ms(k->ttl_ms));
		return;
	}
	if (k->errand == NULL)
		step(k);
}

/* ---- what others call ---- */

void
keeper_acquire(struct keeper *k, const char *node_id, keeper_cb *cb, void *data)
{
	char me[LEASE_HOLDER_SIZE];

	tell_canceled(k, "the lease was asked for again");
	lease_holder(node_id, k->key, me);
	if (!streq(me, k->me)) /* the node left the Swarm and joined it anew */
		k->until_ms = 0;
	(void) str_copy(k->me, sizeof(k->me), me);
	if (k->until_ms == 0)
		k->ttl_ms = k->next_ttl_ms;
	k->cb = cb;
	k->data = data;
	k->wanted = true;
	k->races = 0;
	k->fresh = true;
	if (k->errand == NULL || keeper_held(k))
		arm(k, 0);
}

void
keeper_set_ttl(struct keeper *k, int64_t ttl_ms)
{
	k->next_ttl_ms = ttl_ms > 0 ? ttl_ms : LEASE_TTL_MS;
}

void
keeper_release(struct keeper *k)
{
	if (k == NULL)
		return;
	if (k->cb != NULL)
		tell_canceled(k, "the lease was given back");
	k->wanted = false;
	k->until_ms = 0;
	(void) uv_timer_stop(&k->timer);
	if (k->errand == NULL && k->owned)
		step(k);
}

void
keeper_close(struct keeper *k, void (*cb)(void *data), void *data)
{
	k->closed = cb;
	k->closed_data = data;
	keeper_release(k);
	k->closing = true;
	arm(k, k->owned ? CLOSE_MS : 0);
}

struct keeper *
keeper_new(uv_loop_t *loop, struct api *api, const struct keeper_options *options)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->api = api;
	keeper_set_ttl(k, options->ttl_ms);
	k->ttl_ms = k->next_ttl_ms;
	(void) str_copy(k->key, sizeof(k->key), options->key);
	(void) str_copy(k->host, sizeof(k->host), options->host != NULL ? options->host : "");
	(void) uv_timer_init(loop, &k->timer);
	k->timer.data = k;
	return k;
}
