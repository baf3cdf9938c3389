/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend: the shop's connections to the back-end simulator. Blocking, kept alive, shared by all
 * threads of a process; each question has a time-out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shop/answer.h"

struct backend;

/* address: numeric "10.0.0.1:8080" or "[::1]:8080". -EINVAL for anything else. */
int backend_open(const char *address, uint64_t timeout_ns, struct backend **out_backend)
    __attribute__((warn_unused_result));

/* Asks; *out_answer points into bytes (ANSWER_HTTP_MAX). Negative errno: no connection,
 * -ETIMEDOUT, -EPROTO for an answer that is not of the protocol. */
int backend_ask(struct backend *backend, const struct shop_query *query,
                char bytes[ANSWER_HTTP_MAX], struct answer *out_answer)
    __attribute__((warn_unused_result));

/* Sends one request text and reads the body of its answer, as backend_ask() does. */
int backend_exchange(struct backend *backend, const char *request, size_t length,
                     char bytes[ANSWER_HTTP_MAX], struct answer *out_answer)
    __attribute__((warn_unused_result));

struct backend *backend_close(struct backend *backend);
