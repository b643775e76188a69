/* Commands that make and change a world; see script.h. */
#include "test/fake/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "docker/document.h"
#include "test/fake/rules.h"
#include "test/fake/stats.h"

struct words {
	const char *items[64];
	size_t n;
};

static void _printf_(2, 3) say(char **reply, const char *fmt, ...)
{
	_cleanup_(freep) char *old = *reply;
	_cleanup_(freep) char *more = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&more, fmt, ap) < 0)
		abort();
	va_end(ap);
	*reply = xasprintf("%s%s", old != NULL ? old : "", more);
}

/* "KEY=VALUE" among the words; NULL = not there. */
static const char *
word_value(const struct words *w, const char *key, size_t from)
{
	size_t n = strlen(key);

	for (size_t i = from; i < w->n; i++) {
		if (strncmp(w->items[i], key, n) == 0 && w->items[i][n] == '=')
			return w->items[i] + n + 1;
	}
	return NULL;
}

static bool
has_word(const struct words *w, const char *word)
{
	for (size_t i = 2; i < w->n; i++) {
		if (streq(w->items[i], word))
			return true;
	}
	return false;
}

/* "1.5", "64M", "8G", "100K". */
static double
amount(const char *text, double otherwise)
{
	char *end;
	double x;

	if (text == NULL)
		return otherwise;
	x = strtod(text, &end);
	switch (*end) {
	case 'K':
		return x * 1024;
	case 'M':
		return x * 1024 * 1024;
	case 'G':
		return x * 1024 * 1024 * 1024;
	default:
		return x;
	}
}

/* All "PREFIX.KEY=VALUE" words as an object. */
static json_t *
labels_of(const struct words *w, const char *prefix)
{
	json_t *labels = json_object();
	size_t n = strlen(prefix);

	for (size_t i = 2; i < w->n; i++) {
		const char *equal = strchr(w->items[i], '=');
		_cleanup_(freep) char *key = NULL;

		if (equal == NULL || strncmp(w->items[i], prefix, n) != 0 || w->items[i][n] != '.')
			continue;
		key = strndup(w->items[i] + n + 1, (size_t) (equal - w->items[i]) - n - 1);
		(void) json_object_set_new(labels, key, json_string(equal + 1));
	}
	return labels;
}

/* ---- node NAME … ---- */

static void
node_make(struct engine *e, const struct words *w)
{
	struct resources capacity = {
	    .cpu_nano = (int64_t) (amount(word_value(w, "cpus", 2), 4) * 1e9),
	    .mem_bytes = (int64_t) amount(word_value(w, "mem", 2), 8.0 * 1024 * 1024 * 1024),
	};
	const char *generic = word_value(w, "generic", 2), *colon;
	struct world_node *n =
	    world_node_add(e->world, w->items[1], has_word(w, "manager"), &capacity);

	json_decref(n->labels);
	n->labels = labels_of(w, "label");
	json_decref(n->engine_labels);
	n->engine_labels = labels_of(w, "engine");
	if (generic != NULL && (colon = strchr(generic, ':')) != NULL) {
		_cleanup_(freep) char *kind = strndup(generic, (size_t) (colon - generic));

		n->generic = json_pack("[{s:{s:s, s:I}}]", "DiscreteResourceSpec", "Kind", kind,
		                       "Value", (json_int_t) strtoll(colon + 1, NULL, 10));
	}
}

static int
node_change(struct engine *e, struct world_node *n, const struct words *w, struct error *err)
{
	const char *what = w->n > 2 ? w->items[2] : "";

	if (streq(what, "hang"))
		machine_hang(e->world, n);
	else if (streq(what, "resume"))
		machine_resume(e->world, n);
	else if (streq(what, "kill"))
		machine_kill(e->world, n);
	else if (streq(what, "start"))
		machine_start(e->world, n);
	else if (streq(what, "touch"))
		world_node_touch(e->world, n, NULL);
	else if (streq(what, "churn"))
		machine_churn(e->world, n,
		              (int64_t) (amount(w->n > 3 ? w->items[3] : NULL, 20) * 1e9));
	else if (streq(what, "other"))
		n->other_cores = amount(w->n > 3 ? w->items[3] : NULL, 0);
	else
		return error_set(err, EINVAL,
		                 "node NAME hang|resume|kill|start|touch|churn [S]|other CORES");
	engine_ports_follow(e);
	return 0;
}

