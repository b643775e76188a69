/* Placement constraints: grammar and matching, against what swarmkit's own tests and source say. */
#include "swarm/constraint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	const char *text;
	const char *key, *value; /* key NULL: Swarm refuses it */
	bool equal;
} parses[] = {
    {"", NULL, NULL, false},
    {" ", NULL, NULL, false},
    {"nodeabc", NULL, NULL, false},
    {"node ~ abc", NULL, NULL, false},
    {"node = abc", NULL, NULL, false},
    {"1node==a2", NULL, NULL, false},
    {"-node==a2", NULL, NULL, false},
    {".node==a2", NULL, NULL, false},
    {"_node==_node1", "_node", "_node1", true},
    {" node == node1", "node", "node1", true},
    {"\t\n node\v==\r node1\f ", "node", "node1", true},
    {"\xc2\xa0node\xe2\x80\x83==\xe3\x80\x80node1\xc2\x85", "node", "node1", true},
    {"no de== node1", NULL, NULL, false},
    {"no*de==node1", NULL, NULL, false},
    {"no$de==node1", NULL, NULL, false},
    {"node.labels.a/b==x", NULL, NULL, false},
    {"node.labels.a:b==x", NULL, NULL, false},
    {"==node1", NULL, NULL, false},
    {"node==", NULL, NULL, false},
    {"node== ", NULL, NULL, false},
    {"node!=\xe2\x80\xa8", NULL, NULL, false},
    {"a==b", NULL, NULL, false}, /* the key's regex wants two characters */
    {"ab==b", "ab", "b", true},
    {"NoDe==node1", "NoDe", "node1", true},
    {"n0de9==node1", "n0de9", "node1", true},
    {"no.de==node1", "no.de", "node1", true},
    {"node==[a-b]+c*(n|b)/", "node", "[a-b]+c*(n|b)/", true},
    {"node==node 1", "node", "node 1", true},
    {"node==f.-$o^?\\:_", "node", "f.-$o^?\\:_", true},
    {"node!=x", "node", "x", false},
    {"node != x", "node", "x", false},
    {"node==a,b", NULL, NULL, false},
    {"node==a@b", NULL, NULL, false},
    {"node==a~b", NULL, NULL, false},
    {"node==a=b", NULL, NULL, false},
    {"node==a!=b", NULL, NULL, false}, /* '!' may not stand in a value */
    {"node!=a==b", NULL, NULL, false}, /* == is looked for first: the key is "node!=a" */
    {"node==a\vb", NULL, NULL, false}, /* \s has no vertical tab */
    {"node==a\tb", "node", "a\tb", true},
    {"node===b", NULL, NULL, false},
    {"node==\xc3\xa9", NULL, NULL, false},
    /* The long s and the Kelvin sign fold to ASCII letters in Go's (?i). */
    {"node==\xc5\xbf\xe2\x84\xaa", "node", "\xc5\xbf\xe2\x84\xaa", true},
    {"\xe2\x84\xaax==y", "\xe2\x84\xaax", "y", true},
    {"\xe2\x84\xaa==y", NULL, NULL, false},
};

static void
test_parse(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(parses); i++) {
		struct constraint c = {.text = "untouched"};
		struct error err = {0};
		int r = constraint_parse(a, parses[i].text, false, &c, &err);

		if (parses[i].key == NULL) {
			if (r != -EINVAL)
				fail_msg("'%s' was accepted", parses[i].text);
			assert_int_equal(err.code, -EINVAL);
			assert_string_equal(c.text, "untouched");
			continue;
		}
		if (r != 0)
			fail_msg("'%s' was refused: %s", parses[i].text, err.text);
		assert_string_equal(c.text, parses[i].text);
		assert_string_equal(c.key, parses[i].key);
		assert_string_equal(c.value, parses[i].value);
		assert_int_equal(c.equal, parses[i].equal);
		assert_false(c.ours);
	}
}

static void
test_parse_says_what_is_wrong(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct constraint c;
	struct error err = {0};

	(void) state;
	assert_int_equal(constraint_parse(a, "no de==x", false, &c, &err), -EINVAL);
	assert_string_equal(err.text, "constraint 'no de==x': key 'no de' is invalid");
	error_clear(&err);
	assert_int_equal(constraint_parse(a, "node==", false, &c, &err), -EINVAL);
	assert_string_equal(err.text, "constraint 'node==': value '' is invalid");
	error_clear(&err);
	assert_int_equal(constraint_parse(a, "node", false, &c, &err), -EINVAL);
	assert_string_equal(err.text, "constraint 'node': needs == or !=");
}

static const struct label node_labels[] = {{"disk", "SSD"}, {"Zone", "a"}, {"empty", ""}};
static const struct label engine_labels[] = {{"os", "Debian"}, {"name", "\xc3\x89ire"}};

