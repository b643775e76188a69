/*
 * What a failed request means, in a sentence that says what to do. Pure: status and body (or the
 * transport's error) in, error out.
 */
#pragma once

#include "docker/http.h"

/*
 * For an answer of 400 and above: -ENOENT, -EEXIST, -EAGAIN (update out of sequence), -EPERM,
 * -ENOTSUP (not a manager, API version), -EBUSY, -EINVAL, -EBADMSG (not Docker) or -EIO.
 */
int fault_of_answer(const char *url, const struct http_response *response, struct error *err);

/* For a request that got no answer: the same code, a sentence with the remedy. */
int fault_of_transport(const char *url, const struct error *cause, struct error *err);
