/* What is remembered between polls; see facts.h. */
#include "agent/facts.h"

#include <math.h>
#include <stdio.h>

#include "agent/cluster.h"
#include "agent/fingerprint.h"
#include "agent/idmap.h"

/*
 * A service seen for the first time whose UpdatedAt lies within this of the end of our own last
 * change was changed by us: managers' clocks differ a little.
 */
#define OURS_SLACK_MS 30000

/* The sampler asks anew for every image in use many times a day: one not asked for is not used. */
#define IMAGE_KEEP_MS (INT64_C(24) * 3600 * 1000)

struct fact_task {
	char id[SWARM_ID_SIZE];
	struct forecast forecast;
};

struct facts {
	struct idmap nodes, services, tasks, images;
	bool updated; /* at least one poll was taken in */
};

struct facts *
facts_new(void)
{
	return xcalloc(1, sizeof(struct facts));
}

static void
image_free(void *value)
{
	struct facts_image *image = value;

	free(image->key);
	free(image->id);
	free(image);
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	idmap_done(&f->nodes, free);
	idmap_done(&f->services, free);
	idmap_done(&f->tasks, free);
	idmap_done(&f->images, image_free);
	free(f);
}

void
facts_freep(struct facts **f)
{
	facts_free(*f);
}

static struct facts_node *
add_node(struct facts *f, const char *id)
{
	struct facts_node *n = idmap_get(&f->nodes, id);

	if (n != NULL)
		return n;
	n = xcalloc(1, sizeof(*n));
	(void) str_copy(n->id, sizeof(n->id), id);
	n->changed_mono_ms = n->settled_mono_ms = FACTS_NEVER;
	n->hot_mono_ms = n->sample_mono_ms = FACTS_NEVER;
	n->cpu_cores = n->mem_bytes = NAN;
	idmap_put(&f->nodes, n->id, n);
	return n;
}

static struct facts_service *
add_service(struct facts *f, const char *id)
{
	struct facts_service *v = idmap_get(&f->services, id);

	if (v != NULL)
		return v;
	v = xcalloc(1, sizeof(*v));
	(void) str_copy(v->id, sizeof(v->id), id);
	v->foreign_wall_ms = v->moved_wall_ms = FACTS_NEVER;
	idmap_put(&f->services, v->id, v);
	return v;
}

/* When something happened, on our monotonic clock; a time in the future (skewed clocks) is now. */
static int64_t
to_mono(const struct cluster_state *s, int64_t then_wall_ms)
{
	return s->mono_ms - MAX(s->wall_ms - then_wall_ms, 0);
}

static void
update_node(struct facts *f, const struct cluster_state *s, const struct docker_node *node)
{
	bool first = idmap_get(&f->nodes, node->id) == NULL;
	bool usable = node->state == DOCKER_NODE_READY && node->availability == DOCKER_ACTIVE;
	struct facts_node *n = add_node(f, node->id);

	if (n->version != node->version)
		n->changed_mono_ms = n->version == 0 ? to_mono(s, node->updated_ms) : s->mono_ms;
	if (usable && !n->usable)
		n->settled_mono_ms =
		    first && !f->updated ? to_mono(s, node->created_ms) : s->mono_ms;
	n->version = node->version;
	n->usable = usable;
}

/*
 * Which part someone changed; NULL: none. What is not decoded (an environment, a command) shows by
 * the update that it starts, or by the UpdateStatus that every POST takes away. Versions also move
 * with UpdateStatus' own progress: that alone is no change of anybody's.
 */
static const char *
changed_part(const struct facts_service *f, const struct docker_service *v,
             const uint64_t parts[static FINGERPRINT_N])
{
	if (v->version == f->version)
		return NULL;
	for (size_t i = 0; i < FINGERPRINT_N; i++)
		if (parts[i] != f->parts[i])
			return fingerprint_names[i];
	return v->status.started_ms != f->started_wall_ms ? fingerprint_names[FINGERPRINT_REST]
	                                                  : NULL;
}

/* First sight: its UpdatedAt is someone's deploy, unless it was our own last change. */
static void
meet_service(struct facts_service *f, const struct docker_service *v)
{
	bool ours =
	    f->moved_wall_ms != FACTS_NEVER && v->updated_ms <= f->moved_wall_ms + OURS_SLACK_MS;

	if (!ours && v->updated_ms > f->foreign_wall_ms && v->version > f->version_ours)
		f->foreign_wall_ms = v->updated_ms;
}

