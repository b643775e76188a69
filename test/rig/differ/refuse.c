/* Writes that Swarm does not take; see refuse.h. */
#include "test/rig/differ/refuse.h"

#include "docker/document.h"
#include "test/fake/shape.h"

/* A spec that is wrong in one place. */
static const struct {
	const char *how, *parent, *key, *value; /* value: JSON; NULL takes the key away */
} wrong[] = {
    {"rename", "", "Name", "\"another\""},
    {"mode", "", "Mode", "{\"Global\":{}}"},
    {"no-name", "", "Name", "\"\""},
    {"bad-name", "", "Name", "\"a b\""},
    {"no-image", "TaskTemplate.ContainerSpec", "Image", "\"\""},
    {"no-container", "TaskTemplate", "ContainerSpec", NULL},
    {"no-task", "", "TaskTemplate", "{}"},
    {"tiny-cpu", "TaskTemplate.Resources", "Reservations", "{\"NanoCPUs\":1}"},
    {"tiny-mem", "TaskTemplate.Resources", "Limits", "{\"MemoryBytes\":1024}"},
    {"restart-delay", "TaskTemplate.RestartPolicy", "Delay", "-1"},
    {"condition", "TaskTemplate.RestartPolicy", "Condition", "\"sometimes\""},
    {"delay", "", "UpdateConfig", "{\"Delay\":-1}"},
    {"monitor", "", "UpdateConfig", "{\"Monitor\":-1}"},
    {"order", "", "UpdateConfig", "{\"Order\":\"sideways\"}"},
    {"action", "", "UpdateConfig", "{\"FailureAction\":\"cry\"}"},
    {"ratio", "", "UpdateConfig", "{\"MaxFailureRatio\":1.5}"},
    {"=", "TaskTemplate.Placement", "Constraints", "[\"node.hostname=w1\"]"},
    {"no-operator", "TaskTemplate.Placement", "Constraints", "[\"node.hostname\"]"},
    {"no-value", "TaskTemplate.Placement", "Constraints", "[\"node.hostname==\"]"},
    {"bad-key", "TaskTemplate.Placement", "Constraints", "[\"node/x==1\"]"},
    {"bad-value", "TaskTemplate.Placement", "Constraints", "[\"node.hostname==a,b\"]"},
};

static void
make_wrong(json_t *spec, const char *how)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		json_t *parent = shape_at(spec, wrong[i].parent);

		if (!streq(wrong[i].how, how))
			continue;
		if (wrong[i].value == NULL)
			(void) json_object_del(parent, wrong[i].key);
		else
			(void) json_object_set_new(
			    parent, wrong[i].key,
			    json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
	}
}

static int
ask_node(struct side *s, const char *how, json_t **ret)
{
	json_auto_t *nodes = side_get(s, "/nodes");
	json_t *node = json_array_get(nodes, 0), *spec = json_object_get(node, "Spec");
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *target =
	    xasprintf("/nodes/%s/update?version=%lld",
	              streq(how, "node-none") ? "nobody" : shape_text(node, "ID", ""),
	              (long long) shape_int(node, "Version.Index", 0) - streq(how, "node-stale"));

	if (streq(how, "node-word"))
		(void) json_object_set_new(spec, "Availability", json_string("asleep"));
	text = document_encode(spec);
	return side_ask(s, "POST", target, text, ret);
}

int
refuse_ask(struct side *s, const char *how, const json_t *service, json_t **ret)
{
	json_auto_t *spec = json_deep_copy(json_object_get(service, "Spec"));
	_cleanup_(freep) char *version =
	    xasprintf("version=%lld",
	              (long long) shape_int(service, "Version.Index", 0) - streq(how, "stale"));
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *target = NULL;

	if (str_has_prefix(how, "node-"))
		return ask_node(s, how, ret);
	make_wrong(spec, how);
	text = streq(how, "not-json") ? xstrdup("{\"Name\": ") : document_encode(spec);
	if (streq(how, "duplicate"))
		return side_ask(s, "POST", "/services/create", text, ret);
	target = xasprintf("/services/%s/update?%s",
	                   streq(how, "nobody") ? "nobody" : shape_text(service, "ID", ""),
	                   streq(how, "no-version")    ? ""
	                   : streq(how, "bad-version") ? "version=new"
	                                               : version);
	return side_ask(s, "POST", target, text, ret);
}
