/* What somebody did to the source or the target since the change was checked, in one sentence. */
#include "agent/mover_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct docker_label zone_a[] = {{"disk", "ssd"}, {"zone", "a"}};
static const struct docker_label zone_b[] = {{"disk", "ssd"}, {"zone", "b"}};
static const struct docker_label rack_a[] = {{"disk", "ssd"}, {"rack", "a"}};

/* Source "a", target "c", and one in between that is nobody's business. */
struct swarm {
	struct docker_node items[3];
	struct docker_nodes nodes;
	struct change *c;
};

static void
swarm_init(struct swarm *s, bool merge)
{
	static const char *const ids[] = {"ida", "idb", "idc"};

	*s = (struct swarm){.c = change_new()};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		(void) str_copy(s->items[i].id, sizeof(s->items[i].id), ids[i]);
		s->items[i].version = 5;
		s->items[i].availability = DOCKER_ACTIVE;
		s->items[i].labels = (struct docker_labels){zone_a, 2};
	}
	s->nodes = (struct docker_nodes){.items = s->items, .n = 3};
	if (merge)
		return;
	(void) str_copy(s->c->in.from_id, sizeof(s->c->in.from_id), "ida");
	(void) str_copy(s->c->in.to_id, sizeof(s->c->in.to_id), "idc");
	s->c->in.from_name = xstrdup("a");
	s->c->in.to_name = xstrdup("c");
}

static void
swarm_done(struct swarm *s)
{
	change_free(s->c);
}

static void
nothing(struct swarm *s)
{
	s->items[0].version++; /* Swarm's own doing */
	s->items[2].state = DOCKER_NODE_DOWN;
}

static void
another_node(struct swarm *s)
{
	s->items[1].availability = DOCKER_DRAIN;
	s->items[1].labels.n = 0;
}

static void
source_drained(struct swarm *s)
{
	s->items[0].availability = DOCKER_DRAIN;
}

static void
target_paused(struct swarm *s)
{
	s->items[2].availability = DOCKER_PAUSE;
}

static void
value_changed(struct swarm *s)
{
	s->items[2].labels.items = zone_b;
}

static void
key_changed(struct swarm *s)
{
	s->items[2].labels.items = rack_a;
}

static void
label_removed(struct swarm *s)
{
	s->items[0].labels.n = 1;
}

static void
first_label_removed(struct swarm *s)
{
	s->items[0].labels = (struct docker_labels){zone_a + 1, 1};
}

static void
target_removed(struct swarm *s)
{
	s->nodes.n = 2;
}

static void
both(struct swarm *s)
{
	target_removed(s);
	source_drained(s);
}

static void
nameless(struct swarm *s)
{
	free(s->c->in.to_name);
	s->c->in.to_name = NULL;
	target_removed(s);
}

static const struct {
	void (*change)(struct swarm *s);
	const char *told;
} cases[] = {
    {nothing, NULL},
    {another_node, NULL},
    {source_drained, "node 'a' was set to drain"},
    {target_paused, "node 'c' was set to pause"},
    {value_changed, "the labels of node 'c' were changed"},
    {key_changed, "the labels of node 'c' were changed"},
    {label_removed, "the labels of node 'a' were changed"},
    {first_label_removed, "the labels of node 'a' were changed"},
    {target_removed, "node 'c' was removed"},
    {nameless, "node 'idc' was removed"},
    {both, "node 'a' was set to drain"},
};

static void
test_differences(void **unused)
{
	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct swarm s;

		swarm_init(&s, false);
		mover_note_premise(s.c, &s.nodes);
		assert_null(s.c->disturbed);
		mover_note_premise(s.c, &s.nodes); /* as it was */
		assert_null(s.c->disturbed);
		cases[i].change(&s);
		mover_note_premise(s.c, &s.nodes);
		if (!streq(s.c->disturbed, cases[i].told))
			fail_msg("case %zu: %s", i,
			         s.c->disturbed != NULL ? s.c->disturbed : "nothing");
		swarm_done(&s);
	}
}

/* The first thing is the one that is told, and it stays told when it is undone. */
static void
test_first_stays(void **unused)
{
	struct swarm s;

	(void) unused;
	swarm_init(&s, false);
	mover_note_premise(s.c, &s.nodes);
	source_drained(&s);
	mover_note_premise(s.c, &s.nodes);
	s.items[0].availability = DOCKER_ACTIVE;
	value_changed(&s);
	mover_note_premise(s.c, &s.nodes);
	assert_string_equal(s.c->disturbed, "node 'a' was set to drain");
	swarm_done(&s);
}

/* A node that was not there at first is known when it comes; a change without nodes has none. */
static void
test_unknown(void **unused)
{
	struct swarm s;

	(void) unused;
	swarm_init(&s, false);
	s.nodes.n = 2;
	mover_note_premise(s.c, &s.nodes);
	assert_true(s.c->premises[0].known);
	assert_false(s.c->premises[1].known);
	s.nodes.n = 3;
	mover_note_premise(s.c, &s.nodes);
	assert_null(s.c->disturbed);
	target_paused(&s);
	mover_note_premise(s.c, &s.nodes);
	assert_string_equal(s.c->disturbed, "node 'c' was set to pause");
	swarm_done(&s);

	swarm_init(&s, true);
	mover_note_premise(s.c, &s.nodes);
	assert_false(s.c->premises[0].known || s.c->premises[1].known);
	swarm_done(&s);
}

static void
test_tells(void **unused)
{
	struct error why = {0};
	struct swarm s;

	(void) unused;
	swarm_init(&s, false);
	(void) error_set(&why, EIO, "it failed");
	mover_tell_premise(s.c, &why);
	assert_string_equal(why.text, "it failed");
	s.c->disturbed = xstrdup("the moon rose");
	mover_tell_premise(s.c, &why);
	assert_string_equal(why.text, "it failed; meanwhile the moon rose");
	assert_int_equal(why.code, -EIO);
	swarm_done(&s);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_differences),
	    cmocka_unit_test(test_first_stays),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_tells),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
