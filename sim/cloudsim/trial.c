/* One contender through one day; see trial.h. */
#include "sim/cloudsim/trial.h"

#include <time.h>

#include "sim/cloudsim/adapter.h"
#include "sim/cloudsim/bounds.h"

/* 300.1 s … 86,100.1 s: the next one would be after the end. */
#define TICKS 287

struct course {
	const struct trial *t;
	struct cloud *cloud;
	struct adapter *adapter; /* PRODUCT */
	struct rng rng;
	struct cloud_move *own; /* of CloudSim's policies */
	double decide_s, decide_s_max;
};

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void) clock_gettime(clock, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
place(const struct course *f)
{
	const struct contender *c = f->t->contender;
	/* The product starts from what its rivals start from. */
	struct overload thr = {OVERLOAD_THR, 0.8};

	if (c->kind == CONTENDER_NPA || c->kind == CONTENDER_DVFS)
		consolidate_place_first_fit(f->cloud);
	else
		consolidate_place_best_fit(f->cloud,
		                           c->kind == CONTENDER_CLOUDSIM ? &c->how.overload : &thr);
}

static size_t
decide(struct course *f, const struct cloud_move **ret)
{
	const struct contender *c = f->t->contender;
	double start = seconds(CLOCK_THREAD_CPUTIME_ID), took = 0;
	size_t n = 0;

	*ret = NULL;
	if (c->kind == CONTENDER_PRODUCT) {
		n = adapter_moves(f->adapter, ret, &took);
	} else if (c->kind == CONTENDER_CLOUDSIM) {
		free(take_ptr(f->own));
		n = consolidate_moves(f->cloud, &c->how, &f->rng, &f->own);
		*ret = f->own;
		took = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	f->decide_s += took;
	f->decide_s_max = MAX(f->decide_s_max, took);
	return n;
}

static void
started(void *data)
{
	const struct course *f = data;
	const struct trial_watch *w = f->t->watch;

	if (w != NULL && w->started != NULL)
		w->started(w->data, f->cloud);
}

static void
ticks_run(struct course *f)
{
	const struct trial_watch *w = f->t->watch;

	for (int i = 0; i < TICKS; i++) {
		const struct cloud_move *moves;
		size_t n;

		cloud_tick(f->cloud);
		n = decide(f, &moves);
		if (w != NULL && w->moves != NULL)
			w->moves(w->data, f->cloud, moves, n);
		cloud_migrate(f->cloud, moves, n, started, f);
	}
	cloud_end(f->cloud);
}

static void
day_run(const struct trial *t, struct score *ret)
{
	struct cloud_options options = {.non_power_aware = t->contender->kind == CONTENDER_NPA,
	                                .keep_idle = t->keep_idle};
	_cleanup_(cloud_freep) struct cloud *cloud = cloud_new(t->day, &options);
	_cleanup_(adapter_freep) struct adapter *adapter = NULL;
	struct course f = {.t = t, .cloud = cloud};

	rng_seed(&f.rng, t->seed);
	place(&f);
	if (t->contender->kind == CONTENDER_PRODUCT)
		f.adapter = adapter = adapter_new(cloud, t->policy, t->seed);
	if (t->watch != NULL && t->watch->placed != NULL)
		t->watch->placed(t->watch->data, cloud);
	ticks_run(&f);
	free(f.own);
	score_of(cloud, ret);
	ret->decide_ms_mean = 1e3 * f.decide_s / TICKS;
	ret->decide_ms_max = 1e3 * f.decide_s_max;
}

void
trial_run(const struct trial *t, struct score *ret)
{
	double start = seconds(CLOCK_MONOTONIC);

	switch (t->contender->kind) {
	case CONTENDER_PACKING:
		bounds_packing(t->day, t->keep_idle, ret);
		break;
	case CONTENDER_FLUID:
		bounds_fluid(t->day, t->keep_idle, ret);
		break;
	default:
		day_run(t, ret);
	}
	ret->wall_s = seconds(CLOCK_MONOTONIC) - start;
}
