/* The world's clock: a heap of timers, equal times in the order they were set; see world.h. */
#include "test/fake/world.h"

struct world_timer {
	int64_t at_ns;
	uint64_t seq;
	world_fn *fn; /* NULL: cancelled */
	void *data;
	struct world_timer **slot;
};

static bool
before(const struct world_timer *a, const struct world_timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void
swap(struct world *w, size_t a, size_t b)
{
	struct world_timer *t = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = t;
}

static void
sink(struct world *w, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < w->n_heap; c++) {
			if (before(w->heap[c], w->heap[least]))
				least = c;
		}
		if (least == i)
			return;
		swap(w, i, least);
		i = least;
	}
}

static struct world_timer *
pop(struct world *w)
{
	struct world_timer *first = w->heap[0];

	w->heap[0] = w->heap[--w->n_heap];
	sink(w, 0);
	return first;
}

void
world_after(struct world *w, struct world_timer **slot, int64_t ns, world_fn *fn, void *data)
{
	struct world_timer *t = xcalloc(1, sizeof(*t));
	size_t i = w->n_heap++;

	world_cancel(w, slot);
	*t = (struct world_timer){.at_ns = w->now_ns + MAX(ns, 0),
	                          .seq = w->timer_seq++,
	                          .fn = fn,
	                          .data = data,
	                          .slot = slot};
	if (slot != NULL)
		*slot = t;
	if (w->n_heap > w->heap_room) {
		w->heap_room = MAX(64, w->heap_room * 2);
		w->heap = xrealloc(w->heap, w->heap_room, sizeof(*w->heap));
	}
	w->heap[i] = t;
	for (; i > 0 && before(w->heap[i], w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(w, i, (i - 1) / 2);
}

/* It stays in the heap until its time and does nothing then. */
void
world_cancel(struct world *w, struct world_timer **slot)
{
	(void) w;
	if (slot == NULL || *slot == NULL)
		return;
	(*slot)->fn = NULL;
	(*slot)->slot = NULL;
	*slot = NULL;
}

int64_t
world_next_ns(const struct world *w)
{
	return w->n_heap > 0 ? w->heap[0]->at_ns : INT64_MAX;
}

void
world_run_until(struct world *w, int64_t ns)
{
	while (w->n_heap > 0 && w->heap[0]->at_ns <= ns) {
		struct world_timer *t = pop(w);

		w->now_ns = MAX(w->now_ns, t->at_ns);
		if (t->slot != NULL)
			*t->slot = NULL;
		if (t->fn != NULL)
			t->fn(w, t->data);
		free(t);
	}
	w->now_ns = MAX(w->now_ns, ns);
}
