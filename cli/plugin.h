/*
 * forager as a plugin of the docker CLI: the program is called docker-forager, answers what docker
 * asks of plugins, and is given docker's own global options and the plugin's name first.
 */
#pragma once

#include <stdbool.h>

/* True when argv[0] says so. */
bool plugin_called(const char *argv0);

/* True when this call was docker's question for metadata, which is answered on stdout. */
bool plugin_answered(int argc, char **argv);

/*
 * Takes docker's global options and the plugin's name out of argv; `docker --host URL forager …`
 * becomes --docker-host. Returns the new argc; argv has room: it never grows.
 */
int plugin_strip(int argc, char **argv);