static int
do_node(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	struct world_node *n;

	(void) reply;
	if (w->n < 2)
		return error_set(err, EINVAL, "node NAME …");
	n = world_node_find(e->world, w->items[1]);
	if (n != NULL)
		return node_change(e, n, w, err);
	node_make(e, w);
	return 0;
}

/* ---- service NAME … ---- */

static void
set_amount(json_t *map, const char *key, const char *text, double unit)
{
	if (text != NULL)
		(void) json_object_set_new(map, key,
		                           json_integer((json_int_t) (amount(text, 0) * unit)));
}

static json_t *
resources_of(const struct words *w)
{
	json_t *reserve = json_object(), *limit = json_object();
	const char *generic = word_value(w, "generic", 2), *colon;

	set_amount(reserve, "NanoCPUs", word_value(w, "reserve-cpu", 2), 1e9);
	set_amount(reserve, "MemoryBytes", word_value(w, "reserve-memory", 2), 1);
	set_amount(limit, "NanoCPUs", word_value(w, "limit-cpu", 2), 1e9);
	set_amount(limit, "MemoryBytes", word_value(w, "limit-memory", 2), 1);
	if (generic != NULL && (colon = strchr(generic, ':')) != NULL) {
		_cleanup_(freep) char *kind = strndup(generic, (size_t) (colon - generic));

		(void) json_object_set_new(reserve, "GenericResources",
		                           json_pack("[{s:{s:s, s:I}}]", "DiscreteResourceSpec",
		                                     "Kind", kind, "Value",
		                                     (json_int_t) strtoll(colon + 1, NULL, 10)));
	}
	return json_pack("{s:o, s:o}", "Limits", limit, "Reservations", reserve);
}

static json_t *
placement_of(const struct words *w)
{
	json_t *placement = json_object(), *constraints = json_array(), *spread = json_array();

	for (size_t i = 2; i < w->n; i++) {
		const char *text = w->items[i];

		if (str_has_prefix(text, "constraint="))
			(void) json_array_append_new(constraints,
			                             json_string(text + strlen("constraint=")));
		else if (str_has_prefix(text, "spread="))
			(void) json_array_append_new(spread, json_pack("{s:{s:s}}", "Spread",
			                                               "SpreadDescriptor",
			                                               text + strlen("spread=")));
	}
	if (json_array_size(constraints) > 0)
		(void) json_object_set(placement, "Constraints", constraints);
	if (json_array_size(spread) > 0)
		(void) json_object_set(placement, "Preferences", spread);
	set_amount(placement, "MaxReplicas", word_value(w, "max-replicas", 2), 1);
	json_decref(constraints);
	json_decref(spread);
	return placement;
}

static json_t *
mode_of(const struct words *w)
{
	const char *mode = word_value(w, "mode", 2);
	json_int_t replicas = (json_int_t) amount(word_value(w, "replicas", 2), 1);

	if (streq(mode, "global"))
		return json_pack("{s:{}}", "Global");
	if (streq(mode, "job"))
		return json_pack("{s:{s:I, s:I}}", "ReplicatedJob", "MaxConcurrent", replicas,
		                 "TotalCompletions", replicas);
	return json_pack("{s:{s:I}}", "Replicated", "Replicas", replicas);
}

static json_t *
update_of(const struct words *w)
{
	const char *order = word_value(w, "order", 2), *action = word_value(w, "failure", 2);

	return json_pack("{s:I, s:s, s:I, s:I, s:i, s:s}", "Parallelism",
	                 (json_int_t) amount(word_value(w, "parallelism", 2), 1), "FailureAction",
	                 action != NULL ? action : "pause", "Monitor",
	                 (json_int_t) (amount(word_value(w, "monitor", 2), 5) * 1e9), "Delay",
	                 (json_int_t) (amount(word_value(w, "delay", 2), 0) * 1e9),
	                 "MaxFailureRatio", 0, "Order", order != NULL ? order : "stop-first");
}

