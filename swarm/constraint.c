/* Placement constraints; see constraint.h. */
#include "swarm/constraint.h"

#include <arpa/inet.h>
#include <errno.h>

#define NODE_LABEL_PREFIX   "node.labels."
#define ENGINE_LABEL_PREFIX "engine.labels."

/* What Go's strings.TrimSpace takes for white space, so that we accept what Swarm accepts. */
static const char *const spaces[] = {
    "\t",           "\n",           "\v",           "\f",           "\r",           " ",
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
    "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
    "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
    "\xe3\x80\x80",
};

static size_t
space_at(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		if (str_has_prefix(s, spaces[i]))
			return strlen(spaces[i]);
	}
	return 0;
}

/* A copy of the n bytes without the white space around them. */
static char *
trim(struct arena *arena, const char *s, size_t n)
{
	char *copy = ARENA_NEW(arena, char, n + 1);
	size_t step, end = 0;

	memcpy(copy, s, n);
	while ((step = space_at(copy)) > 0)
		copy += step;
	for (size_t i = 0; copy[i] != '\0'; i += MAX(step, 1)) {
		step = space_at(copy + i);
		if (step == 0)
			end = i + 1;
	}
	copy[end] = '\0';
	return copy;
}

/*
 * One character folded as Go's (?i) and EqualFold do it, *at moved behind it. Two letters outside
 * ASCII fold to ASCII ones: U+017F to s and U+212A to k. Other bytes stay as they are: they can
 * stand on the node's side only, where they equal nothing that a constraint may hold.
 */
static unsigned char
fold_next(const char **at)
{
	const char *s = *at;

	if (str_has_prefix(s, "\xc5\xbf")) {
		*at += 2;
		return 's';
	}
	if (str_has_prefix(s, "\xe2\x84\xaa")) {
		*at += 3;
		return 'k';
	}
	*at += 1;
	return (unsigned char) (*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
}

static bool
equal_fold(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		if (fold_next(&a) != fold_next(&b))
			return false;
	}
	return *a == *b;
}

/* Byte by byte, as Swarm cuts the key there: a folding letter of several bytes never fits. */
static bool
has_prefix_fold(const char *s, const char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		const char *start = s;

		if (fold_next(&s) != (unsigned char) *prefix || s - start > 1)
			return false;
	}
	return true;
}

static bool
is_letter(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_one_of(unsigned char c, const char *set)
{
	return strchr(set, c) != NULL; /* NUL has ended the text before */
}

/* ^(?i)[a-z_][a-z0-9\-_.]+$ */
static bool
key_valid(const char *s)
{
	unsigned char c = fold_next(&s);

	if ((!is_letter(c) && c != '_') || *s == '\0')
		return false;
	while (*s != '\0') {
		c = fold_next(&s);
		if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "-_."))
			return false;
	}
	return true;
}

/* ^(?i)[a-z0-9:\-_\s\.\*\(\)\?\+\[\]\\\^\$\|\/]+$ */
static bool
value_valid(const char *s)
{
	if (*s == '\0')
		return false;
	while (*s != '\0') {
		unsigned char c = fold_next(&s);

		if (!is_letter(c) && !is_digit(c) && !is_one_of(c, ":-_\t\n\f\r .*()?+[]\\^$|/"))
			return false;
	}
	return true;
}

int
constraint_parse(struct arena *arena, const char *text, bool ours, struct constraint *ret,
                 struct error *err)
{
	struct constraint c = {.ours = ours, .equal = true};
	/* Swarm looks for == first, wherever it stands: a!=b==c has the key a!=b. */
	const char *op = strstr(text, "==");

	if (op == NULL) {
		c.equal = false;
		op = strstr(text, "!=");
	}
	if (op == NULL)
		return error_set(err, EINVAL, "constraint '%s': needs == or !=", text);
	c.key = trim(arena, text, (size_t) (op - text));
	c.value = trim(arena, op + 2, strlen(op + 2));
	if (!key_valid(c.key))
		return error_set(err, EINVAL, "constraint '%s': key '%s' is invalid", text, c.key);
	if (!value_valid(c.value))
		return error_set(err, EINVAL, "constraint '%s': value '%s' is invalid", text,
		                 c.value);
	c.text = arena_strdup(arena, text);
	*ret = c;
	return 0;
}

bool
constraint_is_ours(const char *text, const char *const *ours, size_t n_ours)
{
	for (size_t i = 0; i < n_ours; i++) {
		if (streq(text, ours[i]))
			return true;
	}
	return false;
}

struct constraint *
constraint_parse_list(struct arena *arena, const char *const *texts, size_t n,
                      const char *const *ours, size_t n_ours)
{
	struct constraint *list;

	if (n == 0)
		return NULL;
	list = ARENA_NEW(arena, struct constraint, n);
	for (size_t i = 0; i < n; i++) {
		bool is_ours = constraint_is_ours(texts[i], ours, n_ours);

		if (constraint_parse(arena, texts[i], is_ours, &list[i], NULL) < 0)
			list[i] = (struct constraint){.text = arena_strdup(arena, texts[i]),
			                              .ours = is_ours};
	}
	return list;
}

