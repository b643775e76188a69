/* A round of one node: its list of containers, then the stats that are due; see sampler.h. */
#include "agent/sampler_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "agent/observe.h"
#include "agent/observe_node.h"
#include "base/log.h"
#include "features/options.h"

/* An image comes and goes with deploys and prunes: asked again after this. */
#define IMAGE_AGE_MS     600000
#define IMAGES_PER_ROUND 8
/* Below this share of the relief line a hot node has cooled down: no flapping on the line. */
#define HOT_HYSTERESIS 0.95

/* The context of one call: what it was about, by id, because things go while it is on its way. */
struct call {
	struct sampler *sampler;
	struct source *source; /* stays while calls of it are out */
	char container_id[DOCKER_CONTAINER_ID_SIZE];
	char *image;
	int64_t start_mono_ms;
};

static struct call *
call_new(struct source *src)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->sampler = src->sampler;
	call->source = src;
	call->start_mono_ms = mono_ms();
	src->sampler->outstanding++;
	return call;
}

void
source_free(void *value)
{
	struct source *src = value;

	free(src->hostname);
	free(src->due);
	free(src);
}

bool
source_idle(const struct source *src)
{
	return !src->busy && src->inflight.n == 0 && src->n_images == 0;
}

void
sampler_maybe_closed(struct sampler *s)
{
	void (*closed)(void *data) = s->closed;
	void *data = s->closed_data;

	if (!s->closing || !s->timer_closed || s->outstanding > 0)
		return;
	idmap_done(&s->sources, source_free);
	sampler_rows_free(s->rows, s->n_rows);
	free(s);
	closed(data);
}

/* Every answer ends here: a source that went meanwhile is freed with its last call. */
static void
call_end(struct call *call)
{
	struct sampler *s = call->sampler;
	struct source *src = call->source;

	free(call->image);
	free(call);
	s->outstanding--;
	if (src->gone && source_idle(src))
		source_free(src);
	sampler_maybe_closed(s);
}

static struct api *
source_api(const struct source *src)
{
	if (src->gone || !src->sampler->running)
		return NULL;
	return cluster_endpoint(src->sampler->cluster, src->node_id);
}

static void
note_failure(struct source *src, const struct error *err)
{
	if (!src->failing && src->sampler->running && err->code != -ECANCELED)
		log_warning("A node's containers cannot be read, it goes stale until they can: "
		            "node='%s' error='%s'",
		            src->hostname, err->text);
	src->failing = true;
}

void
source_check_age(struct source *src)
{
	const struct facts_node *f = facts_node(src->sampler->facts, src->node_id);
	struct error err = {0};
	int64_t age;

	if (f == NULL || f->sample_mono_ms == FACTS_NEVER || src->failing || src->foreign)
		return;
	age = mono_ms() - f->sample_mono_ms;
	if (age <= observe_stale_ms(src->sampler->config, f))
		return;
	(void) error_set(&err, ETIMEDOUT, "its engine has not answered for %" PRId64 " ms", age);
	note_failure(src, &err);
}

static void
add_row(struct sampler *s, const struct roster_item *item)
{
	const struct sample *x = &item->last;

	if (s->n_rows == SAMPLER_ROWS) {
		/* The database hangs: the newest are worth more than the oldest. */
		sampler_rows_free(s->rows, s->n_rows);
		s->rows = NULL;
		s->n_rows = s->room_rows = 0;
	}
	if (s->n_rows == s->room_rows) {
		s->room_rows = s->room_rows == 0 ? 64 : 2 * s->room_rows;
		s->rows = xrealloc(s->rows, s->room_rows, sizeof(*s->rows));
	}
	s->rows[s->n_rows++] = (struct sample_row){
	    .container_id = xstrdup(item->id),
	    .at_ms = x->t_ms,
	    .interval_ms = x->dt_ms,
	    .cpu_cores = x->cpu_cores,
	    .throttled_ratio = x->throttled_ratio,
	    .mem_bytes = x->mem_bytes,
	    .net_rx_bytes_per_s = x->net_rx_bytes_per_s,
	    .net_tx_bytes_per_s = x->net_tx_bytes_per_s,
	    .blk_read_bytes_per_s = x->blk_read_bytes_per_s,
	    .blk_write_bytes_per_s = x->blk_write_bytes_per_s,
	    .pids = x->pids,
	    .oom_kills = x->oom_kills,
	};
}

/* Whether the smoothed load is above the relief line; spikes of one reading are not a hot node. */
static bool
judge_hot(struct source *src, double cpu_cores, int64_t now)
{
	const struct config *c = src->sampler->config;
	double line = c->relief_line * src->usable_cores;

	if (src->slow_mono_ms == 0)
		src->slow_cores = cpu_cores;
	else
		src->slow_cores += features_alpha(now - src->slow_mono_ms, c->decide_every_ms / 2) *
		                   (cpu_cores - src->slow_cores);
	src->slow_mono_ms = now;
	src->hot = line > 0 && src->slow_cores > line * (src->hot ? HOT_HYSTERESIS : 1);
	return src->hot;
}

/* The first round only reads counters; a load is known when each container has a second reading. */
static void
set_load(struct source *src)
{
	struct sampler *s = src->sampler;
	double cpu, mem;
	size_t n = roster_load_of(s->roster, src->node_id, &cpu, &mem);
	int64_t now = mono_ms();

	if (src->done == 0 && n < roster_count(s->roster, src->node_id))
		return;
	facts_set_load(s->facts, src->node_id, cpu, mem, judge_hot(src, cpu, now), now);
}

