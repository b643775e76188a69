/* A node's agent and what befalls the node; see rules.h. */
#include "test/fake/rules.h"

#include <stdio.h>

/* Three heartbeats of 5 s missed: the node is down. */
#define DOWN_NS     (15 * NS_PER_S)
#define ACCEPT_NS   (15 * NS_PER_MS)
#define PREPARE_NS  (60 * NS_PER_MS)
#define ELECTION_NS (3 * NS_PER_S)
#define JOB_NS      (2 * NS_PER_S)

static int64_t
seconds(double s)
{
	return (int64_t) (s * (double) NS_PER_S);
}

static bool
is_away(const struct world_node *n)
{
	return n->hung || n->dead;
}

static const struct world_fate_rule *
fate_of(const struct world_task *t)
{
	static const struct world_fate_rule run = {.fate = WORLD_FATE_RUN};

	for (size_t i = t->service->n_fates; i-- > 0;) {
		const struct world_fate_rule *f = &t->service->fates[i];

		if (f->node == NULL || streq(f->node, t->node->hostname))
			return f;
	}
	return &run;
}

static void
tell(struct world *w, const struct world_task *t, const char *action)
{
	_cleanup_(freep) char *name = xasprintf("%s.%u.%s", t->service->name, t->slot, t->id);
	json_t *attributes;

	attributes = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "com.docker.swarm.node.id", t->node->id,
	    "com.docker.swarm.service.id", t->service->id, "com.docker.swarm.service.name",
	    t->service->name, "com.docker.swarm.task", "", "com.docker.swarm.task.id", t->id,
	    "image", shape_text(t->spec, "ContainerSpec.Image", ""), "name", name);
	if (w->listener.event != NULL)
		w->listener.event(w->listener.data, t->node, "container", action, t->container,
		                  attributes);
	else
		json_decref(attributes);
}

/* ---- one task, a step at a time ---- */

static void
create_container(struct world *w, struct world_task *t)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(t->container) - 1; i++)
		t->container[i] = digits[rng_below(&w->rng, 16)];
	t->alive = true;
	t->started_ns = t->counted_ns = w->now_ns;
	tell(w, t, "create");
}

static void
stopped(struct world *w, struct world_task *t)
{
	t->alive = false;
	t->stopping = false;
	tell(w, t, "die");
	if (t->state <= TASK_RUNNING)
		world_task_report(w, t, TASK_SHUTDOWN, "shutdown", NULL);
	else
		world_task_touch(w, t);
}

static void
ended(struct world *w, struct world_task *t, enum task_state state, const char *message,
      const char *error)
{
	t->alive = false;
	tell(w, t, "die");
	world_task_report(w, t, state, message, error);
}

static void
prepared(struct world *w, struct world_task *t)
{
	_cleanup_(freep) char *error = NULL;

	switch (fate_of(t)->fate) {
	case WORLD_FATE_REJECT:
		error =
		    xasprintf("No such image: %s", shape_text(t->spec, "ContainerSpec.Image", ""));
		world_task_report(w, t, TASK_REJECTED, "preparing", error);
		break;
	default:
		world_task_report(w, t, TASK_READY, "prepared", NULL);
	}
}

static void
on_step(struct world *w, void *data)
{
	struct world_task *t = data;

	if (is_away(t->node))
		return;
	w->who = "swarm";
	if (t->stopping) {
		stopped(w, t);
		return;
	}
	switch (t->state) {
	case TASK_ASSIGNED:
		world_task_report(w, t, TASK_ACCEPTED, "accepted", NULL);
		break;
	case TASK_ACCEPTED:
		world_task_report(w, t, TASK_PREPARING, "preparing", NULL);
		break;
	case TASK_PREPARING:
		prepared(w, t);
		break;
	case TASK_READY:
		world_task_report(w, t, TASK_STARTING, "starting", NULL);
		break;
	case TASK_STARTING:
		create_container(w, t);
		tell(w, t, "start");
		world_task_report(w, t, TASK_RUNNING, "started", NULL);
		break;
	case TASK_RUNNING:
		if (fate_of(t)->fate == WORLD_FATE_CRASH)
			ended(w, t, TASK_FAILED, "started", "task: non-zero exit (1)");
		else
			ended(w, t, TASK_COMPLETE, "finished", NULL);
		break;
	default:
		break;
	}
}

/* Up to most times later. Without jitter no chance is drawn: what a seed gives stays as it was. */
static int64_t
later(struct world *w, int64_t ns, double most)
{
	if (w->jitter <= 0)
		return ns;
	return (int64_t) ((double) ns * (1 + most * w->jitter * rng_double(&w->rng)));
}

/* To look for an image, and in vain, can take one node far longer than the other. */
static double
most_later(const struct world_task *t)
{
	return t->state == TASK_PREPARING ? 8 : 1;
}

/* −1: nothing is to happen by itself. */
static int64_t
next_step_ns(const struct world_task *t)
{
	enum service_mode mode = shape_mode(t->service->spec);
	const struct world_fate_rule *fate = fate_of(t);

	switch (t->state) {
	case TASK_ASSIGNED:
	case TASK_ACCEPTED:
		return ACCEPT_NS;
	case TASK_PREPARING:
		return fate->fate == WORLD_FATE_STUCK ? -1 : PREPARE_NS;
	case TASK_READY:
		return t->desired == TASK_RUNNING ? ACCEPT_NS : -1;
	case TASK_STARTING:
		return seconds(t->service->start_s);
	case TASK_RUNNING:
		if (fate->fate == WORLD_FATE_CRASH)
			return seconds(fate->after_s);
		return mode == MODE_REPLICATED_JOB || mode == MODE_GLOBAL_JOB ? JOB_NS : -1;
	default:
		return -1;
	}
}

