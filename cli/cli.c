/* What each verb works with; see cli.h. */
#include "cli/cli.h"

#include <errno.h>

#include "base/util.h"

void
cli_done(struct cli *c)
{
	query_close(c->query);
	config_free(c->config);
	c->query = NULL;
	c->config = NULL;
}

int
cli_config(struct cli *c, struct error *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	const struct args *a = c->args;
	int r;

	if (c->config != NULL)
		return 0;
	r = config_load(a->config_file, &config, err);
	if (r >= 0 && a->docker_host != NULL)
		r = config_set(config, "docker", "host", a->docker_host, "--docker-host", err);
	if (r >= 0 && a->state_dir != NULL)
		r = config_set(config, "agent", "state-dir", a->state_dir, "--state-dir", err);
	if (r >= 0)
		r = config_check(config, err);
	/* Whatever is wrong with it, a missing file too, is the user's to correct: exit code 2. */
	if (r < 0)
		return -EINVAL;
	c->config = take_ptr(config);
	return 0;
}

int
cli_query(struct cli *c, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	if (c->query != NULL)
		return 0;
	r = cli_config(c, err);
	if (r < 0)
		return r;
	path = config_db_path(c->config);
	return query_open(path, QUERY_TIMEOUT_MS, &c->query, err);
}

int
cli_list(struct cli *c, const struct show_column *columns, size_t n_columns, const char *sql,
         const struct query_value *bind, size_t n_bind, size_t *ret_rows, struct error *err)
{
	_cleanup_(show_freep) struct show *show = NULL;
	struct show_options options = show_options_of(c->args, c->out);
	int r = cli_query(c, err);

	if (r >= 0)
		r = show_new(columns, n_columns, &options, &show, err);
	if (r >= 0)
		r = query_each(c->query, sql, bind, n_bind, show_row, show, err);
	if (r >= 0)
		r = show_end(show, err);
	if (r >= 0 && ret_rows != NULL)
		*ret_rows = show_count(show);
	return r;
}

struct found {
	char *id;
	size_t n;
	bool exact;
};

static int
found_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct found *f = data;
	bool exact = values[1].integer != 0;

	(void) n;
	(void) names;
	/* Exact ones come first; a beginning counts only when nothing is exact. */
	if (f->n > 0 && f->exact)
		return 0;
	if (f->id == NULL)
		f->id = xstrdup(values[0].text);
	f->exact = exact;
	f->n++;
	return 0;
}

int
cli_find(struct cli *c, const char *table, const char *name_column, const char *word, char **ret_id,
         struct error *err)
{
	const struct query_value bind[] = {QUERY_STR(word)};
	_cleanup_(freep) char *sql =
	    xasprintf("SELECT id, id = ?1 OR %s = ?1 AS exact FROM %s "
	              "WHERE exact OR (?1 <> '' AND substr(id, 1, length(?1)) = ?1) "
	              "ORDER BY exact DESC, gone_ms IS NOT NULL, first_seen_ms DESC, id",
	              name_column, table);
	struct found f = {0};
	int r = cli_query(c, err);

	if (r >= 0)
		r = query_each(c->query, sql, bind, 1, found_row, &f, err);
	if (r >= 0 && f.n == 0)
		r = error_set(err, ENOENT,
		              "no %s '%s' is known; 'forager %ss' lists those that are", table,
		              word, table);
	if (r >= 0 && f.n > 1)
		r = error_set(err, ENOTUNIQ, "'%s' is the beginning of %zu %s ids: give more of it",
		              word, f.n, table);
	if (r < 0) {
		free(f.id);
		return r;
	}
	*ret_id = f.id;
	return 0;
}

int
cli_exit_of(int r)
{
	return r == -EINVAL ? CLI_USAGE : r < 0 ? CLI_FAILED : r;
}