static json_t *
spec_of(const struct words *w)
{
	const char *image = word_value(w, "image", 2), *port = word_value(w, "host-port", 2);
	const char *restart = word_value(w, "restart-delay", 2);
	json_t *task = json_pack("{s:{s:s, s:{s:[s]}, s:{}, s:s}, s:o, s:i, s:s}", "ContainerSpec",
	                         "Image", image != NULL ? image : "app:1", "Healthcheck", "Test",
	                         "NONE", "DNSConfig", "Isolation", "default", "Resources",
	                         resources_of(w), "ForceUpdate", 0, "Runtime", "container");
	json_t *spec = json_pack("{s:s, s:o, s:o, s:o, s:{s:s}}", "Name", w->items[1], "Labels",
	                         labels_of(w, "label"), "TaskTemplate", task, "Mode", mode_of(w),
	                         "EndpointSpec", "Mode", "dnsrr");

	if (!has_word(w, "no-placement"))
		(void) json_object_set_new(task, "Placement", placement_of(w));
	if (restart != NULL)
		(void) json_object_set_new(task, "RestartPolicy",
		                           json_pack("{s:s, s:I}", "Condition", "any", "Delay",
		                                     (json_int_t) (amount(restart, 5) * 1e9)));
	if (!has_word(w, "no-update") && !streq(word_value(w, "mode", 2), "job"))
		(void) json_object_set_new(spec, "UpdateConfig", update_of(w));
	if (port != NULL)
		(void) json_object_set_new(json_object_get(spec, "EndpointSpec"), "Ports",
		                           json_pack("[{s:s, s:i, s:i, s:s}]", "Protocol", "tcp",
		                                     "TargetPort", 80, "PublishedPort", atoi(port),
		                                     "PublishMode", "host"));
	return spec;
}

static int
do_service(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	struct world_service *s;

	if (w->n < 2)
		return error_set(err, EINVAL, "service NAME …");
	if (world_service_add(e->world, spec_of(w), &s) < 0)
		return error_set(err, EEXIST, "service '%s' is there already", w->items[1]);
	(void) str_copy(s->last_who, sizeof(s->last_who), "script");
	say(reply, "%s\n", s->id);
	return 0;
}

/* ---- how services behave ---- */

static int
do_load(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	struct world_service *s = w->n > 1 ? world_service_find(e->world, w->items[1]) : NULL;
	struct world_load *l;

	(void) reply;
	if (s == NULL)
		return error_set(err, EINVAL, "load SERVICE cores=… (there is no such service)");
	l = &s->load;
	l->given = true;
	l->cores = amount(word_value(w, "cores", 2), l->cores);
	l->swing = amount(word_value(w, "swing", 2), l->swing);
	l->period_s = amount(word_value(w, "period", 2), l->period_s);
	l->noise = amount(word_value(w, "noise", 2), l->noise);
	l->mem_bytes = amount(word_value(w, "mem", 2), MAX(l->mem_bytes, 32e6));
	l->net_bytes_s = amount(word_value(w, "net", 2), l->net_bytes_s);
	l->disk_bytes_s = amount(word_value(w, "disk", 2), l->disk_bytes_s);
	return 0;
}

