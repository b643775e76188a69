/* The data centre; see cloud.h. Paths in comments: CloudSim 3.0.3, org/cloudbus/cloudsim/. */
#include "sim/cloudsim/cloud.h"

#include <math.h>
#include <stdio.h>

#include "sim/cloudsim/watts.h"

#define VM_BW      100000.0
#define HOST_BW    1000000.0
#define HOST_RAM   4096.0
#define VM_TYPES   4
#define MOVING_OUT 0.9 /* of its request that a VM gets at its source while it moves */
#define MOVING_IN  0.1 /* of its request that it takes at its target meanwhile */

/* examples/power/Constants.java */
static const struct {
	double mips, ram_mb;
} vm_types[VM_TYPES] = {{2500, 870}, {2000, 1740}, {1000, 1740}, {500, 613}};

/* java.lang.String's hash of "2-ID", a VM's uid (2 is the broker), as java.util.HashMap spreads it.
 */
static uint32_t
uid_hash(uint32_t vm)
{
	char uid[16];
	uint32_t x = 0;

	(void) snprintf(uid, sizeof(uid), "2-%u", vm);
	for (const char *s = uid; *s != '\0'; s++)
		x = 31 * x + (unsigned char) *s;
	return x ^ x >> 16;
}

/* examples/power/Helper.java: the first quarter of the VMs is of the first type, and so on. */
static void
vms_make(struct cloud *c)
{
	uint32_t quarter = (c->n_vms + VM_TYPES - 1) / VM_TYPES;

	c->vms = xcalloc(c->n_vms, sizeof(*c->vms));
	for (uint32_t i = 0; i < c->n_vms; i++) {
		c->vms[i].mips = vm_types[i / quarter].mips;
		c->vms[i].ram_mb = vm_types[i / quarter].ram_mb;
		c->vms[i].hash = uid_hash(i);
		c->vms[i].host = CLOUD_NONE;
		c->vms[i].at_s = -1;
	}
}

struct cloud *
cloud_new(const struct day *day, const struct cloud_options *options)
{
	struct cloud *c = xcalloc(1, sizeof(*c));

	c->day = day;
	c->options = *options;
	c->n_vms = day->n_vms;
	vms_make(c);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		struct cloud_host *h = &c->hosts[i];

		h->pe_mips = i % 2 == 0 ? 1860 : 2660;
		h->mips = 2 * h->pe_mips;
		h->watts = i % 2 == 0 ? watts_g4 : watts_g5;
		h->at_s = -1;
		h->is_up = true;
	}
	return c;
}

void
cloud_free(struct cloud *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		free(c->hosts[i].vms);
		free(c->hosts[i].incoming);
	}
	free(c->vms);
	free(c);
}

void
cloud_freep(struct cloud **c)
{
	cloud_free(*c);
}

static void
list_append(struct cloud_host *h, uint32_t vm, bool incoming)
{
	if (h->n == h->room) {
		h->room = h->room > 0 ? 2 * h->room : 16;
		h->vms = xrealloc(h->vms, h->room, sizeof(*h->vms));
		h->incoming = xrealloc(h->incoming, h->room, sizeof(*h->incoming));
	}
	h->vms[h->n] = vm;
	h->incoming[h->n++] = incoming;
	h->most = MAX(h->most, h->n);
}

static uint32_t
list_find(const struct cloud_host *h, uint32_t vm)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->vms[i] == vm)
			return i;
	return CLOUD_NONE;
}

static void
list_remove(struct cloud_host *h, uint32_t vm)
{
	uint32_t i = list_find(h, vm);

	if (i == CLOUD_NONE)
		return;
	h->n--;
	memmove(h->vms + i, h->vms + i + 1, (h->n - i) * sizeof(*h->vms));
	memmove(h->incoming + i, h->incoming + i + 1, (h->n - i) * sizeof(*h->incoming));
}

