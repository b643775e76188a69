/* The world's objects as Docker's JSON; see render.h. */
#include "test/fake/render.h"

#include <stdio.h>

#include "test/fake/shape.h"
#include "test/fake/times.h"

static json_t *
time_value(int64_t ns)
{
	char text[TIMES_SIZE];

	return json_string(times_text(ns, text));
}

const char *
render_engine_version(int api_minor)
{
	static const char *const names[] = {
	    "20.10.24", "23.0.5", "24.0.9", "25.0.3", "26.1.5", "27.0.3", "27.5.1", "28.0.4",
	    "28.1.1",   "28.2.2", "28.5.2", "29.0.4", "29.2.1", "29.4.0", "29.6.1", "29.7.2"};

	return names[CLAMP(api_minor - 41, 0, (int) ARRAY_SIZE(names) - 1)];
}

int
render_api_least(int api_minor)
{
	return api_minor <= 43 ? 12 : api_minor <= 51 ? 24 : api_minor <= 53 ? 44 : 40;
}

/* ---- the engine ---- */

static json_t *
render_swarm(const struct world *w, const struct world_node *here)
{
	size_t managers = 0;

	for (size_t i = 0; i < w->n_nodes; i++)
		managers += w->nodes[i]->manager;
	if (!here->manager)
		return json_pack("{s:s, s:s, s:s, s:b, s:s}", "NodeID", here->id, "NodeAddr",
		                 here->addr, "LocalNodeState", "active", "ControlAvailable", 0,
		                 "Error", "");
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:i, s:i}", "NodeID", here->id, "NodeAddr",
	                 here->addr, "LocalNodeState", "active", "ControlAvailable", 1, "Error", "",
	                 "Nodes", (int) w->n_nodes, "Managers", (int) managers);
}

json_t *
render_info(const struct world *w, const struct world_node *here)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:o}", "ID", here->id,
	                 "NCPU", (int) (here->capacity.cpu_nano / NS_PER_S), "CgroupDriver",
	                 "cgroupfs", "CgroupVersion", w->api_minor >= 43 ? "2" : "1", "MemTotal",
	                 (json_int_t) here->capacity.mem_bytes, "Name", here->hostname,
	                 "ServerVersion", render_engine_version(w->api_minor), "OSType", "linux",
	                 "Architecture", "x86_64", "Swarm", render_swarm(w, here));
}

json_t *
render_version(const struct world *w)
{
	char most[16], least[16];

	(void) snprintf(most, sizeof(most), "1.%d", w->api_minor);
	(void) snprintf(least, sizeof(least), "1.%d", render_api_least(w->api_minor));
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "Version",
	                 render_engine_version(w->api_minor), "ApiVersion", most, "MinAPIVersion",
	                 least, "Os", "linux", "Arch", "amd64");
}

/* ---- Swarm's objects ---- */

static json_t *
object(const char *id, uint64_t version, int64_t created_ns, int64_t updated_ns)
{
	return json_pack("{s:s, s:{s:I}, s:o, s:o}", "ID", id, "Version", "Index",
	                 (json_int_t) version, "CreatedAt", time_value(created_ns), "UpdatedAt",
	                 time_value(updated_ns));
}

json_t *
render_node(const struct world *w, const struct world_node *n)
{
	bool leads = streq(n->id, w->leader);
	json_t *doc = object(n->id, n->version, n->created_ns, n->updated_ns);
	json_t *resources = json_pack(
	    "{s:I, s:I, s:O*}", "NanoCPUs", (json_int_t) n->capacity.cpu_nano, "MemoryBytes",
	    (json_int_t) n->capacity.mem_bytes, "GenericResources", n->generic);

	(void) json_object_set_new(doc, "Spec",
	                           json_pack("{s:O, s:s, s:s}", "Labels", n->labels, "Role",
	                                     n->manager ? "manager" : "worker", "Availability",
	                                     world_availability_names[n->availability]));
	(void) json_object_set_new(doc, "Description",
	                           json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:s, s:O}}", "Hostname",
	                                     n->hostname, "Platform", "Architecture", "x86_64",
	                                     "OS", "linux", "Resources", resources, "Engine",
	                                     "EngineVersion", render_engine_version(w->api_minor),
	                                     "Labels", n->engine_labels));
	(void) json_object_set_new(
	    doc, "Status",
	    json_pack("{s:s, s:s}", "State", world_node_state_names[n->state], "Addr", n->addr));
	if (n->manager) {
		char addr[64];

		(void) snprintf(addr, sizeof(addr), "%.50s:2377", n->addr);
		json_t *status =
		    json_pack("{s:s, s:s}", "Reachability",
		              n->hung || n->dead ? "unreachable" : "reachable", "Addr", addr);

		if (leads)
			(void) json_object_set_new(status, "Leader", json_true());
		(void) json_object_set_new(doc, "ManagerStatus", status);
	}
	return doc;
}

static json_t *
update_status(const struct world_service *s)
{
	json_t *doc = json_pack("{s:s, s:o, s:s}", "State", world_update_names[s->update],
	                        "StartedAt", time_value(s->update_started_ns), "Message",
	                        s->update_message != NULL ? s->update_message : "");

	if (s->update_completed_ns > 0)
		(void) json_object_set_new(doc, "CompletedAt", time_value(s->update_completed_ns));
	return doc;
}

