/* CloudSim's consolidation; see consolidate.h. */
#include "sim/cloudsim/consolidate.h"

#include <math.h>

#include "sim/cloudsim/watts.h"

/* A host in CloudSim's tentative allocation; its rollback is simply to forget it. */
struct bay {
	uint32_t *vms;
	uint32_t n, room;
	double left, allocated; /* MIPS free and given, in the order of the list */
	double use, watts;      /* cached by the last update: tentative VMs do not change them */
	struct overload_view view;
	bool over, no_target, no_source;
	uint32_t most; /* VMs that were tried on it at once */
};

struct plan {
	const struct cloud *cloud;
	const struct consolidate *how;
	struct bay bays[CLOUD_HOSTS];
	/* Hosts in order that may be targets: an empty one stands for all of its type after it. */
	uint32_t targets[CLOUD_HOSTS];
	uint32_t n_targets;
	struct cloud_move *moves;
	size_t n_moves, room;
};

static void
bay_append(struct plan *p, uint32_t host, uint32_t vm)
{
	struct bay *b = &p->bays[host];
	const struct cloud_vm *v = &p->cloud->vms[vm];
	double x = MIN(v->request, p->cloud->hosts[host].pe_mips);

	if (b->n == b->room) {
		b->room = b->room > 0 ? 2 * b->room : 16;
		b->vms = xrealloc(b->vms, b->room, sizeof(*b->vms));
	}
	b->vms[b->n++] = vm;
	b->left -= x;
	b->allocated += x;
	overload_add(&b->view, v);
}

static void
bay_remove(struct plan *p, uint32_t host, uint32_t at)
{
	struct bay *b = &p->bays[host];
	uint32_t n = b->n;

	memmove(b->vms + at, b->vms + at + 1, (n - at - 1) * sizeof(*b->vms));
	b->n = 0;
	b->left = p->cloud->hosts[host].mips;
	b->allocated = 0;
	b->view = (struct overload_view){.mips = b->left};
	for (uint32_t i = 0; i + 1 < n; i++)
		bay_append(p, host, b->vms[i]);
}

static void
bay_init(struct plan *p, uint32_t host)
{
	const struct cloud_host *h = &p->cloud->hosts[host];
	struct bay *b = &p->bays[host];

	b->left = h->mips;
	b->use = cloud_use(h);
	b->watts = cloud_watts(h);
	b->view.mips = h->mips;
	for (uint32_t i = 0; i < h->n; i++)
		bay_append(p, host, h->vms[i]);
	if (b->left < 0) /* over-subscribed: nothing is left, and all that there is is given */
		b->left = 0;
	b->over = overload_is(&p->how->overload, &b->view);
	b->no_target = b->no_source = b->over;
}

static void
targets_list(struct plan *p)
{
	bool seen[2] = {false, false};

	p->n_targets = 0;
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		const struct bay *b = &p->bays[i];

		if (b->no_target || (b->n == 0 && seen[i % 2]))
			continue;
		seen[i % 2] |= b->n == 0;
		p->targets[p->n_targets++] = i;
	}
}

static bool
overloads(const struct plan *p, const struct bay *b, const struct cloud_vm *v)
{
	struct overload_view view = b->view;

	overload_add(&view, v);
	return overload_is(&p->how->overload, &view);
}

/* CloudSim asks for overload before it compares watts; the answer is the same, and ours is sooner.
 */
static uint32_t
target_find(struct plan *p, uint32_t vm)
{
	const struct cloud_vm *v = &p->cloud->vms[vm];
	double least = INFINITY;
	uint32_t best = CLOUD_NONE;

	for (uint32_t i = 0; i < p->n_targets; i++) {
		const struct cloud_host *h = &p->cloud->hosts[p->targets[i]];
		struct bay *b = &p->bays[p->targets[i]];
		double more;

		if (b->no_target || h->pe_mips < v->request || b->left < v->request)
			continue;
		b->most = MAX(b->most, b->n + 1);
		more = watts_at(h->watts, (b->allocated + v->request) / h->mips) - b->watts;
		if (!(more < least) || (b->allocated != 0 && overloads(p, b, v)))
			continue;
		least = more;
		best = p->targets[i];
	}
	return best;
}

static void
move_push(struct plan *p, uint32_t vm, uint32_t to)
{
	if (p->n_moves == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 64;
		p->moves = xrealloc(p->moves, p->room, sizeof(*p->moves));
	}
	p->moves[p->n_moves++] = (struct cloud_move){vm, p->cloud->vms[vm].host, to};
}

/* lists/PowerVmList.java: descending by MIPS, stable. Lists are short. */
static void
sort_by_request(const struct cloud *c, uint32_t *vms, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		uint32_t x = vms[i], k = i;

		while (k > 0 && c->vms[vms[k - 1]].request < c->vms[x].request) {
			vms[k] = vms[k - 1];
			k--;
		}
		vms[k] = x;
	}
}

static void
relieve(struct plan *p, struct rng *rng)
{
	_cleanup_(freep) uint32_t *vms = xcalloc(p->cloud->n_vms, sizeof(*vms));
	uint32_t n = 0;

	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		struct bay *b = &p->bays[i];

		while (b->over) {
			uint32_t at = select_vm(p->how->select, p->cloud, b->vms, b->n, rng);

			if (at == CLOUD_NONE)
				break;
			vms[n++] = b->vms[at];
			bay_remove(p, i, at);
			b->over = overload_is(&p->how->overload, &b->view);
		}
	}
	sort_by_request(p->cloud, vms, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to;

		targets_list(p);
		to = target_find(p, vms[i]);
		if (to == CLOUD_NONE)
			continue;
		bay_append(p, to, vms[i]);
		move_push(p, vms[i], to);
	}
}

