/* Services of a snapshot; see observe_service.h. */
#include "agent/observe_service.h"

#include <jansson.h>
#include <math.h>
#include <strings.h>

#include "swarm/constraint.h"
#include "swarm/spec.h"

/* A list in a label: longer ones are cut, they are written by hand. */
#define NAMES_MAX 32

enum act_mode
observe_act_mode(enum act_mode cluster, const struct docker_service *service)
{
	const char *text = docker_label_get(&service->labels, "forager.mode");

	for (int mode = ACT_OBSERVE; text != NULL && mode < ACT_MODE_N; mode++)
		if (streq(text, act_mode_names[mode]))
			return MIN((enum act_mode) mode, cluster);
	return ACT_NONE;
}

static bool
label_yes(const struct docker_service *service, const char *key)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	const char *text = docker_label_get(&service->labels, key);

	for (size_t i = 0; text != NULL && i < ARRAY_SIZE(yes); i++)
		if (strcasecmp(text, yes[i]) == 0)
			return true;
	return false;
}

/*
 * Data that stays behind when a task moves: a folder of the node that is written to, and any
 * volume. A volume is refused also when it is read only (its content is the node's) or of another
 * driver (nobody says whether the target's engine has that plugin).
 */
static bool
is_local(const struct docker_mount *m)
{
	if (streq(m->type, "bind"))
		return !m->read_only;
	return !streq(m->type, "tmpfs");
}

static uint32_t
spec_traits(const struct docker_service *v)
{
	uint32_t traits = 0;

	if (v->has_placement)
		traits |= TRAIT_PLACEMENT;
	if (v->update.present && v->update.start_first)
		traits |= TRAIT_START_FIRST;
	if (v->has_healthcheck)
		traits |= TRAIT_HEALTHCHECK;
	if (v->no_healthcheck)
		traits |= OBSERVE_NO_HEALTHCHECK;
	if (v->n_ports > 0 || v->n_networks > 0)
		traits |= TRAIT_PORTS;
	if (strstr(v->image, "@sha256:") != NULL)
		traits |= TRAIT_DIGEST;
	if (v->n_preferences > 0)
		traits |= TRAIT_PREFERENCES;
	if (v->has_generic)
		traits |= TRAIT_GENERIC;
	if (!v->is_container)
		traits |= TRAIT_UNDECODABLE;
	for (size_t i = 0; i < v->n_mounts; i++)
		if (is_local(&v->mounts[i]))
			traits |= TRAIT_LOCAL_VOLUME;
	for (size_t i = 0; i < v->n_ports; i++)
		if (v->ports[i].host_mode)
			traits |= TRAIT_HOST_PORTS;
	return traits;
}

static uint32_t
label_traits(const struct docker_service *v)
{
	static const struct {
		const char *key;
		uint32_t trait;
	} consents[] = {
	    {"forager.start-first", TRAIT_MAY_START_FIRST},
	    {"forager.restart", TRAIT_MAY_RESTART},
	    {"forager.pull", TRAIT_MAY_PULL},
	    {"forager.pin", TRAIT_PINNED},
	    {"forager.brief-errors", TRAIT_BRIEF_ERRORS_OK},
	};
	uint32_t traits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(consents); i++)
		if (label_yes(v, consents[i].key))
			traits |= consents[i].trait;
	if (docker_label_get(&v->labels, SPEC_LABEL_PLAN) != NULL)
		traits |= TRAIT_STEERED;
	return traits;
}

static uint32_t
update_traits(enum docker_update_state state)
{
	switch (state) {
	case DOCKER_UPDATING:
	case DOCKER_ROLLBACK_STARTED:
	case DOCKER_UPDATE_OTHER: /* a state of a newer engine: as if something were going on */
		return TRAIT_UPDATE_OPEN;
	case DOCKER_UPDATE_PAUSED:
	case DOCKER_ROLLBACK_PAUSED:
		return TRAIT_UPDATE_PAUSED;
	default:
		return 0;
	}
}

/* Our own terms stand in the label that the steering wrote. */
static json_t *
our_terms(const struct docker_service *v)
{
	const char *label = docker_label_get(&v->labels, SPEC_LABEL_BEFORE);
	struct spec_before before = {0};
	json_t *terms = NULL;

	if (label != NULL && spec_before_parse(label, &before, NULL) == 0 && before.added != NULL)
		terms = json_loads(before.added, 0, NULL);
	spec_before_done(&before);
	return terms;
}

