/*
 * A day of traces: one file a VM, DAY_SAMPLES lines, each the CPU utilisation of five minutes in
 * whole per cent. The layout is that of the PlanetLab traces (docs/cloudsim.md says where they
 * are); the project ships none, day_write_synthetic makes similar ones.
 */
#pragma once

#include "base/error.h"

#define DAY_SAMPLES  288
#define DAY_STEP_S   300.0
#define DAY_VMS_MOST 20000

struct day {
	char *name;     /* of the folder */
	uint32_t n_vms; /* files, in the order of their names' bytes */
	char **files;
	/* [sample][vm], shares of 0 … 1; one sample more than a file has: the last one repeated. */
	double *use;
};

/*
 * Reads DIR/NAME. -ENOENT and others of the system; -EINVAL: no file in it, too many, a line that
 * is not a whole number of 0 … 100, too few lines. The text names file and line.
 */
int day_load(const char *dir, const char *name, struct day **ret, struct error *err);
void day_free(struct day *d); /* NULL is fine */
void day_freep(struct day **d);

/* The VMs in another order: the same for the same seed. Seed 0: as they are. */
void day_shuffle(struct day *d, uint64_t seed);
/* The same of a copy. day_free it. */
struct day *day_shuffled(const struct day *d, uint64_t seed);

/*
 * Writes synthetic days "synth-1" … into DIR (made if missing), each n_vms files: a mixture of
 * idle, steady, daily, bursty and square-wave VMs with the marginal distribution and the
 * autocorrelation that the PlanetLab days show. The same bytes for the same seed.
 */
int day_write_synthetic(const char *dir, uint32_t n_days, uint32_t n_vms, uint64_t seed,
                        struct error *err);
