/* What the database remembers, taken back at start; before the writer's thread has the store. */
#include "agent/agent_priv.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "policy/basis.h"
#include "storage/journal.h"
#include "storage/request.h"

#define HOUR_MS INT64_C(3600000)
/* Nobody leaves a foragerd off for longer and trusts what it knew before. */
#define REST_MOST_MS (INT64_C(365) * 24 * HOUR_MS)
#define MOVES_READ   AGENT_MOVES
#define HOLD_SHARE   2 /* one posterior sample is held for twice the horizon: 4 h by default */

static void
policy_options_of(const struct config *config, struct policy_options *ret)
{
	policy_options_init(ret);
	ret->algorithm = config_algorithm_names[config->algorithm];
	ret->step_ms = config->decide_every_ms;
	ret->horizon_ms = config->horizon_ms;
	ret->hold_ms = HOLD_SHARE * config->horizon_ms;
	ret->explore = config->explore;
	ret->seed = (uint64_t) config->seed;
	ret->objective = (struct objective){.energy = config->w_energy,
	                                    .response = config->w_response,
	                                    .reserved = config->w_reserved,
	                                    .move = config->w_move,
	                                    .traffic = config->w_traffic};
}

int
agent_policy_new(const struct config *config, struct policy **ret, struct error *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct policy_options options;
	int r;

	policy_options_of(config, &options);
	r = policy_new(&options, &p, err);
	if (r == 0 && !streq(config->weights, "builtin"))
		r = policy_load_file(p, config->weights, err);
	if (r < 0)
		return error_wrap(err, "[policy]");
	*ret = take_ptr(p);
	return 0;
}

/* Learnt under another step, horizon or objective, it means something else: the prior stands then.
 */
static int
restore_policy(struct agent *a, struct error *err)
{
	_cleanup_(freep) char *json = NULL;
	struct error why = {0};
	int r = store_get_policy_state(a->store, policy_algorithm(a->policy),
	                               a->config->decide_every_ms, basis_hash(), &json, err);

	if (r == -ENOENT) {
		error_clear(err);
		r = store_has_policy_state(a->store, policy_algorithm(a->policy), err);
		if (r > 0)
			log_notice("What '%s' learnt before is kept and not used: it was learnt "
			           "with another decide-every or by another version's features.",
			           policy_algorithm(a->policy));
		return MIN(r, 0);
	}
	if (r < 0)
		return r;
	if (policy_load(a->policy, "the database", json, &why) < 0)
		log_notice("What was learnt before is not used: %s", why.text);
	return 0;
}

static int
take_profile(void *data, const struct profile_row *row)
{
	roster_load(data, row);
	return 0;
}

static int
take_foreign(void *data, const struct foreign_row *row)
{
	facts_set_foreign(data, row->service_id, row->at_ms);
	return 0;
}

/*
 * Cool-downs and the hour's budget. A refused move sent nothing; every other one counts, however it
 * ended. The services' newest own version tells our last change from someone else's.
 */
static int
restore_moves(struct agent *a, struct error *err)
{
	struct journal_list list = {0};
	int64_t now = wall_ms();
	int r = journal_list(a->store, JOURNAL_ALL, MOVES_READ, &list, err);

	for (size_t i = list.n; i-- > 0;) {
		const struct intent *in = &list.items[i];

		if (in->state == MOVE_REFUSED || in->service_id[0] == '\0')
			continue;
		agent_note_ended(a->facts, in,
		                 in->ended_wall_ms == 0 ? in->created_wall_ms : in->ended_wall_ms);
		facts_set_ours(a->facts, in->service_id, in->version_ours);
		if (in->kind == MOVE_KIND_MOVE && in->created_wall_ms > now - HOUR_MS)
			agent_note_begun(a, in->created_wall_ms);
	}
	journal_list_done(&list);
	return r;
}

static int
restore_rest(struct agent *a, struct error *err)
{
	int r = store_is_paused(a->store, &a->paused_since_ms, err);

	if (r == 0)
		a->paused_since_ms = 0;
	if (r >= 0)
		r = store_created_ms(a->store, &a->created_wall_ms, err);
	if (r >= 0)
		r = store_next_decision_id(a->store, AGENT_IDS, &a->next_id, err);
	if (r < 0)
		return r;
	a->end_id = a->next_id + AGENT_IDS;
	r = request_fail_taken(a->store, wall_ms(), err);
	if (r > 0)
		log_notice("Requests that an earlier foragerd had taken were failed: requests=%d",
		           r);
	return MIN(r, 0);
}

