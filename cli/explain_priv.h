/* Shared by the parts of explain: what is explained, and how facts are printed. */
#pragma once

#include <jansson.h>

#include "cli/cli.h"

struct explain {
	struct cli *cli;
	json_t *decision; /* borrowed from doc */
	int64_t id, rank; /* the candidate that is explained */
	int64_t against;  /* the runner-up: −1 when there is none but to stay */
	int64_t now_ms;
	/* Of the service asked for. */
	bool left;  /* it carries labels that no open move explains */
	char *back; /* what to say of terms that somebody wrote back; NULL: there are none */
};

/* A line "Name  text", made harmless; nothing when the text is empty. */
void explain_fact(const struct explain *x, const char *name, const char *text);
/* "move web from n1 to n3"; the names are those of the row's fields. free() it. */
char *explain_action(const json_t *row, const char *action, const char *service, const char *from,
                     const char *to);
/* A verdict's name in words; the name itself when it is of another version. */
const char *explain_verdict(const char *name);

/* The terms that add up to the gain of the candidate with this rank (none: nothing). */
int explain_terms(const struct explain *x, const json_t *doc, int64_t rank, const char *title,
                  struct error *err);
/* What was done, and what came of it. */
void explain_after(const struct explain *x, const json_t *doc);
