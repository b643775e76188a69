/* Containers and their profiles; see roster.h. */
#include "agent/roster.h"

#include <math.h>
#include <stdio.h>

#include "agent/roster_priv.h"

/* A start-up longer than this waited for something else (an image, a node). */
#define STARTUP_MOST_MS 3600000

/* A container's stored profile whose container has not been seen yet. */
struct stored {
	char id[DOCKER_CONTAINER_ID_SIZE];
	struct profile *profile;
};

struct roster *
roster_new(const struct features_options *options)
{
	struct roster *r = xcalloc(1, sizeof(*r));

	r->options = *options;
	return r;
}

static void
item_free(void *value)
{
	struct roster_item *item = value;

	profile_free(item->profile);
	free(item->name);
	free(item->image);
	free(item);
}

static void
pool_free(void *value)
{
	struct pooled *p = value;

	profile_free(p->profile);
	free(p->key);
	free(p);
}

static void
stored_free(void *value)
{
	struct stored *s = value;

	profile_free(s->profile);
	free(s);
}

void
roster_free(struct roster *r)
{
	if (r == NULL)
		return;
	idmap_done(&r->items, item_free);
	idmap_done(&r->pools, pool_free);
	idmap_done(&r->stored, stored_free);
	free(r);
}

/* The profile under other options: its histograms stay, its steps start anew. */
static void
retime(struct profile **profile, const struct features_options *options)
{
	_cleanup_(freep) char *text = NULL;
	struct profile *fresh = NULL;

	if (*profile == NULL)
		return;
	text = profile_save(*profile);
	if (profile_load(text, options, &fresh, NULL) < 0)
		fresh = profile_new(options);
	profile_free(*profile);
	*profile = fresh;
}

void
roster_set_options(struct roster *r, const struct features_options *options)
{
	if (memcmp(&r->options, options, sizeof(*options)) == 0)
		return;
	r->options = *options;
	for (size_t i = 0; i < r->items.n; i++)
		retime(&((struct roster_item *) r->items.entries[i].value)->profile, options);
	for (size_t i = 0; i < r->pools.n; i++)
		retime(&((struct pooled *) r->pools.entries[i].value)->profile, options);
	for (size_t i = 0; i < r->stored.n; i++)
		retime(&((struct stored *) r->stored.entries[i].value)->profile, options);
}

static struct pooled *
find_pool(const struct roster *r, const char *service_id, const char *image)
{
	_cleanup_(freep) char *key = xasprintf("%s\n%s", service_id, image);

	return idmap_get(&r->pools, key);
}

/* Takes profile over. */
static struct pooled *
set_pool(struct roster *r, const char *service_id, const char *image, struct profile *profile)
{
	struct pooled *p = find_pool(r, service_id, image);

	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->key = xasprintf("%s\n%s", service_id, image);
		(void) str_copy(p->service_id, sizeof(p->service_id), service_id);
		p->image = strchr(p->key, '\n') + 1;
		idmap_put(&r->pools, p->key, p);
	}
	profile_free(p->profile);
	p->profile = profile;
	return p;
}

