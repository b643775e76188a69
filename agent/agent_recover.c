/* Open moves that this foragerd did not begin: of an earlier run, or of another manager's. */
#include "agent/agent_priv.h"

#include <inttypes.h>

#include "base/log.h"
#include "swarm/spec.h"

/* Another forager may be at work on what carries a label: it is asked again so often. */
#define AGAIN_MS 15000

static void
recovered_one(void *data, const struct move_outcome *outcome)
{
	const struct intent *in = outcome->intent;

	(void) data;
	log_notice("An open change was taken up: move=%" PRIu64 " service='%s' state=%s%s", in->id,
	           in->service_name == NULL ? in->service_id : in->service_name,
	           move_state_names[in->state], outcome->open ? " (still open)" : "");
}

/* Two foragers may wait for each other for hours: the same sentence is said once. */
static void
tell(struct agent *a, const char *text)
{
	if (streq(a->recover_said, text))
		return;
	free(a->recover_said);
	a->recover_said = xstrdup(text);
	if (text != NULL)
		log_warning("Open changes could not all be taken up: error='%s'", text);
}

static void
recovered(void *data, const struct error *err)
{
	struct agent *a = data;

	tell(a, err == NULL ? NULL : err->text);
	if (a->stopping)
		return;
	if (err != NULL)
		agent_arm_poll(a, AGAIN_MS);
	agent_next_wish(a);
}

void
agent_recover(struct agent *a)
{
	struct error why = {0};

	if (a->options->once || a->stopping || a->wish != NULL || mover_busy(a->mover))
		return;
	a->recover_mono_ms = mono_ms();
	if (mover_recover(a->mover, recovered_one, recovered, a, &why) < 0)
		log_warning("Open changes are not looked for: error='%s'", why.text);
}

/* Which services carry a plan label now, and which in their previous spec. 0 = none. */
uint64_t
agent_orphans(const struct cluster_state *state, bool *ret_now)
{
	uint64_t sum = 0;

	*ret_now = false;
	for (size_t i = 0; i < state->n_services; i++) {
		const struct docker_service *v = &state->services[i];
		const char *label = docker_label_get(&v->labels, SPEC_LABEL_PLAN);
		const char *before = docker_label_get(&v->previous_labels, SPEC_LABEL_PLAN);

		*ret_now = *ret_now || label != NULL;
		if (label == NULL && before != NULL)
			sum += hash64(v->id, strlen(v->id)) ^ hash64(before, strlen(before));
	}
	return sum;
}

/*
 * A service with a plan label, and no change of ours is open: another manager's forager is at
 * work, or was and died, or lost its leader. The lease tells which; only the leader asks. What
 * stands in previous specs alone is looked at once: it may be there for good, where its owner's
 * rollback needs it.
 */
void
agent_watch_orphans(struct agent *a, const struct cluster_state *state)
{
	uint64_t before;
	bool now;

	if (!a->started || !a->leader || config_mode(a->config) == ACT_OBSERVE || a->wish != NULL ||
	    mover_busy(a->mover) || mono_ms() - a->recover_mono_ms < AGAIN_MS)
		return;
	before = agent_orphans(state, &now);
	if (!now && (before == 0 || before == a->orphans_looked))
		return;
	a->orphans_looked = before;
	agent_recover(a);
}
