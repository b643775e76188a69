/* The endpoints that change the Swarm; see write.h. */
#include "test/fake/write.h"

#include "docker/document.h"
#include "test/fake/rules.h"
#include "test/fake/validate.h"

#define SEQUENCE "rpc error: code = Unknown desc = update out of sequence"

static void
refuse(struct route_answer *a, int status, char *body)
{
	a->status = status;
	a->body = body;
}

static void
done(struct route_answer *a, int status, json_t *doc)
{
	json_auto_t *mine = doc;

	a->status = status;
	a->body = mine != NULL ? document_encode(mine) : xstrdup("");
}

static char *
id_of(const struct route_request *r)
{
	const char *s = strchr(r->path + 1, '/');

	return s == NULL ? xstrdup("") : strndup(s + 1, strcspn(s + 1, "/"));
}

/* The compare-and-swap of Swarm's store. */
static bool
out_of_sequence(uint64_t asked, uint64_t version, struct route_answer *a)
{
	if (asked == version)
		return false;
	refuse(a, 500, route_message("%s", SEQUENCE));
	return true;
}

/* ---- nodes ---- */

static int
word_index(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(words[i], word))
			return (int) i;
	}
	return -1;
}

void
write_node(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	struct world_node *n = world_node_find(r->world, id);
	json_auto_t *spec = NULL;
	json_t *labels, *attributes = NULL;
	int availability;
	uint64_t version;

	if (n == NULL) {
		refuse(a, 404, route_message("node %s not found", id));
		return;
	}
	if ((spec = validate_body(r, a)) == NULL || !validate_version(r, "node", &version, a))
		return;
	availability =
	    word_index(world_availability_names, 3, shape_text(spec, "Availability", ""));
	if (availability < 0) {
		refuse(a, 400,
		       route_message("invalid Availability: \"%s\"",
		                     shape_text(spec, "Availability", "")));
		return;
	}
	if (out_of_sequence(version, n->version, a))
		return;
	if ((enum world_availability) availability != n->availability)
		attributes = json_pack("{s:s, s:s}", "availability.old",
		                       world_availability_names[n->availability],
		                       "availability.new", world_availability_names[availability]);
	n->availability = (enum world_availability) availability;
	labels = json_object_get(spec, "Labels");
	json_decref(n->labels);
	n->labels = json_is_object(labels) ? json_deep_copy(labels) : json_object();
	world_node_touch(r->world, n, attributes);
	done(a, 200, NULL);
}

/* ---- service specs ---- */

/* L12: what an older API version does not know is dropped from what is posted. */
static const struct {
	int minor; /* older ones drop it */
	const char *parent, *key;
} stripped[] = {
    {40, "TaskTemplate.ContainerSpec", "Sysctls"},
    {40, "TaskTemplate.Placement", "MaxReplicas"},
    {41, "TaskTemplate.ContainerSpec", "CapabilityAdd"},
    {41, "TaskTemplate.ContainerSpec", "CapabilityDrop"},
    {41, "TaskTemplate.ContainerSpec", "Ulimits"},
    {41, "TaskTemplate.Resources.Limits", "Pids"},
    {44, "TaskTemplate.ContainerSpec.Privileges", "Seccomp"},
    {44, "TaskTemplate.ContainerSpec.Privileges", "AppArmor"},
    {44, "TaskTemplate.ContainerSpec.Privileges", "NoNewPrivileges"},
    {44, "TaskTemplate.ContainerSpec.Healthcheck", "StartInterval"},
    {46, "TaskTemplate.ContainerSpec", "OomScoreAdj"},
    {52, "TaskTemplate.Resources", "SwapBytes"},
    {52, "TaskTemplate.Resources", "MemorySwappiness"},
};

static void
strip(const struct route_request *r, json_t *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(stripped); i++) {
		json_t *parent = shape_at(spec, stripped[i].parent);

		if (r->minor >= stripped[i].minor ||
		    json_object_get(parent, stripped[i].key) == NULL)
			continue;
		(void) json_object_del(parent, stripped[i].key);
		world_landmine(r->world, 12, "API 1.%d drops %s of '%s'", r->minor, stripped[i].key,
		               shape_text(spec, "Name", ""));
	}
}

