/* The docker CLI plugin; see plugin.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cli/plugin.h"

#include <stdio.h>

#include "base/util.h"

#define NAME "docker-forager"

bool
plugin_called(const char *argv0)
{
	const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;

	return streq(slash != NULL ? slash + 1 : argv0, NAME);
}

bool
plugin_answered(int argc, char **argv)
{
	if (argc < 2 || !streq(argv[1], "docker-cli-plugin-metadata"))
		return false;
	(void) puts("{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"The forager authors\","
	            "\"Version\":\"" PACKAGE_VERSION "\","
	            "\"ShortDescription\":\"Placement agent for Docker Swarm\"}");
	return true;
}

/* docker's global options that take a value of their own (docker 20.10 to 29). */
static bool
takes_value(const char *option)
{
	static const char *const with_value[] = {
	    "-H",          "--host",   "-c",          "--context", "-l",
	    "--log-level", "--config", "--tlscacert", "--tlscert", "--tlskey"};

	for (size_t i = 0; i < ARRAY_SIZE(with_value); i++) {
		if (streq(option, with_value[i]))
			return true;
	}
	return false;
}

int
plugin_strip(int argc, char **argv)
{
	char *host = NULL;
	int i = 1, n = 1;
	bool help;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if ((streq(argv[i], "-H") || streq(argv[i], "--host")) && i + 1 < argc)
			host = argv[i + 1];
		else if (str_has_prefix(argv[i], "--host="))
			host = strchr(argv[i], '=') + 1;
		if (takes_value(argv[i]) && i + 1 < argc)
			i++;
	}
	/* `docker help forager VERB` comes as `help forager VERB`. */
	help = i + 1 < argc && streq(argv[i], "help");
	/* Without the name in front this was no call by docker: leave everything as it is. */
	if (i + help >= argc || !streq(argv[i + help], "forager"))
		return argc;
	/* Fits even for "--host=URL", one word: the plugin's name leaves its place. */
	if (host != NULL) {
		argv[n++] = (char *) "--docker-host";
		argv[n++] = host;
	}
	if (help)
		argv[n++] = (char *) "help";
	for (i += 1 + help; i < argc; i++)
		argv[n++] = argv[i];
	argv[n] = NULL;
	return n;
}
