/*
 * Follows a set on the real engines: whether what it has become there is something that the
 * scripted engine may make of it, given that it made the same of it in the steps before.
 */
#pragma once

#include "test/rig/differ/act.h"
#include "test/rig/differ/form.h"
#include "test/rig/differ/model.h"

struct follow {
	struct model_ask ask;
	struct past past;
	json_t *said;     /* the real answers of this step */
	json_t *outcomes; /* object: a form of the scripted engine → the seed that led to it */
	char *now;        /* the real form, as seen last; NULL = not yet */
	int64_t version;  /* of the service then: one update after the other can look alike */
	char *before[DRAW_STEPS]; /* at the end of each step so far */
	uint64_t seeds[DRAW_STEPS], tried;
	uint64_t drawn; /* seeds gone through for other ways to the same */
	size_t step;
	bool found, lost; /* lost: differed before; not followed any more */
	size_t n_outcomes;
};

void follow_init(struct follow *f, const struct model_ask *ask);
void follow_done(struct follow *f);

/* How the service stands on the real side. Returns whether it has changed since it was last seen.
 */
bool follow_see(struct follow *f, const json_t *services, const json_t *tasks, const json_t *hosts);

/* Goes through more of what may happen; returns false when enough has been gone through. */
bool follow_try(struct follow *f, uint64_t seeds);

/* The step has come to its end. */
void follow_next(struct follow *f, const json_t *services, const json_t *tasks);

/* What differs, on standard output. */
void follow_tell(const struct follow *f);
