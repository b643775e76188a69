/* Faults of answers; see fault.h. */
#include "test/fake/fault.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define DEEP 100000

const char *const fault_names[FAULT_KIND_N] = {
    "none",      "delay",  "hang",    "reset", "drop",  "truncate", "flip",    "status",
    "length",    "chunks", "endless", "slow",  "html",  "empty",    "garbage", "huge",
    "duplicate", "deep",   "missing", "nulls", "stale", "sequence"};

struct fault {
	char endpoint[40], hostname[64], word[64];
	enum fault_kind kind;
	double arg;
	uint64_t after, count, seen, done;
	char **targets, **bodies; /* of stale */
	size_t n_frozen;
};

static void
fault_free(struct fault *f)
{
	for (size_t i = 0; i < f->n_frozen; i++) {
		free(f->targets[i]);
		free(f->bodies[i]);
	}
	free(f->targets);
	free(f->bodies);
	free(f);
}

static int
kind_parse(const char *word, enum fault_kind *ret, struct error *err)
{
	for (size_t i = 1; i < FAULT_KIND_N; i++) {
		if (streq(word, fault_names[i])) {
			*ret = (enum fault_kind) i;
			return 0;
		}
	}
	return error_set(err, EINVAL, "no fault '%s'", word);
}

int
fault_add(struct fault_table *t, const char *text, struct error *err)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	_cleanup_(freep) struct fault *f = xcalloc(1, sizeof(*f));
	char *save = NULL, *endpoint = strtok_r(copy, " ", &save), *at, *word;
	const char *kind = strtok_r(NULL, " ", &save);

	if (endpoint == NULL || kind == NULL)
		return error_set(err, EINVAL, "fault ENDPOINT KIND [ARG] [after N] [count M]");
	if (kind_parse(kind, &f->kind, err) < 0)
		return -EINVAL;
	at = strchr(endpoint, '@');
	if (at != NULL) {
		*at = '\0';
		(void) str_copy(f->hostname, sizeof(f->hostname), at + 1);
	}
	(void) str_copy(f->endpoint, sizeof(f->endpoint), endpoint);
	f->count = UINT64_MAX;
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		const char *value = word;

		if (streq(word, "after") || streq(word, "count")) {
			value = strtok_r(NULL, " ", &save);
			if (value == NULL || !isdigit((unsigned char) *value))
				return error_set(err, EINVAL, "%s needs a number", word);
			*(streq(word, "after") ? &f->after : &f->count) = strtoull(value, NULL, 10);
			continue;
		}
		f->arg = strtod(word, NULL);
		(void) str_copy(f->word, sizeof(f->word), word);
	}
	t->items = xrealloc(t->items, t->n + 1, sizeof(struct fault *));
	t->items[t->n++] = take_ptr(f);
	return 0;
}

void
fault_clear(struct fault_table *t, const char *endpoint)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (endpoint == NULL || streq(t->items[i]->endpoint, endpoint))
			fault_free(t->items[i]);
		else
			t->items[kept++] = t->items[i];
	}
	t->n = kept;
	if (kept == 0)
		free(take_ptr(t->items));
}

struct fault *
fault_next(struct fault_table *t, const char *endpoint, const char *hostname)
{
	for (size_t i = 0; i < t->n; i++) {
		struct fault *f = t->items[i];

		if ((!streq(f->endpoint, "*") && !streq(f->endpoint, endpoint)) ||
		    (f->hostname[0] != '\0' && !streq(f->hostname, hostname)))
			continue;
		if (f->seen++ < f->after || f->done >= f->count)
			continue;
		f->done++;
		t->n_injected[f->kind]++;
		return f;
	}
	return NULL;
}

enum fault_kind
fault_kind(const struct fault *f)
{
	return f == NULL ? FAULT_NOT : f->kind;
}

double
fault_arg(const struct fault *f)
{
	return f->arg;
}

bool
fault_before(const struct fault *f)
{
	enum fault_kind kind = fault_kind(f);

	return kind == FAULT_DROP || kind == FAULT_STATUS || kind == FAULT_SEQUENCE;
}

/* ---- bodies ---- */

struct text {
	char *bytes;
	size_t size, room;
};

