/* A decision as it is stored: who was considered, why, and what was done; see store.h. */
#include "storage/store_priv.h"

#include <errno.h>

/* The names behind an action's indices, as they were when it was decided. */
struct named {
	const char *service_id, *service, *from_id, *from, *to_id, *to;
};

static int
name_action(const struct snapshot *snap, const struct action *a, struct named *ret,
            struct error *err)
{
	*ret = (struct named){0};
	if ((a->service != NO_INDEX && a->service >= snap->n_services) ||
	    (a->from != NO_INDEX && a->from >= snap->n_nodes) ||
	    (a->to != NO_INDEX && a->to >= snap->n_nodes))
		return error_set(err, EINVAL,
		                 "a candidate names a service or node that the "
		                 "snapshot does not have");
	/* Staying is of no service, whatever its indices say. */
	if (a->kind == ACTION_STAY)
		return 0;
	if (a->service != NO_INDEX) {
		ret->service_id = snap->services[a->service].id;
		ret->service = snap->services[a->service].name;
	}
	if (a->from != NO_INDEX) {
		ret->from_id = snap->nodes[a->from].id;
		ret->from = snap->nodes[a->from].hostname;
	}
	if (a->to != NO_INDEX) {
		ret->to_id = snap->nodes[a->to].id;
		ret->to = snap->nodes[a->to].hostname;
	}
	return 0;
}

static int
check(const struct decision *d, const struct snapshot *snap, const struct execution_row *executed,
      struct error *err)
{
	if (d->id == 0 || d->id > INT64_MAX)
		return error_set(err, EINVAL, "a decision without an id");
	if (d->n_shortlist == 0 || d->chosen >= d->n_shortlist || (unsigned) d->goal >= GOAL_N ||
	    (unsigned) executed->execution >= EXECUTION_N ||
	    (unsigned) executed->verdict >= VERDICT_N)
		return error_set(err, EINVAL, "decision %llu is not whole",
		                 (unsigned long long) d->id);
	if (d->goal_node != NO_INDEX && d->goal_node >= snap->n_nodes)
		return error_set(err, EINVAL, "decision %llu: no such goal node",
		                 (unsigned long long) d->id);
	for (size_t i = 0; i < d->n_shortlist; i++)
		if ((unsigned) d->shortlist[i].verdict >= VERDICT_N ||
		    (unsigned) d->shortlist[i].action.kind >= ACTION_N)
			return error_set(err, EINVAL, "decision %llu: candidate %zu is not whole",
			                 (unsigned long long) d->id, i);
	return 0;
}

static int
put_head(struct store *s, const struct decision *d, const struct snapshot *snap,
         const struct execution_row *x, struct error *err)
{
	const struct snap_node *goal = NULL;

	/* Goals without a node may leave the index at 0. */
	if (d->goal != GOAL_NONE && d->goal != GOAL_IMPROVE && d->goal_node != NO_INDEX)
		goal = &snap->nodes[d->goal_node];
	return sql_run(
	    &s->sql, err,
	    "INSERT INTO decision (id, at_ms, step_ms, rng_seed, algorithm, goal, goal_node_id, "
	    "goal_node, chosen, runner_up, propensity, draws, n_considered, n_nodes, n_services, "
	    "n_tasks, partial, cost_now, reason, execution, verdict, act, command) VALUES (?1, "
	    "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
	    "?20, ?21, ?22, ?23)",
	    SQL_INT(d->id), SQL_INT(d->wall_ms), SQL_INT(snap->step_ms), SQL_INT(d->rng_seed),
	    SQL_TEXT(d->algorithm), SQL_TEXT(goal_names[d->goal]),
	    SQL_TEXT(goal == NULL ? NULL : goal->id),
	    SQL_TEXT(goal == NULL ? NULL : goal->hostname), SQL_INT(d->chosen),
	    d->runner_up < d->n_shortlist ? SQL_INT(d->runner_up) : (struct sql_arg){0},
	    SQL_REAL(d->propensity), SQL_INT(d->draws), SQL_INT(d->n_considered),
	    SQL_INT(snap->n_nodes), SQL_INT(snap->n_services), SQL_INT(snap->n_tasks),
	    SQL_INT(snap->partial), SQL_REAL(d->cost_now), SQL_TEXT(d->reason),
	    SQL_TEXT(execution_names[x->execution]), SQL_TEXT(verdict_infos[x->verdict].name),
	    SQL_TEXT(x->act), SQL_TEXT(x->command));
}

static int
put_contributions(struct store *s, uint64_t id, size_t rank, const struct candidate *c,
                  const char *const *basis_names, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < BASIS_N; i++) {
		if (c->basis[i] == 0.0f && c->contribution[i] == 0.0f)
			continue;
		r = sql_run(&s->sql, err,
		            "INSERT INTO contribution VALUES (?1, ?2, ?3, ?4, ?5, ?6)", SQL_INT(id),
		            SQL_INT(rank), SQL_TEXT(basis_names[i]), SQL_INT(i),
		            SQL_REAL((double) c->basis[i]), SQL_REAL((double) c->contribution[i]));
	}
	return r;
}