void
roster_load(struct roster *r, const struct profile_row *row)
{
	struct profile *profile;
	struct stored *s;

	if (row->state == NULL || row->id == NULL ||
	    profile_load(row->state, &r->options, &profile, NULL) < 0)
		return;
	if (row->kind == PROFILE_SERVICE && row->image != NULL) {
		set_pool(r, row->id, row->image, profile)->saved = true;
		return;
	}
	if (row->kind != PROFILE_CONTAINER || strlen(row->id) >= sizeof(s->id) ||
	    idmap_get(&r->stored, row->id) != NULL) {
		profile_free(profile);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	(void) str_copy(s->id, sizeof(s->id), row->id);
	s->profile = profile;
	idmap_put(&r->stored, s->id, s);
}

static struct profile *
first_profile(struct roster *r, const struct docker_container *c)
{
	struct stored *s = idmap_remove(&r->stored, c->id);
	struct pooled *pool = find_pool(r, c->service_id, c->image);
	struct profile *profile;

	if (s != NULL) {
		profile = take_ptr(s->profile);
		stored_free(s);
		return profile;
	}
	return profile_inherit(pool == NULL ? NULL : pool->profile, &r->options);
}

static struct roster_item *
add_item(struct roster *r, const struct docker_container *c)
{
	struct roster_item *item = xcalloc(1, sizeof(*item));

	(void) str_copy(item->id, sizeof(item->id), c->id);
	(void) str_copy(item->task_id, sizeof(item->task_id), c->task_id);
	(void) str_copy(item->service_id, sizeof(item->service_id), c->service_id);
	(void) str_copy(item->node_id, sizeof(item->node_id), c->node_id);
	item->name = xstrdup(c->name);
	item->image = xstrdup(c->image);
	item->created_ms = c->created_ms;
	item->saved = idmap_get(&r->stored, c->id) != NULL;
	item->profile = first_profile(r, c);
	idmap_put(&r->items, item->id, item);
	return item;
}

/* What only the Swarm knows of the container, once. */
static void
learn_task(struct roster_item *item, const struct docker_task *task)
{
	/* Both by the managers' clocks; the time of the state is by the node's. */
	int64_t startup = task->updated_ms - task->created_ms;

	item->slot = task->slot;
	item->limits.cpu_cores = (double) task->limit.cpu_nano / 1e9;
	item->limits.mem_bytes = (double) task->limit.mem_bytes;
	if (!item->started && task->state == DOCKER_TASK_RUNNING &&
	    task->desired == DOCKER_TASK_RUNNING) {
		item->started = true;
		if (startup > 0 && startup < STARTUP_MOST_MS)
			profile_started(item->profile, startup);
	}
}

struct roster_item *
roster_see(struct roster *r, const struct docker_container *container,
           const struct docker_task *task, uint64_t round)
{
	struct roster_item *item = idmap_get(&r->items, container->id);

	if (item == NULL)
		item = add_item(r, container);
	if (task != NULL)
		learn_task(item, task);
	item->round = round;
	return item;
}

size_t
roster_forget(struct roster *r, const char *node_id, uint64_t round)
{
	size_t kept = 0, gone = 0;

	for (size_t i = 0; i < r->items.n; i++) {
		struct roster_item *item = r->items.entries[i].value;

		if (item->round != round && streq(item->node_id, node_id)) {
			item_free(item);
			gone++;
		} else {
			r->items.entries[kept++] = r->items.entries[i];
		}
	}
	r->items.n = kept;
	return gone;
}

struct roster_item *
roster_find(struct roster *r, const char *container_id)
{
	return idmap_get(&r->items, container_id);
}

static struct reading
make_reading(const struct docker_stats *s)
{
	return (struct reading){
	    .wall_ms = s->read_ns / 1000000,
	    .cpu_ns = s->cpu_ns,
	    .periods = s->periods,
	    .throttled_periods = s->throttled_periods,
	    .throttled_ns = s->throttled_ns,
	    .mem_bytes = s->mem_working_set_bytes,
	    .net_rx_bytes = s->net_rx_bytes,
	    .net_tx_bytes = s->net_tx_bytes,
	    .blk_read_bytes = s->blk_read_bytes,
	    .blk_write_bytes = s->blk_write_bytes,
	    .oom_count = s->mem_failcnt,
	    .pids = (uint32_t) MIN(s->pids, UINT32_MAX),
	    .has_net = (s->flags & DOCKER_STATS_NETWORK) != 0,
	    .has_blk = (s->flags & DOCKER_STATS_BLKIO) != 0,
	};
}

bool
roster_read(struct roster *r, struct roster_item *item, const struct docker_stats *stats,
            int64_t now_wall_ms)
{
	const uint32_t needed = DOCKER_STATS_RUNNING | DOCKER_STATS_CPU | DOCKER_STATS_MEMORY;
	struct reading now = make_reading(stats);
	struct sample sample;
	enum sample_result result;

	if ((stats->flags & needed) != needed)
		return false;
	/* Hits of the limit on cgroup v1 are reclaim, not kills: only v2 tells of kills. */
	if ((stats->flags & DOCKER_STATS_CGROUP2) == 0)
		now.oom_count = 0;
	result = sample_diff(&item->before, &now, &r->options, &sample);
	if (result == SAMPLE_TOO_SOON)
		return false;
	item->before = now;
	if (result == SAMPLE_RECREATED)
		profile_restarted(item->profile);
	if (result != SAMPLE_OK)
		return false;
	sample.t_ms = now_wall_ms;
	item->last = sample;
	profile_push(item->profile, &sample, &item->limits);
	return true;
}

size_t
roster_load_of(const struct roster *r, const char *node_id, double *ret_cpu_cores,
               double *ret_mem_bytes)
{
	size_t n = 0;

	*ret_cpu_cores = *ret_mem_bytes = 0;
	for (size_t i = 0; i < r->items.n; i++) {
		const struct roster_item *item = r->items.entries[i].value;

		if (item->last.dt_ms == 0 || !streq(item->node_id, node_id))
			continue;
		*ret_cpu_cores += isfinite(item->last.cpu_cores) ? item->last.cpu_cores : 0;
		*ret_mem_bytes += isfinite(item->last.mem_bytes) ? item->last.mem_bytes : 0;
		n++;
	}
	return n;
}

size_t
roster_count(const struct roster *r, const char *node_id)
{
	size_t n = 0;

	for (size_t i = 0; i < r->items.n; i++) {
		const struct roster_item *item = r->items.entries[i].value;

		n += node_id == NULL || streq(item->node_id, node_id);
	}
	return n;
}

static void
pool_item(struct roster *r, struct idmap *fresh, const struct roster_item *item)
{
	_cleanup_(freep) char *key = xasprintf("%s\n%s", item->service_id, item->image);
	struct pooled *p = idmap_get(fresh, key);

	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->key = take_ptr(key);
		(void) str_copy(p->service_id, sizeof(p->service_id), item->service_id);
		p->image = strchr(p->key, '\n') + 1;
		p->profile = profile_new(&r->options);
		idmap_put(fresh, p->key, p);
	}
	/* All have the roster's options: it cannot fail. */
	(void) profile_merge(p->profile, item->profile, NULL);
}

