/* One contender through one day. */
#pragma once

#include "policy/decide.h"
#include "sim/cloudsim/contender.h"
#include "sim/cloudsim/score.h"

/* What a reader of the run may look at; either may be NULL. Called once a tick. */
struct trial_watch {
	void (*placed)(void *data, const struct cloud *c); /* before the first tick */
	void (*moves)(void *data, const struct cloud *c, const struct cloud_move *list, size_t n);
	void (*started)(void *data, const struct cloud *c); /* all migrations are on their way */
	void *data;
};

struct trial {
	const struct day *day;
	const struct contender *contender;
	struct policy *policy; /* of a PRODUCT: it decides, and learns on; else NULL */
	uint64_t seed;         /* of whatever is drawn */
	bool keep_idle;
	const struct trial_watch *watch; /* NULL: nobody */
};

void trial_run(const struct trial *t, struct score *ret);