static int
put_candidate(struct store *s, const struct decision *d, size_t rank, const struct snapshot *snap,
              const char *const *basis_names, struct error *err)
{
	const struct candidate *c = &d->shortlist[rank];
	struct named who;
	int r = name_action(snap, &c->action, &who, err);

	if (r < 0)
		return r;
	r = sql_run(&s->sql, err,
	            "INSERT INTO candidate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
	            "?12, ?13, ?14, ?15, ?16)",
	            SQL_INT(d->id), SQL_INT(rank), SQL_TEXT(action_names[c->action.kind]),
	            SQL_TEXT(who.service_id), SQL_TEXT(who.service), SQL_TEXT(who.from_id),
	            SQL_TEXT(who.from), SQL_TEXT(who.to_id), SQL_TEXT(who.to),
	            SQL_INT(c->action.n_tasks), SQL_INT(c->action.reserve.cpu_nano),
	            SQL_INT(c->action.reserve.mem_bytes), SQL_TEXT(verdict_infos[c->verdict].name),
	            SQL_REAL(c->gain), SQL_REAL(c->sd), SQL_REAL(c->move_cost));
	return r < 0 ? r : put_contributions(s, d->id, rank, c, basis_names, err);
}

static int
put_counts(struct store *s, const struct decision *d, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < VERDICT_N; i++)
		if (d->n_refused[i] > 0 && i != VERDICT_OK)
			r = sql_run(&s->sql, err, "INSERT INTO verdict_count VALUES (?1, ?2, ?3)",
			            SQL_INT(d->id), SQL_TEXT(verdict_infos[i].name),
			            SQL_INT(d->n_refused[i]));
	return r;
}

/* An id that was stored without being reserved is never given out either. */
static int
raise_next_id(struct store *s, uint64_t id, struct error *err)
{
	return sql_run(&s->sql, err,
	               "UPDATE meta SET value = CAST(?1 + 1 AS TEXT) WHERE "
	               "key = 'next_decision_id' AND CAST(value AS INTEGER) <= ?1",
	               SQL_INT(id));
}

static int
put_decision(struct store *s, const struct decision *d, const struct snapshot *snap,
             const char *const *basis_names, const struct execution_row *executed,
             struct error *err)
{
	int64_t there;
	int r;

	r = sql_int(&s->sql, &there, err, "SELECT 1 FROM decision WHERE id = ?1", SQL_INT(d->id));
	if (r == 1)
		return error_set(err, EEXIST, "decision %llu is stored already",
		                 (unsigned long long) d->id);
	if (r == 0)
		r = put_head(s, d, snap, executed, err);
	for (size_t i = 0; r == 0 && i < d->n_shortlist; i++)
		r = put_candidate(s, d, i, snap, basis_names, err);
	if (r == 0)
		r = put_counts(s, d, err);
	return r == 0 ? raise_next_id(s, d->id, err) : r;
}

int
store_put_decision(struct store *s, const struct decision *d, const struct snapshot *snap,
                   const char *const *basis_names, const struct execution_row *executed,
                   struct error *err)
{
	bool nested;
	int r = check(d, snap, executed, err);

	if (r == 0)
		r = store_enter(s, &nested, err);
	if (r < 0)
		return r;
	return store_leave(s, nested, put_decision(s, d, snap, basis_names, executed, err), err);
}

int
store_put_execution(struct store *s, uint64_t decision_id, const struct execution_row *row,
                    struct error *err)
{
	int r;

	if ((unsigned) row->execution >= EXECUTION_N || (unsigned) row->verdict >= VERDICT_N)
		return error_set(err, EINVAL, "no such execution or verdict");
	r = sql_run(&s->sql, err,
	            "UPDATE decision SET execution = ?2, verdict = ?3, act = coalesce(?4, act), "
	            "command = coalesce(?5, command) WHERE id = ?1",
	            SQL_INT(decision_id), SQL_TEXT(execution_names[row->execution]),
	            SQL_TEXT(verdict_infos[row->verdict].name), SQL_TEXT(row->act),
	            SQL_TEXT(row->command));
	if (r == 0 && sqlite3_changes(s->sql.db) == 0)
		return error_set(err, ENOENT, "no decision %llu in the database",
		                 (unsigned long long) decision_id);
	return r;
}

static int
next_id(struct store *s, uint32_t n, int64_t *ret, struct error *err)
{
	int r = sql_int(&s->sql, ret, err,
	                "SELECT max(CAST(value AS INTEGER), 1) FROM meta WHERE "
	                "key = 'next_decision_id'");

	if (r == 0)
		return error_set(err, EUCLEAN, "the database does not hold next_decision_id");
	if (r < 0)
		return r;
	return sql_run(&s->sql, err,
	               "UPDATE meta SET value = CAST(?1 AS TEXT) WHERE key = 'next_decision_id'",
	               SQL_INT(*ret + n));
}

int
store_next_decision_id(struct store *s, uint32_t n, uint64_t *ret, struct error *err)
{
	int64_t first = 0;
	bool nested;
	int r = store_enter(s, &nested, err);

	if (r < 0)
		return r;
	r = store_leave(s, nested, next_id(s, n, &first, err), err);
	if (r == 0)
		*ret = (uint64_t) first;
	return r;
}
