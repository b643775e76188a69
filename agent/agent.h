/*
 * foragerd: observes, decides, acts through the mover, learns. One struct agent holds everything;
 * it logs, all others return errors. Two clocks: the sampler's and the deciding one; one cycle at a
 * time.
 */
#pragma once

#include "agent/config.h"

struct agent_options {
	const char *config_path;             /* NULL: CONFIG_FILE; read again on SIGHUP */
	const char *docker_host, *state_dir; /* over the configuration's; NULL: not given */
	bool once; /* one sampling, one decision, printed; nothing is moved */
};

/* Exit codes, the same as the CLI's. */
enum { AGENT_DONE = 0, AGENT_FAILED = 1, AGENT_USAGE = 2 };

/*
 * Runs until SIGTERM or SIGINT (or, once, until the decision). Everything that went wrong has been
 * logged. Returns one of the exit codes.
 */
int agent_run(const struct agent_options *options);
