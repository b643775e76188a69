/* What the decoders of the Swarm and of one engine share. */
#pragma once

#include "docker/reader.h"
#include "docker/types.h"

/* {"key": "value", …}, sorted by key. */
struct docker_labels decode_labels(const struct place *up, const char *key);

/* ["…", …]; NULL and 0 when absent. Order as in the document. */
const char *const *decode_strings(const struct place *up, const char *key, size_t *ret_n);

/* The items of up[key] in the arena, each filled by fill; NULL and 0 when absent. */
void *decode_items(const struct place *list, size_t size,
                   void (*fill)(const struct place *item, void *to), size_t *ret_n);

int decode_compare_strings(const void *a, const void *b); /* for qsort of const char * */