/* The leader's word takes its time: until then the node goes on with the step that it is at. */
static bool
unheard(struct world *w, const struct world_task *t)
{
	return w->jitter > 0 && t->machine != NULL && !t->alive && rng_below(&w->rng, 2) == 0;
}

static void
stop(struct world *w, struct world_task *t)
{
	if (t->stopping || unheard(w, t))
		return;
	world_cancel(w, &t->machine);
	if (t->alive) {
		t->stopping = true;
		world_after(w, &t->machine, later(w, seconds(t->service->stop_s), 1), on_step, t);
	} else if (t->state <= TASK_RUNNING && t->state >= TASK_ASSIGNED) {
		world_task_report(w, t, TASK_SHUTDOWN, "shutdown", NULL);
	}
}

void
machine_task_changed(struct world *w, struct world_task *t)
{
	int64_t ns;

	if (t->node == NULL || is_away(t->node))
		return;
	if (t->desired > TASK_RUNNING || (t->state > TASK_RUNNING && t->alive)) {
		stop(w, t);
		return;
	}
	ns = next_step_ns(t);
	if (ns >= 0 && t->machine == NULL)
		world_after(w, &t->machine, later(w, ns, most_later(t)), on_step, t);
}

/* ---- the node ---- */

static void
for_tasks(struct world *w, const struct world_node *n,
          void (*fn)(struct world *, struct world_task *))
{
	for (size_t k = 0; k < w->n_services; k++) {
		for (size_t i = 0; i < w->services[k]->n_tasks; i++) {
			if (w->services[k]->tasks[i]->node == n)
				fn(w, w->services[k]->tasks[i]);
		}
	}
}

/* A new leader knows of no node until it has heard of it: two writes of each. */
static void
on_elected(struct world *w, void *data)
{
	size_t alive = 0, all = 0;
	struct world_node *first = NULL;

	(void) data;
	for (size_t i = 0; i < w->n_nodes; i++) {
		struct world_node *n = w->nodes[i];

		all += n->manager;
		if (!n->manager || is_away(n))
			continue;
		alive++;
		if (first == NULL || streq(n->id, w->leader))
			first = n;
	}
	w->leader[0] = '\0';
	if (alive * 2 <= all || first == NULL)
		return;
	memcpy(w->leader, first->id, sizeof(w->leader));
	w->who = "swarm";
	world_record(w, "leader", json_pack("{s:s}", "name", first->hostname));
	for (size_t i = 0; i < w->n_nodes; i++) {
		if (!is_away(w->nodes[i]))
			world_node_touch(w, w->nodes[i], NULL);
	}
}

static void
on_missed(struct world *w, void *data)
{
	struct world_node *n = data;

	if (!world_has_leader(w)) {
		world_after(w, &n->heartbeat, NS_PER_S, on_missed, n);
		return;
	}
	w->who = "swarm";
	n->state = WORLD_DOWN;
	world_node_touch(w, n, json_pack("{s:s, s:s}", "state.old", "ready", "state.new", "down"));
}

static void
away(struct world *w, struct world_node *n)
{
	world_after(w, &n->heartbeat, DOWN_NS, on_missed, n);
	if (n->manager)
		world_after(w, NULL, streq(n->id, w->leader) ? ELECTION_NS : 0, on_elected, NULL);
	if (streq(n->id, w->leader))
		w->leader[0] = '\0';
}

static void
back(struct world *w, struct world_node *n)
{
	const char *old = world_node_state_names[n->state];
	bool was_ready = n->state == WORLD_READY;

	world_cancel(w, &n->heartbeat);
	if (n->manager && w->leader[0] == '\0')
		world_after(w, NULL, ELECTION_NS, on_elected, NULL);
	n->state = WORLD_READY;
	world_node_touch(
	    w, n,
	    was_ready ? NULL : json_pack("{s:s, s:s}", "state.old", old, "state.new", "ready"));
	for_tasks(w, n, machine_task_changed);
}

void
machine_hang(struct world *w, struct world_node *n)
{
	n->hung = true;
	away(w, n);
}

void
machine_resume(struct world *w, struct world_node *n)
{
	n->hung = false;
	back(w, n);
}

static void
lose_container(struct world *w, struct world_task *t)
{
	t->alive = false;
	t->stopping = false;
	world_cancel(w, &t->machine);
}

void
machine_kill(struct world *w, struct world_node *n)
{
	n->dead = true;
	for_tasks(w, n, lose_container);
	away(w, n);
}

static void
report_lost(struct world *w, struct world_task *t)
{
	if (t->state > TASK_RUNNING || t->container[0] == '\0')
		return;
	if (t->desired > TASK_RUNNING)
		world_task_report(w, t, TASK_SHUTDOWN, "shutdown", NULL);
	else
		world_task_report(w, t, TASK_FAILED, "started", "task: non-zero exit (137)");
}

void
machine_start(struct world *w, struct world_node *n)
{
	n->dead = false;
	for_tasks(w, n, report_lost);
	back(w, n);
}

static void
on_churn(struct world *w, void *data)
{
	struct world_node *n = data;

	w->who = "swarm";
	if (!is_away(n))
		world_node_touch(w, n, NULL);
	world_after(w, &n->churn, n->churn_ns, on_churn, n);
}

void
machine_churn(struct world *w, struct world_node *n, int64_t every_ns)
{
	n->churn_ns = every_ns;
	world_cancel(w, &n->churn);
	if (every_ns > 0)
		world_after(w, &n->churn, every_ns, on_churn, n);
}
