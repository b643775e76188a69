/* Each invariant must see the record that violates it, and be content with one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/fake/invariant.h"

static const struct invariant_limits limits = {
    .per_hour = 2, .watchdog_s = 10, .rss_share = 1.1, .ended = true};

/* Lines of JSON with ' for ", up to NULL. */
static struct history
history_of(const char *const *lines)
{
	struct history h;

	history_init(&h);
	for (; *lines != NULL; lines++) {
		_cleanup_(freep) char *text = xstrdup(*lines);
		json_t *doc;

		for (char *c = text; *c != '\0'; c++)
			*c = *c == '\'' ? '"' : *c;
		doc = json_loads(text, 0, NULL);
		assert_non_null(doc);
		history_add(&h, doc);
	}
	return h;
}

static void
expect(invariant_fn *fn, struct history *h, uint64_t violations)
{
	struct invariant_result r;

	fn(h, &limits, &r);
	if (r.violations != violations)
		print_message("%s", r.text != NULL ? r.text : "no violation\n");
	assert_int_equal(r.violations, violations);
	invariant_result_done(&r);
	history_done(h);
}

#define TASK(id, slot, state, desired)                                                             \
	"{'kind':'task','t':1,'id':'" id "','service':'web','slot':" slot                          \
	",'node':'n1','state':'" state "','desired':'" desired "','who':'swarm'}"
#define SPEC(constraints, labels)                                                                  \
	"{'Name':'web','Labels':{'forager.mode':'auto'" labels                                     \
	"},'TaskTemplate':{'Placement':{'Constraints':[" constraints                               \
	"]},'ContainerSpec':{'Image':'a'}},'Mode':{'Replicated':{'Replicas':2}}}"
#define WRITE(t, who, spec, previous)                                                              \
	"{'kind':'service','t':" t                                                                 \
	",'what':'update','id':'s1','name':'web','update':'','who':'" who "','spec':" spec         \
	",'previous':" previous "}"
#define PLAIN   SPEC("", "")
#define STEERED SPEC("'node.id==x'", ",'forager.plan':'p','forager.before':'b'")
#define TICK(t) "{'kind':'leader','t':" t ",'name':'n1'}"

static void
test_1(void **state)
{
	static const char *const lines[] = {WRITE("100", "forager", STEERED, "null"), NULL};
	struct history h = history_of(lines);

	(void) state;
	h.database = xstrdup("ok");
	(void) json_array_append_new(h.moves,
	                             json_pack("{s:i, s:s, s:f, s:n}", "id", 7, "service_id", "s1",
	                                       "created_s", 99.0, "ended_s"));
	(void) json_array_append_new(h.acked, json_integer(7));
	expect(invariant_1_nothing_lost, &h, 0);

	h = history_of(lines);
	h.database = xstrdup("*** in database main ***");
	(void) json_array_append_new(h.moves,
	                             json_pack("{s:i, s:s, s:f, s:f}", "id", 7, "service_id", "s1",
	                                       "created_s", 50.0, "ended_s", 60.0));
	(void) json_array_append_new(h.acked, json_integer(8));
	expect(invariant_1_nothing_lost, &h, 3);
}

/* In a world that runs fast, the record's clock may be behind the journal's. */
static void
test_1_slack(void **state)
{
	static const char *const lines[] = {WRITE("100", "forager", STEERED, "null"), NULL};
	static const struct {
		double created_s, slack_s;
		uint64_t violations;
	} cases[] = {{101.9, 0, 0}, {102.1, 0, 1}, {102.1, 12, 0}, {112.1, 12, 1}};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct invariant_limits l = {.slack_s = cases[i].slack_s};
		struct history h = history_of(lines);
		struct invariant_result r;

		h.database = xstrdup("ok");
		(void) json_array_append_new(h.moves, json_pack("{s:i, s:s, s:f, s:n}", "id", 7,
		                                                "service_id", "s1", "created_s",
		                                                cases[i].created_s, "ended_s"));
		invariant_1_nothing_lost(&h, &l, &r);
		assert_int_equal(r.violations, cases[i].violations);
		invariant_result_done(&r);
		history_done(&h);
	}
}

static void
test_2(void **state)
{
	static const char *const good[] = {TASK("a", "1", "running", "running"),
	                                   TASK("b", "2", "running", "running"),
	                                   WRITE("10", "forager", STEERED, PLAIN),
	                                   TASK("a", "1", "running", "shutdown"),
	                                   TASK("c", "1", "running", "running"),
	                                   TICK("71"),
	                                   NULL};
	static const char *const lost[] = {TASK("a", "1", "running", "running"),
	                                   TASK("b", "2", "running", "running"),
	                                   WRITE("10", "forager", STEERED, PLAIN),
	                                   TASK("a", "1", "running", "shutdown"),
	                                   TASK("c", "1", "pending", "running"),
	                                   TICK("71"),
	                                   NULL};
	static const char *const theirs[] = {TASK("a", "1", "running", "running"),
	                                     TASK("b", "2", "running", "running"),
	                                     WRITE("10", "forager", PLAIN, STEERED),
	                                     WRITE("20", "ann", SPEC("'node.id==none'", ""), PLAIN),
	                                     TASK("a", "1", "running", "shutdown"),
	                                     TASK("c", "1", "pending", "running"),
	                                     TICK("71"),
	                                     WRITE("72", "forager", PLAIN, PLAIN),
	                                     TICK("140"),
	                                     NULL};
	struct history h = history_of(good);

	(void) state;
	expect(invariant_2_service_kept, &h, 0);
	h = history_of(lost);
	expect(invariant_2_service_kept, &h, 2); /* too few, and one pending */
	h = history_of(theirs);                  /* a pending task is ann's */
	expect(invariant_2_service_kept, &h, 0);
}