static void
add(struct text *t, const char *bytes, size_t size)
{
	if (t->size + size + 1 > t->room) {
		t->room = (t->size + size + 1) * 2;
		t->bytes = xrealloc(t->bytes, t->room, 1);
	}
	memcpy(t->bytes + t->size, bytes, size);
	t->size += size;
	t->bytes[t->size] = '\0';
}

static void
add_text(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

/* The end of the JSON string that begins at s (after its quote). */
static const char *
string_end(const char *s)
{
	while (*s != '\0' && *s != '"')
		s += *s == '\\' && s[1] != '\0' ? 2 : 1;
	return s;
}

static void
huge(struct text *to, const char *body)
{
	for (const char *s = body; *s != '\0';) {
		const char *end = s + 1;

		if (*s == '"') {
			end = string_end(s + 1);
			end += *end == '"';
			add(to, s, (size_t) (end - s));
		} else if (isdigit((unsigned char) *s)) {
			while (isdigit((unsigned char) *end) || *end == '.')
				end++;
			add_text(to, "99999999999999999999");
		} else {
			add(to, s, 1);
		}
		s = end;
	}
}

static void
duplicate(struct text *to, const char *body)
{
	for (const char *s = body; *s != '\0';) {
		const char *end = s + 1;

		if (*s == '"') {
			end = string_end(s + 1);
			end += *end == '"';
		}
		add(to, s, (size_t) (end - s));
		if (*s == '{' && s[1] == '"') {
			const char *key = string_end(s + 2);

			add(to, s + 1, (size_t) (key + 1 - s - 1));
			add_text(to, ":null,");
		}
		s = end;
	}
}

/* Renames the key, or gives it null beside its value under another name. */
static void
without(struct text *to, const char *body, const char *key, bool null)
{
	_cleanup_(freep) char *quoted = xasprintf("\"%s\":", *key != '\0' ? key : "ID");
	size_t n = strlen(quoted);

	for (const char *s = body; *s != '\0';) {
		if (strncmp(s, quoted, n) == 0) {
			if (null) {
				add_text(to, quoted);
				add_text(to, "null,");
			}
			add_text(to, "\"was\":");
			s += n;
			continue;
		}
		add(to, s++, 1);
	}
}

static void
deep(struct text *to, const char *body)
{
	bool object = *body == '{';

	add_text(to, object ? "{\"deep\":" : "[");
	for (size_t i = 0; i < DEEP; i++)
		add_text(to, "[");
	for (size_t i = 0; i < DEEP; i++)
		add_text(to, "]");
	if (*body != '\0' && body[1] != '}' && body[1] != ']')
		add_text(to, ",");
	add_text(to, *body != '\0' ? body + 1 : "");
}

static void
stale(struct fault *f, struct text *to, const char *target, const char *body)
{
	for (size_t i = 0; i < f->n_frozen; i++) {
		if (streq(f->targets[i], target)) {
			add_text(to, f->bodies[i]);
			return;
		}
	}
	f->targets = xrealloc(f->targets, f->n_frozen + 1, sizeof(char *));
	f->bodies = xrealloc(f->bodies, f->n_frozen + 1, sizeof(char *));
	f->targets[f->n_frozen] = xstrdup(target);
	f->bodies[f->n_frozen++] = xstrdup(body);
	add_text(to, body);
}

char *
fault_body(struct fault *f, const char *target, const char *body, size_t *size)
{
	struct text to = {0};

	add_text(&to, "");
	switch (f->kind) {
	case FAULT_HUGE:
		huge(&to, body);
		break;
	case FAULT_DUPLICATE:
		duplicate(&to, body);
		break;
	case FAULT_MISSING:
	case FAULT_NULLS:
		without(&to, body, f->word, f->kind == FAULT_NULLS);
		break;
	case FAULT_DEEP:
		deep(&to, body);
		break;
	case FAULT_STALE:
		stale(f, &to, target, body);
		break;
	case FAULT_HTML:
		add_text(&to, "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>\n");
		break;
	case FAULT_EMPTY:
		break;
	case FAULT_FLIP:
		add_text(&to, body);
		if (to.size > 0)
			to.bytes[(size_t) (f->arg >= 0 ? f->arg : (double) (f->done * 7919)) %
			         to.size] ^= 1;
		break;
	default:
		add_text(&to, body);
	}
	*size = to.size;
	return to.bytes;
}
