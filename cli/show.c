/* Tables, JSON lines and CSV; see show.h. */
#include "cli/show.h"

#include <errno.h>
#include <fnmatch.h>
#include <libsmartcols.h>

#include "base/memory.h"
#include "base/util.h"
#include "base/utf8.h"

#define SEPARATOR "   "

struct show {
	const struct show_column *columns;
	size_t n_columns;
	struct show_options options;
	struct libscols_table *table;
	size_t *from; /* index in the result of each column; SIZE_MAX: missing */
	bool mapped;
	size_t count;
};

struct show_options
show_options_of(const struct args *args, FILE *out)
{
	return (struct show_options){
	    .out = out,
	    .format = args->format,
	    .quiet = args->quiet,
	    .no_trunc = args->no_trunc,
	    .filters = args->filters,
	    .n_filters = args->n_filters,
	    .now_ms = wall_ms(),
	};
}

static const struct show_column *
column_of(const struct show_column *columns, size_t n, const char *filter, size_t *ret)
{
	size_t len = (size_t) (strchr(filter, '=') - filter);

	for (size_t i = 0; i < n; i++) {
		if (strlen(columns[i].key) == len && strncmp(columns[i].key, filter, len) == 0) {
			*ret = i;
			return &columns[i];
		}
	}
	return NULL;
}

static int
check_filters(const struct show_column *columns, size_t n, const struct show_options *options,
              struct error *err)
{
	for (size_t f = 0; f < options->n_filters; f++) {
		_cleanup_(freep) char *keys = xstrdup("");
		size_t at;

		if (column_of(columns, n, options->filters[f], &at) != NULL)
			continue;
		for (size_t i = 0; i < n; i++) {
			char *more = xasprintf("%s%s%s", keys, i > 0 ? " " : "", columns[i].key);

			free(keys);
			keys = more;
		}
		return error_set(err, EINVAL, "no key for --filter '%s'; there are: %s",
		                 options->filters[f], keys);
	}
	return 0;
}

static bool
right_aligned(enum show_unit unit)
{
	return unit != SHOW_TEXT && unit != SHOW_LONG && unit != SHOW_ID && unit != SHOW_AGO &&
	       unit != SHOW_BOOL && unit != SHOW_ANY;
}

/* The table's columns in the order of the list, those without a header left out. */
static int
start_table(struct show *s, struct error *err)
{
	s->table = scols_new_table();
	if (s->table == NULL)
		memory_out();
	if (scols_table_set_column_separator(s->table, SEPARATOR) != 0 ||
	    scols_table_set_termforce(s->table, SCOLS_TERMFORCE_NEVER) != 0)
		return error_set(err, EIO, "libsmartcols cannot make a table");
	for (size_t i = 0; i < s->n_columns; i++) {
		const struct show_column *c = &s->columns[i];

		if (c->header != NULL &&
		    scols_table_new_column(s->table, c->header, 0,
		                           right_aligned(c->unit) ? SCOLS_FL_RIGHT : 0) == NULL)
			memory_out();
	}
	return 0;
}

static void
csv_field(FILE *out, const char *s)
{
	if (s[strcspn(s, ",\"\r\n")] == '\0' && s[0] != ' ' &&
	    (s[0] == '\0' || s[strlen(s) - 1] != ' ')) {
		(void) fputs(s, out);
		return;
	}
	(void) fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			(void) fputc('"', out);
		(void) fputc(*s, out);
	}
	(void) fputc('"', out);
}

/*
 * A text from outside: harmless, and marked where a spreadsheet would take it for a formula. One
 * that begins with the mark itself gets one more, so that taking one off always gives the text
 * back.
 */
static void
csv_text(FILE *out, const char *text, size_t size)
{
	_cleanup_(freep) char *clean = utf8_clean(text, size);
	_cleanup_(freep) char *marked = NULL;

	if (clean[0] != '\0' && strchr("=+-@'", clean[0]) != NULL)
		marked = xasprintf("'%s", clean);
	csv_field(out, marked != NULL ? marked : clean);
}

int
show_new(const struct show_column *columns, size_t n_columns, const struct show_options *options,
         struct show **ret, struct error *err)
{
	_cleanup_(show_freep) struct show *s = NULL;
	int r = check_filters(columns, n_columns, options, err);

	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	s->columns = columns;
	s->n_columns = n_columns;
	s->options = *options;
	s->from = xcalloc(n_columns, sizeof(*s->from));
	if (options->quiet) {
		*ret = take_ptr(s);
		return 0;
	}
	if (options->format == FORMAT_TABLE) {
		r = start_table(s, err);
		if (r < 0)
			return r;
	}
	if (options->format == FORMAT_CSV) {
		for (size_t i = 0; i < n_columns; i++) {
			if (i > 0)
				(void) fputc(',', options->out);
			csv_text(options->out, columns[i].key, strlen(columns[i].key));
		}
		(void) fputs("\r\n", options->out);
	}
	*ret = take_ptr(s);
	return 0;
}