static void
test_3(void **state)
{
	static const char *const good[] = {
	    WRITE("1", "ann", PLAIN, "null"), WRITE("2", "forager", STEERED, PLAIN),
	    WRITE("3", "forager", PLAIN, STEERED), WRITE("4", "forager", PLAIN, PLAIN), NULL};
	static const char *const inexact[] = {
	    WRITE("1", "ann", PLAIN, "null"), WRITE("2", "forager", STEERED, PLAIN),
	    WRITE("3", "forager", SPEC("'node.id!=y'", ""), STEERED), NULL};
	static const char *const touches[] = {
	    WRITE("1", "ann", PLAIN, "null"),
	    WRITE("2", "forager",
	          "{'Name':'web','Labels':{'forager.mode':'auto'},'TaskTemplate':{},'Mode':{}}",
	          PLAIN),
	    NULL};
	static const char *const open[] = {WRITE("1", "ann", PLAIN, "null"),
	                                   WRITE("2", "forager", STEERED, PLAIN), NULL};
	static const char *const previous[] = {WRITE("1", "ann", PLAIN, "null"),
	                                       WRITE("2", "forager", STEERED, PLAIN),
	                                       WRITE("3", "forager", PLAIN, STEERED), NULL};
	static const char *const people[] = {
	    WRITE("1", "ann", PLAIN, "null"), WRITE("2", "forager", STEERED, PLAIN),
	    WRITE("3", "ann", SPEC("'node.id==x'", ",'a':'b','forager.plan':'p'"), STEERED),
	    WRITE("4", "forager", SPEC("", ",'a':'b'"), STEERED), NULL};
	static const char *const over[] = {
	    WRITE("1", "ann", PLAIN, "null"), WRITE("2", "forager", STEERED, PLAIN),
	    WRITE("3", "ann", SPEC("'a==b'", ""), STEERED),
	    WRITE("4", "forager", SPEC("'a==b'", ""), SPEC("'a==b'", "")), NULL};
	struct history h = history_of(good);

	(void) state;
	expect(invariant_3_reversible, &h, 0);
	h = history_of(inexact);
	expect(invariant_3_reversible, &h, 1);
	h = history_of(touches);
	expect(invariant_3_reversible, &h, 1);
	h = history_of(open);
	expect(invariant_3_reversible, &h, 1);
	h = history_of(previous);
	expect(invariant_3_reversible, &h, 1);
	h = history_of(people);
	expect(invariant_3_reversible, &h, 0);
	h = history_of(over);
	expect(invariant_3_reversible, &h, 0);
}

#define OTHER(t, labels)                                                                           \
	"{'kind':'service','t':" t ",'what':'update','id':'s2','name':'db','update':'','who':"     \
	"'forager','spec':{'Name':'db','Labels':{'forager.mode':'auto'" labels "}}}"

static void
add_move(struct history *h, double created_s, double ended_s)
{
	(void) json_array_append_new(h->moves,
	                             json_pack("{s:s, s:f, s:f}", "service_name", "web",
	                                       "created_s", created_s, "ended_s", ended_s));
}

static void
test_4(void **state)
{
	static const char *const good[] = {WRITE("1", "forager", STEERED, PLAIN),
	                                   WRITE("2", "forager", PLAIN, STEERED),
	                                   OTHER("3", ",'forager.plan':'q'"), NULL};
	static const char *const two[] = {WRITE("1", "forager", STEERED, PLAIN),
	                                  OTHER("3", ",'forager.plan':'q'"), NULL};
	static const char *const theirs[] = {WRITE("1", "ann", STEERED, PLAIN),
	                                     OTHER("3", ",'forager.plan':'q'"), NULL};
	/* The owner writes back in mid-move what was read in it: over when the journal says so. */
	static const char *const taken[] = {
	    WRITE("1", "forager", STEERED, PLAIN), WRITE("2", "swarm", STEERED, PLAIN),
	    WRITE("3", "ann", STEERED, STEERED),   WRITE("4", "swarm", STEERED, STEERED),
	    OTHER("5", ",'forager.plan':'q'"),     NULL};
	static const char *const updated[] = {WRITE("1", "forager", STEERED, PLAIN),
	                                      WRITE("2", "swarm", STEERED, PLAIN),
	                                      OTHER("5", ",'forager.plan':'q'"), NULL};
	struct history h = history_of(good);

	(void) state;
	expect(invariant_4_one_at_a_time, &h, 0);
	h = history_of(taken);
	expect(invariant_4_one_at_a_time, &h, 1);
	h = history_of(taken);
	add_move(&h, 0.5, 4.5);
	expect(invariant_4_one_at_a_time, &h, 0);
	h = history_of(taken);
	add_move(&h, 0.5, 6);
	expect(invariant_4_one_at_a_time, &h, 1);
	h = history_of(updated);
	add_move(&h, 0.5, 4.5);
	expect(invariant_4_one_at_a_time, &h, 1);
	h = history_of(two);
	expect(invariant_4_one_at_a_time, &h, 1);
	h = history_of(theirs);
	expect(invariant_4_one_at_a_time, &h, 0);
	h = history_of(good);
	for (int i = 0; i < 3; i++)
		(void) json_array_append_new(h.moves, json_pack("{s:i, s:i, s:s, s:f}", "id", i,
		                                                "decision_id", i, "state", "done",
		                                                "created_s", i * 1000.0));
	expect(invariant_4_one_at_a_time, &h, 1);
}

