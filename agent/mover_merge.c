/* CHECK of an undo or a release: what stands there, and what should. No task is to move. */
#include <errno.h>

#include "agent/mover_internal.h"
#include "swarm/spec.h"

/* The terms that the undone change left: those that it added and those that stand in its end. */
static void
merge_terms(struct change *c)
{
	json_auto_t *written = NULL, *before = NULL, *added = NULL, *terms = json_array();
	const json_t *was, *is, *term;
	size_t i, k;

	written = c->undone.written != NULL ? json_loads(c->undone.written, 0, NULL) : NULL;
	before = c->undone.before != NULL ? json_loads(c->undone.before, 0, NULL) : NULL;
	added = c->undone.added != NULL ? json_loads(c->undone.added, 0, NULL) : NULL;
	if (json_is_array(added))
		(void) json_array_extend(terms, added);
	was = json_object_get(before, "Constraints");
	is = json_object_get(written, "Constraints");
	json_array_foreach (is, i, term) {
		bool old = false;

		for (k = 0; !old && k < json_array_size(was); k++)
			old = json_equal(json_array_get(was, k), term);
		if (!old)
			(void) json_array_append(terms, (json_t *) term);
	}
	free(c->in.added);
	c->in.added = mover_dump(terms);
}

/* written = what should stand afterwards, before = what stands; POST_MERGE merges with what does
 * then. Returns 1 when there is anything to change. */
static int
plan_merge(struct change *c, struct error *err)
{
	json_auto_t *merged = NULL;
	json_auto_t *terms = NULL;
	struct spec_terms t;
	_cleanup_(freep) const char **texts = NULL;
	int r;

	merge_terms(c);
	terms = json_loads(c->in.added, 0, NULL);
	texts = mover_terms(terms, &t.n);
	t.texts = texts;
	free(c->in.before);
	free(c->in.written);
	c->in.before = c->in.written = NULL;
	r = spec_owned_get(c->spec, &c->in.before, err);
	if (r < 0)
		return r;
	(void) spec_rest_hash(c->spec, &c->in.rest_hash, err); /* it has the shape of a spec */
	if (c->undone.service_id[0] == '\0')
		merged = json_deep_copy(c->spec);
	else
		r = spec_undo(c->spec, c->undone.before, c->undone.written, t, &merged, err);
	if (r < 0)
		return r;
	(void) spec_owned_get(merged, &c->in.written, err); /* and so has this one */
	return !json_equal(merged, c->spec);
}

static enum verdict
merge_verdict(const struct docker_service *s)
{
	if (s->mode != DOCKER_REPLICATED)
		return VERDICT_MODE;
	if (judge_update_paused(s))
		return VERDICT_UPDATE_PAUSED;
	return judge_update_open(s) ? VERDICT_UPDATE_OPEN : VERDICT_OK;
}

/* Whoever may take such labels away has tried before this: the rest is for people. */
static void
refuse_labelled(struct mover *m)
{
	struct change *c = m->change;

	c->verdict = VERDICT_STEERED;
	(void) error_set(&c->err, EPERM,
	                 "'%s' carries labels of forager's: another manager's forager is at work "
	                 "on it, or somebody wrote them back; if no move is open anywhere, run "
	                 "forager release on the Raft leader, or docker service update "
	                 "--label-rm " SPEC_LABEL_PLAN " --label-rm " SPEC_LABEL_BEFORE
	                 " and --constraint-rm for its node.id terms",
	                 c->in.service_name);
	mover_emit(m, MOVER_EVENT_REFUSED);
}

void
mover_check_merge(struct mover *m, const struct error *err)
{
	struct change *c = m->change;
	struct error why = {0};
	int r;

	if (err != NULL && err->code == -ENOENT) {
		mover_check_gone(m, VERDICT_PARTIAL, err);
		return;
	}
	if (err != NULL) {
		mover_fail(m, MOVER_EVENT_STUCK,
		           err->code == -ERANGE ? VERDICT_UNDECODABLE : VERDICT_PARTIAL, err);
		return;
	}
	if (spec_plan(c->spec) != NULL) {
		refuse_labelled(m);
		return;
	}
	if (!c->facts.has_placement) {
		mover_refuse(m, VERDICT_NO_PLACEMENT);
		return;
	}
	c->in.version_before = c->facts.version;
	r = plan_merge(c, &why);
	if (r < 0)
		mover_fail(m, MOVER_EVENT_REFUSED, mover_verdict_of(r), &why);
	else if (r == 0)
		mover_emit(m, MOVER_EVENT_NOTHING);
	else if (merge_verdict(&c->facts) != VERDICT_OK)
		mover_refuse(m, merge_verdict(&c->facts));
	else if (m->options.dry_run || c->dry_run)
		mover_refuse_dry(m);
	else
		mover_emit(m, MOVER_EVENT_MERGE);
}
