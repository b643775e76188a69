/* May it move? See eligibility.h. */
#include "swarm/eligibility.h"

#include <assert.h>

#include "swarm/steer.h"

static bool
waived(enum actor who, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_OBSERVE_ONLY:
	case VERDICT_DEPLOY_QUIET:
	case VERDICT_COOLDOWN:
	case VERDICT_TARGET_BLIND:
	case VERDICT_BRIEF_ERRORS:
		return who != ACTOR_POLICY;
	case VERDICT_NOT_OPTED_IN:
		return who == ACTOR_PERSON_FORCE;
	default:
		return false;
	}
}

static bool
any_pending(const struct snapshot *s, const struct snap_service *v)
{
	for (uint32_t i = 0; i < v->n_tasks; i++) {
		if (s->tasks[v->first_task + i].state < TASK_ASSIGNED)
			return true;
	}
	return false;
}

/* One running task a slot, as many as replicas, none on its way in or out. */
static bool
all_running(const struct snapshot *s, const struct snap_service *v)
{
	for (uint32_t i = 0; i < v->n_tasks; i++) {
		const struct snap_task *t = &s->tasks[v->first_task + i];

		if (t->state != TASK_RUNNING || t->desired != TASK_RUNNING || t->node == NO_INDEX)
			return false;
		if (i > 0 && t->slot == t[-1].slot)
			return false;
	}
	return v->n_tasks == v->replicas;
}

bool
eligibility_start_first(const struct snap_service *v)
{
	return (v->traits & (TRAIT_START_FIRST | TRAIT_MAY_START_FIRST)) != 0;
}

/* A single replica that stops first is away until the new one runs: its owner must agree. */
static bool
needs_restart_consent(const struct snap_service *v)
{
	return v->replicas == 1 && !eligibility_start_first(v) &&
	       (v->traits & TRAIT_MAY_RESTART) == 0;
}

/* Without a health check Swarm sends requests to a task that may not answer yet. */
static bool
needs_error_consent(const struct snap_service *v)
{
	return (v->traits & TRAIT_PORTS) != 0 &&
	       (v->traits & (TRAIT_HEALTHCHECK | TRAIT_BRIEF_ERRORS_OK)) == 0;
}

struct check {
	bool refuses;
	enum verdict verdict;
};

static enum verdict
first_of(const struct check *checks, size_t n, enum actor who)
{
	for (size_t i = 0; i < n; i++) {
		if (checks[i].refuses && !waived(who, checks[i].verdict))
			return checks[i].verdict;
	}
	return VERDICT_OK;
}

enum verdict
eligibility_service(const struct snapshot *s, uint32_t service, enum actor who)
{
	const struct snap_service *v = &s->services[service];
	uint32_t traits;

	assert(service < s->n_services);
	traits = v->traits;
	const struct check checks[] = {
	    {s->partial, VERDICT_PARTIAL},
	    {v->act == ACT_NONE, VERDICT_NOT_OPTED_IN},
	    {(traits & TRAIT_PINNED) != 0, VERDICT_PINNED},
	    {v->act == ACT_OBSERVE, VERDICT_OBSERVE_ONLY},
	    {v->mode != MODE_REPLICATED, VERDICT_MODE},
	    {(traits & TRAIT_UNDECODABLE) != 0, VERDICT_UNDECODABLE},
	    {(traits & TRAIT_PLACEMENT) == 0, VERDICT_NO_PLACEMENT},
	    {(traits & TRAIT_STEERED) != 0, VERDICT_STEERED},
	    {(traits & TRAIT_UPDATE_OPEN) != 0, VERDICT_UPDATE_OPEN},
	    {(traits & TRAIT_UPDATE_PAUSED) != 0, VERDICT_UPDATE_PAUSED},
	    {any_pending(s, v), VERDICT_PENDING},
	    {!all_running(s, v), VERDICT_NOT_RUNNING},
	    {v->foreign_ms < s->bounds.deploy_quiet_ms, VERDICT_DEPLOY_QUIET},
	    {v->cooldown_ms > 0, VERDICT_COOLDOWN},
	    {(traits & TRAIT_LOCAL_VOLUME) != 0, VERDICT_LOCAL_VOLUME},
	    {(traits & TRAIT_GENERIC) != 0, VERDICT_GENERIC},
	    {(traits & TRAIT_PREFERENCES) != 0, VERDICT_PREFERENCES},
	    {needs_restart_consent(v), VERDICT_STOP_FIRST},
	    {needs_error_consent(v), VERDICT_BRIEF_ERRORS},
	};

	return first_of(checks, ARRAY_SIZE(checks), who);
}

