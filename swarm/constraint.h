/*
 * Placement constraints as swarmkit reads them (manager/constraint/constraint.go): "key == value"
 * or "key != value", a list is ANDed. No globs, no sets; values are compared without case.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "model/snapshot.h"

/*
 * Parses one text exactly as Swarm would accept it. The strings of *ret are copies in the arena.
 * -EINVAL: Swarm would refuse the text, err says which part; *ret is untouched.
 */
int constraint_parse(struct arena *arena, const char *text, bool ours, struct constraint *ret,
                     struct error *err);

/*
 * Parses a whole list; never fails. A text that does not parse keeps key NULL and matches no node.
 * Each one that constraint_is_ours finds in the given list is flagged. Returns an array of n in
 * the arena (NULL if n is 0).
 */
struct constraint *constraint_parse_list(struct arena *arena, const char *const *texts, size_t n,
                                         const char *const *ours, size_t n_ours);

/* Whether text stands in the list of what forager wrote (the journal's or the label's). */
bool constraint_is_ours(const char *text, const char *const *ours, size_t n_ours);

/* Whether the node satisfies it. An unknown key, a malformed node.ip or key NULL: never. */
bool constraint_match(const struct constraint *c, const struct snap_node *node);
/* All of them; with owners_only those that forager wrote are left out. */
bool constraint_match_all(const struct constraint *c, size_t n, const struct snap_node *node,
                          bool owners_only);

/* "node.id==ID", or with equal false "node.id!=ID"; in the arena. */
const char *constraint_term(struct arena *arena, bool equal, const char *node_id);

/* "node.id == X" or "node.id != X", the only kind that forager writes. */
bool constraint_is_term(const struct constraint *c);
