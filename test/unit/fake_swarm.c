/* The scripted Swarm; see fake_swarm.h. */
#include "test/unit/fake_swarm.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char *const fake_node_ids[FAKE_NODES] = {
    "node1aaaaaaaaaaaaaaaaaaaa", "node2bbbbbbbbbbbbbbbbbbbb", "node3cccccccccccccccccccc",
    "node4dddddddddddddddddddd"};
const char *const fake_node_names[FAKE_NODES] = {"a", "b", "c", "d"};
static const char fake_config_id[] = "config1cccccccccccccccccc";
const char fake_service_id[] = "service1sssssssssssssssss";

static json_t *
constraints_of(const json_t *spec)
{
	return json_object_get(json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
	                       "Constraints");
}

bool
fake_has_term(const json_t *spec)
{
	const json_t *term;
	size_t i;

	json_array_foreach (constraints_of(spec), i, term)
		if (str_has_prefix(json_string_value(term), "node.id"))
			return true;
	return false;
}

static bool
allowed(const struct fake_swarm *f, uint32_t node)
{
	const json_t *term;
	size_t i;

	if (f->drained[node])
		return false;
	json_array_foreach (constraints_of(f->spec), i, term) {
		const char *text = json_string_value(term);
		bool equal;

		if (!str_has_prefix(text, "node.id"))
			continue;
		equal = strstr(text, "==") != NULL;
		if (equal != (strstr(text, fake_node_ids[node]) != NULL))
			return false;
	}
	return true;
}

static bool
alive(const struct fake_task *t)
{
	return t->desired <= TASK_RUNNING && t->state <= TASK_RUNNING;
}

static unsigned
copies_on(const struct fake_swarm *f, uint32_t node)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n_tasks; i++)
		n += alive(&f->tasks[i]) && f->tasks[i].node == node;
	return n;
}

/* As Swarm's scheduler: fewest copies first; ties by index. */
static uint32_t
place(const struct fake_swarm *f)
{
	uint32_t best = FAKE_NODES;

	for (uint32_t n = 0; n < f->n_nodes; n++) {
		if (!allowed(f, n))
			continue;
		if (best == FAKE_NODES || f->fate == FATE_ELSEWHERE ||
		    copies_on(f, n) < copies_on(f, best))
			best = n;
	}
	return best;
}

static struct fake_task *
task_new(struct fake_swarm *f, uint32_t slot)
{
	struct fake_task *t = &f->tasks[f->n_tasks];

	if (f->n_tasks++ == FAKE_TASKS)
		abort();
	(void) snprintf(t->id, sizeof(t->id), "task%03utttttttttttttttttt",
	                (unsigned) f->n_tasks % 1000);
	t->slot = slot;
	t->version = ++f->version;
	t->desired = TASK_RUNNING;
	t->error = "";
	return t;
}

static void
replace(struct fake_swarm *f, size_t old)
{
	uint32_t node = place(f);
	struct fake_task *t = task_new(f, f->tasks[old].slot);

	t->node = node;
	if (node == FAKE_NODES || f->fate == FATE_PENDING) {
		t->node = FAKE_NODES;
		t->state = TASK_PENDING;
		t->error = "no suitable node (insufficient resources on 1 node)";
	} else if (f->fate == FATE_PREPARE) {
		t->state = TASK_PREPARING;
	} else if (f->fate == FATE_FAIL) {
		t->state = TASK_FAILED;
		t->desired = TASK_SHUTDOWN;
		t->error = "task: non-zero exit (1)";
		f->update_state = "paused";
	} else {
		t->state = TASK_RUNNING;
		f->tasks[old].desired = TASK_SHUTDOWN;
		f->tasks[old].state = TASK_SHUTDOWN;
	}
}

