/* Services as a manager tells of them; see decode.h. */
#include "docker/decode.h"

#include <errno.h>

#include "docker/decode_common.h"

/* Swarm's own defaults where the spec says nothing (swarmkit api/defaults/service.go). */
#define DEFAULT_PARALLELISM 1
#define DEFAULT_MONITOR_NS  INT64_C(5000000000)
#define DEFAULT_RESTART_NS  INT64_C(5000000000)
#define ID_LENGTH           (SWARM_ID_SIZE - 1)

/* ---- mode ---- */

static void
service_mode(const struct place *spec, struct docker_service *s)
{
	struct place mode = place_key(spec, "Mode");
	struct place replicated = place_key(&mode, "Replicated");
	struct place global = place_key(&mode, "Global");
	struct place job = place_key(&mode, "ReplicatedJob");
	struct place global_job = place_key(&mode, "GlobalJob");

	if (place_is_there(&replicated)) {
		s->mode = DOCKER_REPLICATED;
		s->replicas = place_u64(&replicated, "Replicas");
	} else if (place_is_there(&global)) {
		s->mode = DOCKER_GLOBAL;
	} else if (place_is_there(&job)) {
		s->mode = DOCKER_REPLICATED_JOB;
		s->replicas = place_u64(&job, "TotalCompletions");
	} else if (place_is_there(&global_job)) {
		s->mode = DOCKER_GLOBAL_JOB;
	} else {
		place_fault(&mode, "a mode that forager knows was expected");
	}
}

/* ---- placement and resources ---- */

static void
fill_platform(const struct place *p, void *to)
{
	struct docker_platform *platform = to;

	platform->os = place_string(p, "OS");
	platform->arch = place_string(p, "Architecture");
}

static void
service_placement(const struct place *task, struct docker_service *s)
{
	struct place placement = place_key(task, "Placement");
	struct place preferences = place_key(&placement, "Preferences");
	struct place platforms = place_key(&placement, "Platforms");

	s->has_placement = place_is_there(&placement);
	s->constraints = decode_strings(&placement, "Constraints", &s->n_constraints);
	s->max_replicas = place_u64(&placement, "MaxReplicas");
	s->n_preferences = place_count(&preferences);
	s->platforms =
	    decode_items(&platforms, sizeof(*s->platforms), fill_platform, &s->n_platforms);
}

static void
service_resources(const struct place *task, struct docker_service *s)
{
	struct place resources = place_key(task, "Resources");
	struct place reserve = place_key(&resources, "Reservations");
	struct place limit = place_key(&resources, "Limits");
	struct place generic = place_key(&reserve, "GenericResources");

	s->reserve.cpu_nano = place_int(&reserve, "NanoCPUs", 0);
	s->reserve.mem_bytes = place_int(&reserve, "MemoryBytes", 0);
	s->limit.cpu_nano = place_int(&limit, "NanoCPUs", 0);
	s->limit.mem_bytes = place_int(&limit, "MemoryBytes", 0);
	s->has_generic = place_count(&generic) > 0;
}

/* ---- container ---- */

static void
fill_mount(const struct place *p, void *to)
{
	struct docker_mount *m = to;
	struct place options = place_key(p, "VolumeOptions");
	struct place driver = place_key(&options, "DriverConfig");

	m->type = place_string(p, "Type");
	m->source = place_string(p, "Source");
	m->target = place_string(p, "Target");
	m->read_only = place_bool(p, "ReadOnly");
	m->driver = place_string(&driver, "Name");
}

/* An absent or empty test means the image's own; "NONE" means none at all. */
static void
service_health(const struct place *container, struct docker_service *s)
{
	struct place health = place_key(container, "Healthcheck");
	size_t n;
	const char *const *test = decode_strings(&health, "Test", &n);

	s->no_healthcheck = n > 0 && streq(test[0], "NONE");
	s->has_healthcheck = n > 0 && !s->no_healthcheck && *test[0] != '\0';
}

static void
service_container(const struct place *task, struct docker_service *s)
{
	struct place container = place_key(task, "ContainerSpec");
	struct place mounts = place_key(&container, "Mounts");
	const char *runtime = place_string(task, "Runtime");

	s->is_container =
	    place_is_there(&container) && (*runtime == '\0' || streq(runtime, "container"));
	s->image = place_string(&container, "Image");
	s->mounts = decode_items(&mounts, sizeof(*s->mounts), fill_mount, &s->n_mounts);
	s->stop_grace_ns = place_int(&container, "StopGracePeriod", -1);
	service_health(&container, s);
}

/* ---- networks and ports ---- */

static void
fill_network(const struct place *p, void *to)
{
	*(const char **) to = place_string(p, "Target");
}

/* Spec.Networks is where engines before 1.25 kept them; Docker still reads it. */
static void
service_networks(const struct place *spec, const struct place *task, struct docker_service *s)
{
	struct place list = place_key(task, "Networks");
	const char **ids;

	if (!place_is_there(&list))
		list = place_key(spec, "Networks");
	ids = decode_items(&list, sizeof(*ids), fill_network, &s->n_networks);
	if (s->n_networks > 1)
		qsort(ids, s->n_networks, sizeof(*ids), decode_compare_strings);
	s->networks = ids;
}

static uint16_t
port_number(const struct place *p, const char *key)
{
	uint64_t n = place_u64(p, key);

	if (n > UINT16_MAX)
		place_fault(p, "%s is no port", key);
	return (uint16_t) n;
}

