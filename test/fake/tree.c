/*
 * Which nodes get how many of a group's tasks (swarmkit manager/scheduler: nodeset.go,
 * decision_tree.go, scheduler.go): spread preferences, then fewest tasks; see group.h.
 */
#include "test/fake/group.h"

#define FAILURE_WINDOW (300 * NS_PER_S)
#define FAILURES       5

/* ---- the order of nodes (nodeLess) ---- */

/* Recent failures of each node, of this service and spec version; what is older is forgotten. */
static void
count_failures(struct group *g)
{
	const struct world_task *t = g->tasks[0];
	struct world_service *s = t->service;
	size_t kept = 0;

	for (size_t i = 0; i < s->n_failures; i++) {
		const struct world_failure f = s->failures[i];

		if (f.at_ns <= g->r->w->now_ns - FAILURE_WINDOW)
			continue;
		s->failures[kept++] = f;
		g->failures[f.node->index] += f.spec_version == t->spec_version;
	}
	s->n_failures = kept;
}

static bool
node_less(const struct group *g, uint32_t a, uint32_t b)
{
	uint64_t x = (uint64_t) g->copies[a] + g->extra[a];
	uint64_t y = (uint64_t) g->copies[b] + g->extra[b];

	if ((g->failures[a] >= FAILURES || g->failures[b] >= FAILURES) &&
	    g->failures[a] != g->failures[b])
		return g->failures[a] < g->failures[b];
	if (x != y)
		return x < y;
	return (uint64_t) g->snap->nodes[a].n_tasks + g->extra[a] <
	       (uint64_t) g->snap->nodes[b].n_tasks + g->extra[b];
}

static void
sort_nodes(const struct group *g, uint32_t *nodes, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t node = nodes[i];
		size_t k = i;

		for (; k > 0 && node_less(g, node, nodes[k - 1]); k--)
			nodes[k] = nodes[k - 1];
		nodes[k] = node;
	}
}

/* ---- assigning ---- */

/*
 * scheduleNTasksOnNodes, to the letter: it stays on a node while the next one has more, and once it
 * has reached the last it goes round, whatever they have then.
 */
static size_t
fill_nodes(struct group *g, const uint32_t *nodes, size_t n_nodes, size_t n)
{
	_cleanup_(freep) bool *failed = xcalloc(n_nodes + 1, sizeof(*failed));
	size_t at = 0, done = 0;

	while (g->next < g->n_tasks) {
		uint32_t node = nodes[at % n_nodes];
		size_t from;

		group_assign(g, node);
		if (++done == n)
			return done;
		if (at + 1 >= n_nodes || node_less(g, nodes[at + 1], node))
			at++;
		for (from = at; failed[at % n_nodes] || !pipeline_passes(g, nodes[at % n_nodes]);) {
			failed[at % n_nodes] = true;
			if (++at - from == n_nodes)
				return done;
		}
	}
	return done;
}

/* ---- preferences: the decision tree ---- */

struct branch {
	char *value;
	struct branch **next;
	size_t n_next;
	uint32_t *nodes; /* of a leaf: those that pass, best first */
	size_t n_nodes;
	uint64_t tasks; /* of the service, on all of its nodes */
	bool full;
};

static void
branch_free(struct branch *b)
{
	for (size_t i = 0; i < b->n_next; i++)
		branch_free(b->next[i]);
	free(b->next);
	free(b->nodes);
	free(b->value);
	free(b);
}

/* The value that a spread preference sees, "" where there is none; NULL: Swarm ignores it. */
static const char *
value_of(const struct world_node *n, const char *descriptor)
{
	if (str_has_prefix(descriptor, "node.labels."))
		return shape_text(n->labels, descriptor + strlen("node.labels."), "");
	if (str_has_prefix(descriptor, "engine.labels."))
		return shape_text(n->engine_labels, descriptor + strlen("engine.labels."), "");
	return NULL;
}

static struct branch *
branch_at(struct branch *b, const char *value)
{
	for (size_t i = 0; i < b->n_next; i++) {
		if (streq(b->next[i]->value, value))
			return b->next[i];
	}
	b->next = xrealloc(b->next, b->n_next + 1, sizeof(struct branch *));
	b->next[b->n_next] = xcalloc(1, sizeof(*b));
	b->next[b->n_next]->value = xstrdup(value);
	return b->next[b->n_next++];
}

static void
tree_add(struct group *g, struct branch *b, uint32_t node)
{
	const json_t *list = shape_at(g->tasks[0]->spec, "Placement.Preferences");
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *value =
		    value_of(g->r->w->nodes[node], shape_text(one, "Spread.SpreadDescriptor", ""));

		if (value == NULL)
			continue;
		b->tasks += g->copies[node];
		b = branch_at(b, value);
	}
	b->tasks += g->copies[node];
	if (!pipeline_passes(g, node))
		return;
	b->nodes = xrealloc(b->nodes, b->n_nodes + 1, sizeof(*b->nodes));
	b->nodes[b->n_nodes++] = node;
}

/* Go's maps have no order: nodes come as chance has it, which breaks the ties. */
static struct branch *
tree_of(struct group *g)
{
	struct world *w = g->r->w;
	struct branch *root = xcalloc(1, sizeof(*root));
	_cleanup_(freep) uint32_t *nodes = xcalloc(w->n_nodes + 1, sizeof(*nodes));

	for (size_t i = 0; i < w->n_nodes; i++)
		nodes[i] = (uint32_t) i;
	rng_shuffle(&w->rng, nodes, w->n_nodes, sizeof(*nodes));
	for (size_t i = 0; i < w->n_nodes; i++)
		tree_add(g, root, nodes[i]);
	return root;
}

static size_t
fill_leaf(struct group *g, struct branch *b, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_nodes; i++) {
		if (pipeline_passes(g, b->nodes[i]))
			b->nodes[kept++] = b->nodes[i];
	}
	b->n_nodes = kept;
	sort_nodes(g, b->nodes, b->n_nodes);
	/* Swarm keeps no more nodes than there are tasks. */
	return kept > 0 ? fill_nodes(g, b->nodes, MIN(kept, g->n_tasks), n) : 0;
}

/* scheduleNTasksOnSubtree: evens the branches out until n are placed or all branches are full. */
static size_t
fill_tree(struct group *g, struct branch *b, size_t n)
{
	size_t done = 0, usable = b->tasks, open = b->n_next;

	if (b->n_next == 0)
		return fill_leaf(g, b, n);
	while (done != n && open > 0) {
		size_t each = (usable + n - done) / open, rest = (usable + n - done) % open;
		size_t from = rng_below(&g->r->w->rng, b->n_next), before = done,
		       before_open = open;

		for (size_t i = 0; i < b->n_next; i++) {
			struct branch *next = b->next[(from + i) % b->n_next];
			size_t wants, got;

			if (next->full || next->tasks > each || (next->tasks == each && rest == 0))
				continue;
			wants = each - next->tasks + (rest > 0);
			got = fill_tree(g, next, wants);
			if (got < wants) {
				next->full = true;
				open--;
				usable -= next->tasks;
			} else if (rest > 0) {
				rest--;
			}
			done += got;
		}
		if (done == before && open == before_open)
			break; /* L10: Swarm would not end here */
	}
	return done;
}

void
tree_fill(struct group *g)
{
	struct branch *tree;

	count_failures(g);
	tree = tree_of(g);
	(void) fill_tree(g, tree, g->n_tasks);
	branch_free(tree);
}