static int
service_order(const struct idmap *fresh, size_t at, const struct pooled *p)
{
	return strcmp(((const struct pooled *) fresh->entries[at].value)->service_id,
	              p->service_id);
}

/*
 * A pool outlives its containers, but not its service, nor a new image that has come up. Keys begin
 * with the service's id: both maps are in its order.
 */
static void
forget_pools(struct roster *r, const struct idmap *fresh, const struct facts *facts)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < r->pools.n; i++) {
		struct pooled *p = r->pools.entries[i].value;
		bool runs;

		while (at < fresh->n && service_order(fresh, at, p) < 0)
			at++;
		runs = at < fresh->n && service_order(fresh, at, p) == 0;
		if (facts_service(facts, p->service_id) == NULL ||
		    (runs && idmap_get(fresh, p->key) == NULL))
			pool_free(p);
		else
			r->pools.entries[kept++] = r->pools.entries[i];
	}
	r->pools.n = kept;
}

/* Made anew each time: adding to an old pool would count the same readings again and again. */
void
roster_pool(struct roster *r, struct facts *facts, int64_t now_wall_ms)
{
	struct idmap fresh = {0};

	for (size_t i = 0; i < r->items.n; i++) {
		const struct roster_item *item = r->items.entries[i].value;
		struct forecast forecast;

		if (item->service_id[0] != '\0')
			pool_item(r, &fresh, item);
		profile_forecast(item->profile, now_wall_ms, &forecast);
		if (item->task_id[0] != '\0')
			facts_set_forecast(facts, item->task_id, &forecast);
	}
	forget_pools(r, &fresh, facts);
	for (size_t i = 0; i < fresh.n; i++) {
		struct pooled *p = fresh.entries[i].value;

		(void) set_pool(r, p->service_id, p->image, take_ptr(p->profile));
	}
	idmap_done(&fresh, pool_free);
}

int64_t
roster_startup_ms(const struct roster *r, const char *service_id)
{
	int64_t longest = 0;

	for (size_t i = 0; i < r->pools.n; i++) {
		const struct pooled *p = r->pools.entries[i].value;

		if (streq(p->service_id, service_id))
			longest = MAX(longest, profile_startup_ms(p->profile));
	}
	return longest;
}

void
roster_net_steps(const struct roster *r, int64_t now_wall_ms, roster_steps_fn *each, void *data)
{
	for (size_t i = 0; i < r->items.n; i++) {
		const struct roster_item *item = r->items.entries[i].value;
		float rx[FORECAST_STEPS], tx[FORECAST_STEPS];

		if (item->service_id[0] == '\0')
			continue;
		profile_net_steps(item->profile, now_wall_ms, rx, tx);
		each(data, item->service_id, rx, tx);
	}
}
