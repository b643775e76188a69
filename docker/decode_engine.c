/* What any engine tells of its own containers, images and events; see decode.h. */
#include "docker/decode.h"

#include <errno.h>
#include <strings.h>

#include "docker/decode_common.h"

#define ID_LENGTH           (SWARM_ID_SIZE - 1)
#define CONTAINER_ID_LENGTH (DOCKER_CONTAINER_ID_SIZE - 1)

static const char *
without_slash(const char *name)
{
	return *name == '/' ? name + 1 : name;
}

/* ---- containers ---- */

/* A linked container has more names, "/other/alias"; its own has one slash only. */
static const char *
own_name(const struct place *p)
{
	size_t n;
	const char *const *names = decode_strings(p, "Names", &n);

	for (size_t i = 0; i < n; i++) {
		if (strchr(without_slash(names[i]), '/') == NULL)
			return without_slash(names[i]);
	}
	return "";
}

static void
fill_container(const struct place *p, void *to)
{
	struct docker_container *c = to;
	struct place labels = place_key(p, "Labels");

	place_id(p, "Id", CONTAINER_ID_LENGTH, true, c->id);
	c->name = own_name(p);
	c->image = place_string(p, "Image");
	c->image_id = place_string(p, "ImageID");
	c->state = place_string(p, "State");
	c->created_ms = CLAMP(place_int(p, "Created", 0), 0, INT64_MAX / 1000) * 1000;
	place_id(&labels, "com.docker.swarm.task.id", ID_LENGTH, false, c->task_id);
	place_id(&labels, "com.docker.swarm.service.id", ID_LENGTH, false, c->service_id);
	place_id(&labels, "com.docker.swarm.node.id", ID_LENGTH, false, c->node_id);
	c->service_name = place_string(&labels, "com.docker.swarm.service.name");
}

static int
compare_containers(const void *a, const void *b)
{
	return strcmp(((const struct docker_container *) a)->id,
	              ((const struct docker_container *) b)->id);
}

int
decode_containers(const json_t *doc, struct arena *arena, struct docker_containers *ret,
                  struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "containers"};
	struct place list = reader_root(&r, doc);
	struct docker_containers all = {.arena = arena};
	size_t kept = 0;

	all.items = decode_items(&list, sizeof(*all.items), fill_container, &all.n);
	if (r.rc < 0)
		return r.rc;
	for (size_t i = 0; i < all.n; i++) {
		if (all.items[i].task_id[0] != '\0')
			all.items[kept++] = all.items[i];
	}
	all.n = kept;
	if (all.n > 1)
		qsort(all.items, all.n, sizeof(*all.items), compare_containers);
	*ret = all;
	return 0;
}

/* ---- stats ---- */

/* Reads up[key] and raises the flag when it is there. */
static uint64_t
counter(const struct place *up, const char *key, struct docker_stats *s, uint32_t flag)
{
	struct place p = place_key(up, key);

	if (place_is_there(&p))
		s->flags |= flag;
	return place_u64(up, key);
}

/* online_cpus came with API 1.27; before it the length of percpu_usage says the same. */
static void
stats_cpu(const struct place *p, struct docker_stats *s)
{
	struct place cpu = place_key(p, "cpu_stats");
	struct place usage = place_key(&cpu, "cpu_usage");
	struct place per_cpu = place_key(&usage, "percpu_usage");
	struct place throttling = place_key(&cpu, "throttling_data");

	s->cpu_ns = counter(&usage, "total_usage", s, DOCKER_STATS_CPU);
	s->system_ns = counter(&cpu, "system_cpu_usage", s, DOCKER_STATS_SYSTEM);
	s->online_cpus = (uint32_t) MIN(place_u64(&cpu, "online_cpus"), UINT32_MAX);
	if (s->online_cpus == 0)
		s->online_cpus = (uint32_t) place_count(&per_cpu);
	s->periods = counter(&throttling, "periods", s, DOCKER_STATS_THROTTLING);
	s->throttled_periods = place_u64(&throttling, "throttled_periods");
	s->throttled_ns = place_u64(&throttling, "throttled_time");
}

