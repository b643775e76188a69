/*
 * Where a Docker Engine listens: unix:///path, tcp://host[:port], http://…, https://…. Parses and
 * checks; connects to nothing.
 */
#pragma once

#include "base/error.h"

struct endpoint {
	char *url;  /* as given */
	char *base; /* "http://host:port", "https://host:port"; "http://localhost" for a socket */
	char *unix_path;                   /* NULL = TCP */
	char *tls_ca, *tls_cert, *tls_key; /* NULL = none; set for https only */
};

/*
 * tcp:// means https when any of the three files is given (as Docker's own client does), http://
 * never does. NULL or "" = no file. -EINVAL with a sentence that names the URL or the file; ret is
 * untouched then.
 */
int endpoint_init(struct endpoint *ret, const char *url, const char *tls_ca, const char *tls_cert,
                  const char *tls_key, struct error *err);
void endpoint_done(struct endpoint *e);
