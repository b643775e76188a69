/* Specs to edit in tests: a real one, and every form of the owned fields. */
#pragma once

#include "swarm/spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define NONE ((struct spec_terms){0})
#define FROM "x2fvyk0v3hy8bl0zm9a1a2b3c"
#define TO   "yizs3gmmzcx1ag0wsrxxbcnl7"

static const char *const add_texts[] = {"node.id!=" FROM, "node.id!=other"};
static const char *const hold_texts[] = {"node.id!=bad1", "node.id!=bad2"};
static const struct spec_terms hold = {hold_texts, 2};

static inline struct spec_steering
steering(void)
{
	return (struct spec_steering){.plan = "forager-1",
	                              .from_id = FROM,
	                              .to_id = TO,
	                              .add = {add_texts, 2},
	                              .start_first = true,
	                              .deadline_wall_ms = 1700000000123};
}

/* As a 20.10 engine shows a stack's service, with keys that no version of ours knows. */
static const char real[] =
    "{\"Name\":\"shop_web\",\"Labels\":{\"com.docker.stack.image\":\"web:1\","
    "\"com.docker.stack.namespace\":\"shop\",\"forager.mode\":\"auto\"},"
    "\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"web:1@sha256:00ff\",\"Labels\":{},"
    "\"Env\":[\"A=\\u00e9\\\"\"],\"Privileges\":{\"CredentialSpec\":null,\"SELinuxContext\":null},"
    "\"Isolation\":\"default\",\"StopGracePeriod\":10000000000,\"Hosts\":[],"
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":9223372036854775807}},"
    "\"Resources\":{\"Limits\":{},\"Reservations\":{\"NanoCPUs\":250000000}},"
    "\"RestartPolicy\":{\"Condition\":\"any\",\"MaxAttempts\":0},"
    "\"Placement\":{\"Constraints\":[\"node.role == worker\"],"
    "\"Platforms\":[{\"Architecture\":\"amd64\",\"OS\":\"linux\"},{\"OS\":\"linux\"}],"
    "\"Future\":null},\"ForceUpdate\":0,\"Runtime\":\"container\"},"
    "\"Mode\":{\"Replicated\":{\"Replicas\":1}},"
    "\"UpdateConfig\":{\"Parallelism\":2,\"Delay\":1000000000,\"FailureAction\":\"rollback\","
    "\"Monitor\":15000000000,\"MaxFailureRatio\":0.1,\"Order\":\"start-first\"},"
    "\"RollbackConfig\":{\"Parallelism\":1,\"MaxFailureRatio\":0},"
    "\"EndpointSpec\":{\"Mode\":\"vip\"},\"Unknown\":[{},[],null,false,1e-07]}";

static inline json_t *
load(const char *text)
{
	json_error_t why;
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (doc == NULL)
		fail_msg("%s: %s", why.text, text);
	return doc;
}

static inline char *
dump(const json_t *doc)
{
	return json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static inline void
assert_same(const json_t *got, const json_t *want)
{
	_cleanup_(freep) char *a = dump(got), *b = dump(want);

	assert_string_equal(a, b);
}

static inline void
assert_dump(const json_t *got, const char *want)
{
	_cleanup_(freep) char *a = dump(got);

	assert_string_equal(a, want);
}

static inline const json_t *
at(const json_t *doc, const char *a, const char *b, const char *c)
{
	const json_t *v = json_object_get(doc, a);

	if (b != NULL)
		v = json_object_get(v, b);
	return c != NULL ? json_object_get(v, c) : v;
}

/* The next document in place of *doc: for chains of edits. */
static inline void
advance(json_t **doc, json_t *next)
{
	json_decref(*doc);
	*doc = next;
}

static const char *const constraint_forms[] = {NULL, "null", "[]", "[\"a.b==c\"]",
                                               "[\"a.b==c\",\"a.b==c\",\"node.id!=other\"]"};
static const char *const update_forms[] = {NULL, "null", "{}", "{\"Parallelism\":0}",
                                           "{\"Parallelism\":3,\"FailureAction\":\"continue\","
                                           "\"Order\":\"stop-first\",\"X\":[null]}"};
static const char *const label_forms[] = {NULL, "null", "{}", "{\"k\":\"v\"}",
                                          "{\"forager.mode\":\"auto\",\"k\":\"\"}"};

static inline void
set_form(json_t *object, const char *key, const char *form)
{
	if (form != NULL)
		(void) json_object_set_new(object, key, json_loads(form, JSON_DECODE_ANY, NULL));
}

static inline json_t *
spec_of(const char *constraints, const char *update, const char *labels)
{
	json_t *spec = load("{\"Name\":\"s\",\"TaskTemplate\":{\"Placement\":{\"Platforms\":[]},"
	                    "\"Resources\":{}},\"Mode\":{\"Replicated\":{\"Replicas\":3}}}");

	set_form((json_t *) at(spec, "TaskTemplate", "Placement", NULL), "Constraints",
	         constraints);
	set_form(spec, "UpdateConfig", update);
	set_form(spec, "Labels", labels);
	return spec;
}
