/* Query results as JSON; see rows.h. */
#include "cli/rows.h"

#include <math.h>

#include "base/utf8.h"
#include "base/util.h"

static json_t *
value_json(const struct query_value *v)
{
	_cleanup_(freep) char *utf8 = NULL;
	size_t size;

	switch (v->type) {
	case QUERY_INTEGER:
		return json_integer((json_int_t) v->integer);
	case QUERY_REAL:
		return isfinite(v->real) ? json_real(v->real) : json_null();
	case QUERY_TEXT:
		utf8 = utf8_copy(v->text, v->size, &size);
		return json_stringn(utf8, size);
	case QUERY_BLOB:
	case QUERY_NULL:
		break;
	}
	return json_null();
}

/* SQL has no truth values; these columns of the views are some. */
static bool
is_truth(const char *column)
{
	static const char *const columns[] = {"chosen", "partial"};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (streq(columns[i], column))
			return true;
	}
	return false;
}

static int
row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++) {
		bool truth = is_truth(names[i]) && values[i].type == QUERY_INTEGER;

		(void) json_object_set_new(object, names[i],
		                           truth ? json_boolean(values[i].integer != 0)
		                                 : value_json(&values[i]));
	}
	(void) json_array_append_new(data, object);
	return 0;
}

int
rows_read(struct query *q, const char *sql, const struct query_value *bind, size_t n_bind,
          json_t **ret, struct error *err)
{
	json_t *rows = json_array();
	int r = query_each(q, sql, bind, n_bind, row, rows, err);

	if (r < 0) {
		json_decref(rows);
		return r;
	}
	*ret = rows;
	return 0;
}

const char *
rows_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "";
}

double
rows_number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (json_is_boolean(v))
		return json_is_true(v) ? 1 : 0;
	return json_is_number(v) ? json_number_value(v) : NAN;
}