#define READ(endpoint, status, fault)                                                              \
	"{'kind':'request','t':5,'who':'forager','endpoint':'" endpoint "','method':'GET',"        \
	"'target':'/x','status':" status ",'fault':'" fault "'}"
#define READ_ALL                                                                                   \
	READ("info", "200", "none"), READ("nodes", "200", "none"),                                 \
	    READ("services", "200", "none"), READ("service", "200", "none")
static void
test_5(void **state)
{
	static const char *const good[] = {READ_ALL, READ("tasks", "200", "truncate"),
	                                   READ("tasks", "200", "delay"),
	                                   WRITE("9", "forager", STEERED, PLAIN), NULL};
	static const char *const bad[] = {READ_ALL, READ("tasks", "200", "truncate"),
	                                  WRITE("9", "forager", STEERED, PLAIN), NULL};
	static const char *const leaderless[] = {READ_ALL, READ("tasks", "500", "none"),
	                                         WRITE("9", "forager", STEERED, PLAIN), NULL};
	static const char *const ends[] = {READ_ALL,
	                                   READ("tasks", "200", "none"),
	                                   WRITE("9", "forager", STEERED, PLAIN),
	                                   READ("tasks", "200", "html"),
	                                   WRITE("9", "forager", STEERED, PLAIN),
	                                   NULL};
	static const char *const twice[] = {READ_ALL, READ("tasks", "200", "duplicate"),
	                                    WRITE("9", "forager", STEERED, PLAIN), NULL};
	struct history h = history_of(good);

	(void) state;
	expect(invariant_5_fail_static, &h, 0);
	h = history_of(bad);
	expect(invariant_5_fail_static, &h, 1);
	h = history_of(leaderless);
	expect(invariant_5_fail_static, &h, 1);
	h = history_of(twice);
	expect(invariant_5_fail_static, &h, 0);
	h = history_of(ends);
	expect(invariant_5_fail_static, &h, 0);
}

static void
test_6(void **state)
{
	static const char *const good[] = {WRITE("1", "ann", PLAIN, "null"),
	                                   WRITE("2", "forager", STEERED, PLAIN), NULL};
	static const char *const bad[] = {
	    WRITE("1", "ann", "{'Name':'web','Labels':{},'Mode':{'Global':{}}}", "null"),
	    WRITE("2", "forager", "{'Name':'web','Labels':{},'Mode':{'Global':{}}}", "null"),
	    "{'kind':'node','t':3,'id':'n','name':'n1','who':'forager'}", NULL};
	struct history h = history_of(good);

	(void) state;
	expect(invariant_6_opted_in_only, &h, 0);
	h = history_of(bad);
	expect(invariant_6_opted_in_only, &h, 3); /* no label, a global service, a node */
}

static struct history
usage(double rss_growth, double fds_growth, double silence)
{
	struct history h;

	history_init(&h);
	for (int i = 0; i < 100; i++) {
		history_add(&h,
		            json_pack("{s:s, s:f, s:f, s:f}", "kind", "usage", "t", (double) i,
		                      "rss_kb", 1000 + i * rss_growth, "fds", 20 + i * fds_growth));
		if (i % 5 == 0)
			history_add(&h, json_pack("{s:s, s:f}", "kind", "watchdog", "t",
			                          i > 50 ? i + silence : (double) i));
	}
	return h;
}

static void
test_7(void **state)
{
	struct history h = usage(0, 0, 0);

	(void) state;
	expect(invariant_7_flat, &h, 0);
	h = usage(10, 0, 0);
	expect(invariant_7_flat, &h, 1);
	h = usage(0, 0.5, 0);
	expect(invariant_7_flat, &h, 1);
	h = usage(0, 0, 11);
	expect(invariant_7_flat, &h, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_1), cmocka_unit_test(test_1_slack), cmocka_unit_test(test_2),
	    cmocka_unit_test(test_3), cmocka_unit_test(test_4),       cmocka_unit_test(test_5),
	    cmocka_unit_test(test_6), cmocka_unit_test(test_7),
	};

	return cmocka_run_group_tests_name("invariant", tests, NULL, NULL);
}
