/* One placement constraint. swarm/constraint.h parses and matches it. */
#pragma once

#include <stdbool.h>

struct constraint {
	const char *text;  /* as it stands in the spec */
	const char *key;   /* trimmed; NULL when the text does not parse */
	const char *value; /* trimmed */
	bool equal;        /* ==, else != */
	bool ours;         /* written by forager, not by the owner */
};

struct label {
	const char *key, *value;
};
