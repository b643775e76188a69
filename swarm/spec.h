/*
 * Editing a service's raw spec: the `Spec` object of GET /services/{id}, decoded with exact
 * integers. Only the owned fields change; every other key, also an unknown, empty or null one,
 * is kept: presence matters, {} instead of nothing restarts all replicas.
 *
 * Owned fields: TaskTemplate.Placement.Constraints, UpdateConfig, and the labels below. Their text
 * form is one compact JSON object {"Constraints", "Labels", "UpdateConfig"}: a missing key =
 * absent, null = null, and Labels holds our labels only ({} = a Labels object without them).
 *
 * Every edit returns a new document (the caller's to json_decref) and leaves its input alone.
 * -EINVAL: the document or text is not of the expected shape; nothing is returned then.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/util.h"

#define SPEC_LABEL_PLAN   "forager.plan"
#define SPEC_LABEL_BEFORE "forager.before"

/* A label is stored by every manager and shown by every inspect; ordinary ones take about 500
 * bytes. */
#define SPEC_BEFORE_BYTES ((size_t) 16 * 1024)

/* A list of constraint texts, borrowed. */
struct spec_terms {
	const char *const *texts;
	size_t n;
};

/* What the label forager.before says: enough for any forager to finish or revert the change. */
struct spec_before {
	char *owned;        /* the owned fields before, text form */
	char *added;        /* JSON array of the terms that we added */
	char *dropped;      /* JSON array of our older terms that the steering took away */
	uint64_t rest_hash; /* spec_rest_hash before */
	int64_t deadline_wall_ms;
	char from_id[SWARM_ID_SIZE], to_id[SWARM_ID_SIZE];
};

void spec_before_done(struct spec_before *b); /* frees the strings; a zeroed one is fine */

/*
 * Writes the label's text (the caller's to free). -E2BIG: more than SPEC_BEFORE_BYTES, the service
 * can't be moved; -EINVAL: a field does not hold what it says.
 */
int spec_before_format(const struct spec_before *b, char **ret, struct error *err);
/* Reads it back. Anything odd (size, types, unknown keys, terms that are not node.id): -EINVAL. */
int spec_before_parse(const char *text, struct spec_before *ret, struct error *err);

/* Value of our labels in the spec, borrowed; NULL where there is none. */
const char *spec_plan(const json_t *spec);
const char *spec_before(const json_t *spec);

/* The owned fields in their text form (the caller's to free). */
int spec_owned_get(const json_t *spec, char **ret, struct error *err);
/* Sets them exactly as the text says, removing what it does not have. */
int spec_owned_set(const json_t *spec, const char *owned, json_t **ret, struct error *err);

/* Hash of everything else: it changes when someone else changed the service. */
int spec_rest_hash(const json_t *spec, uint64_t *ret, struct error *err);

/* Whether the spec has a Placement object (L1: without one it must not be touched). */
bool spec_has_placement(const json_t *spec);

struct spec_steering {
	const char
	    *plan; /* the plan label's value: unique to this change, at most 128 characters */
	const char *from_id, *to_id;
	struct spec_terms add;  /* steer_plan's terms */
	struct spec_terms drop; /* older terms of ours that stand in the spec (settle = hold) */
	bool start_first;       /* eligibility_start_first */
	int64_t deadline_wall_ms;
};

/*
 * The steering change: constraints, UpdateConfig (one at a time, the order, pause on failure) and
 * both labels. -EBUSY: a plan label stands there already; -E2BIG: see spec_before_format; -EINVAL
 * also when there is no Placement object.
 */
int spec_steer(const json_t *spec, const struct spec_steering *st, json_t **ret, struct error *err);

/*
 * After success: the owner's constraints and UpdateConfig exactly as in owned (the text form from
 * before the change); drop (terms of ours that owned still holds) is taken out, keep (hold) added.
 * Our labels stay.
 */
int spec_settle(const json_t *spec, const char *owned, struct spec_terms drop,
                struct spec_terms keep, json_t **ret, struct error *err);

/* Last: takes our labels away; a Labels object left empty gets the form it has in owned. */
int spec_clean(const json_t *spec, const char *owned, json_t **ret, struct error *err);

/*
 * A revert's first step: the constraints of owned and `node.id!=to_id`; UpdateConfig and labels as
 * steered. The second step is spec_settle, then spec_clean.
 */
int spec_block(const json_t *spec, const char *owned, const char *to_id, json_t **ret,
               struct error *err);

enum spec_kept {
	SPEC_KEPT_CONSTRAINTS = 1 << 0, /* someone changed the list: only our terms were removed */
	SPEC_KEPT_UPDATE = 1 << 1,
	SPEC_KEPT_LABELS = 1 << 2,
};

/*
 * Undo as a three-way merge of what stood before, what we wrote last and what stands now: a field
 * that still holds what we wrote gets its value from before; one that somebody changed since is
 * kept, without our added terms. UpdateConfig is merged field by field: who changes one field
 * carries ours along in the others. Zeroes that the API fills in or leaves out are nobody's change.
 * Returns a mask of enum spec_kept (0: everything is as before).
 */
int spec_undo(const json_t *spec, const char *before, const char *written, struct spec_terms added,
              json_t **ret, struct error *err);

/* Takes the given terms out of the constraints. Returns how many stood there; 0: *ret is a copy. */
int spec_release(const json_t *spec, struct spec_terms ours, json_t **ret, struct error *err);