/* The engine gives a name to what has none. */
static void
name_it(struct world *w, json_t *spec)
{
	char id[SWARM_ID_SIZE];

	if (*shape_text(spec, "Name", "") != '\0')
		return;
	world_id(w, id);
	(void) json_object_set_new(spec, "Name", json_string(id));
}

void
write_service_create(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *name = NULL;
	json_t *spec = validate_body(r, a);
	struct world_service *s;

	if (spec == NULL)
		return;
	strip(r, spec);
	name_it(r->world, spec);
	name = xstrdup(shape_text(spec, "Name", ""));
	if (validate_spec(spec, r->world->any_names, a)) {
		json_decref(spec);
		return;
	}
	if (world_service_add(r->world, spec, &s) < 0) {
		refuse(
		    a, 409,
		    route_message("rpc error: code = AlreadyExists desc = name conflicts with an "
		                  "existing object: service %s already exists",
		                  name));
		return;
	}
	(void) str_copy(s->last_who, sizeof(s->last_who), r->who);
	done(a, 201, json_pack("{s:s}", "ID", s->id));
}

/* ---- service updates ---- */

static void
step_on_landmines(struct world *w, const struct world_service *s)
{
	if (s->update == UPDATE_UPDATING || s->update == UPDATE_ROLLBACK_STARTED)
		world_record(w, "overlap",
		             json_pack("{s:s, s:s, s:s}", "name", s->name, "who", w->who, "update",
		                       world_update_names[s->update]));
	if (s->update == UPDATE_PAUSED || s->update == UPDATE_ROLLBACK_PAUSED)
		world_landmine(w, 4, "'%s': written while '%s', which goes on now", s->name,
		               world_update_names[s->update]);
	if (shape_mode(s->spec) > MODE_GLOBAL)
		world_landmine(w, 6, "'%s': a job is written and runs again", s->name);
}

static void
roll_back(struct world *w, struct world_service *s)
{
	json_t *spec = s->spec;
	uint64_t version = s->spec_version;

	s->spec = s->previous;
	s->spec_version = s->previous_version;
	s->previous = spec;
	s->previous_version = version;
	s->update = UPDATE_NONE;
	world_service_update(w, s, UPDATE_ROLLBACK_STARTED, "manually requested rollback");
}

static void
replace(struct world *w, struct world_service *s, json_t *spec)
{
	json_t *attributes = json_object();
	uint64_t old = shape_replicas(s->spec), new = shape_replicas(spec);
	_cleanup_(freep) char *before = xasprintf("%llu", (unsigned long long) old);
	_cleanup_(freep) char *after = xasprintf("%llu", (unsigned long long) new);

	if (old != new) {
		(void) json_object_set_new(attributes, "replicas.old", json_string(before));
		(void) json_object_set_new(attributes, "replicas.new", json_string(after));
	}
	json_decref(s->previous);
	s->previous = s->spec;
	s->previous_version = s->spec_version;
	s->spec = spec;
	s->update = UPDATE_NONE;
	free(take_ptr(s->update_message));
	s->update_started_ns = s->update_completed_ns = 0;
	if (shape_mode(spec) > MODE_GLOBAL)
		s->job_iteration++;
	world_service_touch(w, s, attributes);
	s->spec_version = s->version;
}

static bool
change_refused(const struct world_service *s, const json_t *spec, struct route_answer *a)
{
	if (!streq(shape_text(spec, "Name", ""), s->name)) {
		refuse(a, 501,
		       route_message("rpc error: code = Unimplemented desc = renaming services is "
		                     "not supported"));
		return true;
	}
	if (shape_mode(spec) != shape_mode(s->spec)) {
		refuse(
		    a, 501,
		    route_message("rpc error: code = Unimplemented desc = service mode change is "
		                  "not allowed"));
		return true;
	}
	return false;
}

static bool
is_rollback(const struct route_request *r)
{
	_cleanup_(freep) char *rollback = route_query(r, "rollback");

	return streq(rollback, "previous");
}

static bool
no_previous(const struct world_service *s, struct route_answer *a)
{
	if (s->previous != NULL)
		return false;
	refuse(a, 400,
	       route_message("rpc error: code = FailedPrecondition desc = service %s does not have "
	                     "a previous spec",
	                     s->id));
	return true;
}

