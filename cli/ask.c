/* SQL from people; see ask.h. */
#include "cli/ask.h"

#include <errno.h>

#include "base/utf8.h"
#include "base/util.h"

struct columns {
	struct show_column *items;
	size_t n;
};

static int
take_columns(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct columns *c = data;

	(void) values;
	c->items = xcalloc(n, sizeof(*c->items));
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		c->items[i] = (struct show_column){.key = xstrdup(names[i]),
		                                   .header = utf8_clean(names[i], strlen(names[i])),
		                                   .unit = SHOW_ANY};
	}
	return 0;
}

static void
columns_done(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free((char *) c->items[i].key);
		free((char *) c->items[i].header);
	}
	free(c->items);
}

int
ask_run(struct cli *c, struct error *err)
{
	_cleanup_(columns_done) struct columns columns = {0};
	const char *sql = c->args->words[0];
	int r = cli_query(c, err);

	if (r >= 0)
		r = query_columns(c->query, sql, take_columns, &columns, err);
	if (r >= 0)
		r = cli_list(c, columns.items, columns.n, sql, NULL, 0, NULL, err);
	/* A statement that would write is wrong input, as one that is no SQL. */
	return r == -EPERM ? -EINVAL : r;
}
