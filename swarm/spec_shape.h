/*
 * What spec.c and spec_before.c share: the shape of the owned fields. Private to swarm/.
 */
#pragma once

#include "swarm/spec.h"

/* Checks the owned text and decodes it: {"Constraints"?, "Labels"?, "UpdateConfig"?}. */
int shape_owned_parse(const char *owned, json_t **ret, struct error *err);

/* Checks the three values; each may be NULL (absent) or null. what: named in the error. */
int shape_check_fields(const char *what, const json_t *constraints, const json_t *labels,
                       const json_t *update, struct error *err);

/* A list of terms that forager may have written: "node.id==ID" or "node.id!=ID". */
bool shape_is_term(const char *text);

/* Letters, digits, '-', '_', '.': at most SWARM_ID_SIZE - 1. */
bool shape_is_id(const char *text);

/* Compact, sorted by key: equal values give equal bytes. Never NULL. */
char *shape_dump(const json_t *value);

/*
 * A constraint list without drop (each term once: the owner may have written the same one beside
 * ours) and with add (where it is missing). Unchanged, it keeps base's exact form (NULL = absent,
 * null, empty); emptied by us, it is absent: without our terms there would have been none. dropped
 * and added (may be NULL) collect what was done. *ret is the caller's. Returns the number dropped.
 */
size_t shape_list_edit(const json_t *base, struct spec_terms drop, struct spec_terms add,
                       json_t *dropped, json_t *added, json_t **ret);