/* Docker's own client subtracts the same: v1 has total_inactive_file, v2 only inactive_file. */
static void
stats_memory(const struct place *p, struct docker_stats *s)
{
	struct place memory = place_key(p, "memory_stats");
	struct place details = place_key(&memory, "stats");
	struct place total = place_key(&details, "total_inactive_file");
	bool v1 = place_is_there(&total);

	s->mem_usage_bytes = counter(&memory, "usage", s, DOCKER_STATS_MEMORY);
	s->mem_limit_bytes = place_u64(&memory, "limit");
	s->mem_failcnt = counter(&memory, "failcnt", s, DOCKER_STATS_FAILCNT);
	s->mem_inactive_file_bytes =
	    place_u64(&details, v1 ? "total_inactive_file" : "inactive_file");
	s->mem_working_set_bytes =
	    s->mem_usage_bytes - MIN(s->mem_usage_bytes, s->mem_inactive_file_bytes);
	if (!v1 && place_is_there(&details) && json_object_get(details.value, "anon") != NULL)
		s->flags |= DOCKER_STATS_CGROUP2;
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void
stats_network(const struct place *p, struct docker_stats *s)
{
	struct place networks = place_key(p, "networks");
	const char *name;
	json_t *value;

	if (!place_is_there(&networks))
		return;
	if (!json_is_object(networks.value)) {
		place_fault(&networks, "an object was expected");
		return;
	}
	s->flags |= DOCKER_STATS_NETWORK;
	json_object_foreach ((json_t *) (uintptr_t) networks.value, name, value) {
		struct place one = place_key(&networks, name);

		s->net_rx_bytes = sum(s->net_rx_bytes, place_u64(&one, "rx_bytes"));
		s->net_tx_bytes = sum(s->net_tx_bytes, place_u64(&one, "tx_bytes"));
	}
}

/* "Read" on v1, "read" on v2; v1 has sums ("Total", "Sync", …) in the same list. */
static void
stats_blkio(const struct place *p, struct docker_stats *s)
{
	struct place blkio = place_key(p, "blkio_stats");
	struct place list = place_key(&blkio, "io_service_bytes_recursive");
	size_t n = place_count(&list);

	if (place_is_there(&list))
		s->flags |= DOCKER_STATS_BLKIO;
	for (size_t i = 0; i < n; i++) {
		struct place one = place_index(&list, i), op = place_key(&one, "op");
		const char *name = json_string_value(op.value);
		uint64_t value = place_u64(&one, "value");

		if (name == NULL)
			place_fault(&op, "a string was expected");
		else if (strcasecmp(name, "read") == 0)
			s->blk_read_bytes = sum(s->blk_read_bytes, value);
		else if (strcasecmp(name, "write") == 0)
			s->blk_write_bytes = sum(s->blk_write_bytes, value);
	}
}

int
decode_stats(const json_t *doc, struct docker_stats *ret, struct error *err)
{
	struct reader r = {.err = err, .what = "stats"};
	struct place p = reader_root(&r, doc);
	struct place pids = place_key(&p, "pids_stats");
	struct docker_stats s = {0};

	if (!json_is_object(doc))
		place_fault(&p, "an object was expected");
	s.read_ns = place_time_ns(&p, "read");
	if (s.read_ns > 0) { /* a stopped container has Go's zero time, or no time at all */
		s.flags |= DOCKER_STATS_RUNNING;
		stats_cpu(&p, &s);
		stats_memory(&p, &s);
		stats_network(&p, &s);
		stats_blkio(&p, &s);
		s.pids = counter(&pids, "current", &s, DOCKER_STATS_PIDS);
	}
	if (r.rc < 0)
		return r.rc;
	*ret = s;
	return 0;
}

/* ---- one container, one image ---- */

/* --cpus is kept as NanoCpus; an older way to say the same is a quota in each period (µs). */
static int64_t
cpu_limit(const struct place *host)
{
	int64_t nano = place_int(host, "NanoCpus", 0);
	int64_t quota = place_int(host, "CpuQuota", 0);
	int64_t period = place_int(host, "CpuPeriod", 0);

	if (nano != 0 || quota <= 0)
		return nano;
	if (period <= 0)
		period = 100000; /* the kernel's default */
	return (int64_t) ((double) quota / (double) period * 1e9);
}

int
decode_inspect(const json_t *doc, struct arena *arena, struct docker_inspect *ret,
               struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "container"};
	struct place p = reader_root(&r, doc);
	struct place state = place_key(&p, "State"), health = place_key(&state, "Health");
	struct place host = place_key(&p, "HostConfig");
	struct docker_inspect i = {.arena = arena};

	place_id(&p, "Id", CONTAINER_ID_LENGTH, true, i.id);
	if (!place_is_there(&state))
		place_fault(&state, "an object was expected");
	i.status = place_string(&state, "Status");
	i.health = place_string(&health, "Status");
	if (streq(i.health, "none"))
		i.health = "";
	i.pid = place_int(&state, "Pid", 0);
	i.exit_code = place_int(&state, "ExitCode", 0);
	i.oom_killed = place_bool(&state, "OOMKilled");
	i.started_ms = place_time_ms(&state, "StartedAt");
	i.finished_ms = place_time_ms(&state, "FinishedAt");
	i.restarts = place_u64(&p, "RestartCount");
	i.limit.cpu_nano = cpu_limit(&host);
	i.limit.mem_bytes = place_int(&host, "Memory", 0);
	if (r.rc < 0)
		return r.rc;
	*ret = i;
	return 0;
}