static void
map_columns(struct show *s, size_t n, const char *const *names)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		s->from[i] = SIZE_MAX;
		/* `query` may give the same name twice: the position decides then. */
		if (s->n_columns == n && streq(names[i], s->columns[i].key)) {
			s->from[i] = i;
			continue;
		}
		for (size_t k = 0; k < n; k++) {
			if (streq(names[k], s->columns[i].key))
				s->from[i] = k;
		}
	}
	s->mapped = true;
}

static const struct query_value *
value_of(const struct show *s, size_t column, const struct query_value *values)
{
	static const struct query_value none = {.type = QUERY_NULL};

	return s->from[column] == SIZE_MAX ? &none : &values[s->from[column]];
}

/* Does this value satisfy the pattern? An id also by its beginning, as with Docker. */
static bool
matches(const struct show_column *c, const char *value, const char *pattern)
{
	if (c->unit == SHOW_ID && pattern[0] != '\0' && str_has_prefix(value, pattern))
		return true;
	return fnmatch(pattern, value, 0) == 0;
}

static bool
passes(const struct show *s, const struct query_value *values)
{
	for (size_t f = 0; f < s->options.n_filters; f++) {
		size_t want = 0, at = 0;
		bool any = false;

		(void) column_of(s->columns, s->n_columns, s->options.filters[f], &want);
		for (size_t g = 0; g < s->options.n_filters; g++) {
			const char *filter = s->options.filters[g];
			_cleanup_(freep) char *value = NULL;

			(void) column_of(s->columns, s->n_columns, filter, &at);
			if (at != want)
				continue;
			value = show_plain(value_of(s, at, values), s->columns[at].unit);
			any = any || matches(&s->columns[at], value, strchr(filter, '=') + 1);
		}
		if (!any)
			return false;
	}
	return true;
}

static void
table_row(struct show *s, const struct query_value *values)
{
	struct libscols_line *line = scols_table_new_line(s->table, NULL);
	size_t at = 0;

	if (line == NULL)
		memory_out();
	for (size_t i = 0; i < s->n_columns; i++) {
		char *text;

		if (s->columns[i].header == NULL)
			continue;
		text = show_value(value_of(s, i, values), s->columns[i].unit, s->options.no_trunc,
		                  s->options.now_ms);
		if (scols_line_refer_data(line, at++, text) != 0)
			memory_out();
	}
}

static void
json_row(struct show *s, const struct query_value *values)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		_cleanup_(freep) char *value =
		    show_json(value_of(s, i, values), s->columns[i].unit);
		const struct query_value key = QUERY_STR(s->columns[i].key);
		_cleanup_(freep) char *name = show_json(
		    &(struct query_value){
		        .type = QUERY_TEXT, .text = key.text, .size = strlen(key.text)},
		    SHOW_TEXT);

		(void) fprintf(s->options.out, "%s%s:%s", i == 0 ? "{" : ",", name, value);
	}
	(void) fputs("}\n", s->options.out);
}

static void
csv_row(struct show *s, const struct query_value *values)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		const struct query_value *v = value_of(s, i, values);
		_cleanup_(freep) char *plain = show_plain(v, s->columns[i].unit);

		if (i > 0)
			(void) fputc(',', s->options.out);
		if (v->type == QUERY_TEXT)
			csv_text(s->options.out, v->text, v->size);
		else
			csv_field(s->options.out, plain);
	}
	(void) fputs("\r\n", s->options.out);
}

static void
quiet_row(struct show *s, const struct query_value *values)
{
	_cleanup_(freep) char *text = show_value(value_of(s, 0, values), s->columns[0].unit,
	                                         s->options.no_trunc, s->options.now_ms);

	(void) fprintf(s->options.out, "%s\n", text);
}

int
show_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct show *s = data;

	if (!s->mapped)
		map_columns(s, n, names);
	if (!passes(s, values))
		return 0;
	s->count++;
	if (s->options.quiet)
		quiet_row(s, values);
	else if (s->options.format == FORMAT_JSON)
		json_row(s, values);
	else if (s->options.format == FORMAT_CSV)
		csv_row(s, values);
	else
		table_row(s, values);
	return 0;
}

size_t
show_count(const struct show *s)
{
	return s->count;
}

/* libsmartcols prints nothing at all for a table without rows; Docker prints the headers. */
static void
print_headers(const struct show *s)
{
	bool first = true;

	for (size_t i = 0; i < s->n_columns; i++) {
		if (s->columns[i].header == NULL)
			continue;
		(void) fprintf(s->options.out, "%s%s", first ? "" : SEPARATOR,
		               s->columns[i].header);
		first = false;
	}
	(void) fputc('\n', s->options.out);
}

int
show_end(struct show *s, struct error *err)
{
	if (s->table != NULL && s->count == 0)
		print_headers(s);
	if (s->table != NULL && s->count > 0 &&
	    (scols_table_set_stream(s->table, s->options.out) != 0 ||
	     scols_print_table(s->table) != 0))
		return error_set(err, EIO, "the table could not be printed");
	if (fflush(s->options.out) != 0 || ferror(s->options.out) != 0)
		return error_set(err, EIO, "the output could not be written");
	return 0;
}

void
show_free(struct show *s)
{
	if (s == NULL)
		return;
	scols_unref_table(s->table);
	free(s->from);
	free(s);
}

void
show_freep(struct show **s)
{
	show_free(*s);
}