static void
update_service(struct facts *facts, const struct cluster_state *s, const struct docker_service *v,
               const char *ours, void (*fn)(void *data, const struct facts_foreign *change),
               void *data)
{
	bool first = idmap_get(&facts->services, v->id) == NULL;
	struct facts_service *f = add_service(facts, v->id);
	struct facts_foreign change = {.service = v};
	uint64_t parts[FINGERPRINT_N];

	fingerprint_of(v, parts);
	if (!f->seen) {
		meet_service(f, v);
		change.what = first && facts->updated ? "created" : NULL;
	} else if (!streq(v->id, ours) && v->version > f->version_ours) {
		change.what = changed_part(f, v, parts);
		if (change.what != NULL)
			f->foreign_wall_ms = s->wall_ms;
	}
	f->seen = true;
	f->version = v->version;
	f->started_wall_ms = v->status.started_ms;
	memcpy(f->parts, parts, sizeof(parts));
	if (change.what != NULL && fn != NULL)
		fn(data, &change);
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

struct id_set {
	const char **ids;
	size_t n;
};

static bool
task_exists(const void *set, const char *id)
{
	const struct id_set *s = set;

	return s->n > 0 && bsearch(&id, s->ids, s->n, sizeof(*s->ids), compare_ids) != NULL;
}

static bool
node_exists(const void *set, const char *id)
{
	return cluster_find_node(set, id) != NULL;
}

static bool
service_exists(const void *set, const char *id)
{
	return cluster_find_service(set, id) != NULL;
}

static bool
image_node_exists(const void *set, const char *key)
{
	char node_id[SWARM_ID_SIZE];

	/* The key goes on after the newline: cut it there. */
	(void) str_copy(node_id, sizeof(node_id), key);
	node_id[strcspn(node_id, "\n")] = '\0';
	return cluster_find_node(set, node_id) != NULL;
}

static void
forget(struct idmap *t, bool (*exists)(const void *set, const char *key), const void *set,
       void (*free_value)(void *value))
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (exists(set, t->entries[i].key))
			t->entries[kept++] = t->entries[i];
		else
			free_value(t->entries[i].value);
	}
	t->n = kept;
}

/* Each deploy brings a new name: without an end they would be all that there is. */
static void
forget_old_images(struct facts *f, int64_t now_mono_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->images.n; i++) {
		struct facts_image *image = f->images.entries[i].value;

		if (now_mono_ms - image->asked_mono_ms <= IMAGE_KEEP_MS)
			f->images.entries[kept++] = f->images.entries[i];
		else
			image_free(image);
	}
	f->images.n = kept;
}

/* Tasks of a poll stand by service and slot; here they are looked up by id. */
static void
forget_tasks(struct facts *f, const struct cluster_state *s)
{
	struct id_set now = {xcalloc(s->n_tasks, sizeof(*now.ids)), s->n_tasks};

	for (size_t i = 0; i < s->n_tasks; i++)
		now.ids[i] = s->tasks[i].id;
	if (now.n > 0)
		qsort(now.ids, now.n, sizeof(*now.ids), compare_ids);
	forget(&f->tasks, task_exists, &now, free);
	free(now.ids);
}

void
facts_update(struct facts *f, const struct cluster_state *state, const char *ours,
             void (*fn)(void *data, const struct facts_foreign *change), void *data)
{
	for (size_t i = 0; i < state->n_nodes; i++)
		update_node(f, state, &state->nodes[i]);
	for (size_t i = 0; i < state->n_services; i++)
		update_service(f, state, &state->services[i], ours, fn, data);
	forget(&f->nodes, node_exists, state, free);
	forget(&f->services, service_exists, state, free);
	forget(&f->images, image_node_exists, state, image_free);
	forget_old_images(f, state->mono_ms);
	forget_tasks(f, state);
	f->updated = true;
}

void
facts_set_source(struct facts *f, const char *node_id, bool source)
{
	add_node(f, node_id)->source = source;
}