int
decode_image(const json_t *doc, struct arena *arena, struct docker_image *ret, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "image"};
	struct place p = reader_root(&r, doc);
	struct place config = place_key(&p, "Config"), health = place_key(&config, "Healthcheck");
	struct docker_image image = {.arena = arena};
	const char *const *test;
	size_t n;

	image.id = place_string(&p, "Id");
	if (*image.id == '\0')
		place_fault(&p, "there is no Id");
	image.digests = decode_strings(&p, "RepoDigests", &image.n_digests);
	image.os = place_string(&p, "Os");
	image.arch = place_string(&p, "Architecture");
	test = decode_strings(&health, "Test", &n);
	image.has_healthcheck = n > 0 && *test[0] != '\0' && !streq(test[0], "NONE");
	if (r.rc < 0)
		return r.rc;
	*ret = image;
	return 0;
}

/* ---- events ---- */

/* The first of the changes that a node's event may tell of; "" = only labels, say. */
static const char *
node_change(const struct place *attributes)
{
	static const char *const keys[] = {"availability.new", "state.new", "role.new",
	                                   "leader.new", "reachability.new"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text = place_string(attributes, keys[i]);

		if (*text != '\0')
			return text;
	}
	return "";
}

int
decode_event(const json_t *doc, struct arena *arena, struct docker_event *ret, struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "event"};
	struct place p = reader_root(&r, doc), actor = place_key(&p, "Actor");
	struct place attributes = place_key(&actor, "Attributes");
	struct docker_event e = {0};

	e.type = place_string(&p, "Type");
	e.action = place_string(&p, "Action");
	if (*e.type == '\0' || *e.action == '\0')
		place_fault(&p, "there is no Type or no Action");
	e.id = place_string(&actor, "ID");
	e.name = place_string(&attributes, "name");
	e.service_id = place_string(&attributes, "com.docker.swarm.service.id");
	e.task_id = place_string(&attributes, "com.docker.swarm.task.id");
	e.node_id = place_string(&attributes, "com.docker.swarm.node.id");
	e.update_state = place_string(&attributes, "updatestate.new");
	e.node_change = node_change(&attributes);
	e.time_ns = place_int(&p, "timeNano", 0);
	if (e.time_ns == 0)
		e.time_ns = CLAMP(place_int(&p, "time", 0), 0, INT64_MAX / 1000000000) * 1000000000;
	if (r.rc < 0)
		return r.rc;
	*ret = e;
	return 0;
}
