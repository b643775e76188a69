/* The request row's JSON: arguments in, results out. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "agent/actor.h"
#include "base/utf8.h"

/* Of one result: --all over a large cluster. */
#define ITEMS_MAX 4096

const char *const actor_verb_names[ACTOR_VERB_N] = {
    [ACTOR_VERB_MOVE] = "move",   [ACTOR_VERB_UNDO] = "undo",     [ACTOR_VERB_RELEASE] = "release",
    [ACTOR_VERB_PAUSE] = "pause", [ACTOR_VERB_RESUME] = "resume",
};

int
actor_verb_parse(const char *name)
{
	for (int i = 0; i < ACTOR_VERB_N; i++)
		if (streq(name, actor_verb_names[i]))
			return i;
	return -EINVAL;
}

/* ASCII: the command line prints it as it is, whatever the engine's texts hold. */
static char *
dump(json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (text == NULL)
		abort();
	return utf8_json_ascii(text);
}

static void
put_text(json_t *doc, const char *key, const char *text)
{
	_cleanup_(freep) char *utf8 = NULL;

	if (text == NULL)
		return;
	/* A name from a shell, or a sentence that was cut within a character, may be no UTF-8. */
	utf8 = utf8_copy(text, strlen(text), NULL);
	(void) json_object_set_new(doc, key, json_string(utf8));
}

char *
actor_request_to_json(const struct actor_request *r)
{
	json_auto_t *doc = json_object();

	put_text(doc, "service", r->service);
	put_text(doc, "from", r->from);
	put_text(doc, "to", r->to);
	put_text(doc, "who", r->who);
	(void) json_object_set_new(doc, "id", json_integer((json_int_t) r->id));
	(void) json_object_set_new(doc, "decision_id", json_integer((json_int_t) r->decision_id));
	(void) json_object_set_new(doc, "all", json_boolean(r->all));
	(void) json_object_set_new(doc, "move_back", json_boolean(r->move_back));
	(void) json_object_set_new(doc, "force", json_boolean(r->force));
	(void) json_object_set_new(doc, "dry_run", json_boolean(r->dry_run));
	return dump(doc);
}

/* Strings one after another in one block: the caller has one thing to free. */
static const char *
keep(char **at, const char *text)
{
	char *start = *at;
	size_t n;

	if (text == NULL)
		return NULL;
	n = strlen(text) + 1;
	memcpy(start, text, n);
	*at += n;
	return start;
}

int
actor_request_from_json(enum actor_verb verb, const char *json, struct actor_request *ret,
                        char **ret_owner, struct error *err)
{
	json_auto_t *doc = json != NULL ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *service = NULL, *from = NULL, *to = NULL, *who = NULL;
	json_int_t id = 0, decision = 0;
	int all = 0, back = 0, force = 0, dry = 0;
	json_error_t why;
	char *at;

	if (doc == NULL ||
	    json_unpack_ex(doc, &why, 0, "{s?s, s?s, s?s, s?s, s?I, s?I, s?b, s?b, s?b, s?b!}",
	                   "service", &service, "from", &from, "to", &to, "who", &who, "id", &id,
	                   "decision_id", &decision, "all", &all, "move_back", &back, "force",
	                   &force, "dry_run", &dry) < 0)
		return error_set(err, EBADMSG, "the request's arguments are damaged: %s",
		                 doc == NULL ? "not JSON" : why.text);
	if (id < 0 || decision < 0)
		return error_set(err, EBADMSG,
		                 "the request's arguments are damaged: an id is "
		                 "negative");
	*ret_owner = at = xcalloc(1, strlen(json) + 1);
	*ret = (struct actor_request){.verb = verb,
	                              .service = keep(&at, service),
	                              .from = keep(&at, from),
	                              .to = keep(&at, to),
	                              .who = keep(&at, who),
	                              .id = (uint64_t) id,
	                              .decision_id = (uint64_t) decision,
	                              .all = all,
	                              .move_back = back,
	                              .force = force,
	                              .dry_run = dry};
	return 0;
}

void
actor_result_done(struct actor_result *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_items; i++) {
		free(r->items[i].service);
		free(r->items[i].from);
		free(r->items[i].to);
		free(r->items[i].text);
		free(r->items[i].places);
	}
	free(r->items);
	free(r->text);
	*r = (struct actor_result){0};
}