/* Host.java isSuitableForVm while the VM is being instantiated: it asks for all it may have. */
bool
cloud_has_room(const struct cloud *c, uint32_t vm, uint32_t host)
{
	const struct cloud_host *h = &c->hosts[host];
	const struct cloud_vm *v = &c->vms[vm];
	double free_mips = h->mips;

	for (uint32_t i = 0; i < h->n; i++)
		free_mips -= c->vms[h->vms[i]].mips;
	return h->pe_mips >= v->mips && free_mips >= v->mips &&
	       h->ram_used_mb + v->ram_mb <= HOST_RAM && h->bw_used + VM_BW <= HOST_BW;
}

bool
cloud_create(struct cloud *c, uint32_t vm, uint32_t host)
{
	struct cloud_host *h = &c->hosts[host];

	if (!cloud_has_room(c, vm, host))
		return false;
	h->ram_used_mb += c->vms[vm].ram_mb;
	h->bw_used += VM_BW;
	list_append(h, vm, false);
	c->vms[vm].host = host;
	return true;
}

double
cloud_delay_s(const struct cloud_vm *v)
{
	return v->ram_mb / CLOUD_MIGRATION_MB_S;
}

double
cloud_use(const struct cloud_host *h)
{
	double use = h->used_mips / h->mips;

	return use > 1 && use < 1.01 ? 1 : use;
}

double
cloud_watts(const struct cloud_host *h)
{
	return watts_at(h->watts, cloud_use(h));
}

bool
cloud_is_on(const struct cloud *c, uint32_t host)
{
	return c->options.keep_idle ? c->hosts[host].n > 0 : c->hosts[host].used_mips > 0;
}

/* UtilizationModelPlanetLabInMemory.java: linear between samples; no tick falls onto one. */
static void
requests_update(struct cloud *c)
{
	double steps = c->now_s / DAY_STEP_S;
	size_t t1 = (size_t) floor(steps), t2 = (size_t) ceil(steps);
	double into = c->now_s - (double) t1 * DAY_STEP_S;
	const double *use1 = c->day->use + MIN(t1, (size_t) DAY_SAMPLES) * c->n_vms;
	const double *use2 = c->day->use + MIN(t2, (size_t) DAY_SAMPLES) * c->n_vms;

	for (uint32_t i = 0; i < c->n_vms; i++) {
		struct cloud_vm *v = &c->vms[i];

		if (v->host == CLOUD_NONE)
			continue;
		v->use = use1[i] + (use2[i] - use1[i]) / DAY_STEP_S * into;
		v->request = v->use * v->mips;
	}
}

/* power/PowerVm.java: once a tick. */
static void
history_push(struct cloud *c)
{
	for (uint32_t i = 0; i < c->n_vms; i++) {
		struct cloud_vm *v = &c->vms[i];

		if (v->host == CLOUD_NONE)
			continue;
		memmove(v->history + 1, v->history, (CLOUD_HISTORY - 1) * sizeof(*v->history));
		v->history[0] = v->use;
		v->n_history = MIN(v->n_history + 1, (uint32_t) CLOUD_HISTORY);
		v->n_nonzero = CLOUD_HISTORY;
		while (v->n_nonzero > 0 && v->history[v->n_nonzero - 1] == 0)
			v->n_nonzero--;
	}
}

/* A new entry of the VM's state history; one of the same time is replaced. (Helper.java) */
static void
vm_account(struct cloud_vm *v, double now_s, double allocated)
{
	if (v->at_s >= 0 && v->at_s < now_s) {
		double dt = now_s - v->at_s;

		v->sum_allocated += v->allocated * dt;
		v->sum_requested += v->requested * dt;
		if (v->allocated < v->requested && v->was_moving)
			v->sum_lost_moving += (v->requested - v->allocated) * dt;
	}
	v->at_s = now_s;
	v->allocated = allocated;
	v->requested = v->request;
	v->was_moving = v->moving;
}

/* The same of the host. Being empty at the first entry counts as a shutdown. */
static void
host_account(struct cloud_host *h, double now_s, double requested)
{
	if (h->at_s >= 0 && h->at_s < now_s) {
		double dt = h->was_active ? now_s - h->at_s : 0;

		h->sum_active_s += dt;
		h->sum_violated_s += h->allocated < h->requested ? dt : 0;
		h->shutdowns += h->is_up && !h->was_active;
		h->is_up = h->was_active;
	}
	h->at_s = now_s;
	h->allocated = h->used_mips;
	h->requested = requested;
	h->was_active = h->used_mips > 0;
}