static size_t
clean_in_slot(const struct fake_swarm *f, uint32_t slot)
{
	for (size_t i = 0; i < f->n_tasks; i++)
		if (alive(&f->tasks[i]) && f->tasks[i].slot == slot &&
		    f->tasks[i].state == TASK_RUNNING && allowed(f, f->tasks[i].node))
			return i;
	return FAKE_TASKS;
}

/* Slots that are new get a task, those that are too many lose theirs. */
static void
scale(struct fake_swarm *f)
{
	f->slots = (unsigned) json_integer_value(json_object_get(
	    json_object_get(json_object_get(f->spec, "Mode"), "Replicated"), "Replicas"));
	for (size_t i = 0; i < f->n_tasks; i++)
		if (f->tasks[i].slot > f->slots)
			f->tasks[i].desired = f->tasks[i].state = TASK_SHUTDOWN;
	for (uint32_t slot = 1; slot <= f->slots; slot++) {
		bool has = false;

		for (size_t i = 0; i < f->n_tasks; i++)
			has = has || (f->tasks[i].slot == slot && alive(&f->tasks[i]));
		if (!has) {
			uint32_t node = place(f);
			struct fake_task *t = task_new(f, slot);

			t->node = node;
			t->state = node == FAKE_NODES ? TASK_PENDING : TASK_RUNNING;
			t->error = node == FAKE_NODES ? "no suitable node (scheduling constraints "
			                                "not satisfied on 3 nodes)"
			                              : "";
		}
	}
}

/* The updater after a POST: a slot with a clean task keeps that one alone, others get a new one. */
static void
react(struct fake_swarm *f)
{
	bool dirty = false;

	f->update_state = NULL;
	scale(f);
	for (uint32_t slot = 1; slot <= f->slots; slot++) {
		size_t clean = clean_in_slot(f, slot), n = f->n_tasks, last = FAKE_TASKS;

		for (size_t i = 0; i < n; i++) {
			struct fake_task *t = &f->tasks[i];

			if (!alive(t) || t->slot != slot || i == clean)
				continue;
			if (t->state == TASK_RUNNING && clean == FAKE_TASKS) {
				last = i;
				continue;
			}
			dirty = true;
			t->desired = t->state = TASK_SHUTDOWN;
		}
		if (clean == FAKE_TASKS && last != FAKE_TASKS) {
			dirty = true;
			f->update_state = "updating";
			replace(f, last);
		}
	}
	if (dirty && f->update_state == NULL)
		f->update_state = "updating";
	f->update_left = f->update_readings;
}

void
fake_write(struct fake_swarm *f, json_t *spec)
{
	json_decref(f->previous);
	f->previous = f->spec;
	f->spec = spec;
	f->version++;
}

void
fake_update(struct fake_swarm *f, json_t *spec, bool paused)
{
	fake_write(f, spec);
	react(f);
	if (paused)
		f->update_state = "paused";
}

bool
fake_rollback(struct fake_swarm *f)
{
	json_t *spec = f->spec;

	if (f->previous == NULL)
		return false;
	f->spec = f->previous;
	f->previous = spec;
	f->version++;
	react(f);
	f->update_state = "rollback_started";
	return true;
}

static bool
all_run(const struct fake_swarm *f)
{
	return fake_running(f, FAKE_NODES) == f->slots;
}

/* Each reading of the service is a moment that passes. */
static void
tick(struct fake_swarm *f)
{
	bool back = streq(f->update_state, "rollback_started");

	if ((!back && !streq(f->update_state, "updating")) || !all_run(f))
		return;
	if (f->update_left > 0)
		f->update_left--;
	else
		f->update_state = back ? "rollback_completed" : "completed";
}

/* ---- what it says ---- */

static void
answer(struct http_server_conn *conn, int status, json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	http_server_answer(conn, status, "Content-Type: application/json\r\nApi-Version: 1.41\r\n",
	                   text);
	free(text);
	json_decref(doc);
}

static void
complain(struct http_server_conn *conn, int status, const char *message)
{
	answer(conn, status, json_pack("{s:s}", "message", message));
}

