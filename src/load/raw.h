/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * raw: one request over and over, for comparisons with other load generators.
 *
 * Closed loop: each connection sends its next request when the answer to the last has come. With a
 * rate: request k is planned at start + k / rate and goes out on the first connection that is free
 * from then on; its planned latency counts from the plan, its raw latency from the sending. A
 * request that no connection was free for until the end is counted as not sent, and nothing is
 * filled in for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/loop.h"
#include "load/failure.h"
#include "load/intervals.h"
#include "load/target.h"
#include "stats/hdr.h"

#define RAW_THREADS_MAX 256
#define RAW_CONNECTIONS_MAX 1000000

/* One second, or what has passed of it, for a live line. */
struct raw_progress {
    uint64_t elapsed_ns;
    uint64_t requests; /* so far */
    uint64_t failures;
    uint64_t bytes;
};

struct raw_options {
    const struct target *target;
    uint32_t connections;
    uint32_t threads; /* at most connections */
    uint64_t duration_ns;
    double rate_hz; /* all connections together; 0: closed loop */
    enum loop_kind loop;
    uint64_t timeout_ns;          /* of connecting and of a response; 0: 30 s */
    uint64_t body_limit;          /* bytes of a response's body; 0: none */
    uint64_t receive_bytes_per_s; /* of a connection; 0: as it comes */
    bool head;                    /* HEAD in place of GET */
    bool keep_seconds;            /* the latencies of each second */
    bool insecure;                /* do not verify the certificate */
    const char *ca_file;          /* NULL: the system's */
    const uint64_t *cpus;         /* threads are pinned to them in turn; NULL: not */
    size_t cpu_count;
    void (*show)(void *context, const struct raw_progress *progress); /* each second; NULL: none */
    void *show_context;
};

struct raw_result {
    uint64_t requests; /* whole responses, whatever their status */
    struct load_failures failures;
    uint64_t planned; /* requests that the rate asked for; 0 in a closed loop */
    uint64_t unsent;  /* of them, for want of a free connection */
    uint64_t bytes;   /* received: heads, bodies and framing, without TLS */
    uint64_t body_bytes;
    uint64_t sent_bytes;
    uint64_t connects;
    uint64_t duration_ns; /* from the first sending to the end or, where later, the last response */
    uint64_t cpu_ns;      /* user + system of the threads, in that time */
    const char *loop;     /* "io_uring" or "epoll" */
    bool interrupted;
    char tls_reason[TLS_REASON_BYTES];
    struct hdr latency_raw; /* of whole responses */
    struct hdr latency_planned;
    struct intervals *intervals; /* of whole responses; NULL: not kept */
    unsigned interval_count;     /* elements of intervals */
};

/* -EINVAL on contradictory options, else what the environment refuses. A result is the caller's to
 * give to raw_result_done(); failed requests are in it, not in err. */
int raw_run(const struct raw_options *options, struct raw_result *out_result, struct error *err)
    __attribute__((warn_unused_result));
double raw_requests_per_s(const struct raw_result *result);
void raw_result_done(struct raw_result *result);
