/* Nodes of a snapshot; see observe_node.h. */
#include "agent/observe_node.h"

#include <math.h>
#include <stdio.h>

#include "policy/power.h"

#define LABEL_CPUS       "forager.cpus"
#define LABEL_IDLE_WATTS "forager.idle-watts"
#define LABEL_MAX_WATTS  "forager.max-watts"

/* Three readings may fail before a node counts as stale. */
#define STALE_READINGS 3
/* An old engine makes each call wait: its rounds take longer than sample-every, up to this. */
#define STALE_STRETCH 4

int64_t
observe_stale_ms(const struct config *c, const struct facts_node *f)
{
	return STALE_READINGS *
	       CLAMP(f->round_ms, c->sample_every_ms, STALE_STRETCH * c->sample_every_ms);
}

/* A label's number; NAN when it is not there or no number above 0. */
static double
label_number(const struct docker_labels *labels, const char *key)
{
	const char *text = docker_label_get(labels, key);
	char *end;
	double x;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return NAN;
	x = strtod(text, &end);
	return *end == '\0' && isfinite(x) && x > 0 ? x : NAN;
}

double
observe_usable_cores(const struct docker_node *node)
{
	double capacity = (double) node->capacity.cpu_nano / 1e9;
	double label = label_number(&node->labels, LABEL_CPUS);

	return isnan(label) ? capacity : label;
}

static double
first_known(double a, double b)
{
	return isnan(a) ? b : a;
}

void
observe_power(const struct config *c, const struct docker_node *node, struct power_curve *ret)
{
	const struct config_node *own = config_node(c, node->hostname);
	double idle = own == NULL ? NAN : own->idle_watts;
	double most = own == NULL ? NAN : own->max_watts;

	idle = first_known(idle, label_number(&node->labels, LABEL_IDLE_WATTS));
	most = first_known(most, label_number(&node->labels, LABEL_MAX_WATTS));
	if (isnan(idle) && isnan(most) && !streq(c->curve, "linear") &&
	    power_curve_named(c->curve, ret, NULL) == 0)
		return;
	idle = first_known(idle, c->idle_watts);
	most = first_known(most, c->max_watts);
	/* One of the two may be given where it crosses the other's default. */
	if (power_linear(idle, MAX(idle, most), ret, NULL) < 0)
		power_default(ret);
}

static struct label *
copy_labels(struct arena *arena, const struct docker_labels *from)
{
	struct label *made = ARENA_NEW(arena, struct label, from->n);

	for (size_t i = 0; i < from->n; i++) {
		made[i].key = arena_strdup(arena, from->items[i].key);
		made[i].value = arena_strdup(arena, from->items[i].value);
	}
	return made;
}

static void
set_attrs(struct arena *arena, const struct docker_node *from, struct snap_node *n)
{
	n->attrs = (struct attrs){
	    .hostname = n->hostname,
	    .addr = arena_strdup(arena, from->addr),
	    .role = from->role == DOCKER_MANAGER ? "manager" : "worker",
	    .os = arena_strdup(arena, from->os),
	    .arch = arena_strdup(arena, from->arch),
	    .labels = copy_labels(arena, &from->labels),
	    .engine_labels = copy_labels(arena, &from->engine_labels),
	    .n_labels = from->labels.n,
	    .n_engine_labels = from->engine_labels.n,
	};
}

/*
 * Since when the record and the node's good state have stood, in ms. Without memory the Swarm's own
 * UpdatedAt has to do for both: it moves with every write to the record.
 */
static void
set_ages(const struct observe_input *in, const struct docker_node *from, struct snap_node *n)
{
	const struct facts_node *f = in->facts == NULL ? NULL : facts_node(in->facts, from->id);
	int64_t updated = in->wall_ms - from->updated_ms, created = in->wall_ms - from->created_ms;

	if (f != NULL && f->changed_mono_ms != FACTS_NEVER)
		updated = in->mono_ms - f->changed_mono_ms;
	if (f != NULL && f->settled_mono_ms != FACTS_NEVER)
		created = in->mono_ms - f->settled_mono_ms;
	if (updated < in->config->node_quiet_ms)
		n->flags |= NODE_CHANGED;
	if (created < in->config->node_settle_ms)
		n->flags |= NODE_UNSETTLED;
}

static void
set_load(const struct observe_input *in, const struct facts_node *f, struct snap_node *n)
{
	n->cpu_cores = n->mem_bytes = NAN;
	if (f == NULL || !f->source) {
		n->flags |= NODE_BLIND;
		return;
	}
	n->cpu_cores = f->cpu_cores;
	n->mem_bytes = f->mem_bytes;
	if (f->sample_mono_ms == FACTS_NEVER ||
	    in->mono_ms - f->sample_mono_ms > observe_stale_ms(in->config, f))
		n->flags |= NODE_STALE;
	if (f->hot_mono_ms != FACTS_NEVER)
		n->hot_ms = MAX(in->mono_ms - f->hot_mono_ms, 1);
}

void
observe_make_node(const struct observe_input *in, struct arena *arena,
                  const struct docker_node *from, struct snap_node *ret)
{
	struct snap_node *n = ret;

	*n = (struct snap_node){
	    .id = arena_strdup(arena, from->id),
	    .hostname = arena_strdup(arena, from->hostname),
	    .capacity = {from->capacity.cpu_nano, from->capacity.mem_bytes},
	    .usable_cores = observe_usable_cores(from),
	    .version = from->version,
	};
	if (from->state == DOCKER_NODE_READY)
		n->flags |= NODE_READY;
	if (from->availability == DOCKER_ACTIVE)
		n->flags |= NODE_ACTIVE;
	if (from->role == DOCKER_MANAGER)
		n->flags |= NODE_MANAGER;
	else if (in->config->may_sleep)
		n->flags |= NODE_MAY_SLEEP; /* a manager that sleeps takes the quorum with it */
	set_attrs(arena, from, n);
	set_ages(in, from, n);
	set_load(in, in->facts == NULL ? NULL : facts_node(in->facts, from->id), n);
	observe_power(in->config, from, &n->power);
}
