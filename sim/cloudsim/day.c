/* Days of traces; see day.h. */
#include "sim/cloudsim/day.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/rng.h"

/* Longer lines than "100\n" are no trace. */
#define LINE_MOST 64

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
day_free(struct day *d)
{
	if (d == NULL)
		return;
	for (uint32_t i = 0; i < d->n_vms; i++)
		free(d->files[i]);
	free(d->files);
	free(d->use);
	free(d->name);
	free(d);
}

void
day_freep(struct day **d)
{
	day_free(*d);
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void) closedir(*d);
}

static void
fclosep(FILE **f)
{
	if (*f != NULL)
		(void) fclose(*f);
}

static int
files_list(const char *path, struct day *d, struct error *err)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	struct dirent *e;

	if (dir == NULL)
		return error_set(err, errno, "day '%s': %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (d->n_vms == DAY_VMS_MOST)
			return error_set(err, EINVAL, "day '%s': more than %d files", path,
			                 DAY_VMS_MOST);
		d->files = xrealloc(d->files, d->n_vms + 1, sizeof(*d->files));
		d->files[d->n_vms++] = xstrdup(e->d_name);
	}
	if (d->n_vms == 0)
		return error_set(err, EINVAL, "day '%s': there is no trace in it", path);
	/* Bytes, not the locale's order: results depend on it. */
	qsort(d->files, d->n_vms, sizeof(*d->files), by_bytes);
	return 0;
}

/* A whole number of 0 … 100 and nothing else. −1: it is not. */
static int
percent(const char *line)
{
	char *end;
	long x = strtol(line, &end, 10);

	if (end == line || line[0] == '+' || line[0] == '-' || (*end != '\n' && *end != '\0'))
		return -1;
	return x >= 0 && x <= 100 ? (int) x : -1;
}

static int
file_read(const char *path, struct day *d, uint32_t vm, struct error *err)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	char line[LINE_MOST];

	if (f == NULL)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	for (uint32_t i = 0; i < DAY_SAMPLES; i++) {
		int x;

		if (fgets(line, sizeof(line), f) == NULL)
			return error_set(err, EINVAL, "%s:%u: a trace has %d lines", path, i + 1,
			                 DAY_SAMPLES);
		x = percent(line);
		if (x < 0)
			return error_set(err, EINVAL, "%s:%u: not a whole number from 0 to 100",
			                 path, i + 1);
		d->use[(size_t) i * d->n_vms + vm] = x / 100.0;
	}
	if (fgets(line, sizeof(line), f) != NULL && line[0] != '\n')
		return error_set(err, EINVAL, "%s:%d: a trace has %d lines", path, DAY_SAMPLES + 1,
		                 DAY_SAMPLES);
	d->use[(size_t) DAY_SAMPLES * d->n_vms + vm] =
	    d->use[(size_t) (DAY_SAMPLES - 1) * d->n_vms + vm];
	return 0;
}

