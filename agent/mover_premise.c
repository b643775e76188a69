/* What people do to the source and the target in the middle of a move: told beside its end. */
#include "agent/mover_internal.h"

static uint64_t
hash_labels(const struct docker_labels *labels)
{
	uint64_t hash = labels->n;

	for (size_t i = 0; i < labels->n; i++) {
		const char *key = labels->items[i].key, *value = labels->items[i].value;
		uint64_t parts[3] = {hash, hash64(key, strlen(key)), hash64(value, strlen(value))};

		hash = hash64(parts, sizeof(parts));
	}
	return hash;
}

/* The version is of no use: Swarm itself writes a node whose overlay network comes or goes. */
static char *
difference(const struct premise *was, const struct docker_node *n, const char *name)
{
	static const char *const names[] = {"active", "pause", "drain"};

	if (n == NULL)
		return xasprintf("node '%s' was removed", name);
	if (n->availability != was->availability)
		return xasprintf("node '%s' was set to %s", name, names[n->availability]);
	if (hash_labels(&n->labels) != was->labels)
		return xasprintf("the labels of node '%s' were changed", name);
	return NULL;
}

void
mover_note_premise(struct change *c, const struct docker_nodes *nodes)
{
	const char *ids[] = {c->in.from_id, c->in.to_id};
	const char *names[] = {c->in.from_name, c->in.to_name};

	for (size_t i = 0; i < ARRAY_SIZE(c->premises) && ids[i][0] != '\0'; i++) {
		const struct docker_node *n = mover_node(nodes, ids[i]);
		struct premise *p = &c->premises[i];

		if (p->known && c->disturbed == NULL)
			c->disturbed = difference(p, n, names[i] != NULL ? names[i] : ids[i]);
		if (p->known || n == NULL)
			continue;
		*p = (struct premise){true, n->availability, hash_labels(&n->labels)};
	}
}

void
mover_tell_premise(const struct change *c, struct error *why)
{
	struct error told = *why;

	if (c->disturbed == NULL)
		return;
	error_clear(why);
	(void) error_set(why, -told.code, "%s; meanwhile %s", told.text, c->disturbed);
}