static int
do_fate(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	static const char *const names[] = {"run", "stuck", "reject", "crash"};
	struct world_service *s = w->n > 3 ? world_service_find(e->world, w->items[1]) : NULL;
	struct world_fate_rule *f;

	(void) reply;
	for (size_t i = 0; s != NULL && i < ARRAY_SIZE(names); i++) {
		if (!streq(w->items[3], names[i]))
			continue;
		s->fates = xrealloc(s->fates, s->n_fates + 1, sizeof(*s->fates));
		f = &s->fates[s->n_fates++];
		f->node = streq(w->items[2], "*") ? NULL : xstrdup(w->items[2]);
		f->fate = (enum world_fate) i;
		f->after_s = amount(w->n > 4 ? w->items[4] : NULL, 1);
		for (size_t k = 0; k < s->n_tasks; k++)
			machine_task_changed(e->world, s->tasks[k]);
		return 0;
	}
	return error_set(err, EINVAL, "fate SERVICE NODE|* run|stuck|reject|crash [SECONDS]");
}

static int
do_times(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	struct world_service *s = w->n > 1 ? world_service_find(e->world, w->items[1]) : NULL;

	(void) reply;
	if (s == NULL)
		return error_set(err, EINVAL, "times SERVICE [start=S] [stop=S]");
	s->start_s = amount(word_value(w, "start", 2), s->start_s);
	s->stop_s = amount(word_value(w, "stop", 2), s->stop_s);
	return 0;
}

/* ---- many at once ---- */

static int
do_many(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	size_t n_nodes = (size_t) amount(word_value(w, "nodes", 1), 3);
	size_t n_managers = (size_t) amount(word_value(w, "managers", 1), 1);
	size_t n_services = (size_t) amount(word_value(w, "services", 1), 0);
	size_t first = e->world->n_nodes;

	for (size_t i = 0; i < n_nodes; i++) {
		_cleanup_(freep) char *line = xasprintf(
		    "node n%zu %s cpus=%s mem=%s", first + i + 1, i < n_managers ? "manager" : "",
		    word_value(w, "cpus", 1) != NULL ? word_value(w, "cpus", 1) : "4",
		    word_value(w, "mem", 1) != NULL ? word_value(w, "mem", 1) : "8G");

		if (script_line(e, line, reply, err) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < n_services; i++) {
		_cleanup_(freep) char *line = xasprintf(
		    "service s%zu replicas=%s label.forager.mode=%s order=start-first", i + 1,
		    word_value(w, "replicas", 1) != NULL ? word_value(w, "replicas", 1) : "1",
		    word_value(w, "mode", 1) != NULL ? word_value(w, "mode", 1) : "auto");

		if (script_line(e, line, reply, err) < 0)
			return -EINVAL;
	}
	return 0;
}

/* ---- faults, leader, time ---- */

static int
do_leader(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	struct world_node *n = w->n > 1 ? world_node_find(e->world, w->items[1]) : NULL;

	(void) reply;
	if (w->n > 1 && streq(w->items[1], "none")) {
		e->world->quorum_lost = true;
		return 0;
	}
	if (n == NULL || !n->manager)
		return error_set(err, EINVAL, "leader NODE|none (a manager)");
	e->world->quorum_lost = false;
	memcpy(e->world->leader, n->id, sizeof(e->world->leader));
	/* A new leader writes every node twice: unknown, then ready (swarm-wide L2). */
	for (size_t i = 0; i < e->world->n_nodes; i++)
		world_node_touch(e->world, e->world->nodes[i], NULL);
	return 0;
}

static int
do_run(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	double s = w->n > 1 ? amount(w->items[1], 0) : 0;

	(void) reply;
	if (s <= 0)
		return error_set(err, EINVAL, "run SECONDS");
	world_run_until(e->world, e->world->now_ns + (int64_t) (s * 1e9));
	e->world_ns += (int64_t) (s * 1e9);
	return 0;
}

static int
do_state(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	json_t *mines = json_object(), *faults = json_object(), *nodes = json_object();
	json_auto_t *doc = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t running = 0, pending = 0, moving = 0;
	char key[16];

	(void) w;
	(void) err;
	for (int i = 1; i <= 12; i++) {
		(void) snprintf(key, sizeof(key), "L%d", i);
		if (e->world->n_landmines[i] > 0)
			(void) json_object_set_new(mines, key,
			                           json_integer(e->world->n_landmines[i]));
	}
	for (size_t i = 1; i < FAULT_KIND_N; i++) {
		if (e->faults.n_injected[i] > 0)
			(void) json_object_set_new(
			    faults, fault_names[i],
			    json_integer((json_int_t) e->faults.n_injected[i]));
	}
	for (size_t i = 0; i < e->world->n_nodes; i++)
		(void) json_object_set_new(
		    nodes, e->world->nodes[i]->hostname,
		    json_real(stats_node_cores(e->world, e->world->nodes[i])));
	for (size_t k = 0; k < e->world->n_services; k++) {
		moving += e->world->services[k]->update == UPDATE_UPDATING;
		for (size_t i = 0; i < e->world->services[k]->n_tasks; i++) {
			const struct world_task *t = e->world->services[k]->tasks[i];

			running += t->state == TASK_RUNNING && t->desired == TASK_RUNNING;
			pending += t->state == TASK_PENDING && t->desired <= TASK_RUNNING;
		}
	}
	doc = json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "time_s",
	                (double) e->world->now_ns / 1e9, "index", (json_int_t) e->world->index,
	                "running", (json_int_t) running, "pending", (json_int_t) pending,
	                "updating", (json_int_t) moving, "requests", (json_int_t) e->n_requests,
	                "landmines", mines, "faults", faults, "node_cores", nodes);
	text = document_encode(doc);
	say(reply, "%s\n", text);
	return 0;
}