/* What a bay must remember to be put back as it was. */
struct before {
	uint32_t host;
	double left, allocated;
	struct overload_view view;
};

static void
undo(struct plan *p, const struct before *before, uint32_t n)
{
	while (n-- > 0) {
		struct bay *b = &p->bays[before[n].host];

		b->n--;
		b->left = before[n].left;
		b->allocated = before[n].allocated;
		b->view = before[n].view;
		p->n_moves--;
	}
}

/* All or nothing. */
static void
empty(struct plan *p, uint32_t host)
{
	struct bay *source = &p->bays[host];
	_cleanup_(freep) uint32_t *vms = xcalloc(source->n, sizeof(*vms));
	_cleanup_(freep) struct before *before = xcalloc(source->n, sizeof(*before));
	size_t first = p->n_moves;

	memcpy(vms, source->vms, source->n * sizeof(*vms));
	sort_by_request(p->cloud, vms, source->n);
	for (uint32_t i = 0; i < source->n; i++) {
		uint32_t to = target_find(p, vms[i]);
		struct bay *b = to == CLOUD_NONE ? NULL : &p->bays[to];

		if (b == NULL) {
			undo(p, before, i);
			return;
		}
		before[i] = (struct before){to, b->left, b->allocated, b->view};
		bay_append(p, to, vms[i]);
		move_push(p, vms[i], to);
	}
	for (size_t i = first; i < p->n_moves; i++)
		p->bays[p->moves[i].to].no_source = true;
}

static int
by_use(const void *a, const void *b)
{
	const struct before *x = a, *y = b;

	if (x->left != y->left)
		return x->left < y->left ? -1 : 1;
	return x->host < y->host ? -1 : x->host > y->host;
}

/*
 * The host with the least cached use first. Over-utilised and switched-off ones are neither source
 * nor target; those that were just chosen as targets of relief may be sources (CloudSim looks into
 * a map that is still empty).
 */
static void
empty_all(struct plan *p)
{
	struct before order[CLOUD_HOSTS]; /* left: use */
	uint32_t n = 0;

	p->n_targets = 0;
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		struct bay *b = &p->bays[i];

		if (b->use == 0)
			b->no_target = b->no_source = true;
		if (!b->no_target)
			p->targets[p->n_targets++] = i;
		if (b->use > 0 && b->use < 1 && !b->no_source) {
			order[n].host = i;
			order[n++].left = b->use;
		}
	}
	qsort(order, n, sizeof(*order), by_use);
	for (uint32_t i = 0; i < n; i++) {
		struct bay *b = &p->bays[order[i].host];

		if (b->no_source)
			continue;
		b->no_target = true;
		empty(p, order[i].host);
	}
}

static void
plan_free(struct plan *p)
{
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		free(p->bays[i].vms);
	free(p);
}

size_t
consolidate_moves(struct cloud *c, const struct consolidate *how, struct rng *rng,
                  struct cloud_move **ret)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	size_t n;

	p->cloud = c;
	p->how = how;
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		bay_init(p, i);
	relieve(p, rng);
	empty_all(p);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		c->hosts[i].most = MAX(c->hosts[i].most, p->bays[i].most);
	n = how->most_moves > 0 ? MIN(p->n_moves, how->most_moves) : p->n_moves;
	*ret = take_ptr(p->moves);
	plan_free(p);
	return n;
}

void
consolidate_place_first_fit(struct cloud *c)
{
	for (uint32_t vm = 0; vm < c->n_vms; vm++) {
		uint32_t i = 0;

		while (i < CLOUD_HOSTS && !cloud_create(c, vm, i))
			i++;
	}
}

static uint32_t
place_find(struct cloud *c, const struct overload *o, uint32_t vm, const double *given)
{
	double least = INFINITY;
	uint32_t best = CLOUD_NONE;
	bool seen[2] = {false, false};

	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		const struct cloud_host *h = &c->hosts[i];
		/* Those placed before ask for nothing yet: their cloudlets come at 0.1 s. */
		struct overload_view view = {.requested = c->vms[vm].mips, .mips = h->mips};
		double more;

		if (h->n == 0 && seen[i % 2])
			continue;
		seen[i % 2] |= h->n == 0;
		if (!cloud_has_room(c, vm, i) || (given[i] != 0 && overload_is(o, &view)))
			continue;
		more = watts_at(h->watts, (given[i] + c->vms[vm].mips) / h->mips) - cloud_watts(h);
		if (more < least) {
			least = more;
			best = i;
		}
	}
	return best;
}

void
consolidate_place_best_fit(struct cloud *c, const struct overload *o)
{
	double given[CLOUD_HOSTS] = {0};

	for (uint32_t vm = 0; vm < c->n_vms; vm++) {
		uint32_t to = place_find(c, o, vm, given);

		if (to == CLOUD_NONE)
			continue;
		given[to] += c->vms[vm].mips;
		(void) cloud_create(c, vm, to);
	}
}