static bool
usable(const struct snap_node *n)
{
	return (n->flags & NODE_READY) != 0 && (n->flags & NODE_ACTIVE) != 0;
}

static enum verdict
check_nodes(const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to, enum actor who)
{
	const struct snap_node *a = &s->nodes[from], *b = &s->nodes[to];
	const struct check checks[] = {
	    {from == to, VERDICT_SAME_NODE},
	    {!usable(a), VERDICT_SOURCE_UNUSABLE},
	    {!usable(b), VERDICT_TARGET_UNUSABLE},
	    {(b->flags & NODE_UNSETTLED) != 0, VERDICT_TARGET_UNSETTLED},
	    {(a->flags & (NODE_CHANGED | NODE_UNSETTLED)) != 0, VERDICT_NODE_CHANGED},
	    {(b->flags & NODE_CHANGED) != 0, VERDICT_NODE_CHANGED},
	    {(b->flags & (NODE_BLIND | NODE_STALE)) != 0, VERDICT_TARGET_BLIND},
	    {filter_copies(s, service, from) == 0, VERDICT_NO_COPY_ON_SOURCE},
	};

	return first_of(checks, ARRAY_SIZE(checks), who);
}

static bool
image_ready(const struct snapshot *s, const struct snap_service *v, uint32_t node)
{
	/* A tag could have come to mean another image since; only a digest may be pulled. */
	if ((v->traits & TRAIT_DIGEST) != 0 && (v->traits & TRAIT_MAY_PULL) != 0)
		return true;
	for (size_t i = 0; i < s->n_images; i++) {
		if (s->images[i].node == node && streq(s->images[i].image, v->image))
			return s->images[i].present;
	}
	return false;
}

static bool
names(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(list[i], name))
			return true;
	}
	return false;
}

static bool
breaks_apart(const struct snapshot *s, uint32_t service, uint32_t node)
{
	const struct snap_service *v = &s->services[service];

	for (uint32_t i = 0; i < s->n_services; i++) {
		const struct snap_service *other = &s->services[i];

		if (i == service || (!names(v->apart, v->n_apart, other->name) &&
		                     !names(other->apart, other->n_apart, v->name)))
			continue;
		if (filter_copies(s, i, node) > 0)
			return true;
	}
	return false;
}

/* The target takes every copy of the source, each beside those that landed before it. */
static enum verdict
check_filters(const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to)
{
	uint32_t n = filter_copies(s, service, from);

	for (uint32_t i = 0; i < n; i++) {
		enum verdict verdict = filter_node(s, service, to, FILTER_OWNER, i);

		if (verdict != VERDICT_OK)
			return verdict;
	}
	return VERDICT_OK;
}

enum verdict
eligibility_move(const struct snapshot *s, uint32_t service, uint32_t from, uint32_t to,
                 enum actor who)
{
	const struct snap_service *v = &s->services[service];
	enum verdict verdict = eligibility_service(s, service, who);

	assert(from < s->n_nodes && to < s->n_nodes);
	if (verdict != VERDICT_OK)
		return verdict;
	verdict = check_nodes(s, service, from, to, who);
	if (verdict != VERDICT_OK)
		return verdict;
	verdict = check_filters(s, service, from, to);
	if (verdict != VERDICT_OK)
		return verdict;
	if (!image_ready(s, v, to))
		return VERDICT_NO_IMAGE;
	/* All of the source's copies join those on the target: any there means closer together. */
	if (filter_copies(s, service, to) > 0)
		return VERDICT_SPREAD;
	if (breaks_apart(s, service, to))
		return VERDICT_APART;
	return steer_plan(s, service, from, to, NULL, NULL);
}
