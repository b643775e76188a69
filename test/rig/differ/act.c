/* Drawn steps on one side; see act.h. */
#include "test/rig/differ/act.h"

#include <stdio.h>

#include "docker/document.h"
#include "test/fake/shape.h"
#include "test/rig/differ/form.h"
#include "test/rig/differ/refuse.h"

/* Another write may come between reading and writing: a node's heartbeat, an update's state. */
#define TRIES 20

void
act_names_init(struct act_names *n, struct side *s)
{
	json_auto_t *nodes = side_get(s, "/nodes");
	json_t *node;
	size_t i;

	*n = (struct act_names){json_object(), json_object(), json_object()};
	json_array_foreach (nodes, i, node) {
		const char *name = shape_text(node, "Description.Hostname", "");

		(void) json_object_set(n->ids, name, json_object_get(node, "ID"));
		(void) json_object_set(n->addrs, name, shape_at(node, "Status.Addr"));
		(void) json_object_set_new(n->hosts, shape_text(node, "ID", ""), json_string(name));
	}
}

void
act_names_done(struct act_names *n)
{
	json_decref(n->ids);
	json_decref(n->addrs);
	json_decref(n->hosts);
}

void
act_node(struct side *s, const char *name, const json_t *how)
{
	for (int i = 0; i < TRIES; i++) {
		_cleanup_(freep) char *path = xasprintf("/nodes/%s", name);
		json_auto_t *node = side_get(s, path);
		json_t *spec = json_object_get(node, "Spec");
		_cleanup_(freep) char *text = NULL;
		_cleanup_(freep) char *target =
		    xasprintf("/nodes/%s/update?version=%lld", shape_text(node, "ID", ""),
		              (long long) shape_int(node, "Version.Index", 0));

		if (json_object_get(how, "labels") != NULL)
			(void) json_object_set(spec, "Labels", json_object_get(how, "labels"));
		if (json_object_get(how, "availability") != NULL)
			(void) json_object_set(spec, "Availability",
			                       json_object_get(how, "availability"));
		text = document_encode(spec);
		if (side_ask(s, "POST", target, text, NULL) == 200)
			return;
	}
	(void) fprintf(stderr, "differ: node '%s' cannot be written\n", name);
	exit(2);
}

/* ---- specs ---- */

/* Every "@id:NAME" and "@addr:NAME" at the end of a constraint. */
static void
name_here(const struct act_names *n, json_t *spec)
{
	json_t *list = shape_at(spec, "TaskTemplate.Placement.Constraints"), *text;
	size_t i;

	json_array_foreach (list, i, text) {
		const char *old = json_string_value(text), *at = strchr(old, '@');
		bool is_id = at != NULL && str_has_prefix(at, "@id:");
		_cleanup_(freep) char *made = NULL;

		if (at == NULL)
			continue;
		made = xasprintf("%.*s%s", (int) (at - old), old,
		                 shape_text(is_id ? n->ids : n->addrs, strchr(at, ':') + 1, ""));
		(void) json_array_set_new(list, i, json_string(made));
	}
}

static void
edit(json_t *spec, const char *path, const json_t *value)
{
	const char *dot = strchr(path, '.');
	_cleanup_(freep) char *key = NULL;
	json_t *next;

	if (dot == NULL) {
		(void) json_object_set_new(spec, path, json_deep_copy(value));
		return;
	}
	key = strndup(path, (size_t) (dot - path));
	next = json_object_get(spec, key);
	if (!json_is_object(next)) {
		next = json_object();
		(void) json_object_set_new(spec, key, next);
	}
	edit(next, dot + 1, value);
}

static void
say(json_t *said, int status, const json_t *answer)
{
	_cleanup_(freep) char *text = form_text(shape_text(answer, "message", ""));
	_cleanup_(freep) char *words = xasprintf("%d %s", status, text);

	(void) json_array_append_new(said, json_string(words));
}

void
act_create(struct side *s, const struct act_names *n, const json_t *set, json_t *said)
{
	json_auto_t *spec = json_deep_copy(json_object_get(set, "spec")), *answer = NULL;
	_cleanup_(freep) char *text = NULL;
	int status;

	name_here(n, spec);
	text = document_encode(spec);
	status = side_ask(s, "POST", "/services/create", text, &answer);
	say(said, status, answer);
}

/* As it stands, by its name. The caller frees. */
static json_t *
service_of(struct side *s, const json_t *set)
{
	_cleanup_(freep) char *path = xasprintf("/services/%s", shape_text(set, "spec.Name", ""));

	return side_get(s, path);
}

static int
change_once(struct side *s, const struct act_names *n, const json_t *set, const json_t *change,
            json_t **ret)
{
	json_auto_t *service = service_of(s, set);
	json_t *spec = json_object_get(service, "Spec"), *one;
	bool back = streq(shape_text(change, "do", ""), "rollback");
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *target = xasprintf(
	    "/services/%s/update?version=%lld%s", shape_text(service, "ID", ""),
	    (long long) shape_int(service, "Version.Index", 0), back ? "&rollback=previous" : "");
	size_t i;

	json_array_foreach (json_object_get(change, "edit"), i, one)
		edit(spec, json_string_value(json_array_get(one, 0)), json_array_get(one, 1));
	name_here(n, spec);
	text = document_encode(spec);
	return side_ask(s, "POST", target, text, ret);
}

void
act_change(struct side *s, const struct act_names *n, const json_t *set, size_t change,
           json_t *said)
{
	const json_t *how = json_array_get(json_object_get(set, "changes"), change);
	const char *refuse = shape_text(how, "refuse", "");
	json_t *answer = NULL;
	int status = 0;

	if (*refuse != '\0') {
		json_auto_t *service = service_of(s, set);

		status = refuse_ask(s, refuse, service, &answer);
		say(said, status, answer);
		json_decref(answer);
		answer = NULL;
	}
	if (streq(shape_text(how, "do", ""), "nothing"))
		return;
	for (int i = 0; i < TRIES; i++) {
		json_decref(answer);
		status = change_once(s, n, set, how, &answer);
		if (strstr(shape_text(answer, "message", ""), "out of sequence") == NULL)
			break;
	}
	say(said, status, answer);
	json_decref(answer);
}
