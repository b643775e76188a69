/*
 * The command line: words (a line each), then, after an empty line, texts from the cluster. What is
 * printed drives no terminal, JSON gives the exact text back, CSV is one row of as many fields.
 */
#include <jansson.h>

#include "base/utf8.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "test/fuzz/fuzz.h"

#define WORDS_MOST 40

static const struct show_column columns[] = {
    {"id", "ID", SHOW_ID},
    {"service", "SERVICE", SHOW_TEXT},
    {"reason", "REASON", SHOW_LONG},
};

static unsigned
groups_of(const char *name)
{
	const struct verb *v = verbs_find(name);

	return v != NULL ? v->groups : 0;
}

/* Bytes that a terminal would obey: C0 but line ends, DEL, and C1 and direction marks in UTF-8. */
static void
check_harmless(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char) text[i];
		unsigned char n = i + 1 < size ? (unsigned char) text[i + 1] : 0;
		unsigned char m = i + 2 < size ? (unsigned char) text[i + 2] : 0;

		FUZZ_CHECK((c >= 0x20 || c == '\n' || c == '\r') && c != 0x7f, "byte %02x in '%s'",
		           c, text);
		FUZZ_CHECK(!(c == 0xc2 && n < 0xa0), "C1 in '%s'", text);
		FUZZ_CHECK(!(c == 0xe2 && n == 0x80 && m >= 0xa8 && m <= 0xae), "mark in '%s'",
		           text);
	}
}

static void
check_json(const char *line, const struct query_value *values)
{
	json_auto_t *doc = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	FUZZ_CHECK(json_is_object(doc), "'%s'", line);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const json_t *v = json_object_get(doc, columns[i].key);
		_cleanup_(freep) char *want = utf8_copy(values[i].text, values[i].size, NULL);

		FUZZ_CHECK(streq(json_string_value(v), want), "'%s': %s", want, line);
		/* Bytes that are no UTF-8 became longer, never shorter. */
		FUZZ_CHECK(json_string_length(v) >= values[i].size, "cut: %s", line);
	}
}

/* RFC 4180 for one line: fields, quotes doubled inside of quotes. Returns the number of fields. */
static size_t
csv_fields(const char *line)
{
	size_t n = 1;
	bool quoted = false;

	for (const char *p = line; *p != '\0' && (quoted || *p != '\r'); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == ',' && !quoted)
			n++;
	}
	FUZZ_CHECK(!quoted, "'%s'", line);
	return n;
}

static void
print(const struct args *args, const struct query_value *values, enum arg_format format)
{
	static const char *const names[] = {"id", "service", "reason"};
	_cleanup_(show_freep) struct show *show = NULL;
	struct show_options options;
	struct error err = {0};
	char *out = NULL, *line;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);
	int r;

	options = show_options_of(args, f);
	options.format = format;
	r = show_new(columns, ARRAY_SIZE(columns), &options, &show, &err);
	fuzz_said(r, &err);
	if (r >= 0) {
		(void) show_row(show, ARRAY_SIZE(names), names, values);
		FUZZ_CHECK(show_end(show, &err) >= 0, "%s", err.text);
	}
	(void) fclose(f);
	check_harmless(out, size);
	if (r >= 0 && format == FORMAT_JSON && !args->quiet && show_count(show) == 1)
		check_json(out, values);
	line = r >= 0 && format == FORMAT_CSV && !args->quiet ? strstr(out, "\r\n") : NULL;
	if (line != NULL && show_count(show) == 1)
		FUZZ_CHECK(csv_fields(line + 2) == ARRAY_SIZE(columns), "'%s'", line);
	free(out);
}

static void
cut(const char *text)
{
	for (size_t most = 1; most < 4; most++) {
		_cleanup_(freep) char *s = utf8_clean(text, strlen(text)), *again = NULL;

		text_cut(s, most);
		again = utf8_copy(s, strlen(s), NULL);
		FUZZ_CHECK(streq(s, again), "cut within a character: '%s'", s);
	}
}

void
fuzz_cli(const uint8_t *data, size_t size)
{
	char *argv[WORDS_MOST + 2] = {(char *) "forager"};
	struct query_value values[ARRAY_SIZE(columns)] = {0};
	char *texts[ARRAY_SIZE(columns)] = {0};
	struct args args;
	struct error err = {0};
	int argc = 1, r;

	while (argc <= WORDS_MOST && (argv[argc] = fuzz_part(&data, &size, '\n')) != NULL &&
	       argv[argc][0] != '\0')
		argc++;
	free(take_ptr(argv[argc]));
	r = args_parse(argc, argv, groups_of, &args, &err);
	fuzz_said(r, &err);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		/* Everything else goes to the last: line ends, too. */
		size_t n = i + 1 < ARRAY_SIZE(columns) ? MIN(size / 3, size) : size;

		texts[i] = fuzz_text(data, n);
		values[i] = (struct query_value){.type = QUERY_TEXT, .text = texts[i], .size = n};
		cut(texts[i]);
		data += n;
		size -= n;
	}
	for (int f = FORMAT_TABLE; r >= 0 && f <= FORMAT_CSV; f++)
		print(&args, values, (enum arg_format) f);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		free(texts[i]);
}
