/*
 * What may run in the benchmark, by the name that people give: NAME[:PARAMETER]. CloudSim's own
 * policies, rate-limited MMT as a control, forager's, and two bounds that are no policies.
 */
#pragma once

#include "sim/cloudsim/consolidate.h"

enum contender_kind {
	CONTENDER_NPA,
	CONTENDER_DVFS,
	CONTENDER_CLOUDSIM, /* an overload test with a selection */
	CONTENDER_PRODUCT,  /* through policy_decide */
	CONTENDER_PACKING,  /* clairvoyant: packs each step anew, moves are free */
	CONTENDER_FLUID,    /* demand as a liquid on the most efficient hosts */
};

struct contender {
	char *label;           /* as given, with its parameter */
	const char *algorithm; /* PRODUCT: the policy's name */
	enum contender_kind kind;
	struct consolidate how; /* CLOUDSIM */
	double parameter;       /* NAN: none was given */
};

/*
 * "npa", "dvfs", "thr-mmt:0.8", "limited-mmt:0.8", "pbf:2", … -EINVAL: no such policy, or a
 * parameter that it does not take; the text says which there are. The label is the contender's:
 * contender_done.
 */
int contender_parse(const char *text, struct contender *ret, struct error *err);
void contender_done(struct contender *c);
