/*
 * What is handed on as text and read back: the label forager.before, a request's arguments, its
 * result, a profile's memory. The first byte says which. Read, written and read again it is the
 * same.
 */
#include "agent/actor.h"
#include "features/profile.h"
#include "swarm/spec.h"
#include "test/fuzz/fuzz.h"

static void
before(const char *text)
{
	_cleanup_(spec_before_done) struct spec_before b = {0}, again = {0};
	_cleanup_(freep) char *written = NULL, *rewritten = NULL;
	struct error err = {0};
	int r = spec_before_parse(text, &b, &err);

	fuzz_said(r, &err);
	if (r < 0)
		return;
	r = spec_before_format(&b, &written, &err);
	/* Spelled without escapes the text can only grow by what the escapes saved. */
	FUZZ_CHECK(r >= 0 || r == -E2BIG, "%s", err.text);
	if (r < 0)
		return;
	r = spec_before_parse(written, &again, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, written);
	FUZZ_CHECK(spec_before_format(&again, &rewritten, &err) >= 0, "%s", err.text);
	FUZZ_CHECK(streq(written, rewritten), "%s\n%s", written, rewritten);
	FUZZ_CHECK(b.rest_hash == again.rest_hash && b.deadline_wall_ms == again.deadline_wall_ms &&
	               streq(b.owned, again.owned) && streq(b.added, again.added) &&
	               streq(b.dropped, again.dropped) && streq(b.from_id, again.from_id) &&
	               streq(b.to_id, again.to_id),
	           "%s", written);
}

static void
request(enum actor_verb verb, const char *text)
{
	struct actor_request q = {0}, again = {0};
	_cleanup_(freep) char *owner = NULL, *second = NULL, *written = NULL, *rewritten = NULL;
	struct error err = {0};
	int r = actor_request_from_json(verb, text, &q, &owner, &err);

	fuzz_said(r, &err);
	if (r < 0)
		return;
	written = actor_request_to_json(&q);
	r = actor_request_from_json(verb, written, &again, &second, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, written);
	rewritten = actor_request_to_json(&again);
	FUZZ_CHECK(streq(written, rewritten), "%s\n%s", written, rewritten);
	FUZZ_CHECK(streq(q.service, again.service) && streq(q.from, again.from) &&
	               streq(q.to, again.to) && streq(q.who, again.who) && q.id == again.id &&
	               q.all == again.all && q.force == again.force &&
	               q.move_back == again.move_back && q.dry_run == again.dry_run,
	           "%s", written);
}

static void
result(const char *text)
{
	_cleanup_(actor_result_done) struct actor_result a = {0}, again = {0};
	_cleanup_(freep) char *written = NULL, *rewritten = NULL;
	struct error err = {0};
	int r = actor_result_from_json(text, &a, &err);

	fuzz_said(r, &err);
	if (r < 0)
		return;
	written = actor_result_to_json(&a);
	r = actor_result_from_json(written, &again, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, written);
	rewritten = actor_result_to_json(&again);
	FUZZ_CHECK(streq(written, rewritten), "%s\n%s", written, rewritten);
}

static void
profile(const char *text)
{
	_cleanup_(profile_freep) struct profile *p = NULL, *again = NULL;
	_cleanup_(freep) char *written = NULL, *rewritten = NULL;
	struct features_options options;
	struct profile_summary sum;
	struct forecast forecast;
	struct error err = {0};
	int r;

	options = features_options_for(300000, 15000);
	r = profile_load(text, &options, &p, &err);
	fuzz_said(r, &err);
	if (r < 0)
		return;
	written = profile_save(p);
	r = profile_load(written, &options, &again, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, written);
	rewritten = profile_save(again);
	FUZZ_CHECK(streq(written, rewritten), "%s\n%s", written, rewritten);
	profile_forecast(p, INT64_C(1795000000000), &forecast);
	profile_summarise(p, INT64_C(1795000000000), &sum);
	FUZZ_CHECK(!(forecast.confidence < 0) && !(forecast.confidence > 1), "%g",
	           forecast.confidence);
}

void
fuzz_records(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = NULL;

	if (size == 0)
		return;
	text = fuzz_text(data + 1, size - 1);
	if (data[0] == 'b')
		before(text);
	else if (data[0] == 'r')
		result(text);
	else if (data[0] == 'p')
		profile(text);
	else
		request((enum actor_verb)(data[0] % ACTOR_VERB_N), text);
}
