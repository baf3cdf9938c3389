/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * capacity: the largest crowd that passes, found in one of two ways. Bisecting runs one bout after
 * the other and confirms what it finds (search.h): for a figure to be quoted. Climbing lets the
 * crowd of a single run grow until it is refused (climb.h): seconds, for a first look.
 */
#pragma once

#include "load/bout.h"
#include "load/search.h"

enum capacity_method { CAPACITY_BISECT, CAPACITY_CLIMB };

/* Of a climb: sessions come in, and the machine gets warm. */
#define CAPACITY_CLIMB_RAMP_NS (UINT64_C(1000000000))
#define CAPACITY_CLIMB_WARM_UP_NS (2 * UINT64_C(1000000000))
/* It ends then, whatever it has seen. */
#define CAPACITY_CLIMB_MAX_NS (300 * UINT64_C(1000000000))

struct capacity_options {
    struct bout_options bout; /* sessions are set by the search */
    enum capacity_method method;
    struct search_options search;                         /* of a climb: start and most alone */
    void (*tell)(void *context, const struct bout *bout); /* after each run, of which a climb is
                                                           * one; NULL: none */
    void *tell_context;
    /* Bisecting, before each run: makes what is under test ready for so many sessions. NULL: it is.
     */
    int (*prepare)(void *context, uint32_t sessions, struct error *err);
    void *prepare_context;
};

/* One number of sessions that was tried, or one window of a climb. */
struct capacity_step {
    uint32_t sessions;
    enum search_outcome outcome;
    double good; /* shares of pages */
    double tolerable;
    double failed; /* share of requests */
    double pages_per_s;
    uint64_t p50_ns; /* page times from the planned start */
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t start_ns; /* of a climb: where in the run the window is */
    uint64_t length_ns;
};

struct capacity {
    enum capacity_method method;
    struct search search;
    struct bout at;     /* the last bout of the capacity itself; sessions 0: none passed */
    struct bout beyond; /* the last refused one of capacity + step or so; sessions 0: none. Of a
                         * climb: without its crowd, which is that of `at` */
    struct capacity_step *steps; /* in the order in which they were */
    size_t step_count;
};

/* For a climb the crowd's lengths (ramp, warm-up, iterations) are ignored. */
int capacity_find(const struct capacity_options *options, struct capacity *out_capacity,
                  struct error *err) __attribute__((warn_unused_result));
void capacity_done(struct capacity *capacity);
