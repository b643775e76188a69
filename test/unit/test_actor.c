/* What a person asks for: its JSON there and back, and --all as one change after another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/actor.h"

static void
test_request_json(void **unused)
{
	static const struct actor_request cases[] = {
	    {.verb = ACTOR_VERB_MOVE,
	     .service = "web \"1\"",
	     .from = "a",
	     .to = "b",
	     .decision_id = 7,
	     .force = true,
	     .dry_run = true},
	    {.verb = ACTOR_VERB_UNDO, .id = 12, .move_back = true},
	    {.verb = ACTOR_VERB_RELEASE, .all = true},
	    {.verb = ACTOR_VERB_PAUSE, .who = "me"},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *json = actor_request_to_json(&cases[i]), *owner = NULL;
		struct actor_request r;

		assert_int_equal(actor_request_from_json(cases[i].verb, json, &r, &owner, NULL), 0);
		assert_int_equal(r.verb, cases[i].verb);
		assert_true(streq(r.service, cases[i].service) && streq(r.from, cases[i].from));
		assert_true(streq(r.to, cases[i].to) && streq(r.who, cases[i].who));
		assert_int_equal(r.id, cases[i].id);
		assert_int_equal(r.decision_id, cases[i].decision_id);
		assert_int_equal(r.all, cases[i].all);
		assert_int_equal(r.move_back, cases[i].move_back);
		assert_int_equal(r.force, cases[i].force);
		assert_int_equal(r.dry_run, cases[i].dry_run);
	}
}

/* What a hostile engine said, or a text that was cut within a character: nothing raw, nothing lost.
 */
static void
test_hostile_texts(void **unused)
{
	static const struct {
		const char *text, *back;
	} cases[] = {
	    {"a\033[31m\n\xc2\x9b\xe2\x80\xae\x7f", "a\033[31m\n\xc2\x9b\xe2\x80\xae\x7f"},
	    {"\"}],{\"x\\", "\"}],{\"x\\"},
	    {"cut: \xc3", "cut: \xef\xbf\xbd"},
	    {"\xff", "\xef\xbf\xbd"},
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct actor_result r = {.text = xstrdup(cases[i].text)}, back = {0};
		struct actor_request q = {.service = cases[i].text}, again;
		_cleanup_(freep) char *json = actor_result_to_json(&r), *owner = NULL;
		_cleanup_(freep) char *asked = actor_request_to_json(&q);

		for (const char *p = json; *p != '\0'; p++)
			assert_in_range(*p, 0x20, 0x7e);
		assert_int_equal(actor_result_from_json(json, &back, NULL), 0);
		assert_string_equal(back.text, cases[i].back);
		assert_int_equal(
		    actor_request_from_json(ACTOR_VERB_RELEASE, asked, &again, &owner, NULL), 0);
		assert_string_equal(again.service, cases[i].back);
		actor_result_done(&r);
		actor_result_done(&back);
	}
}

static void
test_bad_json(void **unused)
{
	static const char *const requests[] = {NULL,
	                                       "",
	                                       "[]",
	                                       "{\"service\":1}",
	                                       "{\"id\":-1}",
	                                       "{\"surprise\":1}",
	                                       "{\"id\":1,\"id\":2}",
	                                       "{\"all\":\"yes\"}"};
	static const char *const results[] = {
	    NULL,
	    "done",
	    "{}",
	    "{\"exit_code\":9,\"items\":[]}",
	    "{\"exit_code\":0,\"items\":{}}",
	    "{\"exit_code\":0,\"items\":[{}]}",
	    "{\"exit_code\":0,\"items\":[{\"kind\":\"move\",\"state\":\"odd\",\"verdict\":\"ok\","
	    "\"id\":1,\"changed\":true,\"open\":false}]}"};
	struct error err;

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct actor_request r;
		char *owner = NULL;

		err = (struct error){0};
		assert_int_equal(
		    actor_request_from_json(ACTOR_VERB_MOVE, requests[i], &r, &owner, &err),
		    -EBADMSG);
		assert_null(owner);
		assert_true(strlen(err.text) > 10);
	}
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		struct actor_result r = {0};

		assert_int_equal(actor_result_from_json(results[i], &r, NULL), -EBADMSG);
		assert_null(r.items);
	}
}

static void
test_result_json(void **unused)
{
	struct actor_item items[] = {{.id = 3,
	                              .kind = MOVE_KIND_UNDO,
	                              .state = MOVE_REFUSED,
	                              .verdict = VERDICT_STOP_FIRST,
	                              .changed = true,
	                              .service = (char *) "web",
	                              .from = (char *) "a",
	                              .text = (char *) "because"},
	                             {.id = 4, .state = MOVE_DONE, .open = true}};
	struct actor_result r = {
	    .exit_code = 3, .text = (char *) "two", .items = items, .n_items = 2};
	_cleanup_(freep) char *json = actor_result_to_json(&r), *again = NULL;
	_cleanup_(actor_result_done) struct actor_result back = {0};

	(void) unused;
	assert_int_equal(actor_result_from_json(json, &back, NULL), 0);
	assert_int_equal(back.n_items, 2);
	assert_int_equal(back.items[0].verdict, VERDICT_STOP_FIRST);
	assert_null(back.items[0].to);
	again = actor_result_to_json(&back);
	assert_string_equal(again, json);
}

static void
test_verbs(void **unused)
{
	(void) unused;
	for (int i = 0; i < ACTOR_VERB_N; i++)
		assert_int_equal(actor_verb_parse(actor_verb_names[i]), i);
	assert_int_equal(actor_verb_parse("destroy"), -EINVAL);
	assert_int_equal(actor_verb_parse(""), -EINVAL);
}

static void
test_lock(void **unused)
{
	char dir[] = "/tmp/forager-lock-XXXXXX";
	_cleanup_(freep) char *path = NULL;
	struct error err = {0};
	int fd;

	(void) unused;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/actor.lock", dir);
	fd = actor_lock(dir, NULL);
	assert_true(fd >= 0);
	assert_int_equal(actor_lock(dir, &err), -EWOULDBLOCK);
	assert_non_null(strstr(err.text, path));
	(void) close(fd);
	fd = actor_lock(dir, NULL);
	assert_true(fd >= 0);
	(void) close(fd);
	(void) unlink(path);

	/* A link in the lock's place is not followed. */
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_int_equal(actor_lock(dir, NULL), -ELOOP);
	assert_int_equal(access("/tmp/elsewhere", F_OK), -1);
	(void) unlink(path);
	(void) rmdir(dir);
	error_clear(&err);
	assert_int_equal(actor_lock(dir, &err), -ENOENT);
	assert_non_null(strstr(err.text, "state-dir"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_json), cmocka_unit_test(test_hostile_texts),
	    cmocka_unit_test(test_bad_json),     cmocka_unit_test(test_result_json),
	    cmocka_unit_test(test_verbs),        cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