static double
capped(const struct cloud *c, const struct cloud_host *h, uint32_t i)
{
	return MIN(c->vms[h->vms[i]].request, h->pe_mips);
}

/*
 * Σ in the order of a HashMap of the uids: bucket by bucket. The last bit of the sum decides now
 * and then which whole MIPS a VM gets.
 */
static double
demand_hashed(const struct cloud *c, const struct cloud_host *h)
{
	uint32_t buckets = 16;
	double sum = 0;

	while (buckets * 3 / 4 < h->most)
		buckets *= 2;
	for (uint32_t b = 0; b < buckets; b++)
		for (uint32_t i = 0; i < h->n; i++)
			if ((c->vms[h->vms[i]].hash & (buckets - 1)) == b)
				sum += capped(c, h, i) * (h->incoming[i] ? MOVING_IN : 1);
	return sum;
}

/* VmSchedulerTimeSharedOverSubscription.java, redistributeMipsDueToOverSubscription. */
static void
scale_down(const struct cloud *c, const struct cloud_host *h, double *allocated)
{
	double scale = h->mips / demand_hashed(c, h);

	for (uint32_t i = 0; i < h->n; i++) {
		double x = capped(c, h, i);

		if (h->incoming[i])
			x = x * MOVING_IN * scale;
		else if (c->vms[h->vms[i]].moving)
			x = x * scale * MOVING_OUT;
		else
			x *= scale;
		allocated[i] = floor(x);
	}
}

static void
share_out(const struct cloud *c, const struct cloud_host *h, double *allocated)
{
	double left = h->mips;
	bool over = false;

	for (uint32_t i = 0; i < h->n; i++) {
		double x = capped(c, h, i), need = h->incoming[i] ? x * MOVING_IN : x;

		if (left < need) {
			over = true;
			break;
		}
		left -= need;
		if (h->incoming[i])
			x *= MOVING_IN;
		else if (c->vms[h->vms[i]].moving)
			x *= MOVING_OUT;
		allocated[i] = x;
	}
	if (over)
		scale_down(c, h, allocated);
}

/* HostDynamicWorkload.java, updateVmsProcessing. */
static void
host_update(struct cloud *c, struct cloud_host *h)
{
	double few[64], *allocated = few, requested = 0;
	_cleanup_(freep) double *many = NULL;

	h->used_mips = 0;
	if (h->n > ARRAY_SIZE(few))
		allocated = many = xcalloc(h->n, sizeof(*many));
	share_out(c, h, allocated);
	for (uint32_t i = 0; i < h->n; i++) {
		struct cloud_vm *v = &c->vms[h->vms[i]];
		double x = allocated[i];

		if (!h->incoming[i]) {
			vm_account(v, c->now_s, x);
			if (v->moving)
				x /= MOVING_OUT;
		}
		h->used_mips += x;
		requested += v->request;
	}
	host_account(h, c->now_s, requested);
}

/* power/PowerHost.java, getEnergyLinearInterpolation: a host at 0 costs nothing, wherever it goes.
 */
static double
frame_energy(const struct cloud *c, uint32_t host, double before_w, double dt)
{
	const struct cloud_host *h = &c->hosts[host];

	if (c->options.non_power_aware)
		return watts_at(h->watts, 1) * dt;
	return before_w > 0 ? (before_w + (cloud_watts(h) - before_w) / 2) * dt : 0;
}

/* HostDynamicWorkload.java, getCompletedVms: what wants nothing is gone for ever. */
static void
finished_remove(struct cloud *c)
{
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		struct cloud_host *h = &c->hosts[i];
		uint32_t n = 0;

		for (uint32_t k = 0; k < h->n; k++) {
			struct cloud_vm *v = &c->vms[h->vms[k]];

			if (!v->moving && v->request == 0) {
				v->host = CLOUD_NONE;
				continue;
			}
			h->vms[n] = h->vms[k];
			h->incoming[n++] = h->incoming[k];
		}
		h->n = n;
	}
}

