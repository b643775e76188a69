/* Reading the configuration, at start and on SIGHUP: defaults, parse, swap; errors keep the old
 * one. */
#include "agent/agent_priv.h"

#include <errno.h>

#include "agent/notify.h"
#include "base/log.h"

struct features_options
agent_features(const struct config *config)
{
	return features_options_for(config->decide_every_ms, config->sample_every_ms);
}

enum log_level
agent_log_level(const struct config *config)
{
	return (enum log_level)((int) LOG_LEVEL_ERROR + config->log_level);
}

int
agent_read_config(const struct agent_options *o, struct config **ret, struct error *err)
{
	_cleanup_(config_freep) struct config *c = NULL;
	int r = config_load(o->config_path, &c, err);

	if (r == 0 && o->docker_host != NULL)
		r = config_set(c, "docker", "host", o->docker_host, "--docker-host", err);
	if (r == 0 && o->state_dir != NULL)
		r = config_set(c, "agent", "state-dir", o->state_dir, "--state-dir", err);
	if (r == 0)
		r = config_check(c, err);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

/* What a running foragerd cannot change under an open move or an open database. */
static bool
same_ground(const struct config *a, const struct config *b)
{
	return streq(a->docker_host, b->docker_host) && streq(a->tls_ca, b->tls_ca) &&
	       streq(a->tls_cert, b->tls_cert) && streq(a->tls_key, b->tls_key) &&
	       a->timeout_ms == b->timeout_ms && streq(a->state_dir, b->state_dir);
}

/* Under the same step, horizon and objective what was learnt goes on; else the prior stands. */
static void
swap_policy(struct agent *a, struct policy *fresh)
{
	_cleanup_(freep) char *learnt = policy_save(a->policy);
	struct error why = {0};

	if (policy_load(fresh, "memory", learnt, &why) < 0)
		log_notice("What was learnt before is not used: %s", why.text);
	policy_free(a->policy);
	a->policy = fresh;
}

static void
swap_config(struct agent *a, struct config *fresh)
{
	struct config *old = a->config;
	struct features_options features;
	struct mover_options options;

	a->config = fresh;
	log_set_level(agent_log_level(fresh));
	cluster_reload(a->cluster, fresh);
	sampler_set_config(a->sampler, fresh);
	look_set_config(a->look, fresh);
	features = agent_features(fresh);
	roster_set_options(a->roster, &features);
	options = agent_mover_options(a);
	mover_set_options(a->mover, &options);
	config_free(old);
}

static int
reload(struct agent *a, struct error *err)
{
	struct config *fresh = NULL;
	struct policy *policy = NULL;
	int r = agent_read_config(a->options, &fresh, err);

	if (r == 0 && !same_ground(a->config, fresh))
		r = error_set(err, EINVAL,
		              "[docker] and [agent] state-dir only change with a restart");
	if (r == 0)
		r = agent_policy_new(fresh, &policy, err);
	if (r < 0) {
		config_free(fresh);
		return r;
	}
	swap_policy(a, policy);
	swap_config(a, fresh);
	return 0;
}

void
agent_on_hangup(uv_signal_t *signal, int signum)
{
	struct agent *a = signal->data;
	struct error err = {0};

	(void) signum;
	if (a->stopping || !a->started)
		return;
	notify_reloading();
	if (reload(a, &err) < 0) {
		log_error("The configuration was not reloaded, the old one stays: error='%s'",
		          err.text);
		batch_event(a, "reload", "refused: %s", err.text);
	} else {
		log_notice("The configuration was reloaded: mode=%s algorithm=%s",
		           act_mode_names[config_mode(a->config)],
		           config_algorithm_names[a->config->algorithm]);
		batch_event(a, "reload", "mode %s", act_mode_names[config_mode(a->config)]);
		if (!a->cycling)
			agent_arm_decide(a);
		agent_arm_poll(a, 0);
	}
	notify_ready("reloaded");
}
