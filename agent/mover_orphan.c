/* A service that carries our labels while nobody's journal row explains them here. */
#include "agent/mover_internal.h"

#include <errno.h>

#include "storage/journal.h"
#include "swarm/spec.h"

/* Of a wait, when the label does not tell when the change began. */
#define LENGTH_MIN_MS 10000

/* The first digits of our label say when the change was made. */
static int64_t
label_wall_ms(const char *label, int64_t deadline_wall_ms)
{
	char *end;
	long long ms = strtoll(label, &end, 10);

	return end != label && *end == '-' && ms > 0 && ms < deadline_wall_ms
	           ? (int64_t) ms
	           : deadline_wall_ms - LENGTH_MIN_MS;
}

/*
 * The spec with our labels: what stands there, or, where a change was stopped between settling and
 * cleaning, the previous one. NULL: neither.
 */
static const json_t *
signed_spec(const struct api_service *service)
{
	const json_t *previous = json_object_get(service->doc, "PreviousSpec");

	if (spec_plan(service->spec) != NULL)
		return service->spec;
	return spec_plan(previous) != NULL ? previous : NULL;
}

static int
intent_from_label(const struct api_service *service, const json_t *from, struct intent *ret,
                  struct error *err)
{
	_cleanup_(spec_before_done) struct spec_before b = {0};
	const char *label = spec_before(from);
	int r = -EINVAL;

	if (label == NULL)
		(void) error_set(err, EINVAL, "label " SPEC_LABEL_BEFORE " is missing");
	else
		r = spec_before_parse(label, &b, err);
	if (r < 0) {
		(void) error_wrap(err,
		                  "service '%s' carries " SPEC_LABEL_PLAN
		                  " but what stood before cannot be read; check its constraints, "
		                  "then run docker service update --label-rm " SPEC_LABEL_PLAN
		                  " --label-rm " SPEC_LABEL_BEFORE " %s",
		                  service->facts.name, service->facts.name);
		return r;
	}
	ret->kind = MOVE_KIND_MOVE;
	ret->state = MOVE_STEERED;
	(void) str_copy(ret->service_id, sizeof(ret->service_id), service->id);
	(void) str_copy(ret->from_id, sizeof(ret->from_id), b.from_id);
	(void) str_copy(ret->to_id, sizeof(ret->to_id), b.to_id);
	ret->service_name = xstrdup(service->facts.name);
	ret->from_name = xstrdup(b.from_id);
	ret->to_name = xstrdup(b.to_id);
	ret->before = take_ptr(b.owned);
	ret->added = take_ptr(b.added);
	ret->old_tasks = xstrdup("[]");
	ret->rest_hash = b.rest_hash;
	ret->deadline_wall_ms = b.deadline_wall_ms;
	ret->created_wall_ms = label_wall_ms(spec_plan(from), b.deadline_wall_ms);
	return 0;
}

/* What the steering wrote is made anew: somebody may have changed what stands there. */
static struct change *
change_from_label(const struct api_service *service, const json_t *from, const struct intent *in)
{
	struct change *c = change_new();

	c->plan.label = xstrdup(spec_plan(from));
	change_adopt(c, in);
	change_recall(c, from);
	(void) mover_spec_steered(service->spec, &c->in, &c->plan, &c->in.written, NULL);
	return c;
}

/* Somebody changed it, and their update is under way or paused. */
static bool
is_theirs_now(struct change *c, const struct api_service *service, bool previous_ours)
{
	enum mover_standing standing = STANDING_FOREIGN;

	if (!judge_update_open(&service->facts) && !judge_update_paused(&service->facts))
		return false;
	c->spec = json_incref(service->spec);
	c->facts.status = service->facts.status;
	c->previous_ours = previous_ours;
	(void) change_standing(c, &standing, NULL);
	change_forget(c);
	return standing == STANDING_FOREIGN;
}

int
mover_orphan(const struct api_service *service, struct change **ret, struct error *err)
{
	_cleanup_(journal_intent_done) struct intent in = {0};
	const json_t *from = signed_spec(service);
	bool previous = from != service->spec;
	struct change *c;
	int r;

	if (from == NULL) /* gone meanwhile */
		return 0;
	r = intent_from_label(service, from, &in, err);
	/* An old label that cannot be read does no harm unless it is rolled back to. */
	if (r < 0)
		return previous ? 0 : r;
	c = change_from_label(service, from, &in);
	if (!mover_spec_ours(service->spec, &c->in, &c->plan, previous ? from : NULL))
		r = 0;
	else if (is_theirs_now(c, service, previous))
		r = error_set(err, EBUSY,
		              "service '%s' carries what an earlier move left; that is taken away "
		              "when someone's update of it has ended",
		              in.service_name);
	else
		r = 1;
	if (r == 1)
		*ret = c;
	else
		change_free(c);
	return r;
}
