/* What the rules read in a spec; see shape.h. */
#include "test/fake/shape.h"

#include "swarm/constraint.h"

json_t *
shape_at(const json_t *doc, const char *path)
{
	char key[64];

	while (doc != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		memcpy(key, path, n);
		key[n] = '\0';
		doc = json_object_get(doc, key);
		path += n + (path[n] == '.');
	}
	return json_is_null(doc) ? NULL : (json_t *) (uintptr_t) doc;
}

int64_t
shape_int(const json_t *doc, const char *path, int64_t otherwise)
{
	const json_t *value = shape_at(doc, path);

	return json_is_number(value) ? (int64_t) json_number_value(value) : otherwise;
}

const char *
shape_text(const json_t *doc, const char *path, const char *otherwise)
{
	const char *text = json_string_value(shape_at(doc, path));

	return text != NULL ? text : otherwise;
}

enum service_mode
shape_mode(const json_t *spec)
{
	if (shape_at(spec, "Mode.Global") != NULL)
		return MODE_GLOBAL;
	if (shape_at(spec, "Mode.ReplicatedJob") != NULL)
		return MODE_REPLICATED_JOB;
	if (shape_at(spec, "Mode.GlobalJob") != NULL)
		return MODE_GLOBAL_JOB;
	return MODE_REPLICATED;
}

uint64_t
shape_replicas(const json_t *spec)
{
	if (shape_mode(spec) == MODE_REPLICATED_JOB)
		return (uint64_t) shape_int(spec, "Mode.ReplicatedJob.TotalCompletions", 1);
	return (uint64_t) shape_int(spec, "Mode.Replicated.Replicas", 1);
}

/* Swarm's defaults: api/defaults/service.go. */
void
shape_update(const json_t *spec, bool rollback, struct shape_update *ret)
{
	const json_t *c = json_object_get(spec, rollback ? "RollbackConfig" : "UpdateConfig");
	const char *action = shape_text(c, "FailureAction", "pause");

	*ret = (struct shape_update){
	    .parallelism = (uint64_t) shape_int(c, "Parallelism", json_is_object(c) ? 0 : 1),
	    .delay_ns = shape_int(c, "Delay", 0),
	    .monitor_ns = shape_int(c, "Monitor", 5 * NS_PER_S),
	    .start_first = streq(shape_text(c, "Order", ""), "start-first"),
	    .action = streq(action, "rollback")   ? SHAPE_ROLLBACK
	              : streq(action, "continue") ? SHAPE_CONTINUE
	                                          : SHAPE_PAUSE,
	    .max_failure = json_number_value(shape_at(c, "MaxFailureRatio")),
	};
}

void
shape_restart(const json_t *task_spec, struct shape_restart *ret)
{
	const json_t *p = json_object_get(task_spec, "RestartPolicy");
	const char *condition = shape_text(p, "Condition", "any");

	*ret = (struct shape_restart){
	    .condition = streq(condition, "none")         ? SHAPE_NEVER
	                 : streq(condition, "on-failure") ? SHAPE_ON_FAILURE
	                                                  : SHAPE_ANY,
	    .delay_ns = shape_int(p, "Delay", 5 * NS_PER_S),
	    .window_ns = shape_int(p, "Window", 0),
	    .max_attempts = (uint64_t) shape_int(p, "MaxAttempts", 0),
	};
}

struct resources
shape_reserve(const json_t *task_spec)
{
	return (struct resources){
	    .cpu_nano = shape_int(task_spec, "Resources.Reservations.NanoCPUs", 0),
	    .mem_bytes = shape_int(task_spec, "Resources.Reservations.MemoryBytes", 0),
	};
}

/* An empty object is a message that is there, but an empty Labels is an empty map. */
static bool
is_absent(const char *key, const json_t *value)
{
	return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0 && streq(key, "Labels")) ||
	       (json_is_string(value) && *json_string_value(value) == '\0') ||
	       json_is_false(value) || (json_is_integer(value) && json_integer_value(value) == 0);
}

json_t *
shape_normal(const json_t *doc)
{
	json_t *made, *value;
	const char *key;
	size_t i;

	if (json_is_array(doc)) {
		made = json_array();
		json_array_foreach (doc, i, value)
			(void) json_array_append_new(made, shape_normal(value));
		return made;
	}
	if (!json_is_object(doc))
		return json_deep_copy(doc);
	made = json_object();
	json_object_foreach ((json_t *) (uintptr_t) doc, key, value) {
		if (!is_absent(key, value))
			(void) json_object_set_new(made, key, shape_normal(value));
	}
	return made;
}

bool
shape_equal(const json_t *a, const json_t *b)
{
	json_auto_t *x = NULL, *y = NULL;

	if (a == b)
		return true;
	if (a == NULL || b == NULL)
		return false;
	x = shape_normal(a);
	y = shape_normal(b);
	return json_equal(x, y);
}

static const struct label *
labels_of(const json_t *map, struct arena *arena, size_t *ret_n)
{
	struct label *labels = ARENA_NEW(arena, struct label, json_object_size(map) + 1);
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach ((json_t *) (uintptr_t) map, key, value)
		labels[n++] = (struct label){key, json_string_value(value)};
	*ret_n = n;
	return labels;
}

void
shape_snap_node(const struct world_node *n, struct arena *arena, struct snap_node *ret)
{
	*ret = (struct snap_node){
	    .id = n->id,
	    .hostname = n->hostname,
	    .attrs = {.hostname = n->hostname,
	              .addr = n->addr,
	              .role = n->manager ? "manager" : "worker",
	              .os = "linux",
	              .arch = "x86_64"},
	    .capacity = n->capacity,
	    .flags = (n->state == WORLD_READY ? NODE_READY : 0) |
	             (n->availability == WORLD_ACTIVE ? NODE_ACTIVE : 0),
	    .version = n->version,
	};
	ret->attrs.labels = labels_of(n->labels, arena, &ret->attrs.n_labels);
	ret->attrs.engine_labels = labels_of(n->engine_labels, arena, &ret->attrs.n_engine_labels);
}

bool
shape_node_matches(const json_t *task_spec, const struct world_node *n)
{
	const json_t *list = shape_at(task_spec, "Placement.Constraints");
	_cleanup_(arena_freep) struct arena *arena = NULL;
	struct snap_node snap;
	json_t *text;
	size_t i;

	if (json_array_size(list) == 0)
		return true;
	arena = arena_new();
	shape_snap_node(n, arena, &snap);
	json_array_foreach (list, i, text) {
		struct constraint c;

		/* What does not parse was refused when the service was written. */
		if (constraint_parse(arena, json_string_value(text), false, &c, NULL) == 0 &&
		    !constraint_match(&c, &snap))
			return false;
	}
	return true;
}
