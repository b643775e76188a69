/*
 * A file of weights: refused with a word, or loaded, saved and loaded again to the same bytes.
 * After an '@' the input is what differs from a fresh policy's file, so that cases outlive the
 * features.
 */
#include "policy/decide.h"

#include <jansson.h>
#include <math.h>

#include "test/fuzz/fuzz.h"

static void
weight(void *data, const struct policy_weight *w)
{
	(void) data;
	FUZZ_CHECK(isfinite(w->theta) && isfinite(w->sd) && w->sd >= 0, "%s: %g ± %g", w->name,
	           w->theta, w->sd);
}

static char *
merged(const char *fresh, const char *text)
{
	json_auto_t *doc = json_loads(fresh, 0, NULL), *other = json_loads(text, 0, NULL);

	if (json_is_object(other))
		(void) json_object_update(doc, other);
	return json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(17));
}

void
fuzz_weights(const uint8_t *data, size_t size)
{
	_cleanup_(policy_freep) struct policy *p = NULL, *again = NULL;
	_cleanup_(freep) char *text = fuzz_text(data, size), *before = NULL, *saved = NULL,
	                      *resaved = NULL;
	struct policy_options options;
	struct policy_status status;
	struct error err = {0};
	int r;

	policy_options_init(&options);
	if (policy_new(&options, &p, &err) < 0 || policy_new(&options, &again, &err) < 0)
		fuzz_fail("the defaults make a policy", "%s", err.text);
	before = policy_save(p);
	if (text[0] == '@') {
		char *whole = merged(before, text + 1);

		free(text);
		text = whole;
	}
	r = policy_load(p, "fuzz", text, &err);
	fuzz_said(r, &err);
	saved = policy_save(p);
	if (r < 0) {
		FUZZ_CHECK(streq(before, saved), "a refused file has changed the weights");
		return;
	}
	policy_status(p, &status);
	FUZZ_CHECK(isfinite(status.noise_sd) && status.noise_sd >= 0, "%g", status.noise_sd);
	policy_weights(p, weight, NULL);
	r = policy_load(again, "saved", saved, &err);
	FUZZ_CHECK(r >= 0, "%s\n%s", err.text, saved);
	resaved = policy_save(again);
	FUZZ_CHECK(streq(saved, resaved), "%s\n--\n%s", saved, resaved);
}