static json_t *
nodes(const struct fake_swarm *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_nodes; i++) {
		json_t *n = json_pack(
		    "{s:s, s:{s:I}, s:{s:s, s:s}, s:{s:s, s:{s:s, s:s}, s:{s:I, s:I}}, s:{s:s, "
		    "s:s}}",
		    "ID", fake_node_ids[i], "Version", "Index", (json_int_t) f->node_version,
		    "Spec", "Role", i == 0 ? "manager" : "worker", "Availability",
		    f->drained[i] ? "drain" : "active", "Description", "Hostname",
		    fake_node_names[i], "Platform", "OS", "linux", "Architecture", "x86_64",
		    "Resources", "NanoCPUs", (json_int_t) 4000000000, "MemoryBytes",
		    (json_int_t) 8000000000, "Status", "State",
		    f->unheard   ? "unknown"
		    : f->lost[i] ? "down"
		                 : "ready",
		    "Addr", "10.0.0.1");

		if (f->node_labels[i] != NULL)
			(void) json_object_set_new(json_object_get(n, "Spec"), "Labels",
			                           json_pack("{s:s}", "note", f->node_labels[i]));
		if (i == 0)
			(void) json_object_set_new(n, "ManagerStatus",
			                           json_pack("{s:b, s:s, s:s}", "Leader",
			                                     !f->follower, "Reachability",
			                                     "reachable", "Addr", "10.0.0.1:2377"));
		(void) json_array_append_new(list, n);
	}
	return list;
}

static json_t *
service(struct fake_swarm *f)
{
	json_t *s = json_pack("{s:s, s:{s:I}, s:O}", "ID", fake_service_id, "Version", "Index",
	                      (json_int_t) f->version, "Spec", f->spec);

	if (f->previous != NULL)
		(void) json_object_set(s, "PreviousSpec", f->previous);
	if (f->update_state != NULL)
		(void) json_object_set_new(
		    s, "UpdateStatus",
		    json_pack("{s:s, s:s}", "State", f->update_state, "Message", "said the fake"));
	return s;
}

static json_t *
tasks(const struct fake_swarm *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_tasks; i++) {
		const struct fake_task *t = &f->tasks[i];
		json_t *doc =
		    json_pack("{s:s, s:{s:I}, s:s, s:i, s:{}, s:s, s:s, s:{s:s, s:s, s:s}}", "ID",
		              t->id, "Version", "Index", (json_int_t) t->version, "CreatedAt",
		              t->old ? "2026-01-01T00:00:00Z" : "2100-01-01T00:00:00Z", "Slot",
		              (int) t->slot, "Spec", "ServiceID", fake_service_id, "DesiredState",
		              task_state_names[t->desired], "Status", "State",
		              task_state_names[t->state], "Message", "", "Err", t->error);

		if (t->node < FAKE_NODES)
			(void) json_object_set_new(doc, "NodeID",
			                           json_string(fake_node_ids[t->node]));
		(void) json_array_append_new(list, doc);
	}
	return list;
}

static void
apply(struct fake_swarm *f, json_t *spec)
{
	if (f->n_applied < FAKE_FAULTS)
		f->steering_seen[f->n_applied] = fake_has_term(spec);
	fake_write(f, spec);
	if (f->on_post != NULL)
		f->on_post(f, f->n_applied);
	f->n_applied++;
	react(f);
}

