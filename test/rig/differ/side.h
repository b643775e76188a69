/*
 * One of the two that are compared: a real engine behind its socket, or a world of the scripted one
 * in this process. Both are asked the same way.
 */
#pragma once

#include "test/fake/world.h"

struct side {
	struct world *world; /* borrowed; NULL: the real one */
	void *curl;          /* owned; NULL: the scripted one */
};

void side_open_real(struct side *s, const char *socket);
void side_close(struct side *s);

/*
 * Asks; body may be NULL. Returns the status. ret (may be NULL): the answer, NULL when it is no
 * JSON; the caller frees. A real engine that does not answer ends the program.
 */
int side_ask(struct side *s, const char *method, const char *target, const char *body,
             json_t **ret);
/* The same, of something that is there: any other status than 200 ends the program. */
json_t *side_get(struct side *s, const char *target);