/* The host names of a service's running tasks; those that are wanted and do not run are "-". */
static int
do_where(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	const struct world_service *s = w->n > 1 ? world_service_find(e->world, w->items[1]) : NULL;

	if (s == NULL)
		return error_set(err, EINVAL, "where SERVICE (there is no such service)");
	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct world_task *t = s->tasks[i];

		if (t->desired <= TASK_RUNNING)
			say(reply, "%s\n", t->state == TASK_RUNNING ? t->node->hostname : "-");
	}
	return 0;
}

static int
do_names(struct engine *e, const struct words *w, char **reply, struct error *err)
{
	(void) reply;
	if (w->n != 2 || (!streq(w->items[1], "any") && !streq(w->items[1], "swarm")))
		return error_set(err, EINVAL, "names any|swarm");
	e->world->any_names = streq(w->items[1], "any");
	return 0;
}

/* ---- the table ---- */

static const struct {
	const char *name;
	int (*fn)(struct engine *e, const struct words *w, char **reply, struct error *err);
} commands[] = {
    {"node", do_node},   {"service", do_service}, {"load", do_load},     {"fate", do_fate},
    {"times", do_times}, {"many", do_many},       {"leader", do_leader}, {"run", do_run},
    {"state", do_state}, {"where", do_where},     {"names", do_names},
};

static void
split(char *text, struct words *ret)
{
	char *save = NULL;

	for (char *s = strtok_r(text, " \t", &save); s != NULL && ret->n < ARRAY_SIZE(ret->items);
	     s = strtok_r(NULL, " \t", &save))
		ret->items[ret->n++] = s;
}

int
script_line(struct engine *e, const char *line, char **reply, struct error *err)
{
	_cleanup_(freep) char *copy = xstrdup(line);
	struct words w = {0};

	if (str_has_prefix(line, "fault "))
		return fault_add(&e->faults, line + strlen("fault "), err);
	split(copy, &w);
	if (w.n == 0 || w.items[0][0] == '#')
		return 0;
	if (streq(w.items[0], "clear")) {
		fault_clear(&e->faults, w.n > 1 ? w.items[1] : NULL);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (streq(w.items[0], commands[i].name))
			return commands[i].fn(e, &w, reply, err);
	}
	return error_set(err, EINVAL, "no command '%s'", w.items[0]);
}

int
script_text(struct engine *e, const char *text, char **reply, struct error *err)
{
	size_t number = 1;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		_cleanup_(freep) char *line = strndup(text, n);
		int rc = script_line(e, line, reply, err);

		if (rc < 0)
			return error_wrap(err, "line %zu", number);
		text += n + (text[n] == '\n');
		number++;
	}
	return 0;
}
