/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shopper: the shoppers of one load thread, each with two connections, one timer and the cookies,
 * going from page to page. Nothing is allocated per page.
 */
#pragma once

#include "http/client.h"
#include "http/cookie.h"
#include "http/timers.h"
#include "load/crowd.h"
#include "load/thread.h"
#include "load/visit.h"

enum { SHOPPER_LANES = 2 };

/* One connection of a shopper, and the file that is on its way over it. */
struct shopper_lane {
    bool busy;    /* a file is assigned */
    bool asked;   /* ... and its request was sent */
    bool kept;    /* the connection has served before */
    bool retried; /* this file was asked for once more */
    bool tls;     /* the connection is, or is to be */
    uint8_t file;
    struct visit_check check;
    char request[VISIT_REQUEST_BYTES];
};

enum shopper_state {
    SHOPPER_ABSENT,   /* not yet or no longer there */
    SHOPPER_THINKING, /* until planned_ns */
    SHOPPER_LOADING,  /* a page is under way */
};

struct shopper {
    uint8_t state;
    bool failed;       /* something of the present page was */
    uint8_t next_file; /* the first that has not been assigned */
    uint8_t pending;   /* files assigned and not yet there */
    bool connected;    /* a connection may be open that idleness has to close */
    uint8_t iteration; /* that the page counts for */
    uint64_t planned_ns;
    uint64_t start_ns;
    uint64_t page_end_ns;
    struct score *score; /* of that iteration and this shopper's shop */
    struct tls_ticket *ticket;
    struct rng rng;
    struct cookie_jar jar;
    struct visit visit;
    struct shopper_lane lanes[SHOPPER_LANES];
};

enum shoppers_phase { SHOPPERS_COMING, SHOPPERS_LEAVING };

/* How far a steered run is: written by the thread that steers, read by all. */
struct shoppers_control {
    uint64_t sessions;
    uint64_t iteration;
};

struct shoppers {
    /* Read by the thread that shows progress; alone in their cache lines. */
    struct crowd_progress live __attribute__((aligned(LOAD_THREAD_ALIGNMENT)));

    const struct crowd_options *options __attribute__((aligned(LOAD_THREAD_ALIGNMENT)));
    struct load_gate *gate;
    const struct shoppers_control *control; /* NULL: not steered */
    unsigned index;                         /* of the thread */
    uint64_t first_shopper;                 /* of all threads' shoppers */
    uint32_t count;
    uint32_t admitted;                           /* steered: of them */
    char (*authorities)[2][URL_AUTHORITY_BYTES]; /* of each shop, plain and secure */

    struct tls_context *tls;
    struct client *client;
    struct shopper *shoppers;
    struct timers timers;
    uint32_t *absent; /* open mode: numbers of shoppers that are not there */
    uint32_t absent_count;
    struct rng arrivals;
    uint64_t next_arrival_ns;
    enum shoppers_phase phase;
    uint32_t loading; /* shoppers in SHOPPER_LOADING */
    uint64_t start_ns;
    uint64_t end_ns; /* no page is planned to begin from here on */
    uint64_t last_end_ns;
    struct score *scores;     /* as in crowd_result */
    struct crowd_step *steps; /* of each iteration; read by others while it runs */
    struct crowd_second *seconds;
    uint32_t second_count;
    struct intervals *intervals; /* NULL: not kept */
    uint64_t sessions_begun;
    uint64_t turned_away;
    uint64_t cpu_ns;      /* in all */
    uint64_t cpu_from_ns; /* of the thread, when it began */
    uint64_t next_cpu_ns; /* when live.cpu_ns is due */
    struct error error;
    int rc;
};

/* Makes everything that a thread needs; shoppers_done() also after a failure. */
int shoppers_init(struct shoppers *shoppers);
/* Runs from start_ns, which the caller has set, to the end of the last page. */
int shoppers_run(struct shoppers *shoppers);
void shoppers_done(struct shoppers *shoppers);
