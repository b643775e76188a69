/*
 * Labels of a service and of a node, a line "key=value" each: only exact words make a service take
 * part, never more than the cluster's own mode; numbers come out finite.
 */
#include <math.h>
#include <strings.h>

#include "agent/observe_node.h"
#include "agent/observe_service.h"
#include "test/fuzz/fuzz.h"

#define LABELS_MOST 64

static size_t
split(char *text, struct docker_label *ret)
{
	size_t n = 0;
	char *save = NULL;

	for (char *p = strtok_r(text, "\n", &save); p != NULL && n < LABELS_MOST;
	     p = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(p, '=');
		size_t at = 0;

		if (value == NULL)
			continue;
		*value++ = '\0';
		/* A map has each key once, and ours is sorted. */
		while (at < n && strcmp(ret[at].key, p) < 0)
			at++;
		if (at < n && streq(ret[at].key, p))
			continue;
		memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(*ret));
		ret[at] = (struct docker_label){p, value};
		n++;
	}
	return n;
}

static bool
says(const struct docker_labels *l, const char *key, const char *word)
{
	const char *v = docker_label_get(l, key);

	return v != NULL && strcasecmp(v, word) == 0;
}

static bool
says_yes(const struct docker_labels *l, const char *key)
{
	return says(l, key, "yes") || says(l, key, "true") || says(l, key, "on") ||
	       says(l, key, "1");
}

static void
service(const struct observe_input *in, const struct docker_labels *labels, struct arena *arena)
{
	struct docker_service from = {.id = "svcwebaaaaaaaaaaaaaaaaaaa",
	                              .name = "web",
	                              .image = "busybox:1",
	                              .is_container = true,
	                              .labels = *labels};
	struct snap_service v;
	const char *mode = docker_label_get(labels, "forager.mode");

	observe_make_service(in, arena, &from, &v);
	FUZZ_CHECK((v.act == ACT_AUTO) == streq(mode, "auto"), "%s", mode);
	FUZZ_CHECK((v.act == ACT_NONE) ==
	               !(streq(mode, "auto") || streq(mode, "observe") || streq(mode, "recommend")),
	           "%s", mode);
	FUZZ_CHECK(observe_act_mode(ACT_OBSERVE, &from) <= ACT_OBSERVE, "%s", mode);
	FUZZ_CHECK(((v.traits & TRAIT_PINNED) != 0) == says_yes(labels, "forager.pin"), "pin");
	FUZZ_CHECK(((v.traits & TRAIT_MAY_RESTART) != 0) == says_yes(labels, "forager.restart"),
	           "restart");
	FUZZ_CHECK(((v.traits & TRAIT_MAY_PULL) != 0) == says_yes(labels, "forager.pull"), "pull");
	FUZZ_CHECK(((v.traits & TRAIT_STEERED) != 0) ==
	               (docker_label_get(labels, "forager.plan") != NULL),
	           "plan");
	FUZZ_CHECK(isnan(v.slo.p95_ms) || (isfinite(v.slo.p95_ms) && v.slo.p95_ms > 0), "%g",
	           v.slo.p95_ms);
	for (size_t i = 0; i < v.n_near; i++)
		FUZZ_CHECK(strpbrk(v.near[i], ", \t") == NULL && v.near[i][0] != '\0', "'%s'",
		           v.near[i]);
}

static void
node(const struct observe_input *in, const struct docker_labels *labels)
{
	struct docker_node n = {.id = "node1aaaaaaaaaaaaaaaaaaaa",
	                        .hostname = "alpha",
	                        .addr = "10.0.0.1",
	                        .capacity = {4000000000, INT64_C(1) << 32},
	                        .labels = *labels};
	struct power_curve curve;
	double cores = observe_usable_cores(&n);

	FUZZ_CHECK(isfinite(cores) && cores > 0, "%g", cores);
	observe_power(in->config, &n, &curve);
	for (size_t i = 0; i < ARRAY_SIZE(curve.watts); i++)
		FUZZ_CHECK(isfinite(curve.watts[i]) && curve.watts[i] >= 0, "%g", curve.watts[i]);
}

void
fuzz_labels(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	_cleanup_(config_freep) struct config *config = config_new();
	_cleanup_(freep) char *text = fuzz_text(data, size);
	struct docker_label items[LABELS_MOST + 1];
	struct docker_labels labels = {.items = items, .n = split(text, items)};
	struct observe_input in = {.config = config, .wall_ms = INT64_C(1795000000000)};
	struct error err = {0};

	if (config_set(config, "agent", "mode", "auto", "fuzz", &err) < 0)
		fuzz_fail("mode = auto", "%s", err.text);
	service(&in, &labels, arena);
	node(&in, &labels);
}