static void
update(struct fake_swarm *f, struct http_server_conn *conn, const struct http_server_request *r)
{
	unsigned n = f->n_posts++;
	enum fake_fault fault = n < FAKE_FAULTS ? f->faults[n] : FAULT_NONE;
	const char *at = strstr(r->target, "version=");
	json_t *spec;

	if (fault == FAULT_REFUSE) {
		complain(conn, 400, "the fake does not like it");
		return;
	}
	if (fault == FAULT_FORBID) {
		complain(conn, 403, "the fake forbids it");
		return;
	}
	if (fault == FAULT_DROP) {
		http_server_reset(conn);
		return;
	}
	if (fault == FAULT_CONFLICT || f->always_conflict)
		f->version++;
	if (at == NULL || strtoull(at + 8, NULL, 10) != f->version) {
		complain(conn, 500, "rpc error: code = Unknown desc = update out of sequence");
		return;
	}
	spec = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
	if (spec == NULL)
		abort();
	apply(f, spec);
	if (fault == FAULT_LOSE)
		http_server_reset(conn);
	else
		answer(conn, 200, json_object());
}

/* ---- the lease ---- */

void
fake_lease_write(struct fake_swarm *f, const char *holder)
{
	json_t *term = json_object_get(f->lease, "forager.lease.term");
	json_t *labels = json_pack("{s:s, s:s, s:O?, s:s}", "forager.lease.holder",
	                           holder != NULL ? holder : "", "forager.lease.host", "elsewhere",
	                           "forager.lease.term", term, "forager.lease.ttl-ms", "600");

	json_decref(f->lease);
	f->lease = labels;
	f->lease_version = ++f->version;
}

static void
lease_post(struct fake_swarm *f, struct http_server_conn *conn, const struct http_server_request *r)
{
	json_auto_t *doc = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
	const char *at = strstr(r->target, "version=");

	f->n_lease_posts++;
	if (f->lease != NULL && at == NULL) {
		complain(conn, 409,
		         "rpc error: code = AlreadyExists desc = config forager-lease "
		         "already exists");
		return;
	}
	if (at != NULL && strtoull(at + 8, NULL, 10) != f->lease_version) {
		complain(conn, 500, "rpc error: code = Unknown desc = update out of sequence");
		return;
	}
	json_decref(f->lease);
	f->lease = json_incref(json_object_get(doc, "Labels"));
	f->lease_version = ++f->version;
	answer(conn, at == NULL ? 201 : 200, json_pack("{s:s}", "ID", fake_config_id));
}

static void
lease(struct fake_swarm *f, struct http_server_conn *conn, const struct http_server_request *r)
{
	json_t *list = json_array();

	if (f->lease_down) {
		complain(conn, 500, "rpc error: code = DeadlineExceeded");
	} else if (streq(r->method, "POST")) {
		lease_post(f, conn, r);
	} else {
		if (f->lease != NULL)
			(void) json_array_append_new(
			    list, json_pack("{s:s, s:{s:I}, s:{s:s, s:O}}", "ID", fake_config_id,
			                    "Version", "Index", (json_int_t) f->lease_version,
			                    "Spec", "Name", "forager-lease", "Labels", f->lease));
		answer(conn, 200, json_incref(list));
	}
	json_decref(list);
}

static void
on_request(void *data, struct http_server_conn *conn, const struct http_server_request *r)
{
	struct fake_swarm *f = data;
	const char *path = r->target;

	f->n_requests++;
	if (f->on_request != NULL)
		f->on_request(f, r->method, r->target);
	if (str_has_prefix(path, "/v1.41"))
		path += strlen("/v1.41");
	if (str_has_prefix(path, "/_ping"))
		http_server_answer(conn, 200, "Api-Version: 1.41\r\n", "");
	else if (f->down)
		complain(conn, 500,
		         "rpc error: code = Unknown desc = The swarm does not have a "
		         "leader.");
	else if (f->broken != NULL && f->broken_left > 0 && str_has_prefix(path, f->broken)) {
		f->broken_left--;
		complain(conn, 500, "rpc error: code = Unknown desc = the fake is broken");
	} else if (str_has_prefix(path, "/info"))
		answer(conn, 200,
		       json_pack("{s:s, s:{s:s, s:s, s:b}}", "ServerVersion", "20.10.24", "Swarm",
		                 "NodeID", fake_node_ids[0], "LocalNodeState", "active",
		                 "ControlAvailable", 1));
	else if (str_has_prefix(path, "/nodes"))
		answer(conn, 200, nodes(f));
	else if (str_has_prefix(path, "/configs"))
		lease(f, conn, r);
	else if (str_has_prefix(path, "/tasks"))
		answer(conn, 200, tasks(f));
	else if (str_has_prefix(path, "/services/") && streq(r->method, "POST"))
		update(f, conn, r);
	else if (str_has_prefix(path, "/services/") &&
	         (f->removed || strstr(path, fake_service_id) == NULL))
		complain(conn, 404, "service service1 not found");
	else if (str_has_prefix(path, "/services/")) {
		tick(f);
		if (f->service_text != NULL)
			http_server_answer(conn, 200, "Content-Type: application/json\r\n",
			                   f->service_text);
		else
			answer(conn, 200, service(f));
	} else if (str_has_prefix(path, "/services"))
		answer(conn, 200, f->removed ? json_array() : json_pack("[o]", service(f)));
	else
		complain(conn, 404, "page not found");
}