int
day_load(const char *dir, const char *name, struct day **ret, struct error *err)
{
	_cleanup_(day_freep) struct day *d = xcalloc(1, sizeof(*d));
	_cleanup_(freep) char *path = xasprintf("%s/%s", dir, name);
	int r;

	d->name = xstrdup(name);
	r = files_list(path, d, err);
	if (r < 0)
		return r;
	d->use = xcalloc((size_t) (DAY_SAMPLES + 1) * d->n_vms, sizeof(*d->use));
	for (uint32_t i = 0; i < d->n_vms; i++) {
		_cleanup_(freep) char *file = xasprintf("%s/%s", path, d->files[i]);

		r = file_read(file, d, i, err);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(d);
	return 0;
}

void
day_shuffle(struct day *d, uint64_t seed)
{
	_cleanup_(freep) double *row = xcalloc(d->n_vms, sizeof(*row));
	_cleanup_(freep) uint32_t *order = xcalloc(d->n_vms, sizeof(*order));
	_cleanup_(freep) char **files = xcalloc(d->n_vms, sizeof(*files));
	struct rng rng;

	if (seed == 0)
		return;
	rng_seed(&rng, seed);
	for (uint32_t i = 0; i < d->n_vms; i++)
		order[i] = i;
	rng_shuffle(&rng, order, d->n_vms, sizeof(*order));
	for (uint32_t t = 0; t <= DAY_SAMPLES; t++) {
		double *use = d->use + (size_t) t * d->n_vms;

		memcpy(row, use, d->n_vms * sizeof(*row));
		for (uint32_t i = 0; i < d->n_vms; i++)
			use[i] = row[order[i]];
	}
	memcpy(files, d->files, d->n_vms * sizeof(*files));
	for (uint32_t i = 0; i < d->n_vms; i++)
		d->files[i] = files[order[i]];
}

struct day *
day_shuffled(const struct day *d, uint64_t seed)
{
	size_t size = (size_t) (DAY_SAMPLES + 1) * d->n_vms;
	struct day *ret = xcalloc(1, sizeof(*ret));

	*ret = (struct day){.name = xstrdup(d->name), .n_vms = d->n_vms};
	ret->files = xcalloc(d->n_vms, sizeof(*ret->files));
	for (uint32_t i = 0; i < d->n_vms; i++)
		ret->files[i] = xstrdup(d->files[i]);
	ret->use = xcalloc(size, sizeof(*ret->use));
	memcpy(ret->use, d->use, size * sizeof(*ret->use));
	day_shuffle(ret, seed);
	return ret;
}

/* --- synthetic days ------------------------------------------------------------------------------
 */

/* What makes a VM's day: measured shares and moments of the PlanetLab days, rounded. */
struct habit {
	double level, noise, stay; /* mean and spread of its own level, AR(1) of the noise */
	double daily, burst_in, burst_out, burst;
};

static struct habit
habit_draw(struct rng *rng)
{
	double kind = rng_double(rng);
	struct habit h = {.stay = .7, .burst_out = .3};

	if (kind < .40) { /* idle: zeros with an occasional 1 to 3 % */
		h.level = -.01;
		h.noise = .008;
		h.stay = .3;
	} else if (kind < .70) { /* steady and low */
		h.level = .02 + .10 * rng_double(rng);
		h.noise = .25 * h.level;
	} else if (kind < .85) { /* steady and middling, with a daily swing */
		h.level = .12 + .25 * rng_double(rng);
		h.noise = .2 * h.level;
		h.daily = .4 * rng_double(rng);
	} else if (kind < .95) { /* bursty */
		h.level = .05 + .1 * rng_double(rng);
		h.noise = .02;
		h.burst_in = .01 + .04 * rng_double(rng);
		h.burst_out = .05 + .3 * rng_double(rng);
		h.burst = .3 + .6 * rng_double(rng);
	} else { /* busy */
		h.level = .45 + .5 * rng_double(rng);
		h.noise = .08;
	}
	return h;
}

/* One period of a sine by a polynomial: libm's last bit may differ from machine to machine. */
static double
wave(double turn)
{
	double x = turn - (double) (int64_t) turn;

	x = x < .5 ? 4 * x - 1 : 3 - 4 * x;
	return x * (1.5 - .5 * x * x);
}

static int
file_write(const char *path, struct rng *rng, struct error *err)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "we");
	struct habit h = habit_draw(rng);
	double x = 0, phase = rng_double(rng);
	bool burst = false;

	if (f == NULL)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	for (int t = 0; t < DAY_SAMPLES; t++) {
		double u;

		x = h.stay * x + h.noise * rng_normal(rng);
		burst = rng_double(rng) < (burst ? 1 - h.burst_out : h.burst_in);
		u = h.level * (1 + h.daily * wave((double) t / DAY_SAMPLES + phase)) + x +
		    (burst ? h.burst : 0);
		if (fprintf(f, "%d\n", (int) (100 * CLAMP(u, 0.0, 1.0) + .5)) < 0)
			return error_set(err, EIO, "%s: could not be written", path);
	}
	if (fclose(take_ptr(f)) != 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int
folder_make(const char *path, struct error *err)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, errno, "%s: %s", path, strerror(errno));
}

int
day_write_synthetic(const char *dir, uint32_t n_days, uint32_t n_vms, uint64_t seed,
                    struct error *err)
{
	int r = folder_make(dir, err);

	for (uint32_t i = 0; r == 0 && i < n_days; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/synth-%u", dir, i + 1);
		struct rng rng;

		rng_seed_stream(&rng, seed, i);
		r = folder_make(path, err);
		for (uint32_t k = 0; r == 0 && k < n_vms; k++) {
			_cleanup_(freep) char *file = xasprintf("%s/vm-%05u", path, k);

			r = file_write(file, &rng, err);
		}
	}
	return r;
}