void
write_service_update(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	struct world_service *s = world_service_find(r->world, id);
	json_t *spec;
	uint64_t version;

	if (s == NULL) {
		refuse(a, 404, route_message("service %s not found", id));
		return;
	}
	spec = validate_body(r, a);
	if (spec == NULL)
		return;
	strip(r, spec);
	if (!validate_version(r, "service", &version, a) ||
	    validate_spec(spec, r->world->any_names, a) || change_refused(s, spec, a) ||
	    (is_rollback(r) && no_previous(s, a)) || out_of_sequence(version, s->version, a)) {
		json_decref(spec);
		return;
	}
	step_on_landmines(r->world, s);
	(void) str_copy(s->last_who, sizeof(s->last_who), r->who);
	if (is_rollback(r)) {
		json_decref(spec);
		roll_back(r->world, s);
	} else {
		replace(r->world, s, spec);
	}
	done(a, 200, json_pack("{s:n}", "Warnings"));
}

void
write_service_remove(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	struct world_service *s = world_service_find(r->world, id);

	if (s == NULL) {
		refuse(a, 404, route_message("service %s not found", id));
		return;
	}
	world_service_remove(r->world, s);
	done(a, 200, NULL);
}

/* ---- configs ---- */

void
write_config_create(struct route_request *r, struct route_answer *a)
{
	json_t *spec = validate_body(r, a);
	const char *name = shape_text(spec, "Name", "");
	struct world_config *c;

	if (spec == NULL)
		return;
	c = world_config_find(r->world, name);
	if (c != NULL) {
		refuse(a, 409,
		       route_message("rpc error: code = AlreadyExists desc = config %s already "
		                     "exists",
		                     name));
		json_decref(spec);
		return;
	}
	if (*shape_text(spec, "Data", "") == '\0') {
		refuse(a, 400,
		       route_message("rpc error: code = InvalidArgument desc = config data must be "
		                     "larger than 0 and less than 512000 bytes"));
		json_decref(spec);
		return;
	}
	c = world_config_add(r->world, spec);
	world_record(r->world, "config",
	             json_pack("{s:s, s:s, s:I, s:s, s:O}", "what", "create", "id", c->id,
	                       "version", (json_int_t) c->version, "who", r->who, "labels",
	                       json_object_get(spec, "Labels")));
	done(a, 201, json_pack("{s:s}", "ID", c->id));
}

/* Only labels can be changed; other data than there is, is refused. */
void
write_config_update(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	struct world_config *c = world_config_find(r->world, id);
	json_auto_t *spec = NULL;
	const json_t *data;
	json_t *labels;
	uint64_t version;

	if (c == NULL) {
		refuse(a, 404, route_message("config %s not found", id));
		return;
	}
	if ((spec = validate_body(r, a)) == NULL)
		return;
	data = json_object_get(spec, "Data");
	if (!streq(shape_text(spec, "Name", ""), shape_text(c->spec, "Name", "")) ||
	    (data != NULL && !json_is_null(data) &&
	     !json_equal(data, json_object_get(c->spec, "Data")))) {
		refuse(a, 400,
		       route_message("rpc error: code = InvalidArgument desc = only updates to "
		                     "Labels are allowed"));
		return;
	}
	if (!validate_version(r, "config", &version, a) || out_of_sequence(version, c->version, a))
		return;
	labels = json_object_get(spec, "Labels");
	(void) json_object_set_new(c->spec, "Labels",
	                           json_is_object(labels) ? json_deep_copy(labels) : json_object());
	c->version = ++r->world->index;
	c->updated_ns = r->world->now_ns;
	world_record(r->world, "config",
	             json_pack("{s:s, s:s, s:I, s:s, s:O}", "what", "update", "id", c->id,
	                       "version", (json_int_t) c->version, "who", r->who, "labels",
	                       json_object_get(c->spec, "Labels")));
	done(a, 200, NULL);
}

void
write_config_remove(struct route_request *r, struct route_answer *a)
{
	_cleanup_(freep) char *id = id_of(r);
	struct world_config *c = world_config_find(r->world, id);

	if (c == NULL) {
		refuse(a, 404, route_message("config %s not found", id));
		return;
	}
	world_config_remove(r->world, c);
	done(a, 204, NULL);
}
