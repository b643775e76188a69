/*
 * CloudSim 3.0.3's data centre as its PlanetLab benchmark sets it up: hosts, VMs, the sharing of
 * MIPS, migrations in flight, energy and the accounts behind its metrics, oddities included.
 * docs/cloudsim.md lists them with their source. Sums run in CloudSim's order, so that the same
 * doubles come out.
 *
 * Plain data: whoever includes it may read everything; only cloud.c writes.
 */
#pragma once

#include "sim/cloudsim/day.h"

#define CLOUD_HOSTS   800
#define CLOUD_HISTORY 30 /* ticks that a VM remembers */
#define CLOUD_NONE    UINT32_MAX
/* The first tick: cloudlets arrive at 0.1 s and ask for the next one DAY_STEP_S later. */
#define CLOUD_FIRST_S 300.1
#define CLOUD_END_S   86400.0
/* MB/s that a migration gets: half of 1 Gbit/s in CloudSim's arithmetic. */
#define CLOUD_MIGRATION_MB_S 62.5

struct cloud_vm {
	double mips, ram_mb;
	uint32_t hash;                 /* of its uid, as Java has it */
	double use;                    /* now, 0 … 1 of mips */
	double request;                /* MIPS wanted now: use × mips */
	uint32_t host;                 /* CLOUD_NONE: not placed, or removed for ever */
	bool moving;                   /* in migration */
	double history[CLOUD_HISTORY]; /* of use at ticks, newest first */
	uint32_t n_history;            /* entries of it that are in use */
	uint32_t n_nonzero;            /* up to the last entry that is not 0 */
	/* The newest entry of its state history, and sums over the older ones. */
	double at_s, allocated, requested;
	bool was_moving;
	double sum_allocated, sum_requested, sum_lost_moving;
};

struct cloud_host {
	double pe_mips, mips; /* of one core, of all */
	const double *watts;  /* watts_g4, watts_g5 */
	uint32_t *vms;        /* in CloudSim's order of the list */
	bool *incoming;       /* the same index: in migration to here, counts 10 % */
	uint32_t n, room;
	uint32_t
	    most; /* VMs ever on it, tentatively included: CloudSim's hash table never shrinks */
	double used_mips;            /* as cached by the last update */
	double ram_used_mb, bw_used; /* counted at creation only */
	/* The newest entry of its state history, and sums over the older ones. */
	double at_s, allocated, requested; /* at_s < 0: none yet */
	bool was_active, is_up;            /* of the newest entry, of the one before it */
	double sum_active_s, sum_violated_s;
	uint32_t shutdowns;
};

struct cloud_account {
	double energy_j;
	uint64_t migrations;
	/* At ticks, before the decision: what a step's demand found. */
	uint64_t host_steps, overloaded_steps;
	double demand_mips, unmet_mips;
};

struct cloud_options {
	bool non_power_aware; /* every host burns its maximum, always */
	bool keep_idle;       /* nothing is removed; what holds a VM is on (zd=0) */
};

struct cloud {
	const struct day *day;
	struct cloud_options options;
	double now_s, last_s; /* of this and the last update */
	uint32_t tick;        /* counted from 1 */
	struct cloud_host hosts[CLOUD_HOSTS];
	struct cloud_vm *vms;
	uint32_t n_vms;
	struct cloud_account account;
};

/* One VM goes to a host. from is where it is. */
struct cloud_move {
	uint32_t vm, from, to;
};

/* Not yet placed. The day must outlive it. */
struct cloud *cloud_new(const struct day *day, const struct cloud_options *options);
void cloud_free(struct cloud *c); /* NULL is fine */
void cloud_freep(struct cloud **c);

/* At creation a VM's whole MIPS, memory and bandwidth must be free. cloud_create places it. */
bool cloud_has_room(const struct cloud *c, uint32_t vm, uint32_t host);
bool cloud_create(struct cloud *c, uint32_t vm, uint32_t host);

/* Updates everything at the next tick: requests, allocation, energy, removal of finished VMs. */
void cloud_tick(struct cloud *c);

/*
 * Starts the moves of this tick, in order; all are complete when it returns, with the updates that
 * their completion brings, but for the energy after the last of them: the next tick's. Every entry
 * counts as a migration, also the earlier one of a VM that is moved twice. each is called (if not
 * NULL) when all have been started.
 */
void cloud_migrate(struct cloud *c, const struct cloud_move *moves, size_t n,
                   void (*started)(void *data), void *data);

/* After the last tick: the last entries of the state histories count too. */
void cloud_end(struct cloud *c);

double cloud_delay_s(const struct cloud_vm *v);

/* The host's cached utilisation and watts; CloudSim takes 1 … 1.01 for 1. */
double cloud_use(const struct cloud_host *h);
double cloud_watts(const struct cloud_host *h);

/* Drawing power: by CloudSim's rule, or with keep_idle when it holds a VM. */
bool cloud_is_on(const struct cloud *c, uint32_t host);