/* An address in 16 bytes, IPv4 as ::ffff:a.b.c.d, as Go's net.IP holds it. */
struct address {
	unsigned char bytes[16];
};

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool
is_v4(const struct address *a)
{
	return memcmp(a->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static bool
address_parse(const char *s, struct address *ret, bool *ret_dotted)
{
	struct address a;

	if (inet_pton(AF_INET6, s, a.bytes) == 1) {
		*ret = a;
		*ret_dotted = false;
		return true;
	}
	memcpy(a.bytes, v4_prefix, sizeof(v4_prefix));
	if (inet_pton(AF_INET, s, a.bytes + sizeof(v4_prefix)) != 1)
		return false;
	*ret = a;
	*ret_dotted = true;
	return true;
}

static bool
same_bits(const struct address *a, const struct address *b, unsigned int n_bits)
{
	unsigned int rest = n_bits % 8, n = n_bits / 8;

	if (memcmp(a->bytes, b->bytes, n) != 0)
		return false;
	return rest == 0 || ((a->bytes[n] ^ b->bytes[n]) >> (8 - rest)) == 0;
}

/* The number after the slash: digits only, at most max. */
static bool
prefix_parse(const char *s, unsigned int max, unsigned int *ret)
{
	unsigned int n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (!is_digit((unsigned char) *s) || n > max)
			return false;
		n = n * 10 + (unsigned int) (*s - '0');
	}
	*ret = n;
	return n <= max;
}

/* 1: within, 0: not within, -1: what stands there is neither an address nor a network. */
static int
network_holds(const char *value, const char *node_addr)
{
	_cleanup_(freep) char *copy = xstrdup(value);
	char *slash = strchr(copy, '/');
	struct address network, node;
	unsigned int bits = 128;
	bool dotted, ignored, known;

	if (slash != NULL)
		*slash = '\0';
	if (!address_parse(copy, &network, &dotted))
		return -1;
	if (slash != NULL) {
		if (!prefix_parse(slash + 1, dotted ? 32 : 128, &bits))
			return -1;
		bits += dotted ? 96 : 0;
	}
	known = node_addr != NULL && address_parse(node_addr, &node, &ignored);
	/* A network wider than ::ffff:0:0/96 is one of IPv6 addresses and holds no IPv4 one. */
	if (!known || (bits < 96 && is_v4(&node)))
		return 0;
	return same_bits(&network, &node, bits);
}

static const char *
label_value(const struct label *labels, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(labels[i].key, key))
			return labels[i].value;
	}
	return "";
}

/* Sets *ret to what the key asks of the node ("" where it has none); false: unknown key. */
static bool
attribute(const char *key, const struct snap_node *node, const char **ret)
{
	const struct attrs *a = &node->attrs;
	const struct {
		const char *key, *value;
	} plain[] = {{"node.id", node->id},
	             {"node.hostname", a->hostname},
	             {"node.role", a->role},
	             {"node.platform.os", a->os},
	             {"node.platform.arch", a->arch}};
	const struct {
		const char *prefix;
		const struct label *labels;
		size_t n;
	} maps[] = {{NODE_LABEL_PREFIX, a->labels, a->n_labels},
	            {ENGINE_LABEL_PREFIX, a->engine_labels, a->n_engine_labels}};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (equal_fold(key, plain[i].key)) {
			*ret = plain[i].value;
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		size_t n = strlen(maps[i].prefix);

		/* The prefix without case, the label's own name with it. */
		if (has_prefix_fold(key, maps[i].prefix) && key[n] != '\0') {
			*ret = label_value(maps[i].labels, maps[i].n, key + n);
			return true;
		}
	}
	return false;
}

bool
constraint_match(const struct constraint *c, const struct snap_node *node)
{
	const char *value;

	if (c->key == NULL)
		return false;
	if (equal_fold(c->key, "node.ip")) {
		int holds = network_holds(c->value, node->attrs.addr);

		return holds >= 0 && (holds == 1) == c->equal;
	}
	if (!attribute(c->key, node, &value))
		return false;
	return equal_fold(c->value, value != NULL ? value : "") == c->equal;
}

bool
constraint_match_all(const struct constraint *c, size_t n, const struct snap_node *node,
                     bool owners_only)
{
	for (size_t i = 0; i < n; i++) {
		if (owners_only && c[i].ours)
			continue;
		if (!constraint_match(&c[i], node))
			return false;
	}
	return true;
}

const char *
constraint_term(struct arena *arena, bool equal, const char *node_id)
{
	return arena_printf(arena, "node.id%s%s", equal ? "==" : "!=", node_id);
}

bool
constraint_is_term(const struct constraint *c)
{
	return c->key != NULL && equal_fold(c->key, "node.id");
}