void
agent_wall_jumped(struct agent *a, int64_t jump_ms, int64_t wall)
{
	facts_wall_jumped(a->facts, jump_ms, wall);
	for (size_t i = 0; i < a->n_moves; i++)
		a->moves_wall_ms[i] = facts_wall_after_jump(a->moves_wall_ms[i], jump_ms, wall);
	a->created_wall_ms = facts_wall_after_jump(a->created_wall_ms, jump_ms, wall);
}

/* Of a time that was told before: rows of a clock that was wrong for a while stay in the database,
 * and each start would find them. Where it cannot be written down, it is told again. */
static bool
is_told(struct agent *a, int64_t last_ms)
{
	static const char key[] = "clock_told_ms";
	_cleanup_(freep) char *now = xasprintf("%" PRId64, last_ms), *before = NULL;

	if (store_get_meta(a->store, key, &before, NULL) == 0 && streq(before, now))
		return true;
	(void) store_put_meta(a->store, key, now, NULL);
	return false;
}

/* What an earlier foragerd began after a jump; no longer than deploy-quiet is now. */
static int
resume_quiet(struct agent *a, int64_t wall, struct error *err)
{
	_cleanup_(freep) char *until = NULL;
	struct error why = {0};
	int64_t left;
	int r = store_get_meta(a->store, AGENT_QUIET_KEY, &until, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*err = why;
		return r;
	}
	left = MIN(strtoll(until, NULL, 10) - wall, a->config->deploy_quiet_ms);
	if (left <= 0)
		return 0;
	a->quiet_until_mono_ms = mono_ms() + left;
	log_notice("The clock jumped before this start, still nothing is moved: left_s=%" PRId64,
	           left / 1000);
	return 0;
}

/*
 * A clock that was set while foragerd was down shows against what was written last: it cannot lie
 * ahead, and hardly years back. What has passed meanwhile nobody knows: cool-downs, budget and
 * warm-up begin anew, and nothing is moved for deploy-quiet. A jump ahead by less looks like a
 * rest.
 */
static int
check_clock(struct agent *a, struct error *err)
{
	int64_t wall = wall_ms(), last = 0;
	_cleanup_(freep) char *until = xasprintf("%" PRId64, wall + a->config->deploy_quiet_ms);
	int r = store_last_ms(a->store, &last, err);

	if (r < 0 || last == 0)
		return r;
	if (wall >= last - AGENT_JUMP_MS && wall - last <= REST_MOST_MS)
		return resume_quiet(a, wall, err);
	agent_wall_jumped(a, wall - last, wall);
	if (is_told(a, last))
		return resume_quiet(a, wall, err);
	log_warning("The clock jumped while foragerd was down, nothing is moved for deploy-quiet: "
	            "wall_ms=%" PRId64 " written_ms=%" PRId64,
	            wall, last);
	batch_event(a, "skip", "the clock jumped while foragerd was down");
	a->quiet_until_mono_ms = mono_ms() + a->config->deploy_quiet_ms;
	return store_put_meta(a->store, AGENT_QUIET_KEY, until, err);
}

int
agent_restore(struct agent *a, struct error *err)
{
	int r = store_load_profiles(a->store, take_profile, a->roster, err);

	if (r == 0)
		r = store_load_foreign(a->store, wall_ms() - a->config->deploy_quiet_ms,
		                       take_foreign, a->facts, err);
	if (r == 0)
		r = restore_moves(a, err);
	if (r == 0)
		r = restore_rest(a, err);
	if (r == 0)
		r = check_clock(a, err);
	if (r == 0)
		r = restore_policy(a, err);
	if (r < 0)
		return error_wrap(err, "read back the database");
	a->store_well = true;
	return 0;
}

struct mover_options
agent_mover_options(struct agent *a)
{
	return (struct mover_options){
	    .mode = config_mode(a->config),
	    .paused = a->paused_since_ms != 0,
	    .hold = a->config->settle == SETTLE_HOLD,
	    .keep_trying = true,
	    .deadline_ms = a->config->deadline_ms,
	    .seed = (uint64_t) a->config->seed,
	    .lease_key = a->lease_key,
	    .host = a->host,
	    .lease_ms = a->config->lease_ms,
	    .own_only = config_mode(a->config) == ACT_OBSERVE,
	    .on_state = agent_on_state,
	    .on_state_data = a,
	};
}