static void
end_round(struct source *src)
{
	if (src->n_failed > 0) {
		note_failure(src, &src->first_error);
	} else {
		if (src->failing)
			log_notice("A node's containers can be read again: node='%s'",
			           src->hostname);
		src->failing = false;
		facts_set_round(src->sampler->facts, src->node_id, mono_ms() - src->round_mono_ms);
		set_load(src);
		src->done++;
	}
	src->busy = false;
	free(take_ptr(src->due));
}

static void pump(struct source *src); /* an answer makes room for the next call */

static void
take_stats(struct source *src, const char *container_id, const struct docker_stats *stats)
{
	struct sampler *s = src->sampler;
	struct roster_item *item = roster_find(s->roster, container_id);
	int64_t next = s->config->sample_every_ms;

	if (item == NULL)
		return;
	if (roster_read(s->roster, item, stats, wall_ms())) {
		add_row(s, item);
		next = pace_next(&item->pace, &item->last, next, s->config->sample_stretch);
	}
	/* From the round's beginning: one that is read late in its round would miss the next one.
	 */
	item->due_mono_ms = src->round_mono_ms + next;
}

static void
got_stats(void *data, const struct docker_stats *stats, const struct error *err)
{
	struct call *call = data;
	struct source *src = call->source;
	/* A container that ended meanwhile is no failure of its node. */
	bool failed = stats == NULL && err->code != -ENOENT;

	inflight_end(&src->inflight, mono_ms() - call->start_mono_ms, failed,
	             src->sampler->config->stats_in_flight);
	if (failed && src->n_failed++ == 0)
		src->first_error = *err;
	if (stats != NULL && src->sampler->running)
		take_stats(src, call->container_id, stats);
	pump(src);
	call_end(call);
}

static void
pump(struct source *src)
{
	struct api *api = source_api(src);

	if (api == NULL || src->n_failed > 0)
		src->next_due = src->n_due; /* an engine that fails is not asked the rest */
	while (src->next_due < src->n_due &&
	       inflight_free(&src->inflight, src->sampler->config->stats_in_flight)) {
		struct call *call = call_new(src);

		memcpy(call->container_id, src->due[src->next_due++], DOCKER_CONTAINER_ID_SIZE);
		inflight_start(&src->inflight);
		api_stats(api, call->container_id, got_stats, call);
	}
	if (src->busy && src->next_due == src->n_due && src->inflight.n == 0)
		end_round(src);
}

static void
got_image(void *data, struct docker_image *image, const struct error *err)
{
	struct call *call = data;
	struct source *src = call->source;

	src->n_images--;
	if (src->sampler->running && !src->gone && (image != NULL || err->code == -ENOENT))
		facts_set_image(src->sampler->facts, src->node_id, call->image,
		                image == NULL ? NULL : image->id,
		                image != NULL && image->has_healthcheck, mono_ms());
	call_end(call);
}

/* Which nodes have the images of the services that take part: what a move needs to know. */
static void
ask_images(struct source *src, struct api *api)
{
	struct sampler *s = src->sampler;
	const struct cluster_state *state = cluster_newest(s->cluster);
	int64_t now = mono_ms();

	for (size_t i = 0; i < state->n_services && src->n_images < IMAGES_PER_ROUND; i++) {
		const struct docker_service *v = &state->services[i];
		const struct facts_image *known;
		struct call *call;

		if (observe_act_mode(ACT_AUTO, v) == ACT_NONE)
			continue;
		known = facts_image(s->facts, src->node_id, v->image);
		if (known != NULL && now - known->asked_mono_ms < IMAGE_AGE_MS)
			continue;
		call = call_new(src);
		call->image = xstrdup(v->image);
		src->n_images++;
		api_image(api, v->image, got_image, call);
	}
}

/* The endpoint's engine must be this node's: a wrong template would count others' containers. */
static bool
is_this_node(struct source *src, const struct docker_containers *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (streq(list->items[i].node_id, src->node_id))
			continue;
		if (!src->foreign)
			log_warning(
			    "An endpoint shows the containers of another node, check [endpoint]: "
			    "node='%s' container='%s' of-node='%s'",
			    src->hostname, list->items[i].name, list->items[i].node_id);
		src->foreign = true;
		return false;
	}
	src->foreign = false;
	return true;
}

static void
take_list(struct source *src, const struct docker_containers *list)
{
	struct sampler *s = src->sampler;
	const struct cluster_state *state = cluster_newest(s->cluster);
	int64_t soon = mono_ms() + s->config->sample_every_ms / 4;

	src->due = xcalloc(list->n, sizeof(*src->due));
	for (size_t i = 0; i < list->n; i++) {
		const struct docker_container *c = &list->items[i];
		const struct docker_task *task =
		    cluster_find_task(state, c->service_id, c->task_id);
		struct roster_item *item = roster_see(s->roster, c, task, src->rounds);

		if (item->due_mono_ms <= soon)
			memcpy(src->due[src->n_due++], item->id, DOCKER_CONTAINER_ID_SIZE);
	}
	(void) roster_forget(s->roster, src->node_id, src->rounds);
}

static void
got_list(void *data, struct docker_containers *list, const struct error *err)
{
	struct call *call = data;
	struct source *src = call->source;
	struct api *api = source_api(src);

	if (list == NULL || api == NULL) {
		if (err != NULL)
			note_failure(src, err);
		src->busy = false;
	} else if (!is_this_node(src, list)) {
		src->busy = false;
	} else {
		take_list(src, list);
		ask_images(src, api);
		pump(src);
	}
	call_end(call);
}

void
source_start_round(struct source *src)
{
	struct api *api = source_api(src);

	if (api == NULL || src->busy || api_wait_ms(api) > 0)
		return;
	src->busy = true;
	src->round_mono_ms = mono_ms();
	src->rounds++;
	src->n_due = src->next_due = src->n_failed = 0;
	error_clear(&src->first_error);
	api_containers(api, got_list, call_new(src));
}