static json_t *
item_to_json(const struct actor_item *it)
{
	json_t *doc = json_object();

	put_text(doc, "service", it->service);
	put_text(doc, "from", it->from);
	put_text(doc, "to", it->to);
	put_text(doc, "text", it->text);
	put_text(doc, "places", it->places);
	put_text(doc, "kind", move_kind_names[it->kind]);
	put_text(doc, "state", move_state_names[it->state]);
	put_text(doc, "verdict", verdict_infos[it->verdict].name);
	(void) json_object_set_new(doc, "id", json_integer((json_int_t) it->id));
	(void) json_object_set_new(doc, "changed", json_boolean(it->changed));
	(void) json_object_set_new(doc, "open", json_boolean(it->open));
	return doc;
}

char *
actor_result_to_json(const struct actor_result *r)
{
	json_auto_t *doc = json_object();
	json_t *items = json_array();

	for (size_t i = 0; i < r->n_items; i++)
		(void) json_array_append_new(items, item_to_json(&r->items[i]));
	(void) json_object_set_new(doc, "exit_code", json_integer(r->exit_code));
	put_text(doc, "text", r->text);
	(void) json_object_set_new(doc, "items", items);
	return dump(doc);
}

static int
find_name(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (streq(name, names[i]))
			return i;
	return -1;
}

static int
find_verdict(const char *name)
{
	for (int i = 0; i < VERDICT_N; i++)
		if (streq(name, verdict_infos[i].name))
			return i;
	return -1;
}

static int
item_from_json(json_t *doc, struct actor_item *ret, struct error *err)
{
	const char *service = NULL, *from = NULL, *to = NULL, *text = NULL, *places = NULL;
	const char *kind, *state, *verdict;
	int k, s, v, changed, open;
	json_int_t id;

	if (json_unpack(doc, "{s?s, s?s, s?s, s?s, s?s, s:s, s:s, s:s, s:I, s:b, s:b}", "service",
	                &service, "from", &from, "to", &to, "text", &text, "places", &places,
	                "kind", &kind, "state", &state, "verdict", &verdict, "id", &id, "changed",
	                &changed, "open", &open) < 0)
		return error_set(err, EBADMSG, "a result is damaged");
	k = find_name(kind, move_kind_names, MOVE_KIND_N);
	s = find_name(state, move_state_names, MOVE_STATE_N);
	v = find_verdict(verdict);
	if (k < 0 || s < 0 || v < 0 || id < 0)
		return error_set(err, EBADMSG, "a result is of another version of forager");
	*ret = (struct actor_item){.id = (uint64_t) id,
	                           .kind = (enum move_kind) k,
	                           .state = (enum move_state) s,
	                           .verdict = (enum verdict) v,
	                           .changed = changed,
	                           .open = open,
	                           .service = xstrdup(service),
	                           .from = xstrdup(from),
	                           .to = xstrdup(to),
	                           .text = xstrdup(text),
	                           .places = xstrdup(places)};
	return 0;
}

int
actor_result_from_json(const char *json, struct actor_result *ret, struct error *err)
{
	json_auto_t *doc = json != NULL ? json_loads(json, 0, NULL) : NULL;
	_cleanup_(actor_result_done) struct actor_result r = {0};
	const char *text = NULL;
	json_t *items = NULL, *item;
	size_t i;
	int code;

	if (doc == NULL || json_unpack(doc, "{s:i, s?s, s:o}", "exit_code", &code, "text", &text,
	                               "items", &items) < 0)
		return error_set(err, EBADMSG, "the result is damaged");
	if (!json_is_array(items) || json_array_size(items) > ITEMS_MAX || code < 0 || code > 3)
		return error_set(err, EBADMSG, "the result is damaged");
	r.exit_code = code;
	r.text = xstrdup(text);
	r.items = xcalloc(json_array_size(items) + 1, sizeof(*r.items));
	json_array_foreach (items, i, item) {
		int e = item_from_json(item, &r.items[i], err);

		if (e < 0)
			return e;
		r.n_items++;
	}
	*ret = r;
	r = (struct actor_result){0};
	return 0;
}
