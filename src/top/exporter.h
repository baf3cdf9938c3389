/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exporter: what the sampler finds, over HTTP at /metrics, for Prometheus. One thread answers, so
 * that readings follow one another; clients, their time and what they send are bounded.
 */
#pragma once

#include <netinet/in.h>

#include "base/error.h"
#include "top/sampler.h"

struct exporter_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size;
};

#define EXPORTER_PORT 9177 /* where no other is named */

/* "", "PORT", "ADDRESS", "ADDRESS:PORT" or "[ADDRESS6]:PORT"; without an address 127.0.0.1. Names
 * are not looked up. ERROR_USAGE. */
int exporter_parse(const char *text, struct exporter_address *out_address, struct error *err)
    __attribute__((warn_unused_result));

/* Prints "listening on http://ADDRESS:PORT/metrics" and answers until a signal comes: -EINTR. The
 * sampler is the exporter's while it runs. */
int exporter_run(struct sampler *sampler, const struct exporter_address *address, struct error *err)
    __attribute__((warn_unused_result));