/* power/PowerDatacenter.java, updateCloudetProcessingWithoutSchedulingFutureEventsForce. */
static void
update(struct cloud *c, double now_s, bool tick)
{
	double before[CLOUD_HOSTS], dt = now_s - c->last_s, energy = 0;

	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		before[i] = cloud_is_on(c, i) ? cloud_watts(&c->hosts[i]) : 0;
	c->now_s = now_s;
	requests_update(c);
	if (tick)
		history_push(c);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		host_update(c, &c->hosts[i]);
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		energy += frame_energy(c, i, before[i], dt);
	c->account.energy_j += energy;
	if (!c->options.keep_idle)
		finished_remove(c);
	c->last_s = now_s;
}

/* What a step's demand found, before anything is decided. CloudSim does not count this. */
static void
step_account(struct cloud *c)
{
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		const struct cloud_host *h = &c->hosts[i];

		c->account.host_steps += cloud_is_on(c, i);
		c->account.overloaded_steps += h->requested > h->mips;
		c->account.demand_mips += h->requested;
		c->account.unmet_mips += MAX(h->requested - h->used_mips, 0.0);
	}
}

void
cloud_end(struct cloud *c)
{
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		struct cloud_host *h = &c->hosts[i];

		h->shutdowns += h->is_up && !h->was_active;
		h->is_up = h->was_active;
	}
}

void
cloud_tick(struct cloud *c)
{
	double now_s = CLOUD_FIRST_S;

	/* Steps of 300 are added one by one, as CloudSim's events do. */
	for (uint32_t i = 0; i < c->tick; i++)
		now_s += DAY_STEP_S;
	c->tick++;
	update(c, now_s, true);
	step_account(c);
}

/* Host.java, addMigratingInVm. Returns false when it is on its way there already. */
static void
migration_start(struct cloud *c, const struct cloud_move *m)
{
	c->vms[m->vm].moving = true;
	if (list_find(&c->hosts[m->to], m->vm) == CLOUD_NONE)
		list_append(&c->hosts[m->to], m->vm, true);
	c->account.migrations++;
}

/* Datacenter.java, processVmMigrate. */
static void
migration_end(struct cloud *c, const struct cloud_move *m)
{
	struct cloud_vm *v = &c->vms[m->vm];

	if (v->host != CLOUD_NONE)
		list_remove(&c->hosts[v->host], m->vm);
	list_remove(&c->hosts[m->to], m->vm);
	list_append(&c->hosts[m->to], m->vm, false);
	v->host = m->to;
	v->moving = false;
}

static void
touched_update(struct cloud *c, const bool *touched)
{
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++)
		if (touched[i])
			host_update(c, &c->hosts[i]);
}

/* All moves of the same delay complete at the same instant, in the order of their start. */
static void
group_complete(struct cloud *c, const struct cloud_move *moves, size_t n, double delay_s,
               double now_s)
{
	bool touched[CLOUD_HOSTS] = {false};

	update(c, now_s, false);
	for (size_t i = 0; i < n; i++) {
		const struct cloud_move *m = &moves[i];

		if (cloud_delay_s(&c->vms[m->vm]) != delay_s)
			continue;
		touched[m->from] = touched[m->to] = true;
		touched[c->vms[m->vm].host] = true;
		migration_end(c, m);
	}
	touched_update(c, touched);
	if (!c->options.keep_idle)
		finished_remove(c);
}

void
cloud_migrate(struct cloud *c, const struct cloud_move *moves, size_t n,
              void (*started)(void *data), void *data)
{
	bool touched[CLOUD_HOSTS] = {false};
	double start_s = c->now_s, last = 0;

	for (size_t i = 0; i < n; i++) {
		migration_start(c, &moves[i]);
		touched[moves[i].from] = touched[moves[i].to] = true;
	}
	touched_update(c, touched);
	if (started != NULL)
		started(data);
	for (;;) {
		double next = INFINITY;

		for (size_t i = 0; i < n; i++) {
			double d = cloud_delay_s(&c->vms[moves[i].vm]);

			if (d > last && d < next)
				next = d;
		}
		if (!isfinite(next))
			return;
		group_complete(c, moves, n, next, start_s + next);
		last = next;
	}
}