void
facts_set_load(struct facts *f, const char *node_id, double cpu_cores, double mem_bytes, bool hot,
               int64_t now_mono_ms)
{
	struct facts_node *n = add_node(f, node_id);

	n->cpu_cores = cpu_cores;
	n->mem_bytes = mem_bytes;
	n->sample_mono_ms = now_mono_ms;
	if (!hot)
		n->hot_mono_ms = FACTS_NEVER;
	else if (n->hot_mono_ms == FACTS_NEVER)
		n->hot_mono_ms = now_mono_ms;
}

void
facts_set_round(struct facts *f, const char *node_id, int64_t took_ms)
{
	struct facts_node *n = add_node(f, node_id);

	/* Rounds in which few containers are due are short and say little: long ones count. */
	n->round_ms = MAX(took_ms, n->round_ms - n->round_ms / 8);
}

void
facts_set_forecast(struct facts *f, const char *task_id, const struct forecast *forecast)
{
	struct fact_task *t = idmap_get(&f->tasks, task_id);

	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		(void) str_copy(t->id, sizeof(t->id), task_id);
		idmap_put(&f->tasks, t->id, t);
	}
	t->forecast = *forecast;
}

void
facts_set_image(struct facts *f, const char *node_id, const char *image, const char *image_id,
                bool has_healthcheck, int64_t now_mono_ms)
{
	char *key = xasprintf("%s\n%s", node_id, image);
	struct facts_image *found = idmap_get(&f->images, key);

	if (found == NULL) {
		found = xcalloc(1, sizeof(*found));
		(void) str_copy(found->node_id, sizeof(found->node_id), node_id);
		found->key = key;
		found->image = strchr(key, '\n') + 1;
		idmap_put(&f->images, found->key, found);
	} else {
		free(key);
	}
	free(found->id);
	found->id = xstrdup(image_id);
	found->has_healthcheck = has_healthcheck;
	found->asked_mono_ms = now_mono_ms;
}

void
facts_set_foreign(struct facts *f, const char *service_id, int64_t wall_ms)
{
	struct facts_service *v = add_service(f, service_id);

	v->foreign_wall_ms = MAX(v->foreign_wall_ms, wall_ms);
}

void
facts_set_moved(struct facts *f, const char *service_id, int64_t wall_ms)
{
	struct facts_service *v = add_service(f, service_id);

	v->moved_wall_ms = MAX(v->moved_wall_ms, wall_ms);
}

void
facts_set_ours(struct facts *f, const char *service_id, uint64_t version_ours)
{
	struct facts_service *v = add_service(f, service_id);

	v->version_ours = MAX(v->version_ours, version_ours);
}

int64_t
facts_wall_after_jump(int64_t then_wall_ms, int64_t jump_ms, int64_t now_wall_ms)
{
	/* After a jump back a time may be an engine's whose clock was right: only not the future.
	 */
	return then_wall_ms == FACTS_NEVER ? FACTS_NEVER
	                                   : MIN(then_wall_ms + MAX(jump_ms, 0), now_wall_ms);
}

void
facts_wall_jumped(struct facts *f, int64_t jump_ms, int64_t now_wall_ms)
{
	for (size_t i = 0; i < f->services.n; i++) {
		struct facts_service *v = f->services.entries[i].value;

		v->foreign_wall_ms =
		    facts_wall_after_jump(v->foreign_wall_ms, jump_ms, now_wall_ms);
		v->moved_wall_ms = facts_wall_after_jump(v->moved_wall_ms, jump_ms, now_wall_ms);
	}
}

const struct facts_node *
facts_node(const struct facts *f, const char *id)
{
	return idmap_get(&f->nodes, id);
}

const struct facts_service *
facts_service(const struct facts *f, const char *id)
{
	return idmap_get(&f->services, id);
}

const struct forecast *
facts_forecast(const struct facts *f, const char *task_id)
{
	const struct fact_task *t = idmap_get(&f->tasks, task_id);

	return t == NULL ? NULL : &t->forecast;
}

const struct facts_image *
facts_image(const struct facts *f, const char *node_id, const char *image)
{
	_cleanup_(freep) char *key = xasprintf("%s\n%s", node_id, image);

	return idmap_get(&f->images, key);
}

const struct facts_image *
facts_image_at(const struct facts *f, size_t i)
{
	return i < f->images.n ? f->images.entries[i].value : NULL;
}
