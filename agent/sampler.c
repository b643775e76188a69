/* The sampling clock and the nodes that have a source; see sampler.h. */
#include "agent/sampler_priv.h"

#include "agent/observe_node.h"

static void
on_timer(uv_timer_t *timer)
{
	struct sampler *s = timer->data;

	s->ticked_mono_ms = mono_ms();
	s->ticks++;
	for (size_t i = 0; i < s->sources.n; i++) {
		source_check_age(s->sources.entries[i].value);
		source_start_round(s->sources.entries[i].value);
	}
}

static void
update_source(struct sampler *s, const struct docker_node *node)
{
	bool has = cluster_endpoint(s->cluster, node->id) != NULL;
	struct source *src = idmap_get(&s->sources, node->id);

	facts_set_source(s->facts, node->id, has);
	if (src != NULL && !has) {
		src = idmap_remove(&s->sources, node->id);
		(void) roster_forget(s->roster, src->node_id, UINT64_MAX);
		src->gone = true;
		if (source_idle(src))
			source_free(src);
		return;
	}
	if (!has)
		return;
	if (src == NULL) {
		src = xcalloc(1, sizeof(*src));
		src->sampler = s;
		(void) str_copy(src->node_id, sizeof(src->node_id), node->id);
		src->hostname = xstrdup(node->hostname);
		idmap_put(&s->sources, src->node_id, src);
	}
	src->usable_cores = observe_usable_cores(node);
}

/* What runs on a node that is gone is forgotten with it. */
static void
drop_gone(struct sampler *s, const struct cluster_state *state)
{
	for (size_t i = s->sources.n; i-- > 0;) {
		struct source *src = s->sources.entries[i].value;

		if (cluster_find_node(state, src->node_id) != NULL)
			continue;
		(void) idmap_remove_at(&s->sources, i);
		(void) roster_forget(s->roster, src->node_id, UINT64_MAX);
		src->gone = true;
		if (source_idle(src))
			source_free(src);
	}
}

void
sampler_update(struct sampler *s)
{
	const struct cluster_state *state = cluster_newest(s->cluster);

	drop_gone(s, state);
	for (size_t i = 0; i < state->n_nodes; i++)
		update_source(s, &state->nodes[i]);
}

struct sampler *
sampler_new(uv_loop_t *loop, struct cluster *cluster, struct roster *roster, struct facts *facts,
            const struct config *config)
{
	struct sampler *s = xcalloc(1, sizeof(*s));

	s->cluster = cluster;
	s->roster = roster;
	s->facts = facts;
	s->config = config;
	(void) uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void
arm(struct sampler *s, int64_t wait_ms)
{
	(void) uv_timer_start(&s->timer, on_timer, (uint64_t) wait_ms,
	                      (uint64_t) s->config->sample_every_ms);
}

void
sampler_start(struct sampler *s)
{
	s->running = true;
	arm(s, 0);
}

void
sampler_stop(struct sampler *s)
{
	s->running = false;
	(void) uv_timer_stop(&s->timer);
}

void
sampler_set_config(struct sampler *s, const struct config *config)
{
	s->config = config;
	/* The rhythm goes on: ten reloads in a second are no ten rounds. */
	if (s->running)
		arm(s, s->ticks == 0
		           ? 0
		           : CLAMP(s->ticked_mono_ms + config->sample_every_ms - mono_ms(), 0,
		                   config->sample_every_ms));
}

uint64_t
sampler_ticks(const struct sampler *s)
{
	return s->ticks;
}

struct sample_row *
sampler_take(struct sampler *s, size_t *ret_n)
{
	*ret_n = s->n_rows;
	s->n_rows = s->room_rows = 0;
	return take_ptr(s->rows);
}

size_t
sampler_waiting(const struct sampler *s)
{
	return s->n_rows;
}

void
sampler_rows_free(struct sample_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *) (uintptr_t) rows[i].container_id);
	free(rows);
}

uint64_t
sampler_rounds(const struct sampler *s)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < s->sources.n; i++)
		least = MIN(least, ((const struct source *) s->sources.entries[i].value)->done);
	return s->sources.n == 0 ? 0 : least;
}

bool
sampler_has_list(const struct sampler *s, const char *node_id)
{
	const struct source *src = idmap_get(&s->sources, node_id);

	return src == NULL || src->done > 0;
}

void
sampler_count(const struct sampler *s, size_t *ret_sources, size_t *ret_well)
{
	*ret_sources = s->sources.n;
	*ret_well = 0;
	for (size_t i = 0; i < s->sources.n; i++) {
		const struct source *src = s->sources.entries[i].value;

		*ret_well += src->done > 0 && !src->failing && !src->foreign;
	}
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct sampler *s = handle->data;

	s->timer_closed = true;
	sampler_maybe_closed(s);
}

void
sampler_close(struct sampler *s, void (*fn)(void *data), void *data)
{
	sampler_stop(s);
	s->closing = true;
	s->closed = fn;
	s->closed_data = data;
	uv_close((uv_handle_t *) &s->timer, on_timer_closed);
}
