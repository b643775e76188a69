/* Random sets; see draw.h. */
#include "test/rig/differ/draw.h"

#include "base/rng.h"

#define MIB INT64_C(1048576)

static const char *const names[] = {"m1", "w1", "w2"};

const char *const draw_refusals[] = {
    "stale",    "no-version", "bad-version", "rename",    "mode",      "no-name",
    "no-image", "bad-name",   "duplicate",   "tiny-cpu",  "tiny-mem",  "restart-delay",
    "delay",    "order",      "action",      "nobody",    "not-json",  "ratio",
    "no-task",  "=",          "no-operator", "no-value",  "bad-key",   "bad-value",
    "monitor",  "node-stale", "node-word",   "node-none", "condition", "no-container",
};
const size_t draw_n_refusals = ARRAY_SIZE(draw_refusals);

struct draw {
	const struct draw_ask *ask;
	struct rng rng;
};

static size_t
below(struct draw *d, size_t n)
{
	return (size_t) rng_below(&d->rng, n);
}

static bool
chance(struct draw *d, unsigned percent)
{
	return below(d, 100) < percent;
}

static const char *
one_of(struct draw *d, const char *const *list, size_t n)
{
	return list[below(d, n)];
}

#define ONE_OF(d, ...)                                                                             \
	one_of(d, (const char *const[]){__VA_ARGS__},                                              \
	       ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

/* ---- nodes ---- */

static json_t *
draw_labels(struct draw *d)
{
	json_t *labels = json_object();

	if (chance(d, 75))
		(void) json_object_set_new(labels, "zone", json_string(ONE_OF(d, "a", "b", "c")));
	if (chance(d, 40))
		(void) json_object_set_new(labels, "disk", json_string(ONE_OF(d, "ssd", "hdd")));
	return labels;
}

static json_t *
draw_nodes(struct draw *d)
{
	json_t *nodes = json_object();
	size_t away = chance(d, 30) ? below(d, ARRAY_SIZE(names)) : SIZE_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) json_object_set_new(
		    nodes, names[i],
		    json_pack("{s:o, s:s}", "labels", draw_labels(d), "availability",
		              i == away ? ONE_OF(d, "pause", "drain") : "active"));
	return nodes;
}

static json_t *
draw_event(struct draw *d, const json_t *nodes)
{
	const char *name = one_of(d, names, ARRAY_SIZE(names));
	const char *was =
	    json_string_value(json_object_get(json_object_get(nodes, name), "availability"));
	const char *words[] = {"active", "pause", "drain"};
	const char *now = words[below(d, 3)];

	if (chance(d, 50) || streq(was, now))
		return json_pack("{s:s, s:o}", "node", name, "labels", draw_labels(d));
	return json_pack("{s:s, s:s}", "node", name, "availability", now);
}

/* ---- a service ---- */

static char *
draw_constraint(struct draw *d)
{
	const char *node = one_of(d, names, ARRAY_SIZE(names)), *is = chance(d, 50) ? "==" : "!=";

	switch (below(d, 13)) {
	case 0:
	case 1:
		return xasprintf("node.hostname%s%s", is, node);
	case 2:
		return xasprintf("node.id%s@id:%s", is, node);
	case 3:
		return xasprintf("node.role%s%s", is, ONE_OF(d, "manager", "worker"));
	case 4:
	case 5:
	case 6:
		return xasprintf("node.labels.zone%s%s", is, ONE_OF(d, "a", "b", "c"));
	case 7:
	case 8:
		return xasprintf("node.labels.disk %s %s", is, ONE_OF(d, "ssd", "SSD", "hdd"));
	case 9:
		return xasprintf("engine.labels.rig%s%s", is, node);
	case 10:
		return xasprintf("%s%s%s",
		                 ONE_OF(d, "node.platform.os", "NODE.HOSTNAME", "node.foo"), is,
		                 ONE_OF(d, "linux", "W1"));
	case 11:
		return xasprintf("node.ip%s@addr:%s", is, node);
	default:
		return xasprintf("node.labels.%s%snowhere", ONE_OF(d, "none", "Zone"), is);
	}
}

