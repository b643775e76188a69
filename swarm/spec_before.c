/* The label forager.before, written and read back; see spec.h. */
#include "swarm/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "swarm/spec_shape.h"
#include "swarm/steer.h"

/* Of the label's form; another one was written by another version and is left to it. */
#define BEFORE_FORMAT 1

void
spec_before_done(struct spec_before *b)
{
	free(b->owned);
	free(b->added);
	free(b->dropped);
	*b = (struct spec_before){0};
}

/* The owned fields from before a change: our labels cannot stand in them. */
static int
check_owned(const json_t *owned, struct error *err)
{
	const json_t *labels = json_object_get(owned, "Labels");

	if (json_is_object(labels) && json_object_size(labels) > 0)
		return error_set(err, EINVAL, "a change of forager's stood there already");
	return 0;
}

static int
check_terms(const char *what, const json_t *terms, struct error *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(terms) || json_array_size(terms) > STEER_TERMS)
		return error_set(err, EINVAL, "%s is not a list of at most %d terms", what,
		                 STEER_TERMS);
	json_array_foreach (terms, i, item) {
		if (!json_is_string(item) || !shape_is_term(json_string_value(item)))
			return error_set(err, EINVAL, "%s: entry %zu is not a node.id term", what,
			                 i);
	}
	return 0;
}

static int
check_ids(const char *from, const char *to, struct error *err)
{
	if (!shape_is_id(from) || !shape_is_id(to))
		return error_set(err, EINVAL, "from or to is not a node's id");
	return 0;
}

static int
parse_terms(const char *what, const char *text, json_t **ret, struct error *err)
{
	json_auto_t *terms = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int r = check_terms(what, terms, err);

	if (r < 0)
		return r;
	*ret = take_ptr(terms);
	return 0;
}

static json_t *
document(const struct spec_before *b, json_t *owned, json_t *added, json_t *dropped)
{
	char rest[17];
	json_t *doc;

	/* As text: the hash has 64 bits, JSON's integers in jansson 63 and elsewhere 53. */
	(void) snprintf(rest, sizeof(rest), "%016" PRIx64, b->rest_hash);
	doc = json_pack("{s:i, s:O, s:O, s:O, s:s, s:s, s:s, s:I}", "v", BEFORE_FORMAT, "owned",
	                owned, "added", added, "dropped", dropped, "from", b->from_id, "to",
	                b->to_id, "rest", rest, "deadline", (json_int_t) b->deadline_wall_ms);
	if (doc == NULL)
		abort();
	return doc;
}

int
spec_before_format(const struct spec_before *b, char **ret, struct error *err)
{
	json_auto_t *owned = NULL, *added = NULL, *dropped = NULL, *doc = NULL;
	_cleanup_(freep) char *text = NULL;
	int r = shape_owned_parse(b->owned, &owned, err);

	if (r >= 0)
		r = check_owned(owned, err);
	if (r >= 0)
		r = parse_terms("added", b->added, &added, err);
	if (r >= 0)
		r = parse_terms("dropped", b->dropped, &dropped, err);
	if (r >= 0)
		r = check_ids(b->from_id, b->to_id, err);
	if (r < 0) {
		(void) error_wrap(err, "label " SPEC_LABEL_BEFORE);
		return r;
	}
	doc = document(b, owned, added, dropped);
	text = shape_dump(doc);
	if (strlen(text) > SPEC_BEFORE_BYTES)
		return error_set(err, E2BIG,
		                 "label " SPEC_LABEL_BEFORE
		                 ": would take %zu bytes, more than %zu: the service has too many "
		                 "constraints to be moved",
		                 strlen(text), SPEC_BEFORE_BYTES);
	*ret = take_ptr(text);
	return 0;
}

static int
parse_hash(const char *text, uint64_t *ret, struct error *err)
{
	if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return error_set(err, EINVAL, "rest is not a hash");
	*ret = strtoull(text, NULL, 16);
	return 0;
}

static int
decode(json_t *doc, struct spec_before *ret, struct error *err)
{
	json_t *owned, *added, *dropped;
	const char *from, *to, *rest;
	_cleanup_(freep) char *owned_text = NULL;
	json_auto_t *checked = NULL;
	json_error_t why;
	json_int_t deadline, format;
	int r;

	/* "!": a key more than these is refused, too. */
	if (json_unpack_ex(doc, &why, 0, "{s:I, s:o, s:o, s:o, s:s, s:s, s:s, s:I!}", "v", &format,
	                   "owned", &owned, "added", &added, "dropped", &dropped, "from", &from,
	                   "to", &to, "rest", &rest, "deadline", &deadline) < 0)
		return error_set(err, EINVAL, "%s", why.text);
	if (format != BEFORE_FORMAT)
		return error_set(err, EINVAL,
		                 "format %" JSON_INTEGER_FORMAT ", this forager knows %d", format,
		                 BEFORE_FORMAT);
	if (deadline < 0)
		return error_set(err, EINVAL, "deadline is negative");
	owned_text = shape_dump(owned);
	r = shape_owned_parse(owned_text, &checked, err);
	if (r >= 0)
		r = check_owned(checked, err);
	if (r >= 0)
		r = check_terms("added", added, err);
	if (r >= 0)
		r = check_terms("dropped", dropped, err);
	if (r >= 0)
		r = check_ids(from, to, err);
	if (r >= 0)
		r = parse_hash(rest, &ret->rest_hash, err);
	if (r < 0)
		return r;
	ret->owned = take_ptr(owned_text);
	ret->added = shape_dump(added);
	ret->dropped = shape_dump(dropped);
	ret->deadline_wall_ms = deadline;
	(void) str_copy(ret->from_id, sizeof(ret->from_id), from);
	(void) str_copy(ret->to_id, sizeof(ret->to_id), to);
	return 0;
}

int
spec_before_parse(const char *text, struct spec_before *ret, struct error *err)
{
	struct spec_before b = {0};
	json_auto_t *doc = NULL;
	json_error_t why;
	size_t n = strnlen(text, SPEC_BEFORE_BYTES + 1);
	int r;

	if (n > SPEC_BEFORE_BYTES)
		return error_set(err, EINVAL, "label " SPEC_LABEL_BEFORE ": longer than %zu bytes",
		                 SPEC_BEFORE_BYTES);
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (doc == NULL)
		return error_set(err, EINVAL, "label " SPEC_LABEL_BEFORE ": not JSON: %s",
		                 why.text);
	r = decode(doc, &b, err);
	if (r < 0) {
		(void) error_wrap(err, "label " SPEC_LABEL_BEFORE);
		return r;
	}
	*ret = b;
	return 0;
}