static void
fill_port(const struct place *p, void *to)
{
	struct docker_port *port = to;

	port->protocol = place_string(p, "Protocol");
	if (*port->protocol == '\0')
		port->protocol = "tcp";
	port->published = port_number(p, "PublishedPort");
	port->target = port_number(p, "TargetPort");
	port->host_mode = streq(place_string(p, "PublishMode"), "host");
}

/* Endpoint.Ports has what Swarm chose for the ports that the spec leaves open. */
static void
service_ports(const struct place *p, const struct place *spec, struct docker_service *s)
{
	struct place wanted = place_key(spec, "EndpointSpec");
	struct place actual = place_key(p, "Endpoint");
	struct place ports = place_key(&actual, "Ports");

	if (place_count(&ports) == 0)
		ports = place_key(&wanted, "Ports");
	s->ports = decode_items(&ports, sizeof(*s->ports), fill_port, &s->n_ports);
	s->dnsrr = streq(place_string(&wanted, "Mode"), "dnsrr");
}

/* ---- updates ---- */

static void
service_update_config(const struct place *spec, struct docker_service *s)
{
	static const char *const actions[] = {"pause", "continue", "rollback"};
	struct place config = place_key(spec, "UpdateConfig");
	struct docker_update_config *u = &s->update;
	int failure = place_enum(&config, "FailureAction", actions, ARRAY_SIZE(actions));

	u->present = place_is_there(&config);
	u->start_first = streq(place_string(&config, "Order"), "start-first");
	u->parallelism = u->present ? place_u64(&config, "Parallelism") : DEFAULT_PARALLELISM;
	u->delay_ns = place_int(&config, "Delay", 0);
	u->monitor_ns = place_int(&config, "Monitor", DEFAULT_MONITOR_NS);
	u->failure = (enum docker_failure_action) MAX(failure, 0);
}

/* A state that a newer engine may have: facts stay readable, and nobody acts on it. */
static enum docker_update_state
update_state(const char *text)
{
	static const char *const names[] = {
	    [DOCKER_UPDATE_NONE] = "",
	    [DOCKER_UPDATING] = "updating",
	    [DOCKER_UPDATE_PAUSED] = "paused",
	    [DOCKER_UPDATE_COMPLETED] = "completed",
	    [DOCKER_ROLLBACK_STARTED] = "rollback_started",
	    [DOCKER_ROLLBACK_PAUSED] = "rollback_paused",
	    [DOCKER_ROLLBACK_COMPLETED] = "rollback_completed",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (streq(names[i], text))
			return (enum docker_update_state) i;
	}
	return DOCKER_UPDATE_OTHER;
}

static void
service_update_status(const struct place *p, struct docker_service *s)
{
	struct place status = place_key(p, "UpdateStatus");

	s->status.state = update_state(place_string(&status, "State"));
	s->status.message = place_string(&status, "Message");
	s->status.started_ms = place_time_ms(&status, "StartedAt");
	s->status.completed_ms = place_time_ms(&status, "CompletedAt");
}

static void
service_restart(const struct place *task, struct docker_service *s)
{
	static const char *const conditions[] = {"any", "none", "on-failure"};
	struct place policy = place_key(task, "RestartPolicy");
	int condition = place_enum(&policy, "Condition", conditions, ARRAY_SIZE(conditions));

	s->restart = (enum docker_restart) MAX(condition, 0);
	s->restart_delay_ns = place_int(&policy, "Delay", DEFAULT_RESTART_NS);
}

/* ---- the whole ---- */

static void
fill_service(const struct place *p, void *to)
{
	struct docker_service *s = to;
	struct place version = place_key(p, "Version");
	struct place spec = place_key(p, "Spec");
	struct place task = place_key(&spec, "TaskTemplate");
	struct place previous = place_key(p, "PreviousSpec");

	place_id(p, "ID", ID_LENGTH, true, s->id);
	if (!place_is_there(&version))
		place_fault(&version, "an object was expected");
	s->version = place_u64(&version, "Index");
	s->created_ms = place_time_ms(p, "CreatedAt");
	s->updated_ms = place_time_ms(p, "UpdatedAt");
	s->name = place_string(&spec, "Name");
	if (*s->name == '\0')
		place_fault(&spec, "there is no Name");
	s->labels = decode_labels(&spec, "Labels");
	s->previous_labels = decode_labels(&previous, "Labels");
	service_mode(&spec, s);
	service_placement(&task, s);
	service_resources(&task, s);
	service_container(&task, s);
	service_networks(&spec, &task, s);
	service_ports(p, &spec, s);
	service_update_config(&spec, s);
	service_update_status(p, s);
	service_restart(&task, s);
}

static int
compare_services(const void *a, const void *b)
{
	return strcmp(((const struct docker_service *) a)->id,
	              ((const struct docker_service *) b)->id);
}

int
decode_services(const json_t *doc, struct arena *arena, struct docker_services *ret,
                struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "services"};
	struct place list = reader_root(&r, doc);
	struct docker_services services = {.arena = arena};

	services.items = decode_items(&list, sizeof(*services.items), fill_service, &services.n);
	if (r.rc < 0)
		return r.rc;
	if (services.n > 1)
		qsort(services.items, services.n, sizeof(*services.items), compare_services);
	*ret = services;
	return 0;
}

int
decode_service(const json_t *doc, struct arena *arena, struct docker_service *ret,
               struct error *err)
{
	struct reader r = {.arena = arena, .err = err, .what = "service"};
	struct place p = reader_root(&r, doc);
	struct docker_service service = {0};

	fill_service(&p, &service);
	if (r.rc < 0)
		return r.rc;
	*ret = service;
	return 0;
}
