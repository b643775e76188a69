/* The verbs that change something: arguments in, agent/actor does it; see act.h. */
#include "cli/act.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <unistd.h>

#include "agent/actor.h"
#include "base/utf8.h"
#include "base/util.h"

static void
print_line(FILE *to, const char *s)
{
	_cleanup_(freep) char *clean = NULL;

	if (s == NULL || s[0] == '\0')
		return;
	clean = utf8_clean(s, strlen(s));
	(void) fprintf(to, "%s\n", clean);
}

static void
progress(void *data, const char *text)
{
	(void) data;
	print_line(stderr, text);
}

static void
print_item(FILE *to, const struct actor_item *i, bool dry_run)
{
	_cleanup_(freep) char *line = NULL;
	bool path = i->from != NULL && i->to != NULL;

	/* A dry run, or refused before anything was known: the sentence is all there is. */
	if (i->text != NULL && (dry_run || (i->id == 0 && i->service == NULL))) {
		print_line(to, i->text);
		return;
	}
	line = xasprintf("%s %" PRIu64 " of %s%s%s%s%s: %s%s%s", move_kind_names[i->kind], i->id,
	                 i->service != NULL ? i->service : "?", path ? " from " : "",
	                 path ? i->from : "", path ? " to " : "", path ? i->to : "",
	                 move_state_names[i->state], i->text != NULL ? ", " : "",
	                 i->text != NULL ? i->text : "");
	print_line(to, line);
}

/* Refused: the guard's own words are the answer, on stderr like every other failure. */
static void
print_result(struct cli *c, const struct actor_result *result)
{
	FILE *to = result->exit_code == CLI_DONE ? c->out : stderr;

	if (c->args->format == FORMAT_JSON) {
		_cleanup_(freep) char *json = actor_result_to_json(result);

		(void) fprintf(c->out, "%s\n", json);
		return;
	}
	for (size_t i = 0; i < result->n_items; i++)
		print_item(to, &result->items[i], c->args->dry_run);
	/* With one change its own sentence says it all. */
	if (result->n_items != 1 || !streq(result->text, result->items[0].text))
		print_line(to, result->text);
}

static int
act(struct cli *c, const struct actor_request *request, struct error *err)
{
	struct actor_result result = {0};
	int r;

	if (c->args->format == FORMAT_CSV)
		return error_set(err, EINVAL, "'%s' is no list: use --format table or json",
		                 c->args->verb);
	r = cli_config(c, err);
	if (r >= 0)
		r = actor_run(c->config, request, progress, NULL, &result, err);
	if (r < 0)
		return r == -EINVAL ? -EINVAL : r;
	print_result(c, &result);
	r = result.exit_code;
	actor_result_done(&result);
	return r;
}

int
act_move(struct cli *c, struct error *err)
{
	const struct args *a = c->args;
	const struct actor_request request = {
	    .verb = ACTOR_VERB_MOVE,
	    .service = a->words[0],
	    .from = a->from,
	    .to = a->to,
	    .force = a->force,
	    .dry_run = a->dry_run,
	};

	if (a->from == NULL || a->to == NULL)
		return error_set(err, EINVAL,
		                 "say from which node to which: forager move %s --from A --to B",
		                 a->words[0]);
	return act(c, &request, err);
}

/* A positive number of a decision or a move. */
static int
parse_id(const char *word, const char *what, uint64_t *ret, struct error *err)
{
	char *end;
	int64_t id;

	errno = 0;
	id = strtoll(word, &end, 10);
	if (errno != 0 || end == word || *end != '\0' || id < 1)
		return error_set(err, EINVAL,
		                 "'%s' is not the number of a %s; 'forager %ss' lists "
		                 "them",
		                 word, what, what);
	*ret = (uint64_t) id;
	return 0;
}

struct proposal {
	char *service, *from, *to;
	bool is_move;
};

static char *
copy(const struct query_value *v)
{
	return v->type == QUERY_TEXT ? xstrdup(v->text) : NULL;
}

static int
proposal_row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	struct proposal *p = data;

	(void) n;
	(void) names;
	p->is_move = values[0].type == QUERY_TEXT && streq(values[0].text, "move");
	p->service = copy(&values[1]);
	p->from = copy(&values[2]);
	p->to = copy(&values[3]);
	return 1;
}

static int
apply(struct cli *c, uint64_t id, const struct proposal *p, struct error *err)
{
	const struct actor_request request = {
	    .verb = ACTOR_VERB_MOVE,
	    .service = p->service,
	    .from = p->from,
	    .to = p->to,
	    .decision_id = id,
	    .dry_run = c->args->dry_run,
	};

	if (!p->is_move || p->service == NULL || p->from == NULL || p->to == NULL)
		return error_set(err, EINVAL, "decision %" PRIu64 " is to stay: nothing to apply",
		                 id);
	/* The database is closed first: the actor may open it for writing. */
	query_close(c->query);
	c->query = NULL;
	return act(c, &request, err);
}

int
act_apply(struct cli *c, struct error *err)
{
	struct proposal p = {0};
	struct query_value bind[1];
	uint64_t id;
	int r = parse_id(c->args->words[0], "decision", &id, err);

	if (r >= 0)
		r = cli_query(c, err);
	if (r < 0)
		return r;
	bind[0] = QUERY_INT((int64_t) id);
	r = query_each(c->query,
	               "SELECT action, service_id, from_id, to_id FROM v_decisions "
	               "WHERE decision_id = ?1",
	               bind, 1, proposal_row, &p, err);
	if (r == 0)
		r = error_set(err, ENOENT,
		              "no decision %" PRIu64 " is stored; 'forager decisions' lists them",
		              id);
	if (r > 0)
		r = apply(c, id, &p, err);
	free(p.service);
	free(p.from);
	free(p.to);
	return r;
}

/* Either one thing or --all, never both and never neither. */
static int
check_one_or_all(const struct args *a, const char *what, struct error *err)
{
	if (a->all == (a->n_words > 0))
		return error_set(err, EINVAL, "give either %s or --all: forager %s %s|--all", what,
		                 a->verb, what);
	return 0;
}

int
act_undo(struct cli *c, struct error *err)
{
	const struct args *a = c->args;
	struct actor_request request = {
	    .verb = ACTOR_VERB_UNDO,
	    .all = a->all,
	    .move_back = a->move_back,
	    .dry_run = a->dry_run,
	};
	int r = check_one_or_all(a, "ID", err);

	if (r >= 0 && !a->all)
		r = parse_id(a->words[0], "move", &request.id, err);
	return r < 0 ? r : act(c, &request, err);
}

int
act_release(struct cli *c, struct error *err)
{
	const struct args *a = c->args;
	const struct actor_request request = {
	    .verb = ACTOR_VERB_RELEASE,
	    .service = a->all ? NULL : a->words[0],
	    .all = a->all,
	    .dry_run = a->dry_run,
	};
	int r = check_one_or_all(a, "SERVICE", err);

	return r < 0 ? r : act(c, &request, err);
}

/* The person behind sudo, not root. */
static const char *
who(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *pw;

	if (name != NULL && name[0] != '\0')
		return name;
	pw = getpwuid(geteuid());
	return pw != NULL ? pw->pw_name : NULL;
}

int
act_pause(struct cli *c, struct error *err)
{
	const struct actor_request request = {.verb = ACTOR_VERB_PAUSE, .who = who()};

	return act(c, &request, err);
}

int
act_resume(struct cli *c, struct error *err)
{
	const struct actor_request request = {.verb = ACTOR_VERB_RESUME, .who = who()};

	return act(c, &request, err);
}
