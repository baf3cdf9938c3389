/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * crowd: shoppers in one or several shops at once, and what they got to see.
 *
 * Closed (the default): `sessions` shoppers are always there; one whose session comes to its exit
 * begins a new one at once. Open: sessions arrive as a Poisson process at a given rate, each makes
 * its way through the shop and leaves; `sessions` bounds how many can be there at once, and who
 * finds no room is counted.
 *
 * Steered (closed): the caller lets the crowd grow step by step while it watches how it is served;
 * each step is an iteration of its own, as long as the caller likes.
 *
 * A page's planned start is the end of the page before plus the think time that was drawn; its time
 * is its end less the planned start. A page counts for the window of time in which it was planned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/loop.h"
#include "http/tls.h"
#include "load/intervals.h"
#include "load/score.h"
#include "load/target.h"

#define CROWD_SHOPS_MAX 128
#define CROWD_SESSIONS_MAX 1000000
#define CROWD_THREADS_MAX 256
#define CROWD_ITERATIONS_MAX 64
#define CROWD_SECONDS_MAX (7 * 24 * 3600)

struct crowd_shop {
    const struct target *plain;
    const struct target *secure; /* for the pages that are served over TLS; NULL: plain as well */
};

struct crowd_second {
    uint64_t sessions; /* there at its end */
    uint64_t pages;
    uint64_t failed_pages;
    uint64_t requests;
    uint64_t bytes;
};

struct crowd_progress {
    uint64_t elapsed_ns;
    uint64_t sessions; /* there now */
    uint64_t pages;    /* so far */
    uint64_t failed_pages;
    uint64_t requests;
    uint64_t bytes;
    uint64_t cpu_ns; /* of the load threads */
};

/* How an iteration goes, while it goes on. */
struct crowd_step {
    uint32_t sessions;  /* steered: that are there */
    uint64_t start_ns;  /* since the start of the run */
    uint64_t length_ns; /* so far */
    uint64_t begun;     /* pages that began in it */
    uint64_t ended;
    uint64_t late; /* of them, that failed or took longer than the good time */
};

/* Some times a second: how many sessions from now on? More than there are begins the next step; as
 * many: the present one, steps[at], goes on; 0: the run ends. loading: pages under way. */
struct crowd_steering {
    uint32_t (*steer)(void *context, const struct crowd_step *steps, unsigned at, uint64_t loading);
    void *context;
    uint32_t start; /* sessions that come in in the ramp */
};

struct crowd_options {
    const struct crowd_shop *shops; /* all serve the same world; shoppers are dealt out evenly */
    unsigned shop_count;
    const struct shop_world *world; /* of one shop */
    uint32_t sessions;              /* of all shops together */
    uint32_t threads;
    uint64_t seed;
    double arrivals_hz; /* 0: closed; of all shops together */

    struct crowd_steering steering; /* steer NULL: not steered; else up to `sessions` */
    bool midway; /* closed: a shopper comes in anywhere on its way and thinking, not at index */

    uint64_t ramp_ns; /* shoppers come in evenly */
    uint64_t warm_up_ns;
    uint64_t iteration_ns;
    unsigned iterations;

    uint64_t think_mean_ns;       /* 0: 10 s */
    uint64_t think_max_ns;        /* 0: 15 means */
    uint64_t idle_close_ns;       /* 0: 15 s */
    uint64_t timeout_ns;          /* of a connection and of a response; 0: 30 s */
    uint64_t receive_bytes_per_s; /* of a connection; 0: as it comes */
    struct score_limits limits;   /* 0: 3 s and 5 s */

    const char *host; /* Host field and name in the certificate; NULL: as the URLs say */
    bool insecure;
    const char *ca_file;
    bool resume;        /* later TLS connections of a session resume its first */
    bool no_validation; /* only to measure what it costs */
    bool keep_seconds;  /* the page times of each second */
    enum loop_kind loop;
    const uint64_t *cpus;
    size_t cpu_count;
    bool urgent; /* its threads go before those of others, where that is allowed */
    void (*show)(void *context, const struct crowd_progress *progress); /* each second */
    void *show_context;
};

struct crowd_result {
    unsigned shops;
    unsigned iterations;  /* steered: that there could have been */
    struct score *scores; /* [shop * (iterations + 1) + iteration]; the last: ramp and warm-up */
    struct crowd_step *steps;     /* of each iteration */
    struct crowd_second *seconds; /* from the start of the ramp */
    uint32_t second_count;
    struct intervals *intervals; /* pages of iterations, which are the parts; NULL: not kept */
    unsigned interval_count;     /* elements of intervals */
    uint64_t sessions_begun;
    uint64_t turned_away; /* open: arrivals that found no room */
    uint64_t unfinished;  /* pages under way when the run was given up (a Ctrl-C, enough) */
    uint64_t duration_ns; /* from the start of the ramp to the last end of a page */
    uint64_t cpu_ns;      /* of the load threads */
    uint64_t connects;
    uint64_t resumed;
    const char *loop;
    bool interrupted;
    char tls_reason[TLS_REASON_BYTES];
};

int crowd_run(const struct crowd_options *options, struct crowd_result *out_result,
              struct error *err) __attribute__((warn_unused_result));
/* iteration == iterations: ramp and warm-up. */
const struct score *crowd_score(const struct crowd_result *result, unsigned shop,
                                unsigned iteration);
void crowd_result_done(struct crowd_result *result);

/* The options with every 0 that stands for a default replaced by it; -EINVAL (ERROR_USAGE) for what
 * contradicts itself. */
int crowd_options_complete(struct crowd_options *options, struct error *err)
    __attribute__((warn_unused_result));