static json_t *
draw_constraints(struct draw *d)
{
	json_t *list = json_array();
	size_t n = chance(d, 35) ? 0 : chance(d, 70) ? 1 : 2;

	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = draw_constraint(d);

		(void) json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *
draw_placement(struct draw *d)
{
	json_t *placement = json_object();

	(void) json_object_set_new(placement, "Constraints", draw_constraints(d));
	if (chance(d, 15))
		(void) json_object_set_new(
		    placement, "Preferences",
		    json_pack(
		        "[{s:{s:s}}]", "Spread", "SpreadDescriptor",
		        ONE_OF(d, "node.labels.zone", "node.labels.disk", "engine.labels.rig")));
	if (chance(d, 20))
		(void) json_object_set_new(placement, "MaxReplicas",
		                           json_integer(1 + (json_int_t) below(d, 2)));
	return placement;
}

enum tight { TIGHT_NONE, TIGHT_CPU, TIGHT_MEMORY };

/*
 * The sets of a batch share the nodes, so that only one may reserve CPU and one memory; what others
 * ask for is more than any node has.
 */
static json_t *
draw_resources(struct draw *d, enum tight tight)
{
	static const int64_t percent[] = {20, 34, 50, 51, 60, 100};
	int64_t part = percent[below(d, ARRAY_SIZE(percent))];
	json_t *reserve = json_object(), *limit = json_object();

	if (tight == TIGHT_CPU)
		(void) json_object_set_new(reserve, "NanoCPUs",
		                           json_integer(d->ask->cpu_nano / 100 * part));
	else if (tight == TIGHT_MEMORY)
		(void) json_object_set_new(
		    reserve, "MemoryBytes",
		    json_integer(part == 100 ? d->ask->mem_bytes : d->ask->mem_bytes / 100 * part));
	else if (chance(d, 8))
		(void) json_object_set_new(reserve, "NanoCPUs", json_integer(d->ask->cpu_nano * 2));
	else if (chance(d, 8))
		(void) json_object_set_new(reserve, "MemoryBytes",
		                           json_integer(d->ask->mem_bytes * 2));
	if (chance(d, 20))
		(void) json_object_set_new(limit, "MemoryBytes", json_integer(512 * MIB));
	return json_pack("{s:o, s:o}", "Limits", limit, "Reservations", reserve);
}

static json_t *
draw_update(struct draw *d)
{
	json_t *update =
	    json_pack("{s:I, s:s, s:I, s:s}", "Parallelism", (json_int_t) below(d, 3),
	              "FailureAction", ONE_OF(d, "pause", "pause", "continue", "rollback"),
	              "Monitor", (json_int_t) (100 + 400 * below(d, 2)) * 1000000, "Order",
	              ONE_OF(d, "start-first", "stop-first"));

	if (chance(d, 25))
		(void) json_object_set_new(update, "Delay", json_integer(300000000));
	if (chance(d, 15))
		(void) json_object_set_new(update, "MaxFailureRatio", json_real(0.5));
	return update;
}

/* One whose tasks fail ends some time, so that there is an end to compare. */
static json_t *
draw_restart(struct draw *d, bool fails)
{
	return json_pack("{s:s, s:I, s:I}", "Condition",
	                 fails ? ONE_OF(d, "any", "on-failure", "none")
	                       : ONE_OF(d, "any", "any", "on-failure", "none"),
	                 "Delay", INT64_C(300000000), "MaxAttempts",
	                 (json_int_t) (fails ? 1 + below(d, 2) : 0));
}

static json_t *
draw_spec(struct draw *d, size_t i, enum tight tight, bool fails)
{
	_cleanup_(freep) char *name =
	    xasprintf("d%llu-%zu", (unsigned long long) d->ask->number, i);
	json_t *task =
	    json_pack("{s:{s:s, s:[ss], s:I}, s:o, s:o, s:o}", "ContainerSpec", "Image",
	              fails ? "forager/part:1" : "forager/hold:1", "Env", "A=1", "B=2",
	              "StopGracePeriod", INT64_C(2000000000), "Resources", draw_resources(d, tight),
	              "RestartPolicy", draw_restart(d, fails), "Placement", draw_placement(d));
	json_t *spec =
	    json_pack("{s:s, s:{s:s}, s:o, s:{s:{s:I}}, s:{s:s}}", "Name", name, "Labels", "set",
	              name, "TaskTemplate", task, "Mode", "Replicated", "Replicas",
	              (json_int_t) (chance(d, 40)   ? 1
	                            : chance(d, 55) ? 2
	                            : chance(d, 60) ? 3
	                                            : 4),
	              "EndpointSpec", "Mode", "dnsrr");

	if (chance(d, 93))
		(void) json_object_set_new(spec, "UpdateConfig", draw_update(d));
	if (chance(d, 40))
		(void) json_object_set_new(spec, "RollbackConfig", draw_update(d));
	return spec;
}

/* ---- its changes ---- */

static void
edit(json_t *list, const char *path, json_t *value)
{
	(void) json_array_append_new(list, json_pack("[s, o]", path, value));
}

static json_t *
draw_edits(struct draw *d, enum tight tight)
{
	json_t *list = json_array();
	size_t n = chance(d, 75) ? 1 : 2;

	for (size_t i = 0; i < n; i++) {
		switch (below(d, 13)) {
		case 0:
		case 1:
		case 2:
		case 3:
			edit(list, "TaskTemplate.Placement.Constraints", draw_constraints(d));
			break;
		case 4:
		case 5:
			edit(list, "Mode.Replicated.Replicas",
			     json_integer((json_int_t) below(d, 7)));
			break;
		case 6:
			edit(list, "TaskTemplate.ForceUpdate",
			     json_integer(1 + (json_int_t) below(d, 9)));
			break;
		case 7:
			edit(list, "TaskTemplate.Resources", draw_resources(d, tight));
			break;
		case 8:
			edit(list, "Labels.note", json_string(ONE_OF(d, "x", "y", "z")));
			break;
		case 9:
			edit(list, "UpdateConfig", draw_update(d));
			break;
		case 10:
			edit(list, "TaskTemplate.Placement", draw_placement(d));
			break;
		case 11:
			edit(list, "TaskTemplate.ContainerSpec.Env",
			     json_pack("[s]", ONE_OF(d, "A=1", "A=2")));
			break;
		default:
			edit(list, "TaskTemplate.RestartPolicy.Delay",
			     json_integer((json_int_t) (200 + 100 * below(d, 2)) * 1000000));
		}
	}
	return list;
}

static json_t *
draw_change(struct draw *d, enum tight tight)
{
	const char *refuse = chance(d, 50) ? draw_refusals[below(d, draw_n_refusals)] : "";
	unsigned what = (unsigned) below(d, 100);

	return json_pack("{s:s, s:s, s:o}", "refuse", refuse, "do",
	                 what < 76   ? "update"
	                 : what < 90 ? "rollback"
	                             : "nothing",
	                 "edit", draw_edits(d, tight));
}

static json_t *
draw_set(struct draw *d, size_t i)
{
	enum tight tight = i == 0 ? TIGHT_CPU : i == 1 ? TIGHT_MEMORY : TIGHT_NONE;
	bool fails = tight == TIGHT_NONE && chance(d, 10);

	return json_pack("{s:o, s:b, s:[oo]}", "spec", draw_spec(d, i, tight, fails), "fate", fails,
	                 "changes", draw_change(d, tight), draw_change(d, tight));
}

json_t *
draw_batch(const struct draw_ask *ask)
{
	struct draw d = {.ask = ask};
	json_t *sets = json_array(), *nodes;

	rng_seed_stream(&d.rng, ask->seed, ask->number);
	nodes = draw_nodes(&d);
	for (size_t i = 0; i < ask->n_sets; i++)
		(void) json_array_append_new(sets, draw_set(&d, i));
	return json_pack("{s:o, s:o, s:o}", "sets", sets, "event", draw_event(&d, nodes), "nodes",
	                 nodes);
}
