/*
 * Whose spec is it that stands in the Swarm now, and what the next change of it would be. Pure:
 * specs and intents in, specs and words out.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "model/intent.h"

enum mover_standing {
	STANDING_BEFORE,  /* as before our change, and nothing of ours left */
	STANDING_STEERED, /* our steering */
	STANDING_BLOCKED, /* a revert's first step */
	STANDING_SETTLED, /* the same, but Swarm's previous spec is still ours */
	STANDING_FOREIGN, /* anything else: someone changed it */
	STANDING_N
};

extern const char *const mover_standing_names[STANDING_N];

/* What is changed, beyond the intent. Lists are JSON arrays of constraint texts, never NULL. */
struct mover_plan {
	char *label;  /* the plan label's value */
	json_t *add;  /* terms to steer by */
	json_t *drop; /* older terms of ours that go */
	json_t *keep; /* terms that stay when settled (settle = hold) */
	bool start_first;
};

void mover_plan_init(struct mover_plan *p);
void mover_plan_done(struct mover_plan *p);
/* The label's value for an intent: the same after a restart, another for each change. */
char *mover_plan_label(const struct intent *in);

/*
 * Judges the spec by in->before, in->written, in->rest_hash and the plan's label; previous_ours:
 * PreviousSpec carries that label. An undo or
 * release (no to_id) signs nothing: it stands SETTLED when the spec is as in->written, BEFORE when
 * it is as in->before. Returns 0, or -EINVAL for a spec that has not the shape of one.
 */
int mover_spec_standing(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                        bool previous_ours, enum mover_standing *ret, struct error *err);

/*
 * The owned fields as the steering wrote them, made anew from what stood before and our terms: also
 * when what was written last is something else, or nobody remembers. -EINVAL: cannot be made.
 */
int mover_spec_steered(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                       char **ret, struct error *err);
/* Whether the owned fields are those of the spec that was sent, defaults filled in or not. */
bool mover_spec_as_sent(const json_t *spec, const json_t *sent);

/* Another change is open there: ours ended before it began, and its terms are its own. */
bool mover_spec_is_anothers(const json_t *spec, const struct intent *in,
                            const struct mover_plan *plan);
/*
 * Whether the previous spec (NULL: has no plan of ours) holds nothing but this one with our
 * steering: nobody's rollback needs it. When somebody has deployed since, it holds the version
 * before, and is left alone.
 */
bool mover_spec_is_worthless(const json_t *spec, const json_t *previous);
/* Whether anything of this change is to be taken away, from the spec or the previous one. */
bool mover_spec_ours(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                     const json_t *previous);

/* Whether an update of this spec (or of its owned fields) starts the new task before the old one is
 * stopped. */
bool mover_spec_starts_first(const json_t *spec);
/* Whether Swarm rolls an update of this spec back when it fails. */
bool mover_spec_rolls_back(const json_t *spec);

enum mover_edit {
	EDIT_STEER,
	EDIT_SETTLE,  /* the owner's placement without our labels; plan->keep stays, plan->drop goes
	               */
	EDIT_RESTORE, /* the owner's placement exactly as before */
	EDIT_AGAIN,   /* the same once more: Swarm's previous spec becomes this one */
	EDIT_BLOCK,
	EDIT_YIELD, /* three-way: what is ours goes, our labels too */
	EDIT_MERGE, /* undo, release: in->written where in->before still stands, three-way */
};

/*
 * The new spec; the caller's to json_decref. Returns 1 when it differs from spec, 0 when not (*ret
 * is set all the same), or an error of swarm/spec.h.
 */
int mover_spec_edit(enum mover_edit edit, const json_t *spec, const struct intent *in,
                    const struct mover_plan *plan, json_t **ret, struct error *err);

/* EDIT_YIELD. */
int mover_spec_yield(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                     json_t **ret, struct error *err);

/* in->before without the terms of plan->drop and with those of plan->keep: how it ends. */
int mover_spec_final(const json_t *spec, const struct intent *in, const struct mover_plan *plan,
                     bool reverted, char **ret, struct error *err);

/* Whether the owned fields are byte for byte as the text says, and the rest as the hash. */
bool mover_spec_is(const json_t *spec, const char *owned, uint64_t rest_hash);

/* JSON array of strings ↔ array of borrowed texts (the array is the caller's to free). */
const char **mover_terms(const json_t *list, size_t *ret_n);