json_t *
render_service(const struct world *w, const struct world_service *s)
{
	json_t *doc = object(s->id, s->version, s->created_ns, s->updated_ns);
	json_t *endpoint = json_object_get(s->spec, "EndpointSpec");

	(void) w;
	(void) json_object_set(doc, "Spec", s->spec);
	if (s->previous != NULL)
		(void) json_object_set(doc, "PreviousSpec", s->previous);
	(void) json_object_set_new(
	    doc, "Endpoint",
	    json_pack("{s:o}", "Spec", endpoint != NULL ? json_incref(endpoint) : json_object()));
	if (s->update != UPDATE_NONE)
		(void) json_object_set_new(doc, "UpdateStatus", update_status(s));
	if (shape_mode(s->spec) > MODE_GLOBAL)
		(void) json_object_set_new(
		    doc, "JobStatus",
		    json_pack("{s:{s:I}}", "JobIteration", "Index", (json_int_t) s->job_iteration));
	return doc;
}

static int
exit_code(const struct world_task *t)
{
	return t->state == TASK_FAILED ? 1 : 0;
}

static json_t *
task_status(const struct world_task *t)
{
	json_t *doc = json_pack("{s:o, s:s, s:s, s:s*, s:{}}", "Timestamp",
	                        time_value(t->status_ns), "State", task_state_names[t->state],
	                        "Message", t->message, "Err", t->error, "PortStatus");

	if (t->container[0] != '\0')
		(void) json_object_set_new(doc, "ContainerStatus",
		                           json_pack("{s:s, s:i, s:i}", "ContainerID", t->container,
		                                     "PID", t->alive ? 4242 : 0, "ExitCode",
		                                     exit_code(t)));
	return doc;
}

json_t *
render_task(const struct world *w, const struct world_task *t)
{
	json_t *doc = object(t->id, t->version, t->created_ns, t->updated_ns);

	(void) w;
	(void) json_object_set_new(doc, "Labels", json_object());
	(void) json_object_set(doc, "Spec", t->spec);
	(void) json_object_set_new(doc, "ServiceID", json_string(t->service->id));
	if (t->slot > 0)
		(void) json_object_set_new(doc, "Slot", json_integer(t->slot));
	if (t->node != NULL)
		(void) json_object_set_new(doc, "NodeID", json_string(t->node->id));
	(void) json_object_set_new(doc, "Status", task_status(t));
	(void) json_object_set_new(doc, "DesiredState", json_string(task_state_names[t->desired]));
	return doc;
}

json_t *
render_config(const struct world_config *c)
{
	json_t *doc = object(c->id, c->version, c->created_ns, c->updated_ns);

	(void) json_object_set(doc, "Spec", c->spec);
	return doc;
}

/* ---- containers ---- */

static json_t *
container_labels(const struct world_task *t, const char *name)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "com.docker.swarm.node.id", t->node->id,
	                 "com.docker.swarm.service.id", t->service->id,
	                 "com.docker.swarm.service.name", t->service->name, "com.docker.swarm.task",
	                 "", "com.docker.swarm.task.id", t->id, "com.docker.swarm.task.name", name);
}

static void
name_of(const struct world_task *t, char ret[static 160])
{
	if (t->slot > 0)
		(void) snprintf(ret, 160, "%.100s.%u.%s", t->service->name, t->slot, t->id);
	else
		(void) snprintf(ret, 160, "%.100s.%s.%s", t->service->name, t->node->id, t->id);
}

static json_t *
image_id(const char *name)
{
	char text[80];
	uint64_t h = hash64(name, strlen(name));

	(void) snprintf(text, sizeof(text), "sha256:%016llx%016llx%016llx%016llx",
	                (unsigned long long) h, (unsigned long long) h, (unsigned long long) h,
	                (unsigned long long) h);
	return json_string(text);
}

json_t *
render_container(const struct world_task *t)
{
	const char *image = shape_text(t->spec, "ContainerSpec.Image", "");
	char name[160], slash[161];

	name_of(t, name);
	(void) snprintf(slash, sizeof(slash), "/%s", name);
	return json_pack("{s:s, s:[s], s:s, s:o, s:I, s:o, s:s, s:s}", "Id", t->container, "Names",
	                 slash, "Image", image, "ImageID", image_id(image), "Created",
	                 (json_int_t) (t->started_ns / NS_PER_S), "Labels",
	                 container_labels(t, name), "State", "running", "Status", "Up");
}

json_t *
render_inspect(const struct world_task *t)
{
	const char *image = shape_text(t->spec, "ContainerSpec.Image", "");
	char name[160], slash[161];
	json_t *state = json_pack("{s:s, s:b, s:b, s:i, s:i, s:o, s:o}", "Status",
	                          t->alive ? "running" : "exited", "Running", t->alive, "OOMKilled",
	                          0, "Pid", t->alive ? 4242 : 0, "ExitCode", exit_code(t),
	                          "StartedAt", time_value(t->started_ns), "FinishedAt",
	                          time_value(t->alive ? 0 : t->status_ns));

	name_of(t, name);
	(void) snprintf(slash, sizeof(slash), "/%s", name);
	return json_pack(
	    "{s:s, s:o, s:o, s:s, s:i, s:{s:I, s:I}, s:{s:s, s:o}}", "Id", t->container, "State",
	    state, "Image", image_id(image), "Name", slash, "RestartCount", 0, "HostConfig",
	    "Memory", (json_int_t) shape_int(t->spec, "Resources.Limits.MemoryBytes", 0),
	    "NanoCpus", (json_int_t) shape_int(t->spec, "Resources.Limits.NanoCPUs", 0), "Config",
	    "Image", image, "Labels", container_labels(t, name));
}

json_t *
render_image(const char *name)
{
	return json_pack("{s:o, s:[s], s:[], s:s, s:s, s:{s:n}}", "Id", image_id(name), "RepoTags",
	                 name, "RepoDigests", "Os", "linux", "Architecture", "amd64", "Config",
	                 "Healthcheck");
}
