/* Figures; see score.h. */
#include "sim/cloudsim/score.h"

static double
part(double x, double of)
{
	return of > 0 ? x / of : 0;
}

static void
hosts_score(const struct cloud *c, struct score *ret)
{
	double active = 0, violated = 0;

	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		active += c->hosts[i].sum_active_s;
		violated += c->hosts[i].sum_violated_s;
		ret->shutdowns += c->hosts[i].shutdowns;
	}
	ret->slatah_pct = 100 * part(violated, active);
	ret->mean_active_hosts = active / CLOUD_END_S;
}

static void
vms_score(const struct cloud *c, struct score *ret)
{
	double allocated = 0, requested = 0, lost = 0;

	for (uint32_t i = 0; i < c->n_vms; i++) {
		allocated += c->vms[i].sum_allocated;
		requested += c->vms[i].sum_requested;
		lost += c->vms[i].sum_lost_moving;
	}
	ret->pdm_pct = 100 * part(lost, requested);
	ret->overall_sla_pct = 100 * part(requested - allocated, requested);
}

void
score_of(const struct cloud *c, struct score *ret)
{
	const struct cloud_account *a = &c->account;

	*ret = (struct score){.energy_kwh = a->energy_j / 3.6e6, .moves = a->migrations};
	hosts_score(c, ret);
	vms_score(c, ret);
	ret->slav_pct = ret->slatah_pct / 100 * ret->pdm_pct;
	ret->overload_pct = 100 * part((double) a->overloaded_steps, (double) a->host_steps);
	ret->unmet_pct = 100 * part(a->unmet_mips, a->demand_mips);
	ret->overloaded_steps = a->overloaded_steps;
	ret->cost_j = a->energy_j / SCORE_UNIT_J +
	              SCORE_PER_OVERLOAD * (double) a->overloaded_steps +
	              SCORE_PER_MIGRATION * (double) a->migrations;
}
