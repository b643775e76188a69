/* A pool of threads over a counter; see jobs.h. */
#include "sim/jobs.h"

#include <pthread.h>
#include <unistd.h>

#include "base/util.h"

#define THREADS_MOST 256u

struct pool {
	size_t n, next, n_done;
	void (*work)(void *data, size_t i);
	void (*done)(void *data, size_t count);
	void *data;
	pthread_mutex_t lock;
};

static void *
thread_run(void *arg)
{
	struct pool *p = arg;

	for (;;) {
		size_t i;

		(void) pthread_mutex_lock(&p->lock);
		i = p->next++;
		(void) pthread_mutex_unlock(&p->lock);
		if (i >= p->n)
			return NULL;
		p->work(p->data, i);
		(void) pthread_mutex_lock(&p->lock);
		p->n_done++;
		if (p->done != NULL)
			p->done(p->data, p->n_done);
		(void) pthread_mutex_unlock(&p->lock);
	}
}

void
jobs_run(size_t n, unsigned n_threads, void (*work)(void *data, size_t i),
         void (*done)(void *data, size_t count), void *data)
{
	struct pool p = {.n = n, .work = work, .done = done, .data = data};
	_cleanup_(freep) pthread_t *threads = NULL;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned most = n_threads > 0 ? n_threads : (unsigned) MAX(cpus, 1L), started = 0;

	most = (unsigned) MIN((size_t) MIN(most, THREADS_MOST), n);
	threads = xcalloc(MAX(most, 1u), sizeof(*threads));
	(void) pthread_mutex_init(&p.lock, NULL);
	/* This thread works too; fewer threads than wanted are only slower. */
	while (started + 1 < most && pthread_create(&threads[started], NULL, thread_run, &p) == 0)
		started++;
	(void) thread_run(&p);
	while (started > 0)
		(void) pthread_join(threads[--started], NULL);
	(void) pthread_mutex_destroy(&p.lock);
}
