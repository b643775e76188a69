/* Selection; see select.h. */
#include "sim/cloudsim/select.h"

#include <math.h>

#include "sim/cloudsim/regress.h"

static uint32_t
least_memory(const struct cloud *c, const uint32_t *vms, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (c->vms[vms[i]].ram_mb < c->vms[vms[best]].ram_mb)
			best = i;
	return best;
}

static uint32_t
least_use(const struct cloud *c, const uint32_t *vms, uint32_t n)
{
	double least = INFINITY;
	uint32_t best = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct cloud_vm *v = &c->vms[vms[i]];
		double x = v->request / v->mips;

		if (x < least) {
			least = x;
			best = i;
		}
	}
	return best;
}

static uint32_t
most_correlated(const struct cloud *c, const uint32_t *vms, uint32_t n)
{
	_cleanup_(freep) const double **others = xcalloc(n, sizeof(*others));
	uint32_t rows = CLOUD_HISTORY, best = 0;
	double most = 4.9e-324; /* Double.MIN_VALUE: the least above 0 */

	for (uint32_t i = 0; i < n; i++)
		rows = MIN(rows, c->vms[vms[i]].n_history);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;
		double r2;

		for (uint32_t j = 0; j < n; j++)
			if (j != i)
				others[k++] = c->vms[vms[j]].history;
		if (!regress_r2(c->vms[vms[i]].history, others, k, rows, &r2))
			return least_memory(c, vms, n);
		if (r2 > most) {
			most = r2;
			best = i;
		}
	}
	return best;
}

uint32_t
select_vm(enum select_kind kind, const struct cloud *c, const uint32_t *vms, uint32_t n,
          struct rng *rng)
{
	if (n == 0)
		return CLOUD_NONE;
	switch (kind) {
	case SELECT_MMT:
		return least_memory(c, vms, n);
	case SELECT_MU:
		return least_use(c, vms, n);
	case SELECT_MC:
		return most_correlated(c, vms, n);
	case SELECT_RS:
		return (uint32_t) rng_below(rng, n);
	}
	abort();
}
