/* What a manager tells: nodes, tasks, configs, and the engine's own information; see decode.h. */
#include "docker/decode.h"

#include <errno.h>

#include "docker/decode_common.h"

#define ID_LENGTH (SWARM_ID_SIZE - 1)

/* qsort's pointer may not be NULL. */
static void
sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 1)
		qsort(items, n, size, compare);
}

static uint64_t
version_of(const struct place *object)
{
	struct place version = place_key(object, "Version");

	if (!place_is_there(&version))
		place_fault(&version, "an object was expected");
	return place_u64(&version, "Index");
}

static void
resources_of(const struct place *up, const char *key, struct docker_resources *ret)
{
	struct place p = place_key(up, key);

	ret->cpu_nano = place_int(&p, "NanoCPUs", 0);
	ret->mem_bytes = place_int(&p, "MemoryBytes", 0);
}

static bool
has_items(const struct place *up, const char *key)
{
	struct place p = place_key(up, key);

	return place_count(&p) > 0;
}

/* ---- nodes ---- */

static void
node_describe(const struct place *p, struct docker_node *n)
{
	struct place description = place_key(p, "Description");
	struct place platform = place_key(&description, "Platform");
	struct place resources = place_key(&description, "Resources");
	struct place engine = place_key(&description, "Engine");

	n->hostname = place_string(&description, "Hostname");
	n->os = place_string(&platform, "OS");
	n->arch = place_string(&platform, "Architecture");
	resources_of(&description, "Resources", &n->capacity);
	n->has_generic = has_items(&resources, "GenericResources");
	n->engine_version = place_string(&engine, "EngineVersion");
	n->engine_labels = decode_labels(&engine, "Labels");
}

static void
node_spec(const struct place *p, struct docker_node *n)
{
	static const char *const roles[] = {"worker", "manager"};
	static const char *const availabilities[] = {"active", "pause", "drain"};
	struct place spec = place_key(p, "Spec");
	int availability =
	    place_enum(&spec, "Availability", availabilities, ARRAY_SIZE(availabilities));

	n->role = place_enum(&spec, "Role", roles, ARRAY_SIZE(roles)) == 1 ? DOCKER_MANAGER
	                                                                   : DOCKER_WORKER;
	n->availability = (enum docker_availability) MAX(availability, 0);
	n->labels = decode_labels(&spec, "Labels");
}

static void
node_status(const struct place *p, struct docker_node *n)
{
	static const char *const states[] = {"unknown", "ready", "down", "disconnected"};
	static const char *const reach[] = {"", "unknown", "reachable", "unreachable"};
	struct place status = place_key(p, "Status");
	struct place manager = place_key(p, "ManagerStatus");
	int state = place_enum(&status, "State", states, ARRAY_SIZE(states));
	int reachability = place_enum(&manager, "Reachability", reach, ARRAY_SIZE(reach));

	n->state = (enum docker_node_state) MAX(state, 0);
	n->message = place_string(&status, "Message");
	n->addr = place_string(&status, "Addr");
	n->reachability = (enum docker_reachability) MAX(reachability, 0);
	n->is_leader = place_bool(&manager, "Leader");
	n->manager_addr = place_string(&manager, "Addr");
}

static void
fill_node(const struct place *p, void *to)
{
	struct docker_node *n = to;

	place_id(p, "ID", ID_LENGTH, true, n->id);
	n->version = version_of(p);
	n->created_ms = place_time_ms(p, "CreatedAt");
	n->updated_ms = place_time_ms(p, "UpdatedAt");
	node_describe(p, n);
	node_spec(p, n);
	node_status(p, n);
}

static int
compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct docker_node *) a)->id, ((const struct docker_node *) b)->id);
}

int
decode_nodes(const json_t *doc, struct arena *arena, struct docker_nodes *ret, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "nodes"};
	struct place list = reader_root(&r, doc);
	struct docker_nodes nodes = {.arena = arena};

	nodes.items = decode_items(&list, sizeof(*nodes.items), fill_node, &nodes.n);
	if (r.rc < 0)
		return r.rc;
	sort(nodes.items, nodes.n, sizeof(*nodes.items), compare_nodes);
	*ret = nodes;
	return 0;
}

/* ---- tasks ---- */

static void
task_spec(const struct place *p, struct docker_task *t)
{
	struct place spec = place_key(p, "Spec");
	struct place container = place_key(&spec, "ContainerSpec");
	struct place placement = place_key(&spec, "Placement");
	struct place resources = place_key(&spec, "Resources");
	struct place reservations = place_key(&resources, "Reservations");

	t->image = place_string(&container, "Image");
	t->has_placement = place_is_there(&placement);
	resources_of(&resources, "Reservations", &t->reserve);
	resources_of(&resources, "Limits", &t->limit);
	t->has_generic = has_items(&reservations, "GenericResources");
}

static enum docker_task_state
task_state(const struct place *up, const char *key)
{
	static const char *const names[] = {
	    "new",     "pending",  "assigned", "accepted", "preparing", "ready",  "starting",
	    "running", "complete", "shutdown", "failed",   "rejected",  "remove", "orphaned",
	};

	return (enum docker_task_state) MAX(place_enum(up, key, names, ARRAY_SIZE(names)), 0);
}