static const struct snap_node node = {
    .id = "x2fvyk0v3hy8bl0zm9a1a2b3c",
    .attrs = {.hostname = "worker-Kim",
              .addr = "10.1.2.3",
              .role = "worker",
              .os = "linux",
              .arch = "x86_64",
              .labels = node_labels,
              .n_labels = ARRAY_SIZE(node_labels),
              .engine_labels = engine_labels,
              .n_engine_labels = ARRAY_SIZE(engine_labels)},
};

static const struct {
	const char *text;
	bool match;
} matches[] = {
    {"node.id==x2fvyk0v3hy8bl0zm9a1a2b3c", true},
    {"node.id==X2FVYK0V3HY8BL0ZM9A1A2B3C", true},
    {"NODE.ID!=x2fvyk0v3hy8bl0zm9a1a2b3c", false},
    {"node.id==x2fvyk0v3hy8bl0zm9a1a2b3", false},
    {"node.id==x2f*", false}, /* no globs */
    {"node.hostname==WORKER-kim", true},
    {"node.hostname==wor\xe2\x84\xaa"
     "er-kim",
     true}, /* the Kelvin sign folds to k */
    {"node.hostname!=worker", true},
    {"node.role==worker", true},
    {"node.role==Worker", true},
    {"node.role!=manager", true},
    {"node.role==manager", false},
    {"node.platform.os==linux", true},
    {"node.platform.arch==x86_64", true},
    {"node.platform.arch==amd64", false}, /* not normalised here */
    {"node.labels.disk==ssd", true},
    {"Node.Labels.disk==ssd", true},
    {"node.labels.Disk==ssd", false}, /* a label's name has its case */
    {"node.labels.Disk!=ssd", true},
    {"node.labels.Zone==A", true},
    {"node.labels.none==x", false},
    {"node.labels.none!=x", true},
    {"node.labels.empty==x", false},
    {"node.labels.empty!=x", true},
    {"node.labels.==x", false}, /* no name: an unknown key, matched by neither */
    {"node.labels.!=x", false},
    {"node.label\xc5\xbf.disk==ssd", false},
    {"node.label\xc5\xbf.disk!=ssd", false},
    {"engine.labels.os==debian", true},
    {"engine.labels.os!=debian", false},
    {"engine.labels.name!=eire", true},
    {"engine.labels.disk==ssd", false},
    {"node.unknown==x", false},
    {"node.unknown!=x", false},
    {"node.hostnam!=x", false},
    {"node.ip==10.1.2.3", true},
    {"node.ip!=10.1.2.3", false},
    {"node.ip==10.1.2.4", false},
    {"node.ip!=10.1.2.4", true},
    {"node.ip==10.1.2.2", false}, /* the last bit */
    {"node.ip==::ffff:10.1.2.3", true},
    {"node.ip==10.1.0.0/16", true},
    {"node.ip==10.1.2.99/16", true},
    {"node.ip==10.129.0.0/9", false}, /* one bit of a byte counts as well */
    {"node.ip==10.2.0.0/9", true},
    {"node.ip==10.1.2.0/31", false},
    {"node.ip==10.1.2.2/31", true},
    {"node.ip==0.0.0.0/0", true},
    {"node.ip==::ffff:10.1.0.0/112", true},
    {"node.ip==::/0", false}, /* holds IPv6 addresses only */
    {"node.ip!=::/0", true},
    {"node.ip==::fffe:0:0/95", false}, /* and so do these, up to where IPv4 begins */
    {"node.ip==10.1.2.3/32", true},
    {"node.ip==10.1.2.3/33", false}, /* malformed: neither == nor != */
    {"node.ip==10.1.2.3/3.", false},
    {"node.ip==10.1.2.3/4294967312", false},
    {"node.ip!=10.1.2.3/33", false},
    {"node.ip!=10.1.2.3/", false},
    {"node.ip!=10.1.2.3/1x", false},
    {"node.ip!=10.1.2.3/99999999999999", false},
    {"node.ip!=10.1.2", false},
    {"node.ip!=010.1.2.3", false},
    {"node.ip!=somewhere", false},
};

static void
test_match(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		struct constraint *c = constraint_parse_list(a, &matches[i].text, 1, NULL, 0);

		if (c->key == NULL)
			fail_msg("'%s' does not parse", matches[i].text);
		if (constraint_match(c, &node) != matches[i].match)
			fail_msg("'%s' should%s match", matches[i].text,
			         matches[i].match ? "" : " not");
	}
}

