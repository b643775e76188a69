/*
 * May a service move at all, and may it move from A to B? Everything that DESIGN 5.1 asks of the
 * service and of the two nodes, each with its own verdict, in one fixed order. What concerns the
 * moment and the whole cluster (budget, change in flight, warm-up, leader, lease, sustained need,
 * gain) is for the guard and the mover.
 */
#pragma once

#include "swarm/filter.h"

/*
 * Who asks. A person who names service and nodes may overrule what protects against a policy's
 * zeal; never what would break the service or surprise its owner.
 *   ACTOR_POLICY        nothing is waived
 *   ACTOR_PERSON        waives OBSERVE_ONLY, DEPLOY_QUIET, COOLDOWN, TARGET_BLIND, BRIEF_ERRORS
 *   ACTOR_PERSON_FORCE  (--force) waives NOT_OPTED_IN as well
 * Not waived for anyone, among others: PINNED and STOP_FIRST, which are the owner's to change by
 * a label.
 */
enum actor { ACTOR_POLICY, ACTOR_PERSON, ACTOR_PERSON_FORCE };

/*
 * OK, or the first of: PARTIAL, NOT_OPTED_IN, PINNED, OBSERVE_ONLY, MODE, UNDECODABLE,
 * NO_PLACEMENT, STEERED, UPDATE_OPEN, UPDATE_PAUSED, PENDING, NOT_RUNNING, DEPLOY_QUIET, COOLDOWN,
 * LOCAL_VOLUME, GENERIC, PREFERENCES, STOP_FIRST, BRIEF_ERRORS. Mode recommend is OK here: whether
 * a decision is carried out is for the mover.
 */
enum verdict eligibility_service(const struct snapshot *s, uint32_t service, enum actor who);

/*
 * eligibility_service first, then OK or the first of: SAME_NODE, SOURCE_UNUSABLE, TARGET_UNUSABLE,
 * TARGET_UNSETTLED, NODE_CHANGED (either node; a source that came back too recently counts as
 * changed), TARGET_BLIND (also when its newest samples are stale), NO_COPY_ON_SOURCE, the filters
 * of swarm/filter.h, NO_IMAGE (unknown counts as absent, unless the image is pinned by digest and
 * forager.pull=yes), SPREAD, APART (either side may have asked for it), OTHERS_MOVE, NOT_FIRST,
 * TOO_MANY_TERMS.
 */
enum verdict eligibility_move(const struct snapshot *s, uint32_t service, uint32_t from,
                              uint32_t to, enum actor who);

/* The update order that a move uses: start-first only where the owner chose it or allows it. */
bool eligibility_start_first(const struct snap_service *v);
