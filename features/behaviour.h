/* The class of a behaviour: one word for people, and an index into the policy's small tables. */
#pragma once

#include "features/profile.h"

/*
 * Classifies by the figures of s (behaviour in it is ignored). previous is kept until its figures
 * fall clearly below its threshold and another class' lie above theirs, so that a container on
 * the border does not change its class every step. Too little seen (confidence below 0.1) gives
 * BEHAVIOUR_UNKNOWN, or previous when there was one.
 */
enum behaviour behaviour_classify(const struct profile_summary *s,
                                  const struct profile_limits *limits, enum behaviour previous);

/* One sentence on what the class means and its threshold. */
const char *behaviour_describe(enum behaviour b);
