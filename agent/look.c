/* The mover's eyes; see look.h. */
#include "agent/look.h"

#include <errno.h>

#include "agent/observe.h"

struct glance;

struct look {
	struct cluster *cluster;
	const struct config *config;
	struct facts *facts;
	struct facts *own; /* the CLI's */
	look_saw_fn *saw;
	void *saw_data;
	struct glance *glances;
};

/* One look on its way. When look is freed it stays until its answers have come. */
struct glance {
	struct look *look; /* NULL: nobody waits any more */
	struct glance *next;
	char *service, *node[2]; /* as asked: ids or names */
	char *image;
	char node_id[2][SWARM_ID_SIZE];
	unsigned int pending;
	struct error err;
	mover_seen_cb *cb;
	void *ctx;
};

/* Which of the two images an answer is of. */
struct question {
	struct glance *glance;
	size_t which;
};

static void
glance_free(struct glance *g)
{
	free(g->service);
	free(g->node[0]);
	free(g->node[1]);
	free(g->image);
	free(g);
}

static void
forget(struct look *l, const struct glance *g)
{
	struct glance **at = &l->glances;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
}

/* The poll may have been replaced since by a newer one: even better. */
static void
finish(struct glance *g)
{
	struct look *l = g->look;
	struct snapshot *snap;
	struct observe_input in;

	if (l == NULL) {
		glance_free(g);
		return;
	}
	forget(l, g);
	if (g->err.code != 0) {
		g->cb(g->ctx, NULL, &g->err);
		glance_free(g);
		return;
	}
	in = (struct observe_input){
	    .state = cluster_newest(l->cluster),
	    .config = l->config,
	    .facts = l->facts,
	    .allow = {.actions = 1, .budget_left = 1, .warm = true},
	    .mono_ms = mono_ms(),
	    .wall_ms = wall_ms(),
	};
	snap = observe_snapshot(&in);
	g->cb(g->ctx, snap, NULL);
	observe_free(snap);
	glance_free(g);
}

/* Absent is an answer; any other failure leaves it unknown, which the check counts as absent. */
static void
got_image(void *data, struct docker_image *image, const struct error *err)
{
	struct question *q = data;
	struct glance *g = q->glance;

	if (g->look != NULL && (image != NULL || err->code == -ENOENT))
		facts_set_image(g->look->facts, g->node_id[q->which], g->image,
		                image == NULL ? NULL : image->id,
		                image != NULL && image->has_healthcheck, mono_ms());
	free(q);
	if (--g->pending == 0)
		finish(g);
}

static void
ask_image(struct glance *g, const struct cluster_state *state, size_t which)
{
	const struct docker_node *node =
	    g->node[which] == NULL ? NULL : cluster_find_node_by_name(state, g->node[which]);
	struct api *api = node == NULL ? NULL : cluster_endpoint(g->look->cluster, node->id);
	struct question *q;

	if (api == NULL)
		return;
	(void) str_copy(g->node_id[which], SWARM_ID_SIZE, node->id);
	q = xcalloc(1, sizeof(*q));
	q->glance = g;
	q->which = which;
	g->pending++;
	api_image(api, g->image, got_image, q);
}

static void
polled(void *data, const struct cluster_state *state, const struct error *err)
{
	struct glance *g = data;
	const struct docker_service *service;
	struct look *l = g->look;

	if (l == NULL || state == NULL) {
		if (err != NULL)
			g->err = *err;
		finish(g);
		return;
	}
	if (l->saw != NULL)
		l->saw(l->saw_data, state);
	else
		facts_update(l->facts, state, NULL, NULL, NULL);
	service = cluster_find_service_by_name(state, g->service);
	g->pending = 1; /* ours, so that no answer can end it before both are asked */
	if (service != NULL) {
		g->image = xstrdup(service->image);
		ask_image(g, state, 0);
		ask_image(g, state, 1);
	}
	if (--g->pending == 0)
		finish(g);
}

static void
look(void *data, const char *service, const char *from, const char *to, mover_seen_cb *cb,
     void *ctx)
{
	struct look *l = data;
	struct glance *g = xcalloc(1, sizeof(*g));

	g->look = l;
	g->service = xstrdup(service);
	g->node[0] = xstrdup(from);
	g->node[1] = xstrdup(to);
	g->cb = cb;
	g->ctx = ctx;
	g->next = l->glances;
	l->glances = g;
	cluster_poll(l->cluster, polled, g);
}

struct look *
look_new(struct cluster *cluster, const struct config *config, struct facts *facts)
{
	struct look *l = xcalloc(1, sizeof(*l));

	l->cluster = cluster;
	l->config = config;
	if (facts == NULL)
		l->own = facts_new();
	l->facts = facts == NULL ? l->own : facts;
	return l;
}

void
look_free(struct look *l)
{
	if (l == NULL)
		return;
	for (struct glance *g = l->glances; g != NULL; g = g->next)
		g->look = NULL;
	facts_free(l->own);
	free(l);
}

void
look_set_config(struct look *l, const struct config *config)
{
	l->config = config;
}

void
look_on_poll(struct look *l, look_saw_fn *saw, void *data)
{
	l->saw = saw;
	l->saw_data = data;
}

struct mover_eyes
look_eyes(struct look *l)
{
	return (struct mover_eyes){.data = l, .look = look};
}
