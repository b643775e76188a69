/* foragerd's command line; everything else is agent.c. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <getopt.h>
#include <stdio.h>

#include "agent/agent.h"
#include "base/lastword.h"
#include "docker/document.h"
#include "storage/store.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const char help[] =
    "usage: foragerd [-c FILE] [--docker-host URL] [--state-dir DIR] [--once]\n"
    "\n"
    "Watches a Docker Swarm, profiles its containers, and, where its owners asked for it, moves\n"
    "services. Runs in the foreground on a manager; systemd starts it as forager.service.\n"
    "\n"
    "  -c, --config FILE    configuration [" CONFIG_FILE "], and FILE's sibling conf.d\n"
    "      --docker-host URL  over [docker] host\n"
    "      --state-dir DIR    over [agent] state-dir\n"
    "      --once             one sampling and one decision, printed and stored; nothing is moved\n"
    "  -h, --help\n"
    "      --version\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM finishes or takes back an open move and ends.\n"
    "Exit status: 0 ended as asked, 1 it failed, 2 wrong usage or configuration.\n";

int
main(int argc, char **argv)
{
	enum { DOCKER_HOST = 256, STATE_DIR, ONCE, VERSION };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"docker-host", required_argument, NULL, DOCKER_HOST},
	    {"state-dir", required_argument, NULL, STATE_DIR},
	    {"once", no_argument, NULL, ONCE},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, VERSION},
	    {0},
	};
	struct agent_options o = {0};
	int c;

	lastword_install();
	document_global_init();
	store_global_init();
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.config_path = optarg;
			break;
		case DOCKER_HOST:
			o.docker_host = optarg;
			break;
		case STATE_DIR:
			o.state_dir = optarg;
			break;
		case ONCE:
			o.once = true;
			break;
		case 'h':
			return fputs(help, stdout) < 0;
		case VERSION:
			return puts("foragerd " PACKAGE_VERSION) < 0;
		default:
			fputs("Try foragerd --help.\n", stderr);
			return AGENT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "foragerd: unexpected argument '%s'; try foragerd --help.\n",
		        argv[optind]);
		return AGENT_USAGE;
	}
	return agent_run(&o);
}