static void
task_status(const struct place *p, struct docker_task *t)
{
	struct place status = place_key(p, "Status");
	struct place container = place_key(&status, "ContainerStatus");

	t->state = task_state(&status, "State");
	t->state_ms = place_time_ms(&status, "Timestamp");
	t->message = place_string(&status, "Message");
	t->error = place_string(&status, "Err");
	t->container_id = place_string(&container, "ContainerID");
	t->exit_code = place_int(&container, "ExitCode", 0);
}

static void
fill_task(const struct place *p, void *to)
{
	struct docker_task *t = to;

	place_id(p, "ID", ID_LENGTH, true, t->id);
	place_id(p, "ServiceID", ID_LENGTH, false, t->service_id);
	place_id(p, "NodeID", ID_LENGTH, false, t->node_id);
	t->version = version_of(p);
	t->slot = (uint32_t) MIN(place_u64(p, "Slot"), UINT32_MAX);
	t->created_ms = place_time_ms(p, "CreatedAt");
	t->updated_ms = place_time_ms(p, "UpdatedAt");
	t->desired = task_state(p, "DesiredState");
	task_spec(p, t);
	task_status(p, t);
}

static int
compare_tasks(const void *a, const void *b)
{
	const struct docker_task *x = a, *y = b;
	int c = strcmp(x->service_id, y->service_id);

	if (c != 0)
		return c;
	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return strcmp(x->id, y->id);
}

int
decode_tasks(const json_t *doc, struct arena *arena, struct docker_tasks *ret, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "tasks"};
	struct place list = reader_root(&r, doc);
	struct docker_tasks tasks = {.arena = arena};

	tasks.items = decode_items(&list, sizeof(*tasks.items), fill_task, &tasks.n);
	if (r.rc < 0)
		return r.rc;
	sort(tasks.items, tasks.n, sizeof(*tasks.items), compare_tasks);
	*ret = tasks;
	return 0;
}

/* ---- configs ---- */

static void
fill_config(const struct place *p, void *to)
{
	struct docker_config *c = to;
	struct place spec = place_key(p, "Spec");

	place_id(p, "ID", ID_LENGTH, true, c->id);
	c->version = version_of(p);
	c->created_ms = place_time_ms(p, "CreatedAt");
	c->updated_ms = place_time_ms(p, "UpdatedAt");
	c->name = place_string(&spec, "Name");
	c->labels = decode_labels(&spec, "Labels");
}

static int
compare_configs(const void *a, const void *b)
{
	return strcmp(((const struct docker_config *) a)->id,
	              ((const struct docker_config *) b)->id);
}

int
decode_configs(const json_t *doc, struct arena *arena, struct docker_configs *ret,
               struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "configs"};
	struct place list = reader_root(&r, doc);
	struct docker_configs configs = {.arena = arena};

	configs.items = decode_items(&list, sizeof(*configs.items), fill_config, &configs.n);
	if (r.rc < 0)
		return r.rc;
	sort(configs.items, configs.n, sizeof(*configs.items), compare_configs);
	*ret = configs;
	return 0;
}

/* ---- the engine ---- */

/* A string in every engine: "1" or "2"; absent before 20.10. */
static uint32_t
cgroup_version(const struct place *p)
{
	const char *text = place_string(p, "CgroupVersion");

	return streq(text, "1") ? 1 : streq(text, "2") ? 2 : 0;
}

int
decode_info(const json_t *doc, struct arena *arena, struct docker_info *ret, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "info"};
	struct place p = reader_root(&r, doc), swarm = place_key(&p, "Swarm");
	struct docker_info info = {.arena = arena};

	info.engine_version = place_string(&p, "ServerVersion");
	if (*info.engine_version == '\0')
		place_fault(&p, "there is no ServerVersion");
	info.hostname = place_string(&p, "Name");
	info.os_type = place_string(&p, "OSType");
	info.arch = place_string(&p, "Architecture");
	info.cgroup_version = cgroup_version(&p);
	info.n_cpus = (uint32_t) MIN(place_u64(&p, "NCPU"), UINT32_MAX);
	info.mem_bytes = place_int(&p, "MemTotal", 0);
	place_id(&swarm, "NodeID", ID_LENGTH, false, info.node_id);
	info.local_state = place_string(&swarm, "LocalNodeState");
	info.swarm_error = place_string(&swarm, "Error");
	info.control_available = place_bool(&swarm, "ControlAvailable");
	if (r.rc < 0)
		return r.rc;
	*ret = info;
	return 0;
}

int
decode_done(const json_t *doc, struct arena *arena, const char **ret_id,
            const char *const **ret_warnings, size_t *ret_n, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "answer"};
	struct place p = reader_root(&r, doc);
	const char *id = place_string(&p, "ID");
	const char *const *warnings;
	size_t n;

	if (*id == '\0')
		id = place_string(&p, "Id");
	warnings = decode_strings(&p, "Warnings", &n);
	if (r.rc < 0)
		return r.rc;
	*ret_id = id;
	*ret_warnings = warnings;
	*ret_n = n;
	return 0;
}
