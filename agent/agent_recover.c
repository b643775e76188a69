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
	if (!a->stopping)
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

bool
agent_has_orphan(const struct cluster_state *state)
{
	for (size_t i = 0; i < state->n_services; i++)
		if (docker_label_get(&state->services[i].labels, SPEC_LABEL_PLAN) != NULL)
			return true;
	return false;
}

/*
 * A service with a plan label, and no change of ours is open: another manager's forager is at
 * work, or was and died, or lost its leader. The lease tells which; only the leader asks.
 */
void
agent_watch_orphans(struct agent *a, const struct cluster_state *state)
{
	if (!a->started || !a->leader || config_mode(a->config) == ACT_OBSERVE ||
	    mono_ms() - a->recover_mono_ms < AGAIN_MS || !agent_has_orphan(state))
		return;
	agent_recover(a);
}