static void
test_match_ipv6(void **state)
{
	static const struct {
		const char *addr, *text;
		bool match;
	} cases[] = {
	    {"2001:db8::2", "node.ip==2001:db8::2", true},
	    {"2001:db8::2", "node.ip==2001:DB8:0::2", true},
	    {"2001:db8::2", "node.ip==2001:db8::/32", true},
	    {"2001:db8::2", "node.ip==2001:db8::2/128", true},
	    {"2001:db8::2", "node.ip==2001:db8::3/128", false},
	    {"2001:db8::2", "node.ip==2001:db8::/127", false},
	    {"2001:db8::2", "node.ip==2001:db8::3/127", true},
	    {"2001:db8::2", "node.ip==2001:db8::/129", false},
	    {"2001:db8::2", "node.ip!=2001:db8::/129", false},
	    {"2001:db8::2", "node.ip==2001:db8::2/", false},
	    {"2001:db8::2", "node.ip==2001:db8::2/12x", false},
	    {"2001:db8::2", "node.ip==2001:db8::2/1280", false},
	    {"2001:db8::2", "node.ip==::/0", true},
	    {"2001:db8::2", "node.ip==0.0.0.0/0", false},
	    {"2001:db8::2", "node.ip!=10.0.0.0/8", true},
	    {"", "node.ip==10.0.0.0/8", false},
	    {"", "node.ip!=10.0.0.0/8", true},
	    {NULL, "node.ip!=10.0.0.1", true},
	    {NULL, "node.ip==0.0.0.0/0", false},
	    {"not an address", "node.ip!=10.0.0.1", true},
	};
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct snap_node n = {.id = "n", .attrs = {.addr = cases[i].addr}};
		struct constraint c;

		assert_int_equal(constraint_parse(a, cases[i].text, false, &c, NULL), 0);
		if (constraint_match(&c, &n) != cases[i].match)
			fail_msg("'%s' on %s", cases[i].text, cases[i].addr);
	}
}

static void
test_match_bare_node(void **state)
{
	static const char *const differ[] = {"node.hostname!=x", "node.role!=x",
	                                     "node.platform.os!=x", "node.labels.a!=x",
	                                     "engine.labels.a!=x"};
	static const char *const equal[] = {"node.hostname==x", "node.role==x",
	                                    "node.platform.arch==x", "node.labels.a==x",
	                                    "engine.labels.a==x"};
	static const struct snap_node bare = {.id = "n"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	size_t n = ARRAY_SIZE(differ);
	struct constraint *c = constraint_parse_list(a, differ, n, NULL, 0);

	(void) state;
	assert_true(constraint_match_all(c, n, &bare, false));
	c = constraint_parse_list(a, equal, n, NULL, 0);
	for (size_t i = 0; i < n; i++)
		assert_false(constraint_match(&c[i], &bare));
}

static void
test_list(void **state)
{
	static const char *const texts[] = {"node.role==worker", "node.id!=zzz", "what"};
	static const char *const ours[] = {"node.id!=yyy", "node.id!=zzz"};
	static const struct snap_node zzz = {.id = "zzz", .attrs = {.role = "worker"}};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct constraint *c = constraint_parse_list(a, texts, 3, ours, 2);

	(void) state;
	assert_null(constraint_parse_list(a, NULL, 0, ours, 2));
	assert_false(c[0].ours);
	assert_true(c[1].ours);
	assert_false(c[2].ours);
	assert_null(c[2].key);
	assert_string_equal(c[2].text, "what");
	assert_false(constraint_match(&c[2], &zzz));
	assert_false(constraint_match_all(c, 2, &zzz, false));
	assert_true(constraint_match_all(c, 2, &zzz, true));
	assert_false(constraint_match_all(c, 3, &zzz, true));
	assert_true(constraint_match_all(NULL, 0, &zzz, false));
	assert_true(constraint_is_ours("node.id!=yyy", ours, 2));
	assert_false(constraint_is_ours("node.id!=yy", ours, 2));
	assert_false(constraint_is_ours("node.id!=yyy", NULL, 0));
}

static void
test_term(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct constraint c;

	(void) state;
	assert_string_equal(constraint_term(a, true, "abc"), "node.id==abc");
	assert_string_equal(constraint_term(a, false, "abc"), "node.id!=abc");
	assert_int_equal(constraint_parse(a, "Node.ID == abc", true, &c, NULL), 0);
	assert_true(c.ours);
	assert_true(constraint_is_term(&c));
	assert_int_equal(constraint_parse(a, "node.hostname==abc", false, &c, NULL), 0);
	assert_false(constraint_is_term(&c));
	c.key = NULL;
	assert_false(constraint_is_term(&c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_parse_says_what_is_wrong),
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_match_ipv6),
	    cmocka_unit_test(test_match_bare_node),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_term),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
