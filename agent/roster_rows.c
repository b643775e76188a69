/* The roster as rows for the store; see roster.h. */
#include "agent/roster_priv.h"

static struct profile_row
make_row(enum profile_kind kind, const char *id, const char *image, const struct profile_summary *s)
{
	return (struct profile_row){
	    .kind = kind,
	    .id = id,
	    .image = image,
	    .cpu_mean_cores = s->cpu_mean_cores,
	    .cpu_p50_cores = s->cpu_p50_cores,
	    .cpu_p90_cores = s->cpu_p90_cores,
	    .cpu_p95_cores = s->cpu_p95_cores,
	    .cpu_p99_cores = s->cpu_p99_cores,
	    .cpu_peak_cores = s->cpu_peak_cores,
	    .cpu_var_cores2 = s->cpu_var_cores2,
	    .cpu_now_cores = s->cpu_now_cores,
	    .burst_ratio = s->burst_ratio,
	    .throttled_ratio = s->throttled_ratio,
	    .mem_mean_bytes = s->mem_mean_bytes,
	    .mem_p50_bytes = s->mem_p50_bytes,
	    .mem_p95_bytes = s->mem_p95_bytes,
	    .mem_peak_bytes = s->mem_peak_bytes,
	    .mem_growth_bytes_per_h = s->mem_growth_bytes_per_h,
	    .net_rx_bytes_per_s = s->net_rx_bytes_per_s,
	    .net_tx_bytes_per_s = s->net_tx_bytes_per_s,
	    .net_rx_p95_bytes_per_s = s->net_rx_p95_bytes_per_s,
	    .net_tx_p95_bytes_per_s = s->net_tx_p95_bytes_per_s,
	    .blk_read_bytes_per_s = s->blk_read_bytes_per_s,
	    .blk_write_bytes_per_s = s->blk_write_bytes_per_s,
	    .blk_read_p95_bytes_per_s = s->blk_read_p95_bytes_per_s,
	    .blk_write_p95_bytes_per_s = s->blk_write_p95_bytes_per_s,
	    .forecast_mean_cores = s->forecast_mean_cores,
	    .forecast_var_cores2 = s->forecast_var_cores2,
	    .forecast_error_cores = s->forecast_error_cores,
	    .startup_ms = s->startup_ms,
	    .confidence = s->confidence,
	    .n_samples = s->n_samples,
	    .oom_kills = s->oom_kills,
	    .pids_max = s->pids_max,
	    .restarts = s->restarts,
	    .behaviour = s->behaviour,
	    .first_ms = s->first_ms,
	    .last_ms = s->last_ms,
	};
}

/* Each state takes a fifth of a millisecond of the loop: so many first ones in one cycle. */
#define FIRST_MOST 500

/*
 * Whose turn it is to give out its whole state; each one's first time comes at once, or in the next
 * cycles when there are many.
 */
static const char *
state_in_turn(const struct profile *profile, bool *saved, uint64_t turn, uint64_t parts,
              size_t *n_first, struct arena *arena)
{
	_cleanup_(freep) char *text = NULL;

	if (parts > 1 && turn % parts != 0 && (*saved || ++*n_first > FIRST_MOST))
		return NULL;
	*saved = true;
	text = profile_save(profile);
	return arena_strdup(arena, text);
}

static void
add_container(const struct roster_item *item, int64_t now_wall_ms, struct arena *arena,
              struct roster_rows *ret)
{
	ret->containers[ret->n_containers++] = (struct container_row){
	    .id = arena_strdup(arena, item->id),
	    .name = arena_strdup(arena, item->name),
	    .image = arena_strdup(arena, item->image),
	    .service_id =
	        item->service_id[0] == '\0' ? NULL : arena_strdup(arena, item->service_id),
	    .node_id = arena_strdup(arena, item->node_id),
	    .task_id = item->task_id[0] == '\0' ? NULL : arena_strdup(arena, item->task_id),
	    .slot = item->slot,
	    .state = task_state_names[TASK_RUNNING],
	    .started_ms = item->created_ms,
	    .seen_ms = now_wall_ms, /* what was not listed is not in the roster */
	};
}

/* Sums by node: containers stand by id, so a node's are collected in a map. */
struct node_sum {
	char id[SWARM_ID_SIZE];
	struct profile_summary sum;
};

static void
add_to_node(struct idmap *nodes, const char *node_id, const struct profile_summary *s)
{
	struct node_sum *n = idmap_get(nodes, node_id);

	if (n == NULL) {
		n = xcalloc(1, sizeof(*n));
		(void) str_copy(n->id, sizeof(n->id), node_id);
		idmap_put(nodes, n->id, n);
	}
	profile_summary_add(&n->sum, s);
}

void
roster_rows(struct roster *r, int64_t now_wall_ms, uint64_t cycle, uint64_t parts,
            struct arena *arena, struct roster_rows *ret)
{
	struct idmap nodes = {0};
	struct profile_summary s;
	size_t n_first = 0;

	*ret = (struct roster_rows){
	    .containers = ARENA_NEW(arena, struct container_row, r->items.n),
	    .profiles = ARENA_NEW(arena, struct profile_row, 2 * r->items.n + r->pools.n),
	};
	for (size_t i = 0; i < r->items.n; i++) {
		struct roster_item *item = r->items.entries[i].value;
		struct profile_row *row = &ret->profiles[ret->n_profiles++];

		add_container(item, now_wall_ms, arena, ret);
		profile_summarise(item->profile, now_wall_ms, &s);
		add_to_node(&nodes, item->node_id, &s);
		*row = make_row(PROFILE_CONTAINER, ret->containers[i].id, ret->containers[i].image,
		                &s);
		row->state =
		    state_in_turn(item->profile, &item->saved, i + cycle, parts, &n_first, arena);
	}
	for (size_t i = 0; i < r->pools.n; i++) {
		struct pooled *p = r->pools.entries[i].value;
		struct profile_row *row = &ret->profiles[ret->n_profiles++];

		profile_summarise(p->profile, now_wall_ms, &s);
		*row = make_row(PROFILE_SERVICE, arena_strdup(arena, p->service_id),
		                arena_strdup(arena, p->image), &s);
		row->state =
		    state_in_turn(p->profile, &p->saved, i + cycle, parts, &n_first, arena);
	}
	for (size_t i = 0; i < nodes.n; i++) {
		const struct node_sum *n = nodes.entries[i].value;

		ret->profiles[ret->n_profiles++] =
		    make_row(PROFILE_NODE, arena_strdup(arena, n->id), NULL, &n->sum);
	}
	idmap_done(&nodes, free);
}
