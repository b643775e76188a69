/*
 * A placement constraint: accepted exactly where swarmkit's own two regular expressions accept it,
 * and printed it parses to the same.
 */
#include "swarm/constraint.h"

#include <ctype.h>
#include <strings.h>

#include "test/fuzz/fuzz.h"

/* swarmkit's alphaNumeric and valuePattern on ASCII; beyond it only our code is run. */
static bool
key_accepted(const char *s)
{
	size_t n = strlen(s);

	return n >= 2 && (isalpha((unsigned char) s[0]) || s[0] == '_') &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

static bool
value_accepted(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                           ":-_\t\n\f\r .*()?+[]\\^$|/") == n;
}

static void
trim(char *s)
{
	char *start = s + strspn(s, " \t\n\v\f\r");
	size_t n = strlen(start);

	memmove(s, start, n + 1);
	while (n > 0 && strchr(" \t\n\v\f\r", s[n - 1]) != NULL)
		s[--n] = '\0';
}

static bool
accepted(const char *text)
{
	_cleanup_(freep) char *key = xstrdup(text);
	char *op = strstr(key, "==");

	if (op == NULL)
		op = strstr(key, "!=");
	if (op == NULL)
		return false;
	*op = '\0';
	op += 2;
	trim(op);
	trim(key);
	return key_accepted(key) && value_accepted(op);
}

static bool
is_ascii(const char *s)
{
	while (*s != '\0' && (unsigned char) *s < 0x80)
		s++;
	return *s == '\0';
}

static bool
matches(const struct constraint *c)
{
	static const struct label labels[] = {{"zone", "a"}, {"disk", "SSD"}};
	static const struct snap_node node = {
	    .id = "node1aaaaaaaaaaaaaaaaaaaa",
	    .hostname = "alpha",
	    .attrs = {.hostname = "alpha",
	              .addr = "10.0.0.7",
	              .role = "worker",
	              .os = "linux",
	              .arch = "x86_64",
	              .labels = (struct label *) labels,
	              .engine_labels = (struct label *) labels,
	              .n_labels = 2,
	              .n_engine_labels = 2},
	};

	return constraint_match(c, &node);
}

void
fuzz_constraint(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	_cleanup_(freep) char *text = fuzz_text(data, size), *printed = NULL;
	struct constraint c, again, opposite;
	struct error err = {0};
	int r = constraint_parse(arena, text, false, &c, &err);

	fuzz_said(r, &err);
	if (is_ascii(text))
		FUZZ_CHECK((r >= 0) == accepted(text), "'%s'", text);
	if (r < 0)
		return;
	printed = xasprintf("%s%s%s", c.key, c.equal ? "==" : "!=", c.value);
	r = constraint_parse(arena, printed, false, &again, &err);
	FUZZ_CHECK(r >= 0, "'%s': %s", printed, err.text);
	FUZZ_CHECK(streq(c.key, again.key) && streq(c.value, again.value) && c.equal == again.equal,
	           "'%s'", printed);
	FUZZ_CHECK(matches(&c) == matches(&again), "'%s'", printed);
	/* Where the key is one that Swarm knows, exactly one of the two matches. */
	opposite = c;
	opposite.equal = !c.equal;
	if (strcasecmp(c.key, "node.id") == 0 || strcasecmp(c.key, "node.hostname") == 0 ||
	    strcasecmp(c.key, "node.role") == 0)
		FUZZ_CHECK(matches(&c) != matches(&opposite), "'%s'", printed);
	FUZZ_CHECK(!constraint_is_term(&c) || strcasecmp(c.key, "node.id") == 0, "'%s'", printed);
}