/* The socket has no name while a test runs, so that a test that is killed leaves none behind. */
static void
listen_unnamed(struct fake_swarm *f, uv_loop_t *loop)
{
	_cleanup_(freep) char *name = xasprintf("/tmp/forager-fake-%d.sock", (int) getpid());

	f->server = http_server_open(loop, name, on_request, f);
	f->fd = open(name, O_PATH | O_CLOEXEC);
	if (f->fd < 0 || unlink(name) < 0)
		abort();
	f->path = xasprintf("/proc/self/fd/%d", f->fd);
}

void
fake_open(struct fake_swarm *f, uv_loop_t *loop, const char *spec, const uint32_t *on)
{
	*f = (struct fake_swarm){
	    .version = 100, .n_nodes = 3, .node_version = 5, .update_readings = 2};
	f->spec = json_loads(spec, JSON_REJECT_DUPLICATES, NULL);
	if (f->spec == NULL)
		abort();
	f->original = json_deep_copy(f->spec);
	f->slots = (unsigned) json_integer_value(json_object_get(
	    json_object_get(json_object_get(f->spec, "Mode"), "Replicated"), "Replicas"));
	for (unsigned i = 0; i < f->slots; i++) {
		struct fake_task *t = task_new(f, i + 1);

		t->node = on[i];
		t->state = TASK_RUNNING;
		t->old = true;
	}
	listen_unnamed(f, loop);
}

void
fake_close(struct fake_swarm *f)
{
	http_server_close(f->server);
}

void
fake_free(struct fake_swarm *f)
{
	(void) close(f->fd);
	free(f->path);
	json_decref(f->spec);
	json_decref(f->previous);
	json_decref(f->original);
	json_decref(f->lease);
}

unsigned
fake_running(const struct fake_swarm *f, uint32_t node)
{
	unsigned n = 0;

	for (uint32_t slot = 1; slot <= f->slots; slot++) {
		unsigned living = 0, running = 0;

		for (size_t i = 0; i < f->n_tasks; i++) {
			const struct fake_task *t = &f->tasks[i];

			if (t->slot != slot || !alive(t))
				continue;
			living++;
			running +=
			    t->state == TASK_RUNNING && (node == FAKE_NODES || t->node == node);
		}
		n += living == 1 && running == 1;
	}
	return n;
}

unsigned
fake_old_running(const struct fake_swarm *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n_tasks; i++)
		n += f->tasks[i].old && alive(&f->tasks[i]);
	return n;
}

bool
fake_spec_exact(const struct fake_swarm *f)
{
	char *now = json_dumps(f->spec, JSON_COMPACT | JSON_SORT_KEYS);
	char *then = json_dumps(f->original, JSON_COMPACT | JSON_SORT_KEYS);
	bool same = streq(now, then);

	free(now);
	free(then);
	return same;
}