static void
set_constraints(struct arena *arena, const struct docker_service *from, struct snap_service *v)
{
	json_auto_t *terms = our_terms(from);
	const char **ours = ARENA_NEW(arena, const char *, json_array_size(terms));
	size_t n = 0, i;
	json_t *term;

	json_array_foreach (terms, i, term)
		if (json_is_string(term))
			ours[n++] = json_string_value(term);
	v->constraints =
	    constraint_parse_list(arena, from->constraints, from->n_constraints, ours, n);
	v->n_constraints = from->n_constraints;
}

/* "a, b": the names in a label. */
static const char *const *
split(struct arena *arena, const char *text, size_t *ret_n)
{
	const char **names = ARENA_NEW(arena, const char *, NAMES_MAX);
	char *copy = arena_strdup(arena, text == NULL ? "" : text), *save = NULL;

	*ret_n = 0;
	for (char *p = strtok_r(copy, ", \t", &save); p != NULL && *ret_n < NAMES_MAX;
	     p = strtok_r(NULL, ", \t", &save))
		names[(*ret_n)++] = p;
	return names;
}

static void
set_lists(struct arena *arena, const struct docker_service *from, struct snap_service *v)
{
	struct platform *platforms = ARENA_NEW(arena, struct platform, from->n_platforms);
	const char **networks = ARENA_NEW(arena, const char *, from->n_networks);
	uint16_t *ports = ARENA_NEW(arena, uint16_t, from->n_ports);

	for (size_t i = 0; i < from->n_platforms; i++) {
		platforms[i].os = arena_strdup(arena, from->platforms[i].os);
		platforms[i].arch = arena_strdup(arena, from->platforms[i].arch);
	}
	for (size_t i = 0; i < from->n_networks; i++)
		networks[i] = arena_strdup(arena, from->networks[i]);
	for (size_t i = 0; i < from->n_ports; i++)
		if (from->ports[i].host_mode && from->ports[i].published != 0)
			ports[v->n_host_ports++] = from->ports[i].published;
	v->platforms = platforms;
	v->n_platforms = from->n_platforms;
	v->networks = networks;
	v->n_networks = from->n_networks;
	v->host_ports = ports;
	v->near = split(arena, docker_label_get(&from->labels, "forager.near"), &v->n_near);
	v->apart = split(arena, docker_label_get(&from->labels, "forager.apart"), &v->n_apart);
}

static void
set_times(const struct observe_input *in, const struct docker_service *from, struct snap_service *v)
{
	const struct facts_service *f =
	    in->facts == NULL ? NULL : facts_service(in->facts, from->id);
	int64_t foreign = f == NULL ? from->updated_ms : f->foreign_wall_ms;
	int64_t cooldown = in->config->cooldown_ms;

	/* Without memory every change counts as someone else's. */
	v->foreign_ms = foreign == FACTS_NEVER ? INT64_MAX : MAX(in->wall_ms - foreign, 0);
	if (f != NULL && f->moved_wall_ms != FACTS_NEVER)
		v->cooldown_ms = CLAMP(f->moved_wall_ms + cooldown - in->wall_ms, 0, cooldown);
}

/* forager.slo-p95=200ms: the response time that its owner wants. */
static void
set_objective(const struct docker_service *from, struct snap_service *v)
{
	const char *text = docker_label_get(&from->labels, "forager.slo-p95");
	int64_t ms = 0;

	v->slo = v->seen = (struct latency){NAN, NAN};
	if (text != NULL && duration_parse(text, &ms) == 0 && ms > 0)
		v->slo.p95_ms = (double) ms;
}

void
observe_make_service(const struct observe_input *in, struct arena *arena,
                     const struct docker_service *from, struct snap_service *ret)
{
	static const enum service_mode modes[] = {
	    [DOCKER_REPLICATED] = MODE_REPLICATED,
	    [DOCKER_GLOBAL] = MODE_GLOBAL,
	    [DOCKER_REPLICATED_JOB] = MODE_REPLICATED_JOB,
	    [DOCKER_GLOBAL_JOB] = MODE_GLOBAL_JOB,
	};

	*ret = (struct snap_service){
	    .id = arena_strdup(arena, from->id),
	    .name = arena_strdup(arena, from->name),
	    .image = arena_strdup(arena, from->image),
	    .version = from->version,
	    .reserve = {from->reserve.cpu_nano, from->reserve.mem_bytes},
	    .limit = {from->limit.cpu_nano, from->limit.mem_bytes},
	    .max_replicas = from->max_replicas,
	    .replicas = from->replicas,
	    .mode = modes[from->mode],
	    .act = observe_act_mode(config_mode(in->config), from),
	    .traits = spec_traits(from) | label_traits(from) | update_traits(from->status.state),
	};
	set_constraints(arena, from, ret);
	set_lists(arena, from, ret);
	set_times(in, from, ret);
	set_objective(from, ret);
}
